/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cascade's machine: what a round asks, and what follows from the answers.
 *
 *   pass 0 -> pass 1 -> pass 2 -> masks -> done     each arrow: (almost)
 *     |_________|_________|_________|               nothing odd is left
 *          odd atoms: search, correct, and look at what that made odd
 *
 * A round asks the first parities of a pass (or of the random halves, the
 * masks), and the parities of parts of each odd atom.  An atom of one place
 * that is odd is an error; correcting it changes one atom's parity in every
 * pass, which is the cascade.  Places known to be right by themselves are left
 * out when an atom is split into even parts.
 *
 * What both ends do here must be the same to the last detail: it follows from
 * the answers alone.
 *
 * Timing: depends on the pattern of errors, which is public (cascade.h).
 *
 * Included by the files that compile it for a kind of processor each.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/post/bits.h"
#include "tools/post/cascade_atoms.h"
#include "tools/post/cascade_fetch.h"

/* ---- lists */

static bool list_grow(struct cascade_list *l)
{
	size_t cap = l->cap ? 2 * l->cap : 1024;
	uint32_t *v = realloc(l->v, cap * sizeof(*v));

	if (!v)
		return false;
	l->v = v;
	l->cap = cap;
	return true;
}

static inline bool list_add(struct cascade_list *l, uint32_t a)
{
	if (l->len == l->cap && !list_grow(l))
		return false;
	l->v[l->len++] = a;
	return true;
}

static bool room_for_query(struct post_cascade *c)
{
	size_t cap = c->query_cap ? 2 * c->query_cap : 1024;
	struct cascade_query *v;

	if (c->queries < c->query_cap)
		return true;
	v = realloc(c->query, cap * sizeof(*v));
	if (!v)
		return false;
	c->query = v;
	c->query_cap = cap;
	return true;
}

static bool room_for_points(struct post_cascade *c, size_t n)
{
	uint32_t *v;

	if (n <= c->point_cap)
		return true;
	v = realloc(c->point, n * sizeof(*v));
	if (!v)
		return false;
	c->point = v;
	c->point_cap = n;
	return true;
}

/* ---- correcting */

static uint32_t place_of(const struct cascade_pass *p, uint32_t bit)
{
	return p->pos ? p->pos[bit] : bit;
}

static unsigned int in_mask(const struct post_cascade *c, uint32_t mask,
			    uint32_t bit)
{
	return cascade_mask(c->plan, mask, bit / 64) >> (bit % 64) & 1;
}

/* an atom became odd or even; if odd, it shall be searched */
static bool toggle(struct post_cascade *c, unsigned int pass, uint32_t a)
{
	struct cascade_pass *p = &c->pass[pass];

	post_bit_flip(p->odd, a);
	if (!post_bit(p->odd, a) || post_bit(p->listed, a))
		return true;
	post_bit_put(p->listed, a, 1);
	return list_add(&c->todo[pass], a);
}

static bool correct_in(struct post_cascade *c, unsigned int pass, uint32_t bit)
{
	struct cascade_pass *p = &c->pass[pass];
	uint32_t place = place_of(p, bit);

	post_bit_flip(p->flips, place);
	/* the search pass' places are not bits alone, but bits in the mask */
	if (pass != CASCADE_SEARCH)
		p->sure[place / 64] |= (uint64_t)1 << (place % 64);
	return toggle(c, pass, atom_start(p, place));
}

static bool correct(struct post_cascade *c, uint32_t bit)
{
	unsigned int i;

	/* a peer's contradictory answers could go on for ever */
	if (++c->flipped > c->plan->n)
		return false;
	post_bit_flip(c->errors, bit);
	c->count += post_bit(c->errors, bit) ? 1 : -1;
	if (c->role == POST_BOB)
		post_bit_flip(c->key, bit);
	for (i = 0; i < c->started; i++) {
		if (!correct_in(c, i, bit))
			return false;
	}
	if (!c->masks_asked)
		return true;
	for (i = 0; i < CASCADE_MASKS; i++)
		c->mask_odd[i] ^= in_mask(c, c->first_mask + i, bit);
	if (c->searching >= 0 &&
	    in_mask(c, c->first_mask + c->searching, bit))
		return correct_in(c, CASCADE_SEARCH, bit);
	return true;
}

/* ---- beginning passes */

/* cut at every k places, all atoms taken as even */
static size_t cut_pass(struct cascade_pass *p, uint32_t k)
{
	size_t words = post_words((size_t)p->n + 1), tops = 0;
	uint32_t a;

	memset(p->cut, 0, 8 * words);
	memset(p->odd, 0, 8 * words);
	memset(p->listed, 0, 8 * words);
	memset(p->flips, 0, 8 * words);
	for (a = 0; a < p->n; a += k, tops++)
		post_bit_put(p->cut, a, 1);
	post_bit_put(p->cut, p->n, 1);
	return tops;
}

static unsigned int range_parity(const struct cascade_pass *p, uint32_t a,
				 uint32_t b)
{
	return post_bit(p->prefix, a) ^ post_bit(p->prefix, b);
}

/* the next pass: its first parities are to be asked */
static void begin_pass(struct post_cascade *c)
{
	struct cascade_pass *p = &c->pass[c->started];

	if (p->to) {
		cascade_pair(c->pairs, c->key, c->pass[0].sure, p->n);
		cascade_gather(c->scratch, p->sure, c->pairs, p->to, p->n);
		cascade_prefix(p->prefix, c->scratch, p->n);
	} else {
		cascade_prefix(p->prefix, c->key, p->n);
	}
	c->tops = cut_pass(p, c->sizes.k[c->started]);
	c->started++;
}

static void put_mine(struct post_cascade *c, size_t i, unsigned int bit)
{
	c->mine[i / 64] |= (uint64_t)bit << (i % 64);
}

static void answer_pass(struct post_cascade *c)
{
	unsigned int pass = c->started - 1;
	struct cascade_pass *p = &c->pass[pass];
	uint32_t k = c->sizes.k[pass], a, i;

	for (a = 0, i = 0; i < c->tops; a += k, i++)
		put_mine(c, i, range_parity(p, a, p->n - a < k ? p->n : a + k));
}

static void answer_masks(struct post_cascade *c)
{
	uint32_t i, w, words = post_words(c->plan->n);

	for (i = 0; i < CASCADE_MASKS; i++) {
		uint64_t x = 0;

		for (w = 0; w < words; w++)
			x ^= c->key[w] & cascade_mask(c->plan,
						      c->first_mask + i, w);
		put_mine(c, i, __builtin_parityll(x));
	}
}

/* make the search pass that of a mask with an odd number of errors */
static bool begin_search(struct post_cascade *c)
{
	struct cascade_pass *p = &c->pass[CASCADE_SEARCH];
	uint32_t w, words = post_words(p->n);
	int i = 0;

	while (!c->mask_odd[i])
		i++;
	c->searching = i;
	for (w = 0; w < words; w++)
		c->scratch[w] = c->key[w] &
			cascade_mask(c->plan, c->first_mask + i, w);
	cascade_prefix(p->prefix, c->scratch, p->n);
	cut_pass(p, p->n);
	memset(p->sure, 0, 8 * post_words((size_t)p->n + 1));
	c->todo[CASCADE_SEARCH].len = 0;
	return toggle(c, CASCADE_SEARCH, 0);
}

static bool mask_left(const struct post_cascade *c)
{
	int i;

	for (i = 0; i < CASCADE_MASKS; i++) {
		if (c->mask_odd[i])
			return true;
	}
	return false;
}

/* ---- a round: what is asked */

/* an odd atom is to be split; one unsure place in it must be the error */
static bool look_at(struct post_cascade *c, unsigned int pass, uint32_t a)
{
	struct cascade_pass *p = &c->pass[pass];
	uint32_t b, n;

	if (!post_bit(p->odd, a)) {
		post_bit_put(p->listed, a, 0);
		return true;
	}
	b = atom_end(p, a);
	n = unsure(p, a, b);
	if (!n)
		return false;		/* the answers contradict each other */
	if (n == 1) {
		post_bit_put(p->listed, a, 0);
		return correct(c, place_bit(p, seek(p, a, 0)));
	}
	if (!room_for_query(c))
		return false;
	c->query[c->queries++] = (struct cascade_query){
		.pass = pass, .a = a, .b = b,
		.parts = n, .flipped = c->flipped,
	};
	return true;
}

/* go through the lists until nothing more can be corrected without asking */
static bool drain_lists(struct post_cascade *c)
{
	unsigned int pass = 0;

	while (pass <= CASCADE_SEARCH) {
		struct cascade_list *l = &c->todo[pass];

		if (!l->len) {
			pass++;
			continue;
		}
		if (l->len > CASCADE_AHEAD)
			fetch_atom(&c->pass[pass],
				   l->v[l->len - 1 - CASCADE_AHEAD]);
		if (!look_at(c, pass, l->v[--l->len]))
			return false;
		pass = 0;
	}
	return true;
}

/* nothing was corrected since the atom was looked at */
static bool fresh(const struct post_cascade *c, const struct cascade_query *q)
{
	return q->flipped == c->flipped;
}

/* keep only atoms that are still odd */
static void drop_even(struct post_cascade *c)
{
	size_t i, kept = 0;

	for (i = 0; i < c->queries; i++) {
		struct cascade_query *q = &c->query[i];
		struct cascade_pass *p = &c->pass[q->pass];

		post_bit_put(p->listed, q->a, 0);
		if (fresh(c, q) || post_bit(p->odd, q->a))
			c->query[kept++] = *q;
	}
	c->queries = kept;
}

/*
 * Halves tell the most for their parities.  When only a few atoms are left,
 * more parts save round trips and cost little of the whole.
 */
static uint32_t choose_parts(const struct post_cascade *c)
{
	if (c->queries > c->leak / c->sizes.four)
		return 2;
	return c->queries > c->leak / c->sizes.eight ? 4 : 8;
}

/* where parts end, so that unsure places are shared out evenly */
static bool choose_points(struct post_cascade *c)
{
	uint32_t parts = choose_parts(c), i, j;

	c->points = 0;
	if (!room_for_points(c, c->queries * parts))
		return false;
	for (i = 0; i < c->queries; i++) {
		struct cascade_query *q = &c->query[i];
		const struct cascade_pass *p = &c->pass[q->pass];
		uint32_t n = fresh(c, q) ? q->parts : unsure(p, q->a, q->b);

		__builtin_prefetch(&p->prefix[q->a / 64]);
		if (!n)
			return false;	/* the answers contradict each other */
		q->parts = n < parts ? n : parts;
		q->first = c->points;
		for (j = 1; j < q->parts; j++)
			c->point[c->points++] =
				seek(p, q->a, (uint64_t)n * j / q->parts);
		c->point[c->points++] = q->b;
	}
	return true;
}

/* choose atoms to split and how */
static bool ask_parts(struct post_cascade *c)
{
	if (!drain_lists(c))
		return false;
	drop_even(c);
	return choose_points(c);
}

static void answer_parts(struct post_cascade *c)
{
	size_t i, at = c->tops;
	uint32_t j, a;

	for (i = 0; i < c->queries; i++) {
		const struct cascade_query *q = &c->query[i];

		for (j = 0, a = q->a; j + 1 < q->parts; j++) {
			uint32_t b = c->point[q->first + j];

			put_mine(c, at++, range_parity(&c->pass[q->pass], a,
						       b));
			a = b;
		}
	}
}

/* this end's parities of all that the round asks */
static bool answer(struct post_cascade *c)
{
	if (!cascade_room(c, cascade_asked(c)))
		return false;
	if (c->tops && c->masks_asked)
		answer_masks(c);
	else if (c->tops)
		answer_pass(c);
	answer_parts(c);
	return true;
}

/* choose what the next round asks; false: give up */
static bool next_round(struct post_cascade *c)
{
	c->tops = 0;
	c->queries = 0;
	c->points = 0;
	if (!ask_parts(c))
		return false;
	if (c->started < CASCADE_PASSES) {
		if (c->queries <= c->sizes.start[c->started])
			begin_pass(c);
	} else if (!c->queries && !c->masks_asked) {
		c->tops = CASCADE_MASKS;
		c->masks_asked = true;
	} else if (!c->queries && mask_left(c)) {
		if (!begin_search(c) || !ask_parts(c))
			return false;
	} else if (!c->queries) {
		c->done = true;
		return true;
	}
	if (cascade_asked(c) > c->leak_max - c->leak || !answer(c))
		return false;
	c->leak += cascade_asked(c);
	c->asked = true;
	return true;
}

/* ---- a round: what is learnt */

/* an atom that is odd: search on, or correct */
static inline bool settle_odd(struct post_cascade *c, unsigned int pass,
			      uint32_t a, uint32_t b)
{
	struct cascade_pass *p = &c->pass[pass];

	if (b - a == 1)
		return correct(c, place_bit(p, a));
	if (post_bit(p->listed, a))
		return true;
	post_bit_put(p->listed, a, 1);
	return list_add(&c->todo[pass], a);
}

/* one place that is right as it is; the first two passes make use of that */
static inline void settle_even(struct post_cascade *c, unsigned int pass,
			       uint32_t a, uint32_t b)
{
	struct cascade_pass *p = &c->pass[pass];

	if (b - a > 1 || pass == CASCADE_SEARCH)
		return;
	post_bit_put(p->sure, a, 1);
	post_bit_put(c->pass[0].sure, place_bit(p, a), 1);
}

static bool settle(struct post_cascade *c, unsigned int pass, uint32_t a,
		   uint32_t b)
{
	if (post_bit(c->pass[pass].odd, a))
		return settle_odd(c, pass, a, b);
	settle_even(c, pass, a, b);
	return true;
}

static bool learn_tops(struct post_cascade *c, const uint64_t *e)
{
	unsigned int pass = c->started - 1;
	struct cascade_pass *p = &c->pass[pass];
	uint32_t k = c->sizes.k[pass], a;
	size_t i;

	for (i = 0; i < c->tops; i++) {
		if (!post_bit(e, i))
			continue;
		if (c->masks_asked) {
			c->mask_odd[i] = 1;
			continue;
		}
		a = i * k;
		post_bit_put(p->odd, a, 1);
		if (!settle(c, pass, a, atom_end(p, a)))
			return false;
	}
	return true;
}

/*
 * Two halves of an odd atom: one is odd and the other even, so that nothing
 * needs to be guessed by the processor but whether they are single places.
 */
static inline bool learn_halves(struct post_cascade *c,
				const struct cascade_query *q,
				unsigned int differ)
{
	struct cascade_pass *p = &c->pass[q->pass];
	uint32_t a = q->a, m = c->point[q->first], b = q->b;
	unsigned int odd = differ ^ flips_in(p, a, m);

	/* both are zero where no atom begins; the whole one was odd */
	p->odd[a / 64] ^= (uint64_t)(odd ^ 1) << (a % 64);
	p->odd[m / 64] |= (uint64_t)(odd ^ 1) << (m % 64);
	p->cut[m / 64] |= (uint64_t)1 << (m % 64);
	settle_even(c, q->pass, odd ? m : a, odd ? b : m);
	return settle_odd(c, q->pass, odd ? a : m, odd ? m : b);
}

/* @e: whether the ends differed, from bit @at on */
static bool learn_parts(struct post_cascade *c, const struct cascade_query *q,
			const uint64_t *e, size_t at)
{
	struct cascade_pass *p = &c->pass[q->pass];
	const uint32_t *end = &c->point[q->first];
	unsigned int rest = post_bit(p->odd, q->a), odd;
	uint32_t a, i;

	if (q->parts == 2 && rest)
		return learn_halves(c, q, post_bit(e, at));
	for (i = 0, a = q->a; i + 1 < q->parts; a = end[i++]) {
		odd = post_bit(e, at + i) ^ flips_in(p, a, end[i]);
		rest ^= odd;
		post_bit_put(p->odd, a, odd);
		post_bit_put(p->cut, end[i], 1);
	}
	post_bit_put(p->odd, a, rest);
	for (i = 0, a = q->a; i < q->parts; a = end[i++]) {
		if (!settle(c, q->pass, a, end[i]))
			return false;
	}
	return true;
}

static bool learn(struct post_cascade *c, const uint64_t *e)
{
	size_t i, at = c->tops;

	c->asked = false;
	c->round++;
	if (!learn_tops(c, e))
		return false;
	for (i = 0; i < c->queries; i++) {
		fetch_queries(c, i);
		if (!learn_parts(c, &c->query[i], e, at))
			return false;
		at += c->query[i].parts - 1;
	}
	return true;
}
