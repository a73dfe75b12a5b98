// SPDX-License-Identifier: GPL-2.0
/*
 * How the one-time-pad tunnels of a link share its key: which tunnels those
 * are, the lock over them, and the waking of those that wait. Who may go is
 * fair.c's to say. Nothing of this costs anything but a lock while key abounds.
 */

#include <linux/slab.h>
#include <linux/timekeeping.h>
#include "otp.h"

/**
 * struct otp_share - the tunnels of a link
 * @list: of all shares; otp_mutex
 * @link: whose key; held by each tunnel
 * @lock: protects all below
 * @fair: attachments, by their part of it
 * @programs_got: as it told, last
 * @retry: wakes those who wait
 */
struct otp_share {
	struct list_head list;
	struct qkd_link *link;
	spinlock_t lock; /* all below, and attachments' parts */
	struct otp_fair fair;
	u64 programs_got;
	struct delayed_work retry;
};

static LIST_HEAD(otp_shares);

static struct otp_attach *attach_of(struct otp_fair_user *u)
{
	return container_of(u, struct otp_attach, fair);
}

static u64 now_us(void)
{
	return ktime_to_us(ktime_get());
}

/* As they are set at this moment. */
static void read_terms(struct otp_attach *att)
{
	const struct otp_config *cfg = &att->tunnel->cfg;

	att->fair.rate = READ_ONCE(cfg->rate);
	att->fair.weight = READ_ONCE(cfg->weight);
	att->fair.reserve = READ_ONCE(cfg->key_reserve);
}

/* Programs leave what is guaranteed to tunnels. */
static void promise(struct otp_attach *att)
{
	lockdep_assert_held(&att->share->lock);
	qkd_consumer_promise(att->consumer, otp_fair_promised(&att->fair));
}

static void share_retry(struct work_struct *work)
{
	struct otp_share *s = container_of(to_delayed_work(work),
					   struct otp_share, retry);
	struct otp_fair_user *u;
	bool again = false;

	spin_lock_bh(&s->lock);
	list_for_each_entry(u, &s->fair.users, in) {
		struct otp_tunnel *t = attach_of(u)->tunnel;

		if (!READ_ONCE(t->wait.starved))
			continue;
		otp_wake(&t->wait);
		again = true;
	}
	spin_unlock_bh(&s->lock);
	if (again)
		schedule_delayed_work(&s->retry, HZ / 100 + 1);
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
	otp_fair_init(&s->fair);
	INIT_DELAYED_WORK(&s->retry, share_retry);
	list_add(&s->list, &otp_shares);
found:
	att->share = s;
	read_terms(att);
	spin_lock_bh(&s->lock);
	otp_fair_join(&s->fair, &att->fair, now_us());
	promise(att);
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
	otp_fair_leave(&att->fair);
	last = list_empty(&s->fair.users);
	spin_unlock_bh(&s->lock);
	if (!last)
		return;
	list_del(&s->list);
	cancel_delayed_work_sync(&s->retry);
	kfree(s);
}

/**
 * otp_share_changed - an attachment's settings changed
 * @att: it takes part
 *
 * Context: may sleep; otp_mutex held.
 */
void otp_share_changed(struct otp_attach *att)
{
	struct otp_share *s = att->share;

	lockdep_assert_held(&otp_mutex);
	spin_lock_bh(&s->lock);
	read_terms(att);
	promise(att);
	spin_unlock_bh(&s->lock);
}

static void set_floor(struct otp_attach *att, u32 floor)
{
	if (floor == att->floor)
		return;
	att->floor = floor;
	qkd_consumer_set_floor(att->consumer, floor);
}

static void read_programs(struct otp_share *s)
{
	u64 was = s->programs_got;
	u32 asked;

	lockdep_assert_held(&s->lock);
	qkd_link_programs(s->link, &s->programs_got, &asked);
	otp_fair_programs(&s->fair, s->programs_got - was, asked);
}

static int reserve(struct otp_share *s, struct otp_attach *att, void *dst,
		   u32 len, u64 *offset, u32 *epoch)
{
	struct otp_fair_user *u;
	u64 now = now_us();
	bool owed;
	int err;

	list_for_each_entry(u, &s->fair.users, in)
		read_terms(attach_of(u));
	read_programs(s);
	u = otp_fair_ask(&s->fair, &att->fair, len, now, &owed);
	if (u) {
		/* it need not wait for the next key or retry */
		otp_wake(&attach_of(u)->tunnel->wait);
		return -EAGAIN;
	}
	set_floor(att, otp_fair_floor(&s->fair, &att->fair, owed));
	err = qkd_reserve(att->consumer, dst, len, offset, epoch);
	if (!err)
		otp_fair_got(&s->fair, &att->fair, len, now, owed);
	else if (err == -EAGAIN)
		otp_fair_found_dry(&s->fair, &att->fair, now);
	return err;
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
	if (err == -EAGAIN)
		schedule_delayed_work(&s->retry, HZ / 100 + 1);
	spin_unlock(&s->lock);
	return err;
}

/**
 * otp_share_most - the longest pad that a tunnel can find
 * @att: the tunnel's
 * @sure: that it can count on
 *
 * Context: BH disabled. Return: bytes.
 */
u32 otp_share_most(struct otp_attach *att, bool sure)
{
	u32 pool = qkd_link_most(att->link, sure), most;

	spin_lock(&att->share->lock);
	most = otp_fair_most(&att->share->fair, &att->fair, pool);
	spin_unlock(&att->share->lock);
	return most;
}
