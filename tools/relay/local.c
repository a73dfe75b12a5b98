// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes and reads the messages between driver and daemon.
 */
#include <string.h>

#include "local.h"
#include "tools/common/wire.h"

#define VERSION	1

size_t local_put_open(uint8_t *out, const struct local_open *o)
{
	unsigned int i;
	size_t len = 8;

	out[0] = LOCAL_OPEN;
	out[1] = VERSION;
	out[2] = o->origin;
	out[3] = o->shares;
	wire_put32(out + 4, o->timeout);
	len += path_put_id(out + len, o->local);
	len += path_put_id(out + len, o->peer);
	for (i = 0; i < o->paths; i++) {
		out[len++] = o->path[i].nodes;
		len += path_put(out + len, &o->path[i]);
	}
	return len;
}

static const char *check_paths(const struct local_open *o)
{
	unsigned int i, j;

	for (i = 0; i < o->paths; i++) {
		const struct path *p = &o->path[i];

		if (strcmp(p->node[0], o->local) ||
		    strcmp(p->node[p->nodes - 1], o->peer))
			return "a path does not lead from end to end";
		for (j = 0; o->shares > 1 && j < i; j++)
			if (path_meet(p, &o->path[j]))
				return "paths of several shares must have no node in common";
		for (j = 0; j < i; j++)
			if (p->nodes == 2 && o->path[j].nodes == 2)
				return "the direct path is there twice";
	}
	return NULL;
}

const char *local_check(const struct local_open *o)
{
	if (!o->shares || o->shares > FRAME_SHARES)
		return "shares= is not from 1 to 8";
	if (!o->timeout)
		return "timeout= is zero";
	if (!strcmp(o->local, o->peer))
		return "both ends are the same node";
	/* the other end decides on the order of node IDs, too */
	if (o->origin != (strcmp(o->local, o->peer) > 0))
		return "the end whose node ID sorts last is the origin";
	if (o->origin && o->paths < o->shares)
		return "fewer paths than shares";
	return check_paths(o);
}

const char *local_get_open(const uint8_t *in, size_t len,
			   struct local_open *o)
{
	struct wire w = { .p = in, .len = len };
	const uint8_t *head = wire_bytes(&w, 8);
	uint8_t nodes;

	memset(o, 0, sizeof(*o));
	if (!head || head[0] != LOCAL_OPEN || head[1] != VERSION || head[2] > 1)
		return "not a message of this version";
	o->origin = head[2];
	o->shares = head[3];
	o->timeout = wire_get32(head + 4);
	if (!path_get_id(&w, o->local) || !path_get_id(&w, o->peer))
		return "not a node's ID";
	while (w.len) {
		wire_copy(&w, &nodes, 1);
		if (o->paths == LOCAL_PATHS ||
		    !path_get(&w, nodes, &o->path[o->paths++]))
			return "not a path";
	}
	return local_check(o);
}

bool local_get_block(const uint8_t *in, size_t len, const uint8_t **name,
		     size_t *name_len, const uint8_t **key, size_t *key_len)
{
	if (len < 3 || in[0] != LOCAL_BLOCK)
		return false;
	*name_len = in[1] << 8 | in[2];
	if (*name_len > LOCAL_NAME || *name_len > len - 3)
		return false;
	*name = in + 3;
	*key = in + 3 + *name_len;
	*key_len = len - 3 - *name_len;
	return true;
}
