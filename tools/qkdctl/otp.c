// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkdctl otp: make, change, delete and show one-time-pad devices.
 *
 * Words become settings and back; what may be set is checked by the kernel.
 */
#include <errno.h>
#include <string.h>

#include "otp_nl.h"
#include "print.h"

static const char usage[] =
	"Usage: qkdctl otp add DEV link LINK [ id N ] [ port PORT ] [ mtu BYTES ]\n"
	"                  [ SETTINGS ]\n"
	"       qkdctl otp set DEV [ link LINK ] [ id N ] [ port PORT ] [ SETTINGS ]\n"
	"       qkdctl otp del DEV\n"
	"       qkdctl otp [ show [ DEV ] ]\n"
	"SETTINGS := [ remote ADDR ] [ remote-port PORT ] [ pad-to BYTES ]\n"
	"            [ key-reserve SIZE ] [ weight N ] [ rate SIZE ]\n"
	"            [ fallback { TUNNEL | none } ]\n"
	"Both ends need the device, of the same id. link, id and port are set once, of\n"
	"a device that \"ip link add DEV type qkdotp\" made. rate is key a second that the\n"
	"link's other devices leave to this one; SIZE in bytes, or with K, M, G.\n";

#define CONF struct otp_conf
#define BIT(ATTR) QKD_BIT(IFLA_QKDOTP_##ATTR)
#define NUMBER(NAME, MEMBER, ATTR, MAX) \
	KEY_NUMBER(NAME, CONF, MEMBER, BIT(ATTR), 0, MAX)
#define SIZE(NAME, MEMBER, ATTR) \
	KEY_SIZE(NAME, CONF, MEMBER, BIT(ATTR), UINT32_MAX)

#define SET_KEYS \
	KEY_IP("remote", CONF, remote), \
	NUMBER("remote-port", remote_port, REMOTE_PORT, 65535), \
	NUMBER("pad-to", pad_to, PAD_TO, 65535), \
	SIZE("key-reserve", key_reserve, KEY_RESERVE), \
	NUMBER("weight", weight, WEIGHT, UINT32_MAX), \
	SIZE("rate", rate, RATE), \
	KEY_TEXT("fallback", CONF, fallback)

#define NAME_KEYS \
	KEY_TEXT("link", CONF, link), \
	NUMBER("id", id, ID, 65535), \
	NUMBER("port", port, PORT, 65535)

/* names are for a device that has no link yet */
static const struct key set_keys[] = { SET_KEYS, NAME_KEYS };
static const struct key add_keys[] = {
	NAME_KEYS,
	KEY_NUMBER("mtu", CONF, mtu, 0, 0, 65535),
	SET_KEYS,
};

/* ---- commands ---- */

static const char *device_name(struct args *a)
{
	const char *name = arg_name(a, "dev");

	if (!name)
		bad("which device? Its name is missing; list them: qkdctl otp");
	return name;
}

int otp_parse(struct args *a, const char **name, struct otp_conf *conf)
{
	int err;

	*conf = (struct otp_conf){ 0 };
	*name = device_name(a);
	if (!*name)
		return -EINVAL;
	err = parse_keys(add_keys, N_ELEMS(add_keys), a, conf);
	if (err)
		return err;
	return conf->link ? 0 :
		bad("\"link\" is missing: which link gives the key? List them: qkdctl link");
}

static int otp_add(struct args *a)
{
	struct otp_conf conf;
	const char *name;
	int err = otp_parse(a, &name, &conf);

	return err ?: otp_nl_add(name, &conf);
}

static int otp_set(struct args *a)
{
	struct otp_conf conf = { 0 };
	const char *name = device_name(a);
	int err;

	if (!name)
		return -EINVAL;
	if (!a->n)
		return bad("what shall be set? Nothing is given; try \"qkdctl otp help\"");
	err = parse_keys(set_keys, N_ELEMS(set_keys), a, &conf);
	return err ?: otp_nl_set(name, &conf);
}

static int otp_del(struct args *a)
{
	const char *name = device_name(a);
	int err;

	if (!name)
		return -EINVAL;
	err = arg_end(a);
	return err ?: otp_nl_del(name);
}

/* ---- show ---- */

static void print_state(enum qkdotp_state state)
{
	static const struct {
		const char *name;
		enum colour colour;
	} states[] = {
		[QKDOTP_STATE_DETACHED] = { "detached", BAD },
		[QKDOTP_STATE_STARVED] = { "starved", BAD },
		[QKDOTP_STATE_FALLBACK] = { "fallback", WARN },
		[QKDOTP_STATE_PAD] = { "pad", GOOD },
	};

	if (state < N_ELEMS(states))
		pr_str(states[state].colour, "state", " state %s",
		       states[state].name);
}

static void print_counters(const struct otp_dev *d)
{
	const char *fmt = opt.stats ? " %-12s" : NULL;

	if (opt.stats)
		pr_text("    rx  bytes/packets/errors/dropped ");
	pr_u64(PLAIN, "rx_bytes", fmt, d->rx_bytes);
	pr_u64(PLAIN, "rx_packets", fmt, d->rx_packets);
	pr_u64(PLAIN, "rx_errors", fmt, d->rx_errors);
	pr_u64(PLAIN, "rx_dropped", fmt, d->rx_dropped);
	if (opt.stats)
		pr_text("\n    tx  bytes/packets/errors/dropped ");
	pr_u64(PLAIN, "tx_bytes", fmt, d->tx_bytes);
	pr_u64(PLAIN, "tx_packets", fmt, d->tx_packets);
	pr_u64(PLAIN, "tx_errors", fmt, d->tx_errors);
	pr_u64(PLAIN, "tx_dropped", fmt, d->tx_dropped);
	if (opt.stats)
		pr_text("\n");
}

static void print_device(const struct otp_dev *d)
{
	const struct otp_conf *c = &d->conf;
	char ip[IP_ROOM], buf[UNIT_ROOM];

	pr_obj(NULL);
	pr_str(NAME, "dev", "%s", d->name);
	pr_str(NAME, "link", *c->link ? ": link %s" : ": no link%s", c->link);
	pr_u64(PLAIN, "id", " id %s", c->id);
	pr_str(PLAIN, "admin", " %s", d->up ? "up" : "down");
	print_state(d->state);
	pr_u64(PLAIN, "mtu", " mtu %s\n", d->mtu);
	pr_u64(PLAIN, "port", "    port %s", c->port);
	if (c->remote.family)
		pr_str(ADDR, "remote", " remote %s", fmt_ip(ip, &c->remote));
	pr_u64(PLAIN, "remote_port", " remote-port %s", c->remote_port);
	if (d->endpoint.family) {
		pr_str(ADDR, "endpoint", " endpoint %s",
		       fmt_ip(ip, &d->endpoint));
		pr_u64(PLAIN, "endpoint_port", " %s", d->endpoint_port);
	}
	pr_u64(PLAIN, "pad_to", c->pad_to ? "\n    pad-to %s" : NULL,
	       c->pad_to);
	pr_as(PLAIN, "key_reserve", "\n    key-reserve %s", c->key_reserve,
	      fmt_size(buf, c->key_reserve));
	pr_u64(PLAIN, "weight", " weight %s", c->weight);
	pr_as(PLAIN, "rate", c->rate ? " rate %s" : NULL, c->rate,
	      fmt_size(buf, c->rate));
	pr_str(WARN, "fallback", *c->fallback ? " fallback %s" : NULL,
	       c->fallback);
	pr_text("\n");
	print_counters(d);
	pr_obj_end();
}

static int otp_show(struct args *a)
{
	const char *name = arg_next(a);
	int err = arg_end(a);

	if (err)
		return err;
	pr_begin();
	err = otp_nl_each(name, print_device);
	pr_end();
	return err;
}

int do_otp(struct args *a)
{
	static const struct verb verbs[] = {
		{ "show", otp_show },
		{ "add", otp_add },
		{ "set", otp_set },
		{ "del", otp_del },
	};

	return RUN_VERB(verbs, a, usage);
}
