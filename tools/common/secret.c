// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Allocates, wipes and draws secrets.
 *
 * Who holds a secret, and for how long, is the business of its users.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "log.h"
#include "secret.h"

static bool lock_failed;

void *secret_alloc(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, size, MADV_DONTDUMP);
	madvise(p, size, MADV_DONTFORK);
	if (mlock(p, size))
		lock_failed = true;
	return p;
}

void secret_free(void *p, size_t size)
{
	if (!p)
		return;
	wipe(p, size);
	munmap(p, size);
}

int secret_locked(void)
{
	return !lock_failed;
}

void wipe(void *p, size_t size)
{
	explicit_bzero(p, size);
}

void random_bytes(void *p, size_t size)
{
	uint8_t *d = p;
	ssize_t n;

	while (size) {
		n = getrandom(d, size, 0);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			log_err("no random numbers: %s", strerror(errno));
			abort();
		}
		d += n;
		size -= n;
	}
}
