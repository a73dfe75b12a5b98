// SPDX-License-Identifier: GPL-2.0
/*
 * How the one-time-pad tunnels of a link divide its key while it is scarce.
 *
 * A tunnel with a guaranteed rate owns a bucket that fills at that rate. The
 * other tunnels leave as much key in the pool as all buckets could hold, on
 * top of what each leaves to the link's other consumers; so what is guaranteed
 * is there when it is wanted. All key beyond that goes by weight: each
 * tunnel's virtual time runs with the key it got, divided by its weight, and
 * while several want key only those go that are not ahead of the one furthest
 * behind. Nothing of this costs anything but a lock while key abounds.
 */

#include <linux/math64.h>
#include <linux/slab.h>
#include "otp.h"

/* A refusal older than this is no demand any more. */
#define SHARE_MEMORY	(HZ / 5 + 1)
/* Key that a bucket holds: this part of a second's. */
#define SHARE_BURST	4
/* Virtual time of this many bytes at weight 1 is the granularity. */
#define SHARE_UNIT	1048576ULL
#define SHARE_SLACK(w)	div_u64(4096 * SHARE_UNIT, (w))

/**
 * struct otp_share - the tunnels of a link
 * @list: of all shares; otp_mutex
 * @link: whose key, compared only
 * @lock: protects all below
 * @tunnels: attachments
 * @now: virtual time of the last reservation
 * @retry: wakes those who wait
 */
struct otp_share {
	struct list_head list;
	const struct qkd_link *link;
	spinlock_t lock; /* all below, and attachments' parts */
	struct list_head tunnels;
	u64 now;
	struct delayed_work retry;
};

static LIST_HEAD(otp_shares);

static u32 burst(const struct otp_attach *att)
{
	u64 rate = READ_ONCE(att->tunnel->cfg.rate);

	return min_t(u64, max_t(u64, rate / SHARE_BURST, rate ? 16384 : 0),
		     16U << 20);
}

static u32 weight(const struct otp_attach *att)
{
	return READ_ONCE(att->tunnel->cfg.weight);
}

static void share_retry(struct work_struct *work)
{
	struct otp_share *s = container_of(to_delayed_work(work),
					   struct otp_share, retry);
	struct otp_attach *att;
	bool again = false;

	spin_lock_bh(&s->lock);
	list_for_each_entry(att, &s->tunnels, in_share) {
		if (!READ_ONCE(att->tunnel->starved))
			continue;
		otp_pad_wake(att->tunnel);
		again = true;
	}
	spin_unlock_bh(&s->lock);
	if (again)
		queue_delayed_work(system_wq, &s->retry, HZ / 100 + 1);
}

/**
 * otp_share_join - let an attachment take part
 * @att: its link is set
 *
 * Context: may sleep; otp_mutex held. Return: 0 or -ENOMEM.
 */
int otp_share_join(struct otp_attach *att)
{
	struct otp_share *s;

	lockdep_assert_held(&otp_mutex);
	list_for_each_entry(s, &otp_shares, list)
		if (s->link == att->link)
			goto found;
	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return -ENOMEM;
	s->link = att->link;
	spin_lock_init(&s->lock);
	INIT_LIST_HEAD(&s->tunnels);
	INIT_DELAYED_WORK(&s->retry, share_retry);
	list_add(&s->list, &otp_shares);
found:
	att->share = s;
	att->filled = jiffies;
	att->tokens = burst(att);
	spin_lock_bh(&s->lock);
	att->vtime = s->now;
	list_add(&att->in_share, &s->tunnels);
	spin_unlock_bh(&s->lock);
	return 0;
}

/**
 * otp_share_leave - the opposite of otp_share_join()
 * @att: reserves no more
 *
 * Context: may sleep; otp_mutex held.
 */
void otp_share_leave(struct otp_attach *att)
{
	struct otp_share *s = att->share;
	bool last;

	lockdep_assert_held(&otp_mutex);
	spin_lock_bh(&s->lock);
	list_del(&att->in_share);
	last = list_empty(&s->tunnels);
	spin_unlock_bh(&s->lock);
	if (!last)
		return;
	list_del(&s->list);
	cancel_delayed_work_sync(&s->retry);
	kfree(s);
}

static bool wants_key(const struct otp_attach *att)
{
	return att->waiting && time_before(jiffies,
					   att->refused + SHARE_MEMORY);
}

/* Is nobody who wants key further behind? */
static bool its_turn(const struct otp_share *s, const struct otp_attach *att)
{
	const struct otp_attach *other;

	list_for_each_entry(other, &s->tunnels, in_share)
		if (other != att && wants_key(other) &&
		    att->vtime > other->vtime + SHARE_SLACK(weight(att)))
			return false;
	return true;
}

static u32 left_to_others(const struct otp_share *s,
			  const struct otp_attach *att)
{
	const struct otp_attach *other;
	u64 sum = READ_ONCE(att->tunnel->cfg.key_reserve);

	list_for_each_entry(other, &s->tunnels, in_share)
		if (other != att)
			sum += burst(other);
	return min_t(u64, sum, U32_MAX);
}

static void fill_bucket(struct otp_attach *att)
{
	u64 rate = READ_ONCE(att->tunnel->cfg.rate);
	unsigned long since = min_t(unsigned long, jiffies - att->filled, HZ);

	if (!since)
		return;
	att->filled = jiffies;
	att->tokens = min_t(u64, att->tokens + div_u64(rate * since, HZ),
			    burst(att));
}

static void set_floor(struct otp_attach *att, u32 floor)
{
	if (floor == att->floor)
		return;
	att->floor = floor;
	qkd_consumer_set_floor(att->consumer, floor);
}

static int reserve(struct otp_share *s, struct otp_attach *att, void *dst,
		   u32 len, u64 *offset, u32 *epoch)
{
	bool owed;
	int err;

	fill_bucket(att);
	owed = att->tokens >= len;
	if (!owed && !its_turn(s, att))
		return -EAGAIN;
	/* what is guaranteed to it, others left to it, not it to others */
	set_floor(att, owed ? READ_ONCE(att->tunnel->cfg.key_reserve) :
		  left_to_others(s, att));
	err = qkd_reserve(att->consumer, dst, len, offset, epoch);
	if (err)
		return err;
	if (owed) {
		att->tokens -= len;
		return 0;
	}
	att->vtime = max(att->vtime, s->now);
	s->now = att->vtime;
	att->vtime += div_u64(len * SHARE_UNIT, weight(att));
	return 0;
}

/**
 * otp_share_reserve - qkd_reserve(), when it is this tunnel's turn
 * @att: the tunnel's
 * @dst: filled
 * @len: bytes
 * @offset: of the first
 * @epoch: of the generation
 *
 * Context: BH disabled. Return: as qkd_reserve(); after -EAGAIN the tunnel's
 * queues are woken when it may try again.
 */
int otp_share_reserve(struct otp_attach *att, void *dst, u32 len,
		      u64 *offset, u32 *epoch)
{
	struct otp_share *s = att->share;
	int err;

	spin_lock(&s->lock);
	err = reserve(s, att, dst, len, offset, epoch);
	att->waiting = err == -EAGAIN;
	if (att->waiting) {
		att->refused = jiffies;
		queue_delayed_work(system_wq, &s->retry, HZ / 100 + 1);
	}
	spin_unlock(&s->lock);
	return err;
}
