// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The device of a link: key in, key out.
 *
 * Thin over read(2), write(2) and ioctl(2); what is added is finding the node
 * of a link by name, wiping where a call failed, and what an error means.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

struct qkd_dev {
	int fd;
	uint32_t index;
};

/* ---- opening ---- */

static int index_of(struct qkd_nl *nl, const char *name, uint32_t *index)
{
	struct qkd_nl *own = NULL;
	struct qkd_link *link;
	int err;

	if (!nl) {
		err = qkd_nl_open(&own, NULL);
		if (err)
			return err;
		nl = own;
	}
	err = qkd_link_get(nl, name, *index, &link);
	if (!err) {
		*index = link->index;
		qkd_link_free(link);
	}
	qkd_nl_close(own);
	return err;
}

static int fail_open(const char *path)
{
	int err = -errno;

	switch (-err) {
	case ENOENT:
		return qkd_fail(-ENODEV, "there is no %s; is the link gone, or /dev not the machine's?",
				path);
	case EACCES:
		return qkd_fail(err, "%s: not permitted; join the group that owns it (ls -l %s), usually: adduser NAME qkd",
				path, path);
	case ENXIO:
	case ENODEV:
		return qkd_fail(-ENODEV, "%s: the link is gone", path);
	default:
		return qkd_fail(err, "%s: %s", path, strerror(-err));
	}
}

/* Rights to feed are those of the opener; who may only read gets that. */
static int open_node(const char *path, int flags)
{
	int fd = open(path, O_RDWR | flags);

	if (fd < 0 && (errno == EACCES || errno == EROFS))
		fd = open(path, O_RDONLY | flags);
	return fd;
}

int qkd_dev_open(struct qkd_dev **out, struct qkd_nl *nl, const char *name,
		 uint32_t index, bool nonblock)
{
	struct qkd_state state;
	struct qkd_dev *dev;
	char path[32];
	int err;

	if (name) {
		err = index_of(nl, name, &index);
		if (err)
			return err;
	} else if (index == QKD_NO_INDEX) {
		return qkd_fail(-EINVAL, "which link? a name or an index is needed");
	}
	dev = malloc(sizeof(*dev));
	if (!dev)
		return qkd_fail(-ENOMEM, "out of memory");
	dev->index = index;
	snprintf(path, sizeof(path), "/dev/qkd%u", index);
	dev->fd = open_node(path, O_CLOEXEC | (nonblock ? O_NONBLOCK : 0));
	if (dev->fd < 0) {
		err = fail_open(path);
		free(dev);
		return err;
	}
	/* a left-over file, or a link made anew since we asked */
	if (ioctl(dev->fd, QKD_IOC_STATE, &state) || state.index != index) {
		qkd_dev_close(dev);
		return qkd_fail(-ENODEV, "%s is not the device of link %u",
				path, index);
	}
	*out = dev;
	return 0;
}

void qkd_dev_close(struct qkd_dev *dev)
{
	if (!dev)
		return;
	close(dev->fd);
	free(dev);
}

int qkd_dev_fd(const struct qkd_dev *dev)
{
	return dev->fd;
}

uint32_t qkd_dev_index(const struct qkd_dev *dev)
{
	return dev->index;
}

/* What an error means that any call on the device may give. */
static int fail_dev(const struct qkd_dev *dev, int err, const char *doing)
{
	switch (-err) {
	case EAGAIN:
		return qkd_fail(err, "%s: the pool has none now; it fills as the link makes key: qkdctl -s link show",
				doing);
	case ENETDOWN:
		return qkd_fail(err, "%s: the link is down, or its two ends have not met yet; see: qkdctl link show",
				doing);
	case ENODEV:
		return qkd_fail(err, "%s: the link was deleted", doing);
	case EPERM:
		return qkd_fail(err, "%s: not permitted; this needs CAP_NET_ADMIN in the network namespace (try sudo)",
				doing);
	case ENOTTY:
		return qkd_fail(err, "%s: the loaded qkd module does not know this call; reload it",
				doing);
	default:
		return qkd_fail(err, "%s: /dev/qkd%u: %s", doing, dev->index,
				strerror(-err));
	}
}

static int call(struct qkd_dev *dev, unsigned long cmd, void *arg,
		const char *doing)
{
	if (ioctl(dev->fd, cmd, arg) < 0)
		return fail_dev(dev, -errno, doing);
	return 0;
}

/* ---- using ---- */

static int copy_name(char *dst, size_t size, const char *src, const char *what)
{
	size_t len = strlen(src);

	if (len >= size)
		return qkd_fail(-EINVAL, "the %s \"%s\" is too long: at most %zu bytes",
				what, src, size - 1);
	memset(dst, 0, size);
	memcpy(dst, src, len);
	return 0;
}

int qkd_dev_label(struct qkd_dev *dev, const char *label)
{
	struct qkd_label l;
	int err;

	if (!*label)
		return qkd_fail(-EINVAL, "an empty label");
	err = copy_name(l.name, sizeof(l.name), label, "label");
	return err ? err : call(dev, QKD_IOC_LABEL, &l, "label");
}

int qkd_dev_stream(struct qkd_dev *dev, const char *name)
{
	struct qkd_stream s;
	int err;

	err = copy_name(s.name, sizeof(s.name), name, "stream's name");
	if (err)
		return err;
	if (ioctl(dev->fd, QKD_IOC_STREAM, &s) >= 0)
		return 0;
	if (errno == EBUSY)
		return qkd_fail(-EBUSY, "stream \"%s\" is in use by another program here",
				name);
	return fail_dev(dev, -errno, "stream");
}

int qkd_dev_get(struct qkd_dev *dev, void *key, uint32_t len,
		struct qkd_key_id *id)
{
	struct qkd_get get = { .buf = (uintptr_t)key, .len = len };
	int err;

	if (len < 1 || len > QKD_KEY_MAX)
		return qkd_fail(-EINVAL, "a key has 1 to %u bytes, not %u",
				QKD_KEY_MAX, len);
	if (ioctl(dev->fd, QKD_IOC_GET, &get) < 0) {
		err = -errno;
		qkd_wipe(key, len);
		if (err == -EMSGSIZE)
			return qkd_fail(err, "the link's pool is too small to ever have %u bytes at once: qkdctl link show",
					len);
		return fail_dev(dev, err, "get key");
	}
	*id = get.id;
	return 0;
}

static int fail_take(const struct qkd_dev *dev, int err,
		     const struct qkd_key_id *id)
{
	char text[QKD_KEY_ID_STRLEN + 1];

	qkd_key_id_format(id, text);
	switch (-err) {
	case ENOENT:
		return qkd_fail(err, "%s: this link does not have that key (yet)",
				text);
	case ESTALE:
		return qkd_fail(err, "%s: of another generation; the ends have started anew since, get a new key",
				text);
	case EALREADY:
		return qkd_fail(err, "%s: was fetched before, or erased unused",
				text);
	case EMSGSIZE:
		return qkd_fail(err, "%s: the key is longer than the room for it",
				text);
	default:
		return fail_dev(dev, err, text);
	}
}

int qkd_dev_take(struct qkd_dev *dev, const struct qkd_key_id *id, void *key,
		 uint32_t room)
{
	struct qkd_take take = {
		.id = *id,
		.buf = (uintptr_t)key,
		.len = room,
	};
	int err;

	if (ioctl(dev->fd, QKD_IOC_TAKE, &take) < 0) {
		err = -errno;
		qkd_wipe(key, room);
		return fail_take(dev, err, id);
	}
	return take.len;
}

ssize_t qkd_dev_read(struct qkd_dev *dev, void *buf, size_t len)
{
	ssize_t n = read(dev->fd, buf, len);

	return n < 0 ? fail_dev(dev, -errno, "read") : n;
}

/* ---- feeding ---- */

int qkd_dev_state(struct qkd_dev *dev, struct qkd_state *state)
{
	return call(dev, QKD_IOC_STATE, state, "state");
}

int qkd_dev_start(struct qkd_dev *dev,
		  const uint8_t generation[QKD_GENERATION_SIZE])
{
	struct qkd_start start;

	memcpy(start.generation, generation, sizeof(start.generation));
	return call(dev, QKD_IOC_START, &start, "start");
}

int qkd_dev_confirm(struct qkd_dev *dev, const struct qkd_confirm *confirm)
{
	struct qkd_confirm c = *confirm;

	return call(dev, QKD_IOC_CONFIRM, &c, "confirm");
}

/* One record is one write: head and bytes must be together in memory. */
static int write_record(struct qkd_dev *dev, const void *record, size_t size)
{
	ssize_t n = write(dev->fd, record, size);

	if (n == (ssize_t)size)
		return 0;
	if (n >= 0)
		return qkd_fail(-EIO, "feed: the kernel took part of a record");
	if (errno == EAGAIN)
		return qkd_fail(-EAGAIN, "feed: the pool has no room now");
	if (errno == EBADF)
		return fail_dev(dev, -EPERM, "feed");
	return fail_dev(dev, -errno, "feed");
}

int qkd_dev_feed(struct qkd_dev *dev, const struct qkd_feed *head,
		 const void *block)
{
	size_t size = sizeof(*head) + head->len;
	struct qkd_feed *record;
	int err;

	if (block == head + 1)
		return write_record(dev, head, size);

	/* pages of its own, out of core dumps and swap while it lasts */
	record = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (record == MAP_FAILED)
		return qkd_fail(-ENOMEM, "out of memory");
	madvise(record, size, MADV_DONTDUMP);
	mlock(record, size);
	*record = *head;
	memcpy(record + 1, block, head->len);
	err = write_record(dev, record, size);
	qkd_wipe(record, size);
	munmap(record, size);
	return err;
}
