// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Blocks are cut at a pulse: what a block counts of the check basis, positions at
 * Alice's end and errors at Bob's, is what was kept until the pulse of its last bit.
 * Both are held against the plain rule, applied to all pulses.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include <kselftest_harness.h>
#include "tests/fuzz/qkdd_memory.h"
#include "tools/common/log.h"
#include "tools/common/wire.h"
#include "tools/post/bits.h"
#include "tools/qkdd/chain_priv.h"
#include "tools/qkdd/messages.h"

#define BLOCK	8192
#define EVENTS	60000	/* of a DETECT: some blocks */
#define STRETCHES	12
#define ASKED_MAX	(1 << 18)	/* detections of Bob's DETECT */

/* What Bob said */
struct said {
	unsigned int detects;
	uint64_t from[STRETCHES];
	uint64_t to[STRETCHES];
	unsigned int checks;
	uint64_t errors[64][POST_INTENSITIES];
};

static void on_send(void *ctx, unsigned int type, uint64_t block,
		    const void *data, size_t len, const void *more,
		    size_t more_len)
{
	struct said *said = ctx;
	unsigned int k;

	if (type == MSG_DETECT && said->detects < STRETCHES) {
		said->from[said->detects] =
			wire_get64((const uint8_t *)data + RAW_RUN_SIZE);
		said->to[said->detects++] =
			wire_get64((const uint8_t *)data + RAW_RUN_SIZE + 8);
	}
	if (type != MSG_CHECK || said->checks == 64)
		return;
	for (k = 0; k < POST_INTENSITIES; k++)
		said->errors[said->checks][k] =
			wire_get64((const uint8_t *)data + 8 * k);
	said->checks++;
}

static void on_pause(void *ctx, bool paused)
{
}

static void on_alarm(void *ctx, enum qkd_alarm alarm, const char *text)
{
}

static void on_text(void *ctx, const char *text)
{
}

static uint64_t on_key_used(void *ctx)
{
	return 0;
}

static uint64_t on_key_left(void *ctx)
{
	return 1 << 20;
}

static void on_body(void *ctx, const uint8_t *body, size_t len)
{
}

static void on_moved(void *ctx)
{
}

static const struct chain_ops calls = {
	.send = on_send, .pause = on_pause, .report = on_text,
	.alarm = on_alarm, .reason = on_text, .fail = on_text,
	.key_used = on_key_used, .key_left = on_key_left,
};

static const struct deliver_ops deliver_calls = {
	.stored = on_body, .level = on_body, .failed = on_text,
	.moved = on_moved,
};

/* Something that is different for each pulse */
static uint64_t mix(uint64_t slot)
{
	slot = (slot + 1) * 0x9e3779b97f4a7c15;
	return (slot ^ slot >> 29) * 0xbf58476d1ce4e5b9 >> 32;
}

/*
 * Value, basis, intensity of hers; more and more often the check basis, so that
 * its share changes within a DETECT
 */
static uint8_t prepared(uint64_t slot)
{
	uint64_t m = mix(slot);

	return (m & 1) | (m % 1000 < slot % EVENTS / 100) << 1 | (m >> 20 & 1) << 2;
}

static bool his_basis(uint64_t slot)
{
	return mix(~slot) & 1;
}

/* Wrong once in four times */
static bool his_bit(uint64_t slot)
{
	return (prepared(slot) & 1) ^ !(mix(~slot) >> 8 & 3);
}

static void device(struct chain *c, bool alice, uint64_t from)
{
	static uint64_t slot[EVENTS];
	static uint8_t code[EVENTS];
	size_t i;

	for (i = 0; i < EVENTS; i++) {
		slot[i] = from + i;
		code[i] = alice ? prepared(from + i) :
			  his_bit(from + i) | his_basis(from + i) << 1;
	}
	chain_events(c, from, from + EVENTS, slot, code, EVENTS);
}

static int detect(struct chain *c, uint64_t no, uint64_t from)
{
	static uint64_t slot[EVENTS], basis[EVENTS / 64 + 1];
	static uint8_t body[RAW_RUN_SIZE + 16 + 8 * EVENTS];
	size_t i;
	long len;

	for (i = 0; i < EVENTS; i++) {
		slot[i] = from + i;
		post_bit_put(basis, i, his_basis(from + i));
	}
	memset(body, 0, RAW_RUN_SIZE);
	wire_put64(body + RAW_RUN_SIZE, from);
	wire_put64(body + RAW_RUN_SIZE + 8, from + EVENTS);
	len = post_detect_put(body + RAW_RUN_SIZE + 16, 8 * EVENTS, from, slot,
			      basis, EVENTS);
	return len < 0 ? len : chain_message(c, MSG_DETECT, no, body,
					     RAW_RUN_SIZE + 16 + len);
}

static int run(struct chain *c)
{
	uint8_t body[RAW_RUN_SIZE + 16 + 32] = { 0 };
	double v[4] = { .5, .6, .1, .4 };
	uint64_t u;
	int i;

	wire_put32(body + RAW_RUN_SIZE + 8, 2);
	for (i = 0; i < 4; i++) {
		memcpy(&u, &v[i], 8);
		wire_put64(body + RAW_RUN_SIZE + 16 + 8 * i, u);
	}
	return chain_message(c, MSG_RUN, 0, body, sizeof(body));
}

/* Alice's answer to a DETECT of all slots from there to there */
static int sift(struct chain *c, uint64_t no, uint64_t from, uint64_t to)
{
	enum { WORDS = ASKED_MAX / 64 };
	static uint64_t plane[5][WORDS], grown[6][WORDS];
	struct post_sifted key = { grown[0], grown[1], grown[2], 0, ASKED_MAX };
	struct post_sifted chk = { grown[3], grown[4], grown[5], 0, ASKED_MAX };
	struct post_prep prep = { plane[0], plane[1], plane[2], plane[3] };
	static uint8_t buf[ASKED_MAX];
	size_t i, k, n = to - from;
	long len;

	if (n > ASKED_MAX)
		return -ENOSPC;
	memset(plane, 0, sizeof(plane));
	memset(grown, 0, sizeof(grown));
	for (i = 0; i < n; i++) {
		for (k = 0; k < 4; k++)
			post_bit_put(plane[k], i, prepared(from + i) >> k & 1);
		post_bit_put(plane[4], i, his_basis(from + i));
	}
	len = post_sift_alice(&prep, plane[4], n, &key, &chk, buf, sizeof(buf));
	return len < 0 ? len : chain_message(c, MSG_SIFT, no, buf, len);
}

/*
 * The check basis of the block that begins at *slot, which moves on: positions
 * kept, errors
 */
static void by_the_rule(uint64_t *slot, uint64_t n[POST_INTENSITIES],
			uint64_t m[POST_INTENSITIES])
{
	unsigned int key = 0;

	memset(n, 0, POST_INTENSITIES * sizeof(*n));
	memset(m, 0, POST_INTENSITIES * sizeof(*m));
	for (; key < BLOCK; ++*slot) {
		uint8_t code = prepared(*slot);

		if ((code >> 1 & 1) != his_basis(*slot))
			continue;
		if (code >> 1 & 1) {
			n[code >> 2]++;
			m[code >> 2] += his_bit(*slot) != (code & 1);
		} else {
			key++;
		}
	}
}

FIXTURE(end) {
	struct event_base *base;
	struct workers *workers;
	struct auth_store *store;
	struct deliver *d;
	struct chain *c;
	struct said said;
};

FIXTURE_VARIANT(end) {
	bool alice;
};

FIXTURE_VARIANT_ADD(end, alice) {
	.alice = true,
};

FIXTURE_VARIANT_ADD(end, bob) {
	.alice = false,
};

FIXTURE_SETUP(end)
{
	static const uint8_t generation[16];
	static const uint64_t offset[2];
	struct raw_header *h = calloc(1, sizeof(*h));
	struct sink sink = hole();
	struct chain_conf conf;

	log_setup(LOG_LEVEL_ERR, false);
	self->base = event_base_new();
	self->workers = workers_new(self->base, 1);
	chain_conf_init(&conf);
	conf.block = BLOCK;
	self->store = memory_store(variant->alice);
	self->d = deliver_new(self->base, &sink, self->store, variant->alice,
			      &deliver_calls, NULL);
	self->c = chain_new(&conf, variant->alice ? QKD_ROLE_ALICE :
			    QKD_ROLE_BOB, "cut", self->workers, self->d, &calls,
			    &self->said);
	ASSERT_NE(NULL, self->c);
	h->kind = variant->alice ? RAW_PREPARED : RAW_DETECTED;
	h->slots_hz = 1000000;
	strcpy(h->text, "intensities=0.5,0.1 probabilities=0.6,0.4");
	deliver_start(self->d, generation, 0, offset, 65536);
	chain_start(self->c);
	chain_run(self->c, h);
	free(h);
}

FIXTURE_TEARDOWN(end)
{
	chain_free(self->c);
	deliver_free(self->d);
	auth_free(self->store);
	workers_free(self->workers);
	event_base_free(self->base);
}

TEST_F(end, cuts_blocks_at_a_pulse)
{
	uint64_t i, slot = 0, n[POST_INTENSITIES], m[POST_INTENSITIES];
	unsigned int blocks = 0, answered = 0, k;
	struct said *said = &self->said;
	struct block *b;

	ASSERT_EQ(0, variant->alice ? 0 : run(self->c));
	for (i = 0; i < STRETCHES; i++) {
		device(self->c, variant->alice, i * EVENTS);
		ASSERT_EQ(0, variant->alice ?
			  detect(self->c, i, i * EVENTS) : 0);
		for (; answered < said->detects; answered++)
			ASSERT_EQ(0, sift(self->c, answered,
					  said->from[answered],
					  said->to[answered]));
	}
	TAILQ_FOREACH(b, &self->c->blocks, entry) {
		by_the_rule(&slot, n, m);
		for (k = 0; k < POST_INTENSITIES; k++) {
			EXPECT_EQ(n[k], b->counts.n_chk[k]);
			EXPECT_EQ(variant->alice ? 0 : m[k],
				  said->errors[blocks][k]);
		}
		blocks++;
	}
	EXPECT_GE(blocks, 20);
	EXPECT_LE(slot, STRETCHES * EVENTS);
	EXPECT_EQ(variant->alice ? 0 : blocks, said->checks);
}

TEST_HARNESS_MAIN
