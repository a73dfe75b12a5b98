// SPDX-License-Identifier: GPL-2.0
/*
 * Peer messages: writing and reading the head. Nothing here believes or checks
 * what a message says; see peer.c.
 */
#include <asm/byteorder.h>
#include <linux/build_bug.h>
#include <linux/string.h>
#include "msg.h"

static_assert(sizeof(struct qkd_msg_wire) == QKD_MSG_HEAD_SIZE);

/**
 * qkd_msg_parse - find the parts of a datagram
 * @data: of any alignment
 * @size: its bytes
 * @msg: filled, pointing into @data
 *
 * Return: false unless it has the form of a message.
 */
bool qkd_msg_parse(const void *data, u32 size, struct qkd_msg *msg)
{
	struct qkd_msg_wire head;

	if (size < QKD_MSG_SIZE_MIN || size > QKD_MSG_SIZE_MAX)
		return false;
	memcpy(&head, data, sizeof(head));
	if (head.version != QKD_MSG_VERSION || head.zero ||
	    be16_to_cpu(head.len) != size - QKD_MSG_SIZE_MIN)
		return false;
	msg->proto = head.proto;
	msg->len = be16_to_cpu(head.len);
	msg->offset = be64_to_cpu(head.offset);
	msg->generation = data + offsetof(struct qkd_msg_wire, generation);
	msg->body = data + QKD_MSG_HEAD_SIZE;
	msg->tag = msg->body + msg->len;
	return true;
}

/**
 * qkd_msg_head - write the head of a message
 * @data: QKD_MSG_HEAD_SIZE bytes, of any alignment
 * @proto: protocol
 * @len: bytes of the body
 * @generation: of the MAC key
 * @offset: of the MAC key
 */
void qkd_msg_head(void *data, u8 proto, u16 len, const u8 *generation,
		  u64 offset)
{
	struct qkd_msg_wire head = {
		.version = QKD_MSG_VERSION,
		.proto = proto,
		.len = cpu_to_be16(len),
		.offset = cpu_to_be64(offset),
	};

	memcpy(head.generation, generation, sizeof(head.generation));
	memcpy(data, &head, sizeof(head));
}
