// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A hop's connections: how they begin, their bytes, how they end.
 *
 *   ours:    NONE --hop_conn_open()--> CONNECTING ... UP
 *   theirs:  NONE --hop_conn_accept()--> GUEST --hop_conn_settle()--> UP
 *   any of them --broken, silent for too long, the link gone--> NONE
 *
 * What the bytes mean is hop_session.c's.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "hop_priv.h"
#include "tools/common/clock.h"
#include "tools/post/wipe.h"

#define HELLO_S		5	/* for a HELLO to come, or a WELCOME */
#define GUESTS		32	/* connections without a session */
#define OUT_MAX		(256u << 10)	/* bytes that TCP has not taken yet */
#define DEAD_MS		10000	/* of a neighbour that acknowledges nothing */

static void leave_guests(struct hop_conn *c)
{
	LIST_REMOVE(c, guest);
	c->hops->n_guests--;
}

void hop_conn_free(struct hop_conn *c)
{
	struct hop *hop = c->hop;
	bool was_up = c->state == CONN_UP;

	if (!hop) {
		leave_guests(c);
	} else if (hop->out == c) {
		hop->out = NULL;
		hop->not_before = clock_now() +
				  (c->state == CONN_CONNECTING &&
				   hop->tries++ < 8 ? HOP_AGAIN_S / 4 :
						      HOP_AGAIN_S);
	} else if (hop->in == c) {
		hop->in = NULL;
	}
	bufferevent_free(c->bev);
	post_free(c, sizeof(*c));
	if (!hop || !was_up)
		return;
	if (!hop->out)
		hop_queue_give_up(hop, REASON_DOWN);
	hop->hops->ops->changed(hop->hops->ctx);
}

void hop_conn_write(struct hop_conn *c, size_t len)
{
	struct hops *h = c->hops;

	len = frame_seal(h->frame, len, c->key_out);
	bufferevent_write(c->bev, h->frame, len);
	c->said++;
}

bool hop_conn_is_full(const struct hop_conn *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev)) > OUT_MAX;
}

void hop_conn_rest(struct hop_conn *c)
{
	bufferevent_set_timeouts(c->bev, NULL, NULL);
}

void hop_conn_settle(struct hop_conn *c, struct hop *hop)
{
	leave_guests(c);
	c->hop = hop;
	hop->in = c;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	uint8_t head[FRAME_HEAD];
	struct hop_conn *c = arg;
	size_t len;

	while (evbuffer_copyout(in, head, sizeof(head)) == sizeof(head)) {
		len = frame_length(head);
		if (!len) {
			hop_conn_free(c);
			return;
		}
		if (evbuffer_get_length(in) < len)
			return;
		if (!hop_session_heard(c, evbuffer_pullup(in, len), len)) {
			if (c->hop)
				hop_trouble(c->hop, LOG_LEVEL_WARN,
					    "session ended: a message made no sense");
			hop_conn_free(c);
			return;
		}
		evbuffer_drain(in, len);
	}
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct hop_conn *c = arg;

	if (c->hop && c->hop->out == c && c->state == CONN_UP)
		hop_queue_pump(c->hop);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct hop_conn *c = arg;

	if ((what & BEV_EVENT_CONNECTED) && c->state == CONN_CONNECTING) {
		if (!hop_session_begin(c))
			hop_conn_free(c);
		return;
	}
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)))
		return;
	if (c->hop)
		hop_trouble(c->hop, LOG_LEVEL_WARN, c->state == CONN_UP ?
			    "the session ended" :
			    "does not answer: is qkd-relayd running there?");
	hop_conn_free(c);
}

static void set_options(int fd)
{
	int one = 1, dead = DEAD_MS, idle = 5, every = 2, times = 3;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead, sizeof(dead));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
}

static struct hop_conn *conn_new(struct hops *h, int fd)
{
	struct timeval wait = { .tv_sec = HELLO_S };
	struct hop_conn *c = post_alloc(sizeof(*c));

	if (!c)
		return NULL;
	c->bev = bufferevent_socket_new(h->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev) {
		post_free(c, sizeof(*c));
		return NULL;
	}
	c->hops = h;
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_set_timeouts(c->bev, &wait, NULL);
	bufferevent_setwatermark(c->bev, EV_WRITE, OUT_MAX / 2, 0);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	return c;
}

void hop_conn_open(struct hop *hop)
{
	struct sockaddr_storage from = hop->local;
	struct hop_conn *c;
	int fd;

	fd = socket(hop->peer.ss_family, SOCK_STREAM | SOCK_CLOEXEC |
		    SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	set_options(fd);
	if (from.ss_family == hop->peer.ss_family &&
	    bind(fd, (struct sockaddr *)&from, hop_addr_len(&from))) {
		hop_trouble(hop, LOG_LEVEL_WARN, "the link's own address: %s",
			    strerror(errno));
		close(fd);
		return;
	}
	c = conn_new(hop->hops, fd);
	if (!c) {
		close(fd);
		return;
	}
	c->ours = true;
	c->state = CONN_CONNECTING;
	c->hop = hop;
	hop->out = c;
	if (bufferevent_socket_connect(c->bev, (struct sockaddr *)&hop->peer,
				       hop_addr_len(&hop->peer)) &&
	    hop->out == c)
		hop_conn_free(c);
}

void hop_conn_accept(struct hops *h, int fd, const struct sockaddr *addr,
		     socklen_t len)
{
	struct hop_conn *c = NULL;

	if (h->n_guests < GUESTS && len <= sizeof(c->from)) {
		set_options(fd);
		c = conn_new(h, fd);
	}
	if (!c) {
		close(fd);
		return;
	}
	c->state = CONN_GUEST;
	memcpy(&c->from, addr, len);
	LIST_INSERT_HEAD(&h->guests, c, guest);
	h->n_guests++;
}
