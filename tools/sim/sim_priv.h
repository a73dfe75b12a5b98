/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the simulator share: the probabilities of a BB84 pulse,
 * the event arrays, and the table of functions that a device is.
 */
#ifndef TOOLS_SIM_SIM_PRIV_H
#define TOOLS_SIM_SIM_PRIV_H

#include "tools/sim/random.h"
#include "tools/sim/sim.h"

#define SIM_STRETCH_S	0.01		/* simulated time of a stretch */
#define SIM_EVENTS_MAX	(1u << 16)	/* events of a stretch, per end */
#define SIM_PATTERNS	16		/* which of Z0, Z1, X0, X1 clicked */
#define SIM_PULSES	(SIM_INTENSITIES * 4) /* intensity, basis, bit */

/* Light takes this long through a km of fibre, group index 1.468 */
#define SIM_NS_PER_KM	(1.468 * 1e12 / 299792458.0)

/*
 * The detectors are Z0, Z1, X0, X1. A passive receiver has each of them; in an
 * active one the same two serve both bases, and a mask of detectors (which are
 * not dead) has two bits.
 */
static inline unsigned int sim_detectors(const struct sim_config *c)
{
	return c->receiver == SIM_ACTIVE ? 2 : 4;
}

/* The detectors, as a mask, that made a pattern */
static inline unsigned int sim_pattern_detectors(const struct sim_config *c,
						 unsigned int pattern)
{
	if (c->receiver == SIM_ACTIVE)
		return (pattern | pattern >> 2) & 3;
	return pattern;
}

/* Joint probabilities of what was sent (intensity << 2 | basis << 1 | bit) and
 * which detectors clicked, for a pulse that meets the detectors @alive. @extra
 * is added to each one's dark count probability.
 */
struct sim_joint {
	double p[SIM_PULSES][SIM_PATTERNS];
};

void sim_joint(const struct sim_config *c, unsigned int alive,
	       const double extra[4], struct sim_joint *j);

/* One pulse, drawn from scratch. Return: what was sent; *pattern what clicked,
 * *basis_b the basis of an active receiver
 */
unsigned int sim_draw_pulse(const struct sim_config *c, struct sim_random *r,
			    unsigned int alive, unsigned int *pattern,
			    unsigned int *basis_b);

/* Events of one end in a stretch */
struct sim_events {
	uint64_t start, end;
	uint32_t n;
	uint64_t slot[SIM_EVENTS_MAX];
	uint8_t code[SIM_EVENTS_MAX];
};

/**
 * struct sim_ops - a kind of device
 * @slots_hz: how many slots make a second
 * @kind: of the two streams
 * @create: @r is the simulation's, stays valid
 * @destroy: NULL is fine
 * @stretch: fill both ends' events with the next stretch, up to the true time
 *	@until_s at most; @totals of Alice's, if the device has them. Return: the
 *	true time reached
 */
struct sim_ops {
	uint64_t (*slots_hz)(const struct sim_config *c);
	enum raw_kind kind[2];
	bool has_totals;
	void *(*create)(const struct sim_config *c, struct sim_random *r);
	void (*destroy)(void *dev);
	double (*stretch)(void *dev, double until_s, struct sim_events *alice,
			  struct sim_events *bob, struct raw_totals *totals);
};

extern const struct sim_ops sim_bb84, sim_bbm92;

double sim_speed(const struct sim *s);

int sim_error(char *err, int ret, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* address.c */
int sim_listen(const char *address, char *err);
int sim_dial(const char *address, char *err);

#endif /* TOOLS_SIM_SIM_PRIV_H */
