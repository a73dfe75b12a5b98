// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pad ledger finds every use of a byte that was used before, and nothing
 * else; its sources read traces, key IDs and datagrams as they are documented.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pad-ledger/ledger.h"

#include <kselftest_harness.h>

/* How many reuses are in the lines, or -EINVAL if one is none. */
static long reuses(const char *const *lines, size_t n)
{
	struct ledger l;
	long found = 0;
	const char *why;

	ledger_init(&l);
	for (size_t i = 0; found >= 0 && i < n; i++)
		if (ledger_line(&l, lines[i], i + 1, &why) < 0)
			found = -EINVAL;
	if (!found)
		found = ledger_check(&l, NULL, NULL);
	ledger_free(&l);
	return found;
}

#define REUSES(...) ({ \
	static const char *const lines[] = { __VA_ARGS__ }; \
	reuses(lines, sizeof(lines) / sizeof(lines[0])); })

TEST(neighbours_are_no_reuse)
{
	EXPECT_EQ(0, REUSES("reserve g 0 0 10", "reserve g 0 10 10",
			    "reserve g 0 30 5", "reserve g 0 20 10"));
}

TEST(one_byte_is_reuse)
{
	EXPECT_EQ(1, REUSES("reserve g 0 0 10", "reserve g 0 9 10"));
	EXPECT_EQ(1, REUSES("reserve g 0 9 10", "reserve g 0 0 10"));
	EXPECT_EQ(1, REUSES("reserve g 0 5 5", "reserve g 0 5 5"));
	EXPECT_EQ(1, REUSES("reserve g 0 0 100", "reserve g 0 50 1"));
}

/* A long range hides none that comes after a short one in it. */
TEST(behind_a_long_one)
{
	EXPECT_EQ(2, REUSES("x g 0 0 100", "x g 0 1 1", "x g 0 99 1"));
	EXPECT_EQ(1, REUSES("x g 0 0 100", "x g 0 99 50", "x g 0 149 1"));
}

TEST(what_is_apart)
{
	EXPECT_EQ(0, REUSES("reserve g 0 0 10", "reserve g 1 0 10",
			    "take g 0 0 10", "reserve h 0 0 10"));
}

TEST(seen_twice_is_used_once)
{
	EXPECT_EQ(0, REUSES("wire g 0 0 32 msg:1", "wire g 0 0 32 msg:1"));
	EXPECT_EQ(1, REUSES("wire g 0 0 32 msg:1", "wire g 0 0 32 msg:2"));
	EXPECT_EQ(1, REUSES("wire g 0 0 32 msg:1", "wire g 0 0 33 msg:1"));
	EXPECT_EQ(1, REUSES("wire g 0 0 32 -", "wire g 0 0 32 -"));
	EXPECT_EQ(1, REUSES("wire g 0 0 32 msg:1", "wire g 0 0 32 msg:1",
			    "wire g 0 31 1 otp:9"));
}

/* Each source knows another length of the generation. */
TEST(generations_by_their_first_48_bits)
{
	EXPECT_EQ(1, REUSES("wire 0123456789ab 0 0 32 a",
			    "wire 0123456789ABcdef0123456789abcdef 0 0 32 b"));
	EXPECT_EQ(0, REUSES("wire 0123456789ab 0 0 32 a",
			    "wire 0123456789ac 0 0 32 b"));
	EXPECT_EQ(0, REUSES("wire 0123456789ab/1/1 0 0 32 a",
			    "wire 0123456789ab/1/2 0 0 32 b"));
}

TEST(comments_and_blanks)
{
	EXPECT_EQ(1, REUSES("# x", "", "  ", "\tx g 0 0x10  1", "x g 0 16 1"));
}

TEST(no_records)
{
	EXPECT_EQ(-EINVAL, REUSES("x"));
	EXPECT_EQ(-EINVAL, REUSES("x g"));
	EXPECT_EQ(-EINVAL, REUSES("x g 0"));
	EXPECT_EQ(-EINVAL, REUSES("x g 0 1"));
	EXPECT_EQ(-EINVAL, REUSES("x g 0 1 0"));
	EXPECT_EQ(-EINVAL, REUSES("x g 0 -1 5"));
	EXPECT_EQ(-EINVAL, REUSES("x g 0 1 z"));
	EXPECT_EQ(-EINVAL, REUSES("x g 0 0xffffffffffffffff 2"));
	EXPECT_EQ(-EINVAL, REUSES("x g 0 99999999999999999999 2"));
	EXPECT_EQ(-EINVAL, REUSES("a-word-that-is-longer-than-a-word-may-ever-be-"
				  "since-it-goes-on-and-on-and-on-and-on g 0 1 1"));
}

/* Against an honest map of bytes, with many small ranges at random. */
TEST(as_a_map_of_bytes_says)
{
	srandom(7);
	for (int round = 0; round < 300; round++) {
		uint8_t map[64] = { 0 };
		bool twice = false;
		struct ledger l;
		const char *why;

		ledger_init(&l);
		for (int i = 0; i < 6; i++) {
			unsigned int at = random() % 60;
			unsigned int len = 1 + random() % 4;
			char line[64];

			snprintf(line, sizeof(line), "x g 0 %u %u", at, len);
			ASSERT_EQ(0, ledger_line(&l, line, i, &why));
			for (unsigned int k = at; k < at + len; k++)
				twice |= map[k]++ > 0;
		}
		EXPECT_EQ(twice, ledger_check(&l, NULL, NULL) > 0);
		ledger_free(&l);
	}
}

static char out[4096];

TEST(traces)
{
	static char text[] =
		"# tracer: nop\n"
		"  qkdctl-12  [000] .....  12.5: qkd_reserve: link=3 consumer=1 epoch=2 offset=64 len=32\n"
		"  kworker-9  [001] .....  12.6: qkd_take: link=4 consumer=1 epoch=1 offset=64 len=32\n"
		"  kworker-9  [001] .....  12.6: qkd_msg_tx: link=4 proto=1 offset=64 len=32 err=0\n"
		"  kworker-9  [001] .....  12.6: qkd_take: link=4 offset=64 len=32\n";
	FILE *from = fmemopen(text, strlen(text), "r");
	FILE *to = fmemopen(out, sizeof(out), "w");
	struct imported n = { 0 };

	ASSERT_EQ(0, import_trace(from, "hospital@1", to, &n));
	fclose(from);
	fclose(to);
	EXPECT_EQ(2, n.records);
	EXPECT_EQ(2, n.skipped);
	EXPECT_STREQ("reserve hospital@1/3/2 tx 64 32 -\n"
		     "take hospital@1/4/1 rx 64 32 -\n", out);
}

TEST(key_ids_without_their_keys)
{
	static char text[] =
		"01234567-89ab-8cef-a020-000000000040 5ec4e75ec4e75ec4e7\n"
		"not a key\n";
	FILE *from = fmemopen(text, strlen(text), "r");
	FILE *to = fmemopen(out, sizeof(out), "w");
	struct imported n = { 0 };

	ASSERT_EQ(0, import_keys(from, "got", to, &n));
	fclose(from);
	fclose(to);
	EXPECT_EQ(1, n.records);
	EXPECT_EQ(1, n.skipped);
	EXPECT_STREQ("got 0123456789ab 1 64 32 -\n", out);
}

static int use_of(const uint8_t *p, size_t len, bool otp)
{
	FILE *to = fmemopen(out, sizeof(out), "w");
	int found = datagram_use(p, len, otp, "1", to);

	fclose(to);
	return found;
}

TEST(messages)
{
	uint8_t m[32 + 5 + 16] = { 1, 2, 0, 5, 0, 0, 0, 0,
				   0xde, 0xad, 0xbe, 0xef, 0x12, 0x34 };
	char first[sizeof(out)];

	m[30] = 0x12;
	m[31] = 0x34;
	ASSERT_EQ(1, use_of(m, sizeof(m), false));
	EXPECT_EQ(0, strncmp(out, "deadbeef1234 1 4660 32 msg:", 27));
	memcpy(first, out, sizeof(out));
	ASSERT_EQ(1, use_of(m, sizeof(m), false));
	EXPECT_STREQ(first, out);
	m[34] ^= 1;	/* another message under the same key */
	ASSERT_EQ(1, use_of(m, sizeof(m), false));
	EXPECT_STRNE(first, out);
	EXPECT_EQ(0, use_of(m, sizeof(m) - 1, false));
	EXPECT_EQ(0, use_of(m, 31, false));
	m[0] = 2;
	EXPECT_EQ(0, use_of(m, sizeof(m), false));
}

TEST(one_time_pad_packets)
{
	uint8_t p[32 + 100] = { 1, 0, 0, 7, 0xde, 0xad, 0xbe, 0xef, 0x12, 0x34,
				0, 0, 0, 1, 0, 0 };

	ASSERT_EQ(1, use_of(p, sizeof(p), true));
	EXPECT_EQ(0, strncmp(out, "deadbeef1234 1 65536 116 otp:", 29));
	p[1] = 1;
	EXPECT_EQ(0, use_of(p, sizeof(p), true));
	EXPECT_EQ(0, use_of(p, 16, true));
}

TEST_HARNESS_MAIN
