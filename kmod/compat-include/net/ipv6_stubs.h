/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where IPv6 can be a module, its functions are called through a table; where
 * it cannot, the table is gone.
 */
#ifndef _QKD_COMPAT_NET_IPV6_STUBS_H
#define _QKD_COMPAT_NET_IPV6_STUBS_H

#include <net/ipv6.h>

#ifdef HAVE_IPV6_STUB
#include_next <net/ipv6_stubs.h>
#define ip6_dst_lookup_flow(net, sk, fl, final) \
	ipv6_stub->ipv6_dst_lookup_flow(net, sk, fl, final)
#endif

#endif /* _QKD_COMPAT_NET_IPV6_STUBS_H */
