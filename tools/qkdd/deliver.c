// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The queue of key on its way into the pools, and the records it goes in.
 *
 *   leader:    key made --placed, fed--> STORED said --STORED heard--> both hold
 *   follower:  key made --STORED heard--> told --fed--> STORED said, both hold
 *                                          `-- -EAGAIN: wait for room
 *
 * A record takes the next bytes of the queue, at both ends, to one stream of
 * the pools or to both authentication stores. The streams fill one by one, so
 * that one that is full because nobody uses it is in nobody's way.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "auth.h"
#include "deliver.h"
#include "tools/common/secret.h"
#include "tools/common/wire.h"

#define WAITING_MAX	16	/* blocks in the queue before the chain rests */
#define RETRY_MS	50	/* until room is asked for again */
#define LEVEL_EVERY	20	/* retries until any change is told */
#define SPLIT_LEAST	1024	/* bytes that are worth a record of their own */
#define STORED_SIZE	48
#define LEVEL_SIZE	24
/* Authentication key that is aimed at, of each stream. */
#define AUTH_TARGET	(AUTH_CAPACITY / 2)

enum where {
	STREAM_0,	/* tx of the node whose ID sorts first */
	STREAM_1,
	STORES,		/* of authentication key */
};

/* Key made, or about to be. */
struct delivery {
	TAILQ_ENTRY(delivery) entry;
	size_t len;
	uint8_t *key;		/* NULL until filled; secret_alloc() */
	size_t told;		/* bytes that have a record */
	size_t fed;		/* bytes that are stored here */
	bool shared;		/* with the authentication store, or not */
};

/* One that is not stored at both ends yet, as far as we know. */
struct record {
	TAILQ_ENTRY(record) entry;
	enum where where;
	uint64_t number;	/* the record's; STORES: a stamp */
	uint64_t offset;	/* in the stream; STORES: where they end */
	uint32_t len;
	struct delivery *from;	/* follower: whose bytes */
};

/* Where an end's pool stands, as it tells the other. */
struct level {
	uint64_t tail;		/* it will name no key below, of its tx */
	uint64_t room[2];
};

TAILQ_HEAD(delivery_list, delivery);
TAILQ_HEAD(record_list, record);

struct deliver {
	struct sink sink;
	struct auth_store *store;
	bool leads;
	enum where tx;		/* our stream to send with */
	const struct deliver_ops *ops;
	void *ctx;
	struct event *timer;
	struct delivery_list queue;
	unsigned int count;
	struct record_list records;	/* leader: said; follower: heard */
	uint8_t generation[QKD_GENERATION_SIZE];
	uint64_t seq;		/* of the next record */
	uint64_t offset[2];	/* where it goes */
	uint32_t piece;
	bool running;
	struct level said;
	struct level heard;
	unsigned int retries;
	uint64_t pooled;
};

static void delivery_free(struct deliver *d, struct delivery *e)
{
	TAILQ_REMOVE(&d->queue, e, entry);
	d->count--;
	secret_free(e->key, e->len);
	free(e);
}

static void record_free(struct deliver *d, struct record *r)
{
	TAILQ_REMOVE(&d->records, r, entry);
	free(r);
}

static void fail(struct deliver *d, const char *what, int err)
{
	char why[160];

	snprintf(why, sizeof(why), "%s: %s", what, strerror(-err));
	d->running = false;
	d->ops->failed(d->ctx, why);
}

/* ---- levels ---- */

static int look(struct deliver *d, struct level *l)
{
	struct qkd_state st;
	int ret = d->sink.ops->state(d->sink.ctx, &st);

	if (ret)
		return ret;
	l->tail = st.tx.tail;
	/* behind an empty stream what comes next is far enough */
	if (st.tx.tail == st.tx.head && TAILQ_EMPTY(&d->records))
		l->tail = d->offset[d->tx];
	l->room[d->tx] = st.tx.room;
	l->room[!d->tx] = st.rx.room;
	return 0;
}

static void level_put(struct deliver *d, uint8_t buf[LEVEL_SIZE],
		      const struct level *l)
{
	wire_put64(buf, l->tail);
	wire_put64(buf + 8, l->room[0]);
	wire_put64(buf + 16, l->room[1]);
	d->said = *l;
}

static void level_get(struct deliver *d, struct wire *w)
{
	d->heard.tail = wire_u64(w);
	d->heard.room[0] = wire_u64(w);
	d->heard.room[1] = wire_u64(w);
}

static void say_level(struct deliver *d, const struct level *l)
{
	uint8_t body[LEVEL_SIZE];

	level_put(d, body, l);
	d->ops->level(d->ctx, body, sizeof(body));
}

/* Our pool learns what the peer has reserved; and nothing else. */
static void pass_tail(struct deliver *d)
{
	struct qkd_confirm c = { .peer_reserved = d->heard.tail };
	struct qkd_state st;

	if (d->sink.ops->state(d->sink.ctx, &st))
		return;
	memcpy(c.generation, d->generation, sizeof(c.generation));
	c.offset = st.tx.confirmed;
	d->sink.ops->confirm(d->sink.ctx, &c);
}

/*
 * Key is waiting. The peer may be waiting for us: to hear of room, if it
 * leads, or how far we have reserved, since key that we reserved and never
 * named fills its pool. Each message costs key; so much room is told at once,
 * any other change once in a while.
 */
static void wait_for_room(struct deliver *d)
{
	struct timeval tv = { .tv_usec = RETRY_MS * 1000 };
	bool often = d->retries++ % LEVEL_EVERY;
	struct level l;
	int i, more = 0;

	event_add(d->timer, &tv);
	if (look(d, &l))
		return;
	for (i = 0; i < 2; i++)
		if (l.room[i] >= d->said.room[i] + d->piece / 4)
			more = !d->leads;
	if (more || (!often && memcmp(&l, &d->said, sizeof(l))))
		say_level(d, &l);
}

/* ---- storing ---- */

static int store(struct deliver *d, const struct record *r, struct delivery *e)
{
	const uint8_t *key = e->key + e->fed;
	struct qkd_feed head = {
		.seq = r->number,
		.offset = r->offset,
		.len = r->len,
		.flags = r->where == STREAM_0 ? QKD_FEED_STREAM_0 :
						QKD_FEED_STREAM_1,
	};
	int ret;

	if (r->where == STORES) {
		ret = auth_append(d->store, r->offset, key, r->len, r->number);
		if (ret)
			fail(d, "the authentication store took no key", ret);
	} else {
		memcpy(head.generation, d->generation,
		       sizeof(head.generation));
		ret = d->sink.ops->feed(d->sink.ctx, &head, key);
		if (ret && ret != -EAGAIN && ret != -ENETDOWN)
			fail(d, "the pool took no key", ret);
	}
	if (!ret)
		e->fed += r->len;
	return ret;
}

static void say_stored(struct deliver *d, const struct record *r)
{
	uint8_t body[STORED_SIZE];
	struct level l = d->said;

	look(d, &l);
	wire_put32(body, r->where);
	wire_put32(body + 4, r->len);
	wire_put64(body + 8, r->number);
	wire_put64(body + 16, r->offset);
	level_put(d, body + 24, &l);
	d->ops->stored(d->ctx, body, sizeof(body));
}

/* Both ends hold it: it may be used. */
static void both_hold(struct deliver *d, const struct record *r)
{
	struct qkd_confirm c = {
		.offset = r->offset,
		.len = r->len,
		.peer_reserved = d->heard.tail,
	};
	int ret = 0;

	if (r->where == STORES) {
		ret = auth_confirm(d->store);
	} else if (r->where == d->tx) {
		memcpy(c.generation, d->generation, sizeof(c.generation));
		ret = d->sink.ops->confirm(d->sink.ctx, &c);
	} else {
		pass_tail(d);
	}
	if (r->where != STORES)
		d->pooled += r->len;
	if (ret)
		fail(d, "the pool took no confirmation", ret);
}

/* The first delivery, if it has key that waits; what is empty goes. */
static struct delivery *first_waiting(struct deliver *d)
{
	struct delivery *e;

	while ((e = TAILQ_FIRST(&d->queue)) && e->key && e->fed == e->len)
		delivery_free(d, e);
	return e && e->key ? e : NULL;
}

/* ---- the leader: where the next bytes go ---- */

static bool stores_pending(const struct deliver *d)
{
	const struct record *r;

	TAILQ_FOREACH(r, &d->records, entry)
		if (r->where == STORES)
			return true;
	return false;
}

static size_t auth_share(const struct deliver *d, size_t bytes)
{
	uint64_t left = auth_left(d->store), want;

	if (stores_pending(d) || left >= AUTH_TARGET)
		return 0;
	/* half of what is made, at most, until there is enough */
	want = 2 * (AUTH_TARGET - left);
	if (want > bytes / 2)
		want = bytes / 2;
	if (want > auth_room(d->store))
		want = auth_room(d->store);
	return want / (2 * AUTH_UNIT) * (2 * AUTH_UNIT);
}

/* Room at both ends, but for what is on its way to the peer. */
static void rooms(const struct deliver *d, const struct level *own,
		  uint64_t room[2])
{
	const struct record *r;
	uint64_t away[2] = { 0, 0 };
	int i;

	TAILQ_FOREACH(r, &d->records, entry)
		if (r->where != STORES)
			away[r->where] += r->len;
	for (i = 0; i < 2; i++) {
		room[i] = d->heard.room[i] > away[i] ?
			  d->heard.room[i] - away[i] : 0;
		if (room[i] > own->room[i])
			room[i] = own->room[i];
	}
}

/*
 * The emptier stream gets as much as leaves both with the same room: so both
 * are filled where both are used, and all goes to one where only that is.
 */
static uint32_t pool_share(const struct deliver *d, size_t left,
			   const uint64_t room[2], enum where *where)
{
	enum where s = room[1] > room[0] ? STREAM_1 : STREAM_0;
	uint64_t len = left;

	if (room[s] - room[!s] < left)
		len = (left + room[s] - room[!s] + 1) / 2;
	if (len < SPLIT_LEAST || left - len < SPLIT_LEAST)
		len = left;
	if (len > d->piece)
		len = d->piece;
	if (len > room[s]) {
		/* no crumbs: each record costs two tags' key */
		if (room[s] < d->piece / 4)
			return 0;
		len = room[s];
	}
	*where = s;
	return len;
}

/* @r: out. False: there is no room. */
static bool place(struct deliver *d, struct delivery *e, struct record *r)
{
	struct auth_marks marks;
	struct level own;
	uint64_t room[2];

	if (!e->shared) {
		e->shared = true;
		r->len = auth_share(d, e->len);
		if (r->len) {
			auth_marks(d->store, &marks);
			r->where = STORES;
			r->offset = marks.head;
			do {
				random_bytes(&r->number, sizeof(r->number));
			} while (!r->number);
			return true;
		}
	}
	if (look(d, &own))
		return false;
	rooms(d, &own, room);
	r->len = pool_share(d, e->len - e->fed, room, &r->where);
	r->number = d->seq;
	r->offset = d->offset[r->where & 1];
	return r->len != 0;
}

static void advance(struct deliver *d, const struct record *r)
{
	if (r->where == STORES)
		return;
	d->seq++;
	d->offset[r->where] += r->len;
}

static void lead(struct deliver *d)
{
	struct delivery *e;
	struct record *r;

	while (d->running && (e = first_waiting(d))) {
		r = calloc(1, sizeof(*r));
		if (!r) {
			fail(d, "key", -ENOMEM);
			return;
		}
		if (!place(d, e, r) || store(d, r, e)) {
			free(r);
			if (d->running)
				wait_for_room(d);
			return;
		}
		advance(d, r);
		TAILQ_INSERT_TAIL(&d->records, r, entry);
		d->retries = 0;
		say_stored(d, r);
	}
}

static int leader_heard(struct deliver *d, const struct record *said)
{
	struct record *r = TAILQ_FIRST(&d->records);

	if (!r || r->where != said->where || r->number != said->number ||
	    r->offset != said->offset || r->len != said->len)
		return -EBADMSG;
	both_hold(d, r);
	record_free(d, r);
	return 0;
}

/* ---- the follower: what the leader said ---- */

static void follow(struct deliver *d)
{
	struct record *r;

	while (d->running && first_waiting(d)) {
		r = TAILQ_FIRST(&d->records);
		if (!r || store(d, r, r->from)) {
			if (d->running)
				wait_for_room(d);
			return;
		}
		both_hold(d, r);
		TAILQ_REMOVE(&d->records, r, entry);
		d->retries = 0;
		if (d->running)
			say_stored(d, r);
		free(r);
	}
}

/* The delivery that has @len more bytes than were spoken of, or NULL. */
static struct delivery *next_told(struct deliver *d, uint32_t len)
{
	struct delivery *e;

	TAILQ_FOREACH(e, &d->queue, entry)
		if (e->told < e->len)
			return e->len - e->told >= len ? e : NULL;
	return NULL;
}

static int follower_heard(struct deliver *d, const struct record *said)
{
	struct delivery *e = next_told(d, said->len);
	struct record *r;

	if (!e || !said->len || said->where > STORES)
		return -EBADMSG;
	if (said->where == STORES) {
		if (said->len % (2 * AUTH_UNIT) || !said->number)
			return -EBADMSG;
	} else if (said->number != d->seq || said->len > d->piece ||
		   said->offset != d->offset[said->where]) {
		return -EBADMSG;
	}
	r = malloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = *said;
	r->from = e;
	e->told += r->len;
	advance(d, r);
	TAILQ_INSERT_TAIL(&d->records, r, entry);
	return 0;
}

/* ---- both ---- */

static void go_on(struct deliver *d)
{
	unsigned int before = d->count;

	if (d->leads)
		lead(d);
	else
		follow(d);
	if (d->count < before && d->running)
		d->ops->moved(d->ctx);
}

static void retry(evutil_socket_t fd, short what, void *arg)
{
	struct deliver *d = arg;

	if (d->running)
		go_on(d);
}

struct delivery *deliver_expect(struct deliver *d, size_t len)
{
	struct delivery *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->len = len;
	TAILQ_INSERT_TAIL(&d->queue, e, entry);
	d->count++;
	return e;
}

int deliver_fill(struct deliver *d, struct delivery *e, const void *key)
{
	/* a block too short for a byte still takes its turn */
	e->key = secret_alloc(e->len ? e->len : 1);
	if (!e->key)
		return -ENOMEM;
	memcpy(e->key, key, e->len);
	if (d->running)
		go_on(d);
	return 0;
}

int deliver_stored(struct deliver *d, const uint8_t *body, size_t len)
{
	struct wire w = { .p = body, .len = len };
	struct record said = { .where = wire_u32(&w) };
	int ret;

	said.len = wire_u32(&w);
	said.number = wire_u64(&w);
	said.offset = wire_u64(&w);
	level_get(d, &w);
	if (!wire_done(&w))
		return -EBADMSG;
	ret = d->leads ? leader_heard(d, &said) : follower_heard(d, &said);
	if (!ret && d->running)
		go_on(d);
	return ret;
}

int deliver_level(struct deliver *d, const uint8_t *body, size_t len)
{
	struct wire w = { .p = body, .len = len };

	level_get(d, &w);
	if (!wire_done(&w))
		return -EBADMSG;
	if (!d->running)
		return 0;
	pass_tail(d);
	go_on(d);
	return 0;
}

/* ---- sessions ---- */

struct deliver *deliver_new(struct event_base *base, const struct sink *sink,
			    struct auth_store *store, bool lower,
			    const struct deliver_ops *ops, void *ctx)
{
	struct deliver *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->sink = *sink;
	d->store = store;
	d->leads = lower;
	d->tx = lower ? STREAM_0 : STREAM_1;
	d->ops = ops;
	d->ctx = ctx;
	TAILQ_INIT(&d->queue);
	TAILQ_INIT(&d->records);
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

static void give_up_unconfirmed(struct deliver *d)
{
	struct qkd_confirm c = { .len = 0 };
	struct qkd_state st;

	if (d->sink.ops->state(d->sink.ctx, &st))
		return;
	memcpy(c.generation, d->generation, sizeof(c.generation));
	c.offset = st.tx.head;
	/* where it fails, the next confirmation does the same */
	d->sink.ops->confirm(d->sink.ctx, &c);
}

void deliver_start(struct deliver *d, const uint8_t *generation, uint64_t seq,
		   const uint64_t offset[2], uint32_t piece)
{
	memcpy(d->generation, generation, sizeof(d->generation));
	memset(&d->heard, 0, sizeof(d->heard));
	memset(&d->said, 0, sizeof(d->said));
	d->seq = seq;
	d->offset[0] = offset[0];
	d->offset[1] = offset[1];
	d->piece = piece;
	d->retries = 0;
	d->running = true;
	give_up_unconfirmed(d);
}

void deliver_open(struct deliver *d)
{
	struct level l;

	/* the leader's comes with its first record */
	if (!d->leads && !look(d, &l))
		say_level(d, &l);
}

void deliver_stop(struct deliver *d)
{
	d->running = false;
	event_del(d->timer);
	while (!TAILQ_EMPTY(&d->queue))
		delivery_free(d, TAILQ_FIRST(&d->queue));
	while (!TAILQ_EMPTY(&d->records))
		record_free(d, TAILQ_FIRST(&d->records));
}

bool deliver_full(const struct deliver *d)
{
	return d->count >= WAITING_MAX;
}

uint64_t deliver_pooled(const struct deliver *d)
{
	return d->pooled;
}
