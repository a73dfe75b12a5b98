// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-tls: options, sockets and who is joined with whom.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <qkd/qkd.h>

#include "psk.h"
#include "pump.h"
#include "tools/common/guard.h"
#include "tools/common/log.h"
#include "tools/common/notify.h"
#include "tools/common/wipe_free.h"

static const char usage[] =
"qkd-tls: TLS 1.3 under key of a QKD link\n"
"\n"
"usage: qkd-tls connect [-l ADDR:PORT] LINK HOST:PORT\n"
"       qkd-tls accept [-f ADDR|any]... LINK ADDR:PORT [HOST:PORT]\n"
"\n"
"connect joins standard input and output, or each connection to ADDR:PORT,\n"
"with an accept at HOST:PORT. accept joins each with HOST:PORT, or one with\n"
"standard input and output.\n"
"\n"
"  -l, --listen ADDR:PORT  forward what connects there\n"
"  -f, --from ADDR|any     who may connect; the link's peer unless told\n"
"  -d, --debug             tell more\n"
"  -h, --help\n"
"  -V, --version\n";

#define MAX_PUMPS	512	/* connections at once; more wait */
#define MAX_FROM	16

/**
 * struct tls - the program
 * @server: accept
 * @once: standard input and output, one connection
 * @target: where to connect to
 */
struct tls {
	struct event_base *base;
	SSL_CTX *ctx;
	struct evconnlistener *listener;
	bool server;
	bool once;
	const char *link;
	const char *listen;
	struct sockaddr_storage target;
	socklen_t target_len;
	bool any;
	unsigned int froms;
	struct in6_addr from[MAX_FROM];	/* IPv4 as mapped */
	unsigned int pumps;
	int status;
};

/* "HOST:PORT" or "[ADDR6]:PORT"; 0 or -EINVAL with a message. */
static int resolve(const char *text, bool passive, struct sockaddr_storage *ss,
		   socklen_t *len)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = passive ? AI_PASSIVE : 0,
	}, *found;
	const char *colon = strrchr(text, ':');
	char host[256];
	int err;

	if (!colon || colon == text || (size_t)(colon - text) >= sizeof(host)) {
		log_err("%s: not HOST:PORT", text);
		return -EINVAL;
	}
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	if (host[0] == '[' && colon[-1] == ']') {
		memmove(host, host + 1, strlen(host));
		host[strlen(host) - 1] = '\0';
	}
	err = getaddrinfo(host, colon + 1, &hints, &found);
	if (err) {
		log_err("%s: %s", text, gai_strerror(err));
		return -EINVAL;
	}
	memcpy(ss, found->ai_addr, found->ai_addrlen);
	*len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int dial(void *ctx)
{
	struct tls *t = ctx;
	int fd = socket(t->target.ss_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (void *)&t->target, t->target_len) &&
	    errno != EINPROGRESS) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

/* ---- who may connect ---- */

static struct in6_addr mapped(struct in_addr a)
{
	struct in6_addr m = { 0 };

	m.s6_addr[10] = 0xff;
	m.s6_addr[11] = 0xff;
	memcpy(m.s6_addr + 12, &a, sizeof(a));
	return m;
}

static bool may_connect(const struct tls *t, const struct sockaddr *sa)
{
	struct in6_addr a;
	unsigned int i;

	if (sa->sa_family == AF_INET)
		a = mapped(((const struct sockaddr_in *)sa)->sin_addr);
	else
		a = ((const struct sockaddr_in6 *)sa)->sin6_addr;
	for (i = 0; i < t->froms; i++)
		if (!memcmp(&a, &t->from[i], sizeof(a)))
			return true;
	return t->any;
}

static int add_from(struct tls *t, const char *text)
{
	struct in_addr a4;

	if (!strcmp(text, "any")) {
		t->any = true;
		return 0;
	}
	if (t->froms == MAX_FROM)
		return -EINVAL;
	if (inet_pton(AF_INET, text, &a4) == 1)
		t->from[t->froms++] = mapped(a4);
	else if (inet_pton(AF_INET6, text, &t->from[t->froms]) == 1)
		t->froms++;
	else
		return -EINVAL;
	return 0;
}

/*
 * A key's ID can be guessed before it is used, and asking for it uses it up.
 * So only the peer may ask.
 */
static int from_link(struct tls *t)
{
	struct qkd_link *link;
	struct qkd_nl *nl;
	int ret;

	ret = qkd_nl_open(&nl, NULL);
	if (ret)
		return ret;
	ret = qkd_link_get(nl, t->link, QKD_NO_INDEX, &link);
	if (!ret) {
		if (link->have & QKD_BIT(QKD_A_LINK_PEER4))
			t->from[t->froms++] = mapped(link->peer4);
		if (link->have & QKD_BIT(QKD_A_LINK_PEER6))
			t->from[t->froms++] = link->peer6;
		qkd_link_free(link);
	}
	qkd_nl_close(nl);
	return ret;
}

/* ---- connections ---- */

static void pump_end(void *ctx, const char *why)
{
	struct tls *t = ctx;

	if (why)
		log_line(LOG_LEVEL_WARN, t->link, "connection: %s", why);
	t->pumps--;
	if (t->once) {
		t->status = why ? 1 : 0;
		event_base_loopbreak(t->base);
	} else if (t->listener) {
		evconnlistener_enable(t->listener);
	}
}

/* @tls: the socket of TLS; @in, @out: the plain ones, or -1 */
static void join(struct tls *t, int tls, int in, int out)
{
	struct pump_conf conf = {
		.base = t->base,
		.ssl = psk_ssl(t->ctx, tls, t->server),
		.in = in,
		.out = out,
		.dial = dial,
		.end = pump_end,
		.ctx = t,
	};

	if (conf.ssl && pump_new(&conf)) {
		t->pumps++;
		return;
	}
	log_err("out of memory");
	SSL_free(conf.ssl);
	close(tls);
	if (in > 1)
		close(in);
}

static void accepted(struct evconnlistener *l, evutil_socket_t fd,
		     struct sockaddr *sa, int len, void *arg)
{
	struct tls *t = arg;
	int far;

	if (t->server && !may_connect(t, sa)) {
		log_line(LOG_LEVEL_DEBUG, t->link, "refused: not the peer");
		close(fd);
		return;
	}
	if (t->server) {
		join(t, fd, t->once ? 0 : -1, t->once ? 1 : -1);
	} else {
		far = dial(t);
		if (far < 0) {
			log_err("connecting: %s", strerror(-far));
			close(fd);
			return;
		}
		join(t, far, fd, fd);
	}
	if (t->once || t->pumps >= MAX_PUMPS)
		evconnlistener_disable(l);
}

static int listen_on(struct tls *t)
{
	unsigned int flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC |
			     LEV_OPT_REUSEABLE;
	struct sockaddr_storage ss;
	socklen_t len;

	if (resolve(t->listen, true, &ss, &len))
		return -EINVAL;
	t->listener = evconnlistener_new_bind(t->base, accepted, t, flags, 64,
					      (void *)&ss, len);
	if (!t->listener) {
		log_err("%s: %s", t->listen, strerror(errno));
		return -errno;
	}
	notify_manager("READY=1");
	log_debug("listening");
	return 0;
}

/* ---- the process ---- */

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	event_base_loopbreak(arg);
}

/* 0: go on; else the exit status, less one. */
static int parse(struct tls *t, int argc, char **argv)
{
	static const struct option opts[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "from", required_argument, NULL, 'f' },
		{ "debug", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c, n;

	while ((c = getopt_long(argc, argv, "l:f:dhV", opts, NULL)) != -1) {
		switch (c) {
		case 'l':
			t->listen = optarg;
			break;
		case 'f':
			if (!add_from(t, optarg))
				break;
			log_err("%s: not an address, nor \"any\"; or too many",
				optarg);
			return 3;
		case 'd':
			log_setup(LOG_LEVEL_DEBUG, !isatty(STDERR_FILENO));
			break;
		case 'h':
			fputs(usage, stdout);
			return 1;
		case 'V':
			printf("qkd-tls %s\n", QKD_VERSION);
			return 1;
		default:
			fputs(usage, stderr);
			return 3;
		}
	}
	argv += optind;
	n = argc - optind;
	if (n >= 3 && n <= 4 && !strcmp(argv[0], "accept") && !t->listen) {
		t->server = true;
		t->listen = argv[2];
		t->once = n == 3;
	} else if (n == 3 && !strcmp(argv[0], "connect") && !t->froms &&
		   !t->any) {
		t->once = !t->listen;
	} else {
		fputs(usage, stderr);
		return 3;
	}
	t->link = argv[1];
	if ((!t->server || n == 4) &&
	    resolve(argv[n - 1], false, &t->target, &t->target_len))
		return 3;
	return 0;
}

static int start(struct tls *t)
{
	int fd;

	if (t->server && !t->any && !t->froms && from_link(t)) {
		log_err("%s", qkd_error());
		return -ENOENT;
	}
	if (t->listen)
		return listen_on(t);
	fd = dial(t);
	if (fd < 0) {
		log_err("connecting: %s", strerror(-fd));
		return fd;
	}
	join(t, fd, 0, 1);
	return 0;
}

/* poll(2) and not epoll: standard input may be a file. */
static struct event_base *make_base(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base = NULL;

	if (cfg && !event_config_avoid_method(cfg, "epoll"))
		base = event_base_new_with_config(cfg);
	if (cfg)
		event_config_free(cfg);
	return base;
}

static int run(struct tls *t)
{
	int in = fcntl(0, F_GETFL), out = fcntl(1, F_GETFL);
	struct event *sig[2];
	int ret;

	sig[0] = evsignal_new(t->base, SIGTERM, on_stop, t->base);
	sig[1] = evsignal_new(t->base, SIGINT, on_stop, t->base);
	if (!sig[0] || !sig[1] || event_add(sig[0], NULL) ||
	    event_add(sig[1], NULL))
		return 1;
	if (t->once) {
		fcntl(0, F_SETFL, in | O_NONBLOCK);
		fcntl(1, F_SETFL, out | O_NONBLOCK);
	}
	ret = start(t);
	if (!ret)
		event_base_dispatch(t->base);
	if (t->once) {	/* shared with who started us */
		fcntl(0, F_SETFL, in);
		fcntl(1, F_SETFL, out);
	}
	if (t->listener)
		evconnlistener_free(t->listener);
	event_free(sig[0]);
	event_free(sig[1]);
	return ret ? 1 : t->status;
}

int main(int argc, char **argv)
{
	struct tls t = { 0 };
	char err[256];
	int ret;

	log_setup(LOG_LEVEL_INFO, !isatty(STDERR_FILENO));
	ret = parse(&t, argc, argv);
	if (ret)
		return ret - 1;
	guard_filter();
	if (guard_memory())
		return 1;
	wipe_frees(true);
	signal(SIGPIPE, SIG_IGN);
	t.base = make_base();
	t.ctx = psk_ctx(t.link, err, sizeof(err));
	if (!t.base || !t.ctx) {
		log_err("%s", t.base ? err : "out of memory");
		return 1;
	}
	ret = run(&t);
	SSL_CTX_free(t.ctx);
	event_base_free(t.base);
	return ret;
}
