// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chunks that wait for key of a hop, or for TCP to take what was sent before.
 *
 * A share of which one chunk is given up is given up as a whole.
 */
#include <errno.h>
#include <event2/event.h>
#include <string.h>

#include "hop_priv.h"
#include "tools/common/clock.h"
#include "tools/common/secret.h"
#include "tools/post/wipe.h"

#define QUEUE_MAX	(8u << 20)	/* bytes that may wait for a hop's key */
#define RETRY_MS	5		/* until key is asked for again, at first */
#define RETRY_MAX_MS	100

/* One that waits @since, in s; post_alloc()'d, since it is key. */
struct hop_chunk {
	TAILQ_ENTRY(hop_chunk) entry;
	struct route route;
	double since;
	size_t len;
	uint8_t text[];
};

static void chunk_free(struct hop *hop, struct hop_chunk *c)
{
	TAILQ_REMOVE(&hop->queue, c, entry);
	hop->queued -= c->len;
	post_free(c, sizeof(*c) + c->len);
}

static bool same_block(const struct hop_chunk *c, const uint8_t *block)
{
	return !memcmp(c->route.block, block, FRAME_BLOCK_ID);
}

static void forget(struct hop *hop, const uint8_t *block, int share)
{
	struct hop_chunk *c = TAILQ_FIRST(&hop->queue), *next;

	for (; c; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (same_block(c, block) &&
		    (share < 0 || share == c->route.share))
			chunk_free(hop, c);
	}
}

void hops_forget(struct hops *h, const uint8_t block[FRAME_BLOCK_ID])
{
	struct hop *hop;

	LIST_FOREACH(hop, &h->list, entry)
		forget(hop, block, -1);
}

/* The first chunk's share: it cannot be sent. */
static void give_up(struct hop *hop, enum frame_reason reason)
{
	struct route r = TAILQ_FIRST(&hop->queue)->route;

	forget(hop, r.block, r.share);
	hop->hops->ops->lost(hop->hops->ctx, &r, reason);
}

void hop_queue_give_up(struct hop *hop, enum frame_reason reason)
{
	while (!TAILQ_EMPTY(&hop->queue))
		give_up(hop, reason);
}

/* False: none of it could be sent now. */
static bool send_chunk(struct hop *hop, struct hop_chunk *ch)
{
	struct hops *h = hop->hops;
	struct hop_conn *c = hop->out;
	struct qkd_key_id id;
	size_t len;
	int ret;

	ret = hop_key_get(hop, ch->len + FRAME_OTP_KEY, &id);
	if (ret) {
		if (ret != -EAGAIN)
			hop_trouble(hop, LOG_LEVEL_WARN, "%s", qkd_error());
		return false;
	}
	len = frame_key(h->frame, c->said, &id, &ch->route, ch->text, ch->len,
			h->key);
	wipe(h->key, ch->len + FRAME_OTP_KEY);
	chunk_free(hop, ch);
	hop_conn_write(c, len);
	return true;
}

static void pump_later(struct hop *hop)
{
	struct timeval tv = { .tv_usec = 1000 * hop->retry_ms };

	event_add(hop->pump, &tv);
	hop->retry_ms *= 2;
	if (hop->retry_ms > RETRY_MAX_MS)
		hop->retry_ms = RETRY_MAX_MS;
}

void hop_queue_pump(struct hop *hop)
{
	struct hop_chunk *ch;

	while (hop_is_up(hop) && (ch = TAILQ_FIRST(&hop->queue))) {
		if (hop_conn_is_full(hop->out))
			return;		/* when it is not, it calls again */
		if (send_chunk(hop, ch)) {
			hop->retry_ms = RETRY_MS;
		} else if (clock_now() - ch->since > hop->hops->conf->hold) {
			give_up(hop, REASON_NO_KEY);
		} else {
			pump_later(hop);
			return;
		}
	}
}

static void on_pump(evutil_socket_t fd, short what, void *arg)
{
	hop_queue_pump(arg);
}

enum frame_reason hop_send(struct hop *hop, const struct route *r,
			   const uint8_t *text, size_t len)
{
	struct hop_chunk *c;

	if (!hop_is_up(hop))
		return REASON_DOWN;
	if (hop->queued + len > QUEUE_MAX)
		return REASON_BUSY;
	c = post_alloc(sizeof(*c) + len);
	if (!c)
		return REASON_BUSY;
	c->route = *r;
	c->since = clock_now();
	c->len = len;
	memcpy(c->text, text, len);
	TAILQ_INSERT_TAIL(&hop->queue, c, entry);
	hop->queued += len;
	/* from the loop: the caller may have more, and is told of losses */
	if (!event_pending(hop->pump, EV_TIMEOUT, NULL)) {
		hop->retry_ms = RETRY_MS;
		event_active(hop->pump, EV_TIMEOUT, 0);
	}
	return REASON_NONE;
}

int hop_queue_init(struct hop *hop)
{
	TAILQ_INIT(&hop->queue);
	hop->pump = evtimer_new(hop->hops->base, on_pump, hop);
	return hop->pump ? 0 : -ENOMEM;
}

void hop_queue_free(struct hop *hop)
{
	hop_queue_give_up(hop, REASON_NO_HOP);
	event_free(hop->pump);
}
