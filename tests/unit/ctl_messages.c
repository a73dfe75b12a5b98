// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What netlink tells becomes structures field by field; attributes that are
 * missing, unknown, short or cut off do no harm.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <linux/genetlink.h>

#include "tools/libqkd/internal.h"

#include <kselftest_harness.h>

#define ROOM 32768

static struct nlmsghdr *begin(char *buf, uint8_t cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));

	g->cmd = cmd;
	return nlh;
}

static struct nlmsghdr *make_link(char *buf)
{
	struct nlmsghdr *nlh = begin(buf, QKD_CMD_LINK_GET);
	struct nlattr *nest;

	mnl_attr_put_strz(nlh, QKD_A_LINK_NAME, "hospital-biobank");
	mnl_attr_put_u32(nlh, QKD_A_LINK_INDEX, 7);
	mnl_attr_put_strz(nlh, QKD_A_LINK_LOCAL_NODE, "hospital");
	mnl_attr_put_u32(nlh, QKD_A_LINK_LOCAL4, htonl(0x0a4d0001));
	mnl_attr_put_u16(nlh, QKD_A_LINK_PEER_PORT, htons(51014));
	mnl_attr_put_u32(nlh, QKD_A_LINK_ROLE, QKD_ROLE_ALICE);
	mnl_attr_put_u32(nlh, QKD_A_LINK_OPER_STATE, QKD_OPER_STATE_UP);
	mnl_attr_put(nlh, QKD_A_LINK_GENERATION, 16, "0123456789abcdef");
	nest = mnl_attr_nest_start(nlh, QKD_A_LINK_TX);
	mnl_attr_put_u64(nlh, QKD_A_STREAM_HEAD, 1ull << 40);
	mnl_attr_put_u64(nlh, QKD_A_STREAM_AVAILABLE, 4096);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, QKD_A_LINK_RATES);
	mnl_attr_put_u64(nlh, QKD_A_RATES_SECRET_BPS, 350000);
	mnl_attr_put_u32(nlh, QKD_A_RATES_QBER_PPM, 12500);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, QKD_A_LINK_ERRORS);
	mnl_attr_put_u64(nlh, QKD_A_ERRORS_QBER, 3);
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_put_u32(nlh, 999, 1);	/* of a newer kernel */
	return nlh;
}

TEST(whole_link)
{
	static char buf[ROOM];
	struct qkd_link *l = qkd_link_parse(make_link(buf));

	memset(buf, 0xff, sizeof(buf));	/* it has a copy of its own */
	ASSERT_NE(NULL, l);
	EXPECT_STREQ("hospital-biobank", l->name);
	EXPECT_EQ(7, l->index);
	EXPECT_STREQ("hospital", l->local_node);
	EXPECT_STREQ("", l->peer_node);
	EXPECT_EQ(htonl(0x0a4d0001), l->local4.s_addr);
	EXPECT_EQ(51014, l->peer_port);
	EXPECT_EQ(QKD_ROLE_ALICE, l->role);
	EXPECT_EQ(QKD_OPER_STATE_UP, l->oper_state);
	EXPECT_EQ(0, memcmp(l->generation, "0123456789abcdef", 16));
	EXPECT_EQ(1ull << 40, l->tx->head);
	EXPECT_EQ(4096, l->tx->available);
	EXPECT_EQ(0, l->tx->tail);
	EXPECT_EQ(0, l->rx->head);
	EXPECT_EQ(350000, l->rates->secret_bps);
	EXPECT_EQ(12500, l->rates->qber_ppm);
	EXPECT_EQ(3, l->errors->qber);
	EXPECT_TRUE(l->have & QKD_BIT(QKD_A_LINK_TX));
	EXPECT_FALSE(l->have & QKD_BIT(QKD_A_LINK_RX));
	EXPECT_FALSE(l->have & QKD_BIT(QKD_A_LINK_PEER4));
	qkd_link_free(l);
}

TEST(empty_link)
{
	static char buf[ROOM];
	struct qkd_link *l = qkd_link_parse(begin(buf, QKD_CMD_LINK_GET));

	ASSERT_NE(NULL, l);
	EXPECT_EQ(0, l->have);
	EXPECT_EQ(QKD_NO_INDEX, l->index);
	EXPECT_STREQ("", l->name);
	EXPECT_STREQ("", l->report);
	EXPECT_EQ(0, l->tx->head);
	EXPECT_EQ(0, l->generation[0]);
	qkd_link_free(l);
}

/* An attribute of another size counts as absent, a string needs its end. */
TEST(wrong_sizes)
{
	static char buf[ROOM];
	struct nlmsghdr *nlh = begin(buf, QKD_CMD_LINK_GET);
	struct qkd_link *l;

	mnl_attr_put(nlh, QKD_A_LINK_NAME, 4, "abcd");	/* no NUL */
	mnl_attr_put(nlh, QKD_A_LINK_PEER_NODE, 0, "");
	mnl_attr_put_u64(nlh, QKD_A_LINK_ROLE, 1);
	mnl_attr_put_u32(nlh, QKD_A_LINK_GENERATION, 0x01010101);
	mnl_attr_put_u16(nlh, QKD_A_LINK_TX, 1);
	l = qkd_link_parse(nlh);
	ASSERT_NE(NULL, l);
	EXPECT_STREQ("", l->name);
	EXPECT_STREQ("", l->peer_node);
	EXPECT_EQ(0, l->role);
	EXPECT_EQ(0, l->generation[0]);
	EXPECT_EQ(0, l->tx->head);
	qkd_link_free(l);
}

/* Cut anywhere, and with any byte changed: no more than fields are lost. */
TEST(damaged)
{
	static char good[ROOM];
	struct nlmsghdr *nlh = make_link(good);
	uint32_t len = nlh->nlmsg_len;

	for (uint32_t cut = NLMSG_HDRLEN; cut <= len; cut++) {
		/* of exactly that size, so that a step too far is seen */
		struct nlmsghdr *m = malloc(cut);
		struct qkd_link *l;

		memcpy(m, good, cut);
		m->nlmsg_len = cut;
		l = qkd_link_parse(m);
		ASSERT_NE(NULL, l);
		EXPECT_LE(strlen(l->name), 16);
		qkd_link_free(l);
		free(m);
	}
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		struct nlmsghdr *m = malloc(len);
		struct qkd_tunnel *t;
		struct qkd_link *l;

		memcpy(m, good, len);
		for (int k = 0; k < 3; k++)
			((char *)m)[sizeof(*m) + random() %
				    (len - sizeof(*m))] = random();
		l = qkd_link_parse(m);
		t = qkd_tunnel_parse(m);
		ASSERT_NE(NULL, l);
		ASSERT_NE(NULL, t);
		EXPECT_LE(strlen(l->name), len);
		EXPECT_LE(strlen(t->name), len);
		qkd_link_free(l);
		qkd_tunnel_free(t);
		free(m);
	}
}

/* Settings written are those read: both go by the same table. */
TEST(whole_tunnel)
{
	static char buf[ROOM];
	struct qkd_tunnel_conf c = QKD_TUNNEL_CONF_INIT;
	struct qkd_req r = { .nlh = begin(buf, QKD_XFRM_CMD_TUNNEL_NEW) };
	struct nlattr *nest;
	struct qkd_tunnel *t;

	c.link = "hospital-biobank";
	c.src.family = AF_INET;
	c.src.a4.s_addr = htonl(0x0a000000);
	c.src_prefix = 8;
	c.dst.family = AF_INET6;
	inet_pton(AF_INET6, "fd77::2", &c.dst.a6);
	c.dst_port = 443;
	c.mode = QKD_XFRM_MODE_TUNNEL;
	c.rekey_time = 60000;
	c.rekey_bytes = 1ull << 40;
	c.esn = 1;
	c.reqid = 5;	/* not given: its bit is not set */
	c.set = QKD_BIT(QKD_XFRM_A_TUNNEL_SRC_PREFIX) |
		QKD_BIT(QKD_XFRM_A_TUNNEL_DST_PORT) |
		QKD_BIT(QKD_XFRM_A_TUNNEL_MODE) |
		QKD_BIT(QKD_XFRM_A_TUNNEL_REKEY_TIME) |
		QKD_BIT(QKD_XFRM_A_TUNNEL_REKEY_BYTES) |
		QKD_BIT(QKD_XFRM_A_TUNNEL_ESN);
	qkd_req_tunnel_conf(&r, &c);
	ASSERT_FALSE(r.overflow);
	mnl_attr_put_strz(r.nlh, QKD_XFRM_A_TUNNEL_NAME, "t0");
	nest = mnl_attr_nest_start(r.nlh, QKD_XFRM_A_TUNNEL_OUT);
	mnl_attr_put_u32(r.nlh, QKD_XFRM_A_DIR_SPI, htonl(0xc0ffee01));
	mnl_attr_put_u64(r.nlh, QKD_XFRM_A_DIR_REKEYS, 12);
	mnl_attr_nest_end(r.nlh, nest);
	t = qkd_tunnel_parse(r.nlh);
	ASSERT_NE(NULL, t);
	EXPECT_STREQ("t0", t->name);
	EXPECT_STREQ("hospital-biobank", t->conf->link);
	EXPECT_EQ(AF_INET, t->conf->src.family);
	EXPECT_EQ(htonl(0x0a000000), t->conf->src.a4.s_addr);
	EXPECT_EQ(8, t->conf->src_prefix);
	EXPECT_EQ(AF_INET6, t->conf->dst.family);
	EXPECT_EQ(0, memcmp(&c.dst.a6, &t->conf->dst.a6, 16));
	EXPECT_EQ(AF_UNSPEC, t->conf->local.family);
	EXPECT_EQ(443, t->conf->dst_port);
	EXPECT_EQ(QKD_XFRM_MODE_TUNNEL, t->conf->mode);
	EXPECT_EQ(60000, t->conf->rekey_time);
	EXPECT_EQ(1ull << 40, t->conf->rekey_bytes);
	EXPECT_EQ(1, t->conf->esn);
	EXPECT_EQ(0, t->conf->reqid);
	EXPECT_FALSE(t->conf->set & QKD_BIT(QKD_XFRM_A_TUNNEL_REQID));
	EXPECT_EQ(0xc0ffee01, t->out->spi);
	EXPECT_EQ(12, t->out->rekeys);
	EXPECT_EQ(0, t->in->have);
	EXPECT_EQ(QKD_NO_INDEX, t->link_index);
	qkd_tunnel_free(t);
}

TEST_HARNESS_MAIN
