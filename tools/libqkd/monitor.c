// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What the modules tell by multicast, as events for programs.
 *
 * Memberships end when a module is unloaded; nlctrl tells of families that
 * come and go, so a monitor hears of that and joins again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <linux/genetlink.h>

#include "internal.h"

/* A family we listen to: which of its groups are for which flag. */
struct source {
	const char *family;
	const char *module;
	struct {
		const char *name;
		unsigned int flag;
	} groups[3];
	int (*handle)(struct qkd_monitor *mon, const struct nlmsghdr *nlh);
};

static int handle_qkd(struct qkd_monitor *mon, const struct nlmsghdr *nlh);
static int handle_xfrm(struct qkd_monitor *mon, const struct nlmsghdr *nlh);

static const struct source sources[] = {
	{
		.family = QKD_FAMILY_NAME,
		.module = "qkd",
		.groups = {
			{ QKD_MCGRP_LINK, QKD_MON_LINK },
			{ QKD_MCGRP_KEY, QKD_MON_KEY },
			{ QKD_MCGRP_ALARM, QKD_MON_ALARM },
		},
		.handle = handle_qkd,
	},
	{
		.family = QKD_XFRM_FAMILY_NAME,
		.module = "qkd_xfrm",
		.groups = {
			{ QKD_XFRM_MCGRP_TUNNEL, QKD_MON_TUNNEL },
			{ QKD_XFRM_MCGRP_REKEY, QKD_MON_TUNNEL },
			{ "", QKD_MON_XFRM },	/* no group, just the family */
		},
		.handle = handle_xfrm,
	},
};

#define N_SOURCES (sizeof(sources) / sizeof(sources[0]))

struct qkd_monitor {
	struct qkd_nl ask;	/* requests go by a socket of their own */
	struct mnl_socket *sock;
	unsigned int what;
	uint16_t ids[N_SOURCES];	/* 0: not there */
	/* messages read and not handed out yet: a callback may stop us */
	char *buf;
	const struct nlmsghdr *next;
	int left;
	/* while dispatching */
	int (*cb)(const struct qkd_event *ev, void *arg);
	void *arg;
};

/* ---- joining ---- */

struct join {
	struct qkd_monitor *mon;
	const struct source *source;
};

static int join_group(const char *name, uint32_t id, void *arg)
{
	struct join *j = arg;

	for (size_t i = 0; i < 3; i++) {
		if (!j->source->groups[i].name ||
		    strcmp(j->source->groups[i].name, name) ||
		    !(j->mon->what & j->source->groups[i].flag))
			continue;
		if (mnl_socket_setsockopt(j->mon->sock, NETLINK_ADD_MEMBERSHIP,
					  &id, sizeof(id)))
			return qkd_fail(-errno, "netlink group %s: %s", name,
					strerror(errno));
	}
	return 0;
}

static bool wanted(const struct qkd_monitor *mon, const struct source *s)
{
	for (size_t i = 0; i < 3; i++)
		if (s->groups[i].flag & mon->what)
			return true;
	return false;
}

/* Joins what is wanted of the family; it may not be there. */
static int join_source(struct qkd_monitor *mon, size_t i)
{
	struct qkd_family f = { .name = sources[i].family,
				.module = sources[i].module };
	struct join j = { .mon = mon, .source = &sources[i] };
	int err;

	if (!wanted(mon, &sources[i]))
		return 0;
	err = qkd_family_resolve(&mon->ask, &f, join_group, &j);
	if (!err)
		mon->ids[i] = f.id;
	return err;
}

static int join_nlctrl_group(const char *name, uint32_t id, void *arg)
{
	struct qkd_monitor *mon = arg;

	if (!strcmp(name, "notify"))
		mnl_socket_setsockopt(mon->sock, NETLINK_ADD_MEMBERSHIP, &id,
				      sizeof(id));
	return 0;
}

static int join_all(struct qkd_monitor *mon)
{
	struct qkd_family ctrl = { .name = "nlctrl", .module = "kernel" };
	int err;

	err = qkd_family_resolve(&mon->ask, &ctrl, join_nlctrl_group, mon);
	for (size_t i = 0; !err && i < N_SOURCES; i++) {
		err = join_source(mon, i);
		if (err == -EPROTONOSUPPORT &&
		    (i > 0 || mon->what & QKD_MON_WAIT))
			err = 0;
	}
	return err;
}

int qkd_monitor_open(struct qkd_monitor **out, const char *netns,
		     unsigned int what)
{
	struct qkd_monitor *mon;
	int err, fd;

	mon = calloc(1, sizeof(*mon));
	if (!mon)
		return qkd_fail(-ENOMEM, "out of memory");
	mon->what = what;
	mon->ask.req = malloc(QKD_MSG_SIZE);
	mon->ask.rsp = malloc(2 * QKD_MSG_SIZE);
	mon->buf = malloc(2 * QKD_MSG_SIZE);
	if (!mon->ask.req || !mon->ask.rsp || !mon->buf) {
		err = qkd_fail(-ENOMEM, "out of memory");
		goto fail;
	}
	err = qkd_netns_socket(netns, &mon->ask.sock);
	if (!err)
		err = qkd_netns_socket(netns, &mon->sock);
	if (err)
		goto fail;
	fd = mnl_socket_get_fd(mon->sock);
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)) {
		err = qkd_fail(-errno, "netlink: %s", strerror(errno));
		goto fail;
	}
	err = join_all(mon);
	if (err)
		goto fail;
	*out = mon;
	return 0;
fail:
	qkd_monitor_close(mon);
	return err;
}

void qkd_monitor_close(struct qkd_monitor *mon)
{
	if (!mon)
		return;
	if (mon->sock)
		mnl_socket_close(mon->sock);
	if (mon->ask.sock)
		mnl_socket_close(mon->ask.sock);
	free(mon->ask.req);
	free(mon->ask.rsp);
	free(mon->buf);
	free(mon);
}

int qkd_monitor_fd(const struct qkd_monitor *mon)
{
	return mnl_socket_get_fd(mon->sock);
}

/* ---- events ---- */

static int give(struct qkd_monitor *mon, enum qkd_event_type type,
		const struct qkd_link *link, const struct qkd_tunnel *tunnel,
		const char *family)
{
	struct qkd_event ev = {
		.type = type,
		.link = link,
		.tunnel = tunnel,
		.family = family,
	};

	return mon->cb(&ev, mon->arg);
}

static uint8_t command(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *g = mnl_nlmsg_get_payload(nlh);

	return mnl_nlmsg_get_payload_len(nlh) < sizeof(*g) ? 0 : g->cmd;
}

static int handle_qkd(struct qkd_monitor *mon, const struct nlmsghdr *nlh)
{
	struct qkd_link *link;
	int type, ret;

	switch (command(nlh)) {
	case QKD_CMD_LINK_NTF:
		type = QKD_EVENT_LINK;
		break;
	case QKD_CMD_LINK_DEL_NTF:
		type = QKD_EVENT_LINK_DEL;
		break;
	case QKD_CMD_KEY_NTF:
		type = QKD_EVENT_KEY;
		break;
	case QKD_CMD_ALARM_NTF:
		type = QKD_EVENT_ALARM;
		break;
	default:
		return 0;
	}
	link = qkd_link_parse(nlh);
	if (!link)
		return qkd_fail(-ENOMEM, "out of memory");
	ret = give(mon, type, link, NULL, "");
	qkd_link_free(link);
	return ret;
}

static int handle_xfrm(struct qkd_monitor *mon, const struct nlmsghdr *nlh)
{
	struct qkd_tunnel *tunnel;
	int type, ret;

	switch (command(nlh)) {
	case QKD_XFRM_CMD_TUNNEL_NTF:
		type = QKD_EVENT_TUNNEL;
		break;
	case QKD_XFRM_CMD_TUNNEL_DEL_NTF:
		type = QKD_EVENT_TUNNEL_DEL;
		break;
	case QKD_XFRM_CMD_REKEY_NTF:
		type = QKD_EVENT_REKEY;
		break;
	default:
		return 0;
	}
	tunnel = qkd_tunnel_parse(nlh);
	if (!tunnel)
		return qkd_fail(-ENOMEM, "out of memory");
	ret = give(mon, type, NULL, tunnel, "");
	qkd_tunnel_free(tunnel);
	return ret;
}

/* A family came or went: is it one of ours? */
static int handle_nlctrl(struct qkd_monitor *mon, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[CTRL_ATTR_MAX + 1];
	uint8_t cmd = command(nlh);
	const char *name;

	if (cmd != CTRL_CMD_NEWFAMILY && cmd != CTRL_CMD_DELFAMILY)
		return 0;
	qkd_attr_table_msg(tb, CTRL_ATTR_MAX, nlh);
	name = qkd_attr_str(tb[CTRL_ATTR_FAMILY_NAME]);
	for (size_t i = 0; i < N_SOURCES; i++) {
		if (strcmp(name, sources[i].family) || !wanted(mon, &sources[i]))
			continue;
		if (cmd == CTRL_CMD_DELFAMILY) {
			mon->ids[i] = 0;
			return give(mon, QKD_EVENT_DOWN, NULL, NULL, name);
		}
		/* joined at once if it is still there */
		if (join_source(mon, i))
			return 0;
		return give(mon, QKD_EVENT_UP, NULL, NULL, name);
	}
	return 0;
}

static int handle(struct qkd_monitor *mon, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_type == GENL_ID_CTRL)
		return handle_nlctrl(mon, nlh);
	for (size_t i = 0; i < N_SOURCES; i++)
		if (mon->ids[i] && nlh->nlmsg_type == mon->ids[i])
			return sources[i].handle(mon, nlh);
	return 0;
}

/* Return: 1: there is something, 0: nothing waits, or a negative errno. */
static int fill(struct qkd_monitor *mon, bool *lost)
{
	mon->next = (const void *)mon->buf;
	mon->left = mnl_socket_recvfrom(mon->sock, mon->buf, 2 * QKD_MSG_SIZE);
	if (mon->left > 0)
		return 1;
	mon->left = 0;
	switch (errno) {
	case EAGAIN:
		return 0;
	case EINTR:
		return 1;
	case ENOBUFS:
		*lost = true;
		return 1;
	default:
		return qkd_fail(-errno, "netlink: %s", strerror(errno));
	}
}

int qkd_monitor_dispatch(struct qkd_monitor *mon,
			 int (*cb)(const struct qkd_event *ev, void *arg),
			 void *arg)
{
	int status, ret;

	mon->cb = cb;
	mon->arg = arg;
	for (;;) {
		bool lost = false;

		while (mnl_nlmsg_ok(mon->next, mon->left)) {
			const struct nlmsghdr *nlh = mon->next;

			mon->next = mnl_nlmsg_next(nlh, &mon->left);
			ret = handle(mon, nlh);
			if (ret)
				return ret;
		}
		status = fill(mon, &lost);
		if (status <= 0)
			return status;
		if (lost) {
			ret = give(mon, QKD_EVENT_LOST, NULL, NULL, "");
			if (ret)
				return ret;
		}
	}
}
