// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What another KME tells: whose key of a link's pool is, and how far its store
 * is, to be told again if it asks. peer.c is the caller.
 *
 *	POST /kme/v1/keys
 *	{"master_SAE_ID":"a","slave_SAE_IDs":["b"],"key_IDs":["UUID", ...]}
 *	POST /kme/v1/mark
 *	{"store_ID":"5a...","count":7}
 *	GET /kme/v1/mark
 *
 * 200 means that the key waits here for these SAEs, or that the mark is
 * remembered. The caller is known by its certificate, which names a KME that some
 * link has at its other end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "front.h"
#include "json.h"
#include "mark.h"
#include "peer.h"

#define IDS_MAX		1024	/* of ranges; as many keys as a request may have */

struct told {
	const char *master;
	const char *slaves[STORE_SLAVES_MAX];
	unsigned int n_slaves;
	struct qkd_key_id ids[IDS_MAX];
	unsigned int n_ids;
};

static struct json_object *array(struct json_object *body, const char *name,
				 size_t max)
{
	struct json_object *v;

	if (!json_object_object_get_ex(body, name, &v) ||
	    !json_object_is_type(v, json_type_array) ||
	    !json_object_array_length(v) || json_object_array_length(v) > max)
		return NULL;
	return v;
}

static int read_told(struct json_object *body, struct told *t)
{
	struct json_object *v, *slaves, *ids;

	slaves = array(body, "slave_SAE_IDs", STORE_SLAVES_MAX);
	ids = array(body, "key_IDs", IDS_MAX);
	if (!slaves || !ids ||
	    !json_object_object_get_ex(body, "master_SAE_ID", &v))
		return -EINVAL;
	t->master = json_text(v);
	if (!t->master)
		return -EINVAL;
	for (size_t i = 0; i < json_object_array_length(slaves); i++) {
		const char *s = json_text(json_object_array_get_idx(slaves, i));

		if (!s)
			return -EINVAL;
		t->slaves[t->n_slaves++] = s;
	}
	for (size_t i = 0; i < json_object_array_length(ids); i++) {
		const char *s = json_text(json_object_array_get_idx(ids, i));

		if (!s || qkd_key_id_parse(s, &t->ids[t->n_ids++]))
			return -EINVAL;
	}
	return 0;
}

static int status_of(int err)
{
	switch (err) {
	case 0:
		return 200;
	case -EACCES:
		return 401;
	case -EINVAL:
	case -ENOENT:
	case -EEXIST:
		return 400;
	default:
		return 503;
	}
}

static int accept_keys(struct desk *desk, struct xchg *x)
{
	struct told *t = calloc(1, sizeof(*t));
	struct json_object *body;
	char why[64];
	int err;

	body = json_parse(x->body, x->body_len, why, sizeof(why));
	err = t ? -EINVAL : -ENOMEM;
	if (t && json_object_is_type(body, json_type_object))
		err = read_told(body, t);
	if (!err)
		err = desk_accept(desk, x->kme, t->master, t->slaves,
				  t->n_slaves, t->ids, t->n_ids);
	json_object_put(body);
	free(t);
	return err;
}

static int accept_mark(struct desk *desk, struct xchg *x)
{
	struct store_mark m = { .count = 0 };

	if (mark_parse(x->body, x->body_len, &m) <= 0)
		return -EINVAL;
	return desk_peer_mark_set(desk, x->kme, &m);
}

static int tell_mark(struct desk *desk, struct xchg *x)
{
	char text[MARK_TEXT_SIZE];
	struct store_mark m;
	int n = desk_peer_mark_get(desk, x->kme, &m);

	if (n >= 0) {
		x->type = "application/json";
		xchg_puts(x, n ? mark_format(&m, text) : "{}");
	}
	return n < 0 ? n : 0;
}

static void handle(struct desk *desk, struct xchg *x)
{
	static const struct {
		const char *path;
		enum xchg_method method;
		int (*call)(struct desk *desk, struct xchg *x);
	} calls[] = {
		{ PEER_PATH, XCHG_POST, accept_keys },
		{ PEER_MARK_PATH, XCHG_POST, accept_mark },
		{ PEER_MARK_PATH, XCHG_GET, tell_mark },
	};

	if (!x->kme) {
		atomic_fetch_add(&desk_kme(desk)->figures.refused, 1);
		xchg_finish(x, 401);
		return;
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (strcmp(x->path, calls[i].path) ||
		    x->method != calls[i].method)
			continue;
		xchg_finish(x, status_of(calls[i].call(desk, x)));
		return;
	}
	xchg_finish(x, 404);
}

const struct front_http front_kme = {
	.name = "KME to KME",
	.port = PORT_014,
	.prefix = "/kme/",
	.handle = handle,
};
