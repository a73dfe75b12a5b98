// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * needle: many byte strings of one length, searched for at once.
 *
 * A rolling polynomial hash modulo 2^64 (Karp and Rabin 1987) over windows of
 * NEEDLE_PIECE bytes; a match of the hash is compared byte by byte. Reading
 * files and packets is main.c's.
 */
#include "needle.h"

#include <stdlib.h>
#include <string.h>

#define BASE UINT64_C(0x9e3779b97f4a7c15)	/* odd: invertible mod 2^64 */

struct piece {
	uint64_t hash;
	uint8_t bytes[NEEDLE_PIECE];
	bool used;
};

struct needles {
	struct piece *table;	/* open addressing, a power of two of slots */
	size_t slots;
	size_t count;
	uint64_t top;		/* BASE^(NEEDLE_PIECE - 1) */
};

static uint64_t hash_of(const uint8_t *p)
{
	uint64_t h = 0;
	size_t i;

	for (i = 0; i < NEEDLE_PIECE; i++)
		h = h * BASE + p[i] + 1;
	return h;
}

/* The high bits of a product mix all bytes; the low ones do not. */
static size_t slot_of(const struct needles *set, uint64_t hash)
{
	return (hash ^ hash >> 32) * BASE >> 32 & (set->slots - 1);
}

static struct piece *lookup(const struct needles *set, uint64_t hash,
			    const uint8_t *p)
{
	size_t i = slot_of(set, hash);

	while (set->table[i].used &&
	       (set->table[i].hash != hash ||
		memcmp(set->table[i].bytes, p, NEEDLE_PIECE)))
		i = (i + 1) & (set->slots - 1);
	return &set->table[i];
}

static bool insert(struct needles *set, uint64_t hash, const uint8_t *p)
{
	struct piece *piece = lookup(set, hash, p);

	if (piece->used)
		return false;
	piece->used = true;
	piece->hash = hash;
	memcpy(piece->bytes, p, NEEDLE_PIECE);
	set->count++;
	return true;
}

static int grow(struct needles *set, size_t slots)
{
	struct needles bigger = { .slots = slots, .top = set->top };
	size_t i;

	bigger.table = calloc(slots, sizeof(*bigger.table));
	if (!bigger.table)
		return -1;
	for (i = 0; i < set->slots; i++)
		if (set->table[i].used)
			insert(&bigger, set->table[i].hash,
			       set->table[i].bytes);
	free(set->table);
	*set = bigger;
	return 0;
}

struct needles *needles_new(void)
{
	struct needles *set = calloc(1, sizeof(*set));
	int i;

	if (!set)
		return NULL;
	set->top = 1;
	for (i = 1; i < NEEDLE_PIECE; i++)
		set->top *= BASE;
	if (grow(set, 1024)) {
		free(set);
		return NULL;
	}
	return set;
}

void needles_free(struct needles *set)
{
	if (set)
		free(set->table);
	free(set);
}

static bool monotonous(const uint8_t *p)
{
	return !memcmp(p, p + 1, NEEDLE_PIECE - 1);
}

long needles_add(struct needles *set, const uint8_t *text, size_t len)
{
	long added = 0;
	size_t i;

	for (i = 0; i + NEEDLE_PIECE <= len; i += NEEDLE_PIECE) {
		if (monotonous(text + i))
			continue;
		if (2 * set->count >= set->slots && grow(set, 2 * set->slots))
			return -1;
		added += insert(set, hash_of(text + i), text + i);
	}
	return added;
}

long needles_find(const struct needles *set, const uint8_t *buf, size_t len)
{
	uint64_t hash;
	size_t i;

	if (len < NEEDLE_PIECE)
		return -1;
	hash = hash_of(buf);
	for (i = 0;; i++) {
		if (lookup(set, hash, buf + i)->used)
			return i;
		if (i + NEEDLE_PIECE >= len)
			return -1;
		hash = (hash - (buf[i] + UINT64_C(1)) * set->top) * BASE +
		       buf[i + NEEDLE_PIECE] + 1;
	}
}
