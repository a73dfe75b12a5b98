// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Tunnels: make, delete, change, rekey, get and list.
 *
 * Talks to qkd_xfrm, which may not be loaded while links are there all the
 * same; its family is looked up when it is first needed.
 */
#include <errno.h>

#include "internal.h"

static int tunnel_request(struct qkd_req *r, struct qkd_nl *nl, uint8_t cmd,
			  const char *name, uint16_t flags)
{
	int err = qkd_req_begin(r, nl, &nl->xfrm, cmd, flags);

	if (err)
		return err;
	r->attr_names = qkd_tunnel_attr_names;
	r->n_attr_names = qkd_n_tunnel_attr_names;
	qkd_req_str(r, QKD_XFRM_A_TUNNEL_NAME, name);
	return 0;
}

/* A request that names a tunnel, which may not be there. */
static int run_on_tunnel(struct qkd_req *r, const char *name,
			 int (*cb)(const struct nlmsghdr *nlh, void *arg),
			 void *arg)
{
	int err = qkd_req_run(r, cb, arg);

	if (err == -ENOENT)
		return qkd_fail(err, "there is no tunnel \"%s\"; list them: qkdctl tunnel",
				name);
	return err;
}

static int put_conf(struct qkd_req *r, const struct qkd_tunnel_conf *given)
{
	struct qkd_tunnel_conf c;

	if (given->size < sizeof(c.size) + sizeof(c.set))
		return qkd_fail(-EINVAL, "settings without their size");
	qkd_adopt(&c, sizeof(c), given, given->size);
	qkd_req_tunnel_conf(r, &c);
	return 0;
}

static int take_reqid(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[QKD_XFRM_A_TUNNEL_MAX + 1];

	qkd_attr_table_msg(tb, QKD_XFRM_A_TUNNEL_MAX, nlh);
	*(uint32_t *)arg = qkd_attr_u32(tb[QKD_XFRM_A_TUNNEL_REQID]);
	return 0;
}

int qkd_tunnel_add(struct qkd_nl *nl, const char *name,
		   const struct qkd_tunnel_conf *conf, uint32_t *reqid)
{
	uint32_t got = 0;
	struct qkd_req r;
	int err;

	err = tunnel_request(&r, nl, QKD_XFRM_CMD_TUNNEL_NEW, name, 0);
	if (!err)
		err = put_conf(&r, conf);
	if (!err)
		err = qkd_req_run(&r, take_reqid, &got);
	if (!err && reqid)
		*reqid = got;
	return err;
}

int qkd_tunnel_del(struct qkd_nl *nl, const char *name)
{
	struct qkd_req r;
	int err = tunnel_request(&r, nl, QKD_XFRM_CMD_TUNNEL_DEL, name, 0);

	return err ? err : run_on_tunnel(&r, name, NULL, NULL);
}

int qkd_tunnel_set(struct qkd_nl *nl, const char *name,
		   const struct qkd_tunnel_conf *conf)
{
	struct qkd_req r;
	int err;

	err = tunnel_request(&r, nl, QKD_XFRM_CMD_TUNNEL_SET, name, 0);
	if (!err)
		err = put_conf(&r, conf);
	return err ? err : run_on_tunnel(&r, name, NULL, NULL);
}

int qkd_tunnel_rekey(struct qkd_nl *nl, const char *name)
{
	struct qkd_req r;
	int err = tunnel_request(&r, nl, QKD_XFRM_CMD_TUNNEL_REKEY, name, 0);

	return err ? err : run_on_tunnel(&r, name, NULL, NULL);
}

static int keep_tunnel(const struct nlmsghdr *nlh, void *arg)
{
	struct qkd_tunnel **tunnel = arg;

	qkd_tunnel_free(*tunnel);
	*tunnel = qkd_tunnel_parse(nlh);
	return *tunnel ? 0 : qkd_fail(-ENOMEM, "out of memory");
}

int qkd_tunnel_get(struct qkd_nl *nl, const char *name,
		   struct qkd_tunnel **tunnel)
{
	struct qkd_tunnel *got = NULL;
	struct qkd_req r;
	int err;

	err = tunnel_request(&r, nl, QKD_XFRM_CMD_TUNNEL_GET, name, 0);
	if (!err)
		err = run_on_tunnel(&r, name, keep_tunnel, &got);
	if (!err && !got)
		err = qkd_fail(-EBADMSG, "netlink: no answer in the answer");
	if (err) {
		qkd_tunnel_free(got);
		return err;
	}
	*tunnel = got;
	return 0;
}

struct each {
	int (*cb)(const struct qkd_tunnel *t, void *arg);
	void *arg;
};

static int each_tunnel(const struct nlmsghdr *nlh, void *arg)
{
	struct qkd_tunnel *tunnel = qkd_tunnel_parse(nlh);
	struct each *each = arg;
	int ret;

	if (!tunnel)
		return qkd_fail(-ENOMEM, "out of memory");
	ret = each->cb(tunnel, each->arg);
	qkd_tunnel_free(tunnel);
	return ret;
}

int qkd_tunnel_each(struct qkd_nl *nl, const char *link,
		    int (*cb)(const struct qkd_tunnel *t, void *arg), void *arg)
{
	struct each each = { .cb = cb, .arg = arg };
	struct qkd_req r;
	int err;

	err = tunnel_request(&r, nl, QKD_XFRM_CMD_TUNNEL_GET, NULL,
			     NLM_F_DUMP);
	if (err)
		return err;
	qkd_req_str(&r, QKD_XFRM_A_TUNNEL_LINK, link);
	return qkd_req_run(&r, each_tunnel, &each);
}
