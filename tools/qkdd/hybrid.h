/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One link's post-quantum secret, agreed on with the peer's daemon over the
 * classical channel, and made anew from time to time, for hybrid tunnels.
 */
#ifndef _QKDD_HYBRID_H
#define _QKDD_HYBRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hybrid;

/**
 * struct hybrid_ops - what the session does
 * @send: a message to the peer
 * @give: this end has a secret; 0 or -errno
 * @use: both ends have it: use it; 0 or -errno
 * @none: why there will be none, for a person
 */
struct hybrid_ops {
	void (*send)(void *ctx, unsigned int type, const void *data,
		     size_t len);
	int (*give)(void *ctx, const uint8_t *id, const uint8_t *secret);
	int (*use)(void *ctx, const uint8_t *id);
	void (*none)(void *ctx, const char *why);
};

/**
 * hybrid_new - prepare to agree
 * @lower: this node's ID sorts first, so that it leads
 * @local_node: this node's ID
 * @peer_node: the other's
 * @period: seconds until another secret is agreed on, if this node leads
 * @ops: calls out
 * @ctx: for @ops
 *
 * Return: NULL without memory.
 */
struct hybrid *hybrid_new(bool lower, const char *local_node,
			  const char *peer_node, unsigned int period,
			  const struct hybrid_ops *ops, void *ctx);
void hybrid_free(struct hybrid *h);	/* NULL is fine */

/* A session with the peer begins, or ended. */
void hybrid_start(struct hybrid *h);
void hybrid_stop(struct hybrid *h);

/* Who used the secret lost it: there must be another. */
void hybrid_again(struct hybrid *h);

/* From the peer; -EBADMSG if it makes no sense. */
int hybrid_message(struct hybrid *h, unsigned int type, const uint8_t *data,
		   size_t len);

/* Once a second. */
void hybrid_tick(struct hybrid *h);

#endif /* _QKDD_HYBRID_H */
