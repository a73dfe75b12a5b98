// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The additive transform by VPCLMULQDQ on 256-bit registers, two elements
 * each: for processors that have it without AVX-512, and virtual machines
 * that are not shown theirs.
 */
#include "tools/post/cpu.h"

#ifdef POST_X86
#include <immintrin.h>

#include "tools/post/fft128.h"
#include "tools/post/gf128_pclmul.h"

/* two elements */
#define vec __m256i
#define LANES 2

static inline vec load(const struct gf128 *p)
{
	return _mm256_load_si256((const vec *)p);
}

static inline void store(struct gf128 *p, vec x)
{
	_mm256_store_si256((vec *)p, x);
}

static inline vec vec_xor(vec a, vec b)
{
	return _mm256_xor_si256(a, b);
}

/* as gf128_mul_x(), twice; the sum with s */
static inline vec vec_muladd(vec s, vec a, vec b)
{
	const vec poly = _mm256_set1_epi64x(GF128_POLY);
	vec lo = _mm256_clmulepi64_epi128(a, b, 0x00);
	vec hi = _mm256_clmulepi64_epi128(a, b, 0x11);
	vec mid = _mm256_xor_si256(_mm256_clmulepi64_epi128(a, b, 0x01),
				   _mm256_clmulepi64_epi128(a, b, 0x10));
	vec t;

	hi = _mm256_xor_si256(hi, _mm256_bsrli_epi128(mid, 8));
	t = _mm256_clmulepi64_epi128(hi, poly, 0x01);
	mid = _mm256_bslli_epi128(_mm256_xor_si256(mid, t), 8);
	s = _mm256_xor_si256(_mm256_xor_si256(s, lo), mid);
	hi = _mm256_xor_si256(hi, _mm256_bsrli_epi128(t, 8));
	return _mm256_xor_si256(s, _mm256_clmulepi64_epi128(hi, poly, 0x00));
}

static inline vec vec_all(const struct gf128 *f)
{
	return _mm256_broadcastsi128_si256(_mm_load_si128((const void *)f));
}

#include "tools/post/fft128_wide.h"

/* first elements of two registers, and second ones */
#define FIRST(a, b) _mm256_permute2x128_si256(a, b, 0x20)
#define SECOND(a, b) _mm256_permute2x128_si256(a, b, 0x31)

static void expand(struct gf128 *v, const uint64_t *coef)
{
	size_t i;

	for (i = 0; i < FFT128_SIZE; i++) {
		v[i].lo = coef[i];
		v[i].hi = 0;
	}
}

static void last_levels(struct gf128 *v, size_t at, size_t n,
			const struct gf128 *f)
{
	size_t i;

	for (i = 0; i < n; i += 4) {
		vec a = load(v + i), b = load(v + i + 2), u, w;

		/* level 2: 0 1 with 2 3 */
		butterfly(&a, &b, vec_all(f + (at + i) / 4));
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
		vec a = load(v + i), b = load(v + i + 2), u, w;

		u = FIRST(a, b);
		w = SECOND(a, b);
		inverse_butterfly(&u, &w, load(f + (at + i) / 2));
		a = FIRST(u, w);
		b = SECOND(u, w);
		inverse_butterfly(&a, &b, vec_all(f + (at + i) / 4));
		store(v + i, a);
		store(v + i + 2, b);
	}
}

const struct fft128_ops fft128_vpclmul256 = {
	.name = "vpclmul256",
	.usable = post_cpu_vpclmul256,
	.forward = forward,
	.inverse = inverse,
	.muladd = muladd,
};
#endif
