// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkdctl stats: one page on the whole node: sums over links, who used key,
 * how tunnels stand.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "print.h"
#include "qkdctl.h"

static const char usage[] =
	"Usage: qkdctl stats [ LINK ]\n"
	"Sums over all links (or one) and their tunnels.\n";

#define KINDS_MAX 16

struct kind {
	char name[QKD_NAME_MAX + 1];
	uint64_t consumers;
	uint64_t tx_bytes;
	uint64_t rx_bytes;
	uint64_t keys;
	uint64_t starved;
};

struct sums {
	const char *only;	/* this link, or NULL */
	uint64_t links;
	uint64_t states[QKD_OPER_STATE_UP + 1];
	uint64_t raw_bps;
	uint64_t sifted_bps;
	uint64_t secret_bps;
	uint64_t blocks;
	uint64_t discarded;
	struct qkd_stream_info tx;
	struct qkd_stream_info rx;
	uint64_t errors;
	struct kind kinds[KINDS_MAX];
	size_t n_kinds;
	bool has_tunnels;	/* qkd_xfrm is loaded */
	uint64_t tunnels;
	uint64_t live;
	uint64_t rekeys;
	uint64_t starved;
	uint64_t failures;
	uint64_t sa_bytes;
	uint64_t sa_packets;
};

/* ---- adding up ---- */

static void add_stream(struct qkd_stream_info *sum,
		       const struct qkd_stream_info *s)
{
	sum->available += s->available;
	sum->consumed += s->consumed;
	sum->lost += s->lost;
}

static int add_link(const struct qkd_link *l, void *arg)
{
	const struct qkd_errors_info *e = l->errors;
	struct sums *s = arg;

	if (s->only && strcmp(s->only, l->name))
		return 0;
	s->links++;
	if ((size_t)l->oper_state < N_ELEMS(s->states))
		s->states[l->oper_state]++;
	s->raw_bps += l->rates->raw_bps;
	s->sifted_bps += l->rates->sifted_bps;
	s->secret_bps += l->rates->secret_bps;
	s->blocks += l->rates->blocks;
	s->discarded += l->rates->blocks_discarded;
	add_stream(&s->tx, l->tx);
	add_stream(&s->rx, l->rx);
	s->errors += e->feed_rejected + e->rx_malformed + e->rx_no_key +
		e->rx_auth + e->rx_dropped + e->tx_failed + e->auth +
		e->verify + e->qber;
	return 0;
}

static int add_consumer(const struct qkd_consumer *c, void *arg)
{
	struct sums *s = arg;
	size_t i = 0;

	if (s->only && strcmp(s->only, c->link))
		return 0;
	while (i < s->n_kinds && strcmp(s->kinds[i].name, c->kind))
		i++;
	if (i == KINDS_MAX)
		return 0;
	if (i == s->n_kinds) {
		s->n_kinds++;
		snprintf(s->kinds[i].name, sizeof(s->kinds[i].name), "%s",
			 c->kind);
	}
	s->kinds[i].consumers++;
	s->kinds[i].tx_bytes += c->tx_bytes;
	s->kinds[i].rx_bytes += c->rx_bytes;
	s->kinds[i].keys += c->tx_keys + c->rx_keys;
	s->kinds[i].starved += c->starved;
	return 0;
}

static bool is_live(const struct qkd_tunnel_dir *d)
{
	return d->have & QKD_BIT(QKD_XFRM_A_DIR_SPI);
}

static int add_tunnel(const struct qkd_tunnel *t, void *arg)
{
	struct sums *s = arg;

	s->tunnels++;
	s->live += is_live(t->out) && is_live(t->in);
	s->rekeys += t->out->rekeys + t->in->rekeys;
	s->starved += t->out->starved;
	s->failures += t->out->failures;
	s->sa_bytes += t->out->total_bytes + t->in->total_bytes;
	s->sa_packets += t->out->total_packets + t->in->total_packets;
	return 0;
}

static int add_all(struct qkd_nl *nl, struct sums *s)
{
	int err;

	err = qkd_link_each(nl, add_link, s);
	if (!err && s->only && !s->links)
		return bad("there is no link \"%s\"; list them: qkdctl link",
			   s->only), -ENODEV;
	if (!err)
		err = qkd_consumer_each(nl, s->only, QKD_NO_INDEX,
					add_consumer, s);
	if (err)
		return failed(err);
	err = qkd_tunnel_each(nl, s->only, add_tunnel, s);
	s->has_tunnels = !err;
	return err && err != -EPROTONOSUPPORT ? failed(err) : 0;
}

/* ---- printing ---- */

static void print_links(const struct sums *s)
{
	char buf[UNIT_ROOM];

	pr_u64(PLAIN, "links", "links %s:", s->links);
	pr_obj("states");
	for (size_t i = N_ELEMS(s->states); i-- > 0;) {
		const char *name = qkd_oper_state_name(i);

		if (s->states[i])
			pr_text(" %s", name);
		pr_u64(i == QKD_OPER_STATE_UP ? GOOD : WARN, name,
		       s->states[i] ? " %s" : NULL, s->states[i]);
	}
	pr_obj_end();
	pr_as(PLAIN, "raw_bps", "\nrates: raw %s", s->raw_bps,
	      fmt_rate(buf, s->raw_bps, "/s"));
	pr_as(PLAIN, "sifted_bps", " sifted %s", s->sifted_bps,
	      fmt_rate(buf, s->sifted_bps, "bit/s"));
	pr_as(GOOD, "secret_bps", " secret %s", s->secret_bps,
	      fmt_rate(buf, s->secret_bps, "bit/s"));
	pr_u64(PLAIN, "blocks", " blocks %s", s->blocks);
	pr_u64(s->discarded ? WARN : PLAIN, "blocks_discarded",
	       " discarded %s\n", s->discarded);
}

static void print_stream(const char *key, const struct qkd_stream_info *s)
{
	char buf[UNIT_ROOM];

	pr_obj(key);
	pr_text("key %s:", key);
	pr_as(PLAIN, "available", " available %s", s->available,
	      fmt_level(buf, s->available));
	pr_as(PLAIN, "consumed", " consumed %s", s->consumed,
	      fmt_level(buf, s->consumed));
	pr_as(PLAIN, "lost", " lost %s\n", s->lost, fmt_level(buf, s->lost));
	pr_obj_end();
}

static void print_kinds(const struct sums *s)
{
	char buf[UNIT_ROOM];

	pr_arr("consumers");
	for (size_t i = 0; i < s->n_kinds; i++) {
		const struct kind *k = &s->kinds[i];

		pr_obj(NULL);
		pr_str(PLAIN, "kind", "used by %s:", k->name);
		pr_u64(PLAIN, "consumers", " consumers %s", k->consumers);
		pr_as(PLAIN, "tx_bytes", " tx %s", k->tx_bytes,
		      fmt_level(buf, k->tx_bytes));
		pr_as(PLAIN, "rx_bytes", " rx %s", k->rx_bytes,
		      fmt_level(buf, k->rx_bytes));
		pr_u64(PLAIN, "keys", " keys %s", k->keys);
		pr_u64(k->starved ? BAD : PLAIN, "starved", " starved %s\n",
		       k->starved);
		pr_obj_end();
	}
	pr_arr_end();
}

static void print_tunnels(const struct sums *s)
{
	char buf[UNIT_ROOM];

	if (!s->has_tunnels)
		return;
	pr_obj("tunnels");
	pr_u64(PLAIN, "count", "tunnels %s:", s->tunnels);
	pr_u64(s->live == s->tunnels ? GOOD : WARN, "live", " live %s",
	       s->live);
	pr_u64(PLAIN, "rekeys", " rekeys %s", s->rekeys);
	pr_u64(s->starved ? BAD : PLAIN, "starved", " starved %s", s->starved);
	pr_u64(s->failures ? WARN : PLAIN, "failures", " failures %s",
	       s->failures);
	pr_as(PLAIN, "bytes", " bytes %s", s->sa_bytes,
	      fmt_level(buf, s->sa_bytes));
	pr_u64(PLAIN, "packets", " packets %s\n", s->sa_packets);
	pr_obj_end();
}

int do_stats(struct args *a)
{
	struct sums s = { .only = arg_next(a) };
	struct qkd_nl *nl;
	int err;

	if (s.only && !strcmp(s.only, "help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (s.only && !strcmp(s.only, "link"))
		s.only = arg_next(a);
	if (arg_end(a))
		return -EINVAL;
	nl = open_nl();
	if (!nl)
		return -EINVAL;
	err = add_all(nl, &s);
	qkd_nl_close(nl);
	if (err)
		return err;
	pr_begin();
	pr_obj(NULL);
	print_links(&s);
	print_stream("tx", &s.tx);
	print_stream("rx", &s.rx);
	print_kinds(&s);
	pr_u64(s.errors ? WARN : PLAIN, "errors", "errors %s\n", s.errors);
	print_tunnels(&s);
	pr_obj_end();
	pr_end();
	return 0;
}
