// SPDX-License-Identifier: GPL-2.0
/*
 * What a tunnel looks like in generic netlink, and what is told by multicast.
 * Requests are netlink.c's.
 */

#include <net/genetlink.h>

#include "netlink-gen.h"
#include "tunnel.h"

static int put_addr(struct sk_buff *skb, int type, u16 family,
		    const xfrm_address_t *a)
{
	return nla_put(skb, type, family == AF_INET ? 4 : 16, a);
}

static int put_u64(struct sk_buff *skb, int type, u64 value)
{
	return nla_put_u64_64bit(skb, type, value, QKD_XFRM_A_TUNNEL_PAD);
}

static int put_selector(struct sk_buff *skb, const struct xfrm_selector *s)
{
	return put_addr(skb, QKD_XFRM_A_TUNNEL_SRC, s->family, &s->saddr) ||
	       nla_put_u8(skb, QKD_XFRM_A_TUNNEL_SRC_PREFIX, s->prefixlen_s) ||
	       put_addr(skb, QKD_XFRM_A_TUNNEL_DST, s->family, &s->daddr) ||
	       nla_put_u8(skb, QKD_XFRM_A_TUNNEL_DST_PREFIX, s->prefixlen_d) ||
	       nla_put_u8(skb, QKD_XFRM_A_TUNNEL_PROTO, s->proto) ||
	       nla_put_be16(skb, QKD_XFRM_A_TUNNEL_SRC_PORT, s->sport) ||
	       nla_put_be16(skb, QKD_XFRM_A_TUNNEL_DST_PORT, s->dport);
}

static int put_settings(struct sk_buff *skb, const struct qx_settings *s)
{
	return nla_put_u32(skb, QKD_XFRM_A_TUNNEL_AEAD, s->aead) ||
	       nla_put_u8(skb, QKD_XFRM_A_TUNNEL_ESN, s->esn) ||
	       nla_put_u32(skb, QKD_XFRM_A_TUNNEL_REPLAY_WINDOW,
			   s->replay_window) ||
	       nla_put_u32(skb, QKD_XFRM_A_TUNNEL_REKEY_TIME, s->rekey_time) ||
	       put_u64(skb, QKD_XFRM_A_TUNNEL_REKEY_BYTES, s->rekey_bytes) ||
	       put_u64(skb, QKD_XFRM_A_TUNNEL_REKEY_PACKETS,
		       s->rekey_packets) ||
	       nla_put_u32(skb, QKD_XFRM_A_TUNNEL_HARD_TIME, s->hard_time) ||
	       put_u64(skb, QKD_XFRM_A_TUNNEL_HARD_BYTES, s->hard_bytes) ||
	       put_u64(skb, QKD_XFRM_A_TUNNEL_HARD_PACKETS,
		       s->hard_packets) ||
	       nla_put_u32(skb, QKD_XFRM_A_TUNNEL_GRACE_TIME, s->grace_time) ||
	       nla_put_u32(skb, QKD_XFRM_A_TUNNEL_STARVED, s->starved) ||
	       nla_put_u32(skb, QKD_XFRM_A_TUNNEL_START, s->start) ||
	       nla_put_u8(skb, QKD_XFRM_A_TUNNEL_HYBRID, s->hybrid);
}

static int put_conf(struct sk_buff *skb, const struct qx_conf *c)
{
	if (nla_put_string(skb, QKD_XFRM_A_TUNNEL_NAME, c->name) ||
	    nla_put_string(skb, QKD_XFRM_A_TUNNEL_LINK, c->link) ||
	    put_addr(skb, QKD_XFRM_A_TUNNEL_LOCAL, c->family, &c->local) ||
	    put_addr(skb, QKD_XFRM_A_TUNNEL_PEER, c->family, &c->peer) ||
	    nla_put_u32(skb, QKD_XFRM_A_TUNNEL_MODE, c->mode) ||
	    nla_put_u32(skb, QKD_XFRM_A_TUNNEL_POLICY, c->policy) ||
	    nla_put_u32(skb, QKD_XFRM_A_TUNNEL_REQID, c->reqid) ||
	    nla_put_u32(skb, QKD_XFRM_A_TUNNEL_IF_ID, c->if_id))
		return -EMSGSIZE;
	if (c->policy == QKD_XFRM_POLICY_OWN &&
	    (put_selector(skb, &c->sel) ||
	     nla_put_u32(skb, QKD_XFRM_A_TUNNEL_PRIORITY, c->priority)))
		return -EMSGSIZE;
	if (c->encap_sport &&
	    (nla_put_be16(skb, QKD_XFRM_A_TUNNEL_ENCAP_SPORT,
			  c->encap_sport) ||
	     nla_put_be16(skb, QKD_XFRM_A_TUNNEL_ENCAP_DPORT,
			  c->encap_dport)))
		return -EMSGSIZE;
	if (c->adhoc && nla_put_flag(skb, QKD_XFRM_A_TUNNEL_ADHOC))
		return -EMSGSIZE;
	return put_settings(skb, &c->set);
}

static int dir_u64(struct sk_buff *skb, int type, u64 value)
{
	return nla_put_u64_64bit(skb, type, value, QKD_XFRM_A_DIR_PAD);
}

static int put_sa(struct sk_buff *skb, const struct qx_sa *sa)
{
	struct qx_usage u;

	qx_sa_usage(sa, &u);
	if (sa->hybrid && nla_put(skb, QKD_XFRM_A_DIR_SECRET_ID,
				  sizeof(sa->secret_id), sa->secret_id))
		return -EMSGSIZE;
	return nla_put_be32(skb, QKD_XFRM_A_DIR_SPI, sa->x->id.spi) ||
	       dir_u64(skb, QKD_XFRM_A_DIR_KEY_OFFSET, sa->offset) ||
	       dir_u64(skb, QKD_XFRM_A_DIR_AGE,
		       jiffies_to_msecs(jiffies - sa->made)) ||
	       dir_u64(skb, QKD_XFRM_A_DIR_PACKETS, u.packets) ||
	       dir_u64(skb, QKD_XFRM_A_DIR_BYTES, u.bytes);
}

static void add_usage(struct qx_usage *total, const struct qx_sa *sa)
{
	struct qx_usage u;

	qx_sa_usage(sa, &u);
	total->packets += u.packets;
	total->bytes += u.bytes;
}

static int put_totals(struct sk_buff *skb, const struct qx_count *n,
		      const struct qx_sa *sa, const struct list_head *old)
{
	struct qx_usage total = n->gone;
	const struct qx_sa *s;

	if (sa)
		add_usage(&total, sa);
	list_for_each_entry(s, old, list)
		add_usage(&total, s);
	return dir_u64(skb, QKD_XFRM_A_DIR_TOTAL_PACKETS, total.packets) ||
	       dir_u64(skb, QKD_XFRM_A_DIR_TOTAL_BYTES, total.bytes);
}

static int put_counts(struct sk_buff *skb, const struct qx_count *n, bool out)
{
	if (dir_u64(skb, QKD_XFRM_A_DIR_REKEYS, n->rekeys) ||
	    dir_u64(skb, QKD_XFRM_A_DIR_FAILURES, n->failures) ||
	    dir_u64(skb, QKD_XFRM_A_DIR_OFFERS, n->offers) ||
	    dir_u64(skb, QKD_XFRM_A_DIR_ACCEPTS, n->accepts) ||
	    dir_u64(skb, QKD_XFRM_A_DIR_REJECTS, n->rejects) ||
	    dir_u64(skb, QKD_XFRM_A_DIR_KEY_BYTES, n->key_bytes))
		return -EMSGSIZE;
	if (!out)
		return dir_u64(skb, QKD_XFRM_A_DIR_REPEATS, n->repeats) ||
		       dir_u64(skb, QKD_XFRM_A_DIR_WANTS, n->wants);
	return dir_u64(skb, QKD_XFRM_A_DIR_RETRIES, n->retries) ||
	       dir_u64(skb, QKD_XFRM_A_DIR_STARVED, n->starved);
}

static int put_out(struct sk_buff *skb, const struct qx_tunnel *t)
{
	const struct qx_out *o = &t->out;
	struct nlattr *nest = nla_nest_start(skb, QKD_XFRM_A_TUNNEL_OUT);
	unsigned long now = jiffies;

	if (!nest || nla_put_u32(skb, QKD_XFRM_A_DIR_STATE, o->state) ||
	    (o->sa && put_sa(skb, o->sa)) ||
	    nla_put_u32(skb, QKD_XFRM_A_DIR_OLD, o->n_old) ||
	    put_totals(skb, &o->count, o->sa, &o->old) ||
	    put_counts(skb, &o->count, true))
		return -EMSGSIZE;
	if (o->state == QKD_XFRM_STATE_LIVE && t->conf.set.rekey_time &&
	    time_before(now, o->rekey_at) &&
	    dir_u64(skb, QKD_XFRM_A_DIR_NEXT_REKEY,
		    jiffies_to_msecs(o->rekey_at - now)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_in(struct sk_buff *skb, const struct qx_tunnel *t)
{
	const struct qx_in *in = &t->in;
	struct nlattr *nest = nla_nest_start(skb, QKD_XFRM_A_TUNNEL_IN);

	if (!nest || nla_put_u32(skb, QKD_XFRM_A_DIR_STATE, in->state) ||
	    (in->sa && put_sa(skb, in->sa)) ||
	    nla_put_u32(skb, QKD_XFRM_A_DIR_OLD, in->n_old) ||
	    put_totals(skb, &in->count, in->sa, &in->old) ||
	    put_counts(skb, &in->count, false))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/**
 * qx_put_tunnel - all of a tunnel
 * @skb: to write to
 * @t: tunnel
 *
 * Context: process, @t->lock held. Return: 0 or -EMSGSIZE.
 */
int qx_put_tunnel(struct sk_buff *skb, struct qx_tunnel *t)
{
	lockdep_assert_held(&t->lock);
	if (put_conf(skb, &t->conf))
		return -EMSGSIZE;
	if (t->link && nla_put_u32(skb, QKD_XFRM_A_TUNNEL_LINK_INDEX,
				   qkd_link_index(t->link)))
		return -EMSGSIZE;
	if (t->reason[0] &&
	    nla_put_string(skb, QKD_XFRM_A_TUNNEL_REASON, t->reason))
		return -EMSGSIZE;
	if (put_out(skb, t) || put_in(skb, t))
		return -EMSGSIZE;
	return 0;
}

/* ---- multicast ---- */

static bool anyone(const struct qx_tunnel *t, int group)
{
	return genl_has_listeners(&qkd_xfrm_nl_family, t->qn->net, group);
}

/* @put fills the message; what does not fit is not told. */
static void multicast(struct qx_tunnel *t, int group, u8 cmd,
		      int (*put)(struct sk_buff *skb, struct qx_tunnel *t,
				 const void *arg), const void *arg)
{
	struct sk_buff *skb;
	void *head;

	if (!anyone(t, group))
		return;
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!skb)
		return;
	head = genlmsg_put(skb, 0, 0, &qkd_xfrm_nl_family, 0, cmd);
	if (!head || put(skb, t, arg)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, head);
	genlmsg_multicast_netns(&qkd_xfrm_nl_family, t->qn->net, skb, 0,
				group, GFP_KERNEL);
}

static int put_all(struct sk_buff *skb, struct qx_tunnel *t, const void *arg)
{
	return qx_put_tunnel(skb, t);
}

/* A tunnel is new, or changed in a way a person wants to know of. */
void qx_notify(struct qx_tunnel *t)
{
	multicast(t, QKD_XFRM_NLGRP_TUNNEL, QKD_XFRM_CMD_TUNNEL_NTF, put_all,
		  NULL);
}

static int put_names(struct sk_buff *skb, struct qx_tunnel *t, const void *arg)
{
	return nla_put_string(skb, QKD_XFRM_A_TUNNEL_NAME, t->conf.name) ||
	       nla_put_string(skb, QKD_XFRM_A_TUNNEL_LINK, t->conf.link);
}

void qx_notify_del(struct qx_tunnel *t)
{
	multicast(t, QKD_XFRM_NLGRP_TUNNEL, QKD_XFRM_CMD_TUNNEL_DEL_NTF,
		  put_names, NULL);
}

struct rekey {
	bool in;
	const struct qx_sa *sa;
	const struct qx_sa *old;
};

static int put_rekey(struct sk_buff *skb, struct qx_tunnel *t, const void *arg)
{
	const struct rekey *r = arg;

	if (put_names(skb, t, NULL) ||
	    nla_put_u8(skb, QKD_XFRM_A_TUNNEL_INBOUND, r->in) ||
	    nla_put_be32(skb, QKD_XFRM_A_TUNNEL_SPI, r->sa->x->id.spi) ||
	    put_u64(skb, QKD_XFRM_A_TUNNEL_KEY_OFFSET, r->sa->offset))
		return -EMSGSIZE;
	if (t->link && nla_put_u32(skb, QKD_XFRM_A_TUNNEL_LINK_INDEX,
				   qkd_link_index(t->link)))
		return -EMSGSIZE;
	return r->old ? nla_put_be32(skb, QKD_XFRM_A_TUNNEL_OLD_SPI,
				     r->old->x->id.spi) : 0;
}

/**
 * qx_notify_rekey - a direction has a new SA
 * @t: tunnel
 * @in: direction
 * @sa: the new one
 * @old: the one it replaces, or NULL
 *
 * Context: process, @t->lock held.
 */
void qx_notify_rekey(struct qx_tunnel *t, bool in, const struct qx_sa *sa,
		     const struct qx_sa *old)
{
	struct rekey r = { .in = in, .sa = sa, .old = old };

	lockdep_assert_held(&t->lock);
	multicast(t, QKD_XFRM_NLGRP_REKEY, QKD_XFRM_CMD_REKEY_NTF, put_rekey,
		  &r);
}
