// SPDX-License-Identifier: GPL-2.0
/*
 * Tells one module that uses key which SAs another one keys: what a link's
 * IPsec tunnel is known by. Who keys SAs and what is sent under them is those
 * modules' business.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>
#include "core.h"

static const struct qkd_esp_ops __rcu *esp_ops;

/**
 * qkd_esp_register - answer for IPsec tunnels
 * @ops: how; one module can
 *
 * Context: may sleep. Return: 0 or -EBUSY.
 */
int qkd_esp_register(const struct qkd_esp_ops *ops)
{
	if (rcu_access_pointer(esp_ops))
		return -EBUSY;
	rcu_assign_pointer(esp_ops, ops);
	return 0;
}
EXPORT_SYMBOL_GPL(qkd_esp_register);

/**
 * qkd_esp_unregister - the opposite; returns when nobody asks any more
 *
 * Context: may sleep.
 */
void qkd_esp_unregister(void)
{
	RCU_INIT_POINTER(esp_ops, NULL);
	synchronize_rcu();
}
EXPORT_SYMBOL_GPL(qkd_esp_unregister);

/**
 * qkd_esp_find - what the SAs of a link's IPsec tunnel are known by
 * @link: not deleted
 * @tunnel: its name
 * @id: filled
 *
 * Context: any. Return: 0, or -ENOENT if the link has no such tunnel.
 */
int qkd_esp_find(struct qkd_link *link, const char *tunnel,
		 struct qkd_esp_id *id)
{
	const struct qkd_esp_ops *ops;
	int err = -ENOENT;

	rcu_read_lock();
	ops = rcu_dereference(esp_ops);
	if (ops)
		err = ops->find(link, tunnel, id);
	rcu_read_unlock();
	return err;
}
EXPORT_SYMBOL_GPL(qkd_esp_find);
