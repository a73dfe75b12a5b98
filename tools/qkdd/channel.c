// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The classical channel of a link: dialling and sending.
 *
 *   dialler:   CONNECTING --greeting sent--> GREETED --its greeting--> HELLO
 *                 --its HELLO--> OPEN
 *   answerer:  (listener: greeting) --> HELLO --its HELLO--> OPEN
 *   any:       --fault, close, timeout--> ENDING --> gone; the dialler dials
 *              again after a pause
 *
 * One-time key is spent by the dialler once the answerer's greeting carries a
 * right HMAC, and by the answerer once the dialler's HELLO carries a right
 * tag. A new connection takes the place of an old one only then, so that a
 * stranger cannot cut a link off. Tags are record.c's, greetings greet.c's;
 * the steps are in channel_conn.c, channel_meet.c and channel_read.c.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel_priv.h"
#include "tools/common/log.h"
#include "tools/common/wire.h"
#include "tools/net/bypass.h"

#define BATCH_MAX	(4u << 20)	/* a record is closed when this full */

/* ---- sending ---- */

void message_put(struct evbuffer *b, unsigned int type, uint64_t block,
		 const void *data, size_t len, const void *more,
		 size_t more_len)
{
	uint8_t head[MESSAGE_HEAD];

	wire_put32(head, type);
	wire_put32(head + 4, len + more_len);
	wire_put64(head + 8, block);
	evbuffer_add(b, head, sizeof(head));
	if (len)
		evbuffer_add(b, data, len);
	if (more_len)
		evbuffer_add(b, more, more_len);
}

/* What has gathered, as one record; sealed unless it may wait for its tag. */
int conn_send_batch(struct conn *c)
{
	struct channel *ch = c->ch;
	struct evbuffer *out = bufferevent_get_output(c->bev);
	uint8_t head[RECORD_HEAD], tag[RECORD_TAG];
	size_t len = evbuffer_get_length(ch->batch);
	int ret;

	if (!len)
		return 0;
	if (!ch->seal && !record_defer(&c->rs, evbuffer_pullup(ch->batch, -1),
				       len, head)) {
		evbuffer_add(out, head, sizeof(head));
		evbuffer_add_buffer(out, ch->batch);
		return 0;
	}
	ch->seal = false;
	ret = record_seal(ch->store, &c->rs, evbuffer_pullup(ch->batch, -1),
			  len, head, tag);
	if (ret) {
		evbuffer_drain(ch->batch, len);
		conn_fail(c, CHANNEL_STORE, "%s", ret == -ENOKEY ?
			  "authentication key is used up: give both ends a new secret" :
			  "the store of authentication key cannot be written");
		return ret;
	}
	evbuffer_add(out, head, sizeof(head));
	evbuffer_add_buffer(out, ch->batch);
	evbuffer_add(out, tag, sizeof(tag));
	ch->records++;
	return 0;
}

static void flush(evutil_socket_t fd, short what, void *arg)
{
	struct channel *ch = arg;

	if (ch->conn && ch->conn->state == CONN_OPEN)
		conn_send_batch(ch->conn);
	else
		evbuffer_drain(ch->batch, evbuffer_get_length(ch->batch));
}

void channel_send2(struct channel *ch, unsigned int type, uint64_t block,
		   const void *data, size_t len, const void *more,
		   size_t more_len)
{
	if (!channel_is_open(ch))
		return;
	if (len + more_len > CHANNEL_MESSAGE_MAX) {
		channel_close(ch, CHANNEL_REFUSED, "a message is too long");
		return;
	}
	if (evbuffer_get_length(ch->batch) + len + more_len > BATCH_MAX &&
	    conn_send_batch(ch->conn))
		return;
	if (type < CHANNEL_LATE)
		ch->seal = true;
	message_put(ch->batch, type, block, data, len, more, more_len);
	event_active(ch->flush, EV_TIMEOUT, 0);
}

void channel_send(struct channel *ch, unsigned int type, uint64_t block,
		  const void *data, size_t len)
{
	channel_send2(ch, type, block, data, len, NULL, 0);
}

/* ---- the outside ---- */

static void dial(evutil_socket_t unused, short what, void *arg)
{
	struct timeval tv = { .tv_sec = MEET_TIMEOUT };
	struct channel *ch = arg;
	int family = ch->peer.ss_family, fd;
	socklen_t len = family == AF_INET6 ? sizeof(struct sockaddr_in6) :
					     sizeof(struct sockaddr_in);

	if (ch->conn)
		return;
	fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		goto later;
	bypass_ipsec(fd, family);
	if (ch->local.ss_family == family &&
	    bind(fd, (struct sockaddr *)&ch->local, len)) {
		/* the address may yet come */
		log_line(LOG_LEVEL_DEBUG, ch->link, "bind: %s",
			 strerror(errno));
		close(fd);
		goto later;
	}
	ch->conn = conn_new(ch->base, fd, true);
	if (!ch->conn)
		goto later;
	ch->conn->ch = ch;
	event_add(ch->conn->timer, &tv);
	if (bufferevent_socket_connect(ch->conn->bev,
				       (struct sockaddr *)&ch->peer, len) &&
	    ch->conn)
		conn_fail(ch->conn, CHANNEL_PEER, "no connection to the peer");
	return;
later:
	channel_redial(ch, DIAL_MAX);
}

struct channel *channel_new(const struct channel_conf *conf,
			    const struct channel_ops *ops, void *ctx)
{
	struct channel *ch = calloc(1, sizeof(*ch));

	if (!ch)
		return NULL;
	ch->base = conf->base;
	ch->ops = ops;
	ch->ctx = ctx;
	ch->store = conf->store;
	ch->local = conf->local;
	ch->peer = conf->peer;
	ch->pause = DIAL_MIN;
	ch->dials = conf->peer.ss_family &&
		    strcmp(conf->local_node, conf->peer_node) < 0;
	ch->link = strdup(conf->link);
	ch->local_node = strdup(conf->local_node);
	ch->peer_node = strdup(conf->peer_node);
	if (conf->peer_link)
		ch->peer_link = strdup(conf->peer_link);
	ch->batch = evbuffer_new();
	ch->flush = event_new(ch->base, -1, 0, flush, ch);
	ch->redial = evtimer_new(ch->base, dial, ch);
	if (!ch->link || !ch->local_node || !ch->peer_node || !ch->batch ||
	    (conf->peer_link && !ch->peer_link) || !ch->flush || !ch->redial) {
		channel_free(ch);
		errno = ENOMEM;
		return NULL;
	}
	if (ch->dials)
		event_active(ch->redial, EV_TIMEOUT, 0);
	return ch;
}

void channel_free(struct channel *ch)
{
	if (!ch)
		return;
	if (channel_is_open(ch))
		conn_bye(ch->conn, "shutting down");
	if (ch->conn)
		conn_free(ch->conn);
	if (ch->caller)
		conn_free(ch->caller);
	if (ch->batch)
		evbuffer_free(ch->batch);
	if (ch->flush)
		event_free(ch->flush);
	if (ch->redial)
		event_free(ch->redial);
	free(ch->link);
	free(ch->peer_link);
	free(ch->local_node);
	free(ch->peer_node);
	free(ch);
}

bool channel_is_open(const struct channel *ch)
{
	return ch && ch->conn && ch->conn->state == CONN_OPEN;
}

void channel_close(struct channel *ch, enum channel_cause cause,
		   const char *why)
{
	if (!channel_is_open(ch))
		return;
	if (ch->conn->rs.rx_log.len)
		conn_fail(ch->conn, CHANNEL_AUTH,
			  "%s, before they were authenticated", why);
	else
		conn_fail(ch->conn, cause, "%s", why);
}

uint64_t channel_key_used(const struct channel *ch)
{
	return ch->records * AUTH_MASK_SIZE;
}
