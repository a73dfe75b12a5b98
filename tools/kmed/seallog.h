/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file of records that only grows, sealed by a key that is kept elsewhere.
 *
 * Each record is encrypted and authenticated with its place in the file. The
 * file is written anew, under a fresh key derived for it, whenever it is
 * opened and when its user asks. Documentation/formats.rst has the layout.
 * Not locked: one thread at a time.
 */
#ifndef _KMED_SEALLOG_H
#define _KMED_SEALLOG_H

#include <stddef.h>
#include <stdint.h>

#define SEALLOG_KEY_SIZE	32
#define SEALLOG_RECORD_MAX	65536	/* bytes of a record */

struct seallog;

/**
 * seallog_open - open or create, and read what is there
 * @path: of the file
 * @key: seals it
 * @read: called for each record; other than 0 ends it as a failure
 * @arg: for @read
 * @err: on failure, what to mend
 * @room: bytes of @err
 *
 * A record at the end that was not written wholly is dropped: what was not
 * synced was not acted upon. Nothing may be appended before
 * seallog_rewrite().
 *
 * Return: NULL on failure.
 */
struct seallog *seallog_open(const char *path,
			     const uint8_t key[SEALLOG_KEY_SIZE],
			     int (*read)(const uint8_t *record, size_t len,
					 void *arg),
			     void *arg, char *err, size_t room);
void seallog_close(struct seallog *log);	/* NULL is fine */

/*
 * Replaces the file by one with the records that @emit appends, durably and at
 * once. 0 or a negative errno, and then the old file stands.
 */
int seallog_rewrite(struct seallog *log, int (*emit)(void *arg), void *arg);

/*
 * 0 or a negative errno. After a failure nothing can be appended until a
 * rewrite succeeds: no record's place is ever used twice.
 */
int seallog_append(struct seallog *log, const uint8_t *record, size_t len);
/* All that was appended is on disk. 0 or a negative errno, as above. */
int seallog_sync(struct seallog *log);
/* Bytes of the file. */
uint64_t seallog_size(const struct seallog *log);

#endif /* _KMED_SEALLOG_H */
