// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SKIP, the Secure Key Integration Protocol (draft-cisco-skip-02): key for
 * routers and other encryptors, by HTTP over TLS with pre-shared keys.
 *
 *	GET /capabilities
 *	GET /key?remoteSystemID=ID[&size=BITS]
 *	GET /key/KEYID?remoteSystemID=ID
 *	GET /entropy[?minentropy=BITS]
 *
 * A system ID is an SAE's ID. A keyId is the kernel's key ID in hexadecimal
 * digits, so both ends know a key by it without a table.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "front.h"

#define ENTROPY_BITS	256
#define ENTROPY_MAX	8192	/* bits in one answer */
#define KEY_ID_DIGITS	(2 * sizeof(struct qkd_key_id))

/* What a request is about; freed with its answer. */
struct request {
	struct xchg *x;
	struct delivery d;
};

static void put_hex(struct xchg *x, const void *data, size_t len)
{
	const uint8_t *p = data;
	char pair[3];

	/* once, so that no copy of key is left behind in old memory */
	if (!xchg_reserve(x, 2 * len + 64)) {
		x->status = 503;
		return;
	}
	for (size_t i = 0; i < len; i++) {
		snprintf(pair, sizeof(pair), "%02x", p[i]);
		xchg_put(x, pair, 2);
	}
	qkd_wipe(pair, sizeof(pair));
}

static void answer_error(struct xchg *x, int status, const char *message)
{
	xchg_printf(x, "{\"message\":\"%s\"}", message);
	xchg_finish(x, status);
}

static void answer_bad(struct desk *desk, struct xchg *x, const char *why)
{
	atomic_fetch_add(&desk_kme(desk)->figures.bad_requests, 1);
	answer_error(x, 400, why);
}

static void put_key(struct xchg *x, const struct qkd_key_id *id,
		    const uint8_t *key, uint32_t len)
{
	xchg_puts(x, "{\"keyId\":\"");
	put_hex(x, id, sizeof(*id));
	xchg_puts(x, "\",\"key\":\"");
	put_hex(x, key, len);
	xchg_puts(x, "\"}");
	xchg_finish(x, 200);
}

/* A decimal number of bits, or what it is unless told; 0: neither. */
static uint32_t query_bits(struct xchg *x, const char *name,
			   uint32_t unless_told, uint32_t max)
{
	char text[16], *end;
	unsigned long v;
	int has = xchg_query(x, name, text, sizeof(text));

	if (!has)
		return unless_told;
	if (has < 0 || !isdigit((unsigned char)text[0]))
		return 0;
	errno = 0;
	v = strtoul(text, &end, 10);
	return *end || errno || v > max ? 0 : v;
}

/* ---- methods ---- */

static void capabilities(struct desk *desk, struct xchg *x)
{
	const struct conf *conf = desk_conf(desk);
	bool comma = false;

	xchg_printf(x, "{\"entropy\":true,\"key\":true,\"algorithm\":\"QKD\",\"localSystemID\":\"%s\",\"remoteSystemID\":[",
		    x->caller);
	for (unsigned int i = 0; i < conf->n_links; i++) {
		const struct conf_link *l = &conf->links[i];

		for (unsigned int k = 0; k < l->n_pairs; k++) {
			if (strcmp(l->pairs[k].local, x->caller))
				continue;
			xchg_printf(x, "%s\"%s\"", comma ? "," : "",
				    l->pairs[k].remote);
			comma = true;
		}
	}
	xchg_puts(x, "]}");
	xchg_finish(x, 200);
}

static void entropy(struct desk *desk, struct xchg *x)
{
	uint32_t bits = query_bits(x, "minentropy", ENTROPY_BITS, ENTROPY_MAX);
	uint8_t bytes[ENTROPY_MAX / 8];
	size_t len = (bits + 7) / 8;

	if (!bits) {
		answer_bad(desk, x, "minentropy must be bits, 8192 at most");
		return;
	}
	if (getrandom(bytes, len, 0) != (ssize_t)len) {
		answer_error(x, 503, "no entropy now");
		return;
	}
	xchg_puts(x, "{\"randomStr\":\"");
	put_hex(x, bytes, len);
	qkd_wipe(bytes, sizeof(bytes));
	xchg_printf(x, "\",\"minentropy\":%u}", bits);
	xchg_finish(x, 200);
}

static void got_key(struct delivery *d, int err)
{
	struct request *r = d->arg;
	struct xchg *x = r->x;

	if (err)
		answer_error(x, 503, err == -EAGAIN ?
			     "not enough key now, try again later" :
			     "the link gives no key now");
	else
		put_key(x, &d->keys[0].id, d->keys[0].key, d->keys[0].len);
	delivery_clear(d);
	free(r);
}

static void new_key(struct desk *desk, struct xchg *x,
		    const struct conf_pair *pair)
{
	uint32_t bits = query_bits(x, "size", pair->link->key_size,
				   pair->link->max_size);
	struct request *r;

	atomic_fetch_add(&desk_kme(desk)->figures.enc_requests, 1);
	if (!bits || bits % 8 || bits < pair->link->min_size) {
		answer_bad(desk, x, "the link gives no keys of this size");
		return;
	}
	r = calloc(1, sizeof(*r));
	if (!r) {
		answer_error(x, 503, "out of memory");
		return;
	}
	r->x = x;
	r->d.pair = pair;
	r->d.number = 1;
	r->d.len = bits / 8;
	r->d.done = got_key;
	r->d.arg = r;
	desk_get(desk, &r->d);
}

static bool read_id(const char *s, struct qkd_key_id *id)
{
	uint8_t *out = (uint8_t *)id;

	if (strlen(s) != KEY_ID_DIGITS ||
	    strspn(s, "0123456789abcdefABCDEF") != KEY_ID_DIGITS)
		return false;
	for (size_t i = 0; i < sizeof(*id); i++) {
		char pair[3] = { s[2 * i], s[2 * i + 1], '\0' };

		out[i] = strtoul(pair, NULL, 16);
	}
	return true;
}

/* One that waits here, being fetched; freed with its answer. */
struct old {
	struct desk *desk;
	struct xchg *x;
	struct taking t;
	struct store_want want;
	uint32_t len;
	uint8_t key[QKD_KEY_MAX];
};

static void got_old(struct taking *t, int err)
{
	struct old *o = t->arg;

	switch (err) {
	case 0:
		put_key(o->x, &o->want.id, o->key, o->len);
		break;
	case -ENOENT:
	case -EACCES:	/* whose it is, is nobody's business */
		answer_bad(o->desk, o->x, "there is no key of this keyId");
		break;
	default:
		answer_error(o->x, 503, "keys cannot be fetched now");
	}
	qkd_wipe(o->key, sizeof(o->key));
	free(o);
}

static void old_key(struct desk *desk, struct xchg *x,
		    const struct conf_pair *pair, const char *text)
{
	struct old *o = calloc(1, sizeof(*o));
	struct qkd_key_range at;

	atomic_fetch_add(&desk_kme(desk)->figures.dec_requests, 1);
	if (!o) {
		answer_error(x, 503, "out of memory");
		return;
	}
	if (!read_id(text, &o->want.id) ||
	    qkd_key_id_decode(&o->want.id, &at)) {
		answer_bad(desk, x, "keyId is not one of ours");
		free(o);
		return;
	}
	o->desk = desk;
	o->x = x;
	o->len = at.len;
	o->want.key = o->key;
	o->t = (struct taking){
		.pair = pair, .want = &o->want, .n = 1,
		.done = got_old, .arg = o,
	};
	desk_take(desk, &o->t);
}

static void key(struct desk *desk, struct xchg *x)
{
	char remote[SAE_ID_MAX + 1];
	const struct conf_pair *pair = NULL;

	if (xchg_query(x, "remoteSystemID", remote, sizeof(remote)) > 0)
		pair = conf_pair(desk_conf(desk), x->caller, remote);
	if (!pair)
		answer_bad(desk, x, "remoteSystemID: none with which key is shared");
	else if (x->path[4])
		old_key(desk, x, pair, x->path + 5);
	else
		new_key(desk, x, pair);
}

static void handle(struct desk *desk, struct xchg *x)
{
	x->type = "application/json";
	if (!x->caller || !conf_knows(desk_conf(desk), x->caller)) {
		atomic_fetch_add(&desk_kme(desk)->figures.refused, 1);
		xchg_finish(x, 401);
		return;
	}
	if (x->method != XCHG_GET) {
		answer_error(x, 405, "GET only");
		return;
	}
	if (!strcmp(x->path, "/capabilities"))
		capabilities(desk, x);
	else if (!strcmp(x->path, "/entropy"))
		entropy(desk, x);
	else if (!strcmp(x->path, "/key") || !strncmp(x->path, "/key/", 5))
		key(desk, x);
	else
		answer_error(x, 404, "there is no such thing");
}

const struct front_http front_skip = {
	.name = "SKIP",
	.port = PORT_SKIP,
	.prefix = "/",
	.handle = handle,
};
