// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fresh key from sources.
 *
 * Where settings name a link's other KME, fresh key is given only after that
 * one holds it for the SAE it is for. Not to wait for that with each request,
 * key is taken and announced ahead, in ranges, for a pair that asks often:
 *
 *	source --get--> range --announce--> ready --cut--> keys
 *	                  '-- refused, no answer: wiped
 *
 * A pair that asks seldom has no more taken than it asks for.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "desk_priv.h"
#include "tools/common/log.h"

#define AHEAD_MAX	65536	/* bytes announced at once ahead of demand */
#define OFTEN		500	/* ms between refills of who asks often */

/* ---- ranges ---- */

static int take_range(struct desk_state *s, const struct conf_link *link,
		      uint32_t len, struct leases *q)
{
	struct lease *l = lease_new(len);
	int err;

	if (!l)
		return -ENOMEM;
	err = desk_source_get(s, link, l->key, len, &l->id);
	if (err)
		lease_free(l);
	else
		STAILQ_INSERT_TAIL(q, l, list);
	return err;
}

/* Ranges for @number keys of @len bytes, none across two; or none at all. */
static int take_ranges(struct desk_state *s, const struct conf_link *link,
		       uint32_t number, uint32_t len, struct leases *q)
{
	uint32_t most = QKD_KEY_MAX / len;
	struct key_level level;
	int err = 0;

	/* not to spend what would be too little */
	if (number > most) {
		err = desk_source_level(s, link, &level);
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

static void serve(struct desk_state *s, const struct conf_pair *pair);

/* ---- announcements ---- */

/* One that is under way, with the ranges it is about. */
struct pending {
	struct desk_state *state;
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
	desk_state_put(p->state);
	free(p);
}

static int send_announcement(struct pending *p)
{
	const struct delivery *d = p->only;
	struct announcement a = {
		.master = p->pair->local, .done = on_announced, .arg = p,
	};
	struct peer *peer = desk_peer(p->state, p->pair->link);
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
static int announce(struct desk_state *s, const struct conf_pair *pair,
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
static int refill(struct desk_state *s, const struct conf_pair *pair,
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
static void serve(struct desk_state *s, const struct conf_pair *pair)
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
static void get_untold(struct desk_state *s, struct delivery *d)
{
	struct leases q = STAILQ_HEAD_INITIALIZER(q);
	int err;

	err = take_ranges(s, d->pair->link, d->number, d->len, &q);
	complete(s->desk, d, &q, err);
	leases_clear(&q);
}

void desk_get(struct desk *desk, struct delivery *d)
{
	struct desk_state *s = desk->now;
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
