// SPDX-License-Identifier: GPL-2.0
/*
 * Links: made, changed, found, deleted; their one state; their events.
 *
 *                  admin up               start            confirm
 *         DOWN ------------> WAITING ----------> STARVED ---------> LOW
 *          ^                   ^                  ^   ^              |  ^
 *          |  admin down       | (admin up after  |   '--- empty ----'  |
 *          '-- from any state  |  admin down, no  |                     |
 *                              |  generation)     |      >= high mark   v  < low mark
 *                              |                  '---- empty -------- UP
 *
 * The state follows from what is so: whether the administrator wants the link,
 * whether there is a generation, how much confirmed key there is, and, between
 * the marks, the state before. Only qkd_link_update() changes it. Empty is a
 * pool in which nothing is left but the control messages' share.
 *
 * A link is found under RCU and held by reference; being deleted, it stays as
 * an empty shell until the last reference goes.
 */
#include <linux/ctype.h>
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/ipv6.h>
#include "core.h"

static unsigned int max_links = 16384;
module_param(max_links, uint, 0644);
MODULE_PARM_DESC(max_links, "links on this machine, at most");

static unsigned int max_pool_size = QKD_POOL_MAX;
module_param(max_pool_size, uint, 0644);
MODULE_PARM_DESC(max_pool_size, "bytes of each of a pool's two rings, at most");

static unsigned int userns_max_links = 64;
module_param(userns_max_links, uint, 0644);
MODULE_PARM_DESC(userns_max_links, "links of a network namespace owned by another user namespace, at most");

static unsigned int userns_max_pool_size = SZ_1M;
module_param(userns_max_pool_size, uint, 0644);
MODULE_PARM_DESC(userns_max_pool_size, "max_pool_size there");

static unsigned int pool_size = QKD_POOL_DEFAULT;
module_param(pool_size, uint, 0644);
MODULE_PARM_DESC(pool_size, "bytes of each ring where a link does not say");

/* protects the set of links, their endpoints, and settings in the making */
DEFINE_MUTEX(qkd_conf_mutex);

BLOCKING_NOTIFIER_HEAD(qkd_chain);

/* by index; written under qkd_conf_mutex, read under RCU */
static DEFINE_XARRAY_ALLOC(qkd_links);
static u32 qkd_links_next;
static u32 qkd_n_links;

/* shells included: the module waits for them */
static atomic_t qkd_links_left;

#define QKD_HASH_BITS	12

/* by net and name, net and peer address: qkd_conf_mutex; by generation:
 * qkd_gen_lock; all read under RCU
 */
static DEFINE_HASHTABLE(qkd_by_name, QKD_HASH_BITS);
static DEFINE_HASHTABLE(qkd_by_peer, QKD_HASH_BITS);
static DEFINE_HASHTABLE(qkd_by_gen, QKD_HASH_BITS);
static DEFINE_SPINLOCK(qkd_gen_lock);

/* ---- references ---- */

void qkd_link_hold(struct qkd_link *link)
{
	refcount_inc(&link->ref);
}
EXPORT_SYMBOL_GPL(qkd_link_hold);

static void link_free(struct qkd_link *link)
{
	qkd_alarm_free(link);
	qkd_consumers_free(link);
	put_user_ns(link->user_ns);
	kfree(link->config);
	kfree(link->report.text);
	kfree_rcu(link, rcu);
	if (atomic_dec_and_test(&qkd_links_left))
		wake_up_var(&qkd_links_left);
}

void qkd_link_put(struct qkd_link *link)
{
	if (link && refcount_dec_and_test(&link->ref))
		link_free(link);
}
EXPORT_SYMBOL_GPL(qkd_link_put);

/**
 * qkd_links_wait - until no link is left, not even as a shell
 *
 * Context: may sleep; no link can be made any more.
 */
void qkd_links_wait(void)
{
	wait_var_event(&qkd_links_left, !atomic_read(&qkd_links_left));
}

static struct qkd_link *link_get(struct qkd_link *link)
{
	return link && refcount_inc_not_zero(&link->ref) ? link : NULL;
}

/* ---- finding ---- */

static u32 hash_name(const struct net *net, const char *name)
{
	return jhash(name, strlen(name), net_hash_mix(net));
}

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

static struct qkd_link *find_name(struct net *net, const char *name)
{
	struct qkd_link *link;

	hash_for_each_possible_rcu(qkd_by_name, link, node,
				   hash_name(net, name),
				   lockdep_is_held(&qkd_conf_mutex))
		if (net_eq(link->net, net) && !strcmp(link->name, name))
			return link;
	return NULL;
}

struct qkd_link *qkd_link_find(struct net *net, const char *name)
{
	struct qkd_link *link;

	rcu_read_lock();
	link = link_get(find_name(net, name));
	rcu_read_unlock();
	return link;
}
EXPORT_SYMBOL_GPL(qkd_link_find);

struct qkd_link *qkd_link_find_index(struct net *net, u32 index)
{
	struct qkd_link *link;

	rcu_read_lock();
	link = link_get(xa_load(&qkd_net(net)->links, index));
	rcu_read_unlock();
	return link;
}
EXPORT_SYMBOL_GPL(qkd_link_find_index);

/**
 * qkd_link_find_minor - a link by the number of its device
 * @index: of any namespace
 */
struct qkd_link *qkd_link_find_minor(u32 index)
{
	struct qkd_link *link;

	rcu_read_lock();
	link = link_get(xa_load(&qkd_links, index));
	rcu_read_unlock();
	return link;
}

/**
 * qkd_link_next - walk through a namespace's links
 * @qn: the namespace
 * @index: where to begin; set to the found link's index
 *
 * Return: the link, referenced, or NULL at the end.
 */
struct qkd_link *qkd_link_next(struct qkd_net *qn, unsigned long *index)
{
	struct qkd_link *link;

	rcu_read_lock();
	for (link = xa_find(&qn->links, index, ULONG_MAX, XA_PRESENT);
	     link && !link_get(link);
	     link = xa_find_after(&qn->links, index, ULONG_MAX, XA_PRESENT))
		;
	rcu_read_unlock();
	return link;
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
			link = link_get(e->link);
			break;
		}
	rcu_read_unlock();
	return link;
}
EXPORT_SYMBOL_GPL(qkd_link_find_ends);

/* ---- generations ---- */

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

/* ---- endpoints ---- */

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

/* ---- looking ---- */

const char *qkd_link_name(const struct qkd_link *link)
{
	return link->name;
}
EXPORT_SYMBOL_GPL(qkd_link_name);

u32 qkd_link_index(const struct qkd_link *link)
{
	return link->index;
}
EXPORT_SYMBOL_GPL(qkd_link_index);

struct net *qkd_link_net(const struct qkd_link *link)
{
	return link->net;
}
EXPORT_SYMBOL_GPL(qkd_link_net);

bool qkd_link_lower(const struct qkd_link *link)
{
	return link->lower;
}
EXPORT_SYMBOL_GPL(qkd_link_lower);

/* ---- events ---- */

int qkd_register_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_register(&qkd_chain, nb);
}
EXPORT_SYMBOL_GPL(qkd_register_notifier);

int qkd_unregister_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_unregister(&qkd_chain, nb);
}
EXPORT_SYMBOL_GPL(qkd_unregister_notifier);

/**
 * qkd_link_queue - queue a work item of a link, unless the link goes
 * @link: its
 * @work: one of its
 *
 * Context: any.
 */
void qkd_link_queue(struct qkd_link *link, struct work_struct *work)
{
	spin_lock_bh(&link->work_lock);
	if (!link->no_work)
		queue_work(qkd_wq, work);
	spin_unlock_bh(&link->work_lock);
}

/**
 * qkd_link_event - tell something to whom it concerns, later
 * @link: of it
 * @event: QKD_EV_*
 *
 * Context: any.
 */
void qkd_link_event(struct qkd_link *link, int event)
{
	if (!test_and_set_bit(event, &link->events))
		qkd_link_queue(link, &link->event_work);
}

static void link_event_work(struct work_struct *work)
{
	struct qkd_link *link = container_of(work, struct qkd_link, event_work);
	unsigned long events = xchg(&link->events, 0);

	if (events & BIT(QKD_EV_GENERATION)) {
		blocking_notifier_call_chain(&qkd_chain, QKD_GENERATION, link);
		qkd_nl_notify_alarm(link, QKD_ALARM_GENERATION,
				    "streams started anew");
	}
	if (events & BIT(QKD_EV_KEY)) {
		qkd_named_kick(link);
		blocking_notifier_call_chain(&qkd_chain, QKD_KEY, link);
	}
	if (events & BIT(QKD_EV_LOW))
		qkd_nl_notify_alarm(link, QKD_ALARM_LOW,
				    "confirmed key is below the low watermark");
	if (events & (BIT(QKD_EV_STATE) | BIT(QKD_EV_GENERATION)))
		qkd_nl_notify_link(link);
	if (events & (BIT(QKD_EV_STATE) | BIT(QKD_EV_LEVEL)))
		qkd_nl_notify_key(link);
	qkd_alarm_send(link);
}

/* ---- the state ---- */

static u32 link_state(struct qkd_link *link, u32 old)
{
	u64 have = qkd_pool_available(link);

	if (!READ_ONCE(link->admin_up))
		return QKD_OPER_STATE_DOWN;
	if (!rcu_access_pointer(link->gen))
		return QKD_OPER_STATE_WAITING;
	if (have <= QKD_CONTROL_SHARE)
		return QKD_OPER_STATE_STARVED;
	if (have >= READ_ONCE(link->high))
		return QKD_OPER_STATE_UP;
	if (old == QKD_OPER_STATE_UP && have >= READ_ONCE(link->low))
		return QKD_OPER_STATE_UP;
	return QKD_OPER_STATE_LOW;
}

void qkd_link_update(struct qkd_link *link)
{
	u32 old = READ_ONCE(link->oper), new;

	if (link_state(link, old) == old)
		return;
	spin_lock_bh(&link->state_lock);
	old = link->oper;
	new = link_state(link, old);
	WRITE_ONCE(link->oper, new);
	spin_unlock_bh(&link->state_lock);
	if (old == new)
		return;
	if (old == QKD_OPER_STATE_UP && new == QKD_OPER_STATE_LOW)
		qkd_link_event(link, QKD_EV_LOW);
	qkd_link_event(link, QKD_EV_STATE);
}

/* ---- settings ---- */

/* Words that name things: visible, no blanks, no slash. */
static bool is_word(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	for (; *p; p++)
		if (*p <= ' ' || *p == '/' || *p == 0x7f)
			return false;
	return *s;
}

static int check_words(const struct qkd_settings *set,
		       struct netlink_ext_ack *extack)
{
	if (!is_word(set->name)) {
		NL_SET_ERR_MSG(extack, "name must be visible, without blanks or slashes");
		return -EINVAL;
	}
	if (!is_word(set->local_node) || !is_word(set->peer_node)) {
		NL_SET_ERR_MSG(extack, "a node ID must be visible, without blanks or slashes");
		return -EINVAL;
	}
	if (!strcmp(set->local_node, set->peer_node)) {
		NL_SET_ERR_MSG(extack, "peer-node must differ from local-node");
		return -EINVAL;
	}
	return 0;
}

static int check_size(const struct net *net, u32 size,
		      struct netlink_ext_ack *extack)
{
	u32 most = READ_ONCE(max_pool_size);

	if (net->user_ns != &init_user_ns)
		most = min(most, READ_ONCE(userns_max_pool_size));
	if (!is_power_of_2(size) || size < QKD_POOL_MIN ||
	    size > QKD_POOL_MAX) {
		NL_SET_ERR_MSG(extack, "pool-size must be a power of two from 4096 to 1073741824");
		return -EINVAL;
	}
	if (size > most) {
		NL_SET_ERR_MSG(extack, "pool-size is above the module's limit (parameters max_pool_size)");
		return -EINVAL;
	}
	return 0;
}

static int check_marks(u32 low, u32 high, u32 size,
		       struct netlink_ext_ack *extack)
{
	if (low > high) {
		NL_SET_ERR_MSG(extack, "low-watermark must not be above high-watermark");
		return -EINVAL;
	}
	if (high > size) {
		NL_SET_ERR_MSG(extack, "high-watermark must not be above pool-size");
		return -EINVAL;
	}
	return 0;
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

static int set_ends(struct qkd_link *link, const struct qkd_settings *set,
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

/* The rest of what link-set can change; nothing of it fails. */
static void set_info(struct qkd_link *link, const struct qkd_settings *set,
		     char *config)
{
	mutex_lock(&link->info_mutex);
	if (set->driver)
		strscpy(link->driver, set->driver, sizeof(link->driver));
	if (set->config) {
		kfree(link->config);
		link->config = config;
	}
	if (set->has_low)
		WRITE_ONCE(link->low, set->low);
	if (set->has_high)
		WRITE_ONCE(link->high, set->high);
	if (set->has_peer_port)
		WRITE_ONCE(link->peer_port, set->peer_port);
	mutex_unlock(&link->info_mutex);
	if (set->has_grace)
		WRITE_ONCE(link->pool.grace_ms, set->grace_ms);
	if (set->has_admin)
		WRITE_ONCE(link->admin_up, set->admin == QKD_ADMIN_STATE_UP);
}

static int link_apply(struct qkd_link *link, const struct qkd_settings *set,
		      struct netlink_ext_ack *extack)
{
	char *config = NULL;
	int err;

	lockdep_assert_held(&qkd_conf_mutex);
	err = check_marks(set->has_low ? set->low : link->low,
			  set->has_high ? set->high : link->high,
			  link->pool.size, extack);
	if (err)
		return err;
	if (set->has_peer_port && !set->peer_port) {
		NL_SET_ERR_MSG(extack, "peer-port must not be 0");
		return -EINVAL;
	}
	if (set->config && *set->config) {
		config = kstrdup(set->config, GFP_KERNEL_ACCOUNT);
		if (!config)
			return -ENOMEM;
	}
	err = set_ends(link, set, extack);
	if (err) {
		kfree(config);
		return err;
	}
	set_info(link, set, config);
	return 0;
}

/* ---- ending ---- */

/* Nothing of it uses the namespace, nor calls anybody, any more. */
static void link_stop(struct qkd_link *link)
{
	down_write(&link->alive);
	WRITE_ONCE(link->dead, true);
	up_write(&link->alive);
	spin_lock_bh(&link->work_lock);
	link->no_work = true;
	spin_unlock_bh(&link->work_lock);
	qkd_peer_end(link);
	cancel_work_sync(&link->event_work);
}

/* Its key is erased, and whoever waits is told; it is a shell from now on. */
static void link_end(struct qkd_link *link)
{
	link_stop(link);
	qkd_pool_end(link);
	qkd_named_end(link);
	wake_up_interruptible_all(&link->wait);
}

/* ---- making ---- */

static struct qkd_link *link_alloc(struct net *net,
				   const struct qkd_settings *set, u32 size)
{
	struct qkd_link *link = kzalloc(sizeof(*link), GFP_KERNEL_ACCOUNT);

	if (!link)
		return NULL;
	refcount_set(&link->ref, 1);
	link->net = net;
	link->user_ns = get_user_ns(net->user_ns);
	strscpy(link->name, set->name, sizeof(link->name));
	strscpy(link->local_node, set->local_node, sizeof(link->local_node));
	strscpy(link->peer_node, set->peer_node, sizeof(link->peer_node));
	link->lower = strcmp(set->local_node, set->peer_node) < 0;
	link->role = set->has_role ? set->role : QKD_ROLE_NONE;
	init_rwsem(&link->alive);
	mutex_init(&link->info_mutex);
	init_waitqueue_head(&link->wait);
	spin_lock_init(&link->state_lock);
	spin_lock_init(&link->work_lock);
	INIT_WORK(&link->event_work, link_event_work);
	mutex_init(&link->named_mutex);
	INIT_LIST_HEAD(&link->named);
	qkd_consumers_init(link);
	qkd_alarm_init(link);
	qkd_peer_init(link);
	qkd_pool_init(link, size);
	link->peer_port = cpu_to_be16(QKD_PORT);
	link->low = size / 8;
	link->high = size / 4;
	atomic_inc(&qkd_links_left);
	return link;
}

/* Before anybody else has heard of it. */
static void link_forget(struct qkd_link *link)
{
	ends_replace(link, &link->ends4, NULL);
	ends_replace(link, &link->ends6, NULL);
	qkd_link_put(link);
}

static int link_check(struct qkd_net *qn, const struct qkd_settings *set,
		      u32 size, struct netlink_ext_ack *extack)
{
	int err;

	lockdep_assert_held(&qkd_conf_mutex);
	err = check_words(set, extack);
	if (!err)
		err = check_size(qn->net, size, extack);
	if (err)
		return err;
	if (find_name(qn->net, set->name)) {
		NL_SET_ERR_MSG(extack, "a link of this name exists");
		return -EEXIST;
	}
	if (qkd_n_links >= READ_ONCE(max_links) ||
	    (qn->net->user_ns != &init_user_ns &&
	     qn->n_links >= READ_ONCE(userns_max_links))) {
		NL_SET_ERR_MSG(extack, "no more links: see the module's parameters max_links");
		return -ENOSPC;
	}
	return 0;
}

/* From here on it is found. */
static int link_publish(struct qkd_net *qn, struct qkd_link *link)
{
	int err;

	lockdep_assert_held(&qkd_conf_mutex);
	err = xa_reserve(&qn->links, link->index, GFP_KERNEL);
	if (err)
		return err;
	xa_store(&qkd_links, link->index, link, GFP_KERNEL);
	err = qkd_dev_add(link);
	if (err) {
		xa_release(&qn->links, link->index);
		return err;
	}
	xa_store(&qn->links, link->index, link, GFP_KERNEL);
	hash_add_rcu(qkd_by_name, &link->node,
		     hash_name(link->net, link->name));
	qn->n_links++;
	qkd_n_links++;
	WRITE_ONCE(qn->changes, qn->changes + 1);
	return 0;
}

static struct qkd_link *link_new(struct qkd_net *qn,
				 const struct qkd_settings *set,
				 struct netlink_ext_ack *extack)
{
	u32 size = set->has_pool_size ? set->pool_size : READ_ONCE(pool_size);
	struct qkd_link *link;
	int err;

	err = link_check(qn, set, size, extack);
	if (err)
		return ERR_PTR(err);
	if (!qn->n_links) {
		err = qkd_peer_open(qn, extack);
		if (err)
			return ERR_PTR(err);
	}
	err = -ENOMEM;
	link = link_alloc(qn->net, set, size);
	if (!link)
		goto err_peer;
	err = link_apply(link, set, extack);
	if (err)
		goto err_link;
	link->oper = link_state(link, QKD_OPER_STATE_DOWN);
	err = xa_alloc_cyclic(&qkd_links, &link->index, NULL,
			      XA_LIMIT(0, MINORMASK), &qkd_links_next,
			      GFP_KERNEL);
	if (err < 0)
		goto err_link;
	err = link_publish(qn, link);
	if (err)
		goto err_index;
	return link;

err_index:
	/* a node made by hand may have opened it */
	link_end(link);
	xa_erase(&qkd_links, link->index);
err_link:
	link_forget(link);
err_peer:
	if (!qn->n_links)
		qkd_peer_close(qn);
	return ERR_PTR(err);
}

/**
 * qkd_link_new - make a link
 * @net: its namespace
 * @set: what is wanted; names and node IDs are given
 * @extack: says what to mend
 *
 * Context: may sleep. Return: the link, referenced, or an ERR_PTR.
 */
struct qkd_link *qkd_link_new(struct net *net, const struct qkd_settings *set,
			      struct netlink_ext_ack *extack)
{
	struct qkd_link *link;

	mutex_lock(&qkd_conf_mutex);
	link = link_new(qkd_net(net), set, extack);
	if (!IS_ERR(link)) {
		qkd_link_hold(link);
		blocking_notifier_call_chain(&qkd_chain, QKD_LINK_NEW, link);
		qkd_nl_notify_link(link);
	}
	mutex_unlock(&qkd_conf_mutex);
	return link;
}

/**
 * qkd_link_set - change a link
 * @link: referenced
 * @set: what is to change
 * @extack: says what to mend
 *
 * Context: may sleep. Return: 0 or an error, and then nothing changed.
 */
int qkd_link_set(struct qkd_link *link, const struct qkd_settings *set,
		 struct netlink_ext_ack *extack)
{
	int err;

	mutex_lock(&qkd_conf_mutex);
	err = link->dead ? -ENODEV : link_apply(link, set, extack);
	if (!err) {
		qkd_link_update(link);
		/* those who wait see that the link went down */
		wake_up_interruptible_all(&link->wait);
		blocking_notifier_call_chain(&qkd_chain, QKD_LINK_SET, link);
		qkd_nl_notify_link(link);
	}
	mutex_unlock(&qkd_conf_mutex);
	return err;
}

/* ---- deleting ---- */

/* Nobody finds it any more. */
static void link_unpublish(struct qkd_net *qn, struct qkd_link *link)
{
	lockdep_assert_held(&qkd_conf_mutex);
	hash_del_rcu(&link->node);
	xa_erase(&qn->links, link->index);
	ends_replace(link, &link->ends4, NULL);
	ends_replace(link, &link->ends6, NULL);
	qn->n_links--;
	qkd_n_links--;
	WRITE_ONCE(qn->changes, qn->changes + 1);
}

/**
 * qkd_link_del - delete a link, erase its key
 * @link: alive; its first reference is dropped
 *
 * Context: may sleep, qkd_conf_mutex held.
 */
void qkd_link_del(struct qkd_link *link)
{
	struct qkd_net *qn = qkd_net(link->net);

	lockdep_assert_held(&qkd_conf_mutex);
	link_unpublish(qn, link);
	link_end(link);
	blocking_notifier_call_chain(&qkd_chain, QKD_LINK_DEL, link);
	qkd_nl_notify_del(link);
	qkd_dev_del(link);
	xa_erase(&qkd_links, link->index);
	if (!qn->n_links)
		qkd_peer_close(qn);
	qkd_link_put(link);
}
