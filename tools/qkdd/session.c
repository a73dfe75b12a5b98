// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Puts a link's parts together: secret, channel, driver, key-making, delivery.
 *
 *   NO SECRET --(store opened)--> APART --(HELLOs, generation agreed)--> MET
 *                  ^                ^-------- channel closed --------------'
 *                  '-- a new secret was left
 *
 * When two daemons meet they tell where their pools stand. Under one
 * generation they go on at the higher of all heads and numbers; without one
 * in common both start a new one, to which both contributed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth.h"
#include "chain.h"
#include "channel.h"
#include "deliver.h"
#include "driver.h"
#include "keyflow.h"
#include "log.h"
#include "messages.h"
#include "psk.h"
#include "secret.h"
#include "session.h"
#include "wire.h"
#include "words.h"

#define MEET_VERSION	2
#define MEET_HEAD	(4 + QKD_GENERATION_SIZE + 4 * 8 + 4 + 4 + 16)
#define TEXT_MAX	256
/* A generation is renewed at a meeting when it is this near to its end. */
#define HEAD_MAX	(QKD_OFFSET_MAX - (UINT64_C(1) << 40))
#define WINDOW		10	/* s over which rates are measured */
#define PSK_EVERY	2	/* s between looks for a secret */
#define SAME_ALARM	10.0	/* s in which it is not repeated */
#define ALARMS		(QKD_ALARM_TUNNEL + 1)	/* that are known here */

struct sample {
	double at;
	uint64_t raw;
	uint64_t sifted;
	uint64_t delivered;
};

struct session {
	struct event_base *base;
	struct workers *workers;
	const struct session_ops *ops;
	void *ctx;
	char link[32];
	char local_node[64];
	char peer_node[64];
	bool lower;
	enum qkd_role role;
	const struct qkd_driver *driver;
	struct sockaddr_storage local;
	struct sockaddr_storage peer;
	uint32_t piece;		/* greatest record that our pool takes well */
	char *psk_dir;
	char *state_dir;
	struct sink sink;
	struct words words;
	struct chain_conf chain_conf;
	char text[TEXT_MAX];	/* settings that must be the peer's, too */
	bool broken;		/* the configuration is wrong: nothing works */

	struct event *tick;
	unsigned int ticks;
	struct psk *psk;
	struct auth_store *store;
	struct channel *channel;
	struct deliver *deliver;
	struct chain *chain;
	struct keyflow *keyflow;
	void *inst;		/* of the driver */

	struct qkd_state ours;	/* as told in our HELLO */
	bool ours_known;
	uint8_t random[16];
	uint64_t key_used;	/* by channels that are gone */

	char apart[192];	/* why we have not met; "" when we have */
	char flow[192];		/* why no key is made; "" when it is */
	char said[192];		/* what the owner was told last */
	bool said_any;
	char alarm_text[ALARMS][128];
	double alarm_at[ALARMS];
	uint64_t auth_errors;
	struct sample sample[WINDOW + 1];
	unsigned int samples;
	struct session_rates rates;
};

/* ---- what people hear ---- */

static void say_reason(struct session *s)
{
	const char *text = s->apart[0] ? s->apart : s->flow;

	if (s->said_any && !strcmp(text, s->said))
		return;
	snprintf(s->said, sizeof(s->said), "%s", text);
	s->said_any = true;
	s->ops->reason(s->ctx, text);
}

static void set_apart(struct session *s, const char *text)
{
	snprintf(s->apart, sizeof(s->apart), "%s", text);
	say_reason(s);
}

static void set_flow(void *ctx, const char *text)
{
	struct session *s = ctx;

	snprintf(s->flow, sizeof(s->flow), "%s", text ? text : "");
	say_reason(s);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void raise_alarm(void *ctx, enum qkd_alarm alarm, const char *text)
{
	struct session *s = ctx;
	double t = now();

	if (alarm >= ALARMS)
		return;
	if (s->alarm_at[alarm] && t - s->alarm_at[alarm] < SAME_ALARM &&
	    !strncmp(text, s->alarm_text[alarm],
		     sizeof(s->alarm_text[alarm]) - 1))
		return;
	s->alarm_at[alarm] = t;
	snprintf(s->alarm_text[alarm], sizeof(s->alarm_text[alarm]), "%s",
		 text);
	log_line(LOG_LEVEL_WARN, s->link, "%s", text);
	s->ops->alarm(s->ctx, alarm, text);
}

/* ---- what the parts call ---- */

static void send_message(void *ctx, unsigned int type, uint64_t block,
			 const void *data, size_t len, const void *more,
			 size_t more_len)
{
	struct session *s = ctx;

	channel_send2(s->channel, type, block, data, len, more, more_len);
}

static void end_session(void *ctx, const char *why)
{
	struct session *s = ctx;

	channel_close(s->channel, CHANNEL_REFUSED, why);
}

static void pause_driver(void *ctx, bool paused)
{
	struct session *s = ctx;

	if (s->inst && s->driver->pause)
		s->driver->pause(s->inst, paused);
}

static void block_report(void *ctx, const char *json)
{
	struct session *s = ctx;

	log_line(LOG_LEVEL_DEBUG, s->link, "%s", json);
	s->ops->report(s->ctx, json);
}

static uint64_t key_used(void *ctx)
{
	struct session *s = ctx;

	return s->key_used + (s->channel ? channel_key_used(s->channel) : 0);
}

static uint64_t key_left(void *ctx)
{
	struct session *s = ctx;

	return s->store ? auth_left(s->store) : 0;
}

static const struct chain_ops chain_calls = {
	.send = send_message,
	.pause = pause_driver,
	.report = block_report,
	.alarm = raise_alarm,
	.reason = set_flow,
	.fail = end_session,
	.key_used = key_used,
	.key_left = key_left,
};

static void driver_get(void *ctx, size_t max)
{
	struct session *s = ctx;

	s->driver->get(s->inst, max);
}

static void driver_take(void *ctx, const uint8_t *id, size_t len)
{
	struct session *s = ctx;

	s->driver->take(s->inst, id, len);
}

static void driver_skip(void *ctx, const uint8_t *hint, size_t len)
{
	struct session *s = ctx;

	if (s->driver->skip)
		s->driver->skip(s->inst, hint, len);
}

static const struct keyflow_ops keyflow_calls = {
	.get = driver_get,
	.take = driver_take,
	.skip = driver_skip,
	.send = send_message,
	.alarm = raise_alarm,
	.reason = set_flow,
	.fail = end_session,
};

static void say_stored(void *ctx, const uint8_t *body, size_t len)
{
	send_message(ctx, MSG_STORED, 0, body, len, NULL, 0);
}

static void say_level(void *ctx, const uint8_t *body, size_t len)
{
	send_message(ctx, MSG_LEVEL, 0, body, len, NULL, 0);
}

static void deliveries_moved(void *ctx)
{
	struct session *s = ctx;

	if (s->chain)
		chain_moved(s->chain);
	if (s->keyflow)
		keyflow_moved(s->keyflow);
}

static const struct deliver_ops deliver_calls = {
	.stored = say_stored,
	.level = say_level,
	.failed = end_session,
	.moved = deliveries_moved,
};

/* ---- what the driver calls ---- */

static void from_run(void *ctx, const struct raw_header *header)
{
	struct session *s = ctx;

	chain_run(s->chain, header);
}

static void from_events(void *ctx, uint64_t start, uint64_t end,
			const uint64_t *slot, const uint8_t *code,
			size_t count)
{
	struct session *s = ctx;

	chain_events(s->chain, start, end, slot, code, count);
}

static void from_totals(void *ctx, uint64_t start, uint64_t end,
			const struct raw_totals *totals)
{
	struct session *s = ctx;

	chain_totals(s->chain, start, end, totals);
}

static void from_key(void *ctx, const uint8_t *id, size_t id_len,
		     const void *key, size_t len)
{
	struct session *s = ctx;

	keyflow_key(s->keyflow, id, id_len, key, len);
}

static void from_no_key(void *ctx, const uint8_t *hint, size_t len,
			const char *why)
{
	struct session *s = ctx;

	keyflow_no_key(s->keyflow, hint, len, why);
}

static void from_up(void *ctx)
{
	set_flow(ctx, NULL);
}

static void from_trouble(void *ctx, const char *why)
{
	raise_alarm(ctx, QKD_ALARM_DRIVER, why);
	set_flow(ctx, why);
}

static const struct driver_host driver_calls = {
	.run = from_run,
	.events = from_events,
	.totals = from_totals,
	.key = from_key,
	.no_key = from_no_key,
	.up = from_up,
	.trouble = from_trouble,
};

/* ---- meeting ---- */

static size_t make_hello(void *ctx, uint8_t *buf)
{
	struct session *s = ctx;
	size_t len = strlen(s->text);
	uint8_t *p = buf;

	s->ours_known = !s->sink.ops->state(s->sink.ctx, &s->ours);
	if (!s->ours_known)
		memset(&s->ours, 0, sizeof(s->ours));
	random_bytes(s->random, sizeof(s->random));
	wire_put32(p, MEET_VERSION);
	memcpy(p + 4, s->ours.generation, QKD_GENERATION_SIZE);
	wire_put64(p + 20, s->ours.next_seq);
	wire_put64(p + 28, s->ours.tx.head);
	wire_put64(p + 36, s->ours.tx.confirmed);
	wire_put64(p + 44, s->ours.rx.head);
	wire_put32(p + 52, s->piece);
	wire_put32(p + 56, s->role);
	memcpy(p + 60, s->random, sizeof(s->random));
	memcpy(p + MEET_HEAD, s->text, len);
	return MEET_HEAD + len;
}

static bool roles_fit(enum qkd_role a, enum qkd_role b)
{
	if (a == QKD_ROLE_ALICE)
		return b == QKD_ROLE_BOB;
	if (a == QKD_ROLE_BOB)
		return b == QKD_ROLE_ALICE;
	return b == QKD_ROLE_NONE;
}

/* Contributed to by both, so that neither end can repeat one by itself. */
static void new_generation(struct session *s, const uint8_t peer[16],
			   uint8_t gen[QKD_GENERATION_SIZE])
{
	uint8_t in[32], out[SHA256_DIGEST_LENGTH];

	memcpy(in, s->lower ? s->random : peer, 16);
	memcpy(in + 16, s->lower ? peer : s->random, 16);
	SHA256(in, sizeof(in), out);
	memcpy(gen, out, QKD_GENERATION_SIZE);
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * Whether both go on in a stream at @offset, or the generation is of no more
 * use: nearly over, or its MAC secret is what one end was never fed.
 */
static bool goes_on(uint64_t offset, const struct qkd_stream_state *tx)
{
	return offset <= HEAD_MAX &&
	       (!offset || tx->confirmed >= QKD_SECRET_SIZE);
}

static int agree(struct session *s, const struct qkd_state *peer,
		 const uint8_t random[16], uint32_t piece, char *why,
		 size_t room)
{
	static const uint8_t none[QKD_GENERATION_SIZE];
	uint8_t gen[QKD_GENERATION_SIZE];
	unsigned int tx = s->lower ? 0 : 1;
	uint64_t offset[2], seq;
	int ret;

	offset[tx] = max_u64(s->ours.tx.head, peer->rx.head);
	offset[!tx] = max_u64(s->ours.rx.head, peer->tx.head);
	seq = max_u64(s->ours.next_seq, peer->next_seq);
	memcpy(gen, s->ours.generation, sizeof(gen));
	if (memcmp(gen, peer->generation, sizeof(gen)) ||
	    !memcmp(gen, none, sizeof(gen)) ||
	    !goes_on(offset[tx], &s->ours.tx) ||
	    !goes_on(offset[!tx], &peer->tx)) {
		new_generation(s, random, gen);
		ret = s->sink.ops->start(s->sink.ctx, gen);
		if (ret) {
			snprintf(why, room, "the pool takes no new generation: %s",
				 strerror(-ret));
			return ret;
		}
		offset[0] = 0;
		offset[1] = 0;
		seq = 0;
		log_line(LOG_LEVEL_NOTICE, s->link,
			 "new generation, %02x%02x%02x%02x...", gen[0], gen[1],
			 gen[2], gen[3]);
	}
	deliver_start(s->deliver, gen, seq, offset, piece);
	return 0;
}

static int meet(void *ctx, const uint8_t *data, size_t len, char *why,
		size_t room)
{
	struct wire w = { .p = data, .len = len };
	struct session *s = ctx;
	struct qkd_state peer = { .next_seq = 0 };
	uint32_t version = wire_u32(&w), piece, role;
	uint8_t random[16];

	wire_copy(&w, peer.generation, sizeof(peer.generation));
	peer.next_seq = wire_u64(&w);
	peer.tx.head = wire_u64(&w);
	peer.tx.confirmed = wire_u64(&w);
	peer.rx.head = wire_u64(&w);
	piece = wire_u32(&w);
	role = wire_u32(&w);
	wire_copy(&w, random, sizeof(random));
	if (w.bad || version != MEET_VERSION || piece < 2 || piece & 1) {
		snprintf(why, room, "the peer's qkdd is of another version");
		return -EPROTO;
	}
	if (!s->ours_known) {
		snprintf(why, room, "the link's device does not answer");
		return -ENODEV;
	}
	if (!roles_fit(s->role, role)) {
		snprintf(why, room, "both ends' roles do not fit: one is alice, the other bob, or both are none");
		return -EINVAL;
	}
	if (w.len != strlen(s->text) || memcmp(w.p, s->text, w.len)) {
		snprintf(why, room, "settings differ: here \"%s\", there \"%.*s\"",
			 s->text, (int)(w.len < TEXT_MAX ? w.len : TEXT_MAX),
			 (const char *)w.p);
		return -EINVAL;
	}
	return agree(s, &peer, random, piece < s->piece ? piece : s->piece,
		     why, room);
}

static void opened(void *ctx)
{
	struct session *s = ctx;

	log_line(LOG_LEVEL_INFO, s->link, "met %s", s->peer_node);
	set_apart(s, "");
	deliver_open(s->deliver);
	if (s->chain)
		chain_start(s->chain);
	if (s->keyflow)
		keyflow_start(s->keyflow);
}

static void stop_all(struct session *s)
{
	if (s->chain)
		chain_stop(s->chain);
	if (s->keyflow)
		keyflow_stop(s->keyflow);
	if (s->deliver)
		deliver_stop(s->deliver);
}

static void tell_cause(struct session *s, enum channel_cause cause,
		       const char *text)
{
	switch (cause) {
	case CHANNEL_AUTH:
		s->auth_errors++;
		raise_alarm(s, QKD_ALARM_AUTH, text);
		break;
	case CHANNEL_STORE:
		raise_alarm(s, QKD_ALARM_AUTH, text);
		break;
	case CHANNEL_PEER:
	case CHANNEL_REFUSED:
		raise_alarm(s, QKD_ALARM_PEER, text);
		break;
	}
}

static void closed(void *ctx, enum channel_cause cause, const char *why)
{
	struct session *s = ctx;

	stop_all(s);
	set_apart(s, why);
	tell_cause(s, cause, why);
}

static void refused(void *ctx, enum channel_cause cause, const char *why)
{
	struct session *s = ctx;

	if (!channel_is_open(s->channel)) {
		stop_all(s);
		set_apart(s, why);
	}
	tell_cause(s, cause, why);
}

static void message(void *ctx, unsigned int type, uint64_t block,
		    const uint8_t *data, size_t len)
{
	struct session *s = ctx;
	int ret;

	if (type == MSG_STORED)
		ret = deliver_stored(s->deliver, data, len);
	else if (type == MSG_LEVEL)
		ret = deliver_level(s->deliver, data, len);
	else if (s->chain)
		ret = chain_message(s->chain, type, block, data, len);
	else
		ret = keyflow_message(s->keyflow, type, block, data, len);
	if (ret) {
		log_line(LOG_LEVEL_DEBUG, s->link, "message %u: %s", type,
			 strerror(-ret));
		end_session(s, ret == -ENOMEM ? "out of memory" :
			    "the peer's messages make no sense");
	}
}

static const struct channel_ops channel_calls = {
	.hello = make_hello,
	.meet = meet,
	.open = opened,
	.message = message,
	.closed = closed,
	.refused = refused,
};

/* ---- coming and going ---- */

static void tear_down(struct session *s)
{
	if (s->channel) {
		s->key_used += channel_key_used(s->channel);
		channel_free(s->channel);
	}
	s->channel = NULL;
	stop_all(s);
	if (s->inst)
		s->driver->close(s->inst);
	s->inst = NULL;
	chain_free(s->chain);
	s->chain = NULL;
	keyflow_free(s->keyflow);
	s->keyflow = NULL;
	deliver_free(s->deliver);
	s->deliver = NULL;
	psk_close(s->psk);
	s->psk = NULL;
	s->store = NULL;
}

static int make_flow(struct session *s)
{
	if (s->driver->depth == DRIVER_RAW)
		s->chain = chain_new(&s->chain_conf, s->role, s->link,
				     s->workers, s->deliver, &chain_calls, s);
	else
		s->keyflow = keyflow_new(s->base, s->lower, s->deliver,
					 &keyflow_calls, s);
	return s->chain || s->keyflow ? 0 : -ENOMEM;
}

static int open_driver(struct session *s, char *err, size_t room)
{
	struct driver_conf conf = {
		.link = s->link,
		.local_node = s->local_node,
		.peer_node = s->peer_node,
		.role = s->role,
		.local = s->local,
		.peer = s->peer,
		.words = &s->words,
		.state_dir = s->state_dir,
		.base = s->base,
		.workers = s->workers,
	};
	const char *unused;
	int ret;

	ret = s->driver->open(&s->inst, &conf, &driver_calls, s, err, room);
	if (ret)
		return ret;
	unused = words_unused(&s->words);
	if (unused) {
		snprintf(err, room, "the %s driver knows no %s=",
			 s->driver->name, unused);
		return -EINVAL;
	}
	pause_driver(s, true);
	return 0;
}

static int open_channel(struct session *s)
{
	struct channel_conf conf = {
		.base = s->base,
		.link = s->link,
		.peer_link = words_get(&s->words, "peer_link"),
		.local_node = s->local_node,
		.peer_node = s->peer_node,
		.local = s->local,
		.peer = s->peer,
		.store = s->store,
	};
	const char *addr = words_get(&s->words, "channel");
	char err[128];

	if (addr) {
		/* another network than the link's, from whatever address */
		memset(&conf.local, 0, sizeof(conf.local));
		if (words_addr(addr, &conf.peer, err, sizeof(err)))
			return -EINVAL;
	}
	s->channel = channel_new(&conf, &channel_calls, s);
	return s->channel ? 0 : -ENOMEM;
}

/* All parts, or none. */
static void set_up(struct session *s)
{
	char err[192] = "out of memory";
	int ret;

	ret = psk_open(&s->psk, s->psk_dir, s->state_dir, s->link, s->lower,
		       err, sizeof(err));
	if (ret) {
		/* who has it may just be ending */
		if (ret != -EBUSY)
			raise_alarm(s, QKD_ALARM_AUTH, err);
		set_apart(s, err);
		return;
	}
	s->store = psk_store(s->psk);
	set_apart(s, "looking for the peer's qkdd");
	s->deliver = deliver_new(s->base, &s->sink, s->store, s->lower,
				 &deliver_calls, s);
	ret = s->deliver ? make_flow(s) : -ENOMEM;
	if (!ret)
		ret = open_driver(s, err, sizeof(err));
	if (!ret)
		ret = open_channel(s);
	if (!ret)
		return;
	if (ret != -EBUSY)
		raise_alarm(s, QKD_ALARM_DRIVER, err);
	set_apart(s, err);
	tear_down(s);
}

/* ---- once a second ---- */

static void take_sample(struct session *s)
{
	const struct keyflow_stats *k = s->keyflow ?
					keyflow_stats(s->keyflow) : NULL;
	const struct chain_stats *c = s->chain ? chain_stats(s->chain) : NULL;
	struct sample *first = &s->sample[0], *last;
	struct session_rates r = { .auth = s->auth_errors };
	double dt;

	if (s->samples == WINDOW + 1)
		memmove(s->sample, s->sample + 1, sizeof(*first) * WINDOW);
	else
		s->samples++;
	last = &s->sample[s->samples - 1];
	memset(last, 0, sizeof(*last));
	last->at = now();
	if (s->deliver)
		last->delivered = 8 * deliver_pooled(s->deliver);
	if (c) {
		last->raw = c->detections;
		last->sifted = c->sifted;
		r.qber_ppm = c->qber_ppm;
		r.efficiency_ppm = c->efficiency_ppm;
		r.blocks = c->blocks;
		r.discarded = c->discarded;
		r.verify = c->verify;
		r.qber = c->qber;
	}
	if (k) {
		r.blocks = k->blocks;
		r.discarded = k->discarded;
		r.verify = k->verify;
	}
	dt = last->at - first->at;
	if (dt > 0 && last->raw >= first->raw &&
	    last->delivered >= first->delivered) {
		r.raw_bps = (last->raw - first->raw) / dt;
		r.sifted_bps = (last->sifted - first->sifted) / dt;
		r.secret_bps = (last->delivered - first->delivered) / dt;
	}
	if (memcmp(&r, &s->rates, sizeof(r))) {
		s->rates = r;
		s->ops->rates(s->ctx, &r);
	}
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	take_sample(s);
	if (s->chain)
		chain_tick(s->chain);
	if (s->broken || s->ticks++ % PSK_EVERY)
		return;
	if (!s->psk) {
		set_up(s);
	} else if (psk_waiting(s->psk_dir, s->link)) {
		log_line(LOG_LEVEL_NOTICE, s->link, "there is a new secret");
		tear_down(s);
		s->samples = 0;
		set_up(s);
	}
}

/* ---- the outside ---- */

/* What both ends must have the same, and what only this one is asked for. */
static int configure(struct session *s, const char *config, char *err,
		     size_t room)
{
	struct sockaddr_storage check = { .ss_family = 0 };
	const char *addr;
	int n;

	if (!s->driver) {
		snprintf(err, room, "there is no such driver; there are: %s",
			 driver_names());
		return -EINVAL;
	}
	if (words_parse(&s->words, config, err, room))
		return -EINVAL;
	chain_conf_init(&s->chain_conf);
	s->chain_conf.recorded = s->driver->recorded;
	n = snprintf(s->text, sizeof(s->text), "depth=%s ",
		     s->driver->depth == DRIVER_RAW ? "raw" : "key");
	if (s->driver->depth == DRIVER_RAW) {
		if (chain_conf_words(&s->chain_conf, &s->words, err, room))
			return -EINVAL;
		chain_conf_text(&s->chain_conf, s->text + n,
				sizeof(s->text) - n);
		if (s->role != QKD_ROLE_ALICE && s->role != QKD_ROLE_BOB) {
			snprintf(err, room, "the %s driver needs role alice or bob",
				 s->driver->name);
			return -EINVAL;
		}
	} else if (s->role != QKD_ROLE_NONE) {
		snprintf(err, room, "the %s driver needs role none",
			 s->driver->name);
		return -EINVAL;
	}
	words_get(&s->words, "peer_link");
	addr = words_get(&s->words, "channel");
	return addr ? words_addr(addr, &check, err, room) : 0;
}

struct session *session_new(const struct session_conf *conf,
			    const struct session_ops *ops, void *ctx)
{
	struct timeval tv = { .tv_sec = 1 };
	struct session *s = calloc(1, sizeof(*s));
	char err[192];

	if (!s)
		return NULL;
	s->base = conf->base;
	s->workers = conf->workers;
	s->ops = ops;
	s->ctx = ctx;
	snprintf(s->link, sizeof(s->link), "%s", conf->link);
	snprintf(s->local_node, sizeof(s->local_node), "%s", conf->local_node);
	snprintf(s->peer_node, sizeof(s->peer_node), "%s", conf->peer_node);
	s->lower = strcmp(conf->local_node, conf->peer_node) < 0;
	s->role = conf->role;
	s->driver = driver_find(conf->driver);
	s->local = conf->local;
	s->peer = conf->peer;
	((struct sockaddr_in *)&s->peer)->sin_port = htons(conf->port);
	s->piece = conf->pool_size / 2 & ~1u;
	if (s->piece > QKD_BLOCK_MAX / 2)
		s->piece = QKD_BLOCK_MAX / 2;
	s->sink = conf->sink;
	s->psk_dir = strdup(conf->psk_dir);
	s->state_dir = strdup(conf->state_dir);
	s->tick = event_new(s->base, -1, EV_PERSIST, tick, s);
	if (!s->psk_dir || !s->state_dir || !s->tick) {
		session_free(s);
		return NULL;
	}
	if (configure(s, conf->config, err, sizeof(err))) {
		s->broken = true;
		raise_alarm(s, QKD_ALARM_DRIVER, err);
		set_apart(s, err);
		return s;
	}
	event_add(s->tick, &tv);
	event_active(s->tick, EV_TIMEOUT, 0);
	return s;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	tear_down(s);
	if (s->tick)
		event_free(s->tick);
	free(s->psk_dir);
	free(s->state_dir);
	free(s);
}

struct channel *session_channel(struct session *s)
{
	return s->channel;
}

bool session_open(const struct session *s)
{
	return channel_is_open(s->channel);
}
