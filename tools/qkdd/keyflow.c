// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Blocks of finished key on their way from two drivers to two pools.
 *
 *   leader:    (get) --> OFFERED --TAKEN--> delivery   | MISSING, or another: dropped
 *   follower:  (OFFER, take) --> HELD --KEEP--> delivery                | DROP: dropped
 *
 * The key of the hash is made when both devices have given the block, and not a
 * moment before. Who knows it and the hidden hash can make as many blocks with it
 * as wanted: a device that lies, and listens to the channel, would fit its answer.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "deliver.h"
#include "driver.h"
#include "keyflow.h"
#include "messages.h"
#include "tools/common/secret.h"
#include "tools/common/wire.h"
#include "tools/post/verify.h"
#include "tools/post/wipe.h"

/* blocks offered and not yet answered: 4 MiB, a gigabit a second at 2000 km */
#define FLIGHT		16
#define HIDE		POST_TAG_MAX	/* last bytes of a block: hide its tag */
#define TAG_KEY		16	/* bytes */
#define LEAST		(2 * HIDE)
#define AGAIN_MS	1000	/* until a driver without key is asked again */

struct held {
	TAILQ_ENTRY(held) entry;
	uint64_t no;
	size_t len;
	uint8_t *key;
};

TAILQ_HEAD(held_list, held);

/* follower: a block that the driver is, or will be, asked for */
struct wanted {
	uint64_t no;
	uint32_t len;
	uint8_t id[DRIVER_KEY_ID_MAX];
	size_t id_len;
};

struct keyflow {
	bool leads;
	bool started;
	struct deliver *deliver;
	const struct keyflow_ops *ops;
	void *ctx;
	struct event *timer;
	struct held_list held;
	unsigned int count;
	uint64_t next;
	bool asking;		/* the driver has not answered yet */
	bool stale;		/* its answer will be to an older session */
	struct wanted wanted[FLIGHT];	/* follower: first is being taken */
	unsigned int wanted_count;
	struct keyflow_stats stats;
};

static void held_free(struct keyflow *k, struct held *h)
{
	TAILQ_REMOVE(&k->held, h, entry);
	k->count--;
	post_free(h->key, h->len);
	free(h);
}

static struct held *held_new(struct keyflow *k, uint64_t no, const void *key,
			     size_t len)
{
	struct held *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->key = post_alloc(len);
	if (!h->key) {
		free(h);
		return NULL;
	}
	memcpy(h->key, key, len);
	h->len = len;
	h->no = no;
	TAILQ_INSERT_TAIL(&k->held, h, entry);
	k->count++;
	return h;
}

/* The hash of all but the last bytes, hidden by these. */
static int hidden_tag(const uint8_t key[TAG_KEY], const uint8_t *block, size_t len,
		      uint8_t tag[HIDE])
{
	size_t n = len - HIDE, words = (n + 7) / 8, i;
	uint64_t *v = post_alloc(words * 8);

	if (!v)
		return -ENOMEM;
	memcpy(v, block, n);
	post_verify_tag(key, v, 8 * n, tag);
	post_free(v, words * 8);
	for (i = 0; i < HIDE; i++)
		tag[i] ^= block[n + i];
	return 0;
}

static int to_delivery(struct keyflow *k, struct held *h)
{
	struct delivery *e = deliver_expect(k->deliver, h->len - HIDE);
	int ret;

	if (!e)
		return -ENOMEM;
	k->stats.blocks++;
	k->ops->reason(k->ctx, NULL);
	ret = deliver_fill(k->deliver, e, h->key);
	held_free(k, h);
	return ret;
}

/* ---- the leader ---- */

static void ask(struct keyflow *k)
{
	if (!k->started || !k->leads || k->asking || k->count >= FLIGHT ||
	    deliver_full(k->deliver) || event_pending(k->timer, EV_TIMEOUT,
						      NULL))
		return;
	k->asking = true;
	k->ops->get(k->ctx, KEYFLOW_BLOCK);
}

static void ask_later(struct keyflow *k)
{
	struct timeval tv = { .tv_sec = AGAIN_MS / 1000 };

	event_add(k->timer, &tv);
}

static void ask_again(evutil_socket_t fd, short what, void *arg)
{
	ask(arg);
}

static void offer(struct keyflow *k, const uint8_t *id, size_t id_len,
		  const void *key, size_t len)
{
	uint8_t head[4];

	if (!held_new(k, k->next, key, len)) {
		k->ops->fail(k->ctx, "out of memory");
		return;
	}
	wire_put32(head, len);
	k->ops->send(k->ctx, MSG_OFFER, k->next++, head, sizeof(head), id,
		     id_len);
}

static struct held *held_find(struct keyflow *k, uint64_t no)
{
	struct held *h;

	TAILQ_FOREACH(h, &k->held, entry)
		if (h->no == no)
			return h;
	return NULL;
}

/* Both devices are asked for one name, and do not agree. */
static void differ(struct keyflow *k)
{
	k->stats.discarded++;
	k->stats.verify++;
	k->ops->alarm(k->ctx, QKD_ALARM_VERIFY,
		      "both devices gave different key under one name");
	k->ops->reason(k->ctx, "both devices give different key");
}

static int got_taken(struct keyflow *k, uint64_t no, const uint8_t *data,
		     size_t len)
{
	struct held *h = held_find(k, no);
	uint8_t tag[HIDE];
	int ret;

	if (!k->leads || !h || len != TAG_KEY + HIDE)
		return -EBADMSG;
	ret = hidden_tag(data, h->key, h->len, tag);
	if (ret)
		return ret;
	if (post_equal(tag, data + TAG_KEY, HIDE)) {
		k->ops->send(k->ctx, MSG_KEEP, no, NULL, 0, NULL, 0);
		ret = to_delivery(k, h);
		ask(k);
	} else {
		k->ops->send(k->ctx, MSG_DROP, no, NULL, 0, NULL, 0);
		held_free(k, h);
		differ(k);
		ask_later(k);
	}
	wipe(tag, sizeof(tag));
	return ret;
}

/* First byte: the driver had no such block (1), or one of another length (0). */
static int got_missing(struct keyflow *k, uint64_t no, const uint8_t *data,
		       size_t len)
{
	struct held *h = held_find(k, no);

	if (!k->leads || !h || !len || len > 1 + DRIVER_KEY_ID_MAX)
		return -EBADMSG;
	held_free(k, h);
	if (data[0]) {
		k->stats.discarded++;
		k->ops->skip(k->ctx, data + 1, len - 1);
		k->ops->reason(k->ctx, "the peer's device has not this key");
	} else {
		differ(k);
	}
	ask_later(k);
	return 0;
}

/* ---- the follower ---- */

static void take_next(struct keyflow *k)
{
	if (!k->started || k->asking || !k->wanted_count)
		return;
	k->asking = true;
	k->ops->take(k->ctx, k->wanted[0].id, k->wanted[0].id_len);
}

static void wanted_pop(struct keyflow *k)
{
	k->wanted_count--;
	memmove(k->wanted, k->wanted + 1, k->wanted_count * sizeof(*k->wanted));
}

static int got_offer(struct keyflow *k, uint64_t no, const uint8_t *data,
		     size_t len)
{
	struct wire w = { .p = data, .len = len };
	struct wanted *t;

	if (k->leads || k->wanted_count == FLIGHT || no != k->next)
		return -EBADMSG;
	t = &k->wanted[k->wanted_count];
	t->no = no;
	t->len = wire_u32(&w);
	if (w.bad || w.len > sizeof(t->id) || t->len < LEAST ||
	    t->len > KEYFLOW_BLOCK)
		return -EBADMSG;
	t->id_len = w.len;
	memcpy(t->id, w.p, w.len);
	k->next++;
	k->wanted_count++;
	take_next(k);
	return 0;
}

static void say_missing(struct keyflow *k, uint8_t absent, const void *hint,
			size_t len)
{
	k->ops->send(k->ctx, MSG_MISSING, k->wanted[0].no, &absent, 1, hint,
		     len);
	wanted_pop(k);
	take_next(k);
}

static void taken(struct keyflow *k, const void *key, size_t len)
{
	struct wanted *t = &k->wanted[0];
	uint8_t body[TAG_KEY + HIDE];

	if (len != t->len) {
		differ(k);
		say_missing(k, 0, NULL, 0);
		return;
	}
	random_bytes(body, TAG_KEY);
	if (hidden_tag(body, key, len, body + TAG_KEY) ||
	    !held_new(k, t->no, key, len)) {
		k->ops->fail(k->ctx, "out of memory");
		return;
	}
	k->ops->send(k->ctx, MSG_TAKEN, t->no, body, sizeof(body), NULL, 0);
	wanted_pop(k);
	take_next(k);
}

static int got_keep(struct keyflow *k, uint64_t no, size_t len)
{
	struct held *h = held_find(k, no);

	return k->leads || !h || len ? -EBADMSG : to_delivery(k, h);
}

static int got_drop(struct keyflow *k, uint64_t no, size_t len)
{
	struct held *h = held_find(k, no);

	if (k->leads || !h || len)
		return -EBADMSG;
	held_free(k, h);
	differ(k);
	return 0;
}

/* ---- both ---- */

/* The driver answered; true if this session asked it. */
static bool answered(struct keyflow *k)
{
	bool mine = k->asking && !k->stale && k->started;

	k->asking = false;
	k->stale = false;
	if (!mine) {
		ask(k);
		take_next(k);
	}
	return mine;
}

void keyflow_key(struct keyflow *k, const uint8_t *id, size_t id_len,
		 const void *key, size_t len)
{
	if (!answered(k))
		return;
	if (!k->leads) {
		if (k->wanted_count)
			taken(k, key, len);
		return;
	}
	if (len >= LEAST && len <= KEYFLOW_BLOCK &&
	    id_len <= DRIVER_KEY_ID_MAX)
		offer(k, id, id_len, key, len);
	ask(k);
}

void keyflow_no_key(struct keyflow *k, const uint8_t *hint, size_t len,
		    const char *why)
{
	if (!answered(k))
		return;
	k->ops->reason(k->ctx, why);
	if (k->leads) {
		ask_later(k);
	} else if (k->wanted_count) {
		k->stats.discarded++;
		say_missing(k, 1, hint, len < DRIVER_KEY_ID_MAX ? len :
			    DRIVER_KEY_ID_MAX);
	}
}

int keyflow_message(struct keyflow *k, unsigned int type, uint64_t block,
		    const uint8_t *data, size_t len)
{
	if (!k->started)
		return 0;
	switch (type) {
	case MSG_OFFER:
		return got_offer(k, block, data, len);
	case MSG_TAKEN:
		return got_taken(k, block, data, len);
	case MSG_MISSING:
		return got_missing(k, block, data, len);
	case MSG_KEEP:
		return got_keep(k, block, len);
	case MSG_DROP:
		return got_drop(k, block, len);
	default:
		return -EBADMSG;
	}
}

void keyflow_moved(struct keyflow *k)
{
	ask(k);
}

void keyflow_start(struct keyflow *k)
{
	k->started = true;
	k->next = 0;
	ask(k);
}

void keyflow_stop(struct keyflow *k)
{
	k->started = false;
	k->stale = k->asking;
	event_del(k->timer);
	k->wanted_count = 0;
	while (!TAILQ_EMPTY(&k->held))
		held_free(k, TAILQ_FIRST(&k->held));
}

struct keyflow *keyflow_new(struct event_base *base, bool leads,
			    struct deliver *deliver,
			    const struct keyflow_ops *ops, void *ctx)
{
	struct keyflow *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->leads = leads;
	k->deliver = deliver;
	k->ops = ops;
	k->ctx = ctx;
	TAILQ_INIT(&k->held);
	k->timer = evtimer_new(base, ask_again, k);
	if (!k->timer) {
		free(k);
		return NULL;
	}
	return k;
}

void keyflow_free(struct keyflow *k)
{
	if (!k)
		return;
	keyflow_stop(k);
	event_free(k->timer);
	free(k);
}

const struct keyflow_stats *keyflow_stats(const struct keyflow *k)
{
	return &k->stats;
}
