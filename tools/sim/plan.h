/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a fibre would give: a device pair's expected counts put through the
 * key-length formulas of tools/post, point by point.
 */
#ifndef TOOLS_SIM_PLAN_H
#define TOOLS_SIM_PLAN_H

#include "tools/post/estimate.h"
#include "tools/sim/sim.h"

#define PLAN_BLOCKS	6	/* most block sizes at once */

/**
 * struct plan - what is asked
 * @from_km, @to_km, @step_km: of the fibre
 * @blocks: how many block sizes
 * @block: sifted key bits of a block
 * @f: efficiency of reconciliation
 * @eps_sec, @eps_cor: of a block
 * @optimise: choose intensities, their probabilities and pz for each point
 */
struct plan {
	double from_km, to_km, step_km;
	unsigned int blocks;
	double block[PLAN_BLOCKS];
	double f, eps_sec, eps_cor;
	bool optimise;
};

/**
 * struct plan_point - what is answered, for one length of fibre
 * @km: length
 * @loss_db: of fibre and Bob's apparatus
 * @clicks_hz: detections (BBM92: coincidences) a second
 * @sifted_hz: bits a second in the key basis
 * @qber: of these; @qber_check: in the check basis
 * @asymptotic_hz: secret bits a second without end: infinitely many decoys,
 *	key basis and signal nearly always
 * @finite_hz: secret bits a second by block size
 * @budget: of each block, every term
 * @used: the configuration taken, after optimising
 */
struct plan_point {
	double km;
	double loss_db;
	double clicks_hz;
	double sifted_hz;
	double qber, qber_check;
	double asymptotic_hz;
	double finite_hz[PLAN_BLOCKS];
	struct post_budget budget[PLAN_BLOCKS];
	struct sim_config used[PLAN_BLOCKS];
};

void plan_init(struct plan *p);

/**
 * plan_check() - whether the analysis can be made of this device
 *
 * Return: NULL, or what is wrong.
 */
const char *plan_check(const struct plan *p, const struct sim_config *c);

/**
 * plan_point() - answer for one length
 * @p: what is asked
 * @c: the device; its length is not looked at
 * @km: the length
 * @x: out
 */
void plan_point(const struct plan *p, const struct sim_config *c, double km,
		struct plan_point *x);

#endif /* TOOLS_SIM_PLAN_H */
