// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records what this process does to files below two folders, by standing in
 * front of the C library's calls. Programs are linked with this file; what it
 * writes itself, and what other paths get, goes straight to the kernel.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "disk.h"

#define FDS	1024
#define FILES	64

/* What is open: a file's number, or a folder's name */
struct open_fd {
	bool used;
	int end;
	int ino;		/* -1: a folder */
	char name[DISK_NAME];
};

struct file {
	int end;
	int ino;
	char name[DISK_NAME];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct disk_log *to;	/* NULL: not recording */
static bool lying;
static const char *folder[2];
static struct open_fd fds[FDS];
static struct file files[FILES];	/* of the cache's view; ino 0: free */
static int next_ino;

static void fatal(const char *what)
{
	perror(what);
	_exit(1);
}

/* The end whose folder @path is below, and the rest; or -1. */
static int below(const char *path, char name[DISK_NAME])
{
	size_t n;
	int i;

	for (i = 0; i < 2 && to; i++) {
		n = strlen(folder[i]);
		if (strncmp(path, folder[i], n) || path[n] != '/')
			continue;
		if (strlen(path + n + 1) >= DISK_NAME)
			fatal("name too long");
		strcpy(name, path + n + 1);
		return i;
	}
	return -1;
}

static struct disk_op *add(enum disk_op_type type, int end)
{
	struct disk_op *op;

	if (to->n == to->room) {
		to->room = to->room ? 2 * to->room : 4096;
		to->ops = realloc(to->ops, to->room * sizeof(*to->ops));
		if (!to->ops)
			fatal("out of memory");
	}
	op = &to->ops[to->n++];
	memset(op, 0, sizeof(*op));
	op->type = type;
	op->end = end;
	return op;
}

static void add_data(struct disk_op *op, const void *data, size_t len)
{
	op->data = malloc(len ? len : 1);
	if (!op->data)
		fatal("out of memory");
	memcpy(op->data, data, len);
	op->len = len;
}

static struct file *find(int end, const char *name)
{
	int i;

	for (i = 0; i < FILES; i++)
		if (files[i].ino && files[i].end == end &&
		    !strcmp(files[i].name, name))
			return &files[i];
	return NULL;
}

static int create(int end, const char *name)
{
	struct disk_op *op;
	int i;

	for (i = 0; files[i].ino; i++)
		if (i == FILES - 1)
			fatal("too many files");
	files[i].end = end;
	files[i].ino = ++next_ino;
	strcpy(files[i].name, name);
	op = add(DISK_CREATE, end);
	op->ino = next_ino;
	strcpy(op->name, name);
	return next_ino;
}

static struct open_fd *watched(int fd)
{
	return to && fd >= 0 && fd < FDS && fds[fd].used ? &fds[fd] : NULL;
}

/* ---- the calls ---- */

static int do_open(const char *path, int flags, mode_t mode)
{
	char name[DISK_NAME];
	struct open_fd *o;
	int fd, end, was;

	pthread_mutex_lock(&lock);
	end = below(path, name);
	fd = syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	was = errno;
	if (end >= 0 && fd >= FDS)
		fatal("too many descriptors");
	if (end >= 0 && fd >= 0) {
		o = &fds[fd];
		memset(o, 0, sizeof(*o));
		o->end = end;
		strcpy(o->name, name);
		if (flags & O_DIRECTORY) {
			o->ino = -1;
			o->used = true;
		} else if (flags & (O_CREAT | O_WRONLY | O_RDWR)) {
			o->ino = find(end, name) ? find(end, name)->ino :
						   create(end, name);
			o->used = true;
			if (flags & O_TRUNC)
				add(DISK_SIZE, end)->ino = o->ino;
		}
	}
	pthread_mutex_unlock(&lock);
	errno = was;
	return fd;
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return do_open(path, flags, mode);
}

int close(int fd)
{
	int ret;

	pthread_mutex_lock(&lock);
	if (fd >= 0 && fd < FDS)
		fds[fd].used = false;
	ret = syscall(SYS_close, fd);
	pthread_mutex_unlock(&lock);
	return ret;
}

static void wrote(struct open_fd *o, const void *buf, ssize_t n, off_t at)
{
	struct disk_op *op;

	if (n <= 0)
		return;
	op = add(DISK_WRITE, o->end);
	op->ino = o->ino;
	op->at = at;
	add_data(op, buf, n);
}

ssize_t pwrite(int fd, const void *buf, size_t len, off_t at)
{
	struct open_fd *o;
	ssize_t n;
	int was;

	pthread_mutex_lock(&lock);
	n = syscall(SYS_pwrite64, fd, buf, len, at);
	was = errno;
	o = watched(fd);
	if (o)
		wrote(o, buf, n, at);
	pthread_mutex_unlock(&lock);
	errno = was;
	return n;
}

ssize_t write(int fd, const void *buf, size_t len)
{
	struct open_fd *o;
	off_t at = 0;
	ssize_t n;
	int was;

	/* pipes and sockets may block: no lock for what is not a file of ours */
	if (!watched(fd))
		return syscall(SYS_write, fd, buf, len);
	pthread_mutex_lock(&lock);
	at = lseek(fd, 0, SEEK_CUR);
	n = syscall(SYS_write, fd, buf, len);
	was = errno;
	o = watched(fd);
	if (o)
		wrote(o, buf, n, at);
	pthread_mutex_unlock(&lock);
	errno = was;
	return n;
}

static int do_sync(int fd, long call)
{
	struct open_fd *o;
	int ret, was;

	pthread_mutex_lock(&lock);
	o = watched(fd);
	/* nothing that is recorded needs to be waited for */
	ret = o ? 0 : syscall(call, fd);
	was = errno;
	if (o && !lying) {
		if (o->ino < 0)
			strcpy(add(DISK_SYNC_DIR, o->end)->name, o->name);
		else
			add(DISK_SYNC, o->end)->ino = o->ino;
	}
	pthread_mutex_unlock(&lock);
	errno = was;
	return ret;
}

int fsync(int fd)
{
	return do_sync(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return do_sync(fd, SYS_fdatasync);
}

static void resized(int fd, off_t size)
{
	struct open_fd *o = watched(fd);
	struct disk_op *op;

	if (!o)
		return;
	op = add(DISK_SIZE, o->end);
	op->ino = o->ino;
	op->at = size;
}

int ftruncate(int fd, off_t size)
{
	int ret;

	pthread_mutex_lock(&lock);
	ret = syscall(SYS_ftruncate, fd, size);
	if (!ret)
		resized(fd, size);
	pthread_mutex_unlock(&lock);
	return ret;
}

int posix_fallocate(int fd, off_t at, off_t len)
{
	struct stat st;
	int ret = 0;

	pthread_mutex_lock(&lock);
	if (syscall(SYS_fallocate, fd, 0, at, len) || fstat(fd, &st))
		ret = errno;
	else
		resized(fd, st.st_size);
	pthread_mutex_unlock(&lock);
	return ret;
}

int unlink(const char *path)
{
	char name[DISK_NAME];
	struct file *f;
	int end, ret;

	pthread_mutex_lock(&lock);
	ret = syscall(SYS_unlink, path);
	end = ret ? -1 : below(path, name);
	if (end >= 0) {
		f = find(end, name);
		if (f)
			f->ino = 0;
		strcpy(add(DISK_UNLINK, end)->name, name);
	}
	pthread_mutex_unlock(&lock);
	return ret;
}

int rename(const char *from, const char *path)
{
	char name[DISK_NAME], new[DISK_NAME];
	struct disk_op *op;
	struct file *f;
	int end, ret;

	pthread_mutex_lock(&lock);
	ret = syscall(SYS_rename, from, path);
	end = ret ? -1 : below(from, name);
	if (end >= 0) {
		if (below(path, new) != end)
			fatal("moved to another place");
		f = find(end, new);
		if (f)
			f->ino = 0;
		f = find(end, name);
		if (f)
			strcpy(f->name, new);
		op = add(DISK_RENAME, end);
		strcpy(op->name, name);
		strcpy(op->to, new);
	}
	pthread_mutex_unlock(&lock);
	return ret;
}

/* ---- beginning ---- */

static void take_file(int end, const char *path)
{
	struct disk_op *op;
	char name[DISK_NAME];
	struct stat st;
	int fd, ino;

	below(path, name);
	ino = create(end, name);
	fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st))
		fatal(path);
	op = add(DISK_WRITE, end);
	op->ino = ino;
	op->data = malloc(st.st_size ? st.st_size : 1);
	op->len = st.st_size;
	if (!op->data || read(fd, op->data, op->len) != st.st_size)
		fatal(path);
	syscall(SYS_close, fd);
}

static void take_folder(int end, const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char sub[512];

	if (!d)
		fatal(path);
	while ((e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		if (e->d_type == DT_DIR)
			take_folder(end, sub);
		else
			take_file(end, sub);
	}
	closedir(d);
}

void record_start(struct disk_log *log, const char *const dir[2], bool lie)
{
	int i;

	lying = lie;
	memset(log, 0, sizeof(*log));
	memset(files, 0, sizeof(files));
	memset(fds, 0, sizeof(fds));
	next_ino = 0;
	to = log;
	for (i = 0; i < 2; i++)
		folder[i] = dir[i];
	for (i = 0; i < 2; i++) {
		take_folder(i, dir[i]);
		record_settled(i);
	}
}

void record_stop(void)
{
	pthread_mutex_lock(&lock);
	to = NULL;
	pthread_mutex_unlock(&lock);
}

void record_note(int end, int kind, const void *data, size_t len)
{
	struct disk_op *op;

	pthread_mutex_lock(&lock);
	if (to) {
		op = add(DISK_NOTE, end);
		op->ino = kind;
		add_data(op, data, len);
	}
	pthread_mutex_unlock(&lock);
}

void record_settled(int end)
{
	pthread_mutex_lock(&lock);
	if (to)
		add(DISK_SETTLED, end);
	pthread_mutex_unlock(&lock);
}
