// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The model of a pool: offsets, numbers, room and confirmations.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/qkdd_pool.h"

enum { TX, RX };
enum { NOTHING, FED, CONFIRMED };

void pool_init(struct pool *p, bool lower, uint64_t size, bool keep)
{
	memset(p, 0, sizeof(*p));
	p->lower = lower;
	p->size = size;
	p->keep = keep;
	p->st.lower = lower;
}

static void forget(struct pool *p)
{
	int i;

	for (i = 0; i < 2; i++) {
		free(p->bytes[i]);
		free(p->state[i]);
		p->bytes[i] = NULL;
		p->state[i] = NULL;
	}
	p->room = 0;
}

void pool_free(struct pool *p)
{
	forget(p);
}

static int refuse(struct pool *p, int err)
{
	p->refused++;
	return err;
}

static int pool_state(void *ctx, struct qkd_state *st)
{
	struct pool *p = ctx;

	*st = p->st;
	st->tx.room = p->size - (st->tx.head - st->tx.tail);
	st->rx.room = p->size - (st->rx.head - st->rx.tail);
	return 0;
}

static int pool_start(void *ctx, const uint8_t gen[QKD_GENERATION_SIZE])
{
	struct pool *p = ctx;

	if (p->down)
		return -ENETDOWN;
	if (!memcmp(gen, p->st.generation, QKD_GENERATION_SIZE))
		return refuse(p, -EALREADY);
	forget(p);
	memset(&p->st, 0, sizeof(p->st));
	memcpy(p->st.generation, gen, QKD_GENERATION_SIZE);
	p->st.lower = p->lower;
	p->starts++;
	return 0;
}

static int grow(struct pool *p, size_t need)
{
	size_t room = p->room ? p->room : 1 << 16, i;
	void *b;

	while (room < need)
		room *= 2;
	if (room == p->room)
		return 0;
	for (i = 0; i < 2; i++) {
		b = realloc(p->bytes[i], room);
		if (!b)
			return -ENOMEM;
		p->bytes[i] = b;
		b = realloc(p->state[i], room);
		if (!b)
			return -ENOMEM;
		p->state[i] = b;
		memset(p->state[i] + p->room, NOTHING, room - p->room);
	}
	p->room = room;
	return 0;
}

/* As qkdd feeds: all of a block to one stream. */
static int pool_feed(void *ctx, const struct qkd_feed *h, const void *block)
{
	struct pool *p = ctx;
	bool tx = h->flags == (p->lower ? QKD_FEED_STREAM_0 :
					  QKD_FEED_STREAM_1);
	struct qkd_stream_state *s = tx ? &p->st.tx : &p->st.rx;
	uint64_t end = h->offset + h->len;
	int i = tx ? TX : RX;

	if (p->down)
		return -ENETDOWN;
	if (memcmp(h->generation, p->st.generation, QKD_GENERATION_SIZE))
		return refuse(p, -ESTALE);
	if (!h->len || h->seq < p->st.next_seq || h->offset < s->head ||
	    (h->flags != QKD_FEED_STREAM_0 && h->flags != QKD_FEED_STREAM_1))
		return refuse(p, -EINVAL);
	if (s->head == s->tail)
		s->tail = h->offset;
	if (end - s->tail > p->size)
		return -EAGAIN;
	if (p->keep && grow(p, end))
		return -ENOMEM;
	if (p->keep) {
		memcpy(p->bytes[i] + h->offset, block, h->len);
		memset(p->state[i] + h->offset, FED, h->len);
	}
	p->st.next_seq = h->seq + 1;
	s->head = end;
	return 0;
}

static int pool_confirm(void *ctx, const struct qkd_confirm *c)
{
	struct pool *p = ctx;
	uint64_t i;

	if (memcmp(c->generation, p->st.generation, QKD_GENERATION_SIZE))
		return refuse(p, -ESTALE);
	if (c->offset < p->st.tx.confirmed ||
	    c->offset + c->len > p->st.tx.head)
		return refuse(p, -EINVAL);
	for (i = 0; p->keep && i < c->len; i++) {
		if (p->state[TX][c->offset + i] != FED)
			return refuse(p, -EINVAL);
		p->state[TX][c->offset + i] = CONFIRMED;
	}
	p->st.tx.confirmed = c->offset + c->len;
	p->confirmed += c->len;
	if (p->drain)
		pool_drain(p);
	return 0;
}

static const struct sink_ops ops = {
	.state = pool_state,
	.start = pool_start,
	.feed = pool_feed,
	.confirm = pool_confirm,
};

struct sink pool_sink(struct pool *p)
{
	return (struct sink){ .ops = &ops, .ctx = p };
}

void pool_drain_one(struct pool *p, bool tx)
{
	if (tx)
		p->st.tx.tail = p->st.tx.confirmed;
	else
		p->st.rx.tail = p->st.rx.head;
}

void pool_drain(struct pool *p)
{
	pool_drain_one(p, true);
	pool_drain_one(p, false);
}

long pool_compare(const struct pool *a, const struct pool *b)
{
	uint64_t i, n = a->st.tx.confirmed;
	long same = 0;

	if (memcmp(a->st.generation, b->st.generation, QKD_GENERATION_SIZE))
		return 0;
	for (i = 0; i < n; i++) {
		if (a->state[TX][i] != CONFIRMED)
			continue;
		if (i >= b->room || b->state[RX][i] != FED ||
		    a->bytes[TX][i] != b->bytes[RX][i])
			return -1;
		same++;
	}
	return same;
}
