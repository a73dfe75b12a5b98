// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * "unix:PATH" and "tcp:HOST:PORT" to sockets, listening or connected. What is
 * said over them is serve.c's and connect.c's.
 */
#include "tools/sim/sim_priv.h"
#include "tools/net/bypass.h"

#include <errno.h>
#include <libgen.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG		16

struct address {
	bool is_unix;
	struct sockaddr_un un;
	socklen_t un_len;
	char host[256];
	char port[16];
};

static int parse_unix(const char *path, struct address *a)
{
	size_t len = strlen(path);

	if (!len || len >= sizeof(a->un.sun_path))
		return -EINVAL;
	a->is_unix = true;
	a->un.sun_family = AF_UNIX;
	memcpy(a->un.sun_path, path, len + 1);
	a->un_len = offsetof(struct sockaddr_un, sun_path) + len + 1;
	if (path[0] == '@') {
		a->un.sun_path[0] = '\0';
		a->un_len--;
	}
	return 0;
}

static int parse_tcp(const char *text, struct address *a)
{
	const char *colon = strrchr(text, ':');
	const char *host = text;
	size_t len;

	if (!colon || !colon[1])
		return -EINVAL;
	len = colon - text;
	if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	if (len >= sizeof(a->host) || strlen(colon + 1) >= sizeof(a->port))
		return -EINVAL;
	memcpy(a->host, host, len);
	a->host[len] = '\0';
	strcpy(a->port, colon + 1);
	return 0;
}

static int parse(const char *text, struct address *a, char *err)
{
	int ret = -EINVAL;

	memset(a, 0, sizeof(*a));
	if (!strncmp(text, "unix:", 5))
		ret = parse_unix(text + 5, a);
	else if (!strncmp(text, "tcp:", 4))
		ret = parse_tcp(text + 4, a);
	if (ret)
		sim_error(err, ret,
			  "\"%s\" is neither unix:PATH nor tcp:HOST:PORT",
			  text);
	return ret;
}

/* A socket file that nobody listens on any more is in the way of a new one */
static void remove_stale(const struct address *a)
{
	int fd;

	if (!a->un.sun_path[0])
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)&a->un, a->un_len) < 0 &&
	    errno == ECONNREFUSED)
		unlink(a->un.sun_path);
	close(fd);
}

static void make_folder(const struct address *a)
{
	char path[sizeof(a->un.sun_path)];

	if (!a->un.sun_path[0])
		return;
	memcpy(path, a->un.sun_path, sizeof(path));
	/* may be there; if it cannot be made, bind() tells */
	mkdir(dirname(path), 0755);
}

static int listen_unix(const struct address *a)
{
	int fd, err;
	mode_t old;

	make_folder(a);
	remove_stale(a);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* who connects gets an end's key material: the owner only */
	old = umask(0177);
	err = bind(fd, (const struct sockaddr *)&a->un, a->un_len) ||
		listen(fd, BACKLOG) ? -errno : 0;
	umask(old);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static int dial_unix(const struct address *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&a->un, a->un_len) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int try_listen(const struct addrinfo *i)
{
	int fd = socket(i->ai_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, err;

	if (fd < 0)
		return -errno;
	/* between a link's ends, whose tunnels wait for what passes here */
	bypass_ipsec(fd, i->ai_family);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, i->ai_addr, i->ai_addrlen) || listen(fd, BACKLOG)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int try_dial(const struct addrinfo *i)
{
	int fd = socket(i->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	bypass_ipsec(fd, i->ai_family);
	if (connect(fd, i->ai_addr, i->ai_addrlen) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int open_tcp(const struct address *a, int flags,
		    int (*try)(const struct addrinfo *i), const char **why)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = flags,
	};
	struct addrinfo *list, *i;
	int ret;

	ret = getaddrinfo(a->host[0] ? a->host : NULL, a->port, &hints,
			  &list);
	if (ret) {
		*why = gai_strerror(ret);
		return ret == EAI_SYSTEM ? -errno : -EHOSTUNREACH;
	}
	ret = -EHOSTUNREACH;
	for (i = list; i; i = i->ai_next) {
		ret = try(i);
		if (ret >= 0)
			break;
	}
	freeaddrinfo(list);
	return ret;
}

int sim_listen(const char *address, char *err)
{
	const char *why = NULL;
	struct address a;
	int fd;

	fd = parse(address, &a, err);
	if (fd)
		return fd;
	fd = a.is_unix ? listen_unix(&a) :
		open_tcp(&a, AI_PASSIVE, try_listen, &why);
	if (fd < 0)
		sim_error(err, fd, "cannot listen on %s: %s", address,
			  why ?: strerror(-fd));
	return fd;
}

int sim_dial(const char *address, char *err)
{
	const char *why = NULL;
	struct address a;
	int fd;

	fd = parse(address, &a, err);
	if (fd)
		return fd;
	fd = a.is_unix ? dial_unix(&a) : open_tcp(&a, 0, try_dial, &why);
	if (fd < 0)
		sim_error(err, fd, "cannot reach %s: %s%s", address,
			  why ?: strerror(-fd),
			  fd == -ECONNREFUSED || fd == -ENOENT ?
			  " (is `qkd-sim serve` running?)" : "");
	return fd;
}
