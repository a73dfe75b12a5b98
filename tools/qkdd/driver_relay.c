// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Driver relay: key that was relayed over trusted nodes, from qkd-relayd(8).
 *
 *   AWAY --connected, OPEN said--> THERE
 *     ^----- broken, refused ---------'       tried again each second
 *
 * All that is relayed, by which paths, what becomes of a share: is the daemon's
 * business. Here its blocks are handed on, and its troubles.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "driver.h"
#include "drivers.h"
#include "words.h"
#include "tools/common/secret.h"
#include "tools/common/wire.h"
#include "tools/relay/local.h"

#define AGAIN	1	/* s between attempts */

struct relay_inst {
	const struct driver_host *host;
	void *ctx;
	struct event_base *base;
	struct event *timer;
	struct event *readable;
	struct local_open open;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int sock;
	bool asked;		/* get or take was called and not answered */
	bool complained;
	size_t max;		/* of a get; 0: of a take */
	uint8_t name[LOCAL_NAME];
	size_t name_len;
	uint8_t *buf;		/* LOCAL_MAX + 1 */
};

static void no_key(struct relay_inst *in, const char *why)
{
	if (!in->asked)
		return;
	in->asked = false;
	in->host->no_key(in->ctx, NULL, 0, why);
}

static void away(struct relay_inst *in, const char *why)
{
	struct timeval tv = { .tv_sec = AGAIN };

	if (in->readable)
		event_free(in->readable);
	in->readable = NULL;
	if (in->sock >= 0)
		close(in->sock);
	in->sock = -1;
	event_add(in->timer, &tv);
	if (!in->complained)
		in->host->trouble(in->ctx, why);
	in->complained = true;
	no_key(in, why);
}

static bool say(struct relay_inst *in, const void *msg, size_t len)
{
	char why[160];

	if (send(in->sock, msg, len, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	    (ssize_t)len)
		return true;
	snprintf(why, sizeof(why), "qkd-relayd: %s", strerror(errno));
	away(in, why);
	return false;
}

static void ask(struct relay_inst *in)
{
	uint8_t msg[1 + LOCAL_NAME];

	if (in->max) {
		msg[0] = LOCAL_GET;
		wire_put32(msg + 1, in->max);
		say(in, msg, 5);
	} else {
		msg[0] = LOCAL_TAKE;
		memcpy(msg + 1, in->name, in->name_len);
		say(in, msg, 1 + in->name_len);
	}
}

static void block(struct relay_inst *in, size_t len)
{
	const uint8_t *name, *key;
	size_t name_len, key_len;

	if (!in->asked || !local_get_block(in->buf, len, &name, &name_len,
					   &key, &key_len)) {
		away(in, "qkd-relayd speaks another language");
		return;
	}
	in->asked = false;
	in->complained = false;
	in->host->key(in->ctx, name, name_len, key, key_len);
}

static void heard(struct relay_inst *in, size_t len)
{
	const char *text = (const char *)in->buf + 1;

	in->buf[len] = '\0';
	switch (in->buf[0]) {
	case LOCAL_BLOCK:
		block(in, len);
		break;
	case LOCAL_NONE:
		no_key(in, text);
		break;
	case LOCAL_UP:
		in->complained = false;
		in->host->up(in->ctx);
		break;
	case LOCAL_TROUBLE:
		in->host->trouble(in->ctx, text);
		break;
	default:
		away(in, "qkd-relayd speaks another language");
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct relay_inst *in = arg;
	ssize_t len = recv(fd, in->buf, LOCAL_MAX, MSG_DONTWAIT);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		away(in, "qkd-relayd ended the connection");
		return;
	}
	heard(in, len);
	wipe(in->buf, len);
}

static void come(evutil_socket_t fd, short what, void *arg)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	uint8_t msg[LOCAL_OPEN_MAX];
	struct relay_inst *in = arg;
	char why[240];

	strcpy(addr.sun_path, in->path);
	in->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC |
			  SOCK_NONBLOCK, 0);
	if (in->sock < 0 ||
	    connect(in->sock, (struct sockaddr *)&addr, sizeof(addr))) {
		snprintf(why, sizeof(why), "qkd-relayd is not there (%s: %s)",
			 in->path, strerror(errno));
		away(in, why);
		return;
	}
	in->readable = event_new(in->base, in->sock, EV_READ | EV_PERSIST,
				 on_readable, in);
	if (!in->readable || event_add(in->readable, NULL)) {
		away(in, "out of memory");
		return;
	}
	if (say(in, msg, local_put_open(msg, &in->open)) && in->asked)
		ask(in);
}

static void relay_get(void *arg, size_t max)
{
	struct relay_inst *in = arg;

	in->asked = true;
	in->max = max;
	if (in->sock >= 0)
		ask(in);
	else
		no_key(in, "qkd-relayd is not there");
}

static void relay_take(void *arg, const uint8_t *id, size_t len)
{
	struct relay_inst *in = arg;

	in->asked = true;
	if (len > sizeof(in->name) || in->sock < 0) {
		no_key(in, in->sock < 0 ? "qkd-relayd is not there" :
					  "that is no name of a relayed block");
		return;
	}
	in->max = 0;
	memcpy(in->name, id, len);
	in->name_len = len;
	ask(in);
}

static void relay_close(void *arg)
{
	struct relay_inst *in = arg;

	if (in->readable)
		event_free(in->readable);
	if (in->timer)
		event_free(in->timer);
	if (in->sock >= 0)
		close(in->sock);
	secret_free(in->buf, LOCAL_MAX + 1);
	free(in);
}

/* ---- configuration ---- */

static int configure(struct relay_inst *in, const struct driver_conf *conf,
		     char *err, size_t room)
{
	const char *paths = words_get(conf->words, "paths");
	const char *sock = words_get(conf->words, "socket");
	struct local_open *o = &in->open;
	uint64_t shares = 0, timeout = 60;
	const char *wrong;
	int n = 0;

	snprintf(o->local, sizeof(o->local), "%s", conf->local_node);
	snprintf(o->peer, sizeof(o->peer), "%s", conf->peer_node);
	o->origin = strcmp(o->local, o->peer) > 0;
	if (paths)
		n = path_parse(paths, o->local, o->peer, o->path, LOCAL_PATHS,
			       err, room);
	if (n < 0 || words_u64(conf->words, "shares", 1, FRAME_SHARES, &shares,
			       err, room) ||
	    words_u64(conf->words, "timeout", 1, 3600, &timeout, err, room))
		return -EINVAL;
	if (!n) {
		snprintf(err, room, "the relay driver needs paths=NODE[/NODE...][,...], from this node to the peer");
		return -EINVAL;
	}
	if (!shares && n > FRAME_SHARES) {
		snprintf(err, room, "more than %d paths need shares=",
			 FRAME_SHARES);
		return -EINVAL;
	}
	o->paths = n;
	o->shares = shares ? shares : (uint64_t)n;
	o->timeout = timeout;
	wrong = local_check(o);
	if (wrong) {
		snprintf(err, room, "%s", wrong);
		return -EINVAL;
	}
	if (!sock)
		sock = LOCAL_SOCKET;
	if (sock[0] != '/' || strlen(sock) >= sizeof(in->path)) {
		snprintf(err, room, "socket=%s: not an absolute path, or too long",
			 sock);
		return -EINVAL;
	}
	strcpy(in->path, sock);
	return 0;
}

static int relay_open(void **inst, const struct driver_conf *conf,
		      const struct driver_host *host, void *ctx, char *err,
		      size_t room)
{
	struct relay_inst *in = calloc(1, sizeof(*in));
	struct timeval now = { 0 };
	int ret = -ENOMEM;

	snprintf(err, room, "out of memory");
	if (!in)
		return ret;
	in->sock = -1;
	in->host = host;
	in->ctx = ctx;
	in->base = conf->base;
	in->buf = secret_alloc(LOCAL_MAX + 1);
	in->timer = evtimer_new(conf->base, come, in);
	if (in->buf && in->timer)
		ret = configure(in, conf, err, room);
	if (ret) {
		relay_close(in);
		return ret;
	}
	/* the host's functions may not be called from here */
	event_add(in->timer, &now);
	*inst = in;
	return 0;
}

const struct qkd_driver driver_relay = {
	.name = "relay",
	.depth = DRIVER_KEY,
	.open = relay_open,
	.close = relay_close,
	.get = relay_get,
	.take = relay_take,
};
