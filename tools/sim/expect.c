// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The formulas of the devices: what clicks a pulse gives and how often, in
 * closed form. bb84.c draws from the same joint probabilities; the tests hold
 * both against the published forms of these formulas.
 *
 * A coherent state of mean photon number k that is divided among detectors
 * meets each of them as an independent coherent state, so detector d clicks
 * with probability 1 - (1 - dark) exp(-k eta f_d), independently. Random phase
 * makes no difference to that.
 */
#include "tools/sim/sim_priv.h"

#include <math.h>

double sim_config_transmittance(const struct sim_config *c)
{
	double db = c->attenuation_db_km * c->length_km + c->loss_db;

	return c->efficiency * pow(10, -db / 10);
}

/*
 * Spontaneous Raman scattering into Bob's filter, launch form: per nm of the
 * filter, forward P0 sigma exp(-a1 L) (1 - exp(-(a2 - a1) L)) / (a2 - a1),
 * backward P0 sigma (1 - exp(-(a1 + a2) L)) / (a1 + a2), with a1 the fibre's
 * absorption at the photons' wavelength and a2 at the classical light's.
 */
double sim_raman_dark(const struct sim_config *c)
{
	const double h = 6.62607015e-34, light = 299792458.0;
	double a1 = c->attenuation_db_km * M_LN10 / 10;
	double a2 = c->raman_db_km * M_LN10 / 10;
	double len = c->length_km, d = a2 - a1, s = a1 + a2;
	double forward, backward, watts, photon_j, per_gate;

	forward = exp(-a1 * len) * (fabs(d) < 1e-9 ? len : -expm1(-d * len) / d);
	backward = s < 1e-9 ? len : -expm1(-s * len) / s;
	watts = (c->raman_mw_forward * forward +
		 c->raman_mw_backward * backward) * 1e-3 *
		c->raman_sigma * c->raman_filter_nm;
	photon_j = h * light / (c->wavelength_nm * 1e-9);
	/* unpolarized: spread evenly over the detectors */
	per_gate = watts * c->raman_gate_ns * 1e-9 / photon_j *
		c->efficiency * pow(10, -c->loss_db / 10) / sim_detectors(c);
	return -expm1(-per_gate);
}

/* Share of light sent as @sent that goes to detector @det of its basis */
static double share(const struct sim_config *c, unsigned int sent,
		    unsigned int det)
{
	if ((sent ^ det) >> 1)
		return 0.5;
	return sent == det ? 1 - c->misalignment : c->misalignment;
}

static double pz_or_px(double pz, unsigned int basis)
{
	return basis ? 1 - pz : pz;
}

/* Probability that Z0, Z1, X0, X1 stays silent, by detector */
static void silence(const struct sim_config *c, double mu, unsigned int sent,
		    unsigned int alive, const double extra[4], double q[4])
{
	double eta = sim_config_transmittance(c);
	double dark = 1 - (1 - c->dark) * (1 - sim_raman_dark(c));
	bool active = c->receiver == SIM_ACTIVE;
	unsigned int det;

	for (det = 0; det < 4; det++) {
		unsigned int own = active ? det & 1 : det;
		double part = active ? 1 : pz_or_px(c->pz_bob, det >> 1);

		if (!(alive >> own & 1)) {
			q[det] = 1;
			continue;
		}
		q[det] = (1 - dark) * (1 - extra[own]) *
			exp(-mu * eta * part * share(c, sent, det));
	}
}

/* Patterns of one emitted state; added to @p with weight @w */
static void add_patterns(const struct sim_config *c, const double q[4],
			 double w, double p[SIM_PATTERNS])
{
	unsigned int pat, det, basis;

	if (c->receiver == SIM_PASSIVE) {
		for (pat = 0; pat < SIM_PATTERNS; pat++) {
			double x = w;

			for (det = 0; det < 4; det++)
				x *= pat >> det & 1 ? 1 - q[det] : q[det];
			p[pat] += x;
		}
		return;
	}
	for (basis = 0; basis < 2; basis++) {
		double wb = w * pz_or_px(c->pz_bob, basis);
		const double *qb = q + 2 * basis;

		for (pat = 0; pat < 4; pat++)
			p[pat << (2 * basis)] += wb *
				(pat & 1 ? 1 - qb[0] : qb[0]) *
				(pat & 2 ? 1 - qb[1] : qb[1]);
	}
}

/*
 * Who intercepts measures in Z or X at random and sends on what she found: the
 * same state if her basis was right, else one of the other basis.
 */
static double resent(const struct sim_config *c, unsigned int sent,
		     unsigned int out)
{
	if (sent == out)
		return 1 - c->eve / 2;
	return (sent ^ out) >> 1 ? c->eve / 4 : 0;
}

void sim_joint(const struct sim_config *c, unsigned int alive,
	       const double extra[4], struct sim_joint *j)
{
	unsigned int k, sent, out;

	memset(j, 0, sizeof(*j));
	for (k = 0; k < c->intensities; k++) {
		for (out = 0; out < 4; out++) {
			double q[4];

			silence(c, c->mu[k], out, alive, extra, q);
			for (sent = 0; sent < 4; sent++) {
				double w = c->p_mu[k] / 2 *
					pz_or_px(c->pz_alice, sent >> 1) *
					resent(c, sent, out);

				if (w > 0)
					add_patterns(c, q, w,
						     j->p[k << 2 | sent]);
			}
		}
	}
}

/* How a pattern becomes a basis and a bit, as bb84.c's receiver does it */
static void judge(unsigned int pattern, unsigned int basis, unsigned int bit,
		  double *in_basis, double *wrong)
{
	unsigned int mine = pattern >> (2 * basis) & 3;
	unsigned int other = pattern >> (2 * !basis) & 3;

	*in_basis = !mine ? 0 : other ? 0.5 : 1;
	*wrong = *in_basis * (mine == 3 ? 0.5 : mine == 1u << !bit);
}

/* Clicks per pulse of each detector */
static void detector_rates(const struct sim_config *c,
			   const struct sim_joint *j, double rate[4])
{
	unsigned int s, pat, d;

	memset(rate, 0, 4 * sizeof(*rate));
	for (s = 0; s < SIM_PULSES; s++)
		for (pat = 1; pat < SIM_PATTERNS; pat++)
			for (d = 0; d < 4; d++)
				if (sim_pattern_detectors(c, pat) >> d & 1)
					rate[d] += j->p[s][pat];
}

/*
 * Lim 2014's c_DT = 1 / (1 + R t), of each of these detectors, weighted by its
 * clicks
 */
static double live_share(const struct sim_config *c, const double rate[4],
			 unsigned int detectors)
{
	double dead = floor(c->dead_ns * 1e-9 * c->rate_hz + 0.5);
	double all = 0, live = 0;
	unsigned int d;

	for (d = 0; d < 4; d++) {
		if (!(detectors >> d & 1))
			continue;
		all += rate[d];
		live += rate[d] / (1 + rate[d] * dead);
	}
	return all > 0 ? live / all : 1;
}

void sim_expect(const struct sim_config *c, struct sim_expect *x)
{
	static const double none[4];
	unsigned int k, s, pat, d;
	double rate[4], extra[4];
	struct sim_joint j;

	sim_joint(c, 0xf, none, &j);
	detector_rates(c, &j, rate);
	/* an afterpulse finds whatever pulse is there when it comes */
	for (d = 0; d < 4; d++)
		extra[d] = c->afterpulse * rate[d];
	sim_joint(c, 0xf, extra, &j);
	detector_rates(c, &j, rate);

	memset(x, 0, sizeof(*x));
	x->live = live_share(c, rate, 0xf);
	for (k = 0; k < 2; k++)
		x->live_in[k] = live_share(c, rate,
					   sim_pattern_detectors(c, 3 << 2 * k));
	for (s = 0; s < c->intensities * 4; s++) {
		unsigned int basis = s >> 1 & 1, bit = s & 1;

		k = s >> 2;
		for (pat = 1; pat < SIM_PATTERNS; pat++) {
			double in_basis, wrong, p = j.p[s][pat];

			judge(pat, basis, bit, &in_basis, &wrong);
			x->click += p;
			x->gain[k] += p / c->p_mu[k];
			x->sifted[k][basis] += p * in_basis;
			x->wrong[k][basis] += p * wrong;
		}
	}
}

unsigned int sim_draw_pulse(const struct sim_config *c, struct sim_random *r,
			    unsigned int alive, unsigned int *pattern,
			    unsigned int *basis_b)
{
	static const double none[4];
	double u = sim_random_uniform(r), q[4];
	unsigned int k = 0, sent, out, d;

	while (k + 1 < c->intensities && u >= c->p_mu[k])
		u -= c->p_mu[k++];
	sent = (sim_random_uniform(r) >= c->pz_alice) << 1;
	sent |= sim_random_u64(r) & 1;
	out = sent;
	if (sim_random_uniform(r) >= resent(c, sent, sent))
		out = (~sent & 2) | (sim_random_u64(r) & 1);
	*basis_b = sim_random_uniform(r) >= c->pz_bob;

	silence(c, c->mu[k], out, alive, none, q);
	*pattern = 0;
	for (d = 0; d < 4; d++)
		if (sim_random_uniform(r) >= q[d] &&
		    (c->receiver == SIM_PASSIVE || d >> 1 == *basis_b))
			*pattern |= 1 << d;
	return k << 2 | sent;
}

void sim_pairs_expect(const struct sim_config *c, struct sim_pairs *x)
{
	double eta_a = c->efficiency *
		pow(10, -c->attenuation_db_km * c->length_alice_km / 10);
	double eta_b = sim_config_transmittance(c);
	/* the difference of two tags has sqrt(2) the jitter of one */
	double caught = c->jitter_ps > 0 ?
		erf(c->window_ps / (4 * c->jitter_ps)) : 1;
	double all;

	x->singles[0] = c->pairs_hz * eta_a + 4 * c->dark_hz;
	x->singles[1] = c->pairs_hz * eta_b +
		(c->chsh > 0 ? 8 : 4) * c->dark_hz;
	x->coincidences = c->pairs_hz * eta_a * eta_b * caught;
	x->accidentals = x->singles[0] * x->singles[1] *
		c->window_ps * 1e-12;
	all = x->coincidences + x->accidentals;
	x->qber = all > 0 ? (c->misalignment * x->coincidences +
			     x->accidentals / 2) / all : 0;
}
