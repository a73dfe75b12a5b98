// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Key that waits for its SAEs, in memory.
 *
 * Ranges are kept by the stream they are of, in ascending order of offset: new
 * ones mostly come at the end, and one is found by bisection. For each SAE
 * that a range is for there is a bitmap of the bytes it was given; a byte is
 * wiped when all of them have it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store.h"

struct owner {
	char *name;
	uint8_t *gone;	/* a bit a byte */
};

struct range {
	uint64_t offset;
	uint32_t len;
	uint32_t left;	/* bytes not wiped */
	time_t expires;
	char *master;
	uint8_t *key;
	unsigned int n_owners;
	struct owner owners[];
};

/* The ranges of one stream of one generation. */
struct lane {
	struct lane *next;
	uint8_t tag[QKD_KEY_ID_TAG_SIZE];
	uint32_t stream;
	struct range **ranges;
	size_t n, room;
};

struct store {
	pthread_mutex_t lock;	/* protects all below */
	struct lane *lanes;
	uint64_t max_bytes;
	unsigned int ttl;
	struct store_figures figures;
};

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

/* ---- ranges ---- */

static void range_free(struct range *r)
{
	if (!r)
		return;
	for (unsigned int i = 0; i < r->n_owners; i++) {
		free(r->owners[i].name);
		free(r->owners[i].gone);
	}
	if (r->key)
		qkd_wipe(r->key, r->len);
	free(r->key);
	free(r->master);
	free(r);
}

static struct range *range_new(const struct qkd_key_range *at,
			       const void *key, const char *master,
			       const char *const *slaves, unsigned int n)
{
	struct range *r = calloc(1, sizeof(*r) + n * sizeof(r->owners[0]));

	if (!r)
		return NULL;
	r->offset = at->offset;
	r->len = at->len;
	r->left = at->len;
	r->key = malloc(at->len);
	r->master = strdup(master);
	if (!r->key || !r->master)
		goto fail;
	memcpy(r->key, key, at->len);
	for (; r->n_owners < n; r->n_owners++) {
		struct owner *o = &r->owners[r->n_owners];

		o->name = strdup(slaves[r->n_owners]);
		o->gone = calloc((at->len + 7) / 8, 1);
		if (!o->name || !o->gone) {
			free(o->name);
			free(o->gone);
			goto fail;
		}
	}
	return r;
fail:
	range_free(r);
	return NULL;
}

static bool is_gone(const struct owner *o, uint32_t i)
{
	return o->gone[i / 8] >> (i % 8) & 1;
}

static void set_gone(struct owner *o, uint32_t from, uint32_t len, bool gone)
{
	for (uint32_t i = from; i < from + len; i++) {
		o->gone[i / 8] &= ~(1 << (i % 8));
		o->gone[i / 8] |= gone << (i % 8);
	}
}

static bool any_gone(const struct owner *o, uint32_t from, uint32_t len)
{
	for (uint32_t i = from; i < from + len; i++)
		if (is_gone(o, i))
			return true;
	return false;
}

static bool gone_for_all(const struct range *r, uint32_t i)
{
	for (unsigned int k = 0; k < r->n_owners; k++)
		if (!is_gone(&r->owners[k], i))
			return false;
	return true;
}

static struct owner *owner_of(struct range *r, const char *master,
			      const char *slave)
{
	if (strcmp(r->master, master))
		return NULL;
	for (unsigned int i = 0; i < r->n_owners; i++)
		if (!strcmp(r->owners[i].name, slave))
			return &r->owners[i];
	return NULL;
}

/* ---- lanes ---- */

static struct lane *lane_find(struct store *s, const struct qkd_key_range *at)
{
	struct lane *l = s->lanes;

	while (l && (l->stream != at->stream ||
		     memcmp(l->tag, at->tag, sizeof(l->tag))))
		l = l->next;
	return l;
}

static struct lane *lane_get(struct store *s, const struct qkd_key_range *at)
{
	struct lane *l = lane_find(s, at);

	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	memcpy(l->tag, at->tag, sizeof(l->tag));
	l->stream = at->stream;
	l->next = s->lanes;
	s->lanes = l;
	return l;
}

/* The first range that ends behind @offset; may be lane->n. */
static size_t lane_seek(const struct lane *l, uint64_t offset)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct range *r = l->ranges[mid];

		if (r->offset + r->len <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The range that holds all of @at, or NULL. */
static struct range *lane_range(const struct lane *l,
				const struct qkd_key_range *at, size_t *i)
{
	struct range *r;

	*i = lane_seek(l, at->offset);
	if (*i == l->n)
		return NULL;
	r = l->ranges[*i];
	if (at->offset < r->offset ||
	    at->offset + at->len > r->offset + r->len)
		return NULL;
	return r;
}

static int lane_insert(struct lane *l, size_t i, struct range *r)
{
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 16;
		struct range **more = realloc(l->ranges,
					      room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		l->ranges = more;
		l->room = room;
	}
	memmove(l->ranges + i + 1, l->ranges + i,
		(l->n - i) * sizeof(*l->ranges));
	l->ranges[i] = r;
	l->n++;
	return 0;
}

static void lane_remove(struct store *s, struct lane *l, size_t i)
{
	struct range *r = l->ranges[i];

	s->figures.bytes -= r->left;
	s->figures.ranges--;
	range_free(r);
	l->n--;
	memmove(l->ranges + i, l->ranges + i + 1,
		(l->n - i) * sizeof(*l->ranges));
}

/* Streams of generations gone by leave nothing behind. */
static void drop_empty_lanes(struct store *s)
{
	struct lane **p = &s->lanes, *l;

	while ((l = *p)) {
		if (l->n) {
			p = &l->next;
			continue;
		}
		*p = l->next;
		free(l->ranges);
		free(l);
	}
}

void store_free(struct store *s)
{
	if (!s)
		return;
	for (struct lane *l = s->lanes; l; l = l->next)
		while (l->n)
			lane_remove(s, l, l->n - 1);
	drop_empty_lanes(s);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- in ---- */

static int put_locked(struct store *s, const struct qkd_key_range *at,
		      struct range *r)
{
	struct lane *l;
	size_t i;
	int err;

	if (s->figures.bytes + at->len > s->max_bytes)
		return -ENOSPC;
	l = lane_get(s, at);
	if (!l)
		return -ENOMEM;
	i = lane_seek(l, at->offset);
	if (i < l->n && l->ranges[i]->offset < at->offset + at->len)
		return -EEXIST;
	err = lane_insert(l, i, r);
	if (!err) {
		s->figures.bytes += at->len;
		s->figures.ranges++;
	}
	return err;
}

int store_put(struct store *s, const struct qkd_key_id *id, const void *key,
	      const char *master, const char *const *slaves, unsigned int n)
{
	struct qkd_key_range at;
	struct timespec now;
	struct range *r;
	int err;

	if (qkd_key_id_decode(id, &at) || !n || n > STORE_SLAVES_MAX)
		return -EINVAL;
	r = range_new(&at, key, master, slaves, n);
	if (!r)
		return -ENOMEM;
	clock_gettime(CLOCK_BOOTTIME, &now);
	r->expires = now.tv_sec + s->ttl;
	pthread_mutex_lock(&s->lock);
	err = put_locked(s, &at, r);
	pthread_mutex_unlock(&s->lock);
	if (err)
		range_free(r);
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
	l = lane_find(s, &at);
	has = l && lane_range(l, &at, &i);
	pthread_mutex_unlock(&s->lock);
	return has;
}

/* ---- out ---- */

/* Where a wanted key is; marked as gone for its owner. */
struct found {
	struct range *range;
	struct owner *owner;
	uint32_t from;
	uint32_t len;
};

static int find_and_mark(struct store *s, const char *master,
			 const char *slave, const struct qkd_key_id *id,
			 struct found *f)
{
	struct qkd_key_range at;
	struct lane *l;
	size_t i;

	if (qkd_key_id_decode(id, &at))
		return -ENOENT;
	l = lane_find(s, &at);
	f->range = l ? lane_range(l, &at, &i) : NULL;
	if (!f->range)
		return -ENOENT;
	f->owner = owner_of(f->range, master, slave);
	if (!f->owner)
		return -EACCES;
	f->from = at.offset - f->range->offset;
	f->len = at.len;
	if (any_gone(f->owner, f->from, f->len))
		return -ENOENT;
	set_gone(f->owner, f->from, f->len, true);
	return 0;
}

static void hand_out(struct store *s, const struct found *f, uint8_t *key)
{
	struct range *r = f->range;

	memcpy(key, r->key + f->from, f->len);
	for (uint32_t i = f->from; i < f->from + f->len; i++) {
		if (!gone_for_all(r, i))
			continue;
		qkd_wipe(r->key + i, 1);
		r->left--;
		s->figures.bytes--;
	}
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
	l = lane_find(s, &at);
	r = l ? lane_range(l, &at, &i) : NULL;
	if (r && !r->left)
		lane_remove(s, l, i);
}

static int fetch_locked(struct store *s, const char *master,
			const char *slave, const struct store_want *want,
			size_t n, struct found *found)
{
	int err = 0;
	size_t i;

	for (i = 0; i < n && !err; i++)
		err = find_and_mark(s, master, slave, &want[i].id, &found[i]);
	if (err) {
		for (i--; i-- > 0;)
			set_gone(found[i].owner, found[i].from, found[i].len,
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
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	pthread_mutex_lock(&s->lock);
	for (struct lane *l = s->lanes; l; l = l->next) {
		for (size_t i = l->n; i-- > 0;) {
			if (l->ranges[i]->expires > now.tv_sec)
				continue;
			s->figures.expired += l->ranges[i]->left;
			lane_remove(s, l, i);
		}
	}
	drop_empty_lanes(s);
	pthread_mutex_unlock(&s->lock);
}

void store_figures(struct store *s, struct store_figures *f)
{
	pthread_mutex_lock(&s->lock);
	*f = s->figures;
	pthread_mutex_unlock(&s->lock);
}
