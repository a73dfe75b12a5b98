// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Metrics of who used how much of a link's key (invariant 9).
 */
#include "exporter.h"

enum { BYTES, KEYS, STARVED, METRICS };

static const struct metric metrics[METRICS] = {
	[BYTES] = METRIC("consumer_bytes_total", "counter", "Key used."),
	[KEYS] = METRIC("consumer_keys_total", "counter", "Keys it came in."),
	[STARVED] = METRIC("consumer_starved_total", "counter",
			   "Requests refused for want of key."),
};

static int put_consumer(const struct qkd_consumer *c, void *arg)
{
#define WHO { "link", c->link }, { "kind", c->kind }, { "consumer", c->name }
	const struct label *tx = LABELS(WHO, { "direction", "tx" });
	const struct label *rx = LABELS(WHO, { "direction", "rx" });
	struct metric *m = arg;

	metric_put(&m[BYTES], tx, c->tx_bytes);
	metric_put(&m[BYTES], rx, c->rx_bytes);
	metric_put(&m[KEYS], tx, c->tx_keys);
	metric_put(&m[KEYS], rx, c->rx_keys);
	metric_put(&m[STARVED], LABELS(WHO), c->starved);
#undef WHO
	return 0;
}

int page_consumers(struct qkd_nl *nl, struct evbuffer *out)
{
	struct metric m[METRICS];
	int err;

	for (int i = 0; i < METRICS; i++)
		m[i] = metrics[i];
	err = metrics_begin(m, METRICS);
	if (err)
		return err;
	err = qkd_consumer_each(nl, NULL, QKD_NO_INDEX, put_consumer, m);
	metrics_end(m, METRICS, out);
	return err;
}
