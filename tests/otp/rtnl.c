// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/if_link.h>
#include <linux/qkd_otp.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/otp/rtnl.h"

struct request {
	struct nlmsghdr head;
	struct ifinfomsg info;
	char attrs[256];
};

static struct nlattr *put(struct request *r, int type, const char *text)
{
	struct nlattr *a = (void *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));
	size_t n = text ? strlen(text) + 1 : 0;

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + n;
	if (n)
		memcpy((char *)a + NLA_HDRLEN, text, n);
	r->head.nlmsg_len = (char *)a - (char *)r + NLA_HDRLEN + NLA_ALIGN(n);
	return a;
}

static void end(struct request *r, struct nlattr *nest)
{
	nest->nla_len = (char *)r + r->head.nlmsg_len - (char *)nest;
}

/* The answer may be lost for want of memory: -ENOBUFS. */
static int ask(struct request *r)
{
	struct timeval patience = { .tv_sec = 2 };
	struct {
		struct nlmsghdr head;
		struct nlmsgerr err;
		char more[512];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int ret = 0;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	r->head.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (send(fd, r, r->head.nlmsg_len, 0) < 0)
		ret = -errno;
	else if (recv(fd, &answer, sizeof(answer), 0) < 0)
		ret = errno == EAGAIN ? -ENOBUFS : -errno;
	else if (answer.head.nlmsg_type == NLMSG_ERROR)
		ret = answer.err.error;
	close(fd);
	return ret;
}

static struct request request(int type, const char *name)
{
	struct request r = {
		.head = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(r.info)),
			.nlmsg_type = type,
		},
	};

	put(&r, IFLA_IFNAME, name);
	return r;
}

int otp_rtnl_add(const char *name, const char *link)
{
	struct request r = request(RTM_NEWLINK, name);
	struct nlattr *info = put(&r, IFLA_LINKINFO, NULL), *data;

	r.head.nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	put(&r, IFLA_INFO_KIND, "qkdotp");
	data = put(&r, IFLA_INFO_DATA, NULL);
	put(&r, IFLA_QKDOTP_LINK, link);
	end(&r, data);
	end(&r, info);
	return ask(&r);
}

int otp_rtnl_up(const char *name, bool up)
{
	struct request r = request(RTM_NEWLINK, name);

	r.info.ifi_change = IFF_UP;
	r.info.ifi_flags = up ? IFF_UP : 0;
	return ask(&r);
}

int otp_rtnl_del(const char *name)
{
	struct request r = request(RTM_DELLINK, name);

	return ask(&r);
}
