// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Builds answers in memory that is wiped, and reads URLs.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <qkd/qkd.h>

#include "xchg.h"

bool xchg_reserve(struct xchg *x, size_t len)
{
	size_t room = x->out_room ? x->out_room : 256;
	char *more;

	if (x->out_room - x->out_len >= len)
		return true;
	while (room - x->out_len < len)
		room *= 2;
	/* not realloc(): what it leaves behind is not wiped */
	more = malloc(room);
	if (!more)
		return false;
	if (x->out) {
		memcpy(more, x->out, x->out_len);
		qkd_wipe(x->out, x->out_len);
		free(x->out);
	}
	x->out = more;
	x->out_room = room;
	return true;
}

void xchg_put(struct xchg *x, const char *s, size_t len)
{
	if (!xchg_reserve(x, len)) {
		x->status = 503;
		return;
	}
	memcpy(x->out + x->out_len, s, len);
	x->out_len += len;
}

void xchg_puts(struct xchg *x, const char *s)
{
	xchg_put(x, s, strlen(s));
}

void xchg_printf(struct xchg *x, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		xchg_put(x, text, (size_t)n < sizeof(text) ? (size_t)n :
			 sizeof(text) - 1);
}

void xchg_finish(struct xchg *x, int status)
{
	if (x->status == 503)	/* memory was out: half an answer is none */
		xchg_clear(x);
	x->status = x->status ? x->status : status;
	x->done(x);
}

void xchg_clear(struct xchg *x)
{
	if (x->out)
		qkd_wipe(x->out, x->out_len);
	free(x->out);
	x->out = NULL;
	x->out_len = 0;
	x->out_room = 0;
}

/* ---- URLs ---- */

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int xchg_decode(const char *s, size_t len, char *buf, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)s[i];

		if (c == '%') {
			int high, low;

			if (len - i < 3)
				return -EINVAL;
			high = nibble(s[i + 1]);
			low = nibble(s[i + 2]);
			if (high < 0 || low < 0)
				return -EINVAL;
			c = high << 4 | low;
			i += 2;
		}
		if (!c || n + 1 >= room)
			return -EINVAL;
		buf[n++] = c;
	}
	buf[n] = '\0';
	return 0;
}

int xchg_query(const struct xchg *x, const char *name, char *buf, size_t room)
{
	size_t name_len = strlen(name);
	const char *p = x->query;
	int found = 0;

	while (p && *p) {
		size_t len = strcspn(p, "&");

		if (len > name_len && p[name_len] == '=' &&
		    !memcmp(p, name, name_len)) {
			if (found++ || xchg_decode(p + name_len + 1,
						   len - name_len - 1, buf,
						   room))
				return -EINVAL;
		}
		p += len;
		p += *p == '&';
	}
	return found;
}
