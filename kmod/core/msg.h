/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The head of a peer message, as Documentation/formats.rst lays it out. Pure;
 * also compiled in userspace.
 */
#ifndef _QKD_MSG_H
#define _QKD_MSG_H

#include <linux/qkd_dev.h>
#include <linux/types.h>

#define QKD_MSG_VERSION		1
#define QKD_MSG_HEAD_SIZE	32
#define QKD_MSG_TAG_SIZE	16
#define QKD_MSG_SIZE_MIN	(QKD_MSG_HEAD_SIZE + QKD_MSG_TAG_SIZE)
#define QKD_MSG_SIZE_MAX	(QKD_MSG_SIZE_MIN + 1024)

struct qkd_msg_wire {
	__u8 version;
	__u8 proto;
	__be16 len;
	__be32 zero;
	__u8 generation[QKD_GENERATION_SIZE];
	__be64 offset;
};

struct qkd_msg {
	u8 proto;
	u16 len;
	u64 offset;
	const u8 *generation;
	const u8 *body;
	const u8 *tag;
};

bool qkd_msg_parse(const void *data, u32 size, struct qkd_msg *msg);
void qkd_msg_head(void *data, u8 proto, u16 len, const u8 *generation,
		  u64 offset);

#endif /* _QKD_MSG_H */
