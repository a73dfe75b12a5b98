// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast post-processing is, one core, each stage by itself.
 *
 * Prints lines "BENCH name value unit".  Times are CPU time of this one
 * thread.  Comparisons with other libraries hash the same strings in the same
 * run, and check that the results agree.  What the figures mean is told in
 * Documentation/performance.rst.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/post_others.h"
#include "tests/unit/post_random.h"
#include "tools/post/auth.h"
#include "tools/post/cascade.h"
#include "tools/post/estimate.h"
#include "tools/post/fft128.h"
#include "tools/post/sift.h"
#include "tools/post/toeplitz.h"
#include "tools/post/verify.h"

static uint64_t state = 1;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void bench(const char *name, double value, const char *unit)
{
	printf("BENCH %s %.4g %s\n", name, value, unit);
	fflush(stdout);
}

static void fail(const char *what)
{
	fprintf(stderr, "post: %s\n", what);
	exit(1);
}

/* ---- privacy amplification, an eighth of the input left */

static void pa_one(unsigned int log, const char *name, double *ours,
		   double *fftw, double *gf2x)
{
	size_t n = (size_t)1 << log, m = n / 8;
	uint64_t *in = bits_random(n, &state), *out = bits_new(m);
	uint64_t *seed = bits_random(n + m - 1, &state);
	uint64_t *other = bits_new(m);
	int i, rounds = log < 26 ? 8 : 2;
	double t = now();

	for (i = 0; i < rounds; i++) {
		if (post_toeplitz(out, m, seed, in, n))
			fail("out of memory");
	}
	*ours = n * rounds / (now() - t) / 1e6;
	bench(name, *ours, "Mb/s");
	if (fftw) {
		t = other_fftw(other, m, seed, in, n);
		if (!post_bits_equal(out, other, m))
			fail("FFTW's result differs");
		*fftw = n / t / 1e6;
		t = other_gf2x(other, m, seed, in, n);
		if (!post_bits_equal(out, other, m))
			fail("gf2x's result differs");
		*gf2x = n / t / 1e6;
	}
	free(in);
	free(out);
	free(seed);
	free(other);
}

static void pa_way(const struct fft128_ops *ops)
{
	size_t n = 1 << 24, m = n / 8;
	uint64_t *in, *out, *seed;
	char name[64];
	double t;

	if (!ops->usable())
		return;
	in = bits_random(n, &state);
	out = bits_new(m);
	seed = bits_random(n + m - 1, &state);
	t = now();
	if (post_toeplitz_by(ops, out, m, seed, in, n))
		fail("out of memory");
	snprintf(name, sizeof(name), "pa_mbps_2p24_%s", ops->name);
	bench(name, n / (now() - t) / 1e6, "Mb/s");
	free(in);
	free(out);
	free(seed);
}

static void bench_pa(void)
{
	double ours, fftw, gf2x;

	pa_one(20, "pa_mbps_2p20", &ours, NULL, NULL);
	pa_one(24, "pa_mbps_2p24", &ours, &fftw, &gf2x);
	bench("fftw_mbps_2p24", fftw, "Mb/s");
	bench("gf2x_mbps_2p24", gf2x, "Mb/s");
	bench("pa_vs_fftw", ours / fftw, "times");
	bench("pa_vs_gf2x", ours / gf2x, "times");
	pa_one(27, "pa_mbps_2p27", &ours, NULL, NULL);
	bench("pa_memory_2p27", post_toeplitz_memory(1 << 27, 1 << 24) / 1e6,
	      "MB");
	pa_way(&fft128_portable);
#ifdef __x86_64__
	pa_way(&fft128_pclmul);
	pa_way(&fft128_vpclmul256);
	pa_way(&fft128_vpclmul);
#endif
}

/* ---- reconciliation, blocks of 10^6 bits, both ends in this thread */

#define EC_BITS 1000000
#define EC_ROOM (1 << 18)

struct ec {
	double alice, bob;	/* seconds */
	double f, rounds;
	int failed;
};

static void ec_block(const struct post_cascade_plan *plan, double q,
		     struct ec *r)
{
	static uint8_t from_a[EC_ROOM], from_b[EC_ROOM];
	uint64_t *x = bits_random(EC_BITS, &state), *y;
	struct post_cascade *a, *b;
	size_t errors, found;
	double t, u;
	long len;

	y = bits_noisy(x, EC_BITS, q, &state, &errors);
	t = now();
	a = post_cascade_new(plan, POST_ALICE, x, 1e6 * q, EC_BITS);
	len = post_cascade_alice(a, NULL, 0, from_a, EC_ROOM);
	u = now();
	r->alice += u - t;
	b = post_cascade_new(plan, POST_BOB, y, 1e6 * q, EC_BITS);
	while (len > 0) {
		len = post_cascade_bob(b, from_a, len, from_b, EC_ROOM);
		t = now();
		r->bob += t - u;
		if (len < 0)
			fail("Bob failed");
		len = post_cascade_alice(a, from_b, len, from_a, EC_ROOM);
		u = now();
		r->alice += u - t;
	}
	if (len < 0)
		fail("Alice failed");
	r->f += post_cascade_leak(a) /
		(EC_BITS * post_h2((double)errors / EC_BITS));
	r->rounds += post_cascade_rounds(a);
	post_bits_xor(y, post_cascade_errors(b, &found), EC_BITS);
	r->failed += !post_bits_equal(x, y, EC_BITS);
	t = now();
	post_cascade_free(a);
	u = now();
	r->alice += u - t;
	post_cascade_free(b);
	r->bob += now() - u;
	free(x);
	free(y);
}

static void bench_ec(void)
{
	static const int percent[] = { 1, 2, 3, 5, 8 };
	static const uint8_t seed[32] = { 1 };
	struct post_cascade_plan *plan = post_cascade_plan_new(EC_BITS, seed);
	char name[64];
	int i, k, blocks = 16;

	for (i = 0; i < 5; i++) {
		struct ec r = { 0 };

		for (k = 0; k < blocks; k++)
			ec_block(plan, percent[i] / 100., &r);
#define EC(what, value, unit) do {					\
		snprintf(name, sizeof(name), "ec_" what "_q%d",		\
			 percent[i]);					\
		bench(name, value, unit);				\
	} while (0)
		EC("f", r.f / blocks, "times n h(q)");
		EC("mbps", blocks / (r.alice + r.bob), "Mb/s");
		EC("alice_mbps", blocks / r.alice, "Mb/s");
		EC("bob_mbps", blocks / r.bob, "Mb/s");
		EC("rounds", r.rounds / blocks, "round trips");
		EC("failed", 100. * r.failed / blocks, "%");
	}
	post_cascade_plan_free(plan);
}

/* ---- sifting: both ends of a link with two decoys, p_Z = .9 */

#define SIFT_N (1 << 20)

static void sifted_new(struct post_sifted *s)
{
	s->bit = bits_new(SIFT_N);
	s->lo = bits_new(SIFT_N);
	s->hi = bits_new(SIFT_N);
	s->cap = SIFT_N;
	s->len = 0;
}

static void sifted_clear(struct post_sifted *s)
{
	memset(s->bit, 0, SIFT_N / 8);
	memset(s->lo, 0, SIFT_N / 8);
	memset(s->hi, 0, SIFT_N / 8);
	s->len = 0;
}

static void sifted_free(struct post_sifted *s)
{
	free(s->bit);
	free(s->lo);
	free(s->hi);
}

static uint8_t flags(void)
{
	double r = rnd_real(&state);
	unsigned int k = r < .7 ? 0 : r < .9 ? 1 : 2;

	return (rnd(&state) & 1) | (rnd_real(&state) < .1) << 1 | k << 2;
}

static void bench_sift(void)
{
	uint64_t *plane[6], *index, *got, *basis, *chk_alice, count[3];
	size_t size = post_sift_size(SIFT_N), i, at = 0;
	size_t dsize = post_detect_size(SIFT_N);
	uint8_t *alice = malloc(SIFT_N), *bob = malloc(SIFT_N);
	uint8_t *body = malloc(size), *detect = malloc(dsize);
	struct post_sifted ka, ca, kb, cb;
	double t, sift = 0, code = 0, pack = 0;
	int rounds = 64, r;
	long len;

	index = calloc(SIFT_N, 8);
	got = calloc(SIFT_N, 8);
	basis = bits_new(SIFT_N);
	chk_alice = bits_new(SIFT_N);
	for (i = 0; i < 6; i++)
		plane[i] = bits_new(SIFT_N);
	sifted_new(&ka);
	sifted_new(&ca);
	sifted_new(&kb);
	sifted_new(&cb);
	for (i = 0; i < SIFT_N; i++) {
		alice[i] = flags();
		bob[i] = flags() & 3;
		/* one detection in twenty pulses */
		at += 1 + (uint64_t)(-log(rnd_real(&state)) * 20);
		index[i] = at;
	}
	for (r = 0; r < rounds; r++) {
		struct post_prep prep = { plane[0], plane[1], plane[2],
					  plane[3] };

		t = now();
		post_sift_pack(alice, SIFT_N, plane[0], plane[1], plane[2],
			       plane[3]);
		post_sift_pack(bob, SIFT_N, plane[4], plane[5], NULL, NULL);
		pack += now() - t;

		t = now();
		len = post_detect_put(detect, dsize, 0, index, plane[5],
				      SIFT_N);
		len = post_detect_get(detect, len, 0, UINT64_MAX, got, basis,
				      SIFT_N);
		code += now() - t;
		if (len != SIFT_N || memcmp(index, got, 8 * SIFT_N))
			fail("detections differ");

		t = now();
		len = post_sift_alice(&prep, basis, SIFT_N, &ka, &ca, body,
				      size);
		if (len < 0 || post_sift_bob(body, len, plane[4], plane[5],
					     SIFT_N, &kb, &cb, chk_alice))
			fail("sifting failed");
		/* what Bob counts: detections by intensity, errors likewise */
		post_sift_count(kb.lo, kb.hi, NULL, kb.len, count);
		post_sift_count(cb.lo, cb.hi, NULL, cb.len, count);
		post_bits_xor(chk_alice, cb.bit, cb.len);
		post_sift_count(cb.lo, cb.hi, chk_alice, cb.len, count);
		sift += now() - t;
		sifted_clear(&ka);
		sifted_clear(&ca);
		sifted_clear(&kb);
		sifted_clear(&cb);
		memset(chk_alice, 0, SIFT_N / 8);
	}
	bench("sift_mcounts_per_s", rounds * (SIFT_N / 1e6) / sift, "M/s");
	bench("sift_pack_mcounts_per_s", rounds * (SIFT_N / 1e6) / pack, "M/s");
	bench("detect_code_mcounts_per_s", rounds * (SIFT_N / 1e6) / code,
	      "M/s");
	sifted_free(&ka);
	sifted_free(&ca);
	sifted_free(&kb);
	sifted_free(&cb);
	for (i = 0; i < 6; i++)
		free(plane[i]);
	free(index);
	free(got);
	free(basis);
	free(chk_alice);
	free(alice);
	free(bob);
	free(body);
	free(detect);
}

/* ---- the rest */

static void bench_rest(void)
{
	static const struct post_protocol pr = {
		.method = POST_LIM2014,
		.mu = { .45, .17, 2e-4 },
		.p = { .7, .2, .1 },
		.eps_sec = 1e-9,
		.eps_cor = 1e-15,
	};
	struct post_counts c = {
		.n_key = { 80000000, 10000000, 100000 },
		.m_key = { 800000, 100000, 10000 },
		.n_chk = { 8000000, 1000000, 10000 },
		.m_chk = { 80000, 10000, 1000 },
	};
	size_t n = 1000000, len = 1 << 20;
	uint64_t *v = bits_random(8 * len, &state);
	struct post_auth_part big = { v, len }, small = { v, 64 };
	uint8_t key[16] = { 1 }, tag[16];
	struct post_budget b;
	int i, rounds = 1000;
	double t;

	t = now();
	for (i = 0; i < rounds; i++)
		post_auth_tag(key, key, &big, 1, tag);
	bench("auth_MBps", rounds * (len / 1e6) / (now() - t), "MB/s");
	t = now();
	for (i = 0; i < 100 * rounds; i++)
		post_auth_tag(key, key, &small, 1, tag);
	bench("auth_64B_per_s", 100 * rounds / (now() - t), "1/s");
	t = now();
	for (i = 0; i < rounds; i++)
		post_verify_tag(key, v, n, tag);
	bench("verify_mbps", rounds * (n / 1e6) / (now() - t), "Mb/s");
	t = now();
	for (i = 0; i < 100 * rounds; i++) {
		c.m_chk[0] = 80000 + i % 7;
		post_key_length(&pr, &c, 1e6, 64, &b);
		if (b.reason)
			fail(b.reason);
	}
	bench("key_length_us", (now() - t) / (100 * rounds) * 1e6, "us");
	free(v);
}

int main(void)
{
	bench_sift();
	bench_ec();
	bench_pa();
	bench_rest();
	return 0;
}
