// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkdctl link: make, delete and change links.
 *
 * Showing and watching them have files of their own. What may be given is
 * checked by the kernel; here words become settings.
 */
#include <errno.h>
#include <string.h>

#include "print.h"
#include "qkdctl.h"

static const char usage[] =
	"Usage: qkdctl link add NAME local-node ID peer-node ID\n"
	"                       [ local ADDR ] [ peer ADDR ] [ peer-port PORT ]\n"
	"                       [ driver NAME ] [ role { alice | bob | none } ]\n"
	"                       [ config \"KEY=VALUE ...\" ] [ state { up | down } ]\n"
	"                       [ pool-size SIZE ] [ low-watermark SIZE ]\n"
	"                       [ high-watermark SIZE ] [ rx-grace TIME ]\n"
	"       qkdctl link set NAME [ local ADDR ] [ peer ADDR ] ...\n"
	"       qkdctl link { del | enable | disable } NAME\n"
	"       qkdctl link [ show [ NAME ] ]\n"
	"       qkdctl link watch [ NAME ] [ interval TIME ] [ count N ]\n"
	"A link is up once it is added, unless told \"state down\".\n"
	"An ADDR is IPv4 or IPv6; local and peer may be given once for each.\n"
	"SIZE is in bytes, or with K, M, G; TIME in seconds, or with ms, s, m, h.\n";

/* ---- settings ---- */

static int parse_addr(struct args *a, const char *key, struct qkd_ip *ip)
{
	const char *s = arg_value(a, key);

	return s ? parse_ip(s, key, ip) : -EINVAL;
}

static int parse_local(struct args *a, const char *key, void *conf)
{
	struct qkd_link_conf *c = conf;
	struct qkd_ip ip;

	if (parse_addr(a, key, &ip))
		return -EINVAL;
	if (ip.family == AF_INET) {
		c->local4 = ip.a4;
		c->set |= QKD_BIT(QKD_A_LINK_LOCAL4);
	} else {
		c->local6 = ip.a6;
		c->set |= QKD_BIT(QKD_A_LINK_LOCAL6);
	}
	return 0;
}

static int parse_peer(struct args *a, const char *key, void *conf)
{
	struct qkd_link_conf *c = conf;
	struct qkd_ip ip;

	if (parse_addr(a, key, &ip))
		return -EINVAL;
	if (ip.family == AF_INET) {
		c->peer4 = ip.a4;
		c->set |= QKD_BIT(QKD_A_LINK_PEER4);
	} else {
		c->peer6 = ip.a6;
		c->set |= QKD_BIT(QKD_A_LINK_PEER6);
	}
	return 0;
}

#define CONF struct qkd_link_conf
#define BIT(ATTR) QKD_BIT(QKD_A_LINK_##ATTR)
#define TEXT(NAME, MEMBER) KEY_TEXT(NAME, CONF, MEMBER)
#define WORD(NAME, MEMBER, ATTR, NAME_OF) \
	KEY_WORD(NAME, CONF, MEMBER, BIT(ATTR), NAME_OF)
#define SIZE(NAME, MEMBER, ATTR) \
	KEY_SIZE(NAME, CONF, MEMBER, BIT(ATTR), UINT32_MAX)

static const struct key keys[] = {
	TEXT("local-node", local_node),
	TEXT("peer-node", peer_node),
	KEY_OWN("local", parse_local),
	KEY_OWN("peer", parse_peer),
	KEY_NUMBER("peer-port", CONF, peer_port, BIT(PEER_PORT), 1, 65535),
	TEXT("driver", driver),
	WORD("role", role, ROLE, qkd_role_name),
	TEXT("config", config),
	WORD("state", admin_state, ADMIN_STATE, qkd_admin_state_name),
	SIZE("pool-size", pool_size, POOL_SIZE),
	SIZE("low-watermark", low_watermark, LOW_WATERMARK),
	SIZE("high-watermark", high_watermark, HIGH_WATERMARK),
	KEY_TIME("rx-grace", CONF, rx_grace, BIT(RX_GRACE)),
};

/* ---- commands ---- */

/* The name that must come first; NULL, having complained. */
static const char *link_name(struct args *a)
{
	const char *name = arg_name(a, "name");

	if (!name)
		bad("which link? Its name is missing; list them: qkdctl link");
	return name;
}

int link_parse(struct args *a, const char **name, struct qkd_link_conf *conf)
{
	int err;

	*conf = (struct qkd_link_conf)QKD_LINK_CONF_INIT;
	*name = link_name(a);
	if (!*name)
		return -EINVAL;
	err = parse_keys(keys, N_ELEMS(keys), a, conf);
	if (err)
		return err;
	/* who makes a link wants to use it; the kernel's own default is down */
	if (!(conf->set & QKD_BIT(QKD_A_LINK_ADMIN_STATE))) {
		conf->admin_state = QKD_ADMIN_STATE_UP;
		conf->set |= QKD_BIT(QKD_A_LINK_ADMIN_STATE);
	}
	if (!conf->local_node || !conf->peer_node)
		return bad("\"%s\" is missing: both nodes' IDs are needed, as their administrators agreed on them",
			   conf->local_node ? "peer-node" : "local-node");
	return 0;
}

static int link_add(struct args *a)
{
	struct qkd_link_conf conf;
	const char *name;
	struct qkd_nl *nl;
	int err;

	err = link_parse(a, &name, &conf);
	if (err)
		return err;
	nl = open_nl();
	if (!nl)
		return -EINVAL;
	err = qkd_link_add(nl, name, &conf, NULL);
	if (err == -EEXIST)
		err = bad("there is a link \"%s\" already; change it: qkdctl link set %s",
			  name, name);
	else if (err)
		failed(err);
	qkd_nl_close(nl);
	return err;
}

static int change(const char *name, const struct qkd_link_conf *conf)
{
	struct qkd_nl *nl = open_nl();
	int err;

	if (!nl)
		return -EINVAL;
	err = qkd_link_set(nl, name, QKD_NO_INDEX, conf);
	if (err)
		failed(err);
	qkd_nl_close(nl);
	return err;
}

static int link_set(struct args *a)
{
	struct qkd_link_conf conf = QKD_LINK_CONF_INIT;
	const char *name = link_name(a);
	int err;

	if (!name)
		return -EINVAL;
	if (!a->n)
		return bad("what shall be set? Nothing is given; try \"qkdctl link help\"");
	err = parse_keys(keys, N_ELEMS(keys), a, &conf);
	if (err)
		return err;
	if (conf.local_node || conf.peer_node ||
	    conf.set & (QKD_BIT(QKD_A_LINK_ROLE) |
			QKD_BIT(QKD_A_LINK_POOL_SIZE)))
		return bad("nodes, role and pool-size of a link cannot change; delete it and make it anew");
	return change(name, &conf);
}

static int set_state(struct args *a, enum qkd_admin_state state)
{
	struct qkd_link_conf conf = QKD_LINK_CONF_INIT;
	const char *name = link_name(a);

	if (!name || arg_end(a))
		return -EINVAL;
	conf.admin_state = state;
	conf.set = QKD_BIT(QKD_A_LINK_ADMIN_STATE);
	return change(name, &conf);
}

static int link_enable(struct args *a)
{
	return set_state(a, QKD_ADMIN_STATE_UP);
}

static int link_disable(struct args *a)
{
	return set_state(a, QKD_ADMIN_STATE_DOWN);
}

static int link_del(struct args *a)
{
	const char *name = link_name(a);
	struct qkd_nl *nl;
	int err;

	if (!name || arg_end(a))
		return -EINVAL;
	nl = open_nl();
	if (!nl)
		return -EINVAL;
	err = qkd_link_del(nl, name, QKD_NO_INDEX);
	if (err)
		failed(err);
	qkd_nl_close(nl);
	return err;
}

int do_link(struct args *a)
{
	static const struct verb verbs[] = {
		{ "show", link_show },
		{ "list", link_show },
		{ "add", link_add },
		{ "del", link_del },
		{ "delete", link_del },
		{ "set", link_set },
		{ "enable", link_enable },
		{ "disable", link_disable },
		{ "watch", link_watch },
	};

	return RUN_VERB(verbs, a, usage);
}
