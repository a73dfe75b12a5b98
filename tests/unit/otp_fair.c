// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How scarce key is divided between one-time-pad tunnels: by weight, however
 * small the blocks are that it comes in; beside guaranteed rates; beside programs
 * that want large keys; and not at all while there is enough.
 *
 * A pool is played here as qkd.ko's is: blocks come in, a reservation that
 * would leave less than the floor is refused. Tunnels are as pad.c's queues:
 * they ask for a batch, then for one packet, and when refused wait for a wake.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "kmod/otp/fair.h"
#include "kselftest_harness.h"

#define USERS	3
#define PACKET	1456
#define BATCH	65536

struct player {
	struct otp_fair_user user;
	u64 got;	/* bytes */
	u64 have;	/* of that, bytes not used yet */
	u64 want;	/* bytes it still wants to send */
	u64 demand;	/* bytes that are added a second; 0: no end of it */
	u64 fraction;	/* of a byte to add, in millionths */
	u32 batch;
	u64 refused;	/* times */
};

struct play {
	struct otp_fair fair;
	struct player p[USERS];
	unsigned int n;
	u64 pool;
	u64 size;
	u64 now_us;
	u64 retry_us;
	u32 key;	/* bytes that a program asks for at a time; 0: none does */
	bool asked;	/* and was refused */
	bool gone;	/* after that */
	u64 program_got;
	u64 told;	/* of that */
};

static struct player *player_of(struct otp_fair_user *u)
{
	return (struct player *)((char *)u - offsetof(struct player, user));
}

static void play_init(struct play *g, unsigned int n)
{
	unsigned int i;

	memset(g, 0, sizeof(*g));
	g->now_us = 1000;
	g->retry_us = 12000;
	g->size = 4 << 20;
	g->n = n;
	otp_fair_init(&g->fair);
	for (i = 0; i < n; i++) {
		g->p[i].user.weight = 100;
		g->p[i].batch = BATCH;
	}
}

static void play_join(struct play *g)
{
	unsigned int i;

	for (i = 0; i < g->n; i++)
		otp_fair_join(&g->fair, &g->p[i].user, g->now_us);
}

/* As share.c's reserve(). @first: whose turn it is instead */
static bool reserve(struct play *g, struct player *p, u32 len,
		    struct player **first)
{
	struct otp_fair_user *u;
	bool owed;

	*first = NULL;
	otp_fair_programs(&g->fair, g->program_got - g->told,
			  g->asked ? g->key : 0);
	g->told = g->program_got;
	u = otp_fair_ask(&g->fair, &p->user, len, g->now_us, &owed);
	if (u) {
		*first = player_of(u);
		return false;
	}
	if (g->pool < len + otp_fair_floor(&g->fair, &p->user, owed)) {
		otp_fair_found_dry(&g->fair, &p->user, g->now_us);
		return false;
	}
	otp_fair_got(&g->fair, &p->user, len, g->now_us, owed);
	g->pool -= len;
	p->got += len;
	p->have += len;
	return true;
}

/* One player sends all it can; whose turn it is otherwise, goes after it. */
static void run(struct play *g, struct player *p, unsigned int depth)
{
	struct player *first = NULL;
	unsigned int most = 1000;	/* it is as fast as that */
	u32 len;

	while (most-- && (!p->demand || p->want >= PACKET)) {
		if (p->have >= PACKET) {
			p->have -= PACKET;
			p->want -= p->demand ? PACKET : 0;
			continue;
		}
		len = p->batch > PACKET ? p->batch : PACKET;
		if (!reserve(g, p, len, &first)) {
			p->batch /= 4;
			if (len == PACKET || !reserve(g, p, PACKET, &first)) {
				p->refused++;
				break;
			}
		} else if (p->demand) {
			p->batch = p->demand / 20;
		} else if (p->batch < BATCH) {
			p->batch = p->batch * 2 + PACKET;
		}
	}
	if (first && depth)
		run(g, first, depth - 1);
}

static u64 promised(const struct play *g)
{
	const struct otp_fair_user *u;
	u64 sum = 0;

	list_for_each_entry(u, &g->fair.users, in)
		sum += otp_fair_promised(u);
	return sum;
}

/* A program takes what it finds, as qkd_reserve() lets it. */
static void run_program(struct play *g)
{
	u64 floor = promised(g);

	if (g->gone)
		return;
	while (g->key && g->pool >= g->key + floor) {
		g->pool -= g->key;
		g->program_got += g->key;
	}
	g->asked = g->key;
}

static void pass(struct play *g, u64 us)
{
	unsigned int i;

	g->now_us += us;
	for (i = 0; i < g->n; i++) {
		struct player *p = &g->p[i];

		p->fraction += p->demand * us;
		p->want += p->fraction / 1000000;
		p->fraction %= 1000000;
		if (p->want > p->demand / 10 + PACKET)
			p->want = p->demand / 10 + PACKET;
	}
}

/* @seconds of key at @rate in blocks of @block; all try as often as that. */
static void play(struct play *g, unsigned int seconds, u32 rate, u32 block)
{
	u64 step = block * 1000000ULL / rate, end, next, us;
	unsigned int i, k = 0;

	end = g->now_us + seconds * 1000000ULL;
	for (next = g->now_us + step; next < end; next += step) {
		while (g->now_us < next) {
			us = next - g->now_us;
			pass(g, us < g->retry_us ? us : g->retry_us);
			for (i = 0; i < g->n; i++)
				run(g, &g->p[(i + k) % g->n], 200);
			run_program(g);
			k++;
		}
		if (g->pool + block <= g->size)
			g->pool += block;
	}
}

static int share_ppt(const struct play *g, unsigned int i)
{
	u64 sum = 0;
	unsigned int k;

	for (k = 0; k < g->n; k++)
		sum += g->p[k].got;
	return sum ? (int)(g->p[i].got * 1000 / sum) : -1;
}

/* Three, of whom the last is guaranteed @rate. */
static void three(struct play *g, u32 a, u32 b, u32 c, u64 rate)
{
	play_init(g, 3);
	g->p[0].user.weight = a;
	g->p[1].user.weight = b;
	g->p[2].user.weight = c;
	g->p[2].user.rate = rate;
}

#define EXPECT_NEAR(want, got, by) do {			\
	EXPECT_LE((want) - (by), got);			\
	EXPECT_GE((want) + (by), got);			\
} while (0)

/* per mille */
#define EXPECT_SHARES(g, a, b, c) do {			\
	EXPECT_NEAR(a, share_ppt(g, 0), 40);		\
	EXPECT_NEAR(b, share_ppt(g, 1), 40);		\
	EXPECT_NEAR(c, share_ppt(g, 2), 40);		\
} while (0)

TEST(weights_hold_whatever_the_blocks)
{
	static const u32 blocks[] = { 512, 2048, 4096, 16384, 65536, 262144 };
	static const u32 weights[][2] = { { 300, 100 }, { 100, 300 }, { 1, 9 } };
	struct play g;
	unsigned int b, w;

	for (w = 0; w < 3; w++) {
		for (b = 0; b < 6; b++) {
			u32 sum = weights[w][0] + weights[w][1];

			play_init(&g, 2);
			g.p[0].user.weight = weights[w][0];
			g.p[1].user.weight = weights[w][1];
			play_join(&g);
			play(&g, 60, 200000, blocks[b]);
			TH_LOG("weights %u:%u blocks %u: %d per mille",
			       weights[w][0], weights[w][1], blocks[b],
			       share_ppt(&g, 0));
			EXPECT_NEAR((int)(1000 * weights[w][0] / sum),
				    share_ppt(&g, 0), 40);
			/* and all of it is used */
			EXPECT_LE(60 * 200000 * 9 / 10, g.p[0].got + g.p[1].got);
		}
	}
}

/* a machine so busy that who waits is late to ask again, each at its time */
TEST(weights_hold_when_woken_late)
{
	struct play g;
	u64 next[2] = {};
	unsigned int i, k;

	play_init(&g, 2);
	g.p[0].user.weight = 300;
	play_join(&g);
	for (i = 0; i < 60000; i++) {
		pass(&g, 1000);
		g.pool += 120;
		for (k = 0; k < 2; k++) {
			if (g.now_us < next[k])
				continue;
			next[k] = g.now_us + (k ? 150000 : 400000);
			run(&g, &g.p[k], 0);
		}
	}
	EXPECT_NEAR(750, share_ppt(&g, 0), 60);
}

TEST(three_share_by_weight)
{
	struct play g;

	three(&g, 500, 300, 200, 0);
	play_join(&g);
	play(&g, 60, 200000, 4096);
	EXPECT_SHARES(&g, 500, 300, 200);
}

/* at weight 1 and 1 GB/s it would within five hours */
TEST(virtual_time_does_not_overflow)
{
	struct play g;

	play_init(&g, 2);
	g.p[0].user.weight = 300;
	g.fair.now = 0 - (1ULL << 34);
	play_join(&g);
	play(&g, 60, 200000, 4096);
	EXPECT_NEAR(750, share_ppt(&g, 0), 40);
}

TEST(what_one_does_not_want_others_get)
{
	struct play g;

	play_init(&g, 2);
	g.p[0].user.weight = 900;
	g.p[0].demand = 20000;
	play_join(&g);
	play(&g, 60, 200000, 4096);
	/* a tenth of the key is all that the first asks for */
	EXPECT_NEAR(100, share_ppt(&g, 0), 30);
	EXPECT_LE(60 * 200000 * 9 / 10, g.p[0].got + g.p[1].got);
}

TEST(idleness_earns_nothing)
{
	struct play g;
	u64 was;

	play_init(&g, 2);
	play_join(&g);
	g.p[0].demand = 1;	/* no packet in that time */
	play(&g, 60, 200000, 4096);
	was = g.p[1].got;
	g.p[0].demand = 0;
	g.p[0].got = 0;
	play(&g, 20, 200000, 4096);
	EXPECT_NEAR(500, (int)((g.p[1].got - was) * 1000 /
			       (g.p[1].got - was + g.p[0].got)), 40);
}

TEST(a_guaranteed_rate_is_had_and_the_rest_goes_by_weight)
{
	struct play g;

	/* 50 000 guaranteed and 1/10 of the other 150 000 */
	three(&g, 600, 300, 100, 50000);
	play_join(&g);
	play(&g, 120, 200000, 4096);
	EXPECT_SHARES(&g, 450, 225, 325);
}

TEST(who_stays_below_its_rate_hardly_waits)
{
	struct play g;

	three(&g, 1000000, 100, 1, 30000);
	g.p[2].demand = 20000;
	play_join(&g);
	play(&g, 5, 200000, 4096);
	g.p[2].got = 0;
	g.p[2].refused = 0;
	play(&g, 60, 200000, 4096);
	EXPECT_NEAR(60 * 20000, (int)g.p[2].got, 60 * 1000);
	EXPECT_EQ(0, g.p[2].refused);
}

TEST(guarantees_beyond_the_key_leave_nothing_but_break_nothing)
{
	struct play g;

	play_init(&g, 3);
	g.p[0].user.rate = 300000;
	g.p[1].user.rate = 300000;
	play_join(&g);
	play(&g, 30, 200000, 4096);
	EXPECT_LE(200, share_ppt(&g, 0));
	EXPECT_LE(200, share_ppt(&g, 1));
	EXPECT_NEAR(0, share_ppt(&g, 2), 20);
}

/* who leaves key to others does not hold them up by waiting for it */
TEST(others_leave_what_is_guaranteed)
{
	static struct play g;

	play_init(&g, 3);
	play_join(&g);
	EXPECT_EQ(0, promised(&g));
	g.p[0].user.rate = 400000;
	g.p[2].user.rate = 800000;
	EXPECT_EQ(300000, promised(&g));
	otp_fair_leave(&g.p[2].user);
	EXPECT_EQ(100000, promised(&g));
}

/* tunnels are as fast as can be, it comes last; alike beside guarantees */
TEST(a_program_gets_large_keys_out_of_small_blocks)
{
	static const u32 blocks[] = { 512, 2048, 4096, 16384 };
	static const u32 keys[] = { 4096, 8191 };
	static struct play g;
	unsigned int b, k, rate;

	for (rate = 0; rate <= 40000; rate += 40000)
		for (b = 0; b < 4; b++)
			for (k = 0; k < 2; k++) {
				three(&g, 200, 150, 50, rate);
				g.key = keys[k];
				play_join(&g);
				play(&g, 60, 200000, blocks[b]);
				TH_LOG("rate %u blocks %u keys %u: %llu bytes",
				       rate, blocks[b], keys[k],
				       (unsigned long long)g.program_got);
				EXPECT_LE((200000 - rate) / 5 * 60ULL * 8 / 10,
					  g.program_got);
				EXPECT_GE((200000 - rate) / 5 * 60ULL * 13 / 10,
					  g.program_got);
				EXPECT_LE(60 * 200000ULL * 9 / 10,
					  g.p[0].got + g.p[1].got + g.p[2].got +
					  g.program_got);
			}
}

TEST(beside_a_program_weights_hold)
{
	static struct play g;

	three(&g, 500, 300, 200, 0);
	g.key = 4096;
	play_join(&g);
	play(&g, 60, 200000, 4096);
	EXPECT_SHARES(&g, 500, 300, 200);
}

/* whoever asks and never comes for it has what it asked for left, and no more */
TEST(a_program_that_asked_and_went_holds_up_nobody)
{
	static struct play g;

	play_init(&g, 2);
	play_join(&g);
	g.key = 8191;
	g.gone = true;
	g.asked = true;
	play(&g, 60, 200000, 4096);
	EXPECT_EQ(0, g.program_got);
	EXPECT_LE(60 * 200000ULL * 9 / 10, g.p[0].got + g.p[1].got);
	EXPECT_LE(8191, g.pool);
	EXPECT_GE(8191 + 8192, g.pool);
}

TEST(a_reserve_yields)
{
	struct play g;

	play_init(&g, 2);
	g.p[0].user.reserve = 65536;
	play_join(&g);
	play(&g, 30, 200000, 4096);
	EXPECT_LE(30 * 200000 * 9 / 10, g.p[1].got);
	/* and has no claim from then when there is more */
	g.p[1].got = 0;
	g.p[0].user.reserve = 0;
	g.p[0].got = 0;
	play(&g, 20, 200000, 4096);
	EXPECT_NEAR(500, share_ppt(&g, 0), 50);
}

TEST(nobody_waits_while_there_is_enough)
{
	struct play g;

	play_init(&g, 2);
	g.p[0].user.weight = 1;
	g.p[0].demand = 40000;
	g.p[1].demand = 40000;
	g.pool = g.size / 2;
	play_join(&g);
	play(&g, 60, 200000, 4096);
	EXPECT_EQ(0, g.p[0].refused);
	EXPECT_EQ(0, g.p[1].refused);
}

TEST(nor_when_there_is_enough_again)
{
	struct play g;

	play_init(&g, 2);
	play_join(&g);
	play(&g, 5, 200000, 4096);
	EXPECT_LT(0, g.p[0].refused);
	g.pool = 1ULL << 40;
	play(&g, 2, 200000, 4096);
	g.p[0].refused = 0;
	g.p[1].refused = 0;
	play(&g, 10, 200000, 4096);
	EXPECT_EQ(0, g.p[0].refused);
	EXPECT_EQ(0, g.p[1].refused);
}

TEST_HARNESS_MAIN
