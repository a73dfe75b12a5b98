/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What two daemons' ends of a link use of key, noted as they run: in the
 * record of their disks, or to a pad ledger.
 */
#ifndef _CRASH_USES_H
#define _CRASH_USES_H

#include <stddef.h>
#include <stdint.h>

struct disk_op;
struct ledger;
struct pool;

enum note {
	NOTE_USE,		/* a line for the ledger */
	NOTE_START,		/* what was asked of the pool */
	NOTE_FEED,
	NOTE_CONFIRM,
	NOTE_OPERATOR,		/* until the next one a person is at work */
};

/* Where uses go from now on; NULL: to the record, as NOTE_USE. */
void uses_to(struct ledger *l);
/* A line as tools/pad-ledger reads it. */
void use(const char *text);

/* The @n-th word, in its end's bytes, of all pads there can be. */
uint64_t uses_pad_word(uint64_t n);

/* An end's pool, empty, becomes what @n operations of the record left in it. */
void uses_rebuild_pool(struct pool *p, int end, const struct disk_op *ops,
		       size_t n);

#endif /* _CRASH_USES_H */
