// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whom a message is for: the path in it says so.
 *
 * Nothing about shares that pass is kept here: replies find their way back by
 * the same path.
 */
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "relay.h"
#include "tools/common/log.h"

#define ENDS	256	/* virtual links of a node, each way */

struct relay {
	struct event_base *base;
	const struct relay_conf *conf;
	struct hops *hops;
	struct origin *origin[ENDS];
	struct target *target[ENDS];
};

static struct origin *find_origin(struct relay *r, const char *local,
				  const char *peer)
{
	unsigned int i;

	for (i = 0; i < ENDS; i++)
		if (r->origin[i] && origin_is(r->origin[i], local, peer))
			return r->origin[i];
	return NULL;
}

static struct target *find_target(struct relay *r, const char *local,
				  const char *peer)
{
	unsigned int i;

	for (i = 0; i < ENDS; i++)
		if (r->target[i] && target_is(r->target[i], local, peer))
			return r->target[i];
	return NULL;
}

/* The share of @was, whose next sender we would have been, got no further. */
static void refuse(struct hop *hop, const struct route *was,
		   enum frame_reason reason)
{
	struct route r = *was;

	r.at++;
	r.by = r.at;
	r.reason = reason;
	r.offset = 0;
	hop_reply(hop, FRAME_VOID, &r);
}

static enum frame_reason forward(struct relay *r, const struct route *was,
				 const uint8_t *chunk, size_t len)
{
	const struct path *p = &was->path;
	struct route next = *was;
	struct hop *hop;

	next.at++;
	if (!conf_allows(r->conf, p->node[0], p->node[p->nodes - 1]))
		return REASON_REFUSED;
	hop = hops_find(r->hops, p->node[next.at], p->node[next.at + 1]);
	return hop ? hop_send(hop, &next, chunk, len) : REASON_NO_HOP;
}

static void on_key(void *ctx, struct hop *from, const struct route *route,
		   const uint8_t *chunk, size_t len)
{
	const struct path *p = &route->path;
	enum frame_reason reason;
	struct relay *r = ctx;
	struct target *t;

	if (route->at + 2u < p->nodes) {
		reason = forward(r, route, chunk, len);
		if (reason)
			refuse(from, route, reason);
		return;
	}
	t = find_target(r, p->node[p->nodes - 1], p->node[0]);
	if (t)
		target_chunk(t, from, route, chunk, len);
	else
		refuse(from, route, REASON_UNWANTED);
}

/* To who sent us that share, if it was not us who began it. */
static void back(struct relay *r, enum frame_type type,
		 const struct route *route)
{
	const struct path *p = &route->path;
	struct origin *o;
	struct hop *hop;

	if (!route->at) {
		o = find_origin(r, p->node[0], p->node[p->nodes - 1]);
		if (o)
			origin_reply(o, type, route);
		return;
	}
	hop = hops_find(r->hops, p->node[route->at], p->node[route->at - 1]);
	if (hop)
		hop_reply(hop, type, route);
}

static void on_reply(void *ctx, struct hop *from, enum frame_type type,
		     const struct route *route)
{
	struct route r = *route;

	r.at--;
	back(ctx, type, &r);
}

static void on_lost(void *ctx, const struct route *route,
		    enum frame_reason reason)
{
	struct route r = *route;

	r.by = r.at;
	r.reason = reason;
	r.offset = 0;
	back(ctx, FRAME_VOID, &r);
}

static void on_changed(void *ctx)
{
	struct relay *r = ctx;
	unsigned int i;

	for (i = 0; i < ENDS; i++)
		if (r->origin[i])
			origin_changed(r->origin[i]);
}

static const struct hop_ops calls = {
	.key = on_key,
	.reply = on_reply,
	.lost = on_lost,
	.changed = on_changed,
};

struct relay *relay_new(struct event_base *base, const struct relay_conf *conf)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (!r) {
		log_err("out of memory");
		return NULL;
	}
	r->base = base;
	r->conf = conf;
	r->hops = hops_new(base, conf, &calls, r);
	if (!r->hops) {
		free(r);
		return NULL;
	}
	return r;
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	hops_free(r->hops);
	free(r);
}

struct hops *relay_hops(struct relay *r)
{
	return r->hops;
}

struct event_base *relay_base(struct relay *r)
{
	return r->base;
}

int relay_add_origin(struct relay *r, struct origin *o)
{
	unsigned int i;

	for (i = 0; i < ENDS; i++) {
		if (!r->origin[i]) {
			r->origin[i] = o;
			return 0;
		}
	}
	return -1;
}

void relay_del_origin(struct relay *r, struct origin *o)
{
	unsigned int i;

	for (i = 0; i < ENDS; i++)
		if (r->origin[i] == o)
			r->origin[i] = NULL;
}

int relay_add_target(struct relay *r, struct target *t)
{
	unsigned int i;

	for (i = 0; i < ENDS; i++) {
		if (!r->target[i]) {
			r->target[i] = t;
			return 0;
		}
	}
	return -1;
}

void relay_del_target(struct relay *r, struct target *t)
{
	unsigned int i;

	for (i = 0; i < ENDS; i++)
		if (r->target[i] == t)
			r->target[i] = NULL;
}
