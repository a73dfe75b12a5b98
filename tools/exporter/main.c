// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-exporter: tells the outside what the kernel tells of links; numbers to
 * Prometheus when asked, alarms to the journal when they come.
 *
 * It needs no privilege, and sees no key.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/http.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exporter.h"
#include "tools/common/log.h"
#include "tools/common/notify.h"

#define LISTEN "127.0.0.1:9517"

static const char usage[] =
	"Usage: qkd-exporter [OPTION]...\n"
	"Serves metrics of this network namespace's QKD links at /metrics, and\n"
	"writes their alarms to the journal.\n"
	"\n"
	"  -l, --listen ADDR:PORT  default " LISTEN "; [ADDR]:PORT for IPv6\n"
	"  -o, --once              print the metrics and end\n"
	"  -h, --help\n"
	"  -V, --version\n";

struct exporter {
	struct event_base *base;
	struct evhttp *http;
	struct qkd_monitor *monitor;
	struct event *event[3];
};

/* Return: 0, or a negative errno when the page is not whole. */
static int make_page(struct evbuffer *out)
{
	struct metric up = { "up", "gauge",
			     "1 where the kernel could be asked.", NULL };
	struct metric lib = { "exporter_info", "gauge", "1; its version.",
			      NULL };
	struct qkd_nl *nl;
	int err = qkd_nl_open(&nl, NULL);

	if (metrics_begin(&up, 1))
		return -ENOMEM;
	metric_put(&up, NULL, !err);
	metrics_end(&up, 1, out);
	if (metrics_begin(&lib, 1))
		return -ENOMEM;
	metric_put(&lib, LABELS({ "version", QKD_VERSION }), 1);
	metrics_end(&lib, 1, out);
	if (!err) {
		err = page_links(nl, out) ?: page_consumers(nl, out) ?:
			page_tunnels(nl, out) ?: page_alarms(out);
		qkd_nl_close(nl);
		return err;
	}
	/* a node without the module yet: that is no failure of the page */
	return err == -EPROTONOSUPPORT ? page_alarms(out) : err;
}

static void on_metrics(struct evhttp_request *req, void *arg)
{
	struct evbuffer *page = evbuffer_new();

	if (!page || make_page(page)) {
		log_err("metrics: %s", qkd_error());
		evhttp_send_error(req, HTTP_INTERNAL, NULL);
	} else {
		evhttp_add_header(evhttp_request_get_output_headers(req),
				  "Content-Type",
				  "text/plain; version=0.0.4; charset=utf-8");
		evhttp_send_reply(req, HTTP_OK, "OK", page);
	}
	if (page)
		evbuffer_free(page);
}

static int on_event(const struct qkd_event *ev, void *arg)
{
	if (ev->type == QKD_EVENT_ALARM)
		alarm_heard(ev->link);
	else if (ev->type == QKD_EVENT_LOST)
		log_warn("too slow: some alarms were not heard");
	return 0;
}

static void on_monitor(evutil_socket_t fd, short what, void *arg)
{
	struct exporter *x = arg;

	if (qkd_monitor_dispatch(x->monitor, on_event, NULL) < 0)
		log_warn("events: %s", qkd_error());
}

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	struct exporter *x = arg;

	event_base_loopbreak(x->base);
}

/* ADDR:PORT or [ADDR]:PORT. */
static int listen_at(struct evhttp *http, const char *text)
{
	char addr[128];
	const char *colon = strrchr(text, ':');
	char *host = addr, *end;
	unsigned long port;

	if (!colon || (size_t)(colon - text) >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, colon - text);
	addr[colon - text] = '\0';
	if (*host == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		host++;
	}
	port = strtoul(colon + 1, &end, 10);
	if (!colon[1] || *end || port > 65535)
		return -EINVAL;
	return evhttp_bind_socket(http, host, port) ? -errno ?: -EINVAL : 0;
}

static int start(struct exporter *x, const char *listen)
{
	int err;

	x->base = event_base_new();
	x->http = x->base ? evhttp_new(x->base) : NULL;
	if (!x->http)
		return -ENOMEM;
	err = qkd_monitor_open(&x->monitor, NULL,
			       QKD_MON_ALARM | QKD_MON_WAIT);
	if (err) {
		log_err("events: %s", qkd_error());
		return err;
	}
	x->event[0] = event_new(x->base, qkd_monitor_fd(x->monitor),
				EV_READ | EV_PERSIST, on_monitor, x);
	x->event[1] = evsignal_new(x->base, SIGTERM, on_stop, x);
	x->event[2] = evsignal_new(x->base, SIGINT, on_stop, x);
	for (int i = 0; i < 3; i++)
		if (!x->event[i] || event_add(x->event[i], NULL))
			return -ENOMEM;
	evhttp_set_allowed_methods(x->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(x->http, 8192);
	evhttp_set_max_body_size(x->http, 0);
	evhttp_set_timeout(x->http, 10);
	evhttp_set_cb(x->http, "/metrics", on_metrics, x);
	err = listen_at(x->http, listen);
	if (err)
		log_err("cannot listen at %s: %s", listen, strerror(-err));
	return err;
}

static void stop(struct exporter *x)
{
	for (int i = 0; i < 3; i++)
		if (x->event[i])
			event_free(x->event[i]);
	qkd_monitor_close(x->monitor);
	if (x->http)
		evhttp_free(x->http);
	if (x->base)
		event_base_free(x->base);
}

static int print_once(void)
{
	struct evbuffer *page = evbuffer_new();
	int err = page ? make_page(page) : -ENOMEM;

	if (err)
		log_err("metrics: %s", qkd_error());
	while (!err && evbuffer_get_length(page))
		if (evbuffer_write(page, STDOUT_FILENO) < 0)
			err = -errno;
	if (page)
		evbuffer_free(page);
	return err ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "once", no_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	const char *listen = LISTEN;
	struct exporter x = { 0 };
	bool once = false;
	int c, err;

	log_setup(LOG_LEVEL_INFO, !isatty(STDERR_FILENO));
	while ((c = getopt_long(argc, argv, "l:ohV", opts, NULL)) != -1) {
		switch (c) {
		case 'l':
			listen = optarg;
			break;
		case 'o':
			once = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'V':
			printf("qkd-exporter %s\n", QKD_VERSION);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind != argc) {
		fputs(usage, stderr);
		return 2;
	}
	if (once)
		return print_once();
	signal(SIGPIPE, SIG_IGN);
	err = start(&x, listen);
	if (!err) {
		notify_manager("READY=1");
		event_base_dispatch(x.base);
	}
	stop(&x);
	return err ? 1 : 0;
}
