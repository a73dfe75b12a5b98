/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's pure files need of linux/string.h, in userspace. */
#ifndef _KSHIM_LINUX_STRING_H
#define _KSHIM_LINUX_STRING_H

#include <string.h>

#define memzero_explicit(p, n) explicit_bzero(p, n)

#endif /* _KSHIM_LINUX_STRING_H */
