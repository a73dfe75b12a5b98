// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Key that waits, in memory.
 *
 * Ranges are kept by the stream they are of, in ascending order of offset: new
 * ones mostly come at the end, and one is found by bisection. For each SAE
 * that a range is for there is a bitmap of the bytes it was given; a byte is
 * wiped when all of them have it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_priv.h"

/* ---- ranges ---- */

void store_range_free(struct range *r)
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

/* What malloc() takes to itself is of the order of its least piece. */
static size_t piece(size_t len)
{
	return len + 2 * sizeof(void *);
}

static size_t memory_of(const struct range *r)
{
	size_t n = piece(sizeof(*r) + r->n_owners * sizeof(r->owners[0])) +
		   piece(r->len) + piece(strlen(r->master) + 1) +
		   sizeof(r);	/* in its lane */

	for (unsigned int i = 0; i < r->n_owners; i++)
		n += piece(strlen(r->owners[i].name) + 1) +
		     piece((r->len + 7) / 8);
	return n;
}

struct range *store_range_new(const struct qkd_key_range *at,
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
	r->memory = memory_of(r);
	return r;
fail:
	store_range_free(r);
	return NULL;
}

bool store_is_gone(const struct owner *o, uint32_t i)
{
	return o->gone[i / 8] >> (i % 8) & 1;
}

void store_set_gone(struct owner *o, uint32_t from, uint32_t len, bool gone)
{
	for (uint32_t i = from; i < from + len; i++) {
		o->gone[i / 8] &= ~(1 << (i % 8));
		o->gone[i / 8] |= gone << (i % 8);
	}
}

bool store_any_gone(const struct owner *o, uint32_t from, uint32_t len)
{
	for (uint32_t i = from; i < from + len; i++)
		if (store_is_gone(o, i))
			return true;
	return false;
}

static bool gone_for_all(const struct range *r, uint32_t i)
{
	for (unsigned int k = 0; k < r->n_owners; k++)
		if (!store_is_gone(&r->owners[k], i))
			return false;
	return true;
}

struct owner *store_owner_of(struct range *r, const char *master,
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

struct lane *store_lane_find(struct store *s, const struct qkd_key_range *at)
{
	struct lane *l = s->lanes;

	while (l && (l->stream != at->stream ||
		     memcmp(l->tag, at->tag, sizeof(l->tag))))
		l = l->next;
	return l;
}

static struct lane *lane_get(struct store *s, const struct qkd_key_range *at)
{
	struct lane *l = store_lane_find(s, at);

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

struct range *store_lane_range(const struct lane *l,
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

void store_lane_remove(struct store *s, struct lane *l, size_t i)
{
	struct range *r = l->ranges[i];

	s->memory -= r->memory;
	s->figures.bytes -= r->left;
	s->figures.ranges--;
	s->held -= r->held;
	store_range_free(r);
	l->n--;
	memmove(l->ranges + i, l->ranges + i + 1,
		(l->n - i) * sizeof(*l->ranges));
}

void store_drop_lanes(struct store *s)
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

/* ---- both ---- */

int store_insert(struct store *s, const struct qkd_key_range *at,
		 struct range *r)
{
	struct lane *l;
	size_t i;
	int err;

	l = lane_get(s, at);
	if (!l)
		return -ENOMEM;
	i = lane_seek(l, at->offset);
	if (i < l->n && l->ranges[i]->offset < at->offset + at->len)
		return -EEXIST;
	err = lane_insert(l, i, r);
	if (!err) {
		s->memory += r->memory;
		s->figures.bytes += at->len;
		s->figures.ranges++;
		s->held += r->held;
	}
	return err;
}

void store_wipe_gone(struct store *s, struct range *r, uint32_t from,
		     uint32_t len)
{
	for (uint32_t i = from; i < from + len; i++) {
		if (!gone_for_all(r, i))
			continue;
		qkd_wipe(r->key + i, 1);
		r->left--;
		s->figures.bytes--;
	}
}
