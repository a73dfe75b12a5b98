/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Privacy amplification: multiplication by a random Toeplitz matrix over
 * GF(2), exact, for strings of up to 2^27 bits.
 *
 *   out[i] = XOR over j of  seed[i + n - 1 - j] & in[j],   0 <= i < m
 *
 * The m x n Toeplitz matrices are a 2-universal family (Krawczyk 1994), so
 * the leftover hash lemma holds for a seed of n + m - 1 uniform bits.  The
 * seed must be random and unknown to the adversary until the string hashed is
 * fixed: draw a new one for every block, send it authenticated.
 *
 * Memory: about (n + m) / 2 bytes and 2.5 MB beside the strings, see
 * post_toeplitz_memory(); 132 MB at most.
 *
 * Timing: depends on n and m only: no branch and no address depends on a bit
 * of in, out or seed.
 */
#ifndef QKD_POST_TOEPLITZ_H
#define QKD_POST_TOEPLITZ_H

#include <stddef.h>
#include <stdint.h>

#define POST_TOEPLITZ_MAX_BITS ((size_t)1 << 27)

/** post_toeplitz_seed_bits() - bits of seed for an m x n matrix */
static inline size_t post_toeplitz_seed_bits(size_t n, size_t m)
{
	return n && m ? n + m - 1 : 0;
}

/**
 * post_toeplitz() - hash n bits to m
 * @out: written to, m bits
 * @m: bits of @out, 0 < m <= n
 * @seed: n + m - 1 bits
 * @in: n bits
 * @n: bits of @in, at most POST_TOEPLITZ_MAX_BITS
 *
 * Takes the fastest way this processor has.  Everything allocated for it is
 * wiped before the return.
 *
 * Return: 0, -EINVAL (lengths) or -ENOMEM (@out is then all zero).
 */
int post_toeplitz(uint64_t *out, size_t m, const uint64_t *seed,
		  const uint64_t *in, size_t n);

/** post_toeplitz_memory() - bytes that post_toeplitz() allocates */
size_t post_toeplitz_memory(size_t n, size_t m);

/**
 * post_toeplitz_ref() - the same by the definition, O(n m)
 *
 * The oracle of the tests, and of anyone who wants to read what is computed.
 */
void post_toeplitz_ref(uint64_t *out, size_t m, const uint64_t *seed,
		       const uint64_t *in, size_t n);

#endif
