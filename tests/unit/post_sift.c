// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sifting: both ends against a plain account of the same detections, and the
 * two messages against malformed ones.
 */
#include <errno.h>
#include <stdbool.h>

#include "tests/unit/post_random.h"
#include "tools/post/sift.h"

#include <kselftest_harness.h>

#define CAP 20000

static void sifted_new(struct post_sifted *s)
{
	s->bit = bits_new(CAP);
	s->lo = bits_new(CAP);
	s->hi = bits_new(CAP);
	s->len = 0;
	s->cap = CAP;
}

static void sifted_free(struct post_sifted *s)
{
	free(s->bit);
	free(s->lo);
	free(s->hi);
}

static bool sifted_same(const struct post_sifted *a,
			const struct post_sifted *b)
{
	return a->len == b->len && post_bits_equal(a->bit, b->bit, CAP) &&
		post_bits_equal(a->lo, b->lo, CAP) &&
		post_bits_equal(a->hi, b->hi, CAP);
}

/* n detections as the two ends know them */
struct scene {
	size_t n;
	uint8_t *alice, *bob;		/* flags as for post_sift_pack() */
	uint64_t *a_bit, *a_basis, *a_lo, *a_hi, *b_bit, *b_basis;
};

static void scene_new(struct scene *c, size_t n, uint64_t *s)
{
	size_t i;

	c->n = n;
	c->alice = calloc(n + 1, 1);
	c->bob = calloc(n + 1, 1);
	for (i = 0; i < n; i++) {
		uint64_t r = rnd(s);

		c->alice[i] = (r & 3) | (r >> 8) % 3 << 2;
		c->bob[i] = r >> 16 & 3;
	}
	c->a_bit = bits_new(n);
	c->a_basis = bits_new(n);
	c->a_lo = bits_new(n);
	c->a_hi = bits_new(n);
	c->b_bit = bits_new(n);
	c->b_basis = bits_new(n);
	post_sift_pack(c->alice, n, c->a_bit, c->a_basis, c->a_lo, c->a_hi);
	post_sift_pack(c->bob, n, c->b_bit, c->b_basis, NULL, NULL);
}

static void scene_free(struct scene *c)
{
	free(c->alice);
	free(c->bob);
	free(c->a_bit);
	free(c->a_basis);
	free(c->a_lo);
	free(c->a_hi);
	free(c->b_bit);
	free(c->b_basis);
}

static void push(struct post_sifted *s, unsigned int bit, unsigned int k)
{
	post_bit_put(s->bit, s->len, bit);
	post_bit_put(s->lo, s->len, k & 1);
	post_bit_put(s->hi, s->len, k >> 1);
	s->len++;
}

TEST(both_ends_keep_what_they_should)
{
	struct post_sifted key[4], chk[4];	/* Alice, Bob, and as expected */
	uint64_t s = 1, *chk_alice = bits_new(CAP);
	uint8_t *body = malloc(post_sift_size(1 << 16));
	size_t i, k, n;
	int round;

	for (k = 0; k < 4; k++) {
		sifted_new(&key[k]);
		sifted_new(&chk[k]);
	}
	/* messages one after the other, of awkward lengths */
	for (round = 0; round < 20; round++) {
		struct post_prep prep;
		struct scene c;
		long len;

		n = round == 0 ? 0 : round == 1 ? 9000 : rnd(&s) % 700;
		scene_new(&c, n, &s);
		prep = (struct post_prep){ c.a_bit, c.a_basis, c.a_lo,
					   c.a_hi };
		for (i = 0; i < n; i++) {
			unsigned int a = c.alice[i], b = c.bob[i];

			if ((a ^ b) & 2)
				continue;
			push(a & 2 ? &chk[2] : &key[2], a & 1, a >> 2);
			push(a & 2 ? &chk[3] : &key[3], b & 1, a >> 2);
		}
		len = post_sift_alice(&prep, c.b_basis, n, &key[0], &chk[0],
				      body, post_sift_size(n));
		ASSERT_GT(len, 0);
		ASSERT_EQ(0, post_sift_bob(body, len, c.b_bit, c.b_basis, n,
					   &key[1], &chk[1], chk_alice));
		ASSERT_TRUE(sifted_same(&key[0], &key[2]));
		ASSERT_TRUE(sifted_same(&chk[0], &chk[2]));
		ASSERT_TRUE(sifted_same(&key[1], &key[3]));
		ASSERT_TRUE(sifted_same(&chk[1], &chk[3]));
		ASSERT_TRUE(post_bits_equal(chk_alice, chk[0].bit, CAP));
		scene_free(&c);
	}
	for (k = 0; k < 4; k++) {
		sifted_free(&key[k]);
		sifted_free(&chk[k]);
	}
	free(chk_alice);
	free(body);
}

TEST(without_intensities_no_planes_are_sent)
{
	struct post_sifted key[2], chk[2];
	uint64_t s = 2, *chk_alice = bits_new(CAP);
	struct post_prep prep;
	uint8_t body[4096];
	struct scene c;
	long len;
	int k;

	for (k = 0; k < 2; k++) {
		sifted_new(&key[k]);
		sifted_new(&chk[k]);
	}
	scene_new(&c, 4000, &s);
	prep = (struct post_prep){ c.a_bit, c.a_basis, NULL, NULL };
	len = post_sift_alice(&prep, c.b_basis, 4000, &key[0], &chk[0], body,
			      sizeof(body));
	ASSERT_EQ((long)(8 + 500 + post_bytes(chk[0].len)), len);
	EXPECT_EQ(0, body[0]);
	ASSERT_EQ(0, post_sift_bob(body, len, c.b_bit, c.b_basis, 4000,
				   &key[1], &chk[1], chk_alice));
	EXPECT_EQ(key[0].len, key[1].len);
	EXPECT_EQ(0, post_bits_count(key[1].lo, CAP));
	EXPECT_TRUE(post_bits_equal(chk_alice, chk[0].bit, CAP));
	for (k = 0; k < 2; k++) {
		sifted_free(&key[k]);
		sifted_free(&chk[k]);
	}
	scene_free(&c);
	free(chk_alice);
}

TEST(no_room_means_nothing_appended)
{
	struct post_sifted key, chk;
	uint64_t s = 3, *chk_alice = bits_new(CAP);
	struct post_prep prep;
	uint8_t body[8192];
	struct scene c;
	long len;

	sifted_new(&key);
	sifted_new(&chk);
	scene_new(&c, 4000, &s);
	prep = (struct post_prep){ c.a_bit, c.a_basis, c.a_lo, c.a_hi };
	key.cap = 500;
	EXPECT_EQ(-ENOSPC, post_sift_alice(&prep, c.b_basis, 4000, &key, &chk,
					   body, sizeof(body)));
	key.cap = CAP;
	EXPECT_EQ(-ENOSPC, post_sift_alice(&prep, c.b_basis, 4000, &key, &chk,
					   body, 900));
	EXPECT_EQ(0, key.len);
	EXPECT_EQ(0, chk.len);
	EXPECT_EQ(0, post_bits_count(key.bit, CAP));
	len = post_sift_alice(&prep, c.b_basis, 4000, &key, &chk, body,
			      sizeof(body));
	ASSERT_GT(len, 0);
	sifted_free(&key);
	sifted_new(&key);
	sifted_free(&chk);
	sifted_new(&chk);
	chk.cap = 100;
	EXPECT_EQ(-ENOSPC, post_sift_bob(body, len, c.b_bit, c.b_basis, 4000,
					 &key, &chk, chk_alice));
	EXPECT_EQ(0, key.len);
	EXPECT_EQ(0, post_bits_count(key.bit, CAP));
	sifted_free(&key);
	sifted_free(&chk);
	scene_free(&c);
	free(chk_alice);
}

TEST(a_malformed_sift_is_refused_and_changes_nothing)
{
	struct post_sifted key, chk;
	uint64_t s = 4, *chk_alice = bits_new(CAP);
	struct post_prep prep;
	uint8_t body[4096], bad[4096];
	struct scene c;
	size_t i, k, n = 1003;
	long len;

	sifted_new(&key);
	sifted_new(&chk);
	scene_new(&c, n, &s);
	prep = (struct post_prep){ c.a_bit, c.a_basis, c.a_lo, c.a_hi };
	len = post_sift_alice(&prep, c.b_basis, n, &key, &chk, body,
			      sizeof(body));
	ASSERT_GT(len, 0);
	k = key.len;
	sifted_free(&key);
	sifted_free(&chk);
	sifted_new(&key);
	sifted_new(&chk);
	for (i = 0; i < (size_t)len; i++)
		ASSERT_EQ(-EBADMSG, post_sift_bob(body, i, c.b_bit, c.b_basis,
						  n, &key, &chk, chk_alice));
	EXPECT_EQ(-EBADMSG, post_sift_bob(body, len + 1, c.b_bit, c.b_basis, n,
					  &key, &chk, chk_alice));
	EXPECT_EQ(-EBADMSG, post_sift_bob(body, len, c.b_bit, c.b_basis, n - 1,
					  &key, &chk, chk_alice));
	/* each byte of the head; a bit of match more or less; an intensity 3 */
	for (i = 0; i < 8; i++) {
		memcpy(bad, body, len);
		bad[i] ^= 1;
		ASSERT_EQ(-EBADMSG, post_sift_bob(bad, len, c.b_bit, c.b_basis,
						  n, &key, &chk, chk_alice));
	}
	memcpy(bad, body, len);
	bad[8 + 125] |= 0x80;
	EXPECT_EQ(-EBADMSG, post_sift_bob(bad, len, c.b_bit, c.b_basis, n,
					  &key, &chk, chk_alice));
	memcpy(bad, body, len);
	bad[8 + 126] |= 1;
	bad[8 + 126 + post_bytes(k)] |= 1;
	EXPECT_EQ(-EBADMSG, post_sift_bob(bad, len, c.b_bit, c.b_basis, n,
					  &key, &chk, chk_alice));
	EXPECT_EQ(0, key.len);
	EXPECT_EQ(0, chk.len);
	EXPECT_EQ(0, post_bits_count(key.bit, CAP) +
		  post_bits_count(chk_alice, CAP));
	EXPECT_EQ(0, post_sift_bob(body, len, c.b_bit, c.b_basis, n, &key,
				   &chk, chk_alice));
	sifted_free(&key);
	sifted_free(&chk);
	scene_free(&c);
	free(chk_alice);
}

TEST(detections_survive_the_wire)
{
	static const uint64_t spread[] = { 1, 20, 260, 1000, 100000, 1u << 28 };
	uint64_t s = 5;
	size_t k;

	for (k = 0; k < 60; k++) {
		size_t n = k ? rnd(&s) % 2000 : 0, i;
		uint64_t base = rnd(&s) >> 8, at = base;
		uint64_t *index = calloc(n + 1, 8), *got = calloc(n + 1, 8);
		uint64_t *basis = bits_random(n, &s), *b = bits_new(n);
		uint8_t *body = malloc(post_detect_size(n));
		long len;

		for (i = 0; i < n; i++) {
			at += rnd(&s) % spread[k % 6];
			index[i] = at++;
		}
		len = post_detect_put(body, post_detect_size(n), base, index,
				      basis, n);
		ASSERT_GT(len, 3);
		ASSERT_EQ((long)n, post_detect_get(body, len, base, at, got, b,
						   n));
		ASSERT_EQ(0, memcmp(index, got, 8 * n));
		ASSERT_TRUE(post_bits_equal(basis, b, n));
		if (n) {
			long last = index[n - 1];

			ASSERT_EQ(-EBADMSG, post_detect_get(body, len, base,
							    last, got, b, n));
			ASSERT_EQ(-EMSGSIZE, post_detect_get(body, len, base,
							     at, got, b,
							     n - 1));
		}
		ASSERT_EQ(-EBADMSG, post_detect_get(body, len - 1, base, at,
						    got, b, n));
		free(index);
		free(got);
		free(basis);
		free(b);
		free(body);
	}
}

TEST(indices_out_of_order_or_range_are_refused)
{
	uint64_t twice[] = { 5, 5 }, back[] = { 7, 6 }, basis[1] = { 0 };
	uint64_t far[] = { 5, 6ull + (1ull << 32) }, index[2];
	uint8_t body[64], *huge;

	EXPECT_EQ(-EINVAL, post_detect_put(body, 64, 0, twice, basis, 2));
	EXPECT_EQ(-EINVAL, post_detect_put(body, 64, 0, back, basis, 2));
	EXPECT_EQ(-EINVAL, post_detect_put(body, 64, 6, twice, basis, 1));
	EXPECT_EQ(-ERANGE, post_detect_put(body, 64, 0, far, basis, 2));
	EXPECT_EQ(-ENOSPC, post_detect_put(body, 6, 0, back, basis, 1));
	far[1]--;
	EXPECT_GT(post_detect_put(body, 64, 0, far, basis, 2), 0);
	/* a gap that would pass the end of numbers */
	memcpy(body, "\0\0\0\1\0\377\0", 7);
	EXPECT_EQ(1, post_detect_get(body, 7, 0, 256, index, basis, 2));
	EXPECT_EQ(-EBADMSG, post_detect_get(body, 7, UINT64_MAX - 100,
					    UINT64_MAX, index, basis, 2));
	/* a count that no message could have */
	huge = calloc(1, 4);
	memset(huge, 0xff, 4);
	EXPECT_EQ(-EBADMSG, post_detect_get(huge, 4, 0, 100, index, basis, 2));
	free(huge);
}

/* Against a walk through all positions */
TEST(a_key_position_falls_where_it_should)
{
	uint64_t s = 31;
	int round;

	for (round = 0; round < 200; round++) {
		size_t n = rnd(&s) % 700 + 1, i, key = 0, chk = 0, got;
		uint64_t *basis = bits_random(n, &s);
		uint8_t body[8 + 88] = { 0 };

		for (i = 0; i < n; i++)
			body[8 + i / 8] |= (rnd(&s) % 3 != 0) << i % 8;
		for (i = 0; i < n; i++) {
			if (!(body[8 + i / 8] >> i % 8 & 1))
				continue;
			if (post_bit(basis, i)) {
				chk++;
				continue;
			}
			got = post_sift_checks_before(body, basis, n, ++key);
			EXPECT_EQ(chk, got);
		}
		got = post_sift_checks_before(body, basis, n, key + 1);
		EXPECT_EQ(chk, got);
		free(basis);
	}
}

TEST(counts_by_intensity)
{
	uint64_t s = 6, lo[16] = { 0 }, hi[16] = { 0 }, *mask, count[3];
	uint64_t all[3] = { 0 }, some[3] = { 0 };
	size_t i, n = 1001;

	mask = bits_random(n, &s);
	for (i = 0; i < n; i++) {
		unsigned int k = rnd(&s) % 3;

		post_bit_put(lo, i, k & 1);
		post_bit_put(hi, i, k >> 1);
		all[k]++;
		some[k] += post_bit(mask, i);
	}
	post_sift_count(lo, hi, NULL, n, count);
	EXPECT_EQ(0, memcmp(count, all, sizeof(all)));
	post_sift_count(lo, hi, mask, n, count);
	EXPECT_EQ(0, memcmp(count, some, sizeof(some)));
	free(mask);
}

TEST(packing_agrees_with_the_reference)
{
	uint64_t s = 17;
	int round, p;

	for (round = 0; round < 500; round++) {
		size_t n = rnd(&s) % 1000, i;
		uint8_t *flags = malloc(n + 1);
		uint64_t *v[2][4];
		int wanted = rnd(&s) % 16;

		for (i = 0; i < n; i++)
			flags[i] = rnd(&s);
		for (p = 0; p < 4; p++) {
			v[0][p] = wanted >> p & 1 ? bits_new(n) : NULL;
			v[1][p] = wanted >> p & 1 ? bits_new(n) : NULL;
		}
		post_sift_pack(flags, n, v[0][0], v[0][1], v[0][2], v[0][3]);
		post_sift_pack_ref(flags, n, v[1][0], v[1][1], v[1][2],
				   v[1][3]);
		for (p = 0; p < 4; p++) {
			if (!v[0][p])
				continue;
			for (i = 0; i < n; i++)
				ASSERT_EQ(flags[i] >> p & 1,
					  post_bit(v[1][p], i));
			/* words, so bits past the end as well */
			ASSERT_EQ(0, memcmp(v[0][p], v[1][p],
					    8 * post_words(n)));
			free(v[0][p]);
			free(v[1][p]);
		}
		free(flags);
	}
}

TEST_HARNESS_MAIN
