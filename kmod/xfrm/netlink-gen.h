/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/qkd-xfrm.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_QKD_XFRM_GEN_H
#define _LINUX_QKD_XFRM_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/qkd_xfrm.h>

int qkd_xfrm_nl_tunnel_new_doit(struct sk_buff *skb, struct genl_info *info);
int qkd_xfrm_nl_tunnel_del_doit(struct sk_buff *skb, struct genl_info *info);
int qkd_xfrm_nl_tunnel_set_doit(struct sk_buff *skb, struct genl_info *info);
int qkd_xfrm_nl_tunnel_rekey_doit(struct sk_buff *skb, struct genl_info *info);
int qkd_xfrm_nl_tunnel_get_doit(struct sk_buff *skb, struct genl_info *info);
int qkd_xfrm_nl_tunnel_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);
int qkd_xfrm_nl_secret_set_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	QKD_XFRM_NLGRP_TUNNEL,
	QKD_XFRM_NLGRP_REKEY,
};

extern struct genl_family qkd_xfrm_nl_family;

#endif /* _LINUX_QKD_XFRM_GEN_H */
