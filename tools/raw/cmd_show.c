// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-raw show: the header of a stream and what is counted in it; of both
 * ends' streams together, gains and error rates as sifting would find them.
 */
#include "tools/raw/qkd-raw.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct stream {
	const char *name;
	struct raw_reader r;
	uint64_t *slot;			/* events unpacked, not yet used */
	uint8_t *code;
	size_t n, pos;
	uint64_t events, codes[16];
	struct raw_totals totals;
	bool have_totals;
	char reason[64];
};

static int stream_open(struct stream *s, const char *name)
{
	int fd;

	memset(s, 0, sizeof(*s));
	s->name = name;
	fd = strcmp(name, "-") ? open(name, O_RDONLY | O_CLOEXEC) :
		STDIN_FILENO;
	if (fd < 0)
		return fail("%s: %s", name, strerror(errno));
	if (raw_reader_init(&s->r, fd))
		return fail("out of memory");
	s->slot = malloc(RAW_PAYLOAD_MAX / 2 * sizeof(*s->slot));
	s->code = malloc(RAW_PAYLOAD_MAX / 2);
	if (!s->slot || !s->code)
		return fail("out of memory");
	return 0;
}

static void stream_close(struct stream *s)
{
	if (!s->name)
		return;
	raw_reader_free(&s->r);
	close(s->r.fd);
	free(s->slot);
	free(s->code);
}

static int take_frame(struct stream *s, const struct raw_frame *f)
{
	struct raw_totals t;
	ssize_t n;
	size_t i;

	if (f->type == RAW_EVENTS) {
		n = raw_frame_events(f, s->slot, s->code);
		if (n < 0)
			return n;
		s->n = n;
		s->pos = 0;
		s->events += n;
		for (i = 0; i < s->n; i++)
			s->codes[s->code[i]]++;
	} else if (f->type == RAW_TOTALS) {
		if (raw_frame_totals(f, &t))
			return -EBADMSG;
		for (i = 0; i < RAW_INTENSITIES; i++) {
			s->totals.sent[i][0] += t.sent[i][0];
			s->totals.sent[i][1] += t.sent[i][1];
		}
		s->have_totals = true;
	} else if (f->type == RAW_END) {
		snprintf(s->reason, sizeof(s->reason), "%.*s", (int)f->len,
			 (const char *)f->payload);
	}
	return 0;
}

/* Return: 1 there are events, 0 the end, -1 having said what is wrong */
static int stream_more(struct stream *s)
{
	struct raw_frame f;
	int ret;

	while (s->pos == s->n) {
		ret = raw_reader_next(&s->r, &f);
		if (ret == 1)
			ret = take_frame(s, &f) ?: 1;
		if (ret == 0)
			return 0;
		if (ret < 0) {
			fail("%s: %s", s->name, ret == -EBADMSG ?
			     "not a stream of detections, or damaged" :
			     strerror(-ret));
			return -1;
		}
	}
	return 1;
}

static const char *kind_name(enum raw_kind kind)
{
	switch (kind) {
	case RAW_PREPARED:
		return "prepared";
	case RAW_DETECTED:
		return "detected";
	default:
		return "tags";
	}
}

static void print_stream(const struct raw_options *o, const struct stream *s)
{
	const struct raw_header *h = &s->r.header;
	unsigned int i;

	if (o->json) {
		printf("{\"kind\":\"%s\",\"slots_hz\":%" PRIu64 ",\"slots\":%"
		       PRIu64 ",\"events\":%" PRIu64 ",\"codes\":[",
		       kind_name(h->kind), h->slots_hz, s->r.next, s->events);
		for (i = 0; i < 15; i++)
			printf("%s%" PRIu64, i ? "," : "", s->codes[i]);
		printf("]}\n");
		return;
	}
	printf("%s: %s, %" PRIu64 " slots at %" PRIu64 " Hz, %" PRIu64
	       " events (%.6g a slot)\n", s->name, kind_name(h->kind),
	       s->r.next, h->slots_hz, s->events,
	       s->r.next ? (double)s->events / s->r.next : 0);
	printf("  says: %s", h->text);
	if (!strchr(h->text, '\n'))
		printf("\n");
	printf("  codes:");
	for (i = 0; i < 15; i++)
		if (s->codes[i])
			printf(" %u: %" PRIu64, i, s->codes[i]);
	printf("\n");
	if (s->reason[0])
		printf("  ends: %s\n", s->reason);
}

struct sifted {
	uint64_t clicks[RAW_INTENSITIES];
	uint64_t n[RAW_INTENSITIES][2], wrong[RAW_INTENSITIES][2];
	uint64_t lone;			/* in one stream only */
};

/* Merge by slot; what is in one stream alone is left out. Return: 0 or 1 */
static int sift(struct stream *a, struct stream *b, struct sifted *x)
{
	int ma, mb;

	for (;;) {
		unsigned int k, basis;
		uint64_t sa, sb;
		uint8_t ca, cb;

		ma = stream_more(a);
		mb = stream_more(b);
		if (ma < 0 || mb < 0)
			return 1;
		if (!ma || !mb)
			break;
		sa = a->slot[a->pos];
		sb = b->slot[b->pos];
		ca = a->code[a->pos];
		cb = b->code[b->pos];
		a->pos += sa <= sb;
		b->pos += sb <= sa;
		if (sa != sb) {
			x->lone++;
			continue;
		}
		k = raw_intensity(ca);
		basis = raw_basis(ca);
		x->clicks[k]++;
		if (basis != raw_basis(cb))
			continue;
		x->n[k][basis]++;
		x->wrong[k][basis] += raw_bit(ca) ^ raw_bit(cb);
	}
	while (ma > 0) {
		a->pos = a->n;
		ma = stream_more(a);
	}
	while (mb > 0) {
		b->pos = b->n;
		mb = stream_more(b);
	}
	return ma < 0 || mb < 0;
}

static double per(uint64_t a, uint64_t b)
{
	return b ? (double)a / b : 0;
}

static void print_sifted(const struct raw_options *o, const struct stream *a,
			 const struct sifted *x)
{
	unsigned int k;

	if (o->json)
		printf("{\"lone\":%" PRIu64 ",\"intensities\":[", x->lone);
	else
		printf("%9s %12s %12s %9s %12s %9s\n", "intensity", "clicks",
		       "sifted Z", "QBER Z%", "sifted X", "QBER X%");
	for (k = 0; k < RAW_INTENSITIES; k++) {
		uint64_t sent = a->totals.sent[k][0] + a->totals.sent[k][1];

		if (o->json) {
			printf("%s{\"sent\":%" PRIu64 ",\"clicks\":%" PRIu64
			       ",\"z\":%" PRIu64 ",\"z_wrong\":%" PRIu64
			       ",\"x\":%" PRIu64 ",\"x_wrong\":%" PRIu64 "}",
			       k ? "," : "", sent, x->clicks[k], x->n[k][0],
			       x->wrong[k][0], x->n[k][1], x->wrong[k][1]);
			continue;
		}
		if (!x->clicks[k])
			continue;
		printf("%9u %12" PRIu64 " %12" PRIu64 " %9.3f %12" PRIu64
		       " %9.3f", k, x->clicks[k], x->n[k][0],
		       100 * per(x->wrong[k][0], x->n[k][0]), x->n[k][1],
		       100 * per(x->wrong[k][1], x->n[k][1]));
		if (a->have_totals)
			printf("  gain %.6g", per(x->clicks[k], sent));
		printf("\n");
	}
	if (o->json)
		printf("]}\n");
	else if (x->lone)
		printf("%" PRIu64 " events are in one stream only\n", x->lone);
}

static int show_both(const struct raw_options *o, struct stream s[2])
{
	struct sifted x = { .lone = 0 };
	struct stream *a, *b;

	if (stream_more(&s[0]) < 0 || stream_more(&s[1]) < 0)
		return 1;
	a = &s[s[0].r.header.kind == RAW_PREPARED ? 0 : 1];
	b = &s[a == s];
	if (a->r.header.kind != RAW_PREPARED ||
	    b->r.header.kind != RAW_DETECTED)
		return fail("one stream has to be prepared, one detected (`qkd-raw pairs` takes tags)");
	if (memcmp(a->r.header.run, b->r.header.run, RAW_RUN_SIZE))
		return fail("the streams are of different runs");
	if (sift(a, b, &x))
		return 1;
	if (!o->json) {
		print_stream(o, a);
		print_stream(o, b);
	}
	print_sifted(o, a, &x);
	return 0;
}

static int show_one(const struct raw_options *o, struct stream *s)
{
	int more;

	while ((more = stream_more(s)) > 0)
		s->pos = s->n;
	if (more < 0)
		return 1;
	print_stream(o, s);
	return 0;
}

int cmd_show(const struct raw_options *o, int argc, char **argv)
{
	struct stream s[2] = { { .name = NULL }, { .name = NULL } };
	int ret;

	if (argc != 2 && argc != 3)
		return fail("show takes one stream, or both ends' two");
	ret = stream_open(&s[0], argv[1]);
	if (!ret && argc == 3)
		ret = stream_open(&s[1], argv[2]);
	if (!ret)
		ret = argc == 3 ? show_both(o, s) : show_one(o, &s[0]);
	stream_close(&s[0]);
	stream_close(&s[1]);
	return ret;
}
