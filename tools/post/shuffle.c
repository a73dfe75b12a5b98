// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Shuffles that both ends draw from a public seed.
 */
#include <endian.h>
#include <string.h>

#include "tools/post/shuffle.h"

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

uint64_t post_shuffle_u64(struct post_shuffle *r)
{
	uint64_t *s = r->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

void post_shuffle_begin(struct post_shuffle *r, const uint8_t seed[32],
			uint64_t use)
{
	int i;

	memcpy(r->s, seed, 32);
	for (i = 0; i < 4; i++)
		r->s[i] = le64toh(r->s[i]);
	r->s[0] ^= use;
	/* an all-zero state would stay so */
	r->s[3] ^= 0x9e3779b97f4a7c15;
	for (i = 0; i < 32; i++)
		post_shuffle_u64(r);
}

/* uniform below n, exactly (Lemire 2019) */
static uint32_t below(struct post_shuffle *r, uint32_t n)
{
	uint64_t m = (post_shuffle_u64(r) >> 32) * n;

	if ((uint32_t)m < n) {
		uint32_t least = -n % n;

		while ((uint32_t)m < least)
			m = (post_shuffle_u64(r) >> 32) * n;
	}
	return m >> 32;
}

void post_shuffle_order(struct post_shuffle *r, uint32_t *to, uint32_t *pos,
			uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		uint32_t j = below(r, i + 1);

		to[i] = i;
		to[i] = to[j];
		to[j] = i;
	}
	for (i = 0; i < n; i++)
		pos[to[i]] = i;
}
