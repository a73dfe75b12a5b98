/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stream of the detections format, read on the event loop for a driver.
 */
#ifndef _QKDD_RAW_STREAM_H
#define _QKDD_RAW_STREAM_H

#include <stdbool.h>

struct driver_host;
struct event_base;
struct raw_stream;

/**
 * raw_stream_new - read a descriptor and tell the host what comes
 * @base: event loop
 * @fd: non-blocking; closed with the stream
 * @host: is told of runs, events and totals
 * @ctx: for @host
 * @ended: called when there is no more to come, with the reason; the stream
 *	may be freed there
 * @arg: for @ended
 *
 * Return: the stream, or NULL (the descriptor is closed then, too).
 */
struct raw_stream *raw_stream_new(struct event_base *base, int fd,
				  const struct driver_host *host, void *ctx,
				  void (*ended)(void *arg, const char *why),
				  void *arg);
void raw_stream_free(struct raw_stream *s);	/* NULL is fine */
/* The header is read in spite of a pause. */
void raw_stream_pause(struct raw_stream *s, bool paused);

#endif /* _QKDD_RAW_STREAM_H */
