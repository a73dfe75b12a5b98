// SPDX-License-Identifier: GPL-2.0
/*
 * Post-quantum secrets of links, for hybrid tunnels: given by qkdd, looked up
 * by name, and erased. What is derived of them is derive.c's business.
 *
 *           given              use, or the peer did      a newer one is used
 *    (none) ------> next ----------------------> now ------------------> last
 *                    '-- given again: erased             a minute: erased --'
 *
 * All three are taken from the peer's offers; our own are made under "now".
 * Both kernels have a secret before either uses it, and what is replaced is
 * kept for offers under way. So a change of secrets stops nothing.
 */

#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "tunnel.h"

#define LAST_FOR	(60 * HZ)	/* longer than an offer is repeated */

struct slot {
	struct qx_secret s;
	bool full;
};

/**
 * struct qx_secrets - of one link
 * @qn: namespace
 * @next: given, not used yet
 * @now: in use
 * @last: used before
 * @until: jiffies when @last is erased
 * @work: erases it
 * @why: there is none, for a person
 *
 * In qx_net.secrets by the link's index; protected by qx_net.secret_lock.
 */
struct qx_secrets {
	struct qx_net *qn;
	struct slot next;
	struct slot now;
	struct slot last;
	unsigned long until;
	struct delayed_work work;
	char why[QKD_XFRM_REASON_MAX + 1];
};

static void erase(struct slot *slot)
{
	memzero_explicit(slot, sizeof(*slot));
}

static struct qx_secrets *find(struct qx_net *qn, u32 link)
{
	lockdep_assert_held(&qn->secret_lock);
	return xa_load(&qn->secrets, link);
}

static bool is(const struct slot *slot, const u8 *id)
{
	return slot->full && !memcmp(slot->s.id, id, sizeof(slot->s.id));
}

static struct slot *slot_of(struct qx_secrets *h, const u8 *id)
{
	if (is(&h->now, id))
		return &h->now;
	if (is(&h->next, id))
		return &h->next;
	return is(&h->last, id) ? &h->last : NULL;
}

static void erase_last(struct work_struct *w)
{
	struct qx_secrets *h = container_of(to_delayed_work(w),
					    struct qx_secrets, work);

	spin_lock(&h->qn->secret_lock);
	/* else it is another one by now, and this will be run again */
	if (time_after_eq(jiffies, h->until))
		erase(&h->last);
	spin_unlock(&h->qn->secret_lock);
}

static void use_next(struct qx_secrets *h)
{
	lockdep_assert_held(&h->qn->secret_lock);
	if (h->now.full) {
		h->last = h->now;
		h->until = jiffies + LAST_FOR;
		mod_delayed_work(qx_wq, &h->work, LAST_FOR);
	}
	h->now = h->next;
	erase(&h->next);
}

static void tell(struct qx_net *qn, const struct qkd_link *link)
{
	struct qx_tunnel *t;
	unsigned long i;

	rcu_read_lock();
	xa_for_each(&qn->tunnels, i, t)
		if (READ_ONCE(t->link) == link)
			qx_kick(t, QX_EV_SECRET);
	rcu_read_unlock();
}

/* Return: 0, -EEXIST if it was given before. */
static int give(struct qx_secrets *h, const struct qx_secret *s)
{
	if (slot_of(h, s->id))
		return -EEXIST;
	erase(&h->next);
	h->next.s = *s;
	h->next.full = true;
	h->why[0] = '\0';
	return 0;
}

/* Return: 0, -ENOENT if it is not known. */
static int use(struct qx_secrets *h, const u8 *id)
{
	if (is(&h->next, id))
		use_next(h);
	return is(&h->now, id) ? 0 : -ENOENT;
}

static int change(struct qx_secrets *h, const struct qx_secret_set *set)
{
	int err = 0;

	if (set->why) {
		strscpy(h->why, set->why, sizeof(h->why));
		return 0;
	}
	if (set->secret)
		err = give(h, set->secret);
	if (!err && set->use)
		err = use(h, set->id);
	return err;
}

static void destroy(struct qx_secrets *h)
{
	if (!h)
		return;
	cancel_delayed_work_sync(&h->work);
	kfree_sensitive(h);
}

/* Sees to it that the link has a place for them. */
static int prepare(struct qx_net *qn, u32 link)
{
	struct qx_secrets *h = kzalloc(sizeof(*h), GFP_KERNEL);
	int err;

	if (!h)
		return -ENOMEM;
	h->qn = qn;
	INIT_DELAYED_WORK(&h->work, erase_last);
	err = xa_insert(&qn->secrets, link, h, GFP_KERNEL);
	if (err)
		destroy(h);
	return err == -EBUSY ? 0 : err;
}

static bool still_there(struct qx_net *qn, u32 link)
{
	struct qkd_link *l = qkd_link_find_index(qn->net, link);

	if (l)
		qkd_link_put(l);
	return l;
}

/**
 * qx_secret_set - what qkdd says
 * @qn: namespace
 * @link: of the two daemons, held
 * @set: what
 *
 * Tunnels that wait for it go on. Context: process, may sleep. Return: 0,
 * -EEXIST, -ENOENT, -ENODEV if the link goes, -ENOMEM.
 */
int qx_secret_set(struct qx_net *qn, struct qkd_link *link,
		  const struct qx_secret_set *set)
{
	u32 index = qkd_link_index(link);
	struct qx_secrets *h;
	int err;

	err = prepare(qn, index);
	if (err)
		return err;
	spin_lock(&qn->secret_lock);
	h = find(qn, index);
	err = h ? change(h, set) : -ENODEV;
	spin_unlock(&qn->secret_lock);
	/* the link may have gone before it had a place */
	if (!still_there(qn, index)) {
		qx_secret_forget(qn, index);
		return -ENODEV;
	}
	if (!err)
		tell(qn, link);
	return err;
}

/**
 * qx_secret_now - the one to offer under
 * @qn: namespace
 * @link: index
 * @s: filled; the caller wipes it
 *
 * Any process context. Return: 0, or -ENOKEY.
 */
int qx_secret_now(struct qx_net *qn, u32 link, struct qx_secret *s)
{
	struct qx_secrets *h;
	int err = -ENOKEY;

	spin_lock(&qn->secret_lock);
	h = find(qn, link);
	if (h && h->now.full) {
		*s = h->now.s;
		err = 0;
	}
	spin_unlock(&qn->secret_lock);
	return err;
}

/**
 * qx_secret_offered - the one that the peer names
 * @qn: namespace
 * @link: index
 * @id: name
 * @s: filled; the caller wipes it
 *
 * The peer offers under what both have: if that is our next one, it is time
 * to use it. Any process context. Return: 0, or -ENOKEY.
 */
int qx_secret_offered(struct qx_net *qn, u32 link, const u8 *id,
		      struct qx_secret *s)
{
	struct qx_secrets *h;
	struct slot *slot;
	int err = -ENOKEY;

	spin_lock(&qn->secret_lock);
	h = find(qn, link);
	if (h && is(&h->next, id))
		use_next(h);
	slot = h ? slot_of(h, id) : NULL;
	if (slot) {
		*s = slot->s;
		err = 0;
	}
	spin_unlock(&qn->secret_lock);
	return err;
}

/**
 * qx_secret_refused - the peer does not have the one that we offered under
 * @qn: namespace
 * @link: index
 * @id: its name
 *
 * It has the next one, then: that it was given first is how daemons go about
 * it. Any process context.
 */
void qx_secret_refused(struct qx_net *qn, u32 link, const u8 *id)
{
	struct qx_secrets *h;

	spin_lock(&qn->secret_lock);
	h = find(qn, link);
	if (h && is(&h->now, id) && h->next.full)
		use_next(h);
	spin_unlock(&qn->secret_lock);
}

/**
 * qx_secret_why - why there is none
 * @qn: namespace
 * @link: index
 * @why: filled with text
 * @size: of @why
 *
 * Any process context.
 */
void qx_secret_why(struct qx_net *qn, u32 link, char *why, size_t size)
{
	struct qx_secrets *h;

	spin_lock(&qn->secret_lock);
	h = find(qn, link);
	strscpy(why, h && h->why[0] ? h->why : "the two ends' qkdd have agreed on none yet",
		size);
	spin_unlock(&qn->secret_lock);
}

/**
 * qx_secret_forget - a link is gone; its secrets go
 * @qn: namespace
 * @link: index
 *
 * Context: process, may sleep.
 */
void qx_secret_forget(struct qx_net *qn, u32 link)
{
	struct qx_secrets *h;

	spin_lock(&qn->secret_lock);
	h = xa_erase(&qn->secrets, link);
	spin_unlock(&qn->secret_lock);
	destroy(h);
}

/* The namespace or the module goes; nothing comes any more. May sleep. */
void qx_secrets_exit(struct qx_net *qn)
{
	struct qx_secrets *h;
	unsigned long link;

	xa_for_each(&qn->secrets, link, h)
		destroy(h);
	xa_destroy(&qn->secrets);
}
