/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who may have key next, of those that share a link: the arithmetic, without
 * locks, clocks and pools, which are the caller's.
 */
#ifndef _OTP_FAIR_H
#define _OTP_FAIR_H

#include <linux/list.h>
#include <linux/types.h>

/**
 * struct otp_fair - a link's key, as it is divided
 * @users: struct otp_fair_user, by @in
 * @now: virtual time: of the latest that got key by weight, when it asked
 * @scarce_until_us: somebody found too little key, and it counts until then
 * @programs_vtime: key that programs got, as a user's
 * @asked: bytes that one of them waits for; 0: none
 */
struct otp_fair {
	struct list_head users;
	u64 now;
	u64 scarce_until_us;
	u64 programs_vtime;
	u32 asked;
};

/**
 * struct otp_fair_user - one that wants key
 * @in: list node
 * @rate: bytes a second that are guaranteed; set by the caller
 * @weight: at least 1; set by the caller
 * @reserve: bytes that it leaves to all others; set by the caller
 * @vtime: key got by weight so far, divided by @weight
 * @credit: guaranteed key due, in millionths of a byte
 * @filled_us: when @credit grew
 * @wants_until_us: it was refused, and is taken to want key until then
 * @dry: it was refused for want of key, not because it is another's turn
 */
struct otp_fair_user {
	struct list_head in;
	u64 rate;
	u32 weight;
	u32 reserve;
	u64 vtime;
	u64 credit;
	u64 filled_us;
	u64 wants_until_us;
	bool dry;
};

void otp_fair_init(struct otp_fair *f);
void otp_fair_join(struct otp_fair *f, struct otp_fair_user *u, u64 now_us);
void otp_fair_leave(struct otp_fair_user *u);
struct otp_fair_user *otp_fair_ask(const struct otp_fair *f,
				   struct otp_fair_user *u, u32 len,
				   u64 now_us, bool *owed);
u32 otp_fair_floor(const struct otp_fair *f, const struct otp_fair_user *u,
		   bool owed);
u32 otp_fair_most(const struct otp_fair *f, const struct otp_fair_user *u,
		  u32 pool);
void otp_fair_programs(struct otp_fair *f, u64 got, u32 asked);
u32 otp_fair_promised(const struct otp_fair_user *u);
void otp_fair_got(struct otp_fair *f, struct otp_fair_user *u, u32 len,
		  u64 now_us, bool owed);
void otp_fair_found_dry(struct otp_fair *f, struct otp_fair_user *u,
			u64 now_us);

#endif /* _OTP_FAIR_H */
