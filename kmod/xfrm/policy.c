// SPDX-License-Identifier: GPL-2.0
/*
 * Policies in the kernel's database: what a tunnel covers leaves under its SA
 * or not at all. They are in before anything else of a tunnel, and only its
 * deletion removes them: not a lack of key, nor of the link, nor of this
 * module.
 */

#include <net/xfrm.h>

#include "tunnel.h"

/* The other direction's packets. */
void qx_selector_reverse(struct xfrm_selector *to,
			 const struct xfrm_selector *from)
{
	*to = *from;
	to->saddr = from->daddr;
	to->daddr = from->saddr;
	to->prefixlen_s = from->prefixlen_d;
	to->prefixlen_d = from->prefixlen_s;
	/* type and code of ICMP stand in for ports, and are the same both ways */
	if (from->proto == IPPROTO_ICMP || from->proto == IPPROTO_ICMPV6)
		return;
	to->sport = from->dport;
	to->dport = from->sport;
	to->sport_mask = from->dport_mask;
	to->dport_mask = from->sport_mask;
}

static void set_template(struct xfrm_tmpl *v, const struct qx_conf *c, int dir)
{
	bool out = dir == XFRM_POLICY_OUT;

	v->id.daddr = out ? c->peer : c->local;
	v->saddr = out ? c->local : c->peer;
	v->id.proto = IPPROTO_ESP;
	v->encap_family = c->family;
	v->reqid = c->reqid;
	v->mode = c->mode;
	v->allalgs = 1;
	v->aalgos = ~0;
	v->ealgos = ~0;
	v->calgos = ~0;
}

static struct xfrm_policy *make(struct net *net, const struct qx_rule *rule)
{
	struct xfrm_policy *xp = xfrm_policy_alloc(net, GFP_KERNEL);

	if (!xp)
		return NULL;
	xp->type = XFRM_POLICY_TYPE_MAIN;
	xp->action = XFRM_POLICY_ALLOW;
	xp->selector = rule->sel;
	xp->family = rule->sel.family;
	xp->priority = rule->priority;
	xp->if_id = rule->if_id;
	xp->lft.soft_byte_limit = XFRM_INF;
	xp->lft.hard_byte_limit = XFRM_INF;
	xp->lft.soft_packet_limit = XFRM_INF;
	xp->lft.hard_packet_limit = XFRM_INF;
	if (rule->tmpl) {
		set_template(&xp->xfrm_vec[0], rule->tmpl, rule->dir);
		xp->xfrm_nr = 1;
	}
	return xp;
}

static void tell(struct xfrm_policy *xp, int dir, u32 event)
{
	struct km_event c = { .event = event, .net = xp_net(xp) };

	km_policy_notify(xp, dir, &c);
}

static bool reqid_alive(struct qx_net *qn, u32 reqid)
{
	struct qx_tunnel *t;
	unsigned long i;

	xa_for_each(&qn->tunnels, i, t)
		if (t->conf.reqid == reqid)
			return true;
	return false;
}

/* A policy that this module left when it was unloaded may be replaced. */
static bool is_left(struct qx_net *qn, const struct xfrm_policy *xp,
		    const struct qx_rule *rule)
{
	u32 reqid;

	if (xp->action != XFRM_POLICY_ALLOW ||
	    xp->priority != rule->priority ||
	    xp->xfrm_nr != (rule->tmpl ? 1 : 0))
		return false;
	if (!rule->tmpl)
		return true;
	reqid = xp->xfrm_vec[0].reqid;
	if (reqid_alive(qn, reqid))
		return false;
	return reqid == rule->tmpl->reqid ||
	       (reqid >= QKD_XFRM_REQID_FIRST && reqid <= QKD_XFRM_REQID_LAST);
}

static struct xfrm_policy *find(struct net *net, const struct qx_rule *rule)
{
	struct xfrm_selector sel = rule->sel;
	struct xfrm_mark mark = {};
	int err;

	return xfrm_policy_bysel_ctx(net, &mark, rule->if_id,
				     XFRM_POLICY_TYPE_MAIN, rule->dir, &sel,
				     NULL, 0, &err);
}

/**
 * qx_rule_insert - put a policy into the database
 * @qn: namespace; its lock is held
 * @rule: what it says
 * @index: out: names it
 * @extack: told what to mend; may be NULL
 *
 * One that another key manager has for the same selectors is left alone.
 * Context: process. Return: 0 or -errno, -EEXIST in that case.
 */
int qx_rule_insert(struct qx_net *qn, const struct qx_rule *rule, u32 *index,
		   struct netlink_ext_ack *extack)
{
	struct xfrm_policy *xp, *there;
	bool replace = false;
	int err;

	lockdep_assert_held(&qn->lock);
	there = find(qn->net, rule);
	if (there) {
		replace = is_left(qn, there, rule);
		xfrm_pol_put(there);
	}
	xp = make(qn->net, rule);
	if (!xp)
		return -ENOMEM;
	err = xfrm_policy_insert(rule->dir, xp, !replace);
	xfrm_audit_policy_add(xp, err ? 0 : 1, true);
	if (err) {
		if (err == -EEXIST)
			NL_SET_ERR_MSG(extack, "another policy has these selectors; see ip xfrm policy");
		xp->walk.dead = 1;
		xfrm_policy_destroy(xp);
		return err;
	}
	tell(xp, rule->dir, XFRM_MSG_NEWPOLICY);
	*index = xp->index;
	xfrm_pol_put(xp);
	return 0;
}

/* Not replaced by somebody else's. */
static bool is_ours(const struct xfrm_policy *xp, const struct qx_rule *rule)
{
	if (!rule->tmpl)
		return !xp->xfrm_nr;
	return xp->xfrm_nr == 1 &&
	       xp->xfrm_vec[0].reqid == rule->tmpl->reqid;
}

/**
 * qx_rule_remove - take a policy out of the database
 * @qn: namespace; its lock is held
 * @rule: as it was inserted
 * @index: as insertion told
 *
 * Context: process.
 */
void qx_rule_remove(struct qx_net *qn, const struct qx_rule *rule, u32 index)
{
	struct xfrm_mark mark = {};
	struct xfrm_policy *xp;
	int err;

	lockdep_assert_held(&qn->lock);
	xp = xfrm_policy_byid(qn->net, &mark, rule->if_id,
			      XFRM_POLICY_TYPE_MAIN, rule->dir, index, 0,
			      &err);
	if (!xp)
		return;
	if (is_ours(xp, rule) && !xfrm_policy_delete(xp, rule->dir)) {
		xfrm_audit_policy_delete(xp, 1, true);
		tell(xp, rule->dir, XFRM_MSG_DELPOLICY);
	}
	xfrm_pol_put(xp);
}

/* What is forwarded is only ever other nodes' packets, in tunnel mode. */
static bool has(const struct qx_conf *c, int dir)
{
	return dir != XFRM_POLICY_FWD || c->mode == QKD_XFRM_MODE_TUNNEL;
}

static void set_rule(struct qx_rule *rule, const struct qx_conf *c, int dir)
{
	*rule = (struct qx_rule) {
		.dir = dir,
		.sel = c->sel,
		.if_id = c->if_id,
		.priority = c->priority,
		.tmpl = c,
	};
	if (dir != XFRM_POLICY_OUT)
		qx_selector_reverse(&rule->sel, &c->sel);
}

/**
 * qx_policy_add - install a tunnel's policies
 * @t: tunnel, not published yet; @t->qn->lock held
 * @extack: told what to mend; may be NULL
 *
 * Context: process. Return: 0, or -errno and no policy is there.
 */
int qx_policy_add(struct qx_tunnel *t, struct netlink_ext_ack *extack)
{
	struct qx_rule rule;
	int err = 0, dir;

	if (t->conf.policy == QKD_XFRM_POLICY_NONE)
		return 0;
	for (dir = 0; dir < XFRM_POLICY_MAX && !err; dir++) {
		if (!has(&t->conf, dir))
			continue;
		set_rule(&rule, &t->conf, dir);
		err = qx_rule_insert(t->qn, &rule, &t->policy[dir], extack);
	}
	if (err)
		qx_policy_del(t);
	return err;
}

/* Remove a tunnel's policies. @t->qn->lock held. */
void qx_policy_del(struct qx_tunnel *t)
{
	struct qx_rule rule;
	int dir;

	for (dir = 0; dir < XFRM_POLICY_MAX; dir++) {
		if (!t->policy[dir])
			continue;
		set_rule(&rule, &t->conf, dir);
		qx_rule_remove(t->qn, &rule, t->policy[dir]);
		t->policy[dir] = 0;
	}
}
