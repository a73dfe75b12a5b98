// SPDX-License-Identifier: GPL-2.0
/*
 * qkd.ko: links of quantum key distribution, their pools of key, devices,
 * netlink family and peer protocol. This file loads and unloads the parts in
 * order, and owns what is one for the module.
 */
#include <linux/module.h>
#include <linux/notifier.h>
#include <net/genetlink.h>
#include "core.h"

struct workqueue_struct *qkd_wq;

/*
 * Unbound: messages wait for memory, locks and other modules. Kept apart from
 * the system's queues, so that a flood of one link cannot hold up the machine.
 */
static int qkd_wq_start(void)
{
	qkd_wq = alloc_workqueue("qkd", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return qkd_wq ? 0 : -ENOMEM;
}

static int __init qkd_init(void)
{
	int err;

	if (!qkd_selftest())
		return -ENOTRECOVERABLE;
	err = qkd_wq_start();
	if (err)
		return err;
	err = qkd_dev_register();
	if (err)
		goto err_wq;
	err = qkd_named_register();
	if (err)
		goto err_dev;
	err = qkd_net_register();
	if (err)
		goto err_named;
	err = qkd_nl_register();
	if (err)
		goto err_net;
	return 0;

err_net:
	qkd_net_unregister();
err_named:
	qkd_named_unregister();
err_dev:
	qkd_links_wait();
	qkd_dev_unregister();
err_wq:
	destroy_workqueue(qkd_wq);
	return err;
}

static void __exit qkd_exit(void)
{
	qkd_nl_unregister();
	qkd_net_unregister();
	qkd_named_unregister();
	qkd_links_wait();
	qkd_dev_unregister();
	destroy_workqueue(qkd_wq);
	rcu_barrier();
}

module_init(qkd_init);
module_exit(qkd_exit);

MODULE_DESCRIPTION("Quantum key distribution: links, pools of key, devices");
MODULE_AUTHOR("QKD for Linux");
MODULE_LICENSE("GPL");
MODULE_VERSION(QKD_VERSION);
MODULE_ALIAS_GENL_FAMILY("qkd");
