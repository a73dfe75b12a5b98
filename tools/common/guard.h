/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps a process's memory in memory: out of core dumps and out of swap.
 */
#ifndef _COMMON_GUARD_H
#define _COMMON_GUARD_H

/*
 * Key passes through all of a daemon's memory, copies that libraries make
 * included, so all of it is guarded. What cannot be had is said in the log.
 * Before anything secret is read and before threads are made.
 */

/* What a dump that root takes is left with are registers. As who we began. */
void guard_filter(void);

/*
 * No core dump, no reading by the same user; and no page that is in use may be
 * swapped out, unless there is a limit on locked memory: were it reached later,
 * it would stop the daemon. As who we stay, with the capabilities we keep.
 * Return: 0, or a negative errno if dumps cannot be forbidden.
 */
int guard_memory(void);

#endif /* _COMMON_GUARD_H */
