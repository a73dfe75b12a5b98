// SPDX-License-Identifier: GPL-2.0
/*
 * Endpoints: the addresses of a link's two ends, and the link between two.
 */
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/netns/hash.h>
#include <net/ipv6.h>
#include "core.h"

/* by net and peer address; written under qkd_conf_mutex, read under RCU */
static DEFINE_HASHTABLE(qkd_by_peer, QKD_HASH_BITS);

/* ---- finding ---- */

static u32 hash_addr(const struct net *net, const struct qkd_addr *a)
{
	if (a->family == AF_INET)
		return jhash_1word((__force u32)a->a4, net_hash_mix(net));
	return jhash2((const u32 *)a->a6.s6_addr32, 4, net_hash_mix(net));
}

static bool same_addr(const struct qkd_addr *a, const struct qkd_addr *b)
{
	if (a->family != b->family)
		return false;
	return a->family == AF_INET ? a->a4 == b->a4 :
				      ipv6_addr_equal(&a->a6, &b->a6);
}

struct qkd_link *qkd_link_find_ends(struct net *net,
				    const struct qkd_addr *local,
				    const struct qkd_addr *peer)
{
	struct qkd_link *link = NULL;
	struct qkd_ends *e;

	rcu_read_lock();
	hash_for_each_possible_rcu(qkd_by_peer, e, node, hash_addr(net, peer))
		if (net_eq(e->link->net, net) && same_addr(&e->peer, peer) &&
		    same_addr(&e->local, local)) {
			link = qkd_link_get(e->link);
			break;
		}
	rcu_read_unlock();
	return link;
}
EXPORT_SYMBOL_GPL(qkd_link_find_ends);

int qkd_link_ends(struct qkd_link *link, sa_family_t family,
		  struct qkd_addr *local, struct qkd_addr *peer)
{
	struct qkd_ends *e;

	rcu_read_lock();
	e = family == AF_INET ? rcu_dereference(link->ends4) :
	    family == AF_INET6 ? rcu_dereference(link->ends6) : NULL;
	if (e) {
		*local = e->local;
		*peer = e->peer;
	}
	rcu_read_unlock();
	return e ? 0 : -EADDRNOTAVAIL;
}
EXPORT_SYMBOL_GPL(qkd_link_ends);

void qkd_link_ports(struct qkd_link *link, __be16 *local, __be16 *peer)
{
	*local = cpu_to_be16(qkd_port);
	*peer = READ_ONCE(link->peer_port);
}
EXPORT_SYMBOL_GPL(qkd_link_ports);

/* ---- changing ---- */

static void ends_replace(struct qkd_link *link, struct qkd_ends __rcu **where,
			 struct qkd_ends *new)
{
	struct qkd_ends *old;

	lockdep_assert_held(&qkd_conf_mutex);
	old = rcu_replace_pointer(*where, new,
				  lockdep_is_held(&qkd_conf_mutex));
	if (new)
		hash_add_rcu(qkd_by_peer, &new->node,
			     hash_addr(link->net, &new->peer));
	if (old) {
		hash_del_rcu(&old->node);
		kfree_rcu(old, rcu);
	}
}

static bool addr_any(const struct qkd_addr *a)
{
	return a->family == AF_INET ? !a->a4 : ipv6_addr_any(&a->a6);
}

/*
 * The endpoints of one family as they will be: what is not given stays, zeros
 * take them away. *@ends is NULL for none.
 */
static int make_ends(struct qkd_link *link, struct qkd_ends __rcu *now,
		     const struct qkd_addr *local, const struct qkd_addr *peer,
		     struct qkd_ends **ends, struct netlink_ext_ack *extack)
{
	struct qkd_addr zero = {
		.family = local ? local->family : peer->family
	};
	struct qkd_ends *old, *new;

	old = rcu_dereference_protected(now, lockdep_is_held(&qkd_conf_mutex));
	*ends = NULL;
	local = local ?: old ? &old->local : &zero;
	peer = peer ?: old ? &old->peer : &zero;
	if (addr_any(local) && addr_any(peer))
		return 0;
	if (addr_any(local) || addr_any(peer)) {
		NL_SET_ERR_MSG(extack, "endpoints of a family need both, local and peer address");
		return -EINVAL;
	}
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->link = link;
	new->local = *local;
	new->peer = *peer;
	*ends = new;
	return 0;
}

/**
 * qkd_ends_set - change a link's endpoints
 * @link: with qkd_conf_mutex held
 * @set: what is to change
 * @extack: says what to mend
 *
 * Return: 0 or an error, and then nothing changed.
 */
int qkd_ends_set(struct qkd_link *link, const struct qkd_settings *set,
		 struct netlink_ext_ack *extack)
{
	bool has4 = set->has_local4 || set->has_peer4;
	bool has6 = set->has_local6 || set->has_peer6;
	struct qkd_ends *ends4 = NULL, *ends6 = NULL;
	int err = 0;

	if (has4)
		err = make_ends(link, link->ends4,
				set->has_local4 ? &set->local4 : NULL,
				set->has_peer4 ? &set->peer4 : NULL,
				&ends4, extack);
	if (!err && has6)
		err = make_ends(link, link->ends6,
				set->has_local6 ? &set->local6 : NULL,
				set->has_peer6 ? &set->peer6 : NULL,
				&ends6, extack);
	if (err) {
		kfree(ends4);
		return err;
	}
	if (has4)
		ends_replace(link, &link->ends4, ends4);
	if (has6)
		ends_replace(link, &link->ends6, ends6);
	return 0;
}

/**
 * qkd_ends_clear - nobody finds a link by its endpoints any more
 * @link: with qkd_conf_mutex held
 */
void qkd_ends_clear(struct qkd_link *link)
{
	ends_replace(link, &link->ends4, NULL);
	ends_replace(link, &link->ends6, NULL);
}
