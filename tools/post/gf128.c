// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * GF(2^128) on any processor, and the choice of a faster way to hash.
 *
 * Carry-less multiplication by integer multiplication with holes is Pornin's
 * (BearSSL, ghash_ctmul64.c): no tables, no branches.
 */
#include <endian.h>
#include <string.h>

#include "tools/post/cpu.h"
#include "tools/post/gf128.h"

struct gf128 gf128_mul_ref(struct gf128 a, struct gf128 b)
{
	struct gf128 r = { 0, 0 };
	int i;

	for (i = 127; i >= 0; i--) {
		uint64_t top = -(r.hi >> 63);
		uint64_t bit = -((i < 64 ? b.lo >> i : b.hi >> (i - 64)) & 1);

		r.hi = r.hi << 1 | r.lo >> 63;
		r.lo = r.lo << 1 ^ (top & 0x87);
		r.lo ^= a.lo & bit;
		r.hi ^= a.hi & bit;
	}
	return r;
}

/* low 64 bits of the carry-less product */
static uint64_t bmul64(uint64_t x, uint64_t y)
{
	const uint64_t m0 = 0x1111111111111111, m1 = m0 << 1, m2 = m0 << 2,
		m3 = m0 << 3;
	uint64_t x0 = x & m0, x1 = x & m1, x2 = x & m2, x3 = x & m3;
	uint64_t y0 = y & m0, y1 = y & m1, y2 = y & m2, y3 = y & m3;

	return (((x0 * y0) ^ (x1 * y3) ^ (x2 * y2) ^ (x3 * y1)) & m0) |
	       (((x0 * y1) ^ (x1 * y0) ^ (x2 * y3) ^ (x3 * y2)) & m1) |
	       (((x0 * y2) ^ (x1 * y1) ^ (x2 * y0) ^ (x3 * y3)) & m2) |
	       (((x0 * y3) ^ (x1 * y2) ^ (x2 * y1) ^ (x3 * y0)) & m3);
}

static uint64_t rev64(uint64_t x)
{
	const uint64_t a = 0x5555555555555555, b = 0x3333333333333333,
		c = 0x0f0f0f0f0f0f0f0f;

	x = (x & a) << 1 | (x >> 1 & a);
	x = (x & b) << 2 | (x >> 2 & b);
	x = (x & c) << 4 | (x >> 4 & c);
	return __builtin_bswap64(x);
}

struct gf128 clmul64(uint64_t a, uint64_t b)
{
	return (struct gf128){
		bmul64(a, b),
		rev64(bmul64(rev64(a), rev64(b))) >> 1,
	};
}

struct gf128 gf128_reduce(struct gf128 lo, struct gf128 hi)
{
	uint64_t over = hi.hi >> 63 ^ hi.hi >> 62 ^ hi.hi >> 57;
	uint64_t h0 = hi.lo ^ over, h1 = hi.hi;

	lo.lo ^= h0 ^ h0 << 1 ^ h0 << 2 ^ h0 << 7;
	lo.hi ^= h1 ^ (h1 << 1 | h0 >> 63) ^ (h1 << 2 | h0 >> 62) ^
		 (h1 << 7 | h0 >> 57);
	return lo;
}

struct gf128 gf128_mul(struct gf128 a, struct gf128 b)
{
	struct gf128 l = clmul64(a.lo, b.lo), h = clmul64(a.hi, b.hi);
	struct gf128 m = clmul64(a.lo ^ a.hi, b.lo ^ b.hi);

	m.lo ^= l.lo ^ h.lo;
	m.hi ^= l.hi ^ h.hi;
	l.hi ^= m.lo;
	h.lo ^= m.hi;
	return gf128_reduce(l, h);
}

struct gf128 gf128_hash_blocks_portable(struct gf128 acc, struct gf128 h,
					const uint8_t *data, size_t blocks)
{
	for (; blocks; blocks--, data += 16) {
		uint64_t w[2];

		memcpy(w, data, 16);
		acc.lo ^= le64toh(w[0]);
		acc.hi ^= le64toh(w[1]);
		acc = gf128_mul(acc, h);
	}
	return acc;
}

struct gf128 gf128_hash_blocks(struct gf128 acc, struct gf128 h,
			       const uint8_t *data, size_t blocks)
{
#ifdef POST_X86
	if (post_cpu_pclmul())
		return gf128_hash_blocks_pclmul(acc, h, data, blocks);
#endif
	return gf128_hash_blocks_portable(acc, h, data, blocks);
}
