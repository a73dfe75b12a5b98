// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The simulator's randomness: what is drawn has the distribution it should,
 * tails included, and nothing repeats without a seed.
 */
#include <math.h>
#include <string.h>

#include <kselftest_harness.h>

#include "tools/sim/random.h"

#define DRAWS	4000000
#define SIGMAS	5.0

static double sigmas(double count, double n, double p)
{
	return (count - n * p) / sqrt(n * p * (1 - p));
}

/* Each bin within five sigma, so that a ziggurat's seams would show */
TEST(exponential_has_its_distribution)
{
	struct sim_random *r = sim_random_new(true, 1);
	static unsigned int bin[200];
	unsigned int far = 0, i;
	double sum = 0;

	for (i = 0; i < DRAWS; i++) {
		double x = sim_random_exp(r);

		ASSERT_GE(x, 0);
		sum += x;
		if (x < 10)
			bin[(int)(x * 20)]++;
		else
			far++;
	}
	for (i = 0; i < 200; i++) {
		double p = exp(i / -20.0) - exp((i + 1) / -20.0);

		EXPECT_LT(fabs(sigmas(bin[i], DRAWS, p)), SIGMAS) {
			TH_LOG("bin %u", i);
		}
	}
	EXPECT_LT(fabs(sigmas(far, DRAWS, exp(-10))), SIGMAS);
	EXPECT_LT(fabs(sum / DRAWS - 1) * sqrt(DRAWS), SIGMAS);
	sim_random_free(r);
}

TEST(normal_has_its_moments)
{
	struct sim_random *r = sim_random_new(true, 2);
	double sum = 0, squares = 0;
	unsigned int i, far = 0;

	for (i = 0; i < DRAWS; i++) {
		double x = sim_random_normal(r);

		sum += x;
		squares += x * x;
		far += fabs(x) > 3;
	}
	EXPECT_LT(fabs(sum / DRAWS) * sqrt(DRAWS), SIGMAS);
	EXPECT_LT(fabs(squares / DRAWS - 1) * sqrt(DRAWS / 2.0), SIGMAS);
	EXPECT_LT(fabs(sigmas(far, DRAWS, erfc(3 / sqrt(2)))), SIGMAS);
	sim_random_free(r);
}

/* Mean and variance of sums over many draws, in each of the methods' ranges */
TEST(binomial_has_its_moments)
{
	static const struct {
		uint64_t n;
		double p;
	} what[] = {
		{ 1, 0.3 }, { 10, 0.5 }, { 100, 0.01 }, { 1000, 0.3 },
		{ 1000, 0.97 }, { 1000000, 1e-6 }, { 10000000, 0.2 },
		{ 1000000000, 0.7 }, { 40, 0.25 }, { 44, 0.25 },
	};
	struct sim_random *r = sim_random_new(true, 3);
	const unsigned int draws = 200000;
	size_t i;

	for (i = 0; i < sizeof(what) / sizeof(*what); i++) {
		double n = what[i].n, p = what[i].p, sd, sum = 0, sq = 0;
		unsigned int k;

		sd = sqrt(n * p * (1 - p));
		for (k = 0; k < draws; k++) {
			double x = sim_random_binomial(r, what[i].n, p);
			double z = (x - n * p) / sd;

			ASSERT_LE(x, n);
			sum += z;
			sq += z * z;
		}
		EXPECT_LT(fabs(sum / sqrt(draws)), SIGMAS) {
			TH_LOG("mean of n %g p %g", n, p);
		}
		/* the fourth moment bounds how much the variance varies */
		EXPECT_LT(fabs(sq / draws - 1),
			  SIGMAS * sqrt((2 + 1 / (sd * sd)) / draws)) {
			TH_LOG("variance of n %g p %g: %g", n, p, sq / draws);
		}
	}
	EXPECT_EQ(0, sim_random_binomial(r, 100, 0));
	EXPECT_EQ(100, sim_random_binomial(r, 100, 1));
	EXPECT_EQ(0, sim_random_binomial(r, 0, 0.5));
	sim_random_free(r);
}

TEST(seeds_repeat_and_nothing_else_does)
{
	struct sim_random *a = sim_random_new(true, 7);
	struct sim_random *b = sim_random_new(true, 7);
	struct sim_random *c = sim_random_new(true, 8);
	struct sim_random *d = sim_random_new(false, 7);
	struct sim_random *e = sim_random_new(false, 7);
	unsigned int i, same = 0;

	/* over more than a buffer */
	for (i = 0; i < SIM_RANDOM_BUFFER / 4; i++) {
		uint64_t x = sim_random_u64(a);

		ASSERT_EQ(x, sim_random_u64(b));
		same += x == sim_random_u64(c);
		same += sim_random_u64(d) == sim_random_u64(e);
	}
	EXPECT_EQ(0, same);
	sim_random_free(a);
	sim_random_free(b);
	sim_random_free(c);
	sim_random_free(d);
	sim_random_free(e);
}

TEST_HARNESS_MAIN
