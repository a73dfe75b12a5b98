/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Atoms of a pass of Cascade: where one begins and ends, and what is in it.
 * Internal.
 *
 * Included by the engine, and so compiled for a kind of processor each.
 *
 * Timing: depends on the pattern of errors, which is public (cascade.h).
 */
#ifndef QKD_POST_CASCADE_ATOMS_H
#define QKD_POST_CASCADE_ATOMS_H

#include "tools/post/cascade_priv.h"

static inline uint32_t atom_start(const struct cascade_pass *p,
				  uint32_t place)
{
	uint32_t w = place / 64;
	uint64_t x = p->cut[w] & (~(uint64_t)0 >> (63 - place % 64));

	while (!x)
		x = p->cut[--w];
	return 64 * w + 63 - __builtin_clzll(x);
}

static inline uint32_t atom_end(const struct cascade_pass *p, uint32_t place)
{
	uint32_t w = (place + 1) / 64;
	uint64_t x = p->cut[w] & (~(uint64_t)0 << ((place + 1) % 64));

	while (!x)
		x = p->cut[++w];
	return 64 * w + __builtin_ctzll(x);
}

/* parity of flips at places [a, b) */
static inline unsigned int flips_in(const struct cascade_pass *p, uint32_t a,
				    uint32_t b)
{
	uint32_t w = a / 64, last = (b - 1) / 64;
	uint64_t x = p->flips[w] & (~(uint64_t)0 << (a % 64));

	for (; w < last; x ^= p->flips[w])
		w++;
	/* bits of the last word from b on are in x, and are taken out again */
	if (b % 64)
		x ^= p->flips[last] & (~(uint64_t)0 << (b % 64));
	return __builtin_parityll(x);
}

/* places in [a, b) not known to be right */
static inline uint32_t unsure(const struct cascade_pass *p, uint32_t a, uint32_t b)
{
	uint32_t w = a / 64, last = (b - 1) / 64, n = 0;
	uint64_t x = ~p->sure[w] & (~(uint64_t)0 << (a % 64));

	for (; w < last; x = ~p->sure[++w])
		n += __builtin_popcountll(x);
	x &= ~(uint64_t)0 >> (63 - (b - 1) % 64);
	return n + __builtin_popcountll(x);
}

/* the place with so many unsure ones between it and a, which is included */
static inline uint32_t seek(const struct cascade_pass *p, uint32_t a,
			    uint32_t count)
{
	uint32_t w = a / 64, n;
	uint64_t x = ~p->sure[w] & (~(uint64_t)0 << (a % 64));

	while ((n = __builtin_popcountll(x)) <= count) {
		count -= n;
		x = ~p->sure[++w];
	}
#ifdef __BMI2__
	x = __builtin_ia32_pdep_di((uint64_t)1 << count, x);
#else
	while (count--)
		x &= x - 1;
#endif
	return 64 * w + __builtin_ctzll(x);
}

#endif
