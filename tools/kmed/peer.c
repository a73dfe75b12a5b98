// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls to a link's other KME, over one kept connection a desk.
 *
 * A connection on which a call failed is given up, and the next call makes a
 * new one: nothing is tried twice, since who asked for key may simply ask
 * again. The answer counts only if the KME's certificate names it as the one
 * that settings expect at this link.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "listen.h"
#include "mark.h"
#include "peer.h"
#include "tls.h"
#include "tools/common/log.h"

#define TIMEOUT		5	/* s, of a call */
#define ANSWER_MAX	8192	/* bytes of its head; and of its body */

struct call {
	LIST_ENTRY(call) list;
	struct peer *peer;
	struct evhttp_connection *con;	/* it is on */
	struct peer_question *question;	/* NULL: the answer has no more to say */
	void (*done)(void *arg, int err);
	void *arg;
};

/* Given up; freed by a callback of its own, never inside of one of its. */
struct dead {
	SLIST_ENTRY(dead) list;
	struct evhttp_connection *con;
};

SLIST_HEAD(deads, dead);

struct peer {
	struct event_base *base;
	SSL_CTX *tls;
	const struct conf_link *link;
	char host[256];
	unsigned int port;
	struct evhttp_connection *con;	/* for the next call, or NULL */
	struct deads dead;
	struct event *reap;
	LIST_HEAD(, call) calls;
	struct call *starting;	/* within peer_announce() */
	bool failing;
};

static void finish(struct call *c, int err)
{
	void (*done)(void *arg, int err) = c->done;
	void *arg = c->arg;

	LIST_REMOVE(c, list);
	free(c);
	done(arg, err);
}

static struct call *call_on(struct peer *p, struct evhttp_connection *con)
{
	struct call *c;

	LIST_FOREACH(c, &p->calls, list)
		if (c->con == con)
			return c;
	return NULL;
}

/* What else was queued on the connection fails with it. */
static void bury(struct peer *p, int err)
{
	struct dead *d = SLIST_FIRST(&p->dead);
	struct evhttp_connection *con = d->con;
	struct call *c;

	SLIST_REMOVE_HEAD(&p->dead, list);
	free(d);
	evhttp_connection_free(con);	/* calls nobody back */
	while ((c = call_on(p, con)))
		finish(c, err);
}

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
	struct peer *p = arg;

	while (!SLIST_EMPTY(&p->dead))
		bury(p, -EHOSTUNREACH);
}

/* The connection is not used again. */
static void give_up(struct peer *p, struct evhttp_connection *con)
{
	struct dead *d;

	if (p->con != con)
		return;
	d = calloc(1, sizeof(*d));
	if (!d)		/* then it is tried again, and fails again */
		return;
	d->con = con;
	p->con = NULL;
	SLIST_INSERT_HEAD(&p->dead, d, list);
	event_active(p->reap, EV_TIMEOUT, 0);
}

struct peer *peer_new(struct event_base *base, SSL_CTX *tls,
		      const struct conf_link *link)
{
	struct peer *p = calloc(1, sizeof(*p));
	const char *port;

	if (!p)
		return NULL;
	LIST_INIT(&p->calls);
	SLIST_INIT(&p->dead);
	p->base = base;
	p->link = link;
	p->reap = event_new(base, -1, 0, on_reap, p);
	if (!p->reap || !listen_split(link->peer, p->host, sizeof(p->host),
				      &port)) {
		if (p->reap)
			event_free(p->reap);
		free(p);
		return NULL;
	}
	p->port = strtoul(port, NULL, 10);
	SSL_CTX_up_ref(tls);
	p->tls = tls;
	return p;
}

void peer_free(struct peer *p)
{
	if (!p)
		return;
	while (!SLIST_EMPTY(&p->dead))
		bury(p, -ECANCELED);
	if (p->con)	/* calls nobody back */
		evhttp_connection_free(p->con);
	while (!LIST_EMPTY(&p->calls))
		finish(LIST_FIRST(&p->calls), -ECANCELED);
	event_free(p->reap);
	SSL_CTX_free(p->tls);
	free(p);
}

/* Once for each change. */
static void tell(struct peer *p, const char *why)
{
	if (why && !p->failing)
		log_warn("link %s: KME %s at %s: %s", p->link->name,
			 p->link->peer_kme, p->link->peer, why);
	if (!why && p->failing)
		log_notice("link %s: KME %s answers again", p->link->name,
			   p->link->peer_kme);
	p->failing = why;
}

/* ---- connection ---- */

static int connect_to(struct peer *p)
{
	struct bufferevent *bev;
	SSL *ssl = SSL_new(p->tls);

	if (!ssl)
		return -ENOMEM;
	bev = bufferevent_openssl_socket_new(p->base, -1, ssl,
					     BUFFEREVENT_SSL_CONNECTING,
					     BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		SSL_free(ssl);
		return -ENOMEM;
	}
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	p->con = evhttp_connection_base_bufferevent_new(p->base, NULL, bev,
							p->host, p->port);
	if (!p->con) {
		bufferevent_free(bev);
		return -ENOMEM;
	}
	evhttp_connection_set_timeout(p->con, TIMEOUT);
	evhttp_connection_set_retries(p->con, 0);
	evhttp_connection_set_max_headers_size(p->con, ANSWER_MAX);
	evhttp_connection_set_max_body_size(p->con, ANSWER_MAX);
	return 0;
}

static bool is_expected(struct peer *p, struct evhttp_connection *con)
{
	struct bufferevent *bev = evhttp_connection_get_bufferevent(con);
	const SSL *ssl = bev ? bufferevent_openssl_get_ssl(bev) : NULL;
	char id[SAE_ID_MAX + 1];

	return ssl && tls_peer_id(ssl, TLS_URI_KME, id) &&
	       !strcmp(id, p->link->peer_kme);
}

/* ---- calls ---- */

/* Return: 0 or -EREMOTEIO. */
static int read_answer(struct peer_question *q, struct evhttp_request *req)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	size_t len = evbuffer_get_length(in);
	int n = mark_parse((const char *)evbuffer_pullup(in, -1), len, &q->mark);

	q->known = n > 0;
	return n < 0 ? -EREMOTEIO : 0;
}

static void on_answer(struct evhttp_request *req, void *arg)
{
	struct call *c = arg;
	struct peer *p = c->peer;
	int status = req ? evhttp_request_get_response_code(req) : 0;
	int err = 0;

	if (p->starting == c) {		/* peer_announce() tells */
		p->starting = NULL;
		tell(p, "cannot be connected to");
		return;
	}
	if (!status) {
		tell(p, "does not answer, or not as a KME of ours");
		err = -EHOSTUNREACH;
	} else if (!is_expected(p, c->con)) {
		tell(p, "its certificate is another KME's");
		err = -EACCES;
	} else if (status != 200) {
		tell(p, status == 401 ? "does not know this KME" :
		     status == 404 ? "is of another version" :
		     "could not take the key");
		err = -EREMOTEIO;
	} else if (c->question && read_answer(c->question, req)) {
		tell(p, "does not answer in our format");
		err = -EREMOTEIO;
	} else {
		tell(p, NULL);
	}
	if (err == -EHOSTUNREACH || err == -EACCES)
		give_up(p, c->con);
	finish(c, err);
}

static void put_ids(struct evbuffer *out, const struct announcement *a)
{
	char id[QKD_KEY_ID_STRLEN + 1];

	evbuffer_add_printf(out, "{\"master_SAE_ID\":\"%s\",", a->master);
	evbuffer_add_printf(out, "\"slave_SAE_IDs\":[");
	for (unsigned int i = 0; i < a->n_slaves; i++)
		evbuffer_add_printf(out, "%s\"%s\"", i ? "," : "",
				    a->slaves[i]);
	evbuffer_add_printf(out, "],\"key_IDs\":[");
	for (unsigned int i = 0; i < a->n; i++)
		evbuffer_add_printf(out, "%s\"%s\"", i ? "," : "",
				    qkd_key_id_format(&a->ids[i], id));
	evbuffer_add_printf(out, "]}");
}

/* @con is there, and @req has its body. */
static int send_call(struct peer *p, struct call *c, struct evhttp_request *req,
		     enum evhttp_cmd_type method, const char *path)
{
	struct evkeyvalq *head = evhttp_request_get_output_headers(req);
	int err;

	c->peer = p;
	c->con = p->con;
	evhttp_add_header(head, "Host", p->host);
	evhttp_add_header(head, "Content-Type", "application/json");
	LIST_INSERT_HEAD(&p->calls, c, list);
	p->starting = c;
	err = evhttp_make_request(p->con, req, method, path);
	if (!err && p->starting) {
		p->starting = NULL;
		return 0;
	}
	p->starting = NULL;
	LIST_REMOVE(c, list);
	free(c);
	give_up(p, p->con);
	return -EHOSTUNREACH;
}

static int begin(struct peer *p, void (*done)(void *arg, int err), void *arg,
		 struct call **c, struct evhttp_request **req)
{
	int err = p->con ? 0 : connect_to(p);

	if (err)
		return err;
	*c = calloc(1, sizeof(**c));
	*req = *c ? evhttp_request_new(on_answer, *c) : NULL;
	if (!*req) {
		free(*c);
		return -ENOMEM;
	}
	(*c)->done = done;
	(*c)->arg = arg;
	return 0;
}

int peer_announce(struct peer *p, const struct announcement *a)
{
	struct evhttp_request *req;
	struct call *c;
	int err = begin(p, a->done, a->arg, &c, &req);

	if (err)
		return err;
	put_ids(evhttp_request_get_output_buffer(req), a);
	return send_call(p, c, req, EVHTTP_REQ_POST, PEER_PATH);
}

int peer_tell(struct peer *p, const struct store_mark *m,
	      void (*done)(void *arg, int err), void *arg)
{
	char text[MARK_TEXT_SIZE];
	struct evhttp_request *req;
	struct call *c;
	int err = begin(p, done, arg, &c, &req);

	if (err)
		return err;
	evbuffer_add_printf(evhttp_request_get_output_buffer(req), "%s",
			    mark_format(m, text));
	return send_call(p, c, req, EVHTTP_REQ_POST, PEER_MARK_PATH);
}

int peer_ask(struct peer *p, struct peer_question *q)
{
	struct evhttp_request *req;
	struct call *c;
	int err = begin(p, q->done, q->arg, &c, &req);

	if (err)
		return err;
	c->question = q;
	return send_call(p, c, req, EVHTTP_REQ_GET, PEER_MARK_PATH);
}
