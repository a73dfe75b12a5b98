// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The relay's frames, paths and shares: what is written is read, nothing else is
 * believed, and what proves a share proves it.
 */
#include <string.h>

#include <kselftest_harness.h>
#include "tools/common/wire.h"
#include "tools/relay/frame.h"
#include "tools/relay/share.h"

static const uint8_t session[FRAME_SESSION] = { 1, 2, 3 };
static const struct qkd_key_id id = { { 4, 5, 6 } };
static uint8_t key[QKD_KEY_MAX], chunk[FRAME_CHUNK], buf[FRAME_MAX];

static struct route route_of(const char *between)
{
	struct route r = { .share = 1, .shares = 2, .at = 1, .size = 9000,
			   .offset = 100 };
	char err[100];

	memset(r.block, 7, sizeof(r.block));
	path_parse(between, "hospital", "biobank", &r.path, 1, err,
		   sizeof(err));
	return r;
}

/* Its length */
static size_t a_key_frame(size_t len)
{
	struct route r = route_of("clinic/lab");
	size_t i;

	for (i = 0; i < sizeof(key); i++)
		key[i] = 11 * i + i / 256;
	for (i = 0; i < len; i++)
		chunk[i] = i;
	return frame_seal(buf, frame_key(buf, 9, &id, &r, chunk, len, key),
			  session);
}

TEST(a_chunk_arrives)
{
	size_t lens[] = { 1, 15, 16, 17, 1000, 8159 }, i, n;
	static uint8_t out[FRAME_CHUNK];
	struct frame f;

	for (i = 0; i < 6; i++) {
		n = a_key_frame(lens[i]);
		ASSERT_LE(n, FRAME_MAX);
		ASSERT_EQ(n, frame_length(buf));
		ASSERT_TRUE(frame_sealed(buf, n, session));
		ASSERT_TRUE(frame_read(&f, buf, n));
		EXPECT_EQ(FRAME_KEY, f.type);
		EXPECT_EQ(9, f.number);
		EXPECT_EQ(0, memcmp(&id, &f.id, sizeof(id)));
		ASSERT_EQ(lens[i], f.len);
		ASSERT_TRUE(frame_open(&f, buf, key, out));
		EXPECT_EQ(0, memcmp(out, chunk, f.len));
		EXPECT_EQ(1, f.route.share);
		EXPECT_EQ(2, f.route.shares);
		EXPECT_EQ(1, f.route.at);
		EXPECT_EQ(9000, f.route.size);
		EXPECT_EQ(100, f.route.offset);
		EXPECT_EQ(4, f.route.path.nodes);
		EXPECT_STREQ("lab", f.route.path.node[2]);
	}
}

TEST(it_is_hidden_by_the_key)
{
	size_t n = a_key_frame(64), i, route = buf[6] << 8 | buf[7];

	ASSERT_GT(n, 64);
	for (i = 0; i < 64; i++)
		EXPECT_EQ(chunk[i] ^ key[i], buf[FRAME_HEAD + route + i]);
}

TEST(each_byte_of_it_is_authenticated_once_for_all)
{
	static uint8_t out[FRAME_CHUNK];
	size_t n = a_key_frame(40), i, bit;
	struct frame f;

	for (i = 0; i < n - FRAME_TAG; i++) {
		bit = 1u << i % 8;
		buf[i] ^= bit;
		if (frame_read(&f, buf, n))
			EXPECT_FALSE(frame_open(&f, buf, key, out)) {
				TH_LOG("byte %zu", i);
			}
		EXPECT_FALSE(frame_sealed(buf, n, session));
		buf[i] ^= bit;
	}
	ASSERT_TRUE(frame_read(&f, buf, n));
	key[45] ^= 1;
	EXPECT_FALSE(frame_open(&f, buf, key, out));
}

TEST(the_layout_is_the_documented_one)
{
	static const uint8_t head[] = { 0, 0, 0, 148, 3, 1, 0, 60, 0, 0, 0, 0,
					0, 0, 0, 9, 4, 5, 6 };
	static const uint8_t end[] = { 1, 2, 1, 4, 0, 0, 0x23, 0x28, 0, 0, 0,
				       100, 0, 0, 0, 0, 8, 'h' };

	ASSERT_EQ(148, a_key_frame(24));
	EXPECT_EQ(0, memcmp(buf, head, sizeof(head)));
	EXPECT_EQ(0, memcmp(buf + FRAME_HEAD + 16, end, sizeof(end)));
}

TEST(replies_and_greetings_arrive)
{
	struct route r = route_of("clinic");
	struct frame f;
	size_t n;

	r.offset = 0;
	r.reason = REASON_NO_KEY;
	r.by = 2;
	n = frame_seal(buf, frame_reply(buf, FRAME_VOID, 3, &r), session);
	ASSERT_TRUE(frame_read(&f, buf, n));
	EXPECT_EQ(FRAME_VOID, f.type);
	EXPECT_EQ(REASON_NO_KEY, f.route.reason);
	EXPECT_EQ(2, f.route.by);
	n = frame_seal(buf, frame_hello(buf, &id, "a", "b"), session);
	ASSERT_TRUE(frame_read(&f, buf, n));
	EXPECT_STREQ("a", f.from);
	EXPECT_STREQ("b", f.to);
	n = frame_seal(buf, frame_welcome(buf), session);
	ASSERT_TRUE(frame_read(&f, buf, n));
	EXPECT_EQ(FRAME_WELCOME, f.type);
	EXPECT_TRUE(frame_sealed(buf, n, session));
}

/* Sets a byte of the frame's route and looks whether it is read. */
static bool reads_with(size_t n, size_t at, uint8_t value)
{
	uint8_t was = buf[FRAME_HEAD + at];
	struct frame f;
	bool good;

	buf[FRAME_HEAD + at] = value;
	good = frame_read(&f, buf, n);
	buf[FRAME_HEAD + at] = was;
	return good;
}

TEST(what_makes_no_sense_is_not_read)
{
	size_t n = a_key_frame(64);
	struct frame f;

	ASSERT_TRUE(reads_with(n, 16, 0));
	EXPECT_FALSE(reads_with(n, 16, 2)) TH_LOG("share of more than there are");
	EXPECT_FALSE(reads_with(n, 17, 0)) TH_LOG("no shares");
	EXPECT_FALSE(reads_with(n, 17, 9)) TH_LOG("too many shares");
	EXPECT_FALSE(reads_with(n, 18, 3)) TH_LOG("from the target");
	EXPECT_FALSE(reads_with(n, 19, 1)) TH_LOG("one node");
	EXPECT_FALSE(reads_with(n, 19, 3)) TH_LOG("nodes left over");
	EXPECT_FALSE(reads_with(n, 19, 5)) TH_LOG("nodes missing");
	EXPECT_FALSE(reads_with(n, 20, 1)) TH_LOG("too great a share");
	EXPECT_FALSE(reads_with(n, 26, 0x23)) TH_LOG("chunk behind the end");
	EXPECT_FALSE(reads_with(n, 28, 1)) TH_LOG("a reason for key");
	EXPECT_FALSE(reads_with(n, 30, 1)) TH_LOG("not zero");
	EXPECT_FALSE(reads_with(n, 33, 0x1b)) TH_LOG("a control character");
	EXPECT_FALSE(frame_read(&f, buf, n - 1));
	EXPECT_FALSE(frame_read(&f, buf, FRAME_HEAD));
	buf[5] = 2;
	EXPECT_EQ(0, frame_length(buf)) TH_LOG("another version");
}

TEST(a_node_is_not_twice_on_a_path)
{
	struct path p[4];
	char err[200];

	EXPECT_EQ(2, path_parse("b/c,d", "a", "e", p, 4, err, sizeof(err)));
	EXPECT_EQ(4, p[0].nodes);
	EXPECT_FALSE(path_meet(&p[0], &p[1]));
	EXPECT_EQ(2, path_parse("b/c,d/c", "a", "e", p, 4, err, sizeof(err)));
	EXPECT_TRUE(path_meet(&p[0], &p[1]));
	EXPECT_GT(0, path_parse("b/c/b", "a", "e", p, 4, err, sizeof(err)));
	EXPECT_GT(0, path_parse("a", "a", "e", p, 4, err, sizeof(err)));
	EXPECT_GT(0, path_parse("b,,c", "a", "e", p, 4, err, sizeof(err)));
	EXPECT_GT(0, path_parse("b//c", "a", "e", p, 4, err, sizeof(err)));
	EXPECT_GT(0, path_parse("b/", "a", "e", p, 4, err, sizeof(err)));
	EXPECT_GT(0, path_parse("", "a", "e", p, 4, err, sizeof(err)));
	EXPECT_GT(0, path_parse("b,c", "a", "e", p, 1, err, sizeof(err)));
	EXPECT_GT(0, path_parse("1/2/3/4/5/6/7", "a", "e", p, 1, err,
				sizeof(err)));
}

TEST(a_share_proves_itself_and_no_other)
{
	uint8_t r[16] = { 3 }, share[200], proof[SHARE_PROOF];
	size_t i;

	for (i = 0; i < sizeof(share); i++)
		share[i] = i * i;
	share_prove(r, share, sizeof(share), proof);
	EXPECT_TRUE(share_proven(share, sizeof(share), proof));
	for (i = 0; i < sizeof(share); i++) {
		share[i] ^= 0x80;
		EXPECT_FALSE(share_proven(share, sizeof(share), proof));
		share[i] ^= 0x80;
	}
}

TEST(shares_are_joined)
{
	uint8_t out[3] = { 0 }, a[3] = { 1, 2, 3 }, b[3] = { 3, 2, 1 };

	share_join(out, a, 3);
	share_join(out, b, 3);
	EXPECT_EQ(2, out[0]);
	EXPECT_EQ(0, out[1]);
	EXPECT_EQ(2, out[2]);
}

TEST_HARNESS_MAIN
