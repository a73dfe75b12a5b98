// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The phase error rate that three states allow, where the truth is known: the
 * bound lies above it, near it when there are many pulses, and finds an
 * interceptor who spares the one state of the check basis that is sent.
 */
#include <math.h>
#include <string.h>

#include <kselftest_harness.h>

#include "tools/raw/three_states.h"

static const struct post_protocol three = {
	.method = POST_LIM2014, .eps_sec = 1e-8, .eps_cor = 1e-8,
	.mu = { .37, .1, .0005 }, .p = { .5, .3, .2 },
};

#define ETA .05

/*
 * Pulses of which each photon arrives by itself with probability ETA and then
 * is found as V with probability @wrong of its state; no dark counts.
 */
static void detect(const double wrong[THREE_STATES], double pulses,
		   struct three_states *t)
{
	static const double share[] = { .25, .25, .5 };
	int s, k;

	for (s = 0; s < THREE_STATES; s++) {
		memcpy(t->mu[s], three.mu, sizeof(three.mu));
		t->sent[s] = pulses * share[s];
		for (k = 0; k < POST_INTENSITIES; k++) {
			double n = t->sent[s] * three.p[k];
			double v = 1 - exp(-ETA * wrong[s] * three.mu[k]);
			double h = 1 - exp(-ETA * (1 - wrong[s]) * three.mu[k]);

			/* of both at once one is drawn */
			t->v[s][k] = n * v * (1 - h / 2);
			t->h[s][k] = n * h * (1 - v / 2);
		}
	}
}

/* V's photons are found as H with what R and L leave over of it */
static double truth(const double wrong[THREE_STATES])
{
	double found_h = 2 - wrong[0] - wrong[1] - (1 - wrong[2]);

	return (wrong[2] + found_h) / 2;
}

TEST(the_bound_is_above_the_truth_and_nears_it)
{
	static const double errors[] = { .001, .01, .03, .06 };
	struct three_states t;
	unsigned int i;

	for (i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		const double w[] = { .5, .5, errors[i] };
		double last = .5, pulses, phi;

		EXPECT_LT(fabs(truth(w) - errors[i]), 1e-12);
		for (pulses = 1e7; pulses <= 1e15; pulses *= 10) {
			detect(w, pulses, &t);
			phi = three_states_phi(&three, &t);
			EXPECT_GT(phi, errors[i]);
			EXPECT_LE(phi, last);
			last = phi;
		}
		/* what the decoys cannot tell from single photons is left */
		EXPECT_LT(last, errors[i] * 1.2 + .08);
	}
}

TEST(states_turned_towards_one_another_raise_it)
{
	const double w[] = { .4, .45, .01 };
	struct three_states t;

	detect(w, 1e12, &t);
	EXPECT_GT(three_states_phi(&three, &t), truth(w));
	EXPECT_GT(truth(w), .05);
}

/* She lets H through, and sends R in place of everything else. */
TEST(an_interceptor_who_spares_what_is_sent_is_found)
{
	const double w[] = { .25, .25, 0 };
	struct three_states t;

	EXPECT_LT(fabs(truth(w) - .25), 1e-12);
	detect(w, 1e12, &t);
	EXPECT_GT(three_states_phi(&three, &t), .25);
}

/* R and L dimmer than they are said to be: H does more than both together. */
TEST(states_that_leave_no_room_for_a_fourth_are_refused)
{
	const double w[] = { .5, .5, .01 };
	struct three_states t;
	int s, k;

	detect(w, 1e12, &t);
	for (s = 0; s < 2; s++) {
		for (k = 0; k < POST_INTENSITIES; k++) {
			t.h[s][k] *= .4;
			t.v[s][k] *= .4;
		}
	}
	EXPECT_LT(three_states_phi(&three, &t), 0);
}

TEST(without_detections_nothing_is_said)
{
	struct three_states t;

	int s;

	memset(&t, 0, sizeof(t));
	EXPECT_EQ(.5, three_states_phi(&three, &t));
	for (s = 0; s < THREE_STATES; s++) {
		memcpy(t.mu[s], three.mu, sizeof(three.mu));
		t.sent[s] = 1e6;
	}
	EXPECT_EQ(.5, three_states_phi(&three, &t));
}

TEST_HARNESS_MAIN
