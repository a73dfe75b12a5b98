// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Uses of pad from text: kernel traces, and IDs of keys that were delivered.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <qkd/qkd.h>

#include "ledger.h"

/* The number behind " KEY=" in an event's text. */
static bool field(const char *event, const char *key, uint64_t *v)
{
	size_t n = strlen(key);
	const char *p = event;

	while ((p = strstr(p, key))) {
		if ((p == event || p[-1] == ' ') && p[n] == '=') {
			char *end;

			*v = strtoull(p + n + 1, &end, 0);
			return end != p + n + 1;
		}
		p += n;
	}
	return false;
}

static bool trace_line(const char *line, const char *node, FILE *to)
{
	static const char *const events[] = { "reserve", "take" };
	uint64_t link, epoch, offset, len;

	for (int i = 0; i < 2; i++) {
		char name[24];
		const char *event;

		snprintf(name, sizeof(name), " qkd_%s: ", events[i]);
		event = strstr(line, name);
		if (!event)
			continue;
		event += strlen(name);
		if (!field(event, "link", &link) ||
		    !field(event, "epoch", &epoch) ||
		    !field(event, "offset", &offset) ||
		    !field(event, "len", &len))
			return false;
		fprintf(to, "%s %s/%" PRIu64 "/%" PRIu64 " %s %" PRIu64 " %"
			PRIu64 " -\n", events[i], node, link, epoch,
			i ? "rx" : "tx", offset, len);
		return true;
	}
	return false;
}

int import_trace(FILE *from, const char *node, FILE *to, struct imported *n)
{
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, from) > 0) {
		if (trace_line(line, node, to))
			n->records++;
		else if (*line != '#')
			n->skipped++;
	}
	free(line);
	return ferror(from) ? -EIO : 0;
}

int import_keys(FILE *from, const char *layer, FILE *to, struct imported *n)
{
	int ret = 0;
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, from) > 0) {
		struct qkd_key_range r;
		struct qkd_key_id id;

		line[strcspn(line, " \t\n")] = '\0';
		if (qkd_key_id_parse(line, &id) ||
		    qkd_key_id_decode(&id, &r)) {
			n->skipped++;
			continue;
		}
		fprintf(to, "%s %02x%02x%02x%02x%02x%02x %u %" PRIu64
			" %u -\n", layer, r.tag[0], r.tag[1], r.tag[2],
			r.tag[3], r.tag[4], r.tag[5], r.stream, r.offset,
			r.len);
		n->records++;
	}
	if (ferror(from))
		ret = -EIO;
	/* what stood behind the IDs was key */
	if (line)
		qkd_wipe(line, room);
	free(line);
	return ret;
}
