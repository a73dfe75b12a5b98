/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rotates the preshared key of one WireGuard peer from a link.
 */
#ifndef _WG_ROTATE_H
#define _WG_ROTATE_H

#include <stdint.h>

#define ROTATE_PORT	51016	/* UDP, at both ends */

struct event_base;
struct rotate;
struct wg_device;

/**
 * struct rotate_conf - what to rotate, from what
 * @link: name of the link
 * @stream: name of the link's stream, the same at both ends
 * @wg: whose key
 * @port: where the peer's qkd-wg listens, and this one
 * @interval_ms: from one key to the next
 */
struct rotate_conf {
	const char *link;
	const char *stream;
	struct wg_device *wg;
	uint16_t port;
	uint64_t interval_ms;
};

/* NULL when out of memory. Goes on for ever, whatever is not there yet. */
struct rotate *rotate_new(struct event_base *base,
			  const struct rotate_conf *conf);
void rotate_free(struct rotate *r);

#endif /* _WG_ROTATE_H */
