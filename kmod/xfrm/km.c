// SPDX-License-Identifier: GPL-2.0
/*
 * The key manager that xfrm knows: it is asked when a packet wants an SA, and
 * told when one reaches a limit or is deleted. All this comes in any context,
 * under locks of xfrm's, for SAs of all namespaces and all key managers: so
 * only ours are looked at, and work is queued.
 */

#include <net/xfrm.h>

#include "tunnel.h"

/* The tunnel that an SA or a larval one belongs to. Return: held, or NULL. */
static struct qx_tunnel *find(const struct xfrm_state *x)
{
	struct qx_id id;

	if (x->id.proto != IPPROTO_ESP || x->mark.m)
		return NULL;
	qx_id_set(&id, x->props.family, x->props.mode, x->props.reqid,
		  x->if_id, &x->id.daddr, &x->props.saddr);
	return qx_tunnel_find_id(qx_net(xs_net((struct xfrm_state *)x)), &id);
}

/*
 * A packet wants an SA of template @tmpl, which @x is filled from; it is not
 * hashed yet. Every key manager is asked, and each that is not concerned says
 * so.
 */
static int acquire(struct xfrm_state *x, struct xfrm_tmpl *tmpl,
		   struct xfrm_policy *xp)
{
	struct qx_tunnel *t = find(x);
	bool asked = false;
	int err = 0;

	if (t) {
		asked = qx_ask(t, QX_EV_ACQUIRE);
		qx_tunnel_put(t);
	}
	/* an ad hoc one that just went is made anew */
	if (!asked)
		err = qx_adhoc_acquire(qx_net(xs_net(x)), x);
	/* for ip xfrm monitor; another key manager may have numbered it */
	if (!err && !x->km.seq)
		x->km.seq = xfrm_get_acqseq();
	return err;
}

/* Somebody deleted all SAs of a namespace. */
static void flushed(struct net *net)
{
	struct qx_tunnel *t;
	unsigned long i;

	rcu_read_lock();
	xa_for_each(&qx_net(net)->tunnels, i, t)
		qx_kick(t, QX_EV_CHECK);
	rcu_read_unlock();
}

static int notify(struct xfrm_state *x, const struct km_event *c)
{
	struct qx_tunnel *t;
	bool soft;

	if (c->event == XFRM_MSG_FLUSHSA && c->net)
		flushed(c->net);
	if (!x || (c->event != XFRM_MSG_EXPIRE && c->event != XFRM_MSG_DELSA))
		return 0;
	/* larval ones, and those that we took out of use, do not concern us */
	if (!x->id.spi || x->props.flags & XFRM_STATE_WILDRECV)
		return 0;
	t = find(x);
	if (!t)
		return 0;
	soft = c->event == XFRM_MSG_EXPIRE && !c->data.hard;
	qx_kick(t, soft ? QX_EV_SOFT : QX_EV_CHECK);
	qx_tunnel_put(t);
	return 0;
}

/* Sockets' own policies are xfrm_user's business; its error stands. */
static struct xfrm_policy *compile_policy(struct sock *sk, int opt, u8 *data,
					  int len, int *dir)
{
	return NULL;
}

/* Without anyone alive, xfrm does not even ask. */
static bool is_alive(const struct km_event *c)
{
	return READ_ONCE(qx_net(c->net)->n_tunnels) || READ_ONCE(qx_adhoc);
}

static struct xfrm_mgr km = {
	.notify = notify,
	.acquire = acquire,
	.compile_policy = compile_policy,
	.is_alive = is_alive,
};

void qx_km_register(void)
{
	xfrm_register_km(&km);
}

/* When this returns, xfrm calls no more. */
void qx_km_unregister(void)
{
	xfrm_unregister_km(&km);
}
