// SPDX-License-Identifier: GPL-2.0
/*
 * Exceptions from a tunnel's policies, without which it could never work: the
 * link's own control messages (which carry their own authentication), ICMPv6's
 * neighbour solicitations and advertisements between its ends, and the
 * datagrams that ESP is encapsulated in. They are made only where a tunnel
 * would cover them, and shared by tunnels.
 */

#include <linux/icmpv6.h>
#include <linux/slab.h>
#include <net/ndisc.h>
#include <net/xfrm.h>

#include "tunnel.h"

#define BYPASS_PRIORITY	1	/* ahead of any tunnel's */

/* Shared: in qx_net.bypasses, which qx_net.lock protects, as all of this. */
struct qx_bypass {
	struct list_head list;
	struct qx_rule rule;
	u32 index;
	u32 users;
};

/* The rules that a tunnel needs. */
struct wishes {
	struct qx_rule rule[QX_BYPASSES];
	u32 n;
};

static bool sel_equal(const struct xfrm_selector *a,
		      const struct xfrm_selector *b)
{
	return a->family == b->family && a->proto == b->proto &&
	       a->sport == b->sport && a->dport == b->dport &&
	       a->sport_mask == b->sport_mask &&
	       a->dport_mask == b->dport_mask &&
	       xfrm_addr_equal(&a->saddr, &b->saddr, a->family) &&
	       xfrm_addr_equal(&a->daddr, &b->daddr, a->family);
}

static struct qx_bypass *get(struct qx_net *qn, const struct qx_rule *rule,
			     struct netlink_ext_ack *extack)
{
	struct qx_bypass *b;
	int err;

	list_for_each_entry(b, &qn->bypasses, list) {
		if (b->rule.dir == rule->dir &&
		    sel_equal(&b->rule.sel, &rule->sel)) {
			b->users++;
			return b;
		}
	}
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return ERR_PTR(-ENOMEM);
	b->rule = *rule;
	b->users = 1;
	err = qx_rule_insert(qn, rule, &b->index, extack);
	if (err) {
		kfree(b);
		return ERR_PTR(err);
	}
	list_add(&b->list, &qn->bypasses);
	return b;
}

static void put(struct qx_net *qn, struct qx_bypass *b)
{
	if (--b->users)
		return;
	qx_rule_remove(qn, &b->rule, b->index);
	list_del(&b->list);
	kfree(b);
}

/* Does what the tunnel covers have something in common with this? */
static bool covers(const struct qx_conf *c, const struct xfrm_selector *s)
{
	const struct xfrm_selector *t = &c->sel;

	if (c->policy == QKD_XFRM_POLICY_NONE || c->if_id ||
	    t->family != s->family || (t->proto && t->proto != s->proto))
		return false;
	if ((t->sport ^ s->sport) & t->sport_mask & s->sport_mask ||
	    (t->dport ^ s->dport) & t->dport_mask & s->dport_mask)
		return false;
	return addr_match(&t->saddr, &s->saddr, t->prefixlen_s) &&
	       addr_match(&t->daddr, &s->daddr, t->prefixlen_d);
}

static void wish(struct wishes *w, const struct qx_conf *c,
		 const struct xfrm_selector *out)
{
	struct qx_rule rule = { .priority = BYPASS_PRIORITY };

	if (!covers(c, out))
		return;
	rule.dir = XFRM_POLICY_OUT;
	rule.sel = *out;
	w->rule[w->n++] = rule;
	rule.dir = XFRM_POLICY_IN;
	qx_selector_reverse(&rule.sel, out);
	w->rule[w->n++] = rule;
}

static void set_pair(struct xfrm_selector *s, u16 family,
		     const xfrm_address_t *local, const xfrm_address_t *peer)
{
	memset(s, 0, sizeof(*s));
	s->family = family;
	s->saddr = *local;
	s->daddr = *peer;
	s->prefixlen_s = family == AF_INET ? 32 : 128;
	s->prefixlen_d = s->prefixlen_s;
}

static void address_of(xfrm_address_t *to, const struct qkd_addr *from)
{
	memset(to, 0, sizeof(*to));
	if (from->family == AF_INET)
		to->a4 = from->a4;
	else
		to->in6 = from->a6;
}

static void wish_control(struct wishes *w, const struct qx_conf *c,
			 struct qkd_link *link)
{
	struct qkd_addr local, peer;
	xfrm_address_t l, p;
	struct xfrm_selector s;

	if (qkd_link_ends(link, c->sel.family, &local, &peer))
		return;
	address_of(&l, &local);
	address_of(&p, &peer);
	set_pair(&s, c->sel.family, &l, &p);
	s.proto = IPPROTO_UDP;
	qkd_link_ports(link, &s.sport, &s.dport);
	s.sport_mask = htons(0xffff);
	s.dport_mask = htons(0xffff);
	wish(w, c, &s);
}

/* A socket's datagrams are checked before they are known to be ESP. */
static void wish_encap(struct wishes *w, const struct qx_conf *c)
{
	struct xfrm_selector s;

	if (!c->encap_sport)
		return;
	set_pair(&s, c->family, &c->local, &c->peer);
	s.proto = IPPROTO_UDP;
	s.sport = c->encap_sport;
	s.dport = c->encap_dport;
	s.sport_mask = htons(0xffff);
	s.dport_mask = htons(0xffff);
	wish(w, c, &s);
}

/* Ports of ICMP selectors are type and code. */
static void wish_neighbour(struct wishes *w, const struct qx_conf *c, u8 type)
{
	struct xfrm_selector s;

	if (c->family != AF_INET6)
		return;
	set_pair(&s, AF_INET6, &c->local, &c->peer);
	s.proto = IPPROTO_ICMPV6;
	s.sport = htons(type);
	s.sport_mask = htons(0xffff);
	wish(w, c, &s);
}

static void collect(struct wishes *w, struct qx_tunnel *t)
{
	struct qkd_link *link;

	w->n = 0;
	link = qkd_link_find(t->qn->net, t->conf.link);
	if (link) {
		wish_control(w, &t->conf, link);
		qkd_link_put(link);
	}
	wish_encap(w, &t->conf);
	wish_neighbour(w, &t->conf, NDISC_NEIGHBOUR_SOLICITATION);
	wish_neighbour(w, &t->conf, NDISC_NEIGHBOUR_ADVERTISEMENT);
}

/**
 * qx_bypass_get - make the exceptions that a tunnel needs, and no others
 * @t: tunnel; @t->qn->lock held
 * @extack: told what to mend; may be NULL
 *
 * Context: process. Return: 0, or -errno and the tunnel has those that it had.
 */
int qx_bypass_get(struct qx_tunnel *t, struct netlink_ext_ack *extack)
{
	struct qx_bypass *to[QX_BYPASSES] = {};
	struct wishes w;
	int err = 0;
	u32 i;

	lockdep_assert_held(&t->qn->lock);
	collect(&w, t);
	for (i = 0; i < w.n && !err; i++) {
		struct qx_bypass *b = get(t->qn, &w.rule[i], extack);

		err = PTR_ERR_OR_ZERO(b);
		if (!err)
			to[i] = b;
	}
	for (i = 0; i < QX_BYPASSES; i++) {
		if (!err)
			swap(to[i], t->bypass[i]);
		if (to[i])
			put(t->qn, to[i]);
	}
	return err;
}

/**
 * qx_bypass_update - the link's ends may have changed
 * @t: tunnel
 *
 * Context: process, may sleep; takes @t->qn->lock. Return: as
 * qx_bypass_get().
 */
int qx_bypass_update(struct qx_tunnel *t)
{
	struct qx_net *qn = t->qn;
	int err = 0;

	mutex_lock(&qn->lock);
	/* while the link is away, what it had may be what it will have */
	if (!t->dead && READ_ONCE(t->link))
		err = qx_bypass_get(t, NULL);
	mutex_unlock(&qn->lock);
	if (err)
		net_warn_ratelimited("qkd_xfrm: tunnel %s lacks an exception for its link's messages\n",
				     t->conf.name);
	return err;
}

/* @t->qn->lock held. */
void qx_bypass_del(struct qx_tunnel *t)
{
	u32 i;

	lockdep_assert_held(&t->qn->lock);
	for (i = 0; i < QX_BYPASSES; i++) {
		if (t->bypass[i])
			put(t->qn, t->bypass[i]);
		t->bypass[i] = NULL;
	}
}

/* The module goes; these policies stay, as the tunnels' do. No tunnel is left. */
void qx_bypass_forget(struct qx_net *qn)
{
	struct qx_bypass *b, *tmp;

	list_for_each_entry_safe(b, tmp, &qn->bypasses, list) {
		list_del(&b->list);
		kfree(b);
	}
}
