// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No branch and no address depends on a bit of key: run under valgrind by
 * post_secret.sh, one stage at a time.
 *
 * What is secret is told to memcheck to be undefined. A branch or an address
 * that is made of it is then an error; what is made of it otherwise stays
 * undefined, until it is said openly. The stages "branch" and "look-up" err on
 * purpose, so that the script sees errors found. Valgrind's processor has
 * neither AVX-512 nor VPCLMULQDQ: those paths are not looked at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/memcheck.h>

#include "tests/unit/post_random.h"
#include "tools/post/auth.h"
#include "tools/post/cascade.h"
#include "tools/post/cpu.h"
#include "tools/post/fft128.h"
#include "tools/post/sift.h"
#include "tools/post/toeplitz.h"
#include "tools/post/verify.h"
#include "tools/post/wipe.h"

#define secret(v, bits) VALGRIND_MAKE_MEM_UNDEFINED(v, 8 * post_words(bits))
#define openly(v, bytes) VALGRIND_MAKE_MEM_DEFINED(v, bytes)

static uint64_t state = 1;
static volatile unsigned int seen;

static uint64_t *key_new(size_t n)
{
	uint64_t *v = bits_random(n, &state);

	secret(v, n);
	return v;
}

static void stage_branch(void)
{
	uint64_t *v = key_new(64);

	if (v[0] & 4)
		seen++;
	free(v);
}

static void stage_look_up(void)
{
	static const uint8_t table[256] = { 1 };
	uint64_t *v = key_new(64);

	seen = table[v[0] & 255];
	free(v);
}

static void stage_toeplitz(void)
{
	size_t n = 20011, m = 3001;
	uint64_t *in = key_new(n), *seed = key_new(n + m - 1);
	uint64_t *out = bits_new(m);

	if (post_toeplitz(out, m, seed, in, n))
		exit(2);
	post_free(in, 8 * post_words(n));
	free(seed);
	free(out);
}

/* the rest of it is the same for each way to transform */
static void stage_transform_portable(void)
{
	struct gf128 *factor = aligned_alloc(64, FFT128_FACTORS * sizeof(*factor));
	struct gf128 *v = aligned_alloc(64, FFT128_SIZE * sizeof(*v));
	uint64_t *coef = key_new(64 * FFT128_SIZE);

	fft128_factors(factor);
	fft128_portable.forward(v, coef, factor);
	fft128_portable.muladd(v, v, v);
	free(factor);
	free(coef);
	free(v);
}

static void stage_hash(void)
{
	struct gf128 h = { rnd(&state), rnd(&state) }, acc = { 0 };
	uint64_t *v = key_new(8192);

	VALGRIND_MAKE_MEM_UNDEFINED(&h, sizeof(h));
	gf128_hash_blocks(acc, h, (uint8_t *)v, 64);
	gf128_hash_blocks_portable(acc, h, (uint8_t *)v, 64);
#ifdef __x86_64__
	if (post_cpu_pclmul())
		gf128_hash_blocks_pclmul(acc, h, (uint8_t *)v, 64);
#endif
	free(v);
}

static void stage_verify(void)
{
	uint64_t *v = key_new(100003);
	uint8_t key[16] = { 1 }, tag[2][POST_TAG_MAX];
	bool same;

	post_verify_tag(key, v, 100003, tag[0]);
	post_verify_tag(key, v, 100003, tag[1]);
	same = post_equal(tag[0], tag[1], sizeof(tag[0]));
	openly(&same, sizeof(same));
	if (!same)
		exit(2);
	free(v);
}

static void stage_auth(void)
{
	uint64_t *v = key_new(4000), *mask = key_new(256);
	struct post_auth_part part = { v, 500 };
	uint8_t tag[POST_AUTH_TAG];
	bool good;

	post_auth_tag((uint8_t *)mask, (uint8_t *)(mask + 2), &part, 1, tag);
	good = post_auth_check((uint8_t *)mask, (uint8_t *)(mask + 2), &part,
			       1, tag);
	openly(&good, sizeof(good));
	if (!good)
		exit(2);
	free(v);
	free(mask);
}

/* bases and intensities are public, bits are not */
static void stage_sift(void)
{
	size_t n = 5003, size = post_sift_size(n), i;
	uint64_t *plane[12], *basis = bits_random(n, &state);
	uint8_t *body = malloc(size);
	struct post_sifted ka, ca;
	struct post_prep prep;
	long len;

	for (i = 0; i < 12; i++)
		plane[i] = i < 4 ? bits_random(n, &state) : bits_new(n);
	prep = (struct post_prep){ plane[0], plane[1], plane[2], plane[3] };
	secret(plane[0], n);
	ka = (struct post_sifted){ plane[4], plane[5], plane[6], 0, n };
	ca = (struct post_sifted){ plane[7], plane[8], plane[9], 0, n };
	len = post_sift_alice(&prep, basis, n, &ka, &ca, body, size);
	if (len < 0)
		exit(2);
	for (i = 0; i < 12; i++)
		free(plane[i]);
	free(basis);
	free(body);
}

/* what alice says is open, and bob's answers are made of it */
static void stage_cascade(void)
{
	static const uint8_t seed[32] = { 1 };
	static uint8_t from_a[1 << 16], from_b[1 << 16];
	size_t n = 20000, errors;
	struct post_cascade_plan *plan = post_cascade_plan_new(n, seed);
	uint64_t *x = bits_random(n, &state);
	uint64_t *y = bits_noisy(x, n, .03, &state, &errors);
	struct post_cascade *a, *b;
	long len;

	secret(x, n);
	a = post_cascade_new(plan, POST_ALICE, x, 30000, n);
	b = post_cascade_new(plan, POST_BOB, y, 30000, n);
	len = post_cascade_alice(a, NULL, 0, from_a, sizeof(from_a));
	while (len > 0) {
		openly(from_a, len);
		len = post_cascade_bob(b, from_a, len, from_b, sizeof(from_b));
		len = post_cascade_alice(a, from_b, len, from_a,
					 sizeof(from_a));
	}
	if (len || !post_cascade_done(b))
		exit(2);
	post_cascade_free(a);
	post_cascade_free(b);
	post_cascade_plan_free(plan);
	free(x);
	free(y);
}

static const struct {
	const char *name;
	void (*run)(void);
} stages[] = {
	{ "branch", stage_branch },
	{ "look-up", stage_look_up },
	{ "toeplitz", stage_toeplitz },
	{ "transform-portable", stage_transform_portable },
	{ "hash", stage_hash },
	{ "verify", stage_verify },
	{ "auth", stage_auth },
	{ "sift", stage_sift },
	{ "cascade", stage_cascade },
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		if (argc == 2 && !strcmp(argv[1], stages[i].name)) {
			stages[i].run();
			return 0;
		}
	}
	fprintf(stderr, "post_secret: which stage?\n");
	return 2;
}
