// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * free() and realloc() in place of the C library's, and by them.
 *
 * mallopt's M_PERTURB would not do: what goes to a thread's cache, all up to
 * 1 KiB, is left as it is.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "wipe_free.h"

static __thread bool wiping;

void wipe_frees(bool on)
{
	wiping = on;
}

#if WIPE_FREE

void __libc_free(void *p);
void *__libc_realloc(void *p, size_t size);

void free(void *p)
{
	if (p && wiping)
		explicit_bzero(p, malloc_usable_size(p));
	__libc_free(p);
}

void *realloc(void *p, size_t size)
{
	size_t old;
	void *more;

	if (!p || !wiping)
		return __libc_realloc(p, size);
	if (!size) {
		free(p);
		return NULL;
	}
	more = malloc(size);
	if (!more)
		return NULL;
	old = malloc_usable_size(p);
	memcpy(more, p, old < size ? old : size);
	free(p);
	return more;
}

#endif
