// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A block's life, from sifted string to key: who says what when, and which
 * worker computes what.
 *
 *   Alice <-- CHECK: errors of the check basis ------------------ Bob
 *   Alice <-> PARITY, and again (Cascade's rounds) ------------> Bob
 *   Alice --> VERIFY: hash key and tag of her string ----------- Bob
 *   Alice <-- VERIFIED: the same, or not (then more PARITY) ---- Bob
 *   Alice --> RESULT: length, seed of the Toeplitz matrix  Bob
 *
 * Both ends compute the length; Bob refuses one that is above his own. At any
 * fault the block dies at both ends (DEAD) and nothing of it is used.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain_priv.h"
#include "messages.h"
#include "tools/common/log.h"
#include "tools/common/secret.h"
#include "tools/common/wire.h"
#include "tools/post/bits.h"
#include "tools/post/toeplitz.h"
#include "tools/post/wipe.h"

#define LEAST_BYTES	16	/* of key from a block, or it is not worth it */

/* ---- life and death ---- */

static size_t key_bytes(const struct block *b)
{
	return post_words(b->chain->conf.block) * 8;
}

static void free_secret(struct block *b)
{
	post_free(b->secret, post_words(b->secret_bits) * 8);
	b->secret = NULL;
}

static void block_free(struct block *b)
{
	sifted_free(&b->key);
	post_cascade_free(b->ec);
	post_free(b->fixed, key_bytes(b));
	free_secret(b);
	free(b->seed);
	free(b->in);
	free(b->out);
	free(b);
}

static void block_drop(struct block *b)
{
	struct chain *c = b->chain;

	TAILQ_REMOVE(&c->blocks, b, entry);
	c->flight--;
	b->dead = true;
	if (!b->busy)
		block_free(b);
}

/* What is known of a block's errors, in parts per million. */
static uint32_t check_ppm(const struct block *b)
{
	uint64_t n = 0, m = 0;
	unsigned int i;

	for (i = 0; i < POST_INTENSITIES; i++) {
		n += b->counts.n_chk[i];
		m += b->counts.m_chk[i];
	}
	return n ? m * 1000000 / n : 500000;
}

/* Of the block's own bits, when the errors in them are known. */
static uint32_t error_ppm(const struct block *b)
{
	return b->errors * 1000000 / b->chain->conf.block;
}

/*
 * Each block costs authentication key, and one that is discarded gives none
 * back. Who disturbs the fibre must not exhaust the secret within seconds, so
 * the pauses between attempts grow.  Blocks in flight together count once.
 */
static void block_rest(struct chain *c, double now)
{
	if (now < c->rest_until)
		return;
	c->rest = c->rest ? 2 * c->rest : CHAIN_REST;
	if (c->rest > CHAIN_REST_MAX)
		c->rest = CHAIN_REST_MAX;
	c->rest_until = now + c->rest;
}

/* The block gives no key: count it, tell people; not the peer. */
static void block_discard(struct block *b, enum qkd_alarm alarm,
			  const char *why)
{
	struct chain *c = b->chain;
	double now = chain_now();

	c->stats.discarded++;
	block_rest(c, now);
	if (alarm == QKD_ALARM_QBER) {
		c->stats.qber++;
		if (!b->leak)
			c->stats.qber_ppm = check_ppm(b);
	}
	if (alarm == QKD_ALARM_VERIFY)
		c->stats.verify++;
	c->ops->reason(c->ctx, why);
	if (alarm == QKD_ALARM_QBER || alarm == QKD_ALARM_VERIFY)
		c->ops->alarm(c->ctx, alarm, why);
	if (now - c->said > 5) {
		c->said = now;
		log_line(LOG_LEVEL_WARN, c->link, "block %llu: %s",
			 (unsigned long long)b->no, why);
	}
	block_report(b, why);
	block_drop(b);
}

/* The same, and the peer is told. */
static void block_kill(struct block *b, enum qkd_alarm alarm, const char *why)
{
	struct chain *c = b->chain;
	uint8_t code[4];

	wire_put32(code, alarm);
	c->ops->send(c->ctx, MSG_DEAD, b->no, code, sizeof(code), why,
		     strlen(why));
	block_discard(b, alarm, why);
}

void block_kill_all(struct chain *c)
{
	struct block *b;

	while ((b = TAILQ_FIRST(&c->blocks)))
		block_drop(b);
}

static int got_dead(struct block *b, const uint8_t *data, size_t len)
{
	struct wire w = { .p = data, .len = len };
	uint32_t alarm = wire_u32(&w);
	char why[128];

	if (w.bad || b->delivery)
		return -EBADMSG;
	if (alarm != QKD_ALARM_QBER && alarm != QKD_ALARM_VERIFY)
		alarm = QKD_ALARM_DRIVER;
	wire_text(why, sizeof(why), w.p, w.len);
	block_discard(b, alarm, why);
	return 0;
}

/* ---- what workers do ---- */

static void do_cascade(struct block *b)
{
	struct chain *c = b->chain;
	enum post_role role = c->role == QKD_ROLE_ALICE ? POST_ALICE :
							  POST_BOB;
	size_t size;

	if (!b->ec)
		b->ec = post_cascade_new(c->plan, role, b->key.bit,
					 b->expect_ppm, c->conf.block);
	if (!b->ec) {
		b->out_len = -ENOMEM;
		return;
	}
	size = post_cascade_out_size(b->ec);
	if (size > b->out_room) {
		free(b->out);
		b->out = malloc(size);
		b->out_room = b->out ? size : 0;
		if (!b->out) {
			b->out_len = -ENOMEM;
			return;
		}
	}
	if (role == POST_ALICE)
		b->out_len = post_cascade_alice(b->ec, b->in, b->in_len,
						b->out, b->out_room);
	else
		b->out_len = post_cascade_bob(b->ec, b->in, b->in_len, b->out,
					      b->out_room);
}

static void do_tag(struct block *b)
{
	size_t n = b->chain->conf.block;

	if (!b->fixed)
		b->fixed = post_alloc(key_bytes(b));
	if (!b->fixed) {
		b->error = -ENOMEM;
		return;
	}
	memcpy(b->fixed, b->key.bit, key_bytes(b));
	if (b->chain->role == QKD_ROLE_BOB)
		post_bits_xor(b->fixed, post_cascade_errors(b->ec, NULL), n);
	post_verify_tag(b->tag_key, b->fixed, n, b->tag);
}

static void do_amplify(struct block *b)
{
	b->secret = post_alloc(post_words(b->secret_bits) * 8);
	b->error = b->secret ? post_toeplitz(b->secret, b->secret_bits,
					     b->seed, b->fixed,
					     b->chain->conf.block) : -ENOMEM;
}

static void block_run(struct work *work)
{
	struct block *b = (struct block *)((char *)work -
					   offsetof(struct block, work));

	switch (b->job) {
	case JOB_CASCADE:
		do_cascade(b);
		break;
	case JOB_TAG:
		do_tag(b);
		break;
	case JOB_AMPLIFY:
		do_amplify(b);
		break;
	}
}

static void block_done(struct work *work);

static void submit(struct block *b, enum block_job job)
{
	b->job = job;
	b->error = 0;
	b->busy = true;
	b->chain->busy++;
	b->work.run = block_run;
	b->work.done = block_done;
	workers_submit(b->chain->workers, &b->work);
}

/* ---- the end ---- */

static size_t compute_length(struct block *b)
{
	struct chain *c = b->chain;

	post_key_length(&c->proto, &b->counts, b->leak,
			8 * c->tag_bytes * b->tries, &b->budget);
	return b->budget.length;
}

/* The strings are equal: what errors there were is known exactly now. */
static void count_errors(struct block *b)
{
	struct chain *c = b->chain;
	size_t n = c->conf.block;
	const uint64_t *w = post_cascade_errors(b->ec, &b->errors);
	double q, h;

	post_sift_count(b->key.lo, b->key.hi, w, n, b->counts.m_key);
	b->leak = post_cascade_leak(b->ec);
	b->rounds = post_cascade_rounds(b->ec);
	q = (double)b->errors / n;
	h = n * post_h2(q);
	c->stats.qber_ppm = q * 1e6 + 0.5;
	c->stats.efficiency_ppm = h > 0 && b->leak / h < 100 ?
				  b->leak / h * 1e6 : 0;
}

/* True: it is dead. */
static bool too_noisy(struct block *b, uint32_t ppm)
{
	uint32_t max = b->chain->conf.qber_max;
	char why[128];

	if (ppm <= max)
		return false;
	snprintf(why, sizeof(why),
		 "QBER %.2f %% is above %.2f %%: blocks are discarded",
		 ppm / 1e4, max / 1e4);
	block_kill(b, QKD_ALARM_QBER, why);
	return true;
}

static int begin_amplify(struct block *b, size_t bytes, const uint8_t *seed)
{
	struct chain *c = b->chain;
	size_t n = c->conf.block, bits;

	b->secret_bits = 8 * bytes;
	bits = post_toeplitz_seed_bits(n, b->secret_bits);
	b->seed = malloc(post_words(bits) * 8);
	if (!b->seed)
		return -ENOMEM;
	if (post_bits_load(b->seed, seed, bits))
		return -EBADMSG;
	b->delivery = deliver_expect(c->deliver, bytes);
	if (!b->delivery)
		return -ENOMEM;
	b->state = BLOCK_AMPLIFY;
	submit(b, JOB_AMPLIFY);
	return 0;
}

/* Alice: the strings are equal; say what becomes of them. */
static int say_result(struct block *b)
{
	struct chain *c = b->chain;
	size_t bytes, bits, len;
	uint8_t head[8], *seed;
	char why[160];
	int ret;

	count_errors(b);
	if (too_noisy(b, error_ppm(b)))
		return 0;
	bytes = compute_length(b) / 8;
	if (bytes < LEAST_BYTES) {
		snprintf(why, sizeof(why), "no key from this block: %s",
			 b->budget.reason ? b->budget.reason :
			 "what is left is too short");
		block_kill(b, QKD_ALARM_DRIVER, why);
		return 0;
	}
	bits = post_toeplitz_seed_bits(c->conf.block, 8 * bytes);
	len = post_bytes(bits);
	seed = malloc(len);
	if (!seed)
		return -ENOMEM;
	random_bytes(seed, len);
	if (bits % 8)
		seed[len - 1] &= (1u << bits % 8) - 1;
	wire_put32(head, bytes);
	wire_put32(head + 4, 0);
	c->ops->send(c->ctx, MSG_RESULT, b->no, head, sizeof(head), seed, len);
	ret = begin_amplify(b, bytes, seed);
	free(seed);
	return ret;
}

static int got_result(struct block *b, const uint8_t *data, size_t len)
{
	struct wire w = { .p = data, .len = len };
	uint32_t bytes = wire_u32(&w);
	struct chain *c = b->chain;
	size_t bits;

	wire_u32(&w);
	if (w.bad || c->role != QKD_ROLE_BOB || b->state != BLOCK_VERIFY ||
	    b->busy || !b->same || error_ppm(b) > c->conf.qber_max)
		return -EBADMSG;
	/* two machines' libm may differ in a last place: one bit's grace */
	if (bytes < LEAST_BYTES || 8 * (uint64_t)bytes > compute_length(b) + 1)
		return -EBADMSG;
	bits = post_toeplitz_seed_bits(c->conf.block, 8 * (size_t)bytes);
	if (w.len != post_bytes(bits))
		return -EBADMSG;
	return begin_amplify(b, bytes, w.p);
}

static int amplified(struct block *b)
{
	struct chain *c = b->chain;
	int ret;

	if (b->error)
		return b->error;
	c->rest = 0;
	c->stats.blocks++;
	c->stats.secret += b->secret_bits;
	c->ops->reason(c->ctx, NULL);
	block_report(b, NULL);
	ret = deliver_fill(c->deliver, b->delivery, b->secret);
	block_drop(b);
	return ret;
}

/* ---- reconciliation and verification ---- */

static int cascade_done(struct block *b)
{
	struct chain *c = b->chain;

	if (b->out_len == -ENOMEM)
		return -ENOMEM;
	if (b->out_len == -EOVERFLOW || (b->ec && post_cascade_dead(b->ec))) {
		/* both ends come to this, bob's answer needs not be sent */
		block_kill(b, QKD_ALARM_QBER,
			   "reconciliation gave up: too many errors");
		return 0;
	}
	if (b->out_len < 0)
		return -EBADMSG;
	if (b->out_len > 0)
		c->ops->send(c->ctx, MSG_PARITY, b->no, b->out, b->out_len,
			     NULL, 0);
	if (!post_cascade_done(b->ec))
		return 0;
	b->state = BLOCK_VERIFY;
	if (c->role == QKD_ROLE_ALICE) {
		random_bytes(b->tag_key, sizeof(b->tag_key));
		submit(b, JOB_TAG);
	}
	return 0;
}

static int again(struct block *b)
{
	struct chain *c = b->chain;

	if (b->tries > CHAIN_RETRIES || post_cascade_retry(b->ec)) {
		block_kill(b, QKD_ALARM_VERIFY,
			   "both ends' strings differ after reconciliation");
		return 0;
	}
	b->state = BLOCK_RECONCILE;
	if (c->role == QKD_ROLE_ALICE) {
		free(b->in);
		b->in = NULL;
		b->in_len = 0;
		submit(b, JOB_CASCADE);
	}
	return 0;
}

static int tag_done(struct block *b)
{
	struct chain *c = b->chain;
	uint8_t same;

	if (b->error)
		return b->error;
	b->tries++;
	if (c->role == QKD_ROLE_ALICE) {
		c->ops->send(c->ctx, MSG_VERIFY, b->no, b->tag_key,
			     sizeof(b->tag_key), b->tag, c->tag_bytes);
		return 0;
	}
	same = post_equal(b->tag, b->peer_tag, c->tag_bytes);
	c->ops->send(c->ctx, MSG_VERIFIED, b->no, &same, 1, NULL, 0);
	b->same = same;
	if (!same)
		return again(b);
	count_errors(b);
	return 0;
}

static int got_check(struct block *b, const uint8_t *data, size_t len)
{
	struct wire w = { .p = data, .len = len };
	unsigned int i;

	if (b->chain->role != QKD_ROLE_ALICE || b->state != BLOCK_CHECK)
		return -EBADMSG;
	for (i = 0; i < POST_INTENSITIES; i++) {
		b->counts.m_chk[i] = wire_u64(&w);
		if (b->counts.m_chk[i] > b->counts.n_chk[i])
			return -EBADMSG;
	}
	if (!wire_done(&w))
		return -EBADMSG;
	b->expect_ppm = check_ppm(b);
	if (too_noisy(b, b->expect_ppm))
		return 0;
	b->state = BLOCK_RECONCILE;
	submit(b, JOB_CASCADE);
	return 0;
}

static int got_parity(struct block *b, const uint8_t *data, size_t len)
{
	if (b->state != BLOCK_RECONCILE || b->busy || !len)
		return -EBADMSG;
	free(b->in);
	b->in = malloc(len);
	if (!b->in)
		return -ENOMEM;
	memcpy(b->in, data, len);
	b->in_len = len;
	submit(b, JOB_CASCADE);
	return 0;
}

static int got_verify(struct block *b, const uint8_t *data, size_t len)
{
	struct chain *c = b->chain;

	if (c->role != QKD_ROLE_BOB || b->state != BLOCK_VERIFY || b->busy ||
	    len != sizeof(b->tag_key) + c->tag_bytes)
		return -EBADMSG;
	memcpy(b->tag_key, data, sizeof(b->tag_key));
	memcpy(b->peer_tag, data + sizeof(b->tag_key), c->tag_bytes);
	submit(b, JOB_TAG);
	return 0;
}

static int got_verified(struct block *b, const uint8_t *data, size_t len)
{
	if (b->chain->role != QKD_ROLE_ALICE || b->state != BLOCK_VERIFY ||
	    b->busy || len != 1 || data[0] > 1)
		return -EBADMSG;
	return data[0] ? say_result(b) : again(b);
}

static void block_done(struct work *work)
{
	struct block *b = (struct block *)((char *)work -
					   offsetof(struct block, work));
	struct chain *c = b->chain;
	int ret = -EINVAL;

	b->busy = false;
	c->busy--;
	if (b->dead) {
		block_free(b);
		chain_release(c);
		return;
	}
	switch (b->job) {
	case JOB_CASCADE:
		ret = cascade_done(b);
		break;
	case JOB_TAG:
		ret = tag_done(b);
		break;
	case JOB_AMPLIFY:
		ret = amplified(b);
		break;
	}
	if (ret)
		c->ops->fail(c->ctx, ret == -ENOMEM ? "out of memory" :
			     "the peer's messages make no sense");
	else
		chain_throttle(c);
}

int block_new(struct chain *c, struct post_sifted *key,
	      const struct post_counts *counts)
{
	uint8_t body[8 * POST_INTENSITIES];
	struct block *b = calloc(1, sizeof(*b));
	unsigned int i;

	if (!b) {
		sifted_free(key);
		return -ENOMEM;
	}
	b->chain = c;
	b->no = c->block_next++;
	b->key = *key;
	b->counts = *counts;
	b->slots = c->slots;
	b->sent = c->sent;
	b->chsh = c->chsh;
	b->clock = c->clock;
	b->began = c->began;
	TAILQ_INSERT_TAIL(&c->blocks, b, entry);
	c->flight++;
	if (c->role == QKD_ROLE_ALICE)
		return 0;
	for (i = 0; i < POST_INTENSITIES; i++)
		wire_put64(body + 8 * i, counts->m_chk[i]);
	b->expect_ppm = check_ppm(b);
	b->state = BLOCK_RECONCILE;
	c->ops->send(c->ctx, MSG_CHECK, b->no, body, sizeof(body), NULL, 0);
	return 0;
}

int block_message(struct chain *c, unsigned int type, uint64_t no,
		  const uint8_t *data, size_t len)
{
	struct block *b;

	TAILQ_FOREACH(b, &c->blocks, entry)
		if (b->no == no)
			break;
	/* dead here, and the peer did not know yet when it said this */
	if (!b)
		return no < c->block_next ? 0 : -EBADMSG;
	switch (type) {
	case MSG_CHECK:
		return got_check(b, data, len);
	case MSG_PARITY:
		return got_parity(b, data, len);
	case MSG_VERIFY:
		return got_verify(b, data, len);
	case MSG_VERIFIED:
		return got_verified(b, data, len);
	case MSG_RESULT:
		return got_result(b, data, len);
	case MSG_DEAD:
		return got_dead(b, data, len);
	default:
		return -EBADMSG;
	}
}
