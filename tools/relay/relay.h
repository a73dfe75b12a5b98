/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A node's relay: what comes from a neighbour goes to the next, or to a virtual
 * link that ends here.
 */
#ifndef _RELAY_RELAY_H
#define _RELAY_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "hop.h"
#include "local.h"

struct event_base;
struct origin;
struct relay;
struct relay_conf;
struct target;

/**
 * struct end_ops - what an end of a virtual link tells its driver
 * @block: key, and its name; wiped afterwards
 * @none: to a TAKE: there is none, and why
 * @up: it works
 * @trouble: it does not, and why; said once for as long as it lasts
 */
struct end_ops {
	void (*block)(void *ctx, const uint8_t *name, size_t name_len,
		      const uint8_t *key, size_t len);
	void (*none)(void *ctx, const char *why);
	void (*up)(void *ctx);
	void (*trouble)(void *ctx, const char *why);
};

/* NULL, having logged why. */
struct relay *relay_new(struct event_base *base, const struct relay_conf *conf);
/* Ends have been freed before. */
void relay_free(struct relay *r);
struct hops *relay_hops(struct relay *r);
struct event_base *relay_base(struct relay *r);

/*
 * An end of a virtual link; NULL without memory, or if this node has one to
 * that peer already. From another callback than its own it may be freed any
 * time.
 */
struct origin *origin_new(struct relay *r, const struct local_open *open,
			  const struct end_ops *ops, void *ctx);
void origin_free(struct origin *o);
void origin_take(struct origin *o, const uint8_t *name, size_t len);

struct target *target_new(struct relay *r, const struct local_open *open,
			  const struct end_ops *ops, void *ctx);
void target_free(struct target *t);
/* A block of at most @max bytes, now or later */
void target_get(struct target *t, size_t max);

/* ---- between forward.c and the ends ---- */

/* A VOID or ACK about what went out with this route; or it was lost here. */
void origin_reply(struct origin *o, enum frame_type type,
		  const struct route *r);
/* Sessions with neighbours changed. */
void origin_changed(struct origin *o);
bool origin_is(const struct origin *o, const char *local, const char *peer);
void target_chunk(struct target *t, struct hop *from, const struct route *r,
		  const uint8_t *chunk, size_t len);
bool target_is(const struct target *t, const char *local, const char *peer);

/* Of the lists of ends */
int relay_add_origin(struct relay *r, struct origin *o);
void relay_del_origin(struct relay *r, struct origin *o);
int relay_add_target(struct relay *r, struct target *t);
void relay_del_target(struct relay *r, struct target *t);

#endif /* _RELAY_RELAY_H */
