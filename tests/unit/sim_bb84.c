// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the simulated BB84 link gives is what the formulas say: gains, error
 * rates and numbers sent, within five standard deviations at every distance
 * (one in two million by chance, and seeds are fixed).
 */
#include <kselftest_harness.h>

#include "tests/unit/sim_count.h"

#define SIGMAS 5.0

#define EXPECT_NEAR(count, n, p) do {					\
	double sigmas_ = sim_sigmas(count, n, p);			\
									\
	EXPECT_LT(fabs(sigmas_), SIGMAS) {				\
		TH_LOG("%s: %.0f of %.0f, expected %.9g: %.1f sigma",	\
		       #count, (double)(count), (double)(n),		\
		       (double)(p), sigmas_);				\
	}								\
} while (0)

static void check_counts(struct __test_metadata *_metadata, const char *words)
{
	struct sim_config c;
	struct sim_expect x;
	struct sim_count n;
	unsigned int k, b;

	sim_count(words, &c, &n);
	sim_expect(&c, &x);
	TH_LOG("%s: %.3g pulses, %.3g clicks", words, (double)n.pulses,
	       (double)n.clicks);
	EXPECT_GT(n.clicks, 100000);
	EXPECT_NEAR(n.clicks, n.pulses, x.click);
	for (k = 0; k < c.intensities; k++) {
		double sent = n.sent[k][0] + n.sent[k][1];

		EXPECT_NEAR(n.clicks_of[k], sent, x.gain[k]);
		for (b = 0; b < 2; b++) {
			EXPECT_NEAR(n.sent[k][b], n.pulses, c.p_mu[k] *
				    (b ? 1 - c.pz_alice : c.pz_alice));
			EXPECT_NEAR(n.sifted[k][b], n.pulses,
				    x.sifted[k][b]);
			EXPECT_NEAR(n.wrong[k][b], n.pulses, x.wrong[k][b]);
		}
	}
}

#define BASE "dead_ns=0 dark=1e-6 misalignment=0.015 speed=0 pz=0.7 "

TEST(passive_receiver_at_0_km)
{
	check_counts(_metadata, BASE "length=0 seconds=0.1");
}

TEST(passive_receiver_at_10_km)
{
	check_counts(_metadata, BASE "length=10 seconds=0.2");
}

TEST(passive_receiver_at_50_km)
{
	check_counts(_metadata, BASE "length=50 seconds=1");
}

TEST(passive_receiver_at_100_km)
{
	check_counts(_metadata, BASE "length=100 seconds=10");
}

TEST(active_receiver_at_every_distance)
{
	check_counts(_metadata, BASE "receiver=active length=0 seconds=0.1");
	check_counts(_metadata, BASE "receiver=active length=10 seconds=0.2");
	check_counts(_metadata, BASE "receiver=active length=50 seconds=1");
	check_counts(_metadata, BASE "receiver=active length=100 seconds=10");
}

TEST(bright_light_and_many_double_clicks)
{
	check_counts(_metadata, "dead_ns=0 length=0 efficiency=1 speed=0 "
		     "intensities=2,1,0.5 pz=0.5 seconds=0.01 dark=0.01");
}

/* A receiver that always took the same detector's word could be steered */
TEST(of_several_clicks_the_bit_is_drawn)
{
	struct sim_config c;
	struct sim_count n;
	double all;

	sim_count("dead_ns=0 length=0 efficiency=1 intensities=2,1,0.5 "
		  "pz=0.9 seconds=0.01 speed=0", &c, &n);
	all = n.several[0] + n.several[1];
	EXPECT_GT(all, 100000);
	EXPECT_NEAR(n.several[0], all, 0.5);
}

TEST(one_decoy)
{
	check_counts(_metadata, BASE "length=25 intensities=0.5,0.1 "
		     "probabilities=0.6,0.4 pz_bob=0.5 seconds=0.5");
}

TEST(interceptor_and_raman)
{
	check_counts(_metadata, BASE "length=25 eve=0.3 raman_mw_forward=1 "
		     "raman_mw_backward=2 seconds=0.5");
}

/* The published forms, which our joint probabilities must come down to */
TEST(formulas_of_ma_2005_and_lim_2014)
{
	static const double km[] = { 0, 10, 50, 100 };
	struct sim_config c;
	struct sim_expect x;
	unsigned int i;

	sim_config_init(&c);
	c.receiver = SIM_ACTIVE;
	c.intensities = 1;
	c.p_mu[0] = 1;
	c.mu[0] = 0.48;
	c.attenuation_db_km = 0.21;
	c.efficiency = 0.045;
	c.misalignment = 0.033;
	c.dark = 0.85e-6;		/* two detectors: Y0 = 1.7e-6 */
	c.pz_alice = c.pz_bob = 0.5;
	for (i = 0; i < 4; i++) {
		double eta, lit, y0 = 1.7e-6, gain, wrong;

		c.length_km = km[i];
		sim_expect(&c, &x);
		eta = 0.045 * pow(10, -0.021 * km[i]);
		lit = 1 - exp(-eta * 0.48);
		/* Q = Y0 + 1 - exp(-eta mu), E Q = Y0/2 + e_d (1 - exp) */
		EXPECT_LT(fabs(x.gain[0] / (y0 + lit) - 1), 1e-5);
		gain = x.sifted[0][0] * 4;
		wrong = x.wrong[0][0] * 4;
		EXPECT_LT(fabs(gain / (y0 + lit) - 1), 1e-5);
		EXPECT_LT(fabs(wrong / (y0 / 2 + 0.033 * lit) - 1), 1e-3);
		/* Lim: D = 1 - (1 - 2 p_dc) exp(-eta k) */
		EXPECT_LT(fabs(gain / (1 - (1 - 1.7e-6) * exp(-eta * 0.48)) -
			       1), 1e-8);
	}
}

TEST(an_interceptor_of_all_makes_a_quarter_wrong)
{
	struct sim_config c;
	struct sim_count n;

	sim_count("eve=1 misalignment=0 dark=0 dead_ns=0 seconds=0.1 speed=0",
		  &c, &n);
	EXPECT_NEAR(n.wrong[0][0], n.sifted[0][0], 0.25);
	EXPECT_NEAR(n.wrong[0][1], n.sifted[0][1], 0.25);
}

/*
 * One detector alone, in effect: it counts at 1 / (1/p + dead) per pulse,
 * exactly, and its counts vary less than Poisson's.
 */
static void check_dead_time(struct __test_metadata *_metadata, double dead)
{
	char words[256];
	struct sim_config c;
	struct sim_count n;
	double p, rate, sd;

	snprintf(words, sizeof(words),
		 "pz=0.999 pz_bob=0.999 misalignment=0 dark=0 length=0 "
		 "intensities=0.5 probabilities=1 efficiency=0.5 "
		 "receiver=active speed=0 seconds=0.5 dead_ns=%g", dead);
	sim_count(words, &c, &n);
	/*
	 * Active: a pulse is for detector 0 or 1 by chance (Z bit, or X at
	 * random), so each sees p/2, apart from X's rare doubles.
	 */
	p = (1 - exp(-0.25)) / 2;
	rate = 2 / (1 / p + dead);
	sd = sqrt(n.pulses * rate);
	TH_LOG("%.6g a pulse, expected %.6g", (double)n.clicks / n.pulses,
	       rate);
	EXPECT_LT(fabs(n.clicks - n.pulses * rate), 5 * sd + n.clicks * 2e-4);
}

TEST(dead_time_is_exact)
{
	/* detectors that stay awake while they are dead */
	check_dead_time(_metadata, 1);
	check_dead_time(_metadata, 10);
	/* and that sleep */
	check_dead_time(_metadata, 100);
	check_dead_time(_metadata, 10000);
}

/* The detectors of the basis that has most of the light are dead most often. */
TEST(dead_time_is_of_each_basis)
{
	struct sim_config c;
	struct sim_expect x;
	struct sim_count n;
	unsigned int k, b;

	sim_count("length=10 efficiency=0.6 dead_ns=60 pz=0.865 seconds=0.2 "
		  "speed=0 intensities=0.42,0.23 probabilities=0.4,0.6", &c,
		  &n);
	sim_expect(&c, &x);
	for (k = 0; k < 2; k++)
		for (b = 0; b < 2; b++) {
			double want = n.pulses * x.sifted[k][b] * x.live_in[b];

			TH_LOG("%.0f, expected %.0f", (double)n.sifted[k][b],
			       want);
			/* where the other basis is dead it has no say */
			EXPECT_LT(fabs(n.sifted[k][b] / want - 1),
				  b ? 0.06 : 0.02);
		}
}

/* Afterpulses add the share told, know nothing of the light, and breed not */
TEST(afterpulses_add_their_share)
{
	struct sim_config c;
	struct sim_count n;
	struct sim_expect x;
	double share;

	sim_count("afterpulse=0.04 afterpulse_ns=200 dead_ns=0 length=50 "
		  "misalignment=0 dark=0 seconds=2 speed=0 "
		  "intensities=0.5,0.1 probabilities=0.7,0.3", &c, &n);
	c.afterpulse = 0;
	sim_expect(&c, &x);
	share = n.clicks / (n.pulses * x.click) - 1;
	TH_LOG("afterpulses: %.4f of the clicks", share);
	/* 5 sigma of some 7 million clicks, and doubles */
	EXPECT_LT(fabs(share - 0.04), 0.002);
	/* among the sifted ones half of them are wrong */
	share = (double)n.wrong[0][0] / n.sifted[0][0];
	EXPECT_GT(share, 0.01);
	EXPECT_LT(share, 0.03);
}

TEST(a_seed_repeats_and_no_seed_does_not)
{
	struct sim_config c;
	char err[SIM_ERROR_SIZE];
	struct sim_out a, b, d, e;
	struct sim *s, *t;

	sim_config_init(&c);
	ASSERT_EQ(0, sim_config_parse(&c, "seed=7", err));
	s = sim_new(&c, err);
	t = sim_new(&c, err);
	sim_header(s, &a, &b);
	ASSERT_NE(NULL, memmem(a.data, a.len, "seeded=1", 8));
	ASSERT_NE(NULL, memmem(b.data, b.len, "seeded=1", 8));
	sim_produce(s, &a, &b);
	sim_produce(t, &d, &e);
	ASSERT_EQ(a.len, d.len);
	EXPECT_EQ(0, memcmp(a.data, d.data, a.len));
	EXPECT_EQ(0, memcmp(b.data, e.data, b.len));
	sim_free(s);
	sim_free(t);

	c.seeded = false;
	s = sim_new(&c, err);
	t = sim_new(&c, err);
	sim_header(s, &a, &b);
	EXPECT_EQ(NULL, memmem(a.data, a.len, "seeded", 6));
	sim_produce(s, &a, &b);
	sim_produce(t, &d, &e);
	EXPECT_FALSE(a.len == d.len && !memcmp(a.data, d.data, a.len));
	sim_free(s);
	sim_free(t);
}

/* Bob's stream must be the same whatever the bits that Alice's alone tells */
TEST(headers_tell_each_end_its_own_only)
{
	char err[SIM_ERROR_SIZE];
	struct sim_config c;
	struct sim_out a, b;
	struct raw_header h;
	struct sim *s;
	double v[3];

	sim_config_init(&c);
	ASSERT_EQ(0, sim_config_parse(&c, "eve=0.5 length=33", err));
	s = sim_new(&c, err);
	sim_header(s, &a, &b);
	ASSERT_LT(0, raw_header_parse(a.data, a.len, &h));
	EXPECT_EQ(RAW_PREPARED, h.kind);
	EXPECT_EQ(1000000000, h.slots_hz);
	EXPECT_EQ(3, raw_header_numbers(&h, "intensities", v, 3));
	EXPECT_EQ(c.mu[0], v[0]);
	EXPECT_EQ(NULL, strstr(h.text, "eve"));
	EXPECT_EQ(NULL, strstr(h.text, "length"));
	ASSERT_LT(0, raw_header_parse(b.data, b.len, &h));
	EXPECT_EQ(RAW_DETECTED, h.kind);
	EXPECT_EQ(NULL, strstr(h.text, "eve"));
	EXPECT_EQ(NULL, strstr(h.text, "intensities"));
	sim_free(s);
}

TEST_HARNESS_MAIN
