// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkdctl tunnel show: settings of tunnels and where each direction stands;
 * with -s all counters.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "print.h"
#include "qkdctl.h"

#define TOLD(c, ATTR) ((c)->set & QKD_BIT(QKD_XFRM_A_TUNNEL_##ATTR))

static enum colour state_colour(enum qkd_xfrm_state state)
{
	switch (state) {
	case QKD_XFRM_STATE_LIVE:
	case QKD_XFRM_STATE_OVERLAP:
		return GOOD;
	case QKD_XFRM_STATE_WAIT_KEY:
		return BAD;
	default:
		return WARN;
	}
}

static void print_ends(const struct qkd_tunnel_conf *c)
{
	char buf[IP_ROOM];

	pr_str(PLAIN, "mode", " mode %s", qkd_tunnel_mode_name(c->mode));
	if (c->local.family)
		pr_str(ADDR, "local", " local %s", fmt_ip(buf, &c->local));
	if (c->peer.family)
		pr_str(ADDR, "peer", " peer %s", fmt_ip(buf, &c->peer));
	pr_text("\n");
}

static void print_network(const char *key, const char *fmt,
			  const struct qkd_ip *ip, uint8_t prefix)
{
	char addr[IP_ROOM], text[IP_ROOM + 4];

	if (!ip->family)
		return;
	snprintf(text, sizeof(text), "%s/%u", fmt_ip(addr, ip), prefix);
	pr_str(ADDR, key, fmt, text);
}

static void print_selectors(const struct qkd_tunnel_conf *c)
{
	pr_text("   ");
	print_network("src", " src %s", &c->src, c->src_prefix);
	print_network("dst", " dst %s", &c->dst, c->dst_prefix);
	pr_u64(PLAIN, "proto", c->proto ? " proto %s" : NULL, c->proto);
	pr_u64(PLAIN, "sport", c->src_port ? " sport %s" : NULL, c->src_port);
	pr_u64(PLAIN, "dport", c->dst_port ? " dport %s" : NULL, c->dst_port);
	pr_str(PLAIN, "policy",
	       c->policy == QKD_XFRM_POLICY_OWN ? NULL : " policy %s",
	       qkd_tunnel_policy_name(c->policy));
	pr_u64(PLAIN, "reqid", " reqid %s", c->reqid);
	pr_u64(PLAIN, "if_id", c->if_id ? " if-id %s" : NULL, c->if_id);
	pr_u64(PLAIN, "priority", opt.stats ? " priority %s" : NULL,
	       c->priority);
	if (c->encap_sport) {
		pr_u64(PLAIN, "encap_sport", " encap %s", c->encap_sport);
		pr_u64(PLAIN, "encap_dport", " %s", c->encap_dport);
	}
	pr_text("\n");
}

static void print_limits(const char *word, const char *const keys[3],
			 uint32_t time, uint64_t bytes, uint64_t packets,
			 bool show)
{
	char buf[UNIT_ROOM];

	show = show && (time || bytes || packets);
	if (show)
		pr_text(" %s", word);
	pr_as(PLAIN, keys[0], show && time ? " time %s" : NULL, time,
	      fmt_time(buf, time));
	pr_as(PLAIN, keys[1], show && bytes ? " bytes %s" : NULL, bytes,
	      fmt_size(buf, bytes));
	pr_u64(PLAIN, keys[2], show && packets ? " packets %s" : NULL,
	       packets);
}

static void print_settings(const struct qkd_tunnel_conf *c)
{
	static const char *const rekey[] = {
		"rekey_time", "rekey_bytes", "rekey_packets",
	};
	static const char *const hard[] = {
		"hard_time", "hard_bytes", "hard_packets",
	};
	bool all = opt.stats;
	char buf[UNIT_ROOM];

	pr_str(PLAIN, "aead", "    aead %s", qkd_tunnel_aead_name(c->aead));
	pr_bool("esn", NULL, c->esn);
	if (all)
		pr_text(" esn %s", c->esn ? "on" : "off");
	pr_u64(PLAIN, "replay_window", all ? " replay-window %s" : NULL,
	       c->replay_window);
	print_limits("rekey", rekey, c->rekey_time, c->rekey_bytes,
		     c->rekey_packets, true);
	print_limits("hard", hard, c->hard_time, c->hard_bytes,
		     c->hard_packets, all);
	pr_as(PLAIN, "grace_time", all ? " grace-time %s" : NULL,
	      c->grace_time, fmt_time(buf, c->grace_time));
	pr_str(PLAIN, "starved", " starved %s",
	       qkd_tunnel_starved_name(c->starved));
	pr_str(PLAIN, "start", " start %s", qkd_tunnel_start_name(c->start));
	pr_bool("hybrid", " hybrid on", c->hybrid);
	if (all && !c->hybrid)
		pr_text(" hybrid off");
	pr_text("\n");
}

#define DIR_HAS(d, ATTR) ((d)->have & QKD_BIT(QKD_XFRM_A_DIR_##ATTR))

static void print_secret_id(const struct qkd_tunnel_dir *d)
{
	char hex[2 * sizeof(d->secret_id) + 1];

	for (size_t i = 0; i < sizeof(d->secret_id); i++)
		snprintf(hex + 2 * i, 3, "%02x", d->secret_id[i]);
	pr_str(PLAIN, "secret_id", opt.stats ? " secret-id %s" : NULL, hex);
}

static void print_sa(const struct qkd_tunnel_dir *d)
{
	char buf[UNIT_ROOM];

	if (DIR_HAS(d, SPI)) {
		snprintf(buf, sizeof(buf), "0x%08x", d->spi);
		pr_str(PLAIN, "spi", " spi %s", buf);
		pr_u64(PLAIN, "key_offset", " key-offset %s", d->key_offset);
		pr_as(PLAIN, "age", " age %s", d->age,
		      fmt_time(buf, d->age - d->age % 1000));
	}
	if (DIR_HAS(d, SECRET_ID))
		print_secret_id(d);
	if (DIR_HAS(d, NEXT_REKEY))
		pr_as(PLAIN, "next_rekey", " next-rekey %s", d->next_rekey,
		      fmt_time(buf, d->next_rekey - d->next_rekey % 1000));
	pr_u64(PLAIN, "rekeys", " rekeys %s", d->rekeys);
	pr_u64(PLAIN, "old", d->old ? " old %s" : NULL, d->old);
}

static void print_traffic(const struct qkd_tunnel_dir *d)
{
	const char *fmt = opt.stats ? " %-12s" : NULL;
	char buf[UNIT_ROOM];

	if (opt.stats)
		pr_text("\n        bytes        packets      all-bytes    all-packets  key-bytes\n       ");
	pr_as(PLAIN, "bytes", fmt, d->bytes, fmt_level(buf, d->bytes));
	pr_u64(PLAIN, "packets", fmt, d->packets);
	pr_as(PLAIN, "total_bytes", fmt, d->total_bytes,
	      fmt_level(buf, d->total_bytes));
	pr_u64(PLAIN, "total_packets", fmt, d->total_packets);
	pr_as(PLAIN, "key_bytes", opt.stats ? " %s" : NULL, d->key_bytes,
	      fmt_level(buf, d->key_bytes));
}

static void print_offers(const struct qkd_tunnel_dir *d)
{
	int n = opt.stats;

	if (n)
		pr_text("\n       ");
	pr_u64(PLAIN, "offers", n ? " offers %s" : NULL, d->offers);
	pr_u64(PLAIN, "accepts", n ? " accepts %s" : NULL, d->accepts);
	pr_u64(d->rejects ? WARN : PLAIN, "rejects", n ? " rejects %s" : NULL,
	       d->rejects);
	if (DIR_HAS(d, RETRIES))
		pr_u64(PLAIN, "retries", n ? " retries %s" : NULL, d->retries);
	if (DIR_HAS(d, REPEATS))
		pr_u64(PLAIN, "repeats", n ? " repeats %s" : NULL, d->repeats);
	if (DIR_HAS(d, WANTS))
		pr_u64(PLAIN, "wants", n ? " wants %s" : NULL, d->wants);
	if (DIR_HAS(d, FAILURES))
		pr_u64(d->failures ? WARN : PLAIN, "failures",
		       n ? " failures %s" : NULL, d->failures);
	if (DIR_HAS(d, STARVED))
		pr_u64(d->starved ? BAD : PLAIN, "starved",
		       n || d->starved ? " starved %s" : NULL, d->starved);
}

static void print_dir(const char *key, const struct qkd_tunnel_dir *d)
{
	pr_obj(key);
	pr_text("    %-3s ", key);
	pr_str(state_colour(d->state), "state", "%s",
	       qkd_tunnel_state_name(d->state));
	print_sa(d);
	print_traffic(d);
	print_offers(d);
	pr_obj_end();
	pr_text("\n");
}

void print_tunnel(const struct qkd_tunnel *t, int stats)
{
	const struct qkd_tunnel_conf *c = t->conf;

	pr_obj(NULL);
	pr_str(NAME, "name", "%s", t->name);
	pr_text(":");
	if (TOLD(c, LINK))
		pr_str(NAME, "link", " link %s", c->link);
	if (t->link_index != QKD_NO_INDEX)
		pr_u64(PLAIN, "link_index", NULL, t->link_index);
	else
		pr_text(" (not there)");
	pr_bool("adhoc", " adhoc", t->adhoc);
	print_ends(c);
	print_selectors(c);
	print_settings(c);
	print_dir("out", t->out);
	print_dir("in", t->in);
	if (*t->reason)
		pr_str(WARN, "reason", "    reason %s\n", t->reason);
	pr_obj_end();
}

static int show_each(const struct qkd_tunnel *t, void *arg)
{
	print_tunnel(t, opt.stats);
	return 0;
}

static int show_one(struct qkd_nl *nl, const char *name)
{
	struct qkd_tunnel *t;
	int err = qkd_tunnel_get(nl, name, &t);

	if (err)
		return err;
	pr_begin();
	print_tunnel(t, opt.stats);
	pr_end();
	qkd_tunnel_free(t);
	return 0;
}

static int show_all(struct qkd_nl *nl, const char *link)
{
	int err;

	pr_begin();
	err = qkd_tunnel_each(nl, link, show_each, NULL);
	pr_end();
	return err;
}

int tunnel_show(struct args *a)
{
	const char *name = NULL, *link = NULL, *word;
	struct qkd_nl *nl;
	int err;

	while ((word = arg_next(a))) {
		if (!strcmp(word, "link")) {
			link = arg_value(a, word);
			if (!link)
				return -EINVAL;
		} else if (!name) {
			name = word;
		} else {
			return bad("one tunnel, or all; what is \"%s\"?", word);
		}
	}
	nl = open_nl();
	if (!nl)
		return -EINVAL;
	err = name ? show_one(nl, name) : show_all(nl, link);
	if (err)
		failed(err);
	qkd_nl_close(nl);
	return err;
}
