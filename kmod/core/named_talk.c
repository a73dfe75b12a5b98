// SPDX-License-Identifier: GPL-2.0
/*
 * What the ends of a named stream say to each other, leader and follower; why
 * it is enough is told in named.c.
 */
#include <linux/limits.h>
#include <linux/slab.h>
#include "core.h"
#include "named.h"

#define UNREAD_MAX	65536	/* bytes that wait for a reader before it stalls */
#define RETRY_MAX	(5 * HZ)
#define RETRY_OPEN_MAX	(60 * HZ)
#define RETRY_STARVED	(HZ / 4)

static_assert(QKD_NAMED_MSG_SIZE <= QKD_MSG_BODY_MAX);

/* ---- sending ---- */

static void named_send(struct qkd_link *link, const struct qkd_named_msg *m)
{
	u8 body[QKD_NAMED_MSG_SIZE];

	qkd_named_msg_write(m, body);
	/* one that cannot be sent is as one lost */
	qkd_msg_send(link, QKD_PROTO_STREAM, body, sizeof(body));
}

void qkd_named_say(struct qkd_named *s, struct qkd_named_msg m)
{
	lockdep_assert_held(&s->lock);
	m.mine = s->mine;
	m.yours = m.yours ?: s->yours;
	memcpy(m.name, s->name, sizeof(m.name));
	named_send(s->link, &m);
}

static void say_open(struct qkd_named *s, u8 flags, u64 yours)
{
	qkd_named_say(s, (struct qkd_named_msg) {
		.type = QKD_NAMED_OPEN,
		.flags = flags,
		.yours = yours,
	});
}

static void say_chunk(struct qkd_named *s)
{
	struct qkd_named_msg m = {
		.type = QKD_NAMED_CHUNK,
		.len = s->cur->len,
		.seq = s->next,
		.offset = s->cur_offset,
	};

	memcpy(m.tag, s->cur_tag, sizeof(m.tag));
	qkd_named_say(s, m);
}

static void say_ack(struct qkd_named *s)
{
	qkd_named_say(s, (struct qkd_named_msg) {
		.type = QKD_NAMED_ACK,
		.flags = s->last_taken ? QKD_NAMED_F_TAKEN : 0,
		.seq = s->next - 1,
	});
}

static void say_want(struct qkd_named *s)
{
	qkd_named_say(s, (struct qkd_named_msg) {
		.type = QKD_NAMED_WANT,
		.len = min_t(u32, READ_ONCE(s->want), QKD_NAMED_CHUNK_MAX),
		.seq = s->next,
	});
}

void qkd_named_no_such(struct qkd_link *link, const struct qkd_named_msg *to)
{
	struct qkd_named_msg m = {
		.type = QKD_NAMED_CLOSE,
		.mine = to->yours,
		.yours = to->mine,
	};

	memcpy(m.name, to->name, sizeof(m.name));
	named_send(link, &m);
}

/* ---- repeating ---- */

/*
 * What was being repeated is answered. Before the reader hears of it, lest
 * its next wish be forgotten; left pending, the repetition would hold that
 * back, see named_want() in named_read.c.
 */
static void named_answered(struct qkd_named *s)
{
	lockdep_assert_held(&s->lock);
	cancel_delayed_work(&s->work);
	s->retry = NAMED_RETRY_MIN;
}

/* ---- the leader ---- */

static bool is_leader(const struct qkd_named *s)
{
	return qkd_link_lower(s->link);
}

static bool leader_wanted(const struct qkd_named *s)
{
	if (READ_ONCE(s->unread) >= UNREAD_MAX)
		return false;
	return s->peer_want || (READ_ONCE(s->want) && !READ_ONCE(s->unread));
}

/* Reserves the next chunk, a small one if there is no key for a large one. */
static int leader_reserve(struct qkd_named *s)
{
	u32 want = max(READ_ONCE(s->want), s->peer_want), epoch;
	u8 gen[QKD_GENERATION_SIZE];
	struct named_chunk *chunk;
	int err;

	want = clamp_t(u32, want, NAMED_CHUNK_MIN, QKD_NAMED_CHUNK_MAX);
	chunk = qkd_named_chunk_alloc(want);
	if (!chunk)
		return -ENOMEM;
	err = qkd_reserve(s->consumer, chunk->data, chunk->len, &s->cur_offset,
			  &epoch);
	if (err && chunk->len > NAMED_CHUNK_MIN) {
		qkd_named_chunk_free(chunk);
		chunk = qkd_named_chunk_alloc(NAMED_CHUNK_MIN);
		if (!chunk)
			return -ENOMEM;
		err = qkd_reserve(s->consumer, chunk->data, chunk->len,
				  &s->cur_offset, &epoch);
	}
	if (!err && qkd_link_generation(s->link, gen) != epoch)
		err = -ESTALE;
	if (err) {
		qkd_named_chunk_free(chunk);
		return err;
	}
	memcpy(s->cur_tag, gen, sizeof(s->cur_tag));
	s->cur = chunk;
	WRITE_ONCE(s->peer_want, 0);
	return 0;
}

static void leader_run(struct qkd_named *s)
{
	if (!s->cur) {
		if (!leader_wanted(s))
			return;
		if (leader_reserve(s)) {
			qkd_named_soon(s, RETRY_STARVED);
			return;
		}
		s->retry = NAMED_RETRY_MIN;
	}
	say_chunk(s);
	qkd_named_soon(s, s->retry);
	s->retry = min_t(unsigned long, 2 * s->retry, RETRY_MAX);
}

static void leader_ack(struct qkd_named *s, const struct qkd_named_msg *m)
{
	bool taken = m->flags & QKD_NAMED_F_TAKEN;

	if (!is_leader(s) || !s->cur || m->seq != s->next)
		return;
	s->next++;
	named_answered(s);
	if (taken)
		qkd_named_push(s, s->cur);
	else
		qkd_named_chunk_free(s->cur);
	s->cur = NULL;
	if (taken) {
		s->voids = 0;
		leader_run(s);
		return;
	}
	/* something may be wrong with the key: burn no more of it at once */
	qkd_named_soon(s, NAMED_RETRY_MIN << min_t(u32, s->voids++, 6));
}

static void leader_want(struct qkd_named *s, const struct qkd_named_msg *m)
{
	if (!is_leader(s) || m->seq != s->next)
		return;
	/* one is under way: it answers this, and may just have been lost */
	if (!s->cur)
		WRITE_ONCE(s->peer_want, max_t(u32, m->len, 1));
	s->retry = NAMED_RETRY_MIN;
	leader_run(s);
}

/* ---- the follower ---- */

static void follower_run(struct qkd_named *s)
{
	if (!READ_ONCE(s->want) || READ_ONCE(s->unread))
		return;
	say_want(s);
	qkd_named_soon(s, s->retry);
	s->retry = min_t(unsigned long, 2 * s->retry, RETRY_MAX);
}

/* Takes a chunk's key: 0, or why it is void, or -ENETDOWN: not decided yet. */
static int follower_take(struct qkd_named *s, const struct qkd_named_msg *m,
			 u32 epoch, struct named_chunk *chunk)
{
	u8 gen[QKD_GENERATION_SIZE];

	if (qkd_link_generation(s->link, gen) != epoch ||
	    memcmp(gen, m->tag, sizeof(m->tag)))
		return -ESTALE;
	return qkd_take(s->consumer, epoch, m->offset, chunk->data,
			chunk->len);
}

static void follower_decide(struct qkd_named *s, const struct qkd_named_msg *m,
			    u32 epoch)
{
	struct named_chunk *chunk;
	int err;

	/* asked again when the reader has caught up, by WANT */
	if (READ_ONCE(s->unread) >= UNREAD_MAX)
		return;
	chunk = qkd_named_chunk_alloc(m->len);
	if (!chunk)
		return;
	err = follower_take(s, m, epoch, chunk);
	if (err == -ENETDOWN) {
		qkd_named_chunk_free(chunk);
		return;
	}
	s->next++;
	s->last_taken = !err;
	named_answered(s);
	if (err)
		qkd_named_chunk_free(chunk);
	else
		qkd_named_push(s, chunk);
	say_ack(s);
}

static void follower_chunk(struct qkd_named *s, const struct qkd_named_msg *m,
			   u32 epoch)
{
	if (is_leader(s))
		return;
	if (m->seq == s->next && s->next != U32_MAX)
		follower_decide(s, m, epoch);
	else if (s->next && m->seq == s->next - 1)
		say_ack(s);
}

/* ---- both ---- */

void qkd_named_run(struct qkd_named *s)
{
	lockdep_assert_held(&s->lock);
	switch (s->state) {
	case NAMED_OPENING:
		say_open(s, 0, 0);
		qkd_named_soon(s, s->retry);
		s->retry = min_t(unsigned long, 2 * s->retry, RETRY_OPEN_MAX);
		break;
	case NAMED_OPEN:
		if (is_leader(s))
			leader_run(s);
		else
			follower_run(s);
		break;
	}
}

static void named_bind(struct qkd_named *s, u64 yours)
{
	qkd_named_become(s, NAMED_OPEN, yours);
	qkd_named_soon(s, 0);
}

/* Who opens at the other end, and do we know each other? */
static void named_open(struct qkd_named *s, const struct qkd_named_msg *m)
{
	bool bound = s->state == NAMED_OPEN;
	bool knows = m->yours == s->mine;

	if (bound && knows && m->mine != s->yours) {
		/* alive now, and not who we are bound to: that one is gone */
		qkd_named_become(s, NAMED_CLOSED, s->yours);
	} else if (bound && knows) {
		if (!(m->flags & QKD_NAMED_F_BOUND))
			say_open(s, QKD_NAMED_F_BOUND, 0);
	} else if (bound) {
		/* an old message, or one restarted: is it alive? */
		if (m->mine != s->yours)
			say_open(s, QKD_NAMED_F_BUSY, m->mine);
	} else if (m->flags & QKD_NAMED_F_BUSY) {
		if (knows)
			say_open(s, 0, m->mine);
	} else if (knows) {
		named_bind(s, m->mine);
		if (!(m->flags & QKD_NAMED_F_BOUND))
			say_open(s, QKD_NAMED_F_BOUND, 0);
	} else {
		s->yours = m->mine;
		say_open(s, 0, 0);
	}
}

void qkd_named_handle(struct qkd_named *s, const struct qkd_named_msg *m,
		      u32 epoch)
{
	lockdep_assert_held(&s->lock);
	if (m->type == QKD_NAMED_OPEN) {
		if (s->state != NAMED_CLOSED)
			named_open(s, m);
		return;
	}
	if (s->state == NAMED_CLOSED || m->yours != s->mine ||
	    (s->state == NAMED_OPEN && m->mine != s->yours)) {
		if (m->type != QKD_NAMED_CLOSE)
			qkd_named_no_such(s->link, m);
		return;
	}
	if (s->state == NAMED_OPENING && m->type != QKD_NAMED_CLOSE)
		named_bind(s, m->mine);
	switch (m->type) {
	case QKD_NAMED_CHUNK:
		follower_chunk(s, m, epoch);
		break;
	case QKD_NAMED_ACK:
		leader_ack(s, m);
		break;
	case QKD_NAMED_WANT:
		leader_want(s, m);
		break;
	case QKD_NAMED_CLOSE:
		if (s->state == NAMED_OPEN)
			qkd_named_become(s, NAMED_CLOSED, s->yours);
		break;
	}
}
