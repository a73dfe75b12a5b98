// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ETSI GS QKD 004 V2.1.1: streams of key, over TLS.
 *
 * A key stream is a named stream of the link (Documentation/pool.rst), which the
 * kernels of both ends bring into step: nothing is kept here, no KME need call
 * another. The name follows from key stream ID, SAEs and size of a key, so ends
 * that do not mean the same get no key at all.
 *
 *   IDLE --OPEN_CONNECT by ID, GET_KEY--> WAITING --key, end, timeout--> IDLE
 *
 * A connection does one thing at a time, and is not read meanwhile. What it
 * opened ends with it, and then so does the other end's.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "front.h"
#include "msg_004.h"
#include "tools/common/log.h"

#define MIME		"application/json"
#define STREAMS_MAX	16	/* of a connection */
#define SKIP_MAX	1024	/* keys that a GET_KEY may leave out */
#define METADATA_MAX	256
#define URI_SAE		"urn:qkd:sae:"

struct conn;

/**
 * struct stream - an open key stream
 * @ksid: its key stream ID
 * @chunk: bytes of a key
 * @next: index of the key that comes next
 * @have: bytes of it that are in @key
 * @heard: the other end was there
 * @ended: it left, or the link did
 * @due: ms of the clock, before which @max_bps allows no more
 */
struct stream {
	LIST_ENTRY(stream) list;
	struct conn *conn;
	const struct key_source_ops *ops;
	struct key_stream *st;
	struct event *input;
	uint8_t ksid[MSG_004_KSID];
	uint32_t chunk;
	uint32_t max_bps;
	uint32_t timeout;	/* ms */
	bool metadata;
	uint32_t next;
	uint32_t have;
	bool heard;
	bool ended;
	uint64_t due;
	uint8_t key[QKD_KEY_MAX];
};

/**
 * struct conn - a connection
 * @waits: the stream that what was @asked waits for, or NULL
 * @held: there is key, but Max_bps does not allow it yet
 */
struct conn {
	struct desk *desk;
	struct bufferevent *bev;
	struct front_004_host host;
	struct event *timer;
	LIST_HEAD(, stream) streams;
	unsigned int n_streams;
	struct stream *waits;
	bool held;
	struct msg_004_request asked;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* ---- streams ---- */

static void stream_free(struct stream *s)
{
	if (s->input)
		event_free(s->input);
	s->ops->leave(s->st);
	LIST_REMOVE(s, list);
	if (!--s->conn->n_streams)
		s->conn->host.lasting(s->conn->host.arg, false);
	if (s->conn->waits == s)
		s->conn->waits = NULL;
	qkd_wipe(s->key, sizeof(s->key));
	free(s);
}

static struct stream *stream_find(struct conn *c, const uint8_t *ksid)
{
	struct stream *s;

	LIST_FOREACH(s, &c->streams, list)
		if (!memcmp(s->ksid, ksid, MSG_004_KSID))
			return s;
	return NULL;
}

/* Reads what there is of the key that comes next. */
static void stream_fill(struct stream *s)
{
	ssize_t n;

	while (s->have < s->chunk && !s->ended) {
		n = s->ops->stream_read(s->st, s->key + s->have,
					s->chunk - s->have);
		if (n == -EAGAIN || n == -EINTR)
			return;
		if (n <= 0) {
			s->ended = true;
			return;
		}
		s->have += n;
		s->heard = true;
	}
}

static void stream_next(struct stream *s)
{
	qkd_wipe(s->key, s->chunk);
	s->have = 0;
	s->next++;
}

/* ---- answers ---- */

static void answer(struct conn *c, unsigned int service, const void *data,
		   size_t len)
{
	uint8_t head[MSG_004_HEAD];

	msg_004_put_head(head, service | MSG_004_ANSWER, len);
	bufferevent_write(c->bev, head, sizeof(head));
	bufferevent_write(c->bev, data, len);
}

static void answer_open(struct conn *c, uint32_t status,
			const struct msg_004_qos *qos, const uint8_t *ksid)
{
	uint8_t out[4 + MSG_004_QOS + MSG_004_KSID];

	msg_004_put32(out, status);
	msg_004_put_qos(qos, out + 4);
	memcpy(out + 4 + MSG_004_QOS, ksid, MSG_004_KSID);
	answer(c, MSG_004_OPEN_CONNECT, out, sizeof(out));
}

/* A key, or none with a status that tells why and @need. */
static void answer_key(struct conn *c, uint32_t status, const struct stream *s,
		       const char *metadata, uint32_t need)
{
	uint8_t out[16 + QKD_KEY_MAX + METADATA_MAX], *p = out + 12;
	uint32_t len = status ? 0 : s->chunk;

	msg_004_put32(out, status);
	msg_004_put32(out + 4, s ? s->next : 0);
	msg_004_put32(out + 8, len);
	if (len)
		memcpy(p, s->key, len);
	p += len;
	msg_004_put32(p, need);
	p += 4;
	if (!status) {
		memcpy(p, metadata, need);
		p += need;
	}
	answer(c, MSG_004_GET_KEY, out, p - out);
	qkd_wipe(out, sizeof(out));
}

static void answer_close(struct conn *c, uint32_t status)
{
	uint8_t out[4];

	msg_004_put32(out, status);
	answer(c, MSG_004_CLOSE, out, sizeof(out));
}

/* ---- waiting ---- */

static void on_read(struct bufferevent *bev, void *arg);

static void wait_on(struct conn *c, uint64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000,
			      .tv_usec = ms % 1000 * 1000 };

	bufferevent_disable(c->bev, EV_READ);
	event_add(c->timer, &tv);
	/* key that is held waits for the clock only */
	if (c->held)
		event_del(c->waits->input);
	else
		event_add(c->waits->input, NULL);
}

/* The answer was written: on with what came meanwhile. */
static void wait_over(struct conn *c)
{
	event_del(c->timer);
	if (c->waits)
		event_del(c->waits->input);
	c->waits = NULL;
	c->held = false;
	bufferevent_enable(c->bev, EV_READ);
	bufferevent_trigger(c->bev, EV_READ, BEV_OPT_DEFER_CALLBACKS);
}

static uint32_t metadata_of(const struct stream *s, char text[METADATA_MAX])
{
	if (!s->metadata || !s->conn->asked.metadata_size)
		return 0;
	return snprintf(text, METADATA_MAX, "{\"index\":%u,\"size\":%u}",
			s->next, 8 * s->chunk);
}

/* Not to give more than Max_bps: a key is due when those before are paid. */
static bool too_soon(struct conn *c, struct stream *s)
{
	uint64_t now = now_ms();

	if (!s->max_bps)
		return false;
	if (now < s->due) {
		c->held = true;
		wait_on(c, s->due - now);
		return true;
	}
	s->due = now + 8000ull * s->chunk / s->max_bps;
	return false;
}

static void give(struct conn *c, struct stream *s)
{
	char text[METADATA_MAX];
	uint32_t len = metadata_of(s, text);

	answer_key(c, MSG_004_OK, s, text, len);
	stream_next(s);
	atomic_fetch_add(&desk_kme(c->desk)->figures.stream_keys, 1);
}

/* Whether it was answered. */
static bool try_key(struct conn *c, struct stream *s)
{
	for (;;) {
		stream_fill(s);
		if (s->have < s->chunk)
			break;
		if (s->next == c->asked.index) {
			if (too_soon(c, s))
				return false;
			give(c, s);
			return true;
		}
		stream_next(s);
	}
	if (!s->ended)
		return false;
	answer_key(c, MSG_004_NO_CONNECTION, s, NULL, 0);
	stream_free(s);
	return true;
}

static bool try_open(struct conn *c, struct stream *s)
{
	stream_fill(s);
	if (s->heard) {
		answer_open(c, MSG_004_OK, &c->asked.qos, s->ksid);
		return true;
	}
	if (!s->ended)
		return false;
	answer_open(c, MSG_004_NO_CONNECTION, &c->asked.qos, s->ksid);
	stream_free(s);
	return true;
}

static bool try(struct conn *c)
{
	return c->asked.service == MSG_004_OPEN_CONNECT ?
		try_open(c, c->waits) : try_key(c, c->waits);
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	struct conn *c = s->conn;

	if (c->waits == s && try(c))
		wait_over(c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	struct stream *s = c->waits;

	if (!s)
		return;
	if (c->held) {
		c->held = false;
		wait_on(c, s->timeout);
	}
	if (!try(c)) {
		if (event_pending(c->timer, EV_TIMEOUT, NULL))
			return;
		if (c->asked.service == MSG_004_OPEN_CONNECT)
			answer_open(c, MSG_004_NO_PEER_YET, &c->asked.qos,
				    s->ksid);
		else
			answer_key(c, !s->heard ? MSG_004_NO_PEER :
				   s->timeout ? MSG_004_TIMEOUT :
				   MSG_004_NO_KEY, s, NULL, 0);
	}
	wait_over(c);
}

/* ---- OPEN_CONNECT ---- */

/* "urn:qkd:sae:ID", "SCHEME://ID@HOST..." or "ID" */
static void sae_of(const char *uri, char id[SAE_ID_MAX + 1])
{
	const char *s = strstr(uri, "://");
	size_t n;

	if (!strncmp(uri, URI_SAE, strlen(URI_SAE))) {
		uri += strlen(URI_SAE);
		n = strlen(uri);
	} else if (s) {
		uri = s + 3;
		n = strcspn(uri, "@/?#");
	} else {
		n = strlen(uri);
	}
	if (n > SAE_ID_MAX)
		n = 0;
	memcpy(id, uri, n);
	id[n] = '\0';
}

/* The caller is the one or the other: both ends may name them alike. */
static const struct conf_pair *pair_of(struct conn *c,
				       const struct msg_004_request *r)
{
	const char *caller = c->host.caller(c->host.arg);
	char source[SAE_ID_MAX + 1], destination[SAE_ID_MAX + 1];

	if (!caller)
		return NULL;
	sae_of(r->source, source);
	sae_of(r->destination, destination);
	if (!strcmp(caller, source))
		return conf_pair(desk_conf(c->desk), caller, destination);
	if (!strcmp(caller, destination))
		return conf_pair(desk_conf(c->desk), caller, source);
	return NULL;
}

static uint32_t at_most(uint32_t v, uint32_t max)
{
	return v < max ? v : max;
}

/*
 * What can be met of it; true if that is all. No rate is promised, so Min_bps
 * and Jitter are refused; what asks for less than we do, or only for an order,
 * is met. A wait is cut short to what keeps a connection from being stuck.
 */
static bool meet(struct msg_004_qos *q, const struct conf_link *link,
		 uint32_t timeout)
{
	struct msg_004_qos was = *q;

	q->chunk = at_most(q->chunk, link->max_size / 8);
	if (q->chunk < (link->min_size + 7) / 8)
		q->chunk = q->chunk ? (link->min_size + 7) / 8 :
			link->key_size / 8;
	q->min_bps = 0;
	q->jitter = 0;
	q->timeout = at_most(q->timeout, timeout);
	if (strcmp(q->mime, MIME) && q->mime[0])
		snprintf(q->mime, sizeof(q->mime), MIME);
	return q->chunk == was.chunk && !was.min_bps && !was.jitter &&
	       q->timeout == was.timeout && !strcmp(q->mime, was.mime);
}

/* 30 characters of what both ends must agree on */
static void stream_name(const uint8_t *ksid, const struct conf_pair *pair,
			uint32_t chunk, char name[32])
{
	bool first = strcmp(pair->local, pair->remote) < 0;
	uint8_t hash[SHA256_DIGEST_LENGTH];
	char text[2 * SAE_ID_MAX + 64];
	size_t n = MSG_004_KSID;

	memcpy(text, ksid, n);
	n += snprintf(text + n, sizeof(text) - n, "%s\n%s\n%u",
		      first ? pair->local : pair->remote,
		      first ? pair->remote : pair->local, chunk);
	SHA256((void *)text, n, hash);
	n = snprintf(name, 32, "4-");
	for (size_t i = 0; i < 14; i++)
		n += snprintf(name + n, 32 - n, "%02x", hash[i]);
}

static int join(struct conn *c, const struct conf_pair *pair,
		const struct msg_004_request *r, struct stream **out)
{
	const struct key_source_ops *ops = source_find(pair->link->source);
	struct stream *s;
	char name[32];
	int err;

	if (!ops->join)
		return -EOPNOTSUPP;
	if (c->n_streams == STREAMS_MAX)
		return -EMFILE;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	stream_name(r->ksid, pair, r->qos.chunk, name);
	err = ops->join(&s->st, pair->link->name, name);
	if (err) {
		free(s);
		return err;
	}
	s->conn = c;
	s->ops = ops;
	memcpy(s->ksid, r->ksid, MSG_004_KSID);
	s->chunk = r->qos.chunk;
	s->max_bps = r->qos.max_bps;
	s->timeout = r->qos.timeout;
	s->metadata = r->qos.mime[0];
	LIST_INSERT_HEAD(&c->streams, s, list);
	c->n_streams++;
	c->host.lasting(c->host.arg, true);
	s->input = event_new(bufferevent_get_base(c->bev),
			     ops->stream_fd(s->st), EV_READ | EV_PERSIST,
			     on_input, s);
	if (!s->input) {
		stream_free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

static void new_ksid(uint8_t ksid[MSG_004_KSID])
{
	if (getrandom(ksid, MSG_004_KSID, 0) != MSG_004_KSID)
		abort();
	ksid[6] = (ksid[6] & 0x0f) | 0x40;	/* UUID version 4 */
	ksid[8] = (ksid[8] & 0x3f) | 0x80;
}

static void open_connect(struct conn *c, struct msg_004_request *r)
{
	static const uint8_t none[MSG_004_KSID];
	const struct conf_pair *pair = pair_of(c, r);
	bool allocate = !memcmp(r->ksid, none, sizeof(none));
	struct stream *s;
	int err;

	if (!pair) {
		atomic_fetch_add(&desk_kme(c->desk)->figures.refused, 1);
		answer_open(c, MSG_004_NO_CONNECTION, &r->qos, r->ksid);
		return;
	}
	if (!meet(&r->qos, pair->link, desk_conf(c->desk)->timeout * 500)) {
		answer_open(c, MSG_004_QOS_REFUSED, &r->qos, r->ksid);
		return;
	}
	if (allocate)
		new_ksid(r->ksid);
	err = stream_find(c, r->ksid) ? -EBUSY : join(c, pair, r, &s);
	if (err) {
		if (err != -EBUSY)
			log_warn("link %s: no stream: %s", pair->link->name,
				 strerror(-err));
		answer_open(c, err == -EBUSY ? MSG_004_IN_USE :
			    MSG_004_NO_CONNECTION, &r->qos, r->ksid);
		return;
	}
	/* who was given the ID by us cannot have told it to the other yet */
	if (allocate) {
		answer_open(c, MSG_004_NO_PEER_YET, &r->qos, r->ksid);
		return;
	}
	c->asked = *r;
	c->waits = s;
	wait_on(c, s->timeout);
}

/* ---- GET_KEY, CLOSE ---- */

static void get_key(struct conn *c, const struct msg_004_request *r)
{
	struct stream *s = stream_find(c, r->ksid);
	char text[METADATA_MAX];
	uint32_t need;

	if (!s) {
		answer_key(c, MSG_004_NO_CONNECTION, NULL, NULL, 0);
		return;
	}
	c->asked = *r;
	need = metadata_of(s, text);
	if (r->metadata_size < need) {
		answer_key(c, MSG_004_METADATA_SIZE, s, NULL, need);
		return;
	}
	if (r->index < s->next || r->index - s->next > SKIP_MAX) {
		bool ended = s->ops->stream_ended(s->st);

		answer_key(c, ended ? MSG_004_NO_CONNECTION : MSG_004_NO_KEY,
			   s, NULL, 0);
		if (ended)
			stream_free(s);
		return;
	}
	c->waits = s;
	wait_on(c, s->timeout);
	on_input(-1, 0, s);
}

static void close_stream(struct conn *c, const struct msg_004_request *r)
{
	struct stream *s = stream_find(c, r->ksid);

	if (s)
		stream_free(s);
	answer_close(c, s ? MSG_004_OK : MSG_004_NO_CONNECTION);
}

/* ---- connections ---- */

static void conn_free(struct conn *c)
{
	struct stream *s;

	while ((s = LIST_FIRST(&c->streams)))
		stream_free(s);
	if (c->timer)
		event_free(c->timer);
	bufferevent_free(c->bev);
	free(c);
}

/* One request, if a whole one is there; false: what came is none. */
static bool serve_one(struct conn *c, struct evbuffer *in, bool *more)
{
	uint8_t buf[MSG_004_HEAD + MSG_004_MAX];
	struct msg_004_request r;
	unsigned int service;
	uint32_t len;

	*more = false;
	if (evbuffer_get_length(in) < MSG_004_HEAD)
		return true;
	evbuffer_copyout(in, buf, MSG_004_HEAD);
	if (!msg_004_head(buf, &service, &len) || len > MSG_004_MAX)
		return false;
	if (evbuffer_get_length(in) < MSG_004_HEAD + len)
		return true;
	evbuffer_remove(in, buf, MSG_004_HEAD + len);
	if (!msg_004_read(&r, service, buf + MSG_004_HEAD, len))
		return false;
	c->host.busy(c->host.arg);
	switch (service) {
	case MSG_004_OPEN_CONNECT:
		open_connect(c, &r);
		break;
	case MSG_004_GET_KEY:
		get_key(c, &r);
		break;
	default:
		close_stream(c, &r);
	}
	*more = true;
	return true;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	bool more = true;

	/* who does not read answers is not given more */
	while (more && !c->waits &&
	       evbuffer_get_length(bufferevent_get_output(bev)) < 65536) {
		if (serve_one(c, in, &more))
			continue;
		atomic_fetch_add(&desk_kme(c->desk)->figures.bad_requests, 1);
		conn_free(c);
		return;
	}
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (!c->waits)
		on_read(bev, arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;
	int on = 1;

	if (what & BEV_EVENT_CONNECTED)
		setsockopt(bufferevent_getfd(bev), SOL_SOCKET, SO_KEEPALIVE,
			   &on, sizeof(on));
	else
		conn_free(c);
}

bool front_004_new(struct desk *desk, struct bufferevent *bev,
		   const struct front_004_host *host)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return false;
	c->desk = desk;
	c->bev = bev;
	c->host = *host;
	LIST_INIT(&c->streams);
	c->timer = evtimer_new(bufferevent_get_base(bev), on_timer, c);
	if (!c->timer) {
		free(c);
		return false;
	}
	bufferevent_setcb(bev, on_read, on_written, on_event, c);
	bufferevent_setwatermark(bev, EV_READ, 0,
				 2 * (MSG_004_HEAD + MSG_004_MAX));
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	return true;
}

void front_004_free(struct bufferevent *bev)
{
	bufferevent_data_cb read = NULL;
	void *c = NULL;

	bufferevent_getcb(bev, &read, NULL, NULL, &c);
	if (read == on_read)
		conn_free(c);
}
