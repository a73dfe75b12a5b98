// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Headers of one-time-pad packets, the length inside, padding, and the
 * vectors of Documentation/formats.rst.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kmod/otp/packet.h"
#include "kselftest_harness.h"

static const u8 gen[OTP_GEN_SIZE] = { 1, 2, 3, 4, 5, 6 };

TEST(layout)
{
	ASSERT_EQ(32, sizeof(struct otp_header));
	ASSERT_EQ(16, offsetof(struct otp_header, tag));
	ASSERT_EQ(10, offsetof(struct otp_header, offset));
}

TEST(what_is_built_is_parsed)
{
	static const u64 offsets[] = { 0, 64, 0x123456789a, OTP_OFFSET_MAX - 16 };
	struct otp_header h;
	struct otp_info info;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		otp_header_build(&h, OTP_TYPE_PAD, 0xbeef, gen, offsets[i]);
		ASSERT_EQ(0, otp_header_parse((u8 *)&h, sizeof(h), &info));
		ASSERT_EQ(OTP_TYPE_PAD, info.type);
		ASSERT_EQ(0xbeef, info.tunnel);
		ASSERT_EQ(offsets[i], info.offset);
		ASSERT_EQ(0, memcmp(gen, info.generation, sizeof(gen)));
	}
}

TEST(malformed_is_refused)
{
	u8 packet[200] = {};
	struct otp_header *h = (struct otp_header *)packet;
	struct otp_info info;
	unsigned int i;

	otp_header_build(h, OTP_TYPE_PAD, 1, gen, 1000);
	for (i = 0; i < 32; i++)
		EXPECT_EQ(-EBADMSG, otp_header_parse(packet, i, &info));
	EXPECT_EQ(0, otp_header_parse(packet, 200, &info));
	for (i = 0; i < 256; i++) {
		h->version = i;
		EXPECT_EQ(i == 1 ? 0 : -EBADMSG,
			  otp_header_parse(packet, 200, &info));
	}
	/* offset and tag zero, as in a fallback packet */
	otp_header_build(h, OTP_TYPE_ESP, 1, gen, 0);
	EXPECT_EQ(0, otp_header_parse(packet, 200, &info));
	for (i = 2; i < 256; i++) {
		h->type = i;
		EXPECT_EQ(-EBADMSG, otp_header_parse(packet, 200, &info));
	}
}

/* no range may leave the generation */
TEST(offset_and_length_stay_below_2_to_48)
{
	u8 packet[200] = {};
	struct otp_header *h = (struct otp_header *)packet;
	struct otp_info info;

	otp_header_build(h, OTP_TYPE_PAD, 1, gen, OTP_OFFSET_MAX - 16 - 168);
	EXPECT_EQ(0, otp_header_parse(packet, 200, &info));
	otp_header_build(h, OTP_TYPE_PAD, 1, gen, OTP_OFFSET_MAX - 16 - 167);
	EXPECT_EQ(-EBADMSG, otp_header_parse(packet, 200, &info));
}

TEST(fallback_packets_have_one_encoding)
{
	u8 packet[100] = {};
	struct otp_header *h = (struct otp_header *)packet;
	struct otp_info info;

	otp_header_build(h, OTP_TYPE_ESP, 1, gen, 0);
	EXPECT_EQ(0, otp_header_parse(packet, 100, &info));
	h->tag[7] = 1;
	EXPECT_EQ(-EBADMSG, otp_header_parse(packet, 100, &info));
	otp_header_build(h, OTP_TYPE_ESP, 1, gen, 5);
	EXPECT_EQ(-EBADMSG, otp_header_parse(packet, 100, &info));
}

TEST(inner_length)
{
	u8 ip[100] = { 0x45, 0, 0, 60 };

	EXPECT_EQ(0, otp_inner_len(ip, 0));
	EXPECT_EQ(60, otp_inner_len(ip, 100));
	EXPECT_EQ(60, otp_inner_len(ip, 60));
	EXPECT_EQ(-EBADMSG, otp_inner_len(ip, 59));
	ip[3] = 19;
	EXPECT_EQ(-EBADMSG, otp_inner_len(ip, 100));
	ip[0] = 0x4f;
	ip[3] = 59;
	EXPECT_EQ(-EBADMSG, otp_inner_len(ip, 100));
	ip[0] = 0x44;
	EXPECT_EQ(-EBADMSG, otp_inner_len(ip, 100));
	ip[0] = 0x60;
	ip[4] = 0;
	ip[5] = 60;
	EXPECT_EQ(100, otp_inner_len(ip, 100));
	ip[5] = 61;
	EXPECT_EQ(-EBADMSG, otp_inner_len(ip, 100));
	ip[5] = 0;
	EXPECT_EQ(40, otp_inner_len(ip, 40));
	EXPECT_EQ(-EBADMSG, otp_inner_len(ip, 39));
	ip[0] = 0x50;
	EXPECT_EQ(-EBADMSG, otp_inner_len(ip, 100));
}

TEST(padding)
{
	EXPECT_EQ(77, otp_padded_len(77, 0, 1420));
	EXPECT_EQ(80, otp_padded_len(77, 16, 1420));
	EXPECT_EQ(80, otp_padded_len(80, 16, 1420));
	EXPECT_EQ(1420, otp_padded_len(1, 1420, 1420));
	EXPECT_EQ(1420, otp_padded_len(1419, 16, 1420));
	EXPECT_EQ(1420, otp_padded_len(100, 65535, 1420));
	EXPECT_EQ(1500, otp_padded_len(1500, 65535, 1420));
}

/* junk of any kind is handled; the sanitizers watch */
TEST(a_million_junk_packets)
{
	struct otp_info info;
	unsigned int i, j, len;

	srandom(2);
	for (i = 0; i < 1000000; i++) {
		u8 *p;

		len = random() % 80;
		p = malloc(len ?: 1);
		ASSERT_NE(NULL, p);
		for (j = 0; j < len; j++)
			p[j] = random();
		if (len && i % 2)
			p[0] = OTP_VERSION;
		if (len > 1 && i % 4)
			p[1] = i % 8 == 1;
		if (!otp_header_parse(p, len, &info))
			ASSERT_LE(info.offset + 16 + len - 32, OTP_OFFSET_MAX);
		if (len && i % 3)
			p[0] = i % 3 == 1 ? 0x45 : 0x60;
		ASSERT_LE(otp_inner_len(p, len), (int)len);
		free(p);
	}
}

TEST_HARNESS_MAIN
