// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Somebody without rights, and the same somebody as root of a user namespace
 * (unshare -Urn): links of the namespace they made are theirs, another's they
 * cannot change, use, feed or hear of, and no tunnel's SAs and policies can they
 * see (invariant 5).
 *
 *	init's user namespace:  links "a" and "b", with key; tunnel "t" of "a"
 *	the stranger:           uid 65534, no capability here
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "qkd/tunnel.h"
#include "tests/pair/pair.h"

#define NOBODY	65534

FIXTURE(stranger) {
	struct pair p;
	bool xfrm;		/* there is a tunnel "t", and an SA */
};

/* Policies of a tunnel, and an SA that "t", whose peer has none, does not get. */
static void make_tunnel(struct qkd_nl *nl)
{
	struct qkd_tunnel_conf t = QKD_TUNNEL_CONF_INIT;
	int err;

	t.link = "a";
	err = qkd_tunnel_add(nl, "t", &t, NULL);
	if (err)
		pair_die("tunnel-new", err);
	if (system("modprobe -q -a xfrm_user esp4; "
		   "ip xfrm state add src 10.9.0.1 dst 10.9.0.2 proto esp "
		   "spi 0x1234 reqid 9 mode transport aead 'rfc4106(gcm(aes))' "
		   "0x000102030405060708090a0b0c0d0e0f10111213 128"))
		pair_die("ip xfrm state add", EIO);
}

FIXTURE_SETUP(stranger)
{
	pair_make(&self->p, 0);
	pair_fill(&self->p, 8192);
	self->xfrm = pair_module("qkd_xfrm");
	if (self->xfrm)
		make_tunnel(self->p.nl);
}

/* The tunnel is there, as is what ip shows of it, to who may see. */
static bool tunnel_is_there(struct qkd_nl *nl)
{
	struct qkd_tunnel *t;

	if (qkd_tunnel_get(nl, "t", &t))
		return false;
	qkd_tunnel_free(t);
	return !system("ip xfrm policy | grep -q tmpl && "
		       "ip xfrm state | grep -q 0x00001234");
}

FIXTURE_TEARDOWN(stranger)
{
	if (self->xfrm) {
		EXPECT_TRUE(tunnel_is_there(self->p.nl));
		EXPECT_EQ(0, qkd_tunnel_del(self->p.nl, "t"));
	}
	pair_free(&self->p);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		pair_die(path, errno);
	close(fd);
}

static void become_nobody(void)
{
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		pair_die("setresuid", errno);
	/* /proc/self is ours again */
	prctl(PR_SET_DUMPABLE, 1);
}

/* As unshare -Urn does it */
static void become_root_elsewhere(void)
{
	become_nobody();
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		pair_die("unshare", errno);
	put("/proc/self/setgroups", "deny");
	put("/proc/self/uid_map", "0 65534 1");
	put("/proc/self/gid_map", "0 65534 1");
}

/* Claims of a child count when it exits with how many failed. */
#define IN_CHILD(become, body) do {					\
	int status_;							\
	pid_t pid_ = fork();						\
									\
	if (!pid_) {							\
		become();						\
		body;							\
		_exit(_metadata->exit_code != 0);			\
	}								\
	waitpid(pid_, &status_, 0);					\
	EXPECT_EQ(0, status_);						\
} while (0)

static struct qkd_nl *nl_here(void)
{
	struct qkd_nl *nl;
	int err = qkd_nl_open(&nl, NULL);

	if (err)
		pair_die("netlink", err);
	return nl;
}

static int add(struct qkd_nl *nl, const char *name, uint32_t *index)
{
	struct qkd_link_conf conf = QKD_LINK_CONF_INIT;

	conf.local_node = "x";
	conf.peer_node = "y";
	return qkd_link_add(nl, name, &conf, index);
}

static int count(const struct qkd_link *link, void *arg)
{
	++*(int *)arg;
	return 0;
}

static int count_consumers(const struct qkd_consumer *c, void *arg)
{
	++*(int *)arg;
	return 0;
}

static int count_tunnels(const struct qkd_tunnel *t, void *arg)
{
	++*(int *)arg;
	return 0;
}

static void may_change_nothing(struct __test_metadata *_metadata,
			       struct qkd_nl *nl, const char *name,
			       uint32_t index, int err)
{
	struct qkd_link_report r = QKD_LINK_REPORT_INIT;
	struct qkd_link_conf c = QKD_LINK_CONF_INIT;

	c.config = "mine";
	r.reason = "because";
	EXPECT_EQ(err, qkd_link_set(nl, name, index, &c));
	EXPECT_EQ(err, qkd_link_report(nl, name, index, &r));
	EXPECT_EQ(err, qkd_link_del(nl, name, index));
}

/* @tunnel, @link: what calls about tunnels, and about links, are answered */
static void may_change_no_tunnel(struct __test_metadata *_metadata,
				 struct qkd_nl *nl, int tunnel, int link)
{
	uint8_t bytes[QKD_XFRM_SECRET_SIZE] = { 7 };
	uint8_t id[QKD_XFRM_SECRET_ID_SIZE] = { 7 };
	struct qkd_tunnel_conf t = QKD_TUNNEL_CONF_INIT;

	t.link = "a";
	EXPECT_EQ(link, qkd_tunnel_add(nl, "u", &t, NULL));
	t = (struct qkd_tunnel_conf)QKD_TUNNEL_CONF_INIT;
	t.rekey_time = 5000;
	t.set = QKD_BIT(QKD_XFRM_A_TUNNEL_REKEY_TIME);
	EXPECT_EQ(tunnel, qkd_tunnel_set(nl, "t", &t));
	EXPECT_EQ(tunnel, qkd_tunnel_rekey(nl, "t"));
	EXPECT_EQ(tunnel, qkd_tunnel_del(nl, "t"));
	EXPECT_EQ(link, qkd_secret_give(nl, "a", id, bytes));
	EXPECT_EQ(link, qkd_secret_use(nl, "a", id));
	EXPECT_EQ(link, qkd_secret_none(nl, "a", "mine"));
}

TEST_F(stranger, without_rights_changes_nothing)
{
	IN_CHILD(become_nobody, ({
		struct qkd_nl *nl = nl_here();

		EXPECT_EQ(-EPERM, add(nl, "c", NULL));
		may_change_nothing(_metadata, nl, "a", QKD_NO_INDEX, -EPERM);
		if (self->xfrm)
			may_change_no_tunnel(_metadata, nl, -EPERM, -EPERM);
		EXPECT_EQ(-EACCES, pair_open(&self->p.a, O_RDONLY));
		EXPECT_EQ(-EACCES, pair_open(&self->p.a, O_RDWR));
	}));
}

TEST_F(stranger, with_access_to_the_node_uses_key_and_feeds_none)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/qkd%u", self->p.a.index);
	ASSERT_EQ(0, chmod(path, 0666));
	IN_CHILD(become_nobody, ({
		int fd = pair_open(&self->p.a, O_RDWR | O_NONBLOCK);
		struct qkd_confirm c = { .offset = 0 };
		struct qkd_start s = { { 1 } };
		struct qkd_feed rec = {
			.seq = 9, .offset = 8192, .len = 64,
		};
		uint8_t key[64] = { 0 };

		EXPECT_LE(0, fd);
		EXPECT_EQ(0, pair_get_now(fd, key, 32, NULL));
		memcpy(rec.generation, self->p.generation, 16);
		memcpy(c.generation, self->p.generation, 16);
		EXPECT_EQ(-EPERM, pair_record(fd, &rec, key, 64));
		EXPECT_EQ(-EPERM, pair_ioctl(fd, QKD_IOC_START, &s));
		EXPECT_EQ(-EPERM, pair_ioctl(fd, QKD_IOC_CONFIRM, &c));
	}));
	/* nor does being root elsewhere help */
	IN_CHILD(become_root_elsewhere, ({
		int fd = pair_open(&self->p.a, O_RDWR | O_NONBLOCK);
		struct qkd_start s = { { 1 } };

		EXPECT_LE(0, fd);
		EXPECT_EQ(-EPERM, pair_ioctl(fd, QKD_IOC_START, &s));
	}));
}

TEST_F(stranger, as_root_elsewhere_sees_only_what_is_there)
{
	IN_CHILD(become_root_elsewhere, ({
		struct qkd_nl *nl = nl_here();
		struct qkd_link *link;
		uint32_t index = 0;
		int n = 0;

		EXPECT_EQ(0, qkd_link_each(nl, count, &n));
		EXPECT_EQ(0, n);
		EXPECT_EQ(0, qkd_consumer_each(nl, NULL, QKD_NO_INDEX,
					       count_consumers, &n));
		EXPECT_EQ(0, n);
		EXPECT_EQ(-ENODEV, qkd_link_get(nl, "a", QKD_NO_INDEX, &link));
		EXPECT_EQ(-ENODEV, qkd_link_get(nl, NULL, self->p.a.index,
						&link));
		may_change_nothing(_metadata, nl, "a", QKD_NO_INDEX, -ENODEV);
		may_change_nothing(_metadata, nl, NULL, self->p.a.index,
				   -ENODEV);
		EXPECT_EQ(-EACCES, pair_open(&self->p.a, O_RDONLY));
		EXPECT_EQ(-EACCES, pair_open(&self->p.a, O_RDWR));
		if (self->xfrm) {
			struct qkd_tunnel *tunnel;

			EXPECT_EQ(-ENOENT, qkd_tunnel_get(nl, "t", &tunnel));
			EXPECT_EQ(0, qkd_tunnel_each(nl, NULL, count_tunnels,
						     &n));
			EXPECT_EQ(0, n);
			may_change_no_tunnel(_metadata, nl, -ENOENT, -ENODEV);
		}
		/* nothing of IPsec either, of which there is some here */
		EXPECT_EQ(0, system("[ -z \"$(ip xfrm state; ip xfrm policy)\" ]"));

		/* a link of one's own is as any other */
		EXPECT_EQ(0, add(nl, "a", &index));
		EXPECT_NE(self->p.a.index, index);
		n = 0;
		EXPECT_EQ(0, qkd_link_each(nl, count, &n));
		EXPECT_EQ(1, n);
		EXPECT_EQ(0, qkd_link_del(nl, "a", QKD_NO_INDEX));
	}));
	/* ours are as they were */
	EXPECT_LE(0, pair_open(&self->p.a, O_RDONLY));
}

static int heard(const struct qkd_event *event, void *arg)
{
	++*(int *)arg;
	return 0;
}

TEST_F(stranger, as_root_elsewhere_hears_nothing_of_here)
{
	int ready[2], go[2], status;
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid) {
		struct qkd_monitor *mon;
		struct pollfd pfd;
		int n = 0;

		become_root_elsewhere();
		if (qkd_monitor_open(&mon, NULL, ~0u) ||
		    write(ready[1], "", 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(9);
		pfd.fd = qkd_monitor_fd(mon);
		pfd.events = POLLIN;
		while (poll(&pfd, 1, 500) == 1)
			if (qkd_monitor_dispatch(mon, heard, &n) < 0)
				break;
		_exit(n != 0);
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	ASSERT_EQ(0, add(self->p.nl, "news", NULL));
	ASSERT_EQ(0, qkd_link_del(self->p.nl, "news", QKD_NO_INDEX));
	ASSERT_EQ(1, write(go[1], "", 1));
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
}

TEST_F(stranger, as_root_elsewhere_makes_only_so_many_links)
{
	IN_CHILD(become_root_elsewhere, ({
		struct qkd_nl *nl = nl_here();
		char name[16];
		int n, err = 0;

		for (n = 0; n < 1000 && !err; n++) {
			snprintf(name, sizeof(name), "l%d", n);
			err = add(nl, name, NULL);
		}
		EXPECT_GT(0, err);
		EXPECT_EQ(65, n);
	}));
}

int main(int argc, char **argv)
{
	pair_need();
	return test_harness_run(argc, argv);
}
