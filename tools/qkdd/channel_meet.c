// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How two ends meet: greetings, then HELLOs.
 *
 * The answerer believes nothing of a greeting but its HMAC, and spends no
 * one-time key on it: both ends' stores are brought into step here first.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "channel_priv.h"
#include "tools/common/log.h"
#include "tools/common/secret.h"

/*
 * HELLO: both greetings, where our store stands now, and the session's part.
 * It is the one message of the first record.
 */
static int send_hello(struct conn *c)
{
	uint8_t buf[2 * GREET_SIZE + 32 + CHANNEL_HELLO_MAX];
	struct channel *ch = c->ch;
	struct auth_marks marks;
	struct evbuffer *out = bufferevent_get_output(c->bev);
	uint8_t head[RECORD_HEAD], tag[RECORD_TAG];
	struct evbuffer *b;
	size_t len;
	int ret;

	memcpy(buf, c->greet, 2 * GREET_SIZE);
	/* the marks are to tell of this message's own mask */
	ret = auth_prepare(ch->store);
	if (ret)
		return ret;
	auth_marks(ch->store, &marks);
	greet_put_marks(buf + 2 * GREET_SIZE, &marks);
	len = 2 * GREET_SIZE + 32;
	len += ch->ops->hello(ch->ctx, buf + len);

	b = evbuffer_new();
	if (!b)
		return -ENOMEM;
	message_put(b, TYPE_HELLO, 0, buf, len, NULL, 0);
	len = evbuffer_get_length(b);
	ret = record_seal(ch->store, &c->rs, evbuffer_pullup(b, -1), len, head,
			  tag);
	if (!ret) {
		evbuffer_add(out, head, sizeof(head));
		evbuffer_add_buffer(out, b);
		evbuffer_add(out, tag, sizeof(tag));
		ch->records++;
	}
	evbuffer_free(b);
	return ret;
}

static void store_fault(struct conn *c, int ret)
{
	if (ret == -ESTALE)
		conn_fail(c, CHANNEL_STORE,
			  "this node's authentication store is an old copy, or only one end has a new secret: give both ends a new one");
	else if (ret == -EREMOTE)
		conn_fail(c, CHANNEL_STORE,
			  "the peer's authentication store is an old copy, or only one end has a new secret: give both ends a new one");
	else if (ret == -ENOKEY)
		conn_fail(c, CHANNEL_STORE,
			  "authentication key is used up: give both ends a new secret");
	else
		conn_fail(c, CHANNEL_STORE,
			  "the store of authentication key cannot be written");
}

static void own_greeting(struct channel *ch, struct greet *g)
{
	memset(g, 0, sizeof(*g));
	random_bytes(g->nonce, sizeof(g->nonce));
	auth_marks(ch->store, &g->marks);
	snprintf(g->from, sizeof(g->from), "%s", ch->local_node);
	snprintf(g->to, sizeof(g->to), "%s", ch->peer_node);
	snprintf(g->link, sizeof(g->link), "%s",
		 ch->peer_link ? ch->peer_link : ch->link);
}

/* Connected: the dialler's greeting goes first. */
void conn_greet(struct conn *c)
{
	struct timeval tv = { .tv_sec = MEET_TIMEOUT };
	struct greet g;

	own_greeting(c->ch, &g);
	memcpy(c->rs.nonce[0], g.nonce, RECORD_NONCE);
	greet_build(&g, c->ch->store, NULL, c->greet[0]);
	bufferevent_write(c->bev, c->greet[0], GREET_SIZE);
	c->state = CONN_GREETED;
	event_add(c->timer, &tv);
}

/* The dialler's part of CONN_GREETED: the answer to its greeting. */
void conn_got_answer(struct conn *c, const uint8_t *buf)
{
	struct channel *ch = c->ch;
	struct greet g;
	int ret;

	if (greet_parse(buf, &g)) {
		conn_fail(c, CHANNEL_PEER, "who answers is no qkdd of this version");
		return;
	}
	if (!greet_check(buf, ch->store, c->greet[0])) {
		conn_fail(c, CHANNEL_AUTH,
			  "who answers does not hold this link's secret");
		return;
	}
	ret = auth_settle(ch->store, &g.marks);
	if (ret) {
		store_fault(c, ret);
		return;
	}
	memcpy(c->greet[1], buf, GREET_SIZE);
	memcpy(c->rs.nonce[1], g.nonce, RECORD_NONCE);
	ret = send_hello(c);
	if (ret) {
		store_fault(c, ret);
		return;
	}
	c->state = CONN_HELLO;
}

/* A guest's greeting, at the answerer. */
void conn_got_greeting(struct conn *c, const uint8_t *buf)
{
	struct channel *ch;
	struct greet g, own;
	int ret;

	if (greet_parse(buf, &g)) {
		conn_fail(c, CHANNEL_PEER, "no greeting");
		return;
	}
	ch = listener_find(c->listener, &g);
	if (!ch) {
		log_debug("no link to node %.63s is known here", g.from);
		conn_fail(c, CHANNEL_PEER, "no such link");
		return;
	}
	listener_drop(c->listener, c);
	c->ch = ch;
	if (ch->caller)
		conn_free(ch->caller);
	ch->caller = c;

	if (!greet_check(buf, ch->store, NULL)) {
		conn_fail(c, CHANNEL_AUTH,
			  "who calls does not hold this link's secret");
		return;
	}
	own_greeting(ch, &own);
	memcpy(c->greet[0], buf, GREET_SIZE);
	greet_build(&own, ch->store, buf, c->greet[1]);
	memcpy(c->rs.nonce[0], g.nonce, RECORD_NONCE);
	memcpy(c->rs.nonce[1], own.nonce, RECORD_NONCE);
	/* the peer needs our marks to see that its store is old, if it is */
	bufferevent_write(c->bev, c->greet[1], GREET_SIZE);
	ret = auth_settle(ch->store, &g.marks);
	if (ret) {
		store_fault(c, ret);
		conn_push_out(c);
		return;
	}
	c->state = CONN_HELLO;
}

void conn_got_hello(struct conn *c, const uint8_t *data, size_t len)
{
	struct channel *ch = c->ch;
	struct auth_marks marks;
	char why[WHY_MAX] = "";
	int ret;

	if (len < 2 * GREET_SIZE + 32 ||
	    memcmp(data, c->greet, 2 * GREET_SIZE)) {
		conn_fail(c, CHANNEL_AUTH, "the greetings were tampered with");
		return;
	}
	if (!c->dialled) {
		/* now that it is the peer for sure, the old one goes */
		ch->caller = NULL;
		if (ch->conn) {
			struct conn *old = ch->conn;
			bool met = old->met;

			conn_free(old);
			evbuffer_drain(ch->batch,
				       evbuffer_get_length(ch->batch));
			if (met)
				ch->ops->closed(ch->ctx, CHANNEL_PEER,
						"the peer dialled anew");
		}
		ch->conn = c;
		ret = send_hello(c);
		if (ret) {
			store_fault(c, ret);
			return;
		}
	}
	greet_get_marks(data + 2 * GREET_SIZE, &marks);
	ret = auth_agree(ch->store, &marks);
	if (ret) {
		store_fault(c, ret);
		return;
	}
	data += 2 * GREET_SIZE + 32;
	len -= 2 * GREET_SIZE + 32;
	if (ch->ops->meet(ch->ctx, data, len, why, sizeof(why))) {
		conn_fail(c, CHANNEL_REFUSED, "%s", why);
		return;
	}
	event_del(c->timer);
	bufferevent_set_max_single_read(c->bev, 1 << 20);
	bufferevent_set_max_single_write(c->bev, 1 << 20);
	c->state = CONN_OPEN;
	c->met = true;
	ch->pause = DIAL_MIN;
	ch->ops->open(ch->ctx);
}
