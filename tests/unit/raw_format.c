// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The detections format: what is written is read again, bit for bit, whatever
 * the gaps; what is not the format is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "tools/raw/raw.h"
#include "tools/raw/raw_priv.h"

static uint64_t state = 1;

/* splitmix64: repeatable, and no secret comes of it */
static uint64_t next(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

struct list {
	uint64_t start, end;
	size_t n;
	uint64_t *slot;
	uint8_t *code;
};

static void list_alloc(struct list *l, size_t n)
{
	l->n = n;
	l->slot = malloc((n + 1) * sizeof(*l->slot));
	l->code = malloc(n + 1);
}

static void list_free(struct list *l)
{
	free(l->slot);
	free(l->code);
}

/* gaps of up to @bits bits, the width itself being random */
static void list_random(struct list *l, size_t n, unsigned int bits)
{
	uint64_t at = l->start = next() >> 20;
	size_t i;

	list_alloc(l, n);
	for (i = 0; i < n; i++) {
		unsigned int b = next() % (bits + 1);

		at += next() & ((1ull << b) - 1);
		l->slot[i] = at++;
		l->code[i] = next() % RAW_CODE_SKIP;
	}
	l->end = at + next() % 5;
}

/* frames back into a list; 0 or a line number that tells where it failed */
static int list_read(const uint8_t *buf, size_t len, struct list *l)
{
	struct raw_frame f;
	size_t room = l->n;
	uint64_t at = l->start;
	ssize_t used, got;

	l->n = 0;
	while (len) {
		used = raw_frame_parse(buf, len, &f);
		if (used <= 0 || f.start != at || f.type != RAW_EVENTS)
			return __LINE__;
		uint64_t *slot = malloc((f.count + 1) * sizeof(*slot));
		uint8_t *code = malloc(f.count + 1);

		got = raw_frame_events(&f, slot, code);
		if (got < 0 || l->n + got > room)
			return __LINE__;
		memcpy(l->slot + l->n, slot, got * sizeof(*slot));
		memcpy(l->code + l->n, code, got);
		free(slot);
		free(code);
		l->n += got;
		at = f.end;
		buf += used;
		len -= used;
	}
	return at == l->end ? 0 : __LINE__;
}

static void round_trip(struct __test_metadata *_metadata, size_t n,
		       unsigned int bits)
{
	size_t size = raw_events_size(n);
	uint8_t *buf = malloc(size);
	struct list in, out;
	ssize_t len;

	list_random(&in, n, bits);
	len = raw_events_build(buf, size, in.start, in.end, in.slot, in.code,
			       in.n);
	ASSERT_GT(len, 0);
	list_alloc(&out, n);
	out.start = in.start;
	out.end = in.end;
	ASSERT_EQ(0, list_read(buf, len, &out));
	ASSERT_EQ(in.n, out.n);
	ASSERT_EQ(0, memcmp(in.slot, out.slot, n * sizeof(*in.slot)));
	ASSERT_EQ(0, memcmp(in.code, out.code, n));
	list_free(&in);
	list_free(&out);
	free(buf);
}

TEST(events_come_back_whatever_the_gaps)
{
	unsigned int bits, i;

	for (bits = 0; bits <= 40; bits++)
		for (i = 0; i < 20; i++)
			round_trip(_metadata, next() % 500, bits);
}

TEST(long_stretches_are_cut_into_frames_and_come_back)
{
	round_trip(_metadata, 2000000, 6);
	round_trip(_metadata, 700000, 24);
	round_trip(_metadata, 300000, 40);
}

TEST(extreme_gaps_come_back)
{
	uint64_t slot[3] = { 0, RAW_SLOT_MAX - 3, RAW_SLOT_MAX - 2 }, s[64];
	uint8_t code[3] = { 1, 2, 3 }, c[64];
	uint8_t buf[512];
	struct raw_frame f;
	ssize_t len;

	len = raw_events_build(buf, raw_events_size(3), 0, RAW_SLOT_MAX - 1,
			       slot, code, 3);
	ASSERT_GT(len, 0);
	ASSERT_EQ(len, raw_frame_parse(buf, len, &f));
	ASSERT_EQ(3, raw_frame_events(&f, s, c));
	ASSERT_EQ(RAW_SLOT_MAX - 3, s[1]);
	ASSERT_EQ(3, c[2]);
}

TEST(dense_events_take_two_bytes)
{
	struct list l = { .start = 0 };
	size_t i;
	uint8_t buf[4096];

	list_alloc(&l, 1000);
	for (i = 0; i < l.n; i++) {
		l.slot[i] = i * 30;
		l.code[i] = i % 4;
	}
	ASSERT_EQ(RAW_FRAME_SIZE + 2000,
		  raw_events_build(buf, sizeof(buf), 0, 30000, l.slot, l.code,
				   l.n));
	list_free(&l);
}

TEST(builder_refuses_what_cannot_be_said)
{
	uint64_t slot[3] = { 5, 5, 7 };
	uint8_t code[3] = { 0, 0, 0 }, buf[256];

	/* not ascending; before the start; behind the end; a skip's code */
	EXPECT_EQ(-EINVAL, raw_events_build(buf, 256, 0, 10, slot, code, 3));
	slot[1] = 6;
	EXPECT_EQ(-EINVAL, raw_events_build(buf, 256, 6, 10, slot, code, 3));
	EXPECT_EQ(-EINVAL, raw_events_build(buf, 256, 0, 7, slot, code, 3));
	EXPECT_EQ(-EINVAL, raw_events_build(buf, 256, 0, RAW_SLOT_MAX, slot,
					    code, 3));
	code[2] = RAW_CODE_SKIP;
	EXPECT_EQ(-EINVAL, raw_events_build(buf, 256, 0, 10, slot, code, 3));
	code[2] = 0;
	EXPECT_EQ(-EMSGSIZE, raw_events_build(buf, 31, 0, 10, slot, code, 3));
	EXPECT_LT(0, raw_events_build(buf, 256, 0, 10, slot, code, 3));
}

/* Whatever the room: never a byte behind it, never an endless loop */
TEST(builder_keeps_to_its_room)
{
	uint8_t buf[1024];
	struct list l;
	size_t room, i;

	list_random(&l, 40, 40);
	for (room = 0; room < 600; room++) {
		memset(buf, 0xaa, sizeof(buf));
		raw_events_build(buf, room, l.start, l.end, l.slot, l.code,
				 l.n);
		for (i = room; i < sizeof(buf); i++)
			ASSERT_EQ(0xaa, buf[i]);
	}
	list_free(&l);
}

static ssize_t build_one(uint8_t *buf, uint64_t end)
{
	uint64_t slot[2] = { 3, 9 };
	uint8_t code[2] = { 1, 2 };

	return raw_events_build(buf, 256, 0, end, slot, code, 2);
}

TEST(malformed_frames_are_refused)
{
	uint8_t good[256], bad[256], code[8];
	uint64_t slot[8];
	struct raw_frame f;
	ssize_t len = build_one(good, 10);

	ASSERT_EQ(RAW_FRAME_SIZE + 4, len);
	/* every prefix only asks for more */
	for (ssize_t i = 0; i < len; i++)
		ASSERT_EQ(0, raw_frame_parse(good, i, &f));
	ASSERT_EQ(len, raw_frame_parse(good, len, &f));

	/* each byte of the head that must have a certain value */
	for (unsigned int i = 0; i < RAW_FRAME_SIZE; i++) {
		static const uint8_t checked[] = {
			0, 1, 2, 3, 4, 5, 6, 7, 15, 23, 24, 25, 26, 27, 28, 31
		};

		if (!memchr(checked, i, sizeof(checked)))
			continue;
		memcpy(bad, good, sizeof(bad));
		bad[i] ^= i == 23 || i == 15 ? 0x80 : 1;
		EXPECT_EQ(-EBADMSG, raw_frame_parse(bad, len, &f)) {
			TH_LOG("byte %u", i);
		}
	}
	/* an event behind the end of the frame's slots */
	memcpy(bad, good, sizeof(bad));
	bad[RAW_F_END] = 9;
	ASSERT_EQ(len, raw_frame_parse(bad, len, &f));
	EXPECT_EQ(-EBADMSG, raw_frame_events(&f, slot, code));
	/* two events in one slot */
	memcpy(bad, good, sizeof(bad));
	bad[RAW_FRAME_SIZE + 2] = 0x02;
	bad[RAW_FRAME_SIZE + 3] = 0;
	ASSERT_EQ(len, raw_frame_parse(bad, len, &f));
	EXPECT_EQ(-EBADMSG, raw_frame_events(&f, slot, code));
}

/* Gaps of 60 bits that come around past 2^64 must not look small again */
TEST(sums_that_overflow_are_refused)
{
	uint8_t buf[RAW_FRAME_SIZE + 64 * 8] = { RAW_EVENTS, 8 }, code[64];
	uint64_t slot[64];
	struct raw_frame f;
	unsigned int i;

	buf[RAW_F_COUNT] = 33;
	raw_put64(buf + RAW_F_END, 100);
	raw_put32(buf + RAW_F_LEN, 33 * 8);
	/* 16 skips of 2^60 make 2^64, but none of them fits */
	for (i = 0; i < 32; i++)
		raw_put64(buf + RAW_FRAME_SIZE + 8 * i,
			  (1ull << 59) << 4 | RAW_CODE_SKIP);
	raw_put64(buf + RAW_FRAME_SIZE + 8 * 32, 5 << 4);
	ASSERT_LT(0, raw_frame_parse(buf, sizeof(buf), &f));
	EXPECT_EQ(-EBADMSG, raw_frame_events(&f, slot, code));
}

TEST(random_bytes_do_no_harm)
{
	uint8_t buf[512], code[512];
	uint64_t slot[512];
	struct raw_frame f;
	struct raw_header h;
	unsigned int i, k;

	for (i = 0; i < 200000; i++) {
		size_t len = build_one(buf, 10);

		for (k = 0; k < 3; k++)
			buf[next() % len] = next();
		raw_header_parse(buf, len, &h);
		if (raw_frame_parse(buf, len, &f) > 0)
			raw_frame_events(&f, slot, code);
	}
}

/* Records good and bad: what is not an event, does not ascend, leads too far */
TEST(unpacking_agrees_with_the_reference)
{
	uint8_t buf[RAW_FRAME_SIZE + 2 * 300], code[2][300];
	unsigned int round, i, n, bad = 0;
	uint64_t slot[2][300];
	struct raw_frame f;
	ssize_t got, want;

	for (round = 0; round < 20000; round++) {
		uint64_t start = next() >> 8, sum = 0;
		unsigned int rare = 20 << next() % 8;

		n = next() % 300;
		memset(buf, 0, RAW_FRAME_SIZE);
		buf[0] = RAW_EVENTS;
		buf[1] = 2;
		for (i = 0; i < n; i++) {
			uint16_t v = (1 + next() % 4095) << 4 | next() % 15;

			if (!(next() % rare))
				v |= RAW_CODE_SKIP;
			if (!(next() % (20 * rare)))
				v &= RAW_CODE_SKIP;
			raw_put16(buf + RAW_FRAME_SIZE + 2 * i, v);
			sum += v >> 4;
		}
		raw_put32(buf + RAW_F_COUNT, n);
		raw_put32(buf + RAW_F_LEN, 2 * n);
		raw_put64(buf + RAW_F_START, start);
		/* it ends behind the last record, or there, or far too soon */
		raw_put64(buf + RAW_F_END, start + sum + 1 -
			  (next() % 4 ? 0 : next() % (n + 2)));
		if (raw_frame_parse(buf, sizeof(buf), &f) <= 0)
			continue;
		got = raw_frame_events(&f, slot[0], code[0]);
		want = raw_frame_events_ref(&f, slot[1], code[1]);
		ASSERT_EQ(want, got);
		bad += want < 0;
		if (want <= 0)
			continue;
		ASSERT_EQ(0, memcmp(slot[0], slot[1], 8 * want));
		ASSERT_EQ(0, memcmp(code[0], code[1], want));
	}
	EXPECT_GT(bad, 1000);
	EXPECT_LT(bad, 19000);
}

TEST(header_comes_back)
{
	struct raw_header in = {
		.kind = RAW_DETECTED, .slots_hz = 1000000000, .epoch_ns = 77,
		.run = { 1, 2, 3 }, .text = "a=1 intensities=0.5,0.1,0 b=xy\n",
	}, out;
	uint8_t buf[512];
	double v[3];
	char word[8];
	ssize_t len = raw_header_build(buf, sizeof(buf), &in);

	ASSERT_GT(len, 0);
	for (ssize_t i = 0; i < len; i++)
		ASSERT_EQ(0, raw_header_parse(buf, i, &out));
	ASSERT_EQ(len, raw_header_parse(buf, len, &out));
	EXPECT_EQ(in.kind, out.kind);
	EXPECT_EQ(in.slots_hz, out.slots_hz);
	EXPECT_EQ(in.epoch_ns, out.epoch_ns);
	EXPECT_EQ(0, memcmp(in.run, out.run, RAW_RUN_SIZE));
	EXPECT_STREQ(in.text, out.text);
	EXPECT_EQ(3, raw_header_numbers(&out, "intensities", v, 3));
	EXPECT_EQ(0.1, v[1]);
	EXPECT_EQ(-EMSGSIZE, raw_header_numbers(&out, "intensities", v, 2));
	EXPECT_EQ(-EINVAL, raw_header_numbers(&out, "b", v, 2));
	EXPECT_EQ(-ENOENT, raw_header_numbers(&out, "tensities", v, 2));
	EXPECT_EQ(0, raw_header_word(&out, "b", word, sizeof(word)));
	EXPECT_STREQ("xy", word);
	EXPECT_EQ(-EMSGSIZE, raw_header_word(&out, "b", word, 2));

	buf[7] = '2';
	buf[6] = '2';
	buf[7] = '\n';
	EXPECT_EQ(-EPROTONOSUPPORT, raw_header_parse(buf, len, &out));
	EXPECT_EQ(-EBADMSG, raw_header_parse("GET / HTTP/1.1\r\n", 16, &out));
}

/* a stream in a pipe, given in pieces of @piece bytes */
static int read_pieces(const uint8_t *buf, size_t len, size_t piece,
		       unsigned int *frames)
{
	struct raw_reader r;
	struct raw_frame f;
	int fd[2], ret;
	size_t pos = 0;

	*frames = 0;
	if (pipe2(fd, O_NONBLOCK) || raw_reader_init(&r, fd[0]))
		return -1;
	for (;;) {
		ret = raw_reader_next(&r, &f);
		if (ret == 1) {
			*frames += 1;
		} else if (ret == -EAGAIN && pos < len) {
			size_t n = len - pos < piece ? len - pos : piece;

			if (write(fd[1], buf + pos, n) != (ssize_t)n)
				break;
			pos += n;
			if (pos == len)
				close(fd[1]);
		} else {
			break;
		}
	}
	raw_reader_free(&r);
	close(fd[0]);
	return ret;
}

TEST(reader_takes_any_pieces_and_sees_holes)
{
	struct raw_header h = { .kind = RAW_DETECTED, .slots_hz = 1 };
	uint8_t buf[1024];
	uint64_t slot[2] = { 12, 13 };
	uint8_t code[2] = { 0, 0 };
	unsigned int frames;
	size_t len, cut, piece;

	len = raw_header_build(buf, sizeof(buf), &h);
	len += build_one(buf + len, 10);
	cut = len;
	len += raw_events_build(buf + len, 256, 10, 20, slot, code, 2);
	for (piece = 1; piece < len; piece += 7) {
		ASSERT_EQ(0, read_pieces(buf, len, piece, &frames));
		ASSERT_EQ(3, frames);
	}
	/* cut in the middle of a frame: not a good end */
	ASSERT_EQ(-EBADMSG, read_pieces(buf, len - 1, 10, &frames));
	/* a stretch is missing */
	raw_events_build(buf + cut, 256, 11, 20, slot, code, 2);
	ASSERT_EQ(-EBADMSG, read_pieces(buf, len, 10, &frames));
	/* what follows an end does not count */
	len = cut + raw_end_build(buf + cut, 256, 10, "bye");
	memset(buf + len, 0x55, 100);
	ASSERT_EQ(0, read_pieces(buf, len + 100, 50, &frames));
	ASSERT_EQ(3, frames);
}

TEST_HARNESS_MAIN
