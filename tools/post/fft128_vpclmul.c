// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The additive transform by VPCLMULQDQ on 512-bit registers: four elements
 * each.
 */
#include "tools/post/cpu.h"

#ifdef POST_X86
#include <immintrin.h>

#include "tools/post/fft128.h"
#include "tools/post/fft128_convert.h"
#include "tools/post/gf128_pclmul.h"

/* levels that are done for a piece of so many elements at a time (16 KiB) */
#define PIECE 1024

/* four elements */
#define v4 __m512i

static inline v4 load(const struct gf128 *p)
{
	return _mm512_load_si512(p);
}

static inline void store(struct gf128 *p, v4 x)
{
	_mm512_store_si512(p, x);
}

static inline v4 xor3(v4 a, v4 b, v4 c)
{
	return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

/* as gf128_mul_x(), four times; the sum with s comes free */
static inline v4 muladd4(v4 s, v4 a, v4 b)
{
	const v4 poly = _mm512_set1_epi64(GF128_POLY);
	v4 lo = _mm512_clmulepi64_epi128(a, b, 0x00);
	v4 hi = _mm512_clmulepi64_epi128(a, b, 0x11);
	v4 mid = _mm512_xor_si512(_mm512_clmulepi64_epi128(a, b, 0x01),
				  _mm512_clmulepi64_epi128(a, b, 0x10));
	v4 t;

	hi = _mm512_xor_si512(hi, _mm512_bsrli_epi128(mid, 8));
	t = _mm512_clmulepi64_epi128(hi, poly, 0x01);
	s = xor3(s, lo, _mm512_bslli_epi128(_mm512_xor_si512(mid, t), 8));
	hi = _mm512_xor_si512(hi, _mm512_bsrli_epi128(t, 8));
	return _mm512_xor_si512(s, _mm512_clmulepi64_epi128(hi, poly, 0x00));
}

static inline void butterfly(v4 *u, v4 *v, v4 c)
{
	*u = muladd4(*u, *v, c);
	*v = _mm512_xor_si512(*v, *u);
}

static inline void inverse_butterfly(v4 *u, v4 *v, v4 c)
{
	*v = _mm512_xor_si512(*v, *u);
	*u = muladd4(*u, *v, c);
}

static inline v4 all(const struct gf128 *f)
{
	return _mm512_broadcast_i32x4(_mm_load_si128((const __m128i *)f));
}

/* levels 2 h and h at once on @n elements, h >= 4; @at: number of the first */
static void two_levels(struct gf128 *v, size_t at, size_t n, size_t h,
		       const struct gf128 *f)
{
	size_t i, j;

	for (i = 0; i < n; i += 4 * h) {
		size_t block = (at + i) / (4 * h);
		v4 c = all(f + block), d = all(f + 2 * block),
		   e = all(f + 2 * block + 1);

		for (j = i; j < i + h; j += 4) {
			v4 w = load(v + j), x = load(v + j + h),
			   y = load(v + j + 2 * h), z = load(v + j + 3 * h);

			butterfly(&w, &y, c);
			butterfly(&x, &z, c);
			butterfly(&w, &x, d);
			butterfly(&y, &z, e);
			store(v + j, w);
			store(v + j + h, x);
			store(v + j + 2 * h, y);
			store(v + j + 3 * h, z);
		}
	}
}

static void inverse_two_levels(struct gf128 *v, size_t at, size_t n, size_t h,
			       const struct gf128 *f)
{
	size_t i, j;

	for (i = 0; i < n; i += 4 * h) {
		size_t block = (at + i) / (4 * h);
		v4 c = all(f + block), d = all(f + 2 * block),
		   e = all(f + 2 * block + 1);

		for (j = i; j < i + h; j += 4) {
			v4 w = load(v + j), x = load(v + j + h),
			   y = load(v + j + 2 * h), z = load(v + j + 3 * h);

			inverse_butterfly(&w, &x, d);
			inverse_butterfly(&y, &z, e);
			inverse_butterfly(&w, &y, c);
			inverse_butterfly(&x, &z, c);
			store(v + j, w);
			store(v + j + h, x);
			store(v + j + 2 * h, y);
			store(v + j + 3 * h, z);
		}
	}
}

/* halves of registers: elements 0 1 of both, elements 2 3 of both */
#define LOW_PAIRS(a, b) _mm512_shuffle_i64x2(a, b, 0x44)
#define HIGH_PAIRS(a, b) _mm512_shuffle_i64x2(a, b, 0xee)
/* elements 0 2 of both, elements 1 3 of both */
#define EVEN(a, b) _mm512_shuffle_i64x2(a, b, 0x88)
#define ODD(a, b) _mm512_shuffle_i64x2(a, b, 0xdd)

/* f0 f0 f1 f1 */
static inline v4 twice_each(const struct gf128 *f)
{
	const v4 twice = _mm512_set_epi64(3, 2, 3, 2, 1, 0, 1, 0);
	const __m256i *p = (const __m256i *)f;
	v4 x = _mm512_castsi256_si512(_mm256_load_si256(p));

	return _mm512_permutexvar_epi64(twice, x);
}

/* eight elements a b to the inputs of the last two levels and back */
static void last_levels(struct gf128 *v, size_t at, size_t n,
			const struct gf128 *f)
{
	const v4 back = _mm512_set_epi64(7, 6, 3, 2, 5, 4, 1, 0);
	size_t i;

	for (i = 0; i < n; i += 8) {
		v4 a = load(v + i), b = load(v + i + 4), u, w, c;

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
	const v4 back = _mm512_set_epi64(7, 6, 3, 2, 5, 4, 1, 0);
	size_t i;

	for (i = 0; i < n; i += 8) {
		v4 a = load(v + i), b = load(v + i + 4), u, w, c;

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
	const v4 spread = _mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0);
	size_t i;

	for (i = 0; i < FFT128_SIZE; i += 4) {
		const __m256i *p = (const __m256i *)(coef + i);
		v4 x = _mm512_castsi256_si512(_mm256_load_si256(p));

		store(v + i, _mm512_maskz_permutexvar_epi64(0x55, spread, x));
	}
}

static void forward(struct gf128 *v, uint64_t *coef,
		    const struct gf128 *factor)
{
	size_t i, h;

	convert_forward(coef, FFT128_LOG, 1);
	expand(v, coef);
	for (h = FFT128_SIZE / 4; h >= PIECE; h /= 4)
		two_levels(v, 0, FFT128_SIZE, h, factor);
	for (i = 0; i < FFT128_SIZE; i += PIECE) {
		for (h = PIECE / 4; h >= 4; h /= 4)
			two_levels(v + i, i, PIECE, h, factor);
		last_levels(v + i, i, PIECE, factor);
	}
}

static void inverse(struct gf128 *v, const struct gf128 *factor)
{
	size_t i, h;

	for (i = 0; i < FFT128_SIZE; i += PIECE) {
		inverse_first_levels(v + i, i, PIECE, factor);
		for (h = 4; h <= PIECE / 4; h *= 4)
			inverse_two_levels(v + i, i, PIECE, h, factor);
	}
	for (h = PIECE; h <= FFT128_SIZE / 4; h *= 4)
		inverse_two_levels(v, 0, FFT128_SIZE, h, factor);
	convert_inverse(&v->lo, FFT128_LOG, 2);
}

static void muladd(struct gf128 *acc, const struct gf128 *a,
		   const struct gf128 *b)
{
	size_t i;

	for (i = 0; i < FFT128_SIZE; i += 4)
		store(acc + i, muladd4(load(acc + i), load(a + i),
				       load(b + i)));
}

const struct fft128_ops fft128_vpclmul = {
	.name = "vpclmul",
	.usable = post_cpu_vpclmul,
	.forward = forward,
	.inverse = inverse,
	.muladd = muladd,
};
#endif
