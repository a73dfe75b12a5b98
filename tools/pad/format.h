/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The format of pad stores: a random file that couriers carry, encrypted, with
 * the place up to which it was used. Documentation/formats.rst has the bytes.
 *
 * Pure: no files, the caller's buffers. All of it takes microseconds but
 * pad_crypt(), which does gigabytes a second.
 */
#ifndef _PAD_FORMAT_H
#define _PAD_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#define PAD_MAGIC_SIZE		8
#define PAD_MAC_SIZE		32
#define PAD_NAME_SIZE		16
#define PAD_SALT_SIZE		32
#define PAD_KEY_SIZE		32	/* what an administrator keeps */
/* from the store's first byte on: 96 bytes */
#define PAD_HEADER_SIZE \
	(PAD_MAGIC_SIZE + 8 + PAD_NAME_SIZE + PAD_SALT_SIZE + PAD_MAC_SIZE)
/* 56 bytes */
#define PAD_PLACE_SIZE		(PAD_MAGIC_SIZE + 16 + PAD_MAC_SIZE)
#define PAD_PLACE_AT(count)	((count) & 1 ? 8192 : 4096)
#define PAD_BEGIN		16384	/* of the pad in a store */

/* Of one store, derived; secret. */
struct pad_keys {
	uint8_t cipher[32];
	uint8_t mac[32];
};

/**
 * struct pad_header - what does not change
 * @size: bytes of pad
 * @name: the same in both copies
 * @salt: another in each
 */
struct pad_header {
	uint64_t size;
	uint8_t name[PAD_NAME_SIZE];
	uint8_t salt[PAD_SALT_SIZE];
};

/**
 * struct pad_place - how far a store was used
 * @count: how often that was written; the higher of two counts
 * @used: bytes below were used, or may have been
 */
struct pad_place {
	uint64_t count;
	uint64_t used;
};

/* Whether a file that begins with these PAD_HEADER_SIZE bytes is a store. */
int pad_is_store(const uint8_t *buf);

/* 0 or -EIO, as all of the following: OpenSSL is out of memory. */
int pad_derive(struct pad_keys *keys, const uint8_t key[PAD_KEY_SIZE],
	       const uint8_t salt[PAD_SALT_SIZE]);

int pad_header_put(uint8_t *buf, const struct pad_header *h,
		   const struct pad_keys *keys);
/**
 * pad_header_get - read a store's header, and derive its keys
 * @buf: PAD_HEADER_SIZE bytes
 * @key: the administrator's
 * @h: out
 * @keys: out; the caller's to wipe, also after an error
 *
 * Return: 0, -EINVAL: no store; -EKEYREJECTED: another key, or damaged; -EIO.
 */
int pad_header_get(const uint8_t *buf, const uint8_t key[PAD_KEY_SIZE],
		   struct pad_header *h, struct pad_keys *keys);

int pad_place_put(uint8_t *buf, const struct pad_place *p,
		  const struct pad_keys *keys);
/* -EBADMSG: nobody wrote that, or not to its end. */
int pad_place_get(const uint8_t *buf, const struct pad_keys *keys,
		  struct pad_place *p);

/**
 * pad_place_pick - of the two places written in turn the one that counts
 * @slots: as they are on the disk; one that cannot be read is no older place's
 *	turn: it may have been the newer
 * @keys: of the store
 * @p: out
 *
 * Return: 0 or -EBADMSG: neither is valid.
 */
int pad_place_pick(uint8_t slots[2][PAD_PLACE_SIZE],
		   const struct pad_keys *keys, struct pad_place *p);

/* Encrypts or decrypts @len bytes of the pad from byte @at on, in place. */
int pad_crypt(const struct pad_keys *keys, uint64_t at, void *buf, size_t len);

#endif /* _PAD_FORMAT_H */
