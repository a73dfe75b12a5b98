// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The additive transform by VPCLMULQDQ on 256-bit registers, two elements
 * each: for processors that have it without AVX-512, and virtual machines
 * that are not shown theirs. As fft128_vpclmul.c, which says more.
 */
#include "tools/post/cpu.h"

#ifdef POST_X86
#include <immintrin.h>

#include "tools/post/fft128.h"
#include "tools/post/fft128_convert.h"
#include "tools/post/gf128_pclmul.h"

/* levels that are done for a piece of so many elements at a time (16 KiB) */
#define PIECE 1024

/* two elements */
#define v2 __m256i

static inline v2 load(const struct gf128 *p)
{
	return _mm256_load_si256((const v2 *)p);
}

static inline void store(struct gf128 *p, v2 x)
{
	_mm256_store_si256((v2 *)p, x);
}

/* as gf128_mul_x(), twice; the sum with s */
static inline v2 muladd2(v2 s, v2 a, v2 b)
{
	const v2 poly = _mm256_set1_epi64x(GF128_POLY);
	v2 lo = _mm256_clmulepi64_epi128(a, b, 0x00);
	v2 hi = _mm256_clmulepi64_epi128(a, b, 0x11);
	v2 mid = _mm256_xor_si256(_mm256_clmulepi64_epi128(a, b, 0x01),
				  _mm256_clmulepi64_epi128(a, b, 0x10));
	v2 t;

	hi = _mm256_xor_si256(hi, _mm256_bsrli_epi128(mid, 8));
	t = _mm256_clmulepi64_epi128(hi, poly, 0x01);
	mid = _mm256_bslli_epi128(_mm256_xor_si256(mid, t), 8);
	s = _mm256_xor_si256(_mm256_xor_si256(s, lo), mid);
	hi = _mm256_xor_si256(hi, _mm256_bsrli_epi128(t, 8));
	return _mm256_xor_si256(s, _mm256_clmulepi64_epi128(hi, poly, 0x00));
}

static inline void butterfly(v2 *u, v2 *v, v2 c)
{
	*u = muladd2(*u, *v, c);
	*v = _mm256_xor_si256(*v, *u);
}

static inline void inverse_butterfly(v2 *u, v2 *v, v2 c)
{
	*v = _mm256_xor_si256(*v, *u);
	*u = muladd2(*u, *v, c);
}

static inline v2 both(const struct gf128 *f)
{
	return _mm256_broadcastsi128_si256(_mm_load_si128((const void *)f));
}

/* levels 2 h and h at once on @n elements, h >= 2; @at: number of the first */
static void two_levels(struct gf128 *v, size_t at, size_t n, size_t h,
		       const struct gf128 *f)
{
	size_t i, j;

	for (i = 0; i < n; i += 4 * h) {
		size_t block = (at + i) / (4 * h);
		v2 c = both(f + block), d = both(f + 2 * block),
		   e = both(f + 2 * block + 1);

		for (j = i; j < i + h; j += 2) {
			v2 w = load(v + j), x = load(v + j + h),
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
		v2 c = both(f + block), d = both(f + 2 * block),
		   e = both(f + 2 * block + 1);

		for (j = i; j < i + h; j += 2) {
			v2 w = load(v + j), x = load(v + j + h),
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

/* first elements of two registers, and second ones */
#define FIRST(a, b) _mm256_permute2x128_si256(a, b, 0x20)
#define SECOND(a, b) _mm256_permute2x128_si256(a, b, 0x31)

static void last_levels(struct gf128 *v, size_t at, size_t n,
			const struct gf128 *f)
{
	size_t i;

	for (i = 0; i < n; i += 4) {
		v2 a = load(v + i), b = load(v + i + 2), u, w;

		/* level 2: 0 1 with 2 3 */
		butterfly(&a, &b, both(f + (at + i) / 4));
		/* level 1: 0 2 with 1 3 */
		u = FIRST(a, b);
		w = SECOND(a, b);
		butterfly(&u, &w, load(f + (at + i) / 2));
		store(v + i, FIRST(u, w));
		store(v + i + 2, SECOND(u, w));
	}
}

static void inverse_first_levels(struct gf128 *v, size_t at, size_t n,
				 const struct gf128 *f)
{
	size_t i;

	for (i = 0; i < n; i += 4) {
		v2 a = load(v + i), b = load(v + i + 2), u, w;

		u = FIRST(a, b);
		w = SECOND(a, b);
		inverse_butterfly(&u, &w, load(f + (at + i) / 2));
		a = FIRST(u, w);
		b = SECOND(u, w);
		inverse_butterfly(&a, &b, both(f + (at + i) / 4));
		store(v + i, a);
		store(v + i + 2, b);
	}
}

static void forward(struct gf128 *v, uint64_t *coef,
		    const struct gf128 *factor)
{
	size_t i, h;

	convert_forward(coef, FFT128_LOG, 1);
	for (i = 0; i < FFT128_SIZE; i++) {
		v[i].lo = coef[i];
		v[i].hi = 0;
	}
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

	for (i = 0; i < FFT128_SIZE; i += 2)
		store(acc + i, muladd2(load(acc + i), load(a + i),
				       load(b + i)));
}

const struct fft128_ops fft128_vpclmul256 = {
	.name = "vpclmul256",
	.usable = post_cpu_vpclmul256,
	.forward = forward,
	.inverse = inverse,
	.muladd = muladd,
};
#endif
