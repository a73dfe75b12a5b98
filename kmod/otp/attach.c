// SPDX-License-Identifier: GPL-2.0
/*
 * A tunnel's hold on its QKD link: taken when both are there, given up when
 * either goes, taken again when the link comes back; and the generations of
 * the link's key, with their hash keys. What to do with key is for others.
 *
 *	DETACHED --link there--> ATTACHED --generation--> READY
 *	   ^-----link deleted------'  ^------generation-----'
 *
 * A device that no link was named for yet is detached, and on no list.
 */

#include <linux/jhash.h>
#include <linux/notifier.h>
#include <linux/slab.h>
#include "otp.h"

/* who is attached to what: otp_tunnels, att, gen, shares */
DEFINE_MUTEX(otp_mutex);
static LIST_HEAD(otp_tunnels);	/* otp_mutex */

/* ---- generations ---- */

static u32 gen_hash(u16 id, const u8 name[OTP_GEN_SIZE])
{
	return jhash(name, OTP_GEN_SIZE, id);
}

/**
 * otp_gen_find - whose packets these are
 * @on: the namespace
 * @port: that the packet came to: both ends of a link may be in one namespace
 * @id: the tunnel's number, as the packet says
 * @name: the generation's first bytes, as the packet says
 *
 * Context: RCU read lock. Return: the generation or NULL.
 */
struct otp_gen *otp_gen_find(struct otp_net *on, __be16 port, u16 id,
			     const u8 name[OTP_GEN_SIZE])
{
	struct otp_gen *g;

	hash_for_each_possible_rcu(on->gens, g, node, gen_hash(id, name))
		if (g->id == id && g->port == port &&
		    !memcmp(g->name, name, OTP_GEN_SIZE))
			return g;
	return NULL;
}

static int fill_key(struct otp_gen *g, bool tx, struct otp_key *k)
{
	u8 secret[QKD_MAC_SECRET_SIZE];
	int err = 0;

	BUILD_BUG_ON(QKD_MAC_SECRET_SIZE < OTP_SECRET_SIZE);
	spin_lock_bh(&g->lock);
	if (k->ready)
		goto out;
	err = qkd_mac_secret(g->att->link, g->epoch, tx, secret);
	if (err)
		goto out;
	otp_hash_key_set(&k->hash, secret);
	memzero_explicit(secret, sizeof(secret));
	/* pairs with smp_load_acquire() in otp_gen_key(): hash is filled */
	smp_store_release(&k->ready, true);
out:
	spin_unlock_bh(&g->lock);
	return err;
}

/**
 * otp_gen_key - the hash key of a direction
 * @g: the generation
 * @tx: to send with; else to receive with
 * @key: set, valid as long as @g
 *
 * Context: RCU read lock. Return: 0, or as qkd_mac_secret().
 */
int otp_gen_key(struct otp_gen *g, bool tx, const struct otp_hash_key **key)
{
	struct otp_key *k = tx ? &g->tx : &g->rx;

	*key = &k->hash;
	/* pairs with smp_store_release() in fill_key() */
	if (likely(smp_load_acquire(&k->ready)))
		return 0;
	return fill_key(g, tx, k);
}

static void gen_free(struct rcu_head *rcu)
{
	kfree_sensitive(container_of(rcu, struct otp_gen, rcu));
}

static void gen_drop(struct otp_attach *att)
{
	struct otp_gen *g = rcu_dereference_protected(att->gen,
				lockdep_is_held(&otp_mutex));

	if (!g)
		return;
	RCU_INIT_POINTER(att->gen, NULL);
	hash_del_rcu(&g->node);
	call_rcu(&g->rcu, gen_free);
}

/*
 * Follow the link's generation. Nobody could be told that it was missed, and no
 * packet would pass until the next one: so this waits for memory.
 */
static void gen_renew(struct otp_attach *att)
{
	struct otp_gen *g, *old = rcu_dereference_protected(att->gen,
				lockdep_is_held(&otp_mutex));
	u8 name[QKD_GENERATION_SIZE];
	u32 epoch;

	epoch = qkd_link_generation(att->link, name);
	if (old && old->epoch == epoch)
		return;
	gen_drop(att);
	if (!epoch)
		return;
	g = kzalloc(sizeof(*g), GFP_KERNEL | __GFP_NOFAIL);
	g->att = att;
	g->epoch = epoch;
	g->id = att->tunnel->cfg.id;
	g->port = att->tunnel->cfg.port;
	memcpy(g->name, name, OTP_GEN_SIZE);
	spin_lock_init(&g->lock);
	hash_add_rcu(otp_net(att->tunnel->net)->gens, &g->node,
		     gen_hash(g->id, g->name));
	rcu_assign_pointer(att->gen, g);
}

/* ---- attachments ---- */

static struct otp_attach *attached(struct otp_tunnel *t)
{
	return rcu_dereference_protected(t->att, lockdep_is_held(&otp_mutex));
}

/* Of the device's name; with its number, if another of that name has one. */
static struct qkd_consumer *account(struct otp_tunnel *t, struct qkd_link *link)
{
	char name[IFNAMSIZ + 6];
	struct qkd_consumer *c;

	c = qkd_consumer_add(link, "otp", t->dev->name);
	if (c != ERR_PTR(-EEXIST))
		return c;
	/* it was renamed since, or is in another namespace */
	snprintf(name, sizeof(name), "%s.%u", t->dev->name, t->cfg.id);
	return qkd_consumer_add(link, "otp", name);
}

static int attach(struct otp_tunnel *t, struct qkd_link *link,
		  struct netlink_ext_ack *extack)
{
	struct otp_attach *att;
	int err;

	att = kzalloc(sizeof(*att), GFP_KERNEL);
	if (!att)
		return -ENOMEM;
	att->tunnel = t;
	att->link = link;
	qkd_link_hold(link);
	att->consumer = account(t, link);
	if (IS_ERR(att->consumer)) {
		err = PTR_ERR(att->consumer);
		NL_SET_ERR_MSG(extack, "the link opens no account");
		goto err_link;
	}
	err = otp_share_join(att);
	if (err)
		goto err_consumer;
	gen_renew(att);
	rcu_assign_pointer(t->att, att);
	/* without a configured remote the link's endpoint counts */
	otp_endpoint_reset(t);
	otp_wake(&t->wait);
	return 0;

err_consumer:
	qkd_consumer_del(att->consumer);
err_link:
	qkd_link_put(link);
	kfree(att);
	return err;
}

static void detach(struct otp_tunnel *t)
{
	struct otp_attach *att = attached(t);

	if (!att)
		return;
	RCU_INIT_POINTER(t->att, NULL);
	gen_drop(att);
	/* no packet holds att or its generation after this */
	synchronize_net();
	otp_pad_flush(t);
	/* what waits for key waits in vain */
	otp_wake(&t->wait);
	otp_share_leave(att);
	qkd_consumer_del(att->consumer);
	qkd_link_put(att->link);
	kfree(att);
}

static bool taken(const struct otp_tunnel *t)
{
	const struct otp_tunnel *o;

	list_for_each_entry(o, &otp_tunnels, list)
		if (o->net == t->net && o->cfg.id == t->cfg.id &&
		    !strcmp(o->cfg.link, t->cfg.link))
			return true;
	return false;
}

/**
 * otp_attach_new - attach a new tunnel to its link
 * @t: configured
 * @extack: told what is wrong
 *
 * Context: may sleep, under rtnl. Return: 0, -ENODEV without such a link,
 * -EEXIST if the link has a tunnel of this number, -ENOMEM.
 */
int otp_attach_new(struct otp_tunnel *t, struct netlink_ext_ack *extack)
{
	struct qkd_link *link;
	int err = -EEXIST;

	mutex_lock(&otp_mutex);
	if (taken(t)) {
		NL_SET_ERR_MSG(extack,
			       "the link has a tunnel of this id already");
		goto out;
	}
	link = qkd_link_find(t->net, t->cfg.link);
	if (!link) {
		NL_SET_ERR_MSG(extack, "no QKD link of this name here");
		err = -ENODEV;
		goto out;
	}
	err = attach(t, link, extack);
	qkd_link_put(link);
	if (!err)
		list_add(&t->list, &otp_tunnels);
out:
	mutex_unlock(&otp_mutex);
	return err;
}

/**
 * otp_attach_end - detach a tunnel for good
 * @t: attached once by otp_attach_new()
 *
 * Context: may sleep, under rtnl.
 */
void otp_attach_end(struct otp_tunnel *t)
{
	mutex_lock(&otp_mutex);
	detach(t);
	list_del_init(&t->list);
	mutex_unlock(&otp_mutex);
}

/**
 * otp_attach_changed - look at a tunnel's configuration again
 * @t: whose endpoint may have changed
 *
 * Context: may sleep, under rtnl.
 */
void otp_attach_changed(struct otp_tunnel *t)
{
	mutex_lock(&otp_mutex);
	otp_endpoint_reset(t);
	mutex_unlock(&otp_mutex);
}

/**
 * otp_attach_terms - a tunnel's part of the key was set anew
 * @t: the tunnel
 *
 * Context: may sleep, under rtnl.
 */
void otp_attach_terms(struct otp_tunnel *t)
{
	struct otp_attach *att;

	mutex_lock(&otp_mutex);
	att = attached(t);
	if (att)
		otp_share_changed(att);
	mutex_unlock(&otp_mutex);
}

static bool is_meant(const struct otp_tunnel *t, const struct qkd_link *link)
{
	return t->net == qkd_link_net(link) &&
	       !strcmp(t->cfg.link, qkd_link_name(link));
}

/* A link that there was no memory for is tried again when it is heard of. */
static void link_event(struct otp_tunnel *t, enum qkd_event event,
		       struct qkd_link *link)
{
	struct otp_attach *att = attached(t);

	if (!att && event != QKD_LINK_DEL && is_meant(t, link)) {
		attach(t, link, NULL);
		return;
	}
	if (!att || att->link != link)
		return;
	switch (event) {
	case QKD_LINK_SET:
		otp_endpoint_reset(t);
		otp_wake(&t->wait);
		break;
	case QKD_LINK_DEL:
		detach(t);
		break;
	default:
		/* also if there was no memory for it when it was new */
		gen_renew(att);
		otp_wake(&t->wait);
	}
}

static int otp_notify(struct notifier_block *nb, unsigned long event,
		      void *ptr)
{
	struct otp_tunnel *t;

	mutex_lock(&otp_mutex);
	list_for_each_entry(t, &otp_tunnels, list)
		link_event(t, event, ptr);
	mutex_unlock(&otp_mutex);
	return NOTIFY_DONE;
}

static struct notifier_block otp_notifier = { .notifier_call = otp_notify };

int otp_attach_register(void)
{
	return qkd_register_notifier(&otp_notifier);
}

void otp_attach_unregister(void)
{
	qkd_unregister_notifier(&otp_notifier);
}
