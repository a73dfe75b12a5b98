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
	"               [ start { now | traffic } ]\n"
	"TIME is in seconds, or with ms, s, m, h; SIZE in bytes, or with K, M, G.\n"
	"0 turns a limit off. Both ends need the tunnel, by the same name.\n";

#define BIT(ATTR) QKD_BIT(QKD_XFRM_A_TUNNEL_##ATTR)

static int number_arg(struct args *a, const char *key, uint64_t max,
		      uint64_t *v)
{
	const char *s = arg_value(a, key);

	if (!s)
		return -EINVAL;
	if (parse_number(s, 0, max, v))
		return bad("%s: \"%s\" is no number from 0 to %llu", key, s,
			   (unsigned long long)max);
	return 0;
}

static int milliseconds(struct args *a, const char *key, uint32_t *ms)
{
	const char *s = arg_value(a, key);
	uint64_t v;

	if (!s)
		return -EINVAL;
	if (parse_time(s, &v) || v > UINT32_MAX)
		return bad("%s: \"%s\" is no time; write it as 10s, 500ms or 5m",
			   key, s);
	*ms = v;
	return 0;
}

static int bytes(struct args *a, const char *key, uint64_t *v)
{
	const char *s = arg_value(a, key);

	if (!s)
		return -EINVAL;
	if (parse_size(s, v))
		return bad("%s: \"%s\" is no size; write it as 64K, 1M or 65536",
			   key, s);
	return 0;
}

/* ---- ends and selectors ---- */

static int parse_link(struct args *a, const char *key, void *conf)
{
	struct qkd_tunnel_conf *c = conf;

	c->link = arg_value(a, key);
	return c->link ? 0 : -EINVAL;
}

static int parse_local(struct args *a, const char *key, void *conf)
{
	const char *s = arg_value(a, key);

	return s ? parse_ip(s, key, &((struct qkd_tunnel_conf *)conf)->local) :
		-EINVAL;
}

static int parse_peer(struct args *a, const char *key, void *conf)
{
	const char *s = arg_value(a, key);

	return s ? parse_ip(s, key, &((struct qkd_tunnel_conf *)conf)->peer) :
		-EINVAL;
}

static int parse_src(struct args *a, const char *key, void *conf)
{
	struct qkd_tunnel_conf *c = conf;
	const char *s = arg_value(a, key);
	int prefix;

	if (!s || parse_prefix(s, key, &c->src, &prefix))
		return -EINVAL;
	if (prefix >= 0) {
		c->src_prefix = prefix;
		c->set |= BIT(SRC_PREFIX);
	}
	return 0;
}

static int parse_dst(struct args *a, const char *key, void *conf)
{
	struct qkd_tunnel_conf *c = conf;
	const char *s = arg_value(a, key);
	int prefix;

	if (!s || parse_prefix(s, key, &c->dst, &prefix))
		return -EINVAL;
	if (prefix >= 0) {
		c->dst_prefix = prefix;
		c->set |= BIT(DST_PREFIX);
	}
	return 0;
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

static int port(struct args *a, const char *key, uint16_t *p)
{
	uint64_t v;
	int err = number_arg(a, key, 65535, &v);

	if (!err)
		*p = v;
	return err;
}

static int parse_sport(struct args *a, const char *key, void *conf)
{
	struct qkd_tunnel_conf *c = conf;

	c->set |= BIT(SRC_PORT);
	return port(a, key, &c->src_port);
}

static int parse_dport(struct args *a, const char *key, void *conf)
{
	struct qkd_tunnel_conf *c = conf;

	c->set |= BIT(DST_PORT);
	return port(a, key, &c->dst_port);
}

static int parse_encap(struct args *a, const char *key, void *conf)
{
	struct qkd_tunnel_conf *c = conf;

	c->set |= BIT(ENCAP_SPORT) | BIT(ENCAP_DPORT);
	return port(a, key, &c->encap_sport) ?: port(a, key, &c->encap_dport);
}

/* ---- choices ---- */

/* Which of the words follows; a bit of the settings says that it was given. */
static int choice(struct args *a, const char *key, const char *const *words,
		  size_t n, uint64_t *set, uint64_t bit)
{
	const char *s = arg_value(a, key);
	int i = s ? arg_match(words, n, sizeof(*words), s, key) : -EINVAL;

	if (i >= 0)
		*set |= bit;
	return i;
}

static int parse_mode(struct args *a, const char *key, void *conf)
{
	static const char *const words[] = {
		[QKD_XFRM_MODE_TRANSPORT] = "transport",
		[QKD_XFRM_MODE_TUNNEL] = "tunnel",
	};
	struct qkd_tunnel_conf *c = conf;
	int i = choice(a, key, words, N_ELEMS(words), &c->set, BIT(MODE));

	if (i < 0)
		return i;
	c->mode = i;
	return 0;
}

static int parse_aead(struct args *a, const char *key, void *conf)
{
	static const char *const words[] = {
		[QKD_XFRM_AEAD_AES256GCM] = "aes256gcm",
		[QKD_XFRM_AEAD_AES128GCM] = "aes128gcm",
		[QKD_XFRM_AEAD_CHACHA20POLY1305] = "chacha20poly1305",
	};
	struct qkd_tunnel_conf *c = conf;
	int i = choice(a, key, words, N_ELEMS(words), &c->set, BIT(AEAD));

	if (i < 0)
		return i;
	c->aead = i;
	return 0;
}

static int parse_starved(struct args *a, const char *key, void *conf)
{
	static const char *const words[] = {
		[QKD_XFRM_STARVED_BLOCK] = "block",
		[QKD_XFRM_STARVED_KEEP] = "keep",
	};
	struct qkd_tunnel_conf *c = conf;
	int i = choice(a, key, words, N_ELEMS(words), &c->set, BIT(STARVED));

	if (i < 0)
		return i;
	c->starved = i;
	return 0;
}

static int parse_start(struct args *a, const char *key, void *conf)
{
	static const char *const words[] = {
		[QKD_XFRM_START_NOW] = "now",
		[QKD_XFRM_START_TRAFFIC] = "traffic",
	};
	struct qkd_tunnel_conf *c = conf;
	int i = choice(a, key, words, N_ELEMS(words), &c->set, BIT(START));

	if (i < 0)
		return i;
	c->start = i;
	return 0;
}

static int parse_policy(struct args *a, const char *key, void *conf)
{
	static const char *const words[] = {
		[QKD_XFRM_POLICY_OWN] = "own",
		[QKD_XFRM_POLICY_NONE] = "none",
	};
	struct qkd_tunnel_conf *c = conf;
	int i = choice(a, key, words, N_ELEMS(words), &c->set, BIT(POLICY));

	if (i < 0)
		return i;
	c->policy = i;
	return 0;
}

static int parse_esn(struct args *a, const char *key, void *conf)
{
	static const char *const words[] = { "off", "on" };
	struct qkd_tunnel_conf *c = conf;
	int i = choice(a, key, words, N_ELEMS(words), &c->set, BIT(ESN));

	if (i < 0)
		return i;
	c->esn = i;
	return 0;
}

/* ---- numbers ---- */

static int u32(struct args *a, const char *key, uint32_t *v32)
{
	uint64_t v;
	int err = number_arg(a, key, UINT32_MAX, &v);

	if (!err)
		*v32 = v;
	return err;
}

static int parse_replay_window(struct args *a, const char *key, void *conf)
{
	struct qkd_tunnel_conf *c = conf;

	c->set |= BIT(REPLAY_WINDOW);
	return u32(a, key, &c->replay_window);
}

static int parse_reqid(struct args *a, const char *key, void *conf)
{
	struct qkd_tunnel_conf *c = conf;

	c->set |= BIT(REQID);
	return u32(a, key, &c->reqid);
}

static int parse_if_id(struct args *a, const char *key, void *conf)
{
	struct qkd_tunnel_conf *c = conf;

	c->set |= BIT(IF_ID);
	return u32(a, key, &c->if_id);
}

static int parse_priority(struct args *a, const char *key, void *conf)
{
	struct qkd_tunnel_conf *c = conf;

	c->set |= BIT(PRIORITY);
	return u32(a, key, &c->priority);
}

static int parse_grace_time(struct args *a, const char *key, void *conf)
{
	struct qkd_tunnel_conf *c = conf;

	c->set |= BIT(GRACE_TIME);
	return milliseconds(a, key, &c->grace_time);
}

/* Where the limits of one kind (soft: rekey, or hard) go */
struct limits {
	uint32_t *time;
	uint64_t *bytes;
	uint64_t *packets;
	uint64_t bits[3];
};

/* "[ time T ] [ bytes B ] [ packets N ]", at least one */
static int parse_limits(struct args *a, const char *key,
			struct qkd_tunnel_conf *c, const struct limits *l)
{
	static const char *const words[] = { "time", "bytes", "packets" };
	int given = 0, err;

	for (;;) {
		const char *word = arg_peek(a);
		size_t i = 0;

		while (word && i < N_ELEMS(words) && strcmp(word, words[i]))
			i++;
		if (!word || i == N_ELEMS(words))
			break;
		arg_next(a);
		if (i == 0)
			err = milliseconds(a, key, l->time);
		else if (i == 1)
			err = bytes(a, key, l->bytes);
		else
			err = number_arg(a, key, UINT64_MAX, l->packets);
		if (err)
			return err;
		c->set |= l->bits[i];
		given++;
	}
	return given ? 0 : bad("\"%s\" wants time, bytes or packets, as in: %s time 60s",
			       key, key);
}

static int parse_rekey(struct args *a, const char *key, void *conf)
{
	struct qkd_tunnel_conf *c = conf;
	const struct limits soft = {
		.time = &c->rekey_time,
		.bytes = &c->rekey_bytes,
		.packets = &c->rekey_packets,
		.bits = { BIT(REKEY_TIME), BIT(REKEY_BYTES),
			  BIT(REKEY_PACKETS) },
	};

	return parse_limits(a, key, c, &soft);
}

static int parse_hard(struct args *a, const char *key, void *conf)
{
	struct qkd_tunnel_conf *c = conf;
	const struct limits hard = {
		.time = &c->hard_time,
		.bytes = &c->hard_bytes,
		.packets = &c->hard_packets,
		.bits = { BIT(HARD_TIME), BIT(HARD_BYTES), BIT(HARD_PACKETS) },
	};

	return parse_limits(a, key, c, &hard);
}

#define SA_KEYS \
	{ "aead", parse_aead }, \
	{ "esn", parse_esn }, \
	{ "replay-window", parse_replay_window }, \
	{ "rekey", parse_rekey }, \
	{ "hard", parse_hard }, \
	{ "grace-time", parse_grace_time }, \
	{ "starved", parse_starved }, \
	{ "start", parse_start }

static const struct key set_keys[] = { SA_KEYS };

static const struct key add_keys[] = {
	{ "link", parse_link },
	{ "mode", parse_mode },
	{ "src", parse_src },
	{ "dst", parse_dst },
	{ "proto", parse_proto },
	{ "sport", parse_sport },
	{ "dport", parse_dport },
	{ "local", parse_local },
	{ "peer", parse_peer },
	{ "policy", parse_policy },
	{ "reqid", parse_reqid },
	{ "if-id", parse_if_id },
	{ "priority", parse_priority },
	{ "encap", parse_encap },
	SA_KEYS,
};

/* ---- commands ---- */

static const char *tunnel_name(struct args *a)
{
	const char *name = arg_next(a);

	if (name && !strcmp(name, "name"))
		name = arg_next(a);
	if (!name)
		bad("which tunnel? Its name is missing; list them: qkdctl tunnel");
	return name;
}

static int tunnel_add(struct args *a)
{
	struct qkd_tunnel_conf conf = QKD_TUNNEL_CONF_INIT;
	const char *name = tunnel_name(a);
	struct qkd_nl *nl;
	int err;

	if (!name)
		return -EINVAL;
	err = parse_keys(add_keys, N_ELEMS(add_keys), a, &conf);
	if (err)
		return err;
	if (!conf.link)
		return bad("\"link\" is missing: which link gives the key? List them: qkdctl link");
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
