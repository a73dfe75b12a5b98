// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The netlink exchange: a handle, families found by name, a request and what
 * comes back.
 *
 * What requests and answers hold is for the callers. A family's module may be
 * unloaded and loaded again under a handle: its number is then looked up anew.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/genetlink.h>

#include "internal.h"

#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif

#define ACK_MISS_TYPE 5		/* NLMSGERR_ATTR_MISS_TYPE, Linux 6.0 */
#define ACK_MAX 6

int qkd_nl_open(struct qkd_nl **out, const char *netns)
{
	struct qkd_nl *nl;
	int one = 1;
	int err;

	nl = calloc(1, sizeof(*nl));
	if (!nl)
		return qkd_fail(-ENOMEM, "out of memory");
	nl->qkd = (struct qkd_family){ .name = QKD_FAMILY_NAME,
				       .module = "qkd" };
	nl->xfrm = (struct qkd_family){ .name = "qkd-xfrm",
					.module = "qkd_xfrm" };
	nl->req = malloc(QKD_MSG_SIZE);
	nl->rsp = malloc(2 * QKD_MSG_SIZE);
	if (!nl->req || !nl->rsp) {
		err = qkd_fail(-ENOMEM, "out of memory");
		goto fail;
	}
	err = qkd_netns_socket(netns, &nl->sock);
	if (err)
		goto fail;
	/* best effort: they only make errors clearer and checks stricter */
	mnl_socket_setsockopt(nl->sock, NETLINK_EXT_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(nl->sock, NETLINK_CAP_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(nl->sock, NETLINK_GET_STRICT_CHK, &one,
			      sizeof(one));
	err = qkd_family_resolve(nl, &nl->qkd, NULL, NULL);
	if (err)
		goto fail;
	*out = nl;
	return 0;
fail:
	qkd_nl_close(nl);
	return err;
}

void qkd_nl_close(struct qkd_nl *nl)
{
	if (!nl)
		return;
	if (nl->sock)
		mnl_socket_close(nl->sock);
	free(nl->req);
	free(nl->rsp);
	free(nl);
}

/* ---- a request ---- */

static void begin(struct qkd_req *r, struct qkd_nl *nl,
		  struct qkd_family *family, uint16_t id, uint8_t cmd,
		  uint16_t flags)
{
	struct genlmsghdr *g;

	memset(r, 0, sizeof(*r));
	r->nl = nl;
	r->family = family;
	r->nlh = mnl_nlmsg_put_header(nl->req);
	r->nlh->nlmsg_type = id;
	r->nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	g = mnl_nlmsg_put_extra_header(r->nlh, sizeof(*g));
	g->cmd = cmd;
	g->version = 1;
}

int qkd_req_begin(struct qkd_req *r, struct qkd_nl *nl,
		  struct qkd_family *family, uint8_t cmd, uint16_t flags)
{
	if (!family->id) {
		int err = qkd_family_resolve(nl, family, NULL, NULL);

		if (err)
			return err;
	}
	begin(r, nl, family, family->id, cmd, flags);
	return 0;
}

void qkd_req_mem(struct qkd_req *r, uint16_t type, const void *p, size_t len)
{
	if (len > QKD_MSG_SIZE ||
	    !mnl_attr_put_check(r->nlh, QKD_MSG_SIZE, type, len, p))
		r->overflow = true;
}

void qkd_req_u8(struct qkd_req *r, uint16_t type, uint8_t v)
{
	qkd_req_mem(r, type, &v, sizeof(v));
}

void qkd_req_u16(struct qkd_req *r, uint16_t type, uint16_t v)
{
	qkd_req_mem(r, type, &v, sizeof(v));
}

void qkd_req_u32(struct qkd_req *r, uint16_t type, uint32_t v)
{
	qkd_req_mem(r, type, &v, sizeof(v));
}

void qkd_req_u64(struct qkd_req *r, uint16_t type, uint64_t v)
{
	qkd_req_mem(r, type, &v, sizeof(v));
}

void qkd_req_flag(struct qkd_req *r, uint16_t type)
{
	qkd_req_mem(r, type, "", 0);
}

void qkd_req_str(struct qkd_req *r, uint16_t type, const char *s)
{
	if (s)
		qkd_req_mem(r, type, s, strlen(s) + 1);
}

struct nlattr *qkd_req_nest(struct qkd_req *r, uint16_t type)
{
	struct nlattr *nest = mnl_attr_nest_start_check(r->nlh, QKD_MSG_SIZE,
							type);

	if (!nest)
		r->overflow = true;
	return nest;
}

void qkd_req_nest_end(struct qkd_req *r, struct nlattr *nest)
{
	if (nest)
		mnl_attr_nest_end(r->nlh, nest);
}

/* ---- what comes back ---- */

static const char *attr_name(const struct qkd_req *r, unsigned int type)
{
	if (type < r->n_attr_names && r->attr_names[type])
		return r->attr_names[type];
	return NULL;
}

/* The name of the attribute of our request that begins at @offs. */
static const char *attr_at(const struct qkd_req *r, uint32_t offs)
{
	const struct nlattr *a;

	if (offs < MNL_NLMSG_HDRLEN ||
	    offs + sizeof(*a) > r->nlh->nlmsg_len)
		return NULL;
	a = (const void *)((const char *)r->nlh + offs);
	return attr_name(r, mnl_attr_get_type(a));
}

/*
 * What the kernel would have taken, from its policy for the attribute at
 * fault, as "at most 31 bytes"; "" if it does not say.
 */
static void policy_text(const struct nlattr *policy, char *buf, size_t size)
{
	const struct nlattr *tb[NL_POLICY_TYPE_ATTR_MAX + 1];
	uint32_t type;

	buf[0] = '\0';
	qkd_attr_table_nest(tb, NL_POLICY_TYPE_ATTR_MAX, policy);
	type = qkd_attr_u32(tb[NL_POLICY_TYPE_ATTR_TYPE]);
	if (type == NL_ATTR_TYPE_BINARY && tb[NL_POLICY_TYPE_ATTR_MIN_LENGTH])
		snprintf(buf, size, "must be %u to %u bytes long",
			 qkd_attr_u32(tb[NL_POLICY_TYPE_ATTR_MIN_LENGTH]),
			 qkd_attr_u32(tb[NL_POLICY_TYPE_ATTR_MAX_LENGTH]));
	else if (tb[NL_POLICY_TYPE_ATTR_MAX_LENGTH])
		snprintf(buf, size, "is too long: at most %u bytes",
			 qkd_attr_u32(tb[NL_POLICY_TYPE_ATTR_MAX_LENGTH]));
	else if (tb[NL_POLICY_TYPE_ATTR_MAX_VALUE_U])
		snprintf(buf, size, "must be %llu to %llu",
			 (unsigned long long)
			 qkd_attr_u64(tb[NL_POLICY_TYPE_ATTR_MIN_VALUE_U]),
			 (unsigned long long)
			 qkd_attr_u64(tb[NL_POLICY_TYPE_ATTR_MAX_VALUE_U]));
}

/* An error with what the kernel says of it (extack). */
static int fail_extack(const struct qkd_req *r, int err,
		       const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[ACK_MAX + 1];
	const char *name = NULL, *msg;
	size_t skip = sizeof(*e), len = mnl_nlmsg_get_payload_len(nlh);
	char policy[96];

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return qkd_fail_netlink(err, r->family->name);
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += MNL_ALIGN(e->msg.nlmsg_len) - MNL_NLMSG_HDRLEN;
	if (len <= skip)
		return qkd_fail_netlink(err, r->family->name);
	qkd_attr_table(tb, ACK_MAX, (const char *)e + skip, len - skip);
	msg = qkd_attr_str(tb[NLMSGERR_ATTR_MSG]);
	if (tb[ACK_MISS_TYPE]) {
		name = attr_name(r, qkd_attr_u32(tb[ACK_MISS_TYPE]));
		if (name && !*msg)
			return qkd_fail(err, "\"%s\" is missing", name);
	}
	if (tb[NLMSGERR_ATTR_OFFS])
		name = attr_at(r, qkd_attr_u32(tb[NLMSGERR_ATTR_OFFS]));
	policy_text(tb[NLMSGERR_ATTR_POLICY], policy, sizeof(policy));
	if (name && *policy)
		return qkd_fail(err, "%s %s", name, policy);
	if (!*msg)
		return name ? qkd_fail(err, "%s: %s", name, strerror(-err)) :
			qkd_fail_netlink(err, r->family->name);
	return name && !strstr(msg, name) ? qkd_fail(err, "%s: %s", name, msg) :
		qkd_fail(err, "%s", msg);
}

static bool has_text(const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_flags & NLM_F_ACK_TLVS;
}

struct exchange {
	struct qkd_req *r;
	int (*cb)(const struct nlmsghdr *nlh, void *arg);
	void *arg;
	int ret;	/* of the callback */
	bool gone;	/* the kernel does not know the family's number */
};

/* Return: 1: goes on, 0: that was all, or a negative errno. */
static int one_answer(struct exchange *x, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

	switch (nlh->nlmsg_type) {
	case NLMSG_NOOP:
		return 1;
	case NLMSG_DONE:
		/* its payload is the dump's result */
		if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(int) &&
		    e->error < 0)
			return qkd_fail_netlink(e->error, x->r->family->name);
		return 0;
	case NLMSG_ERROR:
		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
			return qkd_fail(-EBADMSG, "netlink: short answer");
		if (!e->error)
			return 0;
		x->gone = e->error == -ENOENT && !has_text(nlh);
		return fail_extack(x->r, e->error, nlh);
	default:
		if (x->cb && !x->ret)
			x->ret = x->cb(nlh, x->arg);
		return 1;
	}
}

static int answers(struct exchange *x)
{
	struct qkd_nl *nl = x->r->nl;
	int status = 1;

	while (status > 0) {
		const struct nlmsghdr *nlh = (const void *)nl->rsp;
		int len = mnl_socket_recvfrom(nl->sock, nl->rsp,
					      2 * QKD_MSG_SIZE);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return qkd_fail(-errno, "netlink: %s", strerror(errno));
		for (; status > 0 && mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len)) {
			/* left over from an exchange that was cut short */
			if (nlh->nlmsg_seq != nl->seq)
				continue;
			status = one_answer(x, nlh);
		}
	}
	return status;
}

static int exchange_once(struct exchange *x)
{
	struct qkd_req *r = x->r;
	int err;

	x->gone = false;
	r->nlh->nlmsg_seq = ++r->nl->seq;
	if (mnl_socket_sendto(r->nl->sock, r->nlh, r->nlh->nlmsg_len) < 0)
		return qkd_fail(-errno, "netlink: %s", strerror(errno));
	err = answers(x);
	return err ? err : x->ret;
}

int qkd_req_run(struct qkd_req *r,
		int (*cb)(const struct nlmsghdr *nlh, void *arg), void *arg)
{
	struct exchange x = { .r = r, .cb = cb, .arg = arg };
	uint16_t old = r->family->id;
	char *again;
	int err;

	if (r->overflow)
		return qkd_fail(-EMSGSIZE, "too much for one netlink message");
	err = exchange_once(&x);
	if (!x.gone)
		return err;

	/* unloaded, or loaded again under another number? */
	again = malloc(r->nlh->nlmsg_len);
	if (!again)
		return qkd_fail(-ENOMEM, "out of memory");
	memcpy(again, r->nlh, r->nlh->nlmsg_len);
	r->family->id = 0;
	err = qkd_family_resolve(r->nl, r->family, NULL, NULL);
	memcpy(r->nl->req, again, ((struct nlmsghdr *)again)->nlmsg_len);
	qkd_wipe(again, ((struct nlmsghdr *)again)->nlmsg_len);
	free(again);
	if (err)
		return err;
	if (r->family->id == old)
		return qkd_fail_netlink(-ENOENT, r->family->name);
	r->nlh->nlmsg_type = r->family->id;
	return exchange_once(&x);
}

/* ---- families ---- */

struct resolve {
	uint16_t id;
	int (*group)(const char *name, uint32_t id, void *arg);
	void *arg;
};

static int family_groups(const struct resolve *res, const struct nlattr *groups)
{
	const struct nlattr *tb[CTRL_ATTR_MCAST_GRP_MAX + 1];
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, groups) {
		int err;

		qkd_attr_table_nest(tb, CTRL_ATTR_MCAST_GRP_MAX, a);
		err = res->group(qkd_attr_str(tb[CTRL_ATTR_MCAST_GRP_NAME]),
				 qkd_attr_u32(tb[CTRL_ATTR_MCAST_GRP_ID]),
				 res->arg);
		if (err)
			return err;
	}
	return 0;
}

static int family_answer(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[CTRL_ATTR_MAX + 1];
	struct resolve *res = arg;

	qkd_attr_table_msg(tb, CTRL_ATTR_MAX, nlh);
	res->id = qkd_attr_u16(tb[CTRL_ATTR_FAMILY_ID]);
	if (res->group && tb[CTRL_ATTR_MCAST_GROUPS])
		return family_groups(res, tb[CTRL_ATTR_MCAST_GROUPS]);
	return 0;
}

int qkd_family_resolve(struct qkd_nl *nl, struct qkd_family *family,
		       int (*group)(const char *name, uint32_t id, void *arg),
		       void *arg)
{
	struct qkd_family ctrl = { .name = "nlctrl" };
	struct resolve res = { .group = group, .arg = arg };
	struct qkd_req r;
	struct exchange x = { .r = &r, .cb = family_answer, .arg = &res };
	int err;

	begin(&r, nl, &ctrl, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	qkd_req_str(&r, CTRL_ATTR_FAMILY_NAME, family->name);
	err = exchange_once(&x);
	if (err == -ENOENT)
		return qkd_fail(-EPROTONOSUPPORT, "the %s module is not loaded; run: modprobe %s",
				family->module, family->module);
	if (err)
		return err;
	family->id = res.id;
	return 0;
}
