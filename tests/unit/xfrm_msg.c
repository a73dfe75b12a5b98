// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The message parser of qkd_xfrm: what it builds it understands, and what
 * differs in any bit that means nothing, it refuses.
 */
#include <stdlib.h>

#include "../../kmod/xfrm/msg.c"

#include <kselftest_harness.h>

static const struct qx_msg good[] = {
	{
		.type = QX_OFFER, .flags = QX_F_ESN, .family = 4,
		.mode = QKD_XFRM_MODE_TUNNEL,
		.aead = QKD_XFRM_AEAD_CHACHA20POLY1305,
		.offset = 0x0000fedcba987654, .name = "hospital-biobank",
	}, {
		.type = QX_ACCEPT, .flags = QX_F_ENCAP, .family = 6,
		.offset = 1, .spi = 256, .name = "t",
	}, {
		.type = QX_REJECT, .reason = QX_MISMATCH, .family = 4,
		.offset = 7, .name = "0123456789012345678901234567890",
	}, {
		.type = QX_WANT, .flags = QX_F_ADHOC, .family = 4,
		.reqid = 0x51000001, .if_id = 9,
	}, {
		.type = QX_NONE, .reason = QX_IDLE, .family = 6,
		.flags = QX_F_ADHOC,
	}, {
		.type = QX_NONE, .reason = QX_IDLE, .family = 4, .offset = 100,
		.name = "t",
	}, {
		.type = QX_OFFER, .family = 4, .offset = 100, .spi = 0x1010,
		.name = "t",
	}, {
		.type = QX_OFFER, .flags = QX_F_HYBRID | QX_F_ESN, .family = 4,
		.offset = 100, .name = "h", .secret_id = { 1, 2, [15] = 16 },
	}, {
		.type = QX_ACCEPT, .flags = QX_F_HYBRID, .family = 6,
		.offset = 100, .spi = 300, .name = "h",
		.secret_id = { [15] = 1 },
	}, {
		.type = QX_REJECT, .reason = QX_HYBRID, .flags = QX_F_HYBRID,
		.family = 6, .offset = 100, .name = "h",
	}, {
		.type = QX_WANT, .flags = QX_F_HYBRID, .family = 4, .name = "h",
	},
};

#define N (sizeof(good) / sizeof(good[0]))

TEST(round_trip)
{
	u8 body[QX_WIRE_MAX];
	struct qx_msg m;
	size_t i;

	for (i = 0; i < N; i++) {
		memset(&m, 0xff, sizeof(m));
		ASSERT_EQ(0, qx_msg_parse(&m, body,
					  qx_msg_build(body, &good[i])));
		EXPECT_EQ(0, memcmp(&m, &good[i], sizeof(m)));
	}
}

/* The bytes that formats.rst documents. */
TEST(layout)
{
	static const u8 want[24] = {
		1, 0, 1, 4, 1, 2, 0, 0,
		0, 0, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54,
		0, 0, 0, 0, 0, 0, 0, 0,
	};
	u8 body[QX_WIRE_MAX];

	qx_msg_build(body, &good[0]);
	EXPECT_EQ(0, memcmp(body, want, sizeof(want)));
	EXPECT_STREQ("hospital-biobank", (char *)body + 32);
}

TEST(other_lengths)
{
	u8 body[QX_WIRE_MAX + 1] = {};
	struct qx_msg m;
	size_t i;
	u32 len;

	for (i = 0; i < N; i++)
		for (len = 0; len <= QX_WIRE_MAX + 1; len++)
			if (len != qx_msg_build(body, &good[i]))
				EXPECT_EQ(-EBADMSG,
					  qx_msg_parse(&m, body, len));
}

/* A message that is understood is the one that was meant: no bit is ignored. */
TEST(every_bit_counts)
{
	u8 body[QX_WIRE_MAX], again[QX_WIRE_MAX];
	struct qx_msg m;
	size_t i, bit;
	u32 len;

	for (i = 0; i < N; i++) {
		len = qx_msg_build(body, &good[i]);
		for (bit = 0; bit < 8 * len; bit++) {
			qx_msg_build(body, &good[i]);
			body[bit / 8] ^= 1 << bit % 8;
			if (qx_msg_parse(&m, body, len))
				continue;
			EXPECT_EQ(len, qx_msg_build(again, &m));
			EXPECT_EQ(0, memcmp(body, again, len));
		}
	}
}

/* Likewise for anything at all. */
TEST(random_bytes)
{
	u8 body[QX_WIRE_MAX], again[QX_WIRE_MAX];
	struct qx_msg m;
	int i, taken = 0;
	size_t j;
	u32 len;

	srandom(1);
	for (i = 0; i < 1000000; i++) {
		len = qx_msg_build(body, &good[random() % N]);
		for (j = random() % 6; j; j--)
			body[random() % len] = random() % 8 ? random() % 8 :
					       random();
		if (qx_msg_parse(&m, body, len))
			continue;
		taken++;
		ASSERT_TRUE(m.type && m.type < QX_MSG_TYPES);
		ASSERT_TRUE(m.reason < QX_REASONS);
		ASSERT_NE(NULL, memchr(m.name, 0, sizeof(m.name)));
		ASSERT_EQ(len, qx_msg_build(again, &m));
		ASSERT_EQ(0, memcmp(body, again, len));
	}
	EXPECT_GT(taken, 1000);
}

static int parse_changed(size_t at, u8 value, size_t which)
{
	u8 body[QX_WIRE_MAX];
	struct qx_msg m;
	u32 len = qx_msg_build(body, &good[which]);

	body[at] = value;
	return qx_msg_parse(&m, body, len);
}

TEST(refused)
{
	EXPECT_EQ(-EBADMSG, parse_changed(0, 0, 0));		/* no type */
	EXPECT_EQ(-EBADMSG, parse_changed(0, 6, 0));		/* unknown type */
	EXPECT_EQ(-EBADMSG, parse_changed(1, 1, 0));		/* OFFER, refused */
	EXPECT_EQ(-EBADMSG, parse_changed(2, 0x80, 0));		/* unknown flag */
	EXPECT_EQ(-EBADMSG, parse_changed(3, 5, 0));		/* no family */
	EXPECT_EQ(-EBADMSG, parse_changed(4, 2, 0));		/* unknown mode */
	EXPECT_EQ(-EBADMSG, parse_changed(5, 3, 0));		/* unknown aead */
	EXPECT_EQ(-EBADMSG, parse_changed(6, 1, 0));		/* not zero */
	EXPECT_EQ(-EBADMSG, parse_changed(18, 0, 1));		/* SPI below 256 */
	EXPECT_EQ(-EBADMSG, parse_changed(18, 0, 6));		/* nor in OFFER */
	EXPECT_EQ(-EBADMSG, parse_changed(23, 1, 0));		/* name and reqid */
	EXPECT_EQ(-EBADMSG, parse_changed(32, 'x', 3));		/* ad hoc, named */
	EXPECT_EQ(-EBADMSG, parse_changed(32, 0, 0));		/* no name */
	EXPECT_EQ(-EBADMSG, parse_changed(63, 'x', 2));		/* no end */
	EXPECT_EQ(-EBADMSG, parse_changed(60, 'x', 1));		/* after the end */
	EXPECT_EQ(-EBADMSG, parse_changed(33, '/', 0));		/* bad character */
	EXPECT_EQ(-EBADMSG, parse_changed(1, 0, 2));		/* REJECT, why? */
	EXPECT_EQ(-EBADMSG, parse_changed(2, 8, 0));		/* hybrid, short */
	EXPECT_EQ(-EBADMSG, parse_changed(79, 0, 8));		/* no secret */
	EXPECT_EQ(-EBADMSG, parse_changed(64, 1, 10));		/* WANT of one */
}

TEST(names)
{
	EXPECT_TRUE(qx_name_valid("a"));
	EXPECT_TRUE(qx_name_valid("0123456789012345678901234567890"));
	EXPECT_FALSE(qx_name_valid("01234567890123456789012345678901"));
	EXPECT_FALSE(qx_name_valid(""));
	EXPECT_FALSE(qx_name_valid("."));
	EXPECT_FALSE(qx_name_valid(".."));
	EXPECT_FALSE(qx_name_valid("a b"));
	EXPECT_FALSE(qx_name_valid("a/b"));
	EXPECT_FALSE(qx_name_valid("a\x7f"));
	EXPECT_FALSE(qx_name_valid("\xc3\xa4"));
}

TEST_HARNESS_MAIN
