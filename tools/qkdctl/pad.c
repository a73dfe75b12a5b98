// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkdctl pad: the encrypted stores of random bytes that couriers carry, for
 * qkdd's driver file.
 *
 * Both copies are made at once, each under its own key: the pad itself is
 * never on a disk, and not in memory for longer than a block.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "print.h"
#include "qkdctl.h"
#include "tools/pad/key.h"

#define COPIES		2
#define BLOCK		(1 << 20)
#define SIZE_MIN	4096
#define SIZE_MAX_	(UINT64_C(1) << 50)

static const char usage[] =
	"Usage: qkdctl pad new SIZE store FILE key FILE store FILE key FILE\n"
	"                      [ from FILE ]\n"
	"       qkdctl pad show FILE key FILE\n"
	"\"new\" writes SIZE random bytes, encrypted, to two stores, one for each end of\n"
	"a link, which must not exist. A key that does not exist is made. The bytes are\n"
	"the kernel's, XOR those of \"from\" (a quantum random generator, say).\n";

struct copy {
	const char *file;
	const char *key_file;
	bool key_made;
	int fd;
	struct pad_header header;
	struct pad_keys keys;
};

static uint8_t block[BLOCK], sealed[BLOCK], more[BLOCK];

static int complain(const char *file, int err)
{
	bad("%s: %s", file, err == -EBADMSG ? "it does not have 32 bytes" :
	    strerror(-err));
	return err;
}

/* ---- random bytes ---- */

static int random_all(uint8_t *p, size_t len)
{
	while (len) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			len -= n;
		}
	}
	return 0;
}

static int read_all(int fd, uint8_t *p, size_t len)
{
	while (len) {
		ssize_t n = read(fd, p, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			return -ENODATA;
		if (n > 0) {
			p += n;
			len -= n;
		}
	}
	return 0;
}

/* @from < 0: the kernel's alone. */
static int random_block(int from, size_t len)
{
	int err = random_all(block, len);
	size_t i;

	if (err || from < 0)
		return err;
	err = read_all(from, more, len);
	for (i = 0; !err && i < len; i++)
		block[i] ^= more[i];
	return err;
}

/* ---- files ---- */

static int write_at(int fd, uint64_t at, const uint8_t *p, size_t len)
{
	while (len) {
		ssize_t n = pwrite(fd, p, len, at);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			at += n;
			len -= n;
		}
	}
	return 0;
}

static int sync_all(int fd, const char *file)
{
	char path[PATH_MAX];
	int dir, err;

	if (fsync(fd))
		return -errno;
	snprintf(path, sizeof(path), "%s", file);
	dir = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	err = fsync(dir) ? -errno : 0;
	close(dir);
	return err;
}

static int make_file(const char *file)
{
	int fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		      0600);

	return fd < 0 ? -errno : fd;
}

static int make_key(const char *file, uint8_t key[PAD_KEY_SIZE])
{
	int fd = make_file(file), err;

	if (fd < 0)
		return fd;
	err = random_all(key, PAD_KEY_SIZE);
	if (!err)
		err = write_at(fd, 0, key, PAD_KEY_SIZE);
	if (!err)
		err = sync_all(fd, file);
	close(fd);
	if (err)
		unlink(file);
	return err;
}

/* The key that is there, or a new one. */
static int have_key(struct copy *c, uint8_t key[PAD_KEY_SIZE])
{
	int err = pad_key_read(c->key_file, key);

	if (err != -ENOENT || !strchr(c->key_file, '/'))
		return err;
	err = make_key(c->key_file, key);
	c->key_made = !err;
	return err;
}

/* ---- making ---- */

static int begin_copy(struct copy *c, uint64_t size, const uint8_t *name)
{
	uint8_t key[PAD_KEY_SIZE];
	int err;

	c->header.size = size;
	memcpy(c->header.name, name, PAD_NAME_SIZE);
	err = random_all(c->header.salt, PAD_SALT_SIZE);
	if (err)
		return complain("random bytes", err);
	c->fd = make_file(c->file);
	if (c->fd == -EEXIST)
		return bad("%s exists; a pad is never overwritten, move it away first",
			   c->file);
	if (c->fd < 0)
		return complain(c->file, c->fd);
	err = -posix_fallocate(c->fd, 0, PAD_BEGIN + size);
	if (err)
		return complain(c->file, err);
	err = have_key(c, key);
	if (err)
		complain(c->key_file, err);
	else if (pad_derive(&c->keys, key, c->header.salt))
		err = complain(c->key_file, -EIO);
	qkd_wipe(key, sizeof(key));
	return err;
}

static int add_block(struct copy *c, uint64_t at, size_t len)
{
	int err;

	memcpy(sealed, block, len);
	err = pad_crypt(&c->keys, at, sealed, len);
	if (!err)
		err = write_at(c->fd, PAD_BEGIN + at, sealed, len);
	return err ? complain(c->file, err) : 0;
}

/* The header last: what is not whole is no store. */
static int end_copy(struct copy *c)
{
	uint8_t buf[PAD_HEADER_SIZE];
	struct pad_place p = {};
	int err = 0;

	for (; !err && p.count < 2; p.count++) {
		err = pad_place_put(buf, &p, &c->keys);
		if (!err)
			err = write_at(c->fd, PAD_PLACE_AT(p.count), buf,
				       PAD_PLACE_SIZE);
	}
	if (!err && fsync(c->fd))
		err = -errno;
	if (!err)
		err = pad_header_put(buf, &c->header, &c->keys);
	if (!err)
		err = write_at(c->fd, 0, buf, sizeof(buf));
	if (!err)
		err = sync_all(c->fd, c->file);
	return err ? complain(c->file, err) : 0;
}

static void print_pad(const char *file, const struct pad_header *h,
		      uint64_t used)
{
	char hex[2 * PAD_NAME_SIZE + 1];
	int i;

	for (i = 0; i < PAD_NAME_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", h->name[i]);
	pr_obj(NULL);
	pr_str(NAME, "file", "%s:", file);
	pr_u64(PLAIN, "size", " size %s", h->size);
	pr_u64(PLAIN, "used", " used %s", used);
	pr_str(PLAIN, "name", " name %s\n", hex);
	pr_obj_end();
}

static int make_copies(struct copy *c, uint64_t size, int from)
{
	uint8_t name[PAD_NAME_SIZE];
	uint64_t at;
	size_t len;
	int i, err;

	err = random_all(name, sizeof(name));
	for (i = 0; i < COPIES && !err; i++)
		err = begin_copy(&c[i], size, name);
	for (at = 0; at < size && !err; at += len) {
		len = size - at < BLOCK ? size - at : BLOCK;
		err = random_block(from, len);
		if (err)
			bad(err == -ENODATA ? "\"from\" ended too soon: %s" :
			    "random bytes: %s", strerror(-err));
		for (i = 0; i < COPIES && !err; i++)
			err = add_block(&c[i], at, len);
	}
	for (i = 0; i < COPIES && !err; i++)
		err = end_copy(&c[i]);
	return err;
}

static int parse_copies(struct args *a, struct copy *c, int *from)
{
	const char *word, *value;
	int files = 0, keys = 0;

	while ((word = arg_next(a))) {
		value = arg_value(a, word);
		if (!value)
			return -EINVAL;
		if (!strcmp(word, "store") && files < COPIES && files == keys)
			c[files++].file = value;
		else if (!strcmp(word, "key") && keys < files)
			c[keys++].key_file = value;
		else if (!strcmp(word, "from") && *from < 0)
			*from = open(value, O_RDONLY | O_CLOEXEC);
		else
			return bad("\"%s\": after the size come store FILE key FILE, twice, and from FILE",
				   word);
		if (!strcmp(word, "from") && *from < 0)
			return complain(value, -errno);
	}
	if (keys != COPIES)
		return bad("a pad is made in two copies: store FILE key FILE store FILE key FILE");
	return 0;
}

static int pad_new(struct args *a)
{
	struct copy c[COPIES] = { { .fd = -1 }, { .fd = -1 } };
	const char *word = arg_next(a);
	int from = -1, i, err;
	uint64_t size;

	if (!word || parse_size(word, &size) || size < SIZE_MIN ||
	    size > SIZE_MAX_)
		return bad("how large? 4096 bytes at least; 100G, say");
	err = parse_copies(a, c, &from);
	if (!err)
		err = make_copies(c, size, from);
	if (!err)
		pr_begin();
	for (i = 0; i < COPIES; i++) {
		if (!err)
			print_pad(c[i].file, &c[i].header, 0);
		if (err && c[i].fd >= 0)
			unlink(c[i].file);
		if (err && c[i].key_made)
			unlink(c[i].key_file);
		if (c[i].fd >= 0)
			close(c[i].fd);
	}
	if (!err)
		pr_end();
	if (from >= 0)
		close(from);
	qkd_wipe(c, sizeof(c));
	qkd_wipe(block, sizeof(block));
	qkd_wipe(more, sizeof(more));
	return err;
}

/* ---- showing ---- */

static int read_place(int fd, const struct pad_keys *keys, uint64_t *used)
{
	uint8_t slots[2][PAD_PLACE_SIZE];
	struct pad_place p;
	int slot, err;

	for (slot = 0; slot < 2; slot++)
		if (pread(fd, slots[slot], PAD_PLACE_SIZE,
			  PAD_PLACE_AT(slot)) != PAD_PLACE_SIZE)
			return -EIO;
	err = pad_place_pick(slots, keys, &p);
	*used = err ? 0 : p.used;
	return err;
}

static int show_store(const char *file, int fd, const uint8_t *key)
{
	uint8_t buf[PAD_HEADER_SIZE];
	struct pad_header h;
	struct pad_keys keys;
	uint64_t used;
	int err = -EINVAL;

	if (pread(fd, buf, sizeof(buf), 0) == sizeof(buf))
		err = pad_header_get(buf, key, &h, &keys);
	if (err)
		bad("%s is %s", file, err == -EINVAL ? "no pad store" :
		    "of another key, or damaged");
	else if (read_place(fd, &keys, &used))
		err = bad("%s is damaged: how far it was used is not to be read",
			  file);
	qkd_wipe(&keys, sizeof(keys));
	if (err)
		return err;
	pr_begin();
	print_pad(file, &h, used);
	pr_end();
	return 0;
}

static int pad_show(struct args *a)
{
	const char *file = arg_next(a), *word = arg_next(a), *key_file;
	uint8_t key[PAD_KEY_SIZE];
	int fd, err;

	if (!file || !word || strcmp(word, "key"))
		return bad("which one? FILE key FILE");
	key_file = arg_value(a, word);
	if (!key_file || arg_end(a))
		return -EINVAL;
	err = pad_key_read(key_file, key);
	if (err)
		return complain(key_file, err);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	err = fd < 0 ? complain(file, -errno) : show_store(file, fd, key);
	if (fd >= 0)
		close(fd);
	qkd_wipe(key, sizeof(key));
	return err;
}

int do_pad(struct args *a)
{
	static const struct verb verbs[] = {
		{ "new", pad_new },
		{ "show", pad_show },
	};

	if (!a->n) {
		fputs(usage, stderr);
		return -EINVAL;
	}
	return RUN_VERB(verbs, a, usage);
}
