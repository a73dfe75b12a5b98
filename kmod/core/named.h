/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of named streams share: named.c is their life and their
 * states, named_talk.c what the ends say to each other, named_read.c the
 * reader's side and the chunks it reads, named_msg.c the messages' layout.
 * Nobody else includes this; what the device calls is in core.h.
 */
#ifndef _QKD_NAMED_H
#define _QKD_NAMED_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "named_msg.h"

struct qkd_consumer;
struct qkd_link;

#define NAMED_CHUNK_MIN	256	/* bytes; a small read's rest waits for the next */
#define NAMED_RETRY_MIN	(HZ / 10)

enum named_state {
	NAMED_OPENING,
	NAMED_OPEN,
	NAMED_CLOSED,
};

struct named_chunk {
	struct list_head list;
	u32 len;
	u32 pos;
	u8 data[];
};

/**
 * struct qkd_named - one end of a named stream
 * @ref: the descriptor's, and of messages being handled
 * @list: on qkd_link.named
 * @link: held
 * @consumer: pays, until CLOSED
 * @name: NUL-padded
 * @lock: protects @state to @retry, and whose turn it is
 * @state: enum named_state, see named.c; READ_ONCE
 * @mine: session of this end
 * @yours: of the other: bound to when OPEN, heard of while OPENING, or 0
 * @next: number of the chunk that comes next
 * @cur: leader: the chunk announced, or NULL
 * @cur_offset: leader: its place
 * @cur_tag: leader: its generation
 * @peer_want: leader: bytes that the other's reader waits for
 * @voids: leader: chunks in a row that were void
 * @last_taken: follower: what was decided of chunk @next - 1
 * @retry: jiffies until the next message is repeated
 * @work: repeats
 * @want: bytes that this end's reader waits for; READ_ONCE
 * @fifo_lock: protects @fifo, @unread
 * @fifo: chunks to be read
 * @unread: bytes in them and in @reading's chunk, whole
 * @read_mutex: protects @reading, and is held over copies to the user: taken
 *	by readers only
 * @reading: the chunk that the reader is in
 * @wait: for chunks or the end
 */
struct qkd_named {
	refcount_t ref;
	struct list_head list;
	struct qkd_link *link;
	struct qkd_consumer *consumer;
	char name[QKD_STREAM_NAME_SIZE];

	struct mutex lock;	/* the session */
	u32 state;
	u64 mine;
	u64 yours;
	u32 next;
	struct named_chunk *cur;
	u64 cur_offset;
	u8 cur_tag[QKD_NAMED_TAG_SIZE];
	u32 peer_want;
	u32 voids;
	bool last_taken;
	unsigned long retry;
	struct delayed_work work;

	u32 want;
	spinlock_t fifo_lock;	/* fifo, unread */
	struct list_head fifo;
	u32 unread;
	struct mutex read_mutex;	/* reading */
	struct named_chunk *reading;
	wait_queue_head_t wait;
};

/* ---- named.c ---- */

/* The one place where the state changes; under @s->lock. */
void qkd_named_become(struct qkd_named *s, u32 state, u64 yours);
/* Has qkd_named_run() called, unless the stream is closed; any context. */
void qkd_named_soon(struct qkd_named *s, unsigned long delay);

/* ---- named_talk.c: under @s->lock, may sleep ---- */

/* What is due to be said is said, and again later until it is answered. */
void qkd_named_run(struct qkd_named *s);
/* @epoch: the generation that the message came under */
void qkd_named_handle(struct qkd_named *s, const struct qkd_named_msg *m,
		      u32 epoch);
void qkd_named_say(struct qkd_named *s, struct qkd_named_msg m);
/* Without a stream: to a session that thinks one is here. */
void qkd_named_no_such(struct qkd_link *link, const struct qkd_named_msg *to);

/* ---- named_read.c: may sleep ---- */

/* @len in bytes. Return: NULL without memory. */
struct named_chunk *qkd_named_chunk_alloc(u32 len);
/* Erases it; NULL is none. */
void qkd_named_chunk_free(struct named_chunk *chunk);
/* For the reader, who is woken. */
void qkd_named_push(struct qkd_named *s, struct named_chunk *chunk);
/* What was not read; a reader that is copying erases its chunk when done. */
void qkd_named_erase(struct qkd_named *s);

#endif /* _QKD_NAMED_H */
