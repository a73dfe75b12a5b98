// SPDX-License-Identifier: GPL-2.0-or-later
/*
 *	{"store_ID":"32 hexadecimal digits","count":7}, or {}
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <qkd/qkd.h>

#include "json.h"
#include "mark.h"

const char *mark_format(const struct store_mark *m, char *text)
{
	char *p = text + sprintf(text, "{\"store_ID\":\"");

	for (int i = 0; i < STORE_ID_SIZE; i++)
		p += sprintf(p, "%02x", m->id[i]);
	sprintf(p, "\",\"count\":%" PRIu64 "}", m->count);
	return text;
}

static int read_id(struct json_object *v, uint8_t id[STORE_ID_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	const char *s = json_text(v);

	if (!s || strlen(s) != 2 * STORE_ID_SIZE)
		return -EINVAL;
	for (int i = 0; i < 2 * STORE_ID_SIZE; i++) {
		const char *at = strchr(digits, s[i]);

		if (!at)
			return -EINVAL;
		id[i / 2] = id[i / 2] << 4 | (at - digits);
	}
	return 0;
}

static int read_mark(struct json_object *body, struct store_mark *m)
{
	struct json_object *id, *count;
	int64_t n;

	if (!json_object_is_type(body, json_type_object))
		return -EINVAL;
	if (!json_object_object_length(body))
		return 0;
	if (!json_object_object_get_ex(body, "store_ID", &id) ||
	    !json_object_object_get_ex(body, "count", &count) ||
	    read_id(id, m->id) || !json_number(count, &n) || n < 0)
		return -EINVAL;
	m->count = n;
	return 1;
}

int mark_parse(const char *text, size_t len, struct store_mark *m)
{
	char why[64];
	struct json_object *body = len ? json_parse(text, len, why, sizeof(why)) :
				   NULL;
	int ret = read_mark(body, m);

	json_object_put(body);
	return ret;
}
