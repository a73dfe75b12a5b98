// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Secrets in memory: erased for good, and compared without a tell-tale.
 */
#include <string.h>

#include <qkd/qkd.h>

void qkd_wipe(void *p, size_t len)
{
	if (len)
		explicit_bzero(p, len);
}

bool qkd_equal(const void *a, const void *b, size_t len)
{
	const volatile unsigned char *x = a, *y = b;
	unsigned char diff = 0;

	for (size_t i = 0; i < len; i++)
		diff |= x[i] ^ y[i];
	return !diff;
}
