// SPDX-License-Identifier: GPL-2.0
/*
 * qkd_xfrm.ko: IPsec's ESP, keyed from quantum key. An xfrm key manager that
 * knows nothing of where key comes from (qkd.ko does). This file loads and
 * unloads its parts, for the machine and for each namespace.
 */

#include <linux/module.h>
#include <linux/random.h>
#include <net/genetlink.h>
#include <net/netns/generic.h>

#include "netlink-gen.h"
#include "tunnel.h"

struct workqueue_struct *qx_wq;

bool qx_adhoc = true;
module_param_named(adhoc, qx_adhoc, bool, 0644);
MODULE_PARM_DESC(adhoc, "serve templates of ip xfrm policy between a link's ends that no tunnel claims");

static unsigned int net_id;

/* Any context; the namespace is alive. */
struct qx_net *qx_net(const struct net *net)
{
	return net_generic(net, net_id);
}

static int __net_init net_init(struct net *net)
{
	struct qx_net *qn = qx_net(net);

	qn->net = net;
	mutex_init(&qn->lock);
	INIT_LIST_HEAD(&qn->bypasses);
	INIT_LIST_HEAD(&qn->encaps);
	spin_lock_init(&qn->turn_lock);
	INIT_LIST_HEAD(&qn->turns);
	spin_lock_init(&qn->secret_lock);
	xa_init(&qn->secrets);
	/* policies that an earlier load left have other request IDs */
	qn->reqid = get_random_u32();
	qx_adhoc_init(qn);
	return qx_tables_init(qn);
}

/* A grace period follows: then no acquire queues work any more. */
static void __net_exit net_pre_exit(struct net *net)
{
	WRITE_ONCE(qx_net(net)->closing, true);
}

static void __net_exit net_exit(struct net *net)
{
	struct qx_net *qn = qx_net(net);

	qx_tunnels_del(qn);
	qx_secrets_exit(qn);
	qx_adhoc_exit(qn);
	qx_bypass_forget(qn);
	qx_tables_destroy(qn);
}

static struct pernet_operations net_ops = {
	.init = net_init,
	.pre_exit = net_pre_exit,
	.exit = net_exit,
	.id = &net_id,
	.size = sizeof(struct qx_net),
};

static int __init qx_init(void)
{
	int err;

	qx_wq = alloc_workqueue("qkd_xfrm", WQ_UNBOUND, 0);
	if (!qx_wq)
		return -ENOMEM;
	err = register_pernet_subsys(&net_ops);
	if (err)
		goto err_wq;
	err = qx_event_register();
	if (err)
		goto err_net;
	qx_km_register();
	err = qx_proto_register();
	if (err)
		goto err_km;
	err = qx_esp_register();
	if (err)
		goto err_proto;
	/* last: tunnels can be made from here on */
	err = genl_register_family(&qkd_xfrm_nl_family);
	if (err)
		goto err_esp;
	return 0;

err_esp:
	qx_esp_unregister();
err_proto:
	qx_proto_unregister();
err_km:
	qx_km_unregister();
	qx_event_unregister();
err_net:
	unregister_pernet_subsys(&net_ops);
err_wq:
	destroy_workqueue(qx_wq);
	return err;
}

static void __exit qx_exit(void)
{
	genl_unregister_family(&qkd_xfrm_nl_family);
	qx_esp_unregister();
	qx_proto_unregister();
	qx_km_unregister();
	qx_event_unregister();
	unregister_pernet_subsys(&net_ops);
	destroy_workqueue(qx_wq);
	/* tunnels are freed by RCU */
	rcu_barrier();
}

module_init(qx_init);
module_exit(qx_exit);

MODULE_DESCRIPTION("Quantum key for IPsec: an xfrm key manager");
MODULE_AUTHOR("QKD for Linux");
MODULE_LICENSE("GPL");
MODULE_VERSION(QKD_VERSION);
MODULE_ALIAS_GENL_FAMILY("qkd-xfrm");
