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
	"       qkdctl otp set DEV SETTINGS\n"
	"       qkdctl otp del DEV\n"
	"       qkdctl otp [ show [ DEV ] ]\n"
	"SETTINGS := [ remote ADDR ] [ remote-port PORT ] [ pad-to BYTES ]\n"
	"            [ key-reserve SIZE ] [ weight N ] [ rate SIZE ]\n"
	"            [ fallback TUNNEL ]\n"
	"Both ends need the device, of the same id. rate is key a second that the\n"
	"link's other devices leave to this one; SIZE in bytes, or with K, M, G.\n";

#define BIT(ATTR) QKD_BIT(IFLA_QKDOTP_##ATTR)

static int number(struct args *a, const char *key, uint64_t max, uint64_t *v)
{
	const char *s = arg_value(a, key);

	if (!s)
		return -EINVAL;
	if (parse_number(s, 0, max, v))
		return bad("%s: \"%s\" is no number from 0 to %llu", key, s,
			   (unsigned long long)max);
	return 0;
}

static int size(struct args *a, const char *key, uint64_t max, uint64_t *v)
{
	const char *s = arg_value(a, key);

	if (!s)
		return -EINVAL;
	if (parse_size(s, v) || *v > max)
		return bad("%s: \"%s\" is no size; write it as 64K, 1M or 65536",
			   key, s);
	return 0;
}

static int parse_link(struct args *a, const char *key, void *conf)
{
	struct otp_conf *c = conf;

	c->link = arg_value(a, key);
	return c->link ? 0 : -EINVAL;
}

static int parse_fallback(struct args *a, const char *key, void *conf)
{
	struct otp_conf *c = conf;

	c->fallback = arg_value(a, key);
	return c->fallback ? 0 : -EINVAL;
}

static int parse_remote(struct args *a, const char *key, void *conf)
{
	const char *s = arg_value(a, key);

	return s ? parse_ip(s, key, &((struct otp_conf *)conf)->remote) :
		-EINVAL;
}

#define VALUE(member, ATTR, parse, max) \
static int parse_##member(struct args *a, const char *key, void *conf) \
{ \
	struct otp_conf *c = conf; \
	uint64_t v = 0; \
	int err = parse(a, key, max, &v); \
	\
	c->member = v; \
	c->set |= BIT(ATTR); \
	return err; \
}

VALUE(id, ID, number, 65535)
VALUE(port, PORT, number, 65535)
VALUE(remote_port, REMOTE_PORT, number, 65535)
VALUE(pad_to, PAD_TO, number, 65535)
VALUE(key_reserve, KEY_RESERVE, size, UINT32_MAX)
VALUE(weight, WEIGHT, number, UINT32_MAX)
VALUE(rate, RATE, size, UINT32_MAX)

static int parse_mtu(struct args *a, const char *key, void *conf)
{
	uint64_t v = 0;
	int err = number(a, key, 65535, &v);

	((struct otp_conf *)conf)->mtu = v;
	return err;
}

#define SET_KEYS \
	{ "remote", parse_remote }, \
	{ "remote-port", parse_remote_port }, \
	{ "pad-to", parse_pad_to }, \
	{ "key-reserve", parse_key_reserve }, \
	{ "weight", parse_weight }, \
	{ "rate", parse_rate }, \
	{ "fallback", parse_fallback }

static const struct key set_keys[] = { SET_KEYS };
static const struct key add_keys[] = {
	{ "link", parse_link },
	{ "id", parse_id },
	{ "port", parse_port },
	{ "mtu", parse_mtu },
	SET_KEYS,
};

/* ---- commands ---- */

static const char *device_name(struct args *a)
{
	const char *name = arg_next(a);

	if (name && !strcmp(name, "dev"))
		name = arg_next(a);
	if (!name)
		bad("which device? Its name is missing; list them: qkdctl otp");
	return name;
}

static int otp_add(struct args *a)
{
	struct otp_conf conf = { 0 };
	const char *name = device_name(a);
	int err;

	if (!name)
		return -EINVAL;
	err = parse_keys(add_keys, N_ELEMS(add_keys), a, &conf);
	if (err)
		return err;
	if (!conf.link)
		return bad("\"link\" is missing: which link gives the key? List them: qkdctl link");
	return otp_nl_add(name, &conf);
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
	pr_str(NAME, "link", ": link %s", c->link);
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
