// SPDX-License-Identifier: GPL-2.0
/*
 * Links: made, found, deleted; their one state; their events.
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
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/netns/hash.h>
#include "core.h"

static unsigned int max_links = 16384;
module_param(max_links, uint, 0644);
MODULE_PARM_DESC(max_links, "links on this machine, at most");

static unsigned int userns_max_links = 64;
module_param(userns_max_links, uint, 0644);
MODULE_PARM_DESC(userns_max_links, "links of a network namespace owned by another user namespace, at most");

/* protects the set of links, their endpoints, and settings in the making */
DEFINE_MUTEX(qkd_conf_mutex);

BLOCKING_NOTIFIER_HEAD(qkd_chain);

/* by index; written under qkd_conf_mutex, read under RCU */
static DEFINE_XARRAY_ALLOC(qkd_links);
static u32 qkd_links_next;
static u32 qkd_n_links;

/* shells included: the module waits for them */
static atomic_t qkd_links_left;

/* by net and name; written under qkd_conf_mutex, read under RCU */
static DEFINE_HASHTABLE(qkd_by_name, QKD_HASH_BITS);

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

/**
 * qkd_link_get - refer to a link that was found
 * @link: found under RCU, or NULL
 *
 * Return: the link, or NULL if it is about to be freed.
 */
struct qkd_link *qkd_link_get(struct qkd_link *link)
{
	return link && refcount_inc_not_zero(&link->ref) ? link : NULL;
}

/* ---- finding ---- */

static u32 hash_name(const struct net *net, const char *name)
{
	return jhash(name, strlen(name), net_hash_mix(net));
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
	link = qkd_link_get(find_name(net, name));
	rcu_read_unlock();
	return link;
}
EXPORT_SYMBOL_GPL(qkd_link_find);

struct qkd_link *qkd_link_find_index(struct net *net, u32 index)
{
	struct qkd_link *link;

	rcu_read_lock();
	link = qkd_link_get(xa_load(&qkd_net(net)->links, index));
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
	link = qkd_link_get(xa_load(&qkd_links, index));
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
	     link && !qkd_link_get(link);
	     link = xa_find_after(&qn->links, index, ULONG_MAX, XA_PRESENT))
		;
	rcu_read_unlock();
	return link;
}

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
	qkd_ends_clear(link);
	qkd_link_put(link);
}

static int link_check(struct qkd_net *qn, const struct qkd_settings *set,
		      struct netlink_ext_ack *extack)
{
	int err;

	lockdep_assert_held(&qkd_conf_mutex);
	err = qkd_check_words(set, extack);
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
	struct qkd_link *link;
	int err, size;

	err = link_check(qn, set, extack);
	if (err)
		return ERR_PTR(err);
	size = qkd_check_size(qn->net, set, extack);
	if (size < 0)
		return ERR_PTR(size);
	if (!qn->n_links) {
		err = qkd_peer_open(qn, extack);
		if (err)
			return ERR_PTR(err);
	}
	err = -ENOMEM;
	link = link_alloc(qn->net, set, size);
	if (!link)
		goto err_peer;
	err = qkd_settings_apply(link, set, extack);
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
	err = link->dead ? -ENODEV : qkd_settings_apply(link, set, extack);
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
	qkd_ends_clear(link);
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
