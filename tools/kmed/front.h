/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A front end: one protocol by which SAEs ask for key, in one file.
 */
#ifndef _KMED_FRONT_H
#define _KMED_FRONT_H

#include "kme.h"
#include "xchg.h"

struct bufferevent;

/**
 * struct front_http - a front end over HTTP
 * @name: for logs
 * @port: where it is spoken
 * @prefix: of the paths that are its own there
 * @handle: answers, now or later, by xchg_finish(); in the desk's thread
 */
struct front_http {
	const char *name;
	enum conf_port port;
	const char *prefix;
	void (*handle)(struct desk *desk, struct xchg *x);
};

extern const struct front_http front_014;
extern const struct front_http front_kme;
extern const struct front_http front_skip;

/* The one that a path at a port is for, or NULL. */
const struct front_http *front_find(enum conf_port port, const char *path);

/**
 * struct front_004_host - what the server does for a connection of 004
 * @caller: the SAE at its other end, once its handshake is done, or NULL
 * @busy: it asked something whole
 * @lasting: it has streams open, so it may be silent for long
 */
struct front_004_host {
	const char *(*caller)(void *arg);
	void (*busy)(void *arg);
	void (*lasting)(void *arg, bool lasting);
	void *arg;
};

/*
 * A connection of ETSI GS QKD 004, from its first byte on. It frees itself and
 * @bev with the connection's end. False: out of memory, and @bev is the
 * caller's still.
 */
bool front_004_new(struct desk *desk, struct bufferevent *bev,
		   const struct front_004_host *host);
/* Ends the connection that has this @bev, at the server's end. */
void front_004_free(struct bufferevent *bev);

#endif /* _KMED_FRONT_H */
