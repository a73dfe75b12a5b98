// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rings of a pool against a model that keeps a state for each offset: in
 * long random runs they must do, refuse, count and erase the same.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <kselftest_harness.h>
#include "kmod/core/ring.h"

#define SIZE	256
#define LONG	(1 << 20)	/* offsets of a run */

enum { ROOM, HELD, SURE, USED, LOST };	/* SURE: confirmed */

struct model {
	uint8_t *state;		/* of each offset */
	uint8_t *key;
	uint64_t head;
	uint64_t sure;		/* confirm's mark */
};

FIXTURE(core_ring) {
	struct qkd_tx tx;
	struct qkd_rx rx;
	struct model t, r;
	uint64_t ms;
	unsigned int seed;
};

static void model_make(struct model *m)
{
	m->state = calloc(LONG, 1);
	m->key = malloc(LONG);
}

FIXTURE_SETUP(core_ring)
{
	self->tx.buf = calloc(1, SIZE);
	self->tx.size = SIZE;
	self->rx.buf = calloc(1, SIZE);
	self->rx.gone = calloc(1, SIZE / 8);
	self->rx.size = SIZE;
	model_make(&self->t);
	model_make(&self->r);
	self->seed = 1;
}

FIXTURE_TEARDOWN(core_ring)
{
	free(self->tx.buf);
	free(self->rx.buf);
	free(self->rx.gone);
	free(self->t.state);
	free(self->t.key);
	free(self->r.state);
	free(self->r.key);
}

static unsigned int rnd(FIXTURE_DATA(core_ring) *self, unsigned int n)
{
	return rand_r(&self->seed) % n;
}

/* How many offsets below @to are in one of the states @mask. */
static uint64_t in(const struct model *m, uint64_t from, uint64_t to,
		   unsigned int mask)
{
	uint64_t n = 0;

	for (; from < to; from++)
		n += mask >> m->state[from] & 1;
	return n;
}

static void become(struct model *m, uint64_t from, uint64_t to, int was,
		   int is)
{
	for (; from < to; from++)
		if (was < 0 || m->state[from] == was)
			m->state[from] = is;
}

#define KEY	(1 << HELD | 1 << SURE)

static uint64_t tail(const struct model *m)
{
	uint64_t o = m->head > 4 * SIZE ? m->head - 4 * SIZE : 0;

	while (o < m->head && !(KEY >> m->state[o] & 1))
		o++;
	return o;
}

/* Nothing is in the ring but key that is held. */
static int erased(const uint8_t *buf, const struct model *m)
{
	uint64_t o = m->head > SIZE ? m->head - SIZE : 0;
	uint8_t held[SIZE] = { 0 };
	int i;

	for (; o < m->head; o++)
		if (KEY >> m->state[o] & 1) {
			held[o % SIZE] = 1;
			if (buf[o % SIZE] != m->key[o])
				return 0;
		}
	for (i = 0; i < SIZE; i++)
		if (!held[i] && buf[i])
			return 0;
	return 1;
}

static void model_feed(FIXTURE_DATA(core_ring) *self, struct model *m,
		       uint64_t offset, uint32_t len)
{
	uint64_t o;

	become(m, m->head, offset, -1, LOST);
	for (o = offset; o < offset + len; o++) {
		m->state[o] = HELD;
		m->key[o] = 1 + rnd(self, 255);
	}
	m->head = offset + len;
}

static void check_tx(struct __test_metadata *_metadata,
		     FIXTURE_DATA(core_ring) *self)
{
	const struct qkd_tx *tx = &self->tx;
	const struct model *m = &self->t;
	uint64_t from = m->head > 4 * SIZE ? m->head - 4 * SIZE : 0;

	ASSERT_EQ(m->head, tx->head);
	ASSERT_EQ(tail(m), qkd_tx_tail(tx));
	ASSERT_EQ(in(m, from, m->head, 1 << SURE), tx->available);
	ASSERT_EQ(in(m, from, m->head, KEY), tx->held);
	ASSERT_EQ(tx->total, tx->consumed + tx->lost + tx->held);
	ASSERT_EQ(1, erased(tx->buf, m));
}

static void tx_feed(struct __test_metadata *_metadata,
		    FIXTURE_DATA(core_ring) *self)
{
	uint64_t offset = self->t.head + (rnd(self, 4) ? 0 : rnd(self, 40));
	uint32_t len = 1 + rnd(self, 90);
	int fits = offset + len - (self->tx.held ? tail(&self->t) : offset) <=
		   SIZE;
	int err = qkd_tx_check(&self->tx, offset, len);

	if (!fits)
		ASSERT_EQ(-EAGAIN, err);
	if (err)
		return;
	model_feed(self, &self->t, offset, len);
	qkd_ring_write(self->tx.buf, SIZE, offset, self->t.key + offset, len);
	qkd_tx_feed(&self->tx, offset, len);
}

static void tx_confirm(struct __test_metadata *_metadata,
		       FIXTURE_DATA(core_ring) *self)
{
	struct model *m = &self->t;
	uint64_t low = m->head > SIZE ? m->head - SIZE : 0;
	uint64_t offset = low + rnd(self, m->head - low + 5);
	uint64_t len = rnd(self, 60);
	int whole = offset + len <= m->head &&
		    in(m, offset, offset + len, 1 << HELD) == len;
	int old = offset + len <= m->sure;
	int err = qkd_tx_confirm(&self->tx, offset, len);

	if (offset + len > m->head || (!old && (offset < m->sure || !whole))) {
		ASSERT_EQ(-EINVAL, err);
		return;
	}
	if (err == -EAGAIN) {
		ASSERT_EQ(QKD_EXTENTS, self->tx.conf.n);
		return;
	}
	ASSERT_EQ(0, err);
	if (old)
		return;
	become(m, low, offset, HELD, LOST);
	become(m, offset, offset + len, HELD, SURE);
	m->sure = offset + len;
}

static void tx_reserve(struct __test_metadata *_metadata,
		       FIXTURE_DATA(core_ring) *self)
{
	struct model *m = &self->t;
	uint32_t len = 1 + rnd(self, 50);
	uint64_t floor = rnd(self, 3) ? 0 : rnd(self, 100);
	uint64_t low = m->head > SIZE ? m->head - SIZE : 0, at, run = 0, left;
	uint64_t offset;
	uint8_t key[64];
	int err, can;

	for (at = low; at < m->head; at++) {
		run = m->state[at] == SURE ? run + 1 : 0;
		if (run == len)
			break;
	}
	at -= len - 1;
	left = run == len ? in(m, at + len, m->head, 1 << SURE) : 0;
	can = qkd_tx_can_reserve(&self->tx, len, floor);
	err = qkd_tx_reserve(&self->tx, key, len, floor, &offset);
	ASSERT_EQ(can, !err);
	if (run < len || left < floor) {
		ASSERT_EQ(-EAGAIN, err);
		return;
	}
	ASSERT_EQ(0, err);
	ASSERT_EQ(at, offset);
	ASSERT_EQ(0, memcmp(key, m->key + at, len));
	become(m, low, at, SURE, LOST);
	become(m, at, at + len, SURE, USED);
}

TEST_F_TIMEOUT(core_ring, invariant_1_tx_does_as_the_model, 120)
{
	int i;

	for (i = 0; i < 100000 && self->t.head < LONG - 1000; i++) {
		switch (rnd(self, 4)) {
		case 0:
			tx_feed(_metadata, self);
			break;
		case 1:
			tx_confirm(_metadata, self);
			break;
		default:
			tx_reserve(_metadata, self);
			break;
		}
		check_tx(_metadata, self);
	}
	EXPECT_LT(100000, self->tx.consumed);
	EXPECT_LT(10000, self->tx.lost);
}

static void check_rx(struct __test_metadata *_metadata,
		     FIXTURE_DATA(core_ring) *self)
{
	const struct qkd_rx *rx = &self->rx;
	const struct model *m = &self->r;
	uint64_t from = m->head > 4 * SIZE ? m->head - 4 * SIZE : 0;

	ASSERT_EQ(m->head, rx->head);
	ASSERT_EQ(tail(m), rx->tail);
	ASSERT_EQ(in(m, from, m->head, KEY), rx->held);
	ASSERT_EQ(rx->total, rx->consumed + rx->lost + rx->held);
	ASSERT_EQ(1, erased(rx->buf, m));
}

#define GRACE	50

/* Whether the peer was heard of @offset being reserved long enough ago. */
struct heard {
	uint64_t reserved[LONG / 64];
	uint64_t ms[LONG / 64];
	int n;
};

static uint64_t expirable(const struct heard *h, uint64_t now)
{
	uint64_t limit = 0;
	int i;

	for (i = 0; i < h->n; i++)
		if (h->ms[i] + GRACE <= now && h->reserved[i] > limit)
			limit = h->reserved[i];
	return limit;
}

static void rx_feed(struct __test_metadata *_metadata,
		    FIXTURE_DATA(core_ring) *self, struct heard *h)
{
	struct model *m = &self->r;
	uint64_t offset = m->head + (rnd(self, 4) ? 0 : rnd(self, 40));
	uint32_t len = 1 + rnd(self, 90);
	uint64_t limit = expirable(h, self->ms), before, lost;
	uint64_t low = m->head > SIZE ? m->head - SIZE : 0, o;
	int err = qkd_rx_check(&self->rx, offset, len, self->ms, GRACE);

	if (tail(m) == m->head || offset + len - tail(m) <= SIZE)
		ASSERT_EQ(0, err);
	if (err) {
		ASSERT_EQ(-EAGAIN, err);
		return;
	}
	before = self->rx.lost;
	qkd_rx_make_room(&self->rx, offset, len, self->ms, GRACE);
	lost = self->rx.lost - before;
	/* only expired key, oldest first, and none that need not */
	for (o = low; lost; o++) {
		ASSERT_LT(o, m->head);
		if (m->state[o] != HELD)
			continue;
		ASSERT_LT(o, limit);
		ASSERT_LT(o + SIZE, offset + len);
		m->state[o] = LOST;
		lost--;
	}
	check_rx(_metadata, self);
	ASSERT_TRUE(tail(m) == m->head || offset + len - tail(m) <= SIZE);
	model_feed(self, m, offset, len);
	qkd_ring_write(self->rx.buf, SIZE, offset, m->key + offset, len);
	qkd_rx_feed(&self->rx, offset, len);
}

static void rx_take(struct __test_metadata *_metadata,
		    FIXTURE_DATA(core_ring) *self)
{
	struct model *m = &self->r;
	uint64_t low = m->head > SIZE ? m->head - SIZE : 0;
	uint64_t offset = low + rnd(self, SIZE + 10);
	uint32_t len = 1 + rnd(self, 20);
	uint8_t key[32] = { 0 }, peeked[32] = { 0 };
	int peek = qkd_rx_peek(&self->rx, offset, peeked, len);
	int err = qkd_rx_take(&self->rx, offset, key, len);

	ASSERT_EQ(peek, err);
	if (offset + len > m->head) {
		ASSERT_EQ(-ENOENT, err);
	} else if (in(m, offset, offset + len, 1 << HELD) < len) {
		ASSERT_EQ(-EALREADY, err);
	} else {
		ASSERT_EQ(0, err);
		ASSERT_EQ(0, memcmp(key, m->key + offset, len));
		become(m, offset, offset + len, HELD, USED);
	}
	if (err)
		memset(peeked, 0, len);
	ASSERT_EQ(0, memcmp(key, peeked, len));
}

static void rx_hear(FIXTURE_DATA(core_ring) *self, struct heard *h)
{
	uint64_t low = self->r.head > SIZE ? self->r.head - SIZE : 0;
	uint64_t reserved = low + rnd(self, self->r.head - low + 1);

	if (h->n == LONG / 64)
		return;
	h->reserved[h->n] = reserved;
	h->ms[h->n++] = self->ms;
	qkd_rx_peer_reserved(&self->rx, reserved, self->ms, GRACE);
}

TEST_F_TIMEOUT(core_ring, invariant_1_rx_does_as_the_model, 120)
{
	struct heard *h = calloc(1, sizeof(*h));
	int i;

	for (i = 0; i < 40000 && self->r.head < LONG - 1000; i++) {
		self->ms += rnd(self, 5);
		switch (rnd(self, 8)) {
		case 0:
		case 1:
			rx_feed(_metadata, self, h);
			break;
		case 2:
			rx_hear(self, h);
			break;
		default:
			rx_take(_metadata, self);
			break;
		}
		check_rx(_metadata, self);
	}
	EXPECT_LT(50000, self->rx.consumed);
	EXPECT_LT(10000, self->rx.lost);
	free(h);
}

TEST_F(core_ring, room_comes_when_grace_is_over)
{
	qkd_rx_feed(&self->rx, 0, SIZE);
	EXPECT_EQ(0, qkd_rx_room(&self->rx, 1000, GRACE));
	qkd_rx_peer_reserved(&self->rx, 100, 1000, GRACE);
	EXPECT_EQ(0, qkd_rx_room(&self->rx, 1000 + GRACE - 1, GRACE));
	EXPECT_EQ(100, qkd_rx_room(&self->rx, 1000 + GRACE, GRACE));
}

/* a feeder that never stops needs little more room than comes in grace time */
TEST_F(core_ring, many_reports_do_not_put_off_the_first)
{
	const uint32_t grace = 160;
	uint64_t ms;

	for (ms = 1; ms < 5000; ms++) {
		uint64_t at = self->rx.head;

		ASSERT_EQ(0, qkd_rx_check(&self->rx, at, 1, ms, grace));
		qkd_rx_make_room(&self->rx, at, 1, ms, grace);
		/* byte n is reserved at n + 1 ms */
		ASSERT_LE(self->rx.tail + grace, self->rx.tail ? ms : grace);
		qkd_rx_feed(&self->rx, at, 1);
		qkd_rx_peer_reserved(&self->rx, at + 1, ms, grace);
		ASSERT_LE(self->rx.n_marks, QKD_MARKS);
		EXPECT_GE(grace + grace / 6 + 2,
			  SIZE - qkd_rx_room(&self->rx, ms, grace));
	}
}

TEST_F(core_ring, what_can_never_fit_is_told_apart)
{
	EXPECT_EQ(-EMSGSIZE, qkd_tx_check(&self->tx, 0, SIZE + 1));
	EXPECT_EQ(-EMSGSIZE, qkd_rx_check(&self->rx, 0, SIZE + 1, 0, 0));
	EXPECT_EQ(0, qkd_tx_check(&self->tx, 1000, SIZE));
	EXPECT_EQ(0, qkd_rx_check(&self->rx, 1000, SIZE, 0, 0));
}

TEST_F(core_ring, a_reset_loses_what_was_held)
{
	qkd_tx_feed(&self->tx, 0, 100);
	qkd_tx_confirm(&self->tx, 0, 50);
	qkd_tx_reset(&self->tx);
	EXPECT_EQ(100, self->tx.lost);
	EXPECT_EQ(0, self->tx.held | self->tx.head | self->tx.available);
	qkd_rx_feed(&self->rx, 0, 100);
	qkd_rx_reset(&self->rx);
	EXPECT_EQ(100, self->rx.lost);
	EXPECT_EQ(0, self->rx.held | self->rx.head);
}

TEST_HARNESS_MAIN
