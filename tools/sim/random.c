// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Randomness for the simulated devices: a cryptographic generator and the
 * distributions drawn from it. What is random is decided elsewhere.
 */
#include "tools/sim/random.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include <openssl/evp.h>

double sim_zig_x[257], sim_zig_y[257];
static pthread_once_t zig_once = PTHREAD_ONCE_INIT;

/*
 * 256 layers of equal area under exp(-x); layer 0 is the base strip together
 * with the tail from R on, V the area. R solves the recursion to exp(-0) = 1.
 */
static void zig_init(void)
{
	const double R = 7.69711747013104972;
	const double V = 0.0039496598225815571993;
	int i;

	sim_zig_x[0] = V / exp(-R);
	sim_zig_x[1] = R;
	for (i = 2; i < 256; i++)
		sim_zig_x[i] = -log(exp(-sim_zig_x[i - 1]) +
				    V / sim_zig_x[i - 1]);
	sim_zig_x[256] = 0;
	for (i = 0; i <= 256; i++)
		sim_zig_y[i] = exp(-sim_zig_x[i]);
}

/* in the tail, or in the wedge of a layer: 1.1 % of the draws */
double sim_random_exp_slow(struct sim_random *r, uint64_t u)
{
	double far = 0;

	for (;;) {
		unsigned int i = u & 0xff;
		double x = (u >> 11) * 0x1p-53 * sim_zig_x[i];

		if (x < sim_zig_x[i + 1])
			return far + x;
		if (!i) {
			/* the tail beyond R looks like the whole */
			far += sim_zig_x[1];
		} else {
			double y = sim_zig_y[i] + sim_random_uniform(r) *
				(sim_zig_y[i + 1] - sim_zig_y[i]);

			if (y < exp(-x))
				return far + x;
		}
		u = sim_random_u64(r);
	}
}

static void must(bool ok)
{
	/* without randomness there is nothing to go on with */
	if (!ok)
		abort();
}

static void set_key(struct sim_random *r, const uint8_t key[32])
{
	static const uint8_t iv[16];

	must(EVP_EncryptInit_ex(r->cipher, EVP_aes_256_ctr(), NULL, key, iv));
	r->made = 0;
}

static void fresh_key(struct sim_random *r)
{
	uint8_t key[32];
	size_t n = 0;

	while (n < sizeof(key)) {
		ssize_t got = getrandom(key + n, sizeof(key) - n, 0);

		must(got >= 0 || errno == EINTR);
		if (got > 0)
			n += got;
	}
	set_key(r, key);
	explicit_bzero(key, sizeof(key));
}

static void seeded_key(struct sim_random *r, uint64_t seed)
{
	uint8_t in[8], key[32];
	int i;

	for (i = 0; i < 8; i++)
		in[i] = seed >> (8 * i);
	must(EVP_Digest(in, sizeof(in), key, NULL, EVP_sha256(), NULL));
	set_key(r, key);
}

void sim_random_refill(struct sim_random *r)
{
	int len;

	if (!r->seeded && r->made >= SIM_REKEY_BYTES)
		fresh_key(r);
	/* the key stream over zeroes, which also erases what was used */
	memset(r->buf, 0, sizeof(r->buf));
	must(EVP_EncryptUpdate(r->cipher, r->buf, &len, r->buf,
			       sizeof(r->buf)));
	r->made += sizeof(r->buf);
	r->pos = 0;
}

struct sim_random *sim_random_new(bool seeded, uint64_t seed)
{
	struct sim_random *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->cipher = EVP_CIPHER_CTX_new();
	if (!r->cipher) {
		free(r);
		return NULL;
	}
	pthread_once(&zig_once, zig_init);
	r->seeded = seeded;
	r->pos = sizeof(r->buf);
	if (seeded)
		seeded_key(r, seed);
	else
		fresh_key(r);
	return r;
}

void sim_random_free(struct sim_random *r)
{
	if (!r)
		return;
	EVP_CIPHER_CTX_free(r->cipher);
	explicit_bzero(r, sizeof(*r));
	free(r);
}

void sim_random_bytes(struct sim_random *r, void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len--)
		*p++ = sim_random_u64(r);
}

double sim_random_normal(struct sim_random *r)
{
	double a = sqrt(2 * sim_random_exp(r));

	return a * cos(2 * M_PI * sim_random_uniform(r));
}

/* Trial by trial, jumping from success to success (np small) */
static uint64_t binomial_jumps(struct sim_random *r, uint64_t n, double p)
{
	double lambda = -log1p(-p), left = n;
	uint64_t k = 0;

	for (;;) {
		left -= floor(sim_random_exp(r) / lambda) + 1;
		if (left < 0)
			return k;
		k++;
	}
}

static double log_binomial(double n, double k, double p)
{
	return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) +
		k * log(p) + (n - k) * log1p(-p);
}

/*
 * Transformed rejection, BTRS of Hormann, J. Stat. Comput. Simul. 46 (1993)
 * 101, for p <= 1/2 and np >= 10. lgamma() of 1e9 is good to some 1e-6 in the
 * logarithm, far below what any sample could show.
 */
static uint64_t binomial_btrs(struct sim_random *r, uint64_t trials, double p)
{
	double n = trials, spq = sqrt(n * p * (1 - p));
	double b = 1.15 + 2.53 * spq;
	double a = -0.0873 + 0.0248 * b + 0.01 * p;
	double c = n * p + 0.5;
	double vr = 0.92 - 4.2 / b;
	double alpha = (2.83 + 5.1 / b) * spq;
	double mode = floor((n + 1) * p);

	for (;;) {
		double u = sim_random_uniform(r) - 0.5;
		double v = sim_random_uniform(r);
		double us = 0.5 - fabs(u);
		double k = floor((2 * a / us + b) * u + c);

		if (k < 0 || k > n)
			continue;
		if (us >= 0.07 && v <= vr)
			return k;
		v = log(v * alpha / (a / (us * us) + b));
		if (v <= log_binomial(n, k, p) - log_binomial(n, mode, p))
			return k;
	}
}

uint64_t sim_random_binomial(struct sim_random *r, uint64_t n, double p)
{
	if (!n || p <= 0)
		return 0;
	if (p >= 1)
		return n;
	if (p > 0.5)
		return n - sim_random_binomial(r, n, 1 - p);
	if (n * p < 10)
		return binomial_jumps(r, n, p);
	return binomial_btrs(r, n, p);
}
