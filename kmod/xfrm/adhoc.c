// SPDX-License-Identifier: GPL-2.0
/*
 * Templates of plain ip xfrm policy between a link's ends, which no tunnel
 * claims: a tunnel is made for them when a packet wants an SA, or the peer
 * offers one, and goes when its SAs are gone.
 *
 * Only templates without a request ID, or with one from our range, are
 * answered: others' key managers number theirs (strongSwan from 1), and their
 * acquires are theirs.
 */

#include <linux/slab.h>
#include <net/xfrm.h>

#include "tunnel.h"

#define ACQUIRES_MAX	256	/* waiting to be looked at, in a namespace */

/* A packet's wish, copied from where we may not sleep. */
struct acquire {
	struct list_head list;
	u32 link;
	u32 reqid;
	u32 if_id;
	u16 family;
	u8 mode;
	xfrm_address_t local;
	xfrm_address_t peer;
};

/* Any context. */
bool qx_adhoc_reqid(u32 reqid)
{
	return !reqid || (reqid >= QKD_XFRM_ADHOC_FIRST &&
			  reqid <= QKD_XFRM_ADHOC_LAST);
}

static void to_qkd(struct qkd_addr *to, u16 family, const xfrm_address_t *from)
{
	to->family = family;
	if (family == AF_INET)
		to->a4 = from->a4;
	else
		to->a6 = from->in6;
}

static void from_qkd(xfrm_address_t *to, const struct qkd_addr *from)
{
	memset(to, 0, sizeof(*to));
	if (from->family == AF_INET)
		to->a4 = from->a4;
	else
		to->in6 = from->a6;
}

/* Return: the index of the link between these ends, or 0 with @found false. */
static bool find_link(struct qx_net *qn, const struct xfrm_state *x,
		      u32 *index)
{
	struct qkd_addr local, peer;
	struct qkd_link *link;

	to_qkd(&local, x->props.family, &x->props.saddr);
	to_qkd(&peer, x->props.family, &x->id.daddr);
	link = qkd_link_find_ends(qn->net, &local, &peer);
	if (!link)
		return false;
	*index = qkd_link_index(link);
	qkd_link_put(link);
	return true;
}

static bool enqueue(struct qx_net *qn, struct acquire *a)
{
	bool room;

	spin_lock_bh(&qn->acquire_lock);
	room = qn->n_acquires < ACQUIRES_MAX;
	if (room) {
		list_add_tail(&a->list, &qn->acquires);
		qn->n_acquires++;
	}
	spin_unlock_bh(&qn->acquire_lock);
	return room;
}

/**
 * qx_adhoc_acquire - a packet wants an SA that no tunnel claims
 * @qn: namespace
 * @x: larval, filled from the template
 *
 * Any context, RCU read lock held. Return: 0 if one will be tried for, -ESRCH
 * if this is not ours, -ENOMEM.
 */
int qx_adhoc_acquire(struct qx_net *qn, const struct xfrm_state *x)
{
	struct acquire *a;
	u32 link;

	if (!READ_ONCE(qx_adhoc) || READ_ONCE(qn->closing) ||
	    x->id.proto != IPPROTO_ESP || x->props.mode > XFRM_MODE_TUNNEL ||
	    x->mark.m || !qx_adhoc_reqid(x->props.reqid) ||
	    !find_link(qn, x, &link))
		return -ESRCH;
	a = kzalloc(sizeof(*a), GFP_ATOMIC);
	if (!a)
		return -ENOMEM;
	a->link = link;
	a->reqid = x->props.reqid;
	a->if_id = x->if_id;
	a->family = x->props.family;
	a->mode = x->props.mode;
	a->local = x->props.saddr;
	a->peer = x->id.daddr;
	if (!enqueue(qn, a)) {
		kfree(a);
		return -ENOMEM;
	}
	queue_work(qx_wq, &qn->acquire_work);
	return 0;
}

/**
 * qx_adhoc_again - an ad hoc tunnel was asked for an SA as it went
 * @t: deleted, not freed yet
 *
 * xfrm asks once in 30 s, so it has to be made again. Context: process,
 * qx_net.lock held.
 */
void qx_adhoc_again(const struct qx_tunnel *t)
{
	struct qkd_link *link = qkd_link_find(t->qn->net, t->conf.link);
	struct acquire *a;

	if (!link)
		return;
	a = kzalloc(sizeof(*a), GFP_KERNEL);
	if (a) {
		a->link = qkd_link_index(link);
		a->reqid = t->conf.reqid;
		a->if_id = t->conf.if_id;
		a->family = t->conf.family;
		a->mode = t->conf.mode;
		a->local = t->conf.local;
		a->peer = t->conf.peer;
		if (enqueue(t->qn, a))
			queue_work(qx_wq, &t->qn->acquire_work);
		else
			kfree(a);
	}
	qkd_link_put(link);
}

static void make_conf(struct qx_conf *c, struct qkd_link *link,
		      const struct acquire *a)
{
	memset(c, 0, sizeof(*c));
	qx_settings_default(&c->set);
	c->set.start = QKD_XFRM_START_TRAFFIC;
	c->policy = QKD_XFRM_POLICY_NONE;
	c->mode = a->mode;
	c->adhoc = true;
	c->family = a->family;
	c->local = a->local;
	c->peer = a->peer;
	c->reqid = a->reqid;
	c->if_id = a->if_id;
	strscpy(c->link, qkd_link_name(link), sizeof(c->link));
	snprintf(c->name, sizeof(c->name), "adhoc%u-%c%c-%x-%x",
		 qkd_link_index(link), a->family == AF_INET ? '4' : '6',
		 a->mode == XFRM_MODE_TUNNEL ? 't' : 'h', a->reqid, a->if_id);
}

/* Return: the tunnel that serves it, held, or NULL. */
static struct qx_tunnel *find(struct qx_net *qn, const struct acquire *a)
{
	struct qx_tunnel *t;
	struct qx_id id;

	qx_id_set(&id, a->family, a->mode, a->reqid, a->if_id, &a->local,
		  &a->peer);
	t = qx_tunnel_find_id(qn, &id);
	if (!t || t->conf.adhoc)
		return t;
	qx_tunnel_put(t);
	return NULL;
}

/* @wanted: a packet waits; else the peer has an offer. */
static struct qx_tunnel *find_or_make(struct qx_net *qn, struct qkd_link *link,
				      const struct acquire *a, bool wanted)
{
	struct qx_tunnel *t = find(qn, a);
	struct qx_conf *c;
	u32 reqid;

	if (t)
		return t;
	c = kmalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return NULL;
	make_conf(c, link, a);
	c->wanted = wanted;
	qx_tunnel_new(qn, c, &reqid, NULL);
	kfree(c);
	return find(qn, a);
}

static void serve(struct qx_net *qn, const struct acquire *a)
{
	struct qkd_link *link = qkd_link_find_index(qn->net, a->link);
	struct qx_tunnel *t;
	bool asked = false;

	if (!link)
		return;
	while (!asked && (t = find_or_make(qn, link, a, true))) {
		asked = qx_ask(t, QX_EV_ACQUIRE);
		qx_tunnel_put(t);
	}
	qkd_link_put(link);
}

static struct acquire *dequeue(struct qx_net *qn)
{
	struct acquire *a;

	spin_lock_bh(&qn->acquire_lock);
	a = list_first_entry_or_null(&qn->acquires, struct acquire, list);
	if (a) {
		list_del(&a->list);
		qn->n_acquires--;
	}
	spin_unlock_bh(&qn->acquire_lock);
	return a;
}

static void acquire_work(struct work_struct *w)
{
	struct qx_net *qn = container_of(w, struct qx_net, acquire_work);
	struct acquire *a;

	while ((a = dequeue(qn))) {
		serve(qn, a);
		kfree(a);
	}
}

/**
 * qx_adhoc_offered - the ad hoc tunnel that the peer means
 * @qn: namespace
 * @link: that the message came over
 * @m: message
 *
 * One is made for an offer. Context: process, may sleep. Return: held, or NULL.
 */
struct qx_tunnel *qx_adhoc_offered(struct qx_net *qn, struct qkd_link *link,
				   const struct qx_msg *m)
{
	struct qkd_addr local, peer;
	struct acquire a = {
		.reqid = m->reqid,
		.if_id = m->if_id,
		.family = m->family == 4 ? AF_INET : AF_INET6,
		.mode = m->mode,
	};

	if (!READ_ONCE(qx_adhoc) || !qx_adhoc_reqid(m->reqid) ||
	    qkd_link_ends(link, a.family, &local, &peer))
		return NULL;
	from_qkd(&a.local, &local);
	from_qkd(&a.peer, &peer);
	return m->type == QX_OFFER ? find_or_make(qn, link, &a, false) :
				     find(qn, &a);
}

/* Those that have no SA left. */
static void idle_work(struct work_struct *w)
{
	struct qx_net *qn = container_of(w, struct qx_net, idle_work);
	struct qx_tunnel *t = NULL;

	while ((t = qx_tunnel_next(qn, t)))
		if (t->conf.adhoc)
			qx_tunnel_del(qn, t->conf.name, true);
}

void qx_adhoc_init(struct qx_net *qn)
{
	spin_lock_init(&qn->acquire_lock);
	INIT_LIST_HEAD(&qn->acquires);
	INIT_WORK(&qn->acquire_work, acquire_work);
	INIT_WORK(&qn->idle_work, idle_work);
}

/* No tunnel is left, and no acquire comes any more. */
void qx_adhoc_exit(struct qx_net *qn)
{
	/* that queues the other */
	cancel_work_sync(&qn->idle_work);
	cancel_work_sync(&qn->acquire_work);
	while (qn->n_acquires)
		kfree(dequeue(qn));
}
