// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What blocks of one length have in common: shuffles, masks, block sizes.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/post/cascade_priv.h"
#include "tools/post/shuffle.h"

#define HUGE_PAGE (2 << 20)

/* n numbers, to be looked up at random: on large pages where there are any */
static uint32_t *numbers(size_t n)
{
	size_t size = n * sizeof(uint32_t);
	void *p;

	if (size < HUGE_PAGE)
		return malloc(size);
	if (posix_memalign(&p, HUGE_PAGE, size))
		return NULL;
	madvise(p, size, MADV_HUGEPAGE);
	return p;
}

struct post_cascade_plan *post_cascade_plan_new(size_t n,
						const uint8_t seed[32])
{
	struct post_cascade_plan *plan;
	struct post_shuffle r;
	int i;

	if (n < POST_CASCADE_MIN_BITS || n > POST_CASCADE_MAX_BITS)
		return NULL;
	plan = calloc(1, sizeof(*plan));
	if (!plan)
		return NULL;
	plan->n = n;
	memcpy(plan->seed, seed, sizeof(plan->seed));
	for (i = 0; i < CASCADE_PASSES - 1; i++) {
		plan->to[i] = numbers(n);
		plan->pos[i] = numbers(n);
		if (!plan->to[i] || !plan->pos[i]) {
			post_cascade_plan_free(plan);
			return NULL;
		}
		post_shuffle_begin(&r, seed, i);
		post_shuffle_order(&r, plan->to[i], plan->pos[i], n);
	}
	return plan;
}

void post_cascade_plan_hasten(struct post_cascade_plan *plan)
{
	plan->hasty = true;
}

void post_cascade_plan_free(struct post_cascade_plan *plan)
{
	int i;

	if (!plan)
		return;
	for (i = 0; i < CASCADE_PASSES - 1; i++) {
		free(plan->to[i]);
		free(plan->pos[i]);
	}
	free(plan);
}

/*
 * Block sizes by error rate, found by measurement on 10^6 bits (make
 * bench-post): leakage within 5 % of n h(q), then few round trips, then time.
 * The first, a power of two so that halves are halves, holds about one error.
 */
static const struct {
	uint32_t qber_ppm;	/* up to */
	uint32_t k0, k1;
} table[] = {
	{   1500, 512, 4096 },
	{   2400, 512, 2048 },
	{   2900, 256, 2048 },
	{   4700, 256, 1024 },
	{   5800, 128, 1024 },
	{   9500, 128,  512 },
	{  11700,  64,  512 },
	{  19000,  64,  256 },
	{  24500,  32,  256 },
	{  41000,  32,  128 },
	{  60000,  16,  128 },
	{  75000,  16,   96 },
	{  95000,   8,  128 },
	{ 110000,   8,   96 },
	{ 130000,   8,   64 },
	{ 250000,   4,   64 },
};

#define ROWS (sizeof(table) / sizeof(table[0]))

static uint32_t at_most(uint32_t k, uint32_t most)
{
	return k < most ? k : most;
}

void cascade_sizes(uint32_t n, uint32_t qber_ppm, bool hasty,
		   struct cascade_sizes *s)
{
	size_t i = 0;

	while (i < ROWS - 1 && qber_ppm > table[i].qber_ppm)
		i++;
	s->k[0] = at_most(table[i].k0, n / 4);
	s->k[1] = at_most(table[i].k1, n / 2);
	s->k[2] = at_most(table[i].k1 > 1024 ? 4 * table[i].k1 : 4096, n / 2);
	/* stragglers of the second pass are left to the third */
	s->start[0] = 0;
	s->start[1] = 0;
	s->start[2] = hasty ? n / 4096 : n / 131072;
	s->four = hasty ? 500 : 16000;
	s->eight = hasty ? 4000 : 64000;
}
