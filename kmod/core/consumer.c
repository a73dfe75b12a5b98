// SPDX-License-Identifier: GPL-2.0
/*
 * Accounts: who used how much of a link's key. What is used is counted by
 * pool.c as it happens; here accounts are opened, closed and shown.
 *
 * An account that nobody uses any more is kept for its figures, and goes on
 * where it stood if a consumer of that kind and name comes again. The oldest
 * of these beyond QKD_ACCOUNTS_KEPT are summed up in one, "gone".
 */
#include <linux/poll.h>
#include <linux/slab.h>
#include "core.h"

#define QKD_ACCOUNTS_KEPT	32

static struct qkd_consumer *account_find(struct qkd_link *link,
					 const char *kind, const char *name)
{
	struct qkd_consumer *c;

	lockdep_assert_held(&link->consumers_mutex);
	list_for_each_entry(c, &link->consumers, list)
		if (!strcmp(c->kind, kind) && !strcmp(c->name, name))
			return c;
	return NULL;
}

static void account_init(struct qkd_link *link, struct qkd_consumer *c,
			 const char *kind, const char *name)
{
	c->link = link;
	c->id = ++link->last_consumer;
	strscpy(c->kind, kind, sizeof(c->kind));
	strscpy(c->name, name, sizeof(c->name));
	list_add_tail(&c->list, &link->consumers);
}

static struct qkd_consumer *account_new(struct qkd_link *link,
					const char *kind, const char *name)
{
	struct qkd_consumer *c;

	lockdep_assert_held(&link->consumers_mutex);
	c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (c)
		account_init(link, c, kind, name);
	return c;
}

static void account_sum(struct qkd_consumer *to, const struct qkd_consumer *c)
{
	to->tx_bytes += c->tx_bytes;
	to->tx_keys += c->tx_keys;
	to->starved += c->starved;
	to->rx_bytes += c->rx_bytes;
	to->rx_keys += c->rx_keys;
}

/* Sums up the oldest unused account if there are too many. */
static void accounts_trim(struct qkd_link *link)
{
	struct qkd_consumer *c, *oldest = NULL;
	unsigned int unused = 0;

	lockdep_assert_held(&link->consumers_mutex);
	list_for_each_entry(c, &link->consumers, list) {
		if (c->users)
			continue;
		unused++;
		oldest = oldest ?: c;
	}
	if (unused <= QKD_ACCOUNTS_KEPT)
		return;
	account_sum(&link->gone, oldest);
	list_del(&oldest->list);
	kfree(oldest);
}

static struct qkd_consumer *account_use(struct qkd_link *link,
					const char *kind, const char *name,
					bool shared)
{
	struct qkd_consumer *c;

	lockdep_assert_held(&link->consumers_mutex);
	if (READ_ONCE(link->dead))
		return ERR_PTR(-ENODEV);
	c = account_find(link, kind, name);
	if (c && c->users && !shared)
		return ERR_PTR(-EEXIST);
	if (!c)
		c = account_new(link, kind, name);
	if (!c)
		return ERR_PTR(-ENOMEM);
	if (!c->users++) {
		WRITE_ONCE(c->floor, 0);
		c->program = shared;
	}
	qkd_link_hold(link);
	return c;
}

struct qkd_consumer *qkd_consumer_add(struct qkd_link *link, const char *kind,
				      const char *name)
{
	struct qkd_consumer *c;

	mutex_lock(&link->consumers_mutex);
	c = account_use(link, kind, name, false);
	mutex_unlock(&link->consumers_mutex);
	return c;
}
EXPORT_SYMBOL_GPL(qkd_consumer_add);

/**
 * qkd_consumer_share - as qkd_consumer_add(), but several may use the account
 * @link: held by each user
 * @kind: a word
 * @name: the account's
 */
struct qkd_consumer *qkd_consumer_share(struct qkd_link *link,
					const char *kind, const char *name)
{
	struct qkd_consumer *c;

	mutex_lock(&link->consumers_mutex);
	c = account_use(link, kind, name, true);
	mutex_unlock(&link->consumers_mutex);
	return c;
}

void qkd_consumer_del(struct qkd_consumer *c)
{
	struct qkd_link *link = c->link;

	mutex_lock(&link->consumers_mutex);
	if (!--c->users) {
		qkd_pool_forget(c);
		qkd_consumer_promise(c, 0);
		accounts_trim(link);
	}
	mutex_unlock(&link->consumers_mutex);
	qkd_link_put(link);
}
EXPORT_SYMBOL_GPL(qkd_consumer_del);

void qkd_consumer_set_floor(struct qkd_consumer *c, u32 bytes)
{
	WRITE_ONCE(c->floor, bytes);
}
EXPORT_SYMBOL_GPL(qkd_consumer_set_floor);

void qkd_consumer_promise(struct qkd_consumer *c, u32 bytes)
{
	struct qkd_link *link = c->link;
	bool less;

	spin_lock_bh(&link->pool.tx_lock);
	less = bytes < c->promised;
	WRITE_ONCE(link->promised, link->promised - c->promised + bytes);
	c->promised = bytes;
	spin_unlock_bh(&link->pool.tx_lock);
	/* what was kept from them is anybody's now */
	if (less)
		wake_up_interruptible_poll(&link->wait, EPOLLIN | EPOLLRDNORM);
}
EXPORT_SYMBOL_GPL(qkd_consumer_promise);

/**
 * qkd_consumers_init - open the control account
 * @link: new
 *
 * It holds no reference: it is a part of the link.
 */
void qkd_consumers_init(struct qkd_link *link)
{
	mutex_init(&link->consumers_mutex);
	INIT_LIST_HEAD(&link->consumers);
	strscpy(link->gone.kind, "gone", sizeof(link->gone.kind));
	account_init(link, &link->control, "control", "");
	link->control.users = 1;
}

/**
 * qkd_consumers_free - forget all accounts
 * @link: that nobody holds any more
 */
void qkd_consumers_free(struct qkd_link *link)
{
	struct qkd_consumer *c, *next;

	list_for_each_entry_safe(c, next, &link->consumers, list)
		if (c != &link->control)
			kfree(c);
}

/* A copy whose figures belong together. */
static void account_copy(struct qkd_link *link, struct qkd_consumer *copy,
			 const struct qkd_consumer *c)
{
	spin_lock_bh(&link->pool.tx_lock);
	spin_lock(&link->pool.rx_lock);
	*copy = *c;
	spin_unlock(&link->pool.rx_lock);
	spin_unlock_bh(&link->pool.tx_lock);
}

/**
 * qkd_consumer_get_next - the account behind another, for dumps
 * @link: held
 * @after: an id; 0 to begin. The sum of those that are gone comes last, if
 *	there are any, under the id U32_MAX
 * @copy: filled
 *
 * Context: may sleep. Return: false at the end.
 */
bool qkd_consumer_get_next(struct qkd_link *link, u32 after,
			   struct qkd_consumer *copy)
{
	struct qkd_consumer *c;
	bool found = false;

	mutex_lock(&link->consumers_mutex);
	list_for_each_entry(c, &link->consumers, list) {
		if (c->id <= after)
			continue;
		account_copy(link, copy, c);
		found = true;
		break;
	}
	if (!found && after != U32_MAX &&
	    (link->gone.tx_keys || link->gone.rx_keys || link->gone.starved)) {
		*copy = link->gone;
		copy->id = U32_MAX;
		found = true;
	}
	mutex_unlock(&link->consumers_mutex);
	return found;
}
