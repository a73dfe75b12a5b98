// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VICI's packets and messages: written as documented, read whole, nothing that
 * is malformed believed.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "tools/swan/vici.h"

/* { site { id=7 } a=[x] }, then what may not follow */
static const uint8_t message[] = {
	1, 4, 's', 'i', 't', 'e', 3, 2, 'i', 'd', 0, 1, '7', 2,
	4, 1, 'a', 5, 0, 1, 'x', 6,
};

static int seen(void *arg, struct vici_reader *m)
{
	int type, *n = arg;

	while ((type = vici_next(m)) > 0)
		if (type == VICI_KEY_VALUE && vici_is(m, "yes"))
			++*n;
	return type;
}

TEST(a_message_is_read_element_by_element)
{
	struct vici_reader r;

	vici_read(&r, message, sizeof(message));
	ASSERT_EQ(VICI_SECTION_START, vici_next(&r));
	EXPECT_EQ(1, r.depth);
	ASSERT_EQ(VICI_KEY_VALUE, vici_next(&r));
	EXPECT_TRUE(vici_named(&r, "id"));
	EXPECT_TRUE(vici_is(&r, "7"));
	EXPECT_FALSE(vici_is(&r, "77"));
	EXPECT_EQ(4, r.section_len);
	EXPECT_EQ(0, memcmp(r.section, "site", 4));
	ASSERT_EQ(VICI_SECTION_END, vici_next(&r));
	ASSERT_EQ(VICI_LIST_START, vici_next(&r));
	ASSERT_EQ(VICI_LIST_ITEM, vici_next(&r));
	EXPECT_TRUE(vici_named(&r, "a"));
	EXPECT_TRUE(vici_is(&r, "x"));
	ASSERT_EQ(VICI_LIST_END, vici_next(&r));
	EXPECT_EQ(VICI_END, vici_next(&r));
	EXPECT_EQ(VICI_END, vici_next(&r));
}

TEST(invariant_6_a_message_cut_anywhere_is_refused)
{
	struct vici_reader r;
	size_t len;
	int type;

	for (len = 1; len < sizeof(message); len++) {
		if (len == 14)		/* the section alone is one */
			continue;
		vici_read(&r, message, len);
		while ((type = vici_next(&r)) > 0)
			;
		EXPECT_EQ(-EBADMSG, type);
		EXPECT_EQ(-EBADMSG, vici_next(&r));
	}
}

TEST(invariant_6_elements_out_of_place_are_refused)
{
	static const uint8_t bad[][4] = {
		{ 2 }, { 5, 0, 0 }, { 6 }, { 0 }, { 9 },
		{ 4, 0, 4, 0 }, { 4, 0, 1, 0 }, { 1, 0, 6 },
	};
	static const uint8_t len[] = { 1, 3, 1, 1, 1, 4, 4, 3 };
	struct vici_reader r;
	unsigned int i;
	int type;

	for (i = 0; i < sizeof(len); i++) {
		vici_read(&r, bad[i], len[i]);
		while ((type = vici_next(&r)) > 0)
			;
		EXPECT_EQ(-EBADMSG, type);
	}
}

TEST(a_request_is_written_as_documented)
{
	static const uint8_t want[] = {
		0, 0, 0, 23, 0, 3, 'c', 'm', 'd', 3, 1, 'k', 0, 2, 0, 255,
		4, 1, 'l', 5, 0, 4, 'i', 't', 'e', 'm', 6,
	};
	static const uint8_t answer[] = { 0, 0, 0, 1, 1 };
	static const uint8_t none[VICI_REQUEST];
	struct vici_request r;
	uint8_t got[64];
	int fd[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	ASSERT_EQ(5, write(fd[1], answer, 5));
	vici_begin(&r, "cmd");
	vici_put(&r, "k", "\0\377", 2);
	vici_put_list(&r, "l", "item");
	EXPECT_EQ(0, vici_call(fd[0], &r, NULL, NULL, NULL));
	ASSERT_EQ((ssize_t)sizeof(want), read(fd[1], got, sizeof(got)));
	EXPECT_EQ(sizeof(want) - 4, got[3]);
	EXPECT_EQ(0, memcmp(want + 4, got + 4, sizeof(want) - 4));
	/* invariant 4: there was a key in it */
	EXPECT_EQ(0, memcmp(r.buf, none, sizeof(none)));
	close(fd[0]);
	close(fd[1]);
}

TEST(events_are_handed_over_before_the_answer)
{
	static const uint8_t packets[] = {
		0, 0, 0, 1, 5,					/* confirmed */
		0, 0, 0, 12, 7, 2, 'e', 'v', 3, 1, 'k', 0, 3, 'y', 'e', 's',
		0, 0, 0, 1, 1,					/* answer */
		0, 0, 0, 1, 5,					/* confirmed */
	};
	struct vici_request r;
	int fd[2], n = 0;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	ASSERT_EQ((ssize_t)sizeof(packets),
		  write(fd[1], packets, sizeof(packets)));
	vici_begin(&r, "cmd");
	EXPECT_EQ(0, vici_call(fd[0], &r, "ev", seen, &n));
	EXPECT_EQ(1, n);
	close(fd[0]);
	close(fd[1]);
}

static int call_with(const void *answer, size_t len)
{
	struct vici_request r;
	int fd[2], ret, n = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) ||
	    write(fd[1], answer, len) != (ssize_t)len)
		return -1;
	shutdown(fd[1], SHUT_WR);
	vici_begin(&r, "cmd");
	ret = vici_call(fd[0], &r, NULL, seen, &n);
	close(fd[0]);
	close(fd[1]);
	return ret;
}

TEST(invariant_6_bad_answers_are_refused)
{
	EXPECT_EQ(-ENOSYS, call_with("\0\0\0\1\2", 5));
	EXPECT_EQ(-EPIPE, call_with("", 0));
	EXPECT_EQ(-EPIPE, call_with("\0\0\0\2\1", 5));
	EXPECT_EQ(-EBADMSG, call_with("\0\0\0\0\1", 5));
	EXPECT_EQ(-EBADMSG, call_with("\377\0\0\1\1", 5));
	EXPECT_EQ(-EBADMSG, call_with("\0\0\0\1\5", 5));
	EXPECT_EQ(-EBADMSG, call_with("\0\0\0\2\1\2", 6));
	EXPECT_EQ(-EBADMSG, call_with("\0\0\0\2\7\5", 6));
}

TEST(what_does_not_fit_is_not_sent)
{
	static const uint8_t big[VICI_REQUEST];
	struct vici_request r;

	vici_begin(&r, "cmd");
	vici_put(&r, "k", big, sizeof(big));
	EXPECT_EQ(-EMSGSIZE, vici_call(-1, &r, NULL, NULL, NULL));
}

TEST_HARNESS_MAIN
