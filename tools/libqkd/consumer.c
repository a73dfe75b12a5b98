// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The accounts of a link: who used how much of its key.
 */
#include <errno.h>
#include <linux/genetlink.h>

#include "internal.h"

struct each {
	int (*cb)(const struct qkd_consumer *c, void *arg);
	void *arg;
};

static void parse_consumer(const struct nlattr *nest, struct qkd_consumer *c)
{
	const struct nlattr *tb[QKD_A_CONSUMER_MAX + 1];

	qkd_attr_table_nest(tb, QKD_A_CONSUMER_MAX, nest);
	c->kind = qkd_attr_str(tb[QKD_A_CONSUMER_KIND]);
	c->name = qkd_attr_str(tb[QKD_A_CONSUMER_NAME]);
	c->tx_bytes = qkd_attr_u64(tb[QKD_A_CONSUMER_TX_BYTES]);
	c->rx_bytes = qkd_attr_u64(tb[QKD_A_CONSUMER_RX_BYTES]);
	c->tx_keys = qkd_attr_u64(tb[QKD_A_CONSUMER_TX_KEYS]);
	c->rx_keys = qkd_attr_u64(tb[QKD_A_CONSUMER_RX_KEYS]);
	c->starved = qkd_attr_u64(tb[QKD_A_CONSUMER_STARVED]);
}

/* One message holds one or several consumers of one link. */
static int each_consumer(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[QKD_A_LINK_MAX + 1];
	struct each *each = arg;
	struct qkd_consumer c;
	const struct nlattr *a;
	int ret;

	qkd_attr_table_msg(tb, QKD_A_LINK_MAX, nlh);
	c.link = qkd_attr_str(tb[QKD_A_LINK_NAME]);
	c.index = tb[QKD_A_LINK_INDEX] ? qkd_attr_u32(tb[QKD_A_LINK_INDEX]) :
		QKD_NO_INDEX;
	mnl_attr_for_each(a, nlh, GENL_HDRLEN) {
		if (mnl_attr_get_type(a) != QKD_A_LINK_CONSUMER)
			continue;
		parse_consumer(a, &c);
		ret = each->cb(&c, each->arg);
		if (ret)
			return ret;
	}
	return 0;
}

int qkd_consumer_each(struct qkd_nl *nl, const char *name, uint32_t index,
		      int (*cb)(const struct qkd_consumer *c, void *arg),
		      void *arg)
{
	struct each each = { .cb = cb, .arg = arg };
	struct qkd_req r;
	int err;

	err = qkd_req_begin(&r, nl, &nl->qkd, QKD_CMD_CONSUMER_GET, NLM_F_DUMP);
	if (err)
		return err;
	qkd_req_handle(&r, name, index);
	err = qkd_req_run(&r, each_consumer, &each);
	if (err == -ENODEV && name)
		return qkd_fail(err, "there is no link \"%s\"; list them: qkdctl link",
				name);
	return err;
}
