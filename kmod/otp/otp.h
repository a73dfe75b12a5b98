/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of qkd_otp.ko share: the tunnel and its parts, who locks
 * what.
 *
 *   device (rtnl)  --att-->  attachment to a QKD link (otp_mutex, RCU)
 *                              --gen-->  a generation of its key (RCU)
 *          --sock-->  UDP sockets of a port (rtnl, RCU)
 *
 * Lock order: rtnl > otp_mutex > transmit queue's lock > otp_share.lock.
 * qkd.ko's notifier calls with its own mutex held, and takes otp_mutex, never
 * rtnl.
 */
#ifndef _OTP_H
#define _OTP_H

#include <linux/hashtable.h>
#include <linux/netdevice.h>
#include <linux/workqueue.h>
#include <net/dst_cache.h>
#include <net/gro_cells.h>
#include <qkd.h>
#include "fair.h"
#include "packet.h"
#include "wait.h"

/* One GSO packet's pad fits: 64 segments of at most 64 KiB altogether. */
#define OTP_BATCH_ROOM		(80U << 10)
#define OTP_BATCH_MAX		(64U << 10)
#define OTP_GSO_SEGS		64
/* Pad reserved and not used by then may be erased at the peer: drop it. */
#define OTP_BATCH_AGE		HZ

/* Segments refer to the sender's pages until they are copied. */
#define OTP_SEG_FEATURES \
	(NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_HIGHDMA | NETIF_F_FRAGLIST)

#define OTP_TABLE_BITS		8

enum otp_stat {
	OTP_TX_PAYLOAD,
	OTP_TX_PAD,
	OTP_TX_PADDING,
	OTP_TX_WASTED,
	OTP_TX_STARVED,
	OTP_TX_NO_ROUTE,
	OTP_TX_TOO_LARGE,
	OTP_TX_FALLBACK,
	OTP_RX_PAYLOAD,
	OTP_RX_PAD,
	OTP_RX_PADDING,
	OTP_RX_MALFORMED,
	OTP_RX_NO_KEY,
	OTP_RX_REPLAY,
	OTP_RX_AUTH,
	OTP_RX_INNER,
	OTP_RX_FALLBACK,
	OTP_RX_CLEAR,
	OTP_ROAMED,
	OTP_STATS
};

struct otp_stats {
	u64 v[OTP_STATS];
};

/**
 * struct otp_endpoint - where the peer is; replaced, never changed
 * @rcu: frees it
 * @peer: address
 * @local: address to send from; family AF_UNSPEC: whichever the route gives
 * @port: the peer's
 */
struct otp_endpoint {
	struct rcu_head rcu;
	struct qkd_addr peer;
	struct qkd_addr local;
	__be16 port;
};

/**
 * struct otp_key - a direction's hash key
 * @ready: @hash is filled: smp_load_acquire()
 * @hash: expanded
 */
struct otp_key {
	bool ready;
	struct otp_hash_key hash;
};

/**
 * struct otp_gen - a generation of an attachment
 * @node: in its namespace's table
 * @rcu: frees it, wiped
 * @att: whose
 * @epoch: qkd.ko's number of it
 * @id: the tunnel's, a part of the table's key
 * @port: the tunnel's, to which its packets come
 * @name: first bytes of the generation, the rest of it
 * @lock: protects filling of the keys
 * @tx: to send with
 * @rx: to receive with
 */
struct otp_gen {
	struct hlist_node node;
	struct rcu_head rcu;
	struct otp_attach *att;
	u32 epoch;
	u16 id;
	__be16 port;
	u8 name[OTP_GEN_SIZE];
	spinlock_t lock; /* filling of tx, rx */
	struct otp_key tx;
	struct otp_key rx;
};

/**
 * struct otp_attach - a tunnel's hold on its QKD link
 * @tunnel: whose
 * @link: held
 * @consumer: the account
 * @share: how tunnels divide the link's key
 * @gen: the current one or NULL; written under otp_mutex
 * @fair: its part in the division; share.lock
 * @floor: as told to qkd.ko; share.lock
 */
struct otp_attach {
	struct otp_tunnel *tunnel;
	struct qkd_link *link;
	struct qkd_consumer *consumer;
	struct otp_share *share;
	struct otp_gen __rcu *gen;
	struct otp_fair_user fair;
	u32 floor;
};

/* Reserved pad: @len bytes at @p, of @offset in the stream. */
struct otp_piece {
	u8 *buf;
	u8 *p;
	u32 len;
	u32 epoch;
	u64 offset;
	unsigned long filled;
};

/**
 * struct otp_queue - pad of one transmit queue, under its xmit lock
 * @piece: [@cur] is taken from when [!@cur], the end of the one before it, is
 *	too short
 * @cur: 0 or 1
 * @batch: bytes to reserve at once
 */
struct otp_queue {
	struct otp_piece piece[2];
	unsigned int cur;
	u32 batch;
} ____cacheline_aligned_in_smp;

/**
 * struct otp_sock - a port's sockets in a namespace; lists and users under rtnl
 * @list: in its namespace
 * @net: the namespace
 * @users: tunnels that are up
 * @port: UDP
 * @sock4: IPv4
 * @sock6: IPv6, or NULL where it is off
 */
struct otp_sock {
	struct list_head list;
	struct net *net;
	unsigned int users;
	__be16 port;
	struct socket *sock4;
	struct socket *sock6;
};

/* The IPsec tunnel that carries packets for want of key; never changed. */
struct otp_fallback {
	struct rcu_head rcu;
	char name[QKD_NAME_MAX + 1];
};

/* What an administrator set; under rtnl, READ_ONCE elsewhere. */
struct otp_config {
	char link[QKD_NAME_MAX + 1];
	u16 id;
	u16 pad_to;
	__be16 port;
	__be16 remote_port;
	struct qkd_addr remote;		/* AF_UNSPEC: the link's */
	u32 key_reserve;
	u32 weight;
	u64 rate;
};

/**
 * struct otp_tunnel - a device's private part
 * @dev: the device
 * @list: of all tunnels; otp_mutex
 * @net: where it was made, NULL when that is gone; rtnl
 * @cfg: as set
 * @att: RCU, written under otp_mutex
 * @sock: while up; RCU, written under rtnl
 * @endpoint: RCU, written under @endpoint_lock
 * @endpoint_lock: the same; protects @heard_epoch, @heard_offset
 * @heard_epoch: of the newest packet that told where the peer is
 * @heard_offset: the same
 * @fallback: RCU, written under rtnl; NULL: packets wait for key
 * @route: cache
 * @queues: one a transmit queue
 * @stale: erases pad that they did not use in time
 * @xmit_key: lockdep's, of their locks: a device may lead through another
 * @gro: receive
 * @stats: per CPU
 * @wait: queues that wait for key
 * @fell_back: the latest packet went by the fallback
 */
struct otp_tunnel {
	struct net_device *dev;
	struct list_head list;
	struct net *net;
	struct otp_config cfg;
	struct otp_attach __rcu *att;
	struct otp_sock __rcu *sock;
	struct otp_endpoint __rcu *endpoint;
	spinlock_t endpoint_lock; /* writing of endpoint; heard_* */
	u32 heard_epoch;
	u64 heard_offset;
	struct otp_fallback __rcu *fallback;
	struct dst_cache route;
	struct otp_queue *queues;
	struct delayed_work stale;
	struct lock_class_key xmit_key;
	struct gro_cells gro;
	struct otp_stats __percpu *stats;
	struct otp_wait wait;
	bool fell_back;
};

/**
 * struct otp_net - a namespace
 * @socks: of the ports in use; rtnl
 * @gens: by tunnel number and generation; RCU, written under otp_mutex
 */
struct otp_net {
	struct list_head socks;
	DECLARE_HASHTABLE(gens, OTP_TABLE_BITS);
};

static inline void otp_count(struct otp_tunnel *t, enum otp_stat s, u64 n)
{
	this_cpu_add(t->stats->v[s], n);
}

/*
 * Copy a packet, and finish its checksum if that is left to the device. One that
 * comes to 0 is sent as its other zero: 0 is no checksum to UDP, and over IPv6 no
 * UDP packet may be without.
 */
static inline void otp_copy(const struct sk_buff *skb, u8 *to)
{
	__sum16 *check;

	skb_copy_and_csum_dev(skb, to);
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return;
	check = (__sum16 *)(to + skb_checksum_start_offset(skb) +
			    skb->csum_offset);
	if (!*check)
		*check = CSUM_MANGLED_0;
}

/* main.c */
extern unsigned int otp_net_id;
struct otp_net *otp_net(struct net *net);

/* device.c */
struct otp_tunnel *otp_tunnel_of(const struct net_device *dev);
int otp_device_register(void);
void otp_device_unregister(void);
void otp_device_net_exit(struct net *net);

/* attach.c */
extern struct mutex otp_mutex;
int otp_attach_register(void);
void otp_attach_unregister(void);
int otp_attach_new(struct otp_tunnel *t, struct netlink_ext_ack *extack);
void otp_attach_end(struct otp_tunnel *t);
void otp_attach_changed(struct otp_tunnel *t);
void otp_attach_terms(struct otp_tunnel *t);
struct otp_gen *otp_gen_find(struct otp_net *on, __be16 port, u16 id,
			     const u8 name[OTP_GEN_SIZE]);
int otp_gen_key(struct otp_gen *g, bool tx, const struct otp_hash_key **key);

/* pad.c */
int otp_pad_init(struct otp_tunnel *t);
void otp_pad_free(struct otp_tunnel *t);
void otp_pad_flush(struct otp_tunnel *t);
int otp_pad_ensure(struct otp_tunnel *t, struct otp_gen *g,
		   struct otp_queue *q, u32 need, u32 longest);
u8 *otp_pad_get(struct otp_tunnel *t, struct otp_queue *q, u32 len,
		u64 *offset);

/* share.c */
int otp_share_join(struct otp_attach *att);
void otp_share_leave(struct otp_attach *att);
void otp_share_changed(struct otp_attach *att);
int otp_share_reserve(struct otp_attach *att, void *dst, u32 len,
		      u64 *offset, u32 *epoch);
u32 otp_share_most(struct otp_attach *att, bool sure);

/* fallback.c */
int otp_fallback_send(struct otp_tunnel *t, const struct otp_gen *g,
		      const struct otp_sock *s, struct sk_buff *skb);
bool otp_fallback_accept(const struct otp_tunnel *t,
			 const struct otp_attach *att,
			 const struct sk_buff *skb);
int otp_fallback_set(struct otp_tunnel *t, const char *name,
		     struct netlink_ext_ack *extack);
void otp_fallback_free(struct otp_tunnel *t);

/* send.c */
netdev_tx_t otp_xmit(struct sk_buff *skb, struct net_device *dev);

/* socket.c */
int otp_sock_open(struct otp_tunnel *t, struct netlink_ext_ack *extack);
void otp_sock_close(struct otp_tunnel *t);
struct dst_entry *otp_route(struct otp_tunnel *t, const struct otp_sock *s,
			    const struct otp_endpoint *ep,
			    struct qkd_addr *saddr);
void otp_sock_send(struct otp_tunnel *t, const struct otp_sock *s,
		   const struct otp_endpoint *ep, struct dst_entry *dst,
		   const struct qkd_addr *saddr, struct sk_buff *skb, u8 tos);

/* endpoint.c */
void otp_endpoint_reset(struct otp_tunnel *t);
void otp_endpoint_free(struct otp_tunnel *t);
void otp_endpoint_learn(struct otp_tunnel *t, const struct sk_buff *skb,
			u32 epoch, u64 offset);

/* receive.c */
int otp_rcv(struct sock *sk, struct sk_buff *skb);

/* ethtool.c */
extern const struct ethtool_ops otp_ethtool_ops;

#endif /* _OTP_H */
