// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Key that waits for its SAEs, in memory, and in a file if there is one.
 *
 * Ranges are kept by the stream they are of, in ascending order of offset: new
 * ones mostly come at the end, and one is found by bisection. For each SAE
 * that a range is for there is a bitmap of the bytes it was given; a byte is
 * wiped when all of them have it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store.h"
#include "tools/qkdd/log.h"

/* Types of records in the file, Documentation/formats.rst */
#define RECORD_PUT	'P'
#define RECORD_GONE	'G'

#define GONE_SIZE	(QKD_KEY_ID_SIZE + 1)	/* of an entry */
#define REWRITE_SLACK	(1 << 20)	/* bytes of records past their use */

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
	struct seallog *log;	/* NULL: in memory only */
	bool log_failed;	/* was told */
	uint8_t *record;	/* SEALLOG_RECORD_MAX bytes, being made */
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
	seallog_close(s->log);
	if (s->record)
		qkd_wipe(s->record, SEALLOG_RECORD_MAX);
	free(s->record);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Into memory. */
static int insert(struct store *s, const struct qkd_key_range *at,
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

/* Out of memory again, as if it had not been put; the caller frees it. */
static void forget(struct store *s, const struct qkd_key_range *at)
{
	struct lane *l = lane_find(s, at);
	size_t i = lane_seek(l, at->offset);

	s->figures.bytes -= at->len;
	s->figures.ranges--;
	l->n--;
	memmove(l->ranges + i, l->ranges + i + 1,
		(l->n - i) * sizeof(*l->ranges));
}

/* Of these bytes, those that all have. */
static void wipe_gone(struct store *s, struct range *r, uint32_t from,
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

/* ---- the file ---- */

static time_t boot_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

static void put_be(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = v;
}

static uint64_t get_be(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static void id_of(const struct lane *l, uint64_t offset, uint32_t len,
		  struct qkd_key_id *id)
{
	uint8_t generation[QKD_GENERATION_SIZE] = { 0 };

	memcpy(generation, l->tag, sizeof(l->tag));
	qkd_key_id_encode(generation, l->stream, len, offset, id);
}

static uint8_t *put_name(uint8_t *p, const char *name)
{
	size_t len = strlen(name) + 1;

	memcpy(p, name, len);
	return p + len;
}

/* 'P', ID, time of its end, number of slaves, names, key */
static int log_put(struct store *s, const struct lane *l,
		   const struct range *r)
{
	uint8_t *p = s->record;
	struct qkd_key_id id;

	id_of(l, r->offset, r->len, &id);
	*p++ = RECORD_PUT;
	memcpy(p, id.b, sizeof(id.b));
	p += sizeof(id.b);
	put_be(p, time(NULL) + (r->expires - boot_time()));
	p += 8;
	*p++ = r->n_owners;
	p = put_name(p, r->master);
	for (unsigned int i = 0; i < r->n_owners; i++)
		p = put_name(p, r->owners[i].name);
	memcpy(p, r->key, r->len);
	return seallog_append(s->log, s->record, p + r->len - s->record);
}

/* Runs of bytes that an owner has had, each a record. */
static int log_gone(struct store *s, const struct lane *l,
		    const struct range *r, unsigned int owner)
{
	const struct owner *o = &r->owners[owner];
	uint32_t i = 0, from;
	int err = 0;

	while (!err) {
		struct qkd_key_id id;

		while (i < r->len && !is_gone(o, i))
			i++;
		for (from = i; i < r->len && is_gone(o, i); i++)
			;
		if (from == i)
			break;
		id_of(l, r->offset + from, i - from, &id);
		s->record[0] = RECORD_GONE;
		memcpy(s->record + 1, id.b, sizeof(id.b));
		s->record[1 + sizeof(id.b)] = owner;
		err = seallog_append(s->log, s->record, 1 + GONE_SIZE);
	}
	return err;
}

static int emit_all(void *arg)
{
	struct store *s = arg;
	int err = 0;

	for (struct lane *l = s->lanes; l && !err; l = l->next) {
		for (size_t i = 0; i < l->n && !err; i++) {
			struct range *r = l->ranges[i];

			err = log_put(s, l, r);
			for (unsigned int k = 0; k < r->n_owners && !err; k++)
				err = log_gone(s, l, r, k);
		}
	}
	return err;
}

/* Once for each change. */
static int log_tell(struct store *s, int err)
{
	if (err && !s->log_failed)
		log_err("the store cannot be written, key that waits is not given: %s",
			strerror(-err));
	if (!err && s->log_failed)
		log_notice("the store is written again");
	s->log_failed = err;
	return err ? -EIO : 0;
}

/* Where it failed before, all is written anew; it says what memory says. */
static int log_ready(struct store *s)
{
	if (!s->log_failed &&
	    seallog_size(s->log) < REWRITE_SLACK + 4 * s->figures.bytes)
		return 0;
	return log_tell(s, seallog_rewrite(s->log, emit_all, s));
}

static int load_gone(struct store *s, const uint8_t *p, size_t len)
{
	for (; len >= GONE_SIZE; p += GONE_SIZE, len -= GONE_SIZE) {
		struct qkd_key_range at;
		struct qkd_key_id id;
		struct range *r;
		struct lane *l;
		size_t i;

		memcpy(id.b, p, sizeof(id.b));
		if (qkd_key_id_decode(&id, &at))
			return -EBADMSG;
		l = lane_find(s, &at);
		r = l ? lane_range(l, &at, &i) : NULL;
		if (!r)		/* its time was over */
			continue;
		if (p[QKD_KEY_ID_SIZE] >= r->n_owners)
			return -EBADMSG;
		set_gone(&r->owners[p[QKD_KEY_ID_SIZE]],
			 at.offset - r->offset, at.len, true);
		wipe_gone(s, r, at.offset - r->offset, at.len);
		if (!r->left)
			lane_remove(s, l, i);
	}
	return len ? -EBADMSG : 0;
}

static int load_put(struct store *s, const uint8_t *p, size_t len)
{
	const char *names[1 + STORE_SLAVES_MAX];
	const uint8_t *end = p + len;
	struct qkd_key_range at;
	struct qkd_key_id id;
	unsigned int n = 0, n_slaves;
	struct range *r;
	int64_t left;
	int err;

	if (len < sizeof(id.b) + 9)
		return -EBADMSG;
	memcpy(id.b, p, sizeof(id.b));
	left = get_be(p + sizeof(id.b)) - time(NULL);
	n_slaves = p[sizeof(id.b) + 8];
	p += sizeof(id.b) + 9;
	if (qkd_key_id_decode(&id, &at) || !n_slaves ||
	    n_slaves > STORE_SLAVES_MAX)
		return -EBADMSG;
	while (n <= n_slaves) {
		const uint8_t *nul = memchr(p, 0, end - p);

		if (!nul)
			return -EBADMSG;
		names[n++] = (const char *)p;
		p = nul + 1;
	}
	if (end - p != at.len)
		return -EBADMSG;
	if (left <= 0)
		return 0;
	r = range_new(&at, p, names[0], names + 1, n_slaves);
	if (!r)
		return -ENOMEM;
	/* a clock that was set back keeps nothing for longer */
	r->expires = boot_time() + (left < s->ttl ? left : s->ttl);
	err = insert(s, &at, r);
	if (err)
		range_free(r);
	return err;
}

static int load_record(const uint8_t *record, size_t len, void *arg)
{
	switch (record[0]) {
	case RECORD_PUT:
		return load_put(arg, record + 1, len - 1);
	case RECORD_GONE:
		return load_gone(arg, record + 1, len - 1);
	default:
		return -EBADMSG;
	}
}

int store_keep(struct store *s, const char *path,
	       const uint8_t key[SEALLOG_KEY_SIZE], char *err, size_t room)
{
	int e;

	s->record = malloc(SEALLOG_RECORD_MAX);
	if (!s->record) {
		snprintf(err, room, "out of memory");
		return -1;
	}
	s->log = seallog_open(path, key, load_record, s, err, room);
	if (!s->log)
		return -1;
	e = seallog_rewrite(s->log, emit_all, s);
	if (e)
		snprintf(err, room, "%s cannot be written: %s", path,
			 strerror(-e));
	return e ? -1 : 0;
}

int store_sync(struct store *s)
{
	int err = 0;

	pthread_mutex_lock(&s->lock);
	if (s->log)
		err = log_tell(s, seallog_sync(s->log));
	pthread_mutex_unlock(&s->lock);
	return err;
}

/* ---- in ---- */

static int put_locked(struct store *s, const struct qkd_key_range *at,
		      struct range *r)
{
	int err = s->log ? log_ready(s) : 0;

	if (!err)
		err = insert(s, at, r);
	if (err || !s->log)
		return err;
	err = log_tell(s, log_put(s, lane_find(s, at), r));
	if (err)
		forget(s, at);
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
	r = range_new(&at, key, master, slaves, n);
	if (!r)
		return -ENOMEM;
	r->expires = boot_time() + s->ttl;
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
	wipe_gone(s, r, f->from, f->len);
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

/* One record, so that all of it is gone or nothing; on disk on return. */
static int log_fetch(struct store *s, const struct store_want *want,
		     const struct found *found, size_t n)
{
	uint8_t *p = s->record;
	int err;

	if (1 + n * GONE_SIZE > SEALLOG_RECORD_MAX)
		return -EINVAL;
	*p++ = RECORD_GONE;
	for (size_t i = 0; i < n; i++) {
		memcpy(p, want[i].id.b, QKD_KEY_ID_SIZE);
		p += QKD_KEY_ID_SIZE;
		*p++ = found[i].owner - found[i].range->owners;
	}
	err = seallog_append(s->log, s->record, p - s->record);
	if (!err)
		err = seallog_sync(s->log);
	return log_tell(s, err);
}

static int fetch_locked(struct store *s, const char *master,
			const char *slave, const struct store_want *want,
			size_t n, struct found *found)
{
	int err = 0;
	size_t i;

	if (s->log && log_ready(s))
		return -EIO;
	for (i = 0; i < n && !err; i++)
		err = find_and_mark(s, master, slave, &want[i].id, &found[i]);
	if (err)
		i--;	/* that one is not marked */
	else if (s->log)
		err = log_fetch(s, want, found, n);
	if (err) {
		while (i-- > 0)
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
	time_t now = boot_time();

	pthread_mutex_lock(&s->lock);
	for (struct lane *l = s->lanes; l; l = l->next) {
		for (size_t i = l->n; i-- > 0;) {
			if (l->ranges[i]->expires > now)
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
