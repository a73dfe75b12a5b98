/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of qkd-exporter share: a page of metrics in the making, and
 * what fills it.
 */
#ifndef _QKD_EXPORTER_H
#define _QKD_EXPORTER_H

#include <event2/buffer.h>
#include <stdbool.h>
#include <stdint.h>

#include <qkd/qkd.h>
#include <qkd/tunnel.h>

/* ---- page.c: the text format of Prometheus ---- */

/*
 * All samples of a metric must stand together, while links are told one after
 * the other: so each metric is a text of its own until the page is written.
 */
struct metric {
	const char *name;
	const char *type;	/* "counter", "gauge" */
	const char *help;
	struct evbuffer *text;
};

#define METRIC(NAME, TYPE, HELP) { .name = NAME, .type = TYPE, .help = HELP }

struct label {
	const char *name;
	const char *value;
};

/* Labels end with one without a name. */
#define LABELS(...) ((const struct label[]){ __VA_ARGS__, { NULL, NULL } })

int metrics_begin(struct metric *m, size_t n);
void metric_put(struct metric *m, const struct label *labels, double v);
/* Moves what was put to @out and frees the rest. */
void metrics_end(struct metric *m, size_t n, struct evbuffer *out);

/* ---- links.c, consumers.c, tunnels.c: 0 or a negative errno ---- */

int page_links(struct qkd_nl *nl, struct evbuffer *out);
int page_consumers(struct qkd_nl *nl, struct evbuffer *out);
int page_tunnels(struct qkd_nl *nl, struct evbuffer *out);

/* ---- alarms.c ---- */

/* Counts an alarm and tells the journal of it. */
void alarm_heard(const struct qkd_link *link);
int page_alarms(struct evbuffer *out);

#endif /* _QKD_EXPORTER_H */
