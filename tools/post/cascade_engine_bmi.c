// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cascade's machine for processors that count and shift bits in one
 * instruction.
 */
#include "tools/post/cpu.h"

#ifdef POST_X86
#include "tools/post/cascade_engine.h"

static bool usable(void)
{
	return __builtin_cpu_supports("popcnt") &&
		__builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

const struct cascade_engine cascade_engine_bmi = {
	.usable = usable,
	.next = next_round,
	.learn = learn,
};
#endif
