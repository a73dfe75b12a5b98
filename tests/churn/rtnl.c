// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes one-time-pad devices by rtnetlink: ten thousand of them in turn are too
 * many for as many runs of ip and qkdctl.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/qkd_otp.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <libmnl/libmnl.h>

#include "churn.h"

static char buf[8192];

static int ask(struct mnl_socket *sock, struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e;
	int n;

	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (mnl_socket_sendto(sock, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(sock, buf, sizeof(buf));
	if (n < 0)
		return -errno;
	nlh = (struct nlmsghdr *)buf;
	if (nlh->nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	e = mnl_nlmsg_get_payload(nlh);
	return e->error;
}

static int make(struct mnl_socket *sock, const char *name, const char *link,
		uint16_t id, uint16_t port, uint16_t remote_port)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nlattr *info, *data;
	struct ifinfomsg *ifi;

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_flags = IFF_UP;
	ifi->ifi_change = IFF_UP;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "qkdotp");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	mnl_attr_put_strz(nlh, IFLA_QKDOTP_LINK, link);
	mnl_attr_put_u16(nlh, IFLA_QKDOTP_ID, id);
	mnl_attr_put_u16(nlh, IFLA_QKDOTP_PORT, htons(port));
	mnl_attr_put_u16(nlh, IFLA_QKDOTP_REMOTE_PORT, htons(remote_port));
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return ask(sock, nlh);
}

static int address(struct mnl_socket *sock, const char *name, uint32_t addr)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *ifa;

	nlh->nlmsg_type = RTM_NEWADDR;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = AF_INET;
	ifa->ifa_prefixlen = 24;
	ifa->ifa_index = if_nametoindex(name);
	mnl_attr_put_u32(nlh, IFA_LOCAL, addr);
	mnl_attr_put_u32(nlh, IFA_ADDRESS, addr);
	return ask(sock, nlh);
}

int rtnl_otp_add(const char *name, const char *link, uint16_t id,
		 uint16_t port, uint16_t remote_port)
{
	struct mnl_socket *sock = mnl_socket_open(NETLINK_ROUTE);
	int err;

	if (!sock)
		return -errno;
	err = make(sock, name, link, id, port, remote_port);
	mnl_socket_close(sock);
	return err;
}

int rtnl_otp(const char *name, const char *link, uint16_t id, uint16_t port,
	     uint16_t remote_port, uint32_t addr)
{
	int err = rtnl_otp_add(name, link, id, port, remote_port);
	struct mnl_socket *sock;

	if (err)
		return err;
	sock = mnl_socket_open(NETLINK_ROUTE);
	if (!sock)
		return -errno;
	err = address(sock, name, addr);
	mnl_socket_close(sock);
	return err;
}
