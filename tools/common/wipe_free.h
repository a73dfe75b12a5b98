/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For libraries that free key as it is: json-c, libnl, libcurl.
 */
#ifndef _COMMON_WIPE_FREE_H
#define _COMMON_WIPE_FREE_H

#include <stdbool.h>

/* gcc's word for it, and clang's */
#if defined(__SANITIZE_ADDRESS__)
#define WIPE_FREE	0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WIPE_FREE	0
#endif
#endif
#ifndef WIPE_FREE
#define WIPE_FREE	1
#endif

/*
 * Whether what this thread frees is wiped first, whoever frees it, and what
 * realloc() leaves behind. Not in a build with sanitizers, whose free() it is.
 */
void wipe_frees(bool on);

#endif /* _COMMON_WIPE_FREE_H */
