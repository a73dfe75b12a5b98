// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of the generic netlink family qkd-xfrm: an administrator's words
 * are checked here, with advice, before anything is made of them. The tables
 * follow from Documentation/netlink/specs/qkd-xfrm.yaml.
 */

#include <linux/inetdevice.h>
#include <net/genetlink.h>
#include <net/ipv6.h>

#include "netlink-gen.h"
#include "tunnel.h"

#define MIN_GRACE	10			/* ms */
#define MAX_GRACE	(3600 * 1000)		/* ms */
#define PACKETS_32BIT	BIT_ULL(31)		/* of sequence numbers 2^32 */

static void set_u32(u32 *to, const struct nlattr *a)
{
	if (a)
		*to = nla_get_u32(a);
}

static void set_u64(u64 *to, const struct nlattr *a)
{
	if (a)
		*to = nla_get_u64(a);
}

/* ---- settings ---- */

static void read_settings(struct qx_settings *s, struct nlattr **a)
{
	if (a[QKD_XFRM_A_TUNNEL_AEAD])
		s->aead = nla_get_u32(a[QKD_XFRM_A_TUNNEL_AEAD]);
	if (a[QKD_XFRM_A_TUNNEL_STARVED])
		s->starved = nla_get_u32(a[QKD_XFRM_A_TUNNEL_STARVED]);
	if (a[QKD_XFRM_A_TUNNEL_START])
		s->start = nla_get_u32(a[QKD_XFRM_A_TUNNEL_START]);
	if (a[QKD_XFRM_A_TUNNEL_ESN])
		s->esn = nla_get_u8(a[QKD_XFRM_A_TUNNEL_ESN]);
	if (a[QKD_XFRM_A_TUNNEL_HYBRID])
		s->hybrid = nla_get_u8(a[QKD_XFRM_A_TUNNEL_HYBRID]);
	set_u32(&s->replay_window, a[QKD_XFRM_A_TUNNEL_REPLAY_WINDOW]);
	set_u32(&s->rekey_time, a[QKD_XFRM_A_TUNNEL_REKEY_TIME]);
	set_u32(&s->hard_time, a[QKD_XFRM_A_TUNNEL_HARD_TIME]);
	set_u32(&s->grace_time, a[QKD_XFRM_A_TUNNEL_GRACE_TIME]);
	set_u64(&s->rekey_bytes, a[QKD_XFRM_A_TUNNEL_REKEY_BYTES]);
	set_u64(&s->rekey_packets, a[QKD_XFRM_A_TUNNEL_REKEY_PACKETS]);
	set_u64(&s->hard_bytes, a[QKD_XFRM_A_TUNNEL_HARD_BYTES]);
	set_u64(&s->hard_packets, a[QKD_XFRM_A_TUNNEL_HARD_PACKETS]);
}

static bool below(u64 hard, u64 soft)
{
	return hard && hard < soft;
}

static int check_settings(const struct qx_settings *s,
			  struct netlink_ext_ack *extack)
{
	if (s->esn && !s->replay_window) {
		NL_SET_ERR_MSG(extack, "esn needs a replay window; give replay-window, or esn 0");
		return -EINVAL;
	}
	if (!s->esn && (!s->rekey_packets || s->rekey_packets > PACKETS_32BIT)) {
		NL_SET_ERR_MSG(extack, "without esn, rekey-packets is 1 to 2^31");
		return -ERANGE;
	}
	if (s->grace_time < MIN_GRACE || s->grace_time > MAX_GRACE) {
		NL_SET_ERR_MSG(extack, "grace-time is 10 ms to one hour");
		return -ERANGE;
	}
	if (below(s->hard_time, s->rekey_time) ||
	    below(s->hard_bytes, s->rekey_bytes) ||
	    below(s->hard_packets, s->rekey_packets)) {
		NL_SET_ERR_MSG(extack, "a hard limit is below the limit for rekey");
		return -ERANGE;
	}
	if (!qx_aead_there(s->aead)) {
		NL_SET_ERR_MSG(extack, "this kernel cannot do this aead");
		return -EOPNOTSUPP;
	}
	if (s->hybrid && !qx_derive_there()) {
		NL_SET_ERR_MSG(extack, "hybrid needs HMAC with SHA-384, which this kernel has not");
		return -EOPNOTSUPP;
	}
	return 0;
}

/* ---- names and addresses ---- */

static int read_name(char name[QX_NAME_SIZE], struct genl_info *info, int type)
{
	struct nlattr *a = info->attrs[type];

	if (!a) {
		NL_SET_ERR_MSG(info->extack, "give the tunnel's name, and for a new one its link's");
		return -EINVAL;
	}
	memset(name, 0, QX_NAME_SIZE);
	nla_strscpy(name, a, QX_NAME_SIZE);
	return 0;
}

/* Return: the family, 0 if the attribute is not there, or -EINVAL. */
static int read_addr(xfrm_address_t *to, struct genl_info *info, int type)
{
	struct nlattr *a = info->attrs[type];

	if (!a)
		return 0;
	if (nla_len(a) != 4 && nla_len(a) != 16) {
		NL_SET_ERR_MSG_ATTR(info->extack, a,
				    "an address has 4 or 16 bytes");
		return -EINVAL;
	}
	memset(to, 0, sizeof(*to));
	memcpy(to, nla_data(a), nla_len(a));
	return nla_len(a) == 4 ? AF_INET : AF_INET6;
}

/* Two addresses of a pair have one family. Return: that, 0, or -EINVAL. */
static int read_pair(xfrm_address_t *one, int one_type, xfrm_address_t *other,
		     int other_type, struct genl_info *info)
{
	int f = read_addr(one, info, one_type);
	int g = f < 0 ? f : read_addr(other, info, other_type);

	if (f < 0 || g < 0)
		return -EINVAL;
	if (f && g && f != g) {
		NL_SET_ERR_MSG(info->extack, "addresses of a pair are of one family");
		return -EINVAL;
	}
	return f ?: g;
}

static void from_qkd(xfrm_address_t *to, const struct qkd_addr *from)
{
	memset(to, 0, sizeof(*to));
	if (from->family == AF_INET)
		to->a4 = from->a4;
	else
		to->in6 = from->a6;
}

/* The ends that are not given are the link's. */
static int default_ends(struct qx_conf *c, struct genl_info *info)
{
	struct qkd_link *link = qkd_link_find(genl_info_net(info), c->link);
	struct qkd_addr local, peer;
	int err = -EADDRNOTAVAIL;

	if (!link) {
		NL_SET_ERR_MSG(info->extack, "there is no such link; see qkdctl link show");
		return -ENODEV;
	}
	if (!c->family) {
		c->family = AF_INET;
		err = qkd_link_ends(link, AF_INET, &local, &peer);
	}
	if (err) {
		if (c->family == AF_INET &&
		    !info->attrs[QKD_XFRM_A_TUNNEL_LOCAL] &&
		    !info->attrs[QKD_XFRM_A_TUNNEL_PEER] &&
		    !c->sel.family)
			c->family = AF_INET6;
		err = qkd_link_ends(link, c->family, &local, &peer);
	}
	qkd_link_put(link);
	if (err) {
		NL_SET_ERR_MSG(info->extack, "the link has no ends of this family; give local and peer");
		return err;
	}
	if (!info->attrs[QKD_XFRM_A_TUNNEL_LOCAL])
		from_qkd(&c->local, &local);
	if (!info->attrs[QKD_XFRM_A_TUNNEL_PEER])
		from_qkd(&c->peer, &peer);
	return 0;
}

static int read_ends(struct qx_conf *c, struct genl_info *info)
{
	int family = read_pair(&c->local, QKD_XFRM_A_TUNNEL_LOCAL,
			       &c->peer, QKD_XFRM_A_TUNNEL_PEER, info);

	if (family < 0)
		return family;
	/* an IPv6 network may well be behind IPv4 ends, a host is not */
	if (!family && c->mode == QKD_XFRM_MODE_TRANSPORT)
		family = c->sel.family;
	c->family = family;
	if (info->attrs[QKD_XFRM_A_TUNNEL_LOCAL] &&
	    info->attrs[QKD_XFRM_A_TUNNEL_PEER])
		return 0;
	return default_ends(c, info);
}

/* ---- selectors ---- */

static void mask(xfrm_address_t *a, u16 family, u8 prefix)
{
	struct in6_addr whole = a->in6;

	if (family == AF_INET)
		a->a4 &= inet_make_mask(prefix);
	else
		ipv6_addr_prefix(&a->in6, &whole, prefix);
}

static int read_prefix(u8 *prefix, struct genl_info *info, int type, u8 max)
{
	struct nlattr *a = info->attrs[type];

	*prefix = a ? nla_get_u8(a) : max;
	if (*prefix <= max)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, a, "the prefix is longer than the address");
	return -ERANGE;
}

static int read_networks(struct xfrm_selector *s, struct genl_info *info)
{
	int family = read_pair(&s->saddr, QKD_XFRM_A_TUNNEL_SRC,
			       &s->daddr, QKD_XFRM_A_TUNNEL_DST, info);

	if (family > 0)
		s->family = family;
	return min(family, 0);
}

static int complete_networks(struct qx_conf *c, struct genl_info *info)
{
	struct xfrm_selector *s = &c->sel;
	u8 max;

	if (!s->family)
		s->family = c->family;
	if (s->family != c->family &&
	    (!info->attrs[QKD_XFRM_A_TUNNEL_SRC] ||
	     !info->attrs[QKD_XFRM_A_TUNNEL_DST])) {
		NL_SET_ERR_MSG(info->extack, "give both src and dst, they are not of the ends' family");
		return -EINVAL;
	}
	if (!info->attrs[QKD_XFRM_A_TUNNEL_SRC])
		s->saddr = c->local;
	if (!info->attrs[QKD_XFRM_A_TUNNEL_DST])
		s->daddr = c->peer;
	max = s->family == AF_INET ? 32 : 128;
	if (read_prefix(&s->prefixlen_s, info, QKD_XFRM_A_TUNNEL_SRC_PREFIX,
			max) ||
	    read_prefix(&s->prefixlen_d, info, QKD_XFRM_A_TUNNEL_DST_PREFIX,
			max))
		return -ERANGE;
	mask(&s->saddr, s->family, s->prefixlen_s);
	mask(&s->daddr, s->family, s->prefixlen_d);
	return 0;
}

static void read_port(__be16 *port, __be16 *mask, const struct nlattr *a)
{
	*port = a ? nla_get_be16(a) : 0;
	*mask = *port ? htons(0xffff) : 0;
}

static int read_upper(struct xfrm_selector *s, struct genl_info *info)
{
	struct nlattr **a = info->attrs;

	if (a[QKD_XFRM_A_TUNNEL_PROTO])
		s->proto = nla_get_u8(a[QKD_XFRM_A_TUNNEL_PROTO]);
	read_port(&s->sport, &s->sport_mask, a[QKD_XFRM_A_TUNNEL_SRC_PORT]);
	read_port(&s->dport, &s->dport_mask, a[QKD_XFRM_A_TUNNEL_DST_PORT]);
	switch (s->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return 0;
	}
	if (!s->sport && !s->dport)
		return 0;
	NL_SET_ERR_MSG(info->extack, "ports need a proto that has them, e.g. tcp (6)");
	return -EINVAL;
}

/* Transport mode carries what goes from one end to the other. */
static int check_transport(const struct qx_conf *c,
			   struct netlink_ext_ack *extack)
{
	const struct xfrm_selector *s = &c->sel;
	u8 all = c->family == AF_INET ? 32 : 128;

	if (c->mode != QKD_XFRM_MODE_TRANSPORT)
		return 0;
	if (s->family == c->family && s->prefixlen_s == all &&
	    s->prefixlen_d == all &&
	    xfrm_addr_equal(&s->saddr, &c->local, c->family) &&
	    xfrm_addr_equal(&s->daddr, &c->peer, c->family))
		return 0;
	NL_SET_ERR_MSG(extack, "in transport mode src and dst are the ends; use mode tunnel for networks");
	return -EINVAL;
}

/* ---- the rest ---- */

static int read_encap(struct qx_conf *c, struct genl_info *info)
{
	struct nlattr *s = info->attrs[QKD_XFRM_A_TUNNEL_ENCAP_SPORT];
	struct nlattr *d = info->attrs[QKD_XFRM_A_TUNNEL_ENCAP_DPORT];

	c->encap_sport = s ? nla_get_be16(s) : 0;
	c->encap_dport = d ? nla_get_be16(d) : c->encap_sport;
	if (!c->encap_sport == !c->encap_dport)
		return 0;
	NL_SET_ERR_MSG(info->extack, "encap-dport needs encap-sport");
	return -EINVAL;
}

static int read_numbers(struct qx_conf *c, struct genl_info *info)
{
	c->priority = 1000;
	set_u32(&c->priority, info->attrs[QKD_XFRM_A_TUNNEL_PRIORITY]);
	set_u32(&c->reqid, info->attrs[QKD_XFRM_A_TUNNEL_REQID]);
	set_u32(&c->if_id, info->attrs[QKD_XFRM_A_TUNNEL_IF_ID]);
	if (c->priority >= 2)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[QKD_XFRM_A_TUNNEL_PRIORITY],
			    "priority is at least 2; 1 is for control messages");
	return -ERANGE;
}

static int read_names(struct qx_conf *c, struct genl_info *info)
{
	int err = read_name(c->name, info, QKD_XFRM_A_TUNNEL_NAME);

	if (err)
		return err;
	if (!qx_name_valid(c->name) || !strncmp(c->name, "adhoc", 5)) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[QKD_XFRM_A_TUNNEL_NAME],
				    "a name has 1 to 31 printable ASCII characters, no blank nor slash, and does not begin with adhoc");
		return -EINVAL;
	}
	return read_name(c->link, info, QKD_XFRM_A_TUNNEL_LINK);
}

static int read_conf(struct qx_conf *c, struct genl_info *info)
{
	struct nlattr **a = info->attrs;
	int err;

	err = read_names(c, info);
	if (err)
		return err;
	if (a[QKD_XFRM_A_TUNNEL_MODE])
		c->mode = nla_get_u32(a[QKD_XFRM_A_TUNNEL_MODE]);
	if (a[QKD_XFRM_A_TUNNEL_POLICY])
		c->policy = nla_get_u32(a[QKD_XFRM_A_TUNNEL_POLICY]);
	qx_settings_default(&c->set);
	read_settings(&c->set, a);
	err = check_settings(&c->set, info->extack);
	if (!err)
		err = read_networks(&c->sel, info);
	if (!err)
		err = read_ends(c, info);
	if (!err)
		err = complete_networks(c, info);
	if (!err)
		err = read_upper(&c->sel, info);
	if (!err)
		err = check_transport(c, info->extack);
	if (!err)
		err = read_encap(c, info);
	if (!err)
		err = read_numbers(c, info);
	return err;
}

/* ---- requests ---- */

static int reply_new(struct sk_buff *skb, const struct qx_conf *c, u32 reqid,
		     struct genl_info *info)
{
	void *head;

	head = genlmsg_put_reply(skb, info, &qkd_xfrm_nl_family, 0,
				 QKD_XFRM_CMD_TUNNEL_NEW);
	if (!head || nla_put_string(skb, QKD_XFRM_A_TUNNEL_NAME, c->name) ||
	    nla_put_u32(skb, QKD_XFRM_A_TUNNEL_REQID, reqid)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, head);
	return genlmsg_reply(skb, info);
}

int qkd_xfrm_nl_tunnel_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct qx_net *qn = qx_net(genl_info_net(info));
	struct qx_conf *c = kzalloc(sizeof(*c), GFP_KERNEL);
	/* before the tunnel: who is told of an error has none */
	struct sk_buff *reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	u32 reqid;
	int err = -ENOMEM;

	if (!c || !reply)
		goto err;
	err = read_conf(c, info);
	if (!err)
		err = qx_tunnel_new(qn, c, &reqid, info->extack);
	if (err)
		goto err;
	err = reply_new(reply, c, reqid, info);
	kfree(c);
	return err;
err:
	nlmsg_free(reply);
	kfree(c);
	return err;
}

int qkd_xfrm_nl_tunnel_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	char name[QX_NAME_SIZE];
	int err = read_name(name, info, QKD_XFRM_A_TUNNEL_NAME);

	if (err)
		return err;
	err = qx_tunnel_del(qx_net(genl_info_net(info)), name, false);
	if (err == -ENOENT)
		NL_SET_ERR_MSG(info->extack, "there is no such tunnel");
	return err;
}

/* Return: the tunnel named, held and locked, or an ERR_PTR. */
static struct qx_tunnel *get_locked(struct genl_info *info)
{
	char name[QX_NAME_SIZE];
	struct qx_tunnel *t;
	int err = read_name(name, info, QKD_XFRM_A_TUNNEL_NAME);

	if (err)
		return ERR_PTR(err);
	t = qx_tunnel_find(qx_net(genl_info_net(info)), name);
	if (t) {
		mutex_lock(&t->lock);
		if (!t->dead)
			return t;
		mutex_unlock(&t->lock);
		qx_tunnel_put(t);
	}
	NL_SET_ERR_MSG(info->extack, "there is no such tunnel");
	return ERR_PTR(-ENOENT);
}

static void put_locked(struct qx_tunnel *t)
{
	mutex_unlock(&t->lock);
	qx_tunnel_put(t);
}

int qkd_xfrm_nl_tunnel_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct qx_tunnel *t = get_locked(info);
	struct qx_settings set;
	int err;

	if (IS_ERR(t))
		return PTR_ERR(t);
	set = t->conf.set;
	read_settings(&set, info->attrs);
	err = check_settings(&set, info->extack);
	if (!err && set.hybrid && t->conf.adhoc) {
		NL_SET_ERR_MSG(info->extack, "an ad hoc tunnel cannot be hybrid; make one with policy none");
		err = -EOPNOTSUPP;
	}
	if (!err) {
		if (set.hybrid && !t->conf.set.hybrid) {
			qx_out_hybrid(t);
			qx_in_hybrid(t);
		}
		t->conf.set = set;
		qx_out_changed(t);
		qx_notify(t);
		qx_kick(t, QX_EV_REKEY);
	}
	put_locked(t);
	return err;
}

int qkd_xfrm_nl_tunnel_rekey_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct qx_tunnel *t = get_locked(info);

	if (IS_ERR(t))
		return PTR_ERR(t);
	qx_kick(t, QX_EV_REKEY);
	put_locked(t);
	return 0;
}

int qkd_xfrm_nl_tunnel_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct qx_tunnel *t = get_locked(info);
	struct sk_buff *msg;
	void *head;

	if (IS_ERR(t))
		return PTR_ERR(t);
	msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!msg) {
		put_locked(t);
		return -ENOMEM;
	}
	head = genlmsg_put_reply(msg, info, &qkd_xfrm_nl_family, 0,
				 QKD_XFRM_CMD_TUNNEL_GET);
	if (!head || qx_put_tunnel(msg, t)) {
		put_locked(t);
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	put_locked(t);
	genlmsg_end(msg, head);
	return genlmsg_reply(msg, info);
}

static int dump_one(struct sk_buff *skb, struct qx_tunnel *t,
		    struct netlink_callback *cb)
{
	int err = -EMSGSIZE;
	void *head;

	head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &qkd_xfrm_nl_family, NLM_F_MULTI,
			   QKD_XFRM_CMD_TUNNEL_GET);
	if (!head)
		return err;
	mutex_lock(&t->lock);
	err = t->dead ? -ENOENT : qx_put_tunnel(skb, t);
	mutex_unlock(&t->lock);
	if (err)
		genlmsg_cancel(skb, head);
	else
		genlmsg_end(skb, head);
	return err;
}

static bool asked_for(const struct qx_tunnel *t, struct netlink_callback *cb)
{
	struct nlattr **a = genl_info_dump(cb)->attrs;

	return !a || !a[QKD_XFRM_A_TUNNEL_LINK] ||
	       !nla_strcmp(a[QKD_XFRM_A_TUNNEL_LINK], t->conf.link);
}

/* cb->args[0]: serial of the tunnel told last */
int qkd_xfrm_nl_tunnel_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	struct qx_net *qn = qx_net(sock_net(skb->sk));
	struct qx_tunnel *t = qx_tunnel_after(qn, cb->args[0]);

	for (; t; t = qx_tunnel_next(qn, t)) {
		if (asked_for(t, cb) && dump_one(skb, t, cb) == -EMSGSIZE) {
			qx_tunnel_put(t);
			return skb->len ?: -EMSGSIZE;
		}
		cb->args[0] = t->serial;
	}
	return skb->len;
}

/* ---- post-quantum secrets ---- */

static int read_secret(struct qx_secret_set *set, struct qx_secret *s,
		       struct genl_info *info)
{
	struct nlattr **a = info->attrs;
	struct nlattr *bytes = a[QKD_XFRM_A_SECRET_BYTES];

	/* first: the message is freed as it is, and an error's answer repeats it */
	if (bytes) {
		nla_memcpy(s->bytes, bytes, sizeof(s->bytes));
		memzero_explicit(nla_data(bytes), nla_len(bytes));
		set->secret = s;
	}
	set->use = a[QKD_XFRM_A_SECRET_USE];
	if (a[QKD_XFRM_A_SECRET_WHY])
		set->why = nla_data(a[QKD_XFRM_A_SECRET_WHY]);
	if (set->why ? bytes || set->use :
		       !a[QKD_XFRM_A_SECRET_ID] || !(bytes || set->use)) {
		NL_SET_ERR_MSG(info->extack, "give id, and bytes or use; or why");
		return -EINVAL;
	}
	if (a[QKD_XFRM_A_SECRET_ID])
		nla_memcpy(s->id, a[QKD_XFRM_A_SECRET_ID], sizeof(s->id));
	set->id = s->id;
	if (!set->why && !memchr_inv(s->id, 0, sizeof(s->id))) {
		NL_SET_ERR_MSG(info->extack, "an id of zeroes means none");
		return -EINVAL;
	}
	return 0;
}

int qkd_xfrm_nl_secret_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct qx_secret_set set = {};
	struct qx_secret s = {};
	struct qkd_link *link = NULL;
	int err;

	err = read_secret(&set, &s, info);
	if (!err && GENL_REQ_ATTR_CHECK(info, QKD_XFRM_A_SECRET_LINK))
		err = -EINVAL;
	if (err)
		goto out;
	link = qkd_link_find(genl_info_net(info),
			     nla_data(info->attrs[QKD_XFRM_A_SECRET_LINK]));
	if (link) {
		err = qx_secret_set(qx_net(genl_info_net(info)), link, &set);
	} else {
		NL_SET_ERR_MSG(info->extack, "there is no such link");
		err = -ENODEV;
	}
	if (err == -EEXIST)
		NL_SET_ERR_MSG(info->extack, "this secret was given before");
	else if (err == -ENOENT)
		NL_SET_ERR_MSG(info->extack, "there is no secret of this id");
out:
	memzero_explicit(&s, sizeof(s));
	qkd_link_put(link);
	return err;
}
