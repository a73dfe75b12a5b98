/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The additive transform on registers that hold several elements, whatever
 * their width. It is included by a file which has defined before
 *
 *	vec			a register of LANES elements
 *	load(p), store(p, x)	of elements that are aligned to a register
 *	vec_xor(a, b)
 *	vec_muladd(s, a, b)	s plus the products, as gf128_mul_x()
 *	vec_all(p)		one element in all places
 *
 * and which defines after it what goes on within registers: expand() and the
 * two levels that join elements less than four apart.
 *
 * Timing: constant: no branch and no address depends on what the elements are.
 */
#ifndef _POST_FFT128_WIDE_H
#define _POST_FFT128_WIDE_H

#include "tools/post/fft128.h"
#include "tools/post/fft128_convert.h"

/* levels that are done for a piece of so many elements at a time (16 KiB) */
#define PIECE 1024

static inline void butterfly(vec *u, vec *v, vec c)
{
	*u = vec_muladd(*u, *v, c);
	*v = vec_xor(*v, *u);
}

static inline void inverse_butterfly(vec *u, vec *v, vec c)
{
	*v = vec_xor(*v, *u);
	*u = vec_muladd(*u, *v, c);
}

/* levels 2 h and h at once on @n elements, h >= LANES; @at: the first's number */
static void two_levels(struct gf128 *v, size_t at, size_t n, size_t h,
		       const struct gf128 *f)
{
	size_t i, j;

	for (i = 0; i < n; i += 4 * h) {
		size_t block = (at + i) / (4 * h);
		vec c = vec_all(f + block), d = vec_all(f + 2 * block),
		    e = vec_all(f + 2 * block + 1);

		for (j = i; j < i + h; j += LANES) {
			vec w = load(v + j), x = load(v + j + h),
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
		vec c = vec_all(f + block), d = vec_all(f + 2 * block),
		    e = vec_all(f + 2 * block + 1);

		for (j = i; j < i + h; j += LANES) {
			vec w = load(v + j), x = load(v + j + h),
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

/* @coef becomes the lower halves of elements, whose upper halves are 0 */
static void expand(struct gf128 *v, const uint64_t *coef);
/* levels 2 and 1 on @n elements, and back; @at: number of the first */
static void last_levels(struct gf128 *v, size_t at, size_t n,
			const struct gf128 *f);
static void inverse_first_levels(struct gf128 *v, size_t at, size_t n,
				 const struct gf128 *f);

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

	for (i = 0; i < FFT128_SIZE; i += LANES)
		store(acc + i, vec_muladd(load(acc + i), load(a + i),
					  load(b + i)));
}

#endif /* _POST_FFT128_WIDE_H */
