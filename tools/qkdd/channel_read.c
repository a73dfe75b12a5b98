// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Receiving: bytes to records, records to messages, and what a socket says
 * besides.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <string.h>
#include <unistd.h>

#include "channel_priv.h"
#include "tools/common/wire.h"

#define READ_SIZE	(256u << 10)
#define READS		8	/* a turn of the loop */

static void got_body(struct conn *c, const uint8_t *body, size_t len,
		     bool deferred)
{
	struct channel *ch = c->ch;
	struct wire w = { .p = body, .len = len };
	const uint8_t *data;
	uint32_t type, n;
	uint64_t block;
	bool expected;

	while (w.len && c->state != CONN_ENDING) {
		type = wire_u32(&w);
		n = wire_u32(&w);
		block = wire_u64(&w);
		data = n <= CHANNEL_MESSAGE_MAX ? wire_bytes(&w, n) : NULL;
		if (deferred && type < CHANNEL_LATE) {
			conn_fail(c, CHANNEL_AUTH,
				  "a message came without its tag");
			return;
		}
		/* a man in the middle may have said this as well as the peer */
		if (!data && deferred) {
			conn_fail(c, CHANNEL_AUTH,
				  "a record without a tag was tampered with");
			return;
		}
		expected = c->state == CONN_HELLO ? type == TYPE_HELLO :
						    type != TYPE_HELLO;
		if (!data || !expected) {
			conn_fail(c, CHANNEL_REFUSED,
				  "the peer sent what cannot be read");
			return;
		}
		if (type == TYPE_HELLO)
			conn_got_hello(c, data, n);
		else if (type == TYPE_BYE)
			conn_fail(c, CHANNEL_PEER, "the peer left: %.*s",
				  (int)(n < 128 ? n : 128), (const char *)data);
		else
			ch->ops->message(ch->ctx, type, block, data, n);
	}
}

/* One record, if all of it is there. True: look for the next. */
static bool take_record(struct conn *c, struct evbuffer *in)
{
	size_t frame = RECORD_HEAD;
	const char *why = "";
	bool deferred;
	uint8_t head[RECORD_HEAD];
	const uint8_t *all;
	size_t len, most;
	int ret;

	if (evbuffer_copyout(in, head, sizeof(head)) < (ssize_t)sizeof(head))
		return false;
	most = c->state == CONN_OPEN ? RECORD_MAX :
	       MESSAGE_HEAD + 2 * GREET_SIZE + 32 + CHANNEL_HELLO_MAX;
	len = record_len(head);
	if (!len || len > most) {
		conn_fail(c, CHANNEL_AUTH, "a record of impossible length");
		return false;
	}
	deferred = record_deferred(head);
	if (!deferred)
		frame += RECORD_TAG;
	if (evbuffer_get_length(in) < len + frame)
		return false;
	all = evbuffer_pullup(in, len + frame);
	if (!all) {
		conn_fail(c, CHANNEL_PEER, "out of memory");
		return false;
	}
	ret = record_open(c->ch->store, &c->rs, all, all + RECORD_HEAD, len,
			  all + RECORD_HEAD + len, &why);
	if (ret) {
		conn_fail(c, ret == -ENOKEY || ret == -EIO ? CHANNEL_STORE :
			  CHANNEL_AUTH, "%s", why);
		return false;
	}
	if (!deferred)
		c->ch->records++;
	got_body(c, all + RECORD_HEAD, len, deferred);
	evbuffer_drain(in, len + frame);
	return c->state != CONN_ENDING;
}

/*
 * libevent reads no more than 4096 bytes a turn of the loop, and a busy link
 * has far more waiting. Faults are left for libevent to meet.
 */
static bool read_more(struct conn *c, struct evbuffer *in)
{
	int fd = bufferevent_getfd(c->bev);
	struct evbuffer_iovec v;
	ssize_t n = 0;

	evbuffer_unfreeze(in, 0);
	if (evbuffer_reserve_space(in, READ_SIZE, &v, 1) == 1) {
		n = read(fd, v.iov_base, v.iov_len);
		v.iov_len = n > 0 ? n : 0;
		evbuffer_commit_space(in, &v, 1);
	}
	evbuffer_freeze(in, 0);
	return n > 0;
}

void conn_readable(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	uint8_t buf[GREET_SIZE];
	unsigned int reads = READS;
	struct conn *c = arg;

	if (c->state == CONN_GREETED) {
		if (evbuffer_get_length(in) < GREET_SIZE)
			return;
		evbuffer_remove(in, buf, GREET_SIZE);
		if (c->dialled)
			conn_got_answer(c, buf);
		else
			conn_got_greeting(c, buf);
	}
	while (c->state == CONN_HELLO || c->state == CONN_OPEN) {
		if (take_record(c, in))
			continue;
		if (c->state != CONN_OPEN || !reads-- || !read_more(c, in))
			break;
	}
}

void conn_event(struct bufferevent *bev, short what, void *arg)
{
	size_t left = evbuffer_get_length(bufferevent_get_input(bev));
	struct conn *c = arg;

	if (what & BEV_EVENT_CONNECTED) {
		conn_greet(c);
	} else if (left && c->state == CONN_OPEN) {
		conn_fail(c, CHANNEL_PEER,
			  "the connection was cut in the middle of a record");
	} else if (what & BEV_EVENT_EOF) {
		conn_fail(c, CHANNEL_PEER, "the peer closed the connection");
	} else if (what & BEV_EVENT_ERROR) {
		conn_fail(c, CHANNEL_PEER, "%s: %s", c->met ?
			  "the connection to the peer broke" :
			  "no connection to the peer",
			  strerror(EVUTIL_SOCKET_ERROR()));
	}
}
