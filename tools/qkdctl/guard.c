// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A tunnel's policies before there is a tunnel.
 *
 * At boot the policies must be in before the network is up, come what may: the
 * modules may be missing for a new kernel, a link may be refused. They go in by
 * xfrm's own netlink, the same that qkd_xfrm would make: ESP under a request
 * ID of its range, for which no SA is. What they cover is dropped from then
 * on. When the tunnel is made, the module finds them as left by an earlier
 * life of its own and replaces each in one step (kmod/xfrm/policy.c, is_left).
 */
#include <errno.h>
#include <linux/xfrm.h>
#include <string.h>
#include <time.h>

#include <libmnl/libmnl.h>

#include "conf.h"

#define PRIORITY 1000	/* the module's default, kmod/xfrm/netlink.c */

#define GIVEN(t, ATTR) ((t)->set & QKD_BIT(QKD_XFRM_A_TUNNEL_##ATTR))

/* Both ends of one family that the link has, IPv4 first. */
static bool link_ends(const struct qkd_link_conf *l, sa_family_t family,
		      struct qkd_ip *local, struct qkd_ip *peer)
{
	const uint64_t v4 = QKD_BIT(QKD_A_LINK_LOCAL4) |
			    QKD_BIT(QKD_A_LINK_PEER4);
	const uint64_t v6 = QKD_BIT(QKD_A_LINK_LOCAL6) |
			    QKD_BIT(QKD_A_LINK_PEER6);

	if (l && family != AF_INET6 && (l->set & v4) == v4) {
		*local = ip4(l->local4);
		*peer = ip4(l->peer4);
		return true;
	}
	if (l && family != AF_INET && (l->set & v6) == v6) {
		*local = ip6(l->local6);
		*peer = ip6(l->peer6);
		return true;
	}
	return false;
}

/* Which ends, and between which networks, as the module would find them. */
static int complete(struct qkd_tunnel_conf *t, const struct qkd_link_conf *l)
{
	sa_family_t family = t->local.family ?: t->peer.family;
	struct qkd_ip local, peer;

	if (!family && t->mode == QKD_XFRM_MODE_TRANSPORT)
		family = t->src.family ?: t->dst.family;
	if (!t->local.family || !t->peer.family) {
		if (!link_ends(l, family, &local, &peer))
			return bad("link %s has no ends to take; give the tunnel local and peer",
				   t->link);
		if (!t->local.family)
			t->local = local;
		if (!t->peer.family)
			t->peer = peer;
	}
	if (!t->src.family)
		t->src = t->local;
	if (!t->dst.family)
		t->dst = t->peer;
	if (t->src.family != t->dst.family || t->local.family != t->peer.family)
		return bad("addresses of a pair are of one family");
	if (!GIVEN(t, SRC_PREFIX))
		t->src_prefix = t->src.family == AF_INET ? 32 : 128;
	if (!GIVEN(t, DST_PREFIX))
		t->dst_prefix = t->dst.family == AF_INET ? 32 : 128;
	return 0;
}

static void set_address(xfrm_address_t *to, const struct qkd_ip *ip)
{
	memset(to, 0, sizeof(*to));
	if (ip->family == AF_INET)
		to->a4 = ip->a4.s_addr;
	else
		memcpy(to->a6, &ip->a6, sizeof(to->a6));
}

/* The network's address, as the module writes it. */
static void mask(xfrm_address_t *a, sa_family_t family, unsigned int prefix)
{
	uint8_t *p = (uint8_t *)a;
	unsigned int bits = family == AF_INET ? 32 : 128;

	for (unsigned int i = prefix; i < bits; i++)
		p[i / 8] &= ~(0x80 >> i % 8);
}

static void set_selector(struct xfrm_selector *s,
			 const struct qkd_tunnel_conf *t, bool out)
{
	const struct qkd_ip *src = out ? &t->src : &t->dst;
	const struct qkd_ip *dst = out ? &t->dst : &t->src;
	uint16_t sport = out ? t->src_port : t->dst_port;
	uint16_t dport = out ? t->dst_port : t->src_port;

	s->family = src->family;
	set_address(&s->saddr, src);
	set_address(&s->daddr, dst);
	s->prefixlen_s = out ? t->src_prefix : t->dst_prefix;
	s->prefixlen_d = out ? t->dst_prefix : t->src_prefix;
	mask(&s->saddr, s->family, s->prefixlen_s);
	mask(&s->daddr, s->family, s->prefixlen_d);
	s->proto = t->proto;
	s->sport = htons(sport);
	s->dport = htons(dport);
	s->sport_mask = sport ? 0xffff : 0;
	s->dport_mask = dport ? 0xffff : 0;
}

static void put_policy(struct nlmsghdr *nlh, const struct qkd_tunnel_conf *t,
		       int dir)
{
	bool out = dir == XFRM_POLICY_OUT;
	struct xfrm_user_tmpl tmpl = {
		.id.proto = IPPROTO_ESP,
		.family = t->local.family,
		.reqid = GIVEN(t, REQID) && t->reqid ? t->reqid :
			 QKD_XFRM_REQID_LAST,
		.mode = t->mode == QKD_XFRM_MODE_TUNNEL ? XFRM_MODE_TUNNEL :
			XFRM_MODE_TRANSPORT,
		.aalgos = ~0,
		.ealgos = ~0,
		.calgos = ~0,
	};
	struct xfrm_userpolicy_info *p;

	p = mnl_nlmsg_put_extra_header(nlh, sizeof(*p));
	set_selector(&p->sel, t, out);
	p->lft.soft_byte_limit = XFRM_INF;
	p->lft.hard_byte_limit = XFRM_INF;
	p->lft.soft_packet_limit = XFRM_INF;
	p->lft.hard_packet_limit = XFRM_INF;
	p->priority = GIVEN(t, PRIORITY) ? t->priority : PRIORITY;
	p->dir = dir;
	p->action = XFRM_POLICY_ALLOW;
	set_address(&tmpl.saddr, out ? &t->local : &t->peer);
	set_address(&tmpl.id.daddr, out ? &t->peer : &t->local);
	mnl_attr_put(nlh, XFRMA_TMPL, sizeof(tmpl), &tmpl);
	if (t->if_id)
		mnl_attr_put_u32(nlh, XFRMA_IF_ID, t->if_id);
}

/* Return: 0 or what the kernel answered. */
static int insert(struct mnl_socket *sock, const struct qkd_tunnel_conf *t,
		  int dir)
{
	char buf[4096];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	int len;

	nlh->nlmsg_type = XFRM_MSG_NEWPOLICY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE |
			   NLM_F_EXCL;
	nlh->nlmsg_seq = time(NULL);
	put_policy(nlh, t, dir);
	if (mnl_socket_sendto(sock, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	len = mnl_socket_recvfrom(sock, buf, sizeof(buf));
	if (len < 0)
		return -errno;
	return mnl_cb_run(buf, len, nlh->nlmsg_seq,
			  mnl_socket_get_portid(sock), NULL, NULL) < 0 ?
	       -errno : 0;
}

int guard_tunnel(const struct qkd_tunnel_conf *tunnel,
		 const struct qkd_link_conf *link)
{
	struct qkd_tunnel_conf t = *tunnel;
	struct mnl_socket *sock;
	int err, dir;

	if (t.policy == QKD_XFRM_POLICY_NONE)
		return 0;
	err = complete(&t, link);
	if (err)
		return err;
	sock = mnl_socket_open2(NETLINK_XFRM, SOCK_CLOEXEC);
	if (!sock || mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		bad("the kernel has no IPsec: %s", strerror(-err));
		goto out;
	}
	for (dir = 0; dir < XFRM_POLICY_MAX && !err; dir++) {
		if (dir == XFRM_POLICY_FWD && t.mode != QKD_XFRM_MODE_TUNNEL)
			continue;
		err = insert(sock, &t, dir);
		/* there already, of this tunnel or of whoever */
		if (err == -EEXIST)
			err = 0;
		else if (err)
			bad("a policy was refused: %s", strerror(-err));
	}
out:
	if (sock)
		mnl_socket_close(sock);
	return err;
}
