/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP tunnels are told by their struct sock where older kernels want the
 * struct socket, and pass flags for the IP layer where older ones had none.
 */
#ifndef _QKD_COMPAT_NET_UDP_TUNNEL_H
#define _QKD_COMPAT_NET_UDP_TUNNEL_H

#include_next <net/udp_tunnel.h>

#ifndef HAVE_UDP_TUNNEL_SK
#define setup_udp_tunnel_sock(net, sk, cfg) \
	setup_udp_tunnel_sock(net, (sk)->sk_socket, cfg)
#define udp_tunnel_sock_release(sk) \
	udp_tunnel_sock_release((sk)->sk_socket)
#endif

#ifndef HAVE_UDP_TUNNEL_IPCB
#define udp_tunnel_xmit_skb(rt, sk, skb, src, dst, tos, ttl, df, sport, \
			    dport, xnet, nocheck, flags) \
	udp_tunnel_xmit_skb(rt, sk, skb, src, dst, tos, ttl, df, sport, \
			    dport, xnet, nocheck)
#define udp_tunnel6_xmit_skb(dst, sk, skb, dev, saddr, daddr, prio, ttl, \
			     label, sport, dport, nocheck, flags) \
	udp_tunnel6_xmit_skb(dst, sk, skb, dev, saddr, daddr, prio, ttl, \
			     label, sport, dport, nocheck)
#endif

#endif /* _QKD_COMPAT_NET_UDP_TUNNEL_H */
