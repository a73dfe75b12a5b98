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

static struct nlattr *put_data(struct request *r, int type, const void *data,
			       size_t n)
{
	struct nlattr *a = (void *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + n;
	if (n)
		memcpy((char *)a + NLA_HDRLEN, data, n);
	r->head.nlmsg_len = (char *)a - (char *)r + NLA_HDRLEN + NLA_ALIGN(n);
	return a;
}

static struct nlattr *put(struct request *r, int type, const char *text)
{
	return put_data(r, type, text, text ? strlen(text) + 1 : 0);
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
	if (link)
		put(&r, IFLA_QKDOTP_LINK, link);
	end(&r, data);
	end(&r, info);
	return ask(&r);
}

int otp_rtnl_set(const char *name, const char *link, uint32_t weight,
		 uint32_t remote)
{
	struct request r = request(RTM_NEWLINK, name);
	struct nlattr *info = put(&r, IFLA_LINKINFO, NULL), *data;

	put(&r, IFLA_INFO_KIND, "qkdotp");
	data = put(&r, IFLA_INFO_DATA, NULL);
	if (link)
		put(&r, IFLA_QKDOTP_LINK, link);
	put_data(&r, IFLA_QKDOTP_WEIGHT, &weight, sizeof(weight));
	put_data(&r, IFLA_QKDOTP_REMOTE4, &remote, sizeof(remote));
	end(&r, data);
	end(&r, info);
	return ask(&r);
}

/* The attribute of @type among @n bytes at @p, or NULL. */
static const struct nlattr *find(const void *p, size_t n, int type)
{
	const struct nlattr *a = p;

	while (n >= NLA_HDRLEN && a->nla_len >= NLA_HDRLEN && a->nla_len <= n) {
		size_t step = NLA_ALIGN(a->nla_len);

		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		if (step > n)
			break;
		n -= step;
		a = (const void *)((const char *)a + step);
	}
	return NULL;
}

static const struct nlattr *within(const struct nlattr *a, int type)
{
	return a ? find((const char *)a + NLA_HDRLEN, a->nla_len - NLA_HDRLEN,
			type) : NULL;
}

/* What the device tells of itself, 0 if it is not there. */
static uint32_t told(const char *name, int type)
{
	struct request r = request(RTM_GETLINK, name);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	const size_t head = NLMSG_LENGTH(sizeof(struct ifinfomsg));
	const struct nlattr *a = NULL;
	uint32_t value = 0;
	char answer[16384];
	ssize_t n = -1;

	r.head.nlmsg_flags = NLM_F_REQUEST;
	if (fd >= 0 && send(fd, &r, r.head.nlmsg_len, 0) > 0)
		n = recv(fd, answer, sizeof(answer), 0);
	if (n > (ssize_t)head &&
	    ((struct nlmsghdr *)answer)->nlmsg_type == RTM_NEWLINK)
		a = within(within(find(answer + head, n - head, IFLA_LINKINFO),
				  IFLA_INFO_DATA), type);
	if (a)
		memcpy(&value, (const char *)a + NLA_HDRLEN, sizeof(value));
	close(fd);
	return value;
}

uint32_t otp_rtnl_weight(const char *name)
{
	return told(name, IFLA_QKDOTP_WEIGHT);
}

bool otp_rtnl_attached(const char *name)
{
	return told(name, IFLA_QKDOTP_STATE) != QKDOTP_STATE_DETACHED;
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
