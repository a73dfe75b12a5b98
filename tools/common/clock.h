/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The time that intervals are measured by.
 */
#ifndef _COMMON_CLOCK_H
#define _COMMON_CLOCK_H

#include <time.h>

/* Seconds since some moment; never set back. */
static inline double clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

#endif /* _COMMON_CLOCK_H */
