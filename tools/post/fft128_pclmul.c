// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The additive transform by PCLMULQDQ, one element a register.
 */
#include "tools/post/cpu.h"

#ifdef POST_X86
#include "tools/post/fft128.h"
#include "tools/post/fft128_convert.h"
#include "tools/post/gf128_pclmul.h"

/* levels that are done for a piece of so many elements at a time (16 KiB) */
#define PIECE 1024

static void butterflies(__m128i *u, __m128i *v, size_t n, __m128i c)
{
	size_t i;

	for (i = 0; i < n; i++) {
		u[i] = _mm_xor_si128(u[i], gf128_mul_x(c, v[i]));
		v[i] = _mm_xor_si128(v[i], u[i]);
	}
}

static void inverse_butterflies(__m128i *u, __m128i *v, size_t n, __m128i c)
{
	size_t i;

	for (i = 0; i < n; i++) {
		v[i] = _mm_xor_si128(v[i], u[i]);
		u[i] = _mm_xor_si128(u[i], gf128_mul_x(c, v[i]));
	}
}

/* levels from @half down to @last of @n elements, the first being number @at */
static void levels(__m128i *v, size_t at, size_t n, size_t half, size_t last,
		   const __m128i *factor)
{
	size_t i;

	for (; half >= last && half; half /= 2) {
		for (i = 0; i < n; i += 2 * half)
			butterflies(v + i, v + i + half, half,
				    factor[(at + i) / (2 * half)]);
	}
}

static void inverse_levels(__m128i *v, size_t at, size_t n, size_t half,
			   size_t last, const __m128i *factor)
{
	size_t i;

	for (; half <= last; half *= 2) {
		for (i = 0; i < n; i += 2 * half)
			inverse_butterflies(v + i, v + i + half, half,
					    factor[(at + i) / (2 * half)]);
	}
}

static void forward(struct gf128 *value, uint64_t *coef,
		    const struct gf128 *factor)
{
	const __m128i *f = (const __m128i *)factor;
	__m128i *v = (__m128i *)value;
	size_t i;

	convert_forward(coef, FFT128_LOG, 1);
	for (i = 0; i < FFT128_SIZE; i++)
		v[i] = _mm_set_epi64x(0, coef[i]);
	levels(v, 0, FFT128_SIZE, FFT128_SIZE / 2, PIECE, f);
	for (i = 0; i < FFT128_SIZE; i += PIECE)
		levels(v + i, i, PIECE, PIECE / 2, 1, f);
}

static void inverse(struct gf128 *value, const struct gf128 *factor)
{
	const __m128i *f = (const __m128i *)factor;
	__m128i *v = (__m128i *)value;
	size_t i;

	for (i = 0; i < FFT128_SIZE; i += PIECE)
		inverse_levels(v + i, i, PIECE, 1, PIECE / 2, f);
	inverse_levels(v, 0, FFT128_SIZE, PIECE, FFT128_SIZE / 2, f);
	convert_inverse(&value->lo, FFT128_LOG, 2);
}

static void muladd(struct gf128 *acc, const struct gf128 *a,
		   const struct gf128 *b)
{
	const __m128i *x = (const __m128i *)a, *y = (const __m128i *)b;
	__m128i *s = (__m128i *)acc;
	size_t i;

	for (i = 0; i < FFT128_SIZE; i++)
		s[i] = _mm_xor_si128(s[i], gf128_mul_x(x[i], y[i]));
}

const struct fft128_ops fft128_pclmul = {
	.name = "pclmul",
	.usable = post_cpu_pclmul,
	.forward = forward,
	.inverse = inverse,
	.muladd = muladd,
};
#endif
