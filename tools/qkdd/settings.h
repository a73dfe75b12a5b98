/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's settings: /etc/qkd/qkdd.conf, and the command line over it.
 */
#ifndef _QKDD_SETTINGS_H
#define _QKDD_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "tools/common/log.h"

#define SETTINGS_FILE	"/etc/qkd/qkdd.conf"

/**
 * struct settings - what can be set
 * @psk_dir: "psk-dir DIR", where secrets are left
 * @state_dir: "state-dir DIR", where stores are kept
 * @user: "user NAME", or "": stay who we are
 * @port: "port N", of the classical channel, TCP
 * @threads: "threads N", 0: one for each processor
 * @log: "log LEVEL", the least severe that is written
 */
struct settings {
	char psk_dir[256];
	char state_dir[256];
	char user[64];
	uint16_t port;
	unsigned int threads;
	enum log_level log;
};

void settings_init(struct settings *st);

/* One setting; -EINVAL, with @err. */
int settings_set(struct settings *st, const char *key, const char *value,
		 char *err, size_t room);
/* The file's; -ENOENT if there is none, -EINVAL with @err telling the line. */
int settings_read(struct settings *st, const char *path, char *err,
		  size_t room);

#endif /* _QKDD_SETTINGS_H */
