/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Coincidences: which tags of two ends belong to one pair of photons.
 *
 * The two clocks differ by an offset of up to milliseconds and a drift of up
 * to parts per million, and neither is known. coinc_find() takes them from the
 * tags: a cross-correlation by FFT finds the offset to a coarse bin, then bins
 * are made finer while the drift is searched along. coinc_match() pairs tags
 * and keeps following both. All times are in ticks of the tags. Bits are never
 * looked at; times are public.
 */
#ifndef TOOLS_RAW_COINC_H
#define TOOLS_RAW_COINC_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct coinc_clock - b's clock against a's
 * @ref: a time on a's clock
 * @offset: b's clock minus a's at that time
 * @drift: how much faster b's clock goes
 */
struct coinc_clock {
	double ref;
	double offset;
	double drift;
};

/**
 * struct coinc_search - what may be
 * @range: largest |offset|, apart from @guess
 * @guess: about where the offset is, 0 if nothing is known
 * @drift: largest |drift|
 * @fine: width of the bins to arrive at; some of the tags' jitter
 */
struct coinc_search {
	double range;
	double guess;
	double drift;
	double fine;
};

/**
 * coinc_find() - find offset and drift
 * @a: tags of an end, ascending
 * @na: how many
 * @b: tags of the other, of about the same stretch of time
 * @nb: how many
 * @s: what may be
 * @c: out
 * @sigmas: out, may be NULL: how far the correlation stands out of the noise
 *
 * The stretch has to be over four times as long as @s->range; 0.1 to 1 s is
 * good. Takes some 130 MB at most, less where drift asks for coarser bins.
 *
 * Return: 0; -ENOENT: nothing stands out, try more tags; -ENOMEM; -EINVAL.
 */
int coinc_find(const uint64_t *a, size_t na, const uint64_t *b, size_t nb,
	       const struct coinc_search *s, struct coinc_clock *c,
	       double *sigmas);

/**
 * struct coinc_pair - indices of two tags
 */
struct coinc_pair {
	uint32_t a, b;
};

/**
 * coinc_match() - pair tags, and let the clock follow
 * @c: the clock, moved on by what the pairs show
 * @a: tags of an end, ascending; @na: how many
 * @b: tags of the other; @nb: how many
 * @window: full width within which two tags belong together
 * @pairs: out, room for the smaller of @na and @nb
 *
 * Each tag is used once at most; of several that fit the nearest wins.
 *
 * Return: number of pairs.
 */
size_t coinc_match(struct coinc_clock *c, const uint64_t *a, size_t na,
		   const uint64_t *b, size_t nb, double window,
		   struct coinc_pair *pairs);

/**
 * struct coinc_counts - outcomes of pairs
 * @n: by a's setting, b's setting, a's bit, b's bit
 */
struct coinc_counts {
	uint64_t n[4][4][2][2];
};

/**
 * coinc_chsh() - S of CHSH and its standard deviation
 * @n: counts; a's settings 0 and 1 and b's settings 2 and 3 are used
 * @sigma: out, may be NULL
 *
 * Return: S, at most 2 for local hidden variables, 2 sqrt(2) for quantum
 * states; 0 if a pair of settings has no counts.
 */
double coinc_chsh(const struct coinc_counts *n, double *sigma);

#endif /* TOOLS_RAW_COINC_H */
