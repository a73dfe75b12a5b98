// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finished key from two devices: both ends' deliveries are in step, or there are
 * none. One of the devices lies, hears all that the daemons say, and has its
 * answer fit whatever was said of the block so far.
 */
#include <event2/event.h>
#include <string.h>

#include <kselftest_harness.h>
#include "tests/fuzz/qkdd_memory.h"
#include "tools/common/log.h"
#include "tools/common/secret.h"
#include "tools/post/verify.h"
#include "tools/qkdd/deliver.h"
#include "tools/qkdd/driver.h"
#include "tools/qkdd/keyflow.h"
#include "tools/qkdd/messages.h"

#define BLOCK	256
#define HEARD	65536

enum lie {
	HONEST,
	FLIPPED,	/* a bit of it is another */
	SHORTER,
	FITTED,		/* another, with the hash that was heard of, if one was */
};

struct end {
	struct keyflow *flow;
	struct deliver *deliver;
	struct net *net;
	unsigned int alarms;
	unsigned int asked;
};

struct net {
	struct end end[2];	/* 0 leads */
	enum lie lie;
	bool leader_lies;
	uint8_t heard[HEARD];	/* all bodies, one after the other */
	size_t heard_len;
	uint64_t name;
	bool failed;
};

/* What an honest device gives under this name */
static void honest(uint64_t name, uint8_t block[BLOCK])
{
	unsigned int i;

	for (i = 0; i < BLOCK; i++)
		block[i] = (name + 1) * 0x9e3779b97f4a7c15 >> (i % 57) ^ i;
}

static void hash(const uint8_t key[16], const uint8_t *block, uint8_t tag[16])
{
	uint64_t v[BLOCK / 8 - 2];

	memcpy(v, block, sizeof(v));
	post_verify_tag(key, v, 8 * sizeof(v), tag);
}

/* Any 32 bytes in a row that were heard may be a hash's key and its hidden value */
static bool fit(struct net *n, uint8_t block[BLOCK])
{
	uint8_t truth[BLOCK], tag[16];
	size_t at;
	unsigned int i;

	memcpy(truth, block, BLOCK);
	for (at = 0; at + 32 <= n->heard_len; at++) {
		const uint8_t *p = n->heard + at;

		hash(p, truth, tag);
		for (i = 0; i < 16; i++)
			if ((tag[i] ^ truth[BLOCK - 16 + i]) != p[16 + i])
				break;
		if (i < 16)
			continue;
		/* another block, whose last bytes make up for that */
		block[0] ^= 1;
		hash(p, block, tag);
		for (i = 0; i < 16; i++)
			block[BLOCK - 16 + i] = tag[i] ^ p[16 + i];
		return true;
	}
	return false;
}

static void answer(struct end *e, uint64_t name)
{
	struct net *n = e->net;
	bool leads = e == &n->end[0];
	uint8_t block[BLOCK];
	size_t len = BLOCK;

	honest(name, block);
	if (n->leader_lies == leads) {
		if (n->lie == SHORTER)
			len -= 8;
		if (n->lie == FLIPPED ||
		    (n->lie == FITTED && !fit(n, block)))
			block[40] ^= 4;
	}
	keyflow_key(e->flow, (uint8_t *)&name, sizeof(name), block, len);
}

static void on_get(void *ctx, size_t max)
{
	struct end *e = ctx;

	e->asked++;
}

static void on_take(void *ctx, const uint8_t *id, size_t len)
{
	struct end *e = ctx;
	uint64_t name;

	memcpy(&name, id, sizeof(name));
	answer(e, name);
}

static void on_skip(void *ctx, const uint8_t *hint, size_t len)
{
}

static void on_send(void *ctx, unsigned int type, uint64_t block,
		    const void *data, size_t len, const void *more,
		    size_t more_len)
{
	struct end *e = ctx, *other = &e->net->end[e == &e->net->end[0]];
	struct net *n = e->net;
	uint8_t body[1024];

	if (len)
		memcpy(body, data, len);
	if (more_len)
		memcpy(body + len, more, more_len);
	len += more_len;
	if (n->heard_len + len <= HEARD) {
		memcpy(n->heard + n->heard_len, body, len);
		n->heard_len += len;
	}
	if (keyflow_message(other->flow, type, block, body, len))
		n->failed = true;
}

static void on_alarm(void *ctx, enum qkd_alarm alarm, const char *text)
{
	struct end *e = ctx;

	e->alarms += alarm == QKD_ALARM_VERIFY;
}

static void on_reason(void *ctx, const char *text)
{
}

static void on_fail(void *ctx, const char *text)
{
	struct end *e = ctx;

	e->net->failed = true;
}

static void on_body(void *ctx, const uint8_t *body, size_t len)
{
}

static void on_moved(void *ctx)
{
}

static const struct keyflow_ops flow_calls = {
	.get = on_get, .take = on_take, .skip = on_skip, .send = on_send,
	.alarm = on_alarm, .reason = on_reason, .fail = on_fail,
};

static const struct deliver_ops deliver_calls = {
	.stored = on_body, .level = on_body, .failed = on_reason,
	.moved = on_moved,
};

FIXTURE(flow)
{
	struct event_base *base;
	struct net net;
};

FIXTURE_SETUP(flow)
{
	static const uint8_t generation[16];
	static const uint64_t offset[2];
	static struct sink sink[2];
	unsigned int i;

	log_setup(LOG_LEVEL_ERR, false);
	self->base = event_base_new();
	for (i = 0; i < 2; i++) {
		struct end *e = &self->net.end[i];

		sink[i] = hole();
		e->net = &self->net;
		e->deliver = deliver_new(self->base, &sink[i],
					 memory_store(!i), !i, &deliver_calls,
					 e);
		ASSERT_NE(NULL, e->deliver);
		e->flow = keyflow_new(self->base, !i, e->deliver, &flow_calls,
				      e);
		ASSERT_NE(NULL, e->flow);
		deliver_start(e->deliver, generation, 0, offset, 65536);
	}
	keyflow_start(self->net.end[1].flow);
	keyflow_start(self->net.end[0].flow);
}

FIXTURE_TEARDOWN(flow)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		keyflow_free(self->net.end[i].flow);
		deliver_free(self->net.end[i].deliver);
	}
	event_base_free(self->base);
}

/* The leader's device has given a block; both ends have delivered @blocks. */
static void one_block(struct __test_metadata *_metadata, struct net *n,
		      enum lie lie, unsigned int blocks, unsigned int alarms)
{
	n->lie = lie;
	answer(&n->end[0], n->name++);
	EXPECT_FALSE(n->failed);
	EXPECT_EQ(blocks, keyflow_stats(n->end[0].flow)->blocks);
	EXPECT_EQ(blocks, keyflow_stats(n->end[1].flow)->blocks);
	EXPECT_EQ(alarms, n->end[0].alarms);
	EXPECT_EQ(alarms, n->end[1].alarms);
}

TEST_F(flow, of_honest_devices_goes_to_both_pools)
{
	ASSERT_EQ(1, self->net.end[0].asked);
	one_block(_metadata, &self->net, HONEST, 1, 0);
	EXPECT_EQ(2, self->net.end[0].asked);
	one_block(_metadata, &self->net, HONEST, 2, 0);
}

TEST_F(flow, that_differs_goes_to_neither)
{
	one_block(_metadata, &self->net, FLIPPED, 0, 1);
}

TEST_F(flow, of_another_length_goes_to_neither)
{
	one_block(_metadata, &self->net, SHORTER, 0, 1);
}

TEST_F(flow, fitted_by_who_listens_goes_to_neither)
{
	one_block(_metadata, &self->net, FITTED, 0, 1);
}

TEST_F(flow, fitted_by_the_leaders_device_goes_to_neither)
{
	self->net.leader_lies = true;
	one_block(_metadata, &self->net, FITTED, 0, 1);
}

/* The hash is hidden: what is said does not tell blocks apart */
TEST_F(flow, is_not_told_of_before_both_devices_have_given_it)
{
	uint64_t name = 0;
	uint8_t want[4 + sizeof(name)] = { 0, 0, BLOCK >> 8, BLOCK & 255 };

	memcpy(want + 4, &name, sizeof(name));
	one_block(_metadata, &self->net, HONEST, 1, 0);
	ASSERT_LE(sizeof(want), self->net.heard_len);
	EXPECT_EQ(0, memcmp(want, self->net.heard, sizeof(want)));
	EXPECT_EQ(sizeof(want) + 32, self->net.heard_len);
}

TEST_HARNESS_MAIN
