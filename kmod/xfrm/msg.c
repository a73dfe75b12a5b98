// SPDX-License-Identifier: GPL-2.0
/*
 * Messages to bytes and back: lengths, ranges and the zeroes between are
 * checked here and nowhere else. Pure: what a message brings about is
 * proto.c's business, and the bytes were authenticated before they came.
 */

#include "msg.h"

struct qx_wire {
	u8 type;
	u8 reason;
	u8 flags;
	u8 family;
	u8 mode;
	u8 aead;
	u8 zero[2];
	__be64 offset;
	__be32 spi;
	__be32 reqid;
	__be32 if_id;
	__be32 zero2;
	char name[QX_NAME_SIZE];
};

static_assert(sizeof(struct qx_wire) == QX_WIRE_SIZE, "no padding");

static u32 size_of(u8 flags)
{
	return flags & QX_F_HYBRID ? QX_WIRE_MAX : QX_WIRE_SIZE;
}

/**
 * qx_name_valid - may a tunnel have this name?
 * @name: NUL-terminated
 *
 * Printable ASCII without blanks or slashes, so that it can stand in command
 * lines, logs and file names. Context: any. Return: true if so.
 */
bool qx_name_valid(const char *name)
{
	const char *c;

	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (c = name; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '/')
			return false;
	return c - name < QX_NAME_SIZE;
}

/* A name of the wire: ends within its field, and only NULs follow. */
static bool padded(const char name[QX_NAME_SIZE])
{
	u32 i = 0;

	while (i < QX_NAME_SIZE && name[i])
		i++;
	if (i == QX_NAME_SIZE)
		return false;
	while (i < QX_NAME_SIZE)
		if (name[i++])
			return false;
	return true;
}

/* Every field is in its range, and zero where it says nothing. */
static bool in_range(const struct qx_wire *w)
{
	if (!w->type || w->type >= QX_MSG_TYPES || w->reason >= QX_REASONS)
		return false;
	if (w->flags & ~QX_F_ALL || (w->family != 4 && w->family != 6))
		return false;
	if (w->mode > QKD_XFRM_MODE_TUNNEL ||
	    w->aead > QKD_XFRM_AEAD_CHACHA20POLY1305)
		return false;
	return !w->zero[0] && !w->zero[1] && !w->zero2 && padded(w->name);
}

/* Who is meant: a name, or what identifies an ad hoc tunnel, never both. */
static bool addressed(const struct qx_wire *w)
{
	if (w->flags & QX_F_ADHOC)
		return !w->name[0] && !(w->flags & QX_F_HYBRID);
	return !w->reqid && !w->if_id && qx_name_valid(w->name);
}

static bool any(const u8 id[QKD_XFRM_SECRET_ID_SIZE])
{
	static const u8 none[QKD_XFRM_SECRET_ID_SIZE];

	return memcmp(id, none, sizeof(none));
}

/* The fields that belong to the type are there, and no others. */
static bool consistent(const struct qx_msg *m)
{
	bool refusal = m->type == QX_REJECT || m->type == QX_NONE;
	bool offer = m->type == QX_OFFER || m->type == QX_ACCEPT ||
		     m->type == QX_REJECT;
	bool named = any(m->secret_id);

	/* a refusal may be of an offer that named none */
	if (m->flags & QX_F_HYBRID && m->type != QX_REJECT &&
	    named != (m->type == QX_OFFER || m->type == QX_ACCEPT))
		return false;
	if (!!m->reason != refusal)
		return false;
	/* NONE may name the key of an SA that is gone, or none */
	if (m->type != QX_NONE && !!m->offset != offer)
		return false;
	/* OFFER may name the SA in use, or none */
	if (m->type == QX_ACCEPT || (m->type == QX_OFFER && m->spi))
		return m->spi >= QX_SPI_MIN;
	return !m->spi;
}

/**
 * qx_msg_parse - understand a message
 * @m: filled, if it is one
 * @body: @len bytes from the peer
 * @len: any
 *
 * Context: any. Return: 0, or -EBADMSG for what nobody of this version sends.
 */
int qx_msg_parse(struct qx_msg *m, const void *body, u32 len)
{
	struct qx_wire w;

	if (len != QX_WIRE_SIZE && len != QX_WIRE_MAX)
		return -EBADMSG;
	memcpy(&w, body, sizeof(w));
	if (len != size_of(w.flags))
		return -EBADMSG;
	if (!in_range(&w) || !addressed(&w))
		return -EBADMSG;
	memset(m, 0, sizeof(*m));
	m->type = w.type;
	m->reason = w.reason;
	m->flags = w.flags;
	m->family = w.family;
	m->mode = w.mode;
	m->aead = w.aead;
	m->offset = be64_to_cpu(w.offset);
	m->spi = be32_to_cpu(w.spi);
	m->reqid = be32_to_cpu(w.reqid);
	m->if_id = be32_to_cpu(w.if_id);
	memcpy(m->name, w.name, sizeof(m->name));
	memcpy(m->secret_id, body + sizeof(w), len - sizeof(w));
	return consistent(m) ? 0 : -EBADMSG;
}

/**
 * qx_msg_build - lay a message out for the wire
 * @body: filled
 * @m: all that is sent; its name NUL-padded
 *
 * Context: any. Return: its bytes.
 */
u32 qx_msg_build(u8 body[QX_WIRE_MAX], const struct qx_msg *m)
{
	struct qx_wire w = {
		.type = m->type,
		.reason = m->reason,
		.flags = m->flags,
		.family = m->family,
		.mode = m->mode,
		.aead = m->aead,
		.offset = cpu_to_be64(m->offset),
		.spi = cpu_to_be32(m->spi),
		.reqid = cpu_to_be32(m->reqid),
		.if_id = cpu_to_be32(m->if_id),
	};

	memcpy(w.name, m->name, sizeof(w.name));
	memcpy(body, &w, sizeof(w));
	memcpy(body + sizeof(w), m->secret_id, size_of(m->flags) - sizeof(w));
	return size_of(m->flags);
}
