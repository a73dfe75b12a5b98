// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzer of how a link's key is divided: whoever joins, leaves, asks and finds
 * the pool dry, with whatever weights and guarantees, somebody's turn it always
 * is, and buckets hold no more than they may.
 */
// SOURCES: kmod/otp/fair.c
// CPPFLAGS: -Itests/kshim
#include <stdlib.h>
#include <string.h>

#include "kmod/otp/fair.h"

#define USERS	4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

struct input {
	const uint8_t *p;
	size_t len;
};

static uint32_t take(struct input *in)
{
	if (!in->len)
		return 0;
	in->len--;
	return *in->p++;
}

/* Spread over the whole range: shifted by a few of its own bits */
static uint64_t number(struct input *in)
{
	uint32_t v = take(in);

	return (uint64_t)(take(in) + 1) << v % 40;
}

/* Among those who want key now, one may have it. */
static void somebody_may(struct otp_fair *f, struct otp_fair_user *u,
			 const bool *in, uint64_t now)
{
	bool may = false, any = false, owed;
	int i;

	for (i = 0; i < USERS; i++) {
		if (!in[i])
			continue;
		any = true;
		may |= !otp_fair_ask(f, &u[i], 1500, now, &owed);
	}
	check(may || !any);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct otp_fair_user u[USERS] = { { .weight = 0 } };
	struct input in = { data, size };
	bool there[USERS] = { false };
	uint64_t now = 1000;
	struct otp_fair f;

	otp_fair_init(&f);
	while (in.len) {
		unsigned int i = take(&in) % USERS, len, op = take(&in) % 4;
		struct otp_fair_user *before;
		bool owed;

		now += number(&in) & 0xfffffff;
		if (!there[i]) {
			u[i].rate = op ? 0 : number(&in);
			u[i].weight = 1 + (number(&in) & 0xffff);
			u[i].reserve = take(&in) << 10;
			otp_fair_join(&f, &u[i], now);
			there[i] = true;
			continue;
		}
		if (op == 3) {
			otp_fair_leave(&u[i]);
			there[i] = false;
			continue;
		}
		len = 16 + (number(&in) & 0xffff);
		before = otp_fair_ask(&f, &u[i], len, now, &owed);
		check(!before || (before != &u[i] && !owed));
		check(otp_fair_floor(&f, &u[i], owed) >= u[i].reserve);
		if (!before && op == 2)
			otp_fair_found_dry(&f, &u[i], now);
		else if (!before)
			otp_fair_got(&f, &u[i], len, now, owed);
		check(u[i].credit <= 1000000ull * (16u << 20));
		somebody_may(&f, u, there, now);
	}
	return 0;
}
