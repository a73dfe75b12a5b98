// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Both ends read the same bytes of a named stream of the link, tell each other
 * that they hold them, and only then give them to the program that uses them.
 *
 *   AWAY --joined--> READING --a key was read--> HELD --the peer holds it--> LIVE
 *    ^                 ^  ^                       |                           |
 *    |                 |  '--- the peer has the next                          |
 *    |                 '------ its time is over, or the peer has the next ----'
 *    '---- the stream ended, the link is gone, ...: from any state
 *
 * Nothing is kept on disk and nothing need be: whoever is started anew joins
 * the stream anew, which ends the peer's, so both begin with a fresh key. What
 * the program has meanwhile, it keeps.
 *
 * A key is a whole chunk of the stream. Reading or polling for one makes the
 * kernel send for it, so the descriptor is polled for input in READING only, and
 * for the stream's end always.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <qkd/qkd.h>

#include "message.h"
#include "rotate.h"
#include "tools/common/log.h"
#include "tools/common/notify.h"
#include "tools/common/secret.h"
#include "tools/net/bypass.h"

#define CHUNK		256	/* bytes of a chunk: the kernel's least */
#define TICK_MS		250	/* messages are repeated, all is looked after */
#define AWAY_MS		1000	/* from one try to join to the next */
#define CHECK_TICKS	8	/* between looks at the program */
#define SILENT_TICKS	40	/* until a peer that says nothing is told of */

enum rotate_state {
	ROTATE_AWAY,
	ROTATE_READING,
	ROTATE_HELD,
	ROTATE_LIVE,
};

/* What is secret, apart, so that it is wiped as one */
struct rotate_key {
	uint8_t psk[ROTATE_KEY];
	uint8_t mac[MESSAGE_KEY];
	uint8_t spare[CHUNK - ROTATE_KEY - MESSAGE_KEY];
};

_Static_assert(sizeof(struct rotate_key) == CHUNK, "a key is one chunk");

/**
 * struct rotate - one peer's rotation
 * @number: of the key in @cur
 * @have: bytes of @next that were read
 * @cur: HELD, LIVE, and READING after them: the key agreed on or about to be
 * @prev: MAC key of the one before it
 * @next: being read
 * @installed: @cur is, or was, what the program has
 * @confirmed: the peer said that its program has @cur
 * @due_ms: LIVE: until the next key
 * @ticks: since the state changed
 */
struct rotate {
	struct rotate_conf conf;
	struct event_base *base;
	struct event *timer;
	struct event *read_event;
	struct event *end_event;
	struct event *sock_event;
	struct qkd_dev *dev;
	int sock;
	uint32_t mark;
	bool lower;
	enum rotate_state state;
	uint32_t number;
	size_t have;
	struct rotate_key *cur;
	uint8_t prev[MESSAGE_KEY];
	struct rotate_key *next;
	bool installed;
	bool confirmed;
	uint64_t due_ms;
	unsigned int ticks;
	uint64_t rotations;
	char said[256];		/* the trouble last told of */
};

/* Once for as long as it lasts. */
__attribute__((format(printf, 2, 3)))
static void trouble(struct rotate *r, const char *fmt, ...)
{
	char text[sizeof(r->said)], status[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!strcmp(text, r->said))
		return;
	memcpy(r->said, text, sizeof(text));
	log_line(LOG_LEVEL_WARN, r->conf.link, "%s: %s", r->conf.user->name,
		 text);
	snprintf(status, sizeof(status), "STATUS=%s", text);
	notify_manager(status);
}

static void become(struct rotate *r, enum rotate_state state)
{
	r->state = state;
	r->ticks = 0;
	if (state == ROTATE_READING)
		event_add(r->read_event, NULL);
	else if (r->read_event)
		event_del(r->read_event);
}

/* ---- the program ---- */

/*
 * Messages go where the program's own packets go, or a default route into its
 * tunnel (wg-quick's) would take them into it, dead or alive.
 */
static void follow_mark(struct rotate *r, uint32_t mark)
{
	if (r->sock < 0 || mark == r->mark)
		return;
	if (setsockopt(r->sock, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)))
		trouble(r, "SO_MARK: %s", strerror(errno));
	else
		r->mark = mark;
}

/* Gives the key to the program, also when somebody took it away again. */
static void install(struct rotate *r)
{
	const struct rotate_user *u = r->conf.user;
	const char *name = u->name;
	uint32_t mark = r->mark;
	int ret = u->hold(u->ctx, r->cur->psk, !r->installed, &mark);

	if (ret < 0) {
		trouble(r, "%s", u->why(u->ctx, ret));
		return;
	}
	follow_mark(r, mark);
	if (!ret && r->installed)
		return;
	if (r->installed)
		log_line(LOG_LEVEL_NOTICE, r->conf.link,
			 "%s: key %u was gone and is set again", name,
			 r->number);
	else
		log_line(LOG_LEVEL_INFO, r->conf.link, "%s: key %u is set",
			 name, r->number);
	r->installed = true;
	r->said[0] = '\0';
	notify_manager("STATUS=preshared key is of the link");
}

/* ---- messages ---- */

static void say(struct rotate *r, bool seen)
{
	struct message m = {
		.lower = r->lower,
		.seen = seen,
		.number = r->number,
	};
	uint8_t buf[MESSAGE_SIZE];

	message_write(&m, r->cur->mac, r->prev, buf);
	/* one that cannot be sent is as one lost */
	send(r->sock, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void go_live(struct rotate *r)
{
	become(r, ROTATE_LIVE);
	/* one of the two begins; the other, should that one not */
	r->due_ms = r->conf.interval_ms;
	if (!r->lower)
		r->due_ms += r->due_ms / 4 + 1000;
	r->rotations++;
	install(r);
}

static void heard(struct rotate *r, const struct message *m)
{
	if (m->lower == r->lower || m->number != r->number)
		return;
	if (r->state == ROTATE_HELD)
		go_live(r);
	if (m->seen)
		r->confirmed = true;
	else if (r->installed)
		say(r, true);
}

/* The peer goes on to the next key: so do we. */
static void heard_next(struct rotate *r, const struct message *m)
{
	if (m->lower != r->lower && m->number == r->number + 1)
		become(r, ROTATE_READING);
}

static void hear(evutil_socket_t fd, short what, void *arg)
{
	uint8_t buf[MESSAGE_SIZE + 1];
	struct rotate *r = arg;
	struct message m;
	ssize_t len;

	while ((len = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) >= 0) {
		if (r->state < ROTATE_HELD)
			continue;
		if (message_read(&m, r->cur->mac, buf, len))
			heard(r, &m);
		else if (message_read_prev(&m, r->cur->mac, buf, len))
			heard_next(r, &m);
	}
}

static int sock_open(struct rotate *r, const struct qkd_link *link)
{
	struct sockaddr_storage local = { 0 }, peer = { 0 };
	socklen_t len;
	int fd, one = 1;

	if (link->have & QKD_BIT(QKD_A_LINK_PEER4)) {
		struct sockaddr_in *l = (void *)&local, *p = (void *)&peer;

		l->sin_family = AF_INET;
		l->sin_port = htons(r->conf.port);
		*p = *l;
		l->sin_addr = link->local4;
		p->sin_addr = link->peer4;
		len = sizeof(*l);
	} else {
		struct sockaddr_in6 *l = (void *)&local, *p = (void *)&peer;

		l->sin6_family = AF_INET6;
		l->sin6_port = htons(r->conf.port);
		*p = *l;
		l->sin6_addr = link->local6;
		p->sin6_addr = link->peer6;
		len = sizeof(*l);
	}
	fd = socket(local.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0);
	if (fd < 0)
		return -errno;
	/* matters where IPsec is in use; not having it is no trouble */
	bypass_ipsec(fd, local.ss_family);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (void *)&local, len) || connect(fd, (void *)&peer, len)) {
		int err = -errno;

		close(fd);
		return err;
	}
	r->sock = fd;
	r->mark = 0;
	return 0;
}

/* ---- the stream ---- */

static void event_drop(struct event **ev)
{
	if (*ev)
		event_free(*ev);
	*ev = NULL;
}

static void leave(struct rotate *r)
{
	event_drop(&r->read_event);
	event_drop(&r->end_event);
	event_drop(&r->sock_event);
	qkd_dev_close(r->dev);
	r->dev = NULL;
	if (r->sock >= 0)
		close(r->sock);
	r->sock = -1;
	r->have = 0;
	wipe(r->cur, sizeof(*r->cur));
	wipe(r->next, sizeof(*r->next));
	wipe(r->prev, sizeof(r->prev));
	become(r, ROTATE_AWAY);
}

static void read_done(struct rotate *r)
{
	struct rotate_key *k = r->cur;

	memcpy(r->prev, k->mac, sizeof(r->prev));
	wipe(k, sizeof(*k));
	r->cur = r->next;
	r->next = k;
	r->have = 0;
	r->number++;
	r->installed = false;
	r->confirmed = false;
	become(r, ROTATE_HELD);
	say(r, false);
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	struct rotate *r = arg;
	ssize_t n = qkd_dev_read(r->dev, (uint8_t *)r->next + r->have,
				 CHUNK - r->have);

	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n <= 0) {
		if (n)
			trouble(r, "%s", qkd_error());
		leave(r);
		return;
	}
	r->have += n;
	if (r->have == CHUNK)
		read_done(r);
}

static void ended(evutil_socket_t fd, short what, void *arg)
{
	struct rotate *r = arg;

	log_line(LOG_LEVEL_DEBUG, r->conf.link, "the stream ended");
	leave(r);
}

static int join(struct rotate *r)
{
	struct qkd_link *link = NULL;
	struct qkd_nl *nl = NULL;
	struct qkd_state state;
	char label[QKD_LABEL_SIZE];
	int ret;

	snprintf(label, sizeof(label), "%s:%s", r->conf.user->kind,
		 r->conf.user->name);
	ret = qkd_nl_open(&nl, NULL);
	if (!ret)
		ret = qkd_link_get(nl, r->conf.link, QKD_NO_INDEX, &link);
	if (!ret)
		ret = qkd_dev_open(&r->dev, NULL, NULL, link->index, true);
	if (!ret)
		ret = qkd_dev_state(r->dev, &state);
	if (!ret)
		ret = qkd_dev_label(r->dev, label);
	if (!ret)
		ret = qkd_dev_stream(r->dev, r->conf.stream);
	if (ret) {
		trouble(r, "%s", qkd_error());
	} else {
		r->lower = state.lower;
		ret = sock_open(r, link);
		if (ret)
			trouble(r, "UDP port %u: %s", r->conf.port,
				strerror(-ret));
	}
	qkd_link_free(link);
	qkd_nl_close(nl);
	return ret;
}

static void come(struct rotate *r)
{
	if (join(r))
		goto err;
	r->read_event = event_new(r->base, qkd_dev_fd(r->dev),
				  EV_READ | EV_PERSIST, readable, r);
	r->end_event = event_new(r->base, qkd_dev_fd(r->dev),
				 EV_CLOSED | EV_PERSIST, ended, r);
	r->sock_event = event_new(r->base, r->sock, EV_READ | EV_PERSIST, hear,
				  r);
	if (!r->read_event || !r->end_event || !r->sock_event ||
	    event_add(r->end_event, NULL) || event_add(r->sock_event, NULL)) {
		trouble(r, "out of memory");
		goto err;
	}
	r->number = UINT32_MAX;	/* the first is 0 */
	become(r, ROTATE_READING);
	return;
err:
	leave(r);
}

/* ---- time ---- */

static void tick_held(struct rotate *r)
{
	say(r, false);
	if (r->ticks == SILENT_TICKS)
		trouble(r, "the peer's qkd-%s does not answer at UDP port %u",
			r->conf.user->kind, r->conf.port);
}

static void tick_live(struct rotate *r)
{
	const struct rotate_user *u = r->conf.user;

	if (!r->confirmed)
		say(r, false);
	if (!r->installed || r->ticks % CHECK_TICKS == 0)
		install(r);
	if (r->installed && r->confirmed && u->both)
		u->both(u->ctx, r->number, r->lower);
	if (r->due_ms > TICK_MS) {
		r->due_ms -= TICK_MS;
		return;
	}
	become(r, ROTATE_READING);
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
	struct rotate *r = arg;

	r->ticks++;
	switch (r->state) {
	case ROTATE_AWAY:
		if (r->ticks * TICK_MS >= AWAY_MS)
			come(r);
		break;
	case ROTATE_READING:
		if (r->ticks == SILENT_TICKS)
			trouble(r, "no key, or the peer does not read stream \"%s\"",
				r->conf.stream);
		break;
	case ROTATE_HELD:
		tick_held(r);
		break;
	case ROTATE_LIVE:
		tick_live(r);
		break;
	}
}

struct rotate *rotate_new(struct event_base *base,
			  const struct rotate_conf *conf)
{
	struct timeval tv = { .tv_usec = TICK_MS * 1000 };
	struct rotate *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->conf = *conf;
	r->base = base;
	r->sock = -1;
	r->cur = secret_alloc(sizeof(*r->cur));
	r->next = secret_alloc(sizeof(*r->next));
	r->timer = event_new(base, -1, EV_PERSIST, tick, r);
	if (!r->cur || !r->next || !r->timer || event_add(r->timer, &tv)) {
		rotate_free(r);
		return NULL;
	}
	come(r);
	return r;
}

void rotate_free(struct rotate *r)
{
	if (!r)
		return;
	if (r->cur && r->next)
		leave(r);
	if (r->timer)
		event_free(r->timer);
	secret_free(r->cur, sizeof(*r->cur));
	secret_free(r->next, sizeof(*r->next));
	free(r);
}
