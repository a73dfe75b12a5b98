// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sources of a desk's links: opened when first needed, and anew when their link
 * was deleted and made again.
 */
#include <errno.h>

#include "desk_priv.h"
#include "tools/common/log.h"

/* Once for each change, not for each request. */
static void tell(struct desk_link *l, const struct conf_link *link, int err)
{
	if (err && err != l->last_error)
		log_warn("link %s: %s", link->name, qkd_error());
	if (!err && l->last_error)
		log_notice("link %s: serves again", link->name);
	l->last_error = err;
}

static struct desk_link *open_link(struct desk_state *s,
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

int desk_source_level(struct desk_state *s, const struct conf_link *link,
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

int desk_source_get(struct desk_state *s, const struct conf_link *link,
		    void *key, uint32_t len, struct qkd_key_id *id)
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

int desk_source_take(struct desk_state *s, const struct conf_link *link,
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

	err = desk_source_level(d->now, pair->link, level);
	if (err)
		return err;
	STAILQ_FOREACH(l, &dp->ready, list)
		level->bytes += l->len - l->from;
	return 0;
}
