// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Key reserved at one end and taken at the other by its ID, through the
 * device: once, the same bytes, and erased by that.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "tests/pair/pair.h"

#define HALF	8192

FIXTURE(get) {
	struct pair p;
};

FIXTURE_SETUP(get)
{
	pair_make(&self->p, 0);
	pair_fill(&self->p, HALF);
}

FIXTURE_TEARDOWN(get)
{
	pair_free(&self->p);
}

TEST_F(get, invariant_2_the_peer_takes_the_same_bytes)
{
	uint8_t mine[100], theirs[100];
	struct qkd_key_id id;

	ASSERT_EQ(0, pair_get(self->p.a.fd, mine, 100, &id));
	ASSERT_EQ(100, pair_take(self->p.b.fd, &id, theirs, 100));
	EXPECT_EQ(0, memcmp(mine, theirs, 100));
	EXPECT_EQ(0, memcmp(mine, self->p.tx + PAIR_SECRET, 100));
	ASSERT_EQ(0, pair_get(self->p.b.fd, mine, 100, &id));
	ASSERT_EQ(100, pair_take(self->p.a.fd, &id, theirs, 100));
	EXPECT_EQ(0, memcmp(mine, theirs, 100));
	EXPECT_EQ(0, memcmp(mine, self->p.rx + PAIR_SECRET, 100));
}

TEST_F(get, invariant_1_no_byte_is_reserved_twice)
{
	struct qkd_key_range r;
	uint64_t end = PAIR_SECRET;
	struct qkd_key_id id;
	uint8_t key[QKD_KEY_MAX];
	uint32_t len;
	int err;

	for (len = 1;; len = len % 300 + 7) {
		err = pair_get_now(self->p.a.fd, key, len, &id);
		if (err)
			break;
		ASSERT_EQ(0, qkd_key_id_decode(&id, &r));
		EXPECT_EQ(end, r.offset);
		EXPECT_EQ(len, r.len);
		EXPECT_EQ(0, r.stream);
		end = r.offset + r.len;
	}
	EXPECT_EQ(-EAGAIN, err);
	EXPECT_GT(end, HALF - PAIR_CONTROL - 307);
}

TEST_F(get, the_control_messages_keep_their_share)
{
	uint8_t key[1];

	while (!pair_get_now(self->p.a.fd, key, 1, NULL))
		;
	struct qkd_state st;

	pair_state(&self->p.a, &st);
	EXPECT_EQ(PAIR_CONTROL, st.tx.available);
}

TEST_F(get, invariant_1_key_is_taken_once)
{
	uint8_t key[32], again[32] = { 0 };
	struct qkd_key_id id;

	ASSERT_EQ(0, pair_get(self->p.a.fd, key, 32, &id));
	ASSERT_EQ(32, pair_take(self->p.b.fd, &id, key, 32));
	EXPECT_EQ(-EALREADY, pair_take(self->p.b.fd, &id, again, 32));
	EXPECT_EQ(0, again[0] | again[31]);
}

TEST_F(get, invariant_1_no_part_of_taken_key_is_taken)
{
	struct qkd_key_id id;
	uint8_t key[32];
	uint32_t at;

	ASSERT_EQ(0, qkd_key_id_encode(self->p.generation, 0, 32, 1000, &id));
	ASSERT_EQ(32, pair_take(self->p.b.fd, &id, key, 32));
	for (at = 1000 - 31; at < 1032; at++) {
		ASSERT_EQ(0, qkd_key_id_encode(self->p.generation, 0, 32, at,
					       &id));
		EXPECT_EQ(-EALREADY, pair_take(self->p.b.fd, &id, key, 32));
	}
	ASSERT_EQ(0, qkd_key_id_encode(self->p.generation, 0, 32, 1032, &id));
	EXPECT_EQ(32, pair_take(self->p.b.fd, &id, key, 32));
	ASSERT_EQ(0, qkd_key_id_encode(self->p.generation, 0, 32, 968, &id));
	EXPECT_EQ(32, pair_take(self->p.b.fd, &id, key, 32));
}

TEST_F(get, key_is_taken_in_any_order)
{
	uint8_t keys[20][50], key[50];
	struct qkd_key_id ids[20];
	struct qkd_state st;
	int i;

	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, pair_get(self->p.a.fd, keys[i], 50, &ids[i]));
	for (i = 0; i < 20; i++) {
		int k = i * 7 % 20;

		ASSERT_EQ(50, pair_take(self->p.b.fd, &ids[k], key, 50));
		EXPECT_EQ(0, memcmp(key, keys[k], 50));
	}
	pair_state(&self->p.b, &st);
	EXPECT_EQ(PAIR_SECRET + 1000, st.rx.tail);
}

TEST_F(get, the_mac_secret_is_nobodys)
{
	struct qkd_key_id id;
	uint8_t key[64];
	uint32_t at;

	for (at = 0; at < PAIR_SECRET; at += 16) {
		ASSERT_EQ(0, qkd_key_id_encode(self->p.generation, 0, 16, at,
					       &id));
		EXPECT_EQ(-EALREADY, pair_take(self->p.b.fd, &id, key, 64));
	}
}

TEST_F(get, what_was_not_fed_is_not_here)
{
	struct qkd_key_id id;
	uint8_t key[32];

	ASSERT_EQ(0, qkd_key_id_encode(self->p.generation, 0, 32, HALF - 31,
				       &id));
	EXPECT_EQ(-ENOENT, pair_take(self->p.b.fd, &id, key, 32));
	ASSERT_EQ(0, qkd_key_id_encode(self->p.generation, 0, 32,
				       QKD_OFFSET_MAX - 32, &id));
	EXPECT_EQ(-ENOENT, pair_take(self->p.b.fd, &id, key, 32));
	/* b's own tx */
	ASSERT_EQ(0, qkd_key_id_encode(self->p.generation, 1, 32, 100, &id));
	EXPECT_EQ(-ENOENT, pair_take(self->p.b.fd, &id, key, 32));
}

TEST_F(get, invariant_2_key_of_another_generation_is_stale)
{
	struct qkd_key_id id;
	uint8_t key[32];

	ASSERT_EQ(0, pair_get(self->p.a.fd, key, 32, &id));
	pair_fill(&self->p, HALF);
	EXPECT_EQ(-ESTALE, pair_take(self->p.b.fd, &id, key, 32));
}

TEST_F(get, invariant_6_malformed_calls_change_nothing)
{
	struct qkd_get g = { 0 };
	struct qkd_take t = { 0 };
	struct qkd_state before, after;
	struct qkd_key_id id;
	uint8_t key[64];
	void *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	int fd = self->p.a.fd;

	ASSERT_EQ(0, qkd_key_id_encode(self->p.generation, 1, 64, 128, &id));
	pair_state(&self->p.a, &before);
	EXPECT_EQ(-EINVAL, pair_get(fd, key, 0, NULL));
	EXPECT_EQ(-EINVAL, pair_get(fd, key, QKD_KEY_MAX + 1, NULL));
	EXPECT_EQ(-EFAULT, pair_get(fd, ro, 64, NULL));
	EXPECT_EQ(-EFAULT, pair_get(fd, (void *)8, 64, NULL));
	EXPECT_EQ(-EFAULT, pair_get(fd, (void *)-64L, 64, NULL));
	g.buf = (uintptr_t)key;
	g.len = 32;
	g.flags = 2;
	EXPECT_EQ(-EINVAL, pair_ioctl(fd, QKD_IOC_GET, &g));
	EXPECT_EQ(-EFAULT, pair_ioctl(fd, QKD_IOC_GET, (void *)8));
	EXPECT_EQ(-EMSGSIZE, pair_take(fd, &id, key, 63));
	EXPECT_EQ(-EFAULT, pair_take(fd, &id, ro, 64));
	EXPECT_EQ(-EFAULT, pair_take(fd, &id, (void *)8, 64));
	t.id = id;
	t.buf = (uintptr_t)key;
	t.len = 64;
	t.flags = 1;
	EXPECT_EQ(-EINVAL, pair_ioctl(fd, QKD_IOC_TAKE, &t));
	t.flags = 0;
	t.id.b[6] ^= 0x10;	/* no version 8 */
	EXPECT_EQ(-EINVAL, pair_ioctl(fd, QKD_IOC_TAKE, &t));
	t.id = id;
	t.id.b[8] &= 0xe0;	/* no length */
	t.id.b[9] = 0;
	EXPECT_EQ(-EINVAL, pair_ioctl(fd, QKD_IOC_TAKE, &t));
	EXPECT_EQ(-ENOTTY, pair_ioctl(fd, _IO(QKD_IOC_MAGIC, 99), NULL));
	pair_state(&self->p.a, &after);
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
	EXPECT_EQ(64, pair_take(fd, &id, key, 64));
}

static void nothing(int sig)
{
}

/* In a child: waits for key; the exit status says what came of it. */
static pid_t waiting_get(struct __test_metadata *_metadata, struct pair *p)
{
	pid_t pid = fork();
	uint8_t key[32];

	ASSERT_GE(pid, 0);
	if (!pid) {
		struct sigaction sa = { .sa_handler = nothing };
		int fd = pair_open(&p->a, O_RDWR);

		sigaction(SIGUSR1, &sa, NULL);
		_exit(-pair_get(fd, key, 32, NULL));
	}
	usleep(300000);
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	return pid;
}

static int result(pid_t pid)
{
	int status = 0, i;

	for (i = 0; i < 50; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WEXITSTATUS(status);
		usleep(100000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

static void drain(struct pair *p)
{
	uint8_t key[256];

	while (!pair_get_now(p->a.fd, key, 256, NULL) ||
	       !pair_get_now(p->a.fd, key, 1, NULL))
		;
}

TEST_F(get, a_blocking_get_waits_for_key)
{
	pid_t pid;

	drain(&self->p);
	pid = waiting_get(_metadata, &self->p);
	pair_feed(&self->p, 4096);
	usleep(200000);	/* fed only: not for sending yet */
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	pair_confirm(&self->p, HALF);
	EXPECT_EQ(0, result(pid));
}

TEST_F(get, what_the_pool_can_never_have_is_refused)
{
	uint8_t key[QKD_KEY_MAX];

	pair_free(&self->p);
	pair_make(&self->p, 4096);
	pair_fill(&self->p, 4096);
	EXPECT_EQ(-EMSGSIZE, pair_get(self->p.a.fd, key, QKD_KEY_MAX, NULL));
	EXPECT_EQ(-EMSGSIZE, pair_get(self->p.a.fd, key,
				      4096 - PAIR_CONTROL + 1, NULL));
	EXPECT_EQ(-EAGAIN, pair_get_now(self->p.a.fd, key,
					4096 - PAIR_CONTROL, NULL));
	EXPECT_EQ(0, pair_get(self->p.a.fd, key, 2048, NULL));
}

TEST_F(get, a_blocking_get_yields_to_a_signal)
{
	pid_t pid;

	drain(&self->p);
	pid = waiting_get(_metadata, &self->p);
	kill(pid, SIGUSR1);
	EXPECT_EQ(EINTR, result(pid));
}

TEST_F(get, a_blocking_get_ends_when_the_link_goes_down)
{
	struct qkd_link_conf conf = QKD_LINK_CONF_INIT;
	pid_t pid;

	drain(&self->p);
	pid = waiting_get(_metadata, &self->p);
	conf.set = QKD_BIT(QKD_A_LINK_ADMIN_STATE);
	ASSERT_EQ(0, qkd_link_set(self->p.nl, "a", QKD_NO_INDEX, &conf));
	EXPECT_EQ(ENETDOWN, result(pid));
}

TEST_F(get, a_blocking_get_ends_when_the_link_is_deleted)
{
	pid_t pid;

	drain(&self->p);
	pid = waiting_get(_metadata, &self->p);
	ASSERT_EQ(0, qkd_link_del(self->p.nl, "a", QKD_NO_INDEX));
	EXPECT_EQ(ENODEV, result(pid));
}

TEST_F(get, poll_tells_key)
{
	struct pollfd fd = { .fd = self->p.a.fd, .events = POLLIN };

	EXPECT_EQ(1, poll(&fd, 1, 0));
	EXPECT_EQ(POLLIN, fd.revents);
	drain(&self->p);
	EXPECT_EQ(0, poll(&fd, 1, 0));
	pair_feed(&self->p, 4096);
	EXPECT_EQ(0, poll(&fd, 1, 0));
	pair_confirm(&self->p, HALF);
	EXPECT_EQ(1, poll(&fd, 1, 0));
}

TEST_F(get, admin_down_gives_nothing_and_keeps_all)
{
	struct qkd_link_conf conf = QKD_LINK_CONF_INIT;
	struct qkd_key_id id;
	uint8_t key[32], theirs[32];

	ASSERT_EQ(0, pair_get(self->p.a.fd, key, 32, &id));
	conf.set = QKD_BIT(QKD_A_LINK_ADMIN_STATE);
	conf.admin_state = QKD_ADMIN_STATE_DOWN;
	ASSERT_EQ(0, qkd_link_set(self->p.nl, "b", QKD_NO_INDEX, &conf));
	EXPECT_EQ(-ENETDOWN, pair_get_now(self->p.b.fd, theirs, 32, NULL));
	EXPECT_EQ(-ENETDOWN, pair_take(self->p.b.fd, &id, theirs, 32));
	conf.admin_state = QKD_ADMIN_STATE_UP;
	ASSERT_EQ(0, qkd_link_set(self->p.nl, "b", QKD_NO_INDEX, &conf));
	ASSERT_EQ(32, pair_take(self->p.b.fd, &id, theirs, 32));
	EXPECT_EQ(0, memcmp(key, theirs, 32));
	EXPECT_EQ(0, pair_get_now(self->p.b.fd, theirs, 32, NULL));
}

int main(int argc, char **argv)
{
	pair_need();
	return test_harness_run(argc, argv);
}
