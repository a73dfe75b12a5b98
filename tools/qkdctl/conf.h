/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of links, tunnels and devices, /etc/qkd/qkd.conf: one a line, in the
 * words that follow "qkdctl OBJECT add".
 */
#ifndef _QKDCTL_CONF_H
#define _QKDCTL_CONF_H

#include "qkdctl.h"
#include "otp_nl.h"

#define CONF_FILE "/etc/qkd/qkd.conf"

/* What a line asks for; strings point into the line's text. */
struct conf_entry {
	unsigned int line;
	enum conf_kind { CONF_LINK, CONF_TUNNEL, CONF_OTP } kind;
	const char *name;
	union {
		struct qkd_link_conf link;
		struct qkd_tunnel_conf tunnel;
		struct otp_conf otp;
	};
	char *text;
	char **words;
};

struct conf {
	const char *path;
	struct conf_entry *entries;
	size_t n;
};

/*
 * Reads all that can be understood. Return: 0; -EINVAL, having complained of
 * each line that cannot; another errno if there is no file.
 */
int conf_read(struct conf *c, const char *path);
void conf_free(struct conf *c);

/* The link of that name in the file, or NULL. */
const struct conf_entry *conf_link(const struct conf *c, const char *name);

/*
 * Puts a tunnel's policies into the kernel's database before anything else is
 * there, the module included: see guard.c. @link: the tunnel's, may be NULL.
 * Return: 0 or a negative errno, having complained.
 */
int guard_tunnel(const struct qkd_tunnel_conf *t,
		 const struct qkd_link_conf *link);

#endif
