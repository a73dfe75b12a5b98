// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kinds of key there are.
 */
#include <stddef.h>
#include <string.h>

#include "source.h"

static const struct key_source_ops *const sources[] = {
	&source_pool,
};

const struct key_source_ops *source_find(const char *name)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		if (!strcmp(sources[i]->name, name))
			return sources[i];
	return NULL;
}
