// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Samples become text as Prometheus reads it, version 0.0.4 of the format.
 */
#include <errno.h>

#include "exporter.h"

int metrics_begin(struct metric *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		m[i].text = evbuffer_new();
		if (m[i].text)
			continue;
		while (i--)
			evbuffer_free(m[i].text);
		return -ENOMEM;
	}
	return 0;
}

/* Backslash, quote and newline are the three that need it. */
static void put_value(struct evbuffer *b, const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			evbuffer_add(b, "\\n", 2);
		else if (*s == '\\' || *s == '"')
			evbuffer_add_printf(b, "\\%c", *s);
		else
			evbuffer_add(b, s, 1);
	}
}

void metric_put(struct metric *m, const struct label *labels, double v)
{
	const char *before = "{";

	evbuffer_add_printf(m->text, "qkd_%s", m->name);
	for (; labels && labels->name; labels++) {
		evbuffer_add_printf(m->text, "%s%s=\"", before, labels->name);
		put_value(m->text, labels->value);
		evbuffer_add(m->text, "\"", 1);
		before = ",";
	}
	evbuffer_add_printf(m->text, "%s %.17g\n", *before == ',' ? "}" : "", v);
}

void metrics_end(struct metric *m, size_t n, struct evbuffer *out)
{
	for (size_t i = 0; i < n; i++) {
		if (evbuffer_get_length(m[i].text)) {
			evbuffer_add_printf(out, "# HELP qkd_%s %s\n", m[i].name,
					    m[i].help);
			evbuffer_add_printf(out, "# TYPE qkd_%s %s\n", m[i].name,
					    m[i].type);
			evbuffer_add_buffer(out, m[i].text);
		}
		evbuffer_free(m[i].text);
	}
}
