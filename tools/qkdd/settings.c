// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads settings. Which links there are is the kernel's to say.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "settings.h"

void settings_init(struct settings *st)
{
	memset(st, 0, sizeof(*st));
	strcpy(st->psk_dir, "/etc/qkd/psk");
	strcpy(st->state_dir, "/var/lib/qkd");
	st->port = CHANNEL_PORT;
	st->log = LOG_LEVEL_INFO;
}

static int set_text(char *dst, size_t size, const char *value, char *err,
		    size_t room)
{
	if (!*value || strlen(value) >= size) {
		snprintf(err, room, "\"%s\": empty or too long", value);
		return -EINVAL;
	}
	strcpy(dst, value);
	return 0;
}

static int set_number(unsigned long *dst, unsigned long max, const char *value,
		      char *err, size_t room)
{
	char *end;

	*dst = strtoul(value, &end, 10);
	if (!*value || *end || *value == '-' || *dst > max) {
		snprintf(err, room, "\"%s\": not a number up to %lu", value,
			 max);
		return -EINVAL;
	}
	return 0;
}

static int set_log(struct settings *st, const char *value, char *err,
		   size_t room)
{
	if (!log_level_parse(value, &st->log))
		return 0;
	snprintf(err, room, "log %s: not err, warning, notice, info or debug",
		 value);
	return -EINVAL;
}

int settings_set(struct settings *st, const char *key, const char *value,
		 char *err, size_t room)
{
	unsigned long n;
	int ret;

	if (!strcmp(key, "psk-dir"))
		return set_text(st->psk_dir, sizeof(st->psk_dir), value, err,
				room);
	if (!strcmp(key, "state-dir"))
		return set_text(st->state_dir, sizeof(st->state_dir), value,
				err, room);
	if (!strcmp(key, "user"))
		return set_text(st->user, sizeof(st->user), value, err, room);
	if (!strcmp(key, "log"))
		return set_log(st, value, err, room);
	if (!strcmp(key, "link")) {
		snprintf(err, room,
			 "links are kept in /etc/qkd/qkd.conf, see qkd.conf(5)");
		return -EINVAL;
	}
	if (!strcmp(key, "port")) {
		ret = set_number(&n, 65535, value, err, room);
		if (!ret)
			st->port = n;
		return ret;
	}
	if (!strcmp(key, "threads")) {
		ret = set_number(&n, 1024, value, err, room);
		if (!ret)
			st->threads = n;
		return ret;
	}
	snprintf(err, room, "\"%s\" is no setting; there are psk-dir, state-dir, user, log, port, threads",
		 key);
	return -EINVAL;
}

int settings_read(struct settings *st, const char *path, char *err,
		  size_t room)
{
	char line[8192], why[160], *p, *value;
	unsigned int no = 0;
	int ret = 0;
	size_t len;
	FILE *f;

	f = fopen(path, "re");
	if (!f) {
		ret = -errno;
		snprintf(err, room, "%s: %s", path, strerror(errno));
		return ret;
	}
	while (!ret && fgets(line, sizeof(line), f)) {
		no++;
		p = line + strspn(line, " \t");
		len = strcspn(p, "\n");
		while (len && strchr(" \t\r", p[len - 1]))
			len--;
		p[len] = '\0';
		if (!*p || *p == '#')
			continue;
		value = p + strcspn(p, " \t");
		if (*value)
			*value++ = '\0';
		value += strspn(value, " \t");
		ret = settings_set(st, p, value, why, sizeof(why));
		if (ret)
			snprintf(err, room, "%s:%u: %s", path, no, why);
	}
	fclose(f);
	return ret;
}
