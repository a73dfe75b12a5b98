/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where key of a link comes from: a table of functions for each kind of key.
 *
 * The kernel's pool is one kind. Others (oblivious keys, say) will be further
 * files with a table each, chosen by "source" in the settings of a link.
 */
#ifndef _KMED_SOURCE_H
#define _KMED_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <qkd/qkd.h>

struct key_source;
struct key_stream;

/**
 * struct key_level - how much there is
 * @bytes: that can be had now
 * @max_bytes: that there can ever be at once
 */
struct key_level {
	uint64_t bytes;
	uint64_t max_bytes;
};

/**
 * struct key_source_ops - a kind of key
 * @name: by which settings choose it
 * @open: for the link of a name; by one thread, which then makes all calls
 * @close: may be given NULL
 * @get: takes @len bytes of fresh key, at most QKD_KEY_MAX, never blocking;
 *	-EAGAIN: not as much now; -ENODEV: open anew
 * @take: fetches, once, what the peer got under @id; the length, or -ENOENT:
 *	not here (yet); -ESTALE, -EALREADY: gone for good; -ENODEV: open anew
 * @level: of what @get gives
 * @join: a stream of key that both ends read in the same order, by a name that
 *	both give; what follows is of it. -EBUSY: somebody here has it
 * @stream_fd: to be polled for input
 * @stream_read: bytes, never blocking; 0: it has ended; -EAGAIN: none yet
 * @stream_ended: without reading: the other end, or the link, has left
 * @leave: ends it at the other end as well
 *
 * Each returns a negative errno on failure; qkd_error() has words for it.
 */
struct key_source_ops {
	const char *name;
	int (*open)(struct key_source **src, const char *link);
	void (*close)(struct key_source *src);
	int (*get)(struct key_source *src, void *key, uint32_t len,
		   struct qkd_key_id *id);
	int (*take)(struct key_source *src, const struct qkd_key_id *id,
		    void *key, uint32_t room);
	int (*level)(struct key_source *src, struct key_level *level);
	int (*join)(struct key_stream **st, const char *link,
		    const char *name);
	int (*stream_fd)(const struct key_stream *st);
	ssize_t (*stream_read)(struct key_stream *st, void *buf, size_t len);
	bool (*stream_ended)(const struct key_stream *st);
	void (*leave)(struct key_stream *st);
};

extern const struct key_source_ops source_pool;

/* NULL if there is no kind of this name. */
const struct key_source_ops *source_find(const char *name);

#endif /* _KMED_SOURCE_H */
