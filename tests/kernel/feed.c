// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Feeding: what is accepted, what is refused without a trace, where bytes go,
 * how room comes and goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "tests/pair/pair.h"

#define POOL	16384
#define HALF	4096

FIXTURE(feed) {
	struct pair p;
	uint8_t block[2 * POOL + 64];
};

FIXTURE_SETUP(feed)
{
	pair_make(&self->p, POOL);
	pair_start(&self->p);
	pair_random(self->block, sizeof(self->block));
}

FIXTURE_TEARDOWN(feed)
{
	pair_free(&self->p);
}

static struct qkd_feed record(const struct pair *p, uint64_t offset,
			      uint32_t len)
{
	struct qkd_feed rec = { .seq = p->seq, .offset = offset, .len = len };

	memcpy(rec.generation, p->generation, sizeof(rec.generation));
	return rec;
}

static int confirm(const struct pair *p, int fd, uint64_t offset, uint64_t len,
		   uint64_t reserved)
{
	struct qkd_confirm c = {
		.offset = offset,
		.len = len,
		.peer_reserved = reserved,
	};

	memcpy(c.generation, p->generation, sizeof(c.generation));
	return pair_ioctl(fd, QKD_IOC_CONFIRM, &c);
}

TEST_F(feed, halves_go_by_the_order_of_the_nodes)
{
	uint8_t a[HALF], b[HALF];
	struct qkd_key_id id;

	pair_feed(&self->p, HALF);
	pair_confirm(&self->p, 0);
	ASSERT_EQ(0, pair_get(self->p.a.fd, a, 64, &id));
	EXPECT_EQ(0, memcmp(a, self->p.tx + PAIR_SECRET, 64));
	ASSERT_EQ(0, pair_get(self->p.b.fd, b, 64, &id));
	EXPECT_EQ(0, memcmp(b, self->p.rx + PAIR_SECRET, 64));
}

TEST_F(feed, a_state_tells_nothing_between_its_fields)
{
	static const uint8_t zero[sizeof(((struct qkd_state *)0)->pad)];
	struct qkd_state st;

	memset(&st, 0xa5, sizeof(st));
	ASSERT_EQ(0, pair_ioctl(self->p.a.fd, QKD_IOC_STATE, &st));
	EXPECT_EQ(0, memcmp(st.pad, zero, sizeof(zero)));
	EXPECT_EQ(1, st.lower);
	EXPECT_EQ(self->p.a.index, st.index);
}

TEST_F(feed, only_confirmed_key_is_given)
{
	uint8_t key[32];

	pair_feed(&self->p, HALF);
	EXPECT_EQ(-EAGAIN, pair_get_now(self->p.a.fd, key, 32, NULL));
	pair_confirm(&self->p, 0);
	EXPECT_EQ(0, pair_get_now(self->p.a.fd, key, 32, NULL));
}

/* Whether a record is refused with @err and nothing else happens. */
#define EXPECT_REFUSED(err, rec, len) do {				\
	struct qkd_state before, after;					\
									\
	pair_state(&self->p.a, &before);				\
	EXPECT_EQ(err, pair_record(self->p.a.fd, &(rec), self->block, len)); \
	pair_state(&self->p.a, &after);					\
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));		\
} while (0)

TEST_F(feed, invariant_6_bad_records_change_nothing)
{
	struct qkd_feed good, r;
	void *volatile nowhere = (void *)8;
	int fd = self->p.a.fd;

	pair_feed(&self->p, HALF);
	good = record(&self->p, HALF, 2 * HALF);

	EXPECT_EQ(-1, write(fd, &good, sizeof(good) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_REFUSED(-EINVAL, good, 2 * HALF - 1);
	EXPECT_REFUSED(-EINVAL, good, 2 * HALF + 1);
	EXPECT_REFUSED(-EINVAL, good, 0);
	r = good;
	r.len = 0;
	EXPECT_REFUSED(-EINVAL, r, 0);
	r.len = 101;
	EXPECT_REFUSED(-EINVAL, r, 101);
	r = good;
	r.flags = QKD_FEED_STREAM_0 | QKD_FEED_STREAM_1;
	EXPECT_REFUSED(-EINVAL, r, r.len);
	r.flags = 4;
	EXPECT_REFUSED(-EINVAL, r, r.len);
	r = good;
	r.seq--;
	EXPECT_REFUSED(-EINVAL, r, r.len);
	r.seq = UINT64_MAX;
	EXPECT_REFUSED(-EINVAL, r, r.len);
	r = good;
	r.offset--;
	EXPECT_REFUSED(-EINVAL, r, r.len);
	r.offset = QKD_OFFSET_MAX - HALF + 1;
	EXPECT_REFUSED(-EFBIG, r, r.len);
	r.offset = UINT64_MAX - 100;
	EXPECT_REFUSED(-EFBIG, r, r.len);
	r = good;
	r.generation[15] ^= 1;
	EXPECT_REFUSED(-ESTALE, r, r.len);
	r = good;
	r.len = 2 * POOL + 2;
	EXPECT_REFUSED(-EMSGSIZE, r, r.len);
	r.len = POOL + 1;
	r.flags = QKD_FEED_STREAM_0;
	EXPECT_REFUSED(-EMSGSIZE, r, r.len);
	r.flags = QKD_FEED_STREAM_1;
	EXPECT_REFUSED(-EMSGSIZE, r, r.len);
	r.len = UINT32_MAX;
	EXPECT_EQ(-EINVAL, pair_record(fd, &r, self->block, 64));
	EXPECT_EQ(-EFAULT, pair_record(fd, &good, (void *)8, good.len));
	EXPECT_EQ(-1, write(fd, nowhere, sizeof(good) + good.len));
	EXPECT_EQ(EFAULT, errno);

	EXPECT_EQ(0, pair_record(fd, &good, self->block, good.len));
}

TEST_F(feed, refusals_are_counted)
{
	struct qkd_feed r = record(&self->p, 0, 101);
	struct qkd_link *link;

	EXPECT_EQ(-EINVAL, pair_record(self->p.a.fd, &r, self->block, 101));
	r.len = 100;
	r.generation[0] ^= 1;
	EXPECT_EQ(-ESTALE, pair_record(self->p.a.fd, &r, self->block, 100));
	ASSERT_EQ(0, qkd_link_get(self->p.nl, "a", QKD_NO_INDEX, &link));
	EXPECT_EQ(2, link->errors->feed_rejected);
	EXPECT_EQ(0, link->blocks_fed);
	qkd_link_free(link);
}

TEST_F(feed, a_full_pool_refuses_and_takes_again)
{
	struct qkd_feed r;
	struct qkd_state st;
	struct qkd_key_id id;
	uint8_t key[4096];
	int i;

	for (i = 0; i < POOL / HALF; i++)
		pair_feed(&self->p, HALF);
	pair_confirm(&self->p, 0);
	/* the MAC secret made some room already */
	pair_state(&self->p.a, &st);
	EXPECT_EQ(2 * PAIR_SECRET, st.room);
	r = record(&self->p, POOL, 2 * HALF);
	EXPECT_REFUSED(-EAGAIN, r, r.len);
	/* room in tx is not enough */
	ASSERT_EQ(0, pair_get(self->p.a.fd, key, HALF, &id));
	EXPECT_REFUSED(-EAGAIN, r, r.len);
	/* and in rx */
	ASSERT_EQ(0, pair_get(self->p.b.fd, key, HALF, &id));
	ASSERT_EQ(HALF, pair_take(self->p.a.fd, &id, key, HALF));
	EXPECT_EQ(0, pair_record(self->p.a.fd, &r, self->block, r.len));
}

/* At both ends, all of it to one stream; not confirmed. */
static int feed_one(struct pair *p, uint32_t stream, uint64_t offset,
		    const uint8_t *block, uint32_t len)
{
	struct qkd_feed r = record(p, offset, len);
	int err;

	r.flags = stream;
	p->seq++;
	err = pair_record(p->a.fd, &r, block, len);
	return err ? err : pair_record(p->b.fd, &r, block, len);
}

TEST_F(feed, one_stream_goes_on_while_the_other_is_full)
{
	struct qkd_state before[2], after[2];
	uint64_t offset = POOL;
	struct qkd_key_id id;
	uint8_t key[HALF];
	int i;

	while (self->p.offset < POOL)
		pair_feed(&self->p, HALF);
	pair_confirm(&self->p, 0);
	pair_state(&self->p.a, &before[0]);
	pair_state(&self->p.b, &before[1]);
	for (i = 0; i < 10; i++, offset += HALF) {
		/* the key of alice's sending is used, that of bob's is not */
		ASSERT_EQ(0, pair_get(self->p.a.fd, key, HALF, &id));
		ASSERT_EQ(HALF, pair_take(self->p.b.fd, &id, key, HALF));
		ASSERT_EQ(0, feed_one(&self->p, QKD_FEED_STREAM_0, offset,
				      self->block, HALF));
		ASSERT_EQ(0, confirm(&self->p, self->p.a.fd, offset, HALF, 0));
	}
	pair_state(&self->p.a, &after[0]);
	pair_state(&self->p.b, &after[1]);
	EXPECT_EQ(offset, after[0].tx.head);
	EXPECT_EQ(offset, after[1].rx.head);
	EXPECT_EQ(0, memcmp(&before[0].rx, &after[0].rx, sizeof(after[0].rx)));
	EXPECT_EQ(0, memcmp(&before[1].tx, &after[1].tx, sizeof(after[1].tx)));
	/* and what was there all the time is good still */
	ASSERT_EQ(0, pair_get(self->p.b.fd, key, 64, &id));
	EXPECT_EQ(0, memcmp(key, self->p.rx + PAIR_SECRET, 64));
	EXPECT_EQ(64, pair_take(self->p.a.fd, &id, key, 64));
}

TEST_F(feed, a_stream_alone_is_the_same_at_both_ends)
{
	uint8_t a[32], b[32];
	struct qkd_key_id id;

	/* bytes of an odd number, too */
	ASSERT_EQ(0, feed_one(&self->p, QKD_FEED_STREAM_1, 0, self->block,
			      HALF + 1));
	EXPECT_EQ(0, confirm(&self->p, self->p.b.fd, 0, HALF + 1, 0));
	EXPECT_EQ(-EINVAL, confirm(&self->p, self->p.a.fd, 0, 1, 0));
	EXPECT_EQ(-EAGAIN, pair_get_now(self->p.a.fd, a, 32, NULL));
	ASSERT_EQ(0, pair_get_now(self->p.b.fd, b, 32, &id));
	EXPECT_EQ(0, memcmp(b, self->block + PAIR_SECRET, 32));
	ASSERT_EQ(32, pair_take(self->p.a.fd, &id, a, 32));
	EXPECT_EQ(0, memcmp(a, b, 32));
}

TEST_F(feed, streams_stand_where_they_stand)
{
	struct qkd_state st;
	struct qkd_feed r;

	ASSERT_EQ(0, feed_one(&self->p, QKD_FEED_STREAM_0, 0, self->block,
			      3000));
	ASSERT_EQ(0, feed_one(&self->p, QKD_FEED_STREAM_1, 0, self->block,
			      1000));
	pair_state(&self->p.a, &st);
	EXPECT_EQ(3000, st.tx.head);
	EXPECT_EQ(1000, st.rx.head);
	EXPECT_EQ(POOL - 3000, st.tx.room);
	/* the MAC secret was taken out in the beginning */
	EXPECT_EQ(POOL - 1000 + PAIR_SECRET, st.rx.room);
	/* halves go to one offset: the stream that is behind loses bytes */
	EXPECT_EQ(2 * (POOL - 3000), st.room);
	r = record(&self->p, 1000, 64);
	EXPECT_REFUSED(-EINVAL, r, r.len);
	r.offset = 3000;
	EXPECT_EQ(0, pair_record(self->p.a.fd, &r, self->block, r.len));
	pair_state(&self->p.a, &st);
	EXPECT_EQ(3032, st.rx.head);
}

TEST_F(feed, poll_tells_room)
{
	struct pollfd fd = { .fd = self->p.a.fd, .events = POLLOUT };
	struct qkd_key_id id;
	uint8_t key[4096];

	EXPECT_EQ(1, poll(&fd, 1, 0));
	while (self->p.offset < POOL)
		pair_feed(&self->p, HALF);
	pair_confirm(&self->p, 0);
	EXPECT_EQ(0, poll(&fd, 1, 0));
	ASSERT_EQ(0, pair_get(self->p.a.fd, key, HALF, &id));
	ASSERT_EQ(HALF, pair_take(self->p.b.fd, &id, key, HALF));
	EXPECT_EQ(1, poll(&fd, 1, 0));
	ASSERT_EQ(0, feed_one(&self->p, QKD_FEED_STREAM_0, POOL, self->block,
			      HALF));
	EXPECT_EQ(0, poll(&fd, 1, 0));
	/* in either stream */
	ASSERT_EQ(0, pair_get(self->p.b.fd, key, HALF, &id));
	ASSERT_EQ(HALF, pair_take(self->p.a.fd, &id, key, HALF));
	EXPECT_EQ(1, poll(&fd, 1, 0));
}

TEST_F(feed, key_the_peer_reserved_expires_after_grace)
{
	struct qkd_link_conf conf = QKD_LINK_CONF_INIT;
	struct pollfd fd = { .fd = self->p.a.fd, .events = POLLOUT };
	struct qkd_feed r;
	struct qkd_key_id early, id;
	struct qkd_state st;
	struct qkd_link *link;
	uint8_t key[4096], got[4096];

	conf.set = QKD_BIT(QKD_A_LINK_RX_GRACE);
	conf.rx_grace = 1500;
	ASSERT_EQ(0, qkd_link_set(self->p.nl, "a", QKD_NO_INDEX, &conf));
	while (self->p.offset < POOL)
		pair_feed(&self->p, HALF);
	pair_confirm(&self->p, 0);
	/* messages of the peer's that are never taken here */
	ASSERT_EQ(0, pair_get(self->p.b.fd, key, HALF, &early));
	ASSERT_EQ(0, pair_get(self->p.b.fd, key, 32, &id));
	pair_state(&self->p.b, &st);
	EXPECT_EQ(PAIR_SECRET + HALF + 32, st.tx.tail);
	ASSERT_EQ(0, confirm(&self->p, self->p.a.fd, POOL, 0, st.tx.tail));

	r = record(&self->p, POOL, HALF);
	r.flags = QKD_FEED_STREAM_1;
	EXPECT_REFUSED(-EAGAIN, r, r.len);
	EXPECT_EQ(0, poll(&fd, 1, 0));
	/* within grace it can be taken */
	EXPECT_EQ(32, pair_take(self->p.a.fd, &id, got, 32));
	EXPECT_EQ(0, memcmp(key, got, 32));
	EXPECT_EQ(1, poll(&fd, 1, 4000));
	EXPECT_EQ(0, pair_record(self->p.a.fd, &r, self->block, r.len));
	EXPECT_EQ(-EALREADY, pair_take(self->p.a.fd, &early, got, HALF));
	ASSERT_EQ(0, qkd_link_get(self->p.nl, "a", QKD_NO_INDEX, &link));
	/* no more than the room that was wanted */
	EXPECT_EQ(HALF - PAIR_SECRET, link->rx->lost);
	qkd_link_free(link);
}

TEST_F(feed, what_is_skipped_is_lost_and_a_piece_is_never_split)
{
	struct qkd_key_id id;
	struct qkd_link *link;
	uint8_t key[2000];

	pair_feed(&self->p, 3000);
	pair_confirm(&self->p, 0);
	self->p.offset += 1000;	/* a hole, as after a daemon's death */
	pair_feed(&self->p, 4000);
	pair_confirm(&self->p, 4000);
	ASSERT_EQ(0, pair_get(self->p.a.fd, key, 2000, &id));
	/* 936 bytes before the hole are too few for this: lost */
	ASSERT_EQ(0, pair_get(self->p.a.fd, key, 2000, &id));
	EXPECT_EQ(0, memcmp(key, self->p.tx + 4000, 2000));
	ASSERT_EQ(2000, pair_take(self->p.b.fd, &id, key, 2000));
	EXPECT_EQ(0, memcmp(key, self->p.tx + 4000, 2000));
	ASSERT_EQ(0, qkd_link_get(self->p.nl, "a", QKD_NO_INDEX, &link));
	EXPECT_EQ(1000 + 936, link->tx->lost);
	EXPECT_EQ(1000, link->rx->lost);
	EXPECT_EQ(4000, link->tx->consumed - PAIR_SECRET);
	qkd_link_free(link);
	ASSERT_EQ(0, qkd_key_id_encode(self->p.generation, 0, 32, 3500, &id));
	EXPECT_EQ(-EALREADY, pair_take(self->p.b.fd, &id, key, 32));
}

TEST_F(feed, a_skip_may_be_wider_than_an_empty_ring)
{
	uint8_t key[32];

	self->p.offset = 10 * POOL;
	pair_feed(&self->p, HALF);
	EXPECT_EQ(0, confirm(&self->p, self->p.a.fd, 10 * POOL, HALF, 0));
	EXPECT_EQ(0, pair_get_now(self->p.a.fd, key, 32, NULL));
}

TEST_F(feed, unconfirmed_key_can_be_given_up)
{
	struct qkd_state st;
	struct qkd_feed r;

	while (self->p.offset < POOL)
		pair_feed(&self->p, HALF);
	r = record(&self->p, POOL, 2 * HALF);
	EXPECT_REFUSED(-EAGAIN, r, r.len);
	ASSERT_EQ(0, confirm(&self->p, self->p.a.fd, POOL, 0, 0));
	pair_state(&self->p.a, &st);
	EXPECT_EQ(POOL, st.tx.tail);
	EXPECT_EQ(0, st.tx.available);
	EXPECT_EQ(-EINVAL, confirm(&self->p, self->p.a.fd, POOL - HALF,
				   HALF + 1, 0));
	/* what was given up cannot be confirmed: the call is a late repetition */
	EXPECT_EQ(0, confirm(&self->p, self->p.a.fd, POOL - HALF, HALF, 0));
	pair_state(&self->p.a, &st);
	EXPECT_EQ(0, st.tx.available);
}

TEST_F(feed, invariant_6_bad_confirmations_change_nothing)
{
	struct qkd_state before, after;
	int fd = self->p.a.fd;

	pair_feed(&self->p, 1000);
	self->p.offset += 500;
	pair_feed(&self->p, 1000);
	ASSERT_EQ(0, confirm(&self->p, fd, 0, 600, 0));
	pair_state(&self->p.a, &before);
	EXPECT_EQ(-EINVAL, confirm(&self->p, fd, 600, 401, 0)); /* the hole */
	EXPECT_EQ(-EINVAL, confirm(&self->p, fd, 600, 1900, 0));
	EXPECT_EQ(-EINVAL, confirm(&self->p, fd, 1400, 200, 0));
	EXPECT_EQ(-EINVAL, confirm(&self->p, fd, 2000, 501, 0)); /* not fed */
	EXPECT_EQ(-EINVAL, confirm(&self->p, fd, 500, 200, 0));	/* overlap */
	EXPECT_EQ(-EINVAL, confirm(&self->p, fd, UINT64_MAX, 2, 0));
	EXPECT_EQ(-EFAULT, pair_ioctl(fd, QKD_IOC_CONFIRM, (void *)8));
	self->p.generation[3] ^= 1;
	EXPECT_EQ(-ESTALE, confirm(&self->p, fd, 600, 100, 0));
	self->p.generation[3] ^= 1;
	EXPECT_EQ(0, confirm(&self->p, fd, 0, 600, 0));	/* said before */
	pair_state(&self->p.a, &after);
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
	EXPECT_EQ(0, confirm(&self->p, fd, 600, 400, 0));
}

TEST_F(feed, a_generation_is_accepted_once)
{
	struct qkd_start first, s;
	int i;

	memcpy(first.generation, self->p.generation, sizeof(first.generation));
	EXPECT_EQ(-EEXIST, pair_ioctl(self->p.a.fd, QKD_IOC_START, &first));
	for (i = 0; i < 200; i++) {
		pair_random(&s, sizeof(s));
		ASSERT_EQ(0, pair_ioctl(self->p.a.fd, QKD_IOC_START, &s));
	}
	EXPECT_EQ(-EEXIST, pair_ioctl(self->p.a.fd, QKD_IOC_START, &first));
	EXPECT_EQ(-EEXIST, pair_ioctl(self->p.a.fd, QKD_IOC_START, &s));
	memset(&s, 0, sizeof(s));
	EXPECT_EQ(-EINVAL, pair_ioctl(self->p.a.fd, QKD_IOC_START, &s));
	EXPECT_EQ(-EFAULT, pair_ioctl(self->p.a.fd, QKD_IOC_START, (void *)8));
}

TEST_F(feed, a_new_generation_starts_empty)
{
	struct qkd_state st;
	uint8_t key[32];

	pair_feed(&self->p, HALF);
	pair_confirm(&self->p, 0);
	pair_start(&self->p);
	pair_state(&self->p.a, &st);
	EXPECT_EQ(0, st.tx.head | st.tx.available | st.rx.head | st.next_seq);
	EXPECT_EQ(0, memcmp(st.generation, self->p.generation, 16));
	EXPECT_EQ(2 * POOL, st.room);
	EXPECT_EQ(-EAGAIN, pair_get_now(self->p.a.fd, key, 32, NULL));
}

/* As nobody, with only the descriptor @how of an opener with rights or not. */
static int as_nobody(struct pair *p, int (*what)(struct pair *p, int fd),
		     bool open_before)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		int fd = pair_open(&p->a, O_RDWR | O_NONBLOCK);

		if (setgid(65534) || setuid(65534))
			_exit(99);
		if (!open_before) {
			char path[32];

			snprintf(path, sizeof(path), "/dev/qkd%u", p->a.index);
			close(fd);
			fd = open(path, O_RDWR | O_NONBLOCK);
			if (fd < 0)
				_exit(errno);
		}
		_exit(-what(p, fd));
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static int do_feed(struct pair *p, int fd)
{
	struct qkd_feed r = record(p, p->offset, 64);
	uint8_t block[64] = { 0 };

	return pair_record(fd, &r, block, 64);
}

static int do_start(struct pair *p, int fd)
{
	struct qkd_start s;

	pair_random(&s, sizeof(s));
	return pair_ioctl(fd, QKD_IOC_START, &s);
}

static int do_confirm(struct pair *p, int fd)
{
	return confirm(p, fd, p->offset, 0, 0);
}

static int do_get(struct pair *p, int fd)
{
	uint8_t key[32];

	return pair_get_now(fd, key, 32, NULL);
}

TEST_F(feed, invariant_5_the_node_is_roots_alone)
{
	EXPECT_EQ(EACCES, as_nobody(&self->p, do_get, false));
}

TEST_F(feed, invariant_5_feeding_needs_the_openers_right)
{
	char path[32];

	pair_feed(&self->p, HALF);
	pair_confirm(&self->p, 0);
	snprintf(path, sizeof(path), "/dev/qkd%u", self->p.a.index);
	ASSERT_EQ(0, chmod(path, 0666));
	EXPECT_EQ(EPERM, as_nobody(&self->p, do_feed, false));
	EXPECT_EQ(EPERM, as_nobody(&self->p, do_start, false));
	EXPECT_EQ(EPERM, as_nobody(&self->p, do_confirm, false));
	/* who may open the node may use its key */
	EXPECT_EQ(0, as_nobody(&self->p, do_get, false));
	/* it is the opener's right that counts */
	EXPECT_EQ(0, as_nobody(&self->p, do_feed, true));
}

TEST_F(feed, a_link_that_is_down_takes_nothing)
{
	struct qkd_link_conf conf = QKD_LINK_CONF_INIT;
	struct qkd_feed r = record(&self->p, 0, 64);
	struct qkd_start s;

	conf.set = QKD_BIT(QKD_A_LINK_ADMIN_STATE);
	ASSERT_EQ(0, qkd_link_set(self->p.nl, "a", QKD_NO_INDEX, &conf));
	pair_random(&s, sizeof(s));
	EXPECT_REFUSED(-ENETDOWN, r, r.len);
	EXPECT_EQ(-ENETDOWN, pair_ioctl(self->p.a.fd, QKD_IOC_START, &s));
	EXPECT_EQ(-ENETDOWN, confirm(&self->p, self->p.a.fd, 0, 0, 0));
}

int main(int argc, char **argv)
{
	pair_need();
	return test_harness_run(argc, argv);
}
