// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * GET /metrics in the text format of Prometheus, without TLS, from a thread
 * that does nothing else. Figures only: no ID of an SAE or a key.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "listen.h"
#include "metrics.h"
#include "tools/common/log.h"

struct metrics {
	struct kme *kme;
	const struct server *server;
	struct event_base *base;
	struct evhttp *http;
	struct event *wake;
	pthread_t thread;
	bool started;
};

static void put(struct evbuffer *out, const char *name, const char *type,
		const char *help, unsigned long long v)
{
	evbuffer_add_printf(out, "# HELP qkd_kmed_%s %s\n"
			    "# TYPE qkd_kmed_%s %s\nqkd_kmed_%s %llu\n",
			    name, help, name, type, name, v);
}

static void on_metrics(struct evhttp_request *req, void *arg)
{
	struct evbuffer *out = evhttp_request_get_output_buffer(req);
	struct metrics *m = arg;
	struct kme_figures *f = &m->kme->figures;
	struct store_figures s;

	store_figures(m->kme->store, &s);
#define COUNTER(field, help) \
	put(out, #field "_total", "counter", help, atomic_load(&f->field))
	COUNTER(enc_requests, "Requests for fresh key.");
	COUNTER(enc_keys, "Fresh keys delivered.");
	COUNTER(enc_starved, "Requests for which there was not enough key.");
	COUNTER(dec_requests, "Requests for key by ID.");
	COUNTER(dec_keys, "Keys delivered by ID.");
	COUNTER(dec_not_found, "Requests with an ID that is not here.");
	COUNTER(accepted_ranges, "Ranges of key that other KMEs told of.");
	COUNTER(refused, "Requests that were not permitted.");
	COUNTER(bad_requests, "Requests that could not be meant.");
	COUNTER(stream_keys, "Keys of streams delivered.");
	COUNTER(connections, "Connections accepted.");
	COUNTER(handshakes_failed, "Connections that ended before a request.");
#undef COUNTER
	put(out, "clients", "gauge", "Connections now.",
	    server_clients(m->server));
	put(out, "waiting_bytes", "gauge", "Key that waits to be fetched.",
	    s.bytes);
	put(out, "waiting_ranges", "gauge", "Ranges of it.", s.ranges);
	put(out, "expired_bytes_total", "counter",
	    "Key that was not fetched in time.", s.expired);
	evhttp_add_header(evhttp_request_get_output_headers(req),
			  "Content-Type",
			  "text/plain; version=0.0.4; charset=utf-8");
	evhttp_send_reply(req, 200, "OK", NULL);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct metrics *m = arg;

	event_base_loopbreak(m->base);
}

static void *run(void *arg)
{
	struct metrics *m = arg;

	event_base_dispatch(m->base);
	return NULL;
}

static int start(struct metrics *m, const char *address)
{
	int fd;

	m->base = event_base_new();
	m->http = m->base ? evhttp_new(m->base) : NULL;
	m->wake = m->base ? event_new(m->base, -1, EV_PERSIST, on_wake, m) :
		NULL;
	if (!m->http || !m->wake)
		return -ENOMEM;
	fd = listen_on(address);
	if (fd < 0)
		return -EADDRNOTAVAIL;
	if (evhttp_accept_socket(m->http, fd)) {
		close(fd);
		return -ENOMEM;
	}
	evhttp_set_allowed_methods(m->http, EVHTTP_REQ_GET);
	evhttp_set_max_headers_size(m->http, 8192);
	evhttp_set_max_body_size(m->http, 0);
	evhttp_set_timeout(m->http, 10);
	evhttp_set_cb(m->http, "/metrics", on_metrics, m);
	if (pthread_create(&m->thread, NULL, run, m))
		return -EAGAIN;
	m->started = true;
	return 0;
}

struct metrics *metrics_new(struct kme *kme, const struct server *server,
			    const char *address)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->kme = kme;
	m->server = server;
	if (start(m, address)) {
		log_err("figures cannot be served on %s", address);
		metrics_free(m);
		return NULL;
	}
	return m;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	if (m->started) {
		event_active(m->wake, EV_TIMEOUT, 0);
		pthread_join(m->thread, NULL);
	}
	if (m->http)
		evhttp_free(m->http);
	if (m->wake)
		event_free(m->wake);
	if (m->base)
		event_base_free(m->base);
	free(m);
}
