/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory of a library that key goes through.
 */
#ifndef _KMED_MEMORY_H
#define _KMED_MEMORY_H

/* libevent wipes what it frees. Before anything else of libevent. */
void memory_wipe_events(void);

#endif /* _KMED_MEMORY_H */
