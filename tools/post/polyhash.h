/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The polynomial hash under verification and authentication.  Internal.
 *
 * For blocks b[1..k] of 16 bytes, the last filled up with zeros, and L their
 * length in bits as a block:  b[1] h^(k+1) + ... + b[k] h^2 + L h.
 * Two messages' hashes differ by a given value with probability at most
 * (k + 1) 2^-128 over h.
 *
 * Timing: depends on lengths only.
 */
#ifndef QKD_POST_POLYHASH_H
#define QKD_POST_POLYHASH_H

#include "tools/post/gf128.h"

struct polyhash {
	struct gf128 h, acc;
	uint64_t len;		/* bytes taken */
	uint8_t part[16];	/* the last len % 16 of them */
};

void polyhash_begin(struct polyhash *p, const uint8_t h[16]);
void polyhash_add(struct polyhash *p, const void *data, size_t len);

/* @bits: the length in bits that the hash shall cover */
void polyhash_end(struct polyhash *p, uint64_t bits, uint8_t out[16]);

#endif
