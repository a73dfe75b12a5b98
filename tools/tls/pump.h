/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moves bytes between a TLS connection and a plain one, both ways.
 */
#ifndef _TLS_PUMP_H
#define _TLS_PUMP_H

#include <openssl/ssl.h>

struct event_base;
struct pump;

/**
 * struct pump_conf - what is joined
 * @base: event loop
 * @ssl: of psk_ssl(); owned from then on, with its socket
 * @in: plain bytes come from here
 * @out: and go there; may be @in
 * @dial: called once the peer has proven itself where @in is -1: connects, and
 *	returns a descriptor or -errno
 * @end: called when all is over, once; @why is NULL if it ended well
 *
 * Descriptors are non-blocking, owned, and closed; 0 and 1 are left open.
 */
struct pump_conf {
	struct event_base *base;
	SSL *ssl;
	int in;
	int out;
	int (*dial)(void *ctx);
	void (*end)(void *ctx, const char *why);
	void *ctx;
};

/* NULL when out of memory: then nothing is owned. */
struct pump *pump_new(const struct pump_conf *conf);
void pump_free(struct pump *p);

#endif /* _TLS_PUMP_H */
