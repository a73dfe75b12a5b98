// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A node's hops, as the rest of the relay sees them: made, found, ended.
 */
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hop_priv.h"
#include "tools/common/clock.h"
#include "tools/post/wipe.h"
#include "tools/qkdd/words.h"

#define LOOK_MS		250	/* connections are made */
#define LINKS_LOOKS	4	/* looks until links are asked for again */

void hop_trouble(struct hop *hop, enum log_level level, const char *fmt, ...)
{
	char text[sizeof(hop->said)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!strcmp(text, hop->said))
		return;
	memcpy(hop->said, text, sizeof(text));
	log_line(level, hop->link, "%s: %s", hop->peer_node, text);
}

bool hop_is_between(const struct hop *hop, const char *sender,
		    const char *receiver)
{
	return !strcmp(hop->peer_node, sender) &&
	       !strcmp(hop->local_node, receiver);
}

socklen_t hop_addr_len(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET ? sizeof(struct sockaddr_in) :
					 sizeof(struct sockaddr_in6);
}

struct hop *hops_find(struct hops *h, const char *local, const char *peer)
{
	struct hop *hop, *found = NULL;

	LIST_FOREACH(hop, &h->list, entry)
		if (hop_is_between(hop, peer, local) &&
		    (!found || hop_is_up(hop)))
			found = hop;
	return found;
}

const char *hop_local(const struct hop *hop)
{
	return hop->local_node;
}

const char *hop_peer(const struct hop *hop)
{
	return hop->peer_node;
}

bool hop_is_up(const struct hop *hop)
{
	return hop->out && hop->out->state == CONN_UP;
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct hops *h = arg;
	struct hop *hop;

	if (h->looks++ % LINKS_LOOKS == 0)
		hop_links_look(h);
	LIST_FOREACH(hop, &h->list, entry)
		if (!hop->out && clock_now() >= hop->not_before)
			hop_conn_open(hop);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd,
		      struct sockaddr *addr, int len, void *arg)
{
	hop_conn_accept(arg, fd, addr, len);
}

static struct evconnlistener *listen_at(struct hops *h, const char *where)
{
	const unsigned int flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE |
				   LEV_OPT_CLOSE_ON_EXEC;
	struct sockaddr_storage addr = { 0 };
	struct sockaddr_in6 *six = (void *)&addr;
	struct evconnlistener *l;
	char err[160];

	if (where) {
		if (words_addr(where, &addr, err, sizeof(err))) {
			log_err("listen %s: %s", where, err);
			return NULL;
		}
	} else {
		six->sin6_family = AF_INET6;
		six->sin6_addr = in6addr_any;
	}
	/* the port is at the same place in both */
	six->sin6_port = htons(h->conf->port);
	l = evconnlistener_new_bind(h->base, on_accept, h, flags, -1,
				    (struct sockaddr *)&addr, hop_addr_len(&addr));
	if (!l && !where) {
		/* no IPv6 here */
		memset(&addr, 0, sizeof(addr));
		addr.ss_family = AF_INET;
		six->sin6_port = htons(h->conf->port);
		l = evconnlistener_new_bind(h->base, on_accept, h, flags, -1,
					    (struct sockaddr *)&addr,
					    hop_addr_len(&addr));
	}
	if (!l)
		log_err("listen %s, port %u: %s", where ? where : "",
			h->conf->port, strerror(errno));
	return l;
}

static int listen_all(struct hops *h)
{
	unsigned int i = 0;

	do {
		h->listener[i] = listen_at(h, h->conf->listens ?
					   h->conf->listen[i] : NULL);
		if (!h->listener[i])
			return -1;
	} while (++i < h->conf->listens);
	return 0;
}

struct hops *hops_new(struct event_base *base, const struct relay_conf *conf,
		      const struct hop_ops *ops, void *ctx)
{
	struct timeval tv = { .tv_usec = LOOK_MS * 1000 };
	struct hops *h = calloc(1, sizeof(*h));

	if (!h) {
		log_err("out of memory");
		return NULL;
	}
	h->base = base;
	h->conf = conf;
	h->ops = ops;
	h->ctx = ctx;
	LIST_INIT(&h->list);
	LIST_INIT(&h->guests);
	h->key = post_alloc(QKD_KEY_MAX);
	h->text = post_alloc(FRAME_CHUNK);
	h->look = event_new(base, -1, EV_PERSIST, on_look, h);
	if (!h->key || !h->text || !h->look || event_add(h->look, &tv)) {
		log_err("out of memory");
		goto err;
	}
	if (listen_all(h))
		goto err;
	event_active(h->look, EV_TIMEOUT, 0);
	return h;
err:
	hops_free(h);
	return NULL;
}

void hops_free(struct hops *h)
{
	unsigned int i;

	if (!h)
		return;
	while (!LIST_EMPTY(&h->guests))
		hop_conn_free(LIST_FIRST(&h->guests));
	while (!LIST_EMPTY(&h->list))
		hop_free(LIST_FIRST(&h->list));
	for (i = 0; i < CONF_LISTEN; i++)
		if (h->listener[i])
			evconnlistener_free(h->listener[i]);
	if (h->look)
		event_free(h->look);
	qkd_nl_close(h->nl);
	post_free(h->key, QKD_KEY_MAX);
	post_free(h->text, FRAME_CHUNK);
	free(h);
}
