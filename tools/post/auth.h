/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Wegman-Carter authentication of the classical channel.
 *
 *   tag = hash_h(message) ^ mask
 *
 * with h 16 secret bytes that serve a whole session and direction, and the
 * mask 16 fresh secret bytes for each message, never used for another.  The
 * hash is a polynomial over GF(2^128) of the message and its length, so a
 * forger (or replayer: the message must hold its number) succeeds with
 * probability at most (ceil(L / 16) + 1) 2^-128 per attempt on a message of
 * up to L bytes, however much he computes: 2^-108 at 16 MiB.  Wegman and
 * Carter 1981; Portmann, arXiv:1202.1229, for using h again.
 *
 * Where the 16 bytes per message come from, and that they are never used
 * twice, is the caller's: a message costs 128 bits of key, to be subtracted
 * from the yield.
 *
 * Timing: depends on the length of the message only.
 */
#ifndef QKD_POST_AUTH_H
#define QKD_POST_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POST_AUTH_KEY 16	/* bytes of h */
#define POST_AUTH_MASK 16	/* bytes of key each message uses up */
#define POST_AUTH_TAG 16	/* bytes of a tag */

/**
 * struct post_auth_part - a piece of a message
 * @data: bytes
 * @len: how many
 */
struct post_auth_part {
	const void *data;
	size_t len;
};

/**
 * post_auth_tag() - the tag of a message
 * @h: the session's hash key
 * @mask: this message's mask; wipe it afterwards
 * @parts: the message, in pieces that are taken one after the other
 * @count: pieces
 * @tag: written to
 */
void post_auth_tag(const uint8_t h[POST_AUTH_KEY],
		   const uint8_t mask[POST_AUTH_MASK],
		   const struct post_auth_part *parts, size_t count,
		   uint8_t tag[POST_AUTH_TAG]);

/**
 * post_auth_check() - whether a message's tag is right, in constant time
 *
 * Parameters as in post_auth_tag().
 */
bool post_auth_check(const uint8_t h[POST_AUTH_KEY],
		     const uint8_t mask[POST_AUTH_MASK],
		     const struct post_auth_part *parts, size_t count,
		     const uint8_t tag[POST_AUTH_TAG]);

#endif
