// SPDX-License-Identifier: GPL-2.0
/*
 * A link's pool: the rings of ring.c under locks, generations, the figures of
 * consumers. It trusts its callers about who may feed and use; they ask.
 *
 * Feeding is one at a time (pool.feed), and writes key above the head, where
 * nobody looks: the rings' locks are held only to publish it. Whatever takes
 * key out holds one ring's lock, in any context but hard interrupts.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include "core.h"
#include "trace.h"

#define QKD_ASK_PART	8	/* of a pool, that is kept for who asks for it */
#define QKD_PAST_MAX	65536	/* generations a link can have */

static u64 now_ms(void)
{
	return ktime_to_ms(ktime_get_boottime());
}

static bool is_zero(const u8 *gen)
{
	return !memchr_inv(gen, 0, QKD_GENERATION_SIZE);
}

/* ---- room that comes with time ---- */

static void pool_room_work(struct work_struct *work)
{
	struct qkd_link *link = container_of(to_delayed_work(work),
					     struct qkd_link, pool.room_work);

	wake_up_interruptible_poll(&link->wait, EPOLLOUT | EPOLLWRNORM);
}

static void pool_look_later(struct qkd_link *link)
{
	struct qkd_pool *p = &link->pool;
	unsigned long delay = msecs_to_jiffies(READ_ONCE(p->grace_ms)) + 1;

	spin_lock_bh(&link->work_lock);
	if (!link->no_work)
		queue_delayed_work(qkd_wq, &p->room_work, delay);
	spin_unlock_bh(&link->work_lock);
}

/* ---- birth and death ---- */

/**
 * qkd_pool_init - a pool without key nor memory for it
 * @link: new
 * @size: of each ring, in bytes
 */
void qkd_pool_init(struct qkd_link *link, u32 size)
{
	struct qkd_pool *p = &link->pool;

	mutex_init(&p->feed);
	spin_lock_init(&p->tx_lock);
	spin_lock_init(&p->rx_lock);
	p->size = size;
	p->tx.size = size;
	p->rx.size = size;
	p->grace_ms = QKD_GRACE_DEFAULT_MS;
	INIT_DELAYED_WORK(&p->room_work, pool_room_work);
}

/* The rings' memory, from the first generation on. */
static int pool_alloc(struct qkd_pool *p)
{
	unsigned long *gone;
	u8 *tx, *rx;

	lockdep_assert_held(&p->feed);
	if (p->tx.buf)
		return 0;
	tx = kvzalloc(p->size, GFP_KERNEL_ACCOUNT);
	rx = kvzalloc(p->size, GFP_KERNEL_ACCOUNT);
	gone = kvzalloc(p->size / BITS_PER_BYTE, GFP_KERNEL_ACCOUNT);
	if (!tx || !rx || !gone) {
		kvfree(tx);
		kvfree(rx);
		kvfree(gone);
		return -ENOMEM;
	}
	p->tx.buf = tx;
	p->rx.buf = rx;
	p->rx.gone = gone;
	return 0;
}

/* No key is given nor found any more; the rings' memory is the caller's. */
static void pool_stop(struct qkd_pool *p)
{
	lockdep_assert_held(&p->feed);
	spin_lock_bh(&p->tx_lock);
	p->tx_epoch = 0;
	qkd_tx_reset(&p->tx);
	p->has_tx_secret = false;
	memzero_explicit(p->tx_secret, sizeof(p->tx_secret));
	spin_unlock_bh(&p->tx_lock);
	spin_lock_bh(&p->rx_lock);
	p->rx_epoch = 0;
	qkd_rx_reset(&p->rx);
	p->has_rx_secret = false;
	memzero_explicit(p->rx_secret, sizeof(p->rx_secret));
	spin_unlock_bh(&p->rx_lock);
}

/**
 * qkd_pool_end - erase all key, for good
 * @link: being deleted, with no_work set
 *
 * Context: may sleep.
 */
void qkd_pool_end(struct qkd_link *link)
{
	struct qkd_pool *p = &link->pool;

	cancel_delayed_work_sync(&p->room_work);
	mutex_lock(&p->feed);
	p->dead = true;
	/* and no start can enter another one after this */
	qkd_generation_set(link, NULL, 0);
	pool_stop(p);
	kvfree_sensitive(p->tx.buf, p->size);
	kvfree_sensitive(p->rx.buf, p->size);
	kvfree(p->rx.gone);
	p->tx.buf = NULL;
	p->rx.buf = NULL;
	p->rx.gone = NULL;
	kvfree(p->past);
	p->past = NULL;
	mutex_unlock(&p->feed);
}

/* ---- generations ---- */

static bool was_had(const struct qkd_pool *p, const u8 *gen)
{
	u32 i;

	for (i = 0; i < p->n_past; i++)
		if (!memcmp(p->past[i], gen, QKD_GENERATION_SIZE))
			return true;
	return false;
}

/* Makes room to remember one more. */
static int past_grow(struct qkd_pool *p)
{
	u32 room = p->past_room ? 2 * p->past_room : 4;
	u8 (*past)[QKD_GENERATION_SIZE];

	lockdep_assert_held(&p->feed);
	if (p->n_past < p->past_room)
		return 0;
	if (room > QKD_PAST_MAX)
		return -ENOSPC;
	past = kvmalloc_array(room, sizeof(*past), GFP_KERNEL_ACCOUNT);
	if (!past)
		return -ENOMEM;
	if (p->n_past)
		memcpy(past, p->past, p->n_past * sizeof(*past));
	kvfree(p->past);
	p->past = past;
	p->past_room = room;
	return 0;
}

static int pool_start(struct qkd_link *link, const u8 *gen)
{
	struct qkd_pool *p = &link->pool;
	int err;

	lockdep_assert_held(&p->feed);
	if (is_zero(gen))
		return -EINVAL;
	if (p->dead)
		return -ENODEV;
	if (!READ_ONCE(link->admin_up))
		return -ENETDOWN;
	if (was_had(p, gen))
		return -EEXIST;
	err = past_grow(p);
	if (err)
		return err;
	err = pool_alloc(p);
	if (err)
		return err;
	err = qkd_generation_set(link, gen, p->last_epoch + 1);
	if (err)
		return err;

	memcpy(p->past[p->n_past++], gen, QKD_GENERATION_SIZE);
	p->last_epoch++;
	pool_stop(p);
	/* nobody looks at the rings now */
	memzero_explicit(p->tx.buf, p->size);
	memzero_explicit(p->rx.buf, p->size);
	p->next_seq = 0;
	spin_lock_bh(&p->tx_lock);
	p->tx_epoch = p->last_epoch;
	spin_unlock_bh(&p->tx_lock);
	spin_lock_bh(&p->rx_lock);
	p->rx_epoch = p->last_epoch;
	spin_unlock_bh(&p->rx_lock);
	return 0;
}

/**
 * qkd_pool_start - erase all key and start from offset zero
 * @link: up
 * @start: names the new generation
 *
 * Context: may sleep.
 * Return: 0, -EINVAL for zeros, -EEXIST if the link had that generation, or
 * another link of the namespace has, -ENOSPC after 65,535 generations,
 * -ENETDOWN, -ENOMEM, -ENODEV.
 */
int qkd_pool_start(struct qkd_link *link, const struct qkd_start *start)
{
	int err;

	mutex_lock(&link->pool.feed);
	err = pool_start(link, start->generation);
	mutex_unlock(&link->pool.feed);
	if (err)
		return err;
	qkd_link_update(link);
	qkd_link_event(link, QKD_EV_GENERATION);
	wake_up_interruptible_poll(&link->wait, EPOLLOUT | EPOLLWRNORM);
	return 0;
}

static int check_generation(struct qkd_link *link, const u8 *gen)
{
	struct qkd_generation *g;

	lockdep_assert_held(&link->pool.feed);
	g = rcu_dereference_protected(link->gen,
				      lockdep_is_held(&link->pool.feed));
	if (link->pool.dead)
		return -ENODEV;
	if (!READ_ONCE(link->admin_up))
		return -ENETDOWN;
	if (!g || memcmp(g->gen, gen, QKD_GENERATION_SIZE))
		return -ESTALE;
	return 0;
}

/* ---- the MAC secret ---- */

static void tx_take_secret(struct qkd_link *link)
{
	struct qkd_pool *p = &link->pool;
	u64 offset;

	lockdep_assert_held(&p->tx_lock);
	if (p->has_tx_secret || !p->tx.conf.n || p->tx.conf.e[0].start ||
	    p->tx.conf.e[0].end < QKD_SECRET_SIZE)
		return;
	if (WARN_ON_ONCE(qkd_tx_reserve(&p->tx, p->tx_secret, QKD_SECRET_SIZE,
					0, &offset)))
		return;
	p->has_tx_secret = true;
	link->control.tx_bytes += QKD_SECRET_SIZE;
	link->control.tx_keys++;
}

static void rx_take_secret(struct qkd_link *link)
{
	struct qkd_pool *p = &link->pool;

	lockdep_assert_held(&p->rx_lock);
	if (p->has_rx_secret ||
	    qkd_rx_take(&p->rx, 0, p->rx_secret, QKD_SECRET_SIZE))
		return;
	p->has_rx_secret = true;
	link->control.rx_bytes += QKD_SECRET_SIZE;
	link->control.rx_keys++;
}

/* The secret's bytes are nobody's, even while they are not all there. */
static bool tx_before_secret(const struct qkd_pool *p)
{
	lockdep_assert_held(&p->tx_lock);
	return qkd_tx_tail(&p->tx) < QKD_SECRET_SIZE;
}

/**
 * qkd_pool_secret - half of a direction's MAC secret
 * @link: any
 * @epoch: of the generation
 * @tx: of what this end sends; else of what it receives
 * @half: 0 for peer messages, 1 for one-time-pad packets
 * @dst: filled; the caller wipes it
 *
 * Context: any, BH-safe. Return: as qkd_mac_secret().
 */
int qkd_pool_secret(struct qkd_link *link, u32 epoch, bool tx,
		    unsigned int half, u8 dst[QKD_MAC_SECRET_SIZE])
{
	struct qkd_pool *p = &link->pool;
	spinlock_t *lock = tx ? &p->tx_lock : &p->rx_lock;
	const u8 *secret = tx ? p->tx_secret : p->rx_secret;
	int err = 0;
	u32 now;

	spin_lock_bh(lock);
	now = tx ? p->tx_epoch : p->rx_epoch;
	if (!now || !READ_ONCE(link->admin_up))
		err = -ENETDOWN;
	else if (now != epoch)
		err = -ESTALE;
	else if (tx ? p->has_tx_secret : p->has_rx_secret)
		memcpy(dst, secret + half * QKD_MAC_SECRET_SIZE,
		       QKD_MAC_SECRET_SIZE);
	else
		err = -EAGAIN;
	/* the low watermark may be 0, and then nobody else says so */
	if (err == -EAGAIN && tx)
		WRITE_ONCE(p->hungry, true);
	spin_unlock_bh(lock);
	return err;
}

int qkd_mac_secret(struct qkd_link *link, u32 epoch, bool tx,
		   u8 dst[QKD_MAC_SECRET_SIZE])
{
	return qkd_pool_secret(link, epoch, tx, 1, dst);
}
EXPORT_SYMBOL_GPL(qkd_mac_secret);

/* ---- feeding ---- */

/* What of a block goes to one ring; @len 0: nothing, and the ring stays. */
struct part {
	const u8 *key;
	u32 len;
};

static int check_record(const struct qkd_pool *p, const struct qkd_feed *rec)
{
	u32 len = rec->len;

	if (!len || len > QKD_BLOCK_MAX)
		return -EINVAL;
	switch (rec->flags) {
	case 0:
		if (len % 2)
			return -EINVAL;
		len /= 2;
		break;
	case QKD_FEED_STREAM_0:
	case QKD_FEED_STREAM_1:
		break;
	default:
		return -EINVAL;
	}
	if (rec->seq < p->next_seq || rec->seq == U64_MAX)
		return -EINVAL;
	if (rec->offset > QKD_OFFSET_MAX || rec->offset + len > QKD_OFFSET_MAX)
		return -EFBIG;
	return 0;
}

/* Stream 0 is the tx of the node whose ID sorts first. */
static void divide(const struct qkd_link *link, const struct qkd_feed *rec,
		   const u8 *block, struct part *tx, struct part *rx)
{
	u32 half = rec->len / 2;
	struct part stream[2] = {
		{ .key = block, .len = half },
		{ .key = block + half, .len = half },
	};

	if (rec->flags == QKD_FEED_STREAM_0) {
		stream[0].len = rec->len;
		stream[1].len = 0;
	} else if (rec->flags == QKD_FEED_STREAM_1) {
		stream[0].len = 0;
		stream[1] = (struct part){ .key = block, .len = rec->len };
	}
	*tx = stream[!link->lower];
	*rx = stream[link->lower];
}

/* Whether there is room; makes it in rx if what may expire must. */
static int make_room(struct qkd_pool *p, u64 offset, u32 tx_len, u32 rx_len)
{
	u32 grace = READ_ONCE(p->grace_ms);
	u64 now = now_ms();
	int err = 0;

	lockdep_assert_held(&p->feed);
	spin_lock_bh(&p->tx_lock);
	spin_lock(&p->rx_lock);
	if (tx_len)
		err = qkd_tx_check(&p->tx, offset, tx_len);
	if (!err && rx_len)
		err = qkd_rx_check(&p->rx, offset, rx_len, now, grace);
	if (!err && rx_len)
		qkd_rx_make_room(&p->rx, offset, rx_len, now, grace);
	if (err == -EAGAIN)
		WRITE_ONCE(p->full, true);
	spin_unlock(&p->rx_lock);
	spin_unlock_bh(&p->tx_lock);
	return err;
}

static int pool_feed(struct qkd_link *link, const struct qkd_feed *rec,
		     const u8 *block)
{
	struct qkd_pool *p = &link->pool;
	struct part tx, rx;
	int err;

	lockdep_assert_held(&p->feed);
	err = check_generation(link, rec->generation);
	if (!err)
		err = check_record(p, rec);
	if (err)
		return err;
	divide(link, rec, block, &tx, &rx);
	err = make_room(p, rec->offset, tx.len, rx.len);
	if (err)
		return err;

	/* room only grows meanwhile, and nobody reads above the heads */
	qkd_ring_write(p->tx.buf, p->size, rec->offset, tx.key, tx.len);
	qkd_ring_write(p->rx.buf, p->size, rec->offset, rx.key, rx.len);
	spin_lock_bh(&p->tx_lock);
	spin_lock(&p->rx_lock);
	if (tx.len)
		qkd_tx_feed(&p->tx, rec->offset, tx.len);
	if (rx.len) {
		qkd_rx_feed(&p->rx, rec->offset, rx.len);
		rx_take_secret(link);
	}
	spin_unlock(&p->rx_lock);
	spin_unlock_bh(&p->tx_lock);
	p->next_seq = rec->seq + 1;
	return 0;
}

/**
 * qkd_pool_feed - a block of key enters the pool, or nothing changes
 * @link: up
 * @rec: checked here
 * @block: rec->len bytes of kernel memory, the caller's to erase
 *
 * Context: may sleep.
 * Return: 0, -EINVAL for a malformed or outdated record, -EMSGSIZE for a
 * block that can never fit, -EFBIG at the generation's end, -EAGAIN without
 * room, -ESTALE for another generation, -ENETDOWN, -ENODEV.
 */
int qkd_pool_feed(struct qkd_link *link, const struct qkd_feed *rec,
		  const void *block)
{
	struct qkd_pool *p = &link->pool;
	int err;

	mutex_lock(&p->feed);
	err = pool_feed(link, rec, block);
	mutex_unlock(&p->feed);
	if (err) {
		if (err != -EAGAIN)
			atomic64_inc(&p->feed_rejected);
		pr_debug("%s: record %llu at %llu refused: %d\n", link->name,
			 rec->seq, rec->offset, err);
		return err;
	}
	atomic64_inc(&p->blocks_fed);
	trace_qkd_block_fed(link->index, rec->seq, rec->offset, rec->len,
			    rec->flags);
	qkd_link_event(link, QKD_EV_LEVEL);
	return 0;
}

/**
 * qkd_pool_confirm - the peer holds a range: it may be used to send
 * @link: up
 * @c: what the daemon says; of no length, it only gives up unconfirmed key
 *	below its offset
 *
 * Context: may sleep.
 * Return: 0, -EINVAL if not all of the range is held, -EAGAIN if there are
 * too many separate ranges, -ESTALE, -ENETDOWN, -ENODEV.
 */
int qkd_pool_confirm(struct qkd_link *link, const struct qkd_confirm *c)
{
	struct qkd_pool *p = &link->pool;
	u64 before;
	int err;

	mutex_lock(&p->feed);
	err = check_generation(link, c->generation);
	if (err)
		goto out;
	spin_lock_bh(&p->tx_lock);
	before = p->tx.available;
	err = qkd_tx_confirm(&p->tx, c->offset, c->len);
	if (!err)
		tx_take_secret(link);
	spin_unlock_bh(&p->tx_lock);
	if (err)
		goto out;
	spin_lock_bh(&p->rx_lock);
	qkd_rx_peer_reserved(&p->rx, c->peer_reserved, now_ms(),
			     READ_ONCE(p->grace_ms));
	spin_unlock_bh(&p->rx_lock);
out:
	mutex_unlock(&p->feed);
	if (err)
		return err;

	trace_qkd_confirmed(link->index, c->offset, c->len, c->peer_reserved);
	if (READ_ONCE(p->hungry) || before < READ_ONCE(link->low)) {
		WRITE_ONCE(p->hungry, false);
		qkd_link_event(link, QKD_EV_KEY);
	}
	qkd_link_update(link);
	qkd_link_event(link, QKD_EV_LEVEL);
	wake_up_interruptible_poll(&link->wait, EPOLLIN | EPOLLRDNORM |
				   EPOLLOUT | EPOLLWRNORM);
	return 0;
}

/* ---- using ---- */

/* Room came: a feeder may wait for it. */
static void pool_drained(struct qkd_link *link)
{
	if (READ_ONCE(link->pool.full) && qkd_pool_has_room(link)) {
		WRITE_ONCE(link->pool.full, false);
		wake_up_interruptible_poll(&link->wait,
					   EPOLLOUT | EPOLLWRNORM);
	}
}

static void pool_starved(struct qkd_consumer *c, u32 len)
{
	struct qkd_link *link = c->link;

	atomic64_inc(&link->pool.starved);
	WRITE_ONCE(link->pool.hungry, true);
	trace_qkd_starved(link->index, c->id, len);
	qkd_link_alarm(link, QKD_ALARM_STARVED, "%s %s: %u bytes asked for",
		       c->kind, c->name, len);
}

/**
 * qkd_pool_program_floor - confirmed key that programs leave
 * @link: any
 */
u64 qkd_pool_program_floor(const struct qkd_link *link)
{
	return QKD_CONTROL_SHARE + min_t(u64, READ_ONCE(link->promised),
					 link->pool.tx.size / 2);
}

static u64 floor_of(const struct qkd_consumer *c)
{
	if (c == &c->link->control)
		return 0;
	return READ_ONCE(c->floor) +
	       (c->program ? qkd_pool_program_floor(c->link) : QKD_CONTROL_SHARE);
}

/*
 * A program that was refused will come again. What it asked for is left to it
 * as otp's share.c says, unless that is much of the pool.
 */
static void program_refused(struct qkd_consumer *c, u32 len)
{
	struct qkd_link *link = c->link;

	lockdep_assert_held(&link->pool.tx_lock);
	if (!c->program || len <= link->asked ||
	    len > link->pool.size / QKD_ASK_PART)
		return;
	link->asked = len;
	link->asker = c;
}

static void program_asks_no_more(struct qkd_consumer *c)
{
	struct qkd_link *link = c->link;

	lockdep_assert_held(&link->pool.tx_lock);
	if (link->asker != c)
		return;
	link->asked = 0;
	link->asker = NULL;
}

static void program_got(struct qkd_consumer *c, u32 len)
{
	if (!c->program)
		return;
	c->link->program_bytes += len;
	program_asks_no_more(c);
}

/**
 * qkd_pool_forget - nobody uses an account any more
 * @c: it
 */
void qkd_pool_forget(struct qkd_consumer *c)
{
	spin_lock_bh(&c->link->pool.tx_lock);
	program_asks_no_more(c);
	spin_unlock_bh(&c->link->pool.tx_lock);
}

void qkd_link_programs(struct qkd_link *link, u64 *got, u32 *asked)
{
	spin_lock_bh(&link->pool.tx_lock);
	*got = link->program_bytes;
	*asked = link->asked;
	spin_unlock_bh(&link->pool.tx_lock);
}
EXPORT_SYMBOL_GPL(qkd_link_programs);

u32 qkd_link_most(const struct qkd_link *link, bool sure)
{
	u32 size = link->pool.tx.size;

	/* see qkd_pool_has_room() */
	if (sure)
		size -= size / 4;
	return size - QKD_CONTROL_SHARE;
}
EXPORT_SYMBOL_GPL(qkd_link_most);

static int pool_reserve(struct qkd_consumer *c, void *dst, u32 len, u64 floor,
			u64 *offset, u32 *epoch)
{
	struct qkd_link *link = c->link;
	struct qkd_pool *p = &link->pool;
	u32 e;
	int err;

	if (WARN_ON_ONCE(!len))
		return -EINVAL;
	spin_lock_bh(&p->tx_lock);
	e = p->tx_epoch;
	if (!e || !READ_ONCE(link->admin_up))
		err = -ENETDOWN;
	else if (tx_before_secret(p))
		err = -EAGAIN;
	else
		err = qkd_tx_reserve(&p->tx, dst, len, floor, offset);
	if (!err) {
		c->tx_bytes += len;
		c->tx_keys++;
		program_got(c, len);
	} else if (err == -EAGAIN) {
		c->starved++;
		program_refused(c, len);
	}
	spin_unlock_bh(&p->tx_lock);

	if (err) {
		if (err == -EAGAIN)
			pool_starved(c, len);
		return err;
	}
	if (epoch)
		*epoch = e;
	trace_qkd_reserve(link->index, c->id, e, *offset, len);
	qkd_link_update(link);
	pool_drained(link);
	return 0;
}

int qkd_reserve(struct qkd_consumer *c, void *dst, u32 len, u64 *offset,
		u32 *epoch)
{
	return pool_reserve(c, dst, len, floor_of(c), offset, epoch);
}
EXPORT_SYMBOL_GPL(qkd_reserve);

/**
 * qkd_pool_message_key - reserve key for a peer message
 * @link: pays
 * @proto: whose message. What programs make their streams say leaves half of
 *	the control share to the kernel's own protocols
 * @dst: filled
 * @len: bytes
 * @offset: of the first
 * @epoch: of the generation
 *
 * Context: any, BH-safe. Return: as qkd_reserve().
 */
int qkd_pool_message_key(struct qkd_link *link, enum qkd_proto_id proto,
			 void *dst, u32 len, u64 *offset, u32 *epoch)
{
	u64 floor = proto == QKD_PROTO_STREAM ? QKD_CONTROL_SHARE / 2 : 0;

	return pool_reserve(&link->control, dst, len, floor, offset, epoch);
}

/* Whether key of @epoch at @offset can be here; errors of qkd_take(). */
static int rx_usable(const struct qkd_link *link, u32 epoch, u64 offset)
{
	const struct qkd_pool *p = &link->pool;

	lockdep_assert_held(&p->rx_lock);
	if (!p->rx_epoch || !READ_ONCE(link->admin_up))
		return -ENETDOWN;
	if (p->rx_epoch != epoch)
		return -ESTALE;
	if (offset < QKD_SECRET_SIZE && !p->has_rx_secret)
		return -ENOENT;
	return 0;
}

int qkd_take(struct qkd_consumer *c, u32 epoch, u64 offset, void *dst, u32 len)
{
	struct qkd_link *link = c->link;
	struct qkd_pool *p = &link->pool;
	int err;

	if (WARN_ON_ONCE(!len))
		return -EINVAL;
	spin_lock_bh(&p->rx_lock);
	err = rx_usable(link, epoch, offset);
	if (!err)
		err = qkd_rx_take(&p->rx, offset, dst, len);
	if (!err) {
		c->rx_bytes += len;
		c->rx_keys++;
	}
	spin_unlock_bh(&p->rx_lock);
	if (err)
		return err;
	trace_qkd_take(link->index, c->id, epoch, offset, len);
	pool_drained(link);
	return 0;
}
EXPORT_SYMBOL_GPL(qkd_take);

int qkd_peek(struct qkd_consumer *c, u32 epoch, u64 offset, void *dst, u32 len)
{
	struct qkd_pool *p = &c->link->pool;
	int err;

	if (WARN_ON_ONCE(!len))
		return -EINVAL;
	spin_lock_bh(&p->rx_lock);
	err = rx_usable(c->link, epoch, offset);
	if (!err)
		err = qkd_rx_peek(&p->rx, offset, dst, len);
	spin_unlock_bh(&p->rx_lock);
	return err;
}
EXPORT_SYMBOL_GPL(qkd_peek);

/* ---- looking ---- */

/**
 * qkd_pool_available - bytes of confirmed key
 * @link: any
 */
u64 qkd_pool_available(struct qkd_link *link)
{
	return READ_ONCE(link->pool.tx.available);
}

/**
 * qkd_pool_can_reserve - whether there is key for a consumer now
 * @c: who asks
 * @len: for how much
 */
bool qkd_pool_can_reserve(struct qkd_consumer *c, u32 len)
{
	struct qkd_pool *p = &c->link->pool;
	bool can;

	spin_lock_bh(&p->tx_lock);
	can = p->tx_epoch && !tx_before_secret(p) &&
	      qkd_tx_can_reserve(&p->tx, len, floor_of(c));
	spin_unlock_bh(&p->tx_lock);
	return can;
}

static u64 tx_room(const struct qkd_pool *p)
{
	lockdep_assert_held(&p->tx_lock);
	return p->tx_epoch ? qkd_tx_room(&p->tx) : 0;
}

static u64 rx_room(struct qkd_pool *p)
{
	lockdep_assert_held(&p->rx_lock);
	if (!p->rx_epoch)
		return 0;
	return qkd_rx_room(&p->rx, now_ms(), READ_ONCE(p->grace_ms));
}

/* What is left of a ring's room if bytes are skipped; an empty one loses none. */
static u64 room_at(u32 size, u64 room, u64 skipped)
{
	if (room == size)
		return room;
	return room > skipped ? room - skipped : 0;
}

/**
 * qkd_pool_has_room - whether a feeder should try
 * @link: any
 *
 * It should where a quarter of either ring is free. One that is told no is
 * woken when key is used, and when the grace time of other key is over.
 */
bool qkd_pool_has_room(struct qkd_link *link)
{
	struct qkd_pool *p = &link->pool;
	bool room;

	spin_lock_bh(&p->tx_lock);
	spin_lock(&p->rx_lock);
	room = max(tx_room(p), rx_room(p)) >= p->size / 4;
	if (!room)
		WRITE_ONCE(p->full, true);
	spin_unlock(&p->rx_lock);
	spin_unlock_bh(&p->tx_lock);
	if (!room)
		pool_look_later(link);
	return room;
}

/**
 * qkd_pool_state - where the rings stand
 * @link: any
 * @st: filled
 *
 * Context: may sleep.
 */
void qkd_pool_state(struct qkd_link *link, struct qkd_pool_state *st)
{
	struct qkd_pool *p = &link->pool;
	const struct qkd_tx *tx = &p->tx;
	const struct qkd_rx *rx = &p->rx;
	u64 at;

	mutex_lock(&p->feed);
	spin_lock_bh(&p->tx_lock);
	spin_lock(&p->rx_lock);
	/* where both halves of a block can go */
	at = max(tx->head, rx->head);
	*st = (struct qkd_pool_state) {
		.tx = {
			.head = tx->head,
			.confirmed = tx->confirmed,
			.tail = qkd_tx_tail(tx),
			.available = tx->available,
			.room = tx_room(p),
			.consumed = tx->consumed,
			.lost = tx->lost,
			.fed = tx->total,
			.held = tx->held,
		},
		.rx = {
			.head = rx->head,
			.confirmed = rx->head,
			.tail = rx->tail,
			.available = rx->held,
			.room = rx_room(p),
			.consumed = rx->consumed,
			.lost = rx->lost,
			.fed = rx->total,
			.held = rx->held,
		},
		.next_seq = p->next_seq,
	};
	st->room = min(room_at(p->size, st->tx.room, at - tx->head),
		       room_at(p->size, st->rx.room, at - rx->head));
	st->room = min_t(u64, 2 * st->room, QKD_BLOCK_MAX);
	spin_unlock(&p->rx_lock);
	spin_unlock_bh(&p->tx_lock);
	qkd_link_generation(link, st->generation);
	mutex_unlock(&p->feed);
}
