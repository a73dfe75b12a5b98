// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Toeplitz hashing as one does it with FFTW or gf2x as Debian builds them.
 */
#include <fftw3.h>
#include <gf2x.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/bench/post_others.h"
#include "tools/post/bits.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* the least 2^a, 3 2^a or 9 2^a that is not below n */
static size_t good_size(size_t n)
{
	static const size_t odd[] = { 1, 3, 9 };
	size_t best = 0, i;

	for (i = 0; i < 3; i++) {
		size_t l = odd[i];

		while (l < n)
			l *= 2;
		if (!best || l < best)
			best = l;
	}
	return best;
}

static void spread(double *d, size_t size, const uint64_t *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		d[i] = post_bit(v, i);
	for (; i < size; i++)
		d[i] = 0;
}

double other_fftw(uint64_t *out, size_t m, const uint64_t *seed,
		  const uint64_t *in, size_t n)
{
	size_t size = good_size(n + m - 1), half = size / 2 + 1, i;
	fftw_complex *a = fftw_alloc_complex(half);
	fftw_complex *b = fftw_alloc_complex(half);
	double *x = (double *)a, *y = (double *)b, t;
	fftw_plan pa, pb, pi;

	if (!a || !b)
		exit(1);
	pa = fftw_plan_dft_r2c_1d(size, x, a, FFTW_ESTIMATE);
	pb = fftw_plan_dft_r2c_1d(size, y, b, FFTW_ESTIMATE);
	pi = fftw_plan_dft_c2r_1d(size, a, x, FFTW_ESTIMATE);
	t = now();
	spread(x, size, seed, n + m - 1);
	spread(y, size, in, n);
	fftw_execute(pa);
	fftw_execute(pb);
	for (i = 0; i < half; i++) {
		double re = a[i][0] * b[i][0] - a[i][1] * b[i][1];

		a[i][1] = a[i][0] * b[i][1] + a[i][1] * b[i][0];
		a[i][0] = re;
	}
	fftw_execute(pi);
	for (i = 0; i < m; i++)
		post_bit_put(out, i, llrint(x[n - 1 + i] / size) & 1);
	t = now() - t;
	fftw_destroy_plan(pa);
	fftw_destroy_plan(pb);
	fftw_destroy_plan(pi);
	fftw_free(a);
	fftw_free(b);
	return t;
}

double other_gf2x(uint64_t *out, size_t m, const uint64_t *seed,
		  const uint64_t *in, size_t n)
{
	size_t a = post_words(n + m - 1), b = post_words(n);
	unsigned long *c = calloc(a + b, sizeof(*c));
	double t;

	if (!c)
		exit(1);
	t = now();
	gf2x_mul(c, (const unsigned long *)seed, a, (const unsigned long *)in,
		 b);
	post_bits_copy(out, 0, (uint64_t *)c, n - 1, m);
	t = now() - t;
	free(c);
	return t;
}
