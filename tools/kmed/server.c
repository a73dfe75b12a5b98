// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * HTTPS by libevent's evhttp and OpenSSL: from connections to exchanges; and
 * connections of ETSI GS QKD 004, which has no HTTP.
 *
 * Each thread has an event loop, a desk, and the same listening sockets. What
 * is spoken at a socket is its door's: who is served there proves itself by a
 * certificate or, for SKIP, by a key. A connection belongs to the thread that
 * accepted it. Bounds: so many connections at once, so many bytes of a
 * request's head and body, and so many seconds from one whole request to the
 * next; who is slower, idle or stuck is cut off by a clock that visits all
 * connections.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "front.h"
#include "listen.h"
#include "server.h"
#include "tls.h"
#include "tools/common/log.h"

#define HEAD_MAX	8192	/* bytes of a request's head */
#define BODY_MAX	65536	/* bytes of a request's body */
#define RECORD_MAX	16384	/* bytes of TLS, at most */

/* A connection, from its TCP handshake on. */
struct client {
	LIST_ENTRY(client) list;
	struct worker *worker;
	struct door *door;
	struct bufferevent *bev;
	time_t seen;		/* when it came, or last asked something whole */
	bool identified;
	bool counted;		/* its handshake is done */
	bool lasting;		/* it may be silent for long */
	char id[SAE_ID_MAX + 1];	/* as an SAE; "": it is none */
	char kme[SAE_ID_MAX + 1];	/* as a KME */
	struct call *call;	/* an answer is due */
};

/* An exchange and the connection it is of. */
struct call {
	struct xchg x;		/* first: done() finds the call by it */
	struct evhttp_request *req;	/* NULL: who asked has gone */
	struct client *client;
};

/* For who calls us, at each port, and for whom we call. */
struct contexts {
	struct ssl_ctx_st *in[PORTS];
	SSL_CTX *out;
};

/* What is spoken at a port, in one thread; @http: not for 004 */
struct door {
	struct worker *worker;
	enum conf_port port;
	SSL_CTX *tls;		/* to serve with */
	struct evhttp *http;
};

struct worker {
	struct server *server;
	pthread_t thread;
	bool started;
	struct event_base *base;
	struct door doors[PORTS];
	struct evconnlistener **listeners;	/* as server.socks */
	struct desk *desk;
	struct event *clock;
	struct event *wake;	/* something in next, or stop */
	LIST_HEAD(, client) clients;
	unsigned int full_at;	/* clients; then it accepts no more */
	unsigned int timeout;	/* s */
	bool full;
	pthread_mutex_t lock;	/* protects the following */
	struct conf *next_conf;
	struct contexts next_tls;
	bool stop;
};

struct server {
	struct kme *kme;
	struct server_socket socks[LISTEN_MAX];
	unsigned int n_socks;
	unsigned int n_workers;
	atomic_uint n_clients;
	struct worker workers[];
};

static time_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t.tv_sec;
}

/* ---- connections ---- */

static void set_full(struct worker *w, bool full)
{
	if (w->full == full)
		return;
	w->full = full;
	for (unsigned int i = 0; i < w->server->n_socks; i++) {
		if (full)
			evconnlistener_disable(w->listeners[i]);
		else
			evconnlistener_enable(w->listeners[i]);
	}
}

static void count_clients(struct worker *w, int change)
{
	unsigned int n = atomic_fetch_add(&w->server->n_clients, change) +
		change;

	set_full(w, n >= w->full_at);
}

/*
 * A request is freed with its connection. As long as it is worked on, evhttp
 * does not read, and so does not hear of the end; but that is its affair.
 */
static void client_left(struct client *c)
{
	if (c->call)
		c->call->req = NULL;
	c->call = NULL;
}

static void on_close(struct evhttp_connection *con, void *client)
{
	client_left(client);
}

/* Called by the bufferevent's SSL object when it is freed: its last word. */
static void client_gone(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx,
			long argl, void *argp)
{
	struct client *c = ptr;

	if (!c)
		return;
	client_left(c);
	LIST_REMOVE(c, list);
	if (!c->counted)
		atomic_fetch_add(&c->worker->server->kme->figures.handshakes_failed,
				 1);
	count_clients(c->worker, -1);
	free(c);
}

static int client_index(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static int index = -1;

	pthread_mutex_lock(&lock);
	if (index < 0)
		index = SSL_get_ex_new_index(0, NULL, NULL, NULL, client_gone);
	pthread_mutex_unlock(&lock);
	return index;
}

static struct client *client_new(struct door *d, SSL *ssl)
{
	struct worker *w = d->worker;
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->worker = w;
	c->door = d;
	c->seen = now_s();
	LIST_INSERT_HEAD(&w->clients, c, list);
	if (!SSL_set_ex_data(ssl, client_index(), c)) {
		LIST_REMOVE(c, list);
		free(c);
		return NULL;
	}
	count_clients(w, 1);
	atomic_fetch_add(&w->server->kme->figures.connections, 1);
	return c;
}

/*
 * evhttp wants a bufferevent for each connection; were it given none it would
 * serve in clear. So where memory is out it gets one that finds no client, and
 * on_request() refuses.
 */
static struct bufferevent *make_bev(struct event_base *base, void *arg)
{
	struct door *d = arg;
	SSL *ssl = SSL_new(d->tls);
	struct client *c = ssl ? client_new(d, ssl) : NULL;
	struct bufferevent *bev;

	if (!c) {
		SSL_free(ssl);
		return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	}
	bev = bufferevent_openssl_socket_new(base, -1, ssl,
					     BUFFEREVENT_SSL_ACCEPTING,
					     BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		SSL_free(ssl);
		return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	}
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	c->bev = bev;
	return bev;
}

/* Who has not asked anything whole for too long, or takes no answer, goes. */
static void on_clock(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	time_t now = now_s();
	struct client *c;

	LIST_FOREACH(c, &w->clients, list) {
		int sock = c->bev ? bufferevent_getfd(c->bev) : -1;

		/* evhttp hears of it as of any end of a connection */
		if (now - c->seen > w->timeout && !c->lasting && sock >= 0)
			shutdown(sock, SHUT_RDWR);
	}
	set_full(w, atomic_load(&w->server->n_clients) >= w->full_at);
}

/* ---- exchanges ---- */

static void wipe_body(const void *data, size_t len, void *body)
{
	qkd_wipe(body, len);
	free(body);
}

static const char *reason_of(int status)
{
	switch (status) {
	case 200: return "OK";
	case 202: return "Accepted";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 503: return "Service Unavailable";
	default: return "Error";
	}
}

/*
 * Head and body are two pieces to evhttp, and what is a piece to libevent's TLS
 * is a record and a system call. The copy is wiped, see memory.c.
 */
static void join(struct bufferevent *bev)
{
	struct evbuffer *out = bufferevent_get_output(bev);

	if (evbuffer_get_length(out) <= RECORD_MAX)
		evbuffer_pullup(out, -1);
}

static void send_answer(struct xchg *x)
{
	struct call *call = (struct call *)x;
	struct evhttp_request *req = call->req;
	struct bufferevent *bev;
	struct evkeyvalq *head;
	struct evbuffer *out;

	if (!req) {
		xchg_clear(x);
		free(call);
		return;
	}
	bev = call->client->bev;
	call->client->call = NULL;
	out = evhttp_request_get_output_buffer(req);
	head = evhttp_request_get_output_headers(req);
	if (x->out_len) {
		evhttp_add_header(head, "Content-Type",
				  x->type ? x->type : "application/json");
		evhttp_add_header(head, "Cache-Control", "no-store");
		if (evbuffer_add_reference(out, x->out, x->out_len, wipe_body,
					   x->out))
			xchg_clear(x);
		else
			x->out = NULL;
	}
	if (x->status == 405)
		evhttp_add_header(head, "Allow", "GET, POST");
	evhttp_send_reply(req, x->status, reason_of(x->status), NULL);
	join(bev);
	free(call);
}

static struct client *client_of_bev(struct bufferevent *bev)
{
	SSL *ssl = bev ? bufferevent_openssl_get_ssl(bev) : NULL;

	return ssl ? SSL_get_ex_data(ssl, client_index()) : NULL;
}

static struct client *client_of(struct evhttp_request *req)
{
	struct evhttp_connection *con = evhttp_request_get_connection(req);

	return client_of_bev(con ? evhttp_connection_get_bufferevent(con) :
			     NULL);
}

/* With what a connection says first; its certificate or key stays. */
static void identify(struct client *c)
{
	int fd = bufferevent_getfd(c->bev), on = 1;
	const SSL *ssl = bufferevent_openssl_get_ssl(c->bev);
	bool known;

	c->identified = true;
	c->counted = true;
	if (c->door->port == PORT_SKIP)
		known = tls_psk_id(ssl, c->id);
	else
		known = tls_peer_id(ssl, TLS_URI_SAE, c->id);
	if (!known)
		c->id[0] = '\0';
	if (c->door->port != PORT_014 ||
	    !tls_peer_id(ssl, TLS_URI_KME, c->kme))
		c->kme[0] = '\0';
	/* an answer is not to wait for the next */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static enum xchg_method method_of(struct evhttp_request *req)
{
	switch (evhttp_request_get_command(req)) {
	case EVHTTP_REQ_GET:
		return XCHG_GET;
	case EVHTTP_REQ_POST:
		return XCHG_POST;
	default:
		return XCHG_OTHER;
	}
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	struct client *c = client_of(req);
	const struct front_http *front;
	struct door *d = arg;
	struct call *call;

	if (!c) {
		evhttp_send_reply(req, 503, reason_of(503), NULL);
		return;
	}
	if (!c->identified) {
		identify(c);
		evhttp_connection_set_closecb(evhttp_request_get_connection(req),
					      on_close, c);
	}
	c->seen = now_s();
	call = calloc(1, sizeof(*call));
	if (!call) {
		evhttp_send_reply(req, 503, reason_of(503), NULL);
		return;
	}
	call->req = req;
	call->client = c;
	c->call = call;
	call->x.method = method_of(req);
	call->x.path = evhttp_uri_get_path(uri);
	if (!call->x.path)
		call->x.path = "";
	call->x.query = evhttp_uri_get_query(uri);
	call->x.body_len = evbuffer_get_length(in);
	call->x.body = call->x.body_len ?
		(const char *)evbuffer_pullup(in, -1) : "";
	call->x.caller = c->id[0] ? c->id : NULL;
	call->x.kme = c->kme[0] ? c->kme : NULL;
	call->x.done = send_answer;
	front = front_find(d->port, call->x.path);
	if (front)
		front->handle(d->worker->desk, &call->x);
	else
		xchg_finish(&call->x, 404);
}

/* ---- ETSI GS QKD 004 ---- */

static const char *caller_004(void *arg)
{
	struct client *c = arg;

	if (!c->identified)
		identify(c);
	return c->id[0] ? c->id : NULL;
}

static void busy_004(void *arg)
{
	struct client *c = arg;

	c->seen = now_s();
}

static void lasting_004(void *arg, bool lasting)
{
	struct client *c = arg;

	c->lasting = lasting;
	c->seen = now_s();
}

static void on_accept_004(struct evconnlistener *l, evutil_socket_t fd,
			  struct sockaddr *addr, int len, void *arg)
{
	struct door *d = arg;
	struct bufferevent *bev = make_bev(d->worker->base, d);
	struct client *c = bev ? client_of_bev(bev) : NULL;
	struct front_004_host host = {
		.caller = caller_004, .busy = busy_004,
		.lasting = lasting_004, .arg = c,
	};

	if (!c || bufferevent_setfd(bev, fd)) {
		close(fd);
		if (bev)
			bufferevent_free(bev);
		return;
	}
	if (!front_004_new(d->worker->desk, bev, &host))
		bufferevent_free(bev);
}

/* ---- threads ---- */

static void contexts_hold(const struct contexts *c)
{
	for (unsigned int i = 0; i < PORTS; i++)
		if (c->in[i])
			SSL_CTX_up_ref(c->in[i]);
	SSL_CTX_up_ref(c->out);
}

static void contexts_free(struct contexts *c)
{
	for (unsigned int i = 0; i < PORTS; i++) {
		SSL_CTX_free(c->in[i]);
		c->in[i] = NULL;
	}
	SSL_CTX_free(c->out);
	c->out = NULL;
}

static void doors_set_tls(struct worker *w, const struct contexts *tls)
{
	for (unsigned int i = 0; i < PORTS; i++) {
		/* settings may have dropped a port that is open still */
		if (!tls->in[i])
			continue;
		SSL_CTX_free(w->doors[i].tls);
		SSL_CTX_up_ref(tls->in[i]);
		w->doors[i].tls = tls->in[i];
	}
}

static void forget_next(struct worker *w)
{
	conf_put(w->next_conf);
	w->next_conf = NULL;
	contexts_free(&w->next_tls);
}

static void take_next(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	if (w->next_conf && !desk_set_conf(w->desk, w->next_conf,
					   w->next_tls.out)) {
		w->timeout = w->next_conf->timeout;
		w->full_at = w->next_conf->max_clients;
		doors_set_tls(w, &w->next_tls);
	}
	forget_next(w);
	if (w->stop)
		event_base_loopbreak(w->base);
	pthread_mutex_unlock(&w->lock);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	take_next(arg);
}

static void *worker_run(void *arg)
{
	struct worker *w = arg;

	event_base_dispatch(w->base);
	return NULL;
}

static int door_listen(struct door *d, struct evconnlistener **l, int fd)
{
	bool http = d->http;

	*l = evconnlistener_new(d->worker->base, http ? NULL : on_accept_004,
				http ? NULL : d, LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!*l || (http && !evhttp_bind_listener(d->http, *l)))
		return -ENOMEM;
	return 0;
}

static int worker_listen(struct worker *w, const struct server_socket *socks,
			 unsigned int n)
{
	int err = 0;

	w->listeners = calloc(n ?: 1, sizeof(struct evconnlistener *));
	if (!w->listeners)
		return -ENOMEM;
	for (unsigned int i = 0; i < n && !err; i++)
		err = door_listen(&w->doors[socks[i].port], &w->listeners[i],
				  socks[i].fd);
	return err;
}

static struct evhttp *door_http(struct door *d, const struct conf *conf)
{
	struct evhttp *http = evhttp_new(d->worker->base);

	if (!http)
		return NULL;
	evhttp_set_max_headers_size(http, HEAD_MAX);
	evhttp_set_max_body_size(http, BODY_MAX);
	evhttp_set_timeout(http, conf->timeout);
	/* the others are answered by front ends, in their words */
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_POST |
				   EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
				   EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
				   EVHTTP_REQ_PATCH);
	evhttp_set_bevcb(http, make_bev, d);
	evhttp_set_gencb(http, on_request, d);
	return http;
}

static int worker_doors(struct worker *w, const struct conf *conf)
{
	for (unsigned int i = 0; i < PORTS; i++) {
		struct door *d = &w->doors[i];

		d->worker = w;
		d->port = i;
		if (i == PORT_004)
			continue;
		d->http = door_http(d, conf);
		if (!d->http)
			return -ENOMEM;
	}
	return 0;
}

/* An answer has four changes of what is waited for, of which two are undone. */
static struct event_base *base_new(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base = NULL;

	if (cfg && !event_config_set_flag(cfg,
					  EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST))
		base = event_base_new_with_config(cfg);
	if (cfg)
		event_config_free(cfg);
	return base;
}

static int worker_start(struct worker *w, struct server *s, struct conf *conf,
			const struct contexts *tls,
			const struct server_socket *socks)
{
	const struct timeval second = { .tv_sec = 1 };

	w->server = s;
	w->timeout = conf->timeout;
	w->full_at = conf->max_clients;
	LIST_INIT(&w->clients);
	pthread_mutex_init(&w->lock, NULL);
	w->base = base_new();
	w->desk = w->base ? desk_new(s->kme, conf, w->base, tls->out) : NULL;
	if (!w->desk || worker_doors(w, conf))
		return -ENOMEM;
	doors_set_tls(w, tls);
	w->clock = event_new(w->base, -1, EV_PERSIST, on_clock, w);
	w->wake = event_new(w->base, -1, EV_PERSIST, on_wake, w);
	if (!w->clock || event_add(w->clock, &second) || !w->wake ||
	    worker_listen(w, socks, s->n_socks))
		return -ENOMEM;
	if (pthread_create(&w->thread, NULL, worker_run, w))
		return -EAGAIN;
	w->started = true;
	return 0;
}

/* Connections that no evhttp has. */
static void drop_clients(struct worker *w)
{
	struct client *c, *next;

	for (c = LIST_FIRST(&w->clients); c; c = next) {
		next = LIST_NEXT(c, list);
		if (c->door->port == PORT_004)
			front_004_free(c->bev);
	}
}

static void worker_free(struct worker *w)
{
	if (w->started) {
		pthread_mutex_lock(&w->lock);
		w->stop = true;
		pthread_mutex_unlock(&w->lock);
		event_active(w->wake, EV_TIMEOUT, 0);
		pthread_join(w->thread, NULL);
	}
	/* listeners go before the last connection does, which would wake them */
	w->full_at = UINT_MAX;
	w->full = false;
	desk_free(w->desk);	/* answers what is under way */
	drop_clients(w);
	for (unsigned int i = 0; i < PORTS; i++)
		if (w->doors[i].http)	/* and its connections and listeners */
			evhttp_free(w->doors[i].http);
	for (unsigned int i = 0; w->listeners && i < w->server->n_socks; i++)
		if (w->listeners[i] &&
		    w->server->socks[i].port == PORT_004)
			evconnlistener_free(w->listeners[i]);
	free(w->listeners);
	if (w->clock)
		event_free(w->clock);
	if (w->wake)
		event_free(w->wake);
	if (w->base)
		event_base_free(w->base);
	for (unsigned int i = 0; i < PORTS; i++)
		SSL_CTX_free(w->doors[i].tls);
	forget_next(w);
}

/* All that could be wrong with settings and files, before anything changes. */
static int check(const struct conf *conf, struct contexts *tls)
{
	bool skip = conf->n_clients;
	char err[512];

	*tls = (struct contexts){ .out = NULL };

	for (unsigned int i = 0; i < conf->n_links; i++) {
		if (!source_find(conf->links[i].source)) {
			log_err("link %s: there is no source \"%s\"",
				conf->links[i].name, conf->links[i].source);
			return -1;
		}
	}
	tls->out = tls_ctx(conf, false, err, sizeof(err));
	if (tls->out)
		tls->in[PORT_014] = tls_ctx(conf, true, err, sizeof(err));
	if (tls->in[PORT_014]) {
		SSL_CTX_up_ref(tls->in[PORT_014]);
		tls->in[PORT_004] = tls->in[PORT_014];
	}
	if (tls->in[PORT_004] && skip)
		tls->in[PORT_SKIP] = tls_psk_ctx(conf, err, sizeof(err));
	if (tls->in[PORT_004] && (!skip || tls->in[PORT_SKIP]))
		return 0;
	contexts_free(tls);
	log_err("%s", err);
	return -1;
}

struct server *server_new(struct kme *kme, struct conf *conf,
			  const struct server_socket *socks,
			  unsigned int n_socks)
{
	unsigned int n = conf->threads;
	struct contexts tls;
	struct server *s;

	if (check(conf, &tls))
		return NULL;
	if (!n)
		n = sysconf(_SC_NPROCESSORS_ONLN);
	evthread_use_pthreads();
	s = calloc(1, sizeof(*s) + n * sizeof(s->workers[0]));
	if (!s) {
		contexts_free(&tls);
		return NULL;
	}
	s->kme = kme;
	memcpy(s->socks, socks, n_socks * sizeof(*socks));
	s->n_socks = n_socks;
	while (s->n_workers < n) {
		if (!worker_start(&s->workers[s->n_workers++], s, conf, &tls,
				  socks))
			continue;
		log_err("threads cannot be started: %s", strerror(errno));
		server_free(s);
		s = NULL;
		break;
	}
	contexts_free(&tls);
	return s;
}

int server_reload(struct server *s, struct conf *conf)
{
	struct contexts tls;

	if (check(conf, &tls))
		return -1;
	for (unsigned int i = 0; i < s->n_workers; i++) {
		struct worker *w = &s->workers[i];

		pthread_mutex_lock(&w->lock);
		forget_next(w);
		w->next_conf = conf_hold(conf);
		contexts_hold(&tls);
		w->next_tls = tls;
		pthread_mutex_unlock(&w->lock);
		event_active(w->wake, EV_TIMEOUT, 0);
	}
	contexts_free(&tls);
	return 0;
}

void server_free(struct server *s)
{
	if (!s)
		return;
	for (unsigned int i = 0; i < s->n_workers; i++)
		worker_free(&s->workers[i]);
	free(s);
}

unsigned int server_clients(const struct server *s)
{
	return atomic_load(&s->n_clients);
}
