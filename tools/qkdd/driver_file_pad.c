// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A pad in use: opened, locked, its ranges given up, read and erased in that
 * order. What differs between plain pads and stores is in files of their own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver_file.h"
#include "tools/common/secret.h"

/* Given up at once, so that a disk is not made to sync for each block. */
#define AHEAD_MIN	(UINT64_C(1) << 20)
#define AHEAD_MAX	(UINT64_C(64) << 20)
#define AHEAD_PART	1024
/* What was erased is longer than this; of chance, once in 2^128 tries. */
#define ZEROES		16

static int open_file(struct file_pad *p, const struct file_where *w, char *err,
		     size_t room)
{
	if (!w->pad || w->pad[0] != '/') {
		snprintf(err, room, "the file driver needs pad=PATH, an absolute path");
		return -EINVAL;
	}
	if (w->erase && strcmp(w->erase, "yes") && strcmp(w->erase, "no")) {
		snprintf(err, room, "erase=%s: not yes or no", w->erase);
		return -EINVAL;
	}
	p->erase = !w->erase || !strcmp(w->erase, "yes");
	/* a store notes within itself what was used */
	p->fd = open(w->pad, (p->erase || w->key ? O_RDWR : O_RDONLY) |
		     O_CLOEXEC);
	if (p->fd < 0) {
		int e = errno;

		snprintf(err, room, "%s: %s%s", w->pad, strerror(e),
			 !w->key && (e == EROFS || e == EACCES) ?
			 " (erase=no for a pad that cannot be written)" : "");
		return -e;
	}
	/* for two links it would be the same key */
	if (flock(p->fd, LOCK_EX | LOCK_NB)) {
		snprintf(err, room, "%s is in use by another link or process",
			 w->pad);
		return -EBUSY;
	}
	return 0;
}

int file_pad_open(struct file_pad *p, const struct file_where *w, char *err,
		  size_t room)
{
	uint8_t head[PAD_HEADER_SIZE];
	int ret;

	*p = (struct file_pad){ .fd = -1, .state_fd = -1 };
	ret = open_file(p, w, err, room);
	if (ret)
		return ret;
	if (w->key)
		return file_store_open(p, w, err, room);
	if (pread(p->fd, head, sizeof(head), 0) == sizeof(head) &&
	    pad_is_store(head)) {
		snprintf(err, room, "%s is an encrypted store: say key=FILE",
			 w->pad);
		return -EINVAL;
	}
	return file_plain_open(p, w, err, room);
}

void file_pad_close(struct file_pad *p)
{
	secret_free(p->keys, sizeof(*p->keys));
	if (p->fd >= 0)
		close(p->fd);
	if (p->state_fd >= 0)
		close(p->state_fd);
	*p = (struct file_pad){ .fd = -1, .state_fd = -1 };
}

/* Read as erased: used before, under another link's name or state. */
static bool erased(const uint8_t *p, uint32_t len)
{
	static const uint8_t zero[ZEROES];
	uint32_t i;

	for (i = 0; i + ZEROES <= len; i += ZEROES)
		if (!memcmp(p + i, zero, ZEROES))
			return true;
	return false;
}

static int erase(const struct file_pad *p, uint64_t at, uint32_t len)
{
	static const uint8_t zero[1 << 16];
	uint32_t n;

	for (; len; at += n, len -= n) {
		n = len < sizeof(zero) ? len : sizeof(zero);
		if (pwrite(p->fd, zero, n, p->begin + at) != (ssize_t)n)
			return -EIO;
	}
	return 0;
}

static int claim(struct file_pad *p, uint64_t end)
{
	uint64_t ahead = p->size / AHEAD_PART;
	int ret;

	if (end <= p->used)
		return 0;
	if (ahead < AHEAD_MIN)
		ahead = AHEAD_MIN;
	if (ahead > AHEAD_MAX)
		ahead = AHEAD_MAX;
	if (ahead > p->size - end)
		ahead = p->size - end;
	ret = p->kind->claim(p, end + ahead);
	if (!ret)
		p->used = end + ahead;
	return ret;
}

int file_pad_take(struct file_pad *p, uint64_t at, uint8_t *buf, uint32_t len)
{
	int ret = claim(p, at + len);

	if (ret)
		return ret;
	if (pread(p->fd, buf, len, p->begin + at) != (ssize_t)len)
		return -EIO;
	if (erased(buf, len))
		return -ESTALE;
	if (p->kind->crypt)
		ret = p->kind->crypt(p, at, buf, len);
	if (!ret && p->erase)
		ret = erase(p, at, len);
	return ret;
}
