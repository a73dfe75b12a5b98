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
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include "core.h"
#include "named.h"

/* ---- states ---- */

void qkd_named_soon(struct qkd_named *s, unsigned long delay)
{
	if (READ_ONCE(s->state) != NAMED_CLOSED)
		mod_delayed_work(qkd_wq, &s->work, delay);
}

void qkd_named_become(struct qkd_named *s, u32 state, u64 yours)
{
	lockdep_assert_held(&s->lock);
	s->yours = yours;
	s->retry = NAMED_RETRY_MIN;
	/* who sees CLOSED sees all chunks that came before it */
	smp_store_release(&s->state, state);
	if (state == NAMED_CLOSED) {
		qkd_named_chunk_free(s->cur);
		s->cur = NULL;
		wake_up_interruptible_all(&s->wait);
	}
}

static void named_work(struct work_struct *work)
{
	struct qkd_named *s = container_of(to_delayed_work(work),
					   struct qkd_named, work);

	mutex_lock(&s->lock);
	qkd_named_run(s);
	mutex_unlock(&s->lock);
}

static void named_put(struct qkd_named *s)
{
	if (!refcount_dec_and_test(&s->ref))
		return;
	qkd_named_chunk_free(s->cur);
	qkd_named_erase(s);
	qkd_link_put(s->link);
	kfree(s);
}

/* ---- messages ---- */

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
			qkd_named_no_such(link, &m);
		return;
	}
	mutex_lock(&s->lock);
	qkd_named_handle(s, &m, epoch);
	mutex_unlock(&s->lock);
	named_put(s);
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
	s->retry = NAMED_RETRY_MIN;
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
	qkd_named_soon(s, 0);
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
		qkd_named_say(s, (struct qkd_named_msg) {
			.type = QKD_NAMED_CLOSE,
		});
	qkd_named_become(s, NAMED_CLOSED, s->yours);
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
			qkd_named_soon(s, 0);
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
		qkd_named_become(s, NAMED_CLOSED, s->yours);
		mutex_unlock(&s->lock);
		qkd_named_erase(s);
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
