// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Key IDs, heads of peer messages, messages of named streams: the layouts of
 * Documentation/formats.rst byte by byte, there and back, and malformed ones.
 */
#include <stdio.h>

#include <kselftest_harness.h>
#include "kmod/core/keyid.h"
#include "kmod/core/msg.h"
#include "kmod/core/named_msg.h"

static const uint8_t gen[16] = {
	0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x7f, 0x88,
	0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00,
};

TEST(key_id_known_answer)
{
	static const uint8_t want[16] = {
		0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x8f, 0x88,
		0xb0, 0x20, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06,
	};
	unsigned int stream;
	struct qkd_key_id id;
	uint64_t offset;
	uint32_t len;

	qkd_key_id_make(&id, gen, 1, 0x010203040506ULL, 0x1020);
	EXPECT_EQ(0, memcmp(id.b, want, 16));
	ASSERT_TRUE(qkd_key_id_parse(&id, &stream, &offset, &len));
	EXPECT_EQ(1, stream);
	EXPECT_EQ(0x1020, len);
	EXPECT_EQ(0x010203040506ULL, offset);
	EXPECT_TRUE(qkd_key_id_is_of(&id, gen));
}

TEST(key_id_bounds)
{
	static const uint64_t offsets[] = { 0, 1, QKD_OFFSET_MAX - 1 };
	static const uint32_t lens[] = { 1, 255, 256, QKD_KEY_MAX };
	unsigned int i, k, s, stream;
	struct qkd_key_id id;
	uint64_t offset;
	uint32_t len;

	for (i = 0; i < 3; i++)
		for (k = 0; k < 4; k++)
			for (s = 0; s < 2; s++) {
				qkd_key_id_make(&id, gen, s, offsets[i],
						lens[k]);
				ASSERT_TRUE(qkd_key_id_parse(&id, &stream,
							     &offset, &len));
				EXPECT_EQ(s, stream);
				EXPECT_EQ(offsets[i], offset);
				EXPECT_EQ(lens[k], len);
			}
}

TEST(key_id_of_another_generation)
{
	unsigned int stream, bit;
	struct qkd_key_id id;
	uint64_t offset;
	uint32_t len;

	for (bit = 0; bit < 64; bit++) {
		qkd_key_id_make(&id, gen, 0, 5, 5);
		id.b[bit / 8] ^= 1 << bit % 8;
		if (bit / 8 == 6 && bit % 8 >= 4) {
			EXPECT_FALSE(qkd_key_id_parse(&id, &stream, &offset,
						      &len));
		} else {
			EXPECT_FALSE(qkd_key_id_is_of(&id, gen));
		}
	}
}

TEST(message_head)
{
	uint8_t data[32 + 7 + 16] = { 0 };
	struct qkd_msg m;

	qkd_msg_head(data, 2, 7, gen, 0x0102030405060708ULL);
	EXPECT_EQ(1, data[0]);
	EXPECT_EQ(2, data[1]);
	EXPECT_EQ(0, data[2]);
	EXPECT_EQ(7, data[3]);
	EXPECT_EQ(0, data[4] | data[5] | data[6] | data[7]);
	EXPECT_EQ(0, memcmp(data + 8, gen, 16));
	EXPECT_EQ(1, data[24]);
	EXPECT_EQ(8, data[31]);
	ASSERT_TRUE(qkd_msg_parse(data, sizeof(data), &m));
	EXPECT_EQ(2, m.proto);
	EXPECT_EQ(7, m.len);
	EXPECT_EQ(0x0102030405060708ULL, m.offset);
	EXPECT_EQ(data + 8, m.generation);
	EXPECT_EQ(data + 32, m.body);
	EXPECT_EQ(data + 39, m.tag);
}

TEST(invariant_6_malformed_messages)
{
	uint8_t data[32 + 1025 + 16] = { 0 };
	struct qkd_msg m;
	uint32_t size;

	qkd_msg_head(data, 2, 7, gen, 0);
	for (size = 0; size < sizeof(data); size++)
		EXPECT_EQ(size == 55, qkd_msg_parse(data, size, &m));
	data[0] = 0;
	EXPECT_FALSE(qkd_msg_parse(data, 55, &m));
	data[0] = 1;
	data[7] = 1;
	EXPECT_FALSE(qkd_msg_parse(data, 55, &m));
	qkd_msg_head(data, 2, 1024, gen, 0);
	EXPECT_TRUE(qkd_msg_parse(data, 32 + 1024 + 16, &m));
	qkd_msg_head(data, 2, 1025, gen, 0);
	EXPECT_FALSE(qkd_msg_parse(data, 32 + 1025 + 16, &m));
	qkd_msg_head(data, 2, 0, gen, 0);
	EXPECT_TRUE(qkd_msg_parse(data, 48, &m));
}

static struct qkd_named_msg chunk(void)
{
	struct qkd_named_msg m = {
		.type = QKD_NAMED_CHUNK,
		.len = 0x0102,
		.seq = 0x03040506,
		.mine = 7,
		.yours = 8,
		.offset = 9,
		.name = "video",
	};

	memcpy(m.tag, gen, sizeof(m.tag));
	return m;
}

TEST(named_stream_message)
{
	struct qkd_named_msg m = chunk(), n;
	uint8_t body[QKD_NAMED_MSG_SIZE];

	qkd_named_msg_write(&m, body);
	EXPECT_EQ(2, body[0]);
	EXPECT_EQ(1, body[2]);
	EXPECT_EQ(2, body[3]);
	EXPECT_EQ(3, body[4]);
	EXPECT_EQ(6, body[7]);
	EXPECT_EQ(7, body[15]);
	EXPECT_EQ(8, body[23]);
	EXPECT_EQ(9, body[31]);
	EXPECT_EQ(0, memcmp(body + 32, gen, 8));
	EXPECT_EQ(0, strcmp((char *)body + 40, "video"));
	ASSERT_TRUE(qkd_named_msg_parse(body, sizeof(body), &n));
	EXPECT_EQ(m.len, n.len);
	EXPECT_EQ(m.seq, n.seq);
	EXPECT_EQ(m.mine, n.mine);
	EXPECT_EQ(m.yours, n.yours);
	EXPECT_EQ(m.offset, n.offset);
	EXPECT_EQ(0, memcmp(m.tag, n.tag, sizeof(m.tag)));
	EXPECT_EQ(0, memcmp(m.name, n.name, sizeof(m.name)));
}

/* Whether the message with one thing wrong is refused. */
static int refused(struct qkd_named_msg m)
{
	uint8_t body[QKD_NAMED_MSG_SIZE];
	struct qkd_named_msg n;

	qkd_named_msg_write(&m, body);
	return !qkd_named_msg_parse(body, sizeof(body), &n);
}

TEST(invariant_6_malformed_named_stream_messages)
{
	uint8_t body[QKD_NAMED_MSG_SIZE + 1] = { 0 };
	struct qkd_named_msg m = chunk(), n;
	uint32_t len;

	qkd_named_msg_write(&m, body);
	for (len = 0; len <= sizeof(body); len++)
		EXPECT_EQ(len == 72, qkd_named_msg_parse(body, len, &n));
	EXPECT_FALSE(refused(m));
	m.type = 0;
	EXPECT_TRUE(refused(m));
	m.type = 6;
	EXPECT_TRUE(refused(m));
	m = chunk();
	m.len = 0;
	EXPECT_TRUE(refused(m));
	m.len = QKD_NAMED_CHUNK_MAX + 1;
	EXPECT_TRUE(refused(m));
	m = chunk();
	m.mine = 0;
	EXPECT_TRUE(refused(m));
	m = chunk();
	m.yours = 0;
	EXPECT_TRUE(refused(m));
	m = chunk();
	m.offset = QKD_OFFSET_MAX;
	EXPECT_TRUE(refused(m));
	m = chunk();
	m.name[20] = 'x';
	EXPECT_TRUE(refused(m));
	memset(m.name, 'x', sizeof(m.name));
	EXPECT_TRUE(refused(m));
}

TEST_HARNESS_MAIN
