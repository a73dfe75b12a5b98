/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Randomness of the simulated devices, and the distributions physics asks for.
 *
 * The source is AES-256 in counter mode. Its key comes from getrandom(2) and
 * is replaced from there each SIM_REKEY_BYTES of output, the output used up is
 * overwritten; what is drawn is thus as good as the kernel's own randomness.
 * With a seed the key is SHA-256 of it and stays.
 */
#ifndef TOOLS_SIM_RANDOM_H
#define TOOLS_SIM_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SIM_RANDOM_BUFFER	(64u << 10)
#define SIM_REKEY_BYTES		(1ull << 30)

struct sim_random;

struct sim_random *sim_random_new(bool seeded, uint64_t seed);
void sim_random_free(struct sim_random *r);

/* what inline functions need to see */
struct sim_random {
	size_t pos;			/* bytes of buf used up */
	uint64_t made;			/* bytes since the key was set */
	bool seeded;
	void *cipher;			/* EVP_CIPHER_CTX */
	uint8_t buf[SIM_RANDOM_BUFFER];
};

void sim_random_refill(struct sim_random *r);

/* 64 uniform bits */
static inline uint64_t sim_random_u64(struct sim_random *r)
{
	uint64_t v;

	if (__builtin_expect(r->pos + sizeof(v) > sizeof(r->buf), 0))
		sim_random_refill(r);
	memcpy(&v, r->buf + r->pos, sizeof(v));
	r->pos += sizeof(v);
	return v;
}

/* Uniform in [0, 1), 53 bits */
static inline double sim_random_uniform(struct sim_random *r)
{
	return (sim_random_u64(r) >> 11) * 0x1p-53;
}

void sim_random_bytes(struct sim_random *r, void *buf, size_t len);

/* Exponential of mean 1; Marsaglia and Tsang's ziggurat, J. Stat. Soft. 5(8) */
extern double sim_zig_x[257], sim_zig_y[257];
double sim_random_exp_slow(struct sim_random *r, uint64_t u);

static inline double sim_random_exp(struct sim_random *r)
{
	uint64_t u = sim_random_u64(r);
	unsigned int i = u & 0xff;
	double x = (u >> 11) * 0x1p-53 * sim_zig_x[i];

	if (__builtin_expect(x < sim_zig_x[i + 1], 1))
		return x;
	return sim_random_exp_slow(r, u);
}

/* Standard normal (Box and Muller) */
double sim_random_normal(struct sim_random *r);

/* Successes of n trials, exactly distributed */
uint64_t sim_random_binomial(struct sim_random *r, uint64_t n, double p);

#endif /* TOOLS_SIM_RANDOM_H */
