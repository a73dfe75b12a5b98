/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What three states tell of the fourth (Tamaki, Curty, Kato, Lo, Azuma, PRA
 * 90 052314, with perfect states): of single photons R and L in equal parts
 * are H and V in equal parts, so what V would have done is what R and L did
 * less what H did.
 *
 * The bounds are those of Lim 2014 on single photons, and Hoeffding's. They
 * hold for pulses that are treated alike and apart from each other, and for a
 * receiver whose efficiency is the same in both bases; a coherent attack asks
 * for more than this. So it serves comparisons, and no daemon calls it.
 */
#ifndef TOOLS_RAW_THREE_STATES_H
#define TOOLS_RAW_THREE_STATES_H

#include "tools/post/estimate.h"

#define THREE_STATES	3	/* R, L, H */

/**
 * struct three_states - detections in the check basis
 * @mu: intensities, by state; the strongest first
 * @sent: pulses of each state, all intensities
 * @h: detected as H, by state and intensity
 * @v: detected as V, likewise
 */
struct three_states {
	double mu[THREE_STATES][POST_INTENSITIES];
	double sent[THREE_STATES];
	double h[THREE_STATES][POST_INTENSITIES];
	double v[THREE_STATES][POST_INTENSITIES];
};

/**
 * three_states_phi() - phase error rate of key made of R and L, at most
 * @pr: probabilities of three intensities
 * @t: detections
 *
 * Return: 0 to 0.5, where nothing better can be said; negative where no fourth
 * state would fit what three did: they are not what they are called, or the
 * receiver is not the same to all.
 */
double three_states_phi(const struct post_protocol *pr,
			const struct three_states *t);

#endif /* TOOLS_RAW_THREE_STATES_H */
