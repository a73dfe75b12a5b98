/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The secret that authenticates the classical channel, kept on disk.
 *
 * Two streams of one-time mask key, one a direction, named by offset; and the
 * hash keys that live as long as the store. It begins as the pre-shared
 * secret and is replenished from key made. Whatever happens - kill, crash,
 * power, a disk restored from a backup - no position of a stream is used
 * twice: positions are durably given up before they are used, in whole units,
 * and the peer remembers, in the same units, what it has seen. See
 * Documentation/formats.rst. Tags are computed elsewhere (record.c).
 */
#ifndef _QKDD_AUTH_H
#define _QKDD_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define AUTH_MASK_SIZE	16	/* bytes of a stream that one tag takes */
#define AUTH_HASH_SIZE	16	/* bytes of a direction's hash key */
#define AUTH_PRF_SIZE	32	/* bytes of the key of the masks' second layer */
#define AUTH_UNIT	1024	/* positions are given up in units of this */
#define AUTH_CAPACITY	(256 << 10)	/* bytes of each stream's ring */

#define AUTH_SECRETS	(2 * AUTH_HASH_SIZE + AUTH_PRF_SIZE)
/* A secret shorter than this would not last for a first meeting. */
#define AUTH_PSK_MIN	(AUTH_SECRETS + 2 * 4 * AUTH_UNIT)
#define AUTH_PSK_MAX	(AUTH_SECRETS + 2 * AUTH_CAPACITY)

/**
 * struct auth_disk - how the store reaches its disk; files are numbered by it
 * @read: as pread(2), all of it or a negative errno
 * @write: as pwrite(2), all of it or a negative errno
 * @sync: what was written before is durable afterwards; or a negative errno
 * @ctx: for these
 *
 * There to be replaced by tests, which cut the power between any two calls.
 */
struct auth_disk {
	int (*read)(void *ctx, void *buf, size_t len, off_t at);
	int (*write)(void *ctx, const void *buf, size_t len, off_t at);
	int (*sync)(void *ctx);
	void *ctx;
};

#define AUTH_FILE_SIZE	(2 * 4096 + 2 * (off_t)AUTH_CAPACITY)

struct auth_store;

/**
 * auth_format - make a store from a pre-shared secret
 * @disk: of AUTH_FILE_SIZE bytes, durable once this returns 0
 * @psk: the secret, the same at both ends
 * @len: AUTH_PSK_MIN to AUTH_PSK_MAX bytes
 * @lower: this node's ID sorts first
 *
 * Return: 0, -EINVAL for a bad length, or the disk's error.
 */
int auth_format(const struct auth_disk *disk, const void *psk, size_t len,
		bool lower);

/**
 * auth_load - open a store
 * @store: out
 * @disk: copied; must outlive the store
 * @lower: this node's ID sorts first
 *
 * Return: 0; -EBADMSG: no store, or damaged; -EINVAL: made for the other end;
 * -ENOMEM; or the disk's error.
 */
int auth_load(struct auth_store **store, const struct auth_disk *disk,
	      bool lower);
/* Erases it from memory; NULL is fine. */
void auth_free(struct auth_store *s);

/* SHA-256 of the secret the store was made from, to tell secrets apart. */
const uint8_t *auth_fingerprint(const struct auth_store *s);
void auth_psk_fingerprint(const void *psk, size_t len, uint8_t fp[32]);

/* Hash key of the messages we send, or of those we receive. */
const uint8_t *auth_hash_key(const struct auth_store *s, bool tx);
const uint8_t *auth_prf_key(const struct auth_store *s);

/**
 * struct auth_marks - where a store stands, told to the peer
 * @tx_reserved: positions of our stream below may have been used; durable
 * @rx_reserved: positions of the peer's stream below may have been seen
 * @head: behind the last byte of both streams
 * @stamp: names what was appended last; 0 when nothing was
 */
struct auth_marks {
	uint64_t tx_reserved;
	uint64_t rx_reserved;
	uint64_t head;
	uint64_t stamp;
};

void auth_marks(const struct auth_store *s, struct auth_marks *m);
/* Bytes left to send with. */
uint64_t auth_tx_left(const struct auth_store *s);
/* Bytes left of the scarcer stream, of what is confirmed. */
uint64_t auth_left(const struct auth_store *s);
/* Bytes that an append of both streams together could have now. */
uint64_t auth_room(const struct auth_store *s);

/**
 * auth_settle - before anything is sent: compare with the peer's marks
 * @s: the store
 * @peer: what the peer told, not yet authenticated
 *
 * Skips what the peer may have seen already. Changes nothing durable.
 *
 * Return: 0; -ESTALE: the peer has seen positions this store thinks unused,
 * so it is an old copy; -EREMOTE: the peer's is.
 */
int auth_settle(struct auth_store *s, const struct auth_marks *peer);

/**
 * auth_agree - once the peer's marks are authenticated: drop what only one has
 * @s: the store
 * @peer: its marks
 *
 * What both hold is confirmed afterwards, durably. Return: 0, -ESTALE or
 * -EREMOTE as above, or the disk's error.
 */
int auth_agree(struct auth_store *s, const struct auth_marks *peer);

/* Reserve now what the next auth_tx() would, so that marks tell of it. */
int auth_prepare(struct auth_store *s);

/**
 * auth_tx - take the next mask to send with
 * @s: the store
 * @offset: out: its position
 * @mask: out: AUTH_MASK_SIZE bytes
 *
 * Return: 0; -ENOKEY: the store is empty; -EIO: it cannot be made durable any
 * more, and gives nothing until it is loaded again.
 */
int auth_tx(struct auth_store *s, uint64_t *offset, uint8_t *mask);

/**
 * auth_rx_peek - look at the mask that the peer says it used
 * @s: the store
 * @offset: its position, not below any that was accepted before
 * @mask: out
 *
 * Return: 0; -EALREADY: at or below one accepted before, a replay; -ENOKEY:
 * not here; -EINVAL: not a position of a mask.
 */
int auth_rx_peek(const struct auth_store *s, uint64_t offset, uint8_t *mask);

/* The message was right: never accept it, or one before it, again. 0 or -EIO. */
int auth_rx_accept(struct auth_store *s, uint64_t offset);

/**
 * auth_append - add key to both streams, not to be used before auth_confirm()
 * @s: the store
 * @head: where the peer appends it as well, auth_marks.head of both
 * @key: first half for the stream of the node whose ID sorts first
 * @len: a multiple of 2 * AUTH_UNIT
 * @stamp: names it, not 0, the same at the peer
 *
 * Return: 0 and durable; -EAGAIN: no room; -EBUSY: the last is not confirmed
 * yet; -ESTALE: @head is not where the store ends; -EINVAL; or -EIO.
 */
int auth_append(struct auth_store *s, uint64_t head, const void *key,
		size_t len, uint64_t stamp);

/* The peer holds what was appended last. 0 or -EIO. */
int auth_confirm(struct auth_store *s);

#endif /* _QKDD_AUTH_H */
