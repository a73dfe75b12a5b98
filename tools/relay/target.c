// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The end of a virtual link that key comes to.
 *
 *   block  GATHERING --all of all shares--> GATHERED --GET--> given, gone
 *            '--chunks lost, silence--> wiped
 *
 * What proves a share is drawn when all shares are here and not sooner: no node
 * that altered one can know it.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "relay.h"
#include "tools/common/clock.h"
#include "tools/common/log.h"
#include "tools/common/secret.h"
#include "tools/post/wipe.h"

#define BLOCKS_MAX	16
#define LEAST		(SHARE_MASK + 64)	/* bytes of a share */
#define TICK_MS		250

/**
 * struct part - a share that comes
 * @from: the neighbour it comes from
 * @route: as it came, for replies
 * @got: bytes
 */
struct part {
	struct hop *from;
	struct route route;
	size_t got;
	uint8_t *text;
};

/**
 * struct block - key that comes, or is here
 * @heard: when something of it came last, or its shares were acknowledged
 * @key: once it is gathered, @size - SHARE_MASK bytes
 */
struct block {
	TAILQ_ENTRY(block) entry;
	uint8_t id[FRAME_BLOCK_ID];
	double heard;
	size_t size;
	struct part part[FRAME_SHARES];
	uint8_t *key;
	uint8_t name[LOCAL_NAME];
};

TAILQ_HEAD(blocks, block);

struct target {
	struct relay *relay;
	struct local_open open;
	const struct end_ops *ops;
	void *ctx;
	struct event *tick;
	struct blocks blocks;
	unsigned int count;
	size_t wanted;		/* GET: at most so many bytes; 0: none */
	double since;		/* nothing was gathered */
	bool complained;
};

/* ---- blocks ---- */

static void wipe_parts(struct target *t, struct block *b)
{
	unsigned int i;

	for (i = 0; i < t->open.shares; i++) {
		post_free(b->part[i].text, b->size);
		b->part[i].text = NULL;
	}
}

static void block_free(struct target *t, struct block *b)
{
	TAILQ_REMOVE(&t->blocks, b, entry);
	t->count--;
	wipe_parts(t, b);
	post_free(b->key, b->size - SHARE_MASK);
	free(b);
}

static struct block *find(struct target *t, const uint8_t *id)
{
	struct block *b;

	TAILQ_FOREACH(b, &t->blocks, entry)
		if (!memcmp(b->id, id, sizeof(b->id)))
			return b;
	return NULL;
}

static struct block *block_new(struct target *t, const struct route *r)
{
	struct block *b = calloc(1, sizeof(*b));
	unsigned int i;

	if (!b)
		return NULL;
	memcpy(b->id, r->block, sizeof(b->id));
	b->size = r->size;
	TAILQ_INSERT_TAIL(&t->blocks, b, entry);
	t->count++;
	for (i = 0; i < t->open.shares; i++) {
		b->part[i].text = post_alloc(b->size);
		if (!b->part[i].text) {
			block_free(t, b);
			return NULL;
		}
	}
	return b;
}

static void reply(const struct part *p, enum frame_type type,
		  enum frame_reason reason)
{
	struct route r = p->route;

	r.at++;
	r.by = type == FRAME_VOID ? r.at : 0;
	r.reason = reason;
	r.offset = 0;
	if (type == FRAME_ACK)
		r.reason = 0;
	hop_reply(p->from, type, &r);
}

/* ---- giving ---- */

static void give(struct target *t)
{
	struct block *b;
	size_t len;

	TAILQ_FOREACH(b, &t->blocks, entry)
		if (b->key && b->size - SHARE_MASK <= t->wanted)
			break;
	if (!b)
		return;
	len = FRAME_BLOCK_ID + t->open.shares * SHARE_PROOF;
	t->wanted = 0;
	t->ops->block(t->ctx, b->name, len, b->key, b->size - SHARE_MASK);
	block_free(t, b);
}

static void is_gathered(struct target *t, struct block *b)
{
	uint8_t *proof = b->name + FRAME_BLOCK_ID, r[16];
	size_t len = b->size - SHARE_MASK;
	unsigned int i;

	b->key = post_alloc(len);
	if (!b->key) {
		block_free(t, b);
		return;
	}
	memcpy(b->name, b->id, sizeof(b->id));
	for (i = 0; i < t->open.shares; i++, proof += SHARE_PROOF) {
		random_bytes(r, sizeof(r));
		share_prove(r, b->part[i].text, b->size, proof);
		share_join(b->key, b->part[i].text, len);
	}
	wipe_parts(t, b);
	t->since = clock_now();
	if (t->complained)
		t->ops->up(t->ctx);
	t->complained = false;
	if (t->wanted)
		give(t);
}

/* ---- gathering ---- */

static bool is_all_here(const struct target *t, const struct block *b)
{
	unsigned int i;

	for (i = 0; i < t->open.shares; i++)
		if (b->part[i].got < b->size)
			return false;
	return true;
}

/* One that will not be gathered any more is in the way: its origin gave it up. */
static bool make_room(struct target *t)
{
	struct block *b;

	if (t->count < BLOCKS_MAX)
		return true;
	TAILQ_FOREACH(b, &t->blocks, entry) {
		if (!b->key) {
			block_free(t, b);
			return true;
		}
	}
	return false;
}

/* The block is, or can be, this route's; else why not. */
static enum frame_reason block_of(struct target *t, struct hop *from,
				  const struct route *r, struct block **out)
{
	struct block *b = find(t, r->block);
	const struct part *p;

	if (r->shares != t->open.shares || r->size < LEAST)
		return REASON_UNWANTED;
	if (!b && r->offset)
		return REASON_BROKEN;
	if (!b && make_room(t))
		b = block_new(t, r);
	if (!b)
		return REASON_BUSY;
	p = &b->part[r->share];
	/* also what comes twice, by another way, or out of order */
	if (b->key || r->size != b->size || r->offset != p->got ||
	    (p->got && (p->from != from ||
			memcmp(&p->route.path, &r->path, sizeof(r->path)))))
		return REASON_BROKEN;
	*out = b;
	return REASON_NONE;
}

void target_chunk(struct target *t, struct hop *from, const struct route *r,
		  const uint8_t *chunk, size_t len)
{
	struct part as_it_came = { .from = from, .route = *r }, *p;
	enum frame_reason reason;
	struct block *b;

	reason = block_of(t, from, r, &b);
	if (reason) {
		reply(&as_it_came, FRAME_VOID, reason);
		return;
	}
	p = &b->part[r->share];
	p->from = from;
	p->route = *r;
	memcpy(p->text + p->got, chunk, len);
	p->got += len;
	b->heard = clock_now();
	if (p->got < b->size)
		return;
	reply(p, FRAME_ACK, REASON_NONE);
	if (is_all_here(t, b))
		is_gathered(t, b);
}

/* ---- time ---- */

static void say_held(struct target *t, struct block *b)
{
	unsigned int i;
	struct hop *hop;

	b->heard = clock_now();
	for (i = 0; i < t->open.shares; i++) {
		struct part *p = &b->part[i];
		const struct path *path = &p->route.path;

		/* the link may have gone meanwhile, and come again */
		hop = hops_find(relay_hops(t->relay),
				path->node[path->nodes - 1],
				path->node[path->nodes - 2]);
		p->from = hop;
		if (hop)
			reply(p, FRAME_ACK, REASON_NONE);
	}
}

static void look_after(struct target *t, struct block *b)
{
	double age = clock_now() - b->heard;

	if (b->key && age > t->open.timeout / 3.)
		say_held(t, b);
	else if (!b->key && age > 2. * t->open.timeout)
		block_free(t, b);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct target *t = arg;
	struct block *b, *next;
	char text[160];

	for (b = TAILQ_FIRST(&t->blocks); b; b = next) {
		next = TAILQ_NEXT(b, entry);
		look_after(t, b);
	}
	if (!t->wanted || t->complained ||
	    clock_now() - t->since < t->open.timeout)
		return;
	t->complained = true;
	snprintf(text, sizeof(text), "no key was relayed from %s for %u s; it tells why",
		 t->open.peer, t->open.timeout);
	log_warn("%s", text);
	t->ops->trouble(t->ctx, text);
}

/* ---- the driver ---- */

void target_get(struct target *t, size_t max)
{
	if (!t->wanted)
		t->since = clock_now();
	t->wanted = max;
	give(t);
}

bool target_is(const struct target *t, const char *local, const char *peer)
{
	return !strcmp(t->open.local, local) && !strcmp(t->open.peer, peer);
}

struct target *target_new(struct relay *r, const struct local_open *open,
			  const struct end_ops *ops, void *ctx)
{
	struct timeval tv = { .tv_usec = TICK_MS * 1000 };
	struct target *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->relay = r;
	t->open = *open;
	t->ops = ops;
	t->ctx = ctx;
	TAILQ_INIT(&t->blocks);
	t->tick = event_new(relay_base(r), -1, EV_PERSIST, on_tick, t);
	if (!t->tick || event_add(t->tick, &tv) || relay_add_target(r, t)) {
		if (t->tick)
			event_free(t->tick);
		free(t);
		return NULL;
	}
	return t;
}

void target_free(struct target *t)
{
	if (!t)
		return;
	relay_del_target(t->relay, t);
	while (!TAILQ_EMPTY(&t->blocks))
		block_free(t, TAILQ_FIRST(&t->blocks));
	event_free(t->tick);
	free(t);
}
