// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkdctl tunnel: make, delete, change and rekey tunnels.
 *
 * Showing them has a file of its own. What may be given is checked by the
 * kernel; here words become settings.
 */
#include <errno.h>
#include <netdb.h>
#include <string.h>

#include "print.h"
#include "qkdctl.h"

static const char usage[] =
	"Usage: qkdctl tunnel add NAME link LINK [ mode { transport | tunnel } ]\n"
	"                 [ src PREFIX ] [ dst PREFIX ] [ proto PROTO ]\n"
	"                 [ sport PORT ] [ dport PORT ] [ local ADDR ] [ peer ADDR ]\n"
	"                 [ policy { own | none } ] [ reqid N ] [ if-id N ]\n"
	"                 [ priority N ] [ encap SPORT DPORT ] [ SA-SETTINGS ]\n"
	"       qkdctl tunnel set NAME SA-SETTINGS\n"
	"       qkdctl tunnel { del | rekey } NAME\n"
	"       qkdctl tunnel [ show [ NAME ] [ link LINK ] ]\n"
	"SA-SETTINGS := [ aead { aes256gcm | aes128gcm | chacha20poly1305 } ]\n"
	"               [ esn { on | off } ] [ replay-window PACKETS ]\n"
	"               [ rekey [ time TIME ] [ bytes SIZE ] [ packets N ] ]\n"
	"               [ hard [ time TIME ] [ bytes SIZE ] [ packets N ] ]\n"
	"               [ grace-time TIME ] [ starved { block | keep } ]\n"
	"               [ start { now | traffic } ] [ hybrid { on | off } ]\n"
	"TIME is in seconds, or with ms, s, m, h; SIZE in bytes, or with K, M, G.\n"
	"0 turns a limit off. Both ends need the tunnel, by the same name.\n";

#define BIT(ATTR) QKD_BIT(QKD_XFRM_A_TUNNEL_##ATTR)

/* ---- settings ---- */

static const char *off_on(unsigned int on)
{
	return on > 1 ? "?" : on ? "on" : "off";
}

#define CONF struct qkd_tunnel_conf
#define TEXT(NAME, MEMBER) KEY_TEXT(NAME, CONF, MEMBER)
#define ADDR(NAME, MEMBER) KEY_IP(NAME, CONF, MEMBER)
#define WORD(NAME, MEMBER, ATTR, NAME_OF) \
	KEY_WORD(NAME, CONF, MEMBER, BIT(ATTR), NAME_OF)
#define NUMBER(NAME, MEMBER, ATTR, MAX) \
	KEY_NUMBER(NAME, CONF, MEMBER, BIT(ATTR), 0, MAX)
#define SIZE(NAME, MEMBER, ATTR) \
	KEY_SIZE(NAME, CONF, MEMBER, BIT(ATTR), UINT64_MAX)
#define TIME(NAME, MEMBER, ATTR) KEY_TIME(NAME, CONF, MEMBER, BIT(ATTR))

static int prefix(struct args *a, const char *key, struct qkd_ip *ip,
		  uint8_t *len, uint64_t *set, uint64_t bit)
{
	const char *s = arg_value(a, key);
	int told;

	if (!s || parse_prefix(s, key, ip, &told))
		return -EINVAL;
	if (told >= 0) {
		*len = told;
		*set |= bit;
	}
	return 0;
}

static int parse_src(struct args *a, const char *key, void *conf)
{
	struct qkd_tunnel_conf *c = conf;

	return prefix(a, key, &c->src, &c->src_prefix, &c->set,
		      BIT(SRC_PREFIX));
}

static int parse_dst(struct args *a, const char *key, void *conf)
{
	struct qkd_tunnel_conf *c = conf;

	return prefix(a, key, &c->dst, &c->dst_prefix, &c->set,
		      BIT(DST_PREFIX));
}

static int parse_proto(struct args *a, const char *key, void *conf)
{
	struct qkd_tunnel_conf *c = conf;
	const char *s = arg_value(a, key);
	const struct protoent *p;
	uint64_t v;

	if (!s)
		return -EINVAL;
	p = getprotobyname(s);
	if (p)
		v = p->p_proto;
	else if (parse_number(s, 0, 255, &v))
		return bad("%s: \"%s\" is no IP protocol", key, s);
	c->proto = v;
	c->set |= BIT(PROTO);
	return 0;
}

static int parse_port(struct args *a, const char *key, uint16_t *port)
{
	const char *s = arg_value(a, key);
	uint64_t v;

	if (!s)
		return -EINVAL;
	if (parse_number(s, 0, 65535, &v))
		return bad("%s: \"%s\" is no port", key, s);
	*port = v;
	return 0;
}

static int parse_encap(struct args *a, const char *key, void *conf)
{
	struct qkd_tunnel_conf *c = conf;

	c->set |= BIT(ENCAP_SPORT) | BIT(ENCAP_DPORT);
	return parse_port(a, key, &c->encap_sport) ?:
	       parse_port(a, key, &c->encap_dport);
}

/* "[ time T ] [ bytes B ] [ packets N ]", at least one */
static int parse_limits(struct args *a, const char *key, void *conf,
			const struct key *limits, size_t n)
{
	int given = parse_some_keys(limits, n, a, conf);

	if (given)
		return given < 0 ? given : 0;
	return bad("\"%s\" wants time, bytes or packets, as in: %s time 60s",
		   key, key);
}

static int parse_rekey(struct args *a, const char *key, void *conf)
{
	static const struct key limits[] = {
		TIME("time", rekey_time, REKEY_TIME),
		SIZE("bytes", rekey_bytes, REKEY_BYTES),
		NUMBER("packets", rekey_packets, REKEY_PACKETS, UINT64_MAX),
	};

	return parse_limits(a, key, conf, limits, N_ELEMS(limits));
}

static int parse_hard(struct args *a, const char *key, void *conf)
{
	static const struct key limits[] = {
		TIME("time", hard_time, HARD_TIME),
		SIZE("bytes", hard_bytes, HARD_BYTES),
		NUMBER("packets", hard_packets, HARD_PACKETS, UINT64_MAX),
	};

	return parse_limits(a, key, conf, limits, N_ELEMS(limits));
}

#define SA_KEYS \
	WORD("aead", aead, AEAD, qkd_tunnel_aead_name), \
	WORD("esn", esn, ESN, off_on), \
	NUMBER("replay-window", replay_window, REPLAY_WINDOW, UINT32_MAX), \
	KEY_OWN("rekey", parse_rekey), \
	KEY_OWN("hard", parse_hard), \
	TIME("grace-time", grace_time, GRACE_TIME), \
	WORD("starved", starved, STARVED, qkd_tunnel_starved_name), \
	WORD("start", start, START, qkd_tunnel_start_name), \
	WORD("hybrid", hybrid, HYBRID, off_on)

static const struct key set_keys[] = { SA_KEYS };

static const struct key add_keys[] = {
	TEXT("link", link),
	WORD("mode", mode, MODE, qkd_tunnel_mode_name),
	KEY_OWN("src", parse_src),
	KEY_OWN("dst", parse_dst),
	KEY_OWN("proto", parse_proto),
	NUMBER("sport", src_port, SRC_PORT, 65535),
	NUMBER("dport", dst_port, DST_PORT, 65535),
	ADDR("local", local),
	ADDR("peer", peer),
	WORD("policy", policy, POLICY, qkd_tunnel_policy_name),
	NUMBER("reqid", reqid, REQID, UINT32_MAX),
	NUMBER("if-id", if_id, IF_ID, UINT32_MAX),
	NUMBER("priority", priority, PRIORITY, UINT32_MAX),
	KEY_OWN("encap", parse_encap),
	SA_KEYS,
};

/* ---- commands ---- */

static const char *tunnel_name(struct args *a)
{
	const char *name = arg_name(a, "name");

	if (!name)
		bad("which tunnel? Its name is missing; list them: qkdctl tunnel");
	return name;
}

int tunnel_parse(struct args *a, const char **name,
		 struct qkd_tunnel_conf *conf)
{
	int err;

	*conf = (struct qkd_tunnel_conf)QKD_TUNNEL_CONF_INIT;
	*name = tunnel_name(a);
	if (!*name)
		return -EINVAL;
	err = parse_keys(add_keys, N_ELEMS(add_keys), a, conf);
	if (err)
		return err;
	return conf->link ? 0 :
		bad("\"link\" is missing: which link gives the key? List them: qkdctl link");
}

static int tunnel_add(struct args *a)
{
	struct qkd_tunnel_conf conf;
	const char *name;
	struct qkd_nl *nl;
	int err;

	err = tunnel_parse(a, &name, &conf);
	if (err)
		return err;
	nl = open_nl();
	if (!nl)
		return -EINVAL;
	err = qkd_tunnel_add(nl, name, &conf, NULL);
	if (err)
		failed(err);
	qkd_nl_close(nl);
	return err;
}

static int tunnel_set(struct args *a)
{
	struct qkd_tunnel_conf conf = QKD_TUNNEL_CONF_INIT;
	const char *name = tunnel_name(a);
	struct qkd_nl *nl;
	int err;

	if (!name)
		return -EINVAL;
	if (!a->n)
		return bad("what shall be set? Nothing is given; try \"qkdctl tunnel help\"");
	err = parse_keys(set_keys, N_ELEMS(set_keys), a, &conf);
	if (err)
		return err;
	nl = open_nl();
	if (!nl)
		return -EINVAL;
	err = qkd_tunnel_set(nl, name, &conf);
	if (err)
		failed(err);
	qkd_nl_close(nl);
	return err;
}

static int on_tunnel(struct args *a,
		     int (*fn)(struct qkd_nl *nl, const char *name))
{
	const char *name = tunnel_name(a);
	struct qkd_nl *nl;
	int err;

	if (!name || arg_end(a))
		return -EINVAL;
	nl = open_nl();
	if (!nl)
		return -EINVAL;
	err = fn(nl, name);
	if (err)
		failed(err);
	qkd_nl_close(nl);
	return err;
}

static int tunnel_del(struct args *a)
{
	return on_tunnel(a, qkd_tunnel_del);
}

static int tunnel_rekey(struct args *a)
{
	return on_tunnel(a, qkd_tunnel_rekey);
}

int do_tunnel(struct args *a)
{
	static const struct verb verbs[] = {
		{ "show", tunnel_show },
		{ "list", tunnel_show },
		{ "add", tunnel_add },
		{ "del", tunnel_del },
		{ "delete", tunnel_del },
		{ "set", tunnel_set },
		{ "rekey", tunnel_rekey },
	};

	return RUN_VERB(verbs, a, usage);
}
