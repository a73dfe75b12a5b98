/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random strings for the tests of tools/post: repeatable, so that a failure
 * can be looked at again.
 */
#ifndef TESTS_POST_RANDOM_H
#define TESTS_POST_RANDOM_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/post/bits.h"

/* splitmix64 */
static inline uint64_t rnd(uint64_t *s)
{
	uint64_t x = *s += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* uniform in (0, 1] */
static inline double rnd_real(uint64_t *s)
{
	return ((rnd(s) >> 11) + 1) * 0x1p-53;
}

static inline uint64_t *bits_new(size_t n)
{
	return calloc(post_words(n) + 1, 8);
}

static inline uint64_t *bits_random(size_t n, uint64_t *s)
{
	uint64_t *v = bits_new(n);
	size_t i;

	for (i = 0; i < post_words(n); i++)
		v[i] = rnd(s);
	if (n)
		v[post_words(n) - 1] &= post_tail_mask(n);
	return v;
}

/* a copy with each bit flipped with probability q; *count: how many were */
static inline uint64_t *bits_noisy(const uint64_t *v, size_t n, double q,
				   uint64_t *s, size_t *count)
{
	uint64_t *w = bits_new(n);
	double i = 0;

	*count = 0;
	memcpy(w, v, 8 * post_words(n));
	if (q <= 0)
		return w;
	for (;; i++, ++*count) {
		i += q < 1 ? floor(log(rnd_real(s)) / log1p(-q)) : 0;
		if (i >= n)
			return w;
		post_bit_flip(w, i);
	}
}

#endif
