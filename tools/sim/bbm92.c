// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Entangled pairs from a continuous source, as two lists of time tags. Pairs,
 * photons that lost their partner and dark counts are independent Poisson
 * processes (thinning), so one exponential gap leads from event to event. Each
 * end has its own clock; to find pairs again is the receivers' business
 * (tools/raw/coinc.c).
 *
 * The state is (|HH> + |VV>)/sqrt(2): settings at angles a and b agree with
 * probability (1 + V cos 2(a - b)) / 2, V = 1 - 2 misalignment.
 */
#include "tools/sim/sim_priv.h"

#include <math.h>
#include <stdlib.h>

#define PS_HZ		1000000000000ull	/* ticks are picoseconds */
#define SETTINGS	4
#define CHANNELS	(SETTINGS * 2)
#define TAGS_MAX	(SIM_EVENTS_MAX + 1)
#define JITTERS		10	/* no normal drawn is further out */

/* what happens next, each with its rate */
enum { PAIR, ALICE_ONLY, BOB_ONLY, ALICE_DARK, BOB_DARK, EVENTS };

struct tag {
	int64_t at;
	uint8_t code;
};

/* tags of an end, in order of time, those to come as well */
struct bbm92_end {
	struct tag tag[TAGS_MAX];
	uint32_t n;
	uint64_t next;			/* the next tag is not before */
	int64_t free_at[CHANNELS];	/* when the detector is ready */
};

struct bbm92 {
	struct sim_config c;
	struct sim_random *r;
	int64_t now;			/* ps */
	double fraction;
	double mean_gap;		/* ps */
	double up_to[EVENTS];		/* cumulative shares of the rates */
	double offset_ps;
	struct bbm92_end end[2];
};

static double angle(unsigned int setting)
{
	static const double a[SETTINGS] = {
		0, M_PI / 4, M_PI / 8, -M_PI / 8
	};

	return a[setting];
}

static unsigned int channels_of_bob(const struct sim_config *c)
{
	return c->chsh > 0 ? CHANNELS : CHANNELS / 2;
}

static void *bbm92_create(const struct sim_config *c, struct sim_random *r)
{
	struct bbm92 *b = calloc(1, sizeof(*b));
	double eta_a, eta_b, rate[EVENTS], sum = 0;
	unsigned int i;

	if (!b)
		return NULL;
	b->c = *c;
	b->r = r;
	eta_a = c->efficiency *
		pow(10, -c->attenuation_db_km * c->length_alice_km / 10);
	eta_b = sim_config_transmittance(c);
	rate[PAIR] = c->pairs_hz * eta_a * eta_b;
	rate[ALICE_ONLY] = c->pairs_hz * eta_a * (1 - eta_b);
	rate[BOB_ONLY] = c->pairs_hz * eta_b * (1 - eta_a);
	rate[ALICE_DARK] = c->dark_hz * CHANNELS / 2;
	rate[BOB_DARK] = c->dark_hz * channels_of_bob(c);
	for (i = 0; i < EVENTS; i++)
		sum += rate[i];
	for (i = 0; i < EVENTS; i++)
		b->up_to[i] = (i ? b->up_to[i - 1] : 0) + rate[i] / sum;
	b->mean_gap = PS_HZ / sum;
	b->offset_ps = c->offset_ns * 1e3 +
		(c->length_km - c->length_alice_km) * SIM_NS_PER_KM * 1e3;
	return b;
}

static void bbm92_destroy(void *dev)
{
	if (dev)
		explicit_bzero(dev, sizeof(struct bbm92));
	free(dev);
}

static uint64_t bbm92_slots_hz(const struct sim_config *c)
{
	return PS_HZ;
}

/* What a clock shows at true time @t, Bob's being off and drifting */
static int64_t local_time(const struct bbm92 *b, unsigned int who, int64_t t,
			  double jitter)
{
	if (!who)
		return t + llround(jitter);
	return t + llround(b->offset_ps + b->c.drift_ppb * 1e-9 *
			   (t + b->offset_ps) + jitter);
}

static void add_tag(struct bbm92 *b, unsigned int who, unsigned int code)
{
	struct bbm92_end *e = &b->end[who];
	double jitter = sim_random_normal(b->r) * b->c.jitter_ps;
	int64_t at = local_time(b, who, b->now, jitter);
	uint32_t i = e->n;

	if (at < 0)
		return;	/* before this clock was started */
	/* jitter only swaps neighbours */
	for (; i && e->tag[i - 1].at > at; i--)
		e->tag[i] = e->tag[i - 1];
	e->tag[i].at = at;
	e->tag[i].code = code;
	e->n++;
}

static unsigned int draw_setting(struct bbm92 *b, unsigned int who)
{
	if (who && sim_random_uniform(b->r) < b->c.chsh)
		return 2 + (sim_random_u64(b->r) & 1);
	return sim_random_uniform(b->r) >=
		(who ? b->c.pz_bob : b->c.pz_alice);
}

static void add_pair(struct bbm92 *b)
{
	unsigned int sa = draw_setting(b, 0), sb = draw_setting(b, 1);
	unsigned int bit = sim_random_u64(b->r) & 1;
	double v = 1 - 2 * b->c.misalignment;
	double agree = (1 + v * cos(2 * (angle(sa) - angle(sb)))) / 2;
	unsigned int differ = sim_random_uniform(b->r) >= agree;

	add_tag(b, 0, sa << RAW_SETTING_SHIFT | bit);
	add_tag(b, 1, sb << RAW_SETTING_SHIFT | (bit ^ differ));
}

static void add_single(struct bbm92 *b, unsigned int who)
{
	add_tag(b, who, draw_setting(b, who) << RAW_SETTING_SHIFT |
		(sim_random_u64(b->r) & 1));
}

static void add_event(struct bbm92 *b)
{
	double u = sim_random_uniform(b->r);
	unsigned int i = 0;

	while (i + 1 < EVENTS && u >= b->up_to[i])
		i++;
	switch (i) {
	case PAIR:
		add_pair(b);
		break;
	case ALICE_ONLY:
		add_single(b, 0);
		break;
	case BOB_ONLY:
		add_single(b, 1);
		break;
	case ALICE_DARK:
		add_tag(b, 0, sim_random_u64(b->r) % (CHANNELS / 2));
		break;
	default:
		/* 4 and 8 divide 2^64 */
		add_tag(b, 1, sim_random_u64(b->r) %
			channels_of_bob(&b->c));
	}
}

/* Give the tags before @mark, but for those in a detector's dead time */
static void flush_end(struct bbm92 *b, unsigned int who, int64_t mark,
		      struct sim_events *out)
{
	struct bbm92_end *e = &b->end[who];
	int64_t dead = b->c.dead_ns * 1e3;
	uint32_t i;

	out->start = e->next;
	out->n = 0;
	for (i = 0; i < e->n && e->tag[i].at < mark; i++) {
		const struct tag *t = &e->tag[i];

		if (t->at < e->free_at[t->code])
			continue;
		e->free_at[t->code] = t->at + dead;
		/* two tags in one tick: the later one a tick later */
		if ((uint64_t)t->at > e->next)
			e->next = t->at;
		out->slot[out->n] = e->next++;
		out->code[out->n++] = t->code;
	}
	if (mark > 0 && e->next < (uint64_t)mark)
		e->next = mark;
	out->end = e->next;
	e->n -= i;
	memmove(e->tag, e->tag + i, e->n * sizeof(*e->tag));
}

static bool room(const struct bbm92 *b)
{
	return b->end[0].n < SIM_EVENTS_MAX && b->end[1].n < SIM_EVENTS_MAX;
}

static double bbm92_stretch(void *dev, double until_s,
			    struct sim_events *alice, struct sim_events *bob,
			    struct raw_totals *totals)
{
	struct bbm92 *b = dev;
	int64_t until = floor(until_s * PS_HZ);
	double margin = JITTERS * b->c.jitter_ps;

	while (b->now < until && room(b)) {
		double gap = sim_random_exp(b->r) * b->mean_gap + b->fraction;

		if (gap >= until - b->now) {
			/* memoryless: what lies behind is drawn anew */
			b->now = until;
			b->fraction = 0;
			break;
		}
		b->now += (int64_t)gap;
		b->fraction = gap - floor(gap);
		add_event(b);
	}
	flush_end(b, 0, local_time(b, 0, b->now, -margin), alice);
	flush_end(b, 1, local_time(b, 1, b->now, -margin), bob);
	return b->now >= until ? until_s : (double)b->now / PS_HZ;
}

const struct sim_ops sim_bbm92 = {
	.slots_hz	= bbm92_slots_hz,
	.kind		= { RAW_TAGS, RAW_TAGS },
	.create		= bbm92_create,
	.destroy	= bbm92_destroy,
	.stretch	= bbm92_stretch,
};
