// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Expected key of a device pair. The counts are expect.c's, the formulas
 * tools/post/estimate.h's; here the one is poured into the other, and the best
 * settings of the transmitter are looked for.
 */
#include "tools/sim/plan.h"

#include <math.h>
#include <string.h>

#define TAG_BITS	128	/* of the verification tag, as qkdd's */

void plan_init(struct plan *p)
{
	*p = (struct plan){
		.to_km = 150, .step_km = 5,
		.blocks = 3, .block = { 1e5, 1e7, 1e9 },
		.f = 1.16, .eps_sec = 1e-9, .eps_cor = 1e-15,
	};
}

static enum post_method method_of(const struct sim_config *c)
{
	if (c->device == SIM_BBM92)
		return POST_BBM92;
	return c->intensities == 3 ? POST_LIM2014 : POST_RUSCA2018;
}

static void protocol_of(const struct plan *p, const struct sim_config *c,
			struct post_protocol *pr)
{
	unsigned int k;

	memset(pr, 0, sizeof(*pr));
	pr->method = method_of(c);
	pr->eps_sec = p->eps_sec;
	pr->eps_cor = p->eps_cor;
	for (k = 0; k < c->intensities; k++) {
		pr->mu[k] = c->mu[k];
		pr->p[k] = c->p_mu[k];
	}
}

const char *plan_check(const struct plan *p, const struct sim_config *c)
{
	struct post_protocol pr;

	if (c->device == SIM_BB84 && c->intensities < 2)
		return "a finite key takes one or two decoys";
	if (p->step_km <= 0 || p->to_km < p->from_km)
		return "lengths must go up";
	if (p->f < 1)
		return "f is at least 1";
	protocol_of(p, c, &pr);
	return post_protocol_check(&pr);
}

/* counts a second, kept real */
struct rates {
	double clicks;
	double n_key[POST_INTENSITIES], m_key[POST_INTENSITIES];
	double n_chk[POST_INTENSITIES], m_chk[POST_INTENSITIES];
};

static void rates_bb84(const struct sim_config *c, struct rates *r)
{
	struct sim_expect x;
	double key, chk;
	unsigned int k;

	sim_expect(c, &x);
	r->clicks = x.click * c->rate_hz * x.live;
	key = c->rate_hz * x.live_in[0];
	chk = c->rate_hz * x.live_in[1];
	for (k = 0; k < c->intensities; k++) {
		r->n_key[k] = x.sifted[k][0] * key;
		r->m_key[k] = x.wrong[k][0] * key;
		r->n_chk[k] = x.sifted[k][1] * chk;
		r->m_chk[k] = x.wrong[k][1] * chk;
	}
}

static void rates_bbm92(const struct sim_config *c, struct rates *r)
{
	double pa = c->pz_alice, pb = c->pz_bob;
	struct sim_pairs x;

	sim_pairs_expect(c, &x);
	r->clicks = x.coincidences + x.accidentals;
	r->n_key[0] = r->clicks * pa * pb * (1 - c->chsh);
	r->n_chk[0] = r->clicks * (1 - pa) * (1 - pb) * (1 - c->chsh);
	r->m_key[0] = r->n_key[0] * x.qber;
	r->m_chk[0] = r->n_chk[0] * x.qber;
}

static void rates_of(const struct sim_config *c, struct rates *r)
{
	memset(r, 0, sizeof(*r));
	if (c->device == SIM_BBM92)
		rates_bbm92(c, r);
	else
		rates_bb84(c, r);
}

static double sum(const double v[POST_INTENSITIES])
{
	double s = 0;
	unsigned int k;

	for (k = 0; k < POST_INTENSITIES; k++)
		s += v[k];
	return s;
}

static double ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static void scale(double out[POST_INTENSITIES],
		  const double in[POST_INTENSITIES], double by)
{
	unsigned int k;

	for (k = 0; k < POST_INTENSITIES; k++)
		out[k] = in[k] * by;
}

/* Secret bits a second when blocks of @block sifted bits are made */
static double finite_rate(const struct plan *p, const struct sim_config *c,
			  double block, struct post_budget *b)
{
	double n_key[POST_INTENSITIES], m_key[POST_INTENSITIES];
	double n_chk[POST_INTENSITIES], m_chk[POST_INTENSITIES];
	struct post_protocol pr;
	double seconds, leak;
	struct rates r;

	rates_of(c, &r);
	memset(b, 0, sizeof(*b));
	if (sum(r.n_key) <= 0)
		return 0;
	seconds = block / sum(r.n_key);
	scale(n_key, r.n_key, seconds);
	scale(m_key, r.m_key, seconds);
	scale(n_chk, r.n_chk, seconds);
	scale(m_chk, r.m_chk, seconds);
	leak = p->f * block * post_h2(sum(m_key) / block);
	protocol_of(p, c, &pr);
	post_key_length_real(&pr, n_key, m_key, n_chk, m_chk, leak, TAG_BITS,
			     b);
	return b->raw > 0 ? b->raw / seconds : 0;
}

/* Single-photon yield and error per pulse: the slope of the gain at mu = 0 */
static void single_photons(struct sim_config *c, double *y1, double *e1)
{
	const double small = 1e-6;
	struct sim_expect zero, some;
	double wrong;

	c->mu[0] = 0;
	sim_expect(c, &zero);
	c->mu[0] = small;
	sim_expect(c, &some);
	*y1 = zero.sifted[0][0] +
		(some.sifted[0][0] - zero.sifted[0][0]) / small;
	wrong = zero.wrong[0][0] +
		(some.wrong[0][0] - zero.wrong[0][0]) / small;
	*e1 = ratio(wrong, *y1);
}

static double asymptotic_bb84(const struct plan *p,
			      const struct sim_config *c)
{
	struct sim_config lim = *c;
	struct sim_expect x;
	double y1, e1;

	lim.intensities = 1;
	lim.p_mu[0] = 1;
	lim.pz_alice = 1;
	lim.pz_bob = 1;
	sim_expect(&lim, &x);
	single_photons(&lim, &y1, &e1);
	return c->rate_hz * x.live_in[0] *
		post_rate_infinite(c->mu[0], x.sifted[0][0],
				   ratio(x.wrong[0][0], x.sifted[0][0]), y1,
				   e1, p->f, 1);
}

/* Koashi and Preskill's bound, as Ma, Fung and Lo 2007 take it */
static double asymptotic_bbm92(const struct plan *p,
			       const struct sim_config *c)
{
	struct sim_pairs x;
	double rate;

	sim_pairs_expect(c, &x);
	rate = (x.coincidences + x.accidentals) *
		(1 - (1 + p->f) * post_h2(x.qber));
	return rate > 0 ? rate : 0;
}

/* What is tuned, as numbers without bounds */
#define TUNED 6

static void untune(const struct sim_config *c, double v[TUNED])
{
	v[0] = log(c->mu[0]);
	v[1] = log(c->mu[1] / (c->mu[0] - c->mu[1]));
	v[2] = log(c->pz_alice / (1 - c->pz_alice));
	v[3] = log(c->p_mu[0] / (1 - c->p_mu[0]));
	v[4] = c->intensities == 3 ? log(c->p_mu[1] / c->p_mu[2]) : 0;
	v[5] = log(c->pairs_hz);
}

static double logistic(double x)
{
	return 1 / (1 + exp(-x));
}

static void tune(struct sim_config *c, const double v[TUNED])
{
	if (c->device == SIM_BBM92) {
		c->pz_alice = logistic(v[2]);
		c->pz_bob = c->pz_alice;
		c->pairs_hz = exp(v[5]);
		return;
	}
	c->mu[0] = exp(v[0]);
	c->mu[1] = c->mu[0] * logistic(v[1]);
	c->pz_alice = logistic(v[2]);
	c->pz_bob = c->pz_alice;
	c->p_mu[0] = logistic(v[3]);
	c->p_mu[1] = 1 - c->p_mu[0];
	if (c->intensities == 3) {
		c->p_mu[1] *= logistic(v[4]);
		c->p_mu[2] = 1 - c->p_mu[0] - c->p_mu[1];
	}
}

/* Negative key counts too, so that there is a way uphill from no key at all */
static double goodness(const struct plan *p, const struct sim_config *c,
		       const double v[TUNED], double block)
{
	struct sim_config t = *c;
	struct post_budget b;
	double rate;

	tune(&t, v);
	if (t.device == SIM_BB84 && (t.mu[0] > 2 || t.mu[1] <= t.mu[2] ||
				     t.mu[0] <= t.mu[1] + t.mu[2]))
		return -HUGE_VAL;
	rate = finite_rate(p, &t, block, &b);
	return rate > 0 ? rate : b.raw / block - 10;
}

/* Pattern search (Hooke and Jeeves 1961): few numbers, a smooth function */
static double search(const struct plan *p, const struct sim_config *c,
		     double v[TUNED], double block)
{
	double step = 0.8, best, try;
	unsigned int i, rounds;

	best = goodness(p, c, v, block);
	for (rounds = 0; rounds < 400 && step > 1e-3; rounds++) {
		bool better = false;

		for (i = 0; i < TUNED; i++) {
			double keep = v[i], sign;

			for (sign = -1; sign <= 1; sign += 2) {
				v[i] = keep + sign * step;
				try = goodness(p, c, v, block);
				if (try > best)
					break;
				v[i] = keep;
			}
			if (v[i] != keep) {
				best = try;
				better = true;
			}
		}
		if (!better)
			step /= 2;
	}
	return best;
}

/* From several beginnings, since there is no slope where there is no key */
static void optimise(const struct plan *p, struct sim_config *c, double block)
{
	static const double pz[] = { 0.5, 0.7, 0.9, 0.97 };
	double best = -HUGE_VAL, got, v[TUNED], at[TUNED];
	unsigned int i, k;

	untune(c, at);
	for (i = 0; i < 2 * (sizeof(pz) / sizeof(*pz)); i++) {
		struct sim_config start = *c;

		start.pz_alice = pz[i / 2];
		for (k = 0; k < c->intensities; k++)
			start.p_mu[k] = i & 1 ? 1.0 / c->intensities :
				c->p_mu[k];
		untune(&start, v);
		got = search(p, c, v, block);
		if (got > best) {
			best = got;
			memcpy(at, v, sizeof(at));
		}
	}
	tune(c, at);
}

void plan_point(const struct plan *p, const struct sim_config *c, double km,
		struct plan_point *x)
{
	struct sim_config at = *c;
	unsigned int i;
	struct rates r;

	memset(x, 0, sizeof(*x));
	at.length_km = km;
	x->km = km;
	x->loss_db = km * c->attenuation_db_km + c->loss_db;
	for (i = 0; i < p->blocks; i++) {
		x->used[i] = at;
		if (p->optimise)
			optimise(p, &x->used[i], p->block[i]);
		x->finite_hz[i] = finite_rate(p, &x->used[i], p->block[i],
					      &x->budget[i]);
	}
	/*
	 * What is said of the link goes by the last block's settings, unless
	 * they were optimised and there was nothing to be had: then they are
	 * of no meaning.
	 */
	if (p->blocks && x->finite_hz[p->blocks - 1] > 0)
		at = x->used[p->blocks - 1];
	rates_of(&at, &r);
	x->clicks_hz = r.clicks;
	x->sifted_hz = sum(r.n_key);
	x->qber = ratio(sum(r.m_key), sum(r.n_key));
	x->qber_check = ratio(sum(r.m_chk), sum(r.n_chk));
	x->asymptotic_hz = at.device == SIM_BBM92 ?
		asymptotic_bbm92(p, &at) : asymptotic_bb84(p, &at);
}
