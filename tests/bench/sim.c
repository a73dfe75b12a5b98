// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast the simulated devices are, and the format they speak. Figures are
 * of processor time of one core, so that other work on the machine does not
 * count.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/raw/coinc.h"
#include "tools/sim/sim.h"

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void say(const char *name, double value, const char *unit)
{
	printf("BENCH %s %.6g %s\n", name, value, unit);
	fflush(stdout);
}

static struct sim *new_sim(const char *words, struct sim_config *c)
{
	char err[SIM_ERROR_SIZE];
	struct sim *s = NULL;

	sim_config_init(c);
	if (!sim_config_parse(c, words, err))
		s = sim_new(c, err);
	if (!s) {
		fprintf(stderr, "%s: %s\n", words, err);
		exit(1);
	}
	return s;
}

/* Time to simulate; both ends' frames are made, and thrown away */
static double run(const char *words, struct sim_stats *st)
{
	struct sim_config c;
	struct sim *s = new_sim(words, &c);
	struct sim_out a, b;
	double start = cpu_s();

	while (sim_produce(s, &a, &b))
		;
	start = cpu_s() - start;
	sim_stats(s, st);
	sim_free(s);
	return start;
}

static void bench_bb84(void)
{
	struct sim_stats st;
	double t;

	/* the plain device: 10 km, 1 GHz, dead time 50 ns */
	t = run("seconds=2", &st);
	say("sim_pulses_per_s", st.slots / t, "1/s");
	say("sim_core_share_10km", t / st.seconds, "core");
	say("sim_clicks_per_s", st.clicks[1] / t, "1/s");
	t = run("seconds=1 dead_ns=0 efficiency=0.3", &st);
	say("sim_clicks_per_s_no_dead_time", st.clicks[1] / t, "1/s");
	t = run("seconds=5 length=100", &st);
	say("sim_pulses_per_s_100km", st.slots / t, "1/s");
}

/* frames of a run, kept */
struct kept {
	uint8_t *data;
	size_t len;
};

static void keep(struct kept *k, struct sim_out o)
{
	k->data = realloc(k->data, k->len + o.len);
	if (!k->data)
		exit(1);
	memcpy(k->data + k->len, o.data, o.len);
	k->len += o.len;
}

static uint64_t slot[1 << 19];
static uint8_t code[1 << 19];

static uint64_t unpack(const struct kept *k)
{
	const uint8_t *p = k->data;
	size_t left = k->len;
	struct raw_frame f;
	uint64_t n = 0;
	ssize_t used;

	while ((used = raw_frame_parse(p, left, &f)) > 0) {
		if (f.type == RAW_EVENTS)
			n += raw_frame_events(&f, slot, code);
		p += used;
		left -= used;
	}
	return n;
}

static void bench_format(void)
{
	struct kept k = { NULL, 0 };
	struct sim_config c;
	struct sim *s = new_sim("seconds=0.5", &c);
	struct sim_out a, b;
	uint64_t n = 0;
	double start;
	int i;

	while (sim_produce(s, &a, &b))
		keep(&k, b);
	sim_free(s);
	start = cpu_s();
	for (i = 0; i < 20; i++)
		n += unpack(&k);
	say("raw_unpack_per_s", n / (cpu_s() - start), "1/s");
	say("raw_bytes_per_event", k.len * 20.0 / n, "bytes");
	free(k.data);
}

/* ---- entangled pairs */

struct list {
	uint64_t *at;
	size_t n;
};

static void add(struct list *l, struct sim_out o)
{
	struct raw_frame f;
	ssize_t used, n;

	while ((used = raw_frame_parse(o.data, o.len, &f)) > 0) {
		o.data += used;
		o.len -= used;
		if (f.type != RAW_EVENTS)
			continue;
		n = raw_frame_events(&f, slot, code);
		l->at = realloc(l->at, (l->n + n + 1) * sizeof(*l->at));
		if (!l->at)
			exit(1);
		memcpy(l->at + l->n, slot, n * sizeof(*slot));
		l->n += n;
	}
}

static void bench_coinc(void)
{
	struct list l[2] = { { NULL, 0 }, { NULL, 0 } };
	struct coinc_search find = {
		.range = 1e9, .drift = 2e-6, .fine = 160,
	};
	struct coinc_clock clock;
	struct coinc_pair *p;
	struct sim_config c;
	struct sim *s = new_sim("device=bbm92 seconds=0.5 drift_ppb=700", &c);
	struct sim_out a, b;
	double t = cpu_s();

	while (sim_produce(s, &a, &b)) {
		add(&l[0], a);
		add(&l[1], b);
	}
	say("sim_tags_per_s", (l[0].n + l[1].n) / (cpu_s() - t), "1/s");
	sim_free(s);
	t = cpu_s();
	if (coinc_find(l[0].at, l[0].n, l[1].at, l[1].n, &find, &clock,
		       NULL)) {
		fprintf(stderr, "no coincidences found\n");
		exit(1);
	}
	say("coinc_find_s", cpu_s() - t, "s");
	p = malloc(l[0].n * sizeof(*p));
	if (!p)
		exit(1);
	t = cpu_s();
	coinc_match(&clock, l[0].at, l[0].n, l[1].at, l[1].n, 500, p);
	say("coinc_match_tags_per_s", (l[0].n + l[1].n) / (cpu_s() - t),
	    "1/s");
	free(p);
	free(l[0].at);
	free(l[1].at);
}

int main(void)
{
	bench_bb84();
	bench_format();
	bench_coinc();
	return 0;
}
