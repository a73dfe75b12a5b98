// SPDX-License-Identifier: GPL-2.0
/*
 * Packets from the device to the wire. Pad for a whole GSO packet is secured
 * first; without it the queue is stopped and the packet stays in the qdisc, so
 * that senders feel ordinary back-pressure. Each segment is then copied once
 * into a buffer of our own and encrypted there: pages that the sender shares
 * with files or other programs are only ever read.
 */

#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/dst.h>
#include <net/dsfield.h>
#include <net/gso.h>
#include <net/icmp.h>
#include <net/inet_ecn.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include "otp.h"

/* All that sending needs, under RCU. */
struct otp_path {
	struct otp_tunnel *t;
	struct otp_gen *g;
	const struct otp_hash_key *key;
	const struct otp_sock *sock;
	const struct otp_endpoint *ep;
	struct dst_entry *dst;
	struct qkd_addr saddr;
	struct otp_queue *q;
	/* as they are when the packet comes: what is secured is what is used */
	u32 pad_to;
	u32 mtu;
};

static u32 padded(const struct otp_path *path, u32 len)
{
	return otp_padded_len(len, path->pad_to, path->mtu);
}

/* Bytes of headers that each segment repeats; 0 if it is not known. */
static u32 gso_headers(const struct sk_buff *skb)
{
	if (skb->encapsulation)
		return 0;
	if (skb_is_gso_tcp(skb))
		return skb_transport_offset(skb) + tcp_hdrlen(skb);
	if (skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4)
		return skb_transport_offset(skb) + sizeof(struct udphdr);
	return 0;
}

/* Bytes of pad for @skb, and for its longest segment; 0 if it is not known. */
static u32 pad_needed(const struct otp_path *path, const struct sk_buff *skb,
		      u32 *longest)
{
	u32 headers, payload, size = skb_shinfo(skb)->gso_size, n, last;

	if (!skb_is_gso(skb)) {
		*longest = OTP_MASK_SIZE + padded(path, skb->len);
		return *longest;
	}
	headers = gso_headers(skb);
	if (!headers || !size || skb->len <= headers)
		return 0;
	payload = skb->len - headers;
	n = payload / size;
	last = payload % size;
	*longest = OTP_MASK_SIZE + padded(path, headers + size);
	return n * *longest +
	       (last ? OTP_MASK_SIZE + padded(path, headers + last) : 0);
}

static int set_inner(struct sk_buff *skb)
{
	switch (skb->protocol) {
	case htons(ETH_P_IP):
		return pskb_network_may_pull(skb, sizeof(struct iphdr)) ?
		       0 : -EINVAL;
	case htons(ETH_P_IPV6):
		return pskb_network_may_pull(skb, sizeof(struct ipv6hdr)) ?
		       0 : -EINVAL;
	default:
		return -EPROTONOSUPPORT;
	}
}

static struct sk_buff *copy_packet(const struct otp_path *path,
				   const struct sk_buff *skb, u32 len)
{
	unsigned int room = LL_RESERVED_SPACE(path->dst->dev) +
			    path->dst->header_len + sizeof(struct ipv6hdr) +
			    sizeof(struct udphdr) + OTP_HDR_SIZE;
	struct sk_buff *out = alloc_skb(room + len, GFP_ATOMIC);

	if (!out)
		return NULL;
	skb_reserve(out, room);
	otp_copy(skb, skb_put(out, skb->len));
	/* padding is zeros, under pad like the rest */
	skb_put_zero(out, len - skb->len);
	skb_set_inner_network_header(out, 0);
	out->protocol = skb->protocol;
	out->priority = skb->priority;
	out->mark = 0;
	return out;
}

/* One packet, for which there is pad. @skb stays the caller's. */
static int send_one(struct otp_path *path, const struct sk_buff *skb)
{
	u32 len = padded(path, skb->len), n = OTP_MASK_SIZE + len;
	struct otp_header *h;
	struct sk_buff *out;
	u64 offset;
	u8 *pad, tos;

	out = copy_packet(path, skb, len);
	if (!out)
		return -ENOMEM;
	pad = otp_pad_get(path->t, path->q, n, &offset);
	if (!pad) {
		kfree_skb(out);
		return -EAGAIN;
	}
	tos = ip_tunnel_ecn_encap(0, ip_hdr(skb), skb);
	h = skb_push(out, sizeof(*h));
	otp_header_build(h, OTP_TYPE_PAD, path->g->id, path->g->name, offset);
	otp_seal(path->key, (u8 *)h, (u8 *)(h + 1), (u8 *)(h + 1), pad, len,
		 h->tag);
	memzero_explicit(pad, n);
	otp_count(path->t, OTP_TX_PAYLOAD, skb->len);
	otp_count(path->t, OTP_TX_PAD, n);
	otp_count(path->t, OTP_TX_PADDING, len - skb->len);
	otp_sock_send(path->t, path->sock, path->ep, path->dst, &path->saddr,
		      out, tos);
	return 0;
}

static int send_segments(struct otp_path *path, struct sk_buff *skb,
			 bool ensure)
{
	struct sk_buff *segs, *seg, *next;
	int err = 0;
	u32 need;

	segs = skb_gso_segment(skb, OTP_SEG_FEATURES);
	if (IS_ERR(segs))
		return PTR_ERR(segs);
	if (!segs)
		return -EINVAL;
	skb_list_walk_safe(segs, seg, next) {
		need = OTP_MASK_SIZE + padded(path, seg->len);
		if (!err && ensure)
			err = otp_pad_ensure(path->t, path->g, path->q, need,
					     need);
		if (!err)
			err = send_one(path, seg);
		consume_skb(seg);
	}
	return err;
}

static int have_pad(struct otp_path *path, u32 need, u32 longest)
{
	if (need > OTP_BATCH_ROOM)
		return -EMSGSIZE;
	return otp_pad_ensure(path->t, path->g, path->q, need, longest);
}

/* Asked for want of pad only: it takes the lock that all share. */
static bool can_come(const struct otp_path *path, u32 need, bool sure)
{
	return need <= OTP_BATCH_ROOM &&
	       need <= otp_share_most(path->g->att, sure);
}

/*
 * Secure pad for the whole of @skb. -EAGAIN: there is none. -EMSGSIZE: nor will
 * there be. @ensured: false if segments' need could not be told in advance, or is
 * more than the pool can have: then there is some, and they go as far as there
 * is more.
 */
static int secure_pad(struct otp_path *path, const struct sk_buff *skb,
		      bool *ensured)
{
	u32 longest = 0, need = pad_needed(path, skb, &longest);

	*ensured = need && !have_pad(path, need, longest);
	if (*ensured)
		return 0;
	if (skb_is_gso(skb)) {
		if (need && can_come(path, need, true))
			return -EAGAIN;
		need = OTP_MASK_SIZE + path->mtu;
		if (!have_pad(path, need, need))
			return 0;
	}
	return can_come(path, need, false) ? -EAGAIN : -EMSGSIZE;
}

/* A packet that was refused for want of pad. */
struct otp_refused {
	struct otp_path *path;
	const struct sk_buff *skb;
	bool *ensured;
};

static int secure_again(void *arg)
{
	struct otp_refused *r = arg;

	return secure_pad(r->path, r->skb, r->ensured) ? -EBUSY : 0;
}

/* Pad for @skb, or its queue is stopped: -EBUSY. */
static int secure_or_stop(struct otp_path *path, struct netdev_queue *txq,
			  const struct sk_buff *skb, bool *ensured)
{
	struct otp_refused r = {
		.path = path, .skb = skb, .ensured = ensured,
	};
	int err = otp_wait_for(&path->t->wait, txq, secure_again, &r);

	if (err)
		otp_count(path->t, OTP_TX_STARVED, 1);
	return err;
}

/* 0, or what keeps packets from the wire; -EBUSY: wait for it. */
static int find_path(struct otp_path *path)
{
	struct otp_tunnel *t = path->t;
	struct otp_attach *att = rcu_dereference(t->att);

	path->sock = rcu_dereference(t->sock);
	path->ep = rcu_dereference(t->endpoint);
	if (!att || !path->sock)
		return -ENETDOWN;
	if (!path->ep)
		return -EDESTADDRREQ;
	path->g = rcu_dereference(att->gen);
	if (!path->g || otp_gen_key(path->g, true, &path->key))
		return -EBUSY;
	path->dst = otp_route(t, path->sock, path->ep, &path->saddr);
	if (IS_ERR(path->dst)) {
		otp_count(t, OTP_TX_NO_ROUTE, 1);
		return PTR_ERR(path->dst);
	}
	return 0;
}

static void tell_sender(struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
#if IS_ENABLED(CONFIG_IPV6)
	else if (skb->protocol == htons(ETH_P_IPV6))
		icmpv6_ndo_send(skb, ICMPV6_DEST_UNREACH, ICMPV6_ADDR_UNREACH,
				0);
#endif
}

static int send_packet(struct otp_path *path, struct netdev_queue *txq,
		       struct sk_buff *skb)
{
	bool ensured;
	int err, none;

	err = secure_pad(path, skb, &ensured);
	if (err) {
		none = otp_fallback_send(path->t, path->g, path->sock, skb);
		if (!none)
			return 0;
		if (none == -EMSGSIZE)
			err = none;
	}
	if (err == -EAGAIN)
		err = secure_or_stop(path, txq, skb, &ensured);
	if (err == -EMSGSIZE)
		otp_count(path->t, OTP_TX_TOO_LARGE, 1);
	if (READ_ONCE(path->t->fell_back))
		WRITE_ONCE(path->t->fell_back, false);
	if (err)
		return err;
	return skb_is_gso(skb) ? send_segments(path, skb, !ensured) :
				 send_one(path, skb);
}

static int find_again(void *arg)
{
	return find_path(arg);
}

/* No generation or no hash key yet: their coming wakes the queue. */
static int find_or_stop(struct otp_path *path, struct netdev_queue *txq)
{
	int err = otp_wait_for(&path->t->wait, txq, find_again, path);

	if (err == -EBUSY)
		otp_count(path->t, OTP_TX_STARVED, 1);
	return err;
}

/**
 * otp_xmit - ndo_start_xmit
 * @skb: a packet, GSO or not
 * @dev: the device
 *
 * Return: NETDEV_TX_OK, the packet is consumed, or NETDEV_TX_BUSY, it waits
 * for key.
 */
netdev_tx_t otp_xmit(struct sk_buff *skb, struct net_device *dev)
{
	unsigned int queue = skb_get_queue_mapping(skb);
	struct netdev_queue *txq = netdev_get_tx_queue(dev, queue);
	struct otp_tunnel *t = netdev_priv(dev);
	struct otp_path path = {
		.t = t,
		.q = &t->queues[queue],
		.pad_to = READ_ONCE(t->cfg.pad_to),
		.mtu = READ_ONCE(dev->mtu),
	};
	int err;

	err = set_inner(skb);
	if (err)
		goto drop;
	rcu_read_lock();
	err = find_path(&path);
	if (err == -EBUSY)
		err = find_or_stop(&path, txq);
	if (!err) {
		err = send_packet(&path, txq, skb);
		dst_release(path.dst);
	}
	rcu_read_unlock();
	if (err == -EBUSY)
		return NETDEV_TX_BUSY;
	if (err)
		goto drop;
	consume_skb(skb);
	return NETDEV_TX_OK;
drop:
	if (err == -ENETDOWN || err == -EDESTADDRREQ)
		tell_sender(skb);
	DEV_STATS_INC(dev, tx_errors);
	kfree_skb(skb);
	return NETDEV_TX_OK;
}
