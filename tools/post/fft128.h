/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Additive Fourier transform over GF(2^128), of 2^16 coefficients, and the
 * products under it.  Internal to tools/post.
 *
 * A polynomial of less than 2^16 coefficients is evaluated at all points of
 * the subfield GF(2^16).  A product of values is thus the product of
 * polynomials modulo x^65536 + x.
 *
 * Points are numbered by the Cantor basis v[0..15] (v[0] = 1,
 * v[i+1]^2 + v[i+1] = v[i]): point j is the sum of v[i] over the ones of j.
 * With s_i(x) = the product of (x + point j) over j < 2^i, s_i(v[i+k]) =
 * v[k], so a butterfly's factor depends on its block's number alone.
 *
 * Sources: Cantor 1989; Gao and Mateer 2010; Lin, Chung, Han 2014; Chen et
 * al., arXiv:1708.09746.
 *
 * Timing: constant.
 */
#ifndef QKD_POST_FFT128_H
#define QKD_POST_FFT128_H

#include <stdbool.h>

#include "tools/post/gf128.h"

#define FFT128_LOG 16
#define FFT128_SIZE ((size_t)1 << FFT128_LOG)

/* factors of butterflies, by the number of the block */
#define FFT128_FACTORS (FFT128_SIZE / 2)

extern const struct gf128 fft128_basis[FFT128_LOG];

/* fill in the table of factors */
void fft128_factors(struct gf128 factor[FFT128_FACTORS]);

/**
 * struct fft128_ops - one way to compute
 * @name: for people
 * @usable: whether this processor can
 * @forward: values of a polynomial; its coefficients, of 64 bits each, are
 *	destroyed
 * @inverse: coefficients from values, in place
 * @muladd: acc += a b, at all points
 *
 * All arrays have FFT128_SIZE elements and are aligned to 64 bytes.
 */
struct fft128_ops {
	const char *name;
	bool (*usable)(void);
	void (*forward)(struct gf128 *value, uint64_t *coef,
			const struct gf128 *factor);
	void (*inverse)(struct gf128 *v, const struct gf128 *factor);
	void (*muladd)(struct gf128 *acc, const struct gf128 *a,
		       const struct gf128 *b);
};

extern const struct fft128_ops fft128_portable;
extern const struct fft128_ops fft128_pclmul;
extern const struct fft128_ops fft128_vpclmul256;
extern const struct fft128_ops fft128_vpclmul;

/* the fastest that this processor can do */
const struct fft128_ops *fft128_best(void);

/* the hash of toeplitz.h in a given way */
int post_toeplitz_by(const struct fft128_ops *ops, uint64_t *out, size_t m,
		     const uint64_t *seed, const uint64_t *in, size_t n);

#endif
