// SPDX-License-Identifier: GPL-2.0
/*
 * The rtnl link type "qkdotp": devices made, configured, shown and taken
 * down. Packets, key and sockets are for others.
 */

#include <linux/capability.h>
#include <linux/if_arp.h>
#include <linux/module.h>
#include <linux/qkd_otp.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/pkt_sched.h>
#include <net/route.h>
#include <net/rtnetlink.h>
#if IS_ENABLED(CONFIG_IPV6)
#include <net/ip6_route.h>
#include <net/ipv6_stubs.h>
#endif
#include "otp.h"

#define OTP_WEIGHT_DEFAULT	100
#define OTP_WEIGHT_MAX		1000000
#define OTP_QUEUES_MAX		16U
#define OTP_OVERHEAD4	(sizeof(struct iphdr) + sizeof(struct udphdr) + \
			 OTP_HDR_SIZE)
#define OTP_OVERHEAD6	(sizeof(struct ipv6hdr) + sizeof(struct udphdr) + \
			 OTP_HDR_SIZE)
#define OTP_MTU_MAX	(IP_MAX_MTU - OTP_OVERHEAD6)
#define OTP_MTU_UNBOUND	(ETH_DATA_LEN - OTP_OVERHEAD6)
#define OTP_FEATURES	(NETIF_F_HW_CSUM | NETIF_F_RXCSUM | NETIF_F_SG | \
			 NETIF_F_GSO | NETIF_F_GSO_SOFTWARE | \
			 NETIF_F_HIGHDMA | NETIF_F_FRAGLIST)

/* ---- MTU ---- */

static u32 route_mtu4(struct otp_tunnel *t, const struct otp_endpoint *ep)
{
	struct flowi4 fl = { .daddr = ep->peer.a4 };
	struct rtable *rt = ip_route_output_key(t->net, &fl);
	u32 mtu;

	if (IS_ERR(rt))
		return ETH_DATA_LEN;
	mtu = dst_mtu(&rt->dst);
	ip_rt_put(rt);
	return mtu;
}

#if IS_ENABLED(CONFIG_IPV6)
static u32 route_mtu6(struct otp_tunnel *t, const struct otp_endpoint *ep)
{
	struct flowi6 fl = { .daddr = ep->peer.a6 };
	struct dst_entry *dst = ip6_dst_lookup_flow(t->net, NULL, &fl, NULL);
	u32 mtu;

	if (IS_ERR(dst))
		return ETH_DATA_LEN;
	mtu = dst_mtu(dst);
	dst_release(dst);
	return mtu;
}
#else
static u32 route_mtu6(struct otp_tunnel *t, const struct otp_endpoint *ep)
{
	return ETH_DATA_LEN;
}
#endif

/* What the way to the peer leaves for a packet inside. */
static u32 best_mtu(struct otp_tunnel *t)
{
	const struct otp_endpoint *ep;
	u32 mtu = ETH_DATA_LEN - OTP_OVERHEAD6;

	rcu_read_lock();
	ep = rcu_dereference(t->endpoint);
	if (ep && ep->peer.family == AF_INET)
		mtu = route_mtu4(t, ep) - OTP_OVERHEAD4;
	else if (ep)
		mtu = route_mtu6(t, ep) - OTP_OVERHEAD6;
	rcu_read_unlock();
	return clamp_t(u32, mtu, t->dev->min_mtu, t->dev->max_mtu);
}

/* ---- the device ---- */

static void set_xmit_class(struct net_device *dev, struct netdev_queue *txq,
			   void *key)
{
	lockdep_set_class(&txq->_xmit_lock, (struct lock_class_key *)key);
}

static int otp_dev_init(struct net_device *dev)
{
	struct otp_tunnel *t = netdev_priv(dev);
	int err = -ENOMEM;

	lockdep_register_key(&t->xmit_key);
	netdev_for_each_tx_queue(dev, set_xmit_class, &t->xmit_key);
	t->stats = alloc_percpu(struct otp_stats);
	if (!t->stats)
		goto err_key;
	err = qkd_compat_tstats_init(dev);
	if (err)
		goto err_stats;
	err = otp_pad_init(t);
	if (err)
		goto err_tstats;
	err = dst_cache_init(&t->route, GFP_KERNEL);
	if (err)
		goto err_pad;
	err = gro_cells_init(&t->gro, dev);
	if (err)
		goto err_route;
	return 0;

err_route:
	dst_cache_destroy(&t->route);
err_pad:
	otp_pad_free(t);
err_tstats:
	qkd_compat_tstats_uninit(dev);
err_stats:
	free_percpu(t->stats);
err_key:
	lockdep_unregister_key(&t->xmit_key);
	return err;
}

static void otp_dev_uninit(struct net_device *dev)
{
	struct otp_tunnel *t = netdev_priv(dev);

	if (!list_empty(&t->list))
		otp_attach_end(t);
	otp_endpoint_free(t);
	otp_fallback_free(t);
	gro_cells_destroy(&t->gro);
	dst_cache_destroy(&t->route);
	otp_pad_free(t);
	qkd_compat_tstats_uninit(dev);
	free_percpu(t->stats);
	lockdep_unregister_key(&t->xmit_key);
}

static int otp_open(struct net_device *dev)
{
	struct otp_tunnel *t = netdev_priv(dev);
	int err = otp_sock_open(t, NULL);

	if (err)
		return err;
	netif_tx_start_all_queues(dev);
	return 0;
}

static int otp_stop(struct net_device *dev)
{
	struct otp_tunnel *t = netdev_priv(dev);

	netif_tx_stop_all_queues(dev);
	otp_sock_close(t);
	otp_pad_flush(t);
	return 0;
}

static const struct net_device_ops otp_netdev_ops = {
	.ndo_init = otp_dev_init,
	.ndo_uninit = otp_dev_uninit,
	.ndo_open = otp_open,
	.ndo_stop = otp_stop,
	.ndo_start_xmit = otp_xmit,
	.ndo_get_stats64 = dev_get_tstats64,
};

/**
 * otp_tunnel_of - the tunnel that a device is
 * @dev: any
 *
 * Return: NULL if it is of another type.
 */
struct otp_tunnel *otp_tunnel_of(const struct net_device *dev)
{
	return dev->netdev_ops == &otp_netdev_ops ? netdev_priv(dev) : NULL;
}

static void otp_setup(struct net_device *dev)
{
	struct otp_tunnel *t = netdev_priv(dev);

	dev->netdev_ops = &otp_netdev_ops;
	dev->ethtool_ops = &otp_ethtool_ops;
	dev->header_ops = &ip_tunnel_header_ops;
	dev->type = ARPHRD_NONE;
	dev->flags = IFF_POINTOPOINT | IFF_NOARP;
	dev->features |= OTP_FEATURES;
	dev->hw_features |= OTP_FEATURES;
	dev->hw_enc_features |= OTP_FEATURES;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = OTP_MTU_MAX;
	dev->mtu = OTP_MTU_UNBOUND;
	dev->needs_free_netdev = true;
	dev->tx_queue_len = DEFAULT_TX_QUEUE_LEN;
	netif_set_tso_max_segs(dev, OTP_GSO_SEGS);
	/* for ICMP errors about what is inside */
	netif_keep_dst(dev);
	/*
	 * The carrier is never off: without one routes through the device would not
	 * count, and packets could take others, in clear.
	 */

	t->dev = dev;
	t->wait.dev = dev;
	INIT_LIST_HEAD(&t->list);
	spin_lock_init(&t->endpoint_lock);
}

/* ---- configuration ---- */

static const struct nla_policy otp_policy[IFLA_QKDOTP_MAX + 1] = {
	[IFLA_QKDOTP_LINK] = { .type = NLA_NUL_STRING, .len = QKD_NAME_MAX },
	[IFLA_QKDOTP_ID] = { .type = NLA_U16 },
	[IFLA_QKDOTP_PORT] = { .type = NLA_BE16 },
	[IFLA_QKDOTP_REMOTE4] = { .type = NLA_BE32 },
	[IFLA_QKDOTP_REMOTE6] =
		NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
	[IFLA_QKDOTP_REMOTE_PORT] = { .type = NLA_BE16 },
	[IFLA_QKDOTP_ENDPOINT4] = { .type = NLA_REJECT },
	[IFLA_QKDOTP_ENDPOINT6] = { .type = NLA_REJECT },
	[IFLA_QKDOTP_ENDPOINT_PORT] = { .type = NLA_REJECT },
	[IFLA_QKDOTP_PAD_TO] = { .type = NLA_U16 },
	[IFLA_QKDOTP_KEY_RESERVE] = { .type = NLA_U32 },
	[IFLA_QKDOTP_WEIGHT] = { .type = NLA_U32 },
	[IFLA_QKDOTP_RATE] = { .type = NLA_U64 },
	[IFLA_QKDOTP_FALLBACK] = { .type = NLA_NUL_STRING,
				   .len = QKD_NAME_MAX },
	[IFLA_QKDOTP_STATE] = { .type = NLA_REJECT },
};

#define refuse(attr, extack, why) ({			\
	NL_SET_ERR_MSG_ATTR(extack, attr, why);		\
	-EINVAL;					\
})

static int otp_validate(struct nlattr *tb[], struct nlattr *data[],
			struct netlink_ext_ack *extack)
{
	struct nlattr *a;

	if (!data)
		return 0;
	if (data[IFLA_QKDOTP_REMOTE4] && data[IFLA_QKDOTP_REMOTE6])
		return refuse(data[IFLA_QKDOTP_REMOTE6], extack,
			      "one remote address is enough");
	a = data[IFLA_QKDOTP_PORT];
	if (a && !nla_get_be16(a))
		return refuse(a, extack, "port 0 is no port");
	a = data[IFLA_QKDOTP_REMOTE_PORT];
	if (a && !nla_get_be16(a))
		return refuse(a, extack, "port 0 is no port");
	a = data[IFLA_QKDOTP_WEIGHT];
	if (a && (!nla_get_u32(a) || nla_get_u32(a) > OTP_WEIGHT_MAX))
		return refuse(a, extack, "weight must be 1 to 1000000");
	a = data[IFLA_QKDOTP_RATE];
	if (a && nla_get_u64(a) > U32_MAX)
		return refuse(a, extack, "rate is above 4 GB/s");
	a = data[IFLA_QKDOTP_REMOTE4];
	if (a && ipv4_is_multicast(nla_get_in_addr(a)))
		return refuse(a, extack, "a tunnel has one peer");
	a = data[IFLA_QKDOTP_REMOTE6];
	if (a && ipv6_addr_is_multicast(nla_data(a)))
		return refuse(a, extack, "a tunnel has one peer");
	return 0;
}

static void configure_remote(struct otp_config *c, struct nlattr *data[])
{
	if (data[IFLA_QKDOTP_REMOTE4]) {
		c->remote.family = AF_INET;
		c->remote.a4 = nla_get_in_addr(data[IFLA_QKDOTP_REMOTE4]);
		if (!c->remote.a4)
			c->remote.family = AF_UNSPEC;
	}
	if (data[IFLA_QKDOTP_REMOTE6]) {
		c->remote.family = AF_INET6;
		c->remote.a6 = nla_get_in6_addr(data[IFLA_QKDOTP_REMOTE6]);
		if (ipv6_addr_any(&c->remote.a6))
			c->remote.family = AF_UNSPEC;
	}
	if (data[IFLA_QKDOTP_REMOTE_PORT])
		c->remote_port = nla_get_be16(data[IFLA_QKDOTP_REMOTE_PORT]);
}

/* What may change while packets flow. */
static void configure(struct otp_config *c, struct nlattr *data[])
{
	configure_remote(c, data);
	if (data[IFLA_QKDOTP_PAD_TO])
		WRITE_ONCE(c->pad_to, nla_get_u16(data[IFLA_QKDOTP_PAD_TO]));
	if (data[IFLA_QKDOTP_KEY_RESERVE])
		WRITE_ONCE(c->key_reserve,
			   nla_get_u32(data[IFLA_QKDOTP_KEY_RESERVE]));
	if (data[IFLA_QKDOTP_WEIGHT])
		WRITE_ONCE(c->weight, nla_get_u32(data[IFLA_QKDOTP_WEIGHT]));
	if (data[IFLA_QKDOTP_RATE])
		WRITE_ONCE(c->rate, nla_get_u64(data[IFLA_QKDOTP_RATE]));
}

static int set_fallback(struct otp_tunnel *t, const struct nlattr *a,
			struct netlink_ext_ack *extack)
{
	char name[QKD_NAME_MAX + 1];

	if (!a)
		return 0;
	nla_strscpy(name, a, sizeof(name));
	return otp_fallback_set(t, name, extack);
}

/* What stays as it is once the device has a link. */
static void configure_names(struct otp_config *c, struct nlattr *data[])
{
	if (data[IFLA_QKDOTP_LINK])
		nla_strscpy(c->link, data[IFLA_QKDOTP_LINK], sizeof(c->link));
	if (data[IFLA_QKDOTP_ID])
		c->id = nla_get_u16(data[IFLA_QKDOTP_ID]);
	if (data[IFLA_QKDOTP_PORT])
		c->port = nla_get_be16(data[IFLA_QKDOTP_PORT]);
}

/* A device made without a link (ip link add) gets one. */
static int bind_link(struct otp_tunnel *t, struct nlattr *data[],
		     struct netlink_ext_ack *extack)
{
	static const int fixed[] = {
		IFLA_QKDOTP_LINK, IFLA_QKDOTP_ID, IFLA_QKDOTP_PORT,
	};
	struct otp_config before = t->cfg;
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(fixed); i++)
		if (data[fixed[i]] && *t->cfg.link)
			return refuse(data[fixed[i]], extack,
				      "cannot change; make a new device");
	if (data[IFLA_QKDOTP_PORT] && netif_running(t->dev))
		return refuse(data[IFLA_QKDOTP_PORT], extack,
			      "set the device down first");
	if (*t->cfg.link)
		return 0;
	if (data[IFLA_QKDOTP_LINK] && !t->net) {
		NL_SET_ERR_MSG(extack, "the namespace it was made in is gone");
		return -ENETDOWN;
	}
	configure_names(&t->cfg, data);
	err = *t->cfg.link ? otp_attach_new(t, extack) : 0;
	if (err)
		t->cfg = before;
	return err;
}

static int otp_newlink(struct net_device *dev,
		       struct rtnl_newlink_params *params,
		       struct netlink_ext_ack *extack)
{
	static struct nlattr *nothing[IFLA_QKDOTP_MAX + 1];
	struct otp_tunnel *t = netdev_priv(dev);
	struct nlattr **data = params->data ?: nothing;
	struct otp_config *c = &t->cfg;
	int err;

	t->net = rtnl_newlink_link_net(params);
	c->id = 1;
	c->port = htons(QKDOTP_PORT);
	c->remote_port = htons(QKDOTP_PORT);
	c->weight = OTP_WEIGHT_DEFAULT;
	configure_names(c, data);
	configure(c, data);
	err = register_netdevice(dev);
	if (err)
		return err;
	/* iproute2 cannot name a link: that is for changelink */
	err = *c->link ? otp_attach_new(t, extack) : 0;
	err = err ?: set_fallback(t, data[IFLA_QKDOTP_FALLBACK], extack);
	if (err) {
		unregister_netdevice(dev);
		return err;
	}
	if (*c->link && !params->tb[IFLA_MTU])
		dev->mtu = best_mtu(t);
	return 0;
}

QKD_NEWLINK_OLD(otp_newlink)

/* Whose namespace the device was given to has no say in the link's key. */
static int may_change(struct otp_tunnel *t, struct netlink_ext_ack *extack)
{
	if (!t->net || ns_capable(t->net->user_ns, CAP_NET_ADMIN))
		return 0;
	NL_SET_ERR_MSG(extack,
		       "the device's link is in another namespace: changes need CAP_NET_ADMIN there");
	return -EPERM;
}

static int otp_changelink(struct net_device *dev, struct nlattr *tb[],
			  struct nlattr *data[],
			  struct netlink_ext_ack *extack)
{
	struct otp_tunnel *t = netdev_priv(dev);
	struct otp_config before = t->cfg;
	bool bound;
	int err;

	if (!data)
		return 0;
	err = may_change(t, extack);
	if (err)
		return err;
	/* first what may fail */
	err = bind_link(t, data, extack);
	if (err)
		return err;
	bound = !*before.link && *t->cfg.link;
	err = set_fallback(t, data[IFLA_QKDOTP_FALLBACK], extack);
	if (err) {
		if (bound) {
			otp_attach_end(t);
			t->cfg = before;
		}
		return err;
	}
	configure(&t->cfg, data);
	if (data[IFLA_QKDOTP_REMOTE4] || data[IFLA_QKDOTP_REMOTE6] ||
	    data[IFLA_QKDOTP_REMOTE_PORT])
		otp_attach_changed(t);
	otp_attach_terms(t);
	otp_wake(&t->wait);
	if (bound && dev->mtu == OTP_MTU_UNBOUND)
		return dev_set_mtu(dev, best_mtu(t));
	return 0;
}

static size_t otp_get_size(const struct net_device *dev)
{
	return 2 * nla_total_size(QKD_NAME_MAX + 1) +
	       2 * nla_total_size(sizeof(u16)) +
	       3 * nla_total_size(sizeof(__be16)) +
	       2 * nla_total_size(sizeof(struct in6_addr)) +
	       3 * nla_total_size(sizeof(u32)) +
	       nla_total_size_64bit(sizeof(u64));
}

static int put_addr(struct sk_buff *skb, const struct qkd_addr *a, int four,
		    int six)
{
	if (a->family == AF_INET)
		return nla_put_in_addr(skb, four, a->a4);
	if (a->family == AF_INET6)
		return nla_put_in6_addr(skb, six, &a->a6);
	return 0;
}

static int put_endpoint(struct sk_buff *skb, struct otp_tunnel *t)
{
	const struct otp_endpoint *ep;
	int err = 0;

	rcu_read_lock();
	ep = rcu_dereference(t->endpoint);
	if (ep)
		err = put_addr(skb, &ep->peer, IFLA_QKDOTP_ENDPOINT4,
			       IFLA_QKDOTP_ENDPOINT6) ?:
		      nla_put_be16(skb, IFLA_QKDOTP_ENDPOINT_PORT, ep->port);
	rcu_read_unlock();
	return err;
}

static int put_fallback(struct sk_buff *skb, struct otp_tunnel *t)
{
	const struct otp_fallback *fb;
	int err;

	rcu_read_lock();
	fb = rcu_dereference(t->fallback);
	err = nla_put_string(skb, IFLA_QKDOTP_FALLBACK, fb ? fb->name : "");
	rcu_read_unlock();
	return err;
}

static u32 state(struct otp_tunnel *t)
{
	if (!rcu_access_pointer(t->att))
		return QKDOTP_STATE_DETACHED;
	if (READ_ONCE(t->fell_back))
		return QKDOTP_STATE_FALLBACK;
	return READ_ONCE(t->wait.starved) ? QKDOTP_STATE_STARVED :
				       QKDOTP_STATE_PAD;
}

static int otp_fill_info(struct sk_buff *skb, const struct net_device *dev)
{
	struct otp_tunnel *t = netdev_priv(dev);
	const struct otp_config *c = &t->cfg;

	if (nla_put_string(skb, IFLA_QKDOTP_LINK, c->link) ||
	    nla_put_u16(skb, IFLA_QKDOTP_ID, c->id) ||
	    nla_put_be16(skb, IFLA_QKDOTP_PORT, c->port) ||
	    put_addr(skb, &c->remote, IFLA_QKDOTP_REMOTE4,
		     IFLA_QKDOTP_REMOTE6) ||
	    nla_put_be16(skb, IFLA_QKDOTP_REMOTE_PORT, c->remote_port) ||
	    put_endpoint(skb, t) ||
	    nla_put_u16(skb, IFLA_QKDOTP_PAD_TO, c->pad_to) ||
	    nla_put_u32(skb, IFLA_QKDOTP_KEY_RESERVE, c->key_reserve) ||
	    nla_put_u32(skb, IFLA_QKDOTP_WEIGHT, c->weight) ||
	    nla_put_u64_64bit(skb, IFLA_QKDOTP_RATE, c->rate,
			      IFLA_QKDOTP_PAD) ||
	    put_fallback(skb, t) ||
	    nla_put_u32(skb, IFLA_QKDOTP_STATE, state(t)))
		return -EMSGSIZE;
	return 0;
}

static struct net *otp_get_link_net(const struct net_device *dev)
{
	const struct otp_tunnel *t = netdev_priv(dev);
	struct net *net = READ_ONCE(t->net);

	return net ?: dev_net(dev);
}

/* One a CPU, so that pad is reserved without a lock between CPUs. */
static unsigned int otp_queues(void)
{
	return min(num_possible_cpus(), OTP_QUEUES_MAX);
}

static struct rtnl_link_ops otp_link_ops __read_mostly = {
	.kind = "qkdotp",
	.maxtype = IFLA_QKDOTP_MAX,
	.policy = otp_policy,
	.priv_size = sizeof(struct otp_tunnel),
	.setup = otp_setup,
	.validate = otp_validate,
	.newlink = QKD_NEWLINK(otp_newlink),
	.changelink = otp_changelink,
	.get_size = otp_get_size,
	.fill_info = otp_fill_info,
	.get_link_net = otp_get_link_net,
	.get_num_tx_queues = otp_queues,
};

/* ---- namespaces ---- */

/**
 * otp_device_net_exit - the namespace where tunnels were made goes
 * @net: the namespace; devices that were moved elsewhere live on, unusable
 */
void otp_device_net_exit(struct net *net)
{
	struct net_device *dev;
	struct otp_tunnel *t;
	struct net *other;

	rtnl_lock();
	down_read(&net_rwsem);
	for_each_net(other) {
		for_each_netdev(other, dev) {
			if (dev->rtnl_link_ops != &otp_link_ops)
				continue;
			t = netdev_priv(dev);
			if (t->net != net)
				continue;
			otp_sock_close(t);
			otp_attach_end(t);
			WRITE_ONCE(t->net, NULL);
		}
	}
	up_read(&net_rwsem);
	rtnl_unlock();
}

int otp_device_register(void)
{
	return rtnl_link_register(&otp_link_ops);
}

void otp_device_unregister(void)
{
	rtnl_link_unregister(&otp_link_ops);
}
