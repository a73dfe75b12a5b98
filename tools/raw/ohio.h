/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Click statistics of a three-state link, as published with "Drone- and
 * Vehicle-Based Quantum Key Distribution" (arXiv:2505.17587): probabilities of
 * the 16 click patterns for each state and intensity sent. They are sums over
 * a run: which pulse clicked is not in them.
 */
#ifndef TOOLS_RAW_OHIO_H
#define TOOLS_RAW_OHIO_H

#include <stdint.h>

#define OHIO_INTENSITIES	3
#define OHIO_STATES		3	/* R, L (our Z0, Z1), H (our X0) */
#define OHIO_PATTERNS		16	/* bits: R, L, H, V: our Z0, Z1, X0, X1 */

/**
 * struct ohio_data - a run
 * @p: probability of a pattern, given intensity and state; sums to 1
 * @mu: intensities, mean over the states; 0 if the file does not have them
 * @mu_of: of each state, likewise
 * @p_mu: their probabilities, 0 likewise
 * @pulses: sent in all, 0 likewise
 */
struct ohio_data {
	double p[OHIO_INTENSITIES][OHIO_STATES][OHIO_PATTERNS];
	double mu[OHIO_INTENSITIES];
	double mu_of[OHIO_INTENSITIES][OHIO_STATES];
	double p_mu[OHIO_INTENSITIES];
	double pulses;
};

/**
 * ohio_load() - read a MATLAB file (version 5)
 * @file: its name
 * @d: out
 * @err: out, 256 bytes: what is wrong with it
 *
 * Return: 0 or -errno.
 */
int ohio_load(const char *file, struct ohio_data *d, char *err);

/**
 * struct ohio_sifted - probabilities of a pulse of one intensity and basis
 * @sifted: detected in the same basis
 * @wrong: of these, with the wrong bit
 *
 * By basis: 0 Z (states R and L evenly), 1 X (state H alone).
 */
struct ohio_sifted {
	double sifted[2];
	double wrong[2];
};

void ohio_sift(const struct ohio_data *d, unsigned int intensity,
	       struct ohio_sifted *s);

/**
 * ohio_check() - probabilities of a state's pulse in the check basis
 * @h: detected as H
 * @v: detected as V
 */
void ohio_check(const struct ohio_data *d, unsigned int intensity,
		unsigned int state, double *h, double *v);

#endif /* TOOLS_RAW_OHIO_H */
