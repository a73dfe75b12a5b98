/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rtnl_link_ops.newlink takes its arguments in a structure since 6.15.
 * QKD_NEWLINK(f) names f, or a function of the older kind that calls it;
 * QKD_NEWLINK_OLD(f) defines that.
 */
#ifndef _QKD_COMPAT_NET_RTNETLINK_H
#define _QKD_COMPAT_NET_RTNETLINK_H

#include_next <net/rtnetlink.h>

#ifdef HAVE_NEWLINK_PARAMS
#define QKD_NEWLINK(f)		f
#define QKD_NEWLINK_OLD(f)
#else
struct rtnl_newlink_params {
	struct net *src_net;
	struct nlattr **tb;
	struct nlattr **data;
};

static inline struct net *
rtnl_newlink_link_net(struct rtnl_newlink_params *params)
{
	return params->src_net;
}

#define QKD_NEWLINK(f)		f##_old
#define QKD_NEWLINK_OLD(f)						\
static int f##_old(struct net *src_net, struct net_device *dev,	\
		   struct nlattr *tb[], struct nlattr *data[],		\
		   struct netlink_ext_ack *extack)			\
{									\
	struct rtnl_newlink_params params = {				\
		.src_net = src_net, .tb = tb, .data = data,		\
	};								\
									\
	return f(dev, &params, extack);					\
}
#endif

#endif /* _QKD_COMPAT_NET_RTNETLINK_H */
