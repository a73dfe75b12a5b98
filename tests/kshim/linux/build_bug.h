/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's pure files need of linux/build_bug.h, in userspace. */
#ifndef _KSHIM_LINUX_BUILD_BUG_H
#define _KSHIM_LINUX_BUILD_BUG_H

#undef static_assert
#define static_assert(what) _Static_assert(what, #what)

#endif /* _KSHIM_LINUX_BUILD_BUG_H */
