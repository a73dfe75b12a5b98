// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libqkd without a kernel, for tests of qkdctl: a fixed node with two links
 * and a tunnel. Changes are not done but printed, as they would be asked for.
 *
 * Names, key IDs and error texts are the library's own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/libqkd/internal.h"

static const uint8_t generation[QKD_GENERATION_SIZE] = {
	0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcc, 0xef,
	0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
};

static const struct qkd_stream_info tx = {
	.head = 1048576, .tail = 786432, .confirmed = 1032192,
	.available = 244736, .consumed = 786000, .lost = 432,
	.fed = 1048576, .held = 262144,
};

static const struct qkd_stream_info rx = {
	.head = 1048576, .tail = 700000, .confirmed = 1048576,
	.available = 348000, .consumed = 700000,
};

static const struct qkd_stream_info none;

static const struct qkd_rates_info rates = {
	.raw_bps = 12345678, .sifted_bps = 1210000, .secret_bps = 352100,
	.qber_ppm = 12543, .efficiency_ppm = 1163000, .blocks = 41,
	.blocks_discarded = 1,
};

static const struct qkd_rates_info no_rates;
static const struct qkd_errors_info errors = { .rx_auth = 2, .qber = 1 };
static const struct qkd_errors_info no_errors;

#define ALL_BITS ((QKD_BIT(QKD_A_LINK_CONSUMER) - 1) & \
	~QKD_BIT(QKD_A_LINK_LOCAL6) & ~QKD_BIT(QKD_A_LINK_PEER6))

static struct qkd_link links[] = {
	{
		.have = ALL_BITS,
		.name = "hospital-biobank", .index = 1,
		.role = QKD_ROLE_ALICE, .local_node = "hospital",
		.peer_node = "biobank", .peer_port = 51014, .driver = "sim",
		.config = "length=25 eve=0",
		.admin_state = QKD_ADMIN_STATE_UP,
		.oper_state = QKD_OPER_STATE_UP, .reason = "",
		.pool_size = 262144, .low_watermark = 16384,
		.high_watermark = 65536, .rx_grace = 30000,
		.generation = generation, .tx = &tx, .rx = &rx,
		.rates = &rates, .errors = &errors, .blocks_fed = 41,
		.report = "{\"block\":41,\"mu\":[0.45,0.22],\"p\":[0.4,0.6],"
			"\"pulses\":1000000,\"n_key\":[8000,6000],"
			"\"m_key\":[90,60],\"n_chk\":[400,300],"
			"\"m_chk\":[10,8],\"leak\":1700,\"note\":\"a \\\"b\\\"\"}",
		.text = "",
	},
	{
		.have = ALL_BITS & ~QKD_BIT(QKD_A_LINK_GENERATION) &
			~QKD_BIT(QKD_A_LINK_RATES),
		.name = "hospital-lab", .index = 2,
		.role = QKD_ROLE_NONE, .local_node = "hospital",
		.peer_node = "lab", .peer_port = 4000, .driver = "",
		.config = "", .admin_state = QKD_ADMIN_STATE_DOWN,
		.oper_state = QKD_OPER_STATE_DOWN,
		.reason = "evil\033[31m \"quote\"",
		.pool_size = 100000, .rx_grace = 1500,
		.generation = generation, .tx = &none, .rx = &none,
		.rates = &no_rates, .errors = &no_errors,
		/* given up before reconciliation: of the key no error is known */
		.report = "{\"block\":7,\"mu\":[0.45,0.22],\"p\":[0.4,0.6],"
			"\"pulses\":1000000,\"n_key\":[8000,6000],"
			"\"m_key\":[0,0],\"n_chk\":[400,300],"
			"\"m_chk\":[100,72],\"leak\":0}",
		.text = "",
	},
};

static struct qkd_tunnel_conf tunnel_conf = {
	.set = ~0ull, .link = "hospital-biobank",
	.src_prefix = 32, .dst_prefix = 32, .proto = 6, .dst_port = 443,
	.esn = 1, .mode = QKD_XFRM_MODE_TRANSPORT, .replay_window = 1024,
	.rekey_time = 60000, .rekey_packets = 1u << 31, .grace_time = 5000,
	.reqid = 0x51800000, .priority = 1000, .hybrid = 1,
};

static const struct qkd_tunnel_dir out_dir = {
	.have = ~0ull & ~QKD_BIT(QKD_XFRM_A_DIR_REPEATS) &
		~QKD_BIT(QKD_XFRM_A_DIR_WANTS),
	.state = QKD_XFRM_STATE_LIVE, .spi = 0xc0ffee01, .key_offset = 786432,
	.age = 12345, .next_rekey = 47000, .packets = 1234, .bytes = 1500000,
	.total_packets = 99999, .total_bytes = 123456789, .rekeys = 12,
	.offers = 13, .accepts = 12, .retries = 1, .starved = 1,
	.key_bytes = 468, .secret_id = { 0xab, [15] = 0x01 },
};

static const struct qkd_tunnel_dir in_dir = {
	.have = QKD_BIT(QKD_XFRM_A_DIR_STATE) | QKD_BIT(QKD_XFRM_A_DIR_WANTS),
	.state = QKD_XFRM_STATE_IDLE,
};

static struct qkd_tunnel tunnel = {
	.have = ~0ull, .name = "t0", .link_index = 1, .conf = &tunnel_conf,
	.reason = "", .out = &out_dir, .in = &in_dir, .spi = 0xc0ffee02,
	.old_spi = 0xc0ffee01, .key_offset = 786468,
};

static void addresses(void)
{
	inet_pton(AF_INET, "10.77.0.1", &links[0].local4);
	inet_pton(AF_INET, "10.77.0.2", &links[0].peer4);
	tunnel_conf.local.family = AF_INET;
	tunnel_conf.local.a4 = links[0].local4;
	tunnel_conf.src = tunnel_conf.local;
	tunnel_conf.peer.family = AF_INET;
	tunnel_conf.peer.a4 = links[0].peer4;
	tunnel_conf.dst = tunnel_conf.peer;
}

static int no_link(const char *name)
{
	return qkd_fail(-ENODEV, "there is no link \"%s\"", name);
}

/* ---- the handle ---- */

int qkd_nl_open(struct qkd_nl **nl, const char *netns)
{
	static struct qkd_nl fake;

	if (netns)
		printf("netns %s\n", netns);
	addresses();
	*nl = &fake;
	return 0;
}

void qkd_nl_close(struct qkd_nl *nl)
{
}

/* ---- links ---- */

static void put_str(const char *name, const char *s)
{
	if (s)
		printf(" %s=[%s]", name, s);
}

static void put_num(uint64_t set, int attr, const char *name, uint64_t v)
{
	if (set & QKD_BIT(attr))
		printf(" %s=%" PRIu64, name, v);
}

static void put_addr(uint64_t set, int attr, const char *name, int family,
		     const void *addr)
{
	char buf[INET6_ADDRSTRLEN];

	if (set & QKD_BIT(attr))
		printf(" %s=%s", name, inet_ntop(family, addr, buf,
						 sizeof(buf)));
}

static void print_conf(const struct qkd_link_conf *c)
{
	uint64_t set = c->set;

	put_str("local_node", c->local_node);
	put_str("peer_node", c->peer_node);
	put_str("driver", c->driver);
	put_str("config", c->config);
	put_addr(set, QKD_A_LINK_LOCAL4, "local4", AF_INET, &c->local4);
	put_addr(set, QKD_A_LINK_PEER4, "peer4", AF_INET, &c->peer4);
	put_addr(set, QKD_A_LINK_LOCAL6, "local6", AF_INET6, &c->local6);
	put_addr(set, QKD_A_LINK_PEER6, "peer6", AF_INET6, &c->peer6);
	put_num(set, QKD_A_LINK_PEER_PORT, "peer_port", c->peer_port);
	put_num(set, QKD_A_LINK_ROLE, "role", c->role);
	put_num(set, QKD_A_LINK_ADMIN_STATE, "admin_state", c->admin_state);
	put_num(set, QKD_A_LINK_POOL_SIZE, "pool_size", c->pool_size);
	put_num(set, QKD_A_LINK_LOW_WATERMARK, "low_watermark",
		c->low_watermark);
	put_num(set, QKD_A_LINK_HIGH_WATERMARK, "high_watermark",
		c->high_watermark);
	put_num(set, QKD_A_LINK_RX_GRACE, "rx_grace", c->rx_grace);
	printf("\n");
}

int qkd_link_add(struct qkd_nl *nl, const char *name,
		 const struct qkd_link_conf *conf, uint32_t *index)
{
	if (!strcmp(name, links[0].name))
		return qkd_fail(-EEXIST, "it exists already");
	printf("add %s", name);
	print_conf(conf);
	return 0;
}

int qkd_link_del(struct qkd_nl *nl, const char *name, uint32_t index)
{
	printf("del %s\n", name);
	return 0;
}

int qkd_link_set(struct qkd_nl *nl, const char *name, uint32_t index,
		 const struct qkd_link_conf *conf)
{
	if (strcmp(name, links[0].name))
		return no_link(name);
	printf("set %s", name);
	print_conf(conf);
	return 0;
}

int qkd_link_get(struct qkd_nl *nl, const char *name, uint32_t index,
		 struct qkd_link **link)
{
	for (size_t i = 0; i < 2; i++) {
		if (strcmp(links[i].name, name))
			continue;
		*link = malloc(sizeof(**link));
		**link = links[i];
		return 0;
	}
	return no_link(name);
}

void qkd_link_free(struct qkd_link *link)
{
	free(link);
}

int qkd_link_each(struct qkd_nl *nl,
		  int (*cb)(const struct qkd_link *link, void *arg), void *arg)
{
	int ret = cb(&links[0], arg);

	return ret ? ret : cb(&links[1], arg);
}

int qkd_consumer_each(struct qkd_nl *nl, const char *name, uint32_t index,
		      int (*cb)(const struct qkd_consumer *c, void *arg),
		      void *arg)
{
	static const struct qkd_consumer all[] = {
		{ "hospital-biobank", 1, "control", "", 1024, 1024, 32, 32, 0 },
		{ "hospital-biobank", 1, "xfrm", "t0", 468, 468, 13, 13, 1 },
		{ "hospital-biobank", 1, "device", "qkdctl", 784508, 698508,
		  9, 9, 0 },
		{ "hospital-lab", 2, "control", "", 0, 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < 4; i++) {
		int ret;

		if (name && strcmp(name, all[i].link))
			continue;
		ret = cb(&all[i], arg);
		if (ret)
			return ret;
	}
	return 0;
}

/* ---- tunnels ---- */

static void print_ip(const char *what, const struct qkd_ip *ip)
{
	char buf[INET6_ADDRSTRLEN];

	if (ip->family)
		printf(" %s=%s", what, inet_ntop(ip->family, &ip->a4, buf,
						 sizeof(buf)));
}

static void print_tunnel_conf(const struct qkd_tunnel_conf *c)
{
	uint64_t set = c->set;

	put_str("link", c->link);
	print_ip("local", &c->local);
	print_ip("peer", &c->peer);
	print_ip("src", &c->src);
	put_num(set, QKD_XFRM_A_TUNNEL_SRC_PREFIX, "src_prefix",
		c->src_prefix);
	print_ip("dst", &c->dst);
	put_num(set, QKD_XFRM_A_TUNNEL_DST_PREFIX, "dst_prefix",
		c->dst_prefix);
	put_num(set, QKD_XFRM_A_TUNNEL_PROTO, "proto",
		c->proto);
	put_num(set, QKD_XFRM_A_TUNNEL_SRC_PORT, "src_port",
		c->src_port);
	put_num(set, QKD_XFRM_A_TUNNEL_DST_PORT, "dst_port",
		c->dst_port);
	put_num(set, QKD_XFRM_A_TUNNEL_MODE, "mode",
		c->mode);
	put_num(set, QKD_XFRM_A_TUNNEL_AEAD, "aead",
		c->aead);
	put_num(set, QKD_XFRM_A_TUNNEL_ESN, "esn",
		c->esn);
	put_num(set, QKD_XFRM_A_TUNNEL_REPLAY_WINDOW, "replay_window",
		c->replay_window);
	put_num(set, QKD_XFRM_A_TUNNEL_REKEY_TIME, "rekey_time",
		c->rekey_time);
	put_num(set, QKD_XFRM_A_TUNNEL_REKEY_BYTES, "rekey_bytes",
		c->rekey_bytes);
	put_num(set, QKD_XFRM_A_TUNNEL_REKEY_PACKETS, "rekey_packets",
		c->rekey_packets);
	put_num(set, QKD_XFRM_A_TUNNEL_HARD_TIME, "hard_time",
		c->hard_time);
	put_num(set, QKD_XFRM_A_TUNNEL_HARD_BYTES, "hard_bytes",
		c->hard_bytes);
	put_num(set, QKD_XFRM_A_TUNNEL_HARD_PACKETS, "hard_packets",
		c->hard_packets);
	put_num(set, QKD_XFRM_A_TUNNEL_GRACE_TIME, "grace_time",
		c->grace_time);
	put_num(set, QKD_XFRM_A_TUNNEL_STARVED, "starved",
		c->starved);
	put_num(set, QKD_XFRM_A_TUNNEL_START, "start",
		c->start);
	put_num(set, QKD_XFRM_A_TUNNEL_POLICY, "policy",
		c->policy);
	put_num(set, QKD_XFRM_A_TUNNEL_REQID, "reqid",
		c->reqid);
	put_num(set, QKD_XFRM_A_TUNNEL_IF_ID, "if_id",
		c->if_id);
	put_num(set, QKD_XFRM_A_TUNNEL_PRIORITY, "priority",
		c->priority);
	put_num(set, QKD_XFRM_A_TUNNEL_ENCAP_SPORT, "encap_sport",
		c->encap_sport);
	put_num(set, QKD_XFRM_A_TUNNEL_ENCAP_DPORT, "encap_dport",
		c->encap_dport);
	printf("\n");
}

int qkd_tunnel_add(struct qkd_nl *nl, const char *name,
		   const struct qkd_tunnel_conf *conf, uint32_t *reqid)
{
	printf("add tunnel %s", name);
	print_tunnel_conf(conf);
	return 0;
}

int qkd_tunnel_set(struct qkd_nl *nl, const char *name,
		   const struct qkd_tunnel_conf *conf)
{
	printf("set tunnel %s", name);
	print_tunnel_conf(conf);
	return 0;
}

int qkd_tunnel_del(struct qkd_nl *nl, const char *name)
{
	printf("del tunnel %s\n", name);
	return 0;
}

int qkd_tunnel_rekey(struct qkd_nl *nl, const char *name)
{
	printf("rekey tunnel %s\n", name);
	return 0;
}

int qkd_tunnel_get(struct qkd_nl *nl, const char *name,
		   struct qkd_tunnel **t)
{
	if (strcmp(name, tunnel.name))
		return qkd_fail(-ENOENT, "there is no tunnel \"%s\"", name);
	*t = malloc(sizeof(**t));
	**t = tunnel;
	return 0;
}

void qkd_tunnel_free(struct qkd_tunnel *t)
{
	free(t);
}

int qkd_tunnel_each(struct qkd_nl *nl, const char *link,
		    int (*cb)(const struct qkd_tunnel *t, void *arg), void *arg)
{
	return link && strcmp(link, tunnel_conf.link) ? 0 : cb(&tunnel, arg);
}

/* ---- events: each kind once, then the end ---- */

static int pipe_fds[2] = { -1, -1 };

int qkd_monitor_open(struct qkd_monitor **mon, const char *netns,
		     unsigned int what)
{
	addresses();
	if (pipe(pipe_fds) || write(pipe_fds[1], "x", 1) != 1)
		return qkd_fail(-errno, "pipe");
	*mon = (void *)pipe_fds;
	return 0;
}

void qkd_monitor_close(struct qkd_monitor *mon)
{
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

int qkd_monitor_fd(const struct qkd_monitor *mon)
{
	return pipe_fds[0];
}

int qkd_monitor_dispatch(struct qkd_monitor *mon,
			 int (*cb)(const struct qkd_event *ev, void *arg),
			 void *arg)
{
	struct qkd_event ev = { .family = "" };

	links[0].alarm = QKD_ALARM_QBER;
	links[0].text = "QBER 8.1 % is above 7 %";
	for (int type = QKD_EVENT_LINK; type <= QKD_EVENT_LOST + 1; type++) {
		ev.type = type;
		ev.link = type <= QKD_EVENT_ALARM ? &links[0] : NULL;
		ev.tunnel = type >= QKD_EVENT_TUNNEL &&
			type <= QKD_EVENT_REKEY ? &tunnel : NULL;
		ev.family = type == QKD_EVENT_UP || type == QKD_EVENT_DOWN ?
			"qkd" : "";
		if (cb(&ev, arg))
			break;
	}
	return -EPIPE;
}

/* ---- the device: bytes count up ---- */

static uint64_t offset = 64;

int qkd_dev_open(struct qkd_dev **dev, struct qkd_nl *nl, const char *name,
		 uint32_t index, bool nonblock)
{
	if (strcmp(name, links[0].name))
		return no_link(name);
	*dev = (void *)&offset;
	return 0;
}

void qkd_dev_close(struct qkd_dev *dev)
{
}

int qkd_dev_fd(const struct qkd_dev *dev)
{
	return 0;
}

int qkd_dev_label(struct qkd_dev *dev, const char *label)
{
	return strlen(label) < QKD_LABEL_SIZE ? 0 :
		qkd_fail(-EINVAL, "the label is too long");
}

int qkd_dev_get(struct qkd_dev *dev, void *key, uint32_t len,
		struct qkd_key_id *id)
{
	uint8_t *p = key;

	if (len == 1000)
		return qkd_fail(-EAGAIN, "get key: the pool has none now");
	for (uint32_t i = 0; i < len; i++)
		p[i] = offset + i;
	qkd_key_id_encode(generation, 0, len, offset, id);
	offset += len;
	return 0;
}

int qkd_dev_take(struct qkd_dev *dev, const struct qkd_key_id *id, void *key,
		 uint32_t room)
{
	struct qkd_key_range range;

	qkd_key_id_decode(id, &range);
	if (range.offset < 64)
		return qkd_fail(-EALREADY, "was fetched before");
	for (uint32_t i = 0; i < range.len; i++)
		((uint8_t *)key)[i] = range.offset + i;
	return range.len;
}
