// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whether the store's file is an old copy of itself. Nothing in it can tell; so
 * it has a name and counts what was given from it, other KMEs are told how far
 * it is, and what it holds after a start is given only once they are asked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "store_priv.h"

static void new_mark(struct store *s)
{
	s->mark.count = 0;
	/* so few bytes it always gives: getrandom(2) */
	if (getrandom(s->mark.id, STORE_ID_SIZE, 0) != STORE_ID_SIZE)
		abort();
}

void store_mark_init(struct store *s)
{
	static const uint8_t none[STORE_ID_SIZE];

	if (!memcmp(s->mark.id, none, sizeof(none)))
		new_mark(s);
}

bool store_mark(struct store *s, struct store_mark *m)
{
	bool is_kept;

	pthread_mutex_lock(&s->lock);
	is_kept = s->log;
	*m = s->mark;
	pthread_mutex_unlock(&s->lock);
	return is_kept;
}

/* ---- what is held ---- */

bool store_holds(struct store *s)
{
	bool holds;

	pthread_mutex_lock(&s->lock);
	holds = s->held;
	pthread_mutex_unlock(&s->lock);
	return holds;
}

bool store_is_held(struct store *s, const struct qkd_key_id *id,
		   const char *master)
{
	struct qkd_key_range at;
	struct range *r = NULL;
	struct lane *l;
	bool is_held;
	size_t i;

	if (qkd_key_id_decode(id, &at))
		return false;
	pthread_mutex_lock(&s->lock);
	l = s->held ? store_lane_find(s, &at) : NULL;
	if (l)
		r = store_lane_range(l, &at, &i);
	is_held = r && r->held && !strcmp(r->master, master);
	pthread_mutex_unlock(&s->lock);
	return is_held;
}

void store_release(struct store *s, const char *master)
{
	pthread_mutex_lock(&s->lock);
	for (struct lane *l = s->lanes; l; l = l->next) {
		for (size_t i = 0; i < l->n; i++) {
			struct range *r = l->ranges[i];

			if (!r->held || strcmp(r->master, master))
				continue;
			r->held = false;
			s->held--;
		}
	}
	pthread_mutex_unlock(&s->lock);
}

uint64_t store_forget(struct store *s)
{
	uint64_t before;

	pthread_mutex_lock(&s->lock);
	before = s->figures.bytes;
	for (struct lane *l = s->lanes; l; l = l->next)
		for (size_t i = l->n; i-- > 0;)
			if (l->ranges[i]->held)
				store_lane_remove(s, l, i);
	store_drop_lanes(s);
	before -= s->figures.bytes;
	new_mark(s);
	store_file_rewrite(s);	/* a failure is told there, and tried again */
	pthread_mutex_unlock(&s->lock);
	return before;
}

/* ---- others' stores ---- */

static struct peer_mark *peer_find(struct store *s, const char *kme)
{
	struct peer_mark *p = s->peers;

	while (p && strcmp(p->kme, kme))
		p = p->next;
	return p;
}

struct peer_mark *store_peer_make(struct store *s, const char *kme)
{
	struct peer_mark *p = peer_find(s, kme);
	size_t len = strlen(kme) + 1;

	if (p)
		return p;
	p = calloc(1, sizeof(*p) + len);
	if (!p)
		return NULL;
	memcpy(p->kme, kme, len);
	p->next = s->peers;
	s->peers = p;
	return p;
}

void store_peers_free(struct store *s)
{
	struct peer_mark *p;

	while ((p = s->peers)) {
		s->peers = p->next;
		free(p);
	}
}

/* Of one file the furthest counts: what is told last may arrive first. */
static bool is_news(const struct peer_mark *p, const struct store_mark *m)
{
	return memcmp(p->mark.id, m->id, sizeof(m->id)) ||
	       p->mark.count < m->count;
}

int store_peer_set(struct store *s, const char *kme, const struct store_mark *m)
{
	struct peer_mark *p;

	pthread_mutex_lock(&s->lock);
	p = store_peer_make(s, kme);
	if (p && is_news(p, m)) {
		p->mark = *m;
		if (s->log)	/* a failure is told there, and tried again */
			store_file_peer(s, p);
	}
	pthread_mutex_unlock(&s->lock);
	return p ? 0 : -ENOMEM;
}

bool store_peer_get(struct store *s, const char *kme, struct store_mark *m)
{
	struct peer_mark *p;

	pthread_mutex_lock(&s->lock);
	p = peer_find(s, kme);
	if (p)
		*m = p->mark;
	pthread_mutex_unlock(&s->lock);
	return p;
}
