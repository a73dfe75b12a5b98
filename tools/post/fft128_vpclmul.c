// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The additive transform by VPCLMULQDQ on 512-bit registers: four elements
 * each.
 */
#include "tools/post/cpu.h"

#ifdef POST_X86
#include <immintrin.h>

#include "tools/post/fft128.h"
#include "tools/post/gf128_pclmul.h"

/* four elements */
#define vec __m512i
#define LANES 4

static inline vec load(const struct gf128 *p)
{
	return _mm512_load_si512(p);
}

static inline void store(struct gf128 *p, vec x)
{
	_mm512_store_si512(p, x);
}

static inline vec vec_xor(vec a, vec b)
{
	return _mm512_xor_si512(a, b);
}

static inline vec xor3(vec a, vec b, vec c)
{
	return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

/* as gf128_mul_x(), four times; the sum with s comes free */
static inline vec vec_muladd(vec s, vec a, vec b)
{
	const vec poly = _mm512_set1_epi64(GF128_POLY);
	vec lo = _mm512_clmulepi64_epi128(a, b, 0x00);
	vec hi = _mm512_clmulepi64_epi128(a, b, 0x11);
	vec mid = _mm512_xor_si512(_mm512_clmulepi64_epi128(a, b, 0x01),
				   _mm512_clmulepi64_epi128(a, b, 0x10));
	vec t;

	hi = _mm512_xor_si512(hi, _mm512_bsrli_epi128(mid, 8));
	t = _mm512_clmulepi64_epi128(hi, poly, 0x01);
	s = xor3(s, lo, _mm512_bslli_epi128(_mm512_xor_si512(mid, t), 8));
	hi = _mm512_xor_si512(hi, _mm512_bsrli_epi128(t, 8));
	return _mm512_xor_si512(s, _mm512_clmulepi64_epi128(hi, poly, 0x00));
}

static inline vec vec_all(const struct gf128 *f)
{
	return _mm512_broadcast_i32x4(_mm_load_si128((const __m128i *)f));
}

#include "tools/post/fft128_wide.h"

/* halves of registers: elements 0 1 of both, elements 2 3 of both */
#define LOW_PAIRS(a, b) _mm512_shuffle_i64x2(a, b, 0x44)
#define HIGH_PAIRS(a, b) _mm512_shuffle_i64x2(a, b, 0xee)
/* elements 0 2 of both, elements 1 3 of both */
#define EVEN(a, b) _mm512_shuffle_i64x2(a, b, 0x88)
#define ODD(a, b) _mm512_shuffle_i64x2(a, b, 0xdd)

/* f0 f0 f1 f1 */
static inline vec twice_each(const struct gf128 *f)
{
	const vec twice = _mm512_set_epi64(3, 2, 3, 2, 1, 0, 1, 0);
	const __m256i *p = (const __m256i *)f;
	vec x = _mm512_castsi256_si512(_mm256_load_si256(p));

	return _mm512_permutexvar_epi64(twice, x);
}

/* eight elements a b to the inputs of the last two levels and back */
static void last_levels(struct gf128 *v, size_t at, size_t n,
			const struct gf128 *f)
{
	const vec back = _mm512_set_epi64(7, 6, 3, 2, 5, 4, 1, 0);
	size_t i;

	for (i = 0; i < n; i += 8) {
		vec a = load(v + i), b = load(v + i + 4), u, w, c;

		/* level 2: blocks of four, 0 1 with 2 3 */
		u = LOW_PAIRS(a, b);
		w = HIGH_PAIRS(a, b);
		c = twice_each(f + (at + i) / 4);
		butterfly(&u, &w, c);
		a = LOW_PAIRS(u, w);
		b = HIGH_PAIRS(u, w);
		/* level 1: pairs */
		u = EVEN(a, b);
		w = ODD(a, b);
		butterfly(&u, &w, load(f + (at + i) / 2));
		/* u: 0 2 4 6, w: 1 3 5 7 */
		a = LOW_PAIRS(u, w);
		b = HIGH_PAIRS(u, w);
		store(v + i, _mm512_permutexvar_epi64(back, a));
		store(v + i + 4, _mm512_permutexvar_epi64(back, b));
	}
}

static void inverse_first_levels(struct gf128 *v, size_t at, size_t n,
				 const struct gf128 *f)
{
	const vec back = _mm512_set_epi64(7, 6, 3, 2, 5, 4, 1, 0);
	size_t i;

	for (i = 0; i < n; i += 8) {
		vec a = load(v + i), b = load(v + i + 4), u, w, c;

		u = EVEN(a, b);
		w = ODD(a, b);
		inverse_butterfly(&u, &w, load(f + (at + i) / 2));
		a = _mm512_permutexvar_epi64(back, LOW_PAIRS(u, w));
		b = _mm512_permutexvar_epi64(back, HIGH_PAIRS(u, w));
		u = LOW_PAIRS(a, b);
		w = HIGH_PAIRS(a, b);
		c = twice_each(f + (at + i) / 4);
		inverse_butterfly(&u, &w, c);
		store(v + i, LOW_PAIRS(u, w));
		store(v + i + 4, HIGH_PAIRS(u, w));
	}
}

static void expand(struct gf128 *v, const uint64_t *coef)
{
	const vec spread = _mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0);
	size_t i;

	for (i = 0; i < FFT128_SIZE; i += 4) {
		const __m256i *p = (const __m256i *)(coef + i);
		vec x = _mm512_castsi256_si512(_mm256_load_si256(p));

		store(v + i, _mm512_maskz_permutexvar_epi64(0x55, spread, x));
	}
}

const struct fft128_ops fft128_vpclmul = {
	.name = "vpclmul",
	.usable = post_cpu_vpclmul,
	.forward = forward,
	.inverse = inverse,
	.muladd = muladd,
};
#endif
