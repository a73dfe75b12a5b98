/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests of the simulated BB84 link: runs it, reads both streams as
 * daemons would, and counts what sifting would find.
 */
#ifndef TESTS_UNIT_SIM_COUNT_H
#define TESTS_UNIT_SIM_COUNT_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/sim/sim.h"

struct sim_count {
	uint64_t pulses, clicks;
	uint64_t sent[SIM_INTENSITIES][2];
	uint64_t clicks_of[SIM_INTENSITIES];
	uint64_t sifted[SIM_INTENSITIES][2];
	uint64_t wrong[SIM_INTENSITIES][2];
	uint64_t several[2];		/* detectors clicked, by the bit drawn */
};

static inline void sim_count_frames(struct sim_count *n, struct sim_out a,
				    struct sim_out b)
{
	static uint64_t sa[1 << 19], sb[1 << 19];
	static uint8_t ca[1 << 19], cb[1 << 19];
	struct raw_frame fa, fb;
	struct raw_totals t;
	ssize_t ua, ub, na, nb, i;
	unsigned int k, basis;

	for (;;) {
		ua = raw_frame_parse(a.data, a.len, &fa);
		if (ua <= 0)
			break;
		a.data += ua;
		a.len -= ua;
		if (fa.type == RAW_TOTALS) {
			if (raw_frame_totals(&fa, &t))
				abort();
			for (k = 0; k < SIM_INTENSITIES; k++)
				for (basis = 0; basis < 2; basis++)
					n->sent[k][basis] += t.sent[k][basis];
			continue;
		}
		ub = raw_frame_parse(b.data, b.len, &fb);
		if (ub <= 0 || fb.type != fa.type || fb.start != fa.start ||
		    fb.end != fa.end)
			abort();
		b.data += ub;
		b.len -= ub;
		if (fa.type != RAW_EVENTS)
			continue;
		na = raw_frame_events(&fa, sa, ca);
		nb = raw_frame_events(&fb, sb, cb);
		if (na < 0 || na != nb || memcmp(sa, sb, na * sizeof(*sa)))
			abort();
		n->pulses += fa.end - fa.start;
		n->clicks += na;
		for (i = 0; i < na; i++) {
			k = raw_intensity(ca[i]);
			basis = raw_basis(ca[i]);
			n->clicks_of[k]++;
			if (cb[i] & RAW_CODE_MULTI)
				n->several[raw_bit(cb[i])]++;
			if (basis != raw_basis(cb[i]))
				continue;
			n->sifted[k][basis]++;
			n->wrong[k][basis] += raw_bit(ca[i]) ^ raw_bit(cb[i]);
		}
	}
}

/* Run what @words say, in addition to the defaults, under a fixed seed */
static inline void sim_count(const char *words, struct sim_config *c,
			     struct sim_count *n)
{
	char err[SIM_ERROR_SIZE];
	struct sim_out a, b;
	struct sim *s;
	int more;

	memset(n, 0, sizeof(*n));
	sim_config_init(c);
	if (sim_config_parse(c, words, err) ||
	    sim_config_parse(c, "seed=20260101", err)) {
		fprintf(stderr, "%s\n", err);
		abort();
	}
	s = sim_new(c, err);
	if (!s)
		abort();
	do {
		more = sim_produce(s, &a, &b);
		sim_count_frames(n, a, b);
	} while (more);
	sim_free(s);
}

/* How many standard deviations a count is off, of @n trials */
static inline double sim_sigmas(double count, double n, double p)
{
	double sd = sqrt(n * p * (1 - p));

	return sd > 0 ? (count - n * p) / sd : count - n * p;
}

#endif /* TESTS_UNIT_SIM_COUNT_H */
