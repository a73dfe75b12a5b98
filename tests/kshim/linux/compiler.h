/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's pure files need of linux/compiler.h, in userspace. */
#ifndef _KSHIM_LINUX_COMPILER_H
#define _KSHIM_LINUX_COMPILER_H

#define WRITE_ONCE(x, value) (*(volatile __typeof__(x) *)&(x) = (value))

#endif /* _KSHIM_LINUX_COMPILER_H */
