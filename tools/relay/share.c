// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Shares: joined, proven.
 */
#include <string.h>

#include "share.h"
#include "tools/post/auth.h"
#include "tools/post/wipe.h"

_Static_assert(SHARE_MASK == POST_AUTH_MASK, "a share's end hides a hash");

void share_join(uint8_t *key, const uint8_t *share, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		key[i] ^= share[i];
}

void share_prove(const uint8_t r[16], const uint8_t *share, size_t size,
		 uint8_t proof[SHARE_PROOF])
{
	struct post_auth_part all = { share, size - SHARE_MASK };

	memcpy(proof, r, 16);
	post_auth_tag(r, share + all.len, &all, 1, proof + 16);
}

bool share_proven(const uint8_t *share, size_t size,
		  const uint8_t proof[SHARE_PROOF])
{
	uint8_t own[SHARE_PROOF];

	share_prove(proof, share, size, own);
	return post_equal(own, proof, SHARE_PROOF);
}
