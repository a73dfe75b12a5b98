// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of drivers.
 */
#include <string.h>

#include "driver.h"
#include "drivers.h"

static const struct qkd_driver * const drivers[] = {
	&driver_etsi004,
	&driver_etsi014,
	&driver_file,
	&driver_pipe,
	&driver_relay,
	&driver_replay,
	&driver_sim,
};

const struct qkd_driver *driver_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (!strcmp(drivers[i]->name, name))
			return drivers[i];
	return NULL;
}

const char *driver_names(void)
{
	static char names[256];
	size_t i;

	if (!names[0]) {
		for (i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
			if (i)
				strcat(names, ", ");
			strcat(names, drivers[i]->name);
		}
	}
	return names;
}
