// SPDX-License-Identifier: GPL-2.0
/*
 * What a device does for want of key, if its administrator chose so: packets
 * go under an SA of one named IPsec tunnel of the same QKD link. That SA is
 * looked up for each packet and is asked for by what the tunnel's SAs are
 * known by; without it nothing is sent. From then on there is no way out but
 * the transformation: what netfilter would do to the cleartext packet, routing
 * it anew included, is not asked.
 *
 * Received is only what came under the peer's SA of the tunnel, which is of
 * transport mode, from the peer's own port: no one else at the peer has that.
 */

#include <linux/ip.h>
#include <linux/udp.h>
#include <net/dst.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/udp.h>
#include <net/xfrm.h>
#if IS_ENABLED(CONFIG_IPV6)
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#endif
#include "otp.h"

#ifdef CONFIG_XFRM

/* Under RCU. */
static int find_tunnel(const struct otp_tunnel *t, const struct otp_attach *att,
		       struct qkd_esp_id *id)
{
	const struct otp_fallback *fb = rcu_dereference(t->fallback);
	int err;

	if (!fb)
		return -ENOENT;
	err = qkd_esp_find(att->link, fb->name, id);
	return err ?: id->transport ? 0 : -EINVAL;
}

static bool is_of(const struct xfrm_state *x, const struct qkd_esp_id *id)
{
	return x->id.proto == IPPROTO_ESP && x->props.reqid == id->reqid &&
	       x->if_id == id->if_id &&
	       x->props.mode == XFRM_MODE_TRANSPORT;
}

/* ---- sending ---- */

static struct dst_entry *plain_route(const struct otp_sock *s,
				     const struct qkd_esp_id *id,
				     struct flowi *fl)
{
	struct rtable *rt;

	if (id->peer.family == AF_INET6) {
#if IS_ENABLED(CONFIG_IPV6)
		fl->u.ip6.saddr = id->local.a6;
		fl->u.ip6.daddr = id->peer.a6;
		return ip6_route_output(s->net, NULL, &fl->u.ip6);
#else
		return ERR_PTR(-EAFNOSUPPORT);
#endif
	}
	fl->u.ip4.saddr = id->local.a4;
	fl->u.ip4.daddr = id->peer.a4;
	/* no protocol yet: policies are asked afterwards, for the tunnel's */
	rt = ip_route_output_key(s->net, &fl->u.ip4);
	return IS_ERR(rt) ? ERR_CAST(rt) : &rt->dst;
}

/* A way that leads through the tunnel's SA, or an ERR_PTR. */
static struct dst_entry *secure_route(const struct otp_tunnel *t,
				      const struct otp_sock *s,
				      const struct qkd_esp_id *id)
{
	struct dst_entry *dst;
	struct flowi fl = {};

	dst = plain_route(s, id, &fl);
	if (IS_ERR(dst))
		return dst;
	if (dst->error || dst->dev == t->dev) {
		dst_release(dst);
		return ERR_PTR(-ENETUNREACH);
	}
	fl.u.__fl_common.flowic_proto = IPPROTO_UDP;
	if (id->peer.family == AF_INET) {
		fl.u.ip4.fl4_sport = s->port;
		fl.u.ip4.fl4_dport = t->cfg.remote_port;
	} else {
		fl.u.ip6.fl6_sport = s->port;
		fl.u.ip6.fl6_dport = t->cfg.remote_port;
	}
	dst = xfrm_lookup_with_ifid(s->net, dst, &fl, NULL, 0, id->if_id);
	if (IS_ERR(dst))
		return dst;
	if (dst_xfrm(dst) && is_of(dst_xfrm(dst), id))
		return dst;
	dst_release(dst);
	return ERR_PTR(-ENOENT);
}

static void push_udp(const struct otp_tunnel *t, const struct otp_sock *s,
		     struct sk_buff *skb)
{
	struct udphdr *uh = skb_push(skb, sizeof(*uh));

	skb_reset_transport_header(skb);
	uh->source = s->port;
	uh->dest = t->cfg.remote_port;
	uh->len = htons(skb->len);
	uh->check = 0;
}

static void push_ip4(struct net *net, const struct dst_entry *dst,
		     const struct qkd_esp_id *id, struct sk_buff *skb, u8 tos)
{
	struct iphdr *ip = skb_push(skb, sizeof(*ip));

	skb_reset_network_header(skb);
	skb->protocol = htons(ETH_P_IP);
	*ip = (struct iphdr) {
		.version = 4,
		.ihl = sizeof(*ip) / 4,
		.tos = tos,
		.tot_len = htons(skb->len),
		.ttl = ip4_dst_hoplimit(dst),
		.protocol = IPPROTO_UDP,
		.saddr = id->local.a4,
		.daddr = id->peer.a4,
	};
	__ip_select_ident(net, ip, 1);
	ip_send_check(ip);
}

#if IS_ENABLED(CONFIG_IPV6)
static void push_ip6(struct dst_entry *dst, const struct qkd_esp_id *id,
		     struct sk_buff *skb, u8 tos)
{
	struct udphdr *uh = udp_hdr(skb);
	u32 len = skb->len;
	struct ipv6hdr *ip;

	uh->check = csum_ipv6_magic(&id->local.a6, &id->peer.a6, len,
				    IPPROTO_UDP, csum_partial(uh, len, 0)) ?:
		    CSUM_MANGLED_0;
	ip = skb_push(skb, sizeof(*ip));
	skb_reset_network_header(skb);
	skb->protocol = htons(ETH_P_IPV6);
	ip6_flow_hdr(ip, tos, 0);
	ip->payload_len = htons(len);
	ip->nexthdr = IPPROTO_UDP;
	ip->hop_limit = ip6_dst_hoplimit(dst_xfrm(dst) ?
					 xfrm_dst_path(dst) : dst);
	ip->saddr = id->local.a6;
	ip->daddr = id->peer.a6;
}
#else
static void push_ip6(struct dst_entry *dst, const struct qkd_esp_id *id,
		     struct sk_buff *skb, u8 tos)
{
}
#endif

static struct sk_buff *wrap(const struct otp_tunnel *t, const struct otp_gen *g,
			    const struct otp_sock *s, struct dst_entry *dst,
			    const struct qkd_esp_id *id,
			    const struct sk_buff *skb)
{
	unsigned int room = LL_RESERVED_SPACE(dst->dev) + dst->header_len +
			    sizeof(struct ipv6hdr) + sizeof(struct udphdr) +
			    OTP_HDR_SIZE;
	struct sk_buff *out = alloc_skb(room + skb->len + dst->trailer_len,
					GFP_ATOMIC);
	u8 tos = ip_tunnel_ecn_encap(0, ip_hdr(skb), skb);

	if (!out)
		return NULL;
	skb_reserve(out, room);
	otp_copy(skb, skb_put(out, skb->len));
	otp_header_build(skb_push(out, OTP_HDR_SIZE), OTP_TYPE_ESP, g->id,
			 g->name, 0);
	push_udp(t, s, out);
	if (id->peer.family == AF_INET)
		push_ip4(s->net, dst, id, out, tos);
	else
		push_ip6(dst, id, out, tos);
	out->dev = dst->dev;
	out->priority = skb->priority;
	out->ignore_df = 1;
	skb_dst_set(out, dst_clone(dst));
	return out;
}

/* With all that comes before and behind it, a packet is an IP packet again. */
static bool fits(const struct dst_entry *dst, const struct qkd_esp_id *id,
		 const struct sk_buff *skb)
{
	u32 len = skb->len + OTP_HDR_SIZE + sizeof(struct udphdr) +
		  dst->header_len + dst->trailer_len;

	len += id->peer.family == AF_INET ? sizeof(struct iphdr) :
					    sizeof(struct ipv6hdr);
	return len <= IP_MAX_MTU;
}

/* One packet under the SA that @dst leads through. */
static int send_one(struct otp_tunnel *t, const struct otp_gen *g,
		    const struct otp_sock *s, struct dst_entry *dst,
		    const struct qkd_esp_id *id, const struct sk_buff *skb)
{
	struct sock *sk = id->peer.family == AF_INET ? s->sock4->sk :
						       s->sock6->sk;
	struct sk_buff *out;

	if (!fits(dst, id, skb))
		return -EMSGSIZE;
	out = wrap(t, g, s, dst, id, skb);
	if (!out)
		return -ENOMEM;
	otp_count(t, OTP_TX_FALLBACK, 1);
	dev_sw_netstats_tx_add(t->dev, 1, skb->len);
	/* not dst_output(): hooks before it may send the packet elsewhere */
	xfrm_output(sk, out);
	return 0;
}

static void alarm(struct otp_tunnel *t, const struct otp_gen *g)
{
	const struct otp_fallback *fb = rcu_dereference(t->fallback);

	if (READ_ONCE(t->fell_back) || !fb)
		return;
	WRITE_ONCE(t->fell_back, true);
	qkd_link_alarm(g->att->link, QKD_ALARM_TUNNEL,
		       "one-time-pad device %s has no key and sends through IPsec tunnel %s",
		       t->dev->name, fb->name);
}

/**
 * otp_fallback_send - send a packet for which there is no pad
 * @t: the tunnel
 * @g: the generation, which the peer finds its device by
 * @s: sockets
 * @skb: GSO or not; stays the caller's
 *
 * Context: BH disabled, RCU read lock. Return: 0; else nothing of the packet
 * was sent: no fallback is configured, or its tunnel has no SA now; -EMSGSIZE: under
 * that it would be longer than IP packets can be. Segments
 * lost after one was sent are counted as dropped: to try the packet again
 * would send that one twice.
 */
int otp_fallback_send(struct otp_tunnel *t, const struct otp_gen *g,
		      const struct otp_sock *s, struct sk_buff *skb)
{
	struct sk_buff *segs, *seg, *next;
	struct dst_entry *dst;
	struct qkd_esp_id id;
	bool begun = false;
	int err;

	err = find_tunnel(t, g->att, &id);
	if (err)
		return err;
	if (id.peer.family == AF_INET6 && !s->sock6)
		return -EAFNOSUPPORT;
	dst = secure_route(t, s, &id);
	if (IS_ERR(dst))
		return PTR_ERR(dst);
	alarm(t, g);
	if (!skb_is_gso(skb)) {
		err = send_one(t, g, s, dst, &id, skb);
		goto out;
	}
	segs = skb_gso_segment(skb, OTP_SEG_FEATURES);
	err = IS_ERR_OR_NULL(segs) ? -EINVAL : 0;
	if (err)
		goto out;
	skb_list_walk_safe(segs, seg, next) {
		if (begun || !err)
			err = send_one(t, g, s, dst, &id, seg);
		if (!err)
			begun = true;
		else if (begun)
			DEV_STATS_INC(t->dev, tx_dropped);
		consume_skb(seg);
	}
	if (begun)
		err = 0;
out:
	dst_release(dst);
	return err;
}

/* ---- receiving ---- */

static bool from_peer(const struct sk_buff *skb, const struct qkd_esp_id *id)
{
	if (ip_hdr(skb)->version == 4)
		return id->peer.family == AF_INET &&
		       ip_hdr(skb)->saddr == id->peer.a4;
	return id->peer.family == AF_INET6 &&
	       ipv6_addr_equal(&ipv6_hdr(skb)->saddr, &id->peer.a6);
}

/**
 * otp_fallback_accept - did a packet come through the fallback?
 * @t: the tunnel
 * @att: its attachment
 * @skb: as received, headers in place
 *
 * Context: BH disabled, RCU read lock. Return: true if it came from the peer,
 * under the SA of the tunnel that is configured.
 */
bool otp_fallback_accept(const struct otp_tunnel *t,
			 const struct otp_attach *att,
			 const struct sk_buff *skb)
{
	const struct sec_path *sp = skb_sec_path(skb);
	struct qkd_esp_id id;

	return sp && sp->len && !find_tunnel(t, att, &id) &&
	       is_of(sp->xvec[sp->len - 1], &id) && from_peer(skb, &id) &&
	       udp_hdr(skb)->source == t->cfg.remote_port;
}

#else /* CONFIG_XFRM */

int otp_fallback_send(struct otp_tunnel *t, const struct otp_gen *g,
		      const struct otp_sock *s, struct sk_buff *skb)
{
	return -EOPNOTSUPP;
}

bool otp_fallback_accept(const struct otp_tunnel *t,
			 const struct otp_attach *att,
			 const struct sk_buff *skb)
{
	return false;
}

#endif

/* ---- configuration ---- */

static int check(struct otp_tunnel *t, const char *name,
		 struct netlink_ext_ack *extack)
{
	struct otp_attach *att = rcu_dereference(t->att);
	struct qkd_esp_id id;

	if (!att) {
		NL_SET_ERR_MSG(extack, "the device's QKD link is not there");
		return -ENODEV;
	}
	if (qkd_esp_find(att->link, name, &id)) {
		NL_SET_ERR_MSG(extack, "the link has no IPsec tunnel of the fallback's name; see qkdctl tunnel show");
		return -ENOENT;
	}
	if (!id.transport) {
		NL_SET_ERR_MSG(extack, "the fallback's tunnel must be of mode transport");
		return -EINVAL;
	}
	return 0;
}

/**
 * otp_fallback_set - choose the fallback, or none
 * @t: the tunnel
 * @name: of an IPsec tunnel of its link; empty: none
 * @extack: told what is wrong
 *
 * Context: may sleep, under rtnl. Return: 0, -ENODEV while detached, -ENOENT
 * without such a tunnel, -EINVAL if it is of another mode, -ENOMEM.
 */
int otp_fallback_set(struct otp_tunnel *t, const char *name,
		     struct netlink_ext_ack *extack)
{
	struct otp_fallback *fb = NULL, *old;
	int err;

	if (*name) {
		rcu_read_lock();
		err = check(t, name, extack);
		rcu_read_unlock();
		if (err)
			return err;
		fb = kzalloc(sizeof(*fb), GFP_KERNEL);
		if (!fb)
			return -ENOMEM;
		strscpy(fb->name, name, sizeof(fb->name));
	}
	old = rcu_replace_pointer(t->fallback, fb, lockdep_rtnl_is_held());
	if (old)
		kfree_rcu(old, rcu);
	if (!fb)
		WRITE_ONCE(t->fell_back, false);
	return 0;
}

/**
 * otp_fallback_free - the tunnel goes
 * @t: sends and receives no more
 */
void otp_fallback_free(struct otp_tunnel *t)
{
	struct otp_fallback *old = rcu_replace_pointer(t->fallback, NULL, true);

	if (old)
		kfree_rcu(old, rcu);
}
