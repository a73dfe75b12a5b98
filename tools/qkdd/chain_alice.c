// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Alice's side of sifting: what she prepared is kept until Bob's DETECT asks
 * about it, and answered once her own device has told of these slots.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chain_priv.h"
#include "messages.h"
#include "tools/common/wire.h"
#include "tools/post/bits.h"
#include "tools/post/wipe.h"

#define EVENTS_MAX	(1u << 24)	/* of hers that nobody asked for yet */
#define LOOK_RUN	64	/* events compared at once */
#define SILENCE		3.0	/* s without a question: nobody listens */

void alice_forget_events(struct chain *c)
{
	if (c->ev_code)
		post_wipe(c->ev_code, c->ev_room);
	c->ev_first = 0;
	c->ev_count = 0;
}

void alice_forget_told(struct chain *c)
{
	struct told *t;

	while ((t = TAILQ_FIRST(&c->told))) {
		TAILQ_REMOVE(&c->told, t, entry);
		free(t);
	}
	memset(&c->sent, 0, sizeof(c->sent));
}

/* To the beginning of their room */
static void events_pack(struct chain *c)
{
	size_t held = c->ev_count - c->ev_first;

	memmove(c->ev_slot, c->ev_slot + c->ev_first,
		held * sizeof(*c->ev_slot));
	memmove(c->ev_code, c->ev_code + c->ev_first, held);
	post_wipe(c->ev_code + held, c->ev_first);
	c->ev_first = 0;
	c->ev_count = held;
}

static int events_grow(struct chain *c, size_t more)
{
	size_t held = c->ev_count - c->ev_first, room = 1 << 16;
	uint64_t *slot;
	uint8_t *code;

	if (c->ev_count + more <= c->ev_room)
		return 0;
	/* fresh memory costs more than to move what is little */
	if (held + more <= c->ev_room / 2) {
		events_pack(c);
		return 0;
	}
	while (room < 2 * (held + more))
		room *= 2;
	slot = post_alloc(room * sizeof(*slot));
	code = post_alloc(room);
	if (!slot || !code) {
		post_free(slot, room * sizeof(*slot));
		post_free(code, room);
		return -ENOMEM;
	}
	if (held) {
		memcpy(slot, c->ev_slot + c->ev_first, held * sizeof(*slot));
		memcpy(code, c->ev_code + c->ev_first, held);
	}
	post_free(c->ev_slot, c->ev_room * sizeof(*slot));
	post_free(c->ev_code, c->ev_room);
	c->ev_slot = slot;
	c->ev_code = code;
	c->ev_room = room;
	c->ev_first = 0;
	c->ev_count = held;
	return 0;
}

/* Asked for once, and not again */
void alice_events_done(struct chain *c, size_t at)
{
	if (at > c->ev_first)
		post_wipe(c->ev_code + c->ev_first, at - c->ev_first);
	c->ev_first = at;
}

/*
 * How many of the slots asked for are the very next of hers, in whole runs: a
 * device that knows where Bob may have clicked tells of nothing else.
 */
static size_t same_slots(const struct chain *c, const uint64_t *slot,
			 uint8_t *code, size_t count, size_t at)
{
	size_t n = 0;

	while (n + LOOK_RUN <= count && at + n + LOOK_RUN <= c->ev_count &&
	       !memcmp(slot + n, c->ev_slot + at + n,
		       LOOK_RUN * sizeof(*slot))) {
		memcpy(code + n, c->ev_code + at + n, LOOK_RUN);
		n += LOOK_RUN;
	}
	return n;
}

/* Her codes at the slots asked for. -EBADMSG: a slot she knows nothing of. */
static int look_up(struct chain *c, const uint64_t *slot, uint8_t *code,
		   size_t count, uint64_t limit)
{
	size_t i = same_slots(c, slot, code, count, c->ev_first);
	size_t at = c->ev_first + i;
	int ret = 0;

	for (; i < count && !ret; i++) {
		while (at < c->ev_count && c->ev_slot[at] < slot[i])
			at++;
		if (at == c->ev_count || c->ev_slot[at] != slot[i])
			ret = -EBADMSG;
		else
			code[i] = c->ev_code[at++];
	}
	while (at < c->ev_count && c->ev_slot[at] < limit)
		at++;
	alice_events_done(c, at);
	return ret;
}

/* What was sent in slots that are answered for now */
static void count_told(struct chain *c, uint64_t limit)
{
	unsigned int i;
	struct told *t;

	while ((t = TAILQ_FIRST(&c->told)) && t->end <= limit) {
		c->sent.slots += t->sent.slots;
		for (i = 0; i < RAW_INTENSITIES; i++) {
			c->sent.n[i][0] += t->sent.n[i][0];
			c->sent.n[i][1] += t->sent.n[i][1];
		}
		TAILQ_REMOVE(&c->told, t, entry);
		free(t);
	}
}

static int answer(struct chain *c, uint64_t no, uint64_t base, uint64_t limit,
		  const uint8_t *body, size_t len)
{
	/* a detection takes a byte of the body at least */
	size_t max = len < POST_DETECT_MAX ? len : POST_DETECT_MAX;
	size_t bytes = post_words(max) * 8, out_room;
	uint64_t *slot, *basis, *prep[4] = { NULL };
	struct sifted_part part;
	struct post_prep pp;
	uint8_t *code, *out = NULL;
	long n, ret = -ENOMEM;
	unsigned int i;

	slot = malloc((max ? max : 1) * sizeof(*slot));
	code = post_alloc(max ? max : 1);
	basis = post_alloc(bytes ? bytes : 8);
	for (i = 0; i < 4; i++)
		prep[i] = post_alloc(bytes ? bytes : 8);
	if (!slot || !code || !basis || !prep[0] || !prep[1] || !prep[2] ||
	    !prep[3])
		goto out;
	if (c->pairs) {
		n = pairs_detect_get(c, base, limit, body, len, code, basis,
				     max);
		ret = n < 0 ? n : 0;
	} else {
		n = post_detect_get(body, len, base, limit, slot, basis, max);
		ret = n < 0 ? n : look_up(c, slot, code, n, limit);
	}
	/* more than the body has room for */
	if (ret == -EMSGSIZE)
		ret = -EBADMSG;
	if (ret)
		goto out;
	post_sift_pack(code, n, prep[0], prep[1], prep[2], prep[3]);
	pp.bit = prep[0];
	pp.basis = prep[1];
	pp.lo = c->intensities > 1 ? prep[2] : NULL;
	pp.hi = c->intensities > 1 ? prep[3] : NULL;
	out_room = post_sift_size(n);
	ret = -ENOMEM;
	out = malloc(out_room);
	if (!out)
		goto out;
	part = (struct sifted_part){
		.body = out, .basis = basis, .n = n, .key = c->key.len,
		.chk = c->chk.len,
	};
	ret = post_sift_alice(&pp, basis, n, &c->key, &c->chk, out, out_room);
	if (ret < 0)
		goto out;
	c->stats.detections += n;
	c->stats.sifted += c->key.len - part.key + c->chk.len - part.chk;
	c->slots += limit - base;
	count_told(c, limit);
	c->heard_end = limit;
	c->heard_any = true;
	c->heard_at = chain_now();
	c->ops->send(c->ctx, MSG_SIFT, no, out, ret, NULL, 0);
	ret = cut_blocks(c, &part);
out:
	free(out);
	free(slot);
	post_free(code, max ? max : 1);
	post_free(basis, bytes ? bytes : 8);
	for (i = 0; i < 4; i++)
		post_free(prep[i], bytes ? bytes : 8);
	return ret;
}

/* 0: answered; -EAGAIN: her device has not come as far yet. */
static int try_answer(struct chain *c, uint64_t no, const uint8_t *data,
		      size_t len)
{
	struct wire w = { .p = data, .len = len };
	uint8_t run[RAW_RUN_SIZE];
	uint64_t base, limit;

	wire_copy(&w, run, sizeof(run));
	base = wire_u64(&w);
	limit = wire_u64(&w);
	if (w.bad || base > limit)
		return -EBADMSG;
	if (!c->run_known || memcmp(run, c->run, sizeof(run)) ||
	    base < c->heard_end) {
		/* of a run that is over, or slots of before this session */
		c->ops->send(c->ctx, MSG_SIFT, no, NULL, 0, NULL, 0);
		return 0;
	}
	if (c->pairs ? !pairs_ready(c, limit) : limit > c->ev_end)
		return -EAGAIN;
	return answer(c, no, base, limit, w.p, w.len);
}

int alice_detect(struct chain *c, uint64_t no, const uint8_t *data, size_t len)
{
	struct heard *h;
	int ret = -EAGAIN;

	if (c->role != QKD_ROLE_ALICE)
		return -EBADMSG;
	if (TAILQ_EMPTY(&c->heard))
		ret = try_answer(c, no, data, len);
	if (ret != -EAGAIN)
		return ret;
	h = malloc(sizeof(*h) + len);
	if (!h)
		return -ENOMEM;
	h->no = no;
	h->len = len;
	memcpy(h->data, data, len);
	TAILQ_INSERT_TAIL(&c->heard, h, entry);
	return pairs_search(c);
}

static void heard_drop(struct chain *c, struct heard *h)
{
	TAILQ_REMOVE(&c->heard, h, entry);
	free(h);
}

void alice_go_on(struct chain *c)
{
	struct heard *h;
	int ret = 0;

	while (!ret && (h = TAILQ_FIRST(&c->heard))) {
		ret = try_answer(c, h->no, h->data, h->len);
		if (ret == -EAGAIN) {
			ret = pairs_search(c);
			break;
		}
		heard_drop(c, h);
	}
	if (ret)
		c->ops->fail(c->ctx, ret == -ENOMEM ? "out of memory" :
			     "the peer's detections make no sense here");
}

void alice_refuse_heard(struct chain *c)
{
	struct heard *h;

	while ((h = TAILQ_FIRST(&c->heard))) {
		c->ops->send(c->ctx, MSG_SIFT, h->no, NULL, 0, NULL, 0);
		heard_drop(c, h);
	}
}

void alice_events(struct chain *c, uint64_t start, uint64_t end,
		  const uint64_t *slot, const uint8_t *code, size_t count)
{
	if (!alice_keeps(c) && alice_full(c)) {
		/*
		 * Nobody asks, and these are of no use any more. To stop
		 * reading would hide that the device's other end is gone.
		 */
		alice_forget_events(c);
		c->heard_end = start;
	}
	if (events_grow(c, count)) {
		c->ops->fail(c->ctx, "out of memory");
		return;
	}
	memcpy(c->ev_slot + c->ev_count, slot, count * sizeof(*slot));
	memcpy(c->ev_code + c->ev_count, code, count);
	c->ev_count += count;
	c->ev_end = end;
	alice_go_on(c);
}

void alice_totals(struct chain *c, uint64_t start, uint64_t end,
		  const struct raw_totals *totals)
{
	struct told *t;

	/* what nobody asks about is not kept for ever */
	if (c->role != QKD_ROLE_ALICE || !c->heard_any)
		return;
	t = calloc(1, sizeof(*t));
	if (!t) {
		c->ops->fail(c->ctx, "out of memory");
		return;
	}
	t->end = end;
	t->sent.slots = end - start;
	memcpy(t->sent.n, totals->sent, sizeof(t->sent.n));
	TAILQ_INSERT_TAIL(&c->told, t, entry);
}

bool alice_keeps(const struct chain *c)
{
	return c->heard_any || c->clocks == CLOCKS_SEARCHING ||
	       c->conf.recorded;
}

bool alice_full(const struct chain *c)
{
	return c->ev_count - c->ev_first > EVENTS_MAX;
}

void alice_tick(struct chain *c)
{
	if (c->heard_any && TAILQ_EMPTY(&c->heard) &&
	    chain_now() - c->heard_at > SILENCE)
		c->heard_any = false;
}
