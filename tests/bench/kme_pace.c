// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kme_pace PORT PATH CONNECTIONS RATE SECONDS: asks over kept TLS connections
 * with $TLS_CERT, $TLS_KEY, at an even pace whatever the answers do, and prints
 * how long they took.
 *
 * Time counts from when a request was due, not from when it was sent: one that
 * had to wait for a connection, or for this program, counts its waiting, so that
 * a server that stalls cannot hide what it kept away ("coordinated omission").
 * "late" is the part of it until it was sent.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX	4096

struct con {
	SSL *ssl;
	uint64_t due;		/* ns; of what is under way */
	bool busy;
	size_t got;
	char answer[ANSWER_MAX];
};

static struct con *cons;
static struct con **idle;	/* a ring: the one that rested longest is next */
static unsigned int n_cons, n_idle, idle_from;
static char request[1024];
static int request_len;
static uint32_t *took, *late;	/* us, one a request */
static size_t n_due, n_sent, n_took, total;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void con_open(struct con *c, SSL_CTX *ctx, int port, int ep)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)))
		err(1, "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->ssl = SSL_new(ctx);
	if (!c->ssl || SSL_set_fd(c->ssl, fd) != 1 || SSL_connect(c->ssl) != 1)
		errx(1, "TLS: no connection");
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
		err(1, "epoll_ctl");
}

static void con_ask(struct con *c, uint64_t due)
{
	if (SSL_write(c->ssl, request, request_len) != request_len)
		errx(1, "a request could not be sent");
	c->due = due;
	c->busy = true;
	c->got = 0;
}

/* Whether the answer is whole. */
static bool is_whole(const struct con *c)
{
	const char *body = memmem(c->answer, c->got, "\r\n\r\n", 4);
	const char *len;

	if (!body)
		return false;
	len = strcasestr(c->answer, "\r\nContent-Length: ");
	if (strncmp(c->answer, "HTTP/1.1 200 ", 13) || !len || len > body)
		errx(1, "no good answer: %.200s", c->answer);
	return c->got - (body + 4 - c->answer) >= strtoul(len + 18, NULL, 10);
}

/* True if an answer came. */
static bool con_read(struct con *c)
{
	int n;

	/* at once: a handshake's tickets have no answer in them, -1 */
	while ((n = SSL_read(c->ssl, c->answer + c->got,
			     ANSWER_MAX - 1 - c->got)) > 0) {
		c->got += n;
		c->answer[c->got] = '\0';
		if (c->busy && is_whole(c)) {
			c->busy = false;
			return true;
		}
	}
	if (SSL_get_error(c->ssl, n) != SSL_ERROR_WANT_READ)
		errx(1, "the server hung up");
	return false;
}

/* What is due and finds a connection idle; @due0 and @step: the pace, ns. */
static void ask_due(uint64_t due0, double step)
{
	uint64_t now = now_ns();

	while (n_due < total && due0 + (uint64_t)(n_due * step) <= now)
		n_due++;
	while (n_sent < n_due && n_idle) {
		uint64_t due = due0 + (uint64_t)(n_sent * step);

		late[n_sent++] = (now - due) / 1000;
		con_ask(idle[idle_from], due);
		idle_from = (idle_from + 1) % n_cons;
		n_idle--;
		now = now_ns();
	}
}

static void answered(struct con *c)
{
	took[n_took++] = (now_ns() - c->due) / 1000;
	idle[(idle_from + n_idle++) % n_cons] = c;
}

static void run(int ep, double rate)
{
	double step = 1e9 / rate;
	uint64_t due0 = now_ns() + 1000000;
	struct epoll_event ev[64];

	while (n_took < total) {
		struct timespec wait = { .tv_sec = 5 }, *p = &wait;
		uint64_t now, next;
		int n;

		ask_due(due0, step);
		now = now_ns();
		next = due0 + (uint64_t)(n_due * step);
		if (n_due < total) {
			wait.tv_sec = 0;
			wait.tv_nsec = next > now ? next - now : 0;
		}
		n = epoll_pwait2(ep, ev, 64, p, NULL);
		if (n < 0 && errno != EINTR)
			err(1, "epoll_pwait2");
		if (!n && n_due == total)
			errx(1, "no answer for 5 s");
		for (int i = 0; i < n; i++)
			if (con_read(ev[i].data.ptr))
				answered(ev[i].data.ptr);
	}
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void tell(const char *what, uint32_t *v)
{
	qsort(v, total, sizeof(*v), by_value);
	printf("%s p50 %.3f p90 %.3f p99 %.3f p999 %.3f max %.3f ms\n", what,
	       v[total / 2] / 1e3, v[total * 9 / 10] / 1e3,
	       v[total * 99 / 100] / 1e3, v[total * 999 / 1000] / 1e3,
	       v[total - 1] / 1e3);
}

int main(int argc, char **argv)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int ep = epoll_create1(0);
	double rate;

	if (argc != 6)
		errx(2, "usage: kme_pace PORT PATH CONNECTIONS RATE SECONDS");
	n_cons = atoi(argv[3]);
	rate = atof(argv[4]);
	total = rate * atof(argv[5]);
	cons = calloc(n_cons, sizeof(*cons));
	idle = calloc(n_cons, sizeof(struct con *));
	took = calloc(total, sizeof(*took));
	late = calloc(total, sizeof(*late));
	request_len = snprintf(request, sizeof(request),
			       "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", argv[2]);
	if (!total || !n_cons || !cons || !idle || !took || !late || ep < 0)
		errx(2, "cannot begin");
	if (!ctx || !getenv("TLS_CERT") || !getenv("TLS_KEY") ||
	    SSL_CTX_use_certificate_chain_file(ctx, getenv("TLS_CERT")) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, getenv("TLS_KEY"),
					SSL_FILETYPE_PEM) != 1)
		errx(2, "no certificate in $TLS_CERT and $TLS_KEY");
	for (unsigned int i = 0; i < n_cons; i++) {
		con_open(&cons[i], ctx, atoi(argv[1]), ep);
		idle[n_idle++] = &cons[i];
	}
	/* what has been agreed on, now without waiting */
	for (unsigned int i = 0; i < n_cons; i++)
		BIO_socket_nbio(SSL_get_fd(cons[i].ssl), 1);
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	run(ep, rate);
	tell("took", took);
	tell("late", late);
	return 0;
}
