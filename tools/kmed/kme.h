/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The core: who may have which key, and its way from a source to an SAE.
 *
 * A desk is one thread's place of service, with its own handles on sources;
 * key that waits is common to all desks. Front ends (front.h) turn what they
 * are asked for into the calls here, and the answers into their protocol.
 */
#ifndef _KMED_KME_H
#define _KMED_KME_H

#include <stdatomic.h>
#include <stdint.h>

#include <qkd/qkd.h>

#include "conf.h"
#include "source.h"
#include "store.h"

/* What was done, for metrics; of all desks. */
struct kme_figures {
	atomic_ullong enc_requests;
	atomic_ullong enc_keys;
	atomic_ullong enc_starved;
	atomic_ullong dec_requests;
	atomic_ullong dec_keys;
	atomic_ullong dec_not_found;
	atomic_ullong refused;
	atomic_ullong bad_requests;
	atomic_ullong connections;
	atomic_ullong handshakes_failed;
};

struct kme {
	struct store *store;
	struct kme_figures figures;
};

struct desk;

/* Holds @conf. NULL: out of memory. Links need not be there yet. */
struct desk *desk_new(struct kme *kme, struct conf *conf);
void desk_free(struct desk *desk);	/* NULL is fine */
/* From now on by these settings. -ENOMEM: as before. */
int desk_set_conf(struct desk *desk, struct conf *conf);
const struct conf *desk_conf(const struct desk *desk);
struct kme *desk_kme(const struct desk *desk);

/* How much key the link of a pair has to give. 0 or a negative errno. */
int desk_level(struct desk *desk, const struct conf_pair *pair,
	       struct key_level *level);

/* A key on its way; @key has as many bytes as its ID says. */
struct kme_key {
	struct qkd_key_id id;
	uint32_t len;
	uint8_t *key;
};

/**
 * struct delivery - fresh key for a pair, as many keys as asked, or none
 * @pair: whose local SAE asks, as master
 * @number: of keys
 * @len: bytes of each
 * @keys: out: @number
 * @bytes: out: what their key pointers point into
 * @done: called once, maybe before desk_get() returns. @err is 0; -EAGAIN: not
 *	enough key; or another errno: the link cannot give any now
 */
struct delivery {
	const struct conf_pair *pair;
	uint32_t number;
	uint32_t len;
	struct kme_key *keys;
	uint8_t *bytes;
	void (*done)(struct delivery *d, int err);
	void *arg;
};

void desk_get(struct desk *desk, struct delivery *d);
/* Wipes and frees what was delivered; not @d itself. */
void delivery_clear(struct delivery *d);

/**
 * desk_take - key that the pair's remote SAE got as master, all or nothing
 * @desk: of this thread
 * @pair: whose local SAE asks, as slave
 * @want: @n keys
 * @n: how many
 *
 * Return: 0; -ENOENT: one is not here, or was fetched; -EACCES: one is for
 * others; -EIO: the link cannot tell now.
 */
int desk_take(struct desk *desk, const struct conf_pair *pair,
	      const struct store_want *want, size_t n);

#endif /* _KMED_KME_H */
