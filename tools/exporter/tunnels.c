// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Metrics of tunnels: whether there is an SA, how it was replaced, how much
 * went through.
 */
#include <errno.h>

#include "exporter.h"

enum {
	STATE, REKEYS, FAILURES, STARVED, BYTES, PACKETS, KEY_BYTES, AGE,
	METRICS
};

static const struct metric metrics[METRICS] = {
	[STATE] = METRIC("tunnel_state", "gauge",
			 "1 for the state a tunnel's direction is in."),
	[REKEYS] = METRIC("tunnel_rekeys_total", "counter", "SAs replaced."),
	[FAILURES] = METRIC("tunnel_failures_total", "counter",
			    "Rekeys that failed."),
	[STARVED] = METRIC("tunnel_starved_total", "counter",
			   "Rekeys that waited for key."),
	[BYTES] = METRIC("tunnel_bytes_total", "counter", "Traffic."),
	[PACKETS] = METRIC("tunnel_packets_total", "counter", "Traffic."),
	[KEY_BYTES] = METRIC("tunnel_key_bytes_total", "counter", "Key used."),
	[AGE] = METRIC("tunnel_sa_age_seconds", "gauge", "Age of the SA in use."),
};

static void put_states(struct metric *m, const struct qkd_tunnel *t,
		       const char *direction, enum qkd_xfrm_state state)
{
	for (int s = QKD_XFRM_STATE_IDLE; s <= QKD_XFRM_STATE_OVERLAP; s++)
		metric_put(m, LABELS({ "tunnel", t->name },
				     { "link", t->conf->link },
				     { "direction", direction },
				     { "state", qkd_tunnel_state_name(s) }),
			   s == (int)state);
}

static void put_direction(struct metric *m, const struct qkd_tunnel *t,
			  const char *direction, const struct qkd_tunnel_dir *d)
{
	const struct label *labels = LABELS({ "tunnel", t->name },
					    { "link", t->conf->link },
					    { "direction", direction });

	put_states(&m[STATE], t, direction, d->state);
	metric_put(&m[REKEYS], labels, d->rekeys);
	metric_put(&m[FAILURES], labels, d->failures);
	metric_put(&m[STARVED], labels, d->starved);
	metric_put(&m[BYTES], labels, d->total_bytes);
	metric_put(&m[PACKETS], labels, d->total_packets);
	metric_put(&m[KEY_BYTES], labels, d->key_bytes);
	if (d->have & QKD_BIT(QKD_XFRM_A_DIR_AGE))
		metric_put(&m[AGE], labels, d->age / 1e3);
}

static int put_tunnel(const struct qkd_tunnel *t, void *arg)
{
	put_direction(arg, t, "out", t->out);
	put_direction(arg, t, "in", t->in);
	return 0;
}

int page_tunnels(struct qkd_nl *nl, struct evbuffer *out)
{
	struct metric m[METRICS];
	int err;

	for (int i = 0; i < METRICS; i++)
		m[i] = metrics[i];
	err = metrics_begin(m, METRICS);
	if (err)
		return err;
	err = qkd_tunnel_each(nl, NULL, put_tunnel, m);
	metrics_end(m, METRICS, out);
	/* where the module is not, there are none */
	return err == -EPROTONOSUPPORT ? 0 : err;
}
