// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Base64, RFC 4648 section 4. Digits come from arithmetic, not from a table:
 * there is nothing to look up by a secret.
 */
#include "base64.h"

static char digit(unsigned int v)
{
	unsigned int c = 'A' + v;

	c += ((25u - v) >> 8) & 6;	/* 26: a */
	c -= ((51u - v) >> 8) & 75;	/* 52: 0 */
	c -= ((61u - v) >> 8) & 15;	/* 62: + */
	c += ((62u - v) >> 8) & 3;	/* 63: / */
	return c;
}

void base64_encode(const uint8_t *key, size_t len, char *text)
{
	size_t i;

	for (i = 0; i + 2 < len; i += 3) {
		unsigned int v = key[i] << 16 | key[i + 1] << 8 | key[i + 2];

		*text++ = digit(v >> 18);
		*text++ = digit(v >> 12 & 63);
		*text++ = digit(v >> 6 & 63);
		*text++ = digit(v & 63);
	}
	if (i < len) {
		unsigned int v = key[i] << 16;

		if (i + 1 < len)
			v |= key[i + 1] << 8;
		*text++ = digit(v >> 18);
		*text++ = digit(v >> 12 & 63);
		*text++ = i + 1 < len ? digit(v >> 6 & 63) : '=';
		*text++ = '=';
	}
}
