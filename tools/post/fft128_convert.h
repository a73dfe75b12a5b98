/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the powers of x and the basis that butterflies work in: only XORs.
 * Internal; included by the files of each instruction set, so that each
 * compiles it with its own.
 *
 * A polynomial of 2^log coefficients, log a power of two, is written to the
 * base s_h(x) = x^H + x, h = log / 2, H = 2^h, by repeated division with
 * remainder; digits and, with y = s_h(x), the polynomial of digits are then
 * polynomials of 2^h coefficients to be treated alike, since s_(h+i)(x) =
 * s_i(y).
 *
 * "unit" is the number of 64-bit words that count as one coefficient.
 *
 * Timing: depends on lengths only.
 */
#ifndef QKD_POST_FFT128_CONVERT_H
#define QKD_POST_FFT128_CONVERT_H

#include <stddef.h>
#include <stdint.h>

/* dst ^= src; may overlap only if dst is @n words or more below src */
static inline void convert_xor(uint64_t *restrict dst,
			       const uint64_t *restrict src, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		dst[i] ^= src[i];
}

/*
 * Divide 2 t coefficients by (x^H + x)^g = x^t + x^g, t = g H: quotient to
 * the upper half, remainder to the lower.
 */
static inline void convert_divide(uint64_t *f, size_t t, size_t g,
				  size_t unit)
{
	/* what overflows into the quotient first */
	convert_xor(f + t * unit, f + (2 * t - g) * unit, g * unit);
	convert_xor(f + g * unit, f + t * unit, (t - g) * unit);
}

static inline void convert_multiply(uint64_t *f, size_t t, size_t g,
				    size_t unit)
{
	convert_xor(f + g * unit, f + t * unit, (t - g) * unit);
	convert_xor(f + t * unit, f + (2 * t - g) * unit, g * unit);
}

static inline void convert_forward(uint64_t *f, unsigned int log, size_t unit)
{
	size_t n = (size_t)1 << log, half, t, g, i;

	if (log == 1)
		return;
	half = (size_t)1 << (log / 2);
	for (t = n / 2; t >= half; t /= 2) {
		g = t / half;
		for (i = 0; i < n; i += 2 * t)
			convert_divide(f + i * unit, t, g, unit);
	}
	convert_forward(f, log / 2, unit * half);
	for (i = 0; i < n; i += half)
		convert_forward(f + i * unit, log / 2, unit);
}

static inline void convert_inverse(uint64_t *f, unsigned int log, size_t unit)
{
	size_t n = (size_t)1 << log, half, t, g, i;

	if (log == 1)
		return;
	half = (size_t)1 << (log / 2);
	for (i = 0; i < n; i += half)
		convert_inverse(f + i * unit, log / 2, unit);
	convert_inverse(f, log / 2, unit * half);
	for (t = half; t <= n / 2; t *= 2) {
		g = t / half;
		for (i = 0; i < n; i += 2 * t)
			convert_multiply(f + i * unit, t, g, unit);
	}
}

#endif
