/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's short types, for its pure files in userspace. */
#ifndef _KSHIM_LINUX_TYPES_H
#define _KSHIM_LINUX_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#endif /* _KSHIM_LINUX_TYPES_H */
