/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/qkdN: a link's key, fed by its daemon and used by programs.
 *
 * The layouts and calls of the character device. Links themselves are made
 * and shown over generic netlink, see linux/qkd.h. Documentation/pool.rst
 * tells the semantics; all integers are in host order, since nothing here
 * leaves the machine, but for the key ID, which is a name both ends share.
 */
#ifndef _UAPI_LINUX_QKD_DEV_H
#define _UAPI_LINUX_QKD_DEV_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define QKD_GENERATION_SIZE	16	/* bytes of a generation */
#define QKD_KEY_ID_SIZE		16	/* bytes of a key ID, a UUID (version 8) */
#define QKD_KEY_MAX		8191	/* bytes of the longest key with an ID */
#define QKD_BLOCK_MAX		(1 << 24) /* bytes of the longest block fed */
#define QKD_OFFSET_MAX		(1ULL << 48) /* a generation ends here */
#define QKD_SECRET_SIZE		64	/* first bytes of each stream: the kernel's */
#define QKD_STREAM_NAME_SIZE	32	/* with the terminating NUL */
#define QKD_LABEL_SIZE		32	/* with the terminating NUL */

/**
 * struct qkd_key_id - names key exactly, the same at both ends
 * @b: an RFC 9562 UUID, version 8: generation (60 bits), stream (1 bit: 0 the
 *	tx of the node whose ID sorts first, 1 of the other), length in bytes
 *	(13 bits) and offset (48 bits); see Documentation/formats.rst
 */
struct qkd_key_id {
	__u8 b[QKD_KEY_ID_SIZE];
};

/**
 * struct qkd_feed - head of a record given by write(2); @len bytes follow
 * @generation: must be the link's
 * @seq: the block's number, the same at both ends; at least the link's
 *	next_seq, which is 0 in a new generation and @seq + 1 afterwards. It is
 *	higher than that where one end lost blocks which the other had fed
 * @offset: where it goes in its stream, or its halves in both; not below the
 *	head. Bytes skipped over are lost (accounted as such)
 * @len: bytes of the block
 * @flags: QKD_FEED_STREAM_0: all of the block is key of the tx stream of the
 *	node whose ID sorts first; QKD_FEED_STREAM_1: of the other's; the other
 *	stream stays as it is. 0: the first half, of an even number of bytes, is
 *	of stream 0, the second of stream 1
 *
 * One write, one record, all or nothing. Needs CAP_NET_ADMIN, of the opener,
 * in the user namespace of the link's network namespace.
 */
struct qkd_feed {
	__u8  generation[QKD_GENERATION_SIZE];
	__u64 seq;
	__u64 offset;
	__u32 len;
	__u32 flags;
};

#define QKD_FEED_STREAM_0	(1 << 0)
#define QKD_FEED_STREAM_1	(1 << 1)

/**
 * struct qkd_start - streams start from zero under a new generation
 * @generation: random, agreed with the peer; one that this link had before is
 *	refused, and so is all zero
 *
 * All key of the old generation is erased.
 */
struct qkd_start {
	__u8 generation[QKD_GENERATION_SIZE];
};

/**
 * struct qkd_confirm - the peer's kernel holds a block; it may be used to send
 * @generation: must be the link's
 * @offset: first byte of the confirmed range in the tx stream
 * @len: its bytes. Key below @offset that was not confirmed is lost; if @len
 *	is 0 that is all that is said, and @offset may be up to the head
 * @peer_reserved: how far the peer has reserved of its tx, our rx
 *	(qkd_state.tx.tail there); key below that is erased once the pool wants
 *	the room and the grace time is over
 */
struct qkd_confirm {
	__u8  generation[QKD_GENERATION_SIZE];
	__u64 offset;
	__u64 len;
	__u64 peer_reserved;
};

/**
 * struct qkd_stream_state - where one direction stands, in bytes
 * @head: offset behind the last byte fed
 * @confirmed: offset behind the last byte confirmed (tx; rx: = @head)
 * @tail: first offset neither consumed nor lost
 * @available: what can be used now
 * @room: what a block of this stream alone may have now without -EAGAIN
 */
struct qkd_stream_state {
	__u64 head;
	__u64 confirmed;
	__u64 tail;
	__u64 available;
	__u64 room;
};

/**
 * struct qkd_state - what a daemon needs to carry on where another stopped
 * @generation: all zero when none is agreed
 * @next_seq: lowest number of the record that will be accepted next
 * @tx: stream to send with
 * @rx: stream to receive with
 * @room: what a block of two halves may have now without -EAGAIN
 * @index: the link's
 * @lower: 1 if this node's ID sorts before the peer's
 * @pad: 0
 */
struct qkd_state {
	__u8  generation[QKD_GENERATION_SIZE];
	__u64 next_seq;
	struct qkd_stream_state tx;
	struct qkd_stream_state rx;
	__u64 room;
	__u32 index;
	__u8  lower;
	__u8  pad[3];
};

/**
 * struct qkd_get - reserve key and learn its ID
 * @id: out: to be told to the peer
 * @buf: user pointer to @len bytes, filled
 * @len: bytes wanted, 1 to QKD_KEY_MAX
 * @flags: QKD_GET_NONBLOCK or 0
 *
 * Blocks until there is key, or -EAGAIN with O_NONBLOCK or the flag. -EMSGSIZE:
 * the link's pool is too small to ever have as much.
 */
struct qkd_get {
	struct qkd_key_id id;
	__u64 buf;
	__u32 len;
	__u32 flags;
};

#define QKD_GET_NONBLOCK	(1 << 0)

/**
 * struct qkd_take - fetch key by the ID that the peer got with it, once
 * @id: names the key
 * @buf: user pointer to @len bytes, filled
 * @len: room; -EMSGSIZE if the key is longer; out: the key's bytes
 * @flags: 0
 *
 * -ENOENT: not here (never fed, or another link's); -ESTALE: of another
 * generation; -EALREADY: fetched or erased before. Never blocks.
 */
struct qkd_take {
	struct qkd_key_id id;
	__u64 buf;
	__u32 len;
	__u32 flags;
};

/**
 * struct qkd_stream - join a named stream; read(2) then gives, at both ends,
 *	the same bytes in the same order
 * @name: NUL-terminated and NUL-padded; both ends use the same. read(2)
 *	without this call joins the stream of the empty name
 *
 * -EBUSY: another descriptor of this node has the stream; -EISCONN: this one
 * has one. poll(2) for input then tells of the stream, and before that of key
 * to get; it sends for key, while POLLRDHUP alone does not, and tells that the
 * peer has left. After that, read(2) gives what had arrived, then 0.
 */
struct qkd_stream {
	char name[QKD_STREAM_NAME_SIZE];
};

/**
 * struct qkd_label - account this descriptor's use under a name
 * @name: NUL-terminated and NUL-padded; until told, the opener's command name.
 *	-EBUSY after the first use of the descriptor
 */
struct qkd_label {
	char name[QKD_LABEL_SIZE];
};

#define QKD_IOC_MAGIC	0xB8

#define QKD_IOC_STATE	_IOR(QKD_IOC_MAGIC, 0, struct qkd_state)
#define QKD_IOC_START	_IOW(QKD_IOC_MAGIC, 1, struct qkd_start)
#define QKD_IOC_CONFIRM	_IOW(QKD_IOC_MAGIC, 2, struct qkd_confirm)
#define QKD_IOC_GET	_IOWR(QKD_IOC_MAGIC, 3, struct qkd_get)
#define QKD_IOC_TAKE	_IOWR(QKD_IOC_MAGIC, 4, struct qkd_take)
#define QKD_IOC_STREAM	_IOW(QKD_IOC_MAGIC, 5, struct qkd_stream)
#define QKD_IOC_LABEL	_IOW(QKD_IOC_MAGIC, 6, struct qkd_label)

#endif /* _UAPI_LINUX_QKD_DEV_H */
