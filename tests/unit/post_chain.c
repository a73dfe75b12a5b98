// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All stages one after the other, two ends that know only their own and what
 * was sent: either both hold the same key in the end, or neither holds any,
 * whatever the size, the error rate, or a bit changed on the way.
 */
#include <errno.h>
#include <math.h>

#include "tests/unit/post_random.h"
#include "tools/post/cascade.h"
#include "tools/post/estimate.h"
#include "tools/post/sift.h"
#include "tools/post/toeplitz.h"
#include "tools/post/verify.h"
#include "tools/post/wipe.h"

#include <kselftest_harness.h>

#define ROOM (1 << 20)
#define EPS_COR 1e-12

enum outcome {
	NO_KEY,
	KEY,
	DIFFERENT_KEYS,
};

/* one end */
struct end {
	struct post_sifted key, chk;
	struct post_cascade *ec;
	struct post_budget budget;
	uint64_t *secret;
};

/* what goes from one to the other; message number @spoilt arrives changed */
struct channel {
	uint8_t body[ROOM];
	long len;
	int count, spoilt;
	uint64_t *s;
	/* and what both know of each other */
	struct post_protocol pr;
	double key_basis;	/* how often it is chosen, by either */
	uint64_t *chk_diff;
};

/*
 * Two decoys, one, or pairs; detections of each intensity as often as a fibre
 * of a tenth would have them.
 */
static void protocol(struct channel *c, enum post_method method)
{
	static const double mu[][POST_INTENSITIES] = {
		[POST_LIM2014] = { .5, .2, .001 },
		[POST_RUSCA2018] = { .5, .15 },
		[POST_BBM92] = { 0 },
	};
	static const double p[][POST_INTENSITIES] = {
		[POST_LIM2014] = { .5, .3, .2 },
		[POST_RUSCA2018] = { .7, .3 },
		[POST_BBM92] = { 1 },
	};

	c->pr.method = method;
	c->pr.eps_sec = 1e-6;
	c->pr.eps_cor = EPS_COR;
	memcpy(c->pr.mu, mu[method], sizeof(c->pr.mu));
	memcpy(c->pr.p, p[method], sizeof(c->pr.p));
}

static void draw_intensities(struct channel *c, uint64_t *lo, uint64_t *hi,
			     size_t n)
{
	double w[POST_INTENSITIES], all = 0, x;
	size_t i;
	int k;

	for (k = 0; k < POST_INTENSITIES; k++)
		all += w[k] = c->pr.p[k] * (1 - exp(-.1 * c->pr.mu[k]));
	for (i = 0; i < n && all > 0; i++) {
		x = all * rnd_real(c->s);
		for (k = 0; k < POST_INTENSITIES - 1 && x >= w[k]; k++)
			x -= w[k];
		post_bit_put(lo, i, k & 1);
		post_bit_put(hi, i, k >> 1);
	}
}

static uint64_t *bases(struct channel *c, size_t n)
{
	uint64_t *v = bits_new(n);
	size_t i;

	for (i = 0; i < n; i++)
		post_bit_put(v, i, rnd_real(c->s) >= c->key_basis);
	return v;
}

static void send(struct channel *c)
{
	if (c->count++ == c->spoilt && c->len > 0)
		c->body[rnd(c->s) % c->len] ^= 1 << rnd(c->s) % 8;
}

static void sifted_new(struct post_sifted *s, size_t n)
{
	s->bit = bits_new(n);
	s->lo = bits_new(n);
	s->hi = bits_new(n);
	s->len = 0;
	s->cap = n;
}

static void sifted_free(struct post_sifted *s)
{
	free(s->bit);
	free(s->lo);
	free(s->hi);
}

/* DETECT and SIFT; the errors of the check basis, or -1 */
static long sift(struct end *a, struct end *b, struct channel *c, size_t n,
		 double q)
{
	uint64_t *a_bit = bits_random(n, c->s), *b_bit;
	uint64_t *a_basis = bases(c, n), *b_basis = bases(c, n);
	uint64_t *lo = bits_new(n), *hi = bits_new(n), *heard = bits_new(n);
	uint64_t *index = calloc(n, 8), *got = calloc(n, 8);
	uint64_t *chk_alice = bits_new(n), at = 0;
	bool decoys = c->pr.method != POST_BBM92;
	struct post_prep prep = {
		a_bit, a_basis, decoys ? lo : NULL, decoys ? hi : NULL,
	};
	size_t i, errors;
	long ret = -1;

	draw_intensities(c, lo, hi, n);
	b_bit = bits_noisy(a_bit, n, q, c->s, &errors);
	for (i = 0; i < n; i++) {
		if (post_bit(a_basis, i) != post_bit(b_basis, i))
			post_bit_put(b_bit, i, rnd(c->s) & 1);
		at += 1 + rnd(c->s) % 100;
		index[i] = at;
	}
	sifted_new(&a->key, n);
	sifted_new(&a->chk, n);
	sifted_new(&b->key, n);
	sifted_new(&b->chk, n);
	c->len = post_detect_put(c->body, ROOM, 0, index, b_basis, n);
	send(c);
	if (post_detect_get(c->body, c->len, 0, UINT64_MAX, got, heard, n) ==
	    (long)n) {
		c->len = post_sift_alice(&prep, heard, n, &a->key, &a->chk,
					 c->body, ROOM);
		send(c);
		if (!post_sift_bob(c->body, c->len, b_bit, b_basis, n, &b->key,
				   &b->chk, chk_alice)) {
			post_bits_xor(chk_alice, b->chk.bit, b->chk.len);
			ret = post_bits_count(chk_alice, b->chk.len);
		}
	}
	c->chk_diff = chk_alice;
	free(lo);
	free(hi);
	free(a_bit);
	free(b_bit);
	free(a_basis);
	free(b_basis);
	free(heard);
	free(index);
	free(got);
	return ret;
}

static bool reconcile(struct end *a, struct end *b, struct channel *c)
{
	uint8_t *in = NULL;

	while (!post_cascade_done(a->ec)) {
		uint8_t answer[ROOM];

		c->len = post_cascade_alice(a->ec, in, in ? c->len : 0,
					    c->body, ROOM);
		if (c->len <= 0)
			break;
		send(c);
		c->len = post_cascade_bob(b->ec, c->body, c->len, answer,
					  ROOM);
		if (c->len < 0)
			return false;
		memcpy(c->body, answer, c->len);
		send(c);
		in = c->body;
	}
	return c->len == 0 && post_cascade_done(a->ec) &&
		post_cascade_done(b->ec);
}

/* tags agree; b's string is put right first */
static bool verify(struct end *a, struct end *b, struct channel *c, size_t n,
		   unsigned int tag_bytes)
{
	uint8_t tag[POST_TAG_MAX];
	uint64_t *fixed = bits_new(n);
	bool ok;
	int i;

	for (i = 0; i < 16; i++)
		c->body[i] = rnd(c->s);
	post_verify_tag(c->body, a->key.bit, n, tag);
	memcpy(c->body + 16, tag, tag_bytes);
	c->len = 16 + tag_bytes;
	send(c);
	memcpy(fixed, b->key.bit, 8 * post_words(n));
	post_bits_xor(fixed, post_cascade_errors(b->ec, NULL), n);
	post_verify_tag(c->body, fixed, n, tag);
	ok = post_equal(c->body + 16, tag, tag_bytes);
	if (ok)
		memcpy(b->key.bit, fixed, 8 * post_words(n));
	free(fixed);
	return ok;
}

static bool amplify(struct end *a, struct end *b, struct channel *c, size_t n)
{
	size_t m = a->budget.length, bits;
	uint64_t *seed;
	bool ok;

	/* a peer may not ask for more than one's own counts allow */
	if (!m || m > b->budget.length + 1)
		return false;
	bits = post_toeplitz_seed_bits(n, m);
	seed = bits_random(bits, c->s);
	a->secret = bits_new(m);
	b->secret = bits_new(m);
	ok = !post_toeplitz(a->secret, m, seed, a->key.bit, n) &&
		!post_toeplitz(b->secret, m, seed, b->key.bit, n);
	free(seed);
	return ok;
}

/* What an end counts; the errors are told by Bob. */
static void count(const struct end *e, const struct end *b,
		  const struct channel *c, struct post_counts *k)
{
	const struct post_sifted *key = &e->key, *chk = &e->chk;

	post_sift_count(key->lo, key->hi, NULL, key->len, k->n_key);
	post_sift_count(key->lo, key->hi, post_cascade_errors(b->ec, NULL),
			key->len, k->m_key);
	post_sift_count(chk->lo, chk->hi, NULL, chk->len, k->n_chk);
	post_sift_count(chk->lo, chk->hi, c->chk_diff, chk->len, k->m_chk);
}

static enum outcome finish(struct end *a, struct end *b, struct channel *c,
			   long errors)
{
	size_t n = a->key.len;
	struct post_counts ca, cb;
	unsigned int tag_bytes = post_verify_tag_bytes(n, EPS_COR);
	struct post_cascade_plan *plan;
	uint8_t seed[32] = { 1 };
	uint32_t ppm = 1e6 * errors / a->chk.len;
	enum outcome ret = NO_KEY;

	plan = post_cascade_plan_new(n, seed);
	if (!plan || b->key.len != n || b->chk.len != a->chk.len)
		goto out;
	a->ec = post_cascade_new(plan, POST_ALICE, a->key.bit, ppm, n);
	b->ec = post_cascade_new(plan, POST_BOB, b->key.bit, ppm, n);
	if (!reconcile(a, b, c) || !verify(a, b, c, n, tag_bytes))
		goto out;
	count(a, b, c, &ca);
	count(b, b, c, &cb);
	post_key_length(&c->pr, &ca, post_cascade_leak(a->ec), 8 * tag_bytes,
			&a->budget);
	post_key_length(&c->pr, &cb, post_cascade_leak(b->ec), 8 * tag_bytes,
			&b->budget);
	if (!amplify(a, b, c, n))
		goto out;
	ret = post_bits_equal(a->secret, b->secret, a->budget.length) ? KEY :
		DIFFERENT_KEYS;
out:
	post_cascade_free(a->ec);
	post_cascade_free(b->ec);
	post_cascade_plan_free(plan);
	return ret;
}

static enum outcome run_as(enum post_method method, double key_basis, size_t n,
			   double q, int spoilt, uint64_t *s, int *sent)
{
	struct channel *c = calloc(1, sizeof(*c));
	struct end a = { 0 }, b = { 0 };
	enum outcome ret = NO_KEY;
	long errors;

	c->spoilt = spoilt;
	c->s = s;
	c->key_basis = key_basis;
	protocol(c, method);
	errors = sift(&a, &b, c, n, q);
	if (errors >= 0 && a.chk.len)
		ret = finish(&a, &b, c, errors);
	*sent = c->count;
	sifted_free(&a.key);
	sifted_free(&a.chk);
	sifted_free(&b.key);
	sifted_free(&b.chk);
	free(a.secret);
	free(b.secret);
	free(c->chk_diff);
	free(c);
	return ret;
}

static enum outcome run(size_t n, double q, int spoilt, uint64_t *s, int *sent)
{
	return run_as(POST_BBM92, .5, n, q, spoilt, s, sent);
}

TEST(good_links_give_both_ends_the_same_key)
{
	uint64_t s = 1;
	int i, sent;

	for (i = 0; i < 25; i++) {
		size_t n = 30000 + rnd(&s) % 20000;
		double q = .02 * rnd_real(&s);

		ASSERT_EQ(KEY, run(n, q, -1, &s, &sent)) {
			TH_LOG("n %zu q %g", n, q);
		}
	}
}

TEST(decoys_give_both_ends_the_same_key)
{
	uint64_t s = 5;
	int i, sent;

	for (i = 0; i < 10; i++) {
		enum post_method m = i % 2 ? POST_RUSCA2018 : POST_LIM2014;
		size_t n = 250000 + rnd(&s) % 50000;
		double q = .01 * rnd_real(&s), z = .5 + .2 * rnd_real(&s);

		ASSERT_EQ(KEY, run_as(m, z, n, q, -1, &s, &sent)) {
			TH_LOG("method %d n %zu q %g z %g", m, n, q, z);
		}
	}
}

TEST(bad_links_give_none)
{
	uint64_t s = 2;
	int i, sent;

	for (i = 0; i < 15; i++)
		ASSERT_EQ(NO_KEY, run(10000 + rnd(&s) % 10000,
				      .1 + .4 * rnd_real(&s), -1, &s, &sent));
}

/* sizes over decades, any share of the bases, any analysis */
TEST(any_link_gives_the_same_or_none)
{
	uint64_t s = 3;
	int i, sent;

	for (i = 0; i < 60; i++) {
		size_t n = exp(rnd_real(&s) * log(200000)) + 1;
		double z = rnd_real(&s), q = .2 * rnd_real(&s);

		ASSERT_NE(DIFFERENT_KEYS, run_as(i % 3, z, n, q, -1, &s,
						 &sent));
	}
}

/* were authentication missing, verification would still hold */
TEST(a_bit_changed_on_the_way_gives_the_same_or_none)
{
	int i, sent, keys = 0, none = 0;
	uint64_t s = 4;

	ASSERT_EQ(KEY, run(20000, .01, -1, &s, &sent));
	for (i = 0; i < 100; i++) {
		bool decoys = i % 10 == 9;
		enum outcome o;
		int n;

		o = run_as(decoys ? POST_LIM2014 : POST_BBM92,
			   decoys ? .8 : .5, decoys ? 250000 : 20000, .01,
			   i < 8 ? i / 4 : (int)(rnd(&s) % sent), &s, &n);
		ASSERT_NE(DIFFERENT_KEYS, o);
		keys += o == KEY;
		none += o == NO_KEY;
	}
	TH_LOG("%d came to the same key, %d to none", keys, none);
	/* what was changed mostly matters */
	EXPECT_GT(none, 30);
}

TEST_HARNESS_MAIN
