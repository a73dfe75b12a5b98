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

struct store *store_new(uint64_t max_bytes, unsigned int ttl)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	s->max_bytes = max_bytes;
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
	seallog_close(s->log);
	if (s->record)
		qkd_wipe(s->record, SEALLOG_RECORD_MAX);
	free(s->record);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- in ---- */

static int put_locked(struct store *s, const struct qkd_key_range *at,
		      struct range *r)
{
	int err = s->log ? store_file_ready(s) : 0;

	if (!err)
		err = store_insert(s, at, r);
	if (err || !s->log)
		return err;
	err = store_file_put(s, at, r);
	if (err)
		store_forget(s, at);
	return err;
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
	err = put_locked(s, &at, r);
	pthread_mutex_unlock(&s->lock);
	if (err)
		store_range_free(r);
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
	if (!f->range)
		return -ENOENT;
	f->owner = store_owner_of(f->range, master, slave);
	if (!f->owner)
		return -EACCES;
	f->from = at.offset - f->range->offset;
	f->len = at.len;
	if (store_any_gone(f->owner, f->from, f->len))
		return -ENOENT;
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

static int fetch_locked(struct store *s, const char *master,
			const char *slave, const struct store_want *want,
			size_t n, struct found *found)
{
	int err = 0;
	size_t i;

	if (s->log && store_file_ready(s))
		return -EIO;
	for (i = 0; i < n && !err; i++)
		err = find_and_mark(s, master, slave, &want[i].id, &found[i]);
	if (err)
		i--;	/* that one is not marked */
	else if (s->log)
		err = store_file_fetch(s, want, found, n);
	if (err) {
		while (i-- > 0)
			store_set_gone(found[i].owner, found[i].from, found[i].len,
				       false);
		return err;
	}
	for (i = 0; i < n; i++)
		hand_out(s, &found[i], want[i].key);
	for (i = 0; i < n; i++)
		drop_if_done(s, &want[i].id);
	return 0;
}

int store_fetch(struct store *s, const char *master, const char *slave,
		const struct store_want *want, size_t n)
{
	struct found *found = calloc(n, sizeof(*found));
	int err;

	if (!found)
		return -ENOMEM;
	pthread_mutex_lock(&s->lock);
	err = fetch_locked(s, master, slave, want, n, found);
	pthread_mutex_unlock(&s->lock);
	free(found);
	return err;
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
