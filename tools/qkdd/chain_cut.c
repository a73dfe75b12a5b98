// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cuts blocks off the sifted strings. A block ends with the pulse of its last
 * bit, in the check basis as well: what is between two blocks' ends was sampled
 * for one of them, whatever anybody did to the pulses there.
 *
 * Both ends hold strings of the same length and cut at the same bits, so
 * nothing is said about it.
 */
#include <errno.h>
#include <string.h>

#include "chain_priv.h"
#include "tools/post/bits.h"
#include "tools/post/wipe.h"

static void move_bits(uint64_t *dst, const uint64_t *src, size_t from,
		      size_t n)
{
	post_bits_copy(dst, 0, src, from, n);
}

/* Keeps the first @n bits in @s and moves what follows to @rest. */
static void split(struct post_sifted *s, size_t n, struct post_sifted *rest)
{
	size_t more = s->len - n, w = post_words(n), all = post_words(s->cap);
	uint64_t *plane[3] = { s->bit, s->lo, s->hi };
	unsigned int i;

	move_bits(rest->bit, s->bit, n, more);
	move_bits(rest->lo, s->lo, n, more);
	move_bits(rest->hi, s->hi, n, more);
	rest->len = more;
	for (i = 0; i < 3; i++) {
		post_wipe(plane[i] + w, (all - w) * 8);
		if (w)
			plane[i][w - 1] &= post_tail_mask(n);
	}
	s->len = n;
}

/* Counts the first @n check bits, and drops them. */
static int count_check(struct chain *c, size_t n, struct post_counts *k)
{
	struct post_sifted rest;
	uint64_t *diff;
	size_t more = c->chk.len - n, bytes = post_words(c->chk_room) * 8;

	if (sifted_alloc(&rest, c->chk_room))
		return -ENOMEM;
	if (c->role == QKD_ROLE_BOB) {
		/* the diff's room serves as the rest of Alice's bits after */
		diff = post_alloc(bytes);
		if (!diff) {
			sifted_free(&rest);
			return -ENOMEM;
		}
		memcpy(diff, c->chk_alice, bytes);
		post_bits_xor(diff, c->chk.bit, c->chk.len);
		/* counting relies on zeros behind the end */
		if (n % 64)
			diff[n / 64] &= post_tail_mask(n);
		post_sift_count(c->chk.lo, c->chk.hi, diff, n, k->m_chk);
		post_wipe(diff, bytes);
		move_bits(diff, c->chk_alice, n, more);
		post_free(c->chk_alice, bytes);
		c->chk_alice = diff;
	}
	split(&c->chk, n, &rest);
	post_sift_count(c->chk.lo, c->chk.hi, NULL, n, k->n_chk);
	sifted_free(&c->chk);
	c->chk = rest;
	return 0;
}

static int cut(struct chain *c, struct sifted_part *last)
{
	struct post_counts k = { 0 };
	struct post_sifted rest;
	size_t n = c->conf.block, chk;
	int ret;

	chk = last->chk + post_sift_checks_before(last->body, last->basis,
						  last->n, n - last->key);
	last->key -= n;
	last->chk -= chk;
	ret = count_check(c, chk, &k);
	if (ret)
		return ret;
	ret = sifted_alloc(&rest, c->key_room);
	if (ret)
		return ret;
	split(&c->key, n, &rest);
	post_sift_count(c->key.lo, c->key.hi, NULL, n, k.n_key);
	ret = block_new(c, &c->key, &k);
	c->key = rest;
	c->slots = 0;
	memset(&c->sent, 0, sizeof(c->sent));
	memset(&c->chsh, 0, sizeof(c->chsh));
	c->began = chain_now();
	return ret;
}

int cut_blocks(struct chain *c, const struct sifted_part *last)
{
	struct sifted_part part = *last;
	int ret = 0;

	while (!ret && c->key.len >= c->conf.block)
		ret = cut(c, &part);
	return ret;
}
