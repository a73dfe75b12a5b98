/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's pure files need of linux/minmax.h, in userspace. */
#ifndef _KSHIM_LINUX_MINMAX_H
#define _KSHIM_LINUX_MINMAX_H

#define min_t(t, a, b) ((t)(a) < (t)(b) ? (t)(a) : (t)(b))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define clamp(v, lo, hi) min(max(v, lo), hi)

#endif /* _KSHIM_LINUX_MINMAX_H */
