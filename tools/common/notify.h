/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells the service manager how the daemon is, as sd_notify(3) does.
 */
#ifndef _COMMON_NOTIFY_H
#define _COMMON_NOTIFY_H

/* @state: lines such as "READY=1". Nothing happens without NOTIFY_SOCKET. */
void notify_manager(const char *state);

#endif /* _COMMON_NOTIFY_H */
