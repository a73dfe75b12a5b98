/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Figures for Prometheus, on an address of their own.
 */
#ifndef _KMED_METRICS_H
#define _KMED_METRICS_H

#include "kme.h"
#include "server.h"

struct metrics;

/* NULL on failure, having logged why. */
struct metrics *metrics_new(struct kme *kme, const struct server *server,
			    const char *address);
void metrics_free(struct metrics *m);	/* NULL is fine */

#endif /* _KMED_METRICS_H */
