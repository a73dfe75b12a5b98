// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Layout and authentication of frames.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "frame.h"
#include "tools/common/wire.h"
#include "tools/post/auth.h"
#include "tools/post/wipe.h"

_Static_assert(POST_AUTH_KEY + POST_AUTH_MASK == FRAME_OTP_KEY, "a tag's key");
_Static_assert(FRAME_TAG == POST_AUTH_TAG, "a tag");

const char *frame_reason(unsigned int reason)
{
	static const char * const text[REASONS] = {
		[REASON_NONE] = "no reason told",
		[REASON_NO_HOP] = "no link to the next node",
		[REASON_DOWN] = "no session with the next node",
		[REASON_NO_KEY] = "the link to the next node has too little key",
		[REASON_REFUSED] = "relaying between these ends is not allowed",
		[REASON_BUSY] = "too much waits for key already",
		[REASON_UNWANTED] = "no such virtual link",
		[REASON_BROKEN] = "chunks were lost",
	};

	return reason < REASONS ? text[reason] : "?";
}

/* ---- writing ---- */

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static unsigned int get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

/* @len: of the whole frame */
static void put_head(uint8_t *out, enum frame_type type, size_t route,
		     size_t len, uint64_t number, const struct qkd_key_id *id)
{
	wire_put32(out, len);
	out[4] = type;
	out[5] = FRAME_VERSION;
	put16(out + 6, route);
	wire_put64(out + 8, number);
	if (id)
		memcpy(out + 16, id->b, QKD_KEY_ID_SIZE);
	else
		memset(out + 16, 0, QKD_KEY_ID_SIZE);
}

static size_t put_route(uint8_t *out, const struct route *r)
{
	memcpy(out, r->block, FRAME_BLOCK_ID);
	out[16] = r->share;
	out[17] = r->shares;
	out[18] = r->at;
	out[19] = r->path.nodes;
	wire_put32(out + 20, r->size);
	wire_put32(out + 24, r->offset);
	out[28] = r->reason;
	out[29] = r->by;
	out[30] = 0;
	out[31] = 0;
	return FRAME_ROUTE + path_put(out + FRAME_ROUTE, &r->path);
}

size_t frame_hello(uint8_t *out, const struct qkd_key_id *id, const char *from,
		   const char *to)
{
	size_t len = FRAME_HEAD;

	len += path_put_id(out + len, from);
	len += path_put_id(out + len, to);
	put_head(out, FRAME_HELLO, len - FRAME_HEAD, len + FRAME_TAG, 0, id);
	return len;
}

size_t frame_welcome(uint8_t *out)
{
	put_head(out, FRAME_WELCOME, 0, FRAME_HEAD + FRAME_TAG, 0, NULL);
	return FRAME_HEAD;
}

size_t frame_reply(uint8_t *out, enum frame_type type, uint64_t number,
		   const struct route *r)
{
	size_t route = put_route(out + FRAME_HEAD, r);

	put_head(out, type, route, FRAME_HEAD + route + FRAME_TAG, number,
		 NULL);
	return FRAME_HEAD + route;
}

size_t frame_key(uint8_t *out, uint64_t number, const struct qkd_key_id *id,
		 const struct route *r, const uint8_t *chunk, size_t len,
		 const uint8_t *key)
{
	size_t route = put_route(out + FRAME_HEAD, r), i;
	uint8_t *text = out + FRAME_HEAD + route;
	struct post_auth_part all = { out, FRAME_HEAD + route + len };

	put_head(out, FRAME_KEY, route, all.len + 2 * FRAME_TAG, number, id);
	for (i = 0; i < len; i++)
		text[i] = chunk[i] ^ key[i];
	post_auth_tag(key + len, key + len + POST_AUTH_KEY, &all, 1,
		      text + len);
	return all.len + FRAME_TAG;
}

static void session_tag(const uint8_t *in, size_t len,
			const uint8_t session[FRAME_SESSION],
			uint8_t tag[FRAME_TAG])
{
	uint8_t full[EVP_MAX_MD_SIZE];

	HMAC(EVP_sha256(), session, FRAME_SESSION, in, len, full, NULL);
	memcpy(tag, full, FRAME_TAG);
}

size_t frame_seal(uint8_t *out, size_t len,
		  const uint8_t session[FRAME_SESSION])
{
	session_tag(out, len, session, out + len);
	return len + FRAME_TAG;
}

/* ---- reading ---- */

size_t frame_length(const uint8_t head[FRAME_HEAD])
{
	uint32_t len = wire_get32(head);

	return head[5] == FRAME_VERSION && head[4] >= FRAME_HELLO &&
	       head[4] <= FRAME_VOID && len >= FRAME_MIN && len <= FRAME_MAX ?
	       len : 0;
}

static bool read_route(struct wire *w, struct frame *f)
{
	const uint8_t *p = wire_bytes(w, FRAME_ROUTE);
	struct route *r = &f->route;

	if (!p)
		return false;
	memcpy(r->block, p, FRAME_BLOCK_ID);
	r->share = p[16];
	r->shares = p[17];
	r->at = p[18];
	r->size = wire_get32(p + 20);
	r->offset = wire_get32(p + 24);
	r->reason = p[28];
	r->by = p[29];
	if (p[30] || p[31] || !path_get(w, p[19], &r->path) || !wire_done(w))
		return false;
	return r->shares && r->shares <= FRAME_SHARES &&
	       r->share < r->shares && r->at < r->path.nodes &&
	       r->by < r->path.nodes && r->size <= FRAME_SHARE_MAX;
}

static bool read_hello(struct wire *w, struct frame *f)
{
	return path_get_id(w, f->from) && path_get_id(w, f->to) &&
	       wire_done(w) && strcmp(f->from, f->to);
}

/* What follows the route, without the session tag */
static bool read_text(struct wire *w, struct frame *f, const uint8_t *in)
{
	struct route *r = &f->route;

	if (w->len <= FRAME_TAG || w->len > FRAME_CHUNK + FRAME_TAG)
		return false;
	f->len = w->len - FRAME_TAG;
	f->text = w->p;
	f->tag = w->p + f->len;
	f->tagged = f->tag - in;
	return r->at + 1u < r->path.nodes && !r->reason && !r->by &&
	       r->offset <= r->size && f->len <= r->size - r->offset;
}

bool frame_read(struct frame *f, const uint8_t *in, size_t len)
{
	struct wire w, route;
	size_t n;

	memset(f, 0, sizeof(*f));
	if (len < FRAME_MIN || frame_length(in) != len)
		return false;
	n = get16(in + 6);
	if (n > len - FRAME_MIN)
		return false;
	f->type = in[4];
	f->number = wire_get64(in + 8);
	memcpy(f->id.b, in + 16, QKD_KEY_ID_SIZE);
	route = (struct wire){ .p = in + FRAME_HEAD, .len = n };
	w = (struct wire){ .p = route.p + n, .len = len - FRAME_MIN - n };
	switch (f->type) {
	case FRAME_HELLO:
		return read_hello(&route, f) && wire_done(&w);
	case FRAME_WELCOME:
		return wire_done(&route) && wire_done(&w);
	case FRAME_KEY:
		return read_route(&route, f) && read_text(&w, f, in);
	case FRAME_ACK:
	case FRAME_VOID:
		return read_route(&route, f) && wire_done(&w) &&
		       f->route.at && !f->route.offset;
	}
	return false;
}

bool frame_sealed(const uint8_t *in, size_t len,
		  const uint8_t session[FRAME_SESSION])
{
	uint8_t tag[FRAME_TAG];

	session_tag(in, len - FRAME_TAG, session, tag);
	return post_equal(tag, in + len - FRAME_TAG, FRAME_TAG);
}

bool frame_open(const struct frame *f, const uint8_t *in, const uint8_t *key,
		uint8_t *chunk)
{
	struct post_auth_part all = { in, f->tagged };
	size_t i;

	if (!post_auth_check(key + f->len, key + f->len + POST_AUTH_KEY, &all,
			     1, f->tag))
		return false;
	for (i = 0; i < f->len; i++)
		chunk[i] = f->text[i] ^ key[i];
	return true;
}
