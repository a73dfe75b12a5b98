// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A tunnel is made by one process while another deletes the link that it is for:
 * it is refused, or it waits for the next link of that name. A link that is gone
 * holds none.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "tests/pair/pair.h"
#include <qkd/tunnel.h>

#define ROUNDS		200
#define LOOKS		5000	/* of a millisecond */

FIXTURE(bind) {
	struct pair p;
	struct qkd_link_conf link;
};

FIXTURE_SETUP(bind)
{
	pair_make(&self->p, 0);
	self->link = (struct qkd_link_conf)QKD_LINK_CONF_INIT;
	self->link.local_node = "x";
	self->link.peer_node = "y";
	self->link.local4.s_addr = htonl(INADDR_LOOPBACK + 1);
	self->link.peer4.s_addr = htonl(INADDR_LOOPBACK + 2);
	self->link.set = QKD_BIT(QKD_A_LINK_LOCAL4) | QKD_BIT(QKD_A_LINK_PEER4);
}

FIXTURE_TEARDOWN(bind)
{
	pair_free(&self->p);
}

static int tunnel_add(struct qkd_nl *nl)
{
	struct qkd_tunnel_conf c = QKD_TUNNEL_CONF_INIT;

	c.link = "q";
	return qkd_tunnel_add(nl, "t", &c, NULL);
}

static int is_tunnel(const struct qkd_consumer *c, void *arg)
{
	return !strcmp(c->kind, "xfrm") && !strcmp(c->name, "t");
}

static bool bound(struct qkd_nl *nl)
{
	int i;

	for (i = 0; i < LOOKS; i++) {
		if (qkd_consumer_each(nl, "q", QKD_NO_INDEX, is_tunnel,
				      NULL) == 1)
			return true;
		usleep(1000);
	}
	return false;
}

/* At a time that differs from round to round. */
static void a_moment(int n)
{
	struct timespec begin, now;
	long ns = n % 100 * 40000;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - begin.tv_sec) * 1000000000 + now.tv_nsec -
		 begin.tv_nsec < ns);
}

/* Makes a tunnel each time it is told to, and says whether there is one. */
static void maker(int in, int out)
{
	struct qkd_nl *nl;
	char c;

	if (qkd_nl_open(&nl, NULL))
		_exit(1);
	while (read(in, &c, 1) == 1) {
		c = !tunnel_add(nl);
		if (write(out, &c, 1) != 1)
			_exit(1);
	}
	_exit(0);
}

TEST_F_TIMEOUT(bind, while_its_link_goes, 200)
{
	int to[2], from[2], n, made = 0, status;
	struct qkd_nl *nl = self->p.nl;
	pid_t pid;
	char c = 0;

	if (!pair_module("qkd_xfrm"))
		SKIP(return, "needs the module qkd_xfrm");
	ASSERT_EQ(0, pipe(to));
	ASSERT_EQ(0, pipe(from));
	pid = fork();
	if (!pid) {
		close(to[1]);
		maker(to[0], from[1]);
	}
	for (n = 0; n < ROUNDS; n++) {
		ASSERT_EQ(0, qkd_link_add(nl, "q", &self->link, NULL));
		ASSERT_EQ(1, write(to[1], &c, 1));
		a_moment(n);
		ASSERT_EQ(0, qkd_link_del(nl, "q", QKD_NO_INDEX));
		ASSERT_EQ(1, read(from[0], &c, 1));
		if (!c)
			continue;
		made++;
		ASSERT_EQ(0, qkd_link_add(nl, "q", &self->link, NULL));
		ASSERT_TRUE(bound(nl)) {
			TH_LOG("round %d: bound to a link that is gone", n);
		}
		ASSERT_EQ(0, qkd_tunnel_del(nl, "t"));
		ASSERT_EQ(0, qkd_link_del(nl, "q", QKD_NO_INDEX));
	}
	close(to[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	TH_LOG("%d of %d tunnels were made", made, ROUNDS);
	EXPECT_LT(0, made);
}

int main(int argc, char **argv)
{
	pair_need();
	return test_harness_run(argc, argv);
}
