/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside Cascade: plans, passes and what is asked in a round.  Internal.
 *
 * Timing: as in cascade.h.
 */
#ifndef QKD_POST_CASCADE_PRIV_H
#define QKD_POST_CASCADE_PRIV_H

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "tools/post/cascade.h"

/* passes over all bits: one in order, the others shuffled */
#define CASCADE_PASSES 3

/* random halves of the block whose parities close it, each time round */
#define CASCADE_MASKS 10

#define CASCADE_RETRIES 4

/* the pass that searches one of these halves */
#define CASCADE_SEARCH CASCADE_PASSES

struct post_cascade_plan {
	uint32_t n;
	uint8_t seed[32];
	bool hasty;
	/* shuffle of pass p >= 1: to[p - 1][place] = bit, and its inverse */
	uint32_t *to[CASCADE_PASSES - 1];
	uint32_t *pos[CASCADE_PASSES - 1];
};

/**
 * struct cascade_sizes - how a block is cut, by error rate
 * @k: bits of a block of each pass
 * @start: a pass begins once no more atoms than this are being searched: a
 *	few stragglers need not hold up the block for many round trips
 * @four: atoms are split in four, not in halves, when the leakage so far is
 *	this many times their number; and in eight:
 * @eight: when it is this many times
 */
struct cascade_sizes {
	uint32_t k[CASCADE_PASSES];
	uint32_t start[CASCADE_PASSES];
	uint32_t four, eight;
};

void cascade_sizes(uint32_t n, uint32_t qber_ppm, bool hasty,
		   struct cascade_sizes *s);

/**
 * struct cascade_pass - one order of the bits, cut into atoms
 * @to: bit at each place; NULL: place i is bit i
 * @pos: place of each bit
 * @n: places
 * @cut: n + 1 bits: an atom begins here (and at n)
 * @odd: at each atom's beginning: whether it holds an odd number of errors
 *	not yet corrected
 * @listed: at each atom's beginning: whether it is on a list to be searched
 * @sure: places whose bits are known to be right, or put right, by now
 * @flips: places corrected since the pass began
 * @prefix: n + 1 bits: parity of this end's bits at places below; as they
 *	were when the pass began
 *
 * An atom is a range of places whose parity is known at both ends and none of
 * whose parts' is.  All that was ever asked in this pass follows from atoms.
 */
struct cascade_pass {
	const uint32_t *to, *pos;
	uint32_t n;
	uint64_t *cut, *odd, *listed, *sure, *flips, *prefix;
};

/* the bit at a place */
static inline uint32_t place_bit(const struct cascade_pass *p, uint32_t place)
{
	return p->to ? p->to[place] : place;
}

/* dst: parity of v below each of n + 1 places */
void cascade_prefix(uint64_t *dst, const uint64_t *v, uint32_t n);

/* dst: bits of a and b in turn, 2 n in all */
void cascade_pair(uint64_t *dst, const uint64_t *a, const uint64_t *b,
		  uint32_t n);

/* a, b: the bits of such pairs in the order to[] */
void cascade_gather(uint64_t *a, uint64_t *b, const uint64_t *pairs,
		    const uint32_t *to, uint32_t n);
void cascade_gather_ref(uint64_t *a, uint64_t *b, const uint64_t *pairs,
			const uint32_t *to, uint32_t n);

/*
 * Word w of random half number i: a counter through the finaliser of
 * splitmix64 (Steele et al. 2014).
 */
static inline uint64_t cascade_mask(const struct post_cascade_plan *plan,
				    uint32_t i, uint32_t w)
{
	uint64_t x;

	memcpy(&x, plan->seed, 8);
	x = le64toh(x) + ((uint64_t)i << 32 | w) * 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* places of a pass, a list that grows */
struct cascade_list {
	uint32_t *v;
	size_t len, cap;
};

/*
 * An atom [a, b) that is split in this round: the parities of its parts are
 * asked, but for the last one's, which follows.  Part i ends at point[first +
 * i].  Until it is split, @parts is how many places of it were not known to be
 * right when @flipped corrections had been made in all.
 */
struct cascade_query {
	uint32_t pass, a, b;
	uint32_t parts;
	uint32_t first;
	uint32_t flipped;
};

struct post_cascade {
	const struct post_cascade_plan *plan;
	const struct cascade_engine *engine;
	enum post_role role;
	struct cascade_sizes sizes;
	size_t leak_max;

	uint64_t *key;			/* this end's; Bob's is corrected */
	uint64_t *errors;		/* the pattern found so far */
	uint64_t *scratch, *pairs;
	void *secret, *maps;		/* all bit maps */
	size_t secret_size;
	size_t count;			/* of errors */
	uint32_t flipped;		/* corrections, undone ones too */

	struct cascade_pass pass[CASCADE_PASSES + 1];
	unsigned int started;		/* passes begun */
	int searching;			/* mask of the search pass, or -1 */
	bool masks_asked;
	uint32_t first_mask;		/* number of the first mask in use */
	uint8_t mask_odd[CASCADE_MASKS];

	struct cascade_list todo[CASCADE_PASSES + 1];

	/* the round */
	bool asked;			/* answers are awaited */
	bool done, dead;
	uint32_t round;
	size_t leak;
	size_t tops;			/* first parities asked */
	struct cascade_query *query;
	size_t queries, query_cap;
	uint32_t *point;
	size_t points, point_cap;
	uint64_t *mine;			/* this end's parities */
	size_t mine_cap;		/* words */
};

/**
 * struct cascade_engine - the machine, compiled for a kind of processor
 * @usable: whether this processor is one
 * @next: choose what the next round asks; false: give up
 * @learn: take the answers, bit by bit whether the ends differed; false: give
 *	up
 */
struct cascade_engine {
	bool (*usable)(void);
	bool (*next)(struct post_cascade *c);
	bool (*learn)(struct post_cascade *c, const uint64_t *e);
};

extern const struct cascade_engine cascade_engine_any;
extern const struct cascade_engine cascade_engine_bmi;

/* parities that are asked in the round */
static inline size_t cascade_asked(const struct post_cascade *c)
{
	return c->tops + c->points - c->queries;
}

/* room in @c->mine for this many parities, all zero; false: no memory */
bool cascade_room(struct post_cascade *c, size_t bits);

/* a machine with block sizes of the caller's choice, to find good ones */
struct post_cascade *cascade_new_sized(const struct post_cascade_plan *plan,
				       enum post_role role,
				       const uint64_t *key,
				       const struct cascade_sizes *sizes,
				       size_t leak_max,
				       const struct cascade_engine *engine);

#endif
