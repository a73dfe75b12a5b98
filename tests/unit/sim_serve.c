// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fibres held for two daemons: ends find each other by the fibre's name, get
 * their own streams of one run, and part together.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "tools/sim/sim.h"

static volatile int stop;

static void on_term(int sig)
{
	stop = 1;
}

FIXTURE(serve)
{
	char address[64];
	pid_t pid;
};

FIXTURE_SETUP(serve)
{
	struct sigaction sa = { .sa_handler = on_term };
	char err[SIM_ERROR_SIZE];
	int i, fd;

	signal(SIGPIPE, SIG_IGN);
	snprintf(self->address, sizeof(self->address), "unix:@sim_serve-%d",
		 getpid());
	self->pid = fork();
	if (!self->pid) {
		sigaction(SIGTERM, &sa, NULL);
		_exit(sim_serve(self->address, NULL, &stop, err) < 0);
	}
	/* it listens before long */
	for (i = 0; i < 200; i++) {
		fd = sim_connect(self->address, "probe", true, "", err);
		if (fd >= 0)
			break;
		usleep(20000);
	}
	ASSERT_GE(fd, 0) {
		TH_LOG("%s", err);
	}
	close(fd);
}

FIXTURE_TEARDOWN(serve)
{
	int status;

	kill(self->pid, SIGTERM);
	waitpid(self->pid, &status, 0);
	EXPECT_EQ(0, status);
}

TEST_F(serve, ends_get_their_own_streams_of_one_run)
{
	struct raw_reader a, b;
	char err[SIM_ERROR_SIZE];
	struct raw_frame f;
	int fa, fb, i;

	fa = sim_connect(self->address, "x", true, "length=150 seconds=0.1",
			 err);
	ASSERT_GE(fa, 0);
	fb = sim_connect(self->address, "x", false, "", err);
	ASSERT_GE(fb, 0);
	ASSERT_EQ(0, raw_reader_init(&a, fa));
	ASSERT_EQ(0, raw_reader_init(&b, fb));
	/* few events: an end that does not read holds up the other */
	ASSERT_EQ(1, raw_reader_next(&a, &f));
	ASSERT_EQ(1, raw_reader_next(&b, &f));
	EXPECT_EQ(RAW_PREPARED, a.header.kind);
	EXPECT_EQ(RAW_DETECTED, b.header.kind);
	EXPECT_EQ(0, memcmp(a.header.run, b.header.run, RAW_RUN_SIZE));
	for (i = 0; raw_reader_next(&a, &f) == 1; i++)
		;
	EXPECT_GE(i, 20);
	for (i = 0; raw_reader_next(&b, &f) == 1; i++)
		;
	EXPECT_GE(i, 10);
	EXPECT_EQ(a.next, b.next);
	EXPECT_EQ(100000000, a.next);
	raw_reader_free(&a);
	raw_reader_free(&b);
	close(fa);
	close(fb);
}

TEST_F(serve, when_an_end_goes_the_other_is_let_go)
{
	struct raw_frame f;
	struct raw_reader b;
	char err[SIM_ERROR_SIZE];
	int fa, fb, ret;

	fa = sim_connect(self->address, "y", true, "length=100", err);
	fb = sim_connect(self->address, "y", false, "length=100", err);
	ASSERT_GE(fa, 0);
	ASSERT_GE(fb, 0);
	ASSERT_EQ(0, raw_reader_init(&b, fb));
	ASSERT_EQ(1, raw_reader_next(&b, &f));
	close(fa);
	do {
		ret = raw_reader_next(&b, &f);
	} while (ret == 1);
	/* no RAW_END was seen: this is a loss, not the end of a recording */
	EXPECT_FALSE(b.ended);
	raw_reader_free(&b);
	close(fb);
	/* and the fibre can be plugged into again */
	fa = sim_connect(self->address, "y", true, "length=100", err);
	fb = sim_connect(self->address, "y", false, "length=100", err);
	ASSERT_EQ(0, raw_reader_init(&b, fb));
	EXPECT_EQ(1, raw_reader_next(&b, &f));
	raw_reader_free(&b);
	close(fa);
	close(fb);
}

TEST_F(serve, what_cannot_be_is_refused_with_the_reason)
{
	char err[SIM_ERROR_SIZE];
	int fa;

	EXPECT_EQ(-EINVAL, sim_connect(self->address, "z", true, "length=-4",
				       err));
	EXPECT_NE(NULL, strstr(err, "length"));
	fa = sim_connect(self->address, "z", true, "length=4", err);
	ASSERT_GE(fa, 0);
	EXPECT_EQ(-EINVAL, sim_connect(self->address, "z", false, "length=5",
				       err));
	EXPECT_NE(NULL, strstr(err, "length=4"));
	EXPECT_EQ(-EINVAL, sim_connect(self->address, "", false, "", err));
	EXPECT_EQ(-EINVAL, sim_connect(self->address, "a b", false, "", err));
	EXPECT_EQ(-EINVAL, sim_connect("ftp:x", "a", false, "", err));
	EXPECT_GT(0, sim_connect("unix:@nobody-here", "a", false, "", err));
	EXPECT_NE(NULL, strstr(err, "qkd-sim serve"));
	close(fa);
}

/* Strangers, also silent and long-winded ones, are no trouble to others */
TEST_F(serve, strangers_do_no_harm)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char junk[8192], err[SIM_ERROR_SIZE];
	int fd[40], i, fa, fb;
	struct raw_reader b;
	struct raw_frame f;
	socklen_t len;

	snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "%s",
		 self->address + 6);
	len = offsetof(struct sockaddr_un, sun_path) + 1 +
		strlen(un.sun_path + 1);
	memset(junk, 'x', sizeof(junk));
	for (i = 0; i < 40; i++) {
		fd[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		ASSERT_EQ(0, connect(fd[i], (struct sockaddr *)&un, len));
		if (i % 3 == 1)
			send(fd[i], junk, sizeof(junk), MSG_NOSIGNAL);
		if (i % 3 == 2)
			send(fd[i], "GET / HTTP/1.1\n", 15, MSG_NOSIGNAL);
	}
	fa = sim_connect(self->address, "w", true, "length=60", err);
	fb = sim_connect(self->address, "w", false, "", err);
	ASSERT_GE(fa, 0);
	ASSERT_GE(fb, 0);
	ASSERT_EQ(0, raw_reader_init(&b, fb));
	EXPECT_EQ(1, raw_reader_next(&b, &f));
	raw_reader_free(&b);
	for (i = 0; i < 40; i++)
		close(fd[i]);
	close(fa);
	close(fb);
}

TEST_HARNESS_MAIN
