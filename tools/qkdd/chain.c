// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The chain as the session sees it: settings, beginning and end, dispatch.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chain_priv.h"
#include "messages.h"
#include "tools/post/bits.h"
#include "tools/post/wipe.h"
#include "words.h"

/* Sifted bits that a DETECT may bring beyond a block */
#define SIFT_SLACK	(1u << 18)

/*
 * What a block under way takes, for each of its bits and in tenths of a byte:
 * Cascade's maps (3.6), the strings, the seed
 */
#define BLOCK_TENTHS	45
#define FLIGHT_MIN	2
/*
 * Authentication key that a block may cost before it gives any, in bytes of
 * one direction: a mask for each of Cascade's rounds, 200 or so at the worst
 */
#define BLOCK_KEY	4096

double chain_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* ---- settings ---- */

void chain_conf_init(struct chain_conf *conf)
{
	memset(conf, 0, sizeof(*conf));
	conf->block = 1 << 20;
	conf->eps_sec = 1e-9;
	conf->eps_cor = 1e-15;
	conf->qber_max = 80000;
	conf->memory = 512;
	conf->offset_max = 1e6;
	conf->drift_max = 2000;
	conf->states = 4;
}

static int yes_or_no(struct words *w, const char *key, bool *v, char *err,
		     size_t room)
{
	const char *s = words_get(w, key);

	if (s && strcmp(s, "yes") && strcmp(s, "no")) {
		snprintf(err, room, "%s=%s: not yes or no", key, s);
		return -EINVAL;
	}
	if (s)
		*v = !strcmp(s, "yes");
	return 0;
}

int chain_conf_words(struct chain_conf *conf, struct words *w, char *err,
		     size_t room)
{
	double qber = conf->qber_max / 1e6;
	const char *method;

	if (words_u64(w, "block", 1 << 13, POST_CASCADE_MAX_BITS / 4,
		      &conf->block, err, room) ||
	    words_double(w, "eps_sec", 1e-30, 1e-3, &conf->eps_sec, err,
			 room) ||
	    words_double(w, "eps_cor", 1e-30, 1e-3, &conf->eps_cor, err,
			 room) ||
	    words_double(w, "qber_max", 0.001, 0.11, &qber, err, room) ||
	    words_u64(w, "memory", 1, 1 << 20, &conf->memory, err, room) ||
	    words_double(w, "offset_max", 1, 1e9, &conf->offset_max, err,
			 room) ||
	    words_double(w, "drift_max", 0, 1e5, &conf->drift_max, err,
			 room) ||
	    words_u64(w, "states", 3, 4, &conf->states, err, room) ||
	    yes_or_no(w, "few_trips", &conf->few_trips, err, room) ||
	    yes_or_no(w, "resampled", &conf->resampled, err, room))
		return -EINVAL;
	conf->qber_max = qber * 1e6 + 0.5;
	method = words_get(w, "method");
	if (!method)
		return 0;
	if (strcmp(method, "lim2014") && strcmp(method, "rusca2018") &&
	    strcmp(method, "bbm92")) {
		snprintf(err, room,
			 "method=%s: not lim2014, rusca2018 or bbm92",
			 method);
		return -EINVAL;
	}
	snprintf(conf->method, sizeof(conf->method), "%s", method);
	return 0;
}

void chain_conf_text(const struct chain_conf *conf, char *buf, size_t room)
{
	snprintf(buf, room, "block=%llu method=%s eps_sec=%.17g eps_cor=%.17g qber_max=%u%s",
		 (unsigned long long)conf->block,
		 conf->method[0] ? conf->method : "auto", conf->eps_sec,
		 conf->eps_cor, conf->qber_max,
		 conf->few_trips ? " few_trips" : "");
}

/* ---- buffers ---- */

int sifted_alloc(struct post_sifted *s, size_t room)
{
	size_t bytes = post_words(room) * 8;

	memset(s, 0, sizeof(*s));
	s->cap = room;
	s->bit = post_alloc(bytes);
	s->lo = post_alloc(bytes);
	s->hi = post_alloc(bytes);
	if (s->bit && s->lo && s->hi)
		return 0;
	sifted_free(s);
	return -ENOMEM;
}

void sifted_free(struct post_sifted *s)
{
	size_t bytes = post_words(s->cap) * 8;

	post_free(s->bit, bytes);
	post_free(s->lo, bytes);
	post_free(s->hi, bytes);
	memset(s, 0, sizeof(*s));
}

/* ---- beginning and end ---- */

struct chain *chain_new(const struct chain_conf *conf, enum qkd_role role,
			const char *link, struct workers *workers,
			struct deliver *deliver, const struct chain_ops *ops,
			void *ctx)
{
	/* names the shuffles; nothing depends on its being unknown */
	static const uint8_t seed[32] = "qkdd cascade shuffles";
	struct chain *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->conf = *conf;
	c->role = role;
	snprintf(c->link, sizeof(c->link), "%s", link);
	c->workers = workers;
	c->deliver = deliver;
	c->ops = ops;
	c->ctx = ctx;
	c->paused = true;
	TAILQ_INIT(&c->heard);
	TAILQ_INIT(&c->told);
	TAILQ_INIT(&c->asked);
	TAILQ_INIT(&c->blocks);
	c->flight_max = (conf->memory << 20) * 10 /
			(BLOCK_TENTHS * conf->block);
	if (c->flight_max < FLIGHT_MIN)
		c->flight_max = FLIGHT_MIN;
	c->key_room = conf->block + SIFT_SLACK;
	c->chk_room = 4 * conf->block + SIFT_SLACK;
	/* any of a block's tags may be the one that lets it pass */
	c->tag_bytes = post_verify_tag_bytes(conf->block,
					     conf->eps_cor / CHAIN_TAGS);
	c->plan = post_cascade_plan_new(conf->block, seed);
	c->chk_alice = post_alloc(post_words(c->chk_room) * 8);
	if (!c->plan || !c->chk_alice || sifted_alloc(&c->key, c->key_room) ||
	    sifted_alloc(&c->chk, c->chk_room)) {
		chain_free(c);
		return NULL;
	}
	if (conf->few_trips)
		post_cascade_plan_hasten(c->plan);
	return c;
}

void chain_release(struct chain *c)
{
	if (!c->gone || c->busy)
		return;
	post_cascade_plan_free(c->plan);
	free(c);
}

void chain_free(struct chain *c)
{
	if (!c)
		return;
	chain_stop(c);
	sifted_free(&c->key);
	sifted_free(&c->chk);
	post_free(c->chk_alice, post_words(c->chk_room) * 8);
	post_free(c->ev_slot, c->ev_room * sizeof(*c->ev_slot));
	post_free(c->ev_code, c->ev_room);
	c->gone = true;
	chain_release(c);
}

void chain_start(struct chain *c)
{
	c->started = true;
	c->block_next = 0;
	c->key_used = c->ops->key_used(c->ctx);
	sift_start(c);
	chain_throttle(c);
}

void chain_stop(struct chain *c)
{
	c->started = false;
	block_kill_all(c);
	sift_reset(c);
	c->peer_run_known = false;
	c->run_agreed = false;
	chain_throttle(c);
}

/* ---- traffic ---- */

/*
 * Blocks that may be under way: memory bounds them, and so does the key that
 * authenticates what is said of them. All of it spent on blocks none of which
 * is done yet would be the end of the link.
 */
static unsigned int flight_max(const struct chain *c)
{
	uint64_t by_key = 1 + c->ops->key_left(c->ctx) / BLOCK_KEY;

	return by_key < c->flight_max ? by_key : c->flight_max;
}

void chain_throttle(struct chain *c)
{
	bool pause = !c->started || !c->run_known ||
		     c->flight >= flight_max(c) || deliver_full(c->deliver);

	/*
	 * Not while the ends' runs differ: the device may have to be read on
	 * for it to find out that its other end is gone.
	 */
	if (c->role == QKD_ROLE_BOB)
		pause |= c->asked_count >= CHAIN_ASKED ||
			 (c->conf.recorded && !c->run_agreed);
	else
		pause |= alice_keeps(c) && alice_full(c);
	/* a run's header comes in spite of a pause */
	if (pause == c->paused)
		return;
	c->paused = pause;
	c->ops->pause(c->ctx, pause);
}

void chain_run(struct chain *c, const struct raw_header *header)
{
	run_told(c, header);
	chain_throttle(c);
}

void chain_events(struct chain *c, uint64_t start, uint64_t end,
		  const uint64_t *slot, const uint8_t *code, size_t count)
{
	if (c->role == QKD_ROLE_BOB)
		c->stats.detections += count;
	if (!c->run_known)
		return;
	if (!c->started) {
		c->ev_end = end;
		return;
	}
	sift_events(c, start, end, slot, code, count);
	chain_throttle(c);
}

void chain_totals(struct chain *c, uint64_t start, uint64_t end,
		  const struct raw_totals *totals)
{
	if (c->run_known && c->started)
		alice_totals(c, start, end, totals);
}

int chain_message(struct chain *c, unsigned int type, uint64_t block,
		  const uint8_t *data, size_t len)
{
	int ret;

	if (!c->started)
		return 0;
	switch (type) {
	case MSG_RUN:
	case MSG_DETECT:
	case MSG_SIFT:
		ret = sift_message(c, type, block, data, len);
		break;
	case MSG_CHECK:
	case MSG_PARITY:
	case MSG_VERIFY:
	case MSG_VERIFIED:
	case MSG_RESULT:
	case MSG_DEAD:
		ret = block_message(c, type, block, data, len);
		break;
	default:
		return -EBADMSG;
	}
	if (c->started)
		chain_throttle(c);
	return ret;
}

void chain_moved(struct chain *c)
{
	chain_throttle(c);
}

void chain_tick(struct chain *c)
{
	alice_tick(c);
	chain_throttle(c);
}

const struct chain_stats *chain_stats(const struct chain *c)
{
	return &c->stats;
}
