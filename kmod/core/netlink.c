// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family "qkd": from attributes to settings, from links
 * to attributes. Policies and the table of operations are generated from
 * Documentation/netlink/specs/qkd.yaml; who may do what is in that table.
 * Key never passes here.
 */
#include <linux/inet.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/sock.h>
#include "core.h"
#include "netlink-gen.h"

/*
 * A link with the longest configuration and report. Dumps are given that much
 * room for a message, but hold more than one link only up to a page, so that
 * programs with small buffers can read links of ordinary size.
 */
#define QKD_NL_LINK_SIZE	(QKD_CONFIG_MAX + QKD_REPORT_MAX + 2048)
#define QKD_NL_DUMP_FILL	3072

/* ---- from attributes ---- */

static struct qkd_link *link_by_attrs(struct net *net, struct nlattr **attrs,
				      struct netlink_ext_ack *extack)
{
	struct nlattr *index = attrs[QKD_A_LINK_INDEX];
	struct nlattr *name = attrs[QKD_A_LINK_NAME];
	struct qkd_link *link;

	if (!index && !name) {
		NL_SET_ERR_MSG(extack, "name or index of the link is missing");
		return ERR_PTR(-EINVAL);
	}
	link = index ? qkd_link_find_index(net, nla_get_u32(index)) :
		       qkd_link_find(net, nla_data(name));
	if (link && name && strcmp(link->name, nla_data(name))) {
		qkd_link_put(link);
		link = NULL;
	}
	if (!link) {
		NL_SET_ERR_MSG(extack, "no such link in this network namespace");
		return ERR_PTR(-ENODEV);
	}
	return link;
}

static struct qkd_link *link_by_info(struct genl_info *info)
{
	return link_by_attrs(genl_info_net(info), info->attrs, info->extack);
}

static const char *get_string(struct nlattr **attrs, int type)
{
	return attrs[type] ? nla_data(attrs[type]) : NULL;
}

static bool get_addr4(struct nlattr **attrs, int type, struct qkd_addr *a)
{
	if (!attrs[type])
		return false;
	a->family = AF_INET;
	a->a4 = nla_get_in_addr(attrs[type]);
	return true;
}

static bool get_addr6(struct nlattr **attrs, int type, struct qkd_addr *a)
{
	if (!attrs[type])
		return false;
	a->family = AF_INET6;
	a->a6 = nla_get_in6_addr(attrs[type]);
	return true;
}

static bool get_u32(struct nlattr **attrs, int type, u32 *value)
{
	if (attrs[type])
		*value = nla_get_u32(attrs[type]);
	return attrs[type];
}

/* The policy of link-set ends where that of link-new does: same attributes. */
static void get_settings(struct nlattr **attrs, struct qkd_settings *set)
{
	memset(set, 0, sizeof(*set));
	set->name = get_string(attrs, QKD_A_LINK_NAME);
	set->local_node = get_string(attrs, QKD_A_LINK_LOCAL_NODE);
	set->peer_node = get_string(attrs, QKD_A_LINK_PEER_NODE);
	set->driver = get_string(attrs, QKD_A_LINK_DRIVER);
	set->config = get_string(attrs, QKD_A_LINK_CONFIG);
	set->has_local4 = get_addr4(attrs, QKD_A_LINK_LOCAL4, &set->local4);
	set->has_peer4 = get_addr4(attrs, QKD_A_LINK_PEER4, &set->peer4);
	set->has_local6 = get_addr6(attrs, QKD_A_LINK_LOCAL6, &set->local6);
	set->has_peer6 = get_addr6(attrs, QKD_A_LINK_PEER6, &set->peer6);
	set->has_role = get_u32(attrs, QKD_A_LINK_ROLE, &set->role);
	set->has_admin = get_u32(attrs, QKD_A_LINK_ADMIN_STATE, &set->admin);
	set->has_pool_size = get_u32(attrs, QKD_A_LINK_POOL_SIZE,
				     &set->pool_size);
	set->has_low = get_u32(attrs, QKD_A_LINK_LOW_WATERMARK, &set->low);
	set->has_high = get_u32(attrs, QKD_A_LINK_HIGH_WATERMARK, &set->high);
	set->has_grace = get_u32(attrs, QKD_A_LINK_RX_GRACE, &set->grace_ms);
	if (attrs[QKD_A_LINK_PEER_PORT]) {
		set->has_peer_port = true;
		set->peer_port = nla_get_be16(attrs[QKD_A_LINK_PEER_PORT]);
	}
}

/* ---- to attributes ---- */

static int put_u64(struct sk_buff *skb, int type, u64 value, int pad)
{
	return nla_put_u64_64bit(skb, type, value, pad);
}

static int put_stream(struct sk_buff *skb, int type,
		      const struct qkd_stream_figures *s)
{
	struct nlattr *nest = nla_nest_start(skb, type);

	if (!nest ||
	    put_u64(skb, QKD_A_STREAM_HEAD, s->head, QKD_A_STREAM_PAD) ||
	    put_u64(skb, QKD_A_STREAM_TAIL, s->tail, QKD_A_STREAM_PAD) ||
	    put_u64(skb, QKD_A_STREAM_CONFIRMED, s->confirmed,
		    QKD_A_STREAM_PAD) ||
	    put_u64(skb, QKD_A_STREAM_AVAILABLE, s->available,
		    QKD_A_STREAM_PAD) ||
	    put_u64(skb, QKD_A_STREAM_CONSUMED, s->consumed,
		    QKD_A_STREAM_PAD) ||
	    put_u64(skb, QKD_A_STREAM_LOST, s->lost, QKD_A_STREAM_PAD) ||
	    put_u64(skb, QKD_A_STREAM_FED, s->fed, QKD_A_STREAM_PAD) ||
	    put_u64(skb, QKD_A_STREAM_HELD, s->held, QKD_A_STREAM_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_rates(struct sk_buff *skb, const struct qkd_report *r)
{
	struct nlattr *nest;

	if (!r->has_rates)
		return 0;
	nest = nla_nest_start(skb, QKD_A_LINK_RATES);
	if (!nest ||
	    put_u64(skb, QKD_A_RATES_RAW_BPS, r->raw_bps, QKD_A_RATES_PAD) ||
	    put_u64(skb, QKD_A_RATES_SIFTED_BPS, r->sifted_bps,
		    QKD_A_RATES_PAD) ||
	    put_u64(skb, QKD_A_RATES_SECRET_BPS, r->secret_bps,
		    QKD_A_RATES_PAD) ||
	    nla_put_u32(skb, QKD_A_RATES_QBER_PPM, r->qber_ppm) ||
	    nla_put_u32(skb, QKD_A_RATES_EFFICIENCY_PPM, r->efficiency_ppm) ||
	    put_u64(skb, QKD_A_RATES_BLOCKS, r->blocks, QKD_A_RATES_PAD) ||
	    put_u64(skb, QKD_A_RATES_BLOCKS_DISCARDED, r->blocks_discarded,
		    QKD_A_RATES_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_errors(struct sk_buff *skb, struct qkd_link *link)
{
	const struct {
		int type;
		u64 value;
	} errors[] = {
		{ QKD_A_ERRORS_FEED_REJECTED,
		  atomic64_read(&link->pool.feed_rejected) },
		{ QKD_A_ERRORS_RX_MALFORMED,
		  atomic64_read(&link->rx_malformed) },
		{ QKD_A_ERRORS_RX_NO_KEY, atomic64_read(&link->rx_no_key) },
		{ QKD_A_ERRORS_RX_AUTH, atomic64_read(&link->rx_auth) },
		{ QKD_A_ERRORS_RX_DROPPED, atomic64_read(&link->rx_dropped) },
		{ QKD_A_ERRORS_TX_FAILED, atomic64_read(&link->tx_failed) },
		{ QKD_A_ERRORS_STARVED, atomic64_read(&link->pool.starved) },
		{ QKD_A_ERRORS_AUTH, link->report.auth },
		{ QKD_A_ERRORS_VERIFY, link->report.verify },
		{ QKD_A_ERRORS_QBER, link->report.qber },
	};
	struct nlattr *nest = nla_nest_start(skb, QKD_A_LINK_ERRORS);
	unsigned int i;

	lockdep_assert_held(&link->info_mutex);
	if (!nest)
		return -EMSGSIZE;
	for (i = 0; i < ARRAY_SIZE(errors); i++)
		if (put_u64(skb, errors[i].type, errors[i].value,
			    QKD_A_ERRORS_PAD))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_ends(struct sk_buff *skb, struct qkd_link *link)
{
	struct qkd_addr local, peer;

	if (!qkd_link_ends(link, AF_INET, &local, &peer) &&
	    (nla_put_in_addr(skb, QKD_A_LINK_LOCAL4, local.a4) ||
	     nla_put_in_addr(skb, QKD_A_LINK_PEER4, peer.a4)))
		return -EMSGSIZE;
	if (!qkd_link_ends(link, AF_INET6, &local, &peer) &&
	    (nla_put_in6_addr(skb, QKD_A_LINK_LOCAL6, &local.a6) ||
	     nla_put_in6_addr(skb, QKD_A_LINK_PEER6, &peer.a6)))
		return -EMSGSIZE;
	return 0;
}

static int put_handle(struct sk_buff *skb, const struct qkd_link *link)
{
	if (nla_put_string(skb, QKD_A_LINK_NAME, link->name) ||
	    nla_put_u32(skb, QKD_A_LINK_INDEX, link->index))
		return -EMSGSIZE;
	return 0;
}

/* What does not change, or changes by link-set. */
static int put_settings(struct sk_buff *skb, struct qkd_link *link)
{
	lockdep_assert_held(&link->info_mutex);
	if (put_handle(skb, link) || put_ends(skb, link) ||
	    nla_put_string(skb, QKD_A_LINK_LOCAL_NODE, link->local_node) ||
	    nla_put_string(skb, QKD_A_LINK_PEER_NODE, link->peer_node) ||
	    nla_put_be16(skb, QKD_A_LINK_PEER_PORT, link->peer_port) ||
	    nla_put_string(skb, QKD_A_LINK_DRIVER, link->driver) ||
	    nla_put_string(skb, QKD_A_LINK_CONFIG, link->config ?: "") ||
	    nla_put_u32(skb, QKD_A_LINK_ROLE, link->role) ||
	    nla_put_u32(skb, QKD_A_LINK_ADMIN_STATE,
			READ_ONCE(link->admin_up) ? QKD_ADMIN_STATE_UP :
						    QKD_ADMIN_STATE_DOWN) ||
	    nla_put_u32(skb, QKD_A_LINK_POOL_SIZE, link->pool.size) ||
	    nla_put_u32(skb, QKD_A_LINK_LOW_WATERMARK, link->low) ||
	    nla_put_u32(skb, QKD_A_LINK_HIGH_WATERMARK, link->high) ||
	    nla_put_u32(skb, QKD_A_LINK_RX_GRACE,
			READ_ONCE(link->pool.grace_ms)))
		return -EMSGSIZE;
	return 0;
}

static int put_levels(struct sk_buff *skb, struct qkd_link *link)
{
	struct qkd_pool_state st;
	static const u8 none[QKD_GENERATION_SIZE];

	qkd_pool_state(link, &st);
	if (nla_put_u32(skb, QKD_A_LINK_OPER_STATE, READ_ONCE(link->oper)) ||
	    put_stream(skb, QKD_A_LINK_TX, &st.tx) ||
	    put_stream(skb, QKD_A_LINK_RX, &st.rx))
		return -EMSGSIZE;
	if (memcmp(st.generation, none, sizeof(none)) &&
	    nla_put(skb, QKD_A_LINK_GENERATION, sizeof(st.generation),
		    st.generation))
		return -EMSGSIZE;
	return 0;
}

static int put_report(struct sk_buff *skb, struct qkd_link *link)
{
	lockdep_assert_held(&link->info_mutex);
	if (put_rates(skb, &link->report) || put_errors(skb, link) ||
	    put_u64(skb, QKD_A_LINK_BLOCKS_FED,
		    atomic64_read(&link->pool.blocks_fed), QKD_A_LINK_PAD) ||
	    nla_put_string(skb, QKD_A_LINK_REASON, link->report.reason))
		return -EMSGSIZE;
	if (link->report.text &&
	    nla_put_string(skb, QKD_A_LINK_REPORT, link->report.text))
		return -EMSGSIZE;
	return 0;
}

static int fill_link(struct sk_buff *skb, struct qkd_link *link, u32 portid,
		     u32 seq, int flags, u8 cmd, struct netlink_callback *cb)
{
	void *head = genlmsg_put(skb, portid, seq, &qkd_nl_family, flags, cmd);
	int err;

	if (!head)
		return -EMSGSIZE;
	if (cb)
		genl_dump_check_consistent(cb, head);
	mutex_lock(&link->info_mutex);
	err = put_settings(skb, link);
	if (!err)
		err = put_levels(skb, link);
	if (!err)
		err = put_report(skb, link);
	mutex_unlock(&link->info_mutex);
	if (err) {
		genlmsg_cancel(skb, head);
		return err;
	}
	genlmsg_end(skb, head);
	return 0;
}

/* ---- commands ---- */

int qkd_nl_link_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct qkd_settings set;
	struct qkd_link *link;
	struct sk_buff *reply;
	void *head;

	if (GENL_REQ_ATTR_CHECK(info, QKD_A_LINK_NAME) ||
	    GENL_REQ_ATTR_CHECK(info, QKD_A_LINK_LOCAL_NODE) ||
	    GENL_REQ_ATTR_CHECK(info, QKD_A_LINK_PEER_NODE)) {
		NL_SET_ERR_MSG(info->extack, "a link needs name, local-node and peer-node");
		return -EINVAL;
	}
	get_settings(info->attrs, &set);
	/* before the link: with it made, nothing may fail */
	reply = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	head = genlmsg_put_reply(reply, info, &qkd_nl_family, 0,
				 QKD_CMD_LINK_NEW);
	link = head ? qkd_link_new(genl_info_net(info), &set, info->extack) :
		      ERR_PTR(-EMSGSIZE);
	if (IS_ERR(link)) {
		nlmsg_free(reply);
		return PTR_ERR(link);
	}
	WARN_ON_ONCE(put_handle(reply, link));
	qkd_link_put(link);
	genlmsg_end(reply, head);
	return genlmsg_reply(reply, info);
}

int qkd_nl_link_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct qkd_link *link = link_by_info(info);
	int err = 0;

	if (IS_ERR(link))
		return PTR_ERR(link);
	mutex_lock(&qkd_conf_mutex);
	if (link->dead)
		err = -ENODEV;
	else
		qkd_link_del(link);
	mutex_unlock(&qkd_conf_mutex);
	qkd_link_put(link);
	return err;
}

int qkd_nl_link_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct qkd_link *link = link_by_info(info);
	struct qkd_settings set;
	int err;

	if (IS_ERR(link))
		return PTR_ERR(link);
	get_settings(info->attrs, &set);
	err = qkd_link_set(link, &set, info->extack);
	qkd_link_put(link);
	return err;
}

int qkd_nl_link_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct qkd_link *link = link_by_info(info);
	struct sk_buff *reply;
	int err = -ENOMEM;

	if (IS_ERR(link))
		return PTR_ERR(link);
	reply = genlmsg_new(QKD_NL_LINK_SIZE, GFP_KERNEL);
	if (reply)
		err = fill_link(reply, link, info->snd_portid, info->snd_seq,
				0, QKD_CMD_LINK_GET, NULL);
	qkd_link_put(link);
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	return genlmsg_reply(reply, info);
}

int qkd_nl_link_get_start(struct netlink_callback *cb)
{
	cb->min_dump_alloc = QKD_NL_LINK_SIZE;
	return 0;
}

int qkd_nl_link_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct qkd_net *qn = qkd_net(sock_net(skb->sk));
	unsigned long index = cb->args[0];
	struct qkd_link *link;
	int err;

	cb->seq = READ_ONCE(qn->changes) + 1;
	while (skb->len < QKD_NL_DUMP_FILL) {
		link = qkd_link_next(qn, &index);
		if (!link)
			break;
		err = fill_link(skb, link, NETLINK_CB(cb->skb).portid,
				cb->nlh->nlmsg_seq, NLM_F_MULTI,
				QKD_CMD_LINK_GET, cb);
		qkd_link_put(link);
		if (err) {
			if (!skb->len)
				return err;
			break;
		}
		index++;
	}
	cb->args[0] = index;
	return skb->len;
}

/* ---- what the daemon reports ---- */

static void set_u64(struct nlattr **attrs, int type, u64 *value)
{
	if (attrs[type])
		*value = nla_get_u64(attrs[type]);
}

static void set_u32(struct nlattr **attrs, int type, u32 *value)
{
	if (attrs[type])
		*value = nla_get_u32(attrs[type]);
}

static void report_rates(struct qkd_report *r, struct nlattr **tb)
{
	r->has_rates = true;
	set_u64(tb, QKD_A_RATES_RAW_BPS, &r->raw_bps);
	set_u64(tb, QKD_A_RATES_SIFTED_BPS, &r->sifted_bps);
	set_u64(tb, QKD_A_RATES_SECRET_BPS, &r->secret_bps);
	set_u32(tb, QKD_A_RATES_QBER_PPM, &r->qber_ppm);
	set_u32(tb, QKD_A_RATES_EFFICIENCY_PPM, &r->efficiency_ppm);
	set_u64(tb, QKD_A_RATES_BLOCKS, &r->blocks);
	set_u64(tb, QKD_A_RATES_BLOCKS_DISCARDED, &r->blocks_discarded);
}

/* The kernel counts the others itself. */
static void report_errors(struct qkd_report *r, struct nlattr **tb)
{
	set_u64(tb, QKD_A_ERRORS_AUTH, &r->auth);
	set_u64(tb, QKD_A_ERRORS_VERIFY, &r->verify);
	set_u64(tb, QKD_A_ERRORS_QBER, &r->qber);
}

static int report_errors_check(struct nlattr **tb,
			       struct netlink_ext_ack *extack)
{
	int type;

	for (type = QKD_A_ERRORS_FEED_REJECTED; type <= QKD_A_ERRORS_STARVED;
	     type++)
		if (tb[type]) {
			NL_SET_ERR_MSG_ATTR(extack, tb[type],
					    "the kernel counts this error itself");
			return -EINVAL;
		}
	return 0;
}

static int link_report(struct qkd_link *link, struct nlattr **attrs,
		       struct netlink_ext_ack *extack)
{
	struct nlattr *rates[QKD_A_RATES_MAX + 1] = {};
	struct nlattr *errors[QKD_A_ERRORS_MAX + 1] = {};
	struct qkd_report *r = &link->report;
	bool changed = false;
	char *text = NULL;
	int err = 0;

	if (attrs[QKD_A_LINK_RATES])
		err = nla_parse_nested(rates, QKD_A_RATES_BLOCKS_DISCARDED,
				       attrs[QKD_A_LINK_RATES],
				       qkd_rates_nl_policy, extack);
	if (!err && attrs[QKD_A_LINK_ERRORS])
		err = nla_parse_nested(errors, QKD_A_ERRORS_QBER,
				       attrs[QKD_A_LINK_ERRORS],
				       qkd_errors_nl_policy, extack);
	if (!err)
		err = report_errors_check(errors, extack);
	if (err)
		return err;
	if (attrs[QKD_A_LINK_REPORT]) {
		text = kstrdup(nla_data(attrs[QKD_A_LINK_REPORT]),
			       GFP_KERNEL_ACCOUNT);
		if (!text)
			return -ENOMEM;
	}

	mutex_lock(&link->info_mutex);
	if (attrs[QKD_A_LINK_RATES])
		report_rates(r, rates);
	report_errors(r, errors);
	if (attrs[QKD_A_LINK_REASON]) {
		const char *reason = nla_data(attrs[QKD_A_LINK_REASON]);

		changed = strcmp(r->reason, reason);
		strscpy(r->reason, reason, sizeof(r->reason));
	}
	if (text) {
		kfree(r->text);
		r->text = text;
	}
	mutex_unlock(&link->info_mutex);

	if (changed)
		qkd_link_event(link, QKD_EV_STATE);
	else if (attrs[QKD_A_LINK_RATES])
		qkd_link_event(link, QKD_EV_LEVEL);
	return 0;
}

int qkd_nl_link_report_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **attrs = info->attrs;
	struct qkd_link *link;
	int err;

	if (attrs[QKD_A_LINK_TEXT] && !attrs[QKD_A_LINK_ALARM]) {
		NL_SET_ERR_MSG(info->extack, "a text needs an alarm code");
		return -EINVAL;
	}
	link = link_by_info(info);
	if (IS_ERR(link))
		return PTR_ERR(link);
	err = link_report(link, attrs, info->extack);
	if (!err && attrs[QKD_A_LINK_ALARM]) {
		down_read(&link->alive);
		if (link->dead)
			err = -ENODEV;
		else
			qkd_nl_notify_alarm(link,
					    nla_get_u32(attrs[QKD_A_LINK_ALARM]),
					    get_string(attrs, QKD_A_LINK_TEXT) ?: "");
		up_read(&link->alive);
	}
	qkd_link_put(link);
	return err;
}

/* ---- accounts ---- */

static int fill_consumer(struct sk_buff *skb, const struct qkd_link *link,
			 const struct qkd_consumer *c,
			 struct netlink_callback *cb)
{
	struct nlattr *nest;
	void *head;

	head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &qkd_nl_family, NLM_F_MULTI, QKD_CMD_CONSUMER_GET);
	if (!head)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, head);
	if (put_handle(skb, link))
		goto cancel;
	nest = nla_nest_start(skb, QKD_A_LINK_CONSUMER);
	if (!nest ||
	    nla_put_string(skb, QKD_A_CONSUMER_KIND, c->kind) ||
	    nla_put_string(skb, QKD_A_CONSUMER_NAME, c->name) ||
	    put_u64(skb, QKD_A_CONSUMER_TX_BYTES, c->tx_bytes,
		    QKD_A_CONSUMER_PAD) ||
	    put_u64(skb, QKD_A_CONSUMER_RX_BYTES, c->rx_bytes,
		    QKD_A_CONSUMER_PAD) ||
	    put_u64(skb, QKD_A_CONSUMER_TX_KEYS, c->tx_keys,
		    QKD_A_CONSUMER_PAD) ||
	    put_u64(skb, QKD_A_CONSUMER_RX_KEYS, c->rx_keys,
		    QKD_A_CONSUMER_PAD) ||
	    put_u64(skb, QKD_A_CONSUMER_STARVED, c->starved,
		    QKD_A_CONSUMER_PAD))
		goto cancel;
	nla_nest_end(skb, nest);
	genlmsg_end(skb, head);
	return 0;

cancel:
	genlmsg_cancel(skb, head);
	return -EMSGSIZE;
}

/* Goes on behind @*after; -EMSGSIZE when the message is full. */
static int dump_consumers(struct sk_buff *skb, struct qkd_link *link,
			  u32 *after, struct netlink_callback *cb)
{
	struct qkd_consumer c;
	int err;

	while (qkd_consumer_get_next(link, *after, &c)) {
		err = fill_consumer(skb, link, &c, cb);
		if (err)
			return err;
		*after = c.id;
	}
	return 0;
}

/* args: where to go on, link and account; 1 if only that link is wanted. */
int qkd_nl_consumer_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb)
{
	struct nlattr **attrs = genl_info_dump(cb)->attrs;
	struct net *net = sock_net(skb->sk);
	unsigned long index = cb->args[0];
	struct qkd_link *link;
	u32 after = cb->args[1];
	int err = 0;

	cb->seq = READ_ONCE(qkd_net(net)->changes) + 1;
	if (cb->args[2] == 2)
		return 0;
	if (!cb->args[2] && attrs &&
	    (attrs[QKD_A_LINK_NAME] || attrs[QKD_A_LINK_INDEX])) {
		link = link_by_attrs(net, attrs, cb->extack);
		if (IS_ERR(link))
			return PTR_ERR(link);
		index = link->index;
		cb->args[2] = 1;
		qkd_link_put(link);
	}
	while (!err) {
		unsigned long want = index;

		link = qkd_link_next(qkd_net(net), &index);
		if (link && cb->args[2] && index != want) {
			qkd_link_put(link);
			link = NULL;
		}
		if (!link)
			break;
		if (index != want)
			after = 0;
		err = dump_consumers(skb, link, &after, cb);
		qkd_link_put(link);
		if (err)
			break;
		after = 0;
		index++;
		if (cb->args[2]) {
			cb->args[2] = 2;
			break;
		}
	}
	cb->args[0] = index;
	cb->args[1] = after;
	return skb->len;
}

/* ---- events ---- */

static void notify_cmd(struct qkd_link *link, unsigned int group, u8 cmd,
		       int (*put)(struct sk_buff *skb, struct qkd_link *link))
{
	struct sk_buff *skb;
	void *head;

	if (!genl_has_listeners(&qkd_nl_family, link->net, group))
		return;
	skb = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb)
		return;
	head = genlmsg_put(skb, 0, 0, &qkd_nl_family, 0, cmd);
	if (!head || put(skb, link)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, head);
	genlmsg_multicast_netns(&qkd_nl_family, link->net, skb, 0, group,
				GFP_KERNEL);
}

/**
 * qkd_nl_notify_link - tell that a link was made or changed
 * @link: not deleted
 *
 * Context: may sleep.
 */
void qkd_nl_notify_link(struct qkd_link *link)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&qkd_nl_family, link->net, QKD_NLGRP_LINK))
		return;
	skb = genlmsg_new(QKD_NL_LINK_SIZE, GFP_KERNEL);
	if (!skb)
		return;
	if (fill_link(skb, link, 0, 0, 0, QKD_CMD_LINK_NTF, NULL)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_multicast_netns(&qkd_nl_family, link->net, skb, 0,
				QKD_NLGRP_LINK, GFP_KERNEL);
}

static int put_del(struct sk_buff *skb, struct qkd_link *link)
{
	return put_handle(skb, link);
}

/**
 * qkd_nl_notify_del - tell that a link is deleted
 * @link: in deletion, its namespace still there
 *
 * Context: may sleep.
 */
void qkd_nl_notify_del(struct qkd_link *link)
{
	notify_cmd(link, QKD_NLGRP_LINK, QKD_CMD_LINK_DEL_NTF, put_del);
}

static int put_key(struct sk_buff *skb, struct qkd_link *link)
{
	int err;

	if (put_handle(skb, link) || put_levels(skb, link))
		return -EMSGSIZE;
	mutex_lock(&link->info_mutex);
	err = put_rates(skb, &link->report);
	mutex_unlock(&link->info_mutex);
	return err;
}

/**
 * qkd_nl_notify_key - tell levels and rates
 * @link: not deleted
 *
 * Context: may sleep.
 */
void qkd_nl_notify_key(struct qkd_link *link)
{
	notify_cmd(link, QKD_NLGRP_KEY, QKD_CMD_KEY_NTF, put_key);
}

/**
 * qkd_nl_notify_alarm - tell an alarm
 * @link: not deleted
 * @code: enum qkd_alarm
 * @text: for a person
 *
 * Context: may sleep.
 */
void qkd_nl_notify_alarm(struct qkd_link *link, u32 code, const char *text)
{
	struct sk_buff *skb;
	void *head;

	if (!genl_has_listeners(&qkd_nl_family, link->net, QKD_NLGRP_ALARM))
		return;
	skb = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb)
		return;
	head = genlmsg_put(skb, 0, 0, &qkd_nl_family, 0, QKD_CMD_ALARM_NTF);
	if (!head || put_handle(skb, link) ||
	    nla_put_u32(skb, QKD_A_LINK_ALARM, code) ||
	    nla_put_string(skb, QKD_A_LINK_TEXT, text)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, head);
	genlmsg_multicast_netns(&qkd_nl_family, link->net, skb, 0,
				QKD_NLGRP_ALARM, GFP_KERNEL);
}

/* ---- the family ---- */

int qkd_nl_register(void)
{
	return genl_register_family(&qkd_nl_family);
}

void qkd_nl_unregister(void)
{
	genl_unregister_family(&qkd_nl_family);
}
