/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GF(2^128) = GF(2)[x] / (x^128 + x^7 + x^2 + x + 1), coefficient of x^i in
 * bit i (not the mirrored order of GCM).  Internal to tools/post.
 *
 * Timing: constant.
 */
#ifndef QKD_POST_GF128_H
#define QKD_POST_GF128_H

#include <stddef.h>
#include <stdint.h>

struct gf128 {
	uint64_t lo, hi;
};

static inline struct gf128 gf128_add(struct gf128 a, struct gf128 b)
{
	return (struct gf128){ a.lo ^ b.lo, a.hi ^ b.hi };
}

/* gf128_mul_ref() - product by the definition, a bit at a time */
struct gf128 gf128_mul_ref(struct gf128 a, struct gf128 b);

/* gf128_mul() - product with integer multiplications, any processor */
struct gf128 gf128_mul(struct gf128 a, struct gf128 b);

/* gf128_reduce() - the element that a 256-bit polynomial stands for */
struct gf128 gf128_reduce(struct gf128 lo, struct gf128 hi);

/* clmul64() - 127-bit carry-less product, any processor */
struct gf128 clmul64(uint64_t a, uint64_t b);

/*
 * gf128_hash_blocks() - Horner's rule over blocks of 16 bytes
 * @acc: value so far; for each block acc = (acc ^ block) h
 * @h: the point
 * @data: @blocks times 16 bytes, little-endian
 *
 * The fastest way this processor has; _portable is for any.
 */
struct gf128 gf128_hash_blocks(struct gf128 acc, struct gf128 h,
			       const uint8_t *data, size_t blocks);
struct gf128 gf128_hash_blocks_portable(struct gf128 acc, struct gf128 h,
					const uint8_t *data, size_t blocks);
/* only where post_cpu_pclmul() */
struct gf128 gf128_hash_blocks_pclmul(struct gf128 acc, struct gf128 h,
				      const uint8_t *data, size_t blocks);

#endif
