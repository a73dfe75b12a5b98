// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every command of the family "qkd", with good and bad input. Messages are
 * made here, not by the library, which would not send bad ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "tests/pair/pair.h"

#define ROOM	65536

FIXTURE(nl) {
	struct mnl_socket *sock;
	struct mnl_socket *events;
	uint16_t family;
	uint32_t seq;
	char extack[256];
	uint8_t buf[ROOM];
	uint8_t reply[ROOM];
};

static struct nlmsghdr *begin(FIXTURE_DATA(nl) *self, uint8_t cmd,
			      uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(self->buf);
	struct genlmsghdr *g;

	h->nlmsg_type = self->family;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = ++self->seq;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->cmd = cmd;
	g->version = QKD_FAMILY_VERSION;
	return h;
}

static void ack_text(FIXTURE_DATA(nl) *self, const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;
	size_t at = sizeof(*e);

	self->extack[0] = 0;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		at += mnl_nlmsg_get_payload_len(&e->msg);
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	mnl_attr_for_each(a, h, at)
		if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG)
			snprintf(self->extack, sizeof(self->extack), "%s",
				 mnl_attr_get_str(a));
}

typedef void (*each_t)(const struct nlmsghdr *h, void *arg);

/* Sends what was made, hands each answer to @cb; 0 or -errno. */
static int talk_cb(FIXTURE_DATA(nl) *self, each_t cb, void *arg)
{
	struct nlmsghdr *h = (void *)self->buf;
	ssize_t n;
	int len;

	h->nlmsg_flags |= h->nlmsg_flags & NLM_F_DUMP ? 0 : NLM_F_ACK;
	if (mnl_socket_sendto(self->sock, h, h->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		n = mnl_socket_recvfrom(self->sock, self->reply, ROOM);
		if (n < 0)
			return -errno;
		len = n;
		for (h = (void *)self->reply; mnl_nlmsg_ok(h, len);
		     h = mnl_nlmsg_next(h, &len)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

			if (h->nlmsg_type == NLMSG_ERROR) {
				ack_text(self, h);
				return e->error;
			}
			if (h->nlmsg_type == NLMSG_DONE)
				return *(int *)mnl_nlmsg_get_payload(h);
			if (cb)
				cb(h, arg);
		}
	}
}

static int talk(FIXTURE_DATA(nl) *self)
{
	return talk_cb(self, NULL, NULL);
}

static int group(FIXTURE_DATA(nl) *self, const char *name);

struct found {
	uint16_t family;
	const char *want;
	uint32_t group;
};

static void find_family(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a, *g, *x;
	struct found *f = arg;

	mnl_attr_for_each(a, h, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID)
			f->family = mnl_attr_get_u16(a);
		if (mnl_attr_get_type(a) != CTRL_ATTR_MCAST_GROUPS)
			continue;
		mnl_attr_for_each_nested(g, a) {
			uint32_t id = 0;
			int is = 0;

			mnl_attr_for_each_nested(x, g) {
				if (mnl_attr_get_type(x) ==
				    CTRL_ATTR_MCAST_GRP_ID)
					id = mnl_attr_get_u32(x);
				else if (f->want)
					is = !strcmp(mnl_attr_get_str(x),
						     f->want);
			}
			if (is)
				f->group = id;
		}
	}
}

static struct found family(FIXTURE_DATA(nl) *self, const char *want)
{
	struct found f = { .want = want };
	struct nlmsghdr *h;

	self->family = GENL_ID_CTRL;
	h = begin(self, CTRL_CMD_GETFAMILY, 0);
	mnl_attr_put_strz(h, CTRL_ATTR_FAMILY_NAME, QKD_FAMILY_NAME);
	if (talk_cb(self, find_family, &f))
		pair_die("getfamily", ENOENT);
	self->family = f.family;
	return f;
}

static int group(FIXTURE_DATA(nl) *self, const char *name)
{
	struct found f = family(self, name);
	int id = f.group;

	return mnl_socket_setsockopt(self->events, NETLINK_ADD_MEMBERSHIP,
				     &id, sizeof(id));
}

FIXTURE_SETUP(nl)
{
	int one = 1;

	pair_namespace();
	self->sock = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	self->events = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	ASSERT_NE(NULL, self->sock);
	ASSERT_EQ(0, mnl_socket_bind(self->sock, 0, MNL_SOCKET_AUTOPID));
	ASSERT_EQ(0, mnl_socket_bind(self->events, 0, MNL_SOCKET_AUTOPID));
	mnl_socket_setsockopt(self->sock, NETLINK_EXT_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(self->sock, NETLINK_GET_STRICT_CHK, &one,
			      sizeof(one));
	family(self, NULL);
}

FIXTURE_TEARDOWN(nl)
{
	mnl_socket_close(self->sock);
	mnl_socket_close(self->events);
}

static struct nlmsghdr *new_link(FIXTURE_DATA(nl) *self, const char *name)
{
	struct nlmsghdr *h = begin(self, QKD_CMD_LINK_NEW, 0);

	if (name)
		mnl_attr_put_strz(h, QKD_A_LINK_NAME, name);
	mnl_attr_put_strz(h, QKD_A_LINK_LOCAL_NODE, "alice");
	mnl_attr_put_strz(h, QKD_A_LINK_PEER_NODE, "bob");
	return h;
}

static struct nlmsghdr *named(FIXTURE_DATA(nl) *self, uint8_t cmd,
			      const char *name)
{
	struct nlmsghdr *h = begin(self, cmd, 0);

	mnl_attr_put_strz(h, QKD_A_LINK_NAME, name);
	return h;
}

struct seen {
	int n;
	uint32_t index;
	uint32_t u32[QKD_A_LINK_MAX + 1];
	uint64_t u64[QKD_A_LINK_MAX + 1];
	char str[QKD_A_LINK_MAX + 1][64];
	int has[QKD_A_LINK_MAX + 1];
	size_t len[QKD_A_LINK_MAX + 1];
	int padding;		/* not zero somewhere */
};

/* Bytes between attributes must be zeros. */
static void check_padding(const struct nlattr *a, struct seen *s)
{
	const uint8_t *p = (const uint8_t *)a;
	int i;

	for (i = a->nla_len; i < (int)MNL_ALIGN(a->nla_len); i++)
		s->padding |= p[i];
}

static void see(const struct nlmsghdr *h, void *arg)
{
	struct seen *s = arg;
	const struct nlattr *a;

	s->n++;
	mnl_attr_for_each(a, h, sizeof(struct genlmsghdr)) {
		int t = mnl_attr_get_type(a);

		check_padding(a, s);
		s->has[t]++;
		s->len[t] = mnl_attr_get_payload_len(a);
		if (s->len[t] == 4)
			s->u32[t] = mnl_attr_get_u32(a);
		if (s->len[t] == 8)
			s->u64[t] = mnl_attr_get_u64(a);
		snprintf(s->str[t], 64, "%.*s", (int)s->len[t],
			 (const char *)mnl_attr_get_payload(a));
	}
	s->index = s->u32[QKD_A_LINK_INDEX];
}

static int get_link(FIXTURE_DATA(nl) *self, const char *name, struct seen *s)
{
	memset(s, 0, sizeof(*s));
	named(self, QKD_CMD_LINK_GET, name);
	return talk_cb(self, see, s);
}

TEST_F(nl, new_replies_the_handle_and_get_tells_all)
{
	struct nlmsghdr *h = new_link(self, "paris");
	struct seen s = { 0 };
	uint32_t index;

	mnl_attr_put_u32(h, QKD_A_LINK_LOCAL4, htonl(0x0a000001));
	mnl_attr_put_u32(h, QKD_A_LINK_PEER4, htonl(0x0a000002));
	mnl_attr_put(h, QKD_A_LINK_LOCAL6, 16, "0123456789abcdef");
	mnl_attr_put(h, QKD_A_LINK_PEER6, 16, "fedcba9876543210");
	mnl_attr_put_u16(h, QKD_A_LINK_PEER_PORT, htons(4444));
	mnl_attr_put_strz(h, QKD_A_LINK_DRIVER, "sim");
	mnl_attr_put_strz(h, QKD_A_LINK_CONFIG, "length=10km eve=0");
	mnl_attr_put_u32(h, QKD_A_LINK_ROLE, QKD_ROLE_BOB);
	mnl_attr_put_u32(h, QKD_A_LINK_ADMIN_STATE, QKD_ADMIN_STATE_UP);
	mnl_attr_put_u32(h, QKD_A_LINK_POOL_SIZE, 8192);
	mnl_attr_put_u32(h, QKD_A_LINK_LOW_WATERMARK, 2000);
	mnl_attr_put_u32(h, QKD_A_LINK_HIGH_WATERMARK, 3000);
	mnl_attr_put_u32(h, QKD_A_LINK_RX_GRACE, 777);
	ASSERT_EQ(0, talk_cb(self, see, &s));
	EXPECT_EQ(1, s.n);
	EXPECT_STREQ("paris", s.str[QKD_A_LINK_NAME]);
	EXPECT_EQ(1, s.has[QKD_A_LINK_INDEX]);
	index = s.index;

	ASSERT_EQ(0, get_link(self, "paris", &s));
	EXPECT_EQ(index, s.index);
	EXPECT_STREQ("alice", s.str[QKD_A_LINK_LOCAL_NODE]);
	EXPECT_STREQ("bob", s.str[QKD_A_LINK_PEER_NODE]);
	EXPECT_EQ(htonl(0x0a000001), s.u32[QKD_A_LINK_LOCAL4]);
	EXPECT_EQ(htonl(0x0a000002), s.u32[QKD_A_LINK_PEER4]);
	EXPECT_STREQ("0123456789abcdef", s.str[QKD_A_LINK_LOCAL6]);
	EXPECT_STREQ("fedcba9876543210", s.str[QKD_A_LINK_PEER6]);
	EXPECT_EQ(2, s.len[QKD_A_LINK_PEER_PORT]);
	EXPECT_STREQ("sim", s.str[QKD_A_LINK_DRIVER]);
	EXPECT_STREQ("length=10km eve=0", s.str[QKD_A_LINK_CONFIG]);
	EXPECT_EQ(QKD_ROLE_BOB, s.u32[QKD_A_LINK_ROLE]);
	EXPECT_EQ(QKD_ADMIN_STATE_UP, s.u32[QKD_A_LINK_ADMIN_STATE]);
	EXPECT_EQ(QKD_OPER_STATE_WAITING, s.u32[QKD_A_LINK_OPER_STATE]);
	EXPECT_EQ(8192, s.u32[QKD_A_LINK_POOL_SIZE]);
	EXPECT_EQ(2000, s.u32[QKD_A_LINK_LOW_WATERMARK]);
	EXPECT_EQ(3000, s.u32[QKD_A_LINK_HIGH_WATERMARK]);
	EXPECT_EQ(777, s.u32[QKD_A_LINK_RX_GRACE]);
	EXPECT_EQ(0, s.has[QKD_A_LINK_GENERATION]);
	EXPECT_EQ(1, s.has[QKD_A_LINK_TX]);
	EXPECT_EQ(1, s.has[QKD_A_LINK_RX]);
	EXPECT_EQ(1, s.has[QKD_A_LINK_ERRORS]);
	EXPECT_EQ(0, s.padding);
}

/* The links of the namespace, over a dump. */
static int count(FIXTURE_DATA(nl) *self)
{
	struct seen s = { 0 };

	begin(self, QKD_CMD_LINK_GET, NLM_F_DUMP);
	return talk_cb(self, see, &s) ? -1 : s.n;
}

/* Expects the link-new made so far to be refused with @err and a hint. */
#define EXPECT_REFUSED(err, hint) do {				\
	EXPECT_EQ(err, talk(self));				\
	EXPECT_NE(NULL, strstr(self->extack, hint)) {		\
		TH_LOG("extack: %s", self->extack);		\
	}							\
	EXPECT_EQ(0, count(self));				\
} while (0)

TEST_F(nl, invariant_6_bad_new_makes_nothing)
{
	struct nlmsghdr *h;
	char text[5000];

	new_link(self, NULL);
	EXPECT_REFUSED(-EINVAL, "name");
	h = begin(self, QKD_CMD_LINK_NEW, 0);
	mnl_attr_put_strz(h, QKD_A_LINK_NAME, "x");
	EXPECT_REFUSED(-EINVAL, "node");
	new_link(self, "");
	EXPECT_REFUSED(-EINVAL, "name");
	new_link(self, "a b");
	EXPECT_REFUSED(-EINVAL, "blanks");
	new_link(self, "../../x");
	EXPECT_REFUSED(-EINVAL, "slashes");
	memset(text, 'x', sizeof(text));
	text[QKD_NAME_MAX + 1] = 0;
	new_link(self, text);
	EXPECT_REFUSED(-EINVAL, "");
	h = begin(self, QKD_CMD_LINK_NEW, 0);
	mnl_attr_put(h, QKD_A_LINK_NAME, 3, "abc");	/* no NUL */
	EXPECT_REFUSED(-EINVAL, "");
	h = begin(self, QKD_CMD_LINK_NEW, 0);
	mnl_attr_put_strz(h, QKD_A_LINK_NAME, "x");
	mnl_attr_put_strz(h, QKD_A_LINK_LOCAL_NODE, "same");
	mnl_attr_put_strz(h, QKD_A_LINK_PEER_NODE, "same");
	EXPECT_REFUSED(-EINVAL, "differ");

	h = new_link(self, "x");
	mnl_attr_put_u32(h, QKD_A_LINK_POOL_SIZE, 5000);
	EXPECT_REFUSED(-EINVAL, "power of two");
	h = new_link(self, "x");
	mnl_attr_put_u32(h, QKD_A_LINK_POOL_SIZE, 2048);
	EXPECT_REFUSED(-EINVAL, "power of two");
	h = new_link(self, "x");
	mnl_attr_put_u32(h, QKD_A_LINK_POOL_SIZE, 1U << 31);
	EXPECT_REFUSED(-EINVAL, "power of two");
	h = new_link(self, "x");
	mnl_attr_put_u32(h, QKD_A_LINK_POOL_SIZE, 4096);
	mnl_attr_put_u32(h, QKD_A_LINK_HIGH_WATERMARK, 4097);
	EXPECT_REFUSED(-EINVAL, "high-watermark");
	h = new_link(self, "x");
	mnl_attr_put_u32(h, QKD_A_LINK_LOW_WATERMARK, 200000);
	EXPECT_REFUSED(-EINVAL, "low-watermark");
	h = new_link(self, "x");
	mnl_attr_put_u32(h, QKD_A_LINK_LOCAL4, htonl(0x0a000001));
	EXPECT_REFUSED(-EINVAL, "endpoints");
	h = new_link(self, "x");
	mnl_attr_put(h, QKD_A_LINK_PEER6, 16, "fedcba9876543210");
	EXPECT_REFUSED(-EINVAL, "endpoints");
	h = new_link(self, "x");
	mnl_attr_put(h, QKD_A_LINK_PEER6, 15, "fedcba987654321");
	EXPECT_REFUSED(-ERANGE, "");
	h = new_link(self, "x");
	mnl_attr_put_u16(h, QKD_A_LINK_PEER_PORT, 0);
	EXPECT_REFUSED(-EINVAL, "peer-port");
	h = new_link(self, "x");
	mnl_attr_put_u32(h, QKD_A_LINK_ROLE, 3);
	EXPECT_REFUSED(-ERANGE, "");
	h = new_link(self, "x");
	mnl_attr_put_u32(h, QKD_A_LINK_ADMIN_STATE, 2);
	EXPECT_REFUSED(-ERANGE, "");
	h = new_link(self, "x");
	mnl_attr_put_u16(h, QKD_A_LINK_POOL_SIZE, 4096);	/* too short */
	EXPECT_REFUSED(-EINVAL, "");
	h = new_link(self, "x");
	text[QKD_NAME_MAX + 1] = 'x';
	text[QKD_CONFIG_MAX + 1] = 0;
	mnl_attr_put_strz(h, QKD_A_LINK_CONFIG, text);
	EXPECT_REFUSED(-EINVAL, "");
	/* what is not to be set, and what does not exist */
	h = new_link(self, "x");
	mnl_attr_put_u32(h, QKD_A_LINK_OPER_STATE, 1);
	EXPECT_REFUSED(-EINVAL, "");
	h = new_link(self, "x");
	mnl_attr_put_u32(h, 200, 1);
	EXPECT_REFUSED(-EINVAL, "");
}

TEST_F(nl, a_name_is_one_links)
{
	new_link(self, "twin");
	ASSERT_EQ(0, talk(self));
	new_link(self, "twin");
	EXPECT_EQ(-EEXIST, talk(self));
	EXPECT_NE(NULL, strstr(self->extack, "name"));
	EXPECT_EQ(1, count(self));
	named(self, QKD_CMD_LINK_DEL, "twin");
	EXPECT_EQ(0, talk(self));
	new_link(self, "twin");
	EXPECT_EQ(0, talk(self));
}

TEST_F(nl, links_are_found_by_name_index_or_both)
{
	struct nlmsghdr *h;
	struct seen s = { 0 };

	new_link(self, "one");
	ASSERT_EQ(0, talk_cb(self, see, &s));
	h = begin(self, QKD_CMD_LINK_GET, 0);
	mnl_attr_put_u32(h, QKD_A_LINK_INDEX, s.index);
	EXPECT_EQ(0, talk(self));
	h = named(self, QKD_CMD_LINK_GET, "one");
	mnl_attr_put_u32(h, QKD_A_LINK_INDEX, s.index);
	EXPECT_EQ(0, talk(self));
	h = named(self, QKD_CMD_LINK_GET, "two");
	mnl_attr_put_u32(h, QKD_A_LINK_INDEX, s.index);
	EXPECT_EQ(-ENODEV, talk(self));
	named(self, QKD_CMD_LINK_GET, "two");
	EXPECT_EQ(-ENODEV, talk(self));
	EXPECT_NE(NULL, strstr(self->extack, "no such link"));
	begin(self, QKD_CMD_LINK_GET, 0);
	EXPECT_EQ(-EINVAL, talk(self));
	EXPECT_NE(NULL, strstr(self->extack, "name or index"));
	named(self, QKD_CMD_LINK_DEL, "two");
	EXPECT_EQ(-ENODEV, talk(self));
	named(self, QKD_CMD_LINK_SET, "two");
	EXPECT_EQ(-ENODEV, talk(self));
	named(self, QKD_CMD_LINK_REPORT, "two");
	EXPECT_EQ(-ENODEV, talk(self));
}

TEST_F(nl, set_changes_what_is_given)
{
	struct nlmsghdr *h = new_link(self, "x");
	struct seen s;

	mnl_attr_put_u32(h, QKD_A_LINK_LOCAL4, htonl(0x0a000001));
	mnl_attr_put_u32(h, QKD_A_LINK_PEER4, htonl(0x0a000002));
	ASSERT_EQ(0, talk(self));
	h = named(self, QKD_CMD_LINK_SET, "x");
	mnl_attr_put_u32(h, QKD_A_LINK_PEER4, htonl(0x0a000003));
	mnl_attr_put_u32(h, QKD_A_LINK_ADMIN_STATE, QKD_ADMIN_STATE_UP);
	mnl_attr_put_strz(h, QKD_A_LINK_CONFIG, "a=b");
	ASSERT_EQ(0, talk(self));
	ASSERT_EQ(0, get_link(self, "x", &s));
	EXPECT_EQ(htonl(0x0a000001), s.u32[QKD_A_LINK_LOCAL4]);
	EXPECT_EQ(htonl(0x0a000003), s.u32[QKD_A_LINK_PEER4]);
	EXPECT_EQ(QKD_OPER_STATE_WAITING, s.u32[QKD_A_LINK_OPER_STATE]);
	EXPECT_STREQ("a=b", s.str[QKD_A_LINK_CONFIG]);
	h = named(self, QKD_CMD_LINK_SET, "x");
	mnl_attr_put_u32(h, QKD_A_LINK_LOCAL4, 0);
	mnl_attr_put_u32(h, QKD_A_LINK_PEER4, 0);
	mnl_attr_put_strz(h, QKD_A_LINK_CONFIG, "");
	ASSERT_EQ(0, talk(self));
	ASSERT_EQ(0, get_link(self, "x", &s));
	EXPECT_EQ(0, s.has[QKD_A_LINK_LOCAL4]);
	EXPECT_STREQ("", s.str[QKD_A_LINK_CONFIG]);
}

TEST_F(nl, invariant_6_bad_set_changes_nothing)
{
	struct nlmsghdr *h = new_link(self, "x");
	struct seen before, after;

	mnl_attr_put_u32(h, QKD_A_LINK_POOL_SIZE, 4096);
	ASSERT_EQ(0, talk(self));
	ASSERT_EQ(0, get_link(self, "x", &before));

	h = named(self, QKD_CMD_LINK_SET, "x");
	mnl_attr_put_strz(h, QKD_A_LINK_CONFIG, "changed");
	mnl_attr_put_u32(h, QKD_A_LINK_ADMIN_STATE, 1);
	mnl_attr_put_u32(h, QKD_A_LINK_PEER4, htonl(0x0a000003));
	EXPECT_EQ(-EINVAL, talk(self));
	h = named(self, QKD_CMD_LINK_SET, "x");
	mnl_attr_put_strz(h, QKD_A_LINK_DRIVER, "changed");
	mnl_attr_put_u32(h, QKD_A_LINK_HIGH_WATERMARK, 5000);
	EXPECT_EQ(-EINVAL, talk(self));
	h = named(self, QKD_CMD_LINK_SET, "x");
	mnl_attr_put_strz(h, QKD_A_LINK_DRIVER, "changed");
	mnl_attr_put_u16(h, QKD_A_LINK_PEER_PORT, 0);
	EXPECT_EQ(-EINVAL, talk(self));
	/* these cannot change */
	h = named(self, QKD_CMD_LINK_SET, "x");
	mnl_attr_put_u32(h, QKD_A_LINK_POOL_SIZE, 8192);
	EXPECT_EQ(-EINVAL, talk(self));
	h = named(self, QKD_CMD_LINK_SET, "x");
	mnl_attr_put_strz(h, QKD_A_LINK_LOCAL_NODE, "zoe");
	EXPECT_EQ(-EINVAL, talk(self));
	h = named(self, QKD_CMD_LINK_SET, "x");
	mnl_attr_put_u32(h, QKD_A_LINK_ROLE, 1);
	EXPECT_EQ(-EINVAL, talk(self));

	ASSERT_EQ(0, get_link(self, "x", &after));
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
}

TEST_F(nl, a_report_is_told_and_stays)
{
	struct nlmsghdr *h;
	struct nlattr *nest;
	struct seen s;
	char text[QKD_REPORT_MAX + 1];

	new_link(self, "x");
	ASSERT_EQ(0, talk(self));
	memset(text, 'r', sizeof(text));
	text[QKD_REPORT_MAX] = 0;
	h = named(self, QKD_CMD_LINK_REPORT, "x");
	mnl_attr_put_strz(h, QKD_A_LINK_REASON, "no light");
	mnl_attr_put_strz(h, QKD_A_LINK_REPORT, text);
	nest = mnl_attr_nest_start(h, QKD_A_LINK_RATES);
	mnl_attr_put_u32(h, QKD_A_RATES_QBER_PPM, 12345);
	mnl_attr_nest_end(h, nest);
	nest = mnl_attr_nest_start(h, QKD_A_LINK_ERRORS);
	mnl_attr_put_u64(h, QKD_A_ERRORS_QBER, 9);
	mnl_attr_nest_end(h, nest);
	ASSERT_EQ(0, talk(self));
	ASSERT_EQ(0, get_link(self, "x", &s));
	EXPECT_STREQ("no light", s.str[QKD_A_LINK_REASON]);
	EXPECT_EQ(QKD_REPORT_MAX + 1, s.len[QKD_A_LINK_REPORT]);
	EXPECT_EQ(1, s.has[QKD_A_LINK_RATES]);
	/* and a dump can carry it */
	EXPECT_EQ(1, count(self));

	h = named(self, QKD_CMD_LINK_REPORT, "x");
	mnl_attr_put_strz(h, QKD_A_LINK_REASON, "");
	ASSERT_EQ(0, talk(self));
	ASSERT_EQ(0, get_link(self, "x", &s));
	EXPECT_STREQ("", s.str[QKD_A_LINK_REASON]);
	EXPECT_EQ(QKD_REPORT_MAX + 1, s.len[QKD_A_LINK_REPORT]);
}

TEST_F(nl, invariant_6_bad_reports_change_nothing)
{
	struct nlmsghdr *h;
	struct nlattr *nest;
	struct seen before, after;

	new_link(self, "x");
	ASSERT_EQ(0, talk(self));
	ASSERT_EQ(0, get_link(self, "x", &before));
	h = named(self, QKD_CMD_LINK_REPORT, "x");
	mnl_attr_put_strz(h, QKD_A_LINK_REASON, "changed");
	mnl_attr_put_strz(h, QKD_A_LINK_TEXT, "no code");
	EXPECT_EQ(-EINVAL, talk(self));
	h = named(self, QKD_CMD_LINK_REPORT, "x");
	mnl_attr_put_strz(h, QKD_A_LINK_REASON, "changed");
	mnl_attr_put_u32(h, QKD_A_LINK_ALARM, 9);
	EXPECT_EQ(-ERANGE, talk(self));
	h = named(self, QKD_CMD_LINK_REPORT, "x");
	mnl_attr_put_strz(h, QKD_A_LINK_REASON, "changed");
	nest = mnl_attr_nest_start(h, QKD_A_LINK_ERRORS);
	mnl_attr_put_u64(h, QKD_A_ERRORS_RX_AUTH, 9);
	mnl_attr_nest_end(h, nest);
	EXPECT_EQ(-EINVAL, talk(self));
	EXPECT_NE(NULL, strstr(self->extack, "kernel counts"));
	h = named(self, QKD_CMD_LINK_REPORT, "x");
	mnl_attr_put_strz(h, QKD_A_LINK_REASON, "changed");
	nest = mnl_attr_nest_start(h, QKD_A_LINK_RATES);
	mnl_attr_put_u16(h, QKD_A_RATES_QBER_PPM, 1);
	mnl_attr_nest_end(h, nest);
	EXPECT_EQ(-EINVAL, talk(self));
	ASSERT_EQ(0, get_link(self, "x", &after));
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
}

TEST_F(nl, a_dump_tells_each_link_once)
{
	char name[32];
	int i;

	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "link%d", i);
		new_link(self, name);
		ASSERT_EQ(0, talk(self));
	}
	EXPECT_EQ(300, count(self));
	for (i = 0; i < 300; i += 2) {
		snprintf(name, sizeof(name), "link%d", i);
		named(self, QKD_CMD_LINK_DEL, name);
		ASSERT_EQ(0, talk(self));
	}
	EXPECT_EQ(150, count(self));
}

TEST_F(nl, consumers_are_told_for_one_link_or_all)
{
	struct nlmsghdr *h;
	struct seen s;

	new_link(self, "x");
	ASSERT_EQ(0, talk(self));
	new_link(self, "y");
	ASSERT_EQ(0, talk(self));
	memset(&s, 0, sizeof(s));
	begin(self, QKD_CMD_CONSUMER_GET, NLM_F_DUMP);
	EXPECT_EQ(0, talk_cb(self, see, &s));
	EXPECT_EQ(2, s.n);	/* control, twice */
	memset(&s, 0, sizeof(s));
	h = begin(self, QKD_CMD_CONSUMER_GET, NLM_F_DUMP);
	mnl_attr_put_strz(h, QKD_A_LINK_NAME, "y");
	EXPECT_EQ(0, talk_cb(self, see, &s));
	EXPECT_EQ(1, s.n);
	EXPECT_STREQ("y", s.str[QKD_A_LINK_NAME]);
	h = begin(self, QKD_CMD_CONSUMER_GET, NLM_F_DUMP);
	mnl_attr_put_strz(h, QKD_A_LINK_NAME, "z");
	EXPECT_EQ(-ENODEV, talk(self));
}

static int command_of(FIXTURE_DATA(nl) *self, struct seen *s)
{
	struct pollfd fd = {
		.fd = mnl_socket_get_fd(self->events),
		.events = POLLIN,
	};
	struct nlmsghdr *h = (void *)self->reply;
	const struct genlmsghdr *g;

	memset(s, 0, sizeof(*s));
	if (poll(&fd, 1, 2000) != 1 ||
	    mnl_socket_recvfrom(self->events, self->reply, ROOM) <= 0)
		return -1;
	g = mnl_nlmsg_get_payload(h);
	see(h, s);
	return g->cmd;
}

TEST_F(nl, events_tell_of_making_changing_and_deleting)
{
	struct nlmsghdr *h;
	struct seen s;

	ASSERT_EQ(0, group(self, QKD_MCGRP_LINK));
	new_link(self, "x");
	ASSERT_EQ(0, talk(self));
	EXPECT_EQ(QKD_CMD_LINK_NTF, command_of(self, &s));
	EXPECT_STREQ("x", s.str[QKD_A_LINK_NAME]);
	h = named(self, QKD_CMD_LINK_SET, "x");
	mnl_attr_put_u32(h, QKD_A_LINK_ADMIN_STATE, 1);
	ASSERT_EQ(0, talk(self));
	EXPECT_EQ(QKD_CMD_LINK_NTF, command_of(self, &s));
	EXPECT_EQ(QKD_OPER_STATE_WAITING, s.u32[QKD_A_LINK_OPER_STATE]);
	named(self, QKD_CMD_LINK_DEL, "x");
	ASSERT_EQ(0, talk(self));
	do {
		ASSERT_LE(0, command_of(self, &s));
	} while (s.has[QKD_A_LINK_TX]);
	EXPECT_STREQ("x", s.str[QKD_A_LINK_NAME]);
}

TEST_F(nl, a_reported_alarm_is_heard)
{
	struct nlmsghdr *h;
	struct seen s;

	ASSERT_EQ(0, group(self, QKD_MCGRP_ALARM));
	new_link(self, "x");
	ASSERT_EQ(0, talk(self));
	h = named(self, QKD_CMD_LINK_REPORT, "x");
	mnl_attr_put_u32(h, QKD_A_LINK_ALARM, QKD_ALARM_QBER);
	mnl_attr_put_strz(h, QKD_A_LINK_TEXT, "12 %");
	ASSERT_EQ(0, talk(self));
	EXPECT_EQ(QKD_CMD_ALARM_NTF, command_of(self, &s));
	EXPECT_EQ(QKD_ALARM_QBER, s.u32[QKD_A_LINK_ALARM]);
	EXPECT_STREQ("12 %", s.str[QKD_A_LINK_TEXT]);
	EXPECT_STREQ("x", s.str[QKD_A_LINK_NAME]);
}

TEST_F(nl, key_events_follow_feeding_and_starving_alarms)
{
	struct qkd_start start;
	struct pair_end e = { .name = "x" };
	uint8_t key[32];
	struct seen s;
	int fd, cmd, alarm = 0, levels = 0;

	ASSERT_EQ(0, group(self, QKD_MCGRP_KEY));
	ASSERT_EQ(0, group(self, QKD_MCGRP_ALARM));
	mnl_attr_put_u32(new_link(self, "x"), QKD_A_LINK_ADMIN_STATE, 1);
	ASSERT_EQ(0, talk_cb(self, see, memset(&s, 0, sizeof(s))));
	e.index = s.index;
	fd = pair_open(&e, O_RDWR | O_NONBLOCK);
	pair_random(&start, sizeof(start));
	ASSERT_EQ(0, pair_ioctl(fd, QKD_IOC_START, &start));
	EXPECT_EQ(-EAGAIN, pair_get(fd, key, 32, NULL));
	while ((cmd = command_of(self, &s)) >= 0) {
		levels += cmd == QKD_CMD_KEY_NTF &&
			  s.u32[QKD_A_LINK_OPER_STATE] ==
			  QKD_OPER_STATE_STARVED;
		alarm += cmd == QKD_CMD_ALARM_NTF &&
			 s.u32[QKD_A_LINK_ALARM] == QKD_ALARM_STARVED;
	}
	EXPECT_LE(1, levels);
	EXPECT_EQ(1, alarm);
	close(fd);
}

static const uint8_t commands[] = {
	QKD_CMD_LINK_NEW, QKD_CMD_LINK_DEL, QKD_CMD_LINK_SET,
	QKD_CMD_LINK_REPORT,
};

TEST_F(nl, invariant_5_changing_needs_the_right)
{
	unsigned int i;
	int status;
	pid_t pid;

	new_link(self, "x");
	ASSERT_EQ(0, talk(self));
	pid = fork();
	if (!pid) {
		int bad = 0;

		if (setgid(65534) || setuid(65534))
			_exit(99);
		for (i = 0; i < sizeof(commands); i++) {
			if (commands[i] == QKD_CMD_LINK_NEW)
				new_link(self, "y");
			else
				named(self, commands[i], "x");
			bad += talk(self) != -EPERM;
		}
		/* looking is free */
		named(self, QKD_CMD_LINK_GET, "x");
		bad += talk(self) != 0;
		_exit(bad);
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(1, count(self));
}

static int put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int ok = fd >= 0 && write(fd, text, strlen(text)) > 0;

	close(fd);
	return ok;
}

/* A user namespace of which nobody is root; a child's exit status if not. */
static void become_root_of_our_own(void)
{
	if (setgid(65534) || setuid(65534) || prctl(PR_SET_DUMPABLE, 1) ||
	    unshare(CLONE_NEWUSER))
		_exit(99);
	if (!put_file("/proc/self/uid_map", "0 65534 1") ||
	    !put_file("/proc/self/setgroups", "deny") ||
	    !put_file("/proc/self/gid_map", "0 65534 1"))
		_exit(98);
}

TEST_F(nl, invariant_5_root_of_a_user_namespace_has_its_own)
{
	char path[32];
	struct seen s;
	int status;
	pid_t pid;

	new_link(self, "x");
	ASSERT_EQ(0, talk_cb(self, see, memset(&s, 0, sizeof(s))));
	snprintf(path, sizeof(path), "/dev/qkd%u", s.index);
	ASSERT_EQ(0, chmod(path, 0666));
	pid = fork();
	if (!pid) {
		struct pair_end other = { .index = s.index }, own;
		struct qkd_start start;
		int bad = 0, fd;

		become_root_of_our_own();
		/* this socket is of the namespace we were in */
		named(self, QKD_CMD_LINK_DEL, "x");
		bad |= (talk(self) != -EPERM) << 0;
		/* and so is this link */
		pair_random(&start, sizeof(start));
		fd = pair_open(&other, O_RDWR);
		bad |= (pair_ioctl(fd, QKD_IOC_START, &start) != -EPERM) << 1;
		if (unshare(CLONE_NEWNET))
			_exit(97);
		mnl_socket_close(self->sock);
		self->sock = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
		mnl_socket_bind(self->sock, 0, MNL_SOCKET_AUTOPID);
		named(self, QKD_CMD_LINK_GET, "x");
		bad |= (talk(self) != -ENODEV) << 2;
		bad |= (count(self) != 0) << 3;
		mnl_attr_put_u32(new_link(self, "mine"),
				 QKD_A_LINK_ADMIN_STATE, 1);
		bad |= (talk_cb(self, see, memset(&s, 0, sizeof(s))) != 0) << 4;
		own.index = s.index;
		/* its node is ours, since we are root of its namespace */
		fd = pair_open(&own, O_RDWR);
		bad |= (fd < 0) << 5;
		bad |= (pair_ioctl(fd, QKD_IOC_START, &start) != 0) << 6;
		_exit(bad);
	}
	waitpid(pid, &status, 0);
	if (WEXITSTATUS(status) == 99)
		SKIP(return, "no user namespaces here (or in a chroot)");
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(1, count(self));
}

int main(int argc, char **argv)
{
	pair_need();
	return test_harness_run(argc, argv);
}
