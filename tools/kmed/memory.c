// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libevent's buffers have key in them, and are freed as they are.
 */
#include <event2/event.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <qkd/qkd.h>

#include "memory.h"

static void free_wiped(void *p)
{
	if (p)
		qkd_wipe(p, malloc_usable_size(p));
	free(p);
}

static void *realloc_wiped(void *p, size_t size)
{
	size_t old = p ? malloc_usable_size(p) : 0;
	void *more = malloc(size);

	if (more && p) {
		memcpy(more, p, old < size ? old : size);
		free_wiped(p);
	}
	return more;
}

void memory_wipe_events(void)
{
	event_set_mem_functions(malloc, realloc_wiped, free_wiped);
}
