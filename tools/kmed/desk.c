// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One thread's service: fresh key from sources, waiting key from the store.
 *
 * Sources are opened when first needed, and anew when their link was deleted
 * and made again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kme.h"
#include "tools/qkdd/log.h"

/* A link's source, as this desk has it open. */
struct desk_link {
	const struct key_source_ops *ops;
	struct key_source *src;	/* NULL until needed */
	int last_error;		/* that was logged */
};

struct desk {
	struct kme *kme;
	struct conf *conf;
	struct desk_link *links;	/* by the index of conf_link */
};

static struct desk_link *links_new(const struct conf *conf)
{
	struct desk_link *links = calloc(conf->n_links, sizeof(*links));

	for (unsigned int i = 0; links && i < conf->n_links; i++)
		links[i].ops = source_find(conf->links[i].source);
	return links;
}

static void links_free(struct desk_link *links, unsigned int n)
{
	for (unsigned int i = 0; links && i < n; i++)
		if (links[i].src)
			links[i].ops->close(links[i].src);
	free(links);
}

struct desk *desk_new(struct kme *kme, struct conf *conf)
{
	struct desk *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->kme = kme;
	d->links = links_new(conf);
	if (!d->links) {
		free(d);
		return NULL;
	}
	d->conf = conf_hold(conf);
	return d;
}

void desk_free(struct desk *d)
{
	if (!d)
		return;
	links_free(d->links, d->conf->n_links);
	conf_put(d->conf);
	free(d);
}

int desk_set_conf(struct desk *d, struct conf *conf)
{
	struct desk_link *links = links_new(conf);

	if (!links)
		return -ENOMEM;
	links_free(d->links, d->conf->n_links);
	conf_put(d->conf);
	d->links = links;
	d->conf = conf_hold(conf);
	return 0;
}

const struct conf *desk_conf(const struct desk *d)
{
	return d->conf;
}

struct kme *desk_kme(const struct desk *d)
{
	return d->kme;
}

/* ---- sources ---- */

/* Once for each change, not for each request. */
static void tell(struct desk_link *l, const struct conf_link *link, int err)
{
	if (err && err != l->last_error)
		log_warn("link %s: %s", link->name, qkd_error());
	if (!err && l->last_error)
		log_notice("link %s: serves again", link->name);
	l->last_error = err;
}

static struct desk_link *open_link(struct desk *d,
				   const struct conf_link *link, int *err)
{
	struct desk_link *l = &d->links[link->index];

	*err = 0;
	if (l->src)
		return l;
	*err = l->ops->open(&l->src, link->name);
	tell(l, link, *err);
	return *err ? NULL : l;
}

/* Whether to open anew and try again: the link was deleted, perhaps remade. */
static bool is_lost(struct desk_link *l, int err)
{
	if (err != -ENODEV)
		return false;
	l->ops->close(l->src);
	l->src = NULL;
	return true;
}

int desk_level(struct desk *d, const struct conf_pair *pair,
	       struct key_level *level)
{
	int err, tries = 2;

	do {
		struct desk_link *l = open_link(d, pair->link, &err);

		if (!l)
			return err;
		err = l->ops->level(l->src, level);
		if (!is_lost(l, err))
			return err;
	} while (--tries);
	return err;
}

/* ---- fresh key ---- */

static int source_get(struct desk *d, const struct conf_link *link, void *key,
		      uint32_t len, struct qkd_key_id *id)
{
	int err, tries = 2;

	do {
		struct desk_link *l = open_link(d, link, &err);

		if (!l)
			return err;
		err = l->ops->get(l->src, key, len, id);
		if (err != -EAGAIN)
			tell(l, link, err);
		if (!is_lost(l, err))
			return err;
	} while (--tries);
	return err;
}

/* The ID of @len bytes at @from within the range that @whole names. */
static void part_id(const struct qkd_key_id *whole, uint32_t from,
		    uint32_t len, struct qkd_key_id *id)
{
	uint8_t generation[QKD_GENERATION_SIZE] = { 0 };
	struct qkd_key_range at;

	qkd_key_id_decode(whole, &at);
	memcpy(generation, at.tag, sizeof(at.tag));
	qkd_key_id_encode(generation, at.stream, len, at.offset + from, id);
}

/* As many keys from @first on as one range may hold. Returns how many. */
static int get_piece(struct desk *desk, struct delivery *d, uint32_t first)
{
	uint32_t n = QKD_KEY_MAX / d->len;
	struct qkd_key_id whole;
	int err;

	if (n > d->number - first)
		n = d->number - first;
	err = source_get(desk, d->pair->link, d->bytes + first * d->len,
			 n * d->len, &whole);
	if (err)
		return err;
	for (uint32_t i = 0; i < n; i++) {
		struct kme_key *k = &d->keys[first + i];

		k->len = d->len;
		k->key = d->bytes + (first + i) * d->len;
		part_id(&whole, i * d->len, d->len, &k->id);
	}
	return n;
}

static int get_all(struct desk *desk, struct delivery *d)
{
	struct key_level level;
	int n;

	/* Not to spend what would be too little. */
	if (d->number > QKD_KEY_MAX / d->len) {
		n = desk_level(desk, d->pair, &level);
		if (n)
			return n;
		if (level.bytes < (uint64_t)d->number * d->len)
			return -EAGAIN;
	}
	for (uint32_t i = 0; i < d->number; i += n) {
		n = get_piece(desk, d, i);
		if (n < 0)
			return n;
	}
	return 0;
}

void desk_get(struct desk *desk, struct delivery *d)
{
	struct kme_figures *f = &desk->kme->figures;
	int err = -ENOMEM;

	d->keys = calloc(d->number, sizeof(*d->keys));
	d->bytes = calloc(d->number, d->len);
	if (d->keys && d->bytes)
		err = get_all(desk, d);
	if (err) {
		delivery_clear(d);
		if (err == -EAGAIN)
			atomic_fetch_add(&f->enc_starved, 1);
	} else {
		atomic_fetch_add(&f->enc_keys, d->number);
	}
	d->done(d, err);
}

void delivery_clear(struct delivery *d)
{
	if (d->bytes)
		qkd_wipe(d->bytes, (size_t)d->number * d->len);
	free(d->bytes);
	free(d->keys);
	d->bytes = NULL;
	d->keys = NULL;
}

/* ---- waiting key ---- */

static int source_take(struct desk *d, const struct conf_link *link,
		       const struct qkd_key_id *id, void *key, uint32_t room)
{
	int n, tries = 2;

	do {
		struct desk_link *l = open_link(d, link, &n);

		if (!l)
			return n;
		n = l->ops->take(l->src, id, key, room);
		if (!is_lost(l, n))
			return n;
	} while (--tries);
	return n;
}

/*
 * Where the peer's KME tells nothing, key is in the link's pool still, and
 * for the one SAE that there can be. What is taken waits in the store in case
 * that another of the keys asked for is missing.
 */
static int fill_store(struct desk *d, const struct conf_pair *pair,
		      const struct qkd_key_id *id)
{
	uint8_t key[QKD_KEY_MAX];
	int n;

	if (store_has(d->kme->store, id))
		return 0;
	n = source_take(d, pair->link, id, key, sizeof(key));
	if (n == -ENOENT || n == -ESTALE || n == -EALREADY || n == -EINVAL)
		return -ENOENT;
	if (n < 0)
		return -EIO;
	n = store_put(d->kme->store, id, key, pair->remote, &pair->local, 1);
	qkd_wipe(key, sizeof(key));
	return n;
}

int desk_take(struct desk *d, const struct conf_pair *pair,
	      const struct store_want *want, size_t n)
{
	struct kme_figures *f = &d->kme->figures;
	int err = 0;

	for (size_t i = 0; i < n && !err && !pair->link->peer; i++)
		err = fill_store(d, pair, &want[i].id);
	if (!err)
		err = store_fetch(d->kme->store, pair->remote, pair->local,
				  want, n);
	if (!err)
		atomic_fetch_add(&f->dec_keys, n);
	else if (err == -ENOENT)
		atomic_fetch_add(&f->dec_not_found, 1);
	return err;
}
