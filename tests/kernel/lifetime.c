// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Open descriptors, waiters, half-read streams and messages on their way
 * outlive links and namespaces, and find nothing there.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "tests/pair/pair.h"

FIXTURE(lifetime) {
	struct pair p;
};

FIXTURE_SETUP(lifetime)
{
	pair_make(&self->p, 0);
	pair_fill(&self->p, 16384);
}

FIXTURE_TEARDOWN(lifetime)
{
	pair_free(&self->p);
}

/* What a descriptor of a deleted link answers. */
static void is_dead(struct __test_metadata *_metadata, int fd)
{
	struct qkd_feed rec = { .len = 64 };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct qkd_key_id id = { { 0 } };
	struct qkd_state st;
	uint8_t key[64];

	EXPECT_EQ(-ENODEV, pair_ioctl(fd, QKD_IOC_STATE, &st));
	EXPECT_EQ(-ENODEV, pair_get(fd, key, 32, &id));
	EXPECT_EQ(-ENODEV, pair_take(fd, &id, key, 32));
	EXPECT_EQ(-ENODEV, pair_stream(fd, "late"));
	EXPECT_EQ(-ENODEV, pair_record(fd, &rec, key, 64));
	EXPECT_EQ(-1, read(fd, key, 32));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLHUP | POLLERR, p.revents & (POLLHUP | POLLERR));
}

TEST_F(lifetime, a_descriptor_outlives_its_link)
{
	uint8_t key[32];

	ASSERT_EQ(0, pair_get(self->p.a.fd, key, 32, NULL));
	ASSERT_EQ(0, qkd_link_del(self->p.nl, "a", QKD_NO_INDEX));
	is_dead(_metadata, self->p.a.fd);
	/* and the number is not given again at once */
	EXPECT_EQ(-ENOENT, pair_open(&self->p.a, O_RDWR));
}

TEST_F(lifetime, poll_hears_of_the_end)
{
	struct pollfd p = { .fd = self->p.a.fd, .events = POLLOUT };
	pid_t pid;
	int status;

	/* nothing else wakes it: no room */
	while (self->p.offset + 65536 <= 262144)
		pair_feed(&self->p, 65536);
	pair_feed(&self->p, 262144 - self->p.offset);
	pid = fork();
	if (!pid)
		_exit(poll(&p, 1, 5000) == 1 && p.revents & POLLHUP ? 0 : 1);
	usleep(300000);
	ASSERT_EQ(0, qkd_link_del(self->p.nl, "a", QKD_NO_INDEX));
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_F(lifetime, a_half_read_stream_is_erased_with_its_link)
{
	int fa = pair_open(&self->p.a, O_RDONLY | O_NONBLOCK);
	int fb = pair_open(&self->p.b, O_RDONLY | O_NONBLOCK);
	uint8_t key[256];
	int i;

	ASSERT_EQ(0, pair_stream(fa, "half"));
	ASSERT_EQ(0, pair_stream(fb, "half"));
	for (i = 0; i < 500 && read(fa, key, 10) != 10; i++)
		usleep(10000);
	ASSERT_GT(500, i);
	ASSERT_EQ(0, qkd_link_del(self->p.nl, "a", QKD_NO_INDEX));
	EXPECT_EQ(-1, read(fa, key, 10));
	EXPECT_EQ(ENODEV, errno);
	/* the peer's reader is told, or waits; it is not our end's to say */
	close(fa);
	close(fb);
}

TEST_F(lifetime, a_descriptor_outlives_its_namespace)
{
	int fds[2], status, fd, i;
	struct pair_end e = { 0 };
	pid_t pid;

	/* a child makes a namespace with a link, and goes */
	ASSERT_EQ(0, pipe(fds));
	pid = fork();
	if (!pid) {
		struct qkd_link_conf conf = QKD_LINK_CONF_INIT;
		struct qkd_nl *nl;
		uint32_t index;

		pair_namespace();
		conf.local_node = "x";
		conf.peer_node = "y";
		if (qkd_nl_open(&nl, NULL) ||
		    qkd_link_add(nl, "gone", &conf, &index) ||
		    write(fds[1], &index, 4) != 4)
			_exit(1);
		sleep(2);
		_exit(0);
	}
	ASSERT_EQ(4, read(fds[0], &e.index, 4));
	fd = pair_open(&e, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, fd);
	waitpid(pid, &status, 0);
	ASSERT_EQ(0, WEXITSTATUS(status));
	for (i = 0; i < 100; i++) {
		struct qkd_state st;

		if (pair_ioctl(fd, QKD_IOC_STATE, &st) == -ENODEV)
			break;
		usleep(100000);
	}
	is_dead(_metadata, fd);
	close(fd);
}

TEST_F_TIMEOUT(lifetime, namespaces_come_and_go_with_links_in_use, 100)
{
	int n, status;

	for (n = 0; n < 60; n++) {
		pid_t pid = fork();

		if (!pid) {
			struct pair q;
			uint8_t key[64];
			int fa, fb;

			/* everything is left as it is */
			pair_make(&q, 0);
			pair_fill(&q, 8192);
			fa = pair_open(&q.a, O_RDONLY | O_NONBLOCK);
			fb = pair_open(&q.b, O_RDONLY | O_NONBLOCK);
			pair_stream(fa, "s");
			pair_stream(fb, "s");
			while (read(fa, key, 64) < 0 && n % 2)
				usleep(1000);
			_exit(pair_get(q.a.fd, key, 32, NULL) ? 1 : 0);
		}
		waitpid(pid, &status, 0);
		EXPECT_EQ(0, WEXITSTATUS(status));
	}
}

TEST_F_TIMEOUT(lifetime, links_come_and_go, 100)
{
	struct qkd_link_conf conf = QKD_LINK_CONF_INIT;
	struct qkd_start s;
	struct pair_end e;
	int i, fd;

	conf.local_node = "x";
	conf.peer_node = "y";
	conf.set = QKD_BIT(QKD_A_LINK_ADMIN_STATE);
	conf.admin_state = QKD_ADMIN_STATE_UP;
	for (i = 0; i < 300; i++) {
		ASSERT_EQ(0, qkd_link_add(self->p.nl, "churn", &conf,
					  &e.index));
		fd = pair_open(&e, O_RDWR | O_NONBLOCK);
		pair_random(&s, sizeof(s));
		ASSERT_EQ(0, pair_ioctl(fd, QKD_IOC_START, &s));
		if (i % 2)
			close(fd);
		ASSERT_EQ(0, qkd_link_del(self->p.nl, "churn", QKD_NO_INDEX));
		if (!(i % 2))
			close(fd);
	}
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int one_more(const struct qkd_link *link, void *arg)
{
	++*(int *)arg;
	return 0;
}

/* QKD_LINKS in the environment says how many; the machine's limit is 16384. */
TEST_F_TIMEOUT(lifetime, many_links_in_one_namespace, 110)
{
	struct qkd_link_conf conf = QKD_LINK_CONF_INIT;
	const char *env = getenv("QKD_LINKS");
	int n = env ? atoi(env) : 1000, i, seen = 0;
	double t[4];
	char name[32];

	conf.local_node = "x";
	conf.peer_node = "y";
	t[0] = seconds();
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "many%d", i);
		ASSERT_EQ(0, qkd_link_add(self->p.nl, name, &conf, NULL));
	}
	t[1] = seconds();
	ASSERT_EQ(0, qkd_link_each(self->p.nl, one_more, &seen));
	EXPECT_EQ(n + 2, seen);
	t[2] = seconds();
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "many%d", i);
		ASSERT_EQ(0, qkd_link_del(self->p.nl, name, QKD_NO_INDEX));
	}
	t[3] = seconds();
	TH_LOG("%d links: made in %.3f ms each, told in %.3f ms, deleted in %.3f ms",
	       n, (t[1] - t[0]) * 1e3 / n, (t[2] - t[1]) * 1e3 / n,
	       (t[3] - t[2]) * 1e3 / n);
}

int main(int argc, char **argv)
{
	pair_need();
	return test_harness_run(argc, argv);
}
