// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cascade's machine for any processor.
 */
#include "tools/post/cascade_engine.h"

static bool usable(void)
{
	return true;
}

const struct cascade_engine cascade_engine_any = {
	.usable = usable,
	.next = next_round,
	.learn = learn,
};
