// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Key of a link's pool in the kernel, through libqkd.
 *
 * What is got here is gone from the tx stream and named by its key ID; under
 * the same ID the peer's KME takes it from its own kernel's rx stream.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "source.h"

/* Of the pool, left to the links' own messages: Documentation/pool.rst */
#define CONTROL_SHARE	1024
#define LABEL		"qkd-kmed"

struct key_source {
	struct qkd_dev *dev;
	uint64_t max_bytes;
};

static void pool_close(struct key_source *src)
{
	if (!src)
		return;
	qkd_dev_close(src->dev);
	free(src);
}

static int pool_open(struct key_source **out, const char *name)
{
	struct key_source *src;
	struct qkd_link *link;
	struct qkd_nl *nl;
	int err;

	src = calloc(1, sizeof(*src));
	if (!src)
		return -ENOMEM;
	err = qkd_nl_open(&nl, NULL);
	if (err)
		goto free;
	err = qkd_link_get(nl, name, QKD_NO_INDEX, &link);
	if (err)
		goto close_nl;
	src->max_bytes = link->pool_size;
	err = qkd_dev_open(&src->dev, nl, NULL, link->index, true);
	qkd_link_free(link);
	if (!err)
		err = qkd_dev_label(src->dev, LABEL);
close_nl:
	qkd_nl_close(nl);
	if (!err) {
		*out = src;
		return 0;
	}
free:
	pool_close(src);
	return err;
}

static int pool_get(struct key_source *src, void *key, uint32_t len,
		    struct qkd_key_id *id)
{
	return qkd_dev_get(src->dev, key, len, id);
}

static int pool_take(struct key_source *src, const struct qkd_key_id *id,
		     void *key, uint32_t room)
{
	return qkd_dev_take(src->dev, id, key, room);
}

static int pool_level(struct key_source *src, struct key_level *level)
{
	struct qkd_state st;
	int err;

	err = qkd_dev_state(src->dev, &st);
	if (err)
		return err;
	level->bytes = st.tx.available > CONTROL_SHARE ?
		st.tx.available - CONTROL_SHARE : 0;
	level->max_bytes = src->max_bytes;
	return 0;
}

/* ---- named streams: the kernel brings both ends into step ---- */

struct key_stream {
	struct qkd_dev *dev;
};

static void pool_leave(struct key_stream *st)
{
	if (!st)
		return;
	qkd_dev_close(st->dev);
	free(st);
}

static int pool_join(struct key_stream **out, const char *link,
		     const char *name)
{
	struct key_stream *st = calloc(1, sizeof(*st));
	struct qkd_nl *nl;
	int err;

	if (!st)
		return -ENOMEM;
	err = qkd_nl_open(&nl, NULL);
	if (!err) {
		err = qkd_dev_open(&st->dev, nl, link, QKD_NO_INDEX, true);
		qkd_nl_close(nl);
	}
	if (!err)
		err = qkd_dev_label(st->dev, LABEL);
	if (!err)
		err = qkd_dev_stream(st->dev, name);
	if (err)
		pool_leave(st);
	else
		*out = st;
	return err;
}

static int pool_stream_fd(const struct key_stream *st)
{
	return qkd_dev_fd(st->dev);
}

static ssize_t pool_stream_read(struct key_stream *st, void *buf, size_t len)
{
	return qkd_dev_read(st->dev, buf, len);
}

static bool pool_stream_ended(const struct key_stream *st)
{
	struct pollfd p = { .fd = qkd_dev_fd(st->dev), .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0;
}

const struct key_source_ops source_pool = {
	.name = "pool",
	.open = pool_open,
	.close = pool_close,
	.get = pool_get,
	.take = pool_take,
	.level = pool_level,
	.join = pool_join,
	.stream_fd = pool_stream_fd,
	.stream_read = pool_stream_read,
	.stream_ended = pool_stream_ended,
	.leave = pool_leave,
};
