// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkdctl link show: what a link is, and with -s how it does; with -s -s the
 * whole report on its last block.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "print.h"
#include "qkdctl.h"

static enum colour state_colour(enum qkd_oper_state state)
{
	switch (state) {
	case QKD_OPER_STATE_UP:
		return GOOD;
	case QKD_OPER_STATE_LOW:
	case QKD_OPER_STATE_WAITING:
		return WARN;
	default:
		return BAD;
	}
}

/* ---- parts: each is a line of text or two, and members of JSON ---- */

static void print_head(const struct qkd_link *l)
{
	pr_u64(PLAIN, "index", "%s: ", l->index);
	pr_str(NAME, "name", "%s", l->name);
	pr_text(": ");
	pr_str(state_colour(l->oper_state), "oper_state", "state %s",
	       qkd_oper_state_name(l->oper_state));
	pr_str(PLAIN, "admin_state",
	       l->admin_state == QKD_ADMIN_STATE_UP ? NULL : " admin %s",
	       qkd_admin_state_name(l->admin_state));
	if (*l->reason)
		pr_str(PLAIN, "reason", " (%s)", l->reason);
	pr_text("\n");
}

static void print_address(const struct qkd_link *l, int attr, const char *key,
			  const char *fmt, struct qkd_ip ip)
{
	char buf[IP_ROOM];

	if (l->have & QKD_BIT(attr))
		pr_str(ADDR, key, fmt, fmt_ip(buf, &ip));
}

static void print_ends(const struct qkd_link *l)
{
	pr_str(PLAIN, "local_node", "    local-node %s", l->local_node);
	pr_str(PLAIN, "peer_node", " peer-node %s", l->peer_node);
	print_address(l, QKD_A_LINK_LOCAL4, "local4", " local %s",
		      ip4(l->local4));
	print_address(l, QKD_A_LINK_PEER4, "peer4", " peer %s", ip4(l->peer4));
	print_address(l, QKD_A_LINK_LOCAL6, "local6", " local %s",
		      ip6(l->local6));
	print_address(l, QKD_A_LINK_PEER6, "peer6", " peer %s", ip6(l->peer6));
	if (l->have & QKD_BIT(QKD_A_LINK_PEER_PORT))
		pr_u64(PLAIN, "peer_port",
		       opt.stats || l->peer_port != 51014 ?
		       " peer-port %s" : NULL, l->peer_port);
	pr_text("\n");
}

static void print_driver(const struct qkd_link *l)
{
	pr_str(PLAIN, "driver", *l->driver ? "    driver %s" : "    driver none",
	       l->driver);
	pr_str(PLAIN, "role", " role %s", qkd_role_name(l->role));
	if (*l->config)
		pr_str(PLAIN, "config", " config \"%s\"", l->config);
	pr_text("\n");
}

static void print_pool(const struct qkd_link *l, int stats)
{
	const char *show = stats ? "" : NULL;
	char buf[UNIT_ROOM];

	pr_as(PLAIN, "pool_size", show ? "    pool-size %s" : NULL,
	      l->pool_size, fmt_size(buf, l->pool_size));
	pr_as(PLAIN, "low_watermark", show ? " low-watermark %s" : NULL,
	      l->low_watermark, fmt_size(buf, l->low_watermark));
	pr_as(PLAIN, "high_watermark", show ? " high-watermark %s" : NULL,
	      l->high_watermark, fmt_size(buf, l->high_watermark));
	pr_as(PLAIN, "rx_grace", show ? " rx-grace %s" : NULL, l->rx_grace,
	      fmt_time(buf, l->rx_grace));
	if (show)
		pr_text("\n");
}

static void print_generation(const struct qkd_link *l, int stats)
{
	char hex[2 * QKD_GENERATION_SIZE + 1];

	if (!(l->have & QKD_BIT(QKD_A_LINK_GENERATION)))
		return;
	for (int i = 0; i < QKD_GENERATION_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", l->generation[i]);
	pr_str(PLAIN, "generation", stats ? "    generation %s\n" : NULL, hex);
}

/* One line for a glance: is there key, does it come? */
static void print_glance(const struct qkd_link *l)
{
	char buf[UNIT_ROOM];

	pr_text("    key tx %s", fmt_human(buf, l->tx->available));
	pr_text(" rx %s", fmt_human(buf, l->rx->available));
	if (l->have & QKD_BIT(QKD_A_LINK_RATES)) {
		pr_text(" secret %s",
			fmt_rate(buf, l->rates->secret_bps, "bit/s"));
		pr_text(" qber %s", fmt_percent(buf, l->rates->qber_ppm));
	}
	pr_text("\n");
}

static void print_rates(const struct qkd_link *l, int stats)
{
	const struct qkd_rates_info *r = l->rates;
	char buf[UNIT_ROOM], gains[512];

	if (!(l->have & QKD_BIT(QKD_A_LINK_RATES)))
		return;
	if (stats)
		pr_text("    Rates: raw          sifted       secret       QBER     f      blocks     discarded\n");
	pr_obj("rates");
	pr_as(PLAIN, "raw_bps", stats ? "           %-12s" : NULL, r->raw_bps,
	      fmt_rate(buf, r->raw_bps, "/s"));
	pr_as(PLAIN, "sifted_bps", stats ? " %-12s" : NULL, r->sifted_bps,
	      fmt_rate(buf, r->sifted_bps, "bit/s"));
	pr_as(GOOD, "secret_bps", stats ? " %-12s" : NULL, r->secret_bps,
	      fmt_rate(buf, r->secret_bps, "bit/s"));
	pr_as(PLAIN, "qber_ppm", stats ? " %-8s" : NULL, r->qber_ppm,
	      fmt_percent(buf, r->qber_ppm));
	pr_as(PLAIN, "efficiency_ppm", stats ? " %-6s" : NULL,
	      r->efficiency_ppm, r->efficiency_ppm ?
	      fmt_ratio(buf, r->efficiency_ppm) : "-");
	pr_u64(PLAIN, "blocks", stats ? " %-10s" : NULL, r->blocks);
	pr_u64(r->blocks_discarded ? WARN : PLAIN, "blocks_discarded",
	       stats ? " %s" : NULL, r->blocks_discarded);
	pr_obj_end();
	if (!stats)
		return;
	pr_text("\n");
	report_decoys(l->report, gains, sizeof(gains));
	if (*gains && !pr_json())
		pr_str(PLAIN, NULL, "    Decoy: %s\n", gains);
}

static void print_stream(const char *key, const struct qkd_stream_info *s,
			 int stats)
{
	const char *fmt = stats ? " %-12s" : NULL;
	char buf[UNIT_ROOM];

	if (stats)
		pr_text("    %s: ", !strcmp(key, "tx") ? "TX" : "RX");
	pr_obj(key);
	pr_as(PLAIN, "available", stats ? "%-12s" : NULL, s->available,
	      fmt_level(buf, s->available));
	pr_as(PLAIN, "consumed", fmt, s->consumed, fmt_level(buf, s->consumed));
	pr_as(PLAIN, "lost", fmt, s->lost, fmt_level(buf, s->lost));
	pr_u64(PLAIN, "tail", fmt, s->tail);
	pr_u64(PLAIN, "confirmed", fmt, s->confirmed);
	pr_u64(PLAIN, "head", stats ? " %s" : NULL, s->head);
	pr_u64(PLAIN, "fed", NULL, s->fed);
	pr_u64(PLAIN, "held", NULL, s->held);
	pr_obj_end();
	if (stats)
		pr_text("\n");
}

static void print_streams(const struct qkd_link *l, int stats)
{
	if (stats)
		pr_text("    Key: available    consumed     lost         tail         confirmed    head\n");
	print_stream("tx", l->tx, stats);
	print_stream("rx", l->rx, stats);
	if (l->have & QKD_BIT(QKD_A_LINK_BLOCKS_FED))
		pr_u64(PLAIN, "blocks_fed", NULL, l->blocks_fed);
}

struct counter {
	const char *key;
	const char *text;
	uint64_t v;
};

static void print_errors(const struct qkd_link *l, int stats)
{
	const struct qkd_errors_info *e = l->errors;
	const struct counter counters[] = {
		{ "feed_rejected", "feed-rejected", e->feed_rejected },
		{ "rx_malformed", "rx-malformed", e->rx_malformed },
		{ "rx_no_key", "rx-no-key", e->rx_no_key },
		{ "rx_auth", "rx-auth", e->rx_auth },
		{ "rx_dropped", "rx-dropped", e->rx_dropped },
		{ "tx_failed", "tx-failed", e->tx_failed },
		{ "starved", "starved", e->starved },
		{ "auth", "auth", e->auth },
		{ "verify", "verify", e->verify },
		{ "qber", "qber", e->qber },
	};
	bool any = false;

	pr_obj("errors");
	if (stats)
		pr_text("    Errors:");
	for (size_t i = 0; i < N_ELEMS(counters); i++) {
		bool shown = stats > 1 || (stats && counters[i].v);

		if (shown)
			pr_text(" %s", counters[i].text);
		pr_u64(counters[i].v ? WARN : PLAIN, counters[i].key,
		       shown ? " %s" : NULL, counters[i].v);
		any |= shown;
	}
	pr_obj_end();
	if (stats)
		pr_text(any ? "\n" : " none\n");
}

static void report_line(const char *name, const char *value, void *arg)
{
	pr_text("        %-32s ", name);
	pr_str(PLAIN, NULL, "%s\n", value);
}

static void print_report(const struct qkd_link *l, int stats)
{
	if (!stats || !*l->report || !report_valid(l->report))
		return;
	pr_raw("report", l->report);
	if (stats < 2 || pr_json())
		return;
	pr_text("    Report of the last block:\n");
	report_each(l->report, report_line, NULL);
}

void print_link(const struct qkd_link *l, int stats)
{
	pr_obj(NULL);
	print_head(l);
	print_ends(l);
	print_driver(l);
	print_pool(l, stats);
	print_generation(l, stats);
	if (!stats)
		print_glance(l);
	print_rates(l, stats);
	print_streams(l, stats);
	print_errors(l, stats);
	print_report(l, stats);
	pr_obj_end();
}

static int show_each(const struct qkd_link *l, void *arg)
{
	print_link(l, opt.stats);
	return 0;
}

static int show_one(struct qkd_nl *nl, const char *name)
{
	struct qkd_link *link;
	int err = qkd_link_get(nl, name, QKD_NO_INDEX, &link);

	if (err)
		return err;
	pr_begin();
	print_link(link, opt.stats);
	pr_end();
	qkd_link_free(link);
	return 0;
}

static int show_all(struct qkd_nl *nl)
{
	int err;

	pr_begin();
	err = qkd_link_each(nl, show_each, NULL);
	pr_end();
	return err;
}

int link_show(struct args *a)
{
	const char *name = arg_name(a, "name");
	struct qkd_nl *nl;
	int err;

	if (arg_end(a))
		return -EINVAL;
	nl = open_nl();
	if (!nl)
		return -EINVAL;
	err = name ? show_one(nl, name) : show_all(nl);
	if (err)
		failed(err);
	qkd_nl_close(nl);
	return err;
}
