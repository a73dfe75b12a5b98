// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A stream of detections from a file descriptor: gathers bytes until there is
 * a frame, and sees that no stretch of slots is missing between frames.
 * Unpacking a frame is unpack.c's.
 */
#include "tools/raw/raw.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/raw/raw_priv.h"

/* room for the longest frame, and some more to read in large pieces */
#define READER_SIZE	(2 * (RAW_FRAME_SIZE + RAW_PAYLOAD_MAX))

int raw_reader_init(struct raw_reader *r, int fd)
{
	memset(r, 0, sizeof(*r));
	r->buf = malloc(READER_SIZE);
	if (!r->buf)
		return -ENOMEM;
	r->size = READER_SIZE;
	r->fd = fd;
	return 0;
}

void raw_reader_free(struct raw_reader *r)
{
	if (r->buf)
		explicit_bzero(r->buf, r->size);
	free(r->buf);
	r->buf = NULL;
}

/* Return: 1 when bytes came or the end was seen, or -errno */
static int reader_fill(struct raw_reader *r)
{
	ssize_t n;

	if (r->pos) {
		memmove(r->buf, r->buf + r->pos, r->len - r->pos);
		r->len -= r->pos;
		r->pos = 0;
	}
	do {
		n = read(r->fd, r->buf + r->len, r->size - r->len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	if (!n)
		r->eof = 1;
	r->len += n;
	return 1;
}

/* Return: bytes used, 0 for more, or -errno */
static ssize_t reader_parse(struct raw_reader *r, struct raw_frame *f)
{
	const uint8_t *p = r->buf + r->pos;
	size_t len = r->len - r->pos;
	ssize_t used;

	if (!r->have_header) {
		used = raw_header_parse(p, len, &r->header);
		if (used > 0) {
			r->have_header = 1;
			memset(f, 0, sizeof(*f));
		}
		return used;
	}
	used = raw_frame_parse(p, len, f);
	if (used > 0 && f->type == RAW_EVENTS) {
		if (f->start != r->next)
			return -EBADMSG;
		r->next = f->end;
	}
	if (used > 0 && f->type == RAW_END)
		r->ended = 1;
	return used;
}

int raw_reader_next(struct raw_reader *r, struct raw_frame *f)
{
	ssize_t used;
	int err;

	for (;;) {
		if (r->ended)
			return 0;
		used = reader_parse(r, f);
		if (used < 0)
			return used;
		if (used) {
			r->pos += used;
			return 1;
		}
		if (r->eof)
			return r->have_header && r->pos == r->len ?
				0 : -EBADMSG;
		err = reader_fill(r);
		if (err < 0)
			return err;
	}
}
