// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Key that waits for its SAEs, in memory, and in a file if there is one: what
 * other threads ask for, each under one lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_priv.h"

time_t store_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

struct store *store_new(uint64_t max_memory, unsigned int ttl)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	s->max_memory = max_memory;
	s->ttl = ttl;
	return s;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	for (struct lane *l = s->lanes; l; l = l->next)
		while (l->n)
			store_lane_remove(s, l, l->n - 1);
	store_drop_lanes(s);
	store_peers_free(s);
	seallog_close(s->log);
	if (s->record)
		qkd_wipe(s->record, SEALLOG_RECORD_MAX);
	free(s->record);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- in ---- */

/* Once it is there it stays, and @r is the store's, whatever the file does. */
static int put_locked(struct store *s, const struct qkd_key_range *at,
		      struct range **r)
{
	struct range *put = *r;
	int err = s->log ? store_file_ready(s) : 0;

	if (!err && s->memory + put->memory > s->max_memory)
		err = -ENOSPC;
	if (!err)
		err = store_insert(s, at, put);
	if (err)
		return err;
	*r = NULL;
	return s->log ? store_file_put(s, at, put) : 0;
}

int store_put(struct store *s, const struct qkd_key_id *id, const void *key,
	      const char *master, const char *const *slaves, unsigned int n)
{
	struct qkd_key_range at;
	struct range *r;
	int err;

	if (qkd_key_id_decode(id, &at) || !n || n > STORE_SLAVES_MAX)
		return -EINVAL;
	r = store_range_new(&at, key, master, slaves, n);
	if (!r)
		return -ENOMEM;
	r->expires = store_clock() + s->ttl;
	pthread_mutex_lock(&s->lock);
	err = put_locked(s, &at, &r);
	pthread_mutex_unlock(&s->lock);
	store_range_free(r);
	return err;
}

int store_ready(struct store *s)
{
	int err;

	pthread_mutex_lock(&s->lock);
	err = s->log ? store_file_ready(s) : 0;
	pthread_mutex_unlock(&s->lock);
	return err;
}

int store_has(struct store *s, const struct qkd_key_id *id)
{
	struct qkd_key_range at;
	struct lane *l;
	size_t i;
	int has;

	if (qkd_key_id_decode(id, &at))
		return 0;
	pthread_mutex_lock(&s->lock);
	l = store_lane_find(s, &at);
	has = l && store_lane_range(l, &at, &i);
	pthread_mutex_unlock(&s->lock);
	return has;
}

/* ---- out ---- */

static int find_and_mark(struct store *s, const char *master,
			 const char *slave, const struct qkd_key_id *id,
			 struct found *f)
{
	struct qkd_key_range at;
	struct lane *l;
	size_t i;

	if (qkd_key_id_decode(id, &at))
		return -ENOENT;
	l = store_lane_find(s, &at);
	f->range = l ? store_lane_range(l, &at, &i) : NULL;
	if (!f->range || f->range->held)
		return -ENOENT;
	f->owner = store_owner_of(f->range, master, slave);
	if (!f->owner)
		return -EACCES;
	f->from = at.offset - f->range->offset;
	f->len = at.len;
	if (store_any_gone(f->owner, f->from, f->len))
		return -ENOENT;
	/* bytes that are gone for all are wiped when the last has them: those
	 * of two owners are given one after the other
	 */
	if (f->range->flush == s->flush && f->range->asking != f->owner)
		return -EBUSY;
	f->range->flush = s->flush;
	f->range->asking = f->owner;
	store_set_gone(f->owner, f->from, f->len, true);
	return 0;
}

static void hand_out(struct store *s, const struct found *f, uint8_t *key)
{
	struct range *r = f->range;

	memcpy(key, r->key + f->from, f->len);
	store_wipe_gone(s, r, f->from, f->len);
}

/* Ranges of which nothing is left. @id is of one that was just fetched. */
static void drop_if_done(struct store *s, const struct qkd_key_id *id)
{
	struct qkd_key_range at;
	struct range *r;
	struct lane *l;
	size_t i;

	if (qkd_key_id_decode(id, &at))
		return;
	l = store_lane_find(s, &at);
	r = l ? store_lane_range(l, &at, &i) : NULL;
	if (r && !r->left)
		store_lane_remove(s, l, i);
}

static void unmark(const struct found *found, size_t n)
{
	while (n-- > 0)
		store_set_gone(found[n].owner, found[n].from, found[n].len,
			       false);
}

/* -EBUSY: not with what is asked for already */
static int ask_locked(struct store *s, struct store_ask *a)
{
	int err = 0;
	size_t i;

	for (i = 0; i < a->n && !err; i++)
		err = find_and_mark(s, a->master, a->slave, &a->want[i].id,
				    &a->found[i]);
	if (err)
		i--;	/* that one is not marked */
	else if (s->log)
		err = store_file_fetch(s, a->want, a->found, a->n);
	s->asked += !err;
	if (err)
		unmark(a->found, i);
	return err;
}

static void give_locked(struct store *s, const struct store_ask *a)
{
	for (size_t i = 0; i < a->n; i++)
		hand_out(s, &a->found[i], a->want[i].key);
	for (size_t i = 0; i < a->n; i++)
		drop_if_done(s, &a->want[i].id);
}

/* Those that are -EBUSY, with one flush: true if there are more. */
static bool fetch_locked(struct store *s, struct store_ask *asks, size_t n)
{
	int err = s->log && store_file_ready(s) ? -EIO : 0;
	bool more = false;
	size_t i;

	s->flush++;
	for (i = 0; i < n; i++) {
		struct store_ask *a = &asks[i];

		if (a->err != -EBUSY)
			continue;
		a->flush = s->flush;
		a->err = err ? err : ask_locked(s, a);
		if (a->err == -EBUSY)
			more = true;
		else if (!a->err)
			a->err = -EINPROGRESS;
	}
	if (!err && s->log)
		err = store_file_flush(s);
	s->mark.count += err ? 0 : s->asked;
	s->asked = 0;
	for (i = 0; i < n; i++) {
		struct store_ask *a = &asks[i];

		if (a->err == -EINPROGRESS) {
			a->err = err;
			if (err)
				unmark(a->found, a->n);
			else
				give_locked(s, a);
		} else if (err && a->err == -ENOENT && a->flush == s->flush) {
			/* maybe only since another was to have it, who has not */
			a->err = err;
		}
	}
	return more;
}

void store_fetch_many(struct store *s, struct store_ask *asks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		asks[i].found = calloc(asks[i].n, sizeof(*asks[i].found));
		asks[i].err = asks[i].found ? -EBUSY : -ENOMEM;
	}
	pthread_mutex_lock(&s->lock);
	while (fetch_locked(s, asks, n))
		;
	pthread_mutex_unlock(&s->lock);
	for (size_t i = 0; i < n; i++)
		free(asks[i].found);
}

int store_fetch(struct store *s, const char *master, const char *slave,
		const struct store_want *want, size_t n)
{
	struct store_ask ask = {
		.master = master, .slave = slave, .want = want, .n = n,
	};

	store_fetch_many(s, &ask, 1);
	return ask.err;
}

void store_expire(struct store *s)
{
	time_t now = store_clock();

	pthread_mutex_lock(&s->lock);
	for (struct lane *l = s->lanes; l; l = l->next) {
		for (size_t i = l->n; i-- > 0;) {
			if (l->ranges[i]->expires > now)
				continue;
			s->figures.expired += l->ranges[i]->left;
			store_lane_remove(s, l, i);
		}
	}
	store_drop_lanes(s);
	pthread_mutex_unlock(&s->lock);
}

void store_figures(struct store *s, struct store_figures *f)
{
	pthread_mutex_lock(&s->lock);
	*f = s->figures;
	pthread_mutex_unlock(&s->lock);
}
