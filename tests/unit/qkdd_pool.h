/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pool as <linux/qkd_dev.h> describes it, in memory, for tests without a
 * kernel: it refuses what the kernel refuses, and keeps what was confirmed.
 */
#ifndef _TESTS_QKDD_POOL_H
#define _TESTS_QKDD_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/qkdd/sink.h"

/**
 * struct pool - one end's pool
 * @lower: this end's node ID sorts first
 * @drain: key is used up as the peer confirms it
 * @keep: remember the bytes, to be compared later; else only count
 * @size: bytes of each stream's ring
 * @st: as QKD_IOC_STATE tells
 * @starts: generations so far
 * @bytes: tx and rx, by offset; 0xff in @state where confirmed (tx) or fed
 * @state: of each byte
 * @room: bytes of each of these
 * @confirmed: bytes confirmed, in all
 * @refused: calls that were refused but for want of room
 */
struct pool {
	bool lower;
	bool drain;
	bool keep;
	uint64_t size;
	struct qkd_state st;
	unsigned int starts;
	uint8_t *bytes[2];
	uint8_t *state[2];
	size_t room;
	uint64_t confirmed;
	unsigned int refused;
	bool down;
};

void pool_init(struct pool *p, bool lower, uint64_t size, bool keep);
void pool_free(struct pool *p);
struct sink pool_sink(struct pool *p);
/* All confirmed and unread key is used up, so that there is room again. */
void pool_drain(struct pool *p);
void pool_drain_one(struct pool *p, bool tx);

/*
 * Compares what may be sent with at @a with what @b would receive with.
 * Returns the bytes compared, or -1 at a difference (invariant 2), or where
 * @b lacks what @a has confirmed.
 */
long pool_compare(const struct pool *a, const struct pool *b);

#endif /* _TESTS_QKDD_POOL_H */
