/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long a key the counts allow: finite-key bounds and their asymptotes.
 *
 * Three analyses, chosen per link:
 *  - POST_LIM2014: decoy BB84, three intensities (Lim, Curty, Walenta, Xu,
 *    Zbinden, PRA 89, 022307), against general attacks;
 *  - POST_RUSCA2018: decoy BB84, two intensities (Rusca, Boaron, Gruenenfelder,
 *    Martin, Zbinden, APL 112, 171104);
 *  - POST_BBM92: entangled pairs or single photons, no decoys (Tomamichel,
 *    Lim, Gisin, Renner, Nat. Commun. 3, 634).
 * All count "key" and "check" basis as sift.h does, whatever letter the paper
 * gave them.  Every term is reported, so that a reviewer can recompute the
 * length from the record of a block.
 *
 * The numbers are doubles, and two machines' libm may differ in the last
 * place.  One end computes the length and announces it; the other accepts it
 * if it is not above its own by more than one bit.
 *
 * Timing: all inputs are public.
 */
#ifndef QKD_POST_ESTIMATE_H
#define QKD_POST_ESTIMATE_H

#include <stdint.h>

#include "tools/post/sift.h"

enum post_method {
	POST_LIM2014,
	POST_RUSCA2018,
	POST_BBM92,
};

/**
 * struct post_protocol - the agreed parameters of a link
 * @method: which analysis
 * @mu: mean photon numbers, signal first.  Lim: mu[0] > mu[1] + mu[2],
 *	mu[1] > mu[2] >= 0.  Rusca: mu[0] > mu[1] > 0.  BBM92: not used.
 * @p: probabilities of the intensities, adding up to 1; given the key or
 *	the check basis alike
 * @eps_sec: secrecy parameter of a block (0 < eps < 1)
 * @eps_cor: correctness parameter of a block
 */
struct post_protocol {
	enum post_method method;
	double mu[POST_INTENSITIES];
	double p[POST_INTENSITIES];
	double eps_sec;
	double eps_cor;
};

/**
 * struct post_counts - what a block's pulses gave
 * @n_key: sifted positions in the key basis, by intensity
 * @m_key: of these, errors (known after reconciliation; only
 *	POST_RUSCA2018 bounds the vacuum by them)
 * @n_chk: sifted positions in the check basis, by intensity
 * @m_chk: of these, errors
 *
 * Without decoys everything is in [0].
 */
struct post_counts {
	uint64_t n_key[POST_INTENSITIES];
	uint64_t m_key[POST_INTENSITIES];
	uint64_t n_chk[POST_INTENSITIES];
	uint64_t m_chk[POST_INTENSITIES];
};

/**
 * struct post_budget - every term of a block's key length, all in bits
 * @n: length of the reconciled block
 * @s0: lower bound on key bits from vacuum
 * @s1: lower bound on key bits from single photons (POST_BBM92: @n)
 * @s0_chk: lower bound on check bits from vacuum
 * @s1_chk: lower bound on check bits from single photons
 * @v1_chk: upper bound on errors among these
 * @phi: upper bound on the phase error rate of the @s1 bits, at most .5
 * @h_phi: binary entropy of @phi
 * @leak_ec: parities disclosed by reconciliation
 * @leak_ver: what verification disclosed: the tag's bits, or
 *	log2(2 / eps_cor) if that is more
 * @delta_sec: the finite-size term of eps_sec
 * @raw: s0 + s1 (1 - h_phi) - leak_ec - leak_ver - delta_sec
 * @length: the key's length: floor(@raw), or 0
 * @reason: NULL, or why @length is 0, in a few words
 */
struct post_budget {
	uint64_t n;
	double s0, s1;
	double s0_chk, s1_chk, v1_chk;
	double phi, h_phi;
	double leak_ec;
	double leak_ver;
	double delta_sec;
	double raw;
	uint64_t length;
	const char *reason;
};

/** post_h2() - binary entropy in bits; 0 outside (0, 1) */
double post_h2(double x);

/**
 * post_protocol_check() - whether a protocol's parameters make sense
 *
 * Return: NULL, or what is wrong in a few words.
 */
const char *post_protocol_check(const struct post_protocol *pr);

/**
 * post_key_length() - the secret length of a block, with every term
 * @pr: the link's parameters
 * @c: the block's counts
 * @leak_ec: bits disclosed by reconciliation
 * @tag_bits: bits of the verification tag
 * @b: filled in, also where no key comes out
 *
 * Wrong parameters, counts that contradict themselves (more errors than
 * positions) and bounds without meaning give length 0 and a reason.
 */
void post_key_length(const struct post_protocol *pr,
		     const struct post_counts *c, double leak_ec,
		     unsigned int tag_bits, struct post_budget *b);

/**
 * post_key_length_real() - the same from expected counts
 * @n_key: as in struct post_counts, here and below, but not rounded
 * @m_key: errors in the key basis
 * @n_chk: positions in the check basis
 * @m_chk: errors in the check basis
 *
 * For planners, which maximise a smooth function.
 */
void post_key_length_real(const struct post_protocol *pr,
			  const double n_key[POST_INTENSITIES],
			  const double m_key[POST_INTENSITIES],
			  const double n_chk[POST_INTENSITIES],
			  const double m_chk[POST_INTENSITIES],
			  double leak_ec, unsigned int tag_bits,
			  struct post_budget *b);

/**
 * post_single_photons() - how many of some positions single photons made
 * @pr: its method is POST_LIM2014
 * @n: the positions, by intensity: of one basis, or with some outcome
 * @least: at least so many, Lim 2014, eqs. (2), (3)
 * @most: at most so many, eq. (4), which holds for any positions
 *
 * Each but for a probability of the order of eps_sec / 21.
 */
void post_single_photons(const struct post_protocol *pr,
			 const double n[POST_INTENSITIES], double *least,
			 double *most);

/** post_single_photon_part() - the part of pulses that has one photon */
double post_single_photon_part(const struct post_protocol *pr);

/**
 * post_rate_infinite() - asymptotic rate per pulse, infinitely many decoys
 * @mu: mean photon number of the signal
 * @gain: Q_mu, detections per signal pulse
 * @qber: E_mu
 * @y1: yield of single photons
 * @e1: error rate of single photons
 * @f: efficiency of reconciliation
 * @q: sifting factor (1/2 for symmetric bases)
 *
 * GLLP with decoys: Ma, Qi, Zhao, Lo, PRA 72, 012326 (2005), eq. (11).
 *
 * Return: secret bits per pulse, at least 0.
 */
double post_rate_infinite(double mu, double gain, double qber, double y1,
			  double e1, double f, double q);

/**
 * post_rate_vacuum_weak() - asymptotic rate per pulse, vacuum and weak decoy
 * @mu: signal
 * @nu: weak decoy, 0 < nu < mu
 * @q_mu: gain of the signal
 * @e_mu: QBER of the signal
 * @q_nu: gain of the decoy
 * @e_nu: QBER of the decoy
 * @y0: yield of the vacuum
 * @f: efficiency of reconciliation
 * @q: sifting factor
 *
 * Ma et al. 2005, eqs. (34), (37).
 *
 * Return: secret bits per pulse, at least 0.
 */
double post_rate_vacuum_weak(double mu, double nu, double q_mu, double e_mu,
			     double q_nu, double e_nu, double y0, double f,
			     double q);

/**
 * post_qber_of_chsh() - the QBER that a CHSH value S means for Werner states
 *
 * Return: (1 - S / (2 sqrt 2)) / 2.
 */
double post_qber_of_chsh(double s);

#endif
