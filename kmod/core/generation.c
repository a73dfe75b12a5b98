// SPDX-License-Identifier: GPL-2.0
/*
 * The table of generations: which link's key a message or a key ID names.
 */
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/slab.h>
#include "core.h"

/* by generation; written under qkd_gen_lock, read under RCU */
static DEFINE_HASHTABLE(qkd_by_gen, QKD_HASH_BITS);
static DEFINE_SPINLOCK(qkd_gen_lock);

static u32 hash_gen(const u8 *gen)
{
	return jhash(gen, QKD_GENERATION_SIZE, 0);
}

static struct qkd_generation *generation_match(struct hlist_node *n,
					       struct net *net, const u8 *gen)
{
	struct qkd_generation *g;

	for (; n; n = rcu_dereference(hlist_next_rcu(n))) {
		g = hlist_entry(n, struct qkd_generation, node);
		if (net_eq(g->link->net, net) &&
		    !memcmp(g->gen, gen, QKD_GENERATION_SIZE))
			return g;
	}
	return NULL;
}

/**
 * qkd_generation_first - a generation of a namespace's links
 * @net: the namespace
 * @gen: its name
 *
 * There are two when both ends of a link are in one namespace.
 * Context: RCU read side.
 */
struct qkd_generation *qkd_generation_first(struct net *net, const u8 *gen)
{
	u32 i = hash_min(hash_gen(gen), QKD_HASH_BITS);

	return generation_match(rcu_dereference(hlist_first_rcu(&qkd_by_gen[i])),
				net, gen);
}

/**
 * qkd_generation_next - another one of the same name
 * @g: the one before
 * @net: the namespace
 * @gen: its name
 *
 * Context: RCU read side.
 */
struct qkd_generation *qkd_generation_next(struct qkd_generation *g,
					   struct net *net, const u8 *gen)
{
	return generation_match(rcu_dereference(hlist_next_rcu(&g->node)),
				net, gen);
}

/* Whether another link of the same end is of that generation. */
static bool generation_taken(struct qkd_link *link, const u8 *gen)
{
	struct qkd_generation *g;
	bool taken = false;

	rcu_read_lock();
	for (g = qkd_generation_first(link->net, gen); g;
	     g = qkd_generation_next(g, link->net, gen))
		taken |= g->link->lower == link->lower;
	rcu_read_unlock();
	return taken;
}

/**
 * qkd_generation_set - enter the name of a link's generation
 * @link: with pool.feed held
 * @gen: the name, or NULL for none
 * @epoch: its number here
 *
 * Return: 0, -EEXIST, -ENOMEM.
 */
int qkd_generation_set(struct qkd_link *link, const u8 *gen, u32 epoch)
{
	struct qkd_generation *new = NULL, *old;

	lockdep_assert_held(&link->pool.feed);
	if (gen) {
		new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
		if (!new)
			return -ENOMEM;
		new->link = link;
		new->epoch = epoch;
		memcpy(new->gen, gen, sizeof(new->gen));
	}
	spin_lock_bh(&qkd_gen_lock);
	if (new && generation_taken(link, gen)) {
		spin_unlock_bh(&qkd_gen_lock);
		kfree(new);
		return -EEXIST;
	}
	old = rcu_replace_pointer(link->gen, new,
				  lockdep_is_held(&link->pool.feed));
	if (old)
		hash_del_rcu(&old->node);
	if (new)
		hash_add_rcu(qkd_by_gen, &new->node, hash_gen(gen));
	spin_unlock_bh(&qkd_gen_lock);
	if (old)
		kfree_rcu(old, rcu);
	return 0;
}

u32 qkd_link_generation(struct qkd_link *link, u8 gen[QKD_GENERATION_SIZE])
{
	struct qkd_generation *g;
	u32 epoch = 0;

	rcu_read_lock();
	g = rcu_dereference(link->gen);
	if (g) {
		memcpy(gen, g->gen, QKD_GENERATION_SIZE);
		epoch = g->epoch;
	} else {
		memset(gen, 0, QKD_GENERATION_SIZE);
	}
	rcu_read_unlock();
	return epoch;
}
EXPORT_SYMBOL_GPL(qkd_link_generation);
