// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The text of a thread's last failure, and what bare error numbers of netlink
 * mean here.
 *
 * Who fails writes what happened and what to do next; the number is returned
 * through, so that a failing function ends in one line.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

static _Thread_local char text[512];

const char *qkd_error(void)
{
	return text;
}

const char *qkd_version(void)
{
	return QKD_VERSION;
}

int qkd_fail(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err;
}

int qkd_fail_netlink(int err, const char *family)
{
	switch (-err) {
	case EPERM:
		return qkd_fail(err, "not permitted; this needs CAP_NET_ADMIN in the network namespace (try sudo)");
	case EEXIST:
		return qkd_fail(err, "it exists already");
	case EOPNOTSUPP:
		return qkd_fail(err, "%s: the loaded module is older than this program; reload it",
				family);
	default:
		return qkd_fail(err, "%s: %s", family, strerror(-err));
	}
}
