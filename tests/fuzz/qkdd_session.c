// SPDX-License-Identifier: GPL-2.0-or-later
// LIBRARIES: daemon common net post sim coinc raw
// PACKAGES: libevent_core libcrypto fftw3
/*
 * Fuzzer of what is said beside the making of key, at either end: HELLO, where
 * delivered key goes, how far pools are, post-quantum secrets. The input is a
 * list of steps: key comes, the peer says what a right one would, or anything.
 * What a pool is fed and told to be confirmed is never more than there was, and
 * what people are told is text.
 */
#include <errno.h>
#include <event2/event.h>

#include "tests/fuzz/qkdd_memory.h"
#include "tools/common/log.h"
#include "tools/common/wire.h"
#include "tools/qkdd/messages.h"
#include "tools/qkdd/session_priv.h"

#define ROOM	4096	/* of a pool that is never emptied */
#define KEY_MAX	1024	/* of a delivery */
#define STEPS	64

/* An end's pool, and what its peer has been told */
struct pool {
	bool lower;
	struct qkd_state st;
	uint64_t filled;	/* bytes of key that came */
	uint64_t fed;
	uint8_t stored[64];	/* the last STORED that was said */
	size_t stored_len;
};

static void must(bool right)
{
	if (!right)
		abort();
}

static struct qkd_stream_state *stream(struct pool *p, bool first)
{
	return p->lower == first ? &p->st.tx : &p->st.rx;
}

static int pool_state(void *ctx, struct qkd_state *state)
{
	struct pool *p = ctx;

	*state = p->st;
	return 0;
}

static int pool_start(void *ctx, const uint8_t *generation)
{
	struct pool *p = ctx;

	memset(&p->st, 0, sizeof(p->st));
	memcpy(p->st.generation, generation, sizeof(p->st.generation));
	p->st.tx.room = ROOM;
	p->st.rx.room = ROOM;
	return 0;
}

static int pool_feed(void *ctx, const struct qkd_feed *head, const void *block)
{
	struct pool *p = ctx;
	struct qkd_stream_state *s;

	must(head->flags == QKD_FEED_STREAM_0 ||
	     head->flags == QKD_FEED_STREAM_1);
	s = stream(p, head->flags == QKD_FEED_STREAM_0);
	if (head->seq < p->st.next_seq || head->offset < s->head)
		return -EINVAL;
	if (head->len > s->room)
		return -EAGAIN;
	p->fed += head->len;
	must(p->fed <= p->filled);
	p->st.next_seq = head->seq + 1;
	s->head = head->offset + head->len;
	s->room -= head->len;
	if (s == &p->st.rx)
		s->confirmed = s->head;
	return 0;
}

static int pool_confirm(void *ctx, const struct qkd_confirm *c)
{
	struct pool *p = ctx;

	must(c->offset + c->len >= c->offset &&
	     c->offset + c->len <= p->st.tx.head);
	if (c->offset < p->st.tx.confirmed)
		return -EINVAL;
	p->st.tx.confirmed = c->offset + c->len;
	return 0;
}

static const struct sink_ops pool_ops = {
	.state = pool_state, .start = pool_start, .feed = pool_feed,
	.confirm = pool_confirm,
};

static void on_stored(void *ctx, const uint8_t *body, size_t len)
{
	struct pool *p = ctx;

	must(len <= sizeof(p->stored));
	memcpy(p->stored, body, len);
	p->stored_len = len;
}

static void on_level(void *ctx, const uint8_t *body, size_t len)
{
}

static void on_failed(void *ctx, const char *why)
{
}

static void on_moved(void *ctx)
{
}

static const struct deliver_ops deliver_calls = {
	.stored = on_stored, .level = on_level, .failed = on_failed,
	.moved = on_moved,
};

static void on_send(void *ctx, unsigned int type, const void *data, size_t len)
{
}

static int on_give(void *ctx, const uint8_t *id, const uint8_t *secret)
{
	return 0;
}

static int on_use(void *ctx, const uint8_t *id)
{
	return 0;
}

static void text_only(const char *s)
{
	for (; *s; s++)
		must(*s >= ' ' && *s <= '~');
}

static void on_none(void *ctx, const char *why)
{
	text_only(why);
}

static const struct hybrid_ops hybrid_calls = {
	.send = on_send, .give = on_give, .use = on_use, .none = on_none,
};

static int hello(struct session *s, const uint8_t *p, size_t len)
{
	char why[192] = "";
	int ret = session_meet(s, p, len, why, sizeof(why));

	must(ret <= 0 && (!ret || *why));
	text_only(why);
	return 0;
}

/* What a right peer would say, but for three bytes that are any */
static int right_hello(struct session *s, struct input *in)
{
	uint8_t body[TEXT_MAX + 256];
	enum qkd_role role = s->role;
	size_t len;
	int i;

	s->role = role == QKD_ROLE_ALICE ? QKD_ROLE_BOB : QKD_ROLE_ALICE;
	len = session_hello(s, body);
	s->role = role;
	for (i = 0; i < 3; i++)
		body[take8(in) % len] ^= take8(in);
	return hello(s, body, len);
}

static void key_comes(struct session *s, struct pool *p, struct input *in)
{
	static const uint8_t key[KEY_MAX];
	size_t len = take16(in) % KEY_MAX;
	struct delivery *e = deliver_expect(s->deliver, len);

	if (!e || deliver_fill(s->deliver, e, key)) {
		must(starved());
		return;
	}
	p->filled += len;
}

/* The leader's next record as a follower expects it; or that it was heard */
static int right_stored(struct session *s, struct pool *p, struct input *in)
{
	uint32_t where = take8(in) % 3, len = take16(in) % KEY_MAX;
	struct auth_marks marks;
	uint8_t body[48] = { 0 };

	if (s->lower)
		return deliver_stored(s->deliver, p->stored, p->stored_len);
	wire_put32(body, where);
	if (where < 2) {
		wire_put64(body + 8, p->st.next_seq);
		wire_put64(body + 16, stream(p, !where)->head);
	} else {
		/* key that authenticates is of both streams, in whole masks */
		len -= len % (2 * AUTH_UNIT);
		auth_marks(s->store, &marks);
		wire_put64(body + 8, 1);
		wire_put64(body + 16, marks.head);
	}
	wire_put32(body + 4, len);
	return deliver_stored(s->deliver, body, sizeof(body));
}

static int anything(struct session *s, struct input *in)
{
	unsigned int what = take8(in) % 8;
	size_t len = take16(in);
	const uint8_t *p = take(in, &len);

	switch (what) {
	case 0:
		return hello(s, p, len);
	case 1:
		return deliver_stored(s->deliver, p, len);
	case 2:
		return deliver_level(s->deliver, p, len);
	default:
		return hybrid_message(s->hybrid, MSG_PQ_OFFER + what - 3, p,
				      len);
	}
}

static int step(struct session *s, struct pool *p, struct input *in)
{
	switch (take8(in) % 5) {
	case 0:
		return right_hello(s, in);
	case 1:
		key_comes(s, p, in);
		return 0;
	case 2:
		return right_stored(s, p, in);
	case 3:
		hybrid_start(s->hybrid);
		return 0;
	default:
		return anything(s, in);
	}
}

/* As it was made: what is added to it stays there. */
static struct auth_store *fresh_store(bool lower)
{
	static struct auth_store *store[2];
	static struct auth_marks was[2];
	struct auth_marks now;

	if (store[lower]) {
		auth_marks(store[lower], &now);
		if (!memcmp(&now, &was[lower], sizeof(now)))
			return store[lower];
		auth_free(store[lower]);
	}
	store[lower] = memory_store(lower);
	auth_marks(store[lower], &was[lower]);
	return store[lower];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t generation[QKD_GENERATION_SIZE] = { 1 };
	static const uint64_t offset[2];
	static struct event_base *base;
	struct input in = { data, size };
	bool lower = take8(&in) & 1;
	struct pool p = { .lower = lower };
	struct session s = {
		.lower = lower,
		.link = "fuzz",
		.role = lower ? QKD_ROLE_ALICE : QKD_ROLE_BOB,
		.piece = 512,
		.text = "depth=raw block=8192",
		.sink = { &pool_ops, &p },
		.ours_known = true,
	};
	int i, ret = 0;

	if (!base) {
		log_setup(LOG_LEVEL_ERR, false);
		base = event_base_new();
	}
	pool_start(&p, generation);
	s.store = fresh_store(lower);
	s.deliver = deliver_new(base, &s.sink, s.store, lower, &deliver_calls,
				&p);
	s.hybrid = hybrid_new(lower, lower ? "a" : "b", lower ? "b" : "a", 60,
			      &hybrid_calls, &s);
	if (s.deliver && s.hybrid) {
		deliver_start(s.deliver, generation, 0, offset, s.piece);
		for (i = 0; i < STEPS && in.len && !ret; i++)
			ret = step(&s, &p, &in);
		must(!ret || ret == -EBADMSG || ret == -ENOMEM);
	} else {
		must(starved());
	}
	hybrid_free(s.hybrid);
	deliver_free(s.deliver);
	return 0;
}
