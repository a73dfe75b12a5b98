/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives up what the daemon does not need.
 */
#ifndef _QKDD_PRIVS_H
#define _QKDD_PRIVS_H

/*
 * No core dumps, memory locked, no capability but CAP_NET_ADMIN, no way
 * to get one back; and @user, if not NULL, instead of root. Before threads are
 * made. Return: 0, or a negative errno with what failed in the log.
 */
int privs_drop(const char *user);

/* Makes a directory of mode 0700 for @user (NULL: who we are), if missing. */
int privs_make_dir(const char *dir, const char *user);

#endif /* _QKDD_PRIVS_H */
