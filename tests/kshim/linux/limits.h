/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's pure files need of linux/limits.h, in userspace. */
#ifndef _KSHIM_LINUX_LIMITS_H
#define _KSHIM_LINUX_LIMITS_H

#include_next <linux/limits.h>
#include <stdint.h>

#define U32_MAX UINT32_MAX
#define U64_MAX UINT64_MAX

#endif /* _KSHIM_LINUX_LIMITS_H */
