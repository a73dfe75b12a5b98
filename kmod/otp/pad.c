// SPDX-License-Identifier: GPL-2.0
/*
 * The pad of a device's transmit queues: reserved in batches, so that the
 * pool's lock is taken once for many packets, and handed out packet by packet.
 * A queue's pad is touched under the queue's xmit lock only. How tunnels
 * divide scarce key is share.c's business.
 */

#include <linux/mm.h>
#include "otp.h"

static void drop_piece(struct otp_tunnel *t, struct otp_piece *p)
{
	if (!p->len)
		return;
	memzero_explicit(p->p, p->len);
	otp_count(t, OTP_TX_WASTED, p->len);
	p->len = 0;
}

static void drop_stale(struct otp_tunnel *t, struct otp_piece *p)
{
	if (time_after(jiffies, p->filled + OTP_BATCH_AGE))
		drop_piece(t, p);
}

/* Queues that send no more erase nothing themselves. */
static void pad_stale(struct work_struct *work)
{
	struct otp_tunnel *t = container_of(to_delayed_work(work),
					    struct otp_tunnel, stale);
	bool left = false;
	unsigned int i;

	for (i = 0; i < t->dev->num_tx_queues; i++) {
		struct netdev_queue *txq = netdev_get_tx_queue(t->dev, i);
		struct otp_piece *p = t->queues[i].piece;

		__netif_tx_lock_bh(txq);
		drop_stale(t, &p[0]);
		drop_stale(t, &p[1]);
		left |= p[0].len || p[1].len;
		__netif_tx_unlock_bh(txq);
	}
	if (left)
		schedule_delayed_work(&t->stale, OTP_BATCH_AGE);
}

/**
 * otp_pad_init - allocate a device's queues
 * @t: its tunnel
 *
 * Context: may sleep. Return: 0 or -ENOMEM, with nothing allocated.
 */
int otp_pad_init(struct otp_tunnel *t)
{
	unsigned int i, n = t->dev->num_tx_queues;
	struct otp_piece *p;

	INIT_DELAYED_WORK(&t->stale, pad_stale);
	t->queues = kvcalloc(n, sizeof(*t->queues), GFP_KERNEL_ACCOUNT);
	if (!t->queues)
		return -ENOMEM;
	for (i = 0; i < 2 * n; i++) {
		p = &t->queues[i / 2].piece[i % 2];
		p->buf = kvmalloc(OTP_BATCH_ROOM, GFP_KERNEL_ACCOUNT);
		if (!p->buf) {
			otp_pad_free(t);
			return -ENOMEM;
		}
	}
	return 0;
}

/**
 * otp_pad_free - wipe and free a device's queues
 * @t: its tunnel, which sends no more
 *
 * Context: may sleep.
 */
void otp_pad_free(struct otp_tunnel *t)
{
	unsigned int i;

	if (!t->queues)
		return;
	cancel_delayed_work_sync(&t->stale);
	for (i = 0; i < 2 * t->dev->num_tx_queues; i++)
		kvfree_sensitive(t->queues[i / 2].piece[i % 2].buf,
				 OTP_BATCH_ROOM);
	kvfree(t->queues);
	t->queues = NULL;
}

/**
 * otp_pad_flush - wipe what is reserved and not used
 * @t: the tunnel
 *
 * Context: process, BH enabled.
 */
void otp_pad_flush(struct otp_tunnel *t)
{
	unsigned int i;

	for (i = 0; i < t->dev->num_tx_queues; i++) {
		struct netdev_queue *txq = netdev_get_tx_queue(t->dev, i);

		__netif_tx_lock_bh(txq);
		drop_piece(t, &t->queues[i].piece[0]);
		drop_piece(t, &t->queues[i].piece[1]);
		__netif_tx_unlock_bh(txq);
	}
}

/* Who comes back soon gets more at once; who comes seldom, what it needs. */
static void adapt_batch(struct otp_queue *q, const struct otp_piece *last)
{
	unsigned long since = jiffies - last->filled;

	if (since < HZ / 20)
		q->batch = clamp(2 * q->batch, 4096U, OTP_BATCH_MAX);
	else if (since > HZ / 2)
		q->batch = 0;
}

/* What is left at @old's end goes in front of @p, if @p follows in the stream. */
static void join(struct otp_piece *p, struct otp_piece *old, u32 len)
{
	if (old->len && old->epoch == p->epoch &&
	    old->offset + old->len == p->offset) {
		memcpy(p->p - old->len, old->p, old->len);
		memzero_explicit(old->p, old->len);
		p->p -= old->len;
		p->offset -= old->len;
		len += old->len;
		old->len = 0;
	}
	p->len = len;
}

/* @p is empty; it is filled behind room for what is left of @old. */
static int fill_piece(struct otp_tunnel *t, struct otp_gen *g,
		      struct otp_queue *q, struct otp_piece *p,
		      struct otp_piece *old, u32 need)
{
	u32 room = OTP_BATCH_ROOM - old->len;
	u32 len = min(max(need, q->batch), room);
	int err;

	p->p = p->buf + old->len;
	err = otp_share_reserve(g->att, p->p, len, &p->offset, &p->epoch);
	if (err == -EAGAIN && len > need) {
		q->batch /= 4;
		len = need;
		err = otp_share_reserve(g->att, p->p, len, &p->offset,
					&p->epoch);
	}
	if (err)
		return err;
	p->filled = jiffies;
	schedule_delayed_work(&t->stale, OTP_BATCH_AGE);
	join(p, old, len);
	if (p->epoch == g->epoch)
		return 0;
	/* a new generation, of which this module will be told in a moment */
	drop_piece(t, p);
	return -EAGAIN;
}

/**
 * otp_pad_ensure - have pad for some packets
 * @t: the tunnel
 * @g: the generation to send with
 * @q: the queue, its lock held
 * @need: bytes for all packets, masks included; at most OTP_BATCH_ROOM
 * @longest: of one packet; what may be lost where a piece of pad ends
 *
 * Context: BH disabled. Return: 0, then otp_pad_get() succeeds for them;
 * -EAGAIN without key; -ENETDOWN.
 */
int otp_pad_ensure(struct otp_tunnel *t, struct otp_gen *g,
		   struct otp_queue *q, u32 need, u32 longest)
{
	struct otp_piece *cur, *old;
	u32 more = need;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct otp_piece *p = &q->piece[i];

		if (p->epoch != g->epoch)
			drop_piece(t, p);
		drop_stale(t, p);
	}
	cur = &q->piece[q->cur];
	old = &q->piece[!q->cur];
	/* otp_pad_get() gives up less than a packet at the end of old */
	if (cur->len >= need || old->len + cur->len >= need + longest)
		return 0;
	adapt_batch(q, cur);
	if (cur->len) {
		drop_piece(t, old);
		q->cur = !q->cur;
		swap(cur, old);
	}
	if (old->len > longest)
		more -= min(need - 1, old->len - longest);
	/* what is left may have to be given up for room */
	if (more > OTP_BATCH_ROOM - old->len) {
		drop_piece(t, old);
		more = need;
	}
	return fill_piece(t, g, q, cur, old, more);
}

/**
 * otp_pad_get - pad for one packet
 * @t: the tunnel
 * @q: the queue, its lock held
 * @len: mask included
 * @offset: of the first byte
 *
 * Context: BH disabled. Return: the pad, which the caller wipes; NULL if
 * otp_pad_ensure() was not asked.
 */
u8 *otp_pad_get(struct otp_tunnel *t, struct otp_queue *q, u32 len,
		u64 *offset)
{
	struct otp_piece *p = &q->piece[!q->cur];
	u8 *pad;

	if (p->len < len) {
		if (p->len && q->piece[q->cur].len >= len)
			drop_piece(t, p);
		p = &q->piece[q->cur];
		if (WARN_ON_ONCE(p->len < len))
			return NULL;
	}
	pad = p->p;
	*offset = p->offset;
	p->p += len;
	p->len -= len;
	p->offset += len;
	return pad;
}
