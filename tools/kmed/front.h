/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A front end: one protocol by which SAEs ask for key, in one file.
 */
#ifndef _KMED_FRONT_H
#define _KMED_FRONT_H

#include "kme.h"
#include "xchg.h"

/**
 * struct front_http - a front end over HTTP
 * @name: for logs
 * @prefix: of the paths that are its own
 * @handle: answers, now or later, by xchg_finish(); in the desk's thread
 */
struct front_http {
	const char *name;
	const char *prefix;
	void (*handle)(struct desk *desk, struct xchg *x);
};

extern const struct front_http front_014;
extern const struct front_http front_kme;

/* The one that a path is for, or NULL. */
const struct front_http *front_find(const char *path);

#endif /* _KMED_FRONT_H */
