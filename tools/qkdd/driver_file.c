// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Driver file: key that a courier brought, two copies of one random file.
 *
 * A pad is used from its beginning to its end, once. How far it was used is
 * kept in a file of the state directory and made durable before a byte is
 * read for use; bytes used are overwritten with zeroes unless erase=no. The
 * pad's last 64 bytes are never key: their hash names the pad, so that a new
 * one begins at its beginning, and ends with different pads notice. Any size;
 * memory is one block. Bringing two ends into step is keyflow.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver.h"
#include "drivers.h"
#include "durable.h"
#include "log.h"
#include "secret.h"
#include "wire.h"
#include "words.h"
#include "work.h"

#define NAME_BYTES	64	/* at the pad's end, that name it */
#define NAME_SIZE	16	/* of the hash of these */
#define ID_SIZE		(NAME_SIZE + 12)	/* name, position, length */
#define SLOT_SIZE	4096
#define AHEAD		(1u << 20)	/* given up at once, to sync less */
#define FILE_MAGIC	UINT64_C(0x514b4450414431)	/* "QKDPAD1" */
#define BLOCK_MAX	(1u << 20)

/* Of the state file; two slots, written in turn, the higher count counts */
struct file_state {
	uint64_t magic;
	uint64_t count;
	uint64_t used;		/* bytes of the pad below may have been used */
	uint8_t name[NAME_SIZE];
	uint8_t sum[32];
};

struct file_inst {
	struct work work;
	const struct driver_host *host;
	void *ctx;
	struct workers *workers;
	char link[32];
	char path[PATH_MAX];
	bool erase;
	bool busy;
	bool closed;
	int fd;
	int state_fd;
	uint64_t size;		/* bytes that are key */
	uint64_t pos;		/* next byte to use */
	struct file_state state;

	/* of the work */
	bool take;
	uint64_t at;
	uint32_t len;
	int error;
	uint8_t *key;
};

/* ---- the state file ---- */

static void state_sum(const struct file_state *st, uint8_t sum[32])
{
	SHA256((const void *)st, offsetof(struct file_state, sum), sum);
}

static int state_write(struct file_inst *in)
{
	struct file_state *st = &in->state;

	st->count++;
	state_sum(st, st->sum);
	if (pwrite(in->state_fd, st, sizeof(*st),
		   st->count & 1 ? SLOT_SIZE : 0) != sizeof(*st))
		return -EIO;
	return fdatasync(in->state_fd) ? -errno : 0;
}

static bool state_read(struct file_inst *in, unsigned int slot,
		       struct file_state *st)
{
	uint8_t sum[32];

	if (pread(in->state_fd, st, sizeof(*st), slot * SLOT_SIZE) !=
	    sizeof(*st) || st->magic != FILE_MAGIC)
		return false;
	state_sum(st, sum);
	return !memcmp(sum, st->sum, sizeof(sum));
}

/* A pad's beginning; both slots, so that no older pad's comes back. */
static int state_begin(struct file_inst *in, const uint8_t name[NAME_SIZE])
{
	int ret;

	in->state.magic = FILE_MAGIC;
	in->state.used = 0;
	memcpy(in->state.name, name, NAME_SIZE);
	ret = state_write(in);
	return ret ? ret : state_write(in);
}

/* The first: named when it is whole, since a torn one must be refused. */
static int state_make(struct file_inst *in, const char *dir, const char *path,
		      const uint8_t name[NAME_SIZE])
{
	char tmp[PATH_MAX + 8];
	int ret;

	snprintf(tmp, sizeof(tmp), "%s.new", path);
	unlink(tmp);
	in->state_fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (in->state_fd < 0 || flock(in->state_fd, LOCK_EX | LOCK_NB))
		return -errno;
	ret = state_begin(in, name);
	if (!ret && rename(tmp, path))
		ret = -errno;
	return ret ? ret : sync_dir(dir);
}

static int state_open(struct file_inst *in, const char *dir,
		      const uint8_t name[NAME_SIZE], char *err, size_t room)
{
	struct file_state a, b;
	char path[PATH_MAX];
	struct stat st;
	bool have;
	int ret;

	snprintf(path, sizeof(path), "%s/%s.pad", dir, in->link);
	in->state_fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (in->state_fd < 0 && errno == ENOENT) {
		ret = state_make(in, dir, path, name);
		if (ret)
			snprintf(err, room, "%s: %s", path, strerror(-ret));
		return ret;
	}
	if (in->state_fd < 0 || fstat(in->state_fd, &st)) {
		snprintf(err, room, "%s: %s", path, strerror(errno));
		return -errno;
	}
	if (flock(in->state_fd, LOCK_EX | LOCK_NB)) {
		snprintf(err, room, "%s is in use by another process", path);
		return -EBUSY;
	}
	have = state_read(in, 0, &a);
	if (have)
		in->state = a;
	if (state_read(in, 1, &b) && (!have || b.count > a.count)) {
		in->state = b;
		have = true;
	}
	if (!have && st.st_size) {
		/* who knows what was used: fail rather than use it again */
		snprintf(err, room, "%s is damaged: bring a new pad, then remove it",
			 path);
		return -EBADMSG;
	}
	if (have && !memcmp(in->state.name, name, NAME_SIZE))
		return 0;
	ret = state_begin(in, name);
	if (ret)
		snprintf(err, room, "%s: %s", path, strerror(-ret));
	return ret;
}

/* ---- the pad ---- */

static int pad_open(struct file_inst *in, struct words *w,
		    uint8_t name[NAME_SIZE], char *err, size_t room)
{
	const char *path = words_get(w, "pad"), *erase = words_get(w, "erase");
	uint8_t end[NAME_BYTES], sum[32];
	struct stat st;

	if (!path || path[0] != '/') {
		snprintf(err, room, "the file driver needs pad=PATH, an absolute path");
		return -EINVAL;
	}
	if (erase && strcmp(erase, "yes") && strcmp(erase, "no")) {
		snprintf(err, room, "erase=%s: not yes or no", erase);
		return -EINVAL;
	}
	in->erase = !erase || !strcmp(erase, "yes");
	snprintf(in->path, sizeof(in->path), "%s", path);
	in->fd = open(path, (in->erase ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (in->fd < 0 || fstat(in->fd, &st)) {
		snprintf(err, room, "%s: %s%s", path, strerror(errno),
			 errno == EROFS || errno == EACCES ?
			 " (erase=no for a pad that cannot be written)" : "");
		return -errno;
	}
	if (st.st_size < 2 * NAME_BYTES ||
	    pread(in->fd, end, sizeof(end), st.st_size - NAME_BYTES) !=
	    NAME_BYTES) {
		snprintf(err, room, "%s is no pad: too short", path);
		return -EINVAL;
	}
	SHA256(end, sizeof(end), sum);
	memcpy(name, sum, NAME_SIZE);
	in->size = st.st_size - NAME_BYTES;
	return 0;
}

/* On a worker: give the range up, durably; then read it; then erase it. */
static void file_run(struct work *work)
{
	struct file_inst *in = (struct file_inst *)work;
	static const uint8_t zero[1 << 16];
	uint64_t end = in->at + in->len;
	uint32_t done, n;

	in->error = 0;
	if (end > in->state.used) {
		in->state.used = end + AHEAD < in->size ? end + AHEAD :
							  in->size;
		in->error = state_write(in);
	}
	if (!in->error && pread(in->fd, in->key, in->len, in->at) !=
	    (ssize_t)in->len)
		in->error = -EIO;
	for (done = 0; in->erase && !in->error && done < in->len; done += n) {
		n = in->len - done < sizeof(zero) ? in->len - done :
						    sizeof(zero);
		if (pwrite(in->fd, zero, n, in->at + done) != (ssize_t)n)
			in->error = -EIO;
	}
}

static void file_free(struct file_inst *in)
{
	secret_free(in->key, BLOCK_MAX);
	if (in->fd >= 0)
		close(in->fd);
	if (in->state_fd >= 0)
		close(in->state_fd);
	free(in);
}

static void file_done(struct work *work)
{
	struct file_inst *in = (struct file_inst *)work;
	uint8_t id[ID_SIZE];

	in->busy = false;
	if (in->closed) {
		file_free(in);
		return;
	}
	if (in->error) {
		in->host->trouble(in->ctx, "the pad or its state file fails");
		in->host->no_key(in->ctx, NULL, 0,
				 "the pad or its state file fails");
		return;
	}
	memcpy(id, in->state.name, NAME_SIZE);
	wire_put64(id + NAME_SIZE, in->at);
	wire_put32(id + NAME_SIZE + 8, in->len);
	in->host->key(in->ctx, id, sizeof(id), in->key, in->len);
	/* unless that asked for the next one already */
	if (!in->busy)
		wipe(in->key, in->len);
}

static void fetch(struct file_inst *in, uint64_t at, uint32_t len)
{
	in->at = at;
	in->len = len;
	in->pos = at + len;
	in->busy = true;
	in->work.run = file_run;
	in->work.done = file_done;
	workers_submit(in->workers, &in->work);
}

static void file_get(void *arg, size_t max)
{
	struct file_inst *in = arg;
	uint64_t left = in->size - in->pos;

	if (in->busy)
		return;
	if (max > BLOCK_MAX)
		max = BLOCK_MAX;
	if (left < 64) {
		in->host->trouble(in->ctx, "the pad is used up: bring a new one");
		in->host->no_key(in->ctx, NULL, 0, "the pad is used up");
		return;
	}
	fetch(in, in->pos, left < max ? left : max);
}

static void file_take(void *arg, const uint8_t *id, size_t len)
{
	struct file_inst *in = arg;
	uint8_t hint[8];
	uint64_t at;
	uint32_t n;

	if (in->busy)
		return;
	if (len != ID_SIZE || memcmp(id, in->state.name, NAME_SIZE)) {
		in->host->no_key(in->ctx, NULL, 0,
				 "the two ends have different pads");
		return;
	}
	at = wire_get64(id + NAME_SIZE);
	n = wire_get32(id + NAME_SIZE + 8);
	if (at < in->pos || at > in->size || n > in->size - at ||
	    n > BLOCK_MAX || !n) {
		wire_put64(hint, in->pos);
		in->host->no_key(in->ctx, hint, sizeof(hint),
				 "the peer's place in the pad is behind ours");
		return;
	}
	fetch(in, at, n);
}

static void file_skip(void *arg, const uint8_t *hint, size_t len)
{
	struct file_inst *in = arg;
	uint64_t at;

	if (len != 8)
		return;
	at = wire_get64(hint);
	if (at > in->pos && at <= in->size)
		in->pos = at;
}

static void file_close(void *arg)
{
	struct file_inst *in = arg;

	in->closed = true;
	if (!in->busy)
		file_free(in);
}

static int file_open(void **inst, const struct driver_conf *conf,
		     const struct driver_host *host, void *ctx, char *err,
		     size_t room)
{
	struct file_inst *in = calloc(1, sizeof(*in));
	uint8_t name[NAME_SIZE];
	int ret = -ENOMEM;

	snprintf(err, room, "out of memory");
	if (!in)
		return ret;
	in->fd = -1;
	in->state_fd = -1;
	in->host = host;
	in->ctx = ctx;
	in->workers = conf->workers;
	snprintf(in->link, sizeof(in->link), "%s", conf->link);
	in->key = secret_alloc(BLOCK_MAX);
	if (!in->key)
		goto err;
	ret = pad_open(in, conf->words, name, err, room);
	if (!ret)
		ret = state_open(in, conf->state_dir, name, err, room);
	if (ret)
		goto err;
	in->pos = in->state.used;
	*inst = in;
	return 0;
err:
	file_free(in);
	return ret;
}

const struct qkd_driver driver_file = {
	.name = "file",
	.depth = DRIVER_KEY,
	.open = file_open,
	.close = file_close,
	.get = file_get,
	.take = file_take,
	.skip = file_skip,
};
