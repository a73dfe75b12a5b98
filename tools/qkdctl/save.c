// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkdctl save: what there is, as the file that "qkdctl restore" reads. All
 * settings are written, so that a later version's defaults change nothing.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "conf.h"

static const char usage[] =
	"Usage: qkdctl save\n"
	"Writes the links, tunnels and one-time-pad devices of this namespace to\n"
	"standard output, as \"qkdctl restore\" reads them:\n"
	"       qkdctl save > " CONF_FILE "\n";

static void ip(const char *key, const struct qkd_ip *ip, int prefix)
{
	char buf[IP_ROOM];

	if (!ip->family)
		return;
	printf(" %s %s", key, fmt_ip(buf, ip));
	if (prefix >= 0)
		printf("/%d", prefix);
}

static void size(const char *key, uint64_t v)
{
	char buf[UNIT_ROOM];

	printf(" %s %s", key, fmt_size(buf, v));
}

static void milliseconds(const char *key, uint64_t v)
{
	char buf[UNIT_ROOM];

	printf(" %s %s", key, fmt_time(buf, v));
}

static void number(const char *key, uint64_t v)
{
	printf(" %s %llu", key, (unsigned long long)v);
}

/* ---- links ---- */

static void link_ip(const struct qkd_link *l, int attr, const char *key,
		    struct qkd_ip addr)
{
	if (l->have & QKD_BIT(attr))
		ip(key, &addr, -1);
}

static int save_link(const struct qkd_link *l, void *arg)
{
	if (strchr(l->config, '"'))
		return bad("%s: a config with quotes cannot be written",
			   l->name);
	printf("link %s local-node %s peer-node %s role %s", l->name,
	       l->local_node, l->peer_node, qkd_role_name(l->role));
	link_ip(l, QKD_A_LINK_LOCAL4, "local", ip4(l->local4));
	link_ip(l, QKD_A_LINK_PEER4, "peer", ip4(l->peer4));
	link_ip(l, QKD_A_LINK_LOCAL6, "local", ip6(l->local6));
	link_ip(l, QKD_A_LINK_PEER6, "peer", ip6(l->peer6));
	number("peer-port", l->peer_port);
	if (*l->driver)
		printf(" driver %s", l->driver);
	if (*l->config)
		printf(" config \"%s\"", l->config);
	size("pool-size", l->pool_size);
	size("low-watermark", l->low_watermark);
	size("high-watermark", l->high_watermark);
	milliseconds("rx-grace", l->rx_grace);
	printf(" state %s\n", qkd_admin_state_name(l->admin_state));
	return 0;
}

/* ---- tunnels ---- */

static void limits(const char *kind, uint32_t ms, uint64_t bytes,
		   uint64_t packets)
{
	printf(" %s", kind);
	milliseconds("time", ms);
	size("bytes", bytes);
	number("packets", packets);
}

static void save_selector(const struct qkd_tunnel_conf *c)
{
	ip("src", &c->src, c->src_prefix);
	ip("dst", &c->dst, c->dst_prefix);
	if (c->proto)
		number("proto", c->proto);
	if (c->src_port)
		number("sport", c->src_port);
	if (c->dst_port)
		number("dport", c->dst_port);
}

static int save_tunnel(const struct qkd_tunnel *t, void *arg)
{
	const struct qkd_tunnel_conf *c = t->conf;

	/* made again by the administrator's own policy */
	if (t->adhoc)
		return 0;
	printf("tunnel %s link %s mode %s", t->name, c->link,
	       qkd_tunnel_mode_name(c->mode));
	save_selector(c);
	ip("local", &c->local, -1);
	ip("peer", &c->peer, -1);
	printf(" policy %s", qkd_tunnel_policy_name(c->policy));
	/* others were given by the module, which gives them anew */
	if (c->reqid < QKD_XFRM_REQID_FIRST || c->reqid > QKD_XFRM_REQID_LAST)
		number("reqid", c->reqid);
	if (c->if_id)
		number("if-id", c->if_id);
	number("priority", c->priority);
	if (c->encap_sport)
		printf(" encap %u %u", c->encap_sport, c->encap_dport);
	printf(" aead %s esn %s", qkd_tunnel_aead_name(c->aead),
	       c->esn ? "on" : "off");
	number("replay-window", c->replay_window);
	limits("rekey", c->rekey_time, c->rekey_bytes, c->rekey_packets);
	limits("hard", c->hard_time, c->hard_bytes, c->hard_packets);
	milliseconds("grace-time", c->grace_time);
	printf(" starved %s start %s", qkd_tunnel_starved_name(c->starved),
	       qkd_tunnel_start_name(c->start));
	/* a module that is older knows no such word */
	if (t->have & QKD_BIT(QKD_XFRM_A_TUNNEL_HYBRID))
		printf(" hybrid %s", c->hybrid ? "on" : "off");
	printf("\n");
	return 0;
}

/* ---- one-time-pad devices ---- */

static void save_otp(const struct otp_dev *d)
{
	const struct otp_conf *c = &d->conf;

	/* whoever made it is not done yet */
	if (!*c->link)
		return;
	printf("otp %s link %s", d->name, c->link);
	number("id", c->id);
	number("port", c->port);
	number("mtu", d->mtu);
	ip("remote", &c->remote, -1);
	number("remote-port", c->remote_port);
	number("pad-to", c->pad_to);
	size("key-reserve", c->key_reserve);
	number("weight", c->weight);
	size("rate", c->rate);
	if (*c->fallback)
		printf(" fallback %s", c->fallback);
	printf("\n");
}

int do_save(struct args *a)
{
	const char *word = arg_peek(a);
	struct qkd_nl *nl;
	int err;

	if (word && !strcmp(word, "help")) {
		fputs(usage, stdout);
		return 0;
	}
	err = arg_end(a);
	if (err)
		return err;
	nl = open_nl();
	if (!nl)
		return -EINVAL;
	printf("# Of \"qkdctl save\", for \"qkdctl restore\"; see qkd.conf(5).\n");
	err = qkd_link_each(nl, save_link, NULL);
	if (!err)
		err = qkd_tunnel_each(nl, NULL, save_tunnel, NULL);
	/* no tunnels where their module is not */
	if (err == -EPROTONOSUPPORT)
		err = 0;
	else if (err && err != -EINVAL)
		failed(err);
	qkd_nl_close(nl);
	return err ?: otp_nl_each(NULL, save_otp);
}
