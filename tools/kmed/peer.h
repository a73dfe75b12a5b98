/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Telling the KME at a link's other end whose key is whose, and how far our
 * store is, which it can be asked for later.
 *
 * The first message names ranges of our tx stream and the SAEs they are for; the
 * peer takes them from its pool and keeps them for these. None carries key.
 * Documentation/key-service.rst has the formats, front_kme.c the other side.
 */
#ifndef _KMED_PEER_H
#define _KMED_PEER_H

#include <event2/event.h>
#include <openssl/ssl.h>

#include <qkd/qkd.h>

#include "conf.h"
#include "store.h"

#define PEER_PATH	"/kme/v1/keys"
#define PEER_MARK_PATH	"/kme/v1/mark"

struct peer;

/* @tls is of tls_ctx() for calling. NULL: out of memory, or no address. */
struct peer *peer_new(struct event_base *base, SSL_CTX *tls,
		      const struct conf_link *link);
/* What is under way is done with -ECANCELED. NULL is fine. */
void peer_free(struct peer *p);

/**
 * struct announcement - ranges, and whom they are for
 * @master: SAE of ours that gets this key
 * @slaves: @n_slaves SAEs of the peer's that may fetch it
 * @ids: @n ranges
 * @done: called once, not before peer_announce() returned. 0: the peer holds
 *	them; else a negative errno, and none of it must be used
 */
struct announcement {
	const char *master;
	const char *const *slaves;
	unsigned int n_slaves;
	const struct qkd_key_id *ids;
	unsigned int n;
	void (*done)(void *arg, int err);
	void *arg;
};

/* 0: @done will be called; or a negative errno, and it will not. */
int peer_announce(struct peer *p, const struct announcement *a);

/* The same, of a mark; 0: the peer remembers it. */
int peer_tell(struct peer *p, const struct store_mark *m,
	      void (*done)(void *arg, int err), void *arg);

/**
 * struct peer_question - how far the peer was told that our store is
 * @known: out: whether it was told at all
 * @mark: out, if so
 * @done: called once, not before peer_ask() returned. 0: that was the answer;
 *	else a negative errno
 */
struct peer_question {
	bool known;
	struct store_mark mark;
	void (*done)(void *arg, int err);
	void *arg;
};

/* @q is there until it is done. 0, or a negative errno, and it is not done. */
int peer_ask(struct peer *p, struct peer_question *q);

#endif /* _KMED_PEER_H */
