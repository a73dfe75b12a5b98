// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A pad in an encrypted store (tools/pad). The store itself says how far it was
 * used, so that it is used once whichever link, machine or state folder it is
 * given to. What is erased is ciphertext.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "driver_file.h"
#include "tools/common/secret.h"
#include "tools/pad/key.h"

/* -EIO where a place cannot be read: what was used may stand there. */
static int read_place(struct file_pad *p)
{
	uint8_t slots[2][PAD_PLACE_SIZE];
	struct pad_place place;
	int slot, ret;

	for (slot = 0; slot < 2; slot++)
		if (pread(p->fd, slots[slot], PAD_PLACE_SIZE,
			  PAD_PLACE_AT(slot)) != PAD_PLACE_SIZE)
			return -EIO;
	ret = pad_place_pick(slots, p->keys, &place);
	if (!ret) {
		p->count = place.count;
		p->used = place.used;
	}
	return ret;
}

/* Durable without waiting for what was erased meanwhile. */
static int store_claim(struct file_pad *p, uint64_t used)
{
	struct pad_place place = { .count = p->count + 1, .used = used };
	uint8_t buf[PAD_PLACE_SIZE];
	struct iovec v = { .iov_base = buf, .iov_len = sizeof(buf) };
	int ret = pad_place_put(buf, &place, p->keys);

	if (ret)
		return ret;
	if (pwritev2(p->fd, &v, 1, PAD_PLACE_AT(place.count), RWF_DSYNC) !=
	    sizeof(buf))
		return -EIO;
	p->count = place.count;
	return 0;
}

static int store_crypt(struct file_pad *p, uint64_t at, uint8_t *buf,
		       uint32_t len)
{
	return pad_crypt(p->keys, at, buf, len);
}

static const struct file_kind store = {
	.claim = store_claim,
	.crypt = store_crypt,
};

/* The header, under the administrator's key. */
static int read_header(struct file_pad *p, const struct file_where *w,
		       struct pad_header *h, char *err, size_t room)
{
	uint8_t key[PAD_KEY_SIZE], buf[PAD_HEADER_SIZE];
	int ret = pad_key_read(w->key, key);

	if (ret) {
		snprintf(err, room, "key=%s: %s", w->key, ret == -EBADMSG ?
			 "it does not have 32 bytes" : strerror(-ret));
		return ret;
	}
	ret = -EINVAL;
	if (pread(p->fd, buf, sizeof(buf), 0) == sizeof(buf))
		ret = pad_header_get(buf, key, h, p->keys);
	wipe(key, sizeof(key));
	if (ret)
		snprintf(err, room, "%s %s", w->pad, ret == -EINVAL ?
			 "is no encrypted store" : ret == -EKEYREJECTED ?
			 "is of another key, or damaged" : "cannot be opened");
	return ret;
}

int file_store_open(struct file_pad *p, const struct file_where *w, char *err,
		    size_t room)
{
	struct pad_header h;
	struct stat st;
	int ret;

	p->keys = secret_alloc(sizeof(*p->keys));
	if (!p->keys) {
		snprintf(err, room, "out of memory");
		return -ENOMEM;
	}
	ret = read_header(p, w, &h, err, room);
	if (ret)
		return ret;
	p->kind = &store;
	p->begin = PAD_BEGIN;
	p->size = h.size;
	memcpy(p->name, h.name, sizeof(p->name));
	if (fstat(p->fd, &st) || h.size > INT64_MAX - PAD_BEGIN ||
	    (uint64_t)st.st_size < PAD_BEGIN + h.size) {
		snprintf(err, room, "%s is cut off", w->pad);
		return -EINVAL;
	}
	ret = read_place(p);
	if (!ret && p->used > p->size)
		ret = -EBADMSG;
	if (ret)
		/* who knows what was used: fail rather than use it again */
		snprintf(err, room, "%s is damaged: how far it was used is not to be read",
			 w->pad);
	return ret;
}
