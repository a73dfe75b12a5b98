// SPDX-License-Identifier: GPL-2.0
/*
 * A network namespace's links: they go when it goes, before its sockets do.
 */
#include <net/netns/generic.h>
#include "core.h"

unsigned int qkd_net_id;

/**
 * qkd_net - our part of a namespace
 * @net: alive, or in a pernet operation
 */
struct qkd_net *qkd_net(struct net *net)
{
	return net_generic(net, qkd_net_id);
}

static int __net_init qkd_net_init(struct net *net)
{
	struct qkd_net *qn = qkd_net(net);

	qn->net = net;
	xa_init(&qn->links);
	return 0;
}

static void __net_exit qkd_net_exit(struct net *net)
{
	struct qkd_net *qn = qkd_net(net);
	struct qkd_link *link;
	unsigned long index;

	mutex_lock(&qkd_conf_mutex);
	xa_for_each(&qn->links, index, link)
		qkd_link_del(link);
	mutex_unlock(&qkd_conf_mutex);
	WARN_ON(qn->n_links || qn->sock4 || qn->sock6);
	xa_destroy(&qn->links);
}

static struct pernet_operations qkd_net_ops = {
	.init = qkd_net_init,
	.exit = qkd_net_exit,
	.id = &qkd_net_id,
	.size = sizeof(struct qkd_net),
};

int qkd_net_register(void)
{
	return register_pernet_subsys(&qkd_net_ops);
}

void qkd_net_unregister(void)
{
	unregister_pernet_subsys(&qkd_net_ops);
}
