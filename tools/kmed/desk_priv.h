/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of a desk share: desk.c has its settings, desk_source.c the
 * links' sources, desk_get.c fresh key, desk_take.c key that waits, desk_mark.c
 * whether that is of an old copy. Nobody else includes this. All of it is of one
 * thread.
 */
#ifndef _KMED_DESK_PRIV_H
#define _KMED_DESK_PRIV_H

#include <event2/event.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "kme.h"
#include "lease.h"
#include "peer.h"

STAILQ_HEAD(deliveries, delivery);
STAILQ_HEAD(takings, taking);

/* A link's source and its other KME, as this desk has them open. */
struct desk_link {
	struct desk_state *state;
	const struct conf_link *conf;
	const struct key_source_ops *ops;
	struct key_source *src;	/* NULL until needed */
	struct peer *peer;	/* NULL until needed */
	int last_error;		/* that was logged */
	struct event *mark;	/* it is time to ask or to tell; NULL: never */
	struct peer_question question;
	bool calling;		/* asked or told, and no answer yet */
	bool vouched;		/* what waited is no old copy's, or erased */
	bool told;		/* all that was given */
	struct takings held;	/* wait for the answer */
};

/* What is ready for a pair, and who waits for more. */
struct desk_pair {
	struct leases ready;
	struct deliveries waiting;
	bool refilling;
	uint32_t ahead;		/* bytes to take at once */
	uint64_t refilled;	/* when, in ms */
};

/* All that depends on settings; it outlives a reload while in use. */
struct desk_state {
	LIST_ENTRY(desk_state) list;
	struct desk *desk;
	struct conf *conf;
	SSL_CTX *tls;
	struct event *reap;
	unsigned int refs;	/* calls of peers under way, and the desk */
	struct desk_link *links;	/* by the index of conf_link */
	struct desk_pair *pairs;	/* by the index of conf_pair */
};

struct desk {
	struct kme *kme;
	struct event_base *base;
	struct desk_state *now;
	LIST_HEAD(, desk_state) states;
	struct takings takings;	/* of now's pairs */
	unsigned int n_takings;
	struct event *commit;	/* takings are there */
};

/* desk.c */
/* Of a call under way, which had it by refs. */
void desk_state_put(struct desk_state *s);
/* NULL: none can be called. */
struct peer *desk_peer(struct desk_state *s, const struct conf_link *link);

/* desk_source.c: calls of source.h; opened when needed, anew if it was lost */
int desk_source_level(struct desk_state *s, const struct conf_link *link,
		      struct key_level *level);
int desk_source_get(struct desk_state *s, const struct conf_link *link,
		    void *key, uint32_t len, struct qkd_key_id *id);
int desk_source_take(struct desk_state *s, const struct conf_link *link,
		     const struct qkd_key_id *id, void *key, uint32_t room);

/* desk_take.c */
/* What is asked for is answered now. */
void desk_commit(struct desk *d);
void desk_on_commit(evutil_socket_t fd, short what, void *desk);
void desk_taken(struct desk *d, struct taking *t, int err);

/* desk_mark.c */
/* 0 or -ENOMEM. */
int desk_mark_init(struct desk_state *s);
void desk_mark_exit(struct desk_state *s);
/* Whether the taking is of key that is held: then it waits, or is done. */
bool desk_mark_holds(struct desk_state *s, struct taking *t);
/* Something was given, which the link's peer is to know. */
void desk_mark_moved(struct desk_state *s, const struct conf_link *link);

#endif /* _KMED_DESK_PRIV_H */
