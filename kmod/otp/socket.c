// SPDX-License-Identifier: GPL-2.0
/*
 * UDP: one pair of sockets for each port in a namespace, shared by its
 * tunnels, and the way of a finished packet into the network. What is in a
 * packet is for others.
 */

#include <linux/slab.h>
#include <net/dst.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/netns/generic.h>
#include <net/route.h>
#include <net/udp_tunnel.h>
#if IS_ENABLED(CONFIG_IPV6)
#include <net/addrconf.h>
#include <net/ip6_route.h>
#include <net/ip6_tunnel.h>
#include <net/ipv6_stubs.h>
#endif
#include "otp.h"

#define OTP_NESTED_MAX	8	/* one-time-pad devices one in another */

static void otp_setup(struct net *net, struct socket *sock,
		      struct otp_sock *s)
{
	struct udp_tunnel_sock_cfg cfg = {
		.sk_user_data = s,
		.encap_type = 1,
		.encap_rcv = otp_rcv,
	};

	sock->sk->sk_allocation = GFP_ATOMIC;
	setup_udp_tunnel_sock(net, sock->sk, &cfg);
}

static void release(struct socket *sock)
{
	if (sock)
		udp_tunnel_sock_release(sock->sk);
}

static int create4(struct otp_sock *s)
{
	struct udp_port_cfg cfg = {
		.family = AF_INET,
		.local_ip.s_addr = htonl(INADDR_ANY),
		.local_udp_port = s->port,
		.use_udp_checksums = true,
	};

	return udp_sock_create(s->net, &cfg, &s->sock4);
}

static int create6(struct otp_sock *s)
{
	struct udp_port_cfg cfg = {
		.family = AF_INET6,
		.local_ip6 = IN6ADDR_ANY_INIT,
		.local_udp_port = s->port,
		.use_udp6_tx_checksums = true,
		.use_udp6_rx_checksums = true,
		.ipv6_v6only = true,
	};

	if (!IS_ENABLED(CONFIG_IPV6) || !ipv6_mod_enabled())
		return 0;
	return udp_sock_create(s->net, &cfg, &s->sock6);
}

static struct otp_sock *sock_new(struct net *net, __be16 port,
				 struct netlink_ext_ack *extack)
{
	struct otp_sock *s = kzalloc(sizeof(*s), GFP_KERNEL);
	int err;

	if (!s)
		return ERR_PTR(-ENOMEM);
	s->net = net;
	s->port = port;
	err = create4(s);
	if (err)
		goto err_free;
	err = create6(s);
	if (err)
		goto err_sock4;
	otp_setup(net, s->sock4, s);
	if (s->sock6)
		otp_setup(net, s->sock6, s);
	list_add(&s->list, &otp_net(net)->socks);
	return s;

err_sock4:
	release(s->sock4);
err_free:
	kfree(s);
	NL_SET_ERR_MSG(extack, "the UDP port cannot be opened");
	return ERR_PTR(err);
}

static struct otp_sock *sock_find(struct net *net, __be16 port)
{
	struct otp_sock *s;

	list_for_each_entry(s, &otp_net(net)->socks, list)
		if (s->port == port)
			return s;
	return NULL;
}

/**
 * otp_sock_open - let a tunnel send and receive
 * @t: the tunnel
 * @extack: told what is wrong, may be NULL
 *
 * Context: may sleep, under rtnl. Return: 0, -ENETDOWN if the namespace where
 * the tunnel was made is gone, or why the port cannot be had.
 */
int otp_sock_open(struct otp_tunnel *t, struct netlink_ext_ack *extack)
{
	struct otp_sock *s;

	ASSERT_RTNL();
	if (!t->net)
		return -ENETDOWN;
	s = sock_find(t->net, t->cfg.port);
	if (!s)
		s = sock_new(t->net, t->cfg.port, extack);
	if (IS_ERR(s))
		return PTR_ERR(s);
	s->users++;
	rcu_assign_pointer(t->sock, s);
	return 0;
}

/**
 * otp_sock_close - the opposite; a second call does nothing
 * @t: the tunnel
 *
 * Context: may sleep, under rtnl.
 */
void otp_sock_close(struct otp_tunnel *t)
{
	struct otp_sock *s = rtnl_dereference(t->sock);

	if (!s)
		return;
	RCU_INIT_POINTER(t->sock, NULL);
	dst_cache_reset(&t->route);
	if (--s->users)
		return;
	list_del(&s->list);
	/* senders, and receivers that found it by the socket */
	synchronize_net();
	release(s->sock4);
	release(s->sock6);
	synchronize_net();
	kfree(s);
}

/* ---- routes ---- */

static struct dst_entry *route4(struct otp_tunnel *t, const struct otp_sock *s,
				const struct otp_endpoint *ep,
				struct qkd_addr *saddr)
{
	struct flowi4 fl = {
		.flowi4_proto = IPPROTO_UDP,
		.daddr = ep->peer.a4,
		.fl4_dport = ep->port,
		.fl4_sport = s->port,
	};
	struct sock *sk = s->sock4->sk;
	struct rtable *rt;

	if (ep->local.family == AF_INET)
		fl.saddr = ep->local.a4;
	rt = ip_route_output_flow(s->net, &fl, sk);
	if (IS_ERR(rt) && fl.saddr) {
		/* the address may have left this machine */
		fl.saddr = 0;
		rt = ip_route_output_flow(s->net, &fl, sk);
	}
	if (IS_ERR(rt))
		return ERR_CAST(rt);
	saddr->a4 = fl.saddr;
	dst_cache_set_ip4(&t->route, &rt->dst, fl.saddr);
	return &rt->dst;
}

#if IS_ENABLED(CONFIG_IPV6)
static struct dst_entry *lookup6(const struct otp_sock *s, struct flowi6 *fl)
{
	return ip6_dst_lookup_flow(s->net, s->sock6->sk, fl, NULL);
}

static struct dst_entry *route6(struct otp_tunnel *t, const struct otp_sock *s,
				const struct otp_endpoint *ep,
				struct qkd_addr *saddr)
{
	struct flowi6 fl = {
		.flowi6_proto = IPPROTO_UDP,
		.daddr = ep->peer.a6,
		.fl6_dport = ep->port,
		.fl6_sport = s->port,
	};
	struct dst_entry *dst;

	if (!s->sock6)
		return ERR_PTR(-EAFNOSUPPORT);
	/* it may have left this machine, which an IPv6 lookup does not notice */
	if (ep->local.family == AF_INET6 &&
	    ipv6_chk_addr(s->net, &ep->local.a6, NULL, 0))
		fl.saddr = ep->local.a6;
	dst = lookup6(s, &fl);
	if (IS_ERR(dst) && !ipv6_addr_any(&fl.saddr)) {
		fl.saddr = in6addr_any;
		dst = lookup6(s, &fl);
	}
	if (IS_ERR(dst))
		return dst;
	saddr->a6 = fl.saddr;
	dst_cache_set_ip6(&t->route, dst, &fl.saddr);
	return dst;
}
#else
static struct dst_entry *route6(struct otp_tunnel *t, const struct otp_sock *s,
				const struct otp_endpoint *ep,
				struct qkd_addr *saddr)
{
	return ERR_PTR(-EAFNOSUPPORT);
}
#endif

static struct dst_entry *cached(struct otp_tunnel *t, struct qkd_addr *saddr)
{
	struct dst_entry *dst = NULL;
	struct rtable *rt;

	if (saddr->family == AF_INET) {
		rt = dst_cache_get_ip4(&t->route, &saddr->a4);
		dst = rt ? &rt->dst : NULL;
	}
#if IS_ENABLED(CONFIG_IPV6)
	if (saddr->family == AF_INET6)
		dst = dst_cache_get_ip6(&t->route, &saddr->a6);
#endif
	/* the peer has just moved from one family to the other */
	if (dst && dst->ops->family != saddr->family) {
		dst_release(dst);
		dst = NULL;
	}
	return dst;
}

/* Cached or new; @fresh says which. */
static struct dst_entry *route(struct otp_tunnel *t, const struct otp_sock *s,
			       const struct otp_endpoint *ep,
			       struct qkd_addr *saddr, bool *fresh)
{
	struct dst_entry *dst;

	saddr->family = ep->peer.family;
	dst = cached(t, saddr);
	*fresh = !dst;
	if (dst)
		return dst;
	dst = saddr->family == AF_INET ? route4(t, s, ep, saddr) :
					 route6(t, s, ep, saddr);
	/* pairs with replace() in endpoint.c: it empties the cache, or we do */
	smp_mb();
	if (rcu_access_pointer(t->endpoint) != ep)
		dst_cache_reset(&t->route);
	return dst;
}

/* The device by which a tunnel's packets leave, if they do. */
static struct net_device *way_out(struct otp_tunnel *t)
{
	const struct otp_endpoint *ep = rcu_dereference(t->endpoint);
	const struct otp_sock *s = rcu_dereference(t->sock);
	struct net_device *dev;
	struct qkd_addr saddr;
	struct dst_entry *dst;
	bool fresh;

	if (!ep || !s)
		return NULL;
	dst = route(t, s, ep, &saddr, &fresh);
	if (IS_ERR(dst))
		return NULL;
	/* RCU keeps it */
	dev = dst->dev;
	dst_release(dst);
	/* whether it leads back there, its own packets are to ask */
	if (fresh)
		dst_cache_reset(&t->route);
	return dev;
}

/*
 * A packet that came round would be encrypted anew each time, and in pieces when
 * it no longer fits: what there is of pad would go into one. So a tunnel may lead
 * through others, but not through itself. Whoever closes the circle last sees it,
 * since routes are looked up anew when any has changed.
 */
static bool leads_back(const struct otp_tunnel *t, struct net_device *dev)
{
	struct otp_tunnel *through;
	unsigned int depth;

	for (depth = 0; dev && depth < OTP_NESTED_MAX; depth++) {
		if (dev == t->dev)
			return true;
		through = otp_tunnel_of(dev);
		if (!through)
			return false;
		dev = way_out(through);
	}
	return dev;
}

/**
 * otp_route - the way to the peer
 * @t: the tunnel
 * @s: its sockets
 * @ep: where to
 * @saddr: set to the address to send from
 *
 * Context: BH disabled, RCU read lock. Return: a reference, or an ERR_PTR;
 * -ELOOP if the way leads through the tunnel itself, or too many others,
 * -EHOSTUNREACH if it discards packets.
 */
struct dst_entry *otp_route(struct otp_tunnel *t, const struct otp_sock *s,
			    const struct otp_endpoint *ep,
			    struct qkd_addr *saddr)
{
	struct dst_entry *dst;
	bool fresh;

	dst = route(t, s, ep, saddr, &fresh);
	/* IPsec covers the way and has no SA yet: it would eat pad for nothing */
	if (!IS_ERR(dst) && READ_ONCE(dst->output) == dst_discard_out) {
		dst_release(dst);
		return ERR_PTR(-EHOSTUNREACH);
	}
	if (fresh && !IS_ERR(dst) && leads_back(t, dst->dev)) {
		dst_cache_reset(&t->route);
		dst_release(dst);
		return ERR_PTR(-ELOOP);
	}
	return dst;
}

/* ---- sending ---- */

static void send4(const struct otp_sock *s, const struct otp_endpoint *ep,
		  struct dst_entry *dst, __be32 saddr, struct sk_buff *skb,
		  u8 tos)
{
	bool xnet = !net_eq(s->net, dev_net(skb->dev));
	struct rtable *rt = container_of(dst, struct rtable, dst);

	/* the tag does what a checksum would do */
	udp_tunnel_xmit_skb(rt, s->sock4->sk, skb, saddr, ep->peer.a4, tos,
			    ip4_dst_hoplimit(dst), 0, s->port, ep->port, xnet,
			    true, 0);
}

#if IS_ENABLED(CONFIG_IPV6)
static void send6(const struct otp_sock *s, const struct otp_endpoint *ep,
		  struct dst_entry *dst, const struct in6_addr *saddr,
		  struct sk_buff *skb, u8 tos)
{
	struct in6_addr from = *saddr, to = ep->peer.a6;

	udp_tunnel6_xmit_skb(dst, s->sock6->sk, skb, skb->dev, &from, &to, tos,
			     ip6_dst_hoplimit(dst), 0, s->port, ep->port,
			     false, 0);
}
#else
static void send6(const struct otp_sock *s, const struct otp_endpoint *ep,
		  struct dst_entry *dst, const struct in6_addr *saddr,
		  struct sk_buff *skb, u8 tos)
{
	kfree_skb(skb);
}
#endif

/**
 * otp_sock_send - send a finished packet
 * @t: the tunnel, whose counters the packet goes to
 * @s: its sockets
 * @ep: where to
 * @dst: from otp_route(), stays the caller's
 * @saddr: the same
 * @skb: consumed; begins with the one-time-pad header, the inner network
 *	header is set
 * @tos: of the outer header
 *
 * Context: BH disabled, RCU read lock.
 */
void otp_sock_send(struct otp_tunnel *t, const struct otp_sock *s,
		   const struct otp_endpoint *ep, struct dst_entry *dst,
		   const struct qkd_addr *saddr, struct sk_buff *skb, u8 tos)
{
	skb->dev = t->dev;
	skb->ignore_df = 1;
	dst_hold(dst);
	if (saddr->family == AF_INET)
		send4(s, ep, dst, saddr->a4, skb, tos);
	else
		send6(s, ep, dst, &saddr->a6, skb, tos);
}
