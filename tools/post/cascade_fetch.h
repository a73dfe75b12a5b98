/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a pass of Cascade will soon look at, asked of the memory beforehand.
 * Internal.
 *
 * The maps of both ends' passes do not fit the second level cache, and atoms
 * lie all over them.  Which ones come next stands in the lists.
 *
 * Timing: depends on the pattern of errors, which is public (cascade.h).
 */
#ifndef QKD_POST_CASCADE_FETCH_H
#define QKD_POST_CASCADE_FETCH_H

#include "tools/post/cascade_priv.h"

/* so many atoms ahead: about as long as a cache miss takes */
#define CASCADE_AHEAD 8

static inline void fetch_atom(const struct cascade_pass *p, uint32_t place)
{
	__builtin_prefetch(&p->odd[place / 64], 1);
	__builtin_prefetch(&p->cut[place / 64], 1);
	__builtin_prefetch(&p->flips[place / 64]);
	__builtin_prefetch(&p->sure[place / 64], 1);
	__builtin_prefetch(&p->listed[place / 64], 1);
}

/* where an atom's bits are in the other passes */
static inline void fetch_places(const struct post_cascade *c,
				const struct cascade_query *q)
{
	uint32_t a, i, bit;

	for (a = q->a; a < q->b; a++) {
		bit = place_bit(&c->pass[q->pass], a);
		__builtin_prefetch(&c->errors[bit / 64], 1);
		for (i = 0; i < c->started; i++) {
			if (i == q->pass)
				continue;
			if (c->pass[i].pos)
				__builtin_prefetch(&c->pass[i].pos[bit]);
			else
				fetch_atom(&c->pass[i], bit);
		}
	}
}

/* and the atoms there, when the places are at hand */
static inline void fetch_corrections(const struct post_cascade *c,
				     const struct cascade_query *q)
{
	uint32_t a, i, bit;

	for (a = q->a; a < q->b; a++) {
		bit = place_bit(&c->pass[q->pass], a);
		for (i = 0; i < c->started; i++) {
			const struct cascade_pass *p = &c->pass[i];

			if (i != q->pass && p->pos)
				fetch_atom(p, p->pos[bit]);
		}
	}
}

/* one of an atom's two places is in error, and will be corrected */
static inline bool ends_here(const struct cascade_query *q)
{
	return q->b - q->a == 2;
}

/* for atoms that come after number i, the farther ahead the deeper */
static inline void fetch_queries(const struct post_cascade *c, size_t i)
{
	size_t left = c->queries - i, ahead = CASCADE_AHEAD;
	const struct cascade_query *q = &c->query[i];
	const struct cascade_pass *p;

	if (left > 3 * ahead) {
		p = &c->pass[q[3 * ahead].pass];
		fetch_atom(p, q[3 * ahead].a);
		if (p->to)
			__builtin_prefetch(&p->to[q[3 * ahead].a]);
	}
	if (left > 2 * ahead && ends_here(&q[2 * ahead]))
		fetch_places(c, &q[2 * ahead]);
	if (left > ahead && ends_here(&q[ahead]))
		fetch_corrections(c, &q[ahead]);
}

#endif
