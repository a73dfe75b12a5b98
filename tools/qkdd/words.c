// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Takes a driver's configuration apart and reads its values.
 *
 * Which words there are is known to those who ask for them; a word nobody
 * asked for is reported, since it is most often misspelt.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

int words_parse(struct words *w, const char *text, char *err, size_t room)
{
	char *save = NULL, *p, *eq;
	size_t len = strlen(text);
	unsigned int i;

	memset(w, 0, sizeof(*w));
	if (len >= sizeof(w->text)) {
		snprintf(err, room, "configuration is longer than %zu bytes",
			 sizeof(w->text) - 1);
		return -EINVAL;
	}
	memcpy(w->text, text, len);

	for (p = strtok_r(w->text, " \t\n", &save); p;
	     p = strtok_r(NULL, " \t\n", &save)) {
		if (w->count == sizeof(w->key) / sizeof(w->key[0])) {
			snprintf(err, room, "configuration has too many words");
			return -EINVAL;
		}
		eq = strchr(p, '=');
		if (eq)
			*eq = '\0';
		for (i = 0; i < w->count; i++) {
			if (!strcmp(w->key[i], p)) {
				snprintf(err, room, "%s is given twice", p);
				return -EINVAL;
			}
		}
		w->key[w->count] = p;
		w->value[w->count++] = eq ? eq + 1 : "";
	}
	return 0;
}

const char *words_get(struct words *w, const char *key)
{
	unsigned int i;

	for (i = 0; i < w->count; i++) {
		if (!strcmp(w->key[i], key)) {
			w->used[i] = true;
			return w->value[i];
		}
	}
	return NULL;
}

int words_u64(struct words *w, const char *key, uint64_t min, uint64_t max,
	      uint64_t *v, char *err, size_t room)
{
	const char *text = words_get(w, key);
	unsigned long long n;
	double d;
	char *end;

	if (!text)
		return 0;
	errno = 0;
	n = strtoull(text, &end, 0);
	if (*end) {
		/* 1e6 is how people write block sizes and rates */
		d = strtod(text, &end);
		if (!(d >= 0 && d < 0x1p63) || d != floor(d))
			end = (char *)"x";
		else
			n = d;
	}
	if (!*text || *text == '-' || *end || errno || n < min || n > max) {
		snprintf(err, room, "%s=%s: not a whole number from %llu to %llu",
			 key, text, (unsigned long long)min,
			 (unsigned long long)max);
		return -EINVAL;
	}
	*v = n;
	return 0;
}

int words_double(struct words *w, const char *key, double min, double max,
		 double *v, char *err, size_t room)
{
	const char *text = words_get(w, key);
	char *end;
	double d;

	if (!text)
		return 0;
	d = strtod(text, &end);
	if (!*text || *end || !(d >= min && d <= max)) {
		snprintf(err, room, "%s=%s: not a number from %g to %g", key,
			 text, min, max);
		return -EINVAL;
	}
	*v = d;
	return 0;
}

int words_addr(const char *text, struct sockaddr_storage *addr, char *err,
	       size_t room)
{
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)addr;
	struct sockaddr_in *a4 = (struct sockaddr_in *)addr;
	char host[INET6_ADDRSTRLEN + 2], *end;
	const char *colon = strrchr(text, ':');
	in_port_t port = addr->ss_family == AF_INET6 ? a6->sin6_port :
						       a4->sin_port;
	size_t len = strlen(text);
	unsigned long n;

	/* more than one colon and no bracket: an IPv6 address alone */
	if (text[0] != '[' && colon && strchr(text, ':') != colon)
		colon = NULL;
	if (text[0] == '[' && colon && colon > text && colon[-1] != ']')
		colon = NULL;
	if (colon) {
		n = strtoul(colon + 1, &end, 10);
		if (!colon[1] || *end || !n || n > 65535)
			goto bad;
		port = htons(n);
		len = colon - text;
	}
	if (text[0] == '[') {
		if (len < 3 || text[len - 1] != ']')
			goto bad;
		text++;
		len -= 2;
	}
	if (len >= sizeof(host))
		goto bad;
	memcpy(host, text, len);
	host[len] = '\0';

	if (len && inet_pton(AF_INET, host, &a4->sin_addr) == 1) {
		a4->sin_family = AF_INET;
	} else if (len) {
		if (inet_pton(AF_INET6, host, &a6->sin6_addr) != 1)
			goto bad;
		a6->sin6_family = AF_INET6;
		a6->sin6_flowinfo = 0;
		a6->sin6_scope_id = 0;
	}
	if (addr->ss_family == AF_INET6)
		a6->sin6_port = port;
	else
		a4->sin_port = port;
	return 0;
bad:
	snprintf(err, room,
		 "%s: not ADDR, ADDR:PORT, [ADDR6]:PORT or :PORT", text);
	return -EINVAL;
}

const char *words_unused(const struct words *w)
{
	unsigned int i;

	for (i = 0; i < w->count; i++)
		if (!w->used[i])
			return w->key[i];
	return NULL;
}
