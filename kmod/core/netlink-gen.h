/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/qkd.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_QKD_GEN_H
#define _LINUX_QKD_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/qkd.h>

/* Common nested types */
extern const struct nla_policy qkd_errors_nl_policy[QKD_A_ERRORS_QBER + 1];
extern const struct nla_policy qkd_rates_nl_policy[QKD_A_RATES_BLOCKS_DISCARDED + 1];

int qkd_nl_link_get_start(struct netlink_callback *cb);

int qkd_nl_link_new_doit(struct sk_buff *skb, struct genl_info *info);
int qkd_nl_link_del_doit(struct sk_buff *skb, struct genl_info *info);
int qkd_nl_link_set_doit(struct sk_buff *skb, struct genl_info *info);
int qkd_nl_link_get_doit(struct sk_buff *skb, struct genl_info *info);
int qkd_nl_link_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int qkd_nl_link_report_doit(struct sk_buff *skb, struct genl_info *info);
int qkd_nl_consumer_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);

enum {
	QKD_NLGRP_LINK,
	QKD_NLGRP_KEY,
	QKD_NLGRP_ALARM,
};

extern struct genl_family qkd_nl_family;

#endif /* _LINUX_QKD_GEN_H */
