// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files of the authentication key: the secret that a person leaves in
 * /etc/qkd/psk, and the store in /var/lib/qkd that it becomes.
 *
 * The store is locked while it is open, since two processes using it would
 * use the same masks. What is in it is auth.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth.h"
#include "durable.h"
#include "psk.h"
#include "tools/common/log.h"
#include "tools/common/secret.h"

struct psk {
	int fd;
	struct auth_store *store;
	char path[PATH_MAX];
};

/* ---- the disk, for auth.c ---- */

static int file_read(void *ctx, void *buf, size_t len, off_t at)
{
	struct psk *p = ctx;
	uint8_t *b = buf;
	ssize_t n;

	while (len) {
		n = pread(p->fd, b, len, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EBADMSG;
		b += n;
		at += n;
		len -= n;
	}
	return 0;
}

static int file_write(void *ctx, const void *buf, size_t len, off_t at)
{
	const uint8_t *b = buf;
	struct psk *p = ctx;
	ssize_t n;

	while (len) {
		n = pwrite(p->fd, b, len, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		b += n;
		at += n;
		len -= n;
	}
	return 0;
}

static int file_sync(void *ctx)
{
	struct psk *p = ctx;

	return fdatasync(p->fd) ? -errno : 0;
}

static struct auth_disk disk_of(struct psk *p)
{
	return (struct auth_disk){
		.read = file_read,
		.write = file_write,
		.sync = file_sync,
		.ctx = p,
	};
}

/* ---- the secret ---- */

static int name_path(char *path, const char *dir, const char *link,
		     const char *suffix)
{
	if (strchr(link, '/') || link[0] == '.' || !link[0])
		return -EINVAL;
	if (snprintf(path, PATH_MAX, "%s/%s%s", dir, link, suffix) >= PATH_MAX)
		return -ENAMETOOLONG;
	return 0;
}

bool psk_waiting(const char *psk_dir, const char *link)
{
	char path[PATH_MAX];

	return !name_path(path, psk_dir, link, "") && !access(path, F_OK);
}

/* Bytes read into @buf of AUTH_PSK_MAX, 0 if there is no file, or -errno. */
static ssize_t secret_read(const char *path, uint8_t *buf)
{
	struct stat st;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!fstat(fd, &st) && st.st_mode & 077)
		log_warn("%s can be read by others: chmod 600", path);
	n = read(fd, buf, AUTH_PSK_MAX);
	if (n < 0)
		n = -errno;
	close(fd);
	return n;
}

/*
 * Overwritten, since it tells masks that are still to be used; but first, and
 * durably, put where nobody looks for a secret: a crash in between must not
 * leave zeroes that the next start takes for a new one.
 */
static void secret_erase(const char *dir, const char *link)
{
	static const uint8_t zero[4096];
	char path[PATH_MAX], used[PATH_MAX + 8];
	struct stat st;
	off_t at;
	int fd;

	if (name_path(path, dir, link, ""))
		return;
	snprintf(used, sizeof(used), "%s/.%s.used", dir, link);
	if ((rename(path, used) && errno != ENOENT) || sync_dir(dir)) {
		log_warn("%s cannot be erased (%s): erase it by hand", path,
			 strerror(errno));
		return;
	}
	fd = open(used, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	if (!fstat(fd, &st))
		for (at = 0; at < st.st_size; at += sizeof(zero))
			if (pwrite(fd, zero, sizeof(zero), at) < 0)
				break;
	fdatasync(fd);
	close(fd);
	if (unlink(used))
		log_warn("%s cannot be erased (%s): erase it by hand", used,
			 strerror(errno));
	sync_dir(dir);
}

/* ---- the store ---- */

static int lock_file(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

/* Opens an existing store; -ENOENT if there is none. */
static int store_open(struct psk *p, bool lower)
{
	struct auth_disk disk = disk_of(p);
	int ret;

	p->fd = open(p->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (p->fd < 0)
		return -errno;
	ret = lock_file(p->fd);
	if (!ret)
		ret = auth_load(&p->store, &disk, lower);
	return ret;
}

/* Makes a store beside the old one, and puts it in its place when it is whole. */
static int store_make(struct psk *p, const char *dir, const uint8_t *psk,
		      size_t len, bool lower)
{
	struct auth_disk disk = disk_of(p);
	char tmp[PATH_MAX + 8];
	int ret;

	snprintf(tmp, sizeof(tmp), "%s.new", p->path);
	unlink(tmp);
	p->fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (p->fd < 0)
		return -errno;
	ret = lock_file(p->fd);
	if (!ret)
		ret = -posix_fallocate(p->fd, 0, AUTH_FILE_SIZE);
	if (!ret)
		ret = fsync(p->fd) ? -errno : 0;
	if (!ret)
		ret = auth_format(&disk, psk, len, lower);
	if (!ret)
		ret = auth_load(&p->store, &disk, lower);
	if (!ret && rename(tmp, p->path))
		ret = -errno;
	if (!ret)
		ret = sync_dir(dir);
	if (ret)
		unlink(tmp);
	return ret;
}

static void store_close(struct psk *p)
{
	auth_free(p->store);
	p->store = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static void explain(int ret, const struct psk *p, const char *secret,
		    ssize_t len, char *err, size_t room)
{
	if (ret == -ENOENT)
		snprintf(err, room, "no secret: put the same at both ends, made by qkdctl psk new, as %s (%d to %d random bytes)",
			 secret, AUTH_PSK_MIN, AUTH_PSK_MAX);
	else if (ret == -EBUSY)
		snprintf(err, room, "%s is in use by another process", p->path);
	else if (ret == -EINVAL && len > 0 && len < AUTH_PSK_MIN)
		snprintf(err, room, "%s has %zd bytes, it needs %d", secret,
			 len, AUTH_PSK_MIN);
	else if (ret == -EINVAL)
		snprintf(err, room, "%s was made for other node IDs: give both ends a new secret",
			 p->path);
	else if (ret == -EBADMSG)
		snprintf(err, room, "%s is damaged: give both ends a new secret",
			 p->path);
	else
		snprintf(err, room, "%s: %s", p->path, strerror(-ret));
}

int psk_open(struct psk **psk, const char *psk_dir, const char *state_dir,
	     const char *link, bool lower, char *err, size_t room)
{
	char secret[PATH_MAX];
	uint8_t *buf, fp[32];
	ssize_t len = 0;
	struct psk *p;
	int ret;

	p = calloc(1, sizeof(*p));
	buf = secret_alloc(AUTH_PSK_MAX);
	ret = -ENOMEM;
	if (!p || !buf) {
		snprintf(err, room, "out of memory");
		goto err;
	}
	p->fd = -1;
	ret = name_path(p->path, state_dir, link, ".auth");
	if (!ret)
		ret = name_path(secret, psk_dir, link, "");
	if (ret) {
		snprintf(err, room, "no file can have the link's name");
		goto err;
	}
	ret = store_open(p, lower);
	if (ret == -EBUSY)
		goto say;
	len = secret_read(secret, buf);
	if (len < 0) {
		ret = len;
		snprintf(err, room, "%s: %s", secret, strerror(-ret));
		goto err;
	}
	if (len) {
		auth_psk_fingerprint(buf, len, fp);
		if (ret || memcmp(fp, auth_fingerprint(p->store), 32)) {
			store_close(p);
			ret = store_make(p, state_dir, buf, len, lower);
			if (!ret)
				log_line(LOG_LEVEL_NOTICE, link,
					 "took the secret in %s", secret);
		}
	}
	/* also one that a crash left half erased */
	if (!ret)
		secret_erase(psk_dir, link);
say:
	if (ret) {
		explain(ret, p, secret, len, err, room);
		goto err;
	}
	secret_free(buf, AUTH_PSK_MAX);
	*psk = p;
	return 0;
err:
	secret_free(buf, AUTH_PSK_MAX);
	if (p)
		store_close(p);
	free(p);
	return ret;
}

void psk_close(struct psk *psk)
{
	if (!psk)
		return;
	store_close(psk);
	free(psk);
}

struct auth_store *psk_store(struct psk *psk)
{
	return psk->store;
}
