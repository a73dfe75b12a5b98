// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-raw ohio: what the click statistics of ohio.h amount to, and streams of
 * detections drawn by them.
 *
 * Two key lengths are told. That of Lim 2014 asks for both states of the check
 * basis; the recording has one (H), so it supposes the unsent state to do as
 * well. The other takes the phase error rate from the three states alone
 * (three_states.h). Both are comparisons, no security statements, and drawn
 * streams say "states=3" in their headers for daemons to refuse.
 */
#include "tools/raw/qkd-raw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/post/estimate.h"
#include "tools/raw/ohio.h"
#include "tools/raw/three_states.h"
#include "tools/sim/random.h"

#define F_EC		1.16	/* the authors' efficiency of reconciliation */
#define EPS		1e-8	/* and their epsilon */
#define CHUNK		65536u	/* events between writes */

struct setup {
	struct ohio_data d;
	double pulses, rate_hz, pz;
	bool seeded;
	uint64_t seed;
};

static int parse_number(int argc, char **argv, const char *name, double min,
			double max, double *v)
{
	const char *text = option(argc, argv, name);
	char *end;

	if (!text)
		return 0;
	*v = strtod(text, &end);
	if (end == text || *end || !(*v >= min && *v <= max))
		return fail("%s: a number from %g to %g", name, min, max);
	return 0;
}

static int parse_numbers(int argc, char **argv, const char *name, double v[3])
{
	const char *text = option(argc, argv, name);

	if (!text)
		return 0;
	if (sscanf(text, "%lf,%lf,%lf", &v[0], &v[1], &v[2]) != 3 ||
	    !(v[0] >= 0 && v[1] >= 0 && v[2] >= 0))
		return fail("%s: three numbers with commas between", name);
	return 0;
}

static int set_up(struct setup *s, int argc, char **argv)
{
	static const char *const names[] = {
		"alice", "bob", "pulses", "rate", "pz", "intensities",
		"probabilities", "seed", NULL
	};
	const char *seed;
	char err[256];

	memset(s, 0, sizeof(*s));
	if (argc < 2)
		return fail("ohio takes the name of a .mat file");
	if (options_check(argc - 2, argv + 2, names))
		return 1;
	if (ohio_load(argv[1], &s->d, err))
		return fail("%s", err);
	argc -= 2;
	argv += 2;
	s->pulses = s->d.pulses ?: 1e9;
	s->pz = 0.5;
	seed = option(argc, argv, "seed");
	s->seeded = seed;
	s->seed = seed ? strtoull(seed, NULL, 0) : 0;
	return parse_number(argc, argv, "pulses", 1, 1e15, &s->pulses) ||
		parse_number(argc, argv, "rate", 1, 1e11, &s->rate_hz) ||
		parse_number(argc, argv, "pz", 0.01, 0.99, &s->pz) ||
		parse_numbers(argc, argv, "intensities", s->d.mu) ||
		parse_numbers(argc, argv, "probabilities", s->d.p_mu);
}

/* @told: the intensities are the caller's, the same for all states */
static int need_settings(struct ohio_data *d, bool told)
{
	int k, st;

	for (k = 0; told && k < OHIO_INTENSITIES; k++)
		for (st = 0; st < OHIO_STATES; st++)
			d->mu_of[k][st] = d->mu[k];
	if (d->mu[0] <= 0)
		return fail("the file does not tell the intensities; add `intensities A,B,C`");
	if (fabs(d->p_mu[0] + d->p_mu[1] + d->p_mu[2] - 1) > 1e-6)
		return fail("the file does not tell the intensities' probabilities; add `probabilities A,B,C`");
	return 0;
}

/* ---- what it amounts to */

struct amount {
	double n_key;
	struct post_budget b;	/* if V did as well as H */
	double phi3, length3;	/* by three states; negative: none fits */
};

static void key_by_three(const struct setup *s, const struct post_protocol *pr,
			 struct amount *a)
{
	const struct post_budget *b = &a->b;
	struct three_states t;
	unsigned int k, st;
	double raw;

	for (st = 0; st < OHIO_STATES; st++) {
		t.sent[st] = s->pulses * (st == 2 ? 1 - s->pz : s->pz / 2);
		for (k = 0; k < OHIO_INTENSITIES; k++) {
			double sent = t.sent[st] * s->d.p_mu[k], h, v;

			ohio_check(&s->d, k, st, &h, &v);
			t.mu[st][k] = s->d.mu_of[k][st];
			t.h[st][k] = sent * h;
			t.v[st][k] = sent * v;
		}
	}
	a->phi3 = three_states_phi(pr, &t);
	a->length3 = 0;
	if (a->phi3 < 0 || !(b->s1 >= 1))
		return;
	/* from a probability to a rate among so many */
	a->phi3 = fmin(.5, a->phi3 + sqrt(log(1 / EPS) / (2 * b->s1)));
	raw = b->s0 + b->s1 * (1 - post_h2(a->phi3)) - b->leak_ec -
		b->leak_ver - b->delta_sec;
	a->length3 = a->phi3 < .5 && raw >= 1 ? floor(raw) : 0;
}

static void key_length(const struct setup *s, struct amount *a)
{
	double nk[POST_INTENSITIES], mk[POST_INTENSITIES];
	double nc[POST_INTENSITIES], mc[POST_INTENSITIES];
	struct post_protocol pr = {
		.method = POST_LIM2014, .eps_sec = EPS, .eps_cor = EPS,
	};
	double n = 0, m = 0;
	unsigned int k;

	for (k = 0; k < OHIO_INTENSITIES; k++) {
		double sent = s->pulses * s->d.p_mu[k];
		struct ohio_sifted x;

		ohio_sift(&s->d, k, &x);
		nk[k] = sent * s->pz * x.sifted[0];
		mk[k] = sent * s->pz * x.wrong[0];
		nc[k] = sent * (1 - s->pz) * x.sifted[1];
		mc[k] = sent * (1 - s->pz) * x.wrong[1];
		n += nk[k];
		m += mk[k];
		pr.mu[k] = s->d.mu[k];
		pr.p[k] = s->d.p_mu[k];
	}
	a->n_key = n;
	post_key_length_real(&pr, nk, mk, nc, mc, F_EC * n * post_h2(m / n),
			     64, &a->b);
	key_by_three(s, &pr, a);
}

static void put_number(const char *name, double v)
{
	printf(",\"%s\":%.9g", name, v);
}

static int print_json(const struct setup *s, const struct amount *a)
{
	const struct post_budget *b = &a->b;
	unsigned int k;

	printf("{\"pulses\":%.15g", s->pulses);
	put_number("pz", s->pz);
	printf(",\"intensities\":[");
	for (k = 0; k < OHIO_INTENSITIES; k++) {
		struct ohio_sifted x;

		ohio_sift(&s->d, k, &x);
		printf("%s{\"mu\":%.9g", k ? "," : "", s->d.mu[k]);
		put_number("p", s->d.p_mu[k]);
		put_number("sifted_z", x.sifted[0]);
		put_number("qber_z", x.wrong[0] / x.sifted[0]);
		put_number("sifted_x", x.sifted[1]);
		put_number("qber_x", x.wrong[1] / x.sifted[1]);
		printf("}");
	}
	printf("]");
	put_number("sifted", a->n_key);
	put_number("s1", b->s1);
	put_number("phi", b->phi);
	printf(",\"length\":%llu", (unsigned long long)b->length);
	put_number("secret_per_pulse", b->length / s->pulses);
	if (a->phi3 < 0)
		printf(",\"three_phi\":null");
	else
		put_number("three_phi", a->phi3);
	printf(",\"three_length\":%.15g", a->length3);
	put_number("three_secret_per_pulse", a->length3 / s->pulses);
	if (b->reason)
		printf(",\"reason\":\"%s\"", b->reason);
	printf("}\n");
	return 0;
}

static int print_text(const struct setup *s, const struct amount *a)
{
	const struct post_budget *b = &a->b;
	unsigned int k;

	printf("%10s %8s %12s %8s %12s %8s\n", "intensity", "p", "sifted Z",
	       "QBER Z%", "sifted X", "QBER X%");
	for (k = 0; k < OHIO_INTENSITIES; k++) {
		struct ohio_sifted x;

		ohio_sift(&s->d, k, &x);
		printf("%10.6g %8.5g %12.5g %8.3f %12.5g %8.3f\n", s->d.mu[k],
		       s->d.p_mu[k], x.sifted[0],
		       100 * x.wrong[0] / x.sifted[0], x.sifted[1],
		       100 * x.wrong[1] / x.sifted[1]);
	}
	printf("%.6g pulses with pz %.3g: %.4g sifted bits, single photons %.4g, phase error %.3f %%\n",
	       s->pulses, s->pz, a->n_key, b->s1, 100 * b->phi);
	printf("key, were it BB84 (Lim 2014, eps %g): %llu bits, %.3g a pulse%s%s\n",
	       EPS, (unsigned long long)b->length, b->length / s->pulses,
	       b->reason ? "; none because: " : "", b->reason ?: "");
	if (a->phi3 < 0)
		printf("no key by the three states: they do not add up to a fourth (unequal brightness, or detectors)\n");
	else
		printf("key by the three states (Tamaki 2014, pulses independent): phase error %.3f %%, %.0f bits, %.3g a pulse\n",
		       100 * a->phi3, a->length3, a->length3 / s->pulses);
	if (s->rate_hz > 0)
		printf("at %.4g pulses a second: %.4g and %.4g bit/s\n",
		       s->rate_hz, b->length / s->pulses * s->rate_hz,
		       a->length3 / s->pulses * s->rate_hz);
	return 0;
}

/* ---- streams drawn by it */

/* what was sent (intensity << 2 | basis << 1 | bit) and the pattern */
struct outcome {
	double up_to;		/* cumulative, given a click */
	uint8_t sent, pattern;
};

struct draw {
	struct outcome o[OHIO_INTENSITIES * OHIO_STATES * OHIO_PATTERNS];
	unsigned int n;
	double click;
	struct sim_random *r;
	uint64_t slot[CHUNK];
	uint8_t alice[CHUNK], bob[CHUNK];
};

static void fill_outcomes(const struct setup *s, struct draw *w)
{
	static const uint8_t code[OHIO_STATES] = { 0, 1, 2 };
	unsigned int k, st, pat, i;

	for (k = 0; k < OHIO_INTENSITIES; k++) {
		for (st = 0; st < OHIO_STATES; st++) {
			double p = s->d.p_mu[k] *
				(st == 2 ? 1 - s->pz : s->pz / 2);

			for (pat = 1; pat < OHIO_PATTERNS; pat++) {
				w->click += p * s->d.p[k][st][pat];
				w->o[w->n].up_to = w->click;
				w->o[w->n].sent = k << 2 | code[st];
				w->o[w->n++].pattern = pat;
			}
		}
	}
	for (i = 0; i < w->n; i++)
		w->o[i].up_to /= w->click;
}

/* Several detectors: basis and bit by chance, as receivers have to */
static uint8_t bob_code(unsigned int pattern, unsigned int random)
{
	unsigned int z = pattern & 3, x = pattern >> 2;
	unsigned int basis = z && x ? random >> 1 & 1 : !z;
	unsigned int mine = basis ? x : z;
	unsigned int bit = mine == 3 ? random & 1 : mine >> 1;

	return bit | basis << 1 |
		(pattern & (pattern - 1) ? RAW_CODE_MULTI : 0);
}

static const struct outcome *draw_outcome(struct draw *w)
{
	double u = sim_random_uniform(w->r);
	unsigned int lo = 0, hi = w->n - 1;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (u < w->o[mid].up_to)
			hi = mid;
		else
			lo = mid + 1;
	}
	return &w->o[lo];
}

/* Return: events up to @end, CHUNK at most; *at moves on */
static size_t draw_events(struct draw *w, uint64_t *at, uint64_t end)
{
	double lambda = -log1p(-w->click);
	size_t n = 0;

	while (n < CHUNK) {
		double gap = floor(sim_random_exp(w->r) / lambda);
		const struct outcome *o;

		if (gap >= end - *at) {
			*at = end;
			break;
		}
		*at += gap;
		o = draw_outcome(w);
		w->slot[n] = (*at)++;
		w->alice[n] = o->sent;
		w->bob[n++] = bob_code(o->pattern, sim_random_u64(w->r) & 3);
	}
	return n;
}

static int write_head(const struct setup *s, int fd, enum raw_kind kind,
		      const uint8_t *run)
{
	uint8_t buf[RAW_HEADER_SIZE + RAW_TEXT_MAX];
	struct raw_header h = {
		/* the files do not tell the rate */
		.kind = kind, .slots_hz = llround(s->rate_hz ?: 1e6),
	};
	ssize_t len;

	memcpy(h.run, run, sizeof(h.run));
	snprintf(h.text, sizeof(h.text),
		 "device=ohio end=%s states=3 resampled=1 pz=%.9g%s",
		 kind == RAW_PREPARED ? "alice" : "bob",
		 kind == RAW_PREPARED ? s->pz : 0.5,
		 s->seeded ? " seeded=1" : "");
	if (kind == RAW_PREPARED)
		snprintf(h.text + strlen(h.text),
			 sizeof(h.text) - strlen(h.text),
			 " intensities=%.9g,%.9g,%.9g probabilities=%.9g,%.9g,%.9g",
			 s->d.mu[0], s->d.mu[1], s->d.mu[2], s->d.p_mu[0],
			 s->d.p_mu[1], s->d.p_mu[2]);
	len = raw_header_build(buf, sizeof(buf), &h);
	return len < 0 || write_all(fd, buf, len);
}

static int write_events(const struct setup *s, struct draw *w, int alice,
			int bob)
{
	static uint8_t buf[CHUNK * 8 + 4096];
	uint64_t end = s->pulses, at = 0, start;
	uint8_t run[RAW_RUN_SIZE];
	ssize_t len;
	size_t n;

	sim_random_bytes(w->r, run, sizeof(run));
	if (write_head(s, alice, RAW_PREPARED, run) ||
	    write_head(s, bob, RAW_DETECTED, run))
		return 1;
	while (at < end) {
		start = at;
		n = draw_events(w, &at, end);
		len = raw_events_build(buf, sizeof(buf), start, at, w->slot,
				       w->alice, n);
		if (len < 0 || write_all(alice, buf, len))
			return 1;
		len = raw_events_build(buf, sizeof(buf), start, at, w->slot,
				       w->bob, n);
		if (len < 0 || write_all(bob, buf, len))
			return 1;
	}
	len = raw_end_build(buf, sizeof(buf), end, "end of the recording");
	return write_all(alice, buf, len) || write_all(bob, buf, len);
}

static int draw(const struct setup *s, const char *alice, const char *bob)
{
	int a, b, ret = 1;
	struct draw *w;

	a = create_file(alice);
	b = a < 0 ? -1 : create_file(bob);
	w = b < 0 ? NULL : calloc(1, sizeof(*w));
	if (!w)
		return 1;
	w->r = sim_random_new(s->seeded, s->seed);
	if (w->r) {
		fill_outcomes(s, w);
		ret = write_events(s, w, a, b);
	}
	sim_random_free(w->r);
	explicit_bzero(w, sizeof(*w));
	free(w);
	close(a);
	close(b);
	return ret;
}

int cmd_ohio(const struct raw_options *o, int argc, char **argv)
{
	const char *alice, *bob;
	struct amount a;
	struct setup s;

	if (set_up(&s, argc, argv) ||
	    need_settings(&s.d, option(argc - 2, argv + 2, "intensities")))
		return 1;
	alice = option(argc - 2, argv + 2, "alice");
	bob = option(argc - 2, argv + 2, "bob");
	if (!alice != !bob)
		return fail("both ends' files are made, or none: `alice FILE bob FILE`");
	if (alice)
		return draw(&s, alice, bob);
	key_length(&s, &a);
	return o->json ? print_json(&s, &a) : print_text(&s, &a);
}
