// SPDX-License-Identifier: GPL-2.0
/*
 * Messages of the peer's qkd_xfrm to the tunnel that they are for, and of a
 * tunnel to the peer. What they mean for a tunnel is decided in out.c and
 * in.c; how they lie on the wire, in msg.c.
 */

#include <linux/string.h>
#include <net/net_namespace.h>

#include "tunnel.h"

/**
 * qx_reason_text - a refusal, for a person
 * @reason: as the peer told it
 *
 * Context: any. Return: text.
 */
const char *qx_reason_text(enum qx_reason reason)
{
	static const char * const text[] = {
		[QX_REASON_NONE] = "no reason",
		[QX_NO_TUNNEL] = "no such tunnel there, or of another link",
		[QX_MISMATCH] = "mode, aead, esn, family or encapsulation differ",
		[QX_NO_KEY] = "the key offered is not there, or was used",
		[QX_FAILED] = "the SA could not be installed there",
		[QX_IDLE] = "nothing to send",
		[QX_HYBRID] = "hybrid is on at one end only",
		[QX_NO_SECRET] = "the post-quantum secret is not there",
	};

	return text[reason];
}

/* What every message of a tunnel says. */
static void address(struct qx_msg *m, const struct qx_conf *c)
{
	m->family = c->family == AF_INET ? 4 : 6;
	m->mode = c->mode;
	m->aead = c->set.aead;
	if (c->set.esn)
		m->flags |= QX_F_ESN;
	if (c->encap_sport)
		m->flags |= QX_F_ENCAP;
	if (c->set.hybrid)
		m->flags |= QX_F_HYBRID;
	if (c->adhoc) {
		m->flags |= QX_F_ADHOC;
		m->reqid = c->reqid;
		m->if_id = c->if_id;
	} else {
		memcpy(m->name, c->name, sizeof(m->name));
	}
}

/* The secret that an offer, or an answer to one, is about. */
static void name_secret(struct qx_msg *m, const struct qx_tunnel *t)
{
	if (m->type == QX_OFFER)
		memcpy(m->secret_id, t->out.secret_id, sizeof(m->secret_id));
	else if (m->type == QX_ACCEPT)
		memcpy(m->secret_id, t->in.secret_id, sizeof(m->secret_id));
}

/**
 * qx_send - send a message to a tunnel's other end
 * @t: tunnel
 * @type: of message
 * @reason: of a refusal
 * @offset: of the key meant, 0 if none
 * @spi: host order, 0 if none
 *
 * Context: process, @t->lock held. Return: 0, or as qkd_msg_send().
 */
int qx_send(struct qx_tunnel *t, enum qx_msg_type type, enum qx_reason reason,
	    u64 offset, u32 spi)
{
	struct qx_msg m = {
		.type = type,
		.reason = reason,
		.offset = offset,
		.spi = spi,
	};
	u8 body[QX_WIRE_MAX];
	u32 len;

	lockdep_assert_held(&t->lock);
	if (!t->link)
		return -ENETDOWN;
	address(&m, &t->conf);
	name_secret(&m, t);
	len = qx_msg_build(body, &m);
	return qkd_msg_send(t->link, QKD_PROTO_XFRM, body, len);
}

static void deliver(struct qx_tunnel *t, const struct qx_msg *m, u32 epoch)
{
	switch (m->type) {
	case QX_OFFER:
		qx_out_peer_spoke(t);
		qx_in_offered(t, m, epoch);
		break;
	case QX_ACCEPT:
		qx_out_accepted(t, m, epoch);
		break;
	case QX_REJECT:
		qx_out_rejected(t, m, epoch);
		break;
	case QX_WANT:
		qx_out_peer_spoke(t);
		if (!qx_out_wanted(t))
			qx_send(t, QX_NONE, QX_IDLE, 0, 0);
		break;
	case QX_NONE:
		qx_in_none(t, m);
		break;
	default:
		return;
	}
	qx_kick(t, QX_EV_CHECK);
}

static struct qx_tunnel *find(struct qx_net *qn, struct qkd_link *link,
			      const struct qx_msg *m)
{
	if (m->flags & QX_F_ADHOC)
		return qx_adhoc_offered(qn, link, m);
	return qx_tunnel_find(qn, m->name);
}

/* The peer asks for a tunnel that is not here. */
static void refuse(struct qkd_link *link, const struct qx_msg *m)
{
	struct qx_msg answer = *m;
	u8 body[QX_WIRE_MAX];
	u32 len;

	if (m->type != QX_OFFER && m->type != QX_WANT)
		return;
	answer.type = m->type == QX_OFFER ? QX_REJECT : QX_NONE;
	answer.reason = QX_NO_TUNNEL;
	/* an offer names the SA in use; a refusal that did would be ignored */
	answer.spi = 0;
	len = qx_msg_build(body, &answer);
	qkd_msg_send(link, QKD_PROTO_XFRM, body, len);
}

static void receive(struct qkd_link *link, u32 epoch, const void *body,
		    u32 len)
{
	struct qx_tunnel *t;
	struct qx_msg m;
	bool ours = false;

	if (qx_msg_parse(&m, body, len))
		return;
	t = find(qx_net(qkd_link_net(link)), link, &m);
	if (t) {
		mutex_lock(&t->lock);
		ours = !t->dead && t->link == link;
		if (ours)
			deliver(t, &m, epoch);
		mutex_unlock(&t->lock);
		qx_tunnel_put(t);
	}
	if (!ours)
		refuse(link, &m);
}

static const struct qkd_proto proto = {
	.id = QKD_PROTO_XFRM,
	.owner = THIS_MODULE,
	.rcv = receive,
};

int qx_proto_register(void)
{
	return qkd_proto_register(&proto);
}

void qx_proto_unregister(void)
{
	qkd_proto_unregister(&proto);
}
