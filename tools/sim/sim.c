// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A simulation from the outside: makes the device of the kind configured,
 * turns its events into the two streams. The physics are the devices' own,
 * pace and descriptors are run.c's.
 */
#include "tools/sim/sim_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* one end's events and the bytes they became */
struct sim_end {
	struct sim_events events;
	uint8_t *buf;
	size_t size;
	size_t len;
	uint64_t given;			/* events so far */
};

struct sim {
	struct sim_config c;
	const struct sim_ops *ops;
	struct sim_random *r;
	void *dev;
	double now_s;
	uint64_t stretches;
	uint64_t slots;
	uint8_t run[RAW_RUN_SIZE];
	uint64_t epoch_ns;
	struct sim_end end[2];
};

int sim_error(char *err, int ret, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(err, SIM_ERROR_SIZE, fmt, args);
	va_end(args);
	return ret;
}

static int end_init(struct sim_end *e)
{
	/* events, totals and an end in one stretch */
	e->size = raw_events_size(SIM_EVENTS_MAX) + RAW_HEADER_SIZE +
		RAW_TEXT_MAX + 4096;
	e->buf = malloc(e->size);
	return e->buf ? 0 : -ENOMEM;
}

static void end_free(struct sim_end *e)
{
	if (e->buf)
		explicit_bzero(e->buf, e->size);
	free(e->buf);
}

void sim_free(struct sim *s)
{
	if (!s)
		return;
	if (s->ops)
		s->ops->destroy(s->dev);
	sim_random_free(s->r);
	end_free(&s->end[0]);
	end_free(&s->end[1]);
	explicit_bzero(s, sizeof(*s));
	free(s);
}

static void set_run(struct sim *s)
{
	struct timespec now;

	sim_random_bytes(s->r, s->run, sizeof(s->run));
	if (s->c.seeded)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	s->epoch_ns = now.tv_sec * 1000000000ull + now.tv_nsec;
}

struct sim *sim_new(const struct sim_config *c, char *err)
{
	struct sim *s = calloc(1, sizeof(*s));

	if (!s)
		goto no_memory;
	s->c = *c;
	s->r = sim_random_new(c->seeded, c->seed);
	if (!s->r || end_init(&s->end[0]) || end_init(&s->end[1]))
		goto no_memory;
	set_run(s);
	s->ops = c->device == SIM_BBM92 ? &sim_bbm92 : &sim_bb84;
	s->dev = s->ops->create(c, s->r);
	if (!s->dev)
		goto no_memory;
	return s;

no_memory:
	sim_error(err, -ENOMEM, "out of memory");
	sim_free(s);
	return NULL;
}

static int say_list(char *p, size_t len, const char *key, const double *v,
		    unsigned int n)
{
	int at = snprintf(p, len, " %s=", key);
	unsigned int i;

	for (i = 0; i < n; i++)
		at += snprintf(p + at, len - at, "%s%.15g", i ? "," : "",
			       v[i]);
	return at;
}

/*
 * What a device knows of itself. Of the fibre, and of who listens on it, it
 * knows nothing.
 */
static void say_text(const struct sim *s, unsigned int who,
		     struct raw_header *h)
{
	const struct sim_config *c = &s->c;
	char *p = h->text;
	size_t len = sizeof(h->text);
	int at;

	at = snprintf(p, len, "device=%s end=%s pz=%.15g",
		      c->device == SIM_BBM92 ? "bbm92" : "bb84",
		      who ? "bob" : "alice", who ? c->pz_bob : c->pz_alice);
	if (c->device == SIM_BB84 && !who) {
		at += say_list(p + at, len - at, "intensities", c->mu,
			       c->intensities);
		at += say_list(p + at, len - at, "probabilities", c->p_mu,
			       c->intensities);
	}
	if (c->device == SIM_BBM92)
		at += snprintf(p + at, len - at, " window_ps=%.15g",
			       c->window_ps);
	if (who)
		at += snprintf(p + at, len - at, " dead_ns=%.15g",
			       c->dead_ns);
	if (c->seeded)
		at += snprintf(p + at, len - at, " seeded=1");
	snprintf(p + at, len - at, "\n");
}

void sim_header(struct sim *s, struct sim_out *alice, struct sim_out *bob)
{
	struct sim_out *out[2] = { alice, bob };
	struct raw_header h;
	unsigned int who;

	for (who = 0; who < 2; who++) {
		struct sim_end *e = &s->end[who];

		h.kind = s->ops->kind[who];
		h.slots_hz = s->ops->slots_hz(&s->c);
		h.epoch_ns = s->epoch_ns;
		memcpy(h.run, s->run, sizeof(h.run));
		say_text(s, who, &h);
		e->len = raw_header_build(e->buf, e->size, &h);
		out[who]->data = e->buf;
		out[who]->len = e->len;
	}
}

static void end_pack(struct sim_end *e)
{
	const struct sim_events *v = &e->events;

	e->len = raw_events_build(e->buf, e->size, v->start, v->end, v->slot,
				  v->code, v->n);
	e->given += v->n;
}

int sim_produce(struct sim *s, struct sim_out *alice, struct sim_out *bob)
{
	struct sim_end *a = &s->end[0], *b = &s->end[1];
	double until = (s->stretches + 1) * SIM_STRETCH_S;
	struct raw_totals totals;
	int more = 1;

	if (s->c.seconds > 0 && until >= s->c.seconds) {
		until = s->c.seconds;
		more = 0;
	}
	s->now_s = s->ops->stretch(s->dev, until, &a->events, &b->events,
				   &totals);
	if (s->now_s >= until)
		s->stretches++;
	else
		more = 1;
	s->slots = a->events.end;
	end_pack(a);
	end_pack(b);
	if (s->ops->has_totals)
		a->len += raw_totals_build(a->buf + a->len, a->size - a->len,
					   a->events.start, a->events.end,
					   &totals);
	if (!more) {
		a->len += raw_end_build(a->buf + a->len, a->size - a->len,
					a->events.end, "time is over");
		b->len += raw_end_build(b->buf + b->len, b->size - b->len,
					b->events.end, "time is over");
	}
	alice->data = a->buf;
	alice->len = a->len;
	bob->data = b->buf;
	bob->len = b->len;
	return more;
}

double sim_speed(const struct sim *s)
{
	return s->c.speed;
}

void sim_stats(const struct sim *s, struct sim_stats *st)
{
	st->slots = s->slots;
	st->clicks[0] = s->end[0].given;
	st->clicks[1] = s->end[1].given;
	st->seconds = s->now_s;
}
