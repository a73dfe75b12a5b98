/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What qkd.ko offers to the modules that use key: the whole contract.
 *
 * Links are looked up and held, key is reserved (tx) and taken (rx) through a
 * consumer, short messages go to the peer's module of the same protocol, and
 * a notifier tells of changes. How pools, devices and the wire work is
 * kmod/core's own business. See Documentation/pool.rst.
 */
#ifndef _QKD_H
#define _QKD_H

#include <linux/in6.h>
#include <linux/notifier.h>
#include <linux/types.h>
#include <linux/socket.h>
#include <linux/qkd.h>
#include <linux/qkd_dev.h>

struct module;
struct net;
struct qkd_consumer;
struct qkd_link;

/* ---- links ---- */

/**
 * struct qkd_addr - an address of a link's end
 * @family: AF_INET or AF_INET6
 * @a4: if AF_INET
 * @a6: if AF_INET6
 */
struct qkd_addr {
	sa_family_t family;
	union {
		__be32 a4;
		struct in6_addr a6;
	};
};

/* Each find takes a reference, or returns NULL. Any context. */
struct qkd_link *qkd_link_find(struct net *net, const char *name);
struct qkd_link *qkd_link_find_index(struct net *net, u32 index);
/* The link whose endpoints are these, whichever its local one. */
struct qkd_link *qkd_link_find_ends(struct net *net,
				    const struct qkd_addr *local,
				    const struct qkd_addr *peer);
void qkd_link_hold(struct qkd_link *link);
void qkd_link_put(struct qkd_link *link);

const char *qkd_link_name(const struct qkd_link *link);
u32 qkd_link_index(const struct qkd_link *link);
/* Not refcounted: valid while the link is not deleted (QKD_LINK_DEL). */
struct net *qkd_link_net(const struct qkd_link *link);
/* True if this node's ID sorts before the peer's: breaks symmetry. */
bool qkd_link_lower(const struct qkd_link *link);
/* -EADDRNOTAVAIL if the link has no endpoints of the family. Any context. */
int qkd_link_ends(struct qkd_link *link, sa_family_t family,
		  struct qkd_addr *local, struct qkd_addr *peer);
/* The UDP ports of the peer protocol, here and at the peer. Any context. */
void qkd_link_ports(struct qkd_link *link, __be16 *local, __be16 *peer);
/* Copies the generation; returns its epoch, 0 when there is none. */
u32 qkd_link_generation(struct qkd_link *link, u8 gen[QKD_GENERATION_SIZE]);

/* ---- key ---- */

/*
 * An epoch numbers a link's generations on this machine, from 1: cheap to
 * compare, and whoever kept key of an old one is told -ESTALE.
 */

/**
 * qkd_consumer_add - open an account for the use of a link's key
 * @link: held by the consumer until it is removed
 * @kind: "xfrm", "otp", ...
 * @name: as an administrator knows it
 *
 * Context: may sleep. Return: the consumer or an ERR_PTR: -EEXIST, -ENOMEM,
 * -ENODEV when the link is being deleted.
 */
struct qkd_consumer *qkd_consumer_add(struct qkd_link *link, const char *kind,
				      const char *name);
/* May sleep; no reserve, take or peek may be under way. */
void qkd_consumer_del(struct qkd_consumer *c);
/*
 * Leave at least @bytes of confirmed key to others: a reservation that would
 * go below is refused as if there were none. The link's own control messages
 * are always left their share. Any context.
 */
void qkd_consumer_set_floor(struct qkd_consumer *c, u32 bytes);
/*
 * Bytes that a consumer can find at most, together with its floor. @sure: that it
 * can count on, since feeders may not come before a quarter is free. Any context.
 */
u32 qkd_link_most(const struct qkd_link *link, bool sure);
/*
 * Programs, which reserve by a device's file, leave @bytes of confirmed key to
 * this consumer; for all such, no more than half of the pool. Any context.
 */
void qkd_consumer_promise(struct qkd_consumer *c, u32 bytes);
/*
 * Bytes that programs have reserved so far, and the most that one of them was
 * refused and has not got since, 0 for none. Any context.
 */
void qkd_link_programs(struct qkd_link *link, u64 *got, u32 *asked);

/**
 * qkd_reserve - take the next @len bytes of the tx stream
 * @c: pays for them
 * @dst: filled; the pool's copy is erased
 * @len: 1 to the pool's size
 * @offset: of the first byte; the range is contiguous
 * @epoch: of the generation it belongs to; may be NULL
 *
 * The range is gone from now on, used or not. Any context, BH-safe.
 * Return: 0, -EAGAIN without enough confirmed key, -ENETDOWN when the link is
 * down, deleted or without generation.
 */
int qkd_reserve(struct qkd_consumer *c, void *dst, u32 len, u64 *offset,
		u32 *epoch);

/**
 * qkd_take - fetch @len bytes of the rx stream by offset, once
 * @c: pays for them
 * @epoch: of the generation that the offset is of
 * @offset: of the first byte
 * @dst: filled; the pool's copy is erased. NULL: only erase
 * @len: 1 to the pool's size
 *
 * All or nothing. Any context, BH-safe.
 * Return: 0, -ENOENT if a byte was not fed (yet), -EALREADY if a byte was
 * taken or erased before, -ESTALE for another epoch, -ENETDOWN.
 */
int qkd_take(struct qkd_consumer *c, u32 epoch, u64 offset, void *dst,
	     u32 len);

/* As qkd_take(), but the key stays: to check a MAC before it is believed. */
int qkd_peek(struct qkd_consumer *c, u32 epoch, u64 offset, void *dst,
	     u32 len);

#define QKD_MAC_SECRET_SIZE 32

/**
 * qkd_mac_secret - the hash key of a direction's one-time-pad packets
 * @link: whose
 * @epoch: of the generation
 * @tx: of what this end sends; else of what it receives
 * @dst: filled with bytes 32 to 63 of the stream (see pool.rst, The MAC
 *	secret); the caller wipes it
 *
 * The same bytes at each call of an epoch, so that a module can be reloaded.
 * Any context, BH-safe. Return: 0, -EAGAIN while the bytes are not confirmed
 * (tx) or fed (rx), -ESTALE for another epoch, -ENETDOWN.
 */
int qkd_mac_secret(struct qkd_link *link, u32 epoch, bool tx,
		   u8 dst[QKD_MAC_SECRET_SIZE]);

/* ---- messages between the two ends' modules ---- */

enum qkd_proto_id {
	QKD_PROTO_STREAM = 1,	/* named streams, kmod/core/named.c */
	QKD_PROTO_XFRM = 2,	/* kmod/xfrm */
	QKD_PROTO_OTP = 3,	/* kmod/otp */
	QKD_PROTO_MAX = 15,
};

#define QKD_MSG_BODY_MAX 1024

/**
 * struct qkd_proto - a protocol that two modules speak over a link
 * @id: who is meant
 * @owner: held while @rcv runs
 * @rcv: called in process context, may sleep, for each message that carried a
 *	right one-time MAC, of one link one at a time in order of arrival. The
 *	body's bytes are the peer's, and may be malformed all the same. Messages
 *	may be lost or overtake each other; one message arrives once at most
 */
struct qkd_proto {
	enum qkd_proto_id id;
	struct module *owner;
	void (*rcv)(struct qkd_link *link, u32 epoch, const void *body,
		    u32 len);
};

int qkd_proto_register(const struct qkd_proto *proto);
/* Returns when no rcv runs any more. May sleep. */
void qkd_proto_unregister(const struct qkd_proto *proto);

/**
 * qkd_msg_send - send one message, authenticated with one-time key
 * @link: to its peer
 * @id: protocol
 * @body: at most QKD_MSG_BODY_MAX bytes
 * @len: its bytes
 *
 * Not reliable: who needs an answer repeats, and each repetition costs 32
 * bytes of key. Context: may sleep. Return: 0, or as qkd_reserve(), or an
 * error of the network.
 */
int qkd_msg_send(struct qkd_link *link, enum qkd_proto_id id,
		 const void *body, u32 len);

/* ---- IPsec tunnels of a link ---- */

/**
 * struct qkd_esp_id - what a tunnel's SAs are known by
 * @local: their end here
 * @peer: their other end
 * @reqid: request ID
 * @if_id: xfrm interface, 0 is none
 * @transport: of transport mode: only the two ends send under them
 */
struct qkd_esp_id {
	struct qkd_addr local;
	struct qkd_addr peer;
	u32 reqid;
	u32 if_id;
	bool transport;
};

/**
 * struct qkd_esp_ops - of the module that keys SAs
 * @find: as qkd_esp_find(), called under RCU
 */
struct qkd_esp_ops {
	int (*find)(struct qkd_link *link, const char *tunnel,
		    struct qkd_esp_id *id);
};

int qkd_esp_register(const struct qkd_esp_ops *ops);
void qkd_esp_unregister(void);
/* -ENOENT if the link has no such tunnel. Any context. */
int qkd_esp_find(struct qkd_link *link, const char *tunnel,
		 struct qkd_esp_id *id);

/* ---- events ---- */

/**
 * enum qkd_event - what the notifier tells; its argument is the link
 * @QKD_LINK_NEW: a link was made
 * @QKD_LINK_SET: endpoints, admin state or settings changed
 * @QKD_LINK_DEL: a link goes: drop consumers and references now
 * @QKD_GENERATION: the streams started anew
 * @QKD_KEY: confirmed key came to a stream whose available key had been
 *	refused to someone, or was below the low watermark
 *
 * Called in process context, may sleep; no lock of qkd.ko's is held but the
 * configuration mutex for NEW, SET and DEL: do not call back into creation or
 * deletion of links.
 */
enum qkd_event {
	QKD_LINK_NEW,
	QKD_LINK_SET,
	QKD_LINK_DEL,
	QKD_GENERATION,
	QKD_KEY,
};

int qkd_register_notifier(struct notifier_block *nb);
int qkd_unregister_notifier(struct notifier_block *nb);

/* Multicasts an alarm, rate limited per link and code. Any context. */
__printf(3, 4)
void qkd_link_alarm(struct qkd_link *link, enum qkd_alarm code,
		    const char *fmt, ...);

#endif /* _QKD_H */
