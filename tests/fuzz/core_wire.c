// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzer of what the kernel reads of a peer's datagrams and of a program's key
 * IDs: what is understood is in its bounds, and is written as it was read.
 */
// SOURCES: kmod/core/msg.c kmod/core/named_msg.c kmod/core/keyid.c
// CPPFLAGS: -Itests/kshim
#include <stdlib.h>
#include <string.h>

#include "kmod/core/keyid.h"
#include "kmod/core/msg.h"
#include "kmod/core/named_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_message(const uint8_t *data, size_t size)
{
	uint8_t head[QKD_MSG_HEAD_SIZE];
	struct qkd_msg m;

	if (!qkd_msg_parse(data, size, &m))
		return;
	if (m.body < data || m.body + m.len != m.tag ||
	    m.tag + QKD_MSG_TAG_SIZE != data + size)
		abort();
	qkd_msg_head(head, m.proto, m.len, m.generation, m.offset);
	if (memcmp(head, data, sizeof(head)))
		abort();
}

static void try_named(const uint8_t *data, size_t size)
{
	uint8_t back[QKD_NAMED_MSG_SIZE];
	struct qkd_named_msg m;

	if (!qkd_named_msg_parse(data, size, &m))
		return;
	if (!m.mine || strnlen(m.name, sizeof(m.name)) == sizeof(m.name))
		abort();
	if (m.type == QKD_NAMED_CHUNK &&
	    (!m.len || m.len > QKD_NAMED_CHUNK_MAX))
		abort();
	qkd_named_msg_write(&m, back);
	if (size != sizeof(back) || memcmp(back, data, size))
		abort();
}

static void try_key_id(const uint8_t *data, size_t size)
{
	struct qkd_key_id id, back;
	uint8_t generation[16];
	unsigned int stream;
	uint64_t offset;
	uint32_t len;

	if (size < sizeof(id))
		return;
	memcpy(&id, data, sizeof(id));
	if (!qkd_key_id_parse(&id, &stream, &offset, &len))
		return;
	if (stream > 1 || !len || len > QKD_KEY_MAX || offset >= QKD_OFFSET_MAX)
		abort();
	memcpy(generation, id.b, 8);
	memset(generation + 8, 0, 8);
	qkd_key_id_make(&back, generation, stream, offset, len);
	if (memcmp(&id, &back, sizeof(id)) ||
	    !qkd_key_id_is_of(&id, generation))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qkd_msg m;

	try_message(data, size);
	try_named(data, size);
	try_key_id(data, size);
	/* and as they come: one in the other */
	if (qkd_msg_parse(data, size, &m))
		try_named(m.body, m.len);
	return 0;
}
