// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Privacy amplification: each way to compute it against the definition.
 */
#include <errno.h>

#include "tests/unit/post_random.h"
#include "tools/post/fft128.h"
#include "tools/post/fft128_convert.h"
#include "tools/post/toeplitz.h"
#include "tools/post/wipe.h"

#include <kselftest_harness.h>

static const struct fft128_ops *const ways[] = {
	&fft128_portable,
#ifdef __x86_64__
	&fft128_pclmul,
	&fft128_vpclmul256,
	&fft128_vpclmul,
#endif
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static bool same(struct gf128 a, struct gf128 b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

TEST(the_reference_is_a_toeplitz_matrix)
{
	uint64_t s = 1;
	int round;

	for (round = 0; round < 200; round++) {
		size_t n = rnd(&s) % 200 + 1, m = rnd(&s) % n + 1, i, j;
		uint64_t *in = bits_random(n, &s), *out = bits_new(m);
		uint64_t *seed = bits_random(n + m - 1, &s);

		post_toeplitz_ref(out, m, seed, in, n);
		for (i = 0; i < m; i++) {
			unsigned int x = 0;

			for (j = 0; j < n; j++)
				x ^= post_bit(seed, i + n - 1 - j) &
					post_bit(in, j);
			ASSERT_EQ(x, post_bit(out, i));
		}
		free(in);
		free(out);
		free(seed);
	}
}

TEST(the_cantor_basis_is_one)
{
	struct gf128 one = { 1, 0 }, x;
	int i;

	EXPECT_TRUE(same(fft128_basis[0], one));
	for (i = 1; i < FFT128_LOG; i++) {
		x = gf128_mul_ref(fft128_basis[i], fft128_basis[i]);
		ASSERT_TRUE(same(gf128_add(x, fft128_basis[i]),
				 fft128_basis[i - 1]));
	}
	/* in GF(2^16): x^(2^16) = x */
	x = fft128_basis[15];
	for (i = 0; i < 16; i++)
		x = gf128_mul_ref(x, x);
	EXPECT_TRUE(same(x, fft128_basis[15]));
}

TEST(the_transform_evaluates)
{
	struct gf128 *factor = post_alloc(FFT128_FACTORS * 16);
	struct gf128 *v = post_alloc(FFT128_SIZE * 16);
	uint64_t *coef = post_alloc(FFT128_SIZE * 8), s = 2;
	uint64_t *copy = post_alloc(FFT128_SIZE * 8);
	size_t i, j, w;

	ASSERT_TRUE(factor && v && coef && copy);
	fft128_factors(factor);
	for (w = 0; w < WAYS; w++) {
		if (!ways[w]->usable())
			continue;
		for (i = 0; i < FFT128_SIZE; i++)
			copy[i] = rnd(&s);
		memcpy(coef, copy, 8 * FFT128_SIZE);
		ways[w]->forward(v, coef, factor);
		for (i = 0; i < FFT128_SIZE; i += 4097) {
			struct gf128 x = { 0, 0 }, y = { 0, 0 };

			for (j = 0; j < FFT128_LOG; j++) {
				if (i >> j & 1)
					x = gf128_add(x, fft128_basis[j]);
			}
			for (j = FFT128_SIZE; j-- > 0;) {
				y = gf128_mul(y, x);
				y.lo ^= copy[j];
			}
			ASSERT_TRUE(same(y, v[i]));
		}
		ways[w]->inverse(v, factor);
		for (i = 0; i < FFT128_SIZE; i++) {
			ASSERT_EQ(copy[i], v[i].lo);
			ASSERT_EQ(0, v[i].hi);
		}
	}
	post_free(factor, FFT128_FACTORS * 16);
	post_free(v, FFT128_SIZE * 16);
	post_free(coef, FFT128_SIZE * 8);
	post_free(copy, FFT128_SIZE * 8);
}

/* all ways against the definition at one size */
static bool agree(size_t n, size_t m, uint64_t *s)
{
	uint64_t *in = bits_random(n, s), *seed = bits_random(n + m - 1, s);
	uint64_t *want = bits_new(m), *got = bits_new(m);
	bool ok = true;
	size_t w;

	post_toeplitz_ref(want, m, seed, in, n);
	for (w = 0; w < WAYS; w++) {
		if (!ways[w]->usable())
			continue;
		memset(got, 0xff, 8 * post_words(m));
		ok &= !post_toeplitz_by(ways[w], got, m, seed, in, n);
		ok &= post_bits_equal(want, got, m);
	}
	memset(got, 0xff, 8 * post_words(m));
	ok &= !post_toeplitz(got, m, seed, in, n);
	ok &= post_bits_equal(want, got, m);
	free(in);
	free(seed);
	free(want);
	free(got);
	if (!ok)
		printf("# n %zu m %zu differ\n", n, m);
	return ok;
}

TEST(small_odd_sizes_agree)
{
	uint64_t s = 3;

	ASSERT_TRUE(agree(1, 1, &s));
	ASSERT_TRUE(agree(64, 64, &s));
	ASSERT_TRUE(agree(65, 1, &s));
	ASSERT_TRUE(agree(129, 63, &s));
	ASSERT_TRUE(agree(1000, 999, &s));
}

TEST(random_sizes_agree)
{
	uint64_t s = 4;
	int i;

	for (i = 0; i < 6; i++) {
		size_t n = exp(log(1e5) * rnd_real(&s)) + 1;

		ASSERT_TRUE(agree(n, rnd(&s) % n + 1, &s));
	}
}

/* several tiles across, down, and both, at their edges */
TEST(tiled_sizes_agree)
{
	size_t half = (FFT128_SIZE - 2) / 2 * 64, all = 2 * half;
	uint64_t s = 5;

	ASSERT_TRUE(agree(half, 300, &s));
	ASSERT_TRUE(agree(half + 1, 65, &s));
	ASSERT_TRUE(agree(all - 64, 64, &s));
	ASSERT_TRUE(agree(all - 63, 64, &s));
	ASSERT_TRUE(agree(all, 65, &s));
	ASSERT_TRUE(agree(2 * all + 77, 130, &s));
}

/*
 * Large outputs cannot be had from the definition in time: compare with it
 * at random places.
 */
TEST(large_sizes_agree_where_looked_at)
{
	static const size_t n[] = { 1 << 22, (1 << 23) + 12345 };
	static const size_t m[] = { 1 << 22, 5000001 };
	uint64_t s = 6;
	size_t k, i, j;

	for (k = 0; k < 2; k++) {
		uint64_t *in = bits_random(n[k], &s);
		uint64_t *seed = bits_random(n[k] + m[k] - 1, &s);
		uint64_t *out = bits_new(m[k]);

		ASSERT_EQ(0, post_toeplitz(out, m[k], seed, in, n[k]));
		for (i = 0; i < 10; i++) {
			size_t at = i ? rnd(&s) % m[k] : m[k] - 1;
			unsigned int x = 0;

			for (j = 0; j < n[k]; j++)
				x ^= post_bit(seed, at + n[k] - 1 - j) &
					post_bit(in, j);
			ASSERT_EQ(x, post_bit(out, at));
		}
		free(in);
		free(seed);
		free(out);
	}
}

TEST(hashing_is_linear)
{
	size_t n = 777777, m = 222222;
	uint64_t s = 7, *a = bits_random(n, &s), *b = bits_random(n, &s);
	uint64_t *seed = bits_random(n + m - 1, &s);
	uint64_t *ta = bits_new(m), *tb = bits_new(m), *tab = bits_new(m);

	ASSERT_EQ(0, post_toeplitz(ta, m, seed, a, n));
	ASSERT_EQ(0, post_toeplitz(tb, m, seed, b, n));
	post_bits_xor(a, b, n);
	ASSERT_EQ(0, post_toeplitz(tab, m, seed, a, n));
	post_bits_xor(ta, tb, m);
	EXPECT_TRUE(post_bits_equal(ta, tab, m));
	free(a);
	free(b);
	free(seed);
	free(ta);
	free(tb);
	free(tab);
}

TEST(wrong_lengths_are_refused)
{
	uint64_t v[4] = { 0 };

	EXPECT_EQ(-EINVAL, post_toeplitz(v, 0, v, v, 64));
	EXPECT_EQ(-EINVAL, post_toeplitz(v, 65, v, v, 64));
	EXPECT_EQ(-EINVAL, post_toeplitz(v, 1, v, v,
					 POST_TOEPLITZ_MAX_BITS + 1));
	EXPECT_LT(post_toeplitz_memory(1 << 27, 1 << 27), 1u << 30);
}

TEST_HARNESS_MAIN
