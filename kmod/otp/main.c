// SPDX-License-Identifier: GPL-2.0
/*
 * qkd_otp.ko: the module's beginning and end, and its part of a namespace.
 * All else is in a file of its own name.
 */

#include <linux/module.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include "otp.h"

unsigned int otp_net_id;

/**
 * otp_net - the module's part of a namespace
 * @net: the namespace
 *
 * Return: it. Any context.
 */
struct otp_net *otp_net(struct net *net)
{
	return net_generic(net, otp_net_id);
}

static int __net_init otp_net_init(struct net *net)
{
	struct otp_net *on = otp_net(net);

	INIT_LIST_HEAD(&on->socks);
	hash_init(on->gens);
	return 0;
}

static struct pernet_operations otp_net_ops = {
	.init = otp_net_init,
	.pre_exit = otp_device_net_exit,
	.id = &otp_net_id,
	.size = sizeof(struct otp_net),
};

static int __init otp_init(void)
{
	int err;

	err = register_pernet_device(&otp_net_ops);
	if (err)
		return err;
	err = otp_attach_register();
	if (err)
		goto err_net;
	err = otp_device_register();
	if (err)
		goto err_attach;
	return 0;

err_attach:
	otp_attach_unregister();
err_net:
	unregister_pernet_device(&otp_net_ops);
	return err;
}

static void __exit otp_exit(void)
{
	otp_device_unregister();
	otp_attach_unregister();
	unregister_pernet_device(&otp_net_ops);
	/* endpoints, generations and sockets are freed by RCU */
	rcu_barrier();
}

module_init(otp_init);
module_exit(otp_exit);

MODULE_DESCRIPTION("One-time-pad tunnels keyed by quantum key distribution");
MODULE_LICENSE("GPL");
MODULE_VERSION(QKD_VERSION);
MODULE_ALIAS_RTNL_LINK("qkdotp");
