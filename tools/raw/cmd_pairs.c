// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-raw pairs: from two ends' time tags, the clocks, coincidences, error
 * rate and CHSH value. The recordings are held in memory.
 */
#include "tools/raw/qkd-raw.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/raw/coinc.h"

struct tags {
	uint64_t hz;
	size_t n, room;
	uint64_t *at;
	uint8_t *code;
};

static int make_room(struct tags *t, size_t more)
{
	size_t room = 2 * (t->n + more);
	uint64_t *at;
	uint8_t *code;

	if (t->n + more <= t->room)
		return 0;
	at = realloc(t->at, room * sizeof(*at));
	if (!at)
		return -ENOMEM;
	t->at = at;
	code = realloc(t->code, room);
	if (!code)
		return -ENOMEM;
	t->code = code;
	t->room = room;
	return 0;
}

static int add_frame(struct tags *t, const struct raw_frame *f)
{
	ssize_t n;

	if (make_room(t, f->count))
		return -ENOMEM;
	n = raw_frame_events(f, t->at + t->n, t->code + t->n);
	if (n < 0)
		return n;
	t->n += n;
	return 0;
}

static int load(const char *name, struct tags *t)
{
	struct raw_reader r;
	struct raw_frame f;
	int fd, ret;

	memset(t, 0, sizeof(*t));
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail("%s: %s", name, strerror(errno));
	if (raw_reader_init(&r, fd)) {
		close(fd);
		return fail("out of memory");
	}
	while ((ret = raw_reader_next(&r, &f)) == 1) {
		if (f.type == RAW_EVENTS)
			ret = add_frame(t, &f);
		else if (!f.type && r.header.kind != RAW_TAGS)
			ret = -EINVAL;
		if (ret < 0)
			break;
	}
	t->hz = r.header.slots_hz;
	raw_reader_free(&r);
	close(fd);
	if (ret == -EINVAL)
		return fail("%s: not time tags", name);
	if (ret < 0)
		return fail("%s: %s", name, ret == -EBADMSG ?
			    "not a stream of detections, or damaged" :
			    strerror(-ret));
	if (t->n < 2)
		return fail("%s: no tags", name);
	return 0;
}

static size_t count_before(const struct tags *t, double at)
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

struct result {
	struct coinc_clock clock;
	struct coinc_counts n;
	uint64_t pairs;
	double sigmas;
};

/* In steps short enough for the clock to be followed */
static int match(const struct tags *a, const struct tags *b, double window,
		 struct result *x)
{
	double step = 0.02 * a->hz, to;
	size_t ia = 0, ib = 0, na, nb, n, i;
	struct coinc_pair *p = malloc(a->n * sizeof(*p));

	if (!p)
		return fail("out of memory");
	for (to = a->at[0] + step; ia < a->n; to += step) {
		na = count_before(a, to);
		nb = count_before(b, to + x->clock.offset +
			  x->clock.drift * (to - x->clock.ref));
		n = coinc_match(&x->clock, a->at + ia, na - ia, b->at + ib,
				nb - ib, window, p);
		for (i = 0; i < n; i++) {
			uint8_t ca = a->code[ia + p[i].a];
			uint8_t cb = b->code[ib + p[i].b];

			x->n.n[ca >> 1 & 3][cb >> 1 & 3][ca & 1][cb & 1]++;
		}
		x->pairs += n;
		ia = na;
		ib = nb;
	}
	free(p);
	return 0;
}

static void print(const struct raw_options *o, const struct tags *a,
		  const struct result *x)
{
	uint64_t sifted[2] = { 0, 0 }, wrong[2] = { 0, 0 };
	double s, sigma = 0, seconds;
	unsigned int basis;

	for (basis = 0; basis < 2; basis++) {
		const uint64_t (*n)[2] = x->n.n[basis][basis];

		wrong[basis] = n[0][1] + n[1][0];
		sifted[basis] = wrong[basis] + n[0][0] + n[1][1];
	}
	s = coinc_chsh(&x->n, &sigma);
	seconds = (double)(a->at[a->n - 1] - a->at[0]) / a->hz;
	if (o->json) {
		printf("{\"offset_s\":%.15g,\"drift\":%.6g,\"sigmas\":%.4g",
		       x->clock.offset / a->hz, x->clock.drift, x->sigmas);
		printf(",\"pairs\":%" PRIu64 ",\"seconds\":%.9g", x->pairs,
		       seconds);
		for (basis = 0; basis < 2; basis++)
			printf(",\"%c\":%" PRIu64 ",\"%c_wrong\":%" PRIu64,
			       "zx"[basis], sifted[basis], "zx"[basis],
			       wrong[basis]);
		printf(",\"chsh\":%.6g,\"chsh_sigma\":%.3g}\n", s, sigma);
		return;
	}
	printf("clock: offset %.12g s, drift %.4g ppb (found at %.1f sigma)\n",
	       x->clock.offset / a->hz, x->clock.drift * 1e9, x->sigmas);
	printf("pairs: %" PRIu64 " in %.4g s\n", x->pairs, seconds);
	for (basis = 0; basis < 2; basis++)
		printf("%c: %" PRIu64 " sifted, QBER %.3f %%\n", "ZX"[basis],
		       sifted[basis], sifted[basis] ?
		       100.0 * wrong[basis] / sifted[basis] : 0);
	if (s != 0)
		printf("CHSH: S = %.4f +- %.4f\n", s, sigma);
}

static int run(const struct raw_options *o, const struct tags *a,
	       const struct tags *b, double range, double drift,
	       double acquire, double window)
{
	struct coinc_search s = {
		.range = range, .drift = drift, .fine = window / 4,
	};
	struct result x;
	int err;

	memset(&x, 0, sizeof(x));
	/* a tick or more: no finer than the tags themselves */
	if (s.fine < 1)
		s.fine = 1;
	err = coinc_find(a->at, count_before(a, a->at[0] + acquire * a->hz), b->at,
			 count_before(b, a->at[0] + acquire * a->hz + range), &s,
			 &x.clock, &x.sigmas);
	if (err == -ENOENT)
		return fail("no correlation (%.1f sigma at most); more `acquire`, or less `range` and `drift`?",
			    x.sigmas);
	if (err == -EINVAL)
		return fail("`acquire` has to be over four times `range`");
	if (err)
		return fail("%s", strerror(-err));
	if (match(a, b, window, &x))
		return 1;
	print(o, a, &x);
	return 0;
}

static int parse_number(int argc, char **argv, const char *name, double *v)
{
	const char *text = option(argc, argv, name);
	char *end;

	if (!text)
		return 0;
	*v = strtod(text, &end);
	if (end == text || *end || !(*v >= 0))
		return fail("%s: \"%s\" is not a number", name, text);
	return 0;
}

int cmd_pairs(const struct raw_options *o, int argc, char **argv)
{
	static const char *const names[] = {
		"range", "drift", "acquire", "window", NULL
	};
	double range = 1e6, drift = 2000, acquire = 0.5, window = 500;
	struct tags a = { .n = 0 }, b = { .n = 0 };
	int ret;

	if (argc < 3)
		return fail("pairs takes two streams of tags");
	if (options_check(argc - 3, argv + 3, names) ||
	    parse_number(argc - 3, argv + 3, "range", &range) ||
	    parse_number(argc - 3, argv + 3, "drift", &drift) ||
	    parse_number(argc - 3, argv + 3, "acquire", &acquire) ||
	    parse_number(argc - 3, argv + 3, "window", &window))
		return 1;
	ret = load(argv[1], &a) || load(argv[2], &b);
	if (!ret && a.hz != b.hz)
		ret = fail("the streams count in different ticks");
	if (!ret)
		ret = run(o, &a, &b, range * 1e-9 * a.hz, drift * 1e-9,
			  acquire, window * 1e-12 * a.hz);
	free(a.at);
	free(a.code);
	free(b.at);
	free(b.code);
	return ret;
}
