// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The port that peers dial to, and those who have not said for whom they come.
 *
 * A socket for each family: one for both cannot be kept out of IPsec, since a
 * socket's policy is of one family. And that matters: the tunnel whose key is
 * made with what passes here may cover the very addresses that it passes between.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "channel_priv.h"
#include "tools/net/bypass.h"

#define GUESTS_MAX	64	/* connections that have not said for whom */

struct channel_listener {
	struct channel_listener_conf conf;
	struct evconnlistener *ev[2];	/* IPv4, IPv6; NULL: none */
	struct conn_list guests;
	unsigned int count;
};

static void guest(struct evconnlistener *ev, evutil_socket_t fd,
		  struct sockaddr *addr, int len, void *arg)
{
	struct timeval tv = { .tv_sec = MEET_TIMEOUT };
	struct channel_listener *l = arg;
	struct conn *c;

	if (l->count >= GUESTS_MAX)
		conn_free(TAILQ_FIRST(&l->guests));
	c = conn_new(l->conf.base, fd, false);
	if (!c)
		return;
	c->listener = l;
	TAILQ_INSERT_TAIL(&l->guests, c, entry);
	l->count++;
	event_add(c->timer, &tv);
}

/* Who has said for whom, or is gone, is a guest no more. */
void listener_drop(struct channel_listener *l, struct conn *c)
{
	TAILQ_REMOVE(&l->guests, c, entry);
	l->count--;
	c->listener = NULL;
}

struct channel *listener_find(const struct channel_listener *l,
			      const struct greet *g)
{
	return l->conf.find(l->conf.ctx, g->to, g->from, g->link);
}

static int listen_socket(const struct sockaddr *addr, socklen_t len)
{
	int fd, one = 1, err;

	fd = socket(addr->sa_family,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (addr->sa_family == AF_INET6)
		setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	bypass_ipsec(fd, addr->sa_family);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, addr, len) || listen(fd, 64)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int listen_at(struct channel_listener *l, unsigned int i,
		     const struct sockaddr *addr, socklen_t len)
{
	int fd = listen_socket(addr, len);

	if (fd < 0)
		return fd;
	l->ev[i] = evconnlistener_new(l->conf.base, guest, l,
				      LEV_OPT_CLOSE_ON_FREE |
				      LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!l->ev[i]) {
		close(fd);
		return -ENOMEM;
	}
	return 0;
}

static int listen4(struct channel_listener *l)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons(l->conf.port),
		.sin_addr.s_addr = htonl(l->conf.loopback ? INADDR_LOOPBACK :
					 INADDR_ANY),
	};

	return listen_at(l, 0, (struct sockaddr *)&a, sizeof(a));
}

/* At the same port, which may have been for the system to choose. */
static int listen6(struct channel_listener *l)
{
	struct sockaddr_in6 a = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(channel_listener_port(l)),
		.sin6_addr = in6addr_any,
	};
	int err;

	if (l->conf.loopback)
		return 0;
	err = listen_at(l, 1, (struct sockaddr *)&a, sizeof(a));
	/* a machine may be without */
	return err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL ? 0 : err;
}

struct channel_listener *
channel_listener_new(const struct channel_listener_conf *conf)
{
	struct channel_listener *l;
	int err;

	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->conf = *conf;
	TAILQ_INIT(&l->guests);
	err = listen4(l);
	if (!err)
		err = listen6(l);
	if (err) {
		channel_listener_free(l);
		errno = -err;
		return NULL;
	}
	return l;
}

void channel_listener_free(struct channel_listener *l)
{
	unsigned int i;

	if (!l)
		return;
	while (!TAILQ_EMPTY(&l->guests))
		conn_free(TAILQ_FIRST(&l->guests));
	for (i = 0; i < 2; i++)
		if (l->ev[i])
			evconnlistener_free(l->ev[i]);
	free(l);
}

uint16_t channel_listener_port(const struct channel_listener *l)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	if (getsockname(evconnlistener_get_fd(l->ev[0]),
			(struct sockaddr *)&a, &len))
		return 0;
	return ntohs(a.sin_port);
}
