// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Begins a dump of links and leaves it there: the kernel holds its place.
 */
#include <errno.h>
#include <linux/genetlink.h>

#include <libmnl/libmnl.h>
#include <qkd/qkd.h>

#include "tests/pair/pair.h"
#include "churn.h"

static char buf[32768];

static struct nlmsghdr *request(uint16_t type, uint16_t flags, uint8_t cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *g;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = 1;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->cmd = cmd;
	g->version = 1;
	return nlh;
}

static void ask(int fd, const struct nlmsghdr *nlh)
{
	if (send(fd, nlh, nlh->nlmsg_len, 0) < 0 ||
	    recv(fd, buf, sizeof(buf), 0) < 0)
		pair_die("netlink", errno);
}

static uint16_t family(int fd)
{
	struct nlmsghdr *nlh = request(GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY);
	const struct nlattr *a;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, QKD_FAMILY_NAME);
	ask(fd, nlh);
	if (nlh->nlmsg_type == NLMSG_ERROR)
		pair_die("genetlink", ENOENT);
	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID)
			return mnl_attr_get_u16(a);
	return 0;
}

int dump_begin(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	if (fd < 0)
		pair_die("netlink", errno);
	ask(fd, request(family(fd), NLM_F_DUMP, QKD_CMD_LINK_GET));
	return fd;
}
