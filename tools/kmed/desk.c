// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One thread's service: fresh key from sources, waiting key from the store.
 *
 * Where settings name a link's other KME, fresh key is given only after that
 * one holds it for the SAE it is for. Not to wait for that with each request,
 * key is taken and announced ahead, in ranges, for a pair that asks often:
 *
 *	source --get--> range --announce--> ready --cut--> keys
 *	                  '-- refused, no answer: wiped
 *
 * A pair that asks seldom has no more taken than it asks for. Sources are
 * opened when first needed, and anew when their link was deleted and made
 * again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kme.h"
#include "lease.h"
#include "peer.h"
#include "tools/common/log.h"

#define AHEAD_MAX	65536	/* bytes announced at once ahead of demand */
#define OFTEN		500	/* ms between refills of who asks often */

STAILQ_HEAD(deliveries, delivery);
STAILQ_HEAD(takings, taking);

/* A link's source and its other KME, as this desk has them open. */
struct desk_link {
	const struct key_source_ops *ops;
	struct key_source *src;	/* NULL until needed */
	struct peer *peer;	/* NULL until needed */
	int last_error;		/* that was logged */
};

/* What is ready for a pair, and who waits for more. */
struct desk_pair {
	struct leases ready;
	struct deliveries waiting;
	bool refilling;
	uint32_t ahead;		/* bytes to take at once */
	uint64_t refilled;	/* when, in ms */
};

static void commit(struct desk *d);
static void on_commit(evutil_socket_t fd, short what, void *arg);

/* All that depends on settings; it outlives a reload while in use. */
struct state {
	LIST_ENTRY(state) list;
	struct desk *desk;
	struct conf *conf;
	SSL_CTX *tls;
	struct event *reap;
	unsigned int refs;	/* announcements under way, and the desk */
	struct desk_link *links;	/* by the index of conf_link */
	struct desk_pair *pairs;	/* by the index of conf_pair */
};

struct desk {
	struct kme *kme;
	struct event_base *base;
	struct state *now;
	LIST_HEAD(, state) states;
	struct takings takings;	/* of now's pairs */
	unsigned int n_takings;
	struct event *commit;	/* takings are there */
};

/* ---- settings ---- */

static void state_free(struct state *s)
{
	LIST_REMOVE(s, list);
	for (unsigned int i = 0; s->links && i < s->conf->n_links; i++) {
		peer_free(s->links[i].peer);
		if (s->links[i].src)
			s->links[i].ops->close(s->links[i].src);
	}
	for (unsigned int i = 0; s->pairs && i < s->conf->n_pairs; i++)
		leases_clear(&s->pairs[i].ready);
	free(s->links);
	free(s->pairs);
	if (s->reap)
		event_free(s->reap);
	SSL_CTX_free(s->tls);
	conf_put(s->conf);
	free(s);
}

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
	state_free(arg);
}

/* The last one may be inside of a callback that the state's peers made. */
static void state_put(struct state *s)
{
	if (--s->refs)
		return;
	if (s->reap)
		event_active(s->reap, EV_TIMEOUT, 0);
	else
		state_free(s);
}

static struct state *state_new(struct desk *d, struct conf *conf, SSL_CTX *tls)
{
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->desk = d;
	s->refs = 1;
	s->conf = conf_hold(conf);
	if (tls)
		SSL_CTX_up_ref(tls);
	s->tls = tls;
	LIST_INSERT_HEAD(&d->states, s, list);
	s->reap = d->base ? event_new(d->base, -1, 0, on_reap, s) : NULL;
	s->links = calloc(conf->n_links, sizeof(*s->links));
	s->pairs = calloc(conf->n_pairs, sizeof(*s->pairs));
	if (!s->links || !s->pairs || (d->base && !s->reap)) {
		state_free(s);
		return NULL;
	}
	for (unsigned int i = 0; i < conf->n_links; i++)
		s->links[i].ops = source_find(conf->links[i].source);
	for (unsigned int i = 0; i < conf->n_pairs; i++) {
		STAILQ_INIT(&s->pairs[i].ready);
		STAILQ_INIT(&s->pairs[i].waiting);
	}
	return s;
}

struct desk *desk_new(struct kme *kme, struct conf *conf,
		      struct event_base *base, SSL_CTX *tls)
{
	struct desk *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->kme = kme;
	d->base = base;
	LIST_INIT(&d->states);
	STAILQ_INIT(&d->takings);
	d->commit = base ? event_new(base, -1, 0, on_commit, d) : NULL;
	d->now = state_new(d, conf, tls);
	if (d->now && (d->commit || !base))
		return d;
	desk_free(d);
	return NULL;
}

/* Ends the announcements, and with them all references but the desk's. */
static void drop_peers(struct state *s)
{
	for (unsigned int i = 0; i < s->conf->n_links; i++) {
		struct peer *p = s->links[i].peer;

		s->links[i].peer = NULL;
		peer_free(p);
	}
}

void desk_free(struct desk *d)
{
	struct state *s;

	if (!d)
		return;
	commit(d);
	if (d->commit)
		event_free(d->commit);
	while ((s = LIST_FIRST(&d->states))) {
		s->refs++;	/* not to be reaped meanwhile */
		drop_peers(s);
		state_free(s);
	}
	free(d);
}

int desk_set_conf(struct desk *d, struct conf *conf, SSL_CTX *tls)
{
	struct state *s = state_new(d, conf, tls);

	if (!s)
		return -ENOMEM;
	commit(d);	/* the pairs of what waits are the old settings' */
	state_put(d->now);
	d->now = s;
	return 0;
}

const struct conf *desk_conf(const struct desk *d)
{
	return d->now->conf;
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

static struct desk_link *open_link(struct state *s,
				   const struct conf_link *link, int *err)
{
	struct desk_link *l = &s->links[link->index];

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

static int source_level(struct state *s, const struct conf_link *link,
			struct key_level *level)
{
	int err, tries = 2;

	do {
		struct desk_link *l = open_link(s, link, &err);

		if (!l)
			return err;
		err = l->ops->level(l->src, level);
		if (!is_lost(l, err))
			return err;
	} while (--tries);
	return err;
}

static int source_get(struct state *s, const struct conf_link *link, void *key,
		      uint32_t len, struct qkd_key_id *id)
{
	int err, tries = 2;

	do {
		struct desk_link *l = open_link(s, link, &err);

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

static int source_take(struct state *s, const struct conf_link *link,
		       const struct qkd_key_id *id, void *key, uint32_t room)
{
	int n, tries = 2;

	do {
		struct desk_link *l = open_link(s, link, &n);

		if (!l)
			return n;
		n = l->ops->take(l->src, id, key, room);
		if (!is_lost(l, n))
			return n;
	} while (--tries);
	return n;
}

int desk_level(struct desk *d, const struct conf_pair *pair,
	       struct key_level *level)
{
	const struct desk_pair *dp = &d->now->pairs[pair->index];
	const struct lease *l;
	int err;

	err = source_level(d->now, pair->link, level);
	if (err)
		return err;
	STAILQ_FOREACH(l, &dp->ready, list)
		level->bytes += l->len - l->from;
	return 0;
}

/* ---- ranges ---- */

static int take_range(struct state *s, const struct conf_link *link,
		      uint32_t len, struct leases *q)
{
	struct lease *l = lease_new(len);
	int err;

	if (!l)
		return -ENOMEM;
	err = source_get(s, link, l->key, len, &l->id);
	if (err)
		lease_free(l);
	else
		STAILQ_INSERT_TAIL(q, l, list);
	return err;
}

/* Ranges for @number keys of @len bytes, none across two; or none at all. */
static int take_ranges(struct state *s, const struct conf_link *link,
		       uint32_t number, uint32_t len, struct leases *q)
{
	uint32_t most = QKD_KEY_MAX / len;
	struct key_level level;
	int err = 0;

	/* not to spend what would be too little */
	if (number > most) {
		err = source_level(s, link, &level);
		if (!err && level.bytes < (uint64_t)number * len)
			err = -EAGAIN;
	}
	while (number && !err) {
		uint32_t n = number < most ? number : most;

		err = take_range(s, link, n * len, q);
		number -= n;
	}
	if (err)
		leases_clear(q);
	return err;
}

/* ---- deliveries ---- */

static void complete(struct desk *desk, struct delivery *d, struct leases *q,
		     int err)
{
	struct kme_figures *f = &desk->kme->figures;

	if (!err) {
		d->keys = calloc(d->number, sizeof(*d->keys));
		d->bytes = calloc(d->number, d->len);
		if (!d->keys || !d->bytes)
			err = -ENOMEM;
	}
	for (uint32_t i = 0; i < d->number && !err; i++) {
		struct kme_key *k = &d->keys[i];

		k->len = d->len;
		k->key = d->bytes + i * d->len;
		leases_take(q, d->len, k->key, &k->id);
	}
	if (err) {
		delivery_clear(d);
		atomic_fetch_add(&f->enc_starved, err == -EAGAIN);
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

static void serve(struct state *s, const struct conf_pair *pair);

/* ---- announcements ---- */

/* One that is under way, with the ranges it is about. */
struct pending {
	struct state *state;
	const struct conf_pair *pair;
	struct leases ranges;
	struct delivery *only;	/* it is for this one, or NULL: for the pair */
};

static void announced_pair(struct pending *p, int err)
{
	struct desk_pair *dp = &p->state->pairs[p->pair->index];
	struct delivery *d;

	dp->refilling = false;
	STAILQ_CONCAT(&dp->ready, &p->ranges);
	while (err && (d = STAILQ_FIRST(&dp->waiting))) {
		STAILQ_REMOVE_HEAD(&dp->waiting, list);
		complete(p->state->desk, d, NULL, err);
	}
	if (!err)
		serve(p->state, p->pair);
}

static void on_announced(void *arg, int err)
{
	struct pending *p = arg;

	if (err)
		leases_clear(&p->ranges);
	if (p->only)
		complete(p->state->desk, p->only, &p->ranges, err);
	else
		announced_pair(p, err);
	leases_clear(&p->ranges);
	state_put(p->state);
	free(p);
}

static struct peer *peer_of(struct state *s, const struct conf_link *link)
{
	struct desk_link *l = &s->links[link->index];

	if (!l->peer && s->desk->base && s->tls) {
		l->peer = peer_new(s->desk->base, s->tls, link);
		if (!l->peer)
			log_err("link %s: \"%s\" is no HOST:PORT of a KME",
				link->name, link->peer);
	}
	return l->peer;
}

static int send_announcement(struct pending *p)
{
	const struct delivery *d = p->only;
	struct announcement a = {
		.master = p->pair->local, .done = on_announced, .arg = p,
	};
	struct peer *peer = peer_of(p->state, p->pair->link);
	const char *slaves[STORE_SLAVES_MAX];
	struct qkd_key_id *ids;
	struct lease *l;
	int err;

	STAILQ_FOREACH(l, &p->ranges, list)
		a.n++;
	ids = calloc(a.n, sizeof(*ids));
	if (!ids || !peer) {
		free(ids);
		return peer ? -ENOMEM : -ENOTCONN;
	}
	a.n = 0;
	STAILQ_FOREACH(l, &p->ranges, list)
		ids[a.n++] = l->id;
	slaves[a.n_slaves++] = p->pair->remote;
	for (unsigned int i = 0; d && i < d->n_more; i++)
		slaves[a.n_slaves++] = d->more[i];
	a.slaves = slaves;
	a.ids = ids;
	err = peer_announce(peer, &a);
	free(ids);
	return err;
}

/*
 * Takes key and announces it. On failure nothing is under way. @only: for one
 * delivery and no other.
 */
static int announce(struct state *s, const struct conf_pair *pair,
		    uint32_t number, uint32_t len, struct delivery *only)
{
	struct pending *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->state = s;
	p->pair = pair;
	p->only = only;
	STAILQ_INIT(&p->ranges);
	err = take_ranges(s, pair->link, number, len, &p->ranges);
	if (!err)
		err = send_announcement(p);
	if (err) {
		leases_clear(&p->ranges);
		free(p);
		return err;
	}
	s->refs++;
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* At least @number keys of @len bytes, and more if that is likely used. */
static int refill(struct state *s, const struct conf_pair *pair,
		  uint32_t number, uint32_t len)
{
	struct desk_pair *dp = &s->pairs[pair->index];
	uint32_t need = number * len, many;
	uint64_t now = now_ms();
	int err = -EAGAIN;

	if (now - dp->refilled > OFTEN)
		dp->ahead = 0;
	else
		dp->ahead = 2 * (dp->ahead > need ? dp->ahead : need);
	if (dp->ahead > AHEAD_MAX)
		dp->ahead = AHEAD_MAX;
	dp->refilled = now;
	many = dp->ahead / len;
	if (many > number)
		err = announce(s, pair, many, len, NULL);
	if (err == -EAGAIN)
		err = announce(s, pair, number, len, NULL);
	dp->refilling = !err;
	return err;
}

static bool is_low(const struct desk_pair *dp, uint32_t len)
{
	return dp->ahead && leases_count(&dp->ready, len) < dp->ahead / len / 2;
}

/* Gives what is ready to who waits, in order, and sees to more. */
static void serve(struct state *s, const struct conf_pair *pair)
{
	struct desk_pair *dp = &s->pairs[pair->index];
	struct delivery *d;
	uint32_t len = 0;
	int err;

	while ((d = STAILQ_FIRST(&dp->waiting))) {
		err = 0;
		len = d->len;
		if (leases_count(&dp->ready, d->len) < d->number) {
			if (!dp->refilling)
				err = refill(s, pair, d->number, d->len);
			if (!err)
				return;
		}
		STAILQ_REMOVE_HEAD(&dp->waiting, list);
		complete(s->desk, d, &dp->ready, err);
	}
	if (len && !dp->refilling && is_low(dp, len))
		refill(s, pair, 1, len);
}

/* The peer's KME will take it from its pool by ID, when asked. */
static void get_untold(struct state *s, struct delivery *d)
{
	struct leases q = STAILQ_HEAD_INITIALIZER(q);
	int err;

	err = take_ranges(s, d->pair->link, d->number, d->len, &q);
	complete(s->desk, d, &q, err);
	leases_clear(&q);
}

void desk_get(struct desk *desk, struct delivery *d)
{
	struct state *s = desk->now;
	struct desk_pair *dp = &s->pairs[d->pair->index];
	int err;

	if (!d->pair->link->peer) {
		get_untold(s, d);
	} else if (d->n_more) {
		err = announce(s, d->pair, d->number, d->len, d);
		if (err)
			complete(desk, d, NULL, err);
	} else {
		STAILQ_INSERT_TAIL(&dp->waiting, d, list);
		serve(s, d->pair);
	}
}

/* ---- waiting key ---- */

/*
 * Where the peer's KME tells nothing, key is in the link's pool still, and
 * for the one SAE that there can be. What is taken waits in the store in case
 * that another of the keys asked for is missing.
 */
static int keep(struct state *s, const struct conf_link *link,
		const struct qkd_key_id *id, const char *master,
		const char *const *slaves, unsigned int n_slaves)
{
	uint8_t key[QKD_KEY_MAX];
	int n;

	n = store_ready(s->desk->kme->store);
	if (n)
		return n;
	n = source_take(s, link, id, key, sizeof(key));
	if (n == -ENOENT || n == -ESTALE || n == -EALREADY || n == -EINVAL)
		return -ENOENT;
	if (n < 0)
		return -EIO;
	n = store_put(s->desk->kme->store, id, key, master, slaves, n_slaves);
	qkd_wipe(key, sizeof(key));
	return n;
}

static void taken(struct desk *d, struct taking *t, int err)
{
	struct kme_figures *f = &d->kme->figures;

	if (!err)
		atomic_fetch_add(&f->dec_keys, t->n);
	else if (err == -ENOENT)
		atomic_fetch_add(&f->dec_not_found, 1);
	t->done(t, err);
}

static void commit(struct desk *d)
{
	struct takings q = STAILQ_HEAD_INITIALIZER(q);
	unsigned int n = d->n_takings, i = 0;
	struct store_ask *asks;
	struct taking *t;

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
		taken(d, t, asks ? asks[i].err : -EIO);
	}
	free(asks);
}

static void on_commit(evutil_socket_t fd, short what, void *arg)
{
	commit(arg);
}

void desk_take(struct desk *d, struct taking *t)
{
	const struct conf_pair *pair = t->pair;
	int err = 0;

	for (size_t i = 0; i < t->n && !err && !pair->link->peer; i++)
		if (!store_has(d->kme->store, &t->want[i].id))
			err = keep(d->now, pair->link, &t->want[i].id,
				   pair->remote, &pair->local, 1);
	if (err) {
		taken(d, t, err);
		return;
	}
	STAILQ_INSERT_TAIL(&d->takings, t, list);
	d->n_takings++;
	if (d->commit)	/* behind all that this round of the loop has to do */
		event_active(d->commit, EV_TIMEOUT, 0);
	else
		commit(d);
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
