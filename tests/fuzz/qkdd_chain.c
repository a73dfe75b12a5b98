// SPDX-License-Identifier: GPL-2.0-or-later
// LIBRARIES: daemon common net post sim coinc raw
// PACKAGES: libevent_core libcrypto fftw3
/*
 * Fuzzer of the chain's messages, at either end, of pulses and of time tags.
 * The input is a list of steps: the device goes on, the peer says what a right
 * one would (so that there are blocks to talk about), or anything. What makes
 * no sense is refused, and a chain that refused begins anew without a trace.
 */
#include <errno.h>
#include <event2/event.h>

#include "tests/fuzz/qkdd_memory.h"
#include "tools/common/log.h"
#include "tools/common/wire.h"
#include "tools/post/bits.h"
#include "tools/qkdd/chain.h"
#include "tools/qkdd/chain_priv.h"
#include "tools/qkdd/messages.h"

#define BLOCK	8192
#define EVENTS	6000	/* of a step of the device */
#define STEPS	24

/* a chain, and what a right peer of it would know */
struct bench {
	struct chain *c;
	struct deliver *d;
	uint64_t end;		/* slots the device told of */
	uint64_t asked_from;	/* slots not asked about yet */
	uint64_t detects;
	uint8_t *detect;	/* bob's last, for an answer */
	size_t detect_len;
	uint64_t detect_no;
};

static struct event_base *base;
static struct workers *workers;
static struct auth_store *store;

static void on_send(void *ctx, unsigned int type, uint64_t block,
		    const void *data, size_t len, const void *more,
		    size_t more_len)
{
	struct bench *b = ctx;

	if (type != MSG_DETECT)
		return;
	free(b->detect);
	b->detect = malloc(more_len + 1);
	memcpy(b->detect, more, more_len);
	b->detect_len = more_len;
	b->detect_no = block;
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

static void run_header(struct raw_header *h, bool alice, bool tags)
{
	memset(h, 0, sizeof(*h));
	h->kind = tags ? RAW_TAGS : alice ? RAW_PREPARED : RAW_DETECTED;
	h->slots_hz = 1000000;
	strcpy(h->text, "intensities=0.5,0.1 probabilities=0.6,0.4");
}

/* A detection in each second slot; codes as they come */
static void device_goes_on(struct bench *b, bool alice)
{
	static uint64_t slot[EVENTS];
	static uint8_t code[EVENTS];
	size_t i;

	for (i = 0; i < EVENTS; i++) {
		slot[i] = b->end + 2 * i;
		code[i] = (slot[i] * 0x9e3779b97f4a7c15 >> 40) &
			  (alice ? 7 : 3);
	}
	chain_events(b->c, b->end, b->end + 2 * EVENTS, slot, code, EVENTS);
	b->end += 2 * EVENTS;
}

static int right_detect(struct bench *b, bool tags)
{
	static uint64_t slot[EVENTS], basis[EVENTS / 64 + 1];
	static uint8_t body[RAW_RUN_SIZE + 16 + 8 * EVENTS];
	uint8_t *p = body + RAW_RUN_SIZE + 16;
	size_t n = 0, at = tags ? 8 : 0;
	uint64_t s;
	long len;

	for (s = b->asked_from; s < b->end && n < EVENTS; s += 2) {
		slot[n] = s;
		post_bit_put(basis, n++, s * 0x9e3779b97f4a7c15 >> 41 & 1);
	}
	memset(body, 0, RAW_RUN_SIZE);
	wire_put64(body + RAW_RUN_SIZE, b->asked_from);
	wire_put64(body + RAW_RUN_SIZE + 8, s);
	len = post_detect_put(p + at, sizeof(body) - RAW_RUN_SIZE - 16 - at,
			      tags ? 0 : b->asked_from, slot, basis, n);
	if (len < 0)
		return 0;
	if (tags) {
		wire_put32(p, 0);
		wire_put32(p + 4, len);
		memset(p + 8 + len, 0, post_bytes(n));
		len += post_bytes(n);
	}
	b->asked_from = s;
	return chain_message(b->c, MSG_DETECT, b->detects++, body,
			     RAW_RUN_SIZE + 16 + at + len);
}

static int right_run(struct bench *b, bool tags)
{
	uint8_t body[RAW_RUN_SIZE + 16 + 32] = { 0 };
	double v[4] = { .5, .6, .1, .4 };
	uint64_t u;
	int i;

	wire_put32(body + RAW_RUN_SIZE + 8, tags ? 0 : 2);
	for (i = 0; i < 4; i++) {
		memcpy(&u, &v[i], 8);
		wire_put64(body + RAW_RUN_SIZE + 16 + 8 * i, u);
	}
	return chain_message(b->c, MSG_RUN, 0, body,
			     RAW_RUN_SIZE + 16 + (tags ? 0 : 32));
}

static int right_sift(struct bench *b)
{
	static uint64_t v[6][EVENTS / 32], slot[4 * EVENTS], basis[EVENTS / 8];
	static uint64_t mine[EVENTS / 8], out[EVENTS];
	struct post_sifted key = { v[0], v[1], v[2], 0, EVENTS };
	struct post_sifted chk = { v[3], v[4], v[5], 0, EVENTS };
	struct post_prep pp = { mine, mine, mine, NULL };
	long n, len;

	if (!b->detect)
		return 0;
	memset(v, 0, sizeof(v));
	n = post_detect_get(b->detect, b->detect_len, 0, UINT64_MAX, slot,
			    basis, EVENTS);
	if (n < 0)
		return 0;
	len = post_sift_alice(&pp, basis, n, &key, &chk, (uint8_t *)out,
			      sizeof(out));
	return len < 0 ? 0 : chain_message(b->c, MSG_SIFT, b->detect_no,
					   (uint8_t *)out, len);
}

static void settle(struct bench *b)
{
	while (b->c->busy)
		event_base_loop(base, EVLOOP_ONCE);
}

static int anything(struct bench *b, struct input *in)
{
	static const unsigned int types[] = {
		MSG_RUN, MSG_DETECT, MSG_SIFT, MSG_CHECK, MSG_PARITY,
		MSG_VERIFY, MSG_VERIFIED, MSG_RESULT, MSG_DEAD, MSG_OFFER,
	};
	unsigned int type = types[take8(in) % 10], block = take8(in);
	size_t len = take16(in);
	const uint8_t *p = take(in, &len);

	return chain_message(b->c, type, block, p, len);
}

static int step(struct bench *b, struct input *in, bool alice, bool tags)
{
	switch (take8(in) % 4) {
	case 0:
		device_goes_on(b, alice);
		return 0;
	case 1:
		return alice ? right_detect(b, tags) : right_run(b, tags);
	case 2:
		return alice ? 0 : right_sift(b);
	default:
		return anything(b, in);
	}
}

static bool begin(struct bench *b, bool alice, bool tags)
{
	static const uint8_t generation[16];
	static const uint64_t offset[2];
	struct sink sink = hole();
	struct raw_header *h = malloc(sizeof(*h));
	struct chain_conf conf;

	if (!base) {
		log_setup(LOG_LEVEL_ERR, false);
		base = event_base_new();
		workers = workers_new(base, 1);
		store = memory_store(true);
	}
	chain_conf_init(&conf);
	conf.block = BLOCK;
	conf.offset_max = 1000;
	b->d = deliver_new(base, &sink, store, alice, &deliver_calls, NULL);
	if (b->d)
		b->c = chain_new(&conf, alice ? QKD_ROLE_ALICE : QKD_ROLE_BOB,
				 "fuzz", workers, b->d, &calls, b);
	if (!b->c || !h) {
		if (!starved())
			abort();
		deliver_free(b->d);
		free(h);
		return false;
	}
	run_header(h, alice, tags);
	deliver_start(b->d, generation, 0, offset, 65536);
	chain_start(b->c);
	chain_run(b->c, h);
	free(h);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned int how = take8(&in), i;
	bool alice = how & 1, tags = how & 2;
	struct bench b = { 0 };

	if (!begin(&b, alice, tags))
		return 0;
	for (i = 0; i < STEPS && in.len; i++) {
		int ret = step(&b, &in, alice, tags);

		settle(&b);
		if (ret && ret != -EBADMSG && ret != -ENOMEM)
			abort();
		if (ret)
			break;
	}
	chain_stop(b.c);
	if (b.c->flight || b.c->key.len || b.c->chk.len)
		abort();
	settle(&b);
	chain_free(b.c);
	deliver_free(b.d);
	free(b.detect);
	return 0;
}
