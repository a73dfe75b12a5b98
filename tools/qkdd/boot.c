// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs "qkdctl link add" for each "link" line of the configuration, so that
 * there is one grammar of links, and one place that knows it.
 */
#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <qkd/qkd.h>

#include "boot.h"
#include "log.h"
#include "settings.h"

#define WORDS_MAX 128

extern char **environ;

/* Blanks separate words; double quotes hold blanks, as in config "a=1 b=2". */
static int split_words(char *p, char **argv, int room)
{
	int n = 0;
	char *d;

	for (;;) {
		p += strspn(p, " \t");
		if (!*p)
			return n;
		if (n == room)
			return -E2BIG;
		argv[n++] = p;
		for (d = p; *p && !strchr(" \t", *p); p++) {
			if (*p != '"') {
				*d++ = *p;
				continue;
			}
			for (p++; *p && *p != '"'; p++)
				*d++ = *p;
			if (!*p)
				return -EINVAL;
		}
		if (*p)
			p++;
		*d = '\0';
	}
}

static bool exists(const char *name)
{
	struct qkd_link *link;
	struct qkd_nl *nl;
	bool found;

	if (qkd_nl_open(&nl, NULL))
		return false;
	found = !qkd_link_get(nl, name, QKD_NO_INDEX, &link);
	if (found)
		qkd_link_free(link);
	qkd_nl_close(nl);
	return found;
}

static void add_link(const char *text)
{
	char *argv[WORDS_MAX + 4] = {
		(char *)"qkdctl", (char *)"link", (char *)"add",
	};
	char *line = strdup(text);
	int n, status, err;
	pid_t pid;

	if (!line)
		return;
	n = split_words(line, argv + 3, WORDS_MAX);
	if (n <= 0) {
		log_err("link %s: too many words, or a quote is open", text);
		goto out;
	}
	argv[3 + n] = NULL;
	if (exists(argv[3]))
		goto out;
	err = posix_spawnp(&pid, "qkdctl", NULL, NULL, argv, environ);
	if (err)
		log_err("qkdctl: %s", strerror(err));
	else if (waitpid(pid, &status, 0) == pid && status)
		log_err("link %s could not be made", argv[3]);
	else
		log_info("made link %s", argv[3]);
out:
	free(line);
}

void boot_links(const struct settings *st)
{
	size_t i;

	for (i = 0; i < st->link_count; i++)
		add_link(st->links[i]);
}
