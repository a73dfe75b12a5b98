/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the store share: store.c is the outside, store_range.c
 * key in memory, store_file.c the same on disk, store_mark.c how far that is.
 * Nobody else includes this.
 * All that is declared here is called under the store's lock.
 */
#ifndef _KMED_STORE_PRIV_H
#define _KMED_STORE_PRIV_H

#include <pthread.h>
#include <stdbool.h>
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
	uint32_t memory;	/* bytes that all of this takes */
	time_t expires;
	bool held;		/* was in the file */
	char *master;
	uint8_t *key;
	uint64_t flush;		/* of the store, when it was last asked for */
	struct owner *asking;	/* for whom then */
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

/* How far another KME's store was. */
struct peer_mark {
	struct peer_mark *next;
	struct store_mark mark;
	char kme[];
};

struct store {
	pthread_mutex_t lock;	/* protects all below */
	struct lane *lanes;
	uint64_t memory;	/* bytes that ranges take */
	uint64_t max_memory;
	unsigned int ttl;
	struct store_figures figures;
	uint64_t flush;		/* counts them */
	uint64_t held;		/* ranges */
	struct store_mark mark;	/* of the file; all of it is on disk */
	uint64_t asked;		/* records since, which are not yet */
	struct peer_mark *peers;
	struct seallog *log;	/* NULL: in memory only */
	bool log_failed;	/* was told */
	uint8_t *record;	/* SEALLOG_RECORD_MAX bytes, being made */
};

/* Where a wanted key is; marked as gone for its owner. */
struct found {
	struct range *range;
	struct owner *owner;
	uint32_t from;
	uint32_t len;
};

/* store.c */
/* s, which nobody can set */
time_t store_clock(void);

/* store_range.c */
/* Copies all it is given; NULL without memory. Without @expires yet. */
struct range *store_range_new(const struct qkd_key_range *at, const void *key,
			      const char *master, const char *const *slaves,
			      unsigned int n);
void store_range_free(struct range *r);
struct owner *store_owner_of(struct range *r, const char *master,
			     const char *slave);
/* Bytes are counted from the range's first. */
bool store_is_gone(const struct owner *o, uint32_t i);
bool store_any_gone(const struct owner *o, uint32_t from, uint32_t len);
void store_set_gone(struct owner *o, uint32_t from, uint32_t len, bool gone);
/* Of these bytes, those that all have. */
void store_wipe_gone(struct store *s, struct range *r, uint32_t from,
		     uint32_t len);
/* NULL: nothing of that stream is here. */
struct lane *store_lane_find(struct store *s, const struct qkd_key_range *at);
/* The range that holds all of @at, the @i-th, or NULL. */
struct range *store_lane_range(const struct lane *l,
			       const struct qkd_key_range *at, size_t *i);
/* Frees the range. */
void store_lane_remove(struct store *s, struct lane *l, size_t i);
/* Streams of generations gone by leave nothing behind. */
void store_drop_lanes(struct store *s);
/* Return: 0, -EEXIST or -ENOMEM. */
int store_insert(struct store *s, const struct qkd_key_range *at,
		 struct range *r);

/* store_file.c: with @s->log; 0 or -EIO, which the log was told of */
/* Where it failed before, all is written anew; it says what memory says. */
int store_file_ready(struct store *s);
int store_file_rewrite(struct store *s);
int store_file_put(struct store *s, const struct qkd_key_range *at,
		   const struct range *r);
/* One record, so that all of it is gone or nothing; not on disk yet. */
int store_file_fetch(struct store *s, const struct store_want *want,
		     const struct found *found, size_t n);
/* All that was written before is on disk. */
int store_file_flush(struct store *s);
/* Not on disk yet. */
int store_file_peer(struct store *s, const struct peer_mark *p);

/* store_mark.c */
/* A file that has no name of its own yet gets one. */
void store_mark_init(struct store *s);
/* NULL without memory; the mark is to be set. */
struct peer_mark *store_peer_make(struct store *s, const char *kme);
void store_peers_free(struct store *s);

#endif /* _KMED_STORE_PRIV_H */
