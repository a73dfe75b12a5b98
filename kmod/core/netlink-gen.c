// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/qkd.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink-gen.h"

#include <uapi/linux/qkd.h>

/* Common nested types */
const struct nla_policy qkd_errors_nl_policy[QKD_A_ERRORS_QBER + 1] = {
	[QKD_A_ERRORS_FEED_REJECTED] = { .type = NLA_U64, },
	[QKD_A_ERRORS_RX_MALFORMED] = { .type = NLA_U64, },
	[QKD_A_ERRORS_RX_NO_KEY] = { .type = NLA_U64, },
	[QKD_A_ERRORS_RX_AUTH] = { .type = NLA_U64, },
	[QKD_A_ERRORS_RX_DROPPED] = { .type = NLA_U64, },
	[QKD_A_ERRORS_TX_FAILED] = { .type = NLA_U64, },
	[QKD_A_ERRORS_STARVED] = { .type = NLA_U64, },
	[QKD_A_ERRORS_AUTH] = { .type = NLA_U64, },
	[QKD_A_ERRORS_VERIFY] = { .type = NLA_U64, },
	[QKD_A_ERRORS_QBER] = { .type = NLA_U64, },
};

const struct nla_policy qkd_rates_nl_policy[QKD_A_RATES_BLOCKS_DISCARDED + 1] = {
	[QKD_A_RATES_RAW_BPS] = { .type = NLA_U64, },
	[QKD_A_RATES_SIFTED_BPS] = { .type = NLA_U64, },
	[QKD_A_RATES_SECRET_BPS] = { .type = NLA_U64, },
	[QKD_A_RATES_QBER_PPM] = { .type = NLA_U32, },
	[QKD_A_RATES_EFFICIENCY_PPM] = { .type = NLA_U32, },
	[QKD_A_RATES_BLOCKS] = { .type = NLA_U64, },
	[QKD_A_RATES_BLOCKS_DISCARDED] = { .type = NLA_U64, },
};

/* QKD_CMD_LINK_NEW - do */
static const struct nla_policy qkd_link_new_nl_policy[QKD_A_LINK_RX_GRACE + 1] = {
	[QKD_A_LINK_NAME] = { .type = NLA_NUL_STRING, .len = QKD_NAME_MAX, },
	[QKD_A_LINK_LOCAL_NODE] = { .type = NLA_NUL_STRING, .len = QKD_NODE_MAX, },
	[QKD_A_LINK_PEER_NODE] = { .type = NLA_NUL_STRING, .len = QKD_NODE_MAX, },
	[QKD_A_LINK_LOCAL4] = { .type = NLA_U32, },
	[QKD_A_LINK_PEER4] = { .type = NLA_U32, },
	[QKD_A_LINK_LOCAL6] = NLA_POLICY_EXACT_LEN(16),
	[QKD_A_LINK_PEER6] = NLA_POLICY_EXACT_LEN(16),
	[QKD_A_LINK_PEER_PORT] = { .type = NLA_U16, },
	[QKD_A_LINK_DRIVER] = { .type = NLA_NUL_STRING, .len = QKD_NAME_MAX, },
	[QKD_A_LINK_CONFIG] = { .type = NLA_NUL_STRING, .len = QKD_CONFIG_MAX, },
	[QKD_A_LINK_ROLE] = NLA_POLICY_MAX(NLA_U32, 2),
	[QKD_A_LINK_ADMIN_STATE] = NLA_POLICY_MAX(NLA_U32, 1),
	[QKD_A_LINK_POOL_SIZE] = { .type = NLA_U32, },
	[QKD_A_LINK_LOW_WATERMARK] = { .type = NLA_U32, },
	[QKD_A_LINK_HIGH_WATERMARK] = { .type = NLA_U32, },
	[QKD_A_LINK_RX_GRACE] = { .type = NLA_U32, },
};

/* QKD_CMD_LINK_DEL - do */
static const struct nla_policy qkd_link_del_nl_policy[QKD_A_LINK_INDEX + 1] = {
	[QKD_A_LINK_NAME] = { .type = NLA_NUL_STRING, .len = QKD_NAME_MAX, },
	[QKD_A_LINK_INDEX] = { .type = NLA_U32, },
};

/* QKD_CMD_LINK_SET - do */
static const struct nla_policy qkd_link_set_nl_policy[QKD_A_LINK_RX_GRACE + 1] = {
	[QKD_A_LINK_NAME] = { .type = NLA_NUL_STRING, .len = QKD_NAME_MAX, },
	[QKD_A_LINK_INDEX] = { .type = NLA_U32, },
	[QKD_A_LINK_LOCAL4] = { .type = NLA_U32, },
	[QKD_A_LINK_PEER4] = { .type = NLA_U32, },
	[QKD_A_LINK_LOCAL6] = NLA_POLICY_EXACT_LEN(16),
	[QKD_A_LINK_PEER6] = NLA_POLICY_EXACT_LEN(16),
	[QKD_A_LINK_PEER_PORT] = { .type = NLA_U16, },
	[QKD_A_LINK_DRIVER] = { .type = NLA_NUL_STRING, .len = QKD_NAME_MAX, },
	[QKD_A_LINK_CONFIG] = { .type = NLA_NUL_STRING, .len = QKD_CONFIG_MAX, },
	[QKD_A_LINK_ADMIN_STATE] = NLA_POLICY_MAX(NLA_U32, 1),
	[QKD_A_LINK_LOW_WATERMARK] = { .type = NLA_U32, },
	[QKD_A_LINK_HIGH_WATERMARK] = { .type = NLA_U32, },
	[QKD_A_LINK_RX_GRACE] = { .type = NLA_U32, },
};

/* QKD_CMD_LINK_GET - do */
static const struct nla_policy qkd_link_get_nl_policy[QKD_A_LINK_INDEX + 1] = {
	[QKD_A_LINK_NAME] = { .type = NLA_NUL_STRING, .len = QKD_NAME_MAX, },
	[QKD_A_LINK_INDEX] = { .type = NLA_U32, },
};

/* QKD_CMD_LINK_REPORT - do */
static const struct nla_policy qkd_link_report_nl_policy[QKD_A_LINK_TEXT + 1] = {
	[QKD_A_LINK_NAME] = { .type = NLA_NUL_STRING, .len = QKD_NAME_MAX, },
	[QKD_A_LINK_INDEX] = { .type = NLA_U32, },
	[QKD_A_LINK_REASON] = { .type = NLA_NUL_STRING, .len = QKD_REASON_MAX, },
	[QKD_A_LINK_RATES] = NLA_POLICY_NESTED(qkd_rates_nl_policy),
	[QKD_A_LINK_ERRORS] = NLA_POLICY_NESTED(qkd_errors_nl_policy),
	[QKD_A_LINK_REPORT] = { .type = NLA_NUL_STRING, .len = QKD_REPORT_MAX, },
	[QKD_A_LINK_ALARM] = NLA_POLICY_MAX(NLA_U32, 8),
	[QKD_A_LINK_TEXT] = { .type = NLA_NUL_STRING, .len = QKD_REASON_MAX, },
};

/* QKD_CMD_CONSUMER_GET - dump */
static const struct nla_policy qkd_consumer_get_nl_policy[QKD_A_LINK_INDEX + 1] = {
	[QKD_A_LINK_NAME] = { .type = NLA_NUL_STRING, .len = QKD_NAME_MAX, },
	[QKD_A_LINK_INDEX] = { .type = NLA_U32, },
};

/* Ops table for qkd */
static const struct genl_split_ops qkd_nl_ops[] = {
	{
		.cmd		= QKD_CMD_LINK_NEW,
		.doit		= qkd_nl_link_new_doit,
		.policy		= qkd_link_new_nl_policy,
		.maxattr	= QKD_A_LINK_RX_GRACE,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= QKD_CMD_LINK_DEL,
		.doit		= qkd_nl_link_del_doit,
		.policy		= qkd_link_del_nl_policy,
		.maxattr	= QKD_A_LINK_INDEX,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= QKD_CMD_LINK_SET,
		.doit		= qkd_nl_link_set_doit,
		.policy		= qkd_link_set_nl_policy,
		.maxattr	= QKD_A_LINK_RX_GRACE,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= QKD_CMD_LINK_GET,
		.doit		= qkd_nl_link_get_doit,
		.policy		= qkd_link_get_nl_policy,
		.maxattr	= QKD_A_LINK_INDEX,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= QKD_CMD_LINK_GET,
		.start	= qkd_nl_link_get_start,
		.dumpit	= qkd_nl_link_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= QKD_CMD_LINK_REPORT,
		.doit		= qkd_nl_link_report_doit,
		.policy		= qkd_link_report_nl_policy,
		.maxattr	= QKD_A_LINK_TEXT,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= QKD_CMD_CONSUMER_GET,
		.dumpit		= qkd_nl_consumer_get_dumpit,
		.policy		= qkd_consumer_get_nl_policy,
		.maxattr	= QKD_A_LINK_INDEX,
		.flags		= GENL_CMD_CAP_DUMP,
	},
};

static const struct genl_multicast_group qkd_nl_mcgrps[] = {
	[QKD_NLGRP_LINK] = { "link", },
	[QKD_NLGRP_KEY] = { "key", },
	[QKD_NLGRP_ALARM] = { "alarm", },
};

struct genl_family qkd_nl_family __ro_after_init = {
	.name		= QKD_FAMILY_NAME,
	.version	= QKD_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= qkd_nl_ops,
	.n_split_ops	= ARRAY_SIZE(qkd_nl_ops),
	.mcgrps		= qkd_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(qkd_nl_mcgrps),
};
