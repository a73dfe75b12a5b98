/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Public pseudo-randomness for shuffles and masks: equal at both ends, the
 * same on every machine, of no use for keys.  Internal to tools/post.
 *
 * xoshiro256** by Blackman and Vigna 2018.
 *
 * Timing: all of it is public.
 */
#ifndef QKD_POST_SHUFFLE_H
#define QKD_POST_SHUFFLE_H

#include <stddef.h>
#include <stdint.h>

struct post_shuffle {
	uint64_t s[4];
};

/* @seed: 32 bytes; @use: tells apart the streams drawn from one seed */
void post_shuffle_begin(struct post_shuffle *r, const uint8_t seed[32],
			uint64_t use);

uint64_t post_shuffle_u64(struct post_shuffle *r);

/* a random order of 0..n-1 in @to, and its inverse in @pos */
void post_shuffle_order(struct post_shuffle *r, uint32_t *to, uint32_t *pos,
			uint32_t n);

#endif
