/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A block of key as the XOR of shares, and what proves a share. Pure.
 *
 * The last SHARE_MASK bytes of a share are no key: they hide its proof.
 */
#ifndef _RELAY_SHARE_H
#define _RELAY_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARE_MASK	16
#define SHARE_PROOF	32	/* bytes: hash key, hidden hash */

/* key ^= share, over the key's @len bytes */
void share_join(uint8_t *key, const uint8_t *share, size_t len);

/*
 * @r: 16 bytes, random and secret until whoever could alter the share can do so
 * no more. @size: of the share, its mask included.
 */
void share_prove(const uint8_t r[16], const uint8_t *share, size_t size,
		 uint8_t proof[SHARE_PROOF]);
/* Whether this is the share that was proven. */
bool share_proven(const uint8_t *share, size_t size,
		  const uint8_t proof[SHARE_PROOF]);

#endif /* _RELAY_SHARE_H */
