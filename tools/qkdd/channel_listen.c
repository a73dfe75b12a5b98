// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The port that peers dial to, and those who have not said for whom they come.
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
	struct evconnlistener *ev;
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

struct channel_listener *
channel_listener_new(const struct channel_listener_conf *conf)
{
	struct sockaddr_in6 a6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(conf->port),
		.sin6_addr = in6addr_any,
	};
	struct sockaddr_in a4 = {
		.sin_family = AF_INET,
		.sin_port = htons(conf->port),
		.sin_addr.s_addr = htonl(conf->loopback ? INADDR_LOOPBACK :
					 INADDR_ANY),
	};
	struct sockaddr *addr = (struct sockaddr *)&a6;
	socklen_t len = sizeof(a6);
	struct channel_listener *l;
	int fd = -1, one = 1, off = 0, err;

	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->conf = *conf;
	TAILQ_INIT(&l->guests);
	if (!conf->loopback)
		fd = socket(AF_INET6,
			    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
		bypass_ipsec(fd, AF_INET6);
	} else {
		addr = (struct sockaddr *)&a4;
		len = sizeof(a4);
		fd = socket(AF_INET,
			    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd < 0)
			goto err;
	}
	bypass_ipsec(fd, AF_INET);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, addr, len) || listen(fd, 64))
		goto err;
	l->ev = evconnlistener_new(conf->base, guest, l,
				   LEV_OPT_CLOSE_ON_FREE |
				   LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!l->ev)
		goto err;
	return l;
err:
	err = errno;
	if (fd >= 0)
		close(fd);
	free(l);
	errno = err;
	return NULL;
}

void channel_listener_free(struct channel_listener *l)
{
	if (!l)
		return;
	while (!TAILQ_EMPTY(&l->guests))
		conn_free(TAILQ_FIRST(&l->guests));
	evconnlistener_free(l->ev);
	free(l);
}

uint16_t channel_listener_port(const struct channel_listener *l)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	if (getsockname(evconnlistener_get_fd(l->ev), (struct sockaddr *)&a,
			&len))
		return 0;
	return ntohs(a.ss_family == AF_INET6 ?
		     ((struct sockaddr_in6 *)&a)->sin6_port :
		     ((struct sockaddr_in *)&a)->sin_port);
}
