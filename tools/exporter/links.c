// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Metrics of links: state, pool, rates, errors. Units are bytes, bits per
 * second and ratios; counters are the kernel's own and begin with the link.
 */
#include "exporter.h"

enum {
	INFO, STATE, POOL, LOW, AVAILABLE, CONSUMED, LOST, FED, BLOCKS_FED,
	RAW, SIFTED, SECRET, QBER, EFFICIENCY, BLOCKS, DISCARDED, ERRORS,
	METRICS
};

static const struct metric metrics[METRICS] = {
	[INFO] = METRIC("link_info", "gauge", "1; what a link is."),
	[STATE] = METRIC("link_state", "gauge", "1 for the state a link is in."),
	[POOL] = METRIC("link_pool_bytes", "gauge", "Room for key, each way."),
	[LOW] = METRIC("link_low_watermark_bytes", "gauge",
		       "A link with less key is low."),
	[AVAILABLE] = METRIC("link_available_bytes", "gauge",
			     "Key that can be used now."),
	[CONSUMED] = METRIC("link_consumed_bytes_total", "counter", "Key used."),
	[LOST] = METRIC("link_lost_bytes_total", "counter",
			"Key erased without use."),
	[FED] = METRIC("link_fed_bytes_total", "counter", "Key fed."),
	[BLOCKS_FED] = METRIC("link_blocks_fed_total", "counter",
			      "Key blocks fed to the kernel."),
	[RAW] = METRIC("link_raw_rate_hertz", "gauge", "Detections a second."),
	[SIFTED] = METRIC("link_sifted_bits_per_second", "gauge", "Sifted key."),
	[SECRET] = METRIC("link_secret_bits_per_second", "gauge", "Secret key."),
	[QBER] = METRIC("link_qber_ratio", "gauge",
			"Quantum bit error rate of the last block."),
	[EFFICIENCY] = METRIC("link_reconciliation_efficiency", "gauge",
			      "Bits disclosed over Shannon's limit."),
	[BLOCKS] = METRIC("link_blocks_total", "counter",
			  "Blocks that gave key."),
	[DISCARDED] = METRIC("link_blocks_discarded_total", "counter",
			     "Blocks that gave none."),
	[ERRORS] = METRIC("link_errors_total", "counter", "Errors, by kind."),
};

static void put_states(struct metric *m, const struct qkd_link *l)
{
	for (int s = QKD_OPER_STATE_DOWN; s <= QKD_OPER_STATE_UP; s++)
		metric_put(m, LABELS({ "link", l->name },
				     { "state", qkd_oper_state_name(s) }),
			   s == (int)l->oper_state);
}

static void put_stream(struct metric *m, const struct qkd_link *l,
		       const char *direction, const struct qkd_stream_info *s)
{
	const struct label *labels = LABELS({ "link", l->name },
					    { "direction", direction });

	metric_put(&m[AVAILABLE], labels, s->available);
	metric_put(&m[CONSUMED], labels, s->consumed);
	metric_put(&m[LOST], labels, s->lost);
	metric_put(&m[FED], labels, s->fed);
}

static void put_rates(struct metric *m, const struct qkd_link *l)
{
	const struct label *labels = LABELS({ "link", l->name });
	const struct qkd_rates_info *r = l->rates;

	if (!(l->have & QKD_BIT(QKD_A_LINK_RATES)))
		return;
	metric_put(&m[RAW], labels, r->raw_bps);
	metric_put(&m[SIFTED], labels, r->sifted_bps);
	metric_put(&m[SECRET], labels, r->secret_bps);
	metric_put(&m[QBER], labels, r->qber_ppm / 1e6);
	metric_put(&m[EFFICIENCY], labels, r->efficiency_ppm / 1e6);
	metric_put(&m[BLOCKS], labels, r->blocks);
	metric_put(&m[DISCARDED], labels, r->blocks_discarded);
}

static void put_errors(struct metric *m, const struct qkd_link *l)
{
	const struct qkd_errors_info *e = l->errors;
	const struct {
		const char *kind;
		uint64_t v;
	} errors[] = {
		{ "feed_rejected", e->feed_rejected },
		{ "rx_malformed", e->rx_malformed },
		{ "rx_no_key", e->rx_no_key },
		{ "rx_auth", e->rx_auth },
		{ "rx_dropped", e->rx_dropped },
		{ "tx_failed", e->tx_failed },
		{ "starved", e->starved },
		{ "auth", e->auth },
		{ "verify", e->verify },
		{ "qber", e->qber },
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		metric_put(m, LABELS({ "link", l->name },
				     { "kind", errors[i].kind }), errors[i].v);
}

static int put_link(const struct qkd_link *l, void *arg)
{
	const struct label *labels = LABELS({ "link", l->name });
	struct metric *m = arg;

	metric_put(&m[INFO], LABELS({ "link", l->name },
				    { "local_node", l->local_node },
				    { "peer_node", l->peer_node },
				    { "driver", l->driver },
				    { "role", qkd_role_name(l->role) }), 1);
	put_states(&m[STATE], l);
	metric_put(&m[POOL], labels, l->pool_size);
	metric_put(&m[LOW], labels, l->low_watermark);
	put_stream(m, l, "tx", l->tx);
	put_stream(m, l, "rx", l->rx);
	metric_put(&m[BLOCKS_FED], labels, l->blocks_fed);
	put_rates(m, l);
	put_errors(&m[ERRORS], l);
	return 0;
}

int page_links(struct qkd_nl *nl, struct evbuffer *out)
{
	struct metric m[METRICS];
	int err;

	for (int i = 0; i < METRICS; i++)
		m[i] = metrics[i];
	err = metrics_begin(m, METRICS);
	if (err)
		return err;
	err = qkd_link_each(nl, put_link, m);
	metrics_end(m, METRICS, out);
	return err;
}
