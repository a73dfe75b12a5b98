// SPDX-License-Identifier: GPL-2.0
/*
 * Packets from the wire to the device. The tag is checked with a copy of its
 * mask before anything of the packet is believed; then the packet's key is
 * taken, once, into a buffer of our own, and the ciphertext is XORed onto it
 * there: nothing is ever written to the buffer that came from the network.
 */

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <net/dsfield.h>
#include <net/inet_ecn.h>
#include <net/ip_tunnels.h>
#include <net/udp.h>
#include "otp.h"

static void count_error(struct otp_tunnel *t, int err)
{
	if (err == -EALREADY)
		otp_count(t, OTP_RX_REPLAY, 1);
	else
		otp_count(t, OTP_RX_NO_KEY, 1);
	DEV_STATS_INC(t->dev, rx_dropped);
}

static bool authentic(struct otp_tunnel *t, struct otp_gen *g,
		      const struct otp_info *info, const u8 *packet, u32 len)
{
	const struct otp_header *h = (const struct otp_header *)packet;
	const struct otp_hash_key *key;
	u8 mask[OTP_MASK_SIZE];
	bool ok;
	int err;

	err = otp_gen_key(g, false, &key);
	if (!err)
		err = qkd_peek(g->att->consumer, g->epoch, info->offset, mask,
			       sizeof(mask));
	if (err) {
		count_error(t, err);
		return false;
	}
	ok = otp_verify(key, packet, packet + OTP_HDR_SIZE, len, mask, h->tag);
	memzero_explicit(mask, sizeof(mask));
	if (!ok) {
		otp_count(t, OTP_RX_AUTH, 1);
		DEV_STATS_INC(t->dev, rx_errors);
	}
	return ok;
}

/* The plaintext of an authentic packet, or NULL; its key is consumed. */
static struct sk_buff *decrypt(struct otp_tunnel *t, struct otp_gen *g,
			       u64 offset, const u8 *ct, u32 len)
{
	struct sk_buff *skb;
	u8 *p;
	int err;

	skb = netdev_alloc_skb(t->dev, OTP_MASK_SIZE + len);
	if (!skb) {
		DEV_STATS_INC(t->dev, rx_dropped);
		return NULL;
	}
	p = skb_put(skb, OTP_MASK_SIZE + len);
	err = qkd_take(g->att->consumer, g->epoch, offset, p,
		       OTP_MASK_SIZE + len);
	if (err) {
		kfree_skb(skb);
		count_error(t, err);
		return NULL;
	}
	otp_count(t, OTP_RX_PAD, OTP_MASK_SIZE + len);
	memzero_explicit(p, OTP_MASK_SIZE);
	p = skb_pull(skb, OTP_MASK_SIZE);
	otp_xor(p, p, ct, len);
	return skb;
}

/* Trim the padding and make @skb what the stack expects; false: drop it. */
static bool dress(struct otp_tunnel *t, struct sk_buff *skb)
{
	int len = otp_inner_len(skb->data, skb->len);

	if (len < 0) {
		otp_count(t, OTP_RX_INNER, 1);
		DEV_STATS_INC(t->dev, rx_frame_errors);
		return false;
	}
	otp_count(t, OTP_RX_PADDING, skb->len - len);
	if (!len)
		return false;
	__skb_trim(skb, len);
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);
	skb->protocol = skb->data[0] >> 4 == 4 ? htons(ETH_P_IP) :
						 htons(ETH_P_IPV6);
	skb->dev = t->dev;
	skb->pkt_type = PACKET_HOST;
	/* the tag vouches for what the sender's stack had checked */
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->csum_level = ~0;
	return true;
}

/* False if the outer header's congestion mark condemns the packet. */
static bool take_ecn(const struct sk_buff *outer, struct sk_buff *skb)
{
	if (ip_hdr(outer)->version == 4)
		return IP_ECN_decapsulate(ip_hdr(outer), skb) <= 1;
#if IS_ENABLED(CONFIG_IPV6)
	return IP6_ECN_decapsulate(ipv6_hdr(outer), skb) <= 1;
#else
	return true;
#endif
}

static void deliver(struct otp_tunnel *t, const struct sk_buff *outer,
		    struct sk_buff *skb)
{
	u32 len = skb->len;

	if (!take_ecn(outer, skb)) {
		DEV_STATS_INC(t->dev, rx_frame_errors);
		kfree_skb(skb);
		return;
	}
	otp_count(t, OTP_RX_PAYLOAD, len);
	/* counts a drop itself */
	if (gro_cells_receive(&t->gro, skb) == NET_RX_SUCCESS)
		dev_sw_netstats_rx_add(t->dev, len);
}

static void receive_fallback(struct otp_gen *g, const struct sk_buff *skb,
			     const u8 *packet, u32 len)
{
	struct otp_tunnel *t = g->att->tunnel;
	struct sk_buff *inner;

	if (!otp_fallback_accept(t, g->att, skb)) {
		/* this may have come in clear */
		otp_count(t, OTP_RX_CLEAR, 1);
		DEV_STATS_INC(t->dev, rx_dropped);
		return;
	}
	inner = netdev_alloc_skb(t->dev, len);
	if (!inner) {
		DEV_STATS_INC(t->dev, rx_dropped);
		return;
	}
	skb_put_data(inner, packet + OTP_HDR_SIZE, len);
	otp_count(t, OTP_RX_FALLBACK, 1);
	if (dress(t, inner))
		deliver(t, skb, inner);
	else
		kfree_skb(inner);
}

static void receive(struct otp_gen *g, const struct otp_info *info,
		    const struct sk_buff *skb, const u8 *packet, u32 len)
{
	struct otp_tunnel *t = g->att->tunnel;
	struct sk_buff *inner;

	if (!netif_running(t->dev))
		return;
	if (info->type != OTP_TYPE_PAD) {
		receive_fallback(g, skb, packet, len);
		return;
	}
	if (!authentic(t, g, info, packet, len))
		return;
	inner = decrypt(t, g, info->offset, packet + OTP_HDR_SIZE, len);
	if (!inner)
		return;
	otp_endpoint_learn(t, skb, g->epoch, info->offset);
	if (dress(t, inner))
		deliver(t, skb, inner);
	else
		kfree_skb(inner);
}

/**
 * otp_rcv - a datagram came to a tunnel's port
 * @sk: the socket
 * @skb: consumed
 *
 * Context: softirq, RCU read lock. Return: 0.
 */
int otp_rcv(struct sock *sk, struct sk_buff *skb)
{
	const struct otp_sock *s = rcu_dereference_sk_user_data(sk);
	struct otp_gen *g = NULL;
	struct otp_info info;
	u32 len;
	int err;

	/* linearizing copies, if need be; shared pages stay as they are */
	if (!s || !pskb_may_pull(skb, sizeof(struct udphdr) + OTP_HDR_SIZE) ||
	    skb_linearize(skb))
		goto out;
	len = skb->len - sizeof(struct udphdr);
	err = otp_header_parse(skb->data + sizeof(struct udphdr), len, &info);
	if (info.generation)
		g = otp_gen_find(otp_net(s->net), s->port, info.tunnel,
				 info.generation);
	if (g && err)
		otp_count(g->att->tunnel, OTP_RX_MALFORMED, 1);
	else if (g)
		receive(g, &info, skb, skb->data + sizeof(struct udphdr),
			len - OTP_HDR_SIZE);
out:
	kfree_skb(skb);
	return 0;
}
