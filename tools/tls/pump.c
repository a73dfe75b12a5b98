// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SHAKING --proven--> OPEN --both directions ended--> over
 *
 * Each direction has one buffer, that is filled when it is empty: who is slow
 * slows the other. A direction that ends is ended at the other side too
 * (close_notify, shutdown) while the other goes on. A connection that breaks
 * without close_notify is told from one that ended.
 */
#include <errno.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <qkd/qkd.h>

#include "psk.h"
#include "pump.h"

#define BUFFER		16384	/* a TLS record's most */
#define SHAKE_SECONDS	10	/* that a handshake may take */

struct buffer {
	uint8_t data[BUFFER];
	size_t pos, len;
	bool end;	/* nothing more will come */
	bool done;	/* and that was told to the other side */
};

struct pump {
	struct pump_conf conf;
	bool open;
	int sock;
	struct event *sock_read, *sock_write, *plain_read, *plain_write;
	struct event *timer;
	struct buffer up;	/* plain to TLS */
	struct buffer down;	/* TLS to plain */
	bool want_read, want_write;	/* of the TLS side, to go on */
};

static void pump_run(struct pump *p);

static void close_plain(int fd)
{
	if (fd > 1)
		close(fd);
}

static void event_drop(struct event **ev)
{
	if (*ev)
		event_free(*ev);
	*ev = NULL;
}

void pump_free(struct pump *p)
{
	if (!p)
		return;
	event_drop(&p->sock_read);
	event_drop(&p->sock_write);
	event_drop(&p->plain_read);
	event_drop(&p->plain_write);
	event_drop(&p->timer);
	SSL_free(p->conf.ssl);
	close(p->sock);
	if (p->conf.in != p->conf.out)
		close_plain(p->conf.in);
	close_plain(p->conf.out);
	qkd_wipe(p, sizeof(*p));
	free(p);
}

static void over(struct pump *p, const char *why)
{
	struct linger reset = { .l_onoff = 1 };
	struct pump_conf conf = p->conf;
	char text[256];

	/* who reads the plain side must not take a part for the whole */
	if (why && p->open && conf.out > 1)
		setsockopt(conf.out, SOL_SOCKET, SO_LINGER, &reset,
			   sizeof(reset));
	/* it may be the connection's own text, which goes with it */
	if (why)
		snprintf(text, sizeof(text), "%s", why);
	pump_free(p);
	conf.end(conf.ctx, why ? text : NULL);
}

/* What an operation on the TLS side came to: 1 go on, 0 wait, or -1 why */
static int tls_result(struct pump *p, int ret, const char **why)
{
	static char text[256];

	switch (SSL_get_error(p->conf.ssl, ret)) {
	case SSL_ERROR_NONE:
		return 1;
	case SSL_ERROR_WANT_READ:
		p->want_read = true;
		return 0;
	case SSL_ERROR_WANT_WRITE:
		p->want_write = true;
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		p->down.end = true;
		return 0;
	case SSL_ERROR_SYSCALL:
		*why = "the connection broke";
		return -1;
	default:
		*why = psk_why(p->conf.ssl);
		if (!**why) {
			ERR_error_string_n(ERR_get_error(), text, sizeof(text));
			*why = text;
		}
		return -1;
	}
}

/* ---- the directions; each returns -1 with *@why when it breaks ---- */

static int fill_up(struct pump *p, const char **why)
{
	struct buffer *b = &p->up;
	ssize_t n;

	if (b->len || b->end)
		return 0;
	n = read(p->conf.in, b->data, sizeof(b->data));
	if (n > 0)
		b->len = n;
	else if (!n)
		b->end = true;
	else if (errno != EAGAIN && errno != EINTR)
		*why = strerror(errno);
	return *why ? -1 : 0;
}

static int drain_up(struct pump *p, const char **why)
{
	struct buffer *b = &p->up;
	int n, ret;

	while (b->len) {
		ERR_clear_error();
		n = SSL_write(p->conf.ssl, b->data + b->pos, b->len);
		ret = tls_result(p, n, why);
		if (ret <= 0)
			return ret;
		b->pos += n;
		b->len -= n;
	}
	b->pos = 0;
	if (b->end && !b->done) {
		ret = SSL_shutdown(p->conf.ssl);
		/* 0: sent, the peer's has not come, and need not yet */
		if (ret < 0 && tls_result(p, ret, why) < 0)
			return -1;
		b->done = ret >= 0;
	}
	return 0;
}

static int fill_down(struct pump *p, const char **why)
{
	struct buffer *b = &p->down;
	int n, ret;

	if (b->len || b->end)
		return 0;
	ERR_clear_error();
	n = SSL_read(p->conf.ssl, b->data, sizeof(b->data));
	ret = tls_result(p, n, why);
	if (ret > 0)
		b->len = n;
	return ret;
}

static int drain_down(struct pump *p, const char **why)
{
	struct buffer *b = &p->down;
	ssize_t n;

	while (b->len) {
		n = write(p->conf.out, b->data + b->pos, b->len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n < 0) {
			*why = strerror(errno);
			return -1;
		}
		b->pos += n;
		b->len -= n;
	}
	b->pos = 0;
	if (b->end && !b->done) {
		if (p->conf.out > 1)
			shutdown(p->conf.out, SHUT_WR);
		b->done = true;
	}
	return 0;
}

/* ---- events ---- */

static void arm(struct event *ev, bool wanted)
{
	if (wanted)
		event_add(ev, NULL);
	else
		event_del(ev);
}

static void rearm(struct pump *p)
{
	arm(p->sock_read, p->want_read);
	arm(p->sock_write, p->want_write);
	if (p->plain_read)
		arm(p->plain_read, !p->up.len && !p->up.end);
	if (p->plain_write)
		arm(p->plain_write, p->down.len);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	pump_run(arg);
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	over(arg, "the handshake takes too long");
}

static int add_plain(struct pump *p)
{
	p->plain_read = event_new(p->conf.base, p->conf.in, EV_READ, on_event,
				  p);
	p->plain_write = event_new(p->conf.base, p->conf.out, EV_WRITE,
				   on_event, p);
	return p->plain_read && p->plain_write ? 0 : -ENOMEM;
}

/* -1: it is over */
static int shake(struct pump *p)
{
	const char *why = NULL;
	int ret, fd;

	ERR_clear_error();
	ret = tls_result(p, SSL_do_handshake(p->conf.ssl), &why);
	if (!ret)
		return 0;
	if (ret > 0 && !psk_proven(p->conf.ssl))
		why = "the peer does not hold key of the link";
	if (!why && p->conf.in < 0) {
		fd = p->conf.dial(p->conf.ctx);
		if (fd < 0)
			why = strerror(-fd);
		p->conf.in = fd;
		p->conf.out = fd;
	}
	if (!why && add_plain(p))
		why = "out of memory";
	if (why) {
		over(p, why);
		return -1;
	}
	p->open = true;
	event_drop(&p->timer);
	return 0;
}

static void pump_run(struct pump *p)
{
	const char *why = NULL;

	p->want_read = false;
	p->want_write = false;
	if (!p->open && shake(p))
		return;
	if (p->open &&
	    (fill_up(p, &why) < 0 || drain_up(p, &why) < 0 ||
	     fill_down(p, &why) < 0 || drain_down(p, &why) < 0)) {
		over(p, why);
		return;
	}
	if (p->up.done && p->down.done) {
		over(p, NULL);
		return;
	}
	/* what may have come behind what was read */
	if (p->open && !p->down.len && !p->down.end)
		p->want_read = true;
	rearm(p);
}

struct pump *pump_new(const struct pump_conf *conf)
{
	struct timeval tv = { .tv_sec = SHAKE_SECONDS };
	struct pump *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->conf = *conf;
	p->sock = SSL_get_fd(conf->ssl);
	p->sock_read = event_new(conf->base, p->sock, EV_READ, on_event, p);
	p->sock_write = event_new(conf->base, p->sock, EV_WRITE, on_event, p);
	p->timer = evtimer_new(conf->base, on_time, p);
	if (!p->sock_read || !p->sock_write || !p->timer ||
	    event_add(p->timer, &tv)) {
		event_drop(&p->sock_read);
		event_drop(&p->sock_write);
		event_drop(&p->timer);
		free(p);
		return NULL;
	}
	/* from the loop, since it may be over at once */
	event_active(p->sock_write, EV_WRITE, 0);
	return p;
}
