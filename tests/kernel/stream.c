// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Named streams: read(2) gives the same bytes in the same order at both ends,
 * whatever the network and the peer do.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "tests/pair/pair.h"

#define HALF	65536

FIXTURE(stream) {
	struct pair p;
};

FIXTURE_SETUP(stream)
{
	pair_make(&self->p, 0);
	pair_fill(&self->p, HALF);
}

FIXTURE_TEARDOWN(stream)
{
	pair_free(&self->p);
}

struct reader {
	int fd;
	size_t want;		/* bytes */
	size_t piece;		/* of one read */
	size_t got;
	int err;		/* of the last read, 0 at the end of file */
	uint8_t *buf;
	pthread_t thread;
};

static void *reading(void *arg)
{
	struct reader *r = arg;

	while (r->got < r->want) {
		size_t n = r->want - r->got;
		ssize_t got = read(r->fd, r->buf + r->got,
				   n < r->piece ? n : r->piece);

		r->err = got < 0 ? errno : 0;
		if (got <= 0)
			break;
		r->got += got;
	}
	return NULL;
}

static void reader_start(struct reader *r, int fd, size_t want, size_t piece)
{
	*r = (struct reader){ .fd = fd, .want = want, .piece = piece };
	r->buf = calloc(1, want);
	if (!r->buf || pthread_create(&r->thread, NULL, reading, r))
		pair_die("thread", ENOMEM);
}

static void reader_join(struct reader *r)
{
	pthread_join(r->thread, NULL);
}

static int end_open(struct __test_metadata *_metadata,
		    const struct pair_end *e, const char *name)
{
	int fd = pair_open(e, O_RDONLY);

	EXPECT_GE(fd, 0);
	if (name)
		EXPECT_EQ(0, pair_stream(fd, name));
	return fd;
}

static void same(struct __test_metadata *_metadata, struct pair *p,
		 const char *name, size_t len, size_t piece_a, size_t piece_b)
{
	struct reader a, b;
	int fa = end_open(_metadata, &p->a, name);
	int fb = end_open(_metadata, &p->b, name);

	reader_start(&a, fa, len, piece_a);
	reader_start(&b, fb, len, piece_b);
	reader_join(&a);
	reader_join(&b);
	EXPECT_EQ(len, a.got);
	EXPECT_EQ(len, b.got);
	EXPECT_EQ(0, memcmp(a.buf, b.buf, len));
	/* it is key, not zeros */
	EXPECT_NE(0, memcmp(a.buf, a.buf + 16, 16));
	free(a.buf);
	free(b.buf);
	close(fa);
	close(fb);
}

TEST_F(stream, invariant_2_both_ends_read_the_same)
{
	same(_metadata, &self->p, "video", 20000, 4096, 4096);
}

TEST_F(stream, invariant_2_with_unequal_reads)
{
	same(_metadata, &self->p, "video", 20000, 7, 9999);
}

/* or an IPsec tunnel could not be rekeyed when key comes */
TEST_F(stream, the_kernel_keeps_half_of_the_control_share)
{
	int fds[2 * PAIR_CONTROL / PAIR_MESSAGE], i;
	struct qkd_state st;
	uint8_t key[1];
	char name[8];

	while (!pair_get_now(self->p.b.fd, key, 1, NULL))
		;
	/* each says that it is there, and again, and nobody answers */
	for (i = 0; i < (int)ARRAY_SIZE(fds); i++) {
		snprintf(name, sizeof(name), "%d", i);
		fds[i] = end_open(_metadata, &self->p.b, name);
	}
	for (i = 0; i < 50; i++) {
		pair_state(&self->p.b, &st);
		if (st.tx.available <= PAIR_CONTROL / 2)
			break;
		usleep(100000);
	}
	usleep(500000);
	pair_state(&self->p.b, &st);
	EXPECT_EQ(PAIR_CONTROL / 2, st.tx.available);
	for (i = 0; i < (int)ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

TEST_F(stream, a_stream_can_be_joined_again)
{
	same(_metadata, &self->p, "again", 1000, 100, 100);
	same(_metadata, &self->p, "again", 1000, 100, 100);
}

TEST_F(stream, the_empty_name_needs_no_call)
{
	same(_metadata, &self->p, NULL, 2000, 512, 512);
}

TEST_F(stream, streams_of_other_names_are_others)
{
	struct reader a1, a2, b1, b2;
	int f[4];

	f[0] = end_open(_metadata, &self->p.a, "one");
	f[1] = end_open(_metadata, &self->p.a, "two");
	f[2] = end_open(_metadata, &self->p.b, "one");
	f[3] = end_open(_metadata, &self->p.b, "two");
	reader_start(&a1, f[0], 5000, 500);
	reader_start(&a2, f[1], 5000, 500);
	reader_start(&b1, f[2], 5000, 500);
	reader_start(&b2, f[3], 5000, 500);
	reader_join(&a1);
	reader_join(&a2);
	reader_join(&b1);
	reader_join(&b2);
	EXPECT_EQ(0, memcmp(a1.buf, b1.buf, 5000));
	EXPECT_EQ(0, memcmp(a2.buf, b2.buf, 5000));
	EXPECT_NE(0, memcmp(a1.buf, a2.buf, 5000));
}

TEST_F(stream, one_descriptor_of_a_node_has_a_stream)
{
	int fd = end_open(_metadata, &self->p.a, "one");
	int other = end_open(_metadata, &self->p.a, NULL);

	EXPECT_EQ(-EBUSY, pair_stream(other, "one"));
	EXPECT_EQ(0, pair_stream(other, "two"));
	EXPECT_EQ(-EISCONN, pair_stream(fd, "three"));
	close(fd);
	fd = end_open(_metadata, &self->p.a, NULL);
	EXPECT_EQ(0, pair_stream(fd, "one"));
}

TEST_F(stream, invariant_6_names_are_checked)
{
	struct qkd_stream s;
	int fd = end_open(_metadata, &self->p.a, NULL);

	memset(s.name, 'x', sizeof(s.name));
	EXPECT_EQ(-EINVAL, pair_ioctl(fd, QKD_IOC_STREAM, &s));
	memset(s.name, 0, sizeof(s.name));
	s.name[0] = 'a';
	s.name[20] = 'b';
	EXPECT_EQ(-EINVAL, pair_ioctl(fd, QKD_IOC_STREAM, &s));
	s.name[20] = 0;
	s.name[0] = '\n';
	EXPECT_EQ(-EINVAL, pair_ioctl(fd, QKD_IOC_STREAM, &s));
	EXPECT_EQ(-EFAULT, pair_ioctl(fd, QKD_IOC_STREAM, (void *)8));
	EXPECT_EQ(0, pair_stream(fd, "good"));
}

TEST_F(stream, nonblocking_and_poll)
{
	uint8_t a[64], b[64];
	int fa = pair_open(&self->p.a, O_RDONLY | O_NONBLOCK);
	int fb = pair_open(&self->p.b, O_RDONLY | O_NONBLOCK);
	struct pollfd pa = { .fd = fa, .events = POLLIN };
	struct pollfd pb = { .fd = fb, .events = POLLIN };

	ASSERT_EQ(0, pair_stream(fa, "nb"));
	EXPECT_EQ(-1, read(fa, a, 64));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, poll(&pa, 1, 100));
	ASSERT_EQ(0, pair_stream(fb, "nb"));
	ASSERT_EQ(1, poll(&pb, 1, 5000));
	ASSERT_EQ(1, poll(&pa, 1, 5000));
	ASSERT_EQ(64, read(fa, a, 64));
	ASSERT_EQ(64, read(fb, b, 64));
	EXPECT_EQ(0, memcmp(a, b, 64));
}

TEST_F(stream, waiting_for_the_end_asks_for_no_key)
{
	int fa = pair_open(&self->p.a, O_RDONLY | O_NONBLOCK);
	int fb = pair_open(&self->p.b, O_RDONLY | O_NONBLOCK);
	struct pollfd end = { .fd = fa, .events = POLLRDHUP };
	struct pollfd in = { .fd = fb, .events = POLLIN };
	struct qkd_state before, after;
	uint8_t a[256], b[256];

	ASSERT_EQ(0, pair_stream(fa, "end"));
	ASSERT_EQ(0, pair_stream(fb, "end"));
	ASSERT_EQ(1, poll(&in, 1, 5000));
	ASSERT_EQ(256, read(fb, b, 256));
	usleep(200000);
	ASSERT_EQ(256, read(fa, a, 256));
	pair_state(&self->p.a, &before);
	EXPECT_EQ(0, poll(&end, 1, 500));
	pair_state(&self->p.a, &after);
	/* but for the 32 bytes that a message takes, nothing was used */
	EXPECT_GT(256, after.tx.tail - before.tx.tail);
	close(fb);
	EXPECT_EQ(1, poll(&end, 1, 5000));
	EXPECT_EQ(POLLRDHUP, end.revents);
	EXPECT_EQ(0, read(fa, a, 256));
}

TEST_F(stream, after_the_peer_left_comes_the_rest_then_the_end)
{
	uint8_t a[256], b[256];
	int fa = end_open(_metadata, &self->p.a, "eof");
	int fb = end_open(_metadata, &self->p.b, "eof");
	struct reader r;

	reader_start(&r, fa, 100, 100);
	ASSERT_EQ(100, read(fb, b, 100));
	reader_join(&r);
	ASSERT_EQ(100, r.got);
	EXPECT_EQ(0, memcmp(r.buf, b, 100));
	close(fb);
	usleep(200000);
	/* a chunk is 256 bytes: there is a rest */
	EXPECT_EQ(156, read(fa, a + 100, 156));
	EXPECT_EQ(0, read(fa, a, 1));
	EXPECT_EQ(0, read(fa, a, 1));
	close(fa);
	same(_metadata, &self->p, "eof", 1000, 100, 100);
}

TEST_F(stream, the_leader_leaving_ends_it_too)
{
	uint8_t a[256];
	int fa = end_open(_metadata, &self->p.a, "eof");
	int fb = end_open(_metadata, &self->p.b, "eof");
	struct reader r;

	reader_start(&r, fb, 4096, 128);
	ASSERT_EQ(100, read(fa, a, 100));
	close(fa);
	reader_join(&r);
	EXPECT_EQ(0, r.err);
	EXPECT_LE(100, r.got);
	EXPECT_EQ(0, memcmp(a, r.buf, 100));
}

TEST_F(stream, invariant_2_a_bad_buffer_loses_nothing)
{
	uint8_t a[200], b[200];
	int fa = end_open(_metadata, &self->p.a, "bad");
	int fb = end_open(_metadata, &self->p.b, "bad");
	uint8_t *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *volatile nowhere = (void *)8;
	struct reader r;
	ssize_t n;

	mprotect(map + 4096, 4096, PROT_NONE);
	reader_start(&r, fb, 200, 200);
	EXPECT_EQ(-1, read(fa, nowhere, 200));
	EXPECT_EQ(EFAULT, errno);
	n = read(fa, map + 4096 - 50, 200);
	EXPECT_EQ(50, n);
	memcpy(a, map + 4096 - 50, 50);
	ASSERT_EQ(150, read(fa, a + 50, 150));
	reader_join(&r);
	memcpy(b, r.buf, 200);
	EXPECT_EQ(0, memcmp(a, b, 200));
}

/* Memory that is not there until the descriptor is closed; -1: not possible here */
static int absent(size_t len, uint8_t **p)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range.len = len, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	*p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)*p;
	if (fd >= 0 && (*p == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) ||
			ioctl(fd, UFFDIO_REGISTER, &reg)))
		pair_die("userfaultfd", errno);
	return fd;
}

TEST_F(stream, nonblocking_waits_for_no_other_reader)
{
	struct reader r = { .want = 4096, .piece = 4096 };
	int fd = end_open(_metadata, &self->p.a, "s");
	int peer = end_open(_metadata, &self->p.b, "s");
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	int fault = absent(r.want, &r.buf);
	uint8_t byte;

	if (fault < 0)
		SKIP(return, "needs userfaultfd");
	ASSERT_EQ(1, poll(&poll_fd, 1, 5000));
	r.fd = fd;
	ASSERT_EQ(0, pthread_create(&r.thread, NULL, reading, &r));
	usleep(200000);		/* it has the lock, and waits for its memory */
	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, read(fd, &byte, 1));
	EXPECT_EQ(EAGAIN, errno);
	close(fault);
	reader_join(&r);
	EXPECT_LT(0, r.got);
	close(fd);
	close(peer);
}

TEST_F(stream, deletion_wakes_a_reader)
{
	int fa = end_open(_metadata, &self->p.a, "del");
	struct reader r;

	reader_start(&r, fa, 100, 100);
	usleep(200000);
	ASSERT_EQ(0, qkd_link_del(self->p.nl, "a", QKD_NO_INDEX));
	reader_join(&r);
	EXPECT_EQ(0, r.got);
	EXPECT_EQ(ENODEV, r.err);
}

TEST_F(stream, a_starved_stream_goes_on_when_key_comes)
{
	struct reader a, b;
	int fa = end_open(_metadata, &self->p.a, "long");
	int fb = end_open(_metadata, &self->p.b, "long");
	int i;

	/* more than is in the pool */
	reader_start(&a, fa, 2 * HALF, 4096);
	reader_start(&b, fb, 2 * HALF, 4096);
	for (i = 0; i < 3; i++) {
		sleep(1);
		pair_feed(&self->p, HALF);
		pair_confirm(&self->p, (i + 1) * HALF);
	}
	reader_join(&a);
	reader_join(&b);
	EXPECT_EQ(2 * HALF, a.got);
	EXPECT_EQ(2 * HALF, b.got);
	EXPECT_EQ(0, memcmp(a.buf, b.buf, 2 * HALF));
}

TEST_F_TIMEOUT(stream, invariant_2_over_new_generations, 60)
{
	struct reader a, b;
	int fa = end_open(_metadata, &self->p.a, "gen");
	int fb = end_open(_metadata, &self->p.b, "gen");
	const size_t want = 6 * HALF;	/* of many generations */
	int i;

	reader_start(&a, fa, want, 1000);
	reader_start(&b, fb, want, 3000);
	/* the streams start anew in the middle of whatever goes on */
	for (i = 0; i < 1000 && (a.got < want || b.got < want); i++) {
		usleep(i % 7 * 5000);
		pair_fill(&self->p, HALF);
	}
	reader_join(&a);
	reader_join(&b);
	EXPECT_EQ(want, a.got);
	EXPECT_EQ(want, b.got);
	EXPECT_EQ(0, memcmp(a.buf, b.buf, want));
	EXPECT_GT(i, 2);
}

static void netem(struct __test_metadata *_metadata, const char *what)
{
	char cmd[300];

	snprintf(cmd, sizeof(cmd), "tc qdisc add dev lo root netem %s", what);
	ASSERT_EQ(0, system(cmd));
}

TEST_F_TIMEOUT(stream, invariant_2_under_loss_reorder_and_duplication, 90)
{
	struct reader a, b;
	int fa, fb;

	netem(_metadata,
	      "delay 4ms 3ms loss 10% duplicate 10% reorder 25% 50%");
	fa = end_open(_metadata, &self->p.a, "loss");
	fb = end_open(_metadata, &self->p.b, "loss");
	reader_start(&a, fa, 30000, 777);
	reader_start(&b, fb, 30000, 512);
	reader_join(&a);
	reader_join(&b);
	EXPECT_EQ(30000, a.got);
	EXPECT_EQ(30000, b.got);
	EXPECT_EQ(0, memcmp(a.buf, b.buf, 30000));
}

/* What a peer's reader got and what ours got: one begins with the other. */
static void prefix(struct __test_metadata *_metadata, struct reader *x,
		   struct reader *y)
{
	size_t n = x->got < y->got ? x->got : y->got;

	EXPECT_EQ(0, memcmp(x->buf, y->buf, n));
}

TEST_F_TIMEOUT(stream, invariant_2_when_ends_come_and_go_under_loss, 120)
{
	struct reader a, b;
	int fa, fb, i;

	netem(_metadata,
	      "delay 2ms 2ms loss 10% duplicate 10% reorder 25% 50%");
	for (i = 0; i < 12; i++) {
		fa = end_open(_metadata, &self->p.a, "come");
		fb = end_open(_metadata, &self->p.b, "come");
		/* one of them stops early */
		reader_start(&a, fa, i % 2 ? 500 : 3000, 100);
		reader_start(&b, fb, i % 2 ? 3000 : 500, 170);
		if (i % 2) {
			reader_join(&a);
			close(fa);
			reader_join(&b);
			close(fb);
		} else {
			reader_join(&b);
			close(fb);
			reader_join(&a);
			close(fa);
		}
		prefix(_metadata, &a, &b);
		/* the one who stops early may be ahead of the other */
		EXPECT_TRUE(a.got >= 500 || b.got >= 500);
		free(a.buf);
		free(b.buf);
	}
}

int main(int argc, char **argv)
{
	pair_need();
	return test_harness_run(argc, argv);
}
