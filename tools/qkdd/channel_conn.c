// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A connection's beginning and end. It ends in two steps: what failed says why
 * and the loop's next turn frees it, so that nobody who holds it is surprised.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel_priv.h"
#include "tools/common/log.h"

void conn_free(struct conn *c)
{
	if (c->listener)
		listener_drop(c->listener, c);
	if (c->ch && c->ch->conn == c)
		c->ch->conn = NULL;
	if (c->ch && c->ch->caller == c)
		c->ch->caller = NULL;
	if (c->bev)
		bufferevent_free(c->bev);
	if (c->timer)
		event_free(c->timer);
	if (c->end)
		event_free(c->end);
	record_session_clear(&c->rs);
	free(c);
}

void channel_redial(struct channel *ch, unsigned int most)
{
	struct timeval tv;

	if (!ch->dials)
		return;
	tv.tv_sec = ch->pause / 1000;
	tv.tv_usec = ch->pause % 1000 * 1000;
	event_add(ch->redial, &tv);
	if (ch->pause < most)
		ch->pause *= 2;
	if (ch->pause > most)
		ch->pause = most;
}

/* What is queued gets one chance to leave before the socket is closed. */
void conn_push_out(struct conn *c)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	int fd = bufferevent_getfd(c->bev);

	if (fd >= 0 && evbuffer_get_length(out)) {
		evbuffer_unfreeze(out, 1);
		evbuffer_write(out, fd);
	}
}

void conn_bye(struct conn *c, const char *why)
{
	struct channel *ch = c->ch;

	message_put(ch->batch, TYPE_BYE, 0, why, strlen(why), NULL, 0);
	ch->seal = true;
	if (!conn_send_batch(c))
		conn_push_out(c);
}

static void conn_end(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	struct channel *ch = c->ch;
	enum channel_cause cause = c->cause;
	bool mine = ch && ch->conn == c, met = c->met, answered;
	char why[WHY_MAX];

	memcpy(why, c->why, sizeof(why));
	/* somebody was there, and one-time key may have been spent on him */
	answered = mine && c->rs.tx;
	conn_push_out(c);
	conn_free(c);
	if (!ch)
		return;
	if (mine)
		evbuffer_drain(ch->batch, evbuffer_get_length(ch->batch));
	if (met)
		ch->ops->closed(ch->ctx, cause, why);
	else if (cause != CHANNEL_PEER)
		ch->ops->refused(ch->ctx, cause, why);
	else
		log_line(LOG_LEVEL_DEBUG, ch->link, "%s", why);
	if (mine && !ch->conn)
		channel_redial(ch, answered ? MEET_MAX : DIAL_MAX);
}

void conn_fail(struct conn *c, enum channel_cause cause, const char *fmt, ...)
{
	bool was_open = c->state == CONN_OPEN;
	va_list ap;

	if (c->state == CONN_ENDING)
		return;
	c->state = CONN_ENDING;
	c->cause = cause;
	va_start(ap, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, ap);
	va_end(ap);
	bufferevent_disable(c->bev, EV_READ);
	if (was_open && cause != CHANNEL_STORE)
		conn_bye(c, c->why);
	event_active(c->end, EV_TIMEOUT, 0);
}

static void conn_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	conn_fail(c, CHANNEL_PEER, "the peer does not answer");
}

static void tune(int fd)
{
	int one = 1, idle = 5, count = 3;
	unsigned int timeout = 20000;	/* ms until a silent peer is lost */

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout,
		   sizeof(timeout));
}

/* Takes the descriptor over, or closes it. */
struct conn *conn_new(struct event_base *base, int fd, bool dialled)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return NULL;
	}
	tune(fd);
	c->dialled = dialled;
	c->rs.tx_first = dialled;
	c->state = dialled ? CONN_CONNECTING : CONN_GREETED;
	c->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev)
		close(fd);
	c->timer = evtimer_new(base, conn_timeout, c);
	c->end = event_new(base, -1, 0, conn_end, c);
	if (!c->bev || !c->timer || !c->end) {
		conn_free(c);
		return NULL;
	}
	bufferevent_setcb(c->bev, conn_readable, NULL, conn_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	return c;
}
