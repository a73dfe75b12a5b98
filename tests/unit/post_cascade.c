// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cascade: both ends come to the same string, disclose what they say they
 * do, and believe nothing malformed.
 */
#include <errno.h>

#include "tests/unit/post_random.h"
#include "tools/post/cascade_priv.h"
#include "tools/post/estimate.h"

#include <kselftest_harness.h>

static const uint8_t seed[32] = { 2, 7, 1, 8, 2, 8 };

#define ROOM (1 << 20)

/* bits of bodies sent by Alice are counted here, apart from her own count */
struct outcome {
	long last;		/* what the last call returned */
	size_t sent;		/* bytes of bodies, heads left out */
	size_t bits;		/* that bob expects in them */
	unsigned int bodies;
};

/* carry bodies until one end has no more to say */
static struct outcome carry(struct post_cascade *a, struct post_cascade *b)
{
	uint8_t *from_a = malloc(ROOM), *from_b = malloc(ROOM);
	struct outcome o = { 0 };

	o.last = post_cascade_alice(a, NULL, 0, from_a, ROOM);
	while (o.last > 0) {
		o.sent += o.last - 4;
		o.bits += cascade_asked(b);
		o.bodies++;
		o.last = post_cascade_bob(b, from_a, o.last, from_b, ROOM);
		if (o.last > 0)
			o.last = post_cascade_alice(a, from_b, o.last, from_a,
						    ROOM);
	}
	free(from_a);
	free(from_b);
	return o;
}

/* whether Bob's string with his errors corrected is Alice's */
static bool corrected(const uint64_t *a, const uint64_t *b, size_t n,
		      const struct post_cascade *c)
{
	const uint64_t *e = post_cascade_errors(c, NULL);
	uint64_t d = 0;
	size_t i;

	for (i = 0; i < post_words(n); i++)
		d |= a[i] ^ b[i] ^ e[i];
	return !d;
}

/* one block; @f: leakage over n h(q); @trips: round trips */
static bool reconcile_by(struct post_cascade_plan *plan, double q,
			 uint32_t said_ppm, uint64_t *s, double *f,
			 unsigned int *trips)
{
	size_t n = plan->n;
	uint64_t *x = bits_random(n, s), *y;
	struct post_cascade *a, *b;
	struct outcome o;
	size_t errors, ca, cb;
	bool ok;

	y = bits_noisy(x, n, q, s, &errors);
	a = post_cascade_new(plan, POST_ALICE, x, said_ppm, 2 * n);
	b = post_cascade_new(plan, POST_BOB, y, said_ppm, 2 * n);
	o = carry(a, b);
	ok = o.last == 0 && post_cascade_done(a) && post_cascade_done(b);
	/* a pattern seen alike, a leakage counted alike and truly */
	ok = ok && !memcmp(post_cascade_errors(a, &ca),
			   post_cascade_errors(b, &cb), 8 * post_words(n));
	ok = ok && ca == cb && ca == post_bits_count(post_cascade_errors(a,
							NULL), n);
	ok = ok && post_cascade_leak(a) == post_cascade_leak(b);
	ok = ok && post_cascade_leak(a) == o.bits;
	ok = ok && post_cascade_leak(a) <= 8 * o.sent &&
		8 * o.sent < post_cascade_leak(a) + 8 * o.bodies;
	ok = ok && post_cascade_rounds(a) == o.bodies;
	ok = ok && corrected(x, y, n, b) && ca == errors;
	if (errors)
		*f = post_cascade_leak(a) / (n * post_h2((double)errors / n));
	*trips = post_cascade_rounds(a);
	post_cascade_free(a);
	post_cascade_free(b);
	free(x);
	free(y);
	return ok;
}

static bool reconcile(size_t n, double q, uint32_t said_ppm, uint64_t *s,
		      double *f)
{
	struct post_cascade_plan *plan = post_cascade_plan_new(n, seed);
	unsigned int trips;
	bool ok = reconcile_by(plan, q, said_ppm, s, f, &trips);

	post_cascade_plan_free(plan);
	return ok;
}

TEST(random_sizes_and_error_rates_come_out_equal)
{
	uint64_t s = 1;
	int i;

	for (i = 0; i < 60; i++) {
		size_t n = 1024 + rnd(&s) % 60000;
		double q = .15 * rnd_real(&s), f;

		ASSERT_TRUE(reconcile(n, q, 1e6 * q, &s, &f)) {
			TH_LOG("n %zu q %g", n, q);
		}
	}
}

TEST(leakage_of_a_million_bits_is_within_5_percent)
{
	static const double q[] = { .01, .02, .03, .05, .08 };
	uint64_t s = 2;
	double f = 0;
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_TRUE(reconcile(1000000, q[i], 1e6 * q[i], &s, &f));
		TH_LOG("q %g f %.4f", q[i], f);
		EXPECT_LT(f, 1.05);
		EXPECT_GT(f, 1.0);
	}
}

TEST(haste_halves_the_round_trips)
{
	static const double q[] = { .005, .01, .03, .08 };
	struct post_cascade_plan *plan[2];
	unsigned int trips[2], i, k;
	uint64_t s = 12;
	double f = 0;

	for (k = 0; k < 2; k++)
		plan[k] = post_cascade_plan_new(1 << 20, seed);
	post_cascade_plan_hasten(plan[1]);
	for (i = 0; i < 4; i++) {
		for (k = 0; k < 2; k++)
			ASSERT_TRUE(reconcile_by(plan[k], q[i], 1e6 * q[i], &s,
						 &f, &trips[k]));
		TH_LOG("q %g: %u and %u trips, f %.4f", q[i], trips[0],
		       trips[1], f);
		EXPECT_LT(trips[1], 0.65 * trips[0]);
		EXPECT_LT(f, 1.13);
	}
	for (k = 0; k < 2; k++)
		post_cascade_plan_free(plan[k]);
}

TEST(a_wrong_guess_of_the_error_rate_costs_but_works)
{
	uint64_t s = 3;
	double f;

	EXPECT_TRUE(reconcile(50000, .03, 10000, &s, &f));
	EXPECT_TRUE(reconcile(50000, .03, 100000, &s, &f));
	EXPECT_TRUE(reconcile(50000, 0, 20000, &s, &f));
	EXPECT_TRUE(reconcile(50000, .2, 1, &s, &f));
}

TEST(bursts_are_corrected)
{
	size_t n = 40000, i;
	struct post_cascade_plan *plan = post_cascade_plan_new(n, seed);
	uint64_t s = 4, *x = bits_random(n, &s), *y = bits_new(n);
	struct post_cascade *a, *b;

	memcpy(y, x, 8 * post_words(n));
	for (i = 10000; i < 10900; i++)
		post_bit_flip(y, i);
	a = post_cascade_new(plan, POST_ALICE, x, 22500, n);
	b = post_cascade_new(plan, POST_BOB, y, 22500, n);
	EXPECT_EQ(0, carry(a, b).last);
	EXPECT_TRUE(corrected(x, y, n, b));
	post_cascade_free(a);
	post_cascade_free(b);
	post_cascade_plan_free(plan);
	free(x);
	free(y);
}

TEST(a_retry_finds_what_was_left)
{
	/* errors that nothing but the masks separates, as hardly ever happens */
	size_t n = 4096, i, left = 0, found = 0;
	struct post_cascade_plan *plan = post_cascade_plan_new(n, seed);
	/* blocks as large as the string: passes see only the total parity */
	struct cascade_sizes sizes = {
		.k = { 4096, 4096, 4096 }, .four = 16000, .eight = 64000,
	};
	uint64_t s = 5;

	for (i = 0; i < 3000; i++) {
		uint64_t *x = bits_random(n, &s), *y = bits_new(n);
		struct post_cascade *a, *b;

		memcpy(y, x, 8 * post_words(n));
		post_bit_flip(y, rnd(&s) % 2000);
		post_bit_flip(y, 2000 + rnd(&s) % 2000);
		a = cascade_new_sized(plan, POST_ALICE, x, &sizes, n,
				      &cascade_engine_any);
		b = cascade_new_sized(plan, POST_BOB, y, &sizes, n,
				      &cascade_engine_any);
		ASSERT_EQ(0, carry(a, b).last);
		if (!corrected(x, y, n, b)) {
			left++;
			ASSERT_EQ(0, post_cascade_retry(a));
			ASSERT_EQ(0, post_cascade_retry(b));
			ASSERT_EQ(0, carry(a, b).last);
			found += corrected(x, y, n, b);
		}
		post_cascade_free(a);
		post_cascade_free(b);
		free(x);
		free(y);
	}
	/* each mask misses two errors half of the time: 2^-10 for ten */
	TH_LOG("%zu of 3000 left, %zu found by retrying", left, found);
	EXPECT_LT(left, 15);
	EXPECT_EQ(left, found);
	post_cascade_plan_free(plan);
}

TEST(it_gives_up_at_the_limit_of_leakage)
{
	size_t n = 20000, errors;
	struct post_cascade_plan *plan = post_cascade_plan_new(n, seed);
	uint64_t s = 6, *x = bits_random(n, &s);
	uint64_t *y = bits_noisy(x, n, .05, &s, &errors);
	struct post_cascade *a, *b;

	a = post_cascade_new(plan, POST_ALICE, x, 50000, 4000);
	b = post_cascade_new(plan, POST_BOB, y, 50000, 4000);
	EXPECT_EQ(-EOVERFLOW, carry(a, b).last);
	EXPECT_TRUE(post_cascade_dead(a));
	EXPECT_TRUE(post_cascade_dead(b));
	EXPECT_FALSE(post_cascade_done(a));
	EXPECT_LE(post_cascade_leak(a), 4000);
	EXPECT_EQ(-EOVERFLOW, post_cascade_retry(a));
	post_cascade_free(a);
	post_cascade_free(b);
	post_cascade_plan_free(plan);
	free(x);
	free(y);
}

TEST(malformed_bodies_change_nothing)
{
	size_t n = 10001, errors;
	struct post_cascade_plan *plan = post_cascade_plan_new(n, seed);
	uint64_t s = 7, *x = bits_random(n, &s);
	uint64_t *y = bits_noisy(x, n, .02, &s, &errors);
	struct post_cascade *a, *b;
	uint8_t m[4096], r[4096];
	long len, ans;

	a = post_cascade_new(plan, POST_ALICE, x, 20000, n);
	b = post_cascade_new(plan, POST_BOB, y, 20000, n);
	len = post_cascade_alice(a, NULL, 0, m, sizeof(m));
	ASSERT_GT(len, 4);
	EXPECT_EQ(len, (long)post_cascade_out_size(b));
	EXPECT_GE((long)post_cascade_out_size(a), len);
	EXPECT_EQ(-ENOSPC, post_cascade_bob(b, m, len, r, len - 1));
	EXPECT_EQ(-EBADMSG, post_cascade_bob(b, m, len - 1, r, sizeof(r)));
	EXPECT_EQ(-EBADMSG, post_cascade_bob(b, m, len + 1, r, sizeof(r)));
	EXPECT_EQ(-EBADMSG, post_cascade_bob(b, m, 0, r, sizeof(r)));
	m[3] ^= 1;
	EXPECT_EQ(-EBADMSG, post_cascade_bob(b, m, len, r, sizeof(r)));
	m[3] ^= 1;
	/* 10001 bits in blocks: not a whole number of bytes of parities */
	m[len - 1] ^= 0x80;
	EXPECT_EQ(-EBADMSG, post_cascade_bob(b, m, len, r, sizeof(r)));
	m[len - 1] ^= 0x80;
	ans = post_cascade_bob(b, m, len, r, sizeof(r));
	EXPECT_EQ(len, ans);
	/* a replay is of the wrong round */
	EXPECT_EQ(-EBADMSG, post_cascade_bob(b, m, len, r, sizeof(r)));
	EXPECT_EQ(-EBADMSG, post_cascade_alice(a, r, ans - 1, m, sizeof(m)));
	/* the refused call did not harm: it goes on to the end */
	len = post_cascade_alice(a, r, ans, m, sizeof(m));
	while (len > 0) {
		ans = post_cascade_bob(b, m, len, r, sizeof(r));
		len = post_cascade_alice(a, r, ans, m, sizeof(m));
	}
	EXPECT_EQ(0, len);
	EXPECT_TRUE(corrected(x, y, n, b));
	EXPECT_EQ(-EALREADY, post_cascade_bob(b, m, 8, r, sizeof(r)));
	post_cascade_free(a);
	post_cascade_free(b);
	post_cascade_plan_free(plan);
	free(x);
	free(y);
}

TEST(a_lying_peer_comes_to_an_end)
{
	size_t n = 3000, i;
	struct post_cascade_plan *plan = post_cascade_plan_new(n, seed);
	uint64_t s = 8, *x = bits_random(n, &s);
	uint8_t m[4096], r[4096];
	int round;

	for (round = 0; round < 200; round++) {
		struct post_cascade *a;
		unsigned int steps = 0;
		long len;

		a = post_cascade_new(plan, POST_ALICE, x, 20000, 10 * n);
		len = post_cascade_alice(a, NULL, 0, m, sizeof(m));
		while (len > 0) {
			memcpy(r, m, 4);
			for (i = 4; i < (size_t)len; i++)
				r[i] = rnd(&s) & rnd(&s);
			if (post_cascade_alice(a, r, len, m, sizeof(m)) ==
			    -EBADMSG)
				r[len - 1] &= 1;
			else
				r[0] = 0xff;
			len = post_cascade_alice(a, NULL, 0, m, sizeof(m));
			ASSERT_LT(++steps, 20 * n);
		}
		ASSERT_TRUE(post_cascade_dead(a) || post_cascade_done(a));
		post_cascade_free(a);
	}
	post_cascade_plan_free(plan);
	free(x);
}

TEST(gathering_agrees_with_the_reference)
{
	size_t n = 100037;
	struct post_cascade_plan *plan = post_cascade_plan_new(n, seed);
	uint64_t s = 9, *x = bits_random(n, &s), *y = bits_random(n, &s);
	uint64_t *pairs = bits_new(2 * n + 64), *out[4];
	size_t i, p;

	for (i = 0; i < 4; i++)
		out[i] = bits_new(n);
	cascade_pair(pairs, x, y, n);
	for (p = 0; p < CASCADE_PASSES - 1; p++) {
		cascade_gather(out[0], out[1], pairs, plan->to[p], n);
		cascade_gather_ref(out[2], out[3], pairs, plan->to[p], n);
		for (i = 0; i < n; i++) {
			uint32_t bit = plan->to[p][i];

			ASSERT_EQ(post_bit(x, bit), post_bit(out[0], i));
			ASSERT_EQ(post_bit(y, bit), post_bit(out[1], i));
			/* the shuffle is one, its inverse inverts it */
			ASSERT_EQ(i, plan->pos[p][bit]);
		}
		EXPECT_TRUE(post_bits_equal(out[0], out[2], n));
		EXPECT_TRUE(post_bits_equal(out[1], out[3], n));
		EXPECT_NE(0, post_bits_diff(out[0], x, n));
	}
	post_cascade_plan_free(plan);
	for (i = 0; i < 4; i++)
		free(out[i]);
	free(pairs);
	free(x);
	free(y);
}

TEST(each_engine_asks_the_same)
{
	size_t n = 30011, errors;
	struct post_cascade_plan *plan = post_cascade_plan_new(n, seed);
	struct cascade_sizes sizes;
	uint64_t s = 10, *x = bits_random(n, &s);
	uint64_t *y = bits_noisy(x, n, .03, &s, &errors);
	struct post_cascade *a, *b;

#ifdef __x86_64__
	if (!cascade_engine_bmi.usable())
#endif
		SKIP(return, "one engine only");
#ifdef __x86_64__
	/* Alice by the one, Bob by the other: they stay in step, or fail */
	cascade_sizes(n, 30000, false, &sizes);
	a = cascade_new_sized(plan, POST_ALICE, x, &sizes, n,
			      &cascade_engine_any);
	b = cascade_new_sized(plan, POST_BOB, y, &sizes, n,
			      &cascade_engine_bmi);
	EXPECT_EQ(0, carry(a, b).last);
	EXPECT_TRUE(corrected(x, y, n, b));
	EXPECT_EQ(post_cascade_leak(a), post_cascade_leak(b));
	EXPECT_TRUE(post_bits_equal(post_cascade_errors(a, NULL),
				    post_cascade_errors(b, NULL), n));
	post_cascade_free(a);
	post_cascade_free(b);
#endif
	post_cascade_plan_free(plan);
	free(x);
	free(y);
}

/* what both ends say, as one number (FNV-1a) */
static uint64_t transcript(struct post_cascade *a, struct post_cascade *b)
{
	static uint8_t from_a[ROOM], from_b[ROOM];
	uint64_t h = 0xcbf29ce484222325;
	long i, len = post_cascade_alice(a, NULL, 0, from_a, ROOM);

	while (len > 0) {
		for (i = 0; i < len; i++)
			h = (h ^ from_a[i]) * 0x100000001b3;
		len = post_cascade_bob(b, from_a, len, from_b, ROOM);
		for (i = 0; i < len; i++)
			h = (h ^ from_b[i]) * 0x100000001b3;
		len = post_cascade_alice(a, from_b, len, from_a, ROOM);
	}
	return len ? 0 : h;
}

/* a release that asks otherwise would not understand the others */
TEST(what_is_said_is_what_earlier_releases_said)
{
	static const struct {
		size_t n;
		double q;
		bool hasty;
		uint64_t hash;
	} said[] = {
		{ 300007, .01, false, 0x87f6cace451c3fca },
		{ 200000, .02, false, 0xd501f79e1237b41e },
		{ 100001, .05, false, 0xbfca100239ff3cca },
		{ 50000, .11, false, 0xbc7728cb5d9f71a3 },
		{ 200000, .03, true, 0x6fd113f031814e02 },
	};
	uint64_t s = 14;
	size_t i, errors;

	for (i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		size_t n = said[i].n;
		struct post_cascade_plan *plan = post_cascade_plan_new(n, seed);
		uint64_t *x = bits_random(n, &s);
		uint64_t *y = bits_noisy(x, n, said[i].q, &s, &errors);
		struct post_cascade *a, *b;

		if (said[i].hasty)
			post_cascade_plan_hasten(plan);
		a = post_cascade_new(plan, POST_ALICE, x, 1e6 * said[i].q, n);
		b = post_cascade_new(plan, POST_BOB, y, 1e6 * said[i].q, n);
		EXPECT_EQ(said[i].hash, transcript(a, b));
		EXPECT_TRUE(corrected(x, y, n, b));
		post_cascade_free(a);
		post_cascade_free(b);
		post_cascade_plan_free(plan);
		free(x);
		free(y);
	}
}

TEST(plans_of_wrong_lengths_are_refused)
{
	EXPECT_EQ(NULL, post_cascade_plan_new(POST_CASCADE_MIN_BITS - 1,
					      seed));
	EXPECT_EQ(NULL, post_cascade_plan_new(POST_CASCADE_MAX_BITS + 1,
					      seed));
}

TEST_HARNESS_MAIN
