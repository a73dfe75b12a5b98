// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Key IDs are written and read as Documentation/formats.rst has them, and
 * nothing that is none is taken for one.
 */
#include <errno.h>
#include <string.h>
#include <qkd/qkd.h>

#include <kselftest_harness.h>

static const uint8_t generation[QKD_GENERATION_SIZE] = {
	0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xfc, 0xef,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};

/* worked out by hand from the table in formats.rst */
static const struct {
	uint32_t stream;
	uint32_t len;
	uint64_t offset;
	const char *text;
} vectors[] = {
	{ 0, 32, 0, "01234567-89ab-8cef-8020-000000000000" },
	{ 1, 32, 0, "01234567-89ab-8cef-a020-000000000000" },
	{ 0, 8191, 0x123456789abcull, "01234567-89ab-8cef-9fff-123456789abc" },
	{ 1, 1, 0xffffffffffffull, "01234567-89ab-8cef-a001-ffffffffffff" },
	{ 1, 4096, 64, "01234567-89ab-8cef-b000-000000000040" },
};

TEST(as_documented)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		char text[QKD_KEY_ID_STRLEN + 1];
		struct qkd_key_range range;
		struct qkd_key_id id, back;

		ASSERT_EQ(0, qkd_key_id_encode(generation, vectors[i].stream,
					       vectors[i].len,
					       vectors[i].offset, &id));
		EXPECT_STREQ(vectors[i].text, qkd_key_id_format(&id, text));
		ASSERT_EQ(0, qkd_key_id_parse(vectors[i].text, &back));
		EXPECT_EQ(0, memcmp(&id, &back, sizeof(id)));
		ASSERT_EQ(0, qkd_key_id_decode(&id, &range));
		EXPECT_EQ(vectors[i].stream, range.stream);
		EXPECT_EQ(vectors[i].len, range.len);
		EXPECT_EQ(vectors[i].offset, range.offset);
	}
}

TEST(either_case)
{
	struct qkd_key_id a, b;

	ASSERT_EQ(0, qkd_key_id_parse("01234567-89AB-8CEF-8020-0000000000FF",
				      &a));
	ASSERT_EQ(0, qkd_key_id_parse("01234567-89ab-8cef-8020-0000000000ff",
				      &b));
	EXPECT_EQ(0, memcmp(&a, &b, sizeof(a)));
}

TEST(tag_is_what_the_id_carries)
{
	uint8_t tag[QKD_KEY_ID_TAG_SIZE];
	struct qkd_key_range range;
	struct qkd_key_id id;

	ASSERT_EQ(0, qkd_key_id_encode(generation, 0, 32, 7, &id));
	ASSERT_EQ(0, qkd_key_id_decode(&id, &range));
	qkd_generation_tag(generation, tag);
	EXPECT_EQ(0, memcmp(tag, range.tag, sizeof(tag)));
}

TEST(no_ids)
{
	static const char *const bad[] = {
		"",
		"0",
		"01234567-89ab-8cef-8020-00000000000",	/* short */
		"01234567-89ab-8cef-8020-0000000000000",	/* long */
		"01234567-89ab-4cef-8020-000000000000",	/* version 4 */
		"01234567-89ab-8cef-c020-000000000000",	/* variant */
		"01234567-89ab-8cef-0020-000000000000",
		"01234567-89ab-8cef-8000-000000000000",	/* no length */
		"01234567-89ab-8cef-8002-ffffffffffff",	/* beyond 2^48 */
		"01234567 89ab-8cef-8020-000000000000",
		"0123456789ab-8cef-8020-0000000000000",
		"g1234567-89ab-8cef-8020-000000000000",
		"01234567-89ab-8cef-8020-00000000000 ",
	};
	struct qkd_key_id id;

	memset(&id, 0x55, sizeof(id));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(-EINVAL, qkd_key_id_parse(bad[i], &id))
			TH_LOG("taken: %s", bad[i]);
		EXPECT_NE(0, strlen(qkd_error()));
	}
	for (size_t i = 0; i < sizeof(id.b); i++)
		EXPECT_EQ(0x55, id.b[i]);
}

TEST(no_ranges)
{
	struct qkd_key_id id;

	EXPECT_EQ(-EINVAL, qkd_key_id_encode(generation, 2, 32, 0, &id));
	EXPECT_EQ(-EINVAL, qkd_key_id_encode(generation, 0, 0, 0, &id));
	EXPECT_EQ(-EINVAL, qkd_key_id_encode(generation, 0, 8192, 0, &id));
	EXPECT_EQ(-EINVAL, qkd_key_id_encode(generation, 0, 2,
					     QKD_OFFSET_MAX - 1, &id));
	EXPECT_EQ(0, qkd_key_id_encode(generation, 0, 1, QKD_OFFSET_MAX - 1,
				       &id));
}

TEST_HARNESS_MAIN
