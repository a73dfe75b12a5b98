// SPDX-License-Identifier: GPL-2.0
/*
 * What qkd.ko tells of links and their key, to the tunnels that it concerns.
 */

#include <linux/notifier.h>
#include <linux/rculist.h>

#include "tunnel.h"

/* Before the link goes, nobody must hold it. */
static void link_del(struct qx_net *qn, struct qkd_link *link)
{
	struct qx_tunnel *t = NULL;

	while ((t = qx_tunnel_next(qn, t))) {
		if (READ_ONCE(t->link) != link)
			continue;
		mutex_lock(&t->lock);
		if (t->link == link) {
			qx_unbind(t);
			qx_out_changed(t);
			qx_reason(t, "the link is gone");
		}
		mutex_unlock(&t->lock);
		qx_kick(t, QX_EV_CHECK);
	}
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

	rcu_read_lock();
	list_for_each_entry_rcu(t, &qn->tunnels, list)
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
