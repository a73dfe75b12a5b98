/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk that can be rebuilt as it was, or may have been, at any moment.
 *
 * Two ends' folders are recorded from what the program under test calls:
 * writes, syncs, renames. Played again up to some call, each file has what is
 * durable and what is only in the cache; a power cut leaves of the latter what
 * chance wills, in sectors, of which any may be torn. Names are durable when
 * their folder was synced, files' contents when the file was: no file system
 * promises more.
 */
#ifndef _TESTS_CRASH_DISK_H
#define _TESTS_CRASH_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_NAME	64	/* room for a path below an end's folder */

enum disk_op_type {
	DISK_CREATE,		/* name, ino */
	DISK_UNLINK,		/* name */
	DISK_RENAME,		/* name becomes @to */
	DISK_SYNC_DIR,		/* name: the folder */
	DISK_WRITE,		/* ino: len bytes at */
	DISK_SIZE,		/* ino: at is the new size */
	DISK_SYNC,		/* ino */
	DISK_SETTLED,		/* the operator's doing: all is durable */
	DISK_NOTE,		/* not the disk's: data is the caller's */
};

/* One call, in the order of all calls of both ends. @data is owned. */
struct disk_op {
	enum disk_op_type type;
	int end;
	int ino;
	uint64_t at;
	size_t len;
	void *data;
	char name[DISK_NAME];
	char to[DISK_NAME];
};

struct disk_log {
	struct disk_op *ops;
	size_t n;
	size_t room;
};

/* ---- recording (record.c) ---- */

/*
 * From now on what this process does below @dir (of end 0 and 1) is appended
 * to @log, beginning with what is there already; until record_stop(). Threads
 * may go on as they like. With @lie the disk is one that says it synced, and
 * did nothing: for tests of tests.
 */
void record_start(struct disk_log *log, const char *const dir[2], bool lie);
void record_stop(void);
/* Something of the caller's, in order with the rest; @data is copied. */
void record_note(int end, int kind, const void *data, size_t len);
/* What was written so far came from a person, who waited until it was safe. */
void record_settled(int end);

/* ---- rebuilding (disk.c) ---- */

/* What is left of what was not synced. */
enum disk_loss {
	LOSS_NONE,		/* the process was killed, not the machine */
	LOSS_ALL,
	LOSS_SOME,		/* by chance, sectors torn */
	LOSS_KINDS,
};

struct disk;

struct disk *disk_new(void);
void disk_free(struct disk *d);
void disk_log_free(struct disk_log *log);
/* What both ends' disks hold is as before; op is one further. */
void disk_play(struct disk *d, const struct disk_op *op);
/* Files of an end that are not wholly durable now. */
bool disk_dirty(const struct disk *d, int end);
/*
 * Writes an end's files, as a crash now would leave them, into @dir; nothing
 * of files must be there, its folders must. Exits on trouble.
 */
void disk_image(const struct disk *d, int end, enum disk_loss loss,
		unsigned int seed, const char *dir);

#endif /* _TESTS_CRASH_DISK_H */
