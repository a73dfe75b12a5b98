/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's pure files need of linux/math64.h, in userspace. */
#ifndef _KSHIM_LINUX_MATH64_H
#define _KSHIM_LINUX_MATH64_H

#include <linux/types.h>

static inline u64 div_u64(u64 dividend, u32 divisor)
{
	return dividend / divisor;
}

#endif /* _KSHIM_LINUX_MATH64_H */
