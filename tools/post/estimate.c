// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Secret key length from counts: Lim 2014, Rusca 2018, Tomamichel 2012, and
 * the asymptotic rates they tend to.
 *
 * Equation numbers are those of the papers named in estimate.h.  "key" is the
 * basis X of Lim and Z of Rusca, "chk" the other one.
 */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "tools/post/estimate.h"

/* the numbers of failure probabilities that the proofs share eps_sec among */
#define LIM_TERMS 21.0
#define RUSCA_TERMS 19.0

struct real_counts {
	double n_key[POST_INTENSITIES], m_key[POST_INTENSITIES];
	double n_chk[POST_INTENSITIES], m_chk[POST_INTENSITIES];
};

double post_h2(double x)
{
	if (!(x > 0 && x < 1))
		return 0;
	return -x * log2(x) - (1 - x) * log2(1 - x);
}

static int intensities(enum post_method m)
{
	return m == POST_LIM2014 ? 3 : m == POST_RUSCA2018 ? 2 : 1;
}

static double sum(const double *v, int n)
{
	double s = 0;
	int i;

	for (i = 0; i < n; i++)
		s += v[i];
	return s;
}

const char *post_protocol_check(const struct post_protocol *pr)
{
	int k, n;

	if (!(pr->eps_sec > 0 && pr->eps_sec < 1))
		return "eps_sec not between 0 and 1";
	if (!(pr->eps_cor > 0 && pr->eps_cor < 1))
		return "eps_cor not between 0 and 1";
	switch (pr->method) {
	case POST_LIM2014:
		if (!(pr->mu[1] > pr->mu[2] && pr->mu[2] >= 0 &&
		      pr->mu[0] > pr->mu[1] + pr->mu[2]))
			return "intensities not mu0 > mu1 + mu2, mu1 > mu2 >= 0";
		break;
	case POST_RUSCA2018:
		if (!(pr->mu[0] > pr->mu[1] && pr->mu[1] > 0))
			return "intensities not mu0 > mu1 > 0";
		break;
	case POST_BBM92:
		return NULL;
	default:
		return "unknown method";
	}
	if (!(pr->mu[0] < 10))
		return "mu0 not below 10";
	n = intensities(pr->method);
	for (k = 0; k < n; k++) {
		if (!(pr->p[k] > 0 && pr->p[k] < 1))
			return "an intensity's probability not between 0 and 1";
	}
	if (!(fabs(sum(pr->p, n) - 1) < 1e-6))
		return "intensities' probabilities do not add up to 1";
	return NULL;
}

static const char *counts_check(const struct real_counts *c, int n)
{
	int k;

	for (k = 0; k < n; k++) {
		if (!(c->n_key[k] >= 0 && c->n_chk[k] >= 0 &&
		      c->m_key[k] >= 0 && c->m_key[k] <= c->n_key[k] &&
		      c->m_chk[k] >= 0 && c->m_chk[k] <= c->n_chk[k]))
			return "more errors than positions";
	}
	if (!(sum(c->n_key, n) >= 1))
		return "no position in the key basis";
	if (!(sum(c->n_chk, n) >= 1))
		return "no position in the check basis";
	return NULL;
}

/* Hoeffding: how far a sum of n bounded variables strays, but for eps */
static double hoeffding(double n, double eps)
{
	return sqrt(n / 2 * log(1 / eps));
}

/* probability that a pulse, of whatever intensity, has i photons */
static double tau(const struct post_protocol *pr, int i)
{
	int k, n = intensities(pr->method);
	double t = 0;

	for (k = 0; k < n; k++)
		t += pr->p[k] * exp(-pr->mu[k]) * (i ? pr->mu[k] : 1);
	return t;
}

/* e^mu / p (count + delta), not below 0 */
static double scaled(const struct post_protocol *pr, int k, double count,
		     double delta)
{
	double x = exp(pr->mu[k]) / pr->p[k] * (count + delta);

	return x > 0 ? x : 0;
}

/* the same for a lower bound, which may be left negative */
static double scaled_low(const struct post_protocol *pr, int k, double count,
			 double delta)
{
	return exp(pr->mu[k]) / pr->p[k] * (count - delta);
}

static double at_least_0(double x)
{
	return x > 0 ? x : 0;
}

/*
 * Random sampling without replacement: by how much the error rate of d
 * unseen positions may exceed that of c seen ones (Lim, below eq. (5);
 * Rusca (A22)).
 */
static double sampling(double a, double b, double c, double d, double terms)
{
	double v = (c + d) * (1 - b) * b / (c * d * M_LN2);
	double l = log2((c + d) / (c * d * (1 - b) * b) * terms * terms /
			(a * a));

	return v > 0 && l > 0 ? sqrt(v * l) : 0;
}

/* Lim eqs. (2), (3) for one basis */
static void lim_yields(const struct post_protocol *pr, const double *n,
		       double *s0, double *s1)
{
	const double *mu = pr->mu;
	double d = hoeffding(sum(n, 3), pr->eps_sec / LIM_TERMS);
	double low1 = scaled_low(pr, 1, n[1], d);
	double low2 = scaled_low(pr, 2, n[2], d);
	double high0 = scaled(pr, 0, n[0], d);
	double high1 = scaled(pr, 1, n[1], d);
	double high2 = scaled(pr, 2, n[2], d);
	double t0 = tau(pr, 0), t1 = tau(pr, 1);

	*s0 = at_least_0(t0 * (mu[1] * low2 - mu[2] * high1) /
			 (mu[1] - mu[2]));
	*s1 = at_least_0(t1 * mu[0] *
			 (low1 - high2 - (mu[1] * mu[1] - mu[2] * mu[2]) /
			  (mu[0] * mu[0]) * (high0 - *s0 / t0)) /
			 (mu[0] * (mu[1] - mu[2]) - mu[1] * mu[1] +
			  mu[2] * mu[2]));
}

/* Lim eq. (4): errors among the check basis' single photons, at most */
static double lim_errors(const struct post_protocol *pr, const double *m)
{
	double d = hoeffding(sum(m, 3), pr->eps_sec / LIM_TERMS);

	return tau(pr, 1) * (scaled(pr, 1, m[1], d) -
			     scaled_low(pr, 2, m[2], d)) /
		(pr->mu[1] - pr->mu[2]);
}

double post_single_photon_part(const struct post_protocol *pr)
{
	return tau(pr, 1);
}

void post_single_photons(const struct post_protocol *pr,
			 const double n[POST_INTENSITIES], double *least,
			 double *most)
{
	double s0;

	lim_yields(pr, n, &s0, least);
	*most = at_least_0(lim_errors(pr, n));
}

/* Rusca (A16)-(A20) for one basis */
static void rusca_yields(const struct post_protocol *pr, const double *n,
			 const double *m, double *s0, double *s1)
{
	const double *mu = pr->mu, eps = pr->eps_sec / RUSCA_TERMS;
	double d = hoeffding(sum(n, 2), eps);
	double t0 = tau(pr, 0), t1 = tau(pr, 1);
	/* half of the vacuum's detections are errors: (A16), mended */
	double s0_high = 2 * (t0 * scaled(pr, 1, m[1],
					  hoeffding(sum(m, 2), eps)) + d);

	*s0 = at_least_0(t0 / (mu[0] - mu[1]) *
			 (mu[0] * scaled_low(pr, 1, n[1], d) -
			  mu[1] * scaled(pr, 0, n[0], d)));
	*s1 = at_least_0(t1 * mu[0] / (mu[1] * (mu[0] - mu[1])) *
			 (scaled_low(pr, 1, n[1], d) -
			  mu[1] * mu[1] / (mu[0] * mu[0]) *
			  scaled(pr, 0, n[0], d) -
			  (mu[0] * mu[0] - mu[1] * mu[1]) /
			  (mu[0] * mu[0]) * s0_high / t0));
}

/* Rusca (A21) */
static double rusca_errors(const struct post_protocol *pr, const double *m)
{
	double d = hoeffding(sum(m, 2), pr->eps_sec / RUSCA_TERMS);

	return tau(pr, 1) / (pr->mu[0] - pr->mu[1]) *
		(scaled(pr, 0, m[0], d) - scaled_low(pr, 1, m[1], d));
}

/* what both decoy analyses do from the yields on */
static const char *decoy_phase(const struct post_protocol *pr, double terms,
			       struct post_budget *b)
{
	double rate;

	b->delta_sec = 6 * log2(terms / pr->eps_sec);
	if (!(b->s1 >= 1))
		return "no single photons in the key basis for certain";
	if (!(b->s1_chk >= 1))
		return "no single photons in the check basis for certain";
	/* one error at least: at none the sampling bound means nothing */
	if (!(b->v1_chk >= 1))
		b->v1_chk = 1;
	rate = b->v1_chk / b->s1_chk;
	if (rate >= .5)
		return "check basis' single photons too noisy";
	b->phi = rate + sampling(pr->eps_sec, rate, b->s1_chk, b->s1, terms);
	return NULL;
}

static const char *lim(const struct post_protocol *pr,
		       const struct real_counts *c, struct post_budget *b)
{
	lim_yields(pr, c->n_key, &b->s0, &b->s1);
	lim_yields(pr, c->n_chk, &b->s0_chk, &b->s1_chk);
	b->v1_chk = lim_errors(pr, c->m_chk);
	return decoy_phase(pr, LIM_TERMS, b);
}

static const char *rusca(const struct post_protocol *pr,
			 const struct real_counts *c, struct post_budget *b)
{
	rusca_yields(pr, c->n_key, c->m_key, &b->s0, &b->s1);
	rusca_yields(pr, c->n_chk, c->m_chk, &b->s0_chk, &b->s1_chk);
	b->v1_chk = rusca_errors(pr, c->m_chk);
	return decoy_phase(pr, RUSCA_TERMS, b);
}

/* Tomamichel 2012, eq. (2) and above; quality factor 1 */
static const char *bbm92(const struct post_protocol *pr,
			 const struct real_counts *c, struct post_budget *b)
{
	double n = c->n_key[0], k = c->n_chk[0];

	b->s1 = n;
	b->s1_chk = k;
	b->v1_chk = c->m_chk[0];
	b->delta_sec = 2 * log2(1 / pr->eps_sec);
	b->phi = b->v1_chk / k + sqrt((n + k) / (n * k) * (k + 1) / k *
				      log(4 / pr->eps_sec));
	return NULL;
}

static const char *length(const struct post_protocol *pr,
			  const struct real_counts *c, double leak_ec,
			  unsigned int tag_bits, struct post_budget *b)
{
	const char *bad = post_protocol_check(pr);
	int n = intensities(pr->method);

	if (!bad)
		bad = counts_check(c, n);
	if (bad)
		return bad;
	if (!(leak_ec >= 0))
		return "negative leakage";

	b->n = sum(c->n_key, n);
	b->leak_ec = leak_ec;
	b->leak_ver = fmax(tag_bits, log2(2 / pr->eps_cor));
	b->phi = .5;
	b->h_phi = 1;
	switch (pr->method) {
	case POST_LIM2014:
		bad = lim(pr, c, b);
		break;
	case POST_RUSCA2018:
		bad = rusca(pr, c, b);
		break;
	case POST_BBM92:
		bad = bbm92(pr, c, b);
		break;
	}
	if (!bad && !(b->phi < .5)) {
		b->phi = .5;
		bad = "phase error rate not below 1/2";
	}
	if (!bad)
		b->h_phi = post_h2(b->phi);
	/* bounds of small counts can exceed what there is */
	b->s1 = fmin(b->s1, b->n);
	b->s0 = fmin(b->s0, b->n - b->s1);
	b->raw = b->s0 + b->s1 * (1 - b->h_phi) - b->leak_ec - b->leak_ver -
		b->delta_sec;
	if (bad)
		return bad;
	if (!(b->raw >= 1))
		return "leakage and margins take it all";
	b->length = floor(b->raw);
	return NULL;
}

void post_key_length_real(const struct post_protocol *pr,
			  const double n_key[POST_INTENSITIES],
			  const double m_key[POST_INTENSITIES],
			  const double n_chk[POST_INTENSITIES],
			  const double m_chk[POST_INTENSITIES],
			  double leak_ec, unsigned int tag_bits,
			  struct post_budget *b)
{
	struct real_counts c;

	memcpy(c.n_key, n_key, sizeof(c.n_key));
	memcpy(c.m_key, m_key, sizeof(c.m_key));
	memcpy(c.n_chk, n_chk, sizeof(c.n_chk));
	memcpy(c.m_chk, m_chk, sizeof(c.m_chk));
	memset(b, 0, sizeof(*b));
	b->reason = length(pr, &c, leak_ec, tag_bits, b);
}

void post_key_length(const struct post_protocol *pr,
		     const struct post_counts *c, double leak_ec,
		     unsigned int tag_bits, struct post_budget *b)
{
	double v[4][POST_INTENSITIES];
	int k;

	for (k = 0; k < POST_INTENSITIES; k++) {
		v[0][k] = c->n_key[k];
		v[1][k] = c->m_key[k];
		v[2][k] = c->n_chk[k];
		v[3][k] = c->m_chk[k];
	}
	post_key_length_real(pr, v[0], v[1], v[2], v[3], leak_ec, tag_bits, b);
}

double post_rate_infinite(double mu, double gain, double qber, double y1,
			  double e1, double f, double q)
{
	double q1 = y1 * mu * exp(-mu);

	return at_least_0(q * (-gain * f * post_h2(qber) +
			       q1 * (1 - post_h2(fmin(e1, .5)))));
}

double post_rate_vacuum_weak(double mu, double nu, double q_mu, double e_mu,
			     double q_nu, double e_nu, double y0, double f,
			     double q)
{
	double y1, e1;

	y1 = mu / (mu * nu - nu * nu) *
		(q_nu * exp(nu) - q_mu * exp(mu) * nu * nu / (mu * mu) -
		 (mu * mu - nu * nu) / (mu * mu) * y0);
	if (!(y1 > 0))
		return 0;
	e1 = (e_nu * q_nu * exp(nu) - .5 * y0) / (y1 * nu);
	return post_rate_infinite(mu, q_mu, e_mu, y1, fmax(e1, 0), f, q);
}

double post_qber_of_chsh(double s)
{
	return (1 - s / (2 * M_SQRT2)) / 2;
}
