// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes, reads and compares paths.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "path.h"
#include "tools/common/wire.h"

size_t path_put_id(uint8_t *out, const char *id)
{
	size_t len = strnlen(id, QKD_NODE_MAX);

	out[0] = len;
	memcpy(out + 1, id, len);
	return 1 + len;
}

bool path_get_id(struct wire *w, char id[QKD_NODE_MAX + 1])
{
	uint8_t len;
	size_t i;

	wire_copy(w, &len, 1);
	if (!len || len > QKD_NODE_MAX)
		return false;
	wire_copy(w, id, len);
	id[len] = '\0';
	/* what goes to logs and terminals has no control characters */
	for (i = 0; i < len; i++)
		if (id[i] <= ' ' || id[i] > '~')
			return false;
	return !w->bad;
}

size_t path_put(uint8_t *out, const struct path *p)
{
	unsigned int i;
	size_t len = 0;

	for (i = 0; i < p->nodes; i++)
		len += path_put_id(out + len, p->node[i]);
	return len;
}

static bool is_twice(const struct path *p)
{
	unsigned int i, j;

	for (i = 0; i < p->nodes; i++)
		for (j = 0; j < i; j++)
			if (!strcmp(p->node[i], p->node[j]))
				return true;
	return false;
}

bool path_get(struct wire *w, unsigned int nodes, struct path *p)
{
	memset(p, 0, sizeof(*p));
	if (nodes < 2 || nodes > PATH_NODES)
		return false;
	while (p->nodes < nodes)
		if (!path_get_id(w, p->node[p->nodes++]))
			return false;
	return !is_twice(p);
}

static bool add(struct path *p, const char *id, size_t len)
{
	struct wire w;
	uint8_t put[1 + QKD_NODE_MAX];

	if (!len || len > QKD_NODE_MAX || p->nodes == PATH_NODES)
		return false;
	put[0] = len;
	memcpy(put + 1, id, len);
	w = (struct wire){ .p = put, .len = 1 + len };
	return path_get_id(&w, p->node[p->nodes++]);
}

static bool parse_one(const char *text, size_t len, const char *from,
		      const char *to, struct path *p)
{
	const char *end = text + len;
	size_t n;

	memset(p, 0, sizeof(*p));
	if (!add(p, from, strlen(from)))
		return false;
	for (; text < end; text += n + (text + n < end)) {
		n = strcspn(text, "/,");
		if (!add(p, text, n))
			return false;
	}
	return add(p, to, strlen(to)) && !is_twice(p);
}

int path_parse(const char *text, const char *from, const char *to,
	       struct path *paths, unsigned int max, char *err, size_t room)
{
	unsigned int count = 0;
	size_t len;

	for (;; text += len + 1) {
		len = strcspn(text, ",");
		if (count == max) {
			snprintf(err, room, "paths=: more than %u", max);
			return -EINVAL;
		}
		if (!len || text[len - 1] == '/' ||
		    !parse_one(text, len, from, to, &paths[count++])) {
			snprintf(err, room, "paths=: \"%.*s\" is not up to %d nodes between %s and %s, with \"/\" between them",
				 (int)len, text, PATH_NODES - 2, from, to);
			return -EINVAL;
		}
		if (!text[len])
			return count;
	}
}

const char *path_text(const struct path *p, char *buf, size_t room)
{
	unsigned int i;
	size_t at = 0;

	snprintf(buf, room, "direct");
	for (i = 1; i + 1 < p->nodes && at < room; i++)
		at += snprintf(buf + at, room - at, "%s%s", i > 1 ? "/" : "",
			       p->node[i]);
	return buf;
}

bool path_meet(const struct path *a, const struct path *b)
{
	unsigned int i, j;

	for (i = 1; i + 1 < a->nodes; i++)
		for (j = 1; j + 1 < b->nodes; j++)
			if (!strcmp(a->node[i], b->node[j]))
				return true;
	return false;
}
