// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The phase error rate of a three-state link, from what R, L and H did.
 */
#include "tools/raw/three_states.h"

#include <string.h>

enum { R, L, H };

/* Detections for each single photon of that state, at least and at most */
static void bounds(const struct post_protocol *pr, const double *n,
		   double sent, double v[2])
{
	double singles = sent * post_single_photon_part(pr);

	post_single_photons(pr, n, &v[0], &v[1]);
	v[0] /= singles;
	v[1] /= singles;
}

double three_states_phi(const struct post_protocol *pr,
			const struct three_states *t)
{
	double h[THREE_STATES][2], v[THREE_STATES][2], as_h, all, phi;
	struct post_protocol own = *pr;
	int s;

	for (s = 0; s < THREE_STATES; s++) {
		if (!(t->sent[s] > 0))
			return .5;
		memcpy(own.mu, t->mu[s], sizeof(own.mu));
		bounds(&own, t->h[s], t->sent[s], h[s]);
		bounds(&own, t->v[s], t->sent[s], v[s]);
	}
	/* what R and L did less what H did, for V found as H, and as V */
	as_h = h[R][1] + h[L][1] - h[H][0];
	if (as_h < 0 || v[R][1] + v[L][1] - v[H][0] < 0)
		return -1;
	all = h[R][0] + h[L][0] + v[R][0] + v[L][0];
	if (!(all > 0))
		return .5;
	phi = (v[H][1] + as_h) / all;
	return phi < .5 ? phi : .5;
}
