/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a target may ask: whether memory ran out in this run of it, which is
 * never so in the fuzzer, only where its corpus is replayed (starve.c). Then an
 * answer may be missing that there is otherwise.
 */
#ifndef _FUZZ_STARVE_H
#define _FUZZ_STARVE_H

#include <stdbool.h>

extern volatile bool fuzz_starved __attribute__((weak));

static inline bool starved(void)
{
	return &fuzz_starved && fuzz_starved;
}

#endif /* _FUZZ_STARVE_H */
