// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/qkd-xfrm.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink-gen.h"

#include <uapi/linux/qkd_xfrm.h>

/* QKD_XFRM_CMD_TUNNEL_NEW - do */
static const struct nla_policy qkd_xfrm_tunnel_new_nl_policy[QKD_XFRM_A_TUNNEL_HYBRID + 1] = {
	[QKD_XFRM_A_TUNNEL_NAME] = { .type = NLA_NUL_STRING, .len = QKD_XFRM_NAME_MAX, },
	[QKD_XFRM_A_TUNNEL_LINK] = { .type = NLA_NUL_STRING, .len = QKD_XFRM_NAME_MAX, },
	[QKD_XFRM_A_TUNNEL_LOCAL] = { .type = NLA_BINARY, },
	[QKD_XFRM_A_TUNNEL_PEER] = { .type = NLA_BINARY, },
	[QKD_XFRM_A_TUNNEL_MODE] = NLA_POLICY_MAX(NLA_U32, 1),
	[QKD_XFRM_A_TUNNEL_SRC] = { .type = NLA_BINARY, },
	[QKD_XFRM_A_TUNNEL_SRC_PREFIX] = { .type = NLA_U8, },
	[QKD_XFRM_A_TUNNEL_DST] = { .type = NLA_BINARY, },
	[QKD_XFRM_A_TUNNEL_DST_PREFIX] = { .type = NLA_U8, },
	[QKD_XFRM_A_TUNNEL_PROTO] = { .type = NLA_U8, },
	[QKD_XFRM_A_TUNNEL_SRC_PORT] = { .type = NLA_U16, },
	[QKD_XFRM_A_TUNNEL_DST_PORT] = { .type = NLA_U16, },
	[QKD_XFRM_A_TUNNEL_AEAD] = NLA_POLICY_MAX(NLA_U32, 2),
	[QKD_XFRM_A_TUNNEL_ESN] = NLA_POLICY_MAX(NLA_U8, 1),
	[QKD_XFRM_A_TUNNEL_REPLAY_WINDOW] = NLA_POLICY_MAX(NLA_U32, 4096),
	[QKD_XFRM_A_TUNNEL_REKEY_TIME] = { .type = NLA_U32, },
	[QKD_XFRM_A_TUNNEL_REKEY_BYTES] = { .type = NLA_U64, },
	[QKD_XFRM_A_TUNNEL_REKEY_PACKETS] = { .type = NLA_U64, },
	[QKD_XFRM_A_TUNNEL_HARD_TIME] = { .type = NLA_U32, },
	[QKD_XFRM_A_TUNNEL_HARD_BYTES] = { .type = NLA_U64, },
	[QKD_XFRM_A_TUNNEL_HARD_PACKETS] = { .type = NLA_U64, },
	[QKD_XFRM_A_TUNNEL_GRACE_TIME] = { .type = NLA_U32, },
	[QKD_XFRM_A_TUNNEL_STARVED] = NLA_POLICY_MAX(NLA_U32, 1),
	[QKD_XFRM_A_TUNNEL_START] = NLA_POLICY_MAX(NLA_U32, 1),
	[QKD_XFRM_A_TUNNEL_HYBRID] = NLA_POLICY_MAX(NLA_U8, 1),
	[QKD_XFRM_A_TUNNEL_POLICY] = NLA_POLICY_MAX(NLA_U32, 1),
	[QKD_XFRM_A_TUNNEL_REQID] = { .type = NLA_U32, },
	[QKD_XFRM_A_TUNNEL_IF_ID] = { .type = NLA_U32, },
	[QKD_XFRM_A_TUNNEL_PRIORITY] = { .type = NLA_U32, },
	[QKD_XFRM_A_TUNNEL_ENCAP_SPORT] = { .type = NLA_U16, },
	[QKD_XFRM_A_TUNNEL_ENCAP_DPORT] = { .type = NLA_U16, },
};

/* QKD_XFRM_CMD_TUNNEL_DEL - do */
static const struct nla_policy qkd_xfrm_tunnel_del_nl_policy[QKD_XFRM_A_TUNNEL_NAME + 1] = {
	[QKD_XFRM_A_TUNNEL_NAME] = { .type = NLA_NUL_STRING, .len = QKD_XFRM_NAME_MAX, },
};

/* QKD_XFRM_CMD_TUNNEL_SET - do */
static const struct nla_policy qkd_xfrm_tunnel_set_nl_policy[QKD_XFRM_A_TUNNEL_HYBRID + 1] = {
	[QKD_XFRM_A_TUNNEL_NAME] = { .type = NLA_NUL_STRING, .len = QKD_XFRM_NAME_MAX, },
	[QKD_XFRM_A_TUNNEL_AEAD] = NLA_POLICY_MAX(NLA_U32, 2),
	[QKD_XFRM_A_TUNNEL_ESN] = NLA_POLICY_MAX(NLA_U8, 1),
	[QKD_XFRM_A_TUNNEL_REPLAY_WINDOW] = NLA_POLICY_MAX(NLA_U32, 4096),
	[QKD_XFRM_A_TUNNEL_REKEY_TIME] = { .type = NLA_U32, },
	[QKD_XFRM_A_TUNNEL_REKEY_BYTES] = { .type = NLA_U64, },
	[QKD_XFRM_A_TUNNEL_REKEY_PACKETS] = { .type = NLA_U64, },
	[QKD_XFRM_A_TUNNEL_HARD_TIME] = { .type = NLA_U32, },
	[QKD_XFRM_A_TUNNEL_HARD_BYTES] = { .type = NLA_U64, },
	[QKD_XFRM_A_TUNNEL_HARD_PACKETS] = { .type = NLA_U64, },
	[QKD_XFRM_A_TUNNEL_GRACE_TIME] = { .type = NLA_U32, },
	[QKD_XFRM_A_TUNNEL_STARVED] = NLA_POLICY_MAX(NLA_U32, 1),
	[QKD_XFRM_A_TUNNEL_START] = NLA_POLICY_MAX(NLA_U32, 1),
	[QKD_XFRM_A_TUNNEL_HYBRID] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* QKD_XFRM_CMD_TUNNEL_REKEY - do */
static const struct nla_policy qkd_xfrm_tunnel_rekey_nl_policy[QKD_XFRM_A_TUNNEL_NAME + 1] = {
	[QKD_XFRM_A_TUNNEL_NAME] = { .type = NLA_NUL_STRING, .len = QKD_XFRM_NAME_MAX, },
};

/* QKD_XFRM_CMD_TUNNEL_GET - do */
static const struct nla_policy qkd_xfrm_tunnel_get_do_nl_policy[QKD_XFRM_A_TUNNEL_NAME + 1] = {
	[QKD_XFRM_A_TUNNEL_NAME] = { .type = NLA_NUL_STRING, .len = QKD_XFRM_NAME_MAX, },
};

/* QKD_XFRM_CMD_TUNNEL_GET - dump */
static const struct nla_policy qkd_xfrm_tunnel_get_dump_nl_policy[QKD_XFRM_A_TUNNEL_LINK + 1] = {
	[QKD_XFRM_A_TUNNEL_LINK] = { .type = NLA_NUL_STRING, .len = QKD_XFRM_NAME_MAX, },
};

/* QKD_XFRM_CMD_SECRET_SET - do */
static const struct nla_policy qkd_xfrm_secret_set_nl_policy[QKD_XFRM_A_SECRET_WHY + 1] = {
	[QKD_XFRM_A_SECRET_LINK] = { .type = NLA_NUL_STRING, .len = QKD_XFRM_NAME_MAX, },
	[QKD_XFRM_A_SECRET_ID] = NLA_POLICY_EXACT_LEN(QKD_XFRM_SECRET_ID_SIZE),
	[QKD_XFRM_A_SECRET_BYTES] = NLA_POLICY_EXACT_LEN(QKD_XFRM_SECRET_SIZE),
	[QKD_XFRM_A_SECRET_USE] = { .type = NLA_FLAG, },
	[QKD_XFRM_A_SECRET_WHY] = { .type = NLA_NUL_STRING, .len = QKD_XFRM_REASON_MAX, },
};

/* Ops table for qkd_xfrm */
static const struct genl_split_ops qkd_xfrm_nl_ops[] = {
	{
		.cmd		= QKD_XFRM_CMD_TUNNEL_NEW,
		.doit		= qkd_xfrm_nl_tunnel_new_doit,
		.policy		= qkd_xfrm_tunnel_new_nl_policy,
		.maxattr	= QKD_XFRM_A_TUNNEL_HYBRID,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= QKD_XFRM_CMD_TUNNEL_DEL,
		.doit		= qkd_xfrm_nl_tunnel_del_doit,
		.policy		= qkd_xfrm_tunnel_del_nl_policy,
		.maxattr	= QKD_XFRM_A_TUNNEL_NAME,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= QKD_XFRM_CMD_TUNNEL_SET,
		.doit		= qkd_xfrm_nl_tunnel_set_doit,
		.policy		= qkd_xfrm_tunnel_set_nl_policy,
		.maxattr	= QKD_XFRM_A_TUNNEL_HYBRID,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= QKD_XFRM_CMD_TUNNEL_REKEY,
		.doit		= qkd_xfrm_nl_tunnel_rekey_doit,
		.policy		= qkd_xfrm_tunnel_rekey_nl_policy,
		.maxattr	= QKD_XFRM_A_TUNNEL_NAME,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= QKD_XFRM_CMD_TUNNEL_GET,
		.doit		= qkd_xfrm_nl_tunnel_get_doit,
		.policy		= qkd_xfrm_tunnel_get_do_nl_policy,
		.maxattr	= QKD_XFRM_A_TUNNEL_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= QKD_XFRM_CMD_TUNNEL_GET,
		.dumpit		= qkd_xfrm_nl_tunnel_get_dumpit,
		.policy		= qkd_xfrm_tunnel_get_dump_nl_policy,
		.maxattr	= QKD_XFRM_A_TUNNEL_LINK,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= QKD_XFRM_CMD_SECRET_SET,
		.doit		= qkd_xfrm_nl_secret_set_doit,
		.policy		= qkd_xfrm_secret_set_nl_policy,
		.maxattr	= QKD_XFRM_A_SECRET_WHY,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
};

static const struct genl_multicast_group qkd_xfrm_nl_mcgrps[] = {
	[QKD_XFRM_NLGRP_TUNNEL] = { "tunnel", },
	[QKD_XFRM_NLGRP_REKEY] = { "rekey", },
};

struct genl_family qkd_xfrm_nl_family __ro_after_init = {
	.name		= QKD_XFRM_FAMILY_NAME,
	.version	= QKD_XFRM_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= qkd_xfrm_nl_ops,
	.n_split_ops	= ARRAY_SIZE(qkd_xfrm_nl_ops),
	.mcgrps		= qkd_xfrm_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(qkd_xfrm_nl_mcgrps),
};
