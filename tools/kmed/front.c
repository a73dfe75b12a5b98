// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The front ends there are.
 */
#include <string.h>

#include "front.h"

static const struct front_http *const fronts[] = {
	&front_014,
	&front_kme,
	&front_skip,
};

const struct front_http *front_find(enum conf_port port, const char *path)
{
	for (size_t i = 0; i < sizeof(fronts) / sizeof(fronts[0]); i++)
		if (fronts[i]->port == port &&
		    !strncmp(path, fronts[i]->prefix,
			     strlen(fronts[i]->prefix)))
			return fronts[i];
	return NULL;
}
