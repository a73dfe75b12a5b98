// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets a socket's own IPsec policy: none applies, in neither direction.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bypass.h"

#ifndef IP_XFRM_POLICY
#define IP_XFRM_POLICY 17
#endif
#ifndef IPV6_XFRM_POLICY
#define IPV6_XFRM_POLICY 35
#endif

static int set_policy(int fd, int family, int dir)
{
	struct xfrm_userpolicy_info policy = {
		.sel.family = family,
		.dir = dir,
		.action = XFRM_POLICY_ALLOW,
	};
	int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
	int opt = family == AF_INET6 ? IPV6_XFRM_POLICY : IP_XFRM_POLICY;

	return setsockopt(fd, level, opt, &policy, sizeof(policy)) ? -errno : 0;
}

/* Sockets' policies are understood by xfrm_user, which this loads. */
static void load_xfrm_user(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);

	if (fd >= 0)
		close(fd);
}

int bypass_ipsec(int fd, int family)
{
	int ret;

	ret = set_policy(fd, family, XFRM_POLICY_OUT);
	if (ret == -EINVAL) {
		load_xfrm_user();
		ret = set_policy(fd, family, XFRM_POLICY_OUT);
	}
	if (!ret)
		ret = set_policy(fd, family, XFRM_POLICY_IN);
	return ret;
}
