// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ETSI GS QKD 014 V1.1.1: key delivery over REST.
 *
 * Clause numbers are that document's: 5 the methods, 6 the formats of data.
 * Sizes on the wire are in bits, here in bytes. What is asked is checked
 * completely before the core is called, so that a bad request costs no key.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "front.h"
#include "json.h"

#define PREFIX		"/api/v1/keys/"
#define WHY_MAX		256	/* of a message about a bad request */

/* 014, 6.5: what 400 must say in these cases. */
#define SAY_MULTIPLE_OF_8	"size shall be a multiple of 8"
#define SAY_MANDATORY \
	"not all extension_mandatory parameters are supported"
#define SAY_NOT_FOUND	"one or more keys specified are not found on KME"

/* What a request is about; freed with its answer. */
struct request {
	struct desk *desk;
	struct xchg *x;
	const struct conf_pair *pair;
	struct delivery d;
	const char *more[STORE_SLAVES_MAX];	/* for d */
	unsigned int n_more;
	char why[WHY_MAX];	/* it is bad */
};

/* ---- answers ---- */

static void answer_error(struct xchg *x, int status, const char *message)
{
	/* messages are ours or JSON-escaped already */
	xchg_printf(x, "{\"message\":\"%s\"}", message);
	xchg_finish(x, status);
}

static void answer_bad(struct desk *desk, struct xchg *x, const char *why)
{
	atomic_fetch_add(&desk_kme(desk)->figures.bad_requests, 1);
	answer_error(x, 400, why);
}

/* 5.1: 401 has no body */
static void answer_unauthorized(struct desk *desk, struct xchg *x)
{
	atomic_fetch_add(&desk_kme(desk)->figures.refused, 1);
	xchg_finish(x, 401);
}

/* 6.3, Key container */
static void put_key(struct xchg *x, const struct qkd_key_id *id,
		    const uint8_t *key, uint32_t len)
{
	char name[QKD_KEY_ID_STRLEN + 1];

	xchg_puts(x, "{\"key_ID\":\"");
	xchg_puts(x, qkd_key_id_format(id, name));
	xchg_puts(x, "\",\"key\":\"");
	if (!xchg_reserve(x, BASE64_LEN(len))) {
		x->status = 503;
		return;
	}
	base64_encode(key, len, x->out + x->out_len);
	x->out_len += BASE64_LEN(len);
	xchg_puts(x, "\"}");
}

static size_t container_room(uint32_t n, uint32_t len)
{
	return 16 + (size_t)n * (BASE64_LEN(len) + QKD_KEY_ID_STRLEN + 32);
}

/* ---- 5.1, Get status ---- */

/* The KME there must be told of additional SAEs. */
static unsigned int max_more(const struct conf_link *link)
{
	return link->peer ? STORE_SLAVES_MAX - 1 : 0;
}

static void put_text(struct xchg *x, const char *name, const char *v)
{
	xchg_printf(x, "\"%s\":\"%s\",", name, v);
}

static void put_number(struct xchg *x, const char *name, uint64_t v)
{
	xchg_printf(x, "\"%s\":%" PRIu64 ",", name, v);
}

static void get_status(struct request *r)
{
	const struct conf_link *link = r->pair->link;
	const struct conf *conf = desk_conf(r->desk);
	struct key_level level;
	uint32_t len = link->key_size / 8;
	int err;

	err = desk_level(r->desk, r->pair, &level);
	if (err) {
		answer_error(r->x, 503, "the link gives no key now");
		return;
	}
	/* 6.1, Status; IDs have no character that JSON would escape */
	xchg_puts(r->x, "{");
	put_text(r->x, "source_KME_ID", conf->kme_id);
	put_text(r->x, "target_KME_ID", link->peer_kme);
	put_text(r->x, "master_SAE_ID", r->pair->local);
	put_text(r->x, "slave_SAE_ID", r->pair->remote);
	put_number(r->x, "key_size", link->key_size);
	put_number(r->x, "stored_key_count", level.bytes / len);
	put_number(r->x, "max_key_count", level.max_bytes / len);
	put_number(r->x, "max_key_per_request", link->max_number);
	put_number(r->x, "max_key_size", link->max_size);
	put_number(r->x, "min_key_size", link->min_size);
	xchg_printf(r->x, "\"max_SAE_ID_count\":%u}", max_more(link));
	xchg_finish(r->x, 200);
}

/* ---- 5.2, Get key ---- */

/* What 6.2, Key request, may say. */
struct wish {
	int64_t number;
	int64_t size;	/* bits */
};

__attribute__((format(printf, 2, 3)))
static int bad(struct request *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int check_wish(struct request *r, const struct wish *w)
{
	const struct conf_link *link = r->pair->link;

	if (w->number < 1)
		return bad(r, "number must be at least 1");
	if (w->number > link->max_number)
		return bad(r, "number must be at most %u", link->max_number);
	if (w->size < 1)
		return bad(r, "size must be greater than 0");
	if (w->size % 8)
		return bad(r, SAY_MULTIPLE_OF_8);
	if (w->size < link->min_size)
		return bad(r, "size must be at least %u", link->min_size);
	if (w->size > link->max_size)
		return bad(r, "size must be at most %u", link->max_size);
	return 0;
}

/* A decimal number and nothing else. */
static int query_number(struct request *r, const char *name, int64_t *n)
{
	char text[32], *end;
	int has = xchg_query(r->x, name, text, sizeof(text));

	if (!has)
		return 0;
	if (has > 0 && (isdigit((unsigned char)text[0]) || text[0] == '-')) {
		errno = 0;
		*n = strtoll(text, &end, 10);
		if (!*end && !errno)
			return 0;
	}
	return bad(r, "%s must be one integer", name);
}

static int wish_of_query(struct request *r, struct wish *w)
{
	int err = query_number(r, "number", &w->number);

	return err ? err : query_number(r, "size", &w->size);
}

/*
 * 6.2: an extension that is mandatory must be understood, or all is refused;
 * one that is optional may be ignored. There is none that we know. Each is an
 * object.
 */
static int check_extensions(struct request *r, const char *name,
			    struct json_object *v, bool mandatory)
{
	if (!json_object_is_type(v, json_type_array))
		return bad(r, "%s must be an array of objects", name);
	for (size_t i = 0; i < json_object_array_length(v); i++)
		if (!json_object_is_type(json_object_array_get_idx(v, i),
					 json_type_object))
			return bad(r, "%s must be an array of objects", name);
	if (mandatory && json_object_array_length(v))
		return bad(r, SAY_MANDATORY);
	return 0;
}

/* One that shares the link with the first, and is not there yet. */
static int add_more(struct request *r, const char *id)
{
	const struct conf_pair *p = id ?
		conf_pair(desk_conf(r->desk), r->pair->local, id) : NULL;

	if (!p || p->link != r->pair->link)
		return bad(r, "additional_slave_SAE_IDs: the link does not serve all of them");
	if (p == r->pair)
		return bad(r, "additional_slave_SAE_IDs has the slave_SAE_ID itself");
	for (unsigned int i = 0; i < r->n_more; i++)
		if (r->more[i] == p->remote)
			return bad(r, "additional_slave_SAE_IDs has an ID twice");
	r->more[r->n_more++] = p->remote;
	return 0;
}

static int check_additional(struct request *r, struct json_object *v)
{
	if (!json_object_is_type(v, json_type_array))
		return bad(r, "additional_slave_SAE_IDs must be an array of strings");
	if (!json_object_array_length(v))
		return bad(r, "additional_slave_SAE_IDs must not be empty");
	if (json_object_array_length(v) > max_more(r->pair->link))
		return bad(r, "additional_slave_SAE_IDs: at most %u are possible",
			   max_more(r->pair->link));
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		const char *id = json_text(json_object_array_get_idx(v, i));
		int err = add_more(r, id);

		if (err)
			return err;
	}
	return 0;
}

static int wish_member(struct request *r, const char *name,
		       struct json_object *v, struct wish *w)
{
	if (!strcmp(name, "number"))
		return json_number(v, &w->number) ? 0 :
			bad(r, "number must be an integer");
	if (!strcmp(name, "size"))
		return json_number(v, &w->size) ? 0 :
			bad(r, "size must be an integer");
	if (!strcmp(name, "additional_slave_SAE_IDs"))
		return check_additional(r, v);
	if (!strcmp(name, "extension_mandatory"))
		return check_extensions(r, name, v, true);
	if (!strcmp(name, "extension_optional"))
		return check_extensions(r, name, v, false);
	return 0;	/* unknown members are for later versions */
}

/* The object in the body, or NULL with @err: 0 for an empty body. */
static struct json_object *body_object(struct request *r, int *err)
{
	struct json_object *v;
	char why[64];

	*err = 0;
	if (!r->x->body_len)
		return NULL;
	v = json_parse(r->x->body, r->x->body_len, why, sizeof(why));
	if (json_object_is_type(v, json_type_object))
		return v;
	json_object_put(v);
	*err = bad(r, "the body must be a JSON object");
	return NULL;
}

static int wish_of_body(struct request *r, struct wish *w)
{
	struct json_object *body;
	int err;

	body = body_object(r, &err);
	if (!body)
		return err;
	json_object_object_foreach(body, name, value) {
		err = wish_member(r, name, value, w);
		if (err)
			break;
	}
	json_object_put(body);
	return err;
}

static void request_free(struct request *r)
{
	delivery_clear(&r->d);
	free(r);
}

static void got_keys(struct delivery *d, int err)
{
	struct request *r = d->arg;
	struct xchg *x = r->x;

	if (err) {
		request_free(r);
		answer_error(x, 503, err == -EAGAIN ?
			     "not enough key now, try again later" :
			     "the link gives no key now");
		return;
	}
	xchg_reserve(x, container_room(d->number, d->len));
	xchg_puts(x, "{\"keys\":[");
	for (uint32_t i = 0; i < d->number; i++) {
		if (i)
			xchg_put(x, ",", 1);
		put_key(x, &d->keys[i].id, d->keys[i].key, d->keys[i].len);
	}
	xchg_puts(x, "]}");
	request_free(r);
	xchg_finish(x, 200);
}

static void get_key(struct request *r)
{
	struct wish w = { .number = 1, .size = r->pair->link->key_size };
	struct request *later;
	int err;

	atomic_fetch_add(&desk_kme(r->desk)->figures.enc_requests, 1);
	if (r->x->method == XCHG_POST)
		err = wish_of_body(r, &w);
	else
		err = wish_of_query(r, &w);
	if (!err)
		err = check_wish(r, &w);
	if (err) {
		answer_bad(r->desk, r->x, r->why);
		return;
	}
	later = malloc(sizeof(*later));
	if (!later) {
		answer_error(r->x, 503, "out of memory");
		return;
	}
	*later = *r;
	later->d = (struct delivery){
		.pair = r->pair,
		.more = later->more,
		.n_more = r->n_more,
		.number = w.number,
		.len = w.size / 8,
		.done = got_keys,
		.arg = later,
	};
	desk_get(r->desk, &later->d);
}

/* ---- 5.3, Get key with key IDs ---- */

/* The keys asked for, and their bytes; freed with its answer. */
struct wanted {
	struct desk *desk;
	struct xchg *x;
	struct taking t;
	struct store_want *want;
	uint8_t *bytes;
	size_t n;
	size_t len;	/* of bytes */
};

static void wanted_free(struct wanted *w)
{
	if (w->bytes)
		qkd_wipe(w->bytes, w->len);
	free(w->bytes);
	free(w->want);
	free(w);
}

static bool is_uuid(const char *s)
{
	size_t i;

	for (i = 0; s[i]; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	}
	return i == 36;
}

/* -EINVAL: no UUID; -ENOENT: one, but of none of our keys */
static int add_id(struct request *r, struct wanted *w, const char *text)
{
	struct store_want *one = &w->want[w->n];

	if (!text || !is_uuid(text))
		return bad(r, "key_ID must be a UUID");
	if (qkd_key_id_parse(text, &one->id))
		return -ENOENT;
	for (size_t i = 0; i < w->n; i++)
		if (!memcmp(&w->want[i].id, &one->id, sizeof(one->id)))
			return bad(r, "key_IDs has a key_ID twice");
	w->n++;
	return 0;
}

static int ids_of_query(struct request *r, struct wanted *w)
{
	char text[QKD_KEY_ID_STRLEN + 1];
	int has = xchg_query(r->x, "key_ID", text, sizeof(text));

	if (has < 0)
		return bad(r, "key_ID must be one UUID");
	if (!has)
		return bad(r, "key_ID is missing");
	w->want = calloc(1, sizeof(*w->want));
	return w->want ? add_id(r, w, text) : -ENOMEM;
}

static int ids_of_array(struct request *r, struct wanted *w,
			struct json_object *v)
{
	bool unknown = false;
	size_t n;

	if (!json_object_is_type(v, json_type_array) ||
	    !json_object_array_length(v))
		return bad(r, "key_IDs must be an array, not empty");
	n = json_object_array_length(v);
	if (n > r->pair->link->max_number)
		return bad(r, "key_IDs: at most %u at once",
			   r->pair->link->max_number);
	w->want = calloc(n, sizeof(*w->want));
	if (!w->want)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(v, i), *id;
		int err;

		if (!json_object_object_get_ex(e, "key_ID", &id))
			return bad(r, "each of key_IDs must have a key_ID");
		err = add_id(r, w, json_text(id));
		if (err == -ENOENT)
			unknown = true;
		else if (err)
			return err;
	}
	return unknown ? -ENOENT : 0;
}

static int ids_of_body(struct request *r, struct wanted *w)
{
	struct json_object *body, *v;
	int err;

	body = body_object(r, &err);
	if (err)
		return err;
	if (!body || !json_object_object_get_ex(body, "key_IDs", &v))
		err = bad(r, "key_IDs is missing");
	else
		err = ids_of_array(r, w, v);
	json_object_put(body);
	return err;
}

static int wanted_room(struct wanted *w)
{
	uint8_t *p;

	for (size_t i = 0; i < w->n; i++) {
		struct qkd_key_range at;

		qkd_key_id_decode(&w->want[i].id, &at);
		w->len += at.len;
	}
	w->bytes = malloc(w->len);
	p = w->bytes;
	for (size_t i = 0; p && i < w->n; i++) {
		struct qkd_key_range at;

		qkd_key_id_decode(&w->want[i].id, &at);
		w->want[i].key = p;
		p += at.len;
	}
	return p ? 0 : -ENOMEM;
}

static void put_wanted(struct xchg *x, const struct wanted *w)
{
	xchg_puts(x, "{\"keys\":[");
	for (size_t i = 0; i < w->n; i++) {
		struct qkd_key_range at;

		qkd_key_id_decode(&w->want[i].id, &at);
		if (i)
			xchg_put(x, ",", 1);
		put_key(x, &w->want[i].id, w->want[i].key, at.len);
	}
	xchg_puts(x, "]}");
}

static void got_wanted(struct taking *t, int err)
{
	struct wanted *w = t->arg;

	switch (err) {
	case 0:
		put_wanted(w->x, w);
		xchg_finish(w->x, 200);
		break;
	case -ENOENT:
		answer_bad(w->desk, w->x, SAY_NOT_FOUND);
		break;
	case -EACCES:
		answer_unauthorized(w->desk, w->x);
		break;
	default:
		answer_error(w->x, 503, "keys cannot be fetched now");
		break;
	}
	wanted_free(w);
}

static void get_key_with_ids(struct request *r)
{
	struct wanted *w = calloc(1, sizeof(*w));
	int err;

	atomic_fetch_add(&desk_kme(r->desk)->figures.dec_requests, 1);
	if (!w) {
		answer_error(r->x, 503, "out of memory");
		return;
	}
	w->desk = r->desk;
	w->x = r->x;
	w->t = (struct taking){
		.pair = r->pair, .done = got_wanted, .arg = w,
	};
	if (r->x->method == XCHG_POST)
		err = ids_of_body(r, w);
	else
		err = ids_of_query(r, w);
	if (!err)
		err = wanted_room(w);
	if (err == -EINVAL) {
		answer_bad(r->desk, r->x, r->why);
		wanted_free(w);
		return;
	}
	if (err) {
		got_wanted(&w->t, err);
		return;
	}
	w->t.want = w->want;
	w->t.n = w->n;
	desk_take(r->desk, &w->t);
}

/* ---- which method: /api/v1/keys/{SAE_ID}/{method} ---- */

static const struct method {
	const char *name;
	bool post;	/* besides GET */
	void (*run)(struct request *r);
} methods[] = {
	{ "status", false, get_status },
	{ "enc_keys", true, get_key },
	{ "dec_keys", true, get_key_with_ids },
};

static const struct method *find_method(const char *name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!strcmp(methods[i].name, name))
			return &methods[i];
	return NULL;
}

static void handle(struct desk *desk, struct xchg *x)
{
	struct request r = { .desk = desk, .x = x };
	const struct conf *conf = desk_conf(desk);
	const char *id = x->path + strlen(PREFIX);
	size_t id_len = strcspn(id, "/");
	const struct method *m;
	char peer[SAE_ID_MAX + 1];

	x->type = "application/json";
	if (!x->caller || !conf_knows(conf, x->caller)) {
		answer_unauthorized(desk, x);
		return;
	}
	m = id[id_len] ? find_method(id + id_len + 1) : NULL;
	if (!m) {
		answer_error(x, 404, "there is no such method");
		return;
	}
	if (x->method != XCHG_GET && !(x->method == XCHG_POST && m->post)) {
		answer_error(x, 405, m->post ? "GET and POST only" :
			     "GET only");
		return;
	}
	if (!id_len || xchg_decode(id, id_len, peer, sizeof(peer)) ||
	    !conf_id_valid(peer)) {
		answer_bad(desk, x, "the SAE ID in the URL is not valid");
		return;
	}
	if (!strcmp(peer, x->caller)) {
		answer_bad(desk, x, "master and slave are the same SAE");
		return;
	}
	r.pair = conf_pair(conf, x->caller, peer);
	if (!r.pair) {
		answer_bad(desk, x, "no link serves this pair of SAEs");
		return;
	}
	m->run(&r);
}

const struct front_http front_014 = {
	.name = "ETSI GS QKD 014",
	.port = PORT_014,
	.prefix = PREFIX,
	.handle = handle,
};
