// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Driver pipe: a device whose software writes the detections format to a named
 * pipe, a character device or a socket. Also the example of a driver of raw
 * depth: all that is here is how to get at the descriptor.
 *
 *   IDLE --opened--> STREAM
 *     ^--fault, end, a pause--'
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "driver.h"
#include "drivers.h"
#include "raw_stream.h"
#include "words.h"

#define AGAIN	1	/* s between attempts */

struct pipe_inst {
	const struct driver_host *host;
	void *ctx;
	struct event_base *base;
	struct event *timer;
	char path[PATH_MAX];		/* or empty: */
	struct sockaddr_storage addr;
	socklen_t addr_len;
	bool paused;
	bool complained;
	struct raw_stream *stream;
};

static void try_later(struct pipe_inst *in, const char *why)
{
	struct timeval tv = { .tv_sec = AGAIN };

	if (!in->complained)
		in->host->trouble(in->ctx, why);
	in->complained = true;
	event_add(in->timer, &tv);
}

static void stream_ended(void *arg, const char *why)
{
	struct pipe_inst *in = arg;

	raw_stream_free(in->stream);
	in->stream = NULL;
	try_later(in, why);
}

/* A descriptor that says when there is something to read, or -1 with errno */
static int open_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) || S_ISREG(st.st_mode) ||
			S_ISDIR(st.st_mode))) {
		close(fd);
		fd = -1;
		errno = EINVAL;
	}
	return fd;
}

/* Not blocking: a socket that is not connected yet is not readable either. */
static int open_socket(const struct pipe_inst *in)
{
	int fd = socket(in->addr.ss_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&in->addr,
			       in->addr_len) && errno != EINPROGRESS) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void try_open(evutil_socket_t unused, short what, void *arg)
{
	struct pipe_inst *in = arg;
	int fd = in->path[0] ? open_path(in->path) : open_socket(in);

	if (fd >= 0)
		in->stream = raw_stream_new(in->base, fd, in->host, in->ctx,
					    stream_ended, in);
	if (!in->stream) {
		try_later(in, fd >= 0 ? "out of memory" : strerror(errno));
		return;
	}
	in->complained = false;
	raw_stream_pause(in->stream, in->paused);
	in->host->up(in->ctx);
}

static int set_unix(struct pipe_inst *in, const char *path)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&in->addr;

	if (strlen(path) >= sizeof(un->sun_path))
		return -EINVAL;
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
	in->addr_len = sizeof(*un);
	return 0;
}

static int set_from(struct pipe_inst *in, const struct driver_conf *conf,
		    char *err, size_t room)
{
	const char *from = words_get(conf->words, "from");

	if (!from || !*from) {
		snprintf(err, room, "the pipe driver needs from=PATH, from=unix:PATH or from=tcp:ADDR:PORT");
		return -EINVAL;
	}
	if (!strncmp(from, "tcp:", 4)) {
		in->addr_len = sizeof(in->addr);
		return words_addr(from + 4, &in->addr, err, room);
	}
	if (!strncmp(from, "unix:", 5) && !set_unix(in, from + 5))
		return 0;
	if (from[0] == '/' && strlen(from) < sizeof(in->path)) {
		strcpy(in->path, from);
		return 0;
	}
	snprintf(err, room, "from=%s: not an absolute path", from);
	return -EINVAL;
}

static void pipe_close(void *arg)
{
	struct pipe_inst *in = arg;

	raw_stream_free(in->stream);
	if (in->timer)
		event_free(in->timer);
	free(in);
}

static int pipe_open(void **inst, const struct driver_conf *conf,
		     const struct driver_host *host, void *ctx, char *err,
		     size_t room)
{
	struct pipe_inst *in = calloc(1, sizeof(*in));
	int ret = -ENOMEM;

	snprintf(err, room, "out of memory");
	if (!in)
		return ret;
	in->host = host;
	in->ctx = ctx;
	in->base = conf->base;
	in->timer = evtimer_new(conf->base, try_open, in);
	if (in->timer)
		ret = set_from(in, conf, err, room);
	if (ret) {
		pipe_close(in);
		return ret;
	}
	event_active(in->timer, EV_TIMEOUT, 0);
	*inst = in;
	return 0;
}

static void pipe_pause(void *arg, bool paused)
{
	struct pipe_inst *in = arg;

	in->paused = paused;
	if (in->stream)
		raw_stream_pause(in->stream, paused);
}

const struct qkd_driver driver_pipe = {
	.name = "pipe",
	.depth = DRIVER_RAW,
	.open = pipe_open,
	.close = pipe_close,
	.pause = pipe_pause,
};
