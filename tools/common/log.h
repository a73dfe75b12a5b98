/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's log: one line a fact, on stderr, for a person or the journal.
 *
 * Lines carry names, numbers and IDs; key never goes through here.
 */
#ifndef _COMMON_LOG_H
#define _COMMON_LOG_H

#include <stdbool.h>

/* Severities are syslog's, as journald reads them from "<N>" prefixes. */
enum log_level {
	LOG_LEVEL_ERR = 3,
	LOG_LEVEL_WARN = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* Nothing less severe than @level is written; prefixes when @journal. */
void log_setup(enum log_level level, bool journal);
bool log_wants(enum log_level level);

/* "err", "warning", "notice", "info" or "debug"; else -EINVAL. */
int log_level_parse(const char *name, enum log_level *level);

/* @link: name of the link that it is about, or NULL. Any thread. */
__attribute__((format(printf, 3, 4)))
void log_line(enum log_level level, const char *link, const char *fmt, ...);

#define log_err(...)	log_line(LOG_LEVEL_ERR, NULL, __VA_ARGS__)
#define log_warn(...)	log_line(LOG_LEVEL_WARN, NULL, __VA_ARGS__)
#define log_notice(...)	log_line(LOG_LEVEL_NOTICE, NULL, __VA_ARGS__)
#define log_info(...)	log_line(LOG_LEVEL_INFO, NULL, __VA_ARGS__)
#define log_debug(...)	log_line(LOG_LEVEL_DEBUG, NULL, __VA_ARGS__)

#endif /* _COMMON_LOG_H */
