// SPDX-License-Identifier: GPL-2.0
/*
 * Tunnels as such: made, found, run, deleted. How they are keyed is in out.c
 * and in.c; what they put into xfrm's databases, in sa.c and policy.c.
 */

#include <linux/random.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "trace.h"
#include "tunnel.h"

#define NO_MEMORY_POLL	msecs_to_jiffies(1000)	/* nobody tells of more */

static const struct rhashtable_params name_params = {
	.head_offset = offsetof(struct qx_tunnel, by_name),
	.key_offset = offsetof(struct qx_tunnel, conf.name),
	.key_len = QX_NAME_SIZE,
	.automatic_shrinking = true,
};

static const struct rhashtable_params id_params = {
	.head_offset = offsetof(struct qx_tunnel, by_id),
	.key_offset = offsetof(struct qx_tunnel, id),
	.key_len = sizeof(struct qx_id),
	.automatic_shrinking = true,
};

int qx_tables_init(struct qx_net *qn)
{
	int err = rhashtable_init(&qn->by_name, &name_params);

	if (err)
		return err;
	xa_init_flags(&qn->tunnels, XA_FLAGS_ALLOC1);
	err = rhashtable_init(&qn->by_id, &id_params);
	if (err)
		rhashtable_destroy(&qn->by_name);
	return err;
}

void qx_tables_destroy(struct qx_net *qn)
{
	xa_destroy(&qn->tunnels);
	rhashtable_destroy(&qn->by_id);
	rhashtable_destroy(&qn->by_name);
}

/**
 * qx_settings_default - what a tunnel is unless told
 * @set: filled
 *
 * Context: any.
 */
void qx_settings_default(struct qx_settings *set)
{
	*set = (struct qx_settings) {
		.aead = QKD_XFRM_AEAD_AES256GCM,
		.starved = QKD_XFRM_STARVED_BLOCK,
		.start = QKD_XFRM_START_NOW,
		.esn = true,
		.replay_window = 1024,
		.rekey_time = 3600 * 1000,
		.rekey_packets = BIT_ULL(31),
		.grace_time = 5000,
	};
}

/**
 * qx_id_set - what a tunnel, an SA or a template is found by
 * @id: filled, whole
 * @family: of the addresses
 * @mode: XFRM_MODE_...
 * @reqid: request ID
 * @if_id: xfrm interface
 * @one: end
 * @other: the other end; exchanging the two gives the same ID
 *
 * Context: any.
 */
void qx_id_set(struct qx_id *id, u16 family, u8 mode, u32 reqid, u32 if_id,
	       const xfrm_address_t *one, const xfrm_address_t *other)
{
	size_t len = family == AF_INET ? sizeof(one->a4) : sizeof(one->in6);

	if (memcmp(one, other, len) > 0)
		swap(one, other);
	memset(id, 0, sizeof(*id));
	memcpy(&id->a, one, len);
	memcpy(&id->b, other, len);
	id->reqid = reqid;
	id->if_id = if_id;
	id->family = family;
	id->mode = mode;
}

static struct qx_tunnel *get_unless_gone(struct qx_tunnel *t)
{
	return t && refcount_inc_not_zero(&t->ref) ? t : NULL;
}

/*
 * A namespace that goes frees its tables, while xfrm still tells of SAs that
 * expire in it, and qkd.ko of messages: from net_pre_exit() on nobody looks, and
 * a grace period is over before they are freed. Under RCU.
 */
static bool may_look(const struct qx_net *qn)
{
	return !READ_ONCE(qn->closing);
}

/* Any context. Return: the tunnel, with a reference, or NULL. */
struct qx_tunnel *qx_tunnel_find(struct qx_net *qn, const char *name)
{
	char key[QX_NAME_SIZE] = {};
	struct qx_tunnel *t = NULL;

	strscpy(key, name, sizeof(key));
	rcu_read_lock();
	if (may_look(qn))
		t = get_unless_gone(rhashtable_lookup(&qn->by_name, key,
						      name_params));
	rcu_read_unlock();
	return t;
}

/* Any context. Return: the tunnel, with a reference, or NULL. */
struct qx_tunnel *qx_tunnel_find_id(struct qx_net *qn, const struct qx_id *id)
{
	struct qx_tunnel *t = NULL;

	rcu_read_lock();
	if (may_look(qn))
		t = get_unless_gone(rhashtable_lookup(&qn->by_id, id,
						      id_params));
	rcu_read_unlock();
	return t;
}

/* The first tunnel made after the one of this serial, held, or NULL. */
struct qx_tunnel *qx_tunnel_after(struct qx_net *qn, u32 serial)
{
	unsigned long index = serial;
	struct qx_tunnel *t;

	rcu_read_lock();
	do {
		t = xa_find_after(&qn->tunnels, &index, ULONG_MAX, XA_PRESENT);
	} while (t && !get_unless_gone(t));
	rcu_read_unlock();
	return t;
}

/**
 * qx_tunnel_next - go through all tunnels of a namespace
 * @qn: namespace
 * @t: the one before, let go; or NULL
 *
 * Any context. Return: the next one, held, or NULL.
 */
struct qx_tunnel *qx_tunnel_next(struct qx_net *qn, struct qx_tunnel *t)
{
	u32 serial = t ? t->serial : 0;

	if (t)
		qx_tunnel_put(t);
	return qx_tunnel_after(qn, serial);
}

/* Any context. */
void qx_tunnel_put(struct qx_tunnel *t)
{
	if (refcount_dec_and_test(&t->ref))
		kfree_rcu(t, rcu);
}

static void set_reason(struct qx_tunnel *t, const char *text)
{
	lockdep_assert_held(&t->lock);
	if (!strcmp(text, t->reason))
		return;
	strscpy(t->reason, text, sizeof(t->reason));
	qx_notify(t);
}

/**
 * qx_reason - say why a tunnel stands where it does, and tell if that is new
 * @t: tunnel
 * @fmt: printf format
 *
 * Context: process, @t->lock held.
 */
void qx_reason(struct qx_tunnel *t, const char *fmt, ...)
{
	char text[sizeof(t->reason)];
	va_list args;

	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	set_reason(t, text);
}

/* All is well. @t->lock held. */
void qx_well(struct qx_tunnel *t)
{
	set_reason(t, "");
}

/* ---- the link ---- */

static int bind(struct qx_tunnel *t)
{
	struct qkd_consumer *c;
	struct qkd_link *link;
	int err;

	lockdep_assert_held(&t->lock);
	if (t->link)
		return 0;
	link = qkd_link_find(t->qn->net, t->conf.link);
	if (!link)
		return -ENODEV;
	c = qkd_consumer_add(link, "xfrm", t->conf.name);
	err = PTR_ERR_OR_ZERO(c);
	if (err)
		goto err_link;
	err = qx_turns_join(t, link);
	if (err)
		goto err_consumer;
	t->consumer = c;
	WRITE_ONCE(t->link, link);
	return 0;

err_consumer:
	qkd_consumer_del(c);
err_link:
	qkd_link_put(link);
	return err;
}

/**
 * qx_unbind - let go of the link, and its account
 * @t: tunnel
 *
 * Its SAs live on until they are due. Context: process, @t->lock held.
 */
void qx_unbind(struct qx_tunnel *t)
{
	struct qkd_link *link = t->link;

	lockdep_assert_held(&t->lock);
	if (!link)
		return;
	WRITE_ONCE(t->link, NULL);
	/* another link of this name counts its generations anew */
	t->in.epoch = 0;
	t->out.epoch = 0;
	qx_turns_leave(t);
	qkd_consumer_del(t->consumer);
	t->consumer = NULL;
	qkd_link_put(link);
}

/* ---- the work ---- */

/* Each queued work has a reference. */
static void run_after(struct qx_tunnel *t, unsigned long wait)
{
	refcount_inc(&t->ref);
	if (!queue_delayed_work(qx_wq, &t->work, wait))
		qx_tunnel_put(t);
}

/**
 * qx_kick - something happened, look into it
 * @t: tunnel
 * @event: what
 *
 * Any context; the tunnel is held, or found under RCU just now.
 */
void qx_kick(struct qx_tunnel *t, enum qx_event event)
{
	if (!refcount_inc_not_zero(&t->ref))
		return;
	set_bit(event, &t->events);
	if (mod_delayed_work(qx_wq, &t->work, 0))
		qx_tunnel_put(t);
}

/**
 * qx_ask - as qx_kick(), where it must not be missed
 * @t: tunnel, held
 * @event: what
 *
 * Any context. Return: false if the tunnel is dead and may never look.
 */
bool qx_ask(struct qx_tunnel *t, enum qx_event event)
{
	qx_kick(t, event);
	/* pairs with qx_tunnel_del(): we see it dead, or it sees the event */
	smp_mb();
	return !READ_ONCE(t->dead);
}

/*
 * Return: true if nothing is left that the tunnel is there for, nor was it asked
 * for anything that it has not looked at.
 */
bool qx_unused(struct qx_tunnel *t)
{
	lockdep_assert_held(&t->lock);
	return t->conf.adhoc && t->out.state == QKD_XFRM_STATE_IDLE &&
	       !t->out.n_old && !t->in.sa && !t->in.n_old &&
	       !READ_ONCE(t->events);
}

static void run(struct qx_tunnel *t, unsigned long events, unsigned long wait)
{
	int err = bind(t);

	if (err == -ENOMEM)
		wait = NO_MEMORY_POLL;
	else if (err && !t->reason[0])
		qx_reason(t, "no link %s", t->conf.link);
	wait = min(wait, qx_out_run(t, events));
	wait = min(wait, qx_in_run(t, events));
	if (wait < MAX_JIFFY_OFFSET)
		run_after(t, wait);
	if (qx_unused(t))
		queue_work(qx_wq, &t->qn->idle_work);
}

/*
 * Under the lock: between the taking of an event and the run that heeds it
 * nobody may find the tunnel unused. A link that changed meanwhile (@link: it had
 * before) is for the run that was queued with that.
 */
static unsigned long take_events(struct qx_tunnel *t, bool link)
{
	unsigned long events;

	lockdep_assert_held(&t->lock);
	events = xchg(&t->events, 0);
	if (events & BIT(QX_EV_LINK))
		set_bit(QX_EV_LINK, &t->events);
	return (events & ~BIT(QX_EV_LINK)) | (link ? BIT(QX_EV_LINK) : 0);
}

static void work(struct work_struct *w)
{
	struct qx_tunnel *t = container_of(to_delayed_work(w),
					   struct qx_tunnel, work);
	bool link = test_and_clear_bit(QX_EV_LINK, &t->events);
	unsigned long wait = MAX_JIFFY_OFFSET;

	/* the link's ends may be others now */
	if (link && !READ_ONCE(t->dead) && qx_bypass_update(t) == -ENOMEM) {
		set_bit(QX_EV_LINK, &t->events);
		wait = NO_MEMORY_POLL;
	}
	mutex_lock(&t->lock);
	if (!t->dead)
		run(t, take_events(t, link), wait);
	mutex_unlock(&t->lock);
	qx_tunnel_put(t);
}

/* ---- made and deleted ---- */

static void tunnel_init(struct qx_tunnel *t, struct qx_net *qn,
			const struct qx_conf *conf)
{
	t->qn = qn;
	t->conf = *conf;
	refcount_set(&t->ref, 1);
	mutex_init(&t->lock);
	INIT_DELAYED_WORK(&t->work, work);
	INIT_LIST_HEAD(&t->turn_list);
	INIT_LIST_HEAD(&t->out.old);
	INIT_LIST_HEAD(&t->in.old);
}

static bool id_taken(struct qx_tunnel *t, u32 reqid)
{
	struct qx_tunnel *other;

	qx_id_set(&t->id, t->conf.family, t->conf.mode, reqid, t->conf.if_id,
		  &t->conf.local, &t->conf.peer);
	other = qx_tunnel_find_id(t->qn, &t->id);
	if (other)
		qx_tunnel_put(other);
	return other;
}

static int choose_id(struct qx_tunnel *t, struct netlink_ext_ack *extack)
{
	const u32 range = QKD_XFRM_REQID_LAST - QKD_XFRM_REQID_FIRST + 1;
	struct qx_net *qn = t->qn;

	if (t->conf.reqid || t->conf.adhoc) {
		if (!id_taken(t, t->conf.reqid))
			return 0;
		NL_SET_ERR_MSG(extack, "a tunnel between these ends has this reqid");
		return -EEXIST;
	}
	do {
		qn->reqid = (qn->reqid + 1) % range;
		t->conf.reqid = QKD_XFRM_REQID_FIRST + qn->reqid;
	} while (id_taken(t, t->conf.reqid));
	return 0;
}

static int bind_new(struct qx_tunnel *t, struct netlink_ext_ack *extack)
{
	int err;

	mutex_lock(&t->lock);
	err = bind(t);
	mutex_unlock(&t->lock);
	if (err == -ENODEV)
		NL_SET_ERR_MSG(extack, "there is no such link; see qkdctl link show");
	else if (err == -EEXIST)
		NL_SET_ERR_MSG(extack, "the link has a consumer of this name");
	return err;
}

static void unbind_new(struct qx_tunnel *t)
{
	mutex_lock(&t->lock);
	WRITE_ONCE(t->dead, true);
	qx_unbind(t);
	mutex_unlock(&t->lock);
}

static int publish(struct qx_tunnel *t)
{
	struct qx_net *qn = t->qn;
	int err;

	err = rhashtable_insert_fast(&qn->by_name, &t->by_name, name_params);
	if (err)
		return err;
	err = rhashtable_insert_fast(&qn->by_id, &t->by_id, id_params);
	if (err)
		goto err_name;
	err = xa_alloc_cyclic(&qn->tunnels, &t->serial, t, xa_limit_32b,
			      &qn->serial, GFP_KERNEL);
	if (err < 0)
		goto err_id;
	WRITE_ONCE(qn->n_tunnels, qn->n_tunnels + 1);
	return 0;

err_id:
	rhashtable_remove_fast(&qn->by_id, &t->by_id, id_params);
err_name:
	rhashtable_remove_fast(&qn->by_name, &t->by_name, name_params);
	return err;
}

static void unpublish(struct qx_tunnel *t)
{
	struct qx_net *qn = t->qn;

	WRITE_ONCE(qn->n_tunnels, qn->n_tunnels - 1);
	xa_erase(&qn->tunnels, t->serial);
	rhashtable_remove_fast(&qn->by_id, &t->by_id, id_params);
	rhashtable_remove_fast(&qn->by_name, &t->by_name, name_params);
}

/* Policies come first: nothing leaves in clear from then on. */
static int tunnel_up(struct qx_tunnel *t, struct netlink_ext_ack *extack)
{
	int err;

	err = choose_id(t, extack);
	if (err)
		return err;
	err = bind_new(t, extack);
	if (err)
		return err;
	err = qx_bypass_get(t, extack);
	if (err)
		goto err_bind;
	err = qx_policy_add(t, extack);
	if (err)
		goto err_bypass;
	err = qx_encap_get(t, extack);
	if (err)
		goto err_policy;
	err = publish(t);
	if (err)
		goto err_encap;
	return 0;

err_encap:
	qx_encap_put(t);
err_policy:
	qx_policy_del(t);
err_bypass:
	qx_bypass_del(t);
err_bind:
	unbind_new(t);
	return err;
}

/**
 * qx_tunnel_new - make a tunnel
 * @qn: namespace
 * @conf: checked
 * @reqid: out: the one it has
 * @extack: told what to mend; may be NULL
 *
 * Context: process, may sleep. Return: 0 or -errno.
 */
int qx_tunnel_new(struct qx_net *qn, const struct qx_conf *conf, u32 *reqid,
		  struct netlink_ext_ack *extack)
{
	struct qx_tunnel *t;
	int err;

	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	mutex_lock(&qn->lock);
	tunnel_init(t, qn, conf);
	/* the tables may be gone; qx_tunnels_del() waits for the lock first */
	if (READ_ONCE(qn->closing)) {
		err = -ENODEV;
	} else if (rhashtable_lookup_fast(&qn->by_name, t->conf.name,
					  name_params)) {
		NL_SET_ERR_MSG(extack, "a tunnel of this name exists");
		err = -EEXIST;
	} else {
		err = tunnel_up(t, extack);
	}
	if (err) {
		mutex_unlock(&qn->lock);
		qx_tunnel_put(t);
		return err;
	}
	*reqid = t->conf.reqid;
	mutex_lock(&t->lock);
	qx_notify(t);
	mutex_unlock(&t->lock);
	if (conf->wanted)
		set_bit(QX_EV_ACQUIRE, &t->events);
	qx_kick(t, QX_EV_START);
	mutex_unlock(&qn->lock);
	return 0;
}

/* It cannot be found any more; whoever found it sees that it is dead. */
static void tunnel_down(struct qx_tunnel *t)
{
	lockdep_assert_held(&t->qn->lock);
	unpublish(t);
	mutex_lock(&t->lock);
	qx_notify_del(t);
	qx_out_clear(t);
	qx_in_clear(t);
	qx_unbind(t);
	WRITE_ONCE(t->dead, true);
	mutex_unlock(&t->lock);
	qx_encap_put(t);
}

/* The work may be waiting for qn->lock, so not under it. */
static void tunnel_free(struct qx_tunnel *t)
{
	if (cancel_delayed_work_sync(&t->work))
		qx_tunnel_put(t);
	qx_tunnel_put(t);
}

/**
 * qx_tunnel_del - delete a tunnel, its SAs and its policies
 * @qn: namespace
 * @name: of the tunnel
 * @adhoc: only an ad hoc one, and if it is not used any more
 *
 * Context: process, may sleep. Return: 0 or -ENOENT.
 */
int qx_tunnel_del(struct qx_net *qn, const char *name, bool adhoc)
{
	struct qx_tunnel *t;
	bool keep;

	mutex_lock(&qn->lock);
	t = qx_tunnel_find(qn, name);
	if (!t) {
		mutex_unlock(&qn->lock);
		return -ENOENT;
	}
	mutex_lock(&t->lock);
	keep = adhoc && !qx_unused(t);
	mutex_unlock(&t->lock);
	if (!keep) {
		tunnel_down(t);
		qx_policy_del(t);
		qx_bypass_del(t);
		/* pairs with qx_ask() */
		smp_mb();
		if (adhoc && test_bit(QX_EV_ACQUIRE, &t->events))
			qx_adhoc_again(t);
	}
	mutex_unlock(&qn->lock);
	qx_tunnel_put(t);
	if (!keep)
		tunnel_free(t);
	return keep ? -EBUSY : 0;
}

/**
 * qx_tunnels_del - the module or the namespace goes
 * @qn: namespace
 *
 * SAs go, since nobody would replace them; policies stay, since they hold what
 * must not leave in clear. Context: process, may sleep.
 */
void qx_tunnels_del(struct qx_net *qn)
{
	struct qx_tunnel *t;

	do {
		unsigned long first = 0;

		mutex_lock(&qn->lock);
		WRITE_ONCE(qn->closing, true);
		t = xa_find(&qn->tunnels, &first, ULONG_MAX, XA_PRESENT);
		if (t)
			tunnel_down(t);
		mutex_unlock(&qn->lock);
		if (t)
			tunnel_free(t);
	} while (t);
}
