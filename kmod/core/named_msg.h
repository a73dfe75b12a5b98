/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The messages of named streams, as Documentation/formats.rst lays them out.
 * Pure; also compiled in userspace.
 */
#ifndef _QKD_NAMED_MSG_H
#define _QKD_NAMED_MSG_H

#include <linux/qkd_dev.h>
#include <linux/types.h>

#define QKD_NAMED_MSG_SIZE	72
#define QKD_NAMED_TAG_SIZE	8	/* of a generation */
#define QKD_NAMED_CHUNK_MAX	16384

enum qkd_named_type {
	QKD_NAMED_OPEN = 1,
	QKD_NAMED_CHUNK = 2,
	QKD_NAMED_ACK = 3,
	QKD_NAMED_WANT = 4,
	QKD_NAMED_CLOSE = 5,
};

#define QKD_NAMED_F_BOUND	0x01	/* OPEN: the session is agreed here */
#define QKD_NAMED_F_BUSY	0x02	/* OPEN: with another session of yours */
#define QKD_NAMED_F_TAKEN	0x01	/* ACK: the chunk's key is here */

/**
 * struct qkd_named_msg - what one end says to the other
 * @type: enum qkd_named_type
 * @flags: QKD_NAMED_F_*
 * @len: CHUNK: its bytes; WANT: bytes asked for
 * @seq: CHUNK, ACK, WANT: number of the chunk, from 0
 * @mine: the sender's session, not 0
 * @yours: the receiver's as the sender knows it, 0 in an OPEN: not known
 * @offset: CHUNK: of its first byte
 * @tag: CHUNK: the beginning of its generation
 * @name: the stream's, NUL-padded
 */
struct qkd_named_msg {
	u8 type;
	u8 flags;
	u16 len;
	u32 seq;
	u64 mine;
	u64 yours;
	u64 offset;
	u8 tag[QKD_NAMED_TAG_SIZE];
	char name[QKD_STREAM_NAME_SIZE];
};

bool qkd_named_msg_parse(const void *body, u32 len, struct qkd_named_msg *m);
void qkd_named_msg_write(const struct qkd_named_msg *m,
			 u8 body[QKD_NAMED_MSG_SIZE]);

#endif /* _QKD_NAMED_MSG_H */
