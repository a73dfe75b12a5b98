// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whether what waited in the store's file at the start is of an old copy: the
 * KME at the other end of each link is told how far the store is whenever key
 * was given, soon after, and is asked for that at the start.
 *
 *	  start     .- no answer, later again
 *	    |       |
 *	    v       |            as far, or less: what is held is released
 *	  asked ----+--- answer ----------------------------------------> vouched
 *	                         further, or nothing: it is erased        |  ^
 *	                                                       key given, |  |
 *	                                                      some later: v  |
 *	                                                               told -'
 *
 * A peer that was told nothing cannot vouch for anything. Where nothing was held
 * there is nothing to ask.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "desk_priv.h"
#include "tools/common/log.h"

#define SOON	100	/* ms until it is told: all that was given meanwhile */
#define AGAIN	2000	/* ms, after a failure */

static struct store *store_of(const struct desk_link *l)
{
	return l->state->desk->kme->store;
}

static void later(struct desk_link *l, unsigned int ms)
{
	const struct timeval t = {
		.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000,
	};

	if (l->mark && !l->calling && !event_pending(l->mark, EV_TIMEOUT, NULL))
		event_add(l->mark, &t);
}

/* ---- asked ---- */

static void release(struct desk_link *l)
{
	for (unsigned int i = 0; i < l->conf->n_pairs; i++)
		store_release(store_of(l), l->conf->pairs[i].remote);
}

static void forget(struct desk_link *l, const char *why)
{
	uint64_t bytes = store_forget(store_of(l));

	log_err("link %s: KME %s %s: %llu bytes of key that waited in the store are erased, none of it is given",
		l->conf->name, l->conf->peer_kme, why,
		(unsigned long long)bytes);
}

static void judge(struct desk_link *l)
{
	const struct peer_question *q = &l->question;
	struct store_mark own;

	/* another desk may have been first */
	if (!store_mark(store_of(l), &own) || !store_holds(store_of(l)))
		return;
	if (!q->known)
		forget(l, "does not know how far the store was");
	else if (memcmp(q->mark.id, own.id, sizeof(own.id)))
		forget(l, "knows another store of ours, this is an old copy");
	else if (q->mark.count > own.count)
		forget(l, "has seen the store further, this is an old copy");
	else
		release(l);
}

/* What waited for the answer is asked for again, or told that there is none. */
static void resume(struct desk_link *l, int err)
{
	struct takings q = STAILQ_HEAD_INITIALIZER(q);
	struct desk *d = l->state->desk;
	struct taking *t;

	if (l->state != d->now)	/* by other settings it may not be its */
		err = -EIO;
	STAILQ_CONCAT(&q, &l->held);
	while ((t = STAILQ_FIRST(&q))) {
		STAILQ_REMOVE_HEAD(&q, list);
		if (err)
			desk_taken(d, t, err);
		else
			desk_take(d, t);
	}
}

static void on_answer(void *arg, int err)
{
	struct desk_link *l = arg;

	l->calling = false;
	if (!err) {
		judge(l);
		l->vouched = true;
	}
	later(l, err ? AGAIN : SOON);
	resume(l, err ? -EIO : 0);
	desk_state_put(l->state);
}

/* ---- told ---- */

static void on_told(void *arg, int err)
{
	struct desk_link *l = arg;

	l->calling = false;
	if (err)
		l->told = false;
	if (!l->told)
		later(l, err ? AGAIN : SOON);
	desk_state_put(l->state);
}

static int tell(struct desk_link *l, struct peer *peer)
{
	struct store_mark own;
	int err;

	store_mark(store_of(l), &own);
	err = peer_tell(peer, &own, on_told, l);
	l->told = !err;	/* until more is given, or it fails */
	return err;
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct desk_link *l = arg;
	struct peer *peer = desk_peer(l->state, l->conf);
	int err = -ENOTCONN;

	if (l->calling || (l->vouched && l->told))
		return;
	if (peer && l->vouched)
		err = tell(l, peer);
	else if (peer)
		err = peer_ask(peer, &l->question);
	if (err) {
		later(l, AGAIN);
		resume(l, -EIO);
		return;
	}
	l->calling = true;
	l->state->refs++;
}

/* ---- for the desk ---- */

int desk_mark_init(struct desk_state *s)
{
	struct store_mark own;

	if (!s->desk->base || !store_mark(s->desk->kme->store, &own))
		return 0;
	for (unsigned int i = 0; i < s->conf->n_links; i++) {
		struct desk_link *l = &s->links[i];

		if (!l->conf->peer)
			continue;
		l->question.done = on_answer;
		l->question.arg = l;
		l->mark = evtimer_new(s->desk->base, on_time, l);
		if (!l->mark)
			return -ENOMEM;
		l->vouched = !store_holds(store_of(l));
		later(l, l->vouched ? SOON : 0);
	}
	return 0;
}

void desk_mark_exit(struct desk_state *s)
{
	for (unsigned int i = 0; s->links && i < s->conf->n_links; i++) {
		struct desk_link *l = &s->links[i];

		if (!l->mark)
			continue;
		event_free(l->mark);
		l->mark = NULL;
		resume(l, -EIO);
	}
}

bool desk_mark_holds(struct desk_state *s, struct taking *t)
{
	struct store *store = s->desk->kme->store;
	const struct conf_pair *pair = t->pair;
	struct desk_link *l = &s->links[pair->link->index];
	bool held = false;

	if (!store_holds(store))
		return false;
	for (size_t i = 0; i < t->n && !held; i++)
		held = store_is_held(store, &t->want[i].id, pair->remote);
	if (!held)
		return false;
	if (!l->mark) {		/* nobody can vouch for it */
		desk_taken(s->desk, t, -ENOENT);
		return true;
	}
	l->vouched = false;
	STAILQ_INSERT_TAIL(&l->held, t, list);
	if (!l->calling)
		event_active(l->mark, EV_TIMEOUT, 0);
	return true;
}

void desk_mark_moved(struct desk_state *s, const struct conf_link *link)
{
	struct desk_link *l = &s->links[link->index];

	l->told = false;
	later(l, SOON);
}

/* ---- the others' part ---- */

static bool is_peer(const struct conf *conf, const char *kme_id)
{
	for (unsigned int i = 0; i < conf->n_links; i++)
		if (conf->links[i].peer &&
		    !strcmp(conf->links[i].peer_kme, kme_id))
			return true;
	return false;
}

int desk_peer_mark_set(struct desk *d, const char *kme_id,
		       const struct store_mark *m)
{
	if (!is_peer(d->now->conf, kme_id))
		return -EACCES;
	return store_peer_set(d->kme->store, kme_id, m);
}

int desk_peer_mark_get(struct desk *d, const char *kme_id,
		       struct store_mark *m)
{
	if (!is_peer(d->now->conf, kme_id))
		return -EACCES;
	return store_peer_get(d->kme->store, kme_id, m);
}
