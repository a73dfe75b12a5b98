// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys by the million: asked for at either end, taken at the other by their
 * IDs, the same. Key is fed as it is used; streams start anew now and then.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/pair/pair.h"
#include "churn.h"

#define KEY	32		/* bytes */
#define BLOCK	32768		/* bytes each way */

/* One key from @from, taken at @to. */
static bool one(const struct pair_end *from, const struct pair_end *to)
{
	uint8_t key[KEY], same[KEY];
	struct qkd_key_id id;
	int n;

	n = pair_get_now(from->fd, key, KEY, &id);
	if (n < 0) {
		printf("# get: %s\n", strerror(-n));
		return false;
	}
	n = pair_take(to->fd, &id, same, KEY);
	if (n != KEY || memcmp(key, same, KEY)) {
		printf("# take: %s\n", n < 0 ? strerror(-n) : "another key");
		return false;
	}
	return true;
}

bool keys(struct pair *p, unsigned int n)
{
	unsigned int i, left = 0;

	for (i = 0; i < n; i++) {
		if (!left && (!i || p->offset + BLOCK > PAIR_BYTES))
			pair_start(p);
		if (!left) {
			uint64_t at = p->offset;

			pair_feed(p, BLOCK);
			pair_confirm(p, at);
			/* but for what is the kernel's own, which stays */
			left = 2 * ((BLOCK - (at ? 0 : 2 * PAIR_CONTROL)) / KEY);
		}
		left--;
		if (!(i % 2 ? one(&p->a, &p->b) : one(&p->b, &p->a)))
			return false;
	}
	return true;
}
