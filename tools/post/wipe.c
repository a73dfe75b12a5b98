// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Erasing and comparing secrets.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/post/wipe.h"

void post_wipe(void *p, size_t len)
{
	if (p)
		explicit_bzero(p, len);
}

void post_free(void *p, size_t len)
{
	post_wipe(p, len);
	free(p);
}

/* whole pages of their own, or MADV_DONTDUMP would hit the neighbours */
#define PAGE 4096
#define BIG (64 * 1024)

void *post_alloc(size_t len)
{
	size_t align = len >= BIG ? PAGE : 64;
	void *p;

	if (len > SIZE_MAX - PAGE)
		return NULL;
	len = (len + align - 1) / align * align;
	p = aligned_alloc(align, len ? len : align);
	if (!p)
		return NULL;
	if (len >= BIG)
		madvise(p, len, MADV_DONTDUMP);
	memset(p, 0, len);
	return p;
}

bool post_equal(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t d = 0;
	size_t i;

	for (i = 0; i < len; i++)
		d |= x[i] ^ y[i];
	return !d;
}
