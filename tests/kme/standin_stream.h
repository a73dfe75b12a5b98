/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Named streams of a link for the stand-in: both ends, in this process or
 * another, read the same bytes while the other is there.
 */
#ifndef _TESTS_KME_STANDIN_STREAM_H
#define _TESTS_KME_STANDIN_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct standin_stream;

/* -EBUSY: this end of it is taken. */
int standin_stream_new(struct standin_stream **st, const char *link,
		       const char *name, bool lower);
void standin_stream_free(struct standin_stream *st);	/* NULL is fine */
/* Bytes; -EAGAIN: the other end is not there yet; 0: it has left. */
ssize_t standin_stream_read(struct standin_stream *st, void *buf, size_t len);
/* Readable now and then: look whether there is something. */
int standin_stream_fd(const struct standin_stream *st);

#endif /* _TESTS_KME_STANDIN_STREAM_H */
