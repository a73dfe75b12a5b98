// SPDX-License-Identifier: GPL-2.0
/*
 * The peer protocol: one UDP socket per namespace and family, messages with
 * one-time MACs, and the table of protocols that they are handed to.
 *
 * A message is checked where it arrives, in softirq: its MAC key is read from
 * the pool, the tag compared, and only then is the key consumed and the
 * message queued for its link's work item. So junk drains nothing, and of two
 * copies only one gets through. What the bodies mean is others' business.
 */
#include <crypto/algapi.h>
#include <crypto/poly1305.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/udp_tunnel.h>
#include "core.h"
#include "msg.h"
#include "trace.h"

#define QKD_MSGS_MAX	256	/* authentic messages of a link that may wait */

static_assert(QKD_MSG_SIZE_MAX - QKD_MSG_SIZE_MIN == QKD_MSG_BODY_MAX);

ushort qkd_port = QKD_PORT;
module_param_named(port, qkd_port, ushort, 0444);
MODULE_PARM_DESC(port, "UDP port of the peer protocol");

/* ---- protocols ---- */

static const struct qkd_proto __rcu *qkd_protos[QKD_PROTO_MAX + 1];
static DEFINE_MUTEX(qkd_protos_mutex);	/* protects writing of qkd_protos */
DEFINE_STATIC_SRCU(qkd_protos_srcu);	/* read side: a protocol's rcv runs */

int qkd_proto_register(const struct qkd_proto *proto)
{
	int err = -EEXIST;

	if (proto->id < 1 || proto->id > QKD_PROTO_MAX)
		return -EINVAL;
	mutex_lock(&qkd_protos_mutex);
	if (!rcu_access_pointer(qkd_protos[proto->id])) {
		rcu_assign_pointer(qkd_protos[proto->id], proto);
		err = 0;
	}
	mutex_unlock(&qkd_protos_mutex);
	return err;
}
EXPORT_SYMBOL_GPL(qkd_proto_register);

void qkd_proto_unregister(const struct qkd_proto *proto)
{
	mutex_lock(&qkd_protos_mutex);
	if (!WARN_ON(rcu_access_pointer(qkd_protos[proto->id]) != proto))
		RCU_INIT_POINTER(qkd_protos[proto->id], NULL);
	mutex_unlock(&qkd_protos_mutex);
	synchronize_srcu(&qkd_protos_srcu);
}
EXPORT_SYMBOL_GPL(qkd_proto_unregister);

/* ---- the tag ---- */

/* From pad at the message's offset to the key of its MAC. */
static int make_key(struct qkd_link *link, u32 epoch, bool tx,
		    u8 key[QKD_MAC_KEY_SIZE])
{
	u8 secret[QKD_MAC_SECRET_SIZE];
	int err = qkd_pool_secret(link, epoch, tx, 0, secret);

	if (!err)
		crypto_xor(key, secret, QKD_MAC_KEY_SIZE);
	memzero_explicit(secret, sizeof(secret));
	return err;
}

static void make_tag(const u8 key[QKD_MAC_KEY_SIZE], const void *data, u32 len,
		     u8 tag[QKD_MSG_TAG_SIZE])
{
	struct poly1305_desc_ctx ctx;

	poly1305_init(&ctx, key);
	poly1305_update(&ctx, data, len);
	poly1305_final(&ctx, tag);
	memzero_explicit(&ctx, sizeof(ctx));
}

/* ---- receiving ---- */

/* What was found out about a message in softirq, for the work item. */
struct qkd_msg_cb {
	u64 offset;
	u32 epoch;
	u16 len;
	u8 proto;
};

static struct qkd_msg_cb *msg_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct qkd_msg_cb) > sizeof(skb->cb));
	return (struct qkd_msg_cb *)skb->cb;
}

static bool tag_right(struct qkd_generation *g, const struct qkd_msg *msg,
		      const void *data)
{
	u8 key[QKD_MAC_KEY_SIZE], tag[QKD_MSG_TAG_SIZE];
	bool right = false;

	if (qkd_peek(&g->link->control, g->epoch, msg->offset, key,
		     sizeof(key)) || make_key(g->link, g->epoch, false, key)) {
		memzero_explicit(key, sizeof(key));
		atomic64_inc(&g->link->rx_no_key);
		return false;
	}
	make_tag(key, data, QKD_MSG_HEAD_SIZE + msg->len, tag);
	right = !crypto_memneq(tag, msg->tag, sizeof(tag));
	memzero_explicit(key, sizeof(key));
	if (!right) {
		atomic64_inc(&g->link->rx_auth);
		trace_qkd_msg_rx(g->link->index, msg->proto, msg->offset,
				 msg->len, -EKEYREJECTED);
	}
	return right;
}

/* Queues an authentic message; false if the link has too many, or goes. */
static bool msg_queue(struct qkd_link *link, struct sk_buff *skb)
{
	bool queued = false;

	spin_lock_bh(&link->work_lock);
	if (!link->no_work && skb_queue_len(&link->msgs) < QKD_MSGS_MAX) {
		skb_queue_tail(&link->msgs, skb);
		queue_work(qkd_wq, &link->msg_work);
		queued = true;
	}
	spin_unlock_bh(&link->work_lock);
	return queued;
}

/* Takes the skb, unless the message is not of this generation's link. */
static bool msg_accept(struct qkd_generation *g, const struct qkd_msg *msg,
		       struct sk_buff *skb)
{
	struct qkd_link *link = g->link;

	if (!tag_right(g, msg, skb->data))
		return false;
	/* a copy may have been faster: then this one is spent */
	if (qkd_take(&link->control, g->epoch, msg->offset, NULL,
		     QKD_MAC_KEY_SIZE)) {
		atomic64_inc(&link->rx_no_key);
		return false;
	}
	trace_qkd_msg_rx(link->index, msg->proto, msg->offset, msg->len, 0);
	*msg_cb(skb) = (struct qkd_msg_cb) {
		.offset = msg->offset,
		.epoch = g->epoch,
		.len = msg->len,
		.proto = msg->proto,
	};
	skb_dst_drop(skb);
	if (!msg_queue(link, skb)) {
		atomic64_inc(&link->rx_dropped);
		kfree_skb(skb);
	}
	return true;
}

/* For what looks like a message of a link of ours, but has not the form. */
static void count_malformed(struct net *net, const struct sk_buff *skb)
{
	const size_t at = offsetof(struct qkd_msg_wire, generation);
	u8 buf[QKD_GENERATION_SIZE], *gen;
	struct qkd_generation *g;

	gen = skb_header_pointer(skb, at, sizeof(buf), buf);
	if (!gen)
		return;
	rcu_read_lock();
	g = qkd_generation_first(net, gen);
	if (g)
		atomic64_inc(&g->link->rx_malformed);
	rcu_read_unlock();
}

/* Datagrams of the socket, headers of UDP included; softirq. */
static int peer_rcv(struct sock *sk, struct sk_buff *skb)
{
	struct net *net = sock_net(sk);
	struct qkd_generation *g;
	struct qkd_msg msg;

	__skb_pull(skb, sizeof(struct udphdr));
	if (skb->len > QKD_MSG_SIZE_MAX || skb_linearize(skb) ||
	    !qkd_msg_parse(skb->data, skb->len, &msg)) {
		count_malformed(net, skb);
		goto drop;
	}
	skb_orphan(skb);
	rcu_read_lock();
	for (g = qkd_generation_first(net, msg.generation); g;
	     g = qkd_generation_next(g, net, msg.generation))
		if (msg_accept(g, &msg, skb))
			break;
	rcu_read_unlock();
	if (g)
		return 0;
drop:
	kfree_skb(skb);
	return 0;
}

static void msg_deliver(struct qkd_link *link, struct sk_buff *skb)
{
	const struct qkd_msg_cb *cb = msg_cb(skb);
	const struct qkd_proto *proto = NULL;
	int idx;

	idx = srcu_read_lock(&qkd_protos_srcu);
	if (cb->proto <= QKD_PROTO_MAX)
		proto = srcu_dereference(qkd_protos[cb->proto],
					 &qkd_protos_srcu);
	if (proto && try_module_get(proto->owner)) {
		proto->rcv(link, cb->epoch, skb->data + QKD_MSG_HEAD_SIZE,
			   cb->len);
		module_put(proto->owner);
	} else {
		atomic64_inc(&link->rx_dropped);
	}
	srcu_read_unlock(&qkd_protos_srcu, idx);
}

static void peer_msg_work(struct work_struct *work)
{
	struct qkd_link *link = container_of(work, struct qkd_link, msg_work);
	struct sk_buff *skb;

	while ((skb = skb_dequeue(&link->msgs))) {
		if (!READ_ONCE(link->dead))
			msg_deliver(link, skb);
		consume_skb(skb);
	}
}

/* ---- sending ---- */

static int send4(struct socket *sock, const struct qkd_link *link,
		 const struct qkd_addr *local, const struct qkd_addr *peer,
		 struct kvec *vec)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = READ_ONCE(link->peer_port),
		.sin_addr.s_addr = peer->a4,
	};
	struct {
		struct cmsghdr head;
		struct in_pktinfo info;
	} ctl = {
		.head = {
			.cmsg_len = CMSG_LEN(sizeof(ctl.info)),
			.cmsg_level = SOL_IP,
			.cmsg_type = IP_PKTINFO,
		},
		.info.ipi_spec_dst.s_addr = local->a4,
	};
	struct msghdr msg = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_control = &ctl,
		.msg_controllen = sizeof(ctl),
		.msg_flags = MSG_DONTWAIT,
	};

	return kernel_sendmsg(sock, &msg, vec, 1, vec->iov_len);
}

static int send6(struct socket *sock, const struct qkd_link *link,
		 const struct qkd_addr *local, const struct qkd_addr *peer,
		 struct kvec *vec)
{
	struct sockaddr_in6 to = {
		.sin6_family = AF_INET6,
		.sin6_port = READ_ONCE(link->peer_port),
		.sin6_addr = peer->a6,
	};
	struct {
		struct cmsghdr head;
		struct in6_pktinfo info;
	} ctl = {
		.head = {
			.cmsg_len = CMSG_LEN(sizeof(ctl.info)),
			.cmsg_level = SOL_IPV6,
			.cmsg_type = IPV6_PKTINFO,
		},
		.info.ipi6_addr = local->a6,
	};
	struct msghdr msg = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_control = &ctl,
		.msg_controllen = sizeof(ctl),
		.msg_flags = MSG_DONTWAIT,
	};

	return kernel_sendmsg(sock, &msg, vec, 1, vec->iov_len);
}

/*
 * Over IPv4 if the link has it, and over IPv6 if that does not work: these
 * are the same bytes under the same key, which is no second use of it.
 */
static int peer_send(struct qkd_link *link, void *data, u32 len)
{
	struct qkd_net *qn = qkd_net(link->net);
	struct kvec vec = { .iov_base = data, .iov_len = len };
	struct qkd_addr local, peer;
	int err = -EADDRNOTAVAIL;

	lockdep_assert_held(&link->alive);
	if (!qkd_link_ends(link, AF_INET, &local, &peer))
		err = send4(qn->sock4, link, &local, &peer, &vec);
	if (err < 0 && qn->sock6 &&
	    !qkd_link_ends(link, AF_INET6, &local, &peer))
		err = send6(qn->sock6, link, &local, &peer, &vec);
	return min(err, 0);
}

static int msg_send(struct qkd_link *link, u8 proto, const void *body, u32 len)
{
	u8 key[QKD_MAC_KEY_SIZE], gen[QKD_GENERATION_SIZE];
	u32 epoch, key_epoch;
	u64 offset;
	u8 *data;
	int err;

	data = kmalloc(QKD_MSG_SIZE_MIN + len, GFP_KERNEL);
	if (!data)
		return -ENOMEM;
	epoch = qkd_link_generation(link, gen);
	err = qkd_pool_message_key(link, proto, key, sizeof(key), &offset,
				   &key_epoch);
	if (!err && key_epoch != epoch)
		err = -EAGAIN;	/* the streams started anew meanwhile */
	if (!err)
		err = make_key(link, epoch, true, key);
	if (err)
		goto out;
	qkd_msg_head(data, proto, len, gen, offset);
	memcpy(data + QKD_MSG_HEAD_SIZE, body, len);
	make_tag(key, data, QKD_MSG_HEAD_SIZE + len,
		 data + QKD_MSG_HEAD_SIZE + len);
	err = peer_send(link, data, QKD_MSG_SIZE_MIN + len);
	trace_qkd_msg_tx(link->index, proto, offset, len, err);
out:
	memzero_explicit(key, sizeof(key));
	kfree(data);
	return err;
}

int qkd_msg_send(struct qkd_link *link, enum qkd_proto_id id, const void *body,
		 u32 len)
{
	int err = -ENETDOWN;

	if (WARN_ON_ONCE(len > QKD_MSG_BODY_MAX))
		return -EMSGSIZE;
	down_read(&link->alive);
	if (!link->dead)
		err = msg_send(link, id, body, len);
	up_read(&link->alive);
	if (err)
		atomic64_inc(&link->tx_failed);
	return err;
}
EXPORT_SYMBOL_GPL(qkd_msg_send);

/* ---- a link's share ---- */

/**
 * qkd_peer_init - no message yet
 * @link: new
 */
void qkd_peer_init(struct qkd_link *link)
{
	skb_queue_head_init(&link->msgs);
	INIT_WORK(&link->msg_work, peer_msg_work);
}

/**
 * qkd_peer_end - no message any more
 * @link: with no_work set
 *
 * Context: may sleep.
 */
void qkd_peer_end(struct qkd_link *link)
{
	cancel_work_sync(&link->msg_work);
	skb_queue_purge(&link->msgs);
}

/* ---- sockets ---- */

static struct socket *peer_socket(struct net *net, sa_family_t family)
{
	struct udp_tunnel_sock_cfg cfg = {
		.encap_type = 1,
		.encap_rcv = peer_rcv,
	};
	struct udp_port_cfg port = {
		.family = family,
		.local_udp_port = cpu_to_be16(qkd_port),
		.use_udp_checksums = 1,
		.use_udp6_tx_checksums = 1,
		.use_udp6_rx_checksums = 1,
		.ipv6_v6only = family == AF_INET6,
	};
	struct socket *sock;
	int err;

	err = udp_sock_create(net, &port, &sock);
	if (err)
		return ERR_PTR(err);
	setup_udp_tunnel_sock(net, sock->sk, &cfg);
	return sock;
}

static void peer_release(struct socket *sock)
{
	if (sock)
		udp_tunnel_sock_release(sock->sk);
}

/**
 * qkd_peer_open - open a namespace's sockets
 * @qn: with no link yet
 * @extack: says what to mend
 *
 * Context: may sleep, qkd_conf_mutex held.
 */
int qkd_peer_open(struct qkd_net *qn, struct netlink_ext_ack *extack)
{
	struct socket *sock;

	lockdep_assert_held(&qkd_conf_mutex);
	sock = peer_socket(qn->net, AF_INET);
	if (IS_ERR(sock)) {
		NL_SET_ERR_MSG(extack, "the peer protocol's UDP port is taken (parameter port)");
		return PTR_ERR(sock);
	}
	qn->sock4 = sock;
	sock = peer_socket(qn->net, AF_INET6);
	if (PTR_ERR_OR_ZERO(sock) == -EAFNOSUPPORT)
		sock = NULL;
	if (IS_ERR(sock)) {
		NL_SET_ERR_MSG(extack, "the peer protocol's UDP port is taken, IPv6 (parameter port)");
		qkd_peer_close(qn);
		return PTR_ERR(sock);
	}
	qn->sock6 = sock;
	return 0;
}

/**
 * qkd_peer_close - close a namespace's sockets
 * @qn: with no link any more
 *
 * Context: may sleep, qkd_conf_mutex held.
 */
void qkd_peer_close(struct qkd_net *qn)
{
	lockdep_assert_held(&qkd_conf_mutex);
	peer_release(qn->sock4);
	peer_release(qn->sock6);
	qn->sock4 = NULL;
	qn->sock6 = NULL;
}
