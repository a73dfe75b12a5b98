/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json-c with the strictness that input from others needs.
 */
#ifndef _KMED_JSON_H
#define _KMED_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One value and nothing behind it: standard JSON, valid UTF-8, not nested
 * deeply. NULL on failure, and then @err says why. json_object_put() frees.
 */
struct json_object *json_parse(const char *text, size_t len, char *err,
			       size_t room);

/* The characters of a string without NUL among them, or NULL. */
const char *json_text(struct json_object *v);
/* False unless it is an integer. */
bool json_number(struct json_object *v, int64_t *n);

#endif /* _KMED_JSON_H */
