/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rotates the preshared key of a program at both ends of a link.
 */
#ifndef _ROTATE_ROTATE_H
#define _ROTATE_ROTATE_H

#include <stdbool.h>
#include <stdint.h>

#define ROTATE_KEY	32	/* bytes */

struct event_base;
struct rotate;

/**
 * struct rotate_user - the program that the keys are for
 * @kind: "wg": its key is accounted to "wg:@name"
 * @name: of what uses the key: an interface, a connection
 * @hold: makes sure that the program has @key; called for each new key and every
 *	two seconds from then on, with @fresh true until it succeeded once. 0: it
 *	has; 1: it had not and was given it; -errno. Writes the firewall mark
 *	that the program's packets bear, if it may have changed
 * @why: what such an error means, in words
 * @both: both ends' programs have key @number: at each tick of 250 ms from then
 *	on to the next key. @lead: of the two ends, this is the one to act. May
 *	be NULL
 */
struct rotate_user {
	const char *kind;
	const char *name;
	int (*hold)(void *ctx, const uint8_t key[ROTATE_KEY], bool fresh,
		    uint32_t *mark);
	const char *(*why)(void *ctx, int err);
	void (*both)(void *ctx, uint32_t number, bool lead);
	void *ctx;
};

/**
 * struct rotate_conf - what to rotate, from what
 * @link: name of the link
 * @stream: name of the link's stream, the same at both ends
 * @user: whose key
 * @port: where the peer's end listens, and this one; UDP
 * @interval_ms: from one key to the next
 */
struct rotate_conf {
	const char *link;
	const char *stream;
	const struct rotate_user *user;
	uint16_t port;
	uint64_t interval_ms;
};

/* NULL when out of memory. Goes on for ever, whatever is not there yet. */
struct rotate *rotate_new(struct event_base *base,
			  const struct rotate_conf *conf);
void rotate_free(struct rotate *r);

#endif /* _ROTATE_ROTATE_H */
