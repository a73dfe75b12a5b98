// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets that receive ESP in UDP (RFC 3948), one a port and namespace, shared
 * by tunnels. Only the receiving half: sending needs no socket. The port is
 * fixed; there is no NAT between the ends of a link that would change it.
 */

#include <linux/net.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include <net/udp_tunnel.h>

#include "tunnel.h"

/* Shared: in qx_net.encaps, which qx_net.lock protects, as all of this. */
struct qx_encap {
	struct list_head list;
	struct socket *sock;
	u16 family;
	__be16 port;
	u32 users;
};

/* The kernel then takes ESP out of the datagrams by itself. */
static int set_encap(struct socket *sock)
{
	int type = UDP_ENCAP_ESPINUDP;

	return sock->ops->setsockopt(sock, SOL_UDP, UDP_ENCAP,
				     KERNEL_SOCKPTR(&type), sizeof(type));
}

static int socket_open(struct net *net, struct qx_encap *e)
{
	struct udp_port_cfg cfg = {
		.family = e->family,
		.local_udp_port = e->port,
		.use_udp_checksums = true,
		.use_udp6_rx_checksums = true,
		.use_udp6_tx_checksums = true,
		.ipv6_v6only = true,
	};
	int err = udp_sock_create(net, &cfg, &e->sock);

	if (err)
		return err;
	err = set_encap(e->sock);
	if (err)
		udp_tunnel_sock_release(e->sock->sk);
	return err;
}

static struct qx_encap *find(struct qx_net *qn, u16 family, __be16 port)
{
	struct qx_encap *e;

	list_for_each_entry(e, &qn->encaps, list)
		if (e->family == family && e->port == port)
			return e;
	return NULL;
}

static struct qx_encap *new(struct qx_net *qn, u16 family, __be16 port,
			    struct netlink_ext_ack *extack)
{
	struct qx_encap *e = kzalloc(sizeof(*e), GFP_KERNEL);
	int err;

	if (!e)
		return ERR_PTR(-ENOMEM);
	e->family = family;
	e->port = port;
	err = socket_open(qn->net, e);
	if (err) {
		if (err == -EADDRINUSE)
			NL_SET_ERR_MSG(extack, "the port for UDP encapsulation is in use; choose another encap-sport");
		kfree(e);
		return ERR_PTR(err);
	}
	list_add(&e->list, &qn->encaps);
	return e;
}

/**
 * qx_encap_get - have the socket that a tunnel needs, if it does
 * @t: tunnel; @t->qn->lock held
 * @extack: told what to mend; may be NULL
 *
 * Context: process. Return: 0 or -errno.
 */
int qx_encap_get(struct qx_tunnel *t, struct netlink_ext_ack *extack)
{
	const struct qx_conf *c = &t->conf;
	struct qx_encap *e;

	if (!c->encap_sport)
		return 0;
	e = find(t->qn, c->family, c->encap_sport);
	if (!e)
		e = new(t->qn, c->family, c->encap_sport, extack);
	if (IS_ERR(e))
		return PTR_ERR(e);
	e->users++;
	t->encap = e;
	return 0;
}

/* @t->qn->lock held. */
void qx_encap_put(struct qx_tunnel *t)
{
	struct qx_encap *e = t->encap;

	lockdep_assert_held(&t->qn->lock);
	t->encap = NULL;
	if (!e || --e->users)
		return;
	udp_tunnel_sock_release(e->sock->sk);
	list_del(&e->list);
	kfree(e);
}
