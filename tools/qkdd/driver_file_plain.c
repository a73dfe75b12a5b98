// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A pad that is a file of random bytes and nothing else. How far it was used is
 * kept in a file of the state directory. Its last 64 bytes are never key:
 * their hash names the pad, so that a new one begins at its beginning, and
 * ends with different pads notice.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver_file.h"
#include "durable.h"

#define NAME_BYTES	64	/* at the pad's end, that name it */
#define SLOT_SIZE	4096
#define FILE_MAGIC	UINT64_C(0x514b4450414431)	/* "QKDPAD1" */

/* Two slots, written in turn; the higher count counts. */

/* ---- the state file ---- */

static void state_sum(const struct file_state *st, uint8_t sum[32])
{
	SHA256((const void *)st, offsetof(struct file_state, sum), sum);
}

static int state_write(struct file_pad *p)
{
	struct file_state *st = &p->state;

	st->count++;
	state_sum(st, st->sum);
	if (pwrite(p->state_fd, st, sizeof(*st),
		   st->count & 1 ? SLOT_SIZE : 0) != sizeof(*st))
		return -EIO;
	return fdatasync(p->state_fd) ? -errno : 0;
}

/* 1 or 0: it is valid or not; -errno: what was used may stand there. */
static int state_read(struct file_pad *p, unsigned int slot,
		      struct file_state *st)
{
	ssize_t n = pread(p->state_fd, st, sizeof(*st), slot * SLOT_SIZE);
	uint8_t sum[32];

	if (n < 0)
		return -errno;
	if (n != sizeof(*st) || st->magic != FILE_MAGIC)
		return 0;
	state_sum(st, sum);
	return !memcmp(sum, st->sum, sizeof(sum));
}

/* A pad's beginning; both slots, so that no older pad's comes back. */
static int state_begin(struct file_pad *p)
{
	int ret;

	p->state.magic = FILE_MAGIC;
	p->state.used = 0;
	memcpy(p->state.name, p->name, PAD_NAME_SIZE);
	ret = state_write(p);
	return ret ? ret : state_write(p);
}

/* The first: named when it is whole, since a torn one must be refused. */
static int state_make(struct file_pad *p, const struct file_where *w,
		      const char *path)
{
	char tmp[PATH_MAX + 8];
	int ret;

	snprintf(tmp, sizeof(tmp), "%s.new", path);
	unlink(tmp);
	p->state_fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (p->state_fd < 0 || flock(p->state_fd, LOCK_EX | LOCK_NB))
		return -errno;
	ret = state_begin(p);
	if (!ret && rename(tmp, path))
		ret = -errno;
	return ret ? ret : sync_dir(w->state_dir);
}

static int state_open(struct file_pad *p, const struct file_where *w, char *err,
		      size_t room)
{
	struct file_state a, b;
	char path[PATH_MAX];
	struct stat st;
	int have, more, ret;

	snprintf(path, sizeof(path), "%s/%s.pad", w->state_dir, w->link);
	p->state_fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (p->state_fd < 0 && errno == ENOENT) {
		ret = state_make(p, w, path);
		if (ret)
			snprintf(err, room, "%s: %s", path, strerror(-ret));
		return ret;
	}
	if (p->state_fd < 0 || fstat(p->state_fd, &st)) {
		snprintf(err, room, "%s: %s", path, strerror(errno));
		return -errno;
	}
	if (flock(p->state_fd, LOCK_EX | LOCK_NB)) {
		snprintf(err, room, "%s is in use by another process", path);
		return -EBUSY;
	}
	have = state_read(p, 0, &a);
	more = state_read(p, 1, &b);
	if (have < 0 || more < 0) {
		ret = have < 0 ? have : more;
		snprintf(err, room, "%s cannot be read: %s; bring a new pad, then remove it",
			 path, strerror(-ret));
		return ret;
	}
	if (have)
		p->state = a;
	if (more && (!have || b.count > a.count)) {
		p->state = b;
		have = 1;
	}
	if (!have && st.st_size) {
		/* who knows what was used: fail rather than use it again */
		snprintf(err, room, "%s is damaged: bring a new pad, then remove it",
			 path);
		return -EBADMSG;
	}
	if (have && !memcmp(p->state.name, p->name, PAD_NAME_SIZE))
		return 0;
	ret = state_begin(p);
	if (ret)
		snprintf(err, room, "%s: %s", path, strerror(-ret));
	return ret;
}

/* ---- the pad ---- */

static int plain_claim(struct file_pad *p, uint64_t used)
{
	p->state.used = used;
	return state_write(p);
}

static const struct file_kind plain = { .claim = plain_claim };

int file_plain_open(struct file_pad *p, const struct file_where *w, char *err,
		    size_t room)
{
	uint8_t end[NAME_BYTES], sum[32];
	struct stat st;
	int ret;

	if (fstat(p->fd, &st) || st.st_size < 2 * NAME_BYTES ||
	    pread(p->fd, end, sizeof(end), st.st_size - NAME_BYTES) !=
	    NAME_BYTES) {
		snprintf(err, room, "%s is no pad: too short", w->pad);
		return -EINVAL;
	}
	SHA256(end, sizeof(end), sum);
	memcpy(p->name, sum, PAD_NAME_SIZE);
	p->size = st.st_size - NAME_BYTES;
	p->kind = &plain;
	ret = state_open(p, w, err, room);
	p->used = p->state.used;
	return ret;
}
