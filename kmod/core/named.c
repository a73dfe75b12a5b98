// SPDX-License-Identifier: GPL-2.0
/*
 * Named streams: read(2) gives the same bytes in the same order at both ends.
 *
 * The node whose ID sorts first leads: it reserves a chunk of key, announces
 * where it lies, and gives it to its reader only when the other end has said
 * that it took it. The other end takes the chunk, and gives it to its reader
 * at once, since the leader holds it for as long as its own reader stays. So
 * what either reader was given is a beginning of what the other was, or can
 * be, given; never anything else (invariant 2).
 *
 *     OPENING --the peer's session is known at both ends--> OPEN
 *        |                                                    |
 *        '--- left, link deleted ---> CLOSED <--- left, the peer left, its
 *                                                 session is another, deleted
 *
 * A session is a descriptor's, named by a random number. The ends bind when
 * one hears from the other with its own number in the message, which no
 * message from before its birth can have. One chunk is under way at a time.
 * The follower decides once for each, taken or void, and says so again
 * whenever it is asked again; a void chunk (its key was lost with a generation)
 * is given to nobody. So every message can be lost, repeated or overtaken.
 *
 * Either reader's need makes the leader go on: its own at once, the other's
 * by WANT. Who gets a message for a session that is no more answers CLOSE.
 */
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include "core.h"
#include "named_msg.h"

#define CHUNK_MIN	256	/* bytes; a small read's rest waits for the next */
#define UNREAD_MAX	65536	/* bytes that wait for a reader before it stalls */
#define RETRY_MIN	(HZ / 10)
#define RETRY_MAX	(5 * HZ)
#define RETRY_OPEN_MAX	(60 * HZ)
#define RETRY_STARVED	(HZ / 4)

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
 * @state: enum named_state, see above; READ_ONCE
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

static_assert(QKD_NAMED_MSG_SIZE <= QKD_MSG_BODY_MAX);

/* ---- chunks ---- */

static struct named_chunk *chunk_alloc(u32 len)
{
	struct named_chunk *chunk;

	chunk = kvmalloc(struct_size(chunk, data, len), GFP_KERNEL_ACCOUNT);
	if (chunk) {
		chunk->len = len;
		chunk->pos = 0;
	}
	return chunk;
}

static void chunk_free(struct named_chunk *chunk)
{
	if (chunk)
		kvfree_sensitive(chunk, struct_size(chunk, data, chunk->len));
}

static void fifo_push(struct qkd_named *s, struct named_chunk *chunk)
{
	spin_lock(&s->fifo_lock);
	list_add_tail(&chunk->list, &s->fifo);
	s->unread += chunk->len;
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
	s->unread -= chunk->len;
	spin_unlock(&s->fifo_lock);
	chunk_free(chunk);
}

static void fifo_erase(struct qkd_named *s)
{
	struct named_chunk *chunk;

	while ((chunk = fifo_pop(s)))
		chunk_free(chunk);
}

/* ---- life ---- */

static void named_put(struct qkd_named *s)
{
	if (!refcount_dec_and_test(&s->ref))
		return;
	chunk_free(s->cur);
	chunk_free(s->reading);
	fifo_erase(s);
	qkd_link_put(s->link);
	kfree(s);
}

static void named_soon(struct qkd_named *s, unsigned long delay)
{
	if (READ_ONCE(s->state) != NAMED_CLOSED)
		mod_delayed_work(qkd_wq, &s->work, delay);
}

/*
 * What was being repeated is answered. Before the reader hears of it, lest
 * its next wish be forgotten; left pending, the repetition would hold that
 * back, see named_want().
 */
static void named_answered(struct qkd_named *s)
{
	lockdep_assert_held(&s->lock);
	cancel_delayed_work(&s->work);
	s->retry = RETRY_MIN;
}

/* The one place where the state changes. */
static void named_become(struct qkd_named *s, u32 state, u64 yours)
{
	lockdep_assert_held(&s->lock);
	s->yours = yours;
	s->retry = RETRY_MIN;
	/* who sees CLOSED sees all chunks that came before it */
	smp_store_release(&s->state, state);
	if (state == NAMED_CLOSED) {
		chunk_free(s->cur);
		s->cur = NULL;
		wake_up_interruptible_all(&s->wait);
	}
}

/* ---- sending ---- */

static void named_send(struct qkd_link *link, const struct qkd_named_msg *m)
{
	u8 body[QKD_NAMED_MSG_SIZE];

	qkd_named_msg_write(m, body);
	/* one that cannot be sent is as one lost */
	qkd_msg_send(link, QKD_PROTO_STREAM, body, sizeof(body));
}

static void named_say(struct qkd_named *s, struct qkd_named_msg m)
{
	lockdep_assert_held(&s->lock);
	m.mine = s->mine;
	m.yours = m.yours ?: s->yours;
	memcpy(m.name, s->name, sizeof(m.name));
	named_send(s->link, &m);
}

static void say_open(struct qkd_named *s, u8 flags, u64 yours)
{
	named_say(s, (struct qkd_named_msg) {
		.type = QKD_NAMED_OPEN,
		.flags = flags,
		.yours = yours,
	});
}

static void say_chunk(struct qkd_named *s)
{
	struct qkd_named_msg m = {
		.type = QKD_NAMED_CHUNK,
		.len = s->cur->len,
		.seq = s->next,
		.offset = s->cur_offset,
	};

	memcpy(m.tag, s->cur_tag, sizeof(m.tag));
	named_say(s, m);
}

static void say_ack(struct qkd_named *s)
{
	named_say(s, (struct qkd_named_msg) {
		.type = QKD_NAMED_ACK,
		.flags = s->last_taken ? QKD_NAMED_F_TAKEN : 0,
		.seq = s->next - 1,
	});
}

static void say_want(struct qkd_named *s)
{
	named_say(s, (struct qkd_named_msg) {
		.type = QKD_NAMED_WANT,
		.len = min_t(u32, READ_ONCE(s->want), QKD_NAMED_CHUNK_MAX),
		.seq = s->next,
	});
}

/* To a session that it thinks is here. */
static void say_no_such(struct qkd_link *link, const struct qkd_named_msg *to)
{
	struct qkd_named_msg m = {
		.type = QKD_NAMED_CLOSE,
		.mine = to->yours,
		.yours = to->mine,
	};

	memcpy(m.name, to->name, sizeof(m.name));
	named_send(link, &m);
}

/* ---- the leader ---- */

static bool is_leader(const struct qkd_named *s)
{
	return qkd_link_lower(s->link);
}

static bool leader_wanted(const struct qkd_named *s)
{
	if (READ_ONCE(s->unread) >= UNREAD_MAX)
		return false;
	return s->peer_want || (READ_ONCE(s->want) && !READ_ONCE(s->unread));
}

/* Reserves the next chunk, a small one if there is no key for a large one. */
static int leader_reserve(struct qkd_named *s)
{
	u32 want = max(READ_ONCE(s->want), s->peer_want), epoch;
	u8 gen[QKD_GENERATION_SIZE];
	struct named_chunk *chunk;
	int err;

	chunk = chunk_alloc(clamp_t(u32, want, CHUNK_MIN, QKD_NAMED_CHUNK_MAX));
	if (!chunk)
		return -ENOMEM;
	err = qkd_reserve(s->consumer, chunk->data, chunk->len, &s->cur_offset,
			  &epoch);
	if (err && chunk->len > CHUNK_MIN) {
		chunk_free(chunk);
		chunk = chunk_alloc(CHUNK_MIN);
		if (!chunk)
			return -ENOMEM;
		err = qkd_reserve(s->consumer, chunk->data, chunk->len,
				  &s->cur_offset, &epoch);
	}
	if (!err && qkd_link_generation(s->link, gen) != epoch)
		err = -ESTALE;
	if (err) {
		chunk_free(chunk);
		return err;
	}
	memcpy(s->cur_tag, gen, sizeof(s->cur_tag));
	s->cur = chunk;
	s->peer_want = 0;
	return 0;
}

static void leader_run(struct qkd_named *s)
{
	if (!s->cur) {
		if (!leader_wanted(s))
			return;
		if (leader_reserve(s)) {
			named_soon(s, RETRY_STARVED);
			return;
		}
		s->retry = RETRY_MIN;
	}
	say_chunk(s);
	named_soon(s, s->retry);
	s->retry = min_t(unsigned long, 2 * s->retry, RETRY_MAX);
}

static void leader_ack(struct qkd_named *s, const struct qkd_named_msg *m)
{
	bool taken = m->flags & QKD_NAMED_F_TAKEN;

	if (!is_leader(s) || !s->cur || m->seq != s->next)
		return;
	s->next++;
	named_answered(s);
	if (taken)
		fifo_push(s, s->cur);
	else
		chunk_free(s->cur);
	s->cur = NULL;
	if (taken) {
		s->voids = 0;
		leader_run(s);
		return;
	}
	/* something may be wrong with the key: burn no more of it at once */
	named_soon(s, RETRY_MIN << min_t(u32, s->voids++, 6));
}

static void leader_want(struct qkd_named *s, const struct qkd_named_msg *m)
{
	if (!is_leader(s) || m->seq != s->next)
		return;
	/* one is under way: it answers this, and may just have been lost */
	if (!s->cur)
		s->peer_want = max_t(u32, m->len, 1);
	s->retry = RETRY_MIN;
	leader_run(s);
}

/* ---- the follower ---- */

static void follower_run(struct qkd_named *s)
{
	if (!READ_ONCE(s->want) || READ_ONCE(s->unread))
		return;
	say_want(s);
	named_soon(s, s->retry);
	s->retry = min_t(unsigned long, 2 * s->retry, RETRY_MAX);
}

/* Takes a chunk's key: 0, or why it is void, or -ENETDOWN: not decided yet. */
static int follower_take(struct qkd_named *s, const struct qkd_named_msg *m,
			 u32 epoch, struct named_chunk *chunk)
{
	u8 gen[QKD_GENERATION_SIZE];

	if (qkd_link_generation(s->link, gen) != epoch ||
	    memcmp(gen, m->tag, sizeof(m->tag)))
		return -ESTALE;
	return qkd_take(s->consumer, epoch, m->offset, chunk->data,
			chunk->len);
}

static void follower_decide(struct qkd_named *s, const struct qkd_named_msg *m,
			    u32 epoch)
{
	struct named_chunk *chunk;
	int err;

	/* asked again when the reader has caught up, by WANT */
	if (READ_ONCE(s->unread) >= UNREAD_MAX)
		return;
	chunk = chunk_alloc(m->len);
	if (!chunk)
		return;
	err = follower_take(s, m, epoch, chunk);
	if (err == -ENETDOWN) {
		chunk_free(chunk);
		return;
	}
	s->next++;
	s->last_taken = !err;
	named_answered(s);
	if (err)
		chunk_free(chunk);
	else
		fifo_push(s, chunk);
	say_ack(s);
}

static void follower_chunk(struct qkd_named *s, const struct qkd_named_msg *m,
			   u32 epoch)
{
	if (is_leader(s))
		return;
	if (m->seq == s->next && s->next != U32_MAX)
		follower_decide(s, m, epoch);
	else if (s->next && m->seq == s->next - 1)
		say_ack(s);
}

/* ---- both ---- */

static void named_run(struct qkd_named *s)
{
	lockdep_assert_held(&s->lock);
	switch (s->state) {
	case NAMED_OPENING:
		say_open(s, 0, 0);
		named_soon(s, s->retry);
		s->retry = min_t(unsigned long, 2 * s->retry, RETRY_OPEN_MAX);
		break;
	case NAMED_OPEN:
		if (is_leader(s))
			leader_run(s);
		else
			follower_run(s);
		break;
	}
}

static void named_work(struct work_struct *work)
{
	struct qkd_named *s = container_of(to_delayed_work(work),
					   struct qkd_named, work);

	mutex_lock(&s->lock);
	named_run(s);
	mutex_unlock(&s->lock);
}

static void named_bind(struct qkd_named *s, u64 yours)
{
	named_become(s, NAMED_OPEN, yours);
	named_soon(s, 0);
}

/* Who opens at the other end, and do we know each other? */
static void named_open(struct qkd_named *s, const struct qkd_named_msg *m)
{
	bool bound = s->state == NAMED_OPEN;
	bool knows = m->yours == s->mine;

	if (bound && knows && m->mine != s->yours) {
		/* alive now, and not who we are bound to: that one is gone */
		named_become(s, NAMED_CLOSED, s->yours);
	} else if (bound && knows) {
		if (!(m->flags & QKD_NAMED_F_BOUND))
			say_open(s, QKD_NAMED_F_BOUND, 0);
	} else if (bound) {
		/* an old message, or one restarted: is it alive? */
		if (m->mine != s->yours)
			say_open(s, QKD_NAMED_F_BUSY, m->mine);
	} else if (m->flags & QKD_NAMED_F_BUSY) {
		if (knows)
			say_open(s, 0, m->mine);
	} else if (knows) {
		named_bind(s, m->mine);
		if (!(m->flags & QKD_NAMED_F_BOUND))
			say_open(s, QKD_NAMED_F_BOUND, 0);
	} else {
		s->yours = m->mine;
		say_open(s, 0, 0);
	}
}

static void named_handle(struct qkd_named *s, const struct qkd_named_msg *m,
			 u32 epoch)
{
	lockdep_assert_held(&s->lock);
	if (m->type == QKD_NAMED_OPEN) {
		if (s->state != NAMED_CLOSED)
			named_open(s, m);
		return;
	}
	if (s->state == NAMED_CLOSED || m->yours != s->mine ||
	    (s->state == NAMED_OPEN && m->mine != s->yours)) {
		if (m->type != QKD_NAMED_CLOSE)
			say_no_such(s->link, m);
		return;
	}
	if (s->state == NAMED_OPENING && m->type != QKD_NAMED_CLOSE)
		named_bind(s, m->mine);
	switch (m->type) {
	case QKD_NAMED_CHUNK:
		follower_chunk(s, m, epoch);
		break;
	case QKD_NAMED_ACK:
		leader_ack(s, m);
		break;
	case QKD_NAMED_WANT:
		leader_want(s, m);
		break;
	case QKD_NAMED_CLOSE:
		if (s->state == NAMED_OPEN)
			named_become(s, NAMED_CLOSED, s->yours);
		break;
	}
}

static struct qkd_named *named_find(struct qkd_link *link, const char *name)
{
	struct qkd_named *s;

	lockdep_assert_held(&link->named_mutex);
	list_for_each_entry(s, &link->named, list)
		if (!memcmp(s->name, name, sizeof(s->name)))
			return s;
	return NULL;
}

static void named_rcv(struct qkd_link *link, u32 epoch, const void *body,
		      u32 len)
{
	struct qkd_named_msg m;
	struct qkd_named *s;

	if (!qkd_named_msg_parse(body, len, &m)) {
		atomic64_inc(&link->rx_malformed);
		return;
	}
	mutex_lock(&link->named_mutex);
	s = named_find(link, m.name);
	if (s)
		refcount_inc(&s->ref);
	mutex_unlock(&link->named_mutex);
	if (!s) {
		if (m.type != QKD_NAMED_OPEN && m.type != QKD_NAMED_CLOSE)
			say_no_such(link, &m);
		return;
	}
	mutex_lock(&s->lock);
	named_handle(s, &m, epoch);
	mutex_unlock(&s->lock);
	named_put(s);
}

/* ---- the reader ---- */

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

/* The link was deleted: what was not read by then is erased. */
static void named_erase(struct qkd_named *s)
{
	lockdep_assert_held(&s->read_mutex);
	chunk_free(s->reading);
	s->reading = NULL;
	fifo_erase(s);
}

static ssize_t named_try_read(struct qkd_named *s, struct iov_iter *to)
{
	/* pairs with the release in named_become() */
	bool closed = smp_load_acquire(&s->state) == NAMED_CLOSED;
	ssize_t n;

	if (mutex_lock_interruptible(&s->read_mutex))
		return -ERESTARTSYS;
	n = named_copy(s, to);
	/* it may be this reader whom the leader waited for */
	if (n > 0 && READ_ONCE(s->peer_want))
		named_soon(s, 0);
	if (READ_ONCE(s->link->dead)) {
		named_erase(s);
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
		n = named_try_read(s, to);
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
	named_want(s, CHUNK_MIN);
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

/* ---- joining and leaving ---- */

static struct qkd_named *named_alloc(struct qkd_link *link,
				     struct qkd_consumer *c, const char *name)
{
	struct qkd_named *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);

	if (!s)
		return NULL;
	refcount_set(&s->ref, 1);
	qkd_link_hold(link);
	s->link = link;
	s->consumer = c;
	strscpy_pad(s->name, name, sizeof(s->name));
	mutex_init(&s->lock);
	s->state = NAMED_OPENING;
	do {
		s->mine = get_random_u64();
	} while (!s->mine);
	s->retry = RETRY_MIN;
	INIT_DELAYED_WORK(&s->work, named_work);
	spin_lock_init(&s->fifo_lock);
	INIT_LIST_HEAD(&s->fifo);
	mutex_init(&s->read_mutex);
	init_waitqueue_head(&s->wait);
	return s;
}

/**
 * qkd_named_join - open this end of a stream
 * @link: held
 * @c: pays; stays until qkd_named_leave()
 * @name: of the stream
 *
 * Context: may sleep. Return: the end, or an ERR_PTR: -EBUSY if it is open
 * here already, -ENODEV, -ENOMEM.
 */
struct qkd_named *qkd_named_join(struct qkd_link *link, struct qkd_consumer *c,
				 const char *name)
{
	struct qkd_named *s = named_alloc(link, c, name);
	int err = 0;

	if (!s)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&link->named_mutex);
	if (READ_ONCE(link->dead))
		err = -ENODEV;
	else if (named_find(link, s->name))
		err = -EBUSY;
	else
		list_add(&s->list, &link->named);
	mutex_unlock(&link->named_mutex);
	if (err) {
		named_put(s);
		return ERR_PTR(err);
	}
	named_soon(s, 0);
	return s;
}

/**
 * qkd_named_leave - close this end; what was not read is erased
 * @s: from qkd_named_join(), with no read under way
 *
 * Context: may sleep.
 */
void qkd_named_leave(struct qkd_named *s)
{
	mutex_lock(&s->link->named_mutex);
	list_del(&s->list);
	mutex_unlock(&s->link->named_mutex);
	mutex_lock(&s->lock);
	if (s->state == NAMED_OPEN)
		named_say(s, (struct qkd_named_msg) {
			.type = QKD_NAMED_CLOSE,
		});
	named_become(s, NAMED_CLOSED, s->yours);
	mutex_unlock(&s->lock);
	cancel_delayed_work_sync(&s->work);
	named_put(s);
}

/**
 * qkd_named_kick - key has come
 * @link: not deleted
 *
 * Context: may sleep.
 */
void qkd_named_kick(struct qkd_link *link)
{
	struct qkd_named *s;

	mutex_lock(&link->named_mutex);
	list_for_each_entry(s, &link->named, list)
		if (READ_ONCE(s->want) || READ_ONCE(s->cur) ||
		    READ_ONCE(s->peer_want) ||
		    READ_ONCE(s->state) == NAMED_OPENING)
			named_soon(s, 0);
	mutex_unlock(&link->named_mutex);
}

/**
 * qkd_named_end - the link is deleted: close all, erase what was not read
 * @link: in deletion, no message arrives any more
 *
 * A reader that is copying erases its rest itself when it is done.
 * Context: may sleep.
 */
void qkd_named_end(struct qkd_link *link)
{
	struct qkd_named *s;

	mutex_lock(&link->named_mutex);
	list_for_each_entry(s, &link->named, list) {
		mutex_lock(&s->lock);
		named_become(s, NAMED_CLOSED, s->yours);
		mutex_unlock(&s->lock);
		fifo_erase(s);
		if (mutex_trylock(&s->read_mutex)) {
			named_erase(s);
			mutex_unlock(&s->read_mutex);
		}
	}
	mutex_unlock(&link->named_mutex);
}

static const struct qkd_proto named_proto = {
	.id = QKD_PROTO_STREAM,
	.owner = THIS_MODULE,
	.rcv = named_rcv,
};

int qkd_named_register(void)
{
	return qkd_proto_register(&named_proto);
}

void qkd_named_unregister(void)
{
	qkd_proto_unregister(&named_proto);
}
