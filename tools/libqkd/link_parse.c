// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A link as netlink tells it, made into a structure for programs.
 *
 * The message is copied behind the structure and strings point into the copy,
 * so that a link is one allocation and needs no care for each string.
 */
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#include "internal.h"

const char *const qkd_link_attr_names[] = {
	[QKD_A_LINK_NAME] = "name",
	[QKD_A_LINK_INDEX] = "index",
	[QKD_A_LINK_LOCAL_NODE] = "local-node",
	[QKD_A_LINK_PEER_NODE] = "peer-node",
	[QKD_A_LINK_LOCAL4] = "local",
	[QKD_A_LINK_PEER4] = "peer",
	[QKD_A_LINK_LOCAL6] = "local",
	[QKD_A_LINK_PEER6] = "peer",
	[QKD_A_LINK_PEER_PORT] = "peer-port",
	[QKD_A_LINK_DRIVER] = "driver",
	[QKD_A_LINK_CONFIG] = "config",
	[QKD_A_LINK_ROLE] = "role",
	[QKD_A_LINK_ADMIN_STATE] = "admin-state",
	[QKD_A_LINK_REASON] = "reason",
	[QKD_A_LINK_POOL_SIZE] = "pool-size",
	[QKD_A_LINK_LOW_WATERMARK] = "low-watermark",
	[QKD_A_LINK_HIGH_WATERMARK] = "high-watermark",
	[QKD_A_LINK_RX_GRACE] = "rx-grace",
	[QKD_A_LINK_RATES] = "rates",
	[QKD_A_LINK_ERRORS] = "errors",
	[QKD_A_LINK_REPORT] = "report",
	[QKD_A_LINK_ALARM] = "alarm",
	[QKD_A_LINK_TEXT] = "text",
};

const unsigned int qkd_n_link_attr_names =
	sizeof(qkd_link_attr_names) / sizeof(qkd_link_attr_names[0]);

struct parsed {
	struct qkd_link link;
	struct qkd_stream_info tx;
	struct qkd_stream_info rx;
	struct qkd_rates_info rates;
	struct qkd_errors_info errors;
	uint8_t generation[QKD_GENERATION_SIZE];
	struct nlmsghdr msg[];
};

static void parse_stream(const struct nlattr *nest, struct qkd_stream_info *s)
{
	const struct nlattr *tb[QKD_A_STREAM_MAX + 1];

	qkd_attr_table_nest(tb, QKD_A_STREAM_MAX, nest);
	s->head = qkd_attr_u64(tb[QKD_A_STREAM_HEAD]);
	s->tail = qkd_attr_u64(tb[QKD_A_STREAM_TAIL]);
	s->confirmed = qkd_attr_u64(tb[QKD_A_STREAM_CONFIRMED]);
	s->available = qkd_attr_u64(tb[QKD_A_STREAM_AVAILABLE]);
	s->consumed = qkd_attr_u64(tb[QKD_A_STREAM_CONSUMED]);
	s->lost = qkd_attr_u64(tb[QKD_A_STREAM_LOST]);
	s->fed = qkd_attr_u64(tb[QKD_A_STREAM_FED]);
	s->held = qkd_attr_u64(tb[QKD_A_STREAM_HELD]);
}

static void parse_rates(const struct nlattr *nest, struct qkd_rates_info *r)
{
	const struct nlattr *tb[QKD_A_RATES_MAX + 1];

	qkd_attr_table_nest(tb, QKD_A_RATES_MAX, nest);
	r->raw_bps = qkd_attr_u64(tb[QKD_A_RATES_RAW_BPS]);
	r->sifted_bps = qkd_attr_u64(tb[QKD_A_RATES_SIFTED_BPS]);
	r->secret_bps = qkd_attr_u64(tb[QKD_A_RATES_SECRET_BPS]);
	r->qber_ppm = qkd_attr_u32(tb[QKD_A_RATES_QBER_PPM]);
	r->efficiency_ppm = qkd_attr_u32(tb[QKD_A_RATES_EFFICIENCY_PPM]);
	r->blocks = qkd_attr_u64(tb[QKD_A_RATES_BLOCKS]);
	r->blocks_discarded = qkd_attr_u64(tb[QKD_A_RATES_BLOCKS_DISCARDED]);
}

static void parse_errors(const struct nlattr *nest, struct qkd_errors_info *e)
{
	const struct nlattr *tb[QKD_A_ERRORS_MAX + 1];

	qkd_attr_table_nest(tb, QKD_A_ERRORS_MAX, nest);
	e->feed_rejected = qkd_attr_u64(tb[QKD_A_ERRORS_FEED_REJECTED]);
	e->rx_malformed = qkd_attr_u64(tb[QKD_A_ERRORS_RX_MALFORMED]);
	e->rx_no_key = qkd_attr_u64(tb[QKD_A_ERRORS_RX_NO_KEY]);
	e->rx_auth = qkd_attr_u64(tb[QKD_A_ERRORS_RX_AUTH]);
	e->rx_dropped = qkd_attr_u64(tb[QKD_A_ERRORS_RX_DROPPED]);
	e->tx_failed = qkd_attr_u64(tb[QKD_A_ERRORS_TX_FAILED]);
	e->starved = qkd_attr_u64(tb[QKD_A_ERRORS_STARVED]);
	e->auth = qkd_attr_u64(tb[QKD_A_ERRORS_AUTH]);
	e->verify = qkd_attr_u64(tb[QKD_A_ERRORS_VERIFY]);
	e->qber = qkd_attr_u64(tb[QKD_A_ERRORS_QBER]);
}

static void parse_settings(const struct nlattr **tb, struct qkd_link *l)
{
	l->name = qkd_attr_str(tb[QKD_A_LINK_NAME]);
	l->index = tb[QKD_A_LINK_INDEX] ? qkd_attr_u32(tb[QKD_A_LINK_INDEX]) :
		QKD_NO_INDEX;
	l->role = qkd_attr_u32(tb[QKD_A_LINK_ROLE]);
	l->local_node = qkd_attr_str(tb[QKD_A_LINK_LOCAL_NODE]);
	l->peer_node = qkd_attr_str(tb[QKD_A_LINK_PEER_NODE]);
	qkd_attr_mem(tb[QKD_A_LINK_LOCAL4], &l->local4, sizeof(l->local4));
	qkd_attr_mem(tb[QKD_A_LINK_PEER4], &l->peer4, sizeof(l->peer4));
	qkd_attr_mem(tb[QKD_A_LINK_LOCAL6], &l->local6, sizeof(l->local6));
	qkd_attr_mem(tb[QKD_A_LINK_PEER6], &l->peer6, sizeof(l->peer6));
	l->peer_port = ntohs(qkd_attr_u16(tb[QKD_A_LINK_PEER_PORT]));
	l->driver = qkd_attr_str(tb[QKD_A_LINK_DRIVER]);
	l->config = qkd_attr_str(tb[QKD_A_LINK_CONFIG]);
	l->pool_size = qkd_attr_u32(tb[QKD_A_LINK_POOL_SIZE]);
	l->low_watermark = qkd_attr_u32(tb[QKD_A_LINK_LOW_WATERMARK]);
	l->high_watermark = qkd_attr_u32(tb[QKD_A_LINK_HIGH_WATERMARK]);
	l->rx_grace = qkd_attr_u32(tb[QKD_A_LINK_RX_GRACE]);
}

static void parse_state(const struct nlattr **tb, struct qkd_link *l)
{
	l->admin_state = qkd_attr_u32(tb[QKD_A_LINK_ADMIN_STATE]);
	l->oper_state = qkd_attr_u32(tb[QKD_A_LINK_OPER_STATE]);
	l->reason = qkd_attr_str(tb[QKD_A_LINK_REASON]);
	l->blocks_fed = qkd_attr_u64(tb[QKD_A_LINK_BLOCKS_FED]);
	l->report = qkd_attr_str(tb[QKD_A_LINK_REPORT]);
	l->alarm = qkd_attr_u32(tb[QKD_A_LINK_ALARM]);
	l->text = qkd_attr_str(tb[QKD_A_LINK_TEXT]);
}

struct qkd_link *qkd_link_parse(const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[QKD_A_LINK_MAX + 1];
	struct parsed *p;

	p = calloc(1, sizeof(*p) + nlh->nlmsg_len);
	if (!p)
		return NULL;
	memcpy(p->msg, nlh, nlh->nlmsg_len);
	qkd_attr_table_msg(tb, QKD_A_LINK_MAX, p->msg);
	for (unsigned int i = 0; i <= QKD_A_LINK_MAX; i++)
		if (tb[i])
			p->link.have |= QKD_BIT(i);
	parse_settings(tb, &p->link);
	parse_state(tb, &p->link);
	parse_stream(tb[QKD_A_LINK_TX], &p->tx);
	parse_stream(tb[QKD_A_LINK_RX], &p->rx);
	parse_rates(tb[QKD_A_LINK_RATES], &p->rates);
	parse_errors(tb[QKD_A_LINK_ERRORS], &p->errors);
	qkd_attr_mem(tb[QKD_A_LINK_GENERATION], p->generation,
		     sizeof(p->generation));
	p->link.tx = &p->tx;
	p->link.rx = &p->rx;
	p->link.rates = &p->rates;
	p->link.errors = &p->errors;
	p->link.generation = p->generation;
	return &p->link;
}

void qkd_link_free(struct qkd_link *link)
{
	free(link);	/* the first member of its allocation */
}
