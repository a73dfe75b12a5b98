// SPDX-License-Identifier: GPL-2.0
/*
 * Answers other modules' question which SAs are a tunnel's.
 */

#include "tunnel.h"

static void set_addr(struct qkd_addr *to, u16 family,
		     const xfrm_address_t *from)
{
	to->family = family;
	if (family == AF_INET)
		to->a4 = from->a4;
	else
		to->a6 = from->in6;
}

static int esp_find(struct qkd_link *link, const char *name,
		    struct qkd_esp_id *id)
{
	struct qx_tunnel *t = qx_tunnel_find(qx_net(qkd_link_net(link)), name);
	int err = -ENOENT;

	if (!t)
		return err;
	if (!strcmp(t->conf.link, qkd_link_name(link))) {
		set_addr(&id->local, t->conf.family, &t->conf.local);
		set_addr(&id->peer, t->conf.family, &t->conf.peer);
		id->reqid = t->conf.reqid;
		id->if_id = t->conf.if_id;
		id->transport = t->conf.mode == QKD_XFRM_MODE_TRANSPORT;
		err = 0;
	}
	qx_tunnel_put(t);
	return err;
}

static const struct qkd_esp_ops esp_ops = { .find = esp_find };

int qx_esp_register(void)
{
	return qkd_esp_register(&esp_ops);
}

void qx_esp_unregister(void)
{
	qkd_esp_unregister();
}
