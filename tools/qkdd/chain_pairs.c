// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Entangled pairs: from two ends' time tags to detections that can be sifted.
 *
 * Bob's DETECT has the times and settings of his tags, and what he found in
 * those settings that only test CHSH. Alice finds the clocks' offset and drift
 * from the first of them, at a worker, and then pairs tags with her own. What
 * has no partner is answered like another basis: it is not kept.
 *
 *   UNKNOWN --enough tags of both--> SEARCHING --found--> KNOWN
 *      ^-----------nothing found---------'                  |
 *      ^-----------no more pairs than chance makes----------'
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chain_priv.h"
#include "tools/common/wire.h"
#include "tools/post/bits.h"
#include "tools/post/wipe.h"

#define ACQUIRE		0.5	/* s of tags at least, to find the clocks by */
#define ACQUIRE_RANGES	5	/* and so many times what they may be off */
#define STEP		0.02	/* s in which the clocks are followed */
#define FINE		0.25	/* of the window: to that, clocks are found */
#define LOST		5	/* DETECTs without pairs: the clocks are lost */
#define CHANCE		2.0	/* pairs over what chance makes: there are some */
#define WINDOW_PS	500.0	/* unless the device tells */

#define SETTING(code)	((code) >> RAW_SETTING_SHIFT & 3)
#define TESTS(code)	(SETTING(code) > 1)	/* gives no key */

/* ---- Bob ---- */

/* The finest unit in which no gap is too wide for DETECT */
static unsigned int shift_for(const struct asked *a)
{
	uint64_t at = a->base, most = 0;
	unsigned int shift = 0;
	size_t i;

	for (i = 0; i < a->count; i++) {
		if (a->slot[i] - at > most)
			most = a->slot[i] - at;
		at = a->slot[i];
	}
	while (most >> shift > UINT32_MAX)
		shift++;
	return shift;
}

/* Only what may give key stays in @a: SIFT will be about that. */
static void forget_tests(struct asked *a)
{
	size_t i, n = 0;

	for (i = 0; i < a->count; i++) {
		if (TESTS(a->flags[i]))
			continue;
		a->slot[n] = a->slot[i];
		a->flags[n++] = a->flags[i];
	}
	post_wipe(a->flags + n, a->count - n);
	a->count = n;
}

size_t pairs_detect_size(size_t n)
{
	return 8 + post_detect_size(n) + 2 * post_bytes(n);
}

long pairs_detect_put(struct asked *a, uint8_t *buf, size_t size)
{
	size_t n = a->count, bytes = post_words(n) * 8, i, tests = 0, at;
	unsigned int shift = shift_for(a);
	uint64_t *time, *basis, *test, *out, last = 0;
	long len = -ENOMEM;

	time = malloc((n ? n : 1) * sizeof(*time));
	basis = post_alloc(bytes);
	test = post_alloc(bytes);
	out = post_alloc(bytes);
	if (!time || !basis || !test || !out)
		goto out;
	for (i = 0; i < n; i++) {
		time[i] = (a->slot[i] - a->base) >> shift;
		if (i && time[i] <= last)
			time[i] = last + 1;
		last = time[i];
		post_bit_put(basis, i, SETTING(a->flags[i]) & 1);
		post_bit_put(test, i, TESTS(a->flags[i]));
		if (TESTS(a->flags[i]))
			post_bit_put(out, tests++, a->flags[i] & RAW_CODE_BIT);
	}
	len = post_detect_put(buf + 8, size - 8, 0, time, basis, n);
	if (len < 0)
		goto out;
	wire_put32(buf, shift);
	wire_put32(buf + 4, len);
	at = 8 + len;
	post_bits_store(buf + at, test, n);
	at += post_bytes(n);
	post_bits_store(buf + at, out, tests);
	len = at + post_bytes(tests);
	forget_tests(a);
out:
	free(time);
	post_free(basis, bytes);
	post_free(test, bytes);
	post_free(out, bytes);
	return len;
}

/* ---- Alice: what she hears ---- */

struct tags {
	size_t n;
	size_t key;	/* of these, that are no tests */
	uint64_t *time;
	uint8_t *code;	/* setting, and the outcome if it is a test */
};

static void tags_free(struct tags *t)
{
	free(t->time);
	free(t->code);
}

static bool planes_get(const uint8_t *p, size_t len, size_t n, uint64_t *test,
		       uint64_t *out, size_t *tests)
{
	if (len < post_bytes(n) || post_bits_load(test, p, n))
		return false;
	*tests = post_bits_count(test, n);
	return len - post_bytes(n) == post_bytes(*tests) &&
	       !post_bits_load(out, p + post_bytes(n), *tests);
}

/* 0, -EBADMSG or -ENOMEM; to be freed in any case */
static int tags_get(struct tags *t, uint64_t base, uint64_t limit,
		    const uint8_t *body, size_t len)
{
	struct wire w = { .p = body, .len = len };
	uint32_t shift = wire_u32(&w), part = wire_u32(&w);
	/* a detection takes a byte of the part at least */
	size_t max = part < POST_DETECT_MAX ? part : POST_DETECT_MAX, i, at = 0;
	size_t bytes = post_words(max) * 8, tests;
	uint64_t *basis, *test, *out;
	const uint8_t *p;
	long n = -ENOMEM;

	memset(t, 0, sizeof(*t));
	p = wire_bytes(&w, part);
	if (!p || shift > 31 || limit - base > (uint64_t)1 << 62)
		return -EBADMSG;
	t->time = malloc((max ? max : 1) * sizeof(*t->time));
	t->code = malloc(max ? max : 1);
	basis = post_alloc(bytes);
	test = post_alloc(bytes);
	out = post_alloc(bytes);
	if (!t->time || !t->code || !basis || !test || !out)
		goto out;
	/* two in one unit are a unit apart: they may end behind the last */
	n = post_detect_get(p, part, 0, ((limit - base) >> shift) + 1 + max,
			    t->time, basis, max);
	if (n < 0)
		goto out;
	if (!planes_get(w.p, w.len, n, test, out, &tests)) {
		n = -EBADMSG;
		goto out;
	}
	for (i = 0; i < (size_t)n; i++) {
		bool is_test = post_bit(test, i);

		t->time[i] = base + (t->time[i] << shift) +
			     (((uint64_t)1 << shift) >> 1);
		t->code[i] = (2 * is_test | post_bit(basis, i)) <<
			     RAW_SETTING_SHIFT;
		if (is_test)
			t->code[i] |= post_bit(out, at++);
	}
	t->n = n;
	t->key = n - tests;
out:
	post_free(basis, bytes);
	post_free(test, bytes);
	post_free(out, bytes);
	return n < 0 ? n : 0;
}

/* ---- Alice: the clocks ---- */

/* Both ends' tags, on their way to a worker and back */
struct search {
	struct work work;
	struct chain *chain;
	unsigned int number;	/* of this search; another since: it is void */
	struct coinc_search what;
	uint64_t *a, *b;
	size_t na, nb;
	struct coinc_clock clock;
	int error;
};

static double per_ns(const struct chain *c)
{
	return c->slots_hz / 1e9;
}

/* A time of hers, when his clock shows @t */
static double hers(const struct chain *c, double t)
{
	const struct coinc_clock *k = &c->clock;

	t -= k->offset;
	return t - k->drift * (t - k->ref);
}

/* Her first event from @at on, counted from ev_first */
static size_t events_before(const struct chain *c, double at)
{
	size_t lo = c->ev_first, hi = c->ev_count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (c->ev_slot[mid] < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - c->ev_first;
}

static void search_free(struct search *s)
{
	free(s->a);
	free(s->b);
	free(s);
}

static void search_run(struct work *work)
{
	struct search *s = (struct search *)((char *)work -
					     offsetof(struct search, work));

	s->error = coinc_find(s->a, s->na, s->b, s->nb, &s->what, &s->clock,
			      NULL);
}

static void search_done(struct work *work)
{
	struct search *s = (struct search *)((char *)work -
					     offsetof(struct search, work));
	struct chain *c = s->chain;

	c->busy--;
	if (!c->gone && s->number == c->searches && c->clocks == CLOCKS_SEARCHING) {
		c->clocks = s->error ? CLOCKS_UNKNOWN : CLOCKS_KNOWN;
		c->clock = s->clock;
		c->lost = 0;
		if (s->error == -ENOMEM)
			c->ops->fail(c->ctx, "out of memory");
		else if (s->error)
			c->ops->reason(c->ctx, "no pairs: the two ends' time tags show no coincidences");
		/* there may be better ones later */
		if (s->error && s->error != -ENOMEM)
			alice_refuse_heard(c);
		else
			alice_go_on(c);
	}
	search_free(s);
	chain_release(c);
}

/* Times that wait at Alice, his; as many DETECTs as ACQUIRE needs */
static int gather(struct chain *c, struct search *s, double span)
{
	const struct heard *h;
	uint64_t first = 0, base, limit;
	bool any = false;
	uint64_t *more;
	struct tags t;
	int ret;

	TAILQ_FOREACH(h, &c->heard, entry) {
		struct wire w = { .p = h->data, .len = h->len };

		wire_bytes(&w, RAW_RUN_SIZE);
		base = wire_u64(&w);
		limit = wire_u64(&w);
		if (w.bad || base > limit)
			return -EBADMSG;
		ret = tags_get(&t, base, limit, w.p, w.len);
		if (!ret && t.n) {
			more = realloc(s->b, (s->nb + t.n) * sizeof(*more));
			ret = more ? 0 : -ENOMEM;
			if (more) {
				s->b = more;
				memcpy(s->b + s->nb, t.time,
				       t.n * sizeof(*more));
				s->nb += t.n;
			}
		}
		tags_free(&t);
		if (ret)
			return ret;
		if (!any)
			first = base;
		any = true;
		if (limit - first >= span &&
		    c->ev_end >= limit + s->what.range) {
			size_t from = events_before(c, first - s->what.range);
			size_t to = events_before(c, limit + s->what.range);

			s->na = to - from;
			s->a = malloc((s->na ? s->na : 1) * sizeof(*s->a));
			if (!s->a)
				return -ENOMEM;
			memcpy(s->a, c->ev_slot + c->ev_first + from,
			       s->na * sizeof(*s->a));
			return 0;
		}
	}
	return -EAGAIN;
}

/* 0 or -EAGAIN: not now, or under way */
int pairs_search(struct chain *c)
{
	struct search *s;
	double span;
	int ret;

	if (!c->pairs || c->clocks != CLOCKS_UNKNOWN)
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->chain = c;
	s->number = ++c->searches;
	s->what.range = c->conf.offset_max * per_ns(c);
	s->what.drift = c->conf.drift_max / 1e9;
	s->what.fine = fmax(1, FINE * c->window);
	span = fmax(ACQUIRE * c->slots_hz, ACQUIRE_RANGES * s->what.range);
	ret = gather(c, s, span);
	if (ret) {
		search_free(s);
		return ret == -EAGAIN ? 0 : ret;
	}
	c->clocks = CLOCKS_SEARCHING;
	c->busy++;
	s->work.run = search_run;
	s->work.done = search_done;
	workers_submit(c->workers, &s->work);
	return 0;
}

void pairs_forget(struct chain *c)
{
	c->clocks = CLOCKS_UNKNOWN;
	c->lost = 0;
	memset(&c->chsh, 0, sizeof(c->chsh));
}

void pairs_run(struct chain *c, const struct raw_header *h)
{
	double ps;

	c->slots_hz = h->slots_hz;
	if (raw_header_numbers(h, "window_ps", &ps, 1) != 1 || !(ps > 0))
		ps = WINDOW_PS;
	c->window = fmax(1, ps / 1e3 * per_ns(c));
	pairs_forget(c);
}

/* ---- Alice: pairs ---- */

struct matching {
	struct chain *c;
	const struct tags *t;
	const uint32_t *index;	/* of those that may give key, among them */
	uint8_t *code;		/* by that index: what she prepared, as it were */
	struct coinc_pair *pair;
	size_t pairs;
};

static void one_pair(struct matching *m, size_t a, size_t b)
{
	uint8_t mine = m->c->ev_code[a], his = m->t->code[b];

	if (TESTS(his))
		m->c->chsh.n[SETTING(mine)][SETTING(his)][mine & 1][his & 1]++;
	else if (!TESTS(mine))
		m->code[m->index[b]] = mine & (RAW_CODE_BIT | RAW_CODE_BASIS);
}

static void step(struct matching *m, size_t *ia, size_t *ib, double to)
{
	struct chain *c = m->c;
	size_t na = events_before(c, hers(c, to)), nb = *ib, i, n;

	while (nb < m->t->n && m->t->time[nb] < to)
		nb++;
	if (na < *ia)
		na = *ia;
	n = coinc_match(&c->clock, c->ev_slot + c->ev_first + *ia, na - *ia,
			m->t->time + *ib, nb - *ib, c->window, m->pair);
	for (i = 0; i < n; i++)
		one_pair(m, c->ev_first + *ia + m->pair[i].a,
			 *ib + m->pair[i].b);
	m->pairs += n;
	*ia = na;
	*ib = nb;
}

/* Pairs beyond chance show that the clocks are still right. */
static void watch_clock(struct chain *c, size_t pairs, double na, double nb,
			double span)
{
	double chance = span > 0 ? na * nb * c->window / span : 0;

	if (pairs > CHANCE * chance + 8)
		c->lost = 0;
	else if (nb > 100 && ++c->lost >= LOST)
		c->clocks = CLOCKS_UNKNOWN;
}

static int match(struct chain *c, const struct tags *t, uint64_t base,
		 uint64_t limit, uint8_t *code)
{
	double width = STEP * c->slots_hz, to;
	struct matching m = { .c = c, .t = t, .code = code };
	uint32_t *index = malloc((t->n ? t->n : 1) * sizeof(*index));
	size_t ia = 0, ib = 0, i, n = 0;

	m.pair = malloc((t->n ? t->n : 1) * sizeof(*m.pair));
	if (!index || !m.pair) {
		free(index);
		free(m.pair);
		return -ENOMEM;
	}
	for (i = 0; i < t->n; i++) {
		index[i] = n;
		/* the other basis: not kept, unless a partner is found */
		if (!TESTS(t->code[i]))
			code[n++] = (SETTING(t->code[i]) ^ 1) <<
				    RAW_SETTING_SHIFT;
	}
	m.index = index;
	ia = events_before(c, hers(c, base));
	for (to = base + width; to < limit; to += width)
		step(&m, &ia, &ib, to);
	step(&m, &ia, &ib, limit);
	watch_clock(c, m.pairs, ia, t->n, limit - base);
	alice_events_done(c, c->ev_first + ia);
	free(index);
	free(m.pair);
	return 0;
}

long pairs_detect_get(struct chain *c, uint64_t base, uint64_t limit,
		      const uint8_t *body, size_t len, uint8_t *code,
		      uint64_t *basis, size_t max)
{
	struct tags t;
	size_t i, n = 0;
	long ret = tags_get(&t, base, limit, body, len);

	if (!ret && t.key > max)
		ret = -EBADMSG;
	if (!ret)
		ret = match(c, &t, base, limit, code);
	if (!ret) {
		for (i = 0; i < t.n; i++)
			if (!TESTS(t.code[i]))
				post_bit_put(basis, n++, SETTING(t.code[i]));
		ret = n;
	}
	tags_free(&t);
	return ret;
}

bool pairs_ready(const struct chain *c, uint64_t limit)
{
	return c->clocks == CLOCKS_KNOWN &&
	       c->ev_end > hers(c, limit) + c->window;
}
