// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Packed strings: every routine against the same done bit by bit.
 */
#include <errno.h>

#include "tests/unit/post_random.h"
#include "tools/post/wipe.h"

#include <kselftest_harness.h>

#define N 1000

TEST(copy_moves_a_range_and_nothing_else)
{
	uint64_t s = 1;
	int round;

	for (round = 0; round < 3000; round++) {
		uint64_t *a = bits_random(N, &s), *b = bits_random(N, &s);
		uint64_t *c = bits_new(N);
		size_t n = rnd(&s) % 300, from = rnd(&s) % (N - n);
		size_t to = rnd(&s) % (N - n), i;

		memcpy(c, b, 8 * post_words(N));
		for (i = 0; i < n; i++)
			post_bit_put(c, to + i, post_bit(a, from + i));
		post_bits_copy(b, to, a, from, n);
		ASSERT_TRUE(post_bits_equal(b, c, N));
		free(a);
		free(b);
		free(c);
	}
}

TEST(extract_takes_what_the_mask_names_in_order)
{
	uint64_t s = 2;
	int round;

	for (round = 0; round < 1000; round++) {
		size_t n = rnd(&s) % N + 1, at = rnd(&s) % 200, i, k;
		uint64_t *a = bits_random(n, &s), *m = bits_random(n, &s);
		uint64_t *b = bits_new(N + 200), *c = bits_new(N + 200);

		for (i = 0, k = at; i < n; i++) {
			if (post_bit(m, i))
				post_bit_put(c, k++, post_bit(a, i));
		}
		ASSERT_EQ(k - at, post_bits_extract(b, at, a, m, n));
		ASSERT_TRUE(post_bits_equal(b, c, N + 200));
		memset(b, 0, 8 * post_words(N + 200));
		ASSERT_EQ(k - at, post_bits_extract_ref(b, at, a, m, n));
		ASSERT_TRUE(post_bits_equal(b, c, N + 200));
		free(a);
		free(m);
		free(b);
		free(c);
	}
}

TEST(counts_are_those_of_single_bits)
{
	uint64_t s = 3, *a = bits_random(N, &s), *b = bits_random(N, &s);
	size_t i, ones = 0, diff = 0;

	for (i = 0; i < N; i++) {
		ones += post_bit(a, i);
		diff += post_bit(a, i) != post_bit(b, i);
	}
	EXPECT_EQ(ones, post_bits_count(a, N));
	EXPECT_EQ(diff, post_bits_diff(a, b, N));
	EXPECT_EQ(ones, post_bits_diff_ref(a, NULL, N));
	EXPECT_EQ(diff, post_bits_diff_ref(a, b, N));
	post_bits_xor(a, b, N);
	EXPECT_EQ(diff, post_bits_count(a, N));
	EXPECT_FALSE(post_bits_equal(a, b, N));
	post_bits_xor(a, a, N);
	EXPECT_EQ(0, post_bits_count(a, N));
	free(a);
	free(b);
}

TEST(bytes_hold_bit_i_in_byte_i_over_8)
{
	uint64_t s = 4, v[4];
	uint8_t bytes[32];
	size_t n, i;

	for (n = 1; n <= 200; n++) {
		uint64_t *a = bits_random(n, &s);

		memset(bytes, 0xee, sizeof(bytes));
		post_bits_store(bytes, a, n);
		for (i = 0; i < n; i++)
			ASSERT_EQ(post_bit(a, i), bytes[i / 8] >> i % 8 & 1);
		ASSERT_EQ(0xee, bytes[post_bytes(n)]);
		ASSERT_EQ(0, post_bits_load(v, bytes, n));
		ASSERT_TRUE(post_bits_equal(a, v, n));
		free(a);
	}
}

TEST(bits_past_the_end_are_refused)
{
	uint8_t bytes[2] = { 0xff, 0x08 };
	uint64_t v[1] = { 5 };

	EXPECT_EQ(-EBADMSG, post_bits_load(v, bytes, 11));
	EXPECT_EQ(0, v[0]);
	EXPECT_EQ(0, post_bits_load(v, bytes, 12));
	EXPECT_EQ(0x8ff, v[0]);
}

TEST(wiping_and_comparing)
{
	uint8_t a[40], b[40], zero[40] = { 0 };
	void *p = post_alloc(100000);

	memset(a, 7, sizeof(a));
	memcpy(b, a, sizeof(b));
	EXPECT_TRUE(post_equal(a, b, sizeof(a)));
	b[39] ^= 0x80;
	EXPECT_FALSE(post_equal(a, b, sizeof(a)));
	post_wipe(a, sizeof(a));
	EXPECT_EQ(0, memcmp(a, zero, sizeof(a)));
	ASSERT_TRUE(!!p);
	EXPECT_EQ(0, (uintptr_t)p % 64);
	post_free(p, 100000);
}

TEST_HARNESS_MAIN
