// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Key lengths against the numbers of the papers they come from (invariant 7).
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "tools/post/estimate.h"

#include <kselftest_harness.h>

static bool near(double a, double b, double relative)
{
	return fabs(a - b) <= relative * fabs(b);
}

/* ---- asymptotic: Gobby, Yuan, Shields' link as in Ma et al. 2005 */

struct gys {
	double infinite, vacuum_weak;
};

static struct gys gys(double km)
{
	const double y0 = 1.7e-6, e_d = .033, mu = .48, nu = .05, f = 1.22;
	double eta = .045 * pow(10, -.021 * km);
	double y1 = y0 + eta, e1 = (y0 / 2 + e_d * eta) / y1;
	double seen_mu = 1 - exp(-eta * mu), seen_nu = 1 - exp(-eta * nu);
	double q_mu = y0 + seen_mu, e_mu = (y0 / 2 + e_d * seen_mu) / q_mu;
	double q_nu = y0 + seen_nu, e_nu = (y0 / 2 + e_d * seen_nu) / q_nu;

	return (struct gys){
		post_rate_infinite(mu, q_mu, e_mu, y1, e1, f, .5),
		post_rate_vacuum_weak(mu, nu, q_mu, e_mu, q_nu, e_nu, y0, f,
				      .5),
	};
}

TEST(asymptotic_rates_are_those_of_gys)
{
	double km, far = 0, far_vacuum = 0;

	EXPECT_TRUE(near(gys(0).infinite, 2.5546e-3, 2e-5));
	EXPECT_TRUE(near(gys(100).infinite, 1.7184e-5, 5e-5));
	for (km = 100; km < 150; km += .05) {
		struct gys r = gys(km);

		if (r.infinite > 0)
			far = km;
		if (r.vacuum_weak > 0)
			far_vacuum = km;
		ASSERT_LE(r.vacuum_weak, r.infinite);
	}
	/* paper: 142.05 and 140.55 km */
	EXPECT_LT(fabs(far - 142.0), .1);
	EXPECT_LT(fabs(far_vacuum - 140.6), .1);
}

/* ---- Lim 2014, section "Simulation" */

struct lim_choice {
	double mu1, mu2, p1, p2, px;
};

/* secret bits per pulse, or 0 */
static double lim_rate(double km, double n_x, const struct lim_choice *x)
{
	const double p_dc = 6e-7, p_ap = .04, e_mis = 5e-3, f = 1.16;
	struct post_protocol pr = {
		.method = POST_LIM2014,
		.mu = { x->mu1, x->mu2, 2e-4 },
		.p = { x->p1, x->p2, 1 - x->p1 - x->p2 },
		.eps_sec = 1e-15 * n_x,
		.eps_cor = 1e-15,
	};
	double eta = .1 * pow(10, -.02 * km), gain = 0, wrong = 0, pulses;
	double r[3], e[3], n_key[3], m_key[3], n_chk[3], m_chk[3];
	struct post_budget b;
	int i, k;

	if (post_protocol_check(&pr) || !(x->px > 0 && x->px < 1))
		return 0;
	for (k = 0; k < 3; k++) {
		double d = 1 - (1 - 2 * p_dc) * exp(-eta * pr.mu[k]);

		r[k] = d * (1 + p_ap);
		e[k] = p_dc + e_mis * (1 - exp(-eta * pr.mu[k])) + p_ap * d / 2;
		gain += pr.p[k] * r[k];
		wrong += pr.p[k] * e[k];
	}
	pulses = n_x / (x->px * x->px * gain);
	for (k = 0; k < 3; k++) {
		double sent = pulses * pr.p[k];

		n_key[k] = sent * x->px * x->px * r[k];
		m_key[k] = sent * x->px * x->px * e[k];
		n_chk[k] = sent * (1 - x->px) * (1 - x->px) * r[k];
		m_chk[k] = sent * (1 - x->px) * (1 - x->px) * e[k];
	}
	/* eps_sec is 1e-15 per bit of the key that comes out */
	for (i = 0; i < 20; i++) {
		post_key_length_real(&pr, n_key, m_key, n_chk, m_chk,
				     f * n_x * post_h2(wrong / gain), 0, &b);
		if (b.reason)
			return 0;
		pr.eps_sec = 1e-15 * b.raw;
	}
	return b.raw / pulses;
}

/* climb along one coordinate after the other */
static double lim_best(double km, double n_x, struct lim_choice x)
{
	double *v = (double *)&x, step[5] = { .1, .05, .1, .1, .1 };
	double best = lim_rate(km, n_x, &x);
	int round, i, sign;

	for (round = 0; round < 400; round++) {
		for (i = 0; i < 5; i++) {
			for (sign = -1; sign <= 1; sign += 2) {
				double old = v[i], r;

				v[i] += sign * step[i];
				r = lim_rate(km, n_x, &x);
				if (r > best) {
					best = r;
					break;
				}
				v[i] = old;
			}
			step[i] *= sign <= 1 ? 1.3 : .6;
		}
	}
	return best;
}

TEST(lim_2014_rates_are_those_of_the_paper)
{
	static const double km[] = { 0, 50, 100, 135 };
	static const double n_x[] = { 1e5, 1e7, 1e9 };
	static const double rate[3][4] = {
		{ 1.31e-3, 1.24e-4, 1.04e-5, 8.8e-7 },
		{ 5.36e-3, 5.14e-4, 4.77e-5, 7.35e-6 },
		{ 9.20e-3, 8.90e-4, 8.54e-5, 1.45e-5 },
	};
	static const struct lim_choice start[] = {
		{ .46, .16, .1, .56, .6 },
		{ .42, .22, .38, .44, .85 },
		{ .45, .17, .75, .16, .93 },
	};
	int i, k;

	for (i = 0; i < 3; i++) {
		for (k = 0; k < 4; k++) {
			double r = lim_best(km[k], n_x[i], start[i]);

			EXPECT_TRUE(near(r, rate[i][k], .006)) {
				TH_LOG("n_X %g, %g km: %g", n_x[i], km[k], r);
			}
		}
	}
}

/* ---- Rusca 2018 */

TEST(rusca_2018_length_is_that_of_the_paper)
{
	const double eta = .5e-2, p_dc = 1e-8, e_mis = .01, pz = .9, n_z = 1e7;
	struct post_protocol pr = {
		.method = POST_RUSCA2018,
		.mu = { .5, .1 },
		.p = { .5, .5 },
		.eps_sec = 1e-9,
		.eps_cor = 1e-15,
	};
	double d[2], e[2], gain = 0, wrong = 0, pulses, live;
	double n_key[3] = { 0 }, m_key[3] = { 0 };
	double n_chk[3] = { 0 }, m_chk[3] = { 0 };
	struct post_budget b;
	int k;

	for (k = 0; k < 2; k++) {
		d[k] = 1 - exp(-eta * pr.mu[k]) + p_dc;
		e[k] = e_mis * (1 - exp(-eta * pr.mu[k])) + p_dc / 2;
		gain += pr.p[k] * d[k];
		wrong += pr.p[k] * e[k];
	}
	pulses = n_z / (pz * pz * gain);
	live = 1 / (1 + 1e9 * gain * 100e-9);
	for (k = 0; k < 2; k++) {
		double sent = pulses * pr.p[k];

		n_key[k] = sent * pz * pz * d[k];
		m_key[k] = sent * pz * pz * e[k];
		n_chk[k] = sent * (1 - pz) * (1 - pz) * d[k];
		m_chk[k] = sent * (1 - pz) * (1 - pz) * e[k];
	}
	post_key_length_real(&pr, n_key, m_key, n_chk, m_chk,
			     1.16 * n_z * post_h2(wrong / gain), 0, &b);
	ASSERT_EQ(NULL, b.reason);
	EXPECT_TRUE(near(b.s1, 6052570, 2e-6));
	EXPECT_TRUE(near(b.phi, .0354782, 2e-6));
	EXPECT_TRUE(near(b.length, 3776270, 2e-6));
	EXPECT_TRUE(near(pulses / live, 9.474e9, 1e-4));
	EXPECT_TRUE(near(b.length / (pulses / live) * 1e9, 398.6e3, 1e-4));
	/* and is the sum of its terms */
	EXPECT_TRUE(near(b.s0 + b.s1 * (1 - post_h2(b.phi)) - b.leak_ec -
			 b.leak_ver - b.delta_sec, b.raw, 1e-12));
	EXPECT_EQ((uint64_t)b.raw, b.length);
	EXPECT_TRUE(near(b.delta_sec, 6 * log2(19 / 1e-9), 1e-12));
	EXPECT_TRUE(near(b.leak_ver, log2(2 / 1e-15), 1e-12));
}

/* ---- entangled pairs */

TEST(bbm92_length_is_tomamichels)
{
	struct post_protocol pr = {
		.method = POST_BBM92, .eps_sec = 1e-10, .eps_cor = 1e-15,
	};
	struct post_counts c = {
		.n_key = { 1000000 }, .n_chk = { 100000 }, .m_chk = { 3000 },
	};
	struct post_budget b;
	double mu, want;

	post_key_length(&pr, &c, 200000, 64, &b);
	ASSERT_EQ(NULL, b.reason);
	mu = sqrt(1.1e6 / 1e11 * 100001 / 1e5 * log(4e10));
	want = 1e6 * (1 - post_h2(.03 + mu)) - 200000 - 64 -
		log2(1 / (1e-10 * 1e-10));
	EXPECT_TRUE(near(b.phi, .03 + mu, 1e-12));
	EXPECT_EQ((uint64_t)floor(want), b.length);
}

TEST(chsh_tells_the_qber)
{
	EXPECT_TRUE(near((post_qber_of_chsh(2.665) + post_qber_of_chsh(2.644)) /
			 2, .0307, .002));
	EXPECT_TRUE(fabs(post_qber_of_chsh(2 * sqrt(2))) < 1e-12);
}

/* ---- what must never give a key */

static const struct post_protocol good = {
	.method = POST_LIM2014,
	.mu = { .45, .17, 2e-4 },
	.p = { .7, .2, .1 },
	.eps_sec = 1e-9,
	.eps_cor = 1e-15,
};

static const struct post_counts plenty = {
	.n_key = { 80000000, 10000000, 100000 },
	.m_key = { 800000, 100000, 10000 },
	.n_chk = { 8000000, 1000000, 10000 },
	.m_chk = { 80000, 10000, 1000 },
};

static bool no_key(const struct post_protocol *pr, const struct post_counts *c,
		   double leak)
{
	struct post_budget b;

	post_key_length(pr, c, leak, 64, &b);
	return !b.length && b.reason;
}

TEST(wrong_parameters_give_no_key)
{
	struct post_protocol pr;
	int k;

	ASSERT_FALSE(no_key(&good, &plenty, 0));
#define WRONG(field, value) do {				\
		pr = good;					\
		pr.field = value;				\
		EXPECT_TRUE(!!post_protocol_check(&pr));		\
		EXPECT_TRUE(no_key(&pr, &plenty, 0));		\
	} while (0)
	WRONG(eps_sec, 0);
	WRONG(eps_sec, 1);
	WRONG(eps_cor, NAN);
	WRONG(mu[0], .17);
	WRONG(mu[0], NAN);
	WRONG(mu[1], 1e-4);
	WRONG(mu[2], -1e-3);
	WRONG(p[0], .8);
	WRONG(method, 77);
	for (k = 0; k < 3; k++)
		WRONG(p[k], 0);
}

TEST(contradictory_or_noisy_counts_give_no_key)
{
	struct post_counts c;
	int k;

	for (k = 0; k < 3; k++) {
		c = plenty;
		c.m_chk[k] = c.n_chk[k] + 1;
		EXPECT_TRUE(no_key(&good, &c, 0));
		c = plenty;
		c.m_key[k] = c.n_key[k] + 1;
		EXPECT_TRUE(no_key(&good, &c, 0));
	}
	/* intercept and resend: a quarter wrong, in either basis */
	c = plenty;
	for (k = 0; k < 3; k++)
		c.m_chk[k] = c.n_chk[k] / 4;
	EXPECT_TRUE(no_key(&good, &c, 90.1e6 * post_h2(.25)));
	/* photon number splitting: weak pulses do not get through */
	c = plenty;
	c.n_key[1] = 100000;
	c.m_key[1] = 100000;
	c.n_chk[1] = 10000;
	c.m_chk[1] = 10000;
	EXPECT_TRUE(no_key(&good, &c, 0));
	memset(&c, 0, sizeof(c));
	EXPECT_TRUE(no_key(&good, &c, 0));
	EXPECT_TRUE(no_key(&good, &plenty, 1e9));
	EXPECT_TRUE(no_key(&good, &plenty, NAN));
	EXPECT_TRUE(no_key(&good, &plenty, -1));
}

TEST(more_leakage_or_errors_or_caution_never_lengthen_a_key)
{
	struct post_protocol pr = good;
	struct post_counts c = plenty;
	struct post_budget a, b;

	post_key_length(&pr, &c, 1e6, 64, &a);
	post_key_length(&pr, &c, 1e6 + 1, 64, &b);
	EXPECT_EQ(a.length - 1, b.length);
	post_key_length(&pr, &c, 1e6, 128, &b);
	EXPECT_EQ(a.length - 64, b.length);
	c.m_chk[1] += 1000;
	post_key_length(&pr, &c, 1e6, 64, &b);
	EXPECT_LT(b.length, a.length);
	c = plenty;
	pr.eps_sec = 1e-12;
	post_key_length(&pr, &c, 1e6, 64, &b);
	EXPECT_LT(b.length, a.length);
	EXPECT_LE(a.length, a.n);
	EXPECT_TRUE(near(a.delta_sec, 6 * log2(21 / 1e-9), 1e-12));
	EXPECT_TRUE(near(b.delta_sec, 6 * log2(21 / 1e-12), 1e-12));
}

TEST_HARNESS_MAIN
