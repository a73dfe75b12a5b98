// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Entangled pairs: the simulated tags have the rates that the formulas say,
 * and the software finds clocks and pairs again as it would with real
 * receivers, knowing only the tags.
 */
#include <math.h>
#include <stdlib.h>

#include <kselftest_harness.h>

#include "tools/post/estimate.h"
#include "tools/raw/coinc.h"
#include "tools/sim/sim.h"

struct tags {
	uint64_t *at;
	uint8_t *code;
	size_t n, room;
};

static void make_room(struct tags *t, size_t more)
{
	if (t->n + more <= t->room)
		return;
	t->room = 2 * (t->n + more);
	t->at = realloc(t->at, t->room * sizeof(*t->at));
	t->code = realloc(t->code, t->room);
	if (!t->at || !t->code)
		abort();
}

static void take(struct tags *t, struct sim_out o)
{
	struct raw_frame f;
	ssize_t used, n;

	while ((used = raw_frame_parse(o.data, o.len, &f)) > 0) {
		o.data += used;
		o.len -= used;
		if (f.type != RAW_EVENTS)
			continue;
		make_room(t, f.count);
		n = raw_frame_events(&f, t->at + t->n, t->code + t->n);
		if (n < 0)
			abort();
		t->n += n;
	}
}

static void run(const char *words, struct sim_config *c, struct tags t[2])
{
	char err[SIM_ERROR_SIZE];
	struct sim_out a, b;
	struct sim *s;
	int more;

	memset(t, 0, 2 * sizeof(*t));
	sim_config_init(c);
	if (sim_config_parse(c, "device=bbm92 seed=5", err) ||
	    sim_config_parse(c, words, err)) {
		fprintf(stderr, "%s\n", err);
		abort();
	}
	s = sim_new(c, err);
	do {
		more = sim_produce(s, &a, &b);
		take(&t[0], a);
		take(&t[1], b);
	} while (more);
	sim_free(s);
}

static void tags_free(struct tags t[2])
{
	free(t[0].at);
	free(t[0].code);
	free(t[1].at);
	free(t[1].code);
}

static size_t before(const struct tags *t, uint64_t at)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (t->at[mid] < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct outcome {
	struct coinc_clock clock;
	struct coinc_counts n;
	uint64_t pairs;
	double sigmas;
	int found;
};

/* As a receiver: find in the first @acquire s, then follow in steps of 20 ms */
static void receive(const struct sim_config *c, const struct tags t[2],
		    double acquire, double range_ns, double ppb,
		    struct outcome *o)
{
	struct coinc_search s = {
		.range = range_ns * 1e3, .drift = ppb * 1e-9,
		.fine = c->jitter_ps * 2,
	};
	uint64_t step = 20000000000ull, from;
	struct coinc_pair *p;
	size_t ia = 0, ib = 0, na, nb, i, n;

	memset(o, 0, sizeof(*o));
	o->found = coinc_find(t[0].at, before(&t[0], acquire * 1e12), t[1].at,
			      before(&t[1], acquire * 1e12), &s, &o->clock,
			      &o->sigmas);
	if (o->found)
		return;
	p = malloc((t[0].n + 1) * sizeof(*p));
	for (from = 0; ia < t[0].n; from += step) {
		double off = o->clock.offset;

		na = before(&t[0], from + step);
		nb = before(&t[1], from + step + (int64_t)off);
		n = coinc_match(&o->clock, t[0].at + ia, na - ia,
				t[1].at + ib, nb - ib, c->window_ps, p);
		for (i = 0; i < n; i++) {
			uint8_t a = t[0].code[ia + p[i].a];
			uint8_t b = t[1].code[ib + p[i].b];

			o->n.n[a >> 1][b >> 1][a & 1][b & 1]++;
		}
		o->pairs += n;
		ia = na;
		ib = nb;
	}
	free(p);
}

static double qber(const struct coinc_counts *n)
{
	double wrong = 0, all = 0;
	int s, a, b;

	for (s = 0; s < 2; s++) {
		for (a = 0; a < 2; a++) {
			for (b = 0; b < 2; b++) {
				all += n->n[s][s][a][b];
				wrong += a != b ? n->n[s][s][a][b] : 0;
			}
		}
	}
	return all > 0 ? wrong / all : 1;
}

TEST(rates_are_those_of_the_formulas)
{
	struct sim_config c;
	struct sim_pairs x;
	struct tags t[2];
	int i;

	run("length=10 pairs=1e6 dead_ns=0 seconds=2 speed=0", &c, t);
	sim_pairs_expect(&c, &x);
	for (i = 0; i < 2; i++) {
		double want = x.singles[i] * 2;

		EXPECT_LT(fabs(t[i].n - want), 5 * sqrt(want)) {
			TH_LOG("end %d: %zu, expected %.0f", i, t[i].n, want);
		}
	}
	tags_free(t);
}

static void check_link(struct __test_metadata *_metadata, const char *words,
		       double acquire, double range_ns, double ppb)
{
	double want, sd, s, s_sd, e, offset_ps;
	struct sim_config c;
	struct sim_pairs x;
	struct tags t[2];
	struct outcome o;

	run(words, &c, t);
	sim_pairs_expect(&c, &x);
	receive(&c, t, acquire, range_ns, ppb, &o);
	ASSERT_EQ(0, o.found) {
		TH_LOG("%s: not found, %.1f sigma", words, o.sigmas);
	}
	/* where the clock is at the end, against what was configured */
	offset_ps = c.offset_ns * 1e3 +
		(c.length_km - c.length_alice_km) *
		1.468 * 1e15 / 299792458.0;
	offset_ps += c.drift_ppb * 1e-9 * (o.clock.ref + offset_ps);
	EXPECT_LT(fabs(o.clock.offset - offset_ps), 30);
	EXPECT_LT(fabs(o.clock.drift - c.drift_ppb * 1e-9), 2e-9);

	want = (x.coincidences + x.accidentals) * c.seconds;
	sd = sqrt(want);
	TH_LOG("%s: %.1f sigma, %.0f pairs, expected %.0f", words, o.sigmas,
	       (double)o.pairs, want);
	EXPECT_LT(fabs(o.pairs - want), 5 * sd + 0.01 * want);
	e = qber(&o.n);
	want = o.pairs * 0.45;	/* (1 - chsh) / 2 at least in equal bases */
	EXPECT_LT(fabs(e - x.qber), 5 * sqrt(x.qber / want) + 1e-4) {
		TH_LOG("QBER %.5f, expected %.5f", e, x.qber);
	}
	s = coinc_chsh(&o.n, &s_sd);
	TH_LOG("QBER %.4f, CHSH %.3f +- %.3f", e, s, s_sd);
	EXPECT_LT(fabs(post_qber_of_chsh(s) - x.qber),
		  5 * s_sd / 5.6 + 1e-3);
	EXPECT_GT(s, 2 + 3 * s_sd);
	tags_free(t);
}

#define BASE "pz=0.5 dead_ns=0 chsh=0.2 speed=0 "

TEST(near_link_with_drift)
{
	check_link(_metadata, BASE "length=10 pairs=2e6 seconds=2 "
		   "offset_ns=123456.789 drift_ppb=800", 0.2, 1e6, 2000);
}

TEST(far_link_with_few_pairs)
{
	check_link(_metadata, BASE "length=75 pairs=2e6 seconds=5 "
		   "offset_ns=-45678 drift_ppb=-1500 efficiency=0.4", 1, 1e6,
		   2000);
}

TEST(both_arms_long)
{
	check_link(_metadata, BASE "length=40 length_alice=35 pairs=5e6 "
		   "seconds=2 offset_ns=5 drift_ppb=0", 0.5, 1e6, 100);
}

TEST(bright_source_has_accidentals)
{
	check_link(_metadata, BASE "length=10 pairs=2e7 window_ps=1000 "
		   "seconds=0.5 drift_ppb=100 misalignment=0.015", 0.1, 1e6,
		   1000);
}

TEST(nothing_is_found_where_nothing_is)
{
	struct sim_config c;
	struct tags t[2], u[2];
	struct outcome o;

	/* two sources that know nothing of each other */
	run(BASE "pairs=1e6 seconds=0.5", &c, t);
	run(BASE "pairs=1e6 seconds=0.5 seed=6", &c, u);
	free(t[1].at);
	free(t[1].code);
	t[1] = u[1];
	free(u[0].at);
	free(u[0].code);
	receive(&c, t, 0.5, 1e6, 2000, &o);
	EXPECT_EQ(-ENOENT, o.found);
	tags_free(t);
}

/* FACTS of a measured source: S 2.665 and 2.644 go with 3.07 % */
TEST(chsh_of_counts)
{
	struct coinc_counts n = { 0 };
	double v = 1 / sqrt(2), sd;
	int x, y;

	for (x = 0; x < 2; x++) {
		for (y = 2; y < 4; y++) {
			double e = x == 1 && y == 3 ? -v : v;

			n.n[x][y][0][0] = n.n[x][y][1][1] = 1e6 * (1 + e);
			n.n[x][y][0][1] = n.n[x][y][1][0] = 1e6 * (1 - e);
		}
	}
	EXPECT_LT(fabs(coinc_chsh(&n, &sd) - 2 * sqrt(2)), 1e-5);
	EXPECT_LT(fabs(sd - 2 * sqrt(0.5 / 4e6)), 1e-6);
	EXPECT_LT(fabs((post_qber_of_chsh(2.665) +
			post_qber_of_chsh(2.644)) / 2 - 0.0307), 1e-3);
	n.n[0][2][0][0] = n.n[0][2][0][1] = 0;
	n.n[0][2][1][0] = n.n[0][2][1][1] = 0;
	EXPECT_EQ(0, coinc_chsh(&n, NULL));
}

TEST_HARNESS_MAIN
