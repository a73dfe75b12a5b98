/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GF(2^128) by PCLMULQDQ, one element a register.  Internal; included only by
 * files compiled with -mpclmul -msse4.1.
 *
 * Timing: constant.
 */
#ifndef QKD_POST_GF128_PCLMUL_H
#define QKD_POST_GF128_PCLMUL_H

#include <immintrin.h>

/* x^128 = x^7 + x^2 + x + 1 */
#define GF128_POLY 0x87

/* the element that hi x^128 + lo stands for */
static inline __m128i gf128_reduce_x(__m128i lo, __m128i hi)
{
	const __m128i poly = _mm_set_epi64x(0, GF128_POLY);
	__m128i t;

	/* fold the upper half of hi to x^64, what overflows joins hi again */
	t = _mm_clmulepi64_si128(hi, poly, 0x01);
	lo = _mm_xor_si128(lo, _mm_slli_si128(t, 8));
	hi = _mm_xor_si128(hi, _mm_srli_si128(t, 8));
	return _mm_xor_si128(lo, _mm_clmulepi64_si128(hi, poly, 0x00));
}

/* lo, mid, hi += the three parts of a b, not yet put together */
static inline void gf128_muladd_x(__m128i a, __m128i b, __m128i *lo,
				  __m128i *mid, __m128i *hi)
{
	*lo = _mm_xor_si128(*lo, _mm_clmulepi64_si128(a, b, 0x00));
	*hi = _mm_xor_si128(*hi, _mm_clmulepi64_si128(a, b, 0x11));
	*mid = _mm_xor_si128(*mid, _mm_clmulepi64_si128(a, b, 0x01));
	*mid = _mm_xor_si128(*mid, _mm_clmulepi64_si128(a, b, 0x10));
}

static inline __m128i gf128_join_x(__m128i lo, __m128i mid, __m128i hi)
{
	lo = _mm_xor_si128(lo, _mm_slli_si128(mid, 8));
	hi = _mm_xor_si128(hi, _mm_srli_si128(mid, 8));
	return gf128_reduce_x(lo, hi);
}

static inline __m128i gf128_mul_x(__m128i a, __m128i b)
{
	__m128i lo = _mm_setzero_si128(), mid = lo, hi = lo;

	gf128_muladd_x(a, b, &lo, &mid, &hi);
	return gf128_join_x(lo, mid, hi);
}

#endif
