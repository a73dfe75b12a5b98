// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Key that waits for its SAEs: put into the store as other KMEs tell, or as it
 * is asked for, and given from there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "desk_priv.h"

/*
 * Where the peer's KME tells nothing, key is in the link's pool still, and
 * for the one SAE that there can be. What is taken waits in the store in case
 * that another of the keys asked for is missing.
 */
static int keep(struct desk_state *s, const struct conf_link *link,
		const struct qkd_key_id *id, const char *master,
		const char *const *slaves, unsigned int n_slaves)
{
	uint8_t key[QKD_KEY_MAX];
	int n;

	n = store_ready(s->desk->kme->store);
	if (n)
		return n;
	n = desk_source_take(s, link, id, key, sizeof(key));
	if (n == -ENOENT || n == -ESTALE || n == -EALREADY || n == -EINVAL)
		return -ENOENT;
	if (n < 0)
		return -EIO;
	n = store_put(s->desk->kme->store, id, key, master, slaves, n_slaves);
	qkd_wipe(key, sizeof(key));
	return n;
}

void desk_taken(struct desk *d, struct taking *t, int err)
{
	struct kme_figures *f = &d->kme->figures;

	if (!err)
		atomic_fetch_add(&f->dec_keys, t->n);
	else if (err == -ENOENT)
		atomic_fetch_add(&f->dec_not_found, 1);
	t->done(t, err);
}

void desk_commit(struct desk *d)
{
	struct takings q = STAILQ_HEAD_INITIALIZER(q);
	unsigned int n = d->n_takings, i = 0;
	struct store_ask *asks;
	struct taking *t;
	int err;

	if (!n)
		return;
	asks = calloc(n, sizeof(*asks));
	STAILQ_CONCAT(&q, &d->takings);
	d->n_takings = 0;
	STAILQ_FOREACH(t, &q, list) {
		if (asks)
			asks[i++] = (struct store_ask){
				.master = t->pair->remote,
				.slave = t->pair->local,
				.want = t->want,
				.n = t->n,
			};
	}
	if (asks)
		store_fetch_many(d->kme->store, asks, n);
	for (i = 0; (t = STAILQ_FIRST(&q)); i++) {
		STAILQ_REMOVE_HEAD(&q, list);
		err = asks ? asks[i].err : -EIO;
		if (!err)
			desk_mark_moved(d->now, t->pair->link);
		desk_taken(d, t, err);
	}
	free(asks);
}

void desk_on_commit(evutil_socket_t fd, short what, void *arg)
{
	desk_commit(arg);
}

void desk_take(struct desk *d, struct taking *t)
{
	const struct conf_pair *pair = t->pair;
	int err = 0;

	if (desk_mark_holds(d->now, t))
		return;
	for (size_t i = 0; i < t->n && !err && !pair->link->peer; i++)
		if (!store_has(d->kme->store, &t->want[i].id))
			err = keep(d->now, pair->link, &t->want[i].id,
				   pair->remote, &pair->local, 1);
	if (err) {
		desk_taken(d, t, err);
		return;
	}
	STAILQ_INSERT_TAIL(&d->takings, t, list);
	d->n_takings++;
	if (d->commit)	/* behind all that this round of the loop has to do */
		event_active(d->commit, EV_TIMEOUT, 0);
	else
		desk_commit(d);
}

/* Whether the link carries all of these pairs. */
static bool carries(const struct conf *conf, const struct conf_link *link,
		    const char *master, const char **slaves, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct conf_pair *p = conf_pair(conf, slaves[i], master);

		if (!p || p->link != link)
			return false;
	}
	return true;
}

int desk_accept(struct desk *d, const char *kme_id, const char *master,
		const char **slaves, unsigned int n_slaves,
		const struct qkd_key_id *ids, unsigned int n)
{
	const struct conf *conf = d->now->conf;
	const struct conf_link *link = NULL;
	int err = 0;

	for (unsigned int i = 0; i < conf->n_links && !link; i++)
		if (conf->links[i].peer &&
		    !strcmp(conf->links[i].peer_kme, kme_id) &&
		    carries(conf, &conf->links[i], master, slaves, n_slaves))
			link = &conf->links[i];
	if (!link)
		return -EACCES;
	for (unsigned int i = 0; i < n && !err; i++)
		err = keep(d->now, link, &ids[i], master, slaves, n_slaves);
	if (!err)	/* what the caller is told is true after a crash, too */
		err = store_sync(d->kme->store);
	if (!err)
		atomic_fetch_add(&d->kme->figures.accepted_ranges, n);
	return err;
}
