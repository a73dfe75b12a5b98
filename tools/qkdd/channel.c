// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Connections of the classical channel, from dialling to the last message.
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
 * stranger cannot cut a link off. Tags are record.c's, greetings greet.c's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "tools/net/bypass.h"
#include "channel.h"
#include "greet.h"
#include "log.h"
#include "secret.h"
#include "wire.h"

#define MESSAGE_HEAD	16	/* type, length, block */
#define TYPE_BYE	0	/* text: why */
#define TYPE_HELLO	1
#define BATCH_MAX	(4u << 20)	/* a record is closed when this full */
#define READ_SIZE	(256u << 10)
#define READS		8	/* a turn of the loop */
#define MEET_TIMEOUT	10	/* s from connected to OPEN */
#define DIAL_MIN	200	/* ms between attempts, doubled up to: */
#define DIAL_MAX	2000	/* ms while nobody answers */
#define MEET_MAX	60000	/* ms while somebody does, in vain */
#define GUESTS_MAX	64	/* connections that have not said for whom */
#define WHY_MAX		256

enum conn_state {
	CONN_CONNECTING,
	CONN_GREETED,
	CONN_HELLO,
	CONN_OPEN,
	CONN_ENDING,
};

struct conn {
	TAILQ_ENTRY(conn) entry;	/* of the listener's guests */
	struct channel *ch;	/* NULL until the greeting says whose it is */
	struct channel_listener *listener;	/* while ch is NULL */
	enum conn_state state;
	bool dialled;
	bool met;		/* the session was told that it is open */
	struct bufferevent *bev;
	struct event *timer;
	struct event *end;
	struct record_session rs;
	uint8_t greet[2][GREET_SIZE];	/* the dialler's, the answerer's */
	enum channel_cause cause;
	char why[WHY_MAX];
};

struct channel {
	struct event_base *base;
	const struct channel_ops *ops;
	void *ctx;
	struct auth_store *store;
	char *link;
	char *peer_link;
	char *local_node;
	char *peer_node;
	struct sockaddr_storage local;
	struct sockaddr_storage peer;
	bool dials;
	struct conn *conn;	/* that is open, or that was dialled */
	struct conn *caller;	/* that may take its place */
	struct evbuffer *batch;	/* messages of this turn */
	bool seal;		/* one of them must have a tag at once */
	struct event *flush;
	struct event *redial;
	unsigned int pause;	/* ms before the next attempt */
	uint64_t records;
};

TAILQ_HEAD(conn_list, conn);

struct channel_listener {
	struct channel_listener_conf conf;
	struct evconnlistener *ev;
	struct conn_list guests;
	unsigned int count;
};

static void dial(evutil_socket_t fd, short what, void *arg);

/* ---- a connection's end ---- */

static void conn_free(struct conn *c)
{
	if (c->listener) {
		TAILQ_REMOVE(&c->listener->guests, c, entry);
		c->listener->count--;
	}
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

static void redial_later(struct channel *ch, unsigned int most)
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
static void push_out(struct conn *c)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	int fd = bufferevent_getfd(c->bev);

	if (fd >= 0 && evbuffer_get_length(out)) {
		evbuffer_unfreeze(out, 1);
		evbuffer_write(out, fd);
	}
}

static int send_batch(struct conn *c);
static void put_message(struct evbuffer *b, unsigned int type, uint64_t block,
			const void *data, size_t len, const void *more,
			size_t more_len);

static void conn_bye(struct conn *c, const char *why)
{
	struct channel *ch = c->ch;

	put_message(ch->batch, TYPE_BYE, 0, why, strlen(why), NULL, 0);
	ch->seal = true;
	if (!send_batch(c))
		push_out(c);
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
	push_out(c);
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
		redial_later(ch, answered ? MEET_MAX : DIAL_MAX);
}

__attribute__((format(printf, 3, 4)))
static void conn_fail(struct conn *c, enum channel_cause cause,
		      const char *fmt, ...)
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

/* ---- sending ---- */

static void put_message(struct evbuffer *b, unsigned int type, uint64_t block,
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
static int send_batch(struct conn *c)
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
		send_batch(ch->conn);
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
	    send_batch(ch->conn))
		return;
	if (type < CHANNEL_LATE)
		ch->seal = true;
	put_message(ch->batch, type, block, data, len, more, more_len);
	event_active(ch->flush, EV_TIMEOUT, 0);
}

void channel_send(struct channel *ch, unsigned int type, uint64_t block,
		  const void *data, size_t len)
{
	channel_send2(ch, type, block, data, len, NULL, 0);
}

/* ---- meeting ---- */

/*
 * HELLO: both greetings, where our store stands now, and the session's part.
 * It is the one message of the first record.
 */
static int send_hello(struct conn *c)
{
	uint8_t buf[2 * GREET_SIZE + 32 + CHANNEL_HELLO_MAX];
	struct channel *ch = c->ch;
	struct auth_marks marks;
	struct evbuffer *out = bufferevent_get_output(c->bev);
	uint8_t head[RECORD_HEAD], tag[RECORD_TAG];
	struct evbuffer *b;
	size_t len;
	int ret;

	memcpy(buf, c->greet, 2 * GREET_SIZE);
	/* the marks are to tell of this message's own mask */
	ret = auth_prepare(ch->store);
	if (ret)
		return ret;
	auth_marks(ch->store, &marks);
	greet_put_marks(buf + 2 * GREET_SIZE, &marks);
	len = 2 * GREET_SIZE + 32;
	len += ch->ops->hello(ch->ctx, buf + len);

	b = evbuffer_new();
	if (!b)
		return -ENOMEM;
	put_message(b, TYPE_HELLO, 0, buf, len, NULL, 0);
	len = evbuffer_get_length(b);
	ret = record_seal(ch->store, &c->rs, evbuffer_pullup(b, -1), len, head,
			  tag);
	if (!ret) {
		evbuffer_add(out, head, sizeof(head));
		evbuffer_add_buffer(out, b);
		evbuffer_add(out, tag, sizeof(tag));
		ch->records++;
	}
	evbuffer_free(b);
	return ret;
}

static void store_fault(struct conn *c, int ret)
{
	if (ret == -ESTALE)
		conn_fail(c, CHANNEL_STORE,
			  "this node's authentication store is an old copy, or only one end has a new secret: give both ends a new one");
	else if (ret == -EREMOTE)
		conn_fail(c, CHANNEL_STORE,
			  "the peer's authentication store is an old copy, or only one end has a new secret: give both ends a new one");
	else if (ret == -ENOKEY)
		conn_fail(c, CHANNEL_STORE,
			  "authentication key is used up: give both ends a new secret");
	else
		conn_fail(c, CHANNEL_STORE,
			  "the store of authentication key cannot be written");
}

static void own_greeting(struct channel *ch, struct greet *g)
{
	memset(g, 0, sizeof(*g));
	random_bytes(g->nonce, sizeof(g->nonce));
	auth_marks(ch->store, &g->marks);
	snprintf(g->from, sizeof(g->from), "%s", ch->local_node);
	snprintf(g->to, sizeof(g->to), "%s", ch->peer_node);
	snprintf(g->link, sizeof(g->link), "%s",
		 ch->peer_link ? ch->peer_link : ch->link);
}

/* The dialler's part of CONN_GREETED: the answer to its greeting. */
static void got_answer(struct conn *c, const uint8_t *buf)
{
	struct channel *ch = c->ch;
	struct greet g;
	int ret;

	if (greet_parse(buf, &g)) {
		conn_fail(c, CHANNEL_PEER, "who answers is no qkdd of this version");
		return;
	}
	if (!greet_check(buf, ch->store, c->greet[0])) {
		conn_fail(c, CHANNEL_AUTH,
			  "who answers does not hold this link's secret");
		return;
	}
	ret = auth_settle(ch->store, &g.marks);
	if (ret) {
		store_fault(c, ret);
		return;
	}
	memcpy(c->greet[1], buf, GREET_SIZE);
	memcpy(c->rs.nonce[1], g.nonce, RECORD_NONCE);
	ret = send_hello(c);
	if (ret) {
		store_fault(c, ret);
		return;
	}
	c->state = CONN_HELLO;
}

/* A guest's greeting, at the answerer. */
static void got_greeting(struct conn *c, const uint8_t *buf)
{
	struct channel_listener *l = c->listener;
	struct channel *ch;
	struct greet g, own;
	int ret;

	if (greet_parse(buf, &g)) {
		conn_fail(c, CHANNEL_PEER, "no greeting");
		return;
	}
	ch = l->conf.find(l->conf.ctx, g.to, g.from, g.link);
	if (!ch) {
		log_debug("no link to node %.63s is known here", g.from);
		conn_fail(c, CHANNEL_PEER, "no such link");
		return;
	}
	TAILQ_REMOVE(&l->guests, c, entry);
	l->count--;
	c->listener = NULL;
	c->ch = ch;
	if (ch->caller)
		conn_free(ch->caller);
	ch->caller = c;

	if (!greet_check(buf, ch->store, NULL)) {
		conn_fail(c, CHANNEL_AUTH,
			  "who calls does not hold this link's secret");
		return;
	}
	own_greeting(ch, &own);
	memcpy(c->greet[0], buf, GREET_SIZE);
	greet_build(&own, ch->store, buf, c->greet[1]);
	memcpy(c->rs.nonce[0], g.nonce, RECORD_NONCE);
	memcpy(c->rs.nonce[1], own.nonce, RECORD_NONCE);
	/* the peer needs our marks to see that its store is old, if it is */
	bufferevent_write(c->bev, c->greet[1], GREET_SIZE);
	ret = auth_settle(ch->store, &g.marks);
	if (ret) {
		store_fault(c, ret);
		push_out(c);
		return;
	}
	c->state = CONN_HELLO;
}

static void got_hello(struct conn *c, const uint8_t *data, size_t len)
{
	struct channel *ch = c->ch;
	struct auth_marks marks;
	char why[WHY_MAX] = "";
	int ret;

	if (len < 2 * GREET_SIZE + 32 ||
	    memcmp(data, c->greet, 2 * GREET_SIZE)) {
		conn_fail(c, CHANNEL_AUTH, "the greetings were tampered with");
		return;
	}
	if (!c->dialled) {
		/* now that it is the peer for sure, the old one goes */
		ch->caller = NULL;
		if (ch->conn) {
			struct conn *old = ch->conn;
			bool met = old->met;

			conn_free(old);
			evbuffer_drain(ch->batch,
				       evbuffer_get_length(ch->batch));
			if (met)
				ch->ops->closed(ch->ctx, CHANNEL_PEER,
						"the peer dialled anew");
		}
		ch->conn = c;
		ret = send_hello(c);
		if (ret) {
			store_fault(c, ret);
			return;
		}
	}
	greet_get_marks(data + 2 * GREET_SIZE, &marks);
	ret = auth_agree(ch->store, &marks);
	if (ret) {
		store_fault(c, ret);
		return;
	}
	data += 2 * GREET_SIZE + 32;
	len -= 2 * GREET_SIZE + 32;
	if (ch->ops->meet(ch->ctx, data, len, why, sizeof(why))) {
		conn_fail(c, CHANNEL_REFUSED, "%s", why);
		return;
	}
	event_del(c->timer);
	bufferevent_set_max_single_read(c->bev, 1 << 20);
	bufferevent_set_max_single_write(c->bev, 1 << 20);
	c->state = CONN_OPEN;
	c->met = true;
	ch->pause = DIAL_MIN;
	ch->ops->open(ch->ctx);
}

/* ---- receiving ---- */

static void got_body(struct conn *c, const uint8_t *body, size_t len,
		     bool deferred)
{
	struct channel *ch = c->ch;
	struct wire w = { .p = body, .len = len };
	const uint8_t *data;
	uint32_t type, n;
	uint64_t block;
	bool expected;

	while (w.len && c->state != CONN_ENDING) {
		type = wire_u32(&w);
		n = wire_u32(&w);
		block = wire_u64(&w);
		data = n <= CHANNEL_MESSAGE_MAX ? wire_bytes(&w, n) : NULL;
		if (deferred && type < CHANNEL_LATE) {
			conn_fail(c, CHANNEL_AUTH,
				  "a message came without its tag");
			return;
		}
		expected = c->state == CONN_HELLO ? type == TYPE_HELLO :
						    type != TYPE_HELLO;
		if (!data || !expected) {
			conn_fail(c, CHANNEL_REFUSED,
				  "the peer sent what cannot be read");
			return;
		}
		if (type == TYPE_HELLO)
			got_hello(c, data, n);
		else if (type == TYPE_BYE)
			conn_fail(c, CHANNEL_PEER, "the peer left: %.*s",
				  (int)(n < 128 ? n : 128), (const char *)data);
		else
			ch->ops->message(ch->ctx, type, block, data, n);
	}
}

/* One record, if all of it is there. True: look for the next. */
static bool take_record(struct conn *c, struct evbuffer *in)
{
	size_t frame = RECORD_HEAD;
	const char *why = "";
	bool deferred;
	uint8_t head[RECORD_HEAD];
	const uint8_t *all;
	size_t len, most;
	int ret;

	if (evbuffer_copyout(in, head, sizeof(head)) < (ssize_t)sizeof(head))
		return false;
	most = c->state == CONN_OPEN ? RECORD_MAX :
	       MESSAGE_HEAD + 2 * GREET_SIZE + 32 + CHANNEL_HELLO_MAX;
	len = record_len(head);
	if (!len || len > most) {
		conn_fail(c, CHANNEL_AUTH, "a record of impossible length");
		return false;
	}
	deferred = record_deferred(head);
	if (!deferred)
		frame += RECORD_TAG;
	if (evbuffer_get_length(in) < len + frame)
		return false;
	all = evbuffer_pullup(in, len + frame);
	if (!all) {
		conn_fail(c, CHANNEL_PEER, "out of memory");
		return false;
	}
	ret = record_open(c->ch->store, &c->rs, all, all + RECORD_HEAD, len,
			  all + RECORD_HEAD + len, &why);
	if (ret) {
		conn_fail(c, ret == -ENOKEY || ret == -EIO ? CHANNEL_STORE :
			  CHANNEL_AUTH, "%s", why);
		return false;
	}
	if (!deferred)
		c->ch->records++;
	got_body(c, all + RECORD_HEAD, len, deferred);
	evbuffer_drain(in, len + frame);
	return c->state != CONN_ENDING;
}

/*
 * libevent reads no more than 4096 bytes a turn of the loop, and a busy link
 * has far more waiting. Faults are left for libevent to meet.
 */
static bool read_more(struct conn *c, struct evbuffer *in)
{
	int fd = bufferevent_getfd(c->bev);
	struct evbuffer_iovec v;
	ssize_t n = 0;

	evbuffer_unfreeze(in, 0);
	if (evbuffer_reserve_space(in, READ_SIZE, &v, 1) == 1) {
		n = read(fd, v.iov_base, v.iov_len);
		v.iov_len = n > 0 ? n : 0;
		evbuffer_commit_space(in, &v, 1);
	}
	evbuffer_freeze(in, 0);
	return n > 0;
}

static void readable(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	uint8_t buf[GREET_SIZE];
	unsigned int reads = READS;
	struct conn *c = arg;

	if (c->state == CONN_GREETED) {
		if (evbuffer_get_length(in) < GREET_SIZE)
			return;
		evbuffer_remove(in, buf, GREET_SIZE);
		if (c->dialled)
			got_answer(c, buf);
		else
			got_greeting(c, buf);
	}
	while (c->state == CONN_HELLO || c->state == CONN_OPEN) {
		if (take_record(c, in))
			continue;
		if (c->state != CONN_OPEN || !reads-- || !read_more(c, in))
			break;
	}
}

static void conn_event(struct bufferevent *bev, short what, void *arg)
{
	size_t left = evbuffer_get_length(bufferevent_get_input(bev));
	struct conn *c = arg;
	struct greet g;

	if (what & BEV_EVENT_CONNECTED) {
		struct timeval tv = { .tv_sec = MEET_TIMEOUT };

		own_greeting(c->ch, &g);
		memcpy(c->rs.nonce[0], g.nonce, RECORD_NONCE);
		greet_build(&g, c->ch->store, NULL, c->greet[0]);
		bufferevent_write(bev, c->greet[0], GREET_SIZE);
		c->state = CONN_GREETED;
		event_add(c->timer, &tv);
	} else if (left && c->state == CONN_OPEN) {
		conn_fail(c, CHANNEL_PEER,
			  "the connection was cut in the middle of a record");
	} else if (what & BEV_EVENT_EOF) {
		conn_fail(c, CHANNEL_PEER, "the peer closed the connection");
	} else if (what & BEV_EVENT_ERROR) {
		conn_fail(c, CHANNEL_PEER, "%s: %s", c->met ?
			  "the connection to the peer broke" :
			  "no connection to the peer",
			  strerror(EVUTIL_SOCKET_ERROR()));
	}
}

/* ---- making connections ---- */

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
static struct conn *conn_new(struct event_base *base, int fd, bool dialled)
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
	bufferevent_setcb(c->bev, readable, NULL, conn_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	return c;
}

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
	redial_later(ch, DIAL_MAX);
}

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

/* ---- the outside ---- */

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
