// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The queue of blocks on their way into the pools.
 *
 *   EXPECTED --key made--> FILLED --fed--> FED --peer's STORED--> confirmed
 *                                   `-- -EAGAIN: wait for room
 *
 * Blocks are fed in the order of their plans, here and at the peer, so that
 * what each end holds is always a beginning of that order.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "auth.h"
#include "deliver.h"
#include "secret.h"
#include "wire.h"

#define WAITING_MAX	8	/* blocks in the queue before the chain rests */
#define RETRY_MS	50	/* until room is asked for again */
#define LEVEL_EVERY	20	/* retries until the peer is told our tail */
#define STORED_SIZE	36
/* Authentication key that is aimed at, of each stream. */
#define AUTH_TARGET	(AUTH_CAPACITY / 2)

struct delivery {
	TAILQ_ENTRY(delivery) entry;
	struct plan plan;
	uint8_t *key;		/* NULL until filled; secret_alloc() */
	size_t key_len;
	uint32_t fed;		/* bytes of the pool's part */
	bool auth_fed;
	bool done;		/* fed all of it */
	bool peer_done;		/* the peer said so */
	uint64_t peer_tail;
};

TAILQ_HEAD(delivery_list, delivery);

struct deliver {
	struct sink sink;
	struct auth_store *store;
	const struct deliver_ops *ops;
	void *ctx;
	struct event *timer;
	struct delivery_list queue;	/* in the order of plans */
	unsigned int count;
	uint8_t generation[QKD_GENERATION_SIZE];
	uint64_t seq;		/* of the next plan */
	uint64_t offset;
	uint32_t piece;
	bool auth_planned;	/* an append is under way */
	bool running;
	unsigned int retries;
	uint64_t confirmed;
};

void plan_put(const struct plan *p, uint8_t buf[PLAN_SIZE])
{
	wire_put64(buf, p->seq);
	wire_put64(buf + 8, p->offset);
	wire_put32(buf + 16, p->len);
	wire_put64(buf + 20, p->auth_head);
	wire_put32(buf + 28, p->auth_len);
	wire_put64(buf + 32, p->stamp);
	wire_put32(buf + 40, 0);
}

void plan_get(const uint8_t buf[PLAN_SIZE], struct plan *p)
{
	p->seq = wire_get64(buf);
	p->offset = wire_get64(buf + 8);
	p->len = wire_get32(buf + 16);
	p->auth_head = wire_get64(buf + 20);
	p->auth_len = wire_get32(buf + 28);
	p->stamp = wire_get64(buf + 32);
}

static void delivery_free(struct deliver *d, struct delivery *e)
{
	TAILQ_REMOVE(&d->queue, e, entry);
	d->count--;
	secret_free(e->key, e->key_len);
	free(e);
}

static uint64_t pieces(const struct deliver *d, uint32_t len)
{
	return ((uint64_t)len + d->piece - 1) / d->piece;
}

/* ---- plans ---- */

static uint32_t auth_share(const struct deliver *d, size_t bytes)
{
	uint64_t left = auth_left(d->store), want;

	if (d->auth_planned || left >= AUTH_TARGET)
		return 0;
	/* half of what is made, at most, until there is enough */
	want = 2 * (AUTH_TARGET - left);
	if (want > bytes / 2)
		want = bytes / 2;
	if (want > auth_room(d->store))
		want = auth_room(d->store);
	return want / (2 * AUTH_UNIT) * (2 * AUTH_UNIT);
}

static void advance(struct deliver *d, const struct plan *p)
{
	d->seq = p->seq + pieces(d, p->len);
	d->offset = p->offset + p->len / 2;
	if (p->auth_len)
		d->auth_planned = true;
}

void deliver_plan(struct deliver *d, size_t bytes, struct plan *p)
{
	struct auth_marks marks;

	memset(p, 0, sizeof(*p));
	p->seq = d->seq;
	p->offset = d->offset;
	p->auth_len = auth_share(d, bytes);
	if (p->auth_len) {
		auth_marks(d->store, &marks);
		p->auth_head = marks.head;
		do {
			random_bytes(&p->stamp, sizeof(p->stamp));
		} while (!p->stamp);
	}
	p->len = (bytes - p->auth_len) & ~(size_t)1;
}

int deliver_check(const struct deliver *d, const struct plan *p, size_t bytes)
{
	if (p->seq != d->seq || p->offset != d->offset || p->len & 1 ||
	    (uint64_t)p->len + p->auth_len > bytes ||
	    p->auth_len % (2 * AUTH_UNIT) || !p->stamp != !p->auth_len ||
	    (p->auth_len && d->auth_planned))
		return -EINVAL;
	return 0;
}

struct delivery *deliver_expect(struct deliver *d, const struct plan *p)
{
	struct delivery *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->plan = *p;
	TAILQ_INSERT_TAIL(&d->queue, e, entry);
	d->count++;
	advance(d, p);
	return e;
}

/* ---- feeding ---- */

static void fail(struct deliver *d, const char *what, int err)
{
	char why[160];

	snprintf(why, sizeof(why), "%s: %s", what, strerror(-err));
	d->running = false;
	d->ops->failed(d->ctx, why);
}

static int feed_auth(struct deliver *d, struct delivery *e)
{
	if (!e->plan.auth_len || e->auth_fed)
		return 0;
	e->auth_fed = true;
	return auth_append(d->store, e->plan.auth_head, e->key,
			   e->plan.auth_len, e->plan.stamp);
}

static int feed_pool(struct deliver *d, struct delivery *e)
{
	struct qkd_feed head = { .flags = 0 };
	int ret;

	memcpy(head.generation, d->generation, sizeof(head.generation));
	while (e->fed < e->plan.len) {
		head.seq = e->plan.seq + e->fed / d->piece;
		head.offset = e->plan.offset + e->fed / 2;
		head.len = e->plan.len - e->fed;
		if (head.len > d->piece)
			head.len = d->piece;
		ret = d->sink.ops->feed(d->sink.ctx, &head,
					e->key + e->plan.auth_len + e->fed);
		if (ret)
			return ret;
		e->fed += head.len;
	}
	return 0;
}

static uint64_t own_tail(struct deliver *d)
{
	struct qkd_state st;

	return d->sink.ops->state(d->sink.ctx, &st) ? 0 : st.tx.tail;
}

static void say_stored(struct deliver *d, const struct delivery *e)
{
	uint8_t body[STORED_SIZE];

	wire_put64(body, e->plan.seq);
	wire_put64(body + 8, e->plan.offset);
	wire_put32(body + 16, e->plan.len);
	wire_put64(body + 20, e->plan.stamp);
	wire_put64(body + 28, own_tail(d));
	d->ops->stored(d->ctx, body, sizeof(body));
}

/* Both ends hold it. */
static int confirm(struct deliver *d, struct delivery *e)
{
	struct qkd_confirm c = {
		.offset = e->plan.offset,
		.len = e->plan.len / 2,
		.peer_reserved = e->peer_tail,
	};
	int ret;

	if (e->plan.auth_len) {
		d->auth_planned = false;
		ret = auth_confirm(d->store);
		if (ret)
			return ret;
	}
	if (!e->plan.len)
		return 0;
	memcpy(c.generation, d->generation, sizeof(c.generation));
	ret = d->sink.ops->confirm(d->sink.ctx, &c);
	if (!ret)
		d->confirmed += e->plan.len;
	return ret;
}

static void confirm_all(struct deliver *d)
{
	struct delivery *e;
	int ret;

	while ((e = TAILQ_FIRST(&d->queue)) && e->done && e->peer_done) {
		ret = confirm(d, e);
		delivery_free(d, e);
		if (ret) {
			fail(d, "the pool took no confirmation", ret);
			return;
		}
	}
}

static void say_level(struct deliver *d)
{
	uint8_t body[8];

	wire_put64(body, own_tail(d));
	d->ops->level(d->ctx, body, sizeof(body));
}

static void wait_for_room(struct deliver *d)
{
	struct timeval tv = { .tv_usec = RETRY_MS * 1000 };

	/*
	 * The peer's pool may be waiting to learn how far we have reserved,
	 * since key that we reserved and never named fills it.
	 */
	if (!(d->retries++ % LEVEL_EVERY))
		say_level(d);
	event_add(d->timer, &tv);
}

static void feed_all(struct deliver *d)
{
	bool moved = false;
	struct delivery *e;
	int ret;

	TAILQ_FOREACH(e, &d->queue, entry) {
		if (!d->running)
			return;
		if (e->done)
			continue;
		if (!e->key)
			break;
		ret = feed_auth(d, e);
		if (ret) {
			fail(d, "the authentication store took no key", ret);
			return;
		}
		ret = feed_pool(d, e);
		if (ret == -EAGAIN || ret == -ENETDOWN) {
			wait_for_room(d);
			break;
		}
		if (ret) {
			fail(d, "the pool took no key", ret);
			return;
		}
		d->retries = 0;
		e->done = true;
		secret_free(e->key, e->key_len);
		e->key = NULL;
		moved = true;
		say_stored(d, e);
	}
	confirm_all(d);
	if (moved && d->running)
		d->ops->moved(d->ctx);
}

static void retry(evutil_socket_t fd, short what, void *arg)
{
	struct deliver *d = arg;

	if (d->running)
		feed_all(d);
}

int deliver_fill(struct deliver *d, struct delivery *e, const void *key)
{
	e->key_len = (size_t)e->plan.auth_len + e->plan.len;
	/* a block too short for a byte still takes its turn */
	e->key = secret_alloc(e->key_len ? e->key_len : 1);
	if (!e->key)
		return -ENOMEM;
	memcpy(e->key, key, e->key_len);
	if (!e->key_len)
		e->key_len = 1;
	if (d->running)
		feed_all(d);
	return 0;
}

/* ---- what the peer says ---- */

int deliver_stored(struct deliver *d, const uint8_t *body, size_t len)
{
	struct wire w = { .p = body, .len = len };
	uint64_t seq = wire_u64(&w), offset = wire_u64(&w);
	uint32_t bytes = wire_u32(&w);
	uint64_t stamp = wire_u64(&w), tail = wire_u64(&w);
	struct delivery *e;

	if (!wire_done(&w))
		return -EBADMSG;
	TAILQ_FOREACH(e, &d->queue, entry)
		if (!e->peer_done)
			break;
	if (!e || e->plan.seq != seq || e->plan.offset != offset ||
	    e->plan.len != bytes || e->plan.stamp != stamp)
		return -EBADMSG;
	e->peer_done = true;
	e->peer_tail = tail;
	if (d->running)
		confirm_all(d);
	return 0;
}

int deliver_level(struct deliver *d, const uint8_t *body, size_t len)
{
	struct wire w = { .p = body, .len = len };
	struct qkd_confirm c = { .peer_reserved = wire_u64(&w) };
	struct qkd_state st;

	if (!wire_done(&w))
		return -EBADMSG;
	if (d->running && !d->sink.ops->state(d->sink.ctx, &st)) {
		memcpy(c.generation, d->generation, sizeof(c.generation));
		/* an empty range: only the peer's level is news */
		c.offset = st.tx.confirmed;
		d->sink.ops->confirm(d->sink.ctx, &c);
	}
	return 0;
}

/* ---- sessions ---- */

struct deliver *deliver_new(struct event_base *base, const struct sink *sink,
			    struct auth_store *store,
			    const struct deliver_ops *ops, void *ctx)
{
	struct deliver *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->sink = *sink;
	d->store = store;
	d->ops = ops;
	d->ctx = ctx;
	TAILQ_INIT(&d->queue);
	d->timer = evtimer_new(base, retry, d);
	if (!d->timer) {
		free(d);
		return NULL;
	}
	return d;
}

void deliver_free(struct deliver *d)
{
	if (!d)
		return;
	deliver_stop(d);
	event_free(d->timer);
	free(d);
}

void deliver_start(struct deliver *d, const uint8_t *generation, uint64_t seq,
		   uint64_t offset, uint32_t piece)
{
	memcpy(d->generation, generation, sizeof(d->generation));
	d->seq = seq;
	d->offset = offset;
	d->piece = piece;
	d->auth_planned = false;
	d->retries = 0;
	d->running = true;
}

void deliver_stop(struct deliver *d)
{
	d->running = false;
	event_del(d->timer);
	while (!TAILQ_EMPTY(&d->queue))
		delivery_free(d, TAILQ_FIRST(&d->queue));
}

bool deliver_full(const struct deliver *d)
{
	return d->count >= WAITING_MAX;
}

uint64_t deliver_confirmed(const struct deliver *d)
{
	return d->confirmed;
}
