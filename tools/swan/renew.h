/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection of strongSwan as what keys are rotated for: each new key is
 * given to charon, and put to use by reauthentication.
 */
#ifndef _SWAN_RENEW_H
#define _SWAN_RENEW_H

#include "charon.h"
#include "tools/rotate/rotate.h"

enum renew_state {
	RENEW_SET,
	RENEW_ASKED,
	RENEW_DONE,
};

/**
 * struct renew - of one connection; zeroed but for @charon and @link
 * @link: for messages
 * @number: of the key that both ends have
 * @known: @number is
 * @loose: the connection was seen to do without PPK
 * @newest: IKE SAs with greater numbers were begun when both had it
 * @ticks: since the state changed
 * @none: looks, one after the other, that found no IKE SA
 * @said: it was told that charon did not do it
 */
struct renew {
	struct charon charon;
	const char *link;
	enum renew_state state;
	uint32_t number;
	bool known;
	bool loose;
	uint64_t newest;
	unsigned int ticks;
	unsigned int none;
	bool said;
};

/* For struct rotate_user; @ctx is a struct renew. */
int renew_hold(void *ctx, const uint8_t key[ROTATE_KEY], bool fresh,
	       uint32_t *mark);
const char *renew_why(void *ctx, int err);
void renew_both(void *ctx, uint32_t number, bool lead);

#endif /* _SWAN_RENEW_H */
