// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Key that waits, in a file: records of what was put and of what is gone, in
 * the order of seallog.c, which seals them. Documentation/formats.rst has them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_priv.h"
#include "tools/common/log.h"

/* Types of records */
#define RECORD_PUT	'P'
#define RECORD_GONE	'G'
#define RECORD_MARK	'M'
#define RECORD_PEER	'K'

#define MARK_SIZE	(STORE_ID_SIZE + 8)

#define GONE_SIZE	(QKD_KEY_ID_SIZE + 1)	/* of an entry */
#define REWRITE_SLACK	(1 << 20)	/* bytes of records past their use */

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
	put_be(p, time(NULL) + (r->expires - store_clock()));
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

		while (i < r->len && !store_is_gone(o, i))
			i++;
		for (from = i; i < r->len && store_is_gone(o, i); i++)
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

static void put_mark(uint8_t *p, const struct store_mark *m)
{
	memcpy(p, m->id, sizeof(m->id));
	put_be(p + sizeof(m->id), m->count);
}

/* 'M', name of the file, what was given: behind it each record of that counts */
static int log_mark(struct store *s)
{
	s->record[0] = RECORD_MARK;
	put_mark(s->record + 1, &s->mark);
	return seallog_append(s->log, s->record, 1 + MARK_SIZE);
}

/* 'K', mark, ID of the KME whose store it is of */
static int log_peer(struct store *s, const struct peer_mark *p)
{
	uint8_t *end = s->record + 1 + MARK_SIZE;

	s->record[0] = RECORD_PEER;
	put_mark(s->record + 1, &p->mark);
	end = put_name(end, p->kme);
	return seallog_append(s->log, s->record, end - s->record);
}

static int emit_all(void *arg)
{
	struct store *s = arg;
	int err = 0;

	for (struct peer_mark *p = s->peers; p && !err; p = p->next)
		err = log_peer(s, p);

	for (struct lane *l = s->lanes; l && !err; l = l->next) {
		for (size_t i = 0; i < l->n && !err; i++) {
			struct range *r = l->ranges[i];

			err = log_put(s, l, r);
			for (unsigned int k = 0; k < r->n_owners && !err; k++)
				err = log_gone(s, l, r, k);
		}
	}
	return err ? err : log_mark(s);
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

int store_file_rewrite(struct store *s)
{
	return log_tell(s, seallog_rewrite(s->log, emit_all, s));
}

int store_file_ready(struct store *s)
{
	if (!s->log_failed &&
	    seallog_size(s->log) < REWRITE_SLACK + 4 * s->memory)
		return 0;
	return store_file_rewrite(s);
}

int store_file_put(struct store *s, const struct qkd_key_range *at,
		   const struct range *r)
{
	return log_tell(s, log_put(s, store_lane_find(s, at), r));
}

int store_file_fetch(struct store *s, const struct store_want *want,
		     const struct found *found, size_t n)
{
	uint8_t *p = s->record;

	if (1 + n * GONE_SIZE > SEALLOG_RECORD_MAX)
		return -EINVAL;
	*p++ = RECORD_GONE;
	for (size_t i = 0; i < n; i++) {
		memcpy(p, want[i].id.b, QKD_KEY_ID_SIZE);
		p += QKD_KEY_ID_SIZE;
		*p++ = found[i].owner - found[i].range->owners;
	}
	return log_tell(s, seallog_append(s->log, s->record, p - s->record));
}

int store_file_peer(struct store *s, const struct peer_mark *p)
{
	int err = store_file_ready(s);

	return err ? err : log_tell(s, log_peer(s, p));
}

int store_file_flush(struct store *s)
{
	return log_tell(s, seallog_sync(s->log));
}

/* ---- reading it again ---- */

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
		l = store_lane_find(s, &at);
		r = l ? store_lane_range(l, &at, &i) : NULL;
		if (!r)		/* its time was over */
			continue;
		if (p[QKD_KEY_ID_SIZE] >= r->n_owners)
			return -EBADMSG;
		store_set_gone(&r->owners[p[QKD_KEY_ID_SIZE]],
			       at.offset - r->offset, at.len, true);
		store_wipe_gone(s, r, at.offset - r->offset, at.len);
		if (!r->left)
			store_lane_remove(s, l, i);
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
	r = store_range_new(&at, p, names[0], names + 1, n_slaves);
	if (!r)
		return -ENOMEM;
	/* a clock that was set back keeps nothing for longer */
	r->expires = store_clock() + (left < s->ttl ? left : s->ttl);
	r->held = true;
	err = store_insert(s, &at, r);
	if (err)
		store_range_free(r);
	return err;
}

static void get_mark(const uint8_t *p, struct store_mark *m)
{
	memcpy(m->id, p, sizeof(m->id));
	m->count = get_be(p + sizeof(m->id));
}

static int load_mark(struct store *s, const uint8_t *p, size_t len)
{
	if (len != MARK_SIZE)
		return -EBADMSG;
	get_mark(p, &s->mark);
	return 0;
}

static int load_peer(struct store *s, const uint8_t *p, size_t len)
{
	struct peer_mark *m;

	if (len <= MARK_SIZE || p[len - 1])
		return -EBADMSG;
	m = store_peer_make(s, (const char *)p + MARK_SIZE);
	if (!m)
		return -ENOMEM;
	get_mark(p, &m->mark);
	return 0;
}

static int load_record(const uint8_t *record, size_t len, void *arg)
{
	struct store *s = arg;

	switch (record[0]) {
	case RECORD_PUT:
		return load_put(s, record + 1, len - 1);
	case RECORD_GONE:
		s->mark.count++;
		return load_gone(s, record + 1, len - 1);
	case RECORD_MARK:
		return load_mark(s, record + 1, len - 1);
	case RECORD_PEER:
		return load_peer(s, record + 1, len - 1);
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
	store_mark_init(s);
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
		err = store_file_flush(s);
	pthread_mutex_unlock(&s->lock);
	return err;
}
