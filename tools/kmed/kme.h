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

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/queue.h>

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
	atomic_ullong accepted_ranges;
	atomic_ullong refused;
	atomic_ullong bad_requests;
	atomic_ullong stream_keys;
	atomic_ullong connections;
	atomic_ullong handshakes_failed;
};

struct kme {
	struct store *store;
	struct kme_figures figures;
};

struct desk;

/**
 * desk_new - a place of service for one thread
 * @kme: what all desks share
 * @conf: settings; a reference is taken. Links need not be there yet
 * @base: the thread's loop, for calls to other KMEs; NULL: none are made, and
 *	links with a peer give no key
 * @tls: for these calls; a reference is taken
 *
 * Return: NULL: out of memory.
 */
struct desk *desk_new(struct kme *kme, struct conf *conf,
		      struct event_base *base, SSL_CTX *tls);
/*
 * Deliveries under way are done with -ECANCELED, so who waits for them must be
 * there still. NULL is fine.
 */
void desk_free(struct desk *desk);
/*
 * From now on by these settings; what is under way goes on by the old ones.
 * -ENOMEM: as before.
 */
int desk_set_conf(struct desk *desk, struct conf *conf, SSL_CTX *tls);
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
 * @more: @n_more further SAEs of the peer's that may fetch the same keys, as
 *	settings have their names; each paired with the same SAE over the link
 * @number: of keys
 * @len: bytes of each
 * @keys: out: @number
 * @bytes: out: what their key pointers point into
 * @done: called once, maybe before desk_get() returns. @err is 0; -EAGAIN: not
 *	enough key; or another errno: the link or the peer's KME cannot give any
 *	now
 */
struct delivery {
	STAILQ_ENTRY(delivery) list;	/* the desk's */
	const struct conf_pair *pair;
	const char **more;
	unsigned int n_more;
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
 * struct taking - key that the pair's remote SAE got as master, all or nothing
 * @pair: whose local SAE asks, as slave
 * @want: @n keys
 * @n: how many
 * @done: called once, maybe before desk_take() returns. @err is 0; -ENOENT: one
 *	is not here, or was fetched; -EACCES: one is for others; -EIO: the link,
 *	the disk, or the peer's KME cannot tell now
 */
struct taking {
	STAILQ_ENTRY(taking) list;	/* the desk's */
	const struct conf_pair *pair;
	const struct store_want *want;
	size_t n;
	void (*done)(struct taking *t, int err);
	void *arg;
};

/* What is asked for in one round of the event loop waits for the disk once. */
void desk_take(struct desk *desk, struct taking *t);

/**
 * desk_accept - another KME tells whose some key is: keep it for them
 * @desk: of this thread
 * @kme_id: of the KME that tells
 * @master: its SAE
 * @slaves: @n_slaves of ours that may fetch it
 * @ids: @n ranges
 *
 * Return: 0: all of it waits in the store now; -EACCES: there is no link with
 * that KME for these SAEs; -ENOENT: a range is not in our pool; -ENOSPC,
 * -ENOMEM, -EIO. Ranges that were taken before a failure are kept.
 */
int desk_accept(struct desk *desk, const char *kme_id, const char *master,
		const char **slaves, unsigned int n_slaves,
		const struct qkd_key_id *ids, unsigned int n);

/*
 * How far another KME's store is, which it tells to be asked for it later. Of
 * those at the other end of a link only: else -EACCES. Get: 1; 0: was not told.
 */
int desk_peer_mark_set(struct desk *desk, const char *kme_id,
		       const struct store_mark *m);
int desk_peer_mark_get(struct desk *desk, const char *kme_id,
		       struct store_mark *m);

#endif /* _KMED_KME_H */
