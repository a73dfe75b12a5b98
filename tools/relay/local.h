/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What qkdd's driver and qkd-relayd say to each other on one machine: messages
 * of a SOCK_SEQPACKET socket, a byte of type first.
 *
 *   driver --- OPEN: a virtual link, which end, by which paths -->
 *   driver --- GET (target), TAKE with a name (origin) --------->
 *          <--- BLOCK with its name, or NONE ---------------------
 *          <--- UP, TROUBLE, at any time -------------------------
 */
#ifndef _RELAY_LOCAL_H
#define _RELAY_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "share.h"

#define LOCAL_SOCKET	"/run/qkd-relay/socket"
#define LOCAL_PATHS	16
#define LOCAL_NAME	(FRAME_BLOCK_ID + FRAME_SHARES * SHARE_PROOF)
#define LOCAL_KEY	(FRAME_SHARE_MAX - SHARE_MASK)
#define LOCAL_TEXT	400
/* longest message: BLOCK */
#define LOCAL_MAX	(3 + LOCAL_NAME + LOCAL_KEY)

enum local_type {
	LOCAL_OPEN = 1,
	LOCAL_GET,
	LOCAL_TAKE,
	LOCAL_BLOCK = 16,
	LOCAL_NONE,
	LOCAL_UP,
	LOCAL_TROUBLE,
};

/**
 * struct local_open - a virtual link
 * @origin: this end draws the key; else it is the target
 * @shares: of a block
 * @timeout: s without an answer until a share is given up
 * @local: this node
 * @peer: the other end
 * @paths: origin: how many
 * @path: from @local to @peer, in the order of preference
 */
struct local_open {
	bool origin;
	unsigned int shares;
	unsigned int timeout;
	char local[QKD_NODE_MAX + 1];
	char peer[QKD_NODE_MAX + 1];
	unsigned int paths;
	struct path path[LOCAL_PATHS];
};

/* Longest OPEN */
#define LOCAL_OPEN_MAX	(8 + 2 * (1 + QKD_NODE_MAX) + \
			 LOCAL_PATHS * (1 + PATH_BYTES))

size_t local_put_open(uint8_t *out, const struct local_open *o);
/* NULL, or what is wrong with it. */
const char *local_get_open(const uint8_t *in, size_t len,
			   struct local_open *o);
/* What a configuration must be, wherever it comes from; NULL if it is. */
const char *local_check(const struct local_open *o);

/* A BLOCK taken apart; false if it is none. */
bool local_get_block(const uint8_t *in, size_t len, const uint8_t **name,
		     size_t *name_len, const uint8_t **key, size_t *key_len);

#endif /* _RELAY_LOCAL_H */
