/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Key that waits here until the SAEs it is for have fetched it.
 *
 * Key comes in ranges of a peer's tx stream; what is fetched is any part of a
 * range, once by each SAE named. Any thread may call.
 */
#ifndef _KMED_STORE_H
#define _KMED_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <qkd/qkd.h>

#include "seallog.h"

#define STORE_SLAVES_MAX	32	/* SAEs that a range may be for */
#define STORE_ID_SIZE		16

struct store;

struct store_figures {
	uint64_t bytes;		/* of key waiting */
	uint64_t ranges;
	uint64_t expired;	/* bytes that nobody fetched in time */
};

/* How far a store's file is: what was given from it is counted. */
struct store_mark {
	uint8_t id[STORE_ID_SIZE];	/* random, of the file */
	uint64_t count;
};

/*
 * @max_memory: bytes that key may take, with all that is noted of it; @ttl:
 * seconds until what was not fetched is erased.
 */
struct store *store_new(uint64_t max_memory, unsigned int ttl);

/**
 * store_keep - from now on, keep it all in a file as well
 * @s: fresh, nothing put yet
 * @path: of the file, see seallog.h; made if it is not there
 * @key: seals it
 * @err: on failure, what to mend
 * @room: bytes of @err
 *
 * What waited in the file is here again, and held: none of it is given before
 * store_release(). Key is handed out only after the file says, on disk, that it
 * is gone. Return: 0 or -1.
 */
int store_keep(struct store *s, const char *path,
	       const uint8_t key[SEALLOG_KEY_SIZE], char *err, size_t room);
/* What was put is on disk, where there is a file. 0 or -EIO. */
int store_sync(struct store *s);
void store_free(struct store *s);	/* NULL is fine */

/**
 * store_put - keep a range for those it is for
 * @s: the store
 * @id: names the range, whose length is in it
 * @key: its bytes
 * @master: SAE that got the same key at the peer
 * @slaves: @n SAEs that may fetch it here
 *
 * Return: 0; -EEXIST: the range, or a part, is here already; -ENOSPC: full;
 * -ENOMEM; -EINVAL: no key ID, or too many slaves; -EIO: the file failed. If it
 * failed only with this range, that waits in memory, and in the file as soon as
 * it can be written: what was taken from a pool cannot be put back.
 */
int store_put(struct store *s, const struct qkd_key_id *id, const void *key,
	      const char *master, const char *const *slaves, unsigned int n);

/* Before key is taken to be put: whether it could be. 0 or -EIO. */
int store_ready(struct store *s);

/* Whether any of the key of @id is or was in a range that is here. */
int store_has(struct store *s, const struct qkd_key_id *id);

/* What to fetch, and where to put it: as many bytes as the ID says. */
struct store_want {
	struct qkd_key_id id;
	uint8_t *key;
};

/**
 * store_fetch - hand out all or nothing, and forget it
 * @s: the store
 * @master: SAE that got the same key at the peer
 * @slave: SAE that asks
 * @want: @n keys
 * @n: how many
 *
 * Return: 0; -ENOENT: one is not here, or was fetched; -EACCES: one is for
 * others only; -EIO: the file failed. Nothing changes then.
 */
int store_fetch(struct store *s, const char *master, const char *slave,
		const struct store_want *want, size_t n);

/* One call of store_fetch() among several; @err: out, what it returns. */
struct store_ask {
	const char *master;
	const char *slave;
	const struct store_want *want;
	size_t n;
	int err;
	struct found *found;	/* the store's */
	uint64_t flush;		/* likewise: with which it was asked */
};

/**
 * store_fetch_many - as many calls of store_fetch() with one flush of the disk
 * @s: the store
 * @asks: each is all or nothing by itself
 * @n: how many
 */
void store_fetch_many(struct store *s, struct store_ask *asks, size_t n);

/* ---- whether the file is an old copy: others know how far it was ---- */

/* What is on disk for certain; false: there is no file. */
bool store_mark(struct store *s, struct store_mark *m);
/* Whether anything is held. */
bool store_holds(struct store *s);
/* Whether the key of @id is, and is a master's. */
bool store_is_held(struct store *s, const struct qkd_key_id *id,
		   const char *master);
/* The file is no old copy: what is held of a master's key may be given. */
void store_release(struct store *s, const char *master);
/*
 * It is: what is held is erased, and the file is another from now on. Return:
 * bytes erased.
 */
uint64_t store_forget(struct store *s);

/*
 * Another KME tells how far its store is. It is remembered, in the file too if
 * there is one, but not waited for there. 0 or -ENOMEM.
 */
int store_peer_set(struct store *s, const char *kme, const struct store_mark *m);
/* The furthest that it told; false: nothing. */
bool store_peer_get(struct store *s, const char *kme, struct store_mark *m);

/* Erases what waited too long. */
void store_expire(struct store *s);
void store_figures(struct store *s, struct store_figures *f);

#endif /* _KMED_STORE_H */
