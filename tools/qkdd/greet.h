/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The greeting: what two daemons say before any one-time key is spent.
 */
#ifndef _QKDD_GREET_H
#define _QKDD_GREET_H

#include <stdbool.h>
#include <stdint.h>

#include "auth.h"
#include "record.h"

#define GREET_SIZE	248
#define GREET_NODE	64
#define GREET_LINK	32

/**
 * struct greet - a greeting, taken apart
 * @nonce: random, of the end that says it
 * @marks: where its store stands
 * @from: its node ID
 * @to: whom it means
 * @link: its name of the link
 */
struct greet {
	uint8_t nonce[RECORD_NONCE];
	struct auth_marks marks;
	char from[GREET_NODE];
	char to[GREET_NODE];
	char link[GREET_LINK];
};

void greet_put_marks(uint8_t buf[32], const struct auth_marks *m);
void greet_get_marks(const uint8_t buf[32], struct auth_marks *m);

/* @first: the greeting this one answers, or NULL */
void greet_build(const struct greet *g, const struct auth_store *store,
		 const uint8_t *first, uint8_t buf[GREET_SIZE]);
/* 0 or -EBADMSG: no greeting of this version. Nothing is believed yet. */
int greet_parse(const uint8_t buf[GREET_SIZE], struct greet *g);
/* Whether it was made by who holds the store's secret. */
bool greet_check(const uint8_t buf[GREET_SIZE], const struct auth_store *store,
		 const uint8_t *first);

#endif /* _QKDD_GREET_H */
