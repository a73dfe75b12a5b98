// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The additive transform on any processor; the table of factors; the choice.
 */
#include "tools/post/cpu.h"
#include "tools/post/fft128.h"
#include "tools/post/fft128_convert.h"

void fft128_factors(struct gf128 factor[FFT128_FACTORS])
{
	size_t i;

	factor[0] = (struct gf128){ 0, 0 };
	for (i = 1; i < FFT128_FACTORS; i++)
		factor[i] = gf128_add(factor[i & (i - 1)],
				      fft128_basis[__builtin_ctzll(i) + 1]);
}

static bool always(void)
{
	return true;
}

static void forward(struct gf128 *v, uint64_t *coef,
		    const struct gf128 *factor)
{
	size_t i, j, half;

	convert_forward(coef, FFT128_LOG, 1);
	for (i = 0; i < FFT128_SIZE; i++)
		v[i] = (struct gf128){ coef[i], 0 };
	for (half = FFT128_SIZE / 2; half; half /= 2) {
		for (i = 0; i < FFT128_SIZE; i += 2 * half) {
			struct gf128 c = factor[i / (2 * half)];

			for (j = i; j < i + half; j++) {
				v[j] = gf128_add(v[j],
						 gf128_mul(c, v[j + half]));
				v[j + half] = gf128_add(v[j + half], v[j]);
			}
		}
	}
}

static void inverse(struct gf128 *v, const struct gf128 *factor)
{
	size_t i, j, half;

	for (half = 1; half < FFT128_SIZE; half *= 2) {
		for (i = 0; i < FFT128_SIZE; i += 2 * half) {
			struct gf128 c = factor[i / (2 * half)];

			for (j = i; j < i + half; j++) {
				v[j + half] = gf128_add(v[j + half], v[j]);
				v[j] = gf128_add(v[j],
						 gf128_mul(c, v[j + half]));
			}
		}
	}
	convert_inverse(&v->lo, FFT128_LOG, 2);
}

static void muladd(struct gf128 *acc, const struct gf128 *a,
		   const struct gf128 *b)
{
	size_t i;

	for (i = 0; i < FFT128_SIZE; i++)
		acc[i] = gf128_add(acc[i], gf128_mul(a[i], b[i]));
}

const struct fft128_ops fft128_portable = {
	.name = "portable",
	.usable = always,
	.forward = forward,
	.inverse = inverse,
	.muladd = muladd,
};

const struct fft128_ops *fft128_best(void)
{
#ifdef POST_X86
	if (fft128_vpclmul.usable())
		return &fft128_vpclmul;
	if (fft128_vpclmul256.usable())
		return &fft128_vpclmul256;
	if (fft128_pclmul.usable())
		return &fft128_pclmul;
#endif
	return &fft128_portable;
}
