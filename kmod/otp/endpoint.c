// SPDX-License-Identifier: GPL-2.0
/*
 * Where a tunnel's peer is: as configured, else as the link says, until an
 * authentic packet came from elsewhere. How to get there is socket.c's
 * business.
 */

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include <net/ipv6.h>
#include "otp.h"

static void replace(struct otp_tunnel *t, struct otp_endpoint *ep)
{
	struct otp_endpoint *old;

	old = rcu_replace_pointer(t->endpoint, ep,
				  lockdep_is_held(&t->endpoint_lock));
	/* pairs with route() in socket.c: what it caches after this it empties */
	smp_mb();
	dst_cache_reset(&t->route);
	if (old)
		kfree_rcu(old, rcu);
}

/* The link's ends of the family wanted, or of either. */
static bool ends_of_link(struct otp_tunnel *t, struct otp_endpoint *ep)
{
	struct otp_attach *att = rcu_dereference_protected(t->att,
				lockdep_is_held(&otp_mutex));

	if (!att)
		return false;
	return !qkd_link_ends(att->link, AF_INET, &ep->local, &ep->peer) ||
	       !qkd_link_ends(att->link, AF_INET6, &ep->local, &ep->peer);
}

/**
 * otp_endpoint_reset - forget what was heard, go back to what was configured
 * @t: the tunnel
 *
 * Packets would go where the peer was: so this waits for memory. Context: may
 * sleep; otp_mutex held.
 */
void otp_endpoint_reset(struct otp_tunnel *t)
{
	struct otp_endpoint *ep = kzalloc(sizeof(*ep),
					  GFP_KERNEL | __GFP_NOFAIL);

	lockdep_assert_held(&otp_mutex);
	ep->port = t->cfg.remote_port;
	if (t->cfg.remote.family != AF_UNSPEC) {
		ep->peer = t->cfg.remote;
	} else if (!ends_of_link(t, ep)) {
		kfree(ep);
		ep = NULL;
	}
	spin_lock_bh(&t->endpoint_lock);
	t->heard_epoch = 0;
	t->heard_offset = 0;
	replace(t, ep);
	spin_unlock_bh(&t->endpoint_lock);
}

/**
 * otp_endpoint_free - the tunnel goes
 * @t: the tunnel
 */
void otp_endpoint_free(struct otp_tunnel *t)
{
	spin_lock_bh(&t->endpoint_lock);
	replace(t, NULL);
	spin_unlock_bh(&t->endpoint_lock);
}

static bool same_addr(const struct qkd_addr *a, const struct qkd_addr *b)
{
	if (a->family != b->family)
		return false;
	return a->family == AF_INET ? a->a4 == b->a4 :
	       ipv6_addr_equal(&a->a6, &b->a6);
}

static void addr_of(const struct sk_buff *skb, struct qkd_addr *from,
		    struct qkd_addr *to)
{
	if (ip_hdr(skb)->version == 4) {
		from->family = AF_INET;
		to->family = AF_INET;
		from->a4 = ip_hdr(skb)->saddr;
		to->a4 = ip_hdr(skb)->daddr;
	} else {
		from->family = AF_INET6;
		to->family = AF_INET6;
		from->a6 = ipv6_hdr(skb)->saddr;
		to->a6 = ipv6_hdr(skb)->daddr;
	}
}

/**
 * otp_endpoint_learn - an authentic packet came: answer where it came from
 * @t: the tunnel
 * @skb: as received, headers in place
 * @epoch: of its pad
 * @offset: of its pad. A packet older than one heard before tells nothing, so
 *	that who delays packets cannot lead the tunnel back
 *
 * Context: BH disabled, RCU read lock.
 */
void otp_endpoint_learn(struct otp_tunnel *t, const struct sk_buff *skb,
			u32 epoch, u64 offset)
{
	const struct otp_endpoint *ep = rcu_dereference(t->endpoint);
	struct otp_endpoint *heard;
	struct qkd_addr from = {}, to = {};

	addr_of(skb, &from, &to);
	if (ep && ep->port == udp_hdr(skb)->source &&
	    same_addr(&ep->peer, &from))
		return;
	heard = kzalloc(sizeof(*heard), GFP_ATOMIC);
	if (!heard)
		return;
	heard->peer = from;
	heard->local = to;
	heard->port = udp_hdr(skb)->source;
	spin_lock(&t->endpoint_lock);
	if (epoch < t->heard_epoch ||
	    (epoch == t->heard_epoch && offset < t->heard_offset)) {
		kfree(heard);
	} else {
		t->heard_epoch = epoch;
		t->heard_offset = offset;
		replace(t, heard);
		otp_count(t, OTP_ROAMED, 1);
	}
	spin_unlock(&t->endpoint_lock);
}
