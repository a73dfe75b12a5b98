/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A courier's pad, as driver_file.c uses it up: a file as it is
 * (driver_file_plain.c) or an encrypted store (driver_file_store.c).
 */
#ifndef _QKDD_DRIVER_FILE_H
#define _QKDD_DRIVER_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/pad/format.h"

struct file_pad;

/**
 * struct file_kind - what plain files and stores do each in its way
 * @claim: note durably that all below @used was used
 * @crypt: of bytes of the pad from @at on, in place; NULL: they are as they are
 */
struct file_kind {
	int (*claim)(struct file_pad *p, uint64_t used);
	int (*crypt)(struct file_pad *p, uint64_t at, uint8_t *buf,
		     uint32_t len);
};

/* As it is in a plain pad's state file, in the machine's order. */
struct file_state {
	uint64_t magic;
	uint64_t count;
	uint64_t used;
	uint8_t name[PAD_NAME_SIZE];
	uint8_t sum[32];
};

/**
 * struct file_pad - a pad that is open, and locked against a second use
 * @kind: what it is
 * @fd: the file
 * @state_fd: a plain pad's state file, else -1
 * @erase: what was used is overwritten
 * @begin: of the pad in the file
 * @size: bytes that are key
 * @used: what is noted as used
 * @name: the same at the other end
 * @count: a store's, how often @used was written
 * @keys: a store's, in locked memory
 * @state: a plain pad's
 */
struct file_pad {
	const struct file_kind *kind;
	int fd;
	int state_fd;
	bool erase;
	uint64_t begin;
	uint64_t size;
	uint64_t used;
	uint8_t name[PAD_NAME_SIZE];
	uint64_t count;
	struct pad_keys *keys;
	struct file_state state;
};

/* Where a pad is, in words of the link's configuration. */
struct file_where {
	const char *pad;
	const char *key;
	const char *erase;
	const char *state_dir;
	const char *link;
};

/**
 * file_pad_open - open and lock a pad
 * @p: filled; needs file_pad_close() in any case
 * @w: where it is
 * @err: out, when it fails: what to do about it
 * @room: of @err
 *
 * Return: 0 or -errno.
 */
int file_pad_open(struct file_pad *p, const struct file_where *w, char *err,
		  size_t room);
void file_pad_close(struct file_pad *p);

/**
 * file_pad_take - use up a range
 * @p: the pad
 * @at: its first byte, not below one that was taken
 * @buf: out
 * @len: bytes, within the pad
 *
 * The range is given up durably, then read, then erased. May block on the
 * disk. Return: 0; -ESTALE: it was used before, whatever the state says; or
 * another -errno, and the range is lost.
 */
int file_pad_take(struct file_pad *p, uint64_t at, uint8_t *buf, uint32_t len);

/* The two kinds: the file is open and @err as above. */
int file_plain_open(struct file_pad *p, const struct file_where *w, char *err,
		    size_t room);
int file_store_open(struct file_pad *p, const struct file_where *w, char *err,
		    size_t room);

#endif /* _QKDD_DRIVER_FILE_H */
