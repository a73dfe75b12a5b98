// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A netlink socket in another network namespace.
 *
 * A socket stays in the namespace it was made in, so only its making needs
 * the visit. The thread must come back: if it cannot, the program would go on
 * in the wrong network, and is stopped instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

static int socket_here(struct mnl_socket **sock)
{
	*sock = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!*sock)
		return qkd_fail(-errno, "netlink: %s", strerror(errno));
	if (mnl_socket_bind(*sock, 0, MNL_SOCKET_AUTOPID)) {
		int err = -errno;

		mnl_socket_close(*sock);
		return qkd_fail(err, "netlink: %s", strerror(-err));
	}
	return 0;
}

static int open_netns(const char *netns)
{
	char path[4096];
	int fd;

	if (strchr(netns, '/'))
		snprintf(path, sizeof(path), "%s", netns);
	else
		snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return qkd_fail(-ENOENT, "there is no network namespace \"%s\"; list them: ip netns",
				netns);
	if (fd < 0)
		return qkd_fail(-errno, "network namespace \"%s\": %s", netns,
				strerror(errno));
	return fd;
}

int qkd_netns_socket(const char *netns, struct mnl_socket **sock)
{
	int own, there, err;

	if (!netns)
		return socket_here(sock);

	there = open_netns(netns);
	if (there < 0)
		return there;
	own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0) {
		err = qkd_fail(-errno, "/proc/thread-self/ns/net: %s",
			       strerror(errno));
		goto close_there;
	}
	if (setns(there, CLONE_NEWNET)) {
		err = qkd_fail(-errno, "cannot enter network namespace \"%s\": %s%s",
			       netns, strerror(errno),
			       errno == EPERM ?
			       "; this needs CAP_SYS_ADMIN (try sudo)" : "");
		goto close_own;
	}
	err = socket_here(sock);
	if (setns(own, CLONE_NEWNET))
		abort();
close_own:
	close(own);
close_there:
	close(there);
	return err;
}
