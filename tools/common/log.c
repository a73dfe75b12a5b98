// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes log lines to stderr, each by one write so that threads do not mix.
 *
 * journald adds time and unit, and reads the severity from the "<N>" that
 * begins a line; on a terminal the severity is left out. Where lines go from
 * there is the service manager's affair.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static enum log_level max_level = LOG_LEVEL_INFO;
static bool journal_prefix;

void log_setup(enum log_level level, bool journal)
{
	max_level = level;
	journal_prefix = journal;
}

int log_level_parse(const char *name, enum log_level *level)
{
	static const char * const names[] = {
		[LOG_LEVEL_ERR] = "err",
		[LOG_LEVEL_WARN] = "warning",
		[LOG_LEVEL_NOTICE] = "notice",
		[LOG_LEVEL_INFO] = "info",
		[LOG_LEVEL_DEBUG] = "debug",
	};
	int i;

	for (i = LOG_LEVEL_ERR; i <= LOG_LEVEL_DEBUG; i++) {
		if (!strcmp(name, names[i])) {
			*level = i;
			return 0;
		}
	}
	return -EINVAL;
}

bool log_wants(enum log_level level)
{
	return level <= max_level;
}

void log_line(enum log_level level, const char *link, const char *fmt, ...)
{
	char line[16384];
	size_t len = 0;
	int err = errno;
	ssize_t done;
	va_list ap;
	int n;

	if (!log_wants(level))
		return;
	if (journal_prefix)
		len = snprintf(line, sizeof(line), "<%d>", level);
	if (link)
		len += snprintf(line + len, sizeof(line) - len, "%s: ", link);
	va_start(ap, fmt);
	n = vsnprintf(line + len, sizeof(line) - len - 1, fmt, ap);
	va_end(ap);
	if (n > 0)
		len += n;
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	/* if that fails, there is nowhere left to say so */
	done = write(STDERR_FILENO, line, len);
	(void)done;
	errno = err;
}
