/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Neighbours: the links to them, a session each way, chunks that wait for key.
 *
 * Knows no paths but what it carries; where a chunk goes is forward.c's.
 */
#ifndef _RELAY_HOP_H
#define _RELAY_HOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"

struct event_base;
struct hop;
struct hops;
struct relay_conf;

/**
 * struct hop_ops - what is told
 * @key: a chunk came, its tags right; wiped afterwards
 * @reply: an ACK or VOID came
 * @lost: a share that was to be sent was given up, for that reason; the route
 *	is as it was given
 * @changed: a session with a neighbour is there, or is no more
 */
struct hop_ops {
	void (*key)(void *ctx, struct hop *hop, const struct route *r,
		    const uint8_t *chunk, size_t len);
	void (*reply)(void *ctx, struct hop *hop, enum frame_type type,
		      const struct route *r);
	void (*lost)(void *ctx, const struct route *r,
		     enum frame_reason reason);
	void (*changed)(void *ctx);
};

/* NULL, having logged why. */
struct hops *hops_new(struct event_base *base, const struct relay_conf *conf,
		      const struct hop_ops *ops, void *ctx);
void hops_free(struct hops *h);

/* The hop from @local to @peer, one with a session if there is; or NULL. */
struct hop *hops_find(struct hops *h, const char *local, const char *peer);
const char *hop_local(const struct hop *hop);
const char *hop_peer(const struct hop *hop);
/* Chunks can be sent. */
bool hop_is_up(const struct hop *hop);

/* The chunk is copied. REASON_NONE, or why it cannot be. */
enum frame_reason hop_send(struct hop *hop, const struct route *r,
			   const uint8_t *chunk, size_t len);
/* An ACK or VOID, to who sends us chunks; lost if there is no session. */
void hop_reply(struct hop *hop, enum frame_type type, const struct route *r);
/* Chunks of this block need not be sent any more. */
void hops_forget(struct hops *h, const uint8_t block[FRAME_BLOCK_ID]);

#endif /* _RELAY_HOP_H */
