// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Devices of link type "qkdotp" over rtnetlink: settings become attributes,
 * attributes become settings. Words and printing are otp.c's business.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "otp_nl.h"

#define ROOM 32768
#define KIND "qkdotp"

struct exchange {
	struct mnl_socket *sock;
	struct nlmsghdr *nlh;
	char buf[ROOM];
};

/* qkdctl does one thing and ends: it may as well move there itself. */
int enter_netns(void)
{
	char path[4096];
	int fd, err;

	if (!opt.netns)
		return 0;
	snprintf(path, sizeof(path), "%s%s",
		 strchr(opt.netns, '/') ? "" : "/var/run/netns/", opt.netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return bad("there is no namespace \"%s\"", opt.netns);
	err = setns(fd, CLONE_NEWNET);
	close(fd);
	if (err)
		return bad("namespace \"%s\": %s", opt.netns,
			   strerror(errno));
	opt.netns = NULL;
	return 0;
}

static int begin(struct exchange *x, uint16_t type, uint16_t flags)
{
	struct ifinfomsg *ifi;
	int one = 1, err = enter_netns();

	if (err)
		return err;
	x->sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!x->sock || mnl_socket_bind(x->sock, 0, MNL_SOCKET_AUTOPID) < 0)
		return bad("netlink: %s", strerror(errno));
	mnl_socket_setsockopt(x->sock, NETLINK_EXT_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(x->sock, NETLINK_CAP_ACK, &one, sizeof(one));
	x->nlh = mnl_nlmsg_put_header(x->buf);
	x->nlh->nlmsg_type = type;
	x->nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	x->nlh->nlmsg_seq = time(NULL);
	ifi = mnl_nlmsg_put_extra_header(x->nlh, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	return 0;
}

/* What the kernel said of a refusal, else what the error means. */
static int refused(const struct nlmsghdr *nlh, const char *name)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	const char *text = NULL;
	const struct nlattr *a;

	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		mnl_attr_for_each(a, nlh, sizeof(*e))
			if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG)
				text = mnl_attr_get_str(a);
	if (text && *text)
		bad("%s: %s", name, text);
	else if (e->error == -EOPNOTSUPP)
		bad("%s: the kernel has no such link type; run: modprobe qkd_otp",
		    name);
	else
		bad("%s: %s", name, strerror(-e->error));
	return e->error;
}

static int run(struct exchange *x, const char *name, mnl_cb_t cb, void *arg)
{
	uint32_t seq = x->nlh->nlmsg_seq;
	const struct nlmsghdr *nlh;
	int len, ret = MNL_CB_OK;

	if (mnl_socket_sendto(x->sock, x->nlh, x->nlh->nlmsg_len) < 0)
		return bad("netlink: %s", strerror(errno));
	while (ret == MNL_CB_OK) {
		len = mnl_socket_recvfrom(x->sock, x->buf, sizeof(x->buf));
		if (len < 0)
			return bad("netlink: %s", strerror(errno));
		nlh = (const struct nlmsghdr *)x->buf;
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

			return e->error ? refused(nlh, name) : 0;
		}
		ret = mnl_cb_run(x->buf, len, seq, 0, cb, arg);
		if (ret < 0)
			return bad("netlink: %s", strerror(errno));
	}
	return 0;
}

static void end(struct exchange *x)
{
	if (x->sock)
		mnl_socket_close(x->sock);
}

/* ---- settings to attributes ---- */

#define TOLD(c, ATTR) ((c)->set & QKD_BIT(IFLA_QKDOTP_##ATTR))

static void put_remote(struct nlmsghdr *nlh, const struct otp_conf *c)
{
	if (c->remote.family == AF_INET)
		mnl_attr_put(nlh, IFLA_QKDOTP_REMOTE4, 4, &c->remote.a4);
	else if (c->remote.family == AF_INET6)
		mnl_attr_put(nlh, IFLA_QKDOTP_REMOTE6, 16, &c->remote.a6);
}

static void put_conf(struct nlmsghdr *nlh, const struct otp_conf *c)
{
	if (c->link)
		mnl_attr_put_strz(nlh, IFLA_QKDOTP_LINK, c->link);
	if (c->fallback)
		mnl_attr_put_strz(nlh, IFLA_QKDOTP_FALLBACK,
				  strcmp(c->fallback, "none") ?
				  c->fallback : "");
	put_remote(nlh, c);
	if (TOLD(c, ID))
		mnl_attr_put_u16(nlh, IFLA_QKDOTP_ID, c->id);
	if (TOLD(c, PORT))
		mnl_attr_put_u16(nlh, IFLA_QKDOTP_PORT, htons(c->port));
	if (TOLD(c, REMOTE_PORT))
		mnl_attr_put_u16(nlh, IFLA_QKDOTP_REMOTE_PORT,
				 htons(c->remote_port));
	if (TOLD(c, PAD_TO))
		mnl_attr_put_u16(nlh, IFLA_QKDOTP_PAD_TO, c->pad_to);
	if (TOLD(c, KEY_RESERVE))
		mnl_attr_put_u32(nlh, IFLA_QKDOTP_KEY_RESERVE,
				 c->key_reserve);
	if (TOLD(c, WEIGHT))
		mnl_attr_put_u32(nlh, IFLA_QKDOTP_WEIGHT, c->weight);
	if (TOLD(c, RATE))
		mnl_attr_put_u64(nlh, IFLA_QKDOTP_RATE, c->rate);
}

static int newlink(const char *name, const struct otp_conf *c, uint16_t flags)
{
	static struct exchange x;
	struct nlattr *info, *data;
	int err = begin(&x, RTM_NEWLINK, NLM_F_ACK | flags);

	if (!err) {
		mnl_attr_put_strz(x.nlh, IFLA_IFNAME, name);
		if (c->mtu)
			mnl_attr_put_u32(x.nlh, IFLA_MTU, c->mtu);
		info = mnl_attr_nest_start(x.nlh, IFLA_LINKINFO);
		mnl_attr_put_strz(x.nlh, IFLA_INFO_KIND, KIND);
		data = mnl_attr_nest_start(x.nlh, IFLA_INFO_DATA);
		put_conf(x.nlh, c);
		mnl_attr_nest_end(x.nlh, data);
		mnl_attr_nest_end(x.nlh, info);
		err = run(&x, name, NULL, NULL);
	}
	end(&x);
	return err;
}

int otp_nl_add(const char *name, const struct otp_conf *conf)
{
	return newlink(name, conf, NLM_F_CREATE | NLM_F_EXCL);
}

int otp_nl_set(const char *name, const struct otp_conf *conf)
{
	return newlink(name, conf, 0);
}

/* ---- attributes to settings ---- */

/* tb[i]: the attribute of type i, or NULL */
static void table(const struct nlattr **tb, unsigned int max,
		  const struct nlattr *nest)
{
	const struct nlattr *a;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	if (!nest)
		return;
	mnl_attr_for_each_nested(a, nest)
		if (mnl_attr_get_type(a) <= max)
			tb[mnl_attr_get_type(a)] = a;
}

static uint64_t number(const struct nlattr *a)
{
	switch (a ? mnl_attr_get_payload_len(a) : 0) {
	case 2:
		return mnl_attr_get_u16(a);
	case 4:
		return mnl_attr_get_u32(a);
	case 8:
		return mnl_attr_get_u64(a);
	default:
		return 0;
	}
}

static struct qkd_ip address(const struct nlattr *four,
			     const struct nlattr *six)
{
	struct qkd_ip ip = { 0 };

	if (four && mnl_attr_get_payload_len(four) == 4) {
		ip.family = AF_INET;
		memcpy(&ip.a4, mnl_attr_get_payload(four), 4);
	} else if (six && mnl_attr_get_payload_len(six) == 16) {
		ip.family = AF_INET6;
		memcpy(&ip.a6, mnl_attr_get_payload(six), 16);
	}
	return ip;
}

static void get_conf(struct otp_dev *d, const struct nlattr *data)
{
	const struct nlattr *tb[IFLA_QKDOTP_MAX + 1];
	struct otp_conf *c = &d->conf;

	table(tb, IFLA_QKDOTP_MAX, data);
	c->link = tb[IFLA_QKDOTP_LINK] ?
		mnl_attr_get_str(tb[IFLA_QKDOTP_LINK]) : "";
	c->fallback = tb[IFLA_QKDOTP_FALLBACK] ?
		mnl_attr_get_str(tb[IFLA_QKDOTP_FALLBACK]) : "";
	c->id = number(tb[IFLA_QKDOTP_ID]);
	c->port = ntohs(number(tb[IFLA_QKDOTP_PORT]));
	c->remote = address(tb[IFLA_QKDOTP_REMOTE4], tb[IFLA_QKDOTP_REMOTE6]);
	c->remote_port = ntohs(number(tb[IFLA_QKDOTP_REMOTE_PORT]));
	c->pad_to = number(tb[IFLA_QKDOTP_PAD_TO]);
	c->key_reserve = number(tb[IFLA_QKDOTP_KEY_RESERVE]);
	c->weight = number(tb[IFLA_QKDOTP_WEIGHT]);
	c->rate = number(tb[IFLA_QKDOTP_RATE]);
	d->endpoint = address(tb[IFLA_QKDOTP_ENDPOINT4],
			      tb[IFLA_QKDOTP_ENDPOINT6]);
	d->endpoint_port = ntohs(number(tb[IFLA_QKDOTP_ENDPOINT_PORT]));
	d->state = number(tb[IFLA_QKDOTP_STATE]);
}

static void get_stats(struct otp_dev *d, const struct nlattr *a)
{
	struct rtnl_link_stats64 s = { 0 };

	if (!a)
		return;
	memcpy(&s, mnl_attr_get_payload(a),
	       mnl_attr_get_payload_len(a) < sizeof(s) ?
	       mnl_attr_get_payload_len(a) : sizeof(s));
	d->rx_bytes = s.rx_bytes;
	d->rx_packets = s.rx_packets;
	d->rx_errors = s.rx_errors;
	d->rx_dropped = s.rx_dropped;
	d->tx_bytes = s.tx_bytes;
	d->tx_packets = s.tx_packets;
	d->tx_errors = s.tx_errors;
	d->tx_dropped = s.tx_dropped;
}

struct each {
	const char *name;
	bool found;
	void (*cb)(const struct otp_dev *d);
};

static int each_link(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFLA_INFO_DATA + 1], *a;
	const struct nlattr *info = NULL, *stats = NULL;
	struct otp_dev d = { .up = ifi->ifi_flags & IFF_UP };
	struct each *e = arg;

	mnl_attr_for_each(a, nlh, sizeof(*ifi)) {
		if (mnl_attr_get_type(a) == IFLA_IFNAME)
			d.name = mnl_attr_get_str(a);
		else if (mnl_attr_get_type(a) == IFLA_MTU)
			d.mtu = mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == IFLA_LINKINFO)
			info = a;
		else if (mnl_attr_get_type(a) == IFLA_STATS64)
			stats = a;
	}
	table(tb, IFLA_INFO_DATA, info);
	if (!d.name || !tb[IFLA_INFO_KIND] ||
	    strcmp(mnl_attr_get_str(tb[IFLA_INFO_KIND]), KIND) ||
	    (e->name && strcmp(e->name, d.name)))
		return MNL_CB_OK;
	get_conf(&d, tb[IFLA_INFO_DATA]);
	get_stats(&d, stats);
	e->found = true;
	e->cb(&d);
	return MNL_CB_OK;
}

int otp_nl_each(const char *name, void (*cb)(const struct otp_dev *d))
{
	static struct exchange x;
	struct each e = { .name = name, .cb = cb };
	int err = begin(&x, RTM_GETLINK, NLM_F_DUMP);

	if (!err)
		err = run(&x, "links", each_link, &e);
	end(&x);
	if (!err && name && !e.found)
		return bad("\"%s\" is no one-time-pad device here", name);
	return err;
}

static void ignore(const struct otp_dev *d)
{
}

int otp_nl_del(const char *name)
{
	static struct exchange x;
	int err = otp_nl_each(name, ignore);

	if (err)
		return err;
	err = begin(&x, RTM_DELLINK, NLM_F_ACK);
	if (!err) {
		mnl_attr_put_strz(x.nlh, IFLA_IFNAME, name);
		err = run(&x, name, NULL, NULL);
	}
	end(&x);
	return err;
}
