/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The links of this network namespace, as the kernel tells of them.
 *
 * Each link that is up and names a driver has a session; it is made anew when
 * its settings change, and goes when the link does.
 */
#ifndef _QKDD_LINK_H
#define _QKDD_LINK_H

#include <stdint.h>

struct channel;
struct event_base;
struct links;
struct settings;
struct workers;

/* NULL with the reason in the log. The module may be loaded later. */
struct links *links_new(struct event_base *base, struct workers *workers,
			const struct settings *st);
void links_free(struct links *ls);

/* For struct channel_listener_conf; @ctx is the struct links. */
struct channel *links_find(void *ctx, const char *local_node,
			   const char *peer_node, const char *link);

#endif /* _QKDD_LINK_H */
