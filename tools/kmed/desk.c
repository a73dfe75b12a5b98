// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One thread's place of service: its settings, and what is open by them.
 *
 * A reload makes a new state. The one before lives on for as long as something
 * is under way by it.
 */
#include <errno.h>
#include <stdlib.h>

#include "desk_priv.h"
#include "tools/common/log.h"

static void state_free(struct desk_state *s)
{
	LIST_REMOVE(s, list);
	desk_mark_exit(s);
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
void desk_state_put(struct desk_state *s)
{
	if (--s->refs)
		return;
	if (s->reap)
		event_active(s->reap, EV_TIMEOUT, 0);
	else
		state_free(s);
}

static struct desk_state *state_new(struct desk *d, struct conf *conf,
				    SSL_CTX *tls)
{
	struct desk_state *s = calloc(1, sizeof(*s));

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
	for (unsigned int i = 0; i < conf->n_links; i++) {
		struct desk_link *l = &s->links[i];

		l->state = s;
		l->conf = &conf->links[i];
		l->ops = source_find(l->conf->source);
		STAILQ_INIT(&l->held);
	}
	for (unsigned int i = 0; i < conf->n_pairs; i++) {
		STAILQ_INIT(&s->pairs[i].ready);
		STAILQ_INIT(&s->pairs[i].waiting);
	}
	if (desk_mark_init(s)) {
		state_free(s);
		return NULL;
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
	d->commit = base ? event_new(base, -1, 0, desk_on_commit, d) : NULL;
	d->now = state_new(d, conf, tls);
	if (d->now && (d->commit || !base))
		return d;
	desk_free(d);
	return NULL;
}

struct peer *desk_peer(struct desk_state *s, const struct conf_link *link)
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

/* Ends the calls under way, and with them all references but the desk's. */
static void drop_peers(struct desk_state *s)
{
	for (unsigned int i = 0; i < s->conf->n_links; i++) {
		struct peer *p = s->links[i].peer;

		s->links[i].peer = NULL;
		peer_free(p);
	}
}

void desk_free(struct desk *d)
{
	struct desk_state *s;

	if (!d)
		return;
	desk_commit(d);
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
	struct desk_state *s = state_new(d, conf, tls);

	if (!s)
		return -ENOMEM;
	desk_commit(d);	/* the pairs of what waits are the old settings' */
	desk_state_put(d->now);
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
