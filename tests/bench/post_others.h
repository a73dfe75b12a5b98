/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Toeplitz hashing by other people's libraries, to compare with.  Parameters
 * as in post_toeplitz(); both return seconds of CPU time, plans left out.
 */
#ifndef TESTS_BENCH_POST_OTHERS_H
#define TESTS_BENCH_POST_OTHERS_H

#include <stddef.h>
#include <stdint.h>

/* FFTW, doubles: cyclic convolution of bits, rounded */
double other_fftw(uint64_t *out, size_t m, const uint64_t *seed,
		  const uint64_t *in, size_t n);

/* gf2x: the whole product of polynomials over GF(2) */
double other_gf2x(uint64_t *out, size_t m, const uint64_t *seed,
		  const uint64_t *in, size_t n);

#endif
