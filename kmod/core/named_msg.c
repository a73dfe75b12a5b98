// SPDX-License-Identifier: GPL-2.0
/*
 * Messages of named streams: reading and writing. What they bring about is
 * told in named.c.
 */
#include <asm/byteorder.h>
#include <linux/build_bug.h>
#include <linux/string.h>
#include "named_msg.h"

struct qkd_named_wire {
	__u8 type;
	__u8 flags;
	__be16 len;
	__be32 seq;
	__be64 mine;
	__be64 yours;
	__be64 offset;
	__u8 tag[QKD_NAMED_TAG_SIZE];
	char name[QKD_STREAM_NAME_SIZE];
};

static_assert(sizeof(struct qkd_named_wire) == QKD_NAMED_MSG_SIZE);

static bool is_name(const char *name)
{
	size_t len = strnlen(name, QKD_STREAM_NAME_SIZE);

	for (; len < QKD_STREAM_NAME_SIZE; len++)
		if (name[len])
			return false;
	return !name[QKD_STREAM_NAME_SIZE - 1];
}

static bool is_sound(const struct qkd_named_msg *m)
{
	if (!m->mine || !is_name(m->name))
		return false;
	switch (m->type) {
	case QKD_NAMED_OPEN:
		return true;
	case QKD_NAMED_CHUNK:
		return m->yours && m->len && m->len <= QKD_NAMED_CHUNK_MAX &&
		       m->offset < QKD_OFFSET_MAX;
	case QKD_NAMED_ACK:
	case QKD_NAMED_WANT:
	case QKD_NAMED_CLOSE:
		return m->yours;
	}
	return false;
}

/**
 * qkd_named_msg_parse - read a message
 * @body: of any alignment
 * @len: its bytes
 * @m: filled
 *
 * Return: false if it is malformed.
 */
bool qkd_named_msg_parse(const void *body, u32 len, struct qkd_named_msg *m)
{
	struct qkd_named_wire w;

	if (len != sizeof(w))
		return false;
	memcpy(&w, body, sizeof(w));
	m->type = w.type;
	m->flags = w.flags;
	m->len = be16_to_cpu(w.len);
	m->seq = be32_to_cpu(w.seq);
	m->mine = be64_to_cpu(w.mine);
	m->yours = be64_to_cpu(w.yours);
	m->offset = be64_to_cpu(w.offset);
	memcpy(m->tag, w.tag, sizeof(m->tag));
	memcpy(m->name, w.name, sizeof(m->name));
	return is_sound(m);
}

/**
 * qkd_named_msg_write - write a message
 * @m: sound
 * @body: filled
 */
void qkd_named_msg_write(const struct qkd_named_msg *m,
			 u8 body[QKD_NAMED_MSG_SIZE])
{
	struct qkd_named_wire w = {
		.type = m->type,
		.flags = m->flags,
		.len = cpu_to_be16(m->len),
		.seq = cpu_to_be32(m->seq),
		.mine = cpu_to_be64(m->mine),
		.yours = cpu_to_be64(m->yours),
		.offset = cpu_to_be64(m->offset),
	};

	memcpy(w.tag, m->tag, sizeof(w.tag));
	memcpy(w.name, m->name, sizeof(w.name));
	memcpy(body, &w, sizeof(w));
}
