// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hashing over GF(2^128) by PCLMULQDQ: eight blocks between reductions.
 */
#include "tools/post/cpu.h"

#ifdef POST_X86
#include "tools/post/gf128.h"
#include "tools/post/gf128_pclmul.h"

#define WAYS 8

static __m128i load(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

struct gf128 gf128_hash_blocks_pclmul(struct gf128 acc, struct gf128 h,
				      const uint8_t *data, size_t blocks)
{
	__m128i a = _mm_set_epi64x(acc.hi, acc.lo), pow[WAYS];
	int i;

	pow[0] = _mm_set_epi64x(h.hi, h.lo);
	if (blocks >= WAYS) {
		for (i = 1; i < WAYS; i++)
			pow[i] = gf128_mul_x(pow[i - 1], pow[0]);
	}
	for (; blocks >= WAYS; blocks -= WAYS, data += 16 * WAYS) {
		__m128i lo = _mm_setzero_si128(), mid = lo, hi = lo;

		gf128_muladd_x(_mm_xor_si128(a, load(data)), pow[WAYS - 1],
			       &lo, &mid, &hi);
		for (i = 1; i < WAYS; i++)
			gf128_muladd_x(load(data + 16 * i), pow[WAYS - 1 - i],
				       &lo, &mid, &hi);
		a = gf128_join_x(lo, mid, hi);
	}
	for (; blocks; blocks--, data += 16)
		a = gf128_mul_x(_mm_xor_si128(a, load(data)), pow[0]);
	return (struct gf128){ _mm_cvtsi128_si64(a), _mm_extract_epi64(a, 1) };
}
#endif
