// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The message of qkd-wg and qkd-swan: what is written is read, and nothing else is believed.
 */
#include <string.h>

#include <kselftest_harness.h>
#include "tools/rotate/message.h"

static const uint8_t key[MESSAGE_KEY] = { 1, 2, 3 };
static const uint8_t prev[MESSAGE_KEY] = { 9, 8, 7 };
static const struct message sent = { .lower = true, .number = 0x01020304 };

TEST(what_is_written_is_read)
{
	uint8_t buf[MESSAGE_SIZE];
	struct message m;

	message_write(&sent, key, prev, buf);
	ASSERT_TRUE(message_read(&m, key, buf, sizeof(buf)));
	EXPECT_TRUE(m.lower);
	EXPECT_FALSE(m.seen);
	EXPECT_EQ(0x01020304, m.number);
	EXPECT_TRUE(message_read_prev(&m, prev, buf, sizeof(buf)));
}

TEST(the_layout_is_the_documented_one)
{
	static const uint8_t head[] = { 0x71, 0x4b, 0x57, 0x47, 1, 1, 0, 0,
					1, 2, 3, 4 };
	uint8_t buf[MESSAGE_SIZE];

	message_write(&sent, key, prev, buf);
	EXPECT_EQ(0, memcmp(buf, head, sizeof(head)));
	/* python3: hmac.new(bytes([1,2,3]+[0]*29), head + b"\0", "sha256") */
	EXPECT_EQ(0xc787, buf[12] << 8 | buf[13]);
	EXPECT_EQ(0xfe9d, buf[44] << 8 | buf[45]);
}

TEST(neither_tag_passes_for_the_other)
{
	uint8_t buf[MESSAGE_SIZE];
	struct message m;

	message_write(&sent, key, key, buf);
	memcpy(buf + 44, buf + 12, 32);
	EXPECT_FALSE(message_read_prev(&m, key, buf, sizeof(buf)));
}

TEST(invariant_6_no_changed_bit_is_believed)
{
	uint8_t buf[MESSAGE_SIZE];
	struct message m;
	int bit;

	message_write(&sent, key, prev, buf);
	for (bit = 0; bit < 8 * 44; bit++) {
		buf[bit / 8] ^= 1 << bit % 8;
		EXPECT_FALSE(message_read(&m, key, buf, sizeof(buf)));
		buf[bit / 8] ^= 1 << bit % 8;
	}
	EXPECT_FALSE(message_read(&m, prev, buf, sizeof(buf)));
	EXPECT_FALSE(message_read(&m, key, buf, sizeof(buf) - 1));
	EXPECT_FALSE(message_read(&m, key, buf, 0));
}

TEST_HARNESS_MAIN
