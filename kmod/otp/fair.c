// SPDX-License-Identifier: GPL-2.0
/*
 * Who may have key next, of those that share a link: start-time fair queueing
 * (Goyal, Vin, Cheng 1996) of what the pool gives, beside guaranteed rates.
 *
 * A user's virtual time grows by what it got, divided by its weight. The
 * link's is that of the user served last, before it was served. Who was not
 * waiting starts from there: idleness earns nothing. Who was refused keeps its
 * own, and while it waits nobody ahead of it is served; so key that comes in
 * small blocks is divided by weight too. All this only while key is scarce.
 *
 * A guaranteed rate fills a bucket, and what is taken from the bucket is
 * nobody's turn. The others leave in the pool what all buckets could hold.
 *
 * Programs take no turns: nobody knows what they will ask for next. But large
 * keys would never be had where users take every small block that comes. So all
 * programs together have a virtual time as if they were one user; and who is
 * ahead of it leaves in the pool what one of them was refused.
 */

#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include "fair.h"

#define USEC		1000000ULL
/*
 * Who was refused has a packet in its queue and asks again when it is woken,
 * on a busy machine not at once; unless it is set down. Who was served after
 * that may want more, or not. Scarcity lasts as long as the first.
 */
#define REFUSED_US	1000000
#define SERVED_US	100000
/* A bucket holds this part of a second's key, within bounds of bytes. */
#define BURST_PART	4
#define BURST_MIN	16384U
#define BURST_MAX	(16U << 20)
/* More is unlimited, for all that it matters; no overflow in a second. */
#define RATE_MAX	1000000000000ULL
/* Virtual time of a byte at weight 1, and how far ahead one may be served. */
#define UNIT		1048576ULL
#define SLACK_BYTES	4096
/*
 * All programs together, and how much of what they found beyond their turn
 * is held against them.
 */
#define PROGRAMS_WEIGHT	100
#define PROGRAMS_DEBT	65536U

/* Virtual times are set back together long before they would overflow. */
#define VTIME_MAX	(U64_MAX / 4)

static u64 vspan(u32 len, u32 weight)
{
	return div_u64(len * UNIT, weight);
}

static u32 burst(const struct otp_fair_user *u)
{
	if (!u->rate)
		return 0;
	return clamp(u->rate / BURST_PART, (u64)BURST_MIN, (u64)BURST_MAX);
}

static void fill_bucket(struct otp_fair_user *u, u64 now_us)
{
	u64 since = min(now_us - u->filled_us, USEC);
	u64 rate = min_t(u64, u->rate, RATE_MAX);

	u->filled_us = now_us;
	u->credit = min(u->credit + rate * since, burst(u) * USEC);
}

/* How far those who wait can be behind, if all went by turns. */
static u64 greatest_lag(const struct otp_fair *f)
{
	const struct otp_fair_user *u;
	u32 lightest = U32_MAX;

	list_for_each_entry(u, &f->users, in)
		lightest = min(lightest, u->weight);
	return vspan(SLACK_BYTES, lightest);
}

static void bring_forward(const struct otp_fair *f, struct otp_fair_user *u,
			  u64 now_us)
{
	u64 lag = now_us < u->wants_until_us ? greatest_lag(f) : 0;

	u->vtime = max(u->vtime, f->now - min(f->now, lag));
}

/* Does @o wait for what @u would take? Not if @o leaves that to others. */
static bool waits(const struct otp_fair_user *o, const struct otp_fair_user *u,
		  u64 now_us)
{
	return o != u && now_us < o->wants_until_us &&
	       !(o->dry && o->reserve > u->reserve);
}

/* Of those who wait, whoever is furthest behind @u; NULL: it is @u's turn. */
static struct otp_fair_user *before(const struct otp_fair *f,
				    const struct otp_fair_user *u, u64 now_us)
{
	u64 least = u->vtime - min(u->vtime, vspan(SLACK_BYTES, u->weight));
	struct otp_fair_user *o, *first = NULL;

	if (now_us >= f->scarce_until_us)
		return NULL;
	list_for_each_entry(o, &f->users, in) {
		if (!waits(o, u, now_us) || o->vtime >= least)
			continue;
		least = o->vtime;
		first = o;
	}
	return first;
}

/**
 * otp_fair_init - nobody shares the link
 * @f: it
 */
void otp_fair_init(struct otp_fair *f)
{
	INIT_LIST_HEAD(&f->users);
	f->now = 0;
	f->scarce_until_us = 0;
	f->programs_vtime = 0;
	f->asked = 0;
}

/**
 * otp_fair_join - let a user take part
 * @f: the link's
 * @u: its rate, weight and reserve are set
 * @now_us: a monotonic clock's time in microseconds, as everywhere here
 */
void otp_fair_join(struct otp_fair *f, struct otp_fair_user *u, u64 now_us)
{
	u->vtime = f->now;
	u->credit = burst(u) * USEC;
	u->filled_us = now_us;
	u->wants_until_us = 0;
	u->dry = false;
	list_add(&u->in, &f->users);
}

/**
 * otp_fair_leave - the opposite of otp_fair_join()
 * @u: takes no part any more
 */
void otp_fair_leave(struct otp_fair_user *u)
{
	list_del(&u->in);
}

/**
 * otp_fair_ask - may this user reserve key now?
 * @f: the link's
 * @u: the user
 * @len: bytes that it wants
 * @now_us: time
 * @owed: set: they come from what is guaranteed to it
 *
 * Return: NULL if it may; else the user whose turn it is, and @u is waiting.
 */
struct otp_fair_user *otp_fair_ask(const struct otp_fair *f,
				   struct otp_fair_user *u, u32 len,
				   u64 now_us, bool *owed)
{
	struct otp_fair_user *first;

	fill_bucket(u, now_us);
	*owed = u->rate && u->credit >= len * USEC;
	if (*owed)
		return NULL;
	bring_forward(f, u, now_us);
	first = before(f, u, now_us);
	if (first) {
		u->wants_until_us = now_us + REFUSED_US;
		u->dry = false;
	}
	return first;
}

static u64 sum_of_bursts(const struct otp_fair *f)
{
	const struct otp_fair_user *u;
	u64 sum = 0;

	list_for_each_entry(u, &f->users, in)
		sum += burst(u);
	return sum;
}

/**
 * otp_fair_floor - what a user has to leave in the pool
 * @f: the link's
 * @u: the user
 * @owed: as otp_fair_ask() said
 *
 * Return: bytes.
 */
u32 otp_fair_floor(const struct otp_fair *f, const struct otp_fair_user *u,
		   bool owed)
{
	u64 bursts = sum_of_bursts(f);
	u64 floor = bursts - burst(u) + u->reserve;

	if (owed)
		return u->reserve;
	/* programs leave all that is guaranteed, before they find anything */
	if (f->asked && f->programs_vtime < u->vtime)
		floor = max(floor, bursts + f->asked);
	return min_t(u64, floor, U32_MAX);
}

/**
 * otp_fair_most - the longest key that a user can wait for
 * @f: the link's
 * @u: the user
 * @pool: bytes that the pool can have
 *
 * Return: bytes.
 */
u32 otp_fair_most(const struct otp_fair *f, const struct otp_fair_user *u,
		  u32 pool)
{
	u64 floor = sum_of_bursts(f) - burst(u) + u->reserve;
	u32 owed = pool > u->reserve ? pool - u->reserve : 0;
	u32 rest = pool > floor ? pool - floor : 0;

	return max(rest, min(owed, burst(u)));
}

/**
 * otp_fair_programs - what programs take, and want
 * @f: the link's
 * @got: bytes since the last call
 * @asked: bytes that one of them was refused, or 0
 */
void otp_fair_programs(struct otp_fair *f, u64 got, u32 asked)
{
	u64 lag = asked ? greatest_lag(f) : 0;

	f->programs_vtime += vspan(min_t(u64, got, PROGRAMS_DEBT),
				   PROGRAMS_WEIGHT);
	f->programs_vtime = clamp(f->programs_vtime, f->now - min(f->now, lag),
				  f->now + vspan(PROGRAMS_DEBT,
						 PROGRAMS_WEIGHT));
	f->asked = asked;
}

/**
 * otp_fair_promised - what others than users have to leave in the pool
 * @u: for this one
 *
 * Return: bytes: what its bucket could hold.
 */
u32 otp_fair_promised(const struct otp_fair_user *u)
{
	return burst(u);
}

static void set_back(struct otp_fair *f)
{
	struct otp_fair_user *u;

	if (f->now < VTIME_MAX)
		return;
	f->now -= VTIME_MAX;
	f->programs_vtime -= min(f->programs_vtime, VTIME_MAX);
	list_for_each_entry(u, &f->users, in)
		u->vtime -= min(u->vtime, VTIME_MAX);
}

/**
 * otp_fair_got - a user got key
 * @f: the link's
 * @u: the user
 * @len: bytes
 * @now_us: time
 * @owed: as otp_fair_ask() said of as many
 */
void otp_fair_got(struct otp_fair *f, struct otp_fair_user *u, u32 len,
		  u64 now_us, bool owed)
{
	if (owed) {
		u->credit -= len * USEC;
		return;
	}
	f->now = max(f->now, u->vtime);
	u->vtime += vspan(len, u->weight);
	set_back(f);
	u->wants_until_us = min(u->wants_until_us, now_us + SERVED_US);
}

/**
 * otp_fair_found_dry - the pool had too little, though it was a user's turn
 * @f: the link's
 * @u: the user, which is waiting now
 * @now_us: time
 */
void otp_fair_found_dry(struct otp_fair *f, struct otp_fair_user *u,
			u64 now_us)
{
	f->scarce_until_us = now_us + REFUSED_US;
	u->wants_until_us = now_us + REFUSED_US;
	u->dry = true;
}
