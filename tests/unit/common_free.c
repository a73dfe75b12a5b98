// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a thread frees is wiped once it asked for that, of whatever size, and so
 * is what realloc() moves away from.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <kselftest_harness.h>

#include "tools/common/wipe_free.h"

#define SECRET	0x73
#define LINKS	16	/* the allocator's own words, at a free piece's beginning */

static const size_t sizes[] = { 40, 64, 300, 1000, 1100, 5000, 60000 };

/* Of @len bytes at @at, which was freed: how many are secret still */
static size_t left(uintptr_t at, size_t len)
{
	const volatile unsigned char *p = (void *)at;
	size_t n = 0;

	for (size_t i = LINKS; i < len; i++)
		n += p[i] == SECRET;
	return n;
}

static uintptr_t secret_of(size_t len)
{
	void *p = malloc(len);

	memset(p, SECRET, len);
	return (uintptr_t)p;
}

TEST(what_is_freed_is_wiped)
{
#if !WIPE_FREE
	SKIP(return, "free() is the sanitizer's");
#endif
	wipe_frees(true);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uintptr_t at = secret_of(sizes[i]);

		free((void *)at);
		EXPECT_EQ(0, left(at, sizes[i]));
	}
	wipe_frees(false);
}

TEST(so_is_what_is_made_nothing)
{
#if !WIPE_FREE
	SKIP(return, "free() is the sanitizer's");
#endif
	uintptr_t at = secret_of(256);

	wipe_frees(true);
	EXPECT_EQ(NULL, realloc((void *)at, 0));
	EXPECT_EQ(0, left(at, 256));
	wipe_frees(false);
}

TEST(so_is_what_is_moved)
{
#if !WIPE_FREE
	SKIP(return, "free() is the sanitizer's");
#endif
	wipe_frees(true);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uintptr_t at = secret_of(sizes[i]);
		unsigned char *more = realloc((void *)at, 2 * sizes[i]);

		ASSERT_NE(NULL, more);
		ASSERT_NE(at, (uintptr_t)more);
		EXPECT_EQ(0, left(at, sizes[i]));
		EXPECT_EQ(sizes[i] - LINKS, left((uintptr_t)more, sizes[i]));
		free(more);
	}
	wipe_frees(false);
}

/* Or the above would say nothing. */
TEST(unless_asked_it_is_not)
{
	uintptr_t at = secret_of(sizes[1]);

#if !WIPE_FREE
	SKIP(return, "free() is the sanitizer's");
#endif
	free((void *)at);
	EXPECT_LT(0, left(at, sizes[1]));
}

TEST_HARNESS_MAIN
