// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkdctl restore: makes what the file asks for and is not there.
 *
 * Run at boot before the network is (qkd.service). Policies of all tunnels
 * come first; then one failure does not keep the others from being tried.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "conf.h"

static const char usage[] =
	"Usage: qkdctl restore [ FILE ]\n"
	"Makes the links, tunnels and one-time-pad devices that FILE asks for\n"
	"(" CONF_FILE ") and that are not there, after seeing to it that nothing\n"
	"the tunnels cover leaves in clear. \"qkdctl save\" writes such a file.\n";

static int guard(const struct conf *c, const struct conf_entry *e)
{
	const struct conf_entry *link = conf_link(c, e->tunnel.link);

	return guard_tunnel(&e->tunnel, link ? &link->link : NULL);
}

static int make_link(struct qkd_nl *nl, const struct conf_entry *e)
{
	struct qkd_link *link;
	int err;

	if (!qkd_link_get(nl, e->name, QKD_NO_INDEX, &link)) {
		qkd_link_free(link);
		return 0;
	}
	err = qkd_link_add(nl, e->name, &e->link, NULL);
	return err ? failed(err) : 0;
}

static int make_tunnel(struct qkd_nl *nl, const struct conf_entry *e)
{
	struct qkd_tunnel *tunnel;
	int err;

	if (!qkd_tunnel_get(nl, e->name, &tunnel)) {
		qkd_tunnel_free(tunnel);
		return 0;
	}
	err = qkd_tunnel_add(nl, e->name, &e->tunnel, NULL);
	return err ? failed(err) : 0;
}

static int make(struct qkd_nl *nl, const struct conf_entry *e)
{
	switch (e->kind) {
	case CONF_LINK:
		return make_link(nl, e);
	case CONF_TUNNEL:
		return make_tunnel(nl, e);
	case CONF_OTP:
		return if_nametoindex(e->name) ? 0 :
			otp_nl_add(e->name, &e->otp);
	}
	return -EINVAL;
}

static int report(const struct conf *c, const struct conf_entry *e, int err)
{
	if (err)
		fprintf(stderr, "%s:%u: %s could not be restored\n", c->path,
			e->line, e->name);
	return err;
}

static int make_all(const struct conf *c)
{
	struct qkd_nl *nl;
	int err = 0;

	if (!c->n)
		return 0;
	nl = open_nl();
	if (!nl)
		return -EINVAL;
	for (int kind = CONF_LINK; kind <= CONF_OTP; kind++)
		for (size_t i = 0; i < c->n; i++)
			if ((int)c->entries[i].kind == kind &&
			    report(c, &c->entries[i], make(nl, &c->entries[i])))
				err = -EINVAL;
	qkd_nl_close(nl);
	return err;
}

int do_restore(struct args *a)
{
	const char *path = arg_next(a);
	struct conf c;
	int err, ret;

	if (path && !strcmp(path, "help")) {
		fputs(usage, stdout);
		return 0;
	}
	ret = arg_end(a);
	if (ret)
		return ret;
	ret = enter_netns();
	if (ret)
		return ret;
	ret = conf_read(&c, path ?: CONF_FILE);
	for (size_t i = 0; i < c.n; i++)
		if (c.entries[i].kind == CONF_TUNNEL &&
		    report(&c, &c.entries[i], guard(&c, &c.entries[i])))
			ret = -EINVAL;
	err = make_all(&c);
	conf_free(&c);
	return ret ?: err;
}
