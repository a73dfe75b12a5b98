// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Wegman-Carter tags of classical messages.
 */
#include "tools/post/auth.h"
#include "tools/post/polyhash.h"
#include "tools/post/wipe.h"

void post_auth_tag(const uint8_t h[POST_AUTH_KEY],
		   const uint8_t mask[POST_AUTH_MASK],
		   const struct post_auth_part *parts, size_t count,
		   uint8_t tag[POST_AUTH_TAG])
{
	struct polyhash p;
	uint64_t len;
	size_t i;

	polyhash_begin(&p, h);
	for (i = 0; i < count; i++)
		polyhash_add(&p, parts[i].data, parts[i].len);
	len = p.len;
	polyhash_end(&p, 8 * len, tag);
	for (i = 0; i < POST_AUTH_TAG; i++)
		tag[i] ^= mask[i];
}

bool post_auth_check(const uint8_t h[POST_AUTH_KEY],
		     const uint8_t mask[POST_AUTH_MASK],
		     const struct post_auth_part *parts, size_t count,
		     const uint8_t tag[POST_AUTH_TAG])
{
	uint8_t want[POST_AUTH_TAG];
	bool ok;

	post_auth_tag(h, mask, parts, count, want);
	ok = post_equal(want, tag, POST_AUTH_TAG);
	post_wipe(want, sizeof(want));
	return ok;
}
