// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parses JSON strictly. What a value means is for its user to say.
 */
#include <stdio.h>
#include <string.h>

#include "json.h"

#define DEPTH_MAX	8

struct json_object *json_parse(const char *text, size_t len, char *err,
			       size_t room)
{
	struct json_tokener *t = json_tokener_new_ex(DEPTH_MAX);
	struct json_object *v;
	enum json_tokener_error e;

	if (!t) {
		snprintf(err, room, "out of memory");
		return NULL;
	}
	json_tokener_set_flags(t, JSON_TOKENER_STRICT |
			       JSON_TOKENER_VALIDATE_UTF8);
	v = json_tokener_parse_ex(t, text, len);
	e = json_tokener_get_error(t);
	if (e == json_tokener_continue) {
		/* a number ends with what follows it; or the text was cut */
		v = json_tokener_parse_ex(t, "\n", 1);
		e = json_tokener_get_error(t);
	} else if (e == json_tokener_success) {
		size_t end = json_tokener_get_parse_end(t);

		while (end < len && strchr(" \t\r\n", text[end]) && text[end])
			end++;
		if (end < len)
			e = json_tokener_error_parse_unexpected;
	}
	if (e != json_tokener_success || !v) {
		snprintf(err, room, "%s", e == json_tokener_success ?
			 "null" : json_tokener_error_desc(e));
		json_object_put(v);
		v = NULL;
	}
	json_tokener_free(t);
	return v;
}

const char *json_text(struct json_object *v)
{
	const char *s;

	if (!json_object_is_type(v, json_type_string))
		return NULL;
	s = json_object_get_string(v);
	return strlen(s) == (size_t)json_object_get_string_len(v) ? s : NULL;
}

bool json_number(struct json_object *v, int64_t *n)
{
	if (!json_object_is_type(v, json_type_int))
		return false;
	*n = json_object_get_int64(v);
	return true;
}
