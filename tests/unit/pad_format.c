// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The format of pad stores: the vector of Documentation/formats.rst, and that
 * nothing which was changed, or is of another key, is believed.
 */
#include <errno.h>
#include <string.h>

#include "kselftest_harness.h"
#include "tools/pad/format.h"

static const uint8_t key[PAD_KEY_SIZE] = {
	0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
	0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
	0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
};

static void hex(const uint8_t *p, size_t n, char *to)
{
	while (n--)
		to += sprintf(to, "%02x", *p++);
}

FIXTURE(pad_format) {
	struct pad_header h;
	struct pad_keys keys;
	uint8_t buf[PAD_HEADER_SIZE];
};

/* The vector: size 1048576, name 20..2f, salt 30..4f */
FIXTURE_SETUP(pad_format)
{
	unsigned int i;

	self->h.size = 1048576;
	for (i = 0; i < PAD_NAME_SIZE; i++)
		self->h.name[i] = 0x20 + i;
	for (i = 0; i < PAD_SALT_SIZE; i++)
		self->h.salt[i] = 0x30 + i;
	ASSERT_EQ(0, pad_derive(&self->keys, key, self->h.salt));
	ASSERT_EQ(0, pad_header_put(self->buf, &self->h, &self->keys));
}

FIXTURE_TEARDOWN(pad_format)
{
}

TEST_F(pad_format, the_page_has_these_numbers)
{
	struct pad_place p = { .count = 7, .used = 65536 };
	uint8_t buf[PAD_PLACE_SIZE], zero[32] = {};
	char s[2 * PAD_HEADER_SIZE + 1];

	hex(self->buf + 64, 32, s);
	EXPECT_STREQ("f3d3e0203e7f11e99cfdd36df19ff2e9b49b1d0ba9bbc6103e899e958e225095", s);
	ASSERT_EQ(0, pad_place_put(buf, &p, &self->keys));
	hex(buf + 24, 32, s);
	EXPECT_STREQ("a8abc007a4ca27d087b1e6b10468a8044fe580b1988237faecdaa4a8d3f10ea4", s);
	ASSERT_EQ(0, pad_crypt(&self->keys, 65536, zero, sizeof(zero)));
	hex(zero, 32, s);
	EXPECT_STREQ("9bb7d4826087f5770911d50b9b31d37c1bcb22a81fe5a7fef8b59fd5345e0ecd", s);
}

TEST_F(pad_format, what_is_written_is_read)
{
	struct pad_place p = { .count = 3, .used = 12345678901 }, q;
	uint8_t buf[PAD_PLACE_SIZE];
	struct pad_header h;
	struct pad_keys keys;

	ASSERT_EQ(0, pad_header_get(self->buf, key, &h, &keys));
	EXPECT_EQ(0, memcmp(&h, &self->h, sizeof(h)));
	EXPECT_EQ(0, memcmp(&keys, &self->keys, sizeof(keys)));
	ASSERT_EQ(0, pad_place_put(buf, &p, &keys));
	ASSERT_EQ(0, pad_place_get(buf, &keys, &q));
	EXPECT_EQ(p.count, q.count);
	EXPECT_EQ(p.used, q.used);
}

TEST_F(pad_format, no_bit_can_be_changed)
{
	struct pad_place p = { .count = 3, .used = 100 }, q;
	uint8_t buf[PAD_PLACE_SIZE];
	struct pad_header h;
	struct pad_keys keys;
	unsigned int i;

	for (i = 0; i < 8 * PAD_HEADER_SIZE; i++) {
		self->buf[i / 8] ^= 1 << i % 8;
		EXPECT_EQ(i < 64 ? -EINVAL : -EKEYREJECTED,
			  pad_header_get(self->buf, key, &h, &keys));
		self->buf[i / 8] ^= 1 << i % 8;
	}
	ASSERT_EQ(0, pad_place_put(buf, &p, &self->keys));
	for (i = 0; i < 8 * PAD_PLACE_SIZE; i++) {
		buf[i / 8] ^= 1 << i % 8;
		EXPECT_EQ(-EBADMSG, pad_place_get(buf, &self->keys, &q));
		buf[i / 8] ^= 1 << i % 8;
	}
}

TEST_F(pad_format, another_key_opens_nothing)
{
	uint8_t other[PAD_KEY_SIZE];
	struct pad_header h;
	struct pad_keys keys;

	memcpy(other, key, sizeof(other));
	other[31] ^= 1;
	EXPECT_EQ(-EKEYREJECTED, pad_header_get(self->buf, other, &h, &keys));
}

TEST_F(pad_format, any_range_is_encrypted_as_the_whole_is)
{
	static uint8_t whole[4096], part[4096];
	unsigned int at, len;

	ASSERT_EQ(0, pad_crypt(&self->keys, 1 << 20, whole, sizeof(whole)));
	for (at = 0; at < 40; at++) {
		for (len = 0; len < 70; len++) {
			memset(part, 0, len + 1);
			ASSERT_EQ(0, pad_crypt(&self->keys, (1 << 20) + at,
					       part, len));
			ASSERT_EQ(0, memcmp(part, whole + at, len));
			ASSERT_EQ(0, part[len]);
		}
	}
}

TEST_F(pad_format, places_beyond_4_GiB_have_key_of_their_own)
{
	uint8_t a[16] = {}, b[16] = {};

	ASSERT_EQ(0, pad_crypt(&self->keys, 0, a, 16));
	ASSERT_EQ(0, pad_crypt(&self->keys, UINT64_C(1) << 36, b, 16));
	EXPECT_NE(0, memcmp(a, b, 16));
}

TEST_HARNESS_MAIN
