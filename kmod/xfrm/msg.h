/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The messages between the two ends' qkd_xfrm: what they mean, and how they
 * lie on the wire (Documentation/formats.rst). Pure, for userspace too.
 */
#ifndef _QX_MSG_H
#define _QX_MSG_H

#ifdef __KERNEL__
#include <asm/byteorder.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>
#else
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u32 u32;
typedef __u64 u64;

#define BIT(n)		(1U << (n))
#define cpu_to_be32(x)	htobe32(x)
#define cpu_to_be64(x)	htobe64(x)
#define be32_to_cpu(x)	be32toh(x)
#define be64_to_cpu(x)	be64toh(x)
#endif /* __KERNEL__ */

#include <linux/qkd_xfrm.h>

#define QX_NAME_SIZE	(QKD_XFRM_NAME_MAX + 1)
#define QX_SPI_MIN	256	/* RFC 4303, 2.1: those below are reserved */

enum qx_msg_type {
	QX_OFFER = 1,	/* here is key for an SA towards you; choose an SPI */
	QX_ACCEPT,	/* the SA is in, under this SPI */
	QX_REJECT,	/* it is not, for this reason */
	QX_WANT,	/* there is no SA from you; offer one */
	QX_NONE,	/* there is no SA (any more), for this reason */
	QX_MSG_TYPES,
};

enum qx_reason {
	QX_REASON_NONE,
	QX_NO_TUNNEL,	/* none of that name; the key is untouched */
	QX_MISMATCH,	/* configured otherwise; the key is untouched */
	QX_NO_KEY,	/* not here, or used before */
	QX_FAILED,	/* the SA could not be made; the key is spent */
	QX_IDLE,	/* nothing to send */
	QX_HYBRID,	/* one end is hybrid, the other not; key untouched */
	QX_NO_SECRET,	/* no such post-quantum secret; the key is untouched */
	QX_REASONS,
};

#define QX_F_ESN	BIT(0)	/* extended sequence numbers */
#define QX_F_ADHOC	BIT(1)	/* no name; reqid and if_id instead */
#define QX_F_ENCAP	BIT(2)	/* in UDP */
#define QX_F_HYBRID	BIT(3)	/* a post-quantum secret is in the key */
#define QX_F_ALL	(QX_F_ESN | QX_F_ADHOC | QX_F_ENCAP | QX_F_HYBRID)

#define QX_WIRE_SIZE	64	/* and of a hybrid tunnel's: */
#define QX_WIRE_MAX	(QX_WIRE_SIZE + QKD_XFRM_SECRET_ID_SIZE)

/**
 * struct qx_msg - a message, understood
 * @type: what it says
 * @reason: of REJECT and NONE
 * @flags: QX_F_...
 * @family: 4 or 6, of the outer addresses
 * @mode: transport or tunnel
 * @aead: of the SA
 * @offset: of its key, in the stream of the one who offers; names the offer.
 *	0 in WANT; in NONE, that of the SA that is gone, or 0
 * @spi: host order; of ACCEPT, the new SA's; of OFFER, that of the SA that the
 *	sender uses, or 0
 * @reqid: of an ad hoc tunnel
 * @if_id: of an ad hoc tunnel
 * @name: of the tunnel, NUL-padded; empty for an ad hoc one
 * @secret_id: in OFFER and its answers, of the secret that is in the key; in
 *	a refusal perhaps none; else none, zeroes
 */
struct qx_msg {
	enum qx_msg_type type;
	enum qx_reason reason;
	u8 flags;
	u8 family;
	enum qkd_xfrm_mode mode;
	enum qkd_xfrm_aead aead;
	u64 offset;
	u32 spi;
	u32 reqid;
	u32 if_id;
	char name[QX_NAME_SIZE];
	u8 secret_id[QKD_XFRM_SECRET_ID_SIZE];
};

bool qx_name_valid(const char *name);
int qx_msg_parse(struct qx_msg *m, const void *body, u32 len);
u32 qx_msg_build(u8 body[QX_WIRE_MAX], const struct qx_msg *m);

#endif /* _QX_MSG_H */
