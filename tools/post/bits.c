// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Packed bit strings: copying at any alignment, counting, extracting by mask.
 *
 * What the strings mean is for the callers to know.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "tools/post/bits.h"
#include "tools/post/cpu.h"

/* 64 bits from bit @pos on; those past @n bits are zero */
static uint64_t get64(const uint64_t *v, size_t pos, size_t n)
{
	size_t w = pos / 64, last = (n - 1) / 64;
	unsigned int s = pos % 64;
	uint64_t x = v[w] >> s;

	if (s && w < last)
		x |= v[w + 1] << (64 - s);
	return x;
}

void post_bits_copy(uint64_t *dst, size_t dpos, const uint64_t *src,
		    size_t spos, size_t n)
{
	size_t end = spos + n;

	while (n) {
		unsigned int d = dpos % 64;
		size_t step = 64 - d < n ? 64 - d : n;
		uint64_t m = post_tail_mask(step) << d;
		uint64_t x = get64(src, spos, end) << d;

		dst[dpos / 64] = (dst[dpos / 64] & ~m) | (x & m);
		dpos += step;
		spos += step;
		n -= step;
	}
}

/* the bits of x that m names, moved together at the low end */
static uint64_t pext_ref(uint64_t x, uint64_t m)
{
	uint64_t r = 0;
	unsigned int k = 0;

	for (; m; m &= m - 1, k++)
		r |= (uint64_t)((x & m & -m) != 0) << k;
	return r;
}

static size_t append64(uint64_t *dst, size_t dpos, uint64_t x, unsigned int n)
{
	unsigned int s = dpos % 64;

	if (!n)
		return dpos;
	dst[dpos / 64] |= x << s;
	if (s + n > 64)
		dst[dpos / 64 + 1] |= x >> (64 - s);
	return dpos + n;
}

#ifdef POST_X86
__attribute__((target("bmi2,popcnt")))
static size_t extract_bmi2(uint64_t *dst, size_t dpos, const uint64_t *src,
			   const uint64_t *mask, size_t words)
{
	size_t i;

	for (i = 0; i < words; i++)
		dpos = append64(dst, dpos,
				__builtin_ia32_pext_di(src[i], mask[i]),
				__builtin_popcountll(mask[i]));
	return dpos;
}

__attribute__((target("popcnt")))
static size_t count_popcnt(const uint64_t *a, const uint64_t *b, size_t words)
{
	size_t i, c = 0;

	if (!b) {
		for (i = 0; i < words; i++)
			c += __builtin_popcountll(a[i]);
		return c;
	}
	for (i = 0; i < words; i++)
		c += __builtin_popcountll(a[i] ^ b[i]);
	return c;
}
#endif

size_t post_bits_extract_ref(uint64_t *dst, size_t dpos, const uint64_t *src,
			     const uint64_t *mask, size_t n)
{
	size_t i, start = dpos;

	for (i = 0; i < post_words(n); i++)
		dpos = append64(dst, dpos, pext_ref(src[i], mask[i]),
				__builtin_popcountll(mask[i]));
	return dpos - start;
}

size_t post_bits_extract(uint64_t *dst, size_t dpos, const uint64_t *src,
			 const uint64_t *mask, size_t n)
{
#ifdef POST_X86
	if (__builtin_cpu_supports("bmi2"))
		return extract_bmi2(dst, dpos, src, mask, post_words(n)) -
			dpos;
#endif
	return post_bits_extract_ref(dst, dpos, src, mask, n);
}

size_t post_bits_diff_ref(const uint64_t *a, const uint64_t *b, size_t n)
{
	size_t i, c = 0;

	for (i = 0; i < post_words(n); i++)
		c += __builtin_popcountll(b ? a[i] ^ b[i] : a[i]);
	return c;
}

size_t post_bits_count(const uint64_t *v, size_t n)
{
	return post_bits_diff(v, NULL, n);
}

size_t post_bits_diff(const uint64_t *a, const uint64_t *b, size_t n)
{
#ifdef POST_X86
	if (__builtin_cpu_supports("popcnt"))
		return count_popcnt(a, b, post_words(n));
#endif
	return post_bits_diff_ref(a, b, n);
}

void post_bits_xor(uint64_t *dst, const uint64_t *src, size_t n)
{
	size_t i;

	for (i = 0; i < post_words(n); i++)
		dst[i] ^= src[i];
}

bool post_bits_equal(const uint64_t *a, const uint64_t *b, size_t n)
{
	uint64_t d = 0;
	size_t i;

	for (i = 0; i < post_words(n); i++)
		d |= a[i] ^ b[i];
	return !d;
}

void post_bits_store(uint8_t *dst, const uint64_t *src, size_t n)
{
	size_t bytes = post_bytes(n), i;

	for (i = 0; i < bytes / 8; i++) {
		uint64_t x = htole64(src[i]);

		memcpy(dst + 8 * i, &x, 8);
	}
	if (bytes % 8) {
		uint64_t x = htole64(src[i]);

		memcpy(dst + 8 * i, &x, bytes % 8);
	}
}

int post_bits_load(uint64_t *dst, const uint8_t *src, size_t n)
{
	size_t bytes = post_bytes(n), i;

	if (!n)
		return 0;
	dst[post_words(n) - 1] = 0;
	memcpy(dst, src, bytes);
	for (i = 0; i < post_words(n); i++)
		dst[i] = le64toh(dst[i]);
	if (dst[post_words(n) - 1] & ~post_tail_mask(n)) {
		memset(dst, 0, 8 * post_words(n));
		return -EBADMSG;
	}
	return 0;
}
