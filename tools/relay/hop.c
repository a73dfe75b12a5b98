// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sessions with neighbours.
 *
 *   ours:    NONE --connect--> CONNECTING --get, HELLO--> ASKED --WELCOME--> UP
 *   theirs:  accepted --HELLO, take--> UP
 *   any of them --broken, a tag wrong, the link gone--> NONE
 *
 * Chunks go out over ours and come in over theirs; replies the other way.
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
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include <qkd/qkd.h>

#include "conf.h"
#include "hop.h"
#include "tools/post/wipe.h"
#include "tools/qkdd/log.h"
#include "tools/qkdd/secret.h"
#include "tools/qkdd/words.h"

#define LABEL		"relay"		/* consumer of the hops' key */
#define LOOK_MS		250		/* sessions are made */
#define LINKS_LOOKS	4		/* looks until links are asked for again */
#define AGAIN_S		1.		/* from one session to the next, or key goes */
#define HELLO_S		5		/* for a HELLO to come, or a WELCOME */
#define GUESTS		32		/* connections without a session */
#define QUEUE_MAX	(8u << 20)	/* bytes that may wait for a hop's key */
#define OUT_MAX		(256u << 10)	/* bytes that TCP has not taken yet */
#define RETRY_MS	5		/* until key is asked for again, at first */
#define RETRY_MAX_MS	100
#define DEAD_MS		10000		/* of a neighbour that acknowledges nothing */

enum conn_state {
	CONN_CONNECTING,
	CONN_ASKED,
	CONN_GUEST,
	CONN_UP,
};

/**
 * struct conn - a session; secret_alloc()'d, since it has its keys
 * @hop: NULL: a guest, who has not said HELLO yet
 * @ours: we opened it
 * @said, @heard: frames so far
 */
struct conn {
	LIST_ENTRY(conn) guest;
	struct hops *hops;
	struct hop *hop;
	bool ours;
	enum conn_state state;
	struct bufferevent *bev;
	struct sockaddr_storage from;
	uint64_t said;
	uint64_t heard;
	uint8_t key_out[FRAME_SESSION];
	uint8_t key_in[FRAME_SESSION];
};

struct chunk {
	TAILQ_ENTRY(chunk) entry;
	struct route route;
	double since;
	size_t len;
	uint8_t text[];
};

TAILQ_HEAD(chunks, chunk);

/**
 * struct hop - a link to a neighbour
 * @queued: bytes in @queue
 * @hello: when key was last spent on a HELLO of theirs
 * @not_before: no connection sooner; @tries in vain so far
 * @seen: the kernel told of it when asked last
 */
struct hop {
	LIST_ENTRY(hop) entry;
	struct hops *hops;
	char link[QKD_NAME_MAX + 1];
	char local_node[QKD_NODE_MAX + 1];
	char peer_node[QKD_NODE_MAX + 1];
	uint32_t index;
	struct sockaddr_storage local;
	struct sockaddr_storage peer;
	struct qkd_dev *dev;
	struct conn *out;
	struct conn *in;
	struct chunks queue;
	size_t queued;
	struct event *pump;
	unsigned int retry_ms;
	double hello;
	double not_before;
	unsigned int tries;
	bool seen;
	char said[160];		/* the trouble last told of */
};

struct hops {
	struct event_base *base;
	const struct relay_conf *conf;
	const struct hop_ops *ops;
	void *ctx;
	struct qkd_nl *nl;
	struct event *look;
	unsigned int looks;
	LIST_HEAD(, hop) list;
	LIST_HEAD(, conn) guests;
	unsigned int n_guests;
	struct evconnlistener *listener[CONF_LISTEN];
	uint8_t frame[FRAME_MAX];
	uint8_t *key;		/* QKD_KEY_MAX */
	uint8_t *text;		/* FRAME_CHUNK */
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Once for as long as it lasts. */
__attribute__((format(printf, 3, 4)))
static void trouble(struct hop *hop, enum log_level level, const char *fmt, ...)
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

/* ---- chunks ---- */

static void chunk_free(struct hop *hop, struct chunk *c)
{
	TAILQ_REMOVE(&hop->queue, c, entry);
	hop->queued -= c->len;
	post_free(c, sizeof(*c) + c->len);
}

static bool same_block(const struct chunk *c, const uint8_t *block)
{
	return !memcmp(c->route.block, block, FRAME_BLOCK_ID);
}

static void forget(struct hop *hop, const uint8_t *block, int share)
{
	struct chunk *c = TAILQ_FIRST(&hop->queue), *next;

	for (; c; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (same_block(c, block) &&
		    (share < 0 || share == c->route.share))
			chunk_free(hop, c);
	}
}

void hops_forget(struct hops *h, const uint8_t block[FRAME_BLOCK_ID])
{
	struct hop *hop;

	LIST_FOREACH(hop, &h->list, entry)
		forget(hop, block, -1);
}

/* The first chunk's share: it cannot be sent. */
static void give_up(struct hop *hop, enum frame_reason reason)
{
	struct route r = TAILQ_FIRST(&hop->queue)->route;

	forget(hop, r.block, r.share);
	hop->hops->ops->lost(hop->hops->ctx, &r, reason);
}

static void give_up_all(struct hop *hop, enum frame_reason reason)
{
	while (!TAILQ_EMPTY(&hop->queue))
		give_up(hop, reason);
}

/* ---- sessions: the end ---- */

static void conn_free(struct conn *c)
{
	struct hop *hop = c->hop;
	bool was_up = c->state == CONN_UP;

	if (!hop) {
		LIST_REMOVE(c, guest);
		c->hops->n_guests--;
	} else if (hop->out == c) {
		hop->out = NULL;
		hop->not_before = now() + (c->state == CONN_CONNECTING &&
					   hop->tries++ < 8 ? AGAIN_S / 4 :
							      AGAIN_S);
	} else if (hop->in == c) {
		hop->in = NULL;
	}
	bufferevent_free(c->bev);
	post_free(c, sizeof(*c));
	if (!hop || !was_up)
		return;
	if (!hop->out)
		give_up_all(hop, REASON_DOWN);
	hop->hops->ops->changed(hop->hops->ctx);
}

static void dev_close(struct hop *hop)
{
	qkd_dev_close(hop->dev);
	hop->dev = NULL;
}

static int dev_open(struct hop *hop)
{
	int ret;

	if (hop->dev)
		return 0;
	ret = qkd_dev_open(&hop->dev, NULL, NULL, hop->index, true);
	if (ret)
		return ret;
	ret = qkd_dev_label(hop->dev, LABEL);
	if (ret)
		dev_close(hop);
	return ret;
}

/* The link may have been made anew. */
static void dev_failed(struct hop *hop, int err)
{
	if (err == -ENODEV)
		dev_close(hop);
}

/* ---- saying ---- */

static void conn_write(struct conn *c, size_t len)
{
	struct hops *h = c->hops;

	len = frame_seal(h->frame, len, c->key_out);
	bufferevent_write(c->bev, h->frame, len);
	c->said++;
}

/* False: none of it could be sent now. */
static bool send_chunk(struct hop *hop, struct chunk *ch)
{
	struct hops *h = hop->hops;
	struct conn *c = hop->out;
	struct qkd_key_id id;
	size_t len;
	int ret = dev_open(hop);

	if (!ret)
		ret = qkd_dev_get(hop->dev, h->key, ch->len + FRAME_OTP_KEY,
				  &id);
	if (ret) {
		if (ret != -EAGAIN)
			trouble(hop, LOG_LEVEL_WARN, "%s", qkd_error());
		dev_failed(hop, ret);
		return false;
	}
	len = frame_key(h->frame, c->said, &id, &ch->route, ch->text, ch->len,
			h->key);
	wipe(h->key, ch->len + FRAME_OTP_KEY);
	chunk_free(hop, ch);
	conn_write(c, len);
	return true;
}

static void pump_later(struct hop *hop)
{
	struct timeval tv = { .tv_usec = 1000 * hop->retry_ms };

	event_add(hop->pump, &tv);
	hop->retry_ms *= 2;
	if (hop->retry_ms > RETRY_MAX_MS)
		hop->retry_ms = RETRY_MAX_MS;
}

static void pump(struct hop *hop)
{
	struct chunk *ch;

	while (hop_is_up(hop) && (ch = TAILQ_FIRST(&hop->queue))) {
		if (evbuffer_get_length(bufferevent_get_output(hop->out->bev)) >
		    OUT_MAX)
			return;		/* on_written() goes on */
		if (send_chunk(hop, ch)) {
			hop->retry_ms = RETRY_MS;
		} else if (now() - ch->since > hop->hops->conf->hold) {
			give_up(hop, REASON_NO_KEY);
		} else {
			pump_later(hop);
			return;
		}
	}
}

static void on_pump(evutil_socket_t fd, short what, void *arg)
{
	pump(arg);
}

enum frame_reason hop_send(struct hop *hop, const struct route *r,
			   const uint8_t *text, size_t len)
{
	struct chunk *c;

	if (!hop_is_up(hop))
		return REASON_DOWN;
	if (hop->queued + len > QUEUE_MAX)
		return REASON_BUSY;
	c = post_alloc(sizeof(*c) + len);
	if (!c)
		return REASON_BUSY;
	c->route = *r;
	c->since = now();
	c->len = len;
	memcpy(c->text, text, len);
	TAILQ_INSERT_TAIL(&hop->queue, c, entry);
	hop->queued += len;
	/* from the loop: the caller may have more, and is told of losses */
	if (!event_pending(hop->pump, EV_TIMEOUT, NULL)) {
		hop->retry_ms = RETRY_MS;
		event_active(hop->pump, EV_TIMEOUT, 0);
	}
	return REASON_NONE;
}

void hop_reply(struct hop *hop, enum frame_type type, const struct route *r)
{
	struct conn *c = hop->in;

	if (c && c->state == CONN_UP)
		conn_write(c, frame_reply(hop->hops->frame, type, c->said, r));
}

/* ---- hearing ---- */

/* False: the session must end. */
static bool heard_key(struct conn *c, const struct frame *f, const uint8_t *in)
{
	struct hops *h = c->hops;
	struct hop *hop = c->hop;
	struct qkd_key_range range;
	int ret;

	if (qkd_key_id_decode(&f->id, &range) ||
	    range.len != f->len + FRAME_OTP_KEY)
		return false;
	ret = dev_open(hop);
	if (!ret)
		ret = qkd_dev_take(hop->dev, &f->id, h->key, QKD_KEY_MAX);
	if (ret < 0) {
		/* the share is lost, and its end will notice */
		trouble(hop, LOG_LEVEL_WARN, "%s", qkd_error());
		dev_failed(hop, ret);
		return true;
	}
	if (!frame_open(f, in, h->key, h->text)) {
		wipe(h->key, range.len);
		trouble(hop, LOG_LEVEL_ERR,
			"a chunk's one-time tag is wrong: that node lies, or key differs at the link's ends");
		return false;
	}
	wipe(h->key, range.len);
	h->ops->key(h->ctx, hop, &f->route, h->text, f->len);
	wipe(h->text, f->len);
	return true;
}

static bool is_between(const struct hop *hop, const char *sender,
		       const char *receiver)
{
	return !strcmp(hop->peer_node, sender) &&
	       !strcmp(hop->local_node, receiver);
}

static bool heard_up(struct conn *c, const struct frame *f, const uint8_t *in)
{
	const struct route *r = &f->route;
	const struct path *p = &r->path;

	switch (f->type) {
	case FRAME_KEY:
		return !c->ours && is_between(c->hop, p->node[r->at],
					      p->node[r->at + 1]) &&
		       heard_key(c, f, in);
	case FRAME_ACK:
	case FRAME_VOID:
		if (!c->ours || !is_between(c->hop, p->node[r->at],
					    p->node[r->at - 1]))
			return false;
		c->hops->ops->reply(c->hops->ctx, c->hop, f->type, r);
		return true;
	default:
		return false;
	}
}

static void is_up(struct conn *c)
{
	c->state = CONN_UP;
	c->hop->tries = 0;
	bufferevent_set_timeouts(c->bev, NULL, NULL);
	c->hop->said[0] = '\0';
	log_line(LOG_LEVEL_INFO, c->hop->link, "%s: %s", c->hop->peer_node,
		 c->ours ? "chunks can be sent" : "chunks can come");
	c->hops->ops->changed(c->hops->ctx);
}

static bool same_host(const struct sockaddr_storage *a,
		      const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family == AF_INET6 && b->ss_family == AF_INET &&
	    IN6_IS_ADDR_V4MAPPED(&a6->sin6_addr))
		return !memcmp(&a6->sin6_addr.s6_addr[12], &b4->sin_addr, 4);
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return !memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr));
}

/* False: nothing that a neighbour says, or not now. */
static bool heard_hello(struct conn *c, const struct frame *f,
			const uint8_t *in, size_t len)
{
	struct hops *h = c->hops;
	struct qkd_key_range range;
	struct hop *hop;
	bool good;
	int ret;

	if (f->type != FRAME_HELLO || f->number)
		return false;
	LIST_FOREACH(hop, &h->list, entry)
		if (is_between(hop, f->from, f->to) &&
		    same_host(&c->from, &hop->peer))
			break;
	if (!hop || now() - hop->hello < AGAIN_S * .9 ||
	    qkd_key_id_decode(&f->id, &range) ||
	    range.len != 2 * FRAME_SESSION || dev_open(hop))
		return false;
	hop->hello = now();
	ret = qkd_dev_take(hop->dev, &f->id, h->key, 2 * FRAME_SESSION);
	if (ret < 0) {
		trouble(hop, LOG_LEVEL_WARN, "no session: %s", qkd_error());
		dev_failed(hop, ret);
		return false;
	}
	memcpy(c->key_in, h->key, FRAME_SESSION);
	memcpy(c->key_out, h->key + FRAME_SESSION, FRAME_SESSION);
	wipe(h->key, 2 * FRAME_SESSION);
	good = frame_sealed(in, len, c->key_in);
	if (!good) {
		trouble(hop, LOG_LEVEL_ERR, "a false HELLO");
		return false;
	}
	if (hop->in)
		conn_free(hop->in);
	LIST_REMOVE(c, guest);
	h->n_guests--;
	c->hop = hop;
	hop->in = c;
	c->heard = 1;
	conn_write(c, frame_welcome(h->frame));
	is_up(c);
	return true;
}

static bool heard(struct conn *c, const uint8_t *in, size_t len)
{
	struct frame f;

	if (!frame_read(&f, in, len))
		return false;
	if (c->state == CONN_GUEST)
		return heard_hello(c, &f, in, len);
	/* key is spent on nothing that the neighbour did not say */
	if (f.number != c->heard || !frame_sealed(in, len, c->key_in)) {
		trouble(c->hop, LOG_LEVEL_ERR,
			"a message is forged or damaged");
		return false;
	}
	c->heard++;
	if (c->state == CONN_UP)
		return heard_up(c, &f, in);
	if (c->state != CONN_ASKED || f.type != FRAME_WELCOME)
		return false;
	is_up(c);
	pump(c->hop);
	return true;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	uint8_t head[FRAME_HEAD];
	struct conn *c = arg;
	size_t len;

	while (evbuffer_copyout(in, head, sizeof(head)) == sizeof(head)) {
		len = frame_length(head);
		if (!len) {
			conn_free(c);
			return;
		}
		if (evbuffer_get_length(in) < len)
			return;
		if (!heard(c, evbuffer_pullup(in, len), len)) {
			if (c->hop)
				trouble(c->hop, LOG_LEVEL_WARN,
					"session ended: a message made no sense");
			conn_free(c);
			return;
		}
		evbuffer_drain(in, len);
	}
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (c->hop && c->hop->out == c && c->state == CONN_UP)
		pump(c->hop);
}

/* ---- sessions: the beginning ---- */

/* Connected: a key of the hop makes it a session. */
static bool say_hello(struct conn *c)
{
	struct hop *hop = c->hop;
	struct hops *h = c->hops;
	struct qkd_key_id id;
	int ret = dev_open(hop);

	if (!ret)
		ret = qkd_dev_get(hop->dev, h->key, 2 * FRAME_SESSION, &id);
	if (ret) {
		trouble(hop, LOG_LEVEL_WARN, "no session: %s", qkd_error());
		dev_failed(hop, ret);
		return false;
	}
	memcpy(c->key_out, h->key, FRAME_SESSION);
	memcpy(c->key_in, h->key + FRAME_SESSION, FRAME_SESSION);
	wipe(h->key, 2 * FRAME_SESSION);
	c->state = CONN_ASKED;
	conn_write(c, frame_hello(h->frame, &id, hop->local_node,
				  hop->peer_node));
	return true;
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;

	if ((what & BEV_EVENT_CONNECTED) && c->state == CONN_CONNECTING) {
		if (!say_hello(c))
			conn_free(c);
		return;
	}
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)))
		return;
	if (c->hop)
		trouble(c->hop, LOG_LEVEL_WARN, c->state == CONN_UP ?
			"the session ended" :
			"does not answer: is qkd-relayd running there?");
	conn_free(c);
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

static struct conn *conn_new(struct hops *h, int fd)
{
	struct timeval wait = { .tv_sec = HELLO_S };
	struct conn *c = post_alloc(sizeof(*c));

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

static socklen_t addr_len(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET ? sizeof(struct sockaddr_in) :
					 sizeof(struct sockaddr_in6);
}

static void come(struct hop *hop)
{
	struct sockaddr_storage from = hop->local;
	struct conn *c;
	int fd;

	fd = socket(hop->peer.ss_family, SOCK_STREAM | SOCK_CLOEXEC |
		    SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	set_options(fd);
	if (from.ss_family == hop->peer.ss_family &&
	    bind(fd, (struct sockaddr *)&from, addr_len(&from))) {
		trouble(hop, LOG_LEVEL_WARN, "the link's own address: %s",
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
				       addr_len(&hop->peer)) && hop->out == c)
		conn_free(c);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd,
		      struct sockaddr *addr, int len, void *arg)
{
	struct hops *h = arg;
	struct conn *c = NULL;

	if (h->n_guests < GUESTS && len <= (int)sizeof(c->from)) {
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

/* ---- links ---- */

static bool address(struct hop *hop, const struct qkd_link *l)
{
	struct sockaddr_in *l4 = (void *)&hop->local, *p4 = (void *)&hop->peer;
	struct sockaddr_in6 *l6 = (void *)l4, *p6 = (void *)p4;

	memset(&hop->local, 0, sizeof(hop->local));
	memset(&hop->peer, 0, sizeof(hop->peer));
	if (l->have & QKD_BIT(QKD_A_LINK_PEER4)) {
		p4->sin_family = AF_INET;
		p4->sin_addr = l->peer4;
		p4->sin_port = htons(hop->hops->conf->port);
		if (l->have & QKD_BIT(QKD_A_LINK_LOCAL4)) {
			l4->sin_family = AF_INET;
			l4->sin_addr = l->local4;
		}
		return true;
	}
	if (!(l->have & QKD_BIT(QKD_A_LINK_PEER6)))
		return false;
	p6->sin6_family = AF_INET6;
	p6->sin6_addr = l->peer6;
	p6->sin6_port = htons(hop->hops->conf->port);
	if (l->have & QKD_BIT(QKD_A_LINK_LOCAL6)) {
		l6->sin6_family = AF_INET6;
		l6->sin6_addr = l->local6;
	}
	return true;
}

static void hop_free(struct hop *hop)
{
	LIST_REMOVE(hop, entry);
	if (hop->out)
		conn_free(hop->out);
	if (hop->in)
		conn_free(hop->in);
	give_up_all(hop, REASON_NO_HOP);
	event_free(hop->pump);
	dev_close(hop);
	free(hop);
}

static int hop_add(struct hops *h, const struct qkd_link *l)
{
	struct hop *hop = calloc(1, sizeof(*hop));

	if (!hop)
		return 0;
	hop->hops = h;
	snprintf(hop->link, sizeof(hop->link), "%s", l->name);
	snprintf(hop->local_node, sizeof(hop->local_node), "%s",
		 l->local_node);
	snprintf(hop->peer_node, sizeof(hop->peer_node), "%s", l->peer_node);
	hop->index = l->index;
	hop->hello = -1;
	hop->seen = true;
	TAILQ_INIT(&hop->queue);
	hop->pump = evtimer_new(h->base, on_pump, hop);
	if (!hop->pump || !address(hop, l)) {
		if (hop->pump)
			event_free(hop->pump);
		free(hop);
		return 0;
	}
	LIST_INSERT_HEAD(&h->list, hop, entry);
	return 0;
}

static bool is_same(const struct hop *hop, const struct qkd_link *l)
{
	struct hop other = { .hops = hop->hops };

	return address(&other, l) && hop->index == l->index &&
	       !strcmp(hop->link, l->name) &&
	       !strcmp(hop->local_node, l->local_node) &&
	       !strcmp(hop->peer_node, l->peer_node) &&
	       !memcmp(&hop->peer, &other.peer, sizeof(other.peer)) &&
	       !memcmp(&hop->local, &other.local, sizeof(other.local));
}

static int on_link(const struct qkd_link *l, void *arg)
{
	struct hops *h = arg;
	struct hop *hop;

	if (!conf_is_hop(h->conf, l->name, l->driver) || !*l->local_node ||
	    !*l->peer_node)
		return 0;
	LIST_FOREACH(hop, &h->list, entry) {
		if (is_same(hop, l)) {
			hop->seen = true;
			return 0;
		}
	}
	return hop_add(h, l);
}

static void look_for_links(struct hops *h)
{
	struct hop *hop, *next;

	LIST_FOREACH(hop, &h->list, entry)
		hop->seen = false;
	/* not loaded, or not now: what there was stays until it fails */
	if ((!h->nl && qkd_nl_open(&h->nl, NULL)) ||
	    qkd_link_each(h->nl, on_link, h))
		return;
	for (hop = LIST_FIRST(&h->list); hop; hop = next) {
		next = LIST_NEXT(hop, entry);
		if (!hop->seen)
			hop_free(hop);
	}
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct hops *h = arg;
	struct hop *hop;

	if (h->looks++ % LINKS_LOOKS == 0)
		look_for_links(h);
	LIST_FOREACH(hop, &h->list, entry)
		if (!hop->out && now() >= hop->not_before)
			come(hop);
}

struct hop *hops_find(struct hops *h, const char *local, const char *peer)
{
	struct hop *hop, *found = NULL;

	LIST_FOREACH(hop, &h->list, entry)
		if (is_between(hop, peer, local) && (!found || hop_is_up(hop)))
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

/* ---- all ---- */

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
				    (struct sockaddr *)&addr, addr_len(&addr));
	if (!l && !where) {
		/* no IPv6 here */
		memset(&addr, 0, sizeof(addr));
		addr.ss_family = AF_INET;
		six->sin6_port = htons(h->conf->port);
		l = evconnlistener_new_bind(h->base, on_accept, h, flags, -1,
					    (struct sockaddr *)&addr,
					    addr_len(&addr));
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
		conn_free(LIST_FIRST(&h->guests));
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
