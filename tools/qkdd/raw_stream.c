// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads the detections format for drivers whose device speaks it: the
 * simulator, recordings, other programs by a pipe.
 *
 * Unpacking is tools/raw's; what is done with events is the host's.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver.h"
#include "raw_stream.h"
#include "tools/post/wipe.h"
#include "tools/raw/raw.h"

#define FRAMES_AT_ONCE	8	/* before the loop looks at other things */

struct raw_stream {
	struct raw_reader reader;
	const struct driver_host *host;
	void *ctx;
	void (*ended)(void *arg, const char *why);
	void *arg;
	struct event *ev;
	bool paused;
	bool running;		/* the run was told of */
	uint64_t *slot;
	uint8_t *code;
	size_t room;
	bool *freed;		/* set if it is freed within a callback */
};

static void schedule(struct raw_stream *s)
{
	if (s->paused && s->running)
		event_del(s->ev);
	else
		event_add(s->ev, NULL);
}

static int grow(struct raw_stream *s, size_t count)
{
	size_t room = s->room ? s->room : 1 << 14;

	if (count <= s->room)
		return 0;
	while (room < count)
		room *= 2;
	free(s->slot);
	post_free(s->code, s->room);
	s->room = 0;
	s->slot = malloc(room * sizeof(*s->slot));
	s->code = post_alloc(room);
	if (!s->slot || !s->code)
		return -ENOMEM;
	s->room = room;
	return 0;
}

/* 0, or -errno: the stream is of no use any more. */
static int take_frame(struct raw_stream *s, const struct raw_frame *f)
{
	struct raw_totals totals;
	ssize_t n;

	switch (f->type) {
	case RAW_EVENTS:
		if (grow(s, f->count ? f->count : 1))
			return -ENOMEM;
		n = raw_frame_events(f, s->slot, s->code);
		if (n < 0)
			return n;
		s->host->events(s->ctx, f->start, f->end, s->slot, s->code, n);
		return 0;
	case RAW_TOTALS:
		if (raw_frame_totals(f, &totals))
			return -EBADMSG;
		if (s->host->totals)
			s->host->totals(s->ctx, f->start, f->end, &totals);
		return 0;
	default:
		return 0;
	}
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	struct raw_stream *s = arg;
	struct raw_frame f;
	bool freed = false;
	unsigned int i;
	int ret = 1;

	s->freed = &freed;
	for (i = 0; i < FRAMES_AT_ONCE && !(s->paused && s->running); i++) {
		ret = raw_reader_next(&s->reader, &f);
		if (ret != 1)
			break;
		if (!s->running) {
			s->running = true;
			s->host->run(s->ctx, &s->reader.header);
			if (freed)
				return;
		}
		if (f.type)
			ret = take_frame(s, &f);
		if (freed)
			return;
		if (ret < 0)
			break;
		ret = 1;
	}
	s->freed = NULL;
	if (ret == 1) {
		/* frames may be left in the reader's own buffer */
		if (!(s->paused && s->running))
			event_active(s->ev, EV_READ, 0);
	} else if (ret != -EAGAIN) {
		event_del(s->ev);
		s->ended(s->arg, ret ? ret == -EBADMSG ?
			 "the device's data is malformed or cut off" :
			 strerror(-ret) : "the device's data ended");
		return;
	}
	schedule(s);
}

struct raw_stream *raw_stream_new(struct event_base *base, int fd,
				  const struct driver_host *host, void *ctx,
				  void (*ended)(void *arg, const char *why),
				  void *arg)
{
	struct raw_stream *s = calloc(1, sizeof(*s));

	if (!s || raw_reader_init(&s->reader, fd)) {
		free(s);
		close(fd);
		return NULL;
	}
	s->host = host;
	s->ctx = ctx;
	s->ended = ended;
	s->arg = arg;
	s->ev = event_new(base, fd, EV_READ | EV_PERSIST, readable, s);
	if (!s->ev) {
		raw_stream_free(s);
		return NULL;
	}
	schedule(s);
	return s;
}

void raw_stream_free(struct raw_stream *s)
{
	if (!s)
		return;
	if (s->freed)
		*s->freed = true;
	if (s->ev)
		event_free(s->ev);
	close(s->reader.fd);
	raw_reader_free(&s->reader);
	free(s->slot);
	post_free(s->code, s->room);
	free(s);
}

void raw_stream_pause(struct raw_stream *s, bool paused)
{
	if (s->paused == paused)
		return;
	s->paused = paused;
	schedule(s);
	if (!paused)
		event_active(s->ev, EV_READ, 0);
}
