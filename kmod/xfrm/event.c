// SPDX-License-Identifier: GPL-2.0
/*
 * What qkd.ko tells of links and their key, to the tunnels that it concerns.
 */

#include <linux/notifier.h>

#include "tunnel.h"

static void let_go(struct qx_tunnel *t, const struct qkd_link *link)
{
	mutex_lock(&t->lock);
	if (t->link == link) {
		qx_unbind(t);
		qx_out_changed(t);
		qx_reason(t, "the link is gone");
		qx_kick(t, QX_EV_CHECK);
	}
	mutex_unlock(&t->lock);
}

/*
 * Before the link goes, nobody must hold it. Nobody finds it any more, but a
 * tunnel being made, or run for the first time since it came, may have, and be
 * about to bind itself: so each of this name is waited for.
 */
static void link_del(struct qx_net *qn, struct qkd_link *link)
{
	struct qx_tunnel *t;
	unsigned long i;

	mutex_lock(&qn->lock);
	xa_for_each(&qn->tunnels, i, t)
		if (!strcmp(t->conf.link, qkd_link_name(link)))
			let_go(t, link);
	mutex_unlock(&qn->lock);
	qx_secret_forget(qn, qkd_link_index(link));
}

static bool waits(const struct qx_tunnel *t)
{
	enum qkd_xfrm_state state = READ_ONCE(t->out.state);

	return state == QKD_XFRM_STATE_WAIT_KEY ||
	       state == QKD_XFRM_STATE_OFFERED;
}

static bool concerns(const struct qx_tunnel *t, const struct qkd_link *link,
		     unsigned long event)
{
	switch (event) {
	case QKD_LINK_NEW:
		return !strcmp(t->conf.link, qkd_link_name(link));
	case QKD_KEY:
		return READ_ONCE(t->link) == link && waits(t);
	default:
		return READ_ONCE(t->link) == link;
	}
}

static void tell(struct qx_net *qn, struct qkd_link *link, unsigned long event,
		 enum qx_event told)
{
	struct qx_tunnel *t;
	unsigned long i;

	rcu_read_lock();
	xa_for_each(&qn->tunnels, i, t)
		if (concerns(t, link, event))
			qx_kick(t, told);
	rcu_read_unlock();
}

static int call(struct notifier_block *nb, unsigned long event, void *data)
{
	struct qkd_link *link = data;
	struct qx_net *qn = qx_net(qkd_link_net(link));

	switch (event) {
	case QKD_LINK_NEW:
	case QKD_LINK_SET:
		tell(qn, link, event, QX_EV_LINK);
		break;
	case QKD_LINK_DEL:
		link_del(qn, link);
		break;
	case QKD_GENERATION:
		tell(qn, link, event, QX_EV_GENERATION);
		break;
	case QKD_KEY:
		tell(qn, link, event, QX_EV_KEY);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block block = {
	.notifier_call = call,
};

int qx_event_register(void)
{
	return qkd_register_notifier(&block);
}

void qx_event_unregister(void)
{
	qkd_unregister_notifier(&block);
}
