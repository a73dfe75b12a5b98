// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Listening sockets. Those of socket activation come as sd_listen_fds(3)
 * tells: numbers from 3 on, names in $LISTEN_FDNAMES.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listen.h"
#include "tools/common/log.h"

#define FIRST_FD	3
#define BACKLOG		512

/* For this process, and not for a child that inherited the environment */
static unsigned int passed(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");

	if (!pid || !n || strtol(pid, NULL, 10) != getpid())
		return 0;
	return strtoul(n, NULL, 10);
}

static bool is_named(const char **names, const char *name)
{
	size_t len = *names ? strcspn(*names, ":") : 0;
	bool is = !*names || (strlen(name) == len &&
			      !memcmp(*names, name, len));

	if (*names) {
		*names += len;
		*names += **names == ':';
	}
	return is;
}

unsigned int listen_inherited(const char *name, int *fds, unsigned int room)
{
	const char *names = getenv("LISTEN_FDNAMES");
	unsigned int n = passed(), got = 0;

	for (unsigned int i = 0; i < n; i++) {
		int fd = FIRST_FD + i;

		if (!is_named(&names, name) || got == room)
			continue;
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		fds[got++] = fd;
	}
	return got;
}

bool listen_split(const char *address, char *host, size_t room,
		  const char **port)
{
	const char *colon = strrchr(address, ':');
	size_t len = colon ? (size_t)(colon - address) : 0;

	if (!colon || !colon[1] || len >= room)
		return false;
	if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	memcpy(host, address, len);
	host[len] = '\0';
	*port = colon + 1;
	return true;
}

static int bind_to(const struct addrinfo *ai)
{
	int fd, on = 1;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, ai->ai_addr, ai->ai_addrlen) && !listen(fd, BACKLOG))
		return fd;
	close(fd);
	return -1;
}

int listen_on(const char *address)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	struct addrinfo *list, *ai;
	const char *port;
	char host[256];
	int fd = -1, err;

	if (!listen_split(address, host, sizeof(host), &port)) {
		log_err("\"%s\" is no HOST:PORT", address);
		return -1;
	}
	err = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
	if (err) {
		log_err("%s: %s", address, gai_strerror(err));
		return -1;
	}
	for (ai = list; ai && fd < 0; ai = ai->ai_next)
		fd = bind_to(ai);
	freeaddrinfo(list);
	if (fd < 0)
		log_err("%s: %s", address, strerror(errno));
	return fd;
}
