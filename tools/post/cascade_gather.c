// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What Cascade does to whole strings: shuffling, and prefix parities.
 */
#include "tools/post/bits.h"
#include "tools/post/cascade_priv.h"
#include "tools/post/cpu.h"

void cascade_prefix(uint64_t *dst, const uint64_t *v, uint32_t n)
{
	size_t i, words = post_words(n);
	uint64_t carry = 0, x = 0;

	for (i = 0; i < words; i++) {
		x = v[i];
		x ^= x << 1;
		x ^= x << 2;
		x ^= x << 4;
		x ^= x << 8;
		x ^= x << 16;
		x ^= x << 32;
		/* x now includes each bit itself: shift to leave it out */
		dst[i] = (x << 1) ^ carry;
		carry ^= -(x >> 63);
	}
	if (n % 64 == 0)
		dst[words] = carry & 1;
}

/* the bits of a word, each followed by a free place: low half, high half */
static uint64_t spread(uint32_t x32)
{
	uint64_t x = x32;

	x = (x | x << 16) & 0x0000ffff0000ffff;
	x = (x | x << 8) & 0x00ff00ff00ff00ff;
	x = (x | x << 4) & 0x0f0f0f0f0f0f0f0f;
	x = (x | x << 2) & 0x3333333333333333;
	return (x | x << 1) & 0x5555555555555555;
}

void cascade_pair(uint64_t *dst, const uint64_t *a, const uint64_t *b,
		  uint32_t n)
{
	size_t i;

	for (i = 0; i < post_words(n); i++) {
		dst[2 * i] = spread(a[i]) | spread(b[i]) << 1;
		dst[2 * i + 1] = spread(a[i] >> 32) | spread(b[i] >> 32) << 1;
	}
}

void cascade_gather_ref(uint64_t *a, uint64_t *b, const uint64_t *pairs,
			const uint32_t *to, uint32_t n)
{
	uint32_t i, j;

	for (i = 0; i < n; i += 64) {
		uint32_t bits = n - i < 64 ? n - i : 64;
		uint64_t x = 0, y = 0;

		for (j = 0; j < bits; j++) {
			size_t at = 2 * (size_t)to[i + j];
			uint64_t pair = pairs[at / 64] >> (at % 64);

			x |= (pair & 1) << j;
			y |= (pair >> 1 & 1) << j;
		}
		a[i / 64] = x;
		b[i / 64] = y;
	}
}

#ifdef POST_X86
#include <immintrin.h>

__attribute__((target("avx2")))
static void gather_avx2(uint64_t *a, uint64_t *b, const uint64_t *pairs,
			const uint32_t *to, uint32_t n)
{
	const __m256i low = _mm256_set1_epi32(15), top = _mm256_set1_epi32(31);
	uint32_t i, j;

	for (i = 0; i + 64 <= n; i += 64) {
		uint64_t x = 0, y = 0;

		for (j = 0; j < 64; j += 8) {
			__m256i t = _mm256_loadu_si256((const void *)
						       (to + i + j));
			__m256i w = _mm256_srli_epi32(t, 4), m;
			uint32_t bits;

			/* a pair's first bit to the top, then its second */
			w = _mm256_i32gather_epi32((const void *)pairs, w, 4);
			m = _mm256_and_si256(t, low);
			m = _mm256_sub_epi32(top, _mm256_slli_epi32(m, 1));
			m = _mm256_sllv_epi32(w, m);
			bits = _mm256_movemask_ps(_mm256_castsi256_ps(m));
			x |= (uint64_t)bits << j;
			m = _mm256_andnot_si256(t, low);
			m = _mm256_sllv_epi32(w, _mm256_slli_epi32(m, 1));
			bits = _mm256_movemask_ps(_mm256_castsi256_ps(m));
			y |= (uint64_t)bits << j;
		}
		a[i / 64] = x;
		b[i / 64] = y;
	}
	if (i < n)
		cascade_gather_ref(a + i / 64, b + i / 64, pairs, to + i,
				   n - i);
}

__attribute__((target("avx512f,avx512bw,avx512vl")))
static void gather_avx512(uint64_t *a, uint64_t *b, const uint64_t *pairs,
			  const uint32_t *to, uint32_t n)
{
	const __m512i one = _mm512_set1_epi32(1), low = _mm512_set1_epi32(15);
	uint32_t i, j;

	for (i = 0; i + 64 <= n; i += 64) {
		uint64_t x = 0, y = 0;

		for (j = 0; j < 64; j += 16) {
			__m512i t = _mm512_loadu_si512(to + i + j);
			__m512i w = _mm512_srli_epi32(t, 4);
			__m512i m = _mm512_and_si512(t, low);

			w = _mm512_i32gather_epi32(w, pairs, 4);
			m = _mm512_sllv_epi32(one, _mm512_slli_epi32(m, 1));
			x |= (uint64_t)_mm512_test_epi32_mask(w, m) << j;
			m = _mm512_slli_epi32(m, 1);
			y |= (uint64_t)_mm512_test_epi32_mask(w, m) << j;
		}
		a[i / 64] = x;
		b[i / 64] = y;
	}
	if (i < n)
		cascade_gather_ref(a + i / 64, b + i / 64, pairs, to + i,
				   n - i);
}
#endif

void cascade_gather(uint64_t *a, uint64_t *b, const uint64_t *pairs,
		    const uint32_t *to, uint32_t n)
{
#ifdef POST_X86
	if (post_cpu_avx512()) {
		gather_avx512(a, b, pairs, to, n);
		return;
	}
	if (post_cpu_avx2()) {
		gather_avx2(a, b, pairs, to, n);
		return;
	}
#endif
	cascade_gather_ref(a, b, pairs, to, n);
}
