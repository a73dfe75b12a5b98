// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory runs out at each allocation of each operation, one after the other
 * (invariants 6 and 9): the operation fails with a plain error and changed
 * nothing, or it succeeds; afterwards it works, and the accounts agree.
 *
 * Needs a kernel with failslab, the debug kernel: /proc/self/fail-nth. That
 * nothing leaks is for kmemleak to say (tests/vm/uml -D).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "qkd/tunnel.h"
#include "tests/otp/rtnl.h"
#include "tests/pair/pair.h"

#define POINTS_MAX	600	/* allocations of one operation, at most */

static int fail_nth = -1;

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		pair_die(path, errno);
	close(fd);
}

/*
 * Where sysfs refuses a new device the kernel itself errs: free_netdev() frees
 * what a kernel with DEBUG_KOBJECT_RELEASE lets go of late.
 */
static void spare_sysfs(const char *attr)
{
	char cmd[400];

	/* to read kallsyms takes minutes in this kernel */
	snprintf(cmd, sizeof(cmd),
		 "map=$(tests/vm/debug-kernel.sh --dir)/System.map; "
		 "[ -e $map ] || map=/proc/kallsyms; "
		 "cd /sys/kernel/debug/%s && "
		 "set -- $(grep -m 1 -A 1 ' netdev_register_kobject$' $map | "
		 "cut -d ' ' -f 1) && "
		 "echo 0x$1 > reject-start && echo 0x$2 > reject-end", attr);
	if (system(cmd))
		pair_die("reject-start", EIO);
}

static void need_faults(void)
{
	pair_need();
	if (access("/proc/self/fail-nth", W_OK) ||
	    access("/sys/kernel/debug/failslab", X_OK)) {
		printf("TAP version 13\n1..0 # SKIP needs failslab: the debug kernel\n");
		exit(4);
	}
	put("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	put("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	put("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N");
	put("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	spare_sysfs("failslab");
	spare_sysfs("fail_page_alloc");
	/* the traces of faults would hide what matters */
	put("/sys/kernel/debug/failslab/verbose", "0");
	put("/sys/kernel/debug/fail_page_alloc/verbose", "0");
	if (!access("/sys/kernel/debug/fail_usercopy", X_OK))
		put("/sys/kernel/debug/fail_usercopy/verbose", "0");
}

static void arm(unsigned int n)
{
	char text[16];

	if (fail_nth < 0)
		fail_nth = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	snprintf(text, sizeof(text), "%u", n);
	if (fail_nth < 0)
		pair_die("fail-nth", errno);
	/* this copy may be the one that fails, which disarms as well */
	while (pwrite(fail_nth, text, strlen(text), 0) < 0)
		if (errno != EFAULT)
			pair_die("fail-nth", errno);
}

/* True if there was an Nth allocation or copy, and it failed. */
static bool disarm(void)
{
	char text[16] = "";

	/* copies to users are among what fails: then it is this one */
	if (pread(fail_nth, text, sizeof(text) - 1, 0) < 0)
		return false;
	arm(0);
	return !atoi(text);
}

FIXTURE(faults) {
	struct pair p;
	struct qkd_link_conf conf;
	uint8_t key[64];
	struct qkd_key_id id;
};

FIXTURE_SETUP(faults)
{
	pair_make(&self->p, 65536);
	pair_fill(&self->p, 32768);
	self->conf = (struct qkd_link_conf)QKD_LINK_CONF_INIT;
	self->conf.local_node = "carol";
	self->conf.peer_node = "dave";
}

static int sum(const struct qkd_consumer *c, void *arg)
{
	uint64_t *n = arg;

	n[0] += c->tx_bytes;
	n[1] += c->rx_bytes;
	return 0;
}

/* What was fed is consumed, lost or held, and consumers' sums agree. */
static bool accounts_agree(struct pair *p, const char *name)
{
	uint64_t used[2] = { 0 };
	struct qkd_link *l;
	bool agree;

	if (qkd_link_get(p->nl, name, QKD_NO_INDEX, &l) ||
	    qkd_consumer_each(p->nl, name, QKD_NO_INDEX, sum, used))
		return false;
	agree = l->tx->consumed == used[0] && l->rx->consumed == used[1] &&
		l->tx->fed == l->tx->consumed + l->tx->lost + l->tx->held &&
		l->rx->fed == l->rx->consumed + l->rx->lost + l->rx->held;
	qkd_link_free(l);
	return agree;
}

FIXTURE_TEARDOWN(faults)
{
	EXPECT_TRUE(accounts_agree(&self->p, "a"));
	EXPECT_TRUE(accounts_agree(&self->p, "b"));
	pair_free(&self->p);
}

/* An answer that a program can be given: of memory, or that it was lost. */
static bool plain(int ret)
{
	return ret == -ENOMEM || ret == -ENOBUFS || ret == -EAGAIN ||
	       ret == -EFAULT || ret == -EINTR || ret == -ENFILE ||
	       ret == -EMSGSIZE;
}

/*
 * Does @op with each allocation failing in turn; @undo after each success;
 * @made tells, after a failure, whether the operation was done all the same.
 * -ENOBUFS and -EFAULT are netlink's own: it was done or not, the answer was
 * lost.
 */
#define EACH_POINT(op, undo, made) POINTS(1, 1, op, undo, made)

/* The same, but of @step points only one, from the @first. */
#define POINTS(first, step, op, undo, made) do {			\
	unsigned int n_, injected_ = 0;					\
	bool more_ = true;						\
	int ret_;							\
									\
	for (n_ = first; more_ && n_ < POINTS_MAX; n_ += step) {	\
		arm(n_);						\
		ret_ = op;						\
		more_ = disarm();					\
		injected_ += more_;					\
		if (ret_ >= 0) {					\
			ASSERT_LE(0, undo);				\
			continue;					\
		}							\
		EXPECT_TRUE(plain(ret_)) {				\
			TH_LOG("allocation %u: %d", n_, ret_);		\
		}							\
		if (!(made))						\
			continue;					\
		EXPECT_TRUE(ret_ == -ENOBUFS || ret_ == -EFAULT) {	\
			TH_LOG("allocation %u: done, and yet %d", n_,	\
			       ret_);					\
		}							\
		ASSERT_LE(0, undo);					\
	}								\
	EXPECT_FALSE(more_);						\
	EXPECT_LT(0, injected_);					\
	TH_LOG("%u allocations failed", injected_);			\
	ASSERT_LE(0, op);						\
	ASSERT_LE(0, undo);						\
} while (0)

static bool has_link(struct pair *p, const char *name)
{
	struct qkd_link *l;

	if (qkd_link_get(p->nl, name, QKD_NO_INDEX, &l))
		return false;
	qkd_link_free(l);
	return true;
}

static int link_add(FIXTURE_DATA(faults) *self)
{
	uint32_t index;

	return qkd_link_add(self->p.nl, "c", &self->conf, &index);
}

static int link_del(FIXTURE_DATA(faults) *self)
{
	return qkd_link_del(self->p.nl, "c", QKD_NO_INDEX);
}

TEST_F(faults, link_add)
{
	EACH_POINT(link_add(self), link_del(self), has_link(&self->p, "c"));
}

TEST_F(faults, link_del)
{
	ASSERT_EQ(0, link_add(self));
	EACH_POINT(link_del(self), link_add(self),
		   !has_link(&self->p, "c"));
	ASSERT_EQ(0, link_del(self));
}

static int link_change(FIXTURE_DATA(faults) *self, const char *name,
		       const char *config)
{
	struct qkd_link_conf c = QKD_LINK_CONF_INIT;

	c.driver = "sim";
	c.config = config;
	return qkd_link_set(self->p.nl, name, QKD_NO_INDEX, &c);
}

static int link_set(FIXTURE_DATA(faults) *self, const char *config)
{
	return link_change(self, "a", config);
}

TEST_F(faults, link_set)
{
	EACH_POINT(link_set(self, "length=1"), link_set(self, ""), false);
}

static int link_report(FIXTURE_DATA(faults) *self)
{
	struct qkd_link_report r = QKD_LINK_REPORT_INIT;

	r.reason = "a fault";
	r.report = "{\"block\":1}";
	r.alarm = QKD_ALARM_QBER;
	r.alarm_text = "too many errors";
	return qkd_link_report(self->p.nl, "a", QKD_NO_INDEX, &r);
}

TEST_F(faults, link_report)
{
	EACH_POINT(link_report(self), 0, false);
}

/* A dump that broke off occupies its socket. */
static int renew(FIXTURE_DATA(faults) *self)
{
	qkd_nl_close(self->p.nl);
	return qkd_nl_open(&self->p.nl, NULL);
}

static int ignore_link(const struct qkd_link *l, void *arg)
{
	return 0;
}

static int ignore_consumer(const struct qkd_consumer *c, void *arg)
{
	return 0;
}

static int ask_link(FIXTURE_DATA(faults) *self)
{
	struct qkd_link *l;
	int err = qkd_link_get(self->p.nl, "a", QKD_NO_INDEX, &l);

	if (!err)
		qkd_link_free(l);
	return err;
}

TEST_F(faults, link_get)
{
	EACH_POINT(ask_link(self), 0, false);
}

TEST_F(faults, dumps)
{
	EACH_POINT(qkd_link_each(self->p.nl, ignore_link, NULL), 0,
		   renew(self));
	EACH_POINT(qkd_consumer_each(self->p.nl, NULL, QKD_NO_INDEX,
				     ignore_consumer, NULL), 0, renew(self));
}

static int opened;

static int open_a(FIXTURE_DATA(faults) *self)
{
	opened = pair_open(&self->p.a, O_RDWR | O_NONBLOCK);
	return opened;
}

TEST_F(faults, open)
{
	EACH_POINT(open_a(self), close(opened), false);
}

/* A descriptor's account, which it opens before its first use. */
TEST_F(faults, label)
{
	struct qkd_label label = { .name = "a program" };

	ASSERT_LE(0, open_a(self));
	EACH_POINT(pair_ioctl(opened, QKD_IOC_LABEL, &label), 0, false);
	EACH_POINT(pair_get(opened, self->key, 32, &self->id), 0, false);
	close(opened);
}

static int start(FIXTURE_DATA(faults) *self)
{
	struct qkd_start s;

	self->p.generation[0]++;
	self->p.generation[1] += !self->p.generation[0];
	memcpy(s.generation, self->p.generation, sizeof(s.generation));
	return pair_ioctl(self->p.a.fd, QKD_IOC_START, &s);
}

static bool is_started(FIXTURE_DATA(faults) *self)
{
	struct qkd_state st;

	pair_state(&self->p.a, &st);
	return !memcmp(st.generation, self->p.generation,
		       sizeof(st.generation));
}

TEST_F(faults, start)
{
	EACH_POINT(start(self), 0, is_started(self));
}

/* Feeds the next block; the one before again would be refused. */
static int feed(FIXTURE_DATA(faults) *self)
{
	static uint8_t block[512];
	struct qkd_feed rec = {
		.len = sizeof(block), .seq = self->p.seq,
		.offset = self->p.offset,
	};
	int ret;

	memcpy(rec.generation, self->p.generation, sizeof(rec.generation));
	ret = pair_record(self->p.a.fd, &rec, block, sizeof(block));
	if (!ret) {
		self->p.seq++;
		self->p.offset += sizeof(block) / 2;
	}
	return ret;
}

TEST_F(faults, feed)
{
	struct qkd_state before, after;

	pair_state(&self->p.a, &before);
	EACH_POINT(feed(self), 0, false);
	pair_state(&self->p.a, &after);
	EXPECT_EQ(before.tx.head + 256 * (after.next_seq - before.next_seq),
		  after.tx.head);
}

/* The next 256 bytes are confirmed; once more changes nothing. */
TEST_F(faults, confirm)
{
	struct qkd_confirm c = { .offset = self->p.offset, .len = 256 };
	struct qkd_state before, after;

	memcpy(c.generation, self->p.generation, sizeof(c.generation));
	ASSERT_EQ(0, feed(self));
	pair_state(&self->p.a, &before);
	EACH_POINT(pair_ioctl(self->p.a.fd, QKD_IOC_CONFIRM, &c), 0, false);
	pair_state(&self->p.a, &after);
	EXPECT_EQ(before.tx.confirmed + 256, after.tx.confirmed);
}

static int get(FIXTURE_DATA(faults) *self)
{
	return pair_get(self->p.a.fd, self->key, 32, &self->id);
}

static int take(FIXTURE_DATA(faults) *self)
{
	return pair_take(self->p.b.fd, &self->id, self->key, 32);
}

TEST_F(faults, get_then_take)
{
	EACH_POINT(get(self), take(self), false);
}

TEST_F(faults, take)
{
	uint8_t key[32], same[32];
	unsigned int n;
	bool more = true;
	int ret;

	/* what a failed take left there can still be taken, and is the same */
	for (n = 1; more && n < POINTS_MAX; n++) {
		ASSERT_EQ(0, pair_get(self->p.a.fd, key, 32, &self->id));
		arm(n);
		ret = pair_take(self->p.b.fd, &self->id, same, 32);
		more = disarm();
		if (ret < 0) {
			EXPECT_TRUE(plain(ret));
			ret = pair_take(self->p.b.fd, &self->id, same, 32);
			/* a buffer gone bad in between spends it */
			EXPECT_TRUE(ret == 32 || ret == -EALREADY) {
				TH_LOG("allocation %u: %d", n, ret);
			}
		}
		if (ret == 32)
			EXPECT_EQ(0, memcmp(key, same, 32));
	}
	EXPECT_FALSE(more);
}

TEST_F(faults, join_a_stream)
{
	int fd = -1, n, ret = -1;
	bool more = true;
	char name[32];

	for (n = 1; more && n < POINTS_MAX; n++) {
		if (fd >= 0)
			close(fd);
		fd = pair_open(&self->p.a, O_RDONLY | O_NONBLOCK);
		ASSERT_LE(0, fd);
		snprintf(name, sizeof(name), "stream%d", n);
		arm(n);
		ret = pair_stream(fd, name);
		more = disarm();
		EXPECT_TRUE(!ret || plain(ret));
	}
	close(fd);
	EXPECT_FALSE(more);
	EXPECT_EQ(0, ret);
}

static int tunnel_add(FIXTURE_DATA(faults) *self)
{
	struct qkd_tunnel_conf c = QKD_TUNNEL_CONF_INIT;

	c.link = "a";
	return qkd_tunnel_add(self->p.nl, "t", &c, NULL);
}

static int tunnel_del(FIXTURE_DATA(faults) *self)
{
	return qkd_tunnel_del(self->p.nl, "t");
}

static bool has_tunnel(FIXTURE_DATA(faults) *self)
{
	struct qkd_tunnel *t;

	if (qkd_tunnel_get(self->p.nl, "t", &t))
		return false;
	qkd_tunnel_free(t);
	return true;
}

static bool need_xfrm(void)
{
	return pair_module("qkd_xfrm");
}

TEST_F(faults, tunnel_add)
{
	if (!need_xfrm())
		SKIP(return, "needs qkd_xfrm");
	EACH_POINT(tunnel_add(self), tunnel_del(self), has_tunnel(self));
	/* nothing is left: neither policies nor SAs */
	EXPECT_EQ(0, system("! ip xfrm policy | grep -q tmpl"));
}

TEST_F(faults, tunnel_del)
{
	if (!need_xfrm())
		SKIP(return, "needs qkd_xfrm");
	ASSERT_EQ(0, tunnel_add(self));
	EACH_POINT(tunnel_del(self), tunnel_add(self), !has_tunnel(self));
	ASSERT_EQ(0, tunnel_del(self));
}

/* Between networks, in UDP: more policies, exceptions from them, a socket. */
static int network_add(FIXTURE_DATA(faults) *self)
{
	struct qkd_tunnel_conf c = QKD_TUNNEL_CONF_INIT;

	c.link = "a";
	c.mode = QKD_XFRM_MODE_TUNNEL;
	c.encap_sport = 4500;
	c.src.family = AF_INET;
	c.dst.family = AF_INET;
	c.set = QKD_BIT(QKD_XFRM_A_TUNNEL_MODE) |
		QKD_BIT(QKD_XFRM_A_TUNNEL_ENCAP_SPORT) |
		QKD_BIT(QKD_XFRM_A_TUNNEL_SRC) |
		QKD_BIT(QKD_XFRM_A_TUNNEL_DST) |
		QKD_BIT(QKD_XFRM_A_TUNNEL_SRC_PREFIX) |
		QKD_BIT(QKD_XFRM_A_TUNNEL_DST_PREFIX);
	return qkd_tunnel_add(self->p.nl, "t", &c, NULL);
}

TEST_F(faults, tunnel_of_networks)
{
	if (!need_xfrm())
		SKIP(return, "needs qkd_xfrm");
	EACH_POINT(network_add(self), tunnel_del(self), has_tunnel(self));
	EXPECT_EQ(0, system("! ip xfrm policy | grep -q ."));
	EXPECT_EQ(0, system("! ss -lun | grep -q :4500"));
}

static int ask_tunnel(FIXTURE_DATA(faults) *self)
{
	struct qkd_tunnel *t;
	int err = qkd_tunnel_get(self->p.nl, "t", &t);

	if (!err)
		qkd_tunnel_free(t);
	return err;
}

TEST_F(faults, tunnel_get_and_rekey)
{
	if (!need_xfrm())
		SKIP(return, "needs qkd_xfrm");
	ASSERT_EQ(0, tunnel_add(self));
	EACH_POINT(ask_tunnel(self), 0, false);
	EACH_POINT(qkd_tunnel_rekey(self->p.nl, "t"), 0, false);
	ASSERT_EQ(0, tunnel_del(self));
}

static int tunnel_set(FIXTURE_DATA(faults) *self, uint32_t ms)
{
	struct qkd_tunnel_conf c = QKD_TUNNEL_CONF_INIT;

	c.rekey_time = ms;
	c.hybrid = 1;
	c.set = QKD_BIT(QKD_XFRM_A_TUNNEL_REKEY_TIME) |
		QKD_BIT(QKD_XFRM_A_TUNNEL_HYBRID);
	return qkd_tunnel_set(self->p.nl, "t", &c);
}

static int ignore_tunnel(const struct qkd_tunnel *t, void *arg)
{
	return 0;
}

TEST_F(faults, tunnel_set_and_told)
{
	if (!need_xfrm())
		SKIP(return, "needs qkd_xfrm");
	ASSERT_EQ(0, tunnel_add(self));
	EACH_POINT(tunnel_set(self, 5000), tunnel_set(self, 60000), false);
	EACH_POINT(qkd_tunnel_each(self->p.nl, NULL, ignore_tunnel, NULL), 0,
		   renew(self));
	ASSERT_EQ(0, tunnel_del(self));
}

/* Each secret has an ID of its own; one that was given before is no news. */
static int secret(FIXTURE_DATA(faults) *self)
{
	uint8_t bytes[QKD_XFRM_SECRET_SIZE];
	int ret;

	memset(bytes, 7, sizeof(bytes));
	self->id.b[0] += !++self->id.b[1];
	ret = qkd_secret_give(self->p.nl, "a", self->id.b, bytes);
	return ret ?: qkd_secret_use(self->p.nl, "a", self->id.b);
}

TEST_F(faults, secret)
{
	if (!need_xfrm())
		SKIP(return, "needs qkd_xfrm");
	EACH_POINT(secret(self), 0, false);
}

static int otp_add(FIXTURE_DATA(faults) *self)
{
	return otp_rtnl_add("otp0", "a");
}

static int otp_del(FIXTURE_DATA(faults) *self)
{
	return otp_rtnl_del("otp0");
}

static bool has_otp(void)
{
	return otp_rtnl_weight("otp0");
}

/*
 * The debug kernel lets go of a device seconds late on purpose: not every point
 * each time, but others the next.
 */
#define FEW_POINTS(op, undo, made) \
	POINTS(1 + random_below(8), 8, op, undo, made)

static unsigned int random_below(unsigned int n)
{
	uint32_t r;

	pair_random(&r, sizeof(r));
	return r % n;
}

TEST_F(faults, otp_add)
{
	if (!pair_module("qkd_otp"))
		SKIP(return, "needs qkd_otp");
	FEW_POINTS(otp_add(self), otp_del(self), has_otp());
}

TEST_F(faults, otp_del)
{
	if (!pair_module("qkd_otp"))
		SKIP(return, "needs qkd_otp");
	ASSERT_EQ(0, otp_add(self));
	FEW_POINTS(otp_del(self), otp_add(self), !has_otp());
	ASSERT_EQ(0, otp_del(self));
}

/* A second opening finds it open. */
TEST_F(faults, otp_up)
{
	if (!pair_module("qkd_otp"))
		SKIP(return, "needs qkd_otp");
	ASSERT_EQ(0, otp_add(self));
	EACH_POINT(otp_rtnl_up("otp0", true), otp_rtnl_up("otp0", false),
		   !system("ip link show up dev otp0 | grep -q otp0"));
	ASSERT_EQ(0, otp_del(self));
}

static int otp_set(uint32_t weight)
{
	return otp_rtnl_set("otp0", NULL, weight, htonl(0x7f000000 + weight));
}

/* All of what was asked for, or nothing. */
TEST_F(faults, otp_set)
{
	if (!pair_module("qkd_otp"))
		SKIP(return, "needs qkd_otp");
	ASSERT_EQ(0, otp_add(self));
	ASSERT_EQ(0, otp_set(7));
	EACH_POINT(otp_set(8), otp_set(7), otp_rtnl_weight("otp0") == 8);
	ASSERT_EQ(0, otp_del(self));
}

static int otp_unbound(FIXTURE_DATA(faults) *self)
{
	return otp_del(self) ?: otp_rtnl_add("otp0", NULL);
}

TEST_F(faults, otp_bind)
{
	if (!pair_module("qkd_otp"))
		SKIP(return, "needs qkd_otp");
	ASSERT_EQ(0, otp_rtnl_add("otp0", NULL));
	EACH_POINT(otp_rtnl_set("otp0", "a", 9, 0), otp_unbound(self),
		   otp_rtnl_weight("otp0") == 9);
	ASSERT_EQ(0, otp_del(self));
}

/*
 * A device outlives its link, and takes the next of that name. It need not at
 * once if there is no memory, but when anything of the link is heard next.
 */
TEST_F(faults, otp_follows_its_link)
{
	unsigned int n;
	bool more = true;

	if (!pair_module("qkd_otp"))
		SKIP(return, "needs qkd_otp");
	ASSERT_EQ(0, link_add(self));
	ASSERT_EQ(0, otp_rtnl_add("otp0", "c"));
	ASSERT_EQ(0, otp_rtnl_up("otp0", true));
	EXPECT_TRUE(otp_rtnl_attached("otp0"));
	for (n = 1; more && n < POINTS_MAX; n++) {
		ASSERT_EQ(0, link_del(self));
		EXPECT_FALSE(otp_rtnl_attached("otp0"));
		arm(n);
		link_add(self);
		more = disarm();
		ASSERT_EQ(0, has_link(&self->p, "c") ?
			     link_change(self, "c", "heard=1") :
			     link_add(self));
		EXPECT_TRUE(otp_rtnl_attached("otp0")) {
			TH_LOG("allocation %u", n);
		}
	}
	EXPECT_FALSE(more);
	ASSERT_EQ(0, otp_del(self));
	ASSERT_EQ(0, link_del(self));
}

int main(int argc, char **argv)
{
	need_faults();
	return test_harness_run(argc, argv);
}
