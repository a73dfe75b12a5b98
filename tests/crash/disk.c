// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plays recorded calls on a model of a disk, and writes what a crash leaves.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"

#define SECTOR	512
#define INODES	256
#define NAMES	32	/* of one end */
#define PENDING	256	/* changes of names that are not durable yet */

struct content {
	uint8_t *bytes;
	uint64_t size;
};

struct inode {
	struct content durable;
	struct content cache;
	bool *dirty;		/* of each sector of the cache */
	bool dirty_any;
	uint64_t sectors;	/* there is room for */
};

struct name {
	char name[DISK_NAME];
	int ino;		/* 0: free */
};

struct end {
	struct name durable[NAMES];
	struct disk_op pending[PENDING];
	int n_pending;
};

struct disk {
	struct inode inodes[INODES];
	struct end end[2];
};

static void fatal(const char *what)
{
	fprintf(stderr, "# %s: %s\n", what, strerror(errno));
	_exit(1);
}

struct disk *disk_new(void)
{
	struct disk *d = calloc(1, sizeof(*d));

	if (!d)
		fatal("out of memory");
	return d;
}

void disk_free(struct disk *d)
{
	int i;

	for (i = 0; i < INODES; i++) {
		free(d->inodes[i].durable.bytes);
		free(d->inodes[i].cache.bytes);
		free(d->inodes[i].dirty);
	}
	free(d);
}

void disk_log_free(struct disk_log *log)
{
	size_t i;

	for (i = 0; i < log->n; i++)
		free(log->ops[i].data);
	free(log->ops);
	memset(log, 0, sizeof(*log));
}

/* ---- contents ---- */

static void *wider(void *p, uint64_t from, uint64_t to)
{
	p = realloc(p, to);
	if (!p)
		fatal("out of memory");
	memset((uint8_t *)p + from, 0, to - from);
	return p;
}

static void make_room(struct inode *f, uint64_t size)
{
	uint64_t sectors = (size + SECTOR - 1) / SECTOR;

	if (sectors <= f->sectors)
		return;
	f->cache.bytes = wider(f->cache.bytes, f->sectors * SECTOR,
			       sectors * SECTOR);
	f->durable.bytes = wider(f->durable.bytes, f->sectors * SECTOR,
				 sectors * SECTOR);
	f->dirty = wider(f->dirty, f->sectors, sectors);
	f->sectors = sectors;
}

static void resize(struct inode *f, uint64_t size)
{
	make_room(f, size);
	if (size < f->cache.size)
		memset(f->cache.bytes + size, 0, f->cache.size - size);
	f->cache.size = size;
	f->dirty_any = true;
}

static void put(struct inode *f, const void *data, size_t len, uint64_t at)
{
	uint64_t i;

	if (!len)
		return;
	make_room(f, at + len);
	memcpy(f->cache.bytes + at, data, len);
	for (i = at / SECTOR; i <= (at + len - 1) / SECTOR; i++)
		f->dirty[i] = true;
	if (at + len > f->cache.size)
		f->cache.size = at + len;
	f->dirty_any = true;
}

static void sync_inode(struct inode *f)
{
	uint64_t i;

	for (i = 0; i < f->sectors; i++) {
		if (!f->dirty[i])
			continue;
		memcpy(f->durable.bytes + i * SECTOR,
		       f->cache.bytes + i * SECTOR, SECTOR);
		f->dirty[i] = false;
	}
	f->durable.size = f->cache.size;
	f->dirty_any = false;
}

/* ---- names ---- */

static struct name *lookup(struct name *names, const char *name)
{
	int i;

	for (i = 0; i < NAMES; i++)
		if (names[i].ino && !strcmp(names[i].name, name))
			return &names[i];
	return NULL;
}

static void enter(struct name *names, const char *name, int ino)
{
	struct name *n = lookup(names, name);
	int i;

	for (i = 0; !n && i < NAMES; i++)
		if (!names[i].ino)
			n = &names[i];
	if (!n)
		fatal("too many names");
	strcpy(n->name, name);
	n->ino = ino;
}

static void rename_in(struct name *names, const struct disk_op *op)
{
	struct name *n = lookup(names, op->name);
	int ino;

	if (!n)
		return;
	ino = n->ino;
	n->ino = 0;
	enter(names, op->to, ino);
}

static void apply(struct name *names, const struct disk_op *op)
{
	struct name *n;

	switch (op->type) {
	case DISK_CREATE:
		enter(names, op->name, op->ino);
		break;
	case DISK_UNLINK:
		n = lookup(names, op->name);
		if (n)
			n->ino = 0;
		break;
	default:
		rename_in(names, op);
	}
}

/* "state" of "state/q0.auth", "" of "pad" */
static bool in_folder(const char *name, const char *folder)
{
	const char *slash = strrchr(name, '/');
	size_t n = slash ? slash - name : 0;

	return strlen(folder) == n && !strncmp(name, folder, n);
}

static void sync_folder(struct end *e, const char *folder)
{
	int i, left = 0;

	for (i = 0; i < e->n_pending; i++) {
		if (!folder || in_folder(e->pending[i].name, folder))
			apply(e->durable, &e->pending[i]);
		else
			e->pending[left++] = e->pending[i];
	}
	e->n_pending = left;
}

static void settle(struct disk *d, int end)
{
	struct end *e = &d->end[end];
	int i;

	sync_folder(e, NULL);
	for (i = 0; i < NAMES; i++)
		if (e->durable[i].ino)
			sync_inode(&d->inodes[e->durable[i].ino]);
}

void disk_play(struct disk *d, const struct disk_op *op)
{
	struct end *e = &d->end[op->end];
	struct inode *f;

	if (op->type == DISK_NOTE)
		return;
	if (op->ino < 0 || op->ino >= INODES)
		fatal("too many files");
	f = &d->inodes[op->ino];
	switch (op->type) {
	case DISK_CREATE:
	case DISK_UNLINK:
	case DISK_RENAME:
		if (e->n_pending == PENDING)
			fatal("too many changes of names");
		e->pending[e->n_pending++] = *op;
		break;
	case DISK_SYNC_DIR:
		sync_folder(e, op->name);
		break;
	case DISK_WRITE:
		put(f, op->data, op->len, op->at);
		break;
	case DISK_SIZE:
		resize(f, op->at);
		break;
	case DISK_SYNC:
		sync_inode(f);
		break;
	default:
		settle(d, op->end);
	}
}

bool disk_dirty(const struct disk *d, int end)
{
	const struct end *e = &d->end[end];
	int i;

	for (i = 0; i < NAMES; i++)
		if (e->durable[i].ino &&
		    d->inodes[e->durable[i].ino].dirty_any)
			return true;
	return e->n_pending;
}

/* ---- images ---- */

/* What is durable, with some of what is only cached. */
static struct content chance(const struct inode *f, unsigned int *seed)
{
	struct content c = { .size = f->durable.size };
	uint64_t i;

	c.bytes = malloc(f->sectors * SECTOR + 1);
	if (!c.bytes)
		fatal("out of memory");
	if (f->sectors)
		memcpy(c.bytes, f->durable.bytes, f->sectors * SECTOR);
	for (i = 0; f->dirty_any && i < f->sectors; i++)
		if (f->dirty[i])
			memcpy(c.bytes + i * SECTOR,
			       f->cache.bytes + i * SECTOR,
			       rand_r(seed) % 9 * (SECTOR / 8));
	if (f->cache.size != c.size && rand_r(seed) & 1)
		c.size = f->cache.size;
	return c;
}

static void write_out(const char *dir, const char *name,
		      const struct content *c)
{
	char path[512];
	uint64_t done;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		fatal(path);
	for (done = 0; done < c->size; done += n) {
		n = write(fd, c->bytes + done, c->size - done);
		if (n <= 0)
			fatal(path);
	}
	close(fd);
}

void disk_image(const struct disk *d, int end, enum disk_loss loss,
		unsigned int seed, const char *dir)
{
	struct end e = d->end[end];
	const struct inode *f;
	struct content c;
	int i, kept;

	/* a journal keeps names' changes in order */
	kept = loss == LOSS_NONE ? e.n_pending : loss == LOSS_ALL ? 0 :
		(int)(rand_r(&seed) % (e.n_pending + 1));
	for (i = 0; i < kept; i++)
		apply(e.durable, &e.pending[i]);
	for (i = 0; i < NAMES; i++) {
		if (!e.durable[i].ino)
			continue;
		f = &d->inodes[e.durable[i].ino];
		if (loss == LOSS_SOME) {
			c = chance(f, &seed);
			write_out(dir, e.durable[i].name, &c);
			free(c.bytes);
		} else {
			write_out(dir, e.durable[i].name,
				  loss == LOSS_NONE ? &f->cache : &f->durable);
		}
	}
}
