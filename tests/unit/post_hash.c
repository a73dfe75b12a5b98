// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The hash over GF(2^128) and what rests on it: verification tags and
 * authentication.
 */
#include <math.h>

#include "tests/unit/post_random.h"
#include "tools/post/auth.h"
#include "tools/post/cpu.h"
#include "tools/post/gf128.h"
#include "tools/post/polyhash.h"
#include "tools/post/verify.h"

#include <kselftest_harness.h>

static struct gf128 element(uint64_t *s)
{
	struct gf128 x;

	x.lo = rnd(s);
	x.hi = rnd(s);
	return x;
}

static bool same(struct gf128 a, struct gf128 b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

TEST(the_field_is_one)
{
	struct gf128 one = { 1, 0 }, x = { 2, 0 }, p = one, y;
	uint64_t s = 1;
	int i;

	/* x^128 = x^7 + x^2 + x + 1 */
	for (i = 0; i < 128; i++)
		p = gf128_mul_ref(p, x);
	EXPECT_EQ(0x87, p.lo);
	EXPECT_EQ(0, p.hi);
	/* y^(2^128) = y */
	y = element(&s);
	p = y;
	for (i = 0; i < 128; i++)
		p = gf128_mul_ref(p, p);
	EXPECT_TRUE(same(p, y));
}

TEST(products_agree_with_the_definition)
{
	uint64_t s = 2;
	int i;

	for (i = 0; i < 20000; i++) {
		struct gf128 a = element(&s), b = element(&s);

		if (i % 16 == 0)
			a = (struct gf128){ ~0ull, ~0ull };
		ASSERT_TRUE(same(gf128_mul(a, b), gf128_mul_ref(a, b)));
	}
}

TEST(hashing_agrees_on_each_cpu_path)
{
	uint64_t s = 3, buf[2 * 100];
	size_t blocks;
	int i;

	for (blocks = 0; blocks <= 100; blocks++) {
		struct gf128 h = element(&s), acc = element(&s), r = acc, p;

		for (i = 0; i < 200; i++)
			buf[i] = rnd(&s);
		for (i = 0; i < (int)blocks; i++) {
			r.lo ^= buf[2 * i];
			r.hi ^= buf[2 * i + 1];
			r = gf128_mul_ref(r, h);
		}
		p = gf128_hash_blocks_portable(acc, h, (void *)buf, blocks);
		ASSERT_TRUE(same(r, p));
#ifdef POST_X86
		if (!post_cpu_pclmul())
			continue;
		p = gf128_hash_blocks_pclmul(acc, h, (void *)buf, blocks);
		ASSERT_TRUE(same(r, p));
#endif
	}
}

TEST(pieces_hash_as_the_whole)
{
	uint64_t s = 4, data[64];
	uint8_t h[16], whole[16], pieces[16];
	struct polyhash p;
	int i, round;

	for (i = 0; i < 64; i++)
		data[i] = rnd(&s);
	memcpy(h, data, 16);
	for (round = 0; round < 2000; round++) {
		size_t len = rnd(&s) % 512, at = 0;

		polyhash_begin(&p, h);
		polyhash_add(&p, data, len);
		polyhash_end(&p, 8 * len, whole);
		polyhash_begin(&p, h);
		while (at < len) {
			size_t n = rnd(&s) % 40;

			if (n > len - at)
				n = len - at;
			polyhash_add(&p, (uint8_t *)data + at, n);
			at += n;
		}
		polyhash_end(&p, 8 * len, pieces);
		ASSERT_EQ(0, memcmp(whole, pieces, 16));
	}
}

TEST(a_tag_depends_on_every_bit_and_the_length)
{
	uint64_t s = 5, *v = bits_random(700, &s);
	uint8_t key[16] = { 3, 1, 4, 1, 5, 9 }, a[16], b[16];
	size_t i;

	post_verify_tag(key, v, 700, a);
	for (i = 0; i < 700; i++) {
		post_bit_flip(v, i);
		post_verify_tag(key, v, 700, b);
		ASSERT_NE(0, memcmp(a, b, 16));
		post_bit_flip(v, i);
	}
	post_verify_tag(key, v, 700, b);
	EXPECT_EQ(0, memcmp(a, b, 16));
	/* trailing zeros are part of the string */
	memset(v, 0, 88);
	post_verify_tag(key, v, 640, a);
	post_verify_tag(key, v, 641, b);
	EXPECT_NE(0, memcmp(a, b, 16));
	key[15] ^= 1;
	post_verify_tag(key, v, 641, a);
	EXPECT_NE(0, memcmp(a, b, 16));
	free(v);
}

/* Strings as blocks have them, which are hashed in several pieces */
TEST(a_tag_of_a_long_string_depends_on_all_of_it)
{
	uint8_t key[16] = { 2, 7, 1, 8, 2, 8 }, a[16], b[16], *bytes;
	size_t n = 1000003, i, at;
	uint64_t s = 7, *v = bits_random(n, &s);
	struct polyhash p;

	post_verify_tag(key, v, n, a);
	bytes = malloc(post_bytes(n));
	post_bits_store(bytes, v, n);
	polyhash_begin(&p, key);
	polyhash_add(&p, bytes, post_bytes(n));
	polyhash_end(&p, n, b);
	EXPECT_EQ(0, memcmp(a, b, 16));
	for (i = 0; i < 200; i++) {
		/* the last bits, those at the pieces' ends, and any */
		at = i < 10 ? n - 1 - i : i < 70 ? (i / 2) * 32768 - i % 2 :
		     rnd(&s) % n;
		if (at >= n)
			continue;
		post_bit_flip(v, at);
		post_verify_tag(key, v, n, b);
		ASSERT_NE(0, memcmp(a, b, 16)) {
			TH_LOG("bit %zu", at);
		}
		post_bit_flip(v, at);
	}
	free(bytes);
	free(v);
}

TEST(a_short_tag_misses_no_more_than_stated)
{
	/* one byte over strings of one block: at most 2 of 256 keys miss */
	uint64_t s = 6, v[2] = { 0, 0 }, w[2];
	uint8_t key[16], a[16], b[16];
	int i, j, missed = 0, rounds = 40000;

	for (i = 0; i < rounds; i++) {
		w[0] = rnd(&s);
		w[1] = rnd(&s);
		for (j = 0; j < 16; j++)
			key[j] = rnd(&s);
		post_verify_tag(key, v, 128, a);
		post_verify_tag(key, w, 128, b);
		missed += a[0] == b[0];
	}
	EXPECT_GT(missed, 0);
	EXPECT_LT(missed, rounds * 2 / 256);
}

TEST(tags_are_as_long_as_the_bound_asks)
{
	/* 7813 + 1 blocks of 128 bits: log2(7814 / 1e-15) = 62.8 */
	EXPECT_EQ(8, post_verify_tag_bytes(1000000, 1e-15));
	EXPECT_EQ(9, post_verify_tag_bytes(1000000, 1e-16));
	EXPECT_EQ(16, post_verify_tag_bytes(1 << 27, ldexp(1.1, -108)));
	EXPECT_EQ(0, post_verify_tag_bytes(1 << 27, ldexp(1, -109)));
}

TEST(authentication_rejects_any_change)
{
	uint64_t s = 7, *m = bits_random(8 * 100, &s);
	uint8_t h[16] = { 1, 2, 3 }, mask[16] = { 9, 8, 7 }, tag[16];
	uint8_t *bytes = (uint8_t *)m;
	struct post_auth_part one[] = { { m, 100 } };
	struct post_auth_part two[] = { { m, 37 }, { NULL, 0 },
					{ bytes + 37, 63 } };
	struct post_auth_part shorter[] = { { m, 99 } };
	int i;

	post_auth_tag(h, mask, one, 1, tag);
	EXPECT_TRUE(post_auth_check(h, mask, one, 1, tag));
	EXPECT_TRUE(post_auth_check(h, mask, two, 3, tag));
	EXPECT_FALSE(post_auth_check(h, mask, shorter, 1, tag));
	for (i = 0; i < 800; i++) {
		bytes[i / 8] ^= 1 << i % 8;
		ASSERT_FALSE(post_auth_check(h, mask, one, 1, tag));
		bytes[i / 8] ^= 1 << i % 8;
	}
	for (i = 0; i < 128; i++) {
		tag[i / 8] ^= 1 << i % 8;
		ASSERT_FALSE(post_auth_check(h, mask, one, 1, tag));
		tag[i / 8] ^= 1 << i % 8;
		mask[i / 8] ^= 1 << i % 8;
		ASSERT_FALSE(post_auth_check(h, mask, one, 1, tag));
		mask[i / 8] ^= 1 << i % 8;
		h[i / 8] ^= 1 << i % 8;
		ASSERT_FALSE(post_auth_check(h, mask, one, 1, tag));
		h[i / 8] ^= 1 << i % 8;
	}
	free(m);
}

TEST_HARNESS_MAIN
