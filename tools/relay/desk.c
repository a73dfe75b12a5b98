// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Clients, and what they and the ends of virtual links say to each other.
 *
 *   NEW --OPEN--> ORIGIN or TARGET --anything wrong, or gone--> freed, later
 *
 * A client is freed by an event of its own, never in a call from its end.
 */
#include <errno.h>
#include <event2/event.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf.h"
#include "desk.h"
#include "relay.h"
#include "tools/common/log.h"
#include "tools/common/wire.h"
#include "tools/post/wipe.h"

#define CLIENTS	256

struct client {
	LIST_ENTRY(client) entry;
	struct desk *desk;
	int sock;
	struct event *readable;
	struct event *end;
	struct origin *origin;
	struct target *target;
	bool ending;
};

struct desk {
	struct relay *relay;
	const struct relay_conf *conf;
	int sock;
	uid_t user;		/* may come, besides root and us */
	struct event *accept;
	LIST_HEAD(, client) clients;
	unsigned int count;
	uint8_t *buf;		/* LOCAL_MAX */
};

/* ---- clients ---- */

static void client_free(struct client *c)
{
	LIST_REMOVE(c, entry);
	c->desk->count--;
	origin_free(c->origin);
	target_free(c->target);
	if (c->readable)
		event_free(c->readable);
	if (c->end)
		event_free(c->end);
	close(c->sock);
	free(c);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	client_free(arg);
}

static void end(struct client *c)
{
	if (c->ending)
		return;
	c->ending = true;
	event_del(c->readable);
	event_active(c->end, EV_TIMEOUT, 0);
}

static void say(struct client *c, const void *msg, size_t len)
{
	if (c->ending)
		return;
	/* it asks for one thing at a time: there is room unless it is stuck */
	if (send(c->sock, msg, len, MSG_DONTWAIT | MSG_NOSIGNAL) !=
	    (ssize_t)len) {
		log_warn("a driver does not read: %s", strerror(errno));
		end(c);
	}
}

static void say_text(struct client *c, enum local_type type, const char *text)
{
	uint8_t msg[1 + LOCAL_TEXT];
	size_t len = strnlen(text, LOCAL_TEXT);

	msg[0] = type;
	memcpy(msg + 1, text, len);
	say(c, msg, 1 + len);
}

static void say_block(void *ctx, const uint8_t *name, size_t name_len,
		      const uint8_t *key, size_t len)
{
	struct client *c = ctx;
	uint8_t *buf = c->desk->buf;

	buf[0] = LOCAL_BLOCK;
	buf[1] = name_len >> 8;
	buf[2] = name_len;
	/* a TAKE's name is in the buffer already, elsewhere */
	memmove(buf + 3, name, name_len);
	memcpy(buf + 3 + name_len, key, len);
	say(c, buf, 3 + name_len + len);
	post_wipe(buf, 3 + name_len + len);
}

static void say_none(void *ctx, const char *why)
{
	say_text(ctx, LOCAL_NONE, why);
}

static void say_up(void *ctx)
{
	say_text(ctx, LOCAL_UP, "");
}

static void say_trouble(void *ctx, const char *why)
{
	say_text(ctx, LOCAL_TROUBLE, why);
}

static const struct end_ops calls = {
	.block = say_block,
	.none = say_none,
	.up = say_up,
	.trouble = say_trouble,
};

/* ---- what they say ---- */

static void refuse(struct client *c, const char *why)
{
	log_warn("a driver is refused: %s", why);
	say_trouble(c, why);
	end(c);
}

static bool is_taken(const struct desk *d, const struct local_open *o)
{
	const struct client *c;

	LIST_FOREACH(c, &d->clients, entry)
		if ((c->origin && origin_is(c->origin, o->local, o->peer)) ||
		    (c->target && target_is(c->target, o->local, o->peer)))
			return true;
	return false;
}

static void got_open(struct client *c, const uint8_t *msg, size_t len)
{
	struct desk *d = c->desk;
	struct local_open o;
	const char *wrong = local_get_open(msg, len, &o);

	if (!wrong && (c->origin || c->target || is_taken(d, &o)))
		wrong = "there is a virtual link between these nodes already";
	if (!wrong && !conf_allows(d->conf, o.local, o.peer))
		wrong = "relay.conf does not allow these two nodes";
	if (wrong) {
		refuse(c, wrong);
		return;
	}
	if (o.origin)
		c->origin = origin_new(d->relay, &o, &calls, c);
	else
		c->target = target_new(d->relay, &o, &calls, c);
	if (!c->origin && !c->target)
		refuse(c, "too many virtual links, or out of memory");
	else
		log_info("virtual link %s - %s: %s, %u of %u paths at once",
			 o.local, o.peer, o.origin ? "origin" : "target",
			 o.shares, o.paths);
}

static void got(struct client *c, const uint8_t *msg, size_t len)
{
	uint32_t max;

	if (msg[0] == LOCAL_OPEN) {
		got_open(c, msg, len);
	} else if (msg[0] == LOCAL_GET && len == 5 && c->target) {
		max = wire_get32(msg + 1);
		target_get(c->target, max < LOCAL_KEY ? max : LOCAL_KEY);
	} else if (msg[0] == LOCAL_TAKE && c->origin) {
		origin_take(c->origin, msg + 1, len - 1);
	} else {
		refuse(c, "a message makes no sense");
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	uint8_t msg[LOCAL_OPEN_MAX + 1];
	struct client *c = arg;
	ssize_t len = recv(fd, msg, sizeof(msg), MSG_DONTWAIT);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0)
		end(c);
	else if (len == sizeof(msg))
		refuse(c, "a message is too long");
	else
		got(c, msg, len);
}

/* ---- the socket ---- */

static bool may_come(const struct desk *d, int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len))
		return false;
	if (who.uid == 0 || who.uid == geteuid() || who.uid == d->user)
		return true;
	log_warn("user %u may not be a driver: see \"user\" in relay.conf(5)",
		 who.uid);
	return false;
}

static void on_accept(evutil_socket_t sock, short what, void *arg)
{
	struct desk *d = arg;
	struct event_base *base = relay_base(d->relay);
	int fd = accept4(sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c;

	if (fd < 0)
		return;
	c = d->count < CLIENTS && may_come(d, fd) ? calloc(1, sizeof(*c)) :
						    NULL;
	if (!c) {
		close(fd);
		return;
	}
	c->desk = d;
	c->sock = fd;
	LIST_INSERT_HEAD(&d->clients, c, entry);
	d->count++;
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->end = evtimer_new(base, on_end, c);
	if (!c->readable || !c->end || event_add(c->readable, NULL))
		client_free(c);
}

static int bind_socket(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
			0);

	if (fd < 0)
		return -1;
	strcpy(addr.sun_path, path);
	/* one that is left over; of another that runs, TCP's port tells */
	unlink(path);
	/* who comes is asked who he is */
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    chmod(path, 0666) || listen(fd, 16)) {
		log_err("%s: %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

static int find_user(struct desk *d)
{
	struct passwd *pw;

	d->user = 0;
	if (!d->conf->user[0])
		return 0;
	pw = getpwnam(d->conf->user);
	if (!pw) {
		log_err("there is no user %s", d->conf->user);
		return -1;
	}
	d->user = pw->pw_uid;
	return 0;
}

struct desk *desk_new(struct relay *relay, const struct relay_conf *conf)
{
	struct desk *d = calloc(1, sizeof(*d));

	if (!d) {
		log_err("out of memory");
		return NULL;
	}
	d->relay = relay;
	d->conf = conf;
	d->sock = -1;
	LIST_INIT(&d->clients);
	d->buf = post_alloc(LOCAL_MAX);
	if (!d->buf || find_user(d))
		goto err;
	d->sock = bind_socket(conf->socket);
	if (d->sock < 0)
		goto err;
	d->accept = event_new(relay_base(relay), d->sock, EV_READ | EV_PERSIST,
			      on_accept, d);
	if (!d->accept || event_add(d->accept, NULL)) {
		log_err("out of memory");
		goto err;
	}
	return d;
err:
	desk_free(d);
	return NULL;
}

void desk_free(struct desk *d)
{
	if (!d)
		return;
	while (!LIST_EMPTY(&d->clients))
		client_free(LIST_FIRST(&d->clients));
	if (d->accept)
		event_free(d->accept);
	if (d->sock >= 0) {
		close(d->sock);
		unlink(d->conf->socket);
	}
	post_free(d->buf, LOCAL_MAX);
	free(d);
}
