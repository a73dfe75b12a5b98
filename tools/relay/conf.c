// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads settings.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "local.h"

void conf_init(struct relay_conf *c)
{
	memset(c, 0, sizeof(*c));
	c->port = RELAY_PORT;
	c->hold = 60;
	c->log = LOG_LEVEL_INFO;
	strcpy(c->socket, LOCAL_SOCKET);
}

static int set_text(char *dst, size_t size, const char *v)
{
	if (!v || !*v || strlen(v) >= size)
		return -EINVAL;
	strcpy(dst, v);
	return 0;
}

static int set_number(unsigned long *dst, unsigned long max, const char *v)
{
	char *end;

	if (!v || *v < '0' || *v > '9')
		return -EINVAL;
	*dst = strtoul(v, &end, 10);
	return *end || !*dst || *dst > max ? -EINVAL : 0;
}

static int set_pair(struct relay_conf *c, const char *a, const char *b)
{
	if (c->pairs == CONF_PAIRS ||
	    set_text(c->pair[c->pairs][0], sizeof(c->pair[0][0]), a) ||
	    set_text(c->pair[c->pairs][1], sizeof(c->pair[0][1]), b))
		return -EINVAL;
	c->pairs++;
	return 0;
}

static int add(unsigned int *count, unsigned int max, char *dst, size_t size,
	       const char *v)
{
	if (*count == max || set_text(dst + *count * size, size, v))
		return -EINVAL;
	++*count;
	return 0;
}

static int set(struct relay_conf *c, const char *key, const char *v,
	       const char *more)
{
	unsigned long n = 0;
	int ret;

	if (!strcmp(key, "allow"))
		return set_pair(c, v, more);
	if (more)
		return -EINVAL;
	if (!strcmp(key, "port")) {
		ret = set_number(&n, 65535, v);
		c->port = n;
		return ret;
	}
	if (!strcmp(key, "hold")) {
		ret = set_number(&n, 3600, v);
		c->hold = n;
		return ret;
	}
	if (!strcmp(key, "listen"))
		return add(&c->listens, CONF_LISTEN, c->listen[0],
			   sizeof(c->listen[0]), v);
	if (!strcmp(key, "hop"))
		return add(&c->hops, CONF_HOPS, c->hop[0], sizeof(c->hop[0]),
			   v);
	if (!strcmp(key, "socket"))
		return v && v[0] == '/' ? set_text(c->socket,
						   sizeof(c->socket), v) :
					  -EINVAL;
	if (!strcmp(key, "user"))
		return set_text(c->user, sizeof(c->user), v);
	if (!strcmp(key, "log"))
		return v ? log_level_parse(v, &c->log) : -EINVAL;
	return -ENOENT;
}

int conf_line(struct relay_conf *c, char *line, char *err, size_t room)
{
	char *save, *key, *v, *more;
	int ret;

	line[strcspn(line, "#\n")] = '\0';
	key = strtok_r(line, " \t\r", &save);
	if (!key)
		return 0;
	v = strtok_r(NULL, " \t\r", &save);
	more = v ? strtok_r(NULL, " \t\r", &save) : NULL;
	if (more && strtok_r(NULL, " \t\r", &save)) {
		snprintf(err, room, "\"%s\": too many words", key);
		return -EINVAL;
	}
	ret = set(c, key, v, more);
	if (ret)
		snprintf(err, room, ret == -ENOENT ?
			 "there is no setting \"%s\"" :
			 "\"%s\": not what it can be set to", key);
	return ret ? -EINVAL : 0;
}

int conf_read(struct relay_conf *c, const char *path, char *err, size_t room)
{
	char line[512], why[200];
	unsigned int n = 0;
	FILE *f = fopen(path, "re");
	int ret = 0;

	if (!f) {
		ret = -errno;
		snprintf(err, room, "%s: %s", path, strerror(errno));
		return ret;
	}
	while (!ret && fgets(line, sizeof(line), f)) {
		n++;
		ret = conf_line(c, line, why, sizeof(why));
		if (ret)
			snprintf(err, room, "%s, line %u: %s", path, n, why);
	}
	fclose(f);
	return ret;
}

bool conf_is_hop(const struct relay_conf *c, const char *link,
		 const char *driver)
{
	unsigned int i;

	/* over a virtual link key would be relayed twice; for who wants that */
	if (!c->hops)
		return strcmp(driver, "relay");
	for (i = 0; i < c->hops; i++)
		if (!strcmp(c->hop[i], link))
			return true;
	return false;
}

bool conf_allows(const struct relay_conf *c, const char *a, const char *b)
{
	unsigned int i;

	for (i = 0; i < c->pairs; i++)
		if ((!strcmp(c->pair[i][0], a) && !strcmp(c->pair[i][1], b)) ||
		    (!strcmp(c->pair[i][0], b) && !strcmp(c->pair[i][1], a)))
			return true;
	return !c->pairs;
}
