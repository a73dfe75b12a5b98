// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is said in a session with a neighbour.
 *
 *   ours:    CONNECTING --get, HELLO--> ASKED --WELCOME--> UP
 *   theirs:  GUEST --HELLO, take--> UP
 *   any of them --a tag wrong, out of turn--> the connection ends
 *
 * Chunks go out over ours and come in over theirs; replies the other way.
 */
#include <netinet/in.h>
#include <string.h>

#include "hop_priv.h"
#include "tools/common/clock.h"
#include "tools/common/secret.h"

void hop_reply(struct hop *hop, enum frame_type type, const struct route *r)
{
	struct hop_conn *c = hop->in;

	if (c && c->state == CONN_UP)
		hop_conn_write(c, frame_reply(hop->hops->frame, type, c->said,
					      r));
}

/* False: the session must end. */
static bool heard_key(struct hop_conn *c, const struct frame *f,
		      const uint8_t *in)
{
	struct hops *h = c->hops;
	struct hop *hop = c->hop;
	struct qkd_key_range range;
	int ret;

	if (qkd_key_id_decode(&f->id, &range) ||
	    range.len != f->len + FRAME_OTP_KEY)
		return false;
	ret = hop_key_take(hop, &f->id, QKD_KEY_MAX);
	if (ret < 0) {
		/* the share is lost, and its end will notice */
		hop_trouble(hop, LOG_LEVEL_WARN, "%s", qkd_error());
		return true;
	}
	if (!frame_open(f, in, h->key, h->text)) {
		wipe(h->key, range.len);
		hop_trouble(hop, LOG_LEVEL_ERR,
			    "a chunk's one-time tag is wrong: that node lies, or key differs at the link's ends");
		return false;
	}
	wipe(h->key, range.len);
	h->ops->key(h->ctx, hop, &f->route, h->text, f->len);
	wipe(h->text, f->len);
	return true;
}

static bool heard_up(struct hop_conn *c, const struct frame *f,
		     const uint8_t *in)
{
	const struct route *r = &f->route;
	const struct path *p = &r->path;

	switch (f->type) {
	case FRAME_KEY:
		return !c->ours &&
		       hop_is_between(c->hop, p->node[r->at],
				      p->node[r->at + 1]) &&
		       heard_key(c, f, in);
	case FRAME_ACK:
	case FRAME_VOID:
		if (!c->ours || !hop_is_between(c->hop, p->node[r->at],
						p->node[r->at - 1]))
			return false;
		c->hops->ops->reply(c->hops->ctx, c->hop, f->type, r);
		return true;
	default:
		return false;
	}
}

static void is_up(struct hop_conn *c)
{
	c->state = CONN_UP;
	c->hop->tries = 0;
	hop_conn_rest(c);
	c->hop->said[0] = '\0';
	log_line(LOG_LEVEL_INFO, c->hop->link, "%s: %s", c->hop->peer_node,
		 c->ours ? "chunks can be sent" : "chunks can come");
	c->hops->ops->changed(c->hops->ctx);
}

static bool same_host(const struct sockaddr_storage *a,
		      const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family == AF_INET6 && b->ss_family == AF_INET &&
	    IN6_IS_ADDR_V4MAPPED(&a6->sin6_addr))
		return !memcmp(&a6->sin6_addr.s6_addr[12], &b4->sin_addr, 4);
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return !memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr));
}

/* False: nothing that a neighbour says, or not now. */
static bool heard_hello(struct hop_conn *c, const struct frame *f,
			const uint8_t *in, size_t len)
{
	struct hops *h = c->hops;
	struct qkd_key_range range;
	struct hop *hop;
	bool good;
	int ret;

	if (f->type != FRAME_HELLO || f->number)
		return false;
	LIST_FOREACH(hop, &h->list, entry)
		if (hop_is_between(hop, f->from, f->to) &&
		    same_host(&c->from, &hop->peer))
			break;
	if (!hop || clock_now() - hop->hello < HOP_AGAIN_S * .9 ||
	    qkd_key_id_decode(&f->id, &range) ||
	    range.len != 2 * FRAME_SESSION || hop_key_open(hop))
		return false;
	hop->hello = clock_now();
	ret = hop_key_take(hop, &f->id, 2 * FRAME_SESSION);
	if (ret < 0) {
		hop_trouble(hop, LOG_LEVEL_WARN, "no session: %s", qkd_error());
		return false;
	}
	memcpy(c->key_in, h->key, FRAME_SESSION);
	memcpy(c->key_out, h->key + FRAME_SESSION, FRAME_SESSION);
	wipe(h->key, 2 * FRAME_SESSION);
	good = frame_sealed(in, len, c->key_in);
	if (!good) {
		hop_trouble(hop, LOG_LEVEL_ERR, "a false HELLO");
		return false;
	}
	if (hop->in)
		hop_conn_free(hop->in);
	hop_conn_settle(c, hop);
	c->heard = 1;
	hop_conn_write(c, frame_welcome(h->frame));
	is_up(c);
	return true;
}

bool hop_session_heard(struct hop_conn *c, const uint8_t *in, size_t len)
{
	struct frame f;

	if (!frame_read(&f, in, len))
		return false;
	if (c->state == CONN_GUEST)
		return heard_hello(c, &f, in, len);
	/* key is spent on nothing that the neighbour did not say */
	if (f.number != c->heard || !frame_sealed(in, len, c->key_in)) {
		hop_trouble(c->hop, LOG_LEVEL_ERR,
			    "a message is forged or damaged");
		return false;
	}
	c->heard++;
	if (c->state == CONN_UP)
		return heard_up(c, &f, in);
	if (c->state != CONN_ASKED || f.type != FRAME_WELCOME)
		return false;
	is_up(c);
	hop_queue_pump(c->hop);
	return true;
}

bool hop_session_begin(struct hop_conn *c)
{
	struct hop *hop = c->hop;
	struct hops *h = c->hops;
	struct qkd_key_id id;
	int ret;

	ret = hop_key_get(hop, 2 * FRAME_SESSION, &id);
	if (ret) {
		hop_trouble(hop, LOG_LEVEL_WARN, "no session: %s", qkd_error());
		return false;
	}
	memcpy(c->key_out, h->key, FRAME_SESSION);
	memcpy(c->key_in, h->key + FRAME_SESSION, FRAME_SESSION);
	wipe(h->key, 2 * FRAME_SESSION);
	c->state = CONN_ASKED;
	hop_conn_write(c, frame_hello(h->frame, &id, hop->local_node,
				      hop->peer_node));
	return true;
}
