/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings of qkd-relayd: a line each, a word and its value.
 */
#ifndef _RELAY_CONF_H
#define _RELAY_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/qkd.h>

#include "tools/common/log.h"

#define RELAY_CONF	"/etc/qkd/relay.conf"
#define RELAY_PORT	51017
#define CONF_LISTEN	8
#define CONF_HOPS	64
#define CONF_PAIRS	256

/**
 * struct relay_conf - what can be set
 * @port: "port N", TCP, ours and the neighbours'
 * @listens: "listen ADDRESS", each; none: all addresses
 * @hops: "hop LINK", each; none: all links but virtual ones
 * @pairs: "allow NODE NODE", each; none: all
 * @hold: "hold SECONDS": how long a chunk may wait for key
 * @socket: "socket PATH": where drivers come
 * @user: "user NAME": who, besides root and ourselves, may be one
 * @log: "log LEVEL"
 */
struct relay_conf {
	uint16_t port;
	unsigned int listens;
	char listen[CONF_LISTEN][64];
	unsigned int hops;
	char hop[CONF_HOPS][QKD_NAME_MAX + 1];
	unsigned int pairs;
	char pair[CONF_PAIRS][2][QKD_NODE_MAX + 1];
	unsigned int hold;
	char socket[108];
	char user[64];
	enum log_level log;
};

void conf_init(struct relay_conf *c);
/* One line; -EINVAL, with @err. */
int conf_line(struct relay_conf *c, char *line, char *err, size_t room);
/* The file's; -ENOENT if there is none, -EINVAL with @err telling the line. */
int conf_read(struct relay_conf *c, const char *path, char *err, size_t room);

/* Whether this link may be a hop. */
bool conf_is_hop(const struct relay_conf *c, const char *link,
		 const char *driver);
/* Whether key may be relayed between these, in either direction. */
bool conf_allows(const struct relay_conf *c, const char *a, const char *b);

#endif /* _RELAY_CONF_H */
