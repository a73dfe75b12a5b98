// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The end of a virtual link that draws the key.
 *
 *   share  SENT --ACK--> HELD      SENT --VOID, silence--> its path is out of use
 *   block  SENT --all shares HELD--> HELD --TAKE--> given to the driver, gone
 *            '--a share lost--> wiped  '--no ACK again--> wiped
 *
 * Some blocks are under way at once, so that no hop waits for an answer. Their
 * size follows the rate, so that a slow path's block does not take for ever.
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

#define WINDOW		4	/* blocks that the driver has not taken */
#define CHUNKS_MAX	(FRAME_SHARE_MAX / FRAME_CHUNK)
#define FAST_S		1.	/* a block that took less was small */
#define BACKOFF_MAX_S	60
#define STUCK_S		2.	/* until it is told that nothing goes */
#define TICK_MS		250

/**
 * struct way - a path, and how it does
 * @not_before: out of use until then
 * @failures: in a row
 * @lied: altered a share; out of use for good
 * @why: it is out of use
 */
struct way {
	const struct path *path;
	double not_before;
	unsigned int failures;
	bool lied;
	char why[160];
};

/**
 * struct block - key under way
 * @since: sent
 * @heard: last ACK of each share, 0: none
 * @way: of each share
 * @size: of each share
 * @text: @size bytes for each share
 */
struct block {
	TAILQ_ENTRY(block) entry;
	uint8_t id[FRAME_BLOCK_ID];
	double since;
	double heard[FRAME_SHARES];
	unsigned int way[FRAME_SHARES];
	size_t size;
	uint8_t *text;
};

TAILQ_HEAD(blocks, block);

struct origin {
	struct relay *relay;
	struct local_open open;
	const struct end_ops *ops;
	void *ctx;
	struct event *tick;
	struct way way[LOCAL_PATHS];
	struct blocks blocks;
	unsigned int count;
	unsigned int chunks;	/* of the next block's shares */
	bool running;
	double stuck;		/* since when nothing goes; 0: it does */
	char said[LOCAL_TEXT];	/* the trouble last told of */
};

static void trouble(struct origin *o, const char *text)
{
	if (!strcmp(text, o->said))
		return;
	snprintf(o->said, sizeof(o->said), "%s", text);
	log_warn("to %s: %s", o->open.peer, text);
	o->ops->trouble(o->ctx, text);
}

static void works(struct origin *o)
{
	o->stuck = 0;
	if (!o->said[0])
		return;
	o->said[0] = '\0';
	log_info("to %s: key is relayed", o->open.peer);
	o->ops->up(o->ctx);
}

/* ---- blocks ---- */

static void block_free(struct origin *o, struct block *b)
{
	TAILQ_REMOVE(&o->blocks, b, entry);
	o->count--;
	post_free(b->text, o->open.shares * b->size);
	free(b);
}

/* It will not be: none of it is used anywhere. */
static void drop(struct origin *o, struct block *b)
{
	hops_forget(relay_hops(o->relay), b->id);
	block_free(o, b);
}

static struct block *find(struct origin *o, const uint8_t *id)
{
	struct block *b;

	TAILQ_FOREACH(b, &o->blocks, entry)
		if (!memcmp(b->id, id, sizeof(b->id)))
			return b;
	return NULL;
}

static bool is_held(const struct origin *o, const struct block *b)
{
	unsigned int i;

	for (i = 0; i < o->open.shares; i++)
		if (!b->heard[i])
			return false;
	return true;
}

static struct block *block_new(struct origin *o)
{
	size_t size = o->chunks * FRAME_CHUNK;
	struct block *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->text = post_alloc(o->open.shares * size);
	if (!b->text) {
		free(b);
		return NULL;
	}
	random_bytes(b->id, sizeof(b->id));
	random_bytes(b->text, o->open.shares * size);
	b->size = size;
	b->since = clock_now();
	TAILQ_INSERT_TAIL(&o->blocks, b, entry);
	o->count++;
	return b;
}

static enum frame_reason send_share(struct origin *o, const struct block *b,
				    unsigned int share)
{
	struct route r = {
		.share = share,
		.shares = o->open.shares,
		.size = b->size,
		.path = *o->way[b->way[share]].path,
	};
	const uint8_t *text = b->text + share * b->size;
	struct hop *hop = hops_find(relay_hops(o->relay), r.path.node[0],
				    r.path.node[1]);
	enum frame_reason reason = hop ? REASON_NONE : REASON_NO_HOP;

	memcpy(r.block, b->id, sizeof(r.block));
	for (; !reason && r.offset < b->size; r.offset += FRAME_CHUNK)
		reason = hop_send(hop, &r, text + r.offset, FRAME_CHUNK);
	return reason;
}

/* ---- paths ---- */

static void way_failed(struct origin *o, struct way *w, const char *why)
{
	unsigned int wait = 1u << (w->failures < 6 ? w->failures : 6);
	char text[LOCAL_TEXT], path[PATH_BYTES];

	/* the same failure, of another block */
	if (clock_now() < w->not_before)
		return;
	if (wait > BACKOFF_MAX_S)
		wait = BACKOFF_MAX_S;
	w->failures++;
	w->not_before = clock_now() + wait;
	snprintf(w->why, sizeof(w->why), "%s", why);
	snprintf(text, sizeof(text), "path %.200s is out of use for %u s: %s",
		 path_text(w->path, path, sizeof(path)), wait, why);
	log_warn("to %s: %s", o->open.peer, text);
}

static bool way_can(struct origin *o, struct way *w)
{
	const struct path *p = w->path;
	struct hop *hop;

	if (w->lied || clock_now() < w->not_before)
		return false;
	hop = hops_find(relay_hops(o->relay), p->node[0], p->node[1]);
	if (hop && hop_is_up(hop))
		return true;
	snprintf(w->why, sizeof(w->why), hop ? "no session with %s" :
		 "no link to %s", p->node[1]);
	return false;
}

/* How many ways there are for a block; @way: which */
static unsigned int choose(struct origin *o, unsigned int way[FRAME_SHARES])
{
	unsigned int i, n = 0;

	for (i = 0; i < o->open.paths && n < o->open.shares; i++)
		if (way_can(o, &o->way[i]))
			way[n++] = i;
	return n;
}

static void tell_why(struct origin *o, unsigned int have)
{
	char text[LOCAL_TEXT], path[PATH_BYTES];
	unsigned int i;
	int at;

	at = snprintf(text, sizeof(text), "%u of %u paths that are needed",
		      have, o->open.shares);
	for (i = 0; i < o->open.paths; i++)
		if (o->way[i].why[0] && at < (int)sizeof(text))
			at += snprintf(text + at, sizeof(text) - at,
				       "; %s: %s",
				       path_text(o->way[i].path, path,
						 sizeof(path)),
				       o->way[i].why);
	trouble(o, text);
}

/* A session that is made anew, or a path tried again, is no trouble yet. */
static void stuck(struct origin *o, unsigned int have)
{
	if (!o->stuck)
		o->stuck = clock_now();
	if (clock_now() - o->stuck >= STUCK_S)
		tell_why(o, have);
}

/* As many blocks as shall be under way */
static void run(struct origin *o)
{
	unsigned int way[FRAME_SHARES] = { 0 }, n, i;
	enum frame_reason reason = REASON_NONE;
	struct block *b;

	/* what is called here calls us */
	if (o->running)
		return;
	o->running = true;
	while (o->count < WINDOW && !reason) {
		n = choose(o, way);
		if (n < o->open.shares) {
			stuck(o, n);
			break;
		}
		b = block_new(o);
		if (!b)
			break;
		memcpy(b->way, way, sizeof(b->way));
		for (i = 0; i < n && !reason; i++)
			reason = send_share(o, b, i);
		if (reason) {
			way_failed(o, &o->way[way[i - 1]],
				   frame_reason(reason));
			drop(o, b);
		}
	}
	o->running = false;
}

/* ---- what is heard ---- */

static void acked(struct origin *o, struct block *b, unsigned int share)
{
	struct way *w = &o->way[b->way[share]];
	bool was_held = is_held(o, b);
	double took = clock_now() - b->since;

	b->heard[share] = clock_now();
	w->failures = 0;
	w->why[0] = '\0';
	if (was_held || !is_held(o, b))
		return;
	log_debug("to %s: a block of %zu bytes is held after %.0f ms",
		  o->open.peer, b->size - SHARE_MASK, 1000 * took);
	if (took < FAST_S && o->chunks < CHUNKS_MAX)
		o->chunks *= 2;
	else if (took > o->open.timeout / 4. && o->chunks > 1)
		o->chunks /= 2;
	works(o);
}

static void lost(struct origin *o, struct block *b, const struct route *r)
{
	char why[160];

	snprintf(why, sizeof(why), "%s says: %s", r->path.node[r->by],
		 frame_reason(r->reason));
	way_failed(o, &o->way[b->way[r->share]], why);
	drop(o, b);
	if (o->chunks > 1)
		o->chunks /= 2;
	run(o);
}

void origin_reply(struct origin *o, enum frame_type type,
		  const struct route *r)
{
	struct block *b = find(o, r->block);

	if (!b || r->shares != o->open.shares ||
	    memcmp(&r->path, o->way[b->way[r->share]].path, sizeof(r->path)))
		return;
	if (type == FRAME_ACK)
		acked(o, b, r->share);
	else
		lost(o, b, r);
}

void origin_changed(struct origin *o)
{
	run(o);
}

/* A share is not acknowledged; or the target, which had them all, has not now */
static bool is_silent(struct origin *o, struct block *b)
{
	bool held = is_held(o, b), silent = false;
	double limit = clock_now() - o->open.timeout;
	unsigned int i;

	for (i = 0; i < o->open.shares; i++) {
		if (held && b->heard[i] < limit)
			silent = true;
		if (b->heard[i] || b->since >= limit)
			continue;
		way_failed(o, &o->way[b->way[i]], "no answer");
		silent = true;
	}
	return silent;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct origin *o = arg;
	struct block *b, *next;

	for (b = TAILQ_FIRST(&o->blocks); b; b = next) {
		next = TAILQ_NEXT(b, entry);
		if (is_silent(o, b))
			drop(o, b);
	}
	run(o);
}

/* ---- the driver ---- */

/* Which path altered its share; qkdd finds out that one did. */
static void check_proofs(struct origin *o, const struct block *b,
			 const uint8_t *proof)
{
	char text[LOCAL_TEXT], path[PATH_BYTES];
	struct way *w;
	unsigned int i;

	for (i = 0; i < o->open.shares; i++, proof += SHARE_PROOF) {
		if (share_proven(b->text + i * b->size, b->size, proof))
			continue;
		w = &o->way[b->way[i]];
		w->lied = true;
		snprintf(w->why, sizeof(w->why), "a node of it altered key");
		snprintf(text, sizeof(text), "a node of path %.200s altered key, and the path is used no more",
			 path_text(w->path, path, sizeof(path)));
		trouble(o, text);
	}
}

void origin_take(struct origin *o, const uint8_t *name, size_t len)
{
	struct block *b = NULL;
	uint8_t *key;
	unsigned int i;
	size_t n;

	if (len == FRAME_BLOCK_ID + o->open.shares * SHARE_PROOF)
		b = find(o, name);
	if (!b) {
		o->ops->none(o->ctx, "a relayed block of that name is not here, or not any more");
		return;
	}
	check_proofs(o, b, name + FRAME_BLOCK_ID);
	n = b->size - SHARE_MASK;
	key = post_alloc(n);
	if (!key) {
		o->ops->none(o->ctx, "out of memory");
		return;
	}
	for (i = 0; i < o->open.shares; i++)
		share_join(key, b->text + i * b->size, n);
	block_free(o, b);
	o->ops->block(o->ctx, name, len, key, n);
	post_free(key, n);
	run(o);
}

bool origin_is(const struct origin *o, const char *local, const char *peer)
{
	return !strcmp(o->open.local, local) && !strcmp(o->open.peer, peer);
}

struct origin *origin_new(struct relay *r, const struct local_open *open,
			  const struct end_ops *ops, void *ctx)
{
	struct timeval tv = { .tv_usec = TICK_MS * 1000 };
	struct origin *o = calloc(1, sizeof(*o));
	unsigned int i;

	if (!o)
		return NULL;
	o->relay = r;
	o->open = *open;
	o->ops = ops;
	o->ctx = ctx;
	o->chunks = 1;
	TAILQ_INIT(&o->blocks);
	for (i = 0; i < open->paths; i++)
		o->way[i].path = &o->open.path[i];
	o->tick = event_new(relay_base(r), -1, EV_PERSIST, on_tick, o);
	if (!o->tick || event_add(o->tick, &tv) || relay_add_origin(r, o)) {
		if (o->tick)
			event_free(o->tick);
		free(o);
		return NULL;
	}
	run(o);
	return o;
}

void origin_free(struct origin *o)
{
	if (!o)
		return;
	relay_del_origin(o->relay, o);
	while (!TAILQ_EMPTY(&o->blocks))
		drop(o, TAILQ_FIRST(&o->blocks));
	event_free(o->tick);
	free(o);
}
