/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Brings finished key into both ends' pools, in two phases.
 *
 * The leader plans where a block goes; both ends feed their own pool and say
 * STORED; who hears that confirms. Part of a block may go to the store of
 * authentication key instead, in the same two phases. Semantics are those of
 * Documentation/pool.rst. Where the key comes from is the chain's business.
 */
#ifndef _QKDD_DELIVER_H
#define _QKDD_DELIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sink.h"

struct auth_store;
struct deliver;
struct delivery;
struct event_base;

#define PLAN_SIZE 44	/* bytes of a plan on the wire */

/**
 * struct plan - where a block's bytes go, agreed by both ends
 * @seq: number of its first record in the pool
 * @offset: of that record in the streams
 * @len: bytes for the pool, even; may be 0
 * @auth_head: where the authentication stores end
 * @auth_len: bytes for them, which come first in the block; may be 0
 * @stamp: names these
 */
struct plan {
	uint64_t seq;
	uint64_t offset;
	uint32_t len;
	uint64_t auth_head;
	uint32_t auth_len;
	uint64_t stamp;
};

void plan_put(const struct plan *p, uint8_t buf[PLAN_SIZE]);
void plan_get(const uint8_t buf[PLAN_SIZE], struct plan *p);

/**
 * struct deliver_ops - what the session does
 * @stored: tell the peer: MSG_STORED with this body
 * @level: tell the peer: MSG_LEVEL with this body
 * @failed: nothing can be delivered any more; close the session, later
 * @moved: deliver_full() may be false now
 */
struct deliver_ops {
	void (*stored)(void *ctx, const uint8_t *body, size_t len);
	void (*level)(void *ctx, const uint8_t *body, size_t len);
	void (*failed)(void *ctx, const char *why);
	void (*moved)(void *ctx);
};

struct deliver *deliver_new(struct event_base *base, const struct sink *sink,
			    struct auth_store *store,
			    const struct deliver_ops *ops, void *ctx);
void deliver_free(struct deliver *d);

/**
 * deliver_start - a session begins
 * @d: of the link
 * @generation: of both pools by now
 * @seq: lowest number that both will accept
 * @offset: not below any head
 * @piece: greatest record, even, the same at both ends
 */
void deliver_start(struct deliver *d, const uint8_t *generation, uint64_t seq,
		   uint64_t offset, uint32_t piece);
/* The session is over: what was not fed is wiped. */
void deliver_stop(struct deliver *d);

/* Leader: plan for @bytes of key; what cannot be used of them is left out. */
void deliver_plan(struct deliver *d, size_t bytes, struct plan *p);
/* Follower: -EINVAL unless @p goes on where the last one ended. */
int deliver_check(const struct deliver *d, const struct plan *p, size_t bytes);

/* In the order of their plans; NULL without memory. */
struct delivery *deliver_expect(struct deliver *d, const struct plan *p);
/* @key: plan's auth_len + len bytes, copied. -ENOMEM. */
int deliver_fill(struct deliver *d, struct delivery *e, const void *key);

/* The peer's messages; -EBADMSG if they make no sense. */
int deliver_stored(struct deliver *d, const uint8_t *body, size_t len);
int deliver_level(struct deliver *d, const uint8_t *body, size_t len);

/* Enough is waiting for room: make no more key for now. */
bool deliver_full(const struct deliver *d);
/* Bytes confirmed in the pool since the beginning */
uint64_t deliver_confirmed(const struct deliver *d);

#endif /* _QKDD_DELIVER_H */
