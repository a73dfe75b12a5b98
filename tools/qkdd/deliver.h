/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Brings finished key into both ends' pools, in two phases.
 *
 * Both ends have the same key in the same order. The leader decides where the
 * next bytes of it go, feeds them to its own pool and says STORED; the other
 * feeds the same and answers STORED. Either confirms what it sends with once
 * it knows that both hold it. Some of the key goes to the store of
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

/* @lower: this node's ID sorts first, so that it leads */
struct deliver *deliver_new(struct event_base *base, const struct sink *sink,
			    struct auth_store *store, bool lower,
			    const struct deliver_ops *ops, void *ctx);
void deliver_free(struct deliver *d);

/**
 * deliver_start - two ends have met
 * @d: of the link
 * @generation: of both pools by now
 * @seq: lowest number that both will accept
 * @offset: by stream, not below its head at either end
 * @piece: greatest record, the same at both ends
 *
 * Gives up what was fed and never confirmed: the peer was not heard to hold
 * it, and never will be.
 */
void deliver_start(struct deliver *d, const uint8_t *generation, uint64_t seq,
		   const uint64_t offset[2], uint32_t piece);
/* Messages can be sent from now on. */
void deliver_open(struct deliver *d);
/* The session is over: what was not fed is wiped. */
void deliver_stop(struct deliver *d);

/* A block of key of @len bytes will come; in the same order at both ends.
 * NULL without memory.
 */
struct delivery *deliver_expect(struct deliver *d, size_t len);
/* @key: all its bytes, copied. -ENOMEM. */
int deliver_fill(struct deliver *d, struct delivery *e, const void *key);

/* The peer's messages; -EBADMSG if they make no sense. */
int deliver_stored(struct deliver *d, const uint8_t *body, size_t len);
int deliver_level(struct deliver *d, const uint8_t *body, size_t len);

/* Enough is waiting for room: make no more key for now. */
bool deliver_full(const struct deliver *d);
/* Bytes that both pools hold, since the beginning */
uint64_t deliver_pooled(const struct deliver *d);

#endif /* _QKDD_DELIVER_H */
