// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Driver replay: recorded detections, from a file, as fast as key can be made
 * of them.
 *
 * A recording gives key once. Twice the same detections under two amplification
 * matrices are twice what they hold, so the run's ID is noted durably before
 * the first of them is used, and a run that is noted is refused.
 *
 *   READY --let go on, noted--> STREAM --end--> ENDED
 *     '-----noted before, or cannot be---> REFUSED
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver.h"
#include "drivers.h"
#include "raw_stream.h"
#include "tools/post/wipe.h"
#include "tools/raw/raw.h"
#include "words.h"

#define PIECE	(256u << 10)

struct replay_inst {
	const struct driver_host *host;
	void *ctx;
	struct event_base *base;
	struct event *begin;
	int fd;			/* the recording */
	int used_fd;		/* IDs of runs that were used */
	uint8_t run[RAW_RUN_SIZE];
	bool used;		/* by an earlier instance */
	bool noted;		/* by this one */
	bool paused;
	int feed_fd;		/* the thread's end */
	int shut_fd;		/* the same, to wake it */
	pthread_t feeder;
	struct raw_stream *stream;
};

/* ---- what was used before ---- */

/* 1 if this run was, 0, or -errno */
static int look_up_run(const struct replay_inst *in)
{
	uint8_t id[RAW_RUN_SIZE];
	off_t at;
	ssize_t n;

	for (at = 0;; at += n) {
		n = pread(in->used_fd, id, sizeof(id), at);
		if (n < 0)
			return -errno;
		/* a torn note may have been of any run, but was never used */
		if (n < (ssize_t)sizeof(id))
			return 0;
		if (!memcmp(id, in->run, sizeof(id)))
			return 1;
	}
}

static int note_run(const struct replay_inst *in)
{
	struct stat st;

	if (fstat(in->used_fd, &st))
		return -errno;
	if (pwrite(in->used_fd, in->run, sizeof(in->run),
		   st.st_size / RAW_RUN_SIZE * RAW_RUN_SIZE) !=
	    sizeof(in->run))
		return -EIO;
	return fsync(in->used_fd) ? -errno : 0;
}

/* ---- the file, through a socket that the loop can wait for ---- */

static void *feed(void *arg)
{
	struct replay_inst *in = arg;
	uint8_t *buf = post_alloc(PIECE);
	ssize_t n = 0, put, at;

	while (buf && (n = read(in->fd, buf, PIECE)) > 0) {
		for (at = 0; at < n; at += put) {
			put = send(in->feed_fd, buf + at, n - at,
				   MSG_NOSIGNAL);
			if (put <= 0)
				goto out;
		}
	}
out:
	post_free(buf, PIECE);
	close(in->feed_fd);
	return NULL;
}

static void stream_ended(void *arg, const char *why)
{
	struct replay_inst *in = arg;

	raw_stream_free(in->stream);
	in->stream = NULL;
	in->host->trouble(in->ctx, strcmp(why, "the device's data ended") ?
			  why : "the recording is at its end");
}

static int start(struct replay_inst *in)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv))
		return -errno;
	in->feed_fd = sv[0];
	in->shut_fd = fcntl(sv[0], F_DUPFD_CLOEXEC, 0);
	fcntl(sv[1], F_SETFL, O_NONBLOCK);
	if (in->shut_fd < 0 || pthread_create(&in->feeder, NULL, feed, in)) {
		if (in->shut_fd >= 0)
			close(in->shut_fd);
		in->shut_fd = -1;
		close(sv[0]);
		close(sv[1]);
		return -EAGAIN;
	}
	in->stream = raw_stream_new(in->base, sv[1], in->host, in->ctx,
				    stream_ended, in);
	if (!in->stream)
		return -ENOMEM;
	/* the header comes all the same */
	raw_stream_pause(in->stream, true);
	return 0;
}

/* ---- the driver ---- */

static void refuse(struct replay_inst *in, int err)
{
	char why[128];

	raw_stream_free(in->stream);
	in->stream = NULL;
	snprintf(why, sizeof(why), "the recording cannot be used: %s",
		 strerror(-err));
	in->host->trouble(in->ctx, why);
}

/* A first pause(false) may have come already: nothing is read before. */
static void replay_pause(void *arg, bool paused)
{
	struct replay_inst *in = arg;
	int ret;

	in->paused = paused;
	if (!in->stream)
		return;
	if (!paused && !in->noted) {
		ret = note_run(in);
		if (ret) {
			refuse(in, ret);
			return;
		}
		in->noted = true;
	}
	raw_stream_pause(in->stream, paused);
}

static void begin(evutil_socket_t unused, short what, void *arg)
{
	struct replay_inst *in = arg;
	int ret;

	if (in->used) {
		in->host->trouble(in->ctx, "this recording has given its key: it does not give it twice");
		return;
	}
	ret = start(in);
	if (ret) {
		refuse(in, ret);
		return;
	}
	in->host->up(in->ctx);
	replay_pause(in, in->paused);
}

static void replay_close(void *arg)
{
	struct replay_inst *in = arg;

	if (in->begin)
		event_free(in->begin);
	raw_stream_free(in->stream);
	if (in->shut_fd >= 0) {
		shutdown(in->shut_fd, SHUT_RDWR);
		pthread_join(in->feeder, NULL);
		close(in->shut_fd);
	}
	if (in->fd >= 0)
		close(in->fd);
	if (in->used_fd >= 0)
		close(in->used_fd);
	free(in);
}

/* The header, to know the run; the file is at its beginning again after */
static int read_header(struct replay_inst *in)
{
	struct raw_header *h = malloc(sizeof(*h));
	uint8_t buf[RAW_HEADER_SIZE + RAW_TEXT_MAX];
	ssize_t n = pread(in->fd, buf, sizeof(buf), 0);

	if (n >= 0)
		n = h ? raw_header_parse(buf, n, h) : -ENOMEM;
	if (n > 0)
		memcpy(in->run, h->run, sizeof(in->run));
	free(h);
	return n > 0 ? 0 : -EINVAL;
}

static int open_files(struct replay_inst *in, const struct driver_conf *conf,
		      char *err, size_t room)
{
	const char *file = words_get(conf->words, "file");
	char path[PATH_MAX];
	int ret;

	if (!file || file[0] != '/') {
		snprintf(err, room, "the replay driver needs file=PATH, absolute");
		return -EINVAL;
	}
	in->fd = open(file, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0) {
		ret = -errno;
		snprintf(err, room, "%s: %s", file, strerror(-ret));
		return ret;
	}
	if (read_header(in)) {
		snprintf(err, room, "%s: not recorded detections", file);
		return -EINVAL;
	}
	snprintf(path, sizeof(path), "%s/%s.replay", conf->state_dir,
		 conf->link);
	in->used_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			   0600);
	ret = in->used_fd < 0 ? -errno : look_up_run(in);
	if (ret < 0) {
		snprintf(err, room, "%s: %s", path, strerror(-ret));
		return ret;
	}
	in->used = ret;
	return 0;
}

static int replay_open(void **inst, const struct driver_conf *conf,
		       const struct driver_host *host, void *ctx, char *err,
		       size_t room)
{
	struct replay_inst *in = calloc(1, sizeof(*in));
	int ret = -ENOMEM;

	snprintf(err, room, "out of memory");
	if (!in)
		return ret;
	in->host = host;
	in->ctx = ctx;
	in->base = conf->base;
	in->fd = -1;
	in->used_fd = -1;
	in->shut_fd = -1;
	in->paused = true;
	in->begin = evtimer_new(conf->base, begin, in);
	if (in->begin)
		ret = open_files(in, conf, err, room);
	if (ret) {
		replay_close(in);
		return ret;
	}
	event_active(in->begin, EV_TIMEOUT, 0);
	*inst = in;
	return 0;
}

const struct qkd_driver driver_replay = {
	.name = "replay",
	.depth = DRIVER_RAW,
	.recorded = true,
	.open = replay_open,
	.close = replay_close,
	.pause = replay_pause,
};
