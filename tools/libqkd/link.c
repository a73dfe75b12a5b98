// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Links: make, delete, change, report, get and list.
 *
 * The kernel checks; here settings become attributes and its answers
 * structures. An unknown link is the one error told more of here than the
 * kernel can.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static int link_request(struct qkd_req *r, struct qkd_nl *nl, uint8_t cmd,
			uint16_t flags)
{
	int err = qkd_req_begin(r, nl, &nl->qkd, cmd, flags);

	r->attr_names = qkd_link_attr_names;
	r->n_attr_names = qkd_n_link_attr_names;
	return err;
}

void qkd_req_handle(struct qkd_req *r, const char *name, uint32_t index)
{
	qkd_req_str(r, QKD_A_LINK_NAME, name);
	if (index != QKD_NO_INDEX)
		qkd_req_u32(r, QKD_A_LINK_INDEX, index);
}

/* A request that names a link, which may not be there. */
static int run_on_link(struct qkd_req *r, const char *name, uint32_t index,
		       int (*cb)(const struct nlmsghdr *nlh, void *arg),
		       void *arg)
{
	int err = qkd_req_run(r, cb, arg);

	if (err != -ENODEV)
		return err;
	if (name)
		return qkd_fail(err, "there is no link \"%s\"; list them: qkdctl link",
				name);
	return qkd_fail(err, "there is no link of index %u; list them: qkdctl link",
			index);
}

void qkd_adopt(void *dst, size_t size, const void *src, size_t src_size)
{
	memset(dst, 0, size);
	memcpy(dst, src, src_size < size ? src_size : size);
}

static int put_conf(struct qkd_req *r, const struct qkd_link_conf *given)
{
	struct qkd_link_conf c;

	if (given->size < sizeof(c.size) + sizeof(c.set))
		return qkd_fail(-EINVAL, "settings without their size");
	qkd_adopt(&c, sizeof(c), given, given->size);
	qkd_req_str(r, QKD_A_LINK_LOCAL_NODE, c.local_node);
	qkd_req_str(r, QKD_A_LINK_PEER_NODE, c.peer_node);
	qkd_req_str(r, QKD_A_LINK_DRIVER, c.driver);
	qkd_req_str(r, QKD_A_LINK_CONFIG, c.config);
	if (c.set & QKD_BIT(QKD_A_LINK_LOCAL4))
		qkd_req_mem(r, QKD_A_LINK_LOCAL4, &c.local4, sizeof(c.local4));
	if (c.set & QKD_BIT(QKD_A_LINK_PEER4))
		qkd_req_mem(r, QKD_A_LINK_PEER4, &c.peer4, sizeof(c.peer4));
	if (c.set & QKD_BIT(QKD_A_LINK_LOCAL6))
		qkd_req_mem(r, QKD_A_LINK_LOCAL6, &c.local6, sizeof(c.local6));
	if (c.set & QKD_BIT(QKD_A_LINK_PEER6))
		qkd_req_mem(r, QKD_A_LINK_PEER6, &c.peer6, sizeof(c.peer6));
	if (c.set & QKD_BIT(QKD_A_LINK_PEER_PORT))
		qkd_req_u16(r, QKD_A_LINK_PEER_PORT, htons(c.peer_port));
	if (c.set & QKD_BIT(QKD_A_LINK_ROLE))
		qkd_req_u32(r, QKD_A_LINK_ROLE, c.role);
	if (c.set & QKD_BIT(QKD_A_LINK_ADMIN_STATE))
		qkd_req_u32(r, QKD_A_LINK_ADMIN_STATE, c.admin_state);
	if (c.set & QKD_BIT(QKD_A_LINK_POOL_SIZE))
		qkd_req_u32(r, QKD_A_LINK_POOL_SIZE, c.pool_size);
	if (c.set & QKD_BIT(QKD_A_LINK_LOW_WATERMARK))
		qkd_req_u32(r, QKD_A_LINK_LOW_WATERMARK, c.low_watermark);
	if (c.set & QKD_BIT(QKD_A_LINK_HIGH_WATERMARK))
		qkd_req_u32(r, QKD_A_LINK_HIGH_WATERMARK, c.high_watermark);
	if (c.set & QKD_BIT(QKD_A_LINK_RX_GRACE))
		qkd_req_u32(r, QKD_A_LINK_RX_GRACE, c.rx_grace);
	return 0;
}

static int take_index(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[QKD_A_LINK_MAX + 1];

	qkd_attr_table_msg(tb, QKD_A_LINK_MAX, nlh);
	if (tb[QKD_A_LINK_INDEX])
		*(uint32_t *)arg = qkd_attr_u32(tb[QKD_A_LINK_INDEX]);
	return 0;
}

int qkd_link_add(struct qkd_nl *nl, const char *name,
		 const struct qkd_link_conf *conf, uint32_t *index)
{
	uint32_t got = QKD_NO_INDEX;
	struct qkd_req r;
	int err;

	err = link_request(&r, nl, QKD_CMD_LINK_NEW, 0);
	if (err)
		return err;
	qkd_req_str(&r, QKD_A_LINK_NAME, name);
	err = put_conf(&r, conf);
	if (!err)
		err = qkd_req_run(&r, take_index, &got);
	if (!err && index)
		*index = got;
	return err;
}

int qkd_link_del(struct qkd_nl *nl, const char *name, uint32_t index)
{
	struct qkd_req r;
	int err;

	err = link_request(&r, nl, QKD_CMD_LINK_DEL, 0);
	if (err)
		return err;
	qkd_req_handle(&r, name, index);
	return run_on_link(&r, name, index, NULL, NULL);
}

int qkd_link_set(struct qkd_nl *nl, const char *name, uint32_t index,
		 const struct qkd_link_conf *conf)
{
	struct qkd_req r;
	int err;

	err = link_request(&r, nl, QKD_CMD_LINK_SET, 0);
	if (err)
		return err;
	qkd_req_handle(&r, name, index);
	err = put_conf(&r, conf);
	return err ? err : run_on_link(&r, name, index, NULL, NULL);
}

/* ---- report ---- */

static void put_rates(struct qkd_req *r, const struct qkd_link_report *p)
{
	struct nlattr *nest = qkd_req_nest(r, QKD_A_LINK_RATES);

	if (p->rates_set & QKD_BIT(QKD_A_RATES_RAW_BPS))
		qkd_req_u64(r, QKD_A_RATES_RAW_BPS, p->raw_bps);
	if (p->rates_set & QKD_BIT(QKD_A_RATES_SIFTED_BPS))
		qkd_req_u64(r, QKD_A_RATES_SIFTED_BPS, p->sifted_bps);
	if (p->rates_set & QKD_BIT(QKD_A_RATES_SECRET_BPS))
		qkd_req_u64(r, QKD_A_RATES_SECRET_BPS, p->secret_bps);
	if (p->rates_set & QKD_BIT(QKD_A_RATES_QBER_PPM))
		qkd_req_u32(r, QKD_A_RATES_QBER_PPM, p->qber_ppm);
	if (p->rates_set & QKD_BIT(QKD_A_RATES_EFFICIENCY_PPM))
		qkd_req_u32(r, QKD_A_RATES_EFFICIENCY_PPM, p->efficiency_ppm);
	if (p->rates_set & QKD_BIT(QKD_A_RATES_BLOCKS))
		qkd_req_u64(r, QKD_A_RATES_BLOCKS, p->blocks);
	if (p->rates_set & QKD_BIT(QKD_A_RATES_BLOCKS_DISCARDED))
		qkd_req_u64(r, QKD_A_RATES_BLOCKS_DISCARDED,
			    p->blocks_discarded);
	qkd_req_nest_end(r, nest);
}

static void put_errors(struct qkd_req *r, const struct qkd_link_report *p)
{
	struct nlattr *nest = qkd_req_nest(r, QKD_A_LINK_ERRORS);

	if (p->errors_set & QKD_BIT(QKD_A_ERRORS_AUTH))
		qkd_req_u64(r, QKD_A_ERRORS_AUTH, p->errors_auth);
	if (p->errors_set & QKD_BIT(QKD_A_ERRORS_VERIFY))
		qkd_req_u64(r, QKD_A_ERRORS_VERIFY, p->errors_verify);
	if (p->errors_set & QKD_BIT(QKD_A_ERRORS_QBER))
		qkd_req_u64(r, QKD_A_ERRORS_QBER, p->errors_qber);
	qkd_req_nest_end(r, nest);
}

int qkd_link_report(struct qkd_nl *nl, const char *name, uint32_t index,
		    const struct qkd_link_report *given)
{
	struct qkd_link_report p;
	struct qkd_req r;
	int err;

	if (given->size < offsetof(struct qkd_link_report, qber_ppm))
		return qkd_fail(-EINVAL, "a report without its size");
	qkd_adopt(&p, sizeof(p), given, given->size);
	err = link_request(&r, nl, QKD_CMD_LINK_REPORT, 0);
	if (err)
		return err;
	qkd_req_handle(&r, name, index);
	qkd_req_str(&r, QKD_A_LINK_REASON, p.reason);
	if (p.rates_set)
		put_rates(&r, &p);
	if (p.errors_set)
		put_errors(&r, &p);
	qkd_req_str(&r, QKD_A_LINK_REPORT, p.report);
	if (p.alarm_text) {
		qkd_req_u32(&r, QKD_A_LINK_ALARM, p.alarm);
		qkd_req_str(&r, QKD_A_LINK_TEXT, p.alarm_text);
	}
	return run_on_link(&r, name, index, NULL, NULL);
}

/* ---- get and list ---- */

static int keep_link(const struct nlmsghdr *nlh, void *arg)
{
	struct qkd_link **link = arg;

	qkd_link_free(*link);
	*link = qkd_link_parse(nlh);
	return *link ? 0 : qkd_fail(-ENOMEM, "out of memory");
}

int qkd_link_get(struct qkd_nl *nl, const char *name, uint32_t index,
		 struct qkd_link **link)
{
	struct qkd_link *got = NULL;
	struct qkd_req r;
	int err;

	err = link_request(&r, nl, QKD_CMD_LINK_GET, 0);
	if (err)
		return err;
	qkd_req_handle(&r, name, index);
	err = run_on_link(&r, name, index, keep_link, &got);
	if (!err && !got)
		err = qkd_fail(-EBADMSG, "netlink: no answer in the answer");
	if (err) {
		qkd_link_free(got);
		return err;
	}
	*link = got;
	return 0;
}

struct each {
	int (*cb)(const struct qkd_link *link, void *arg);
	void *arg;
};

static int each_link(const struct nlmsghdr *nlh, void *arg)
{
	struct qkd_link *link = qkd_link_parse(nlh);
	struct each *each = arg;
	int ret;

	if (!link)
		return qkd_fail(-ENOMEM, "out of memory");
	ret = each->cb(link, each->arg);
	qkd_link_free(link);
	return ret;
}

int qkd_link_each(struct qkd_nl *nl,
		  int (*cb)(const struct qkd_link *link, void *arg), void *arg)
{
	struct each each = { .cb = cb, .arg = arg };
	struct qkd_req r;
	int err;

	err = link_request(&r, nl, QKD_CMD_LINK_GET, NLM_F_DUMP);
	return err ? err : qkd_req_run(&r, each_link, &each);
}
