// SPDX-License-Identifier: GPL-2.0
/*
 * The reader of a named stream, and the chunks of key that it reads: in order,
 * each erased as it is copied.
 */
#include <linux/slab.h>
#include <linux/uio.h>
#include "core.h"
#include "named.h"

/* ---- chunks ---- */

struct named_chunk *qkd_named_chunk_alloc(u32 len)
{
	struct named_chunk *chunk;

	chunk = kvmalloc(struct_size(chunk, data, len), GFP_KERNEL_ACCOUNT);
	if (chunk) {
		chunk->len = len;
		chunk->pos = 0;
	}
	return chunk;
}

void qkd_named_chunk_free(struct named_chunk *chunk)
{
	if (chunk)
		kvfree_sensitive(chunk, struct_size(chunk, data, chunk->len));
}

void qkd_named_push(struct qkd_named *s, struct named_chunk *chunk)
{
	spin_lock(&s->fifo_lock);
	list_add_tail(&chunk->list, &s->fifo);
	WRITE_ONCE(s->unread, s->unread + chunk->len);
	spin_unlock(&s->fifo_lock);
	WRITE_ONCE(s->want, 0);
	wake_up_interruptible_all(&s->wait);
}

static struct named_chunk *fifo_pop(struct qkd_named *s)
{
	struct named_chunk *chunk;

	spin_lock(&s->fifo_lock);
	chunk = list_first_entry_or_null(&s->fifo, struct named_chunk, list);
	if (chunk)
		list_del(&chunk->list);
	spin_unlock(&s->fifo_lock);
	return chunk;
}

static void fifo_done(struct qkd_named *s, struct named_chunk *chunk)
{
	spin_lock(&s->fifo_lock);
	WRITE_ONCE(s->unread, s->unread - chunk->len);
	spin_unlock(&s->fifo_lock);
	qkd_named_chunk_free(chunk);
}

static void fifo_erase(struct qkd_named *s)
{
	struct named_chunk *chunk;

	while ((chunk = fifo_pop(s)))
		qkd_named_chunk_free(chunk);
}

/* ---- reading ---- */

/*
 * Makes the streams go on. While the sessions are not bound, OPEN is repeated
 * at its own pace; and what is being repeated is not hurried.
 */
static void named_want(struct qkd_named *s, size_t count)
{
	if (READ_ONCE(s->state) == NAMED_CLOSED)
		return;
	WRITE_ONCE(s->want, clamp_t(size_t, count, 1, QKD_NAMED_CHUNK_MAX));
	if (READ_ONCE(s->state) == NAMED_OPEN)
		queue_delayed_work(qkd_wq, &s->work, 0);
}

/* Copies what is there; -EFAULT loses nothing. */
static ssize_t named_copy(struct qkd_named *s, struct iov_iter *to)
{
	ssize_t done = 0;

	lockdep_assert_held(&s->read_mutex);
	while (iov_iter_count(to)) {
		struct named_chunk *c = s->reading;
		size_t n, got;

		if (!c)
			c = fifo_pop(s);
		if (!c)
			break;
		s->reading = c;
		n = min_t(size_t, iov_iter_count(to), c->len - c->pos);
		got = copy_to_iter(c->data + c->pos, n, to);
		memzero_explicit(c->data + c->pos, got);
		c->pos += got;
		done += got;
		if (c->pos == c->len) {
			s->reading = NULL;
			fifo_done(s, c);
		}
		if (got < n)
			return done ?: -EFAULT;
	}
	return done;
}

static void erase(struct qkd_named *s)
{
	lockdep_assert_held(&s->read_mutex);
	qkd_named_chunk_free(s->reading);
	s->reading = NULL;
	fifo_erase(s);
}

void qkd_named_erase(struct qkd_named *s)
{
	fifo_erase(s);
	if (mutex_trylock(&s->read_mutex)) {
		erase(s);
		mutex_unlock(&s->read_mutex);
	}
}

/* Another reader may have the lock for as long as its memory is not there. */
static int read_lock_of(struct qkd_named *s, bool nonblock)
{
	if (nonblock)
		return mutex_trylock(&s->read_mutex) ? 0 : -EAGAIN;
	return mutex_lock_interruptible(&s->read_mutex) ? -ERESTARTSYS : 0;
}

static ssize_t named_try_read(struct qkd_named *s, struct iov_iter *to,
			      bool nonblock)
{
	/* pairs with the release in qkd_named_become() */
	bool closed = smp_load_acquire(&s->state) == NAMED_CLOSED;
	ssize_t n = read_lock_of(s, nonblock);

	if (n)
		return n;
	n = named_copy(s, to);
	/* it may be this reader whom the leader waited for */
	if (n > 0 && READ_ONCE(s->peer_want))
		qkd_named_soon(s, 0);
	/* the link was deleted: what was not read by then is erased */
	if (READ_ONCE(s->link->dead)) {
		erase(s);
		n = n ?: -ENODEV;
	}
	mutex_unlock(&s->read_mutex);
	if (!n && !closed)
		n = -EAGAIN;
	return n;
}

/**
 * qkd_named_read - the next bytes of a stream
 * @s: joined
 * @to: not empty
 * @nonblock: do not wait
 *
 * Return: how many bytes, at least 1; 0 when the peer left and all is read;
 * -EAGAIN, -ERESTARTSYS, -EFAULT (nothing is lost), -ENODEV.
 */
ssize_t qkd_named_read(struct qkd_named *s, struct iov_iter *to, bool nonblock)
{
	ssize_t n;
	int err;

	for (;;) {
		n = named_try_read(s, to, nonblock);
		if (n != -EAGAIN)
			return n;
		named_want(s, iov_iter_count(to));
		if (nonblock)
			return -EAGAIN;
		err = wait_event_interruptible(s->wait,
					       READ_ONCE(s->unread) ||
					       READ_ONCE(s->state) ==
					       NAMED_CLOSED);
		if (err)
			return err;
	}
}

/**
 * qkd_named_readable - whether a read would not wait
 * @s: joined
 *
 * Somebody who asks wants to read: if there is nothing, it is sent for.
 */
bool qkd_named_readable(struct qkd_named *s)
{
	if (READ_ONCE(s->unread) || READ_ONCE(s->state) == NAMED_CLOSED)
		return true;
	named_want(s, NAMED_CHUNK_MIN);
	return false;
}

/**
 * qkd_named_closed - whether nothing more will arrive
 * @s: joined
 */
bool qkd_named_closed(struct qkd_named *s)
{
	return READ_ONCE(s->state) == NAMED_CLOSED;
}

/**
 * qkd_named_wait - where a reader waits
 * @s: joined
 */
wait_queue_head_t *qkd_named_wait(struct qkd_named *s)
{
	return &s->wait;
}
