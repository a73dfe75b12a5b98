/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for key: locked, left out of core dumps, wiped when freed.
 */
#ifndef _COMMON_SECRET_H
#define _COMMON_SECRET_H

#include <stddef.h>
#include <stdint.h>

/*
 * Zeroed pages of their own, or NULL with errno. Locking is best effort:
 * RLIMIT_MEMLOCK may forbid it, which secret_locked() tells.
 */
void *secret_alloc(size_t size);
/* Wipes; NULL is fine. */
void secret_free(void *p, size_t size);
/* False once any allocation could not be locked into memory. */
int secret_locked(void);

/* Overwrites in a way that no compiler leaves out. */
void wipe(void *p, size_t size);

/* Fills from the kernel's random generator; ends the process if it cannot. */
void random_bytes(void *p, size_t size);

#endif /* _COMMON_SECRET_H */
