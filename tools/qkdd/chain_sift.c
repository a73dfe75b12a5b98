// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sifting as a conversation: from the device's events to strings that both
 * ends hold, and from these to blocks.
 *
 * Bob gathers detections into a DETECT and keeps them until Alice's SIFT says
 * which to keep; Alice answers once her own device has told of these slots.
 * Both append the same positions in the same order, so both cut blocks at the
 * same bits without a word.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain_priv.h"
#include "messages.h"
#include "tools/post/bits.h"
#include "tools/post/wipe.h"
#include "wire.h"

#define DETECT_HEAD	(RAW_RUN_SIZE + 16)	/* run, base, limit */
#define RUN_HEAD	(RAW_RUN_SIZE + 16)	/* run, slots_hz, intensities, 0 */
#define DETECT_COUNT	(1u << 17)	/* detections that go off at once */
#define DETECT_LEAST	4096		/* or these, after: */
#define DETECT_WAIT	0.2		/* s */
#define DETECT_LONG	5.0		/* s, for any number */
#define EVENTS_MAX	(1u << 24)	/* of Alice's that nobody asked for yet */
#define SILENCE		3.0	/* s without a question: nobody listens */

static void asked_free(struct asked *a)
{
	post_free(a->flags, a->room);
	free(a->slot);
	free(a);
}

static struct asked *asked_new(uint64_t base)
{
	struct asked *a = calloc(1, sizeof(*a));

	if (a) {
		a->base = base;
		a->limit = base;
		a->began = chain_now();
	}
	return a;
}

static int asked_grow(struct asked *a, size_t more)
{
	size_t room = a->room ? a->room : 1 << 14;
	uint64_t *slot;
	uint8_t *flags;

	while (room < a->count + more)
		room *= 2;
	if (room == a->room)
		return 0;
	slot = realloc(a->slot, room * sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	a->slot = slot;
	flags = post_alloc(room);
	if (!flags)
		return -ENOMEM;
	if (a->count)
		memcpy(flags, a->flags, a->count);
	post_free(a->flags, a->room);
	a->flags = flags;
	a->room = room;
	return 0;
}

static void zero_sifted(struct post_sifted *s)
{
	size_t bytes = post_words(s->cap) * 8;

	if (!s->bit)
		return;
	post_wipe(s->bit, bytes);
	post_wipe(s->lo, bytes);
	post_wipe(s->hi, bytes);
	s->len = 0;
}

static void forget_events(struct chain *c)
{
	if (c->ev_code)
		post_wipe(c->ev_code, c->ev_room);
	c->ev_first = 0;
	c->ev_count = 0;
}

static void forget_told(struct chain *c)
{
	struct told *t;

	while ((t = TAILQ_FIRST(&c->told))) {
		TAILQ_REMOVE(&c->told, t, entry);
		free(t);
	}
	memset(&c->sent, 0, sizeof(c->sent));
}

static void forget_asked(struct chain *c)
{
	struct asked *a;

	if (c->filling)
		asked_free(c->filling);
	c->filling = NULL;
	while ((a = TAILQ_FIRST(&c->asked))) {
		TAILQ_REMOVE(&c->asked, a, entry);
		asked_free(a);
	}
	c->asked_count = 0;
}

void sift_reset(struct chain *c)
{
	struct heard *h;

	forget_asked(c);
	c->asked_next = 0;
	while ((h = TAILQ_FIRST(&c->heard))) {
		TAILQ_REMOVE(&c->heard, h, entry);
		free(h);
	}
	forget_events(c);
	forget_told(c);
	pairs_forget(c);
	c->heard_any = false;
	zero_sifted(&c->key);
	zero_sifted(&c->chk);
	if (c->chk_alice)
		post_wipe(c->chk_alice, post_words(c->chk_room) * 8);
	c->slots = 0;
}

/* ---- runs ---- */

/*
 * Takes intensities into the protocol, none of entangled pairs; NULL or what
 * is wrong with them.
 */
static const char *protocol_set(struct chain *c, unsigned int count,
				const double *mu, const double *p)
{
	struct post_protocol pr = {
		.eps_sec = c->conf.eps_sec,
		.eps_cor = c->conf.eps_cor,
	};

	if (count == 1)
		return "one intensity: without decoys nothing is known of single photons";
	if (count > POST_INTENSITIES)
		return "the device has more intensities than are understood";
	if (count) {
		memcpy(pr.mu, mu, count * sizeof(*mu));
		memcpy(pr.p, p, count * sizeof(*p));
	}
	pr.method = count == 3 ? POST_LIM2014 : count == 2 ? POST_RUSCA2018 :
		    POST_BBM92;
	if ((!strcmp(c->conf.method, "lim2014") && count != 3) ||
	    (!strcmp(c->conf.method, "rusca2018") && count != 2) ||
	    (!strcmp(c->conf.method, "bbm92") && count))
		return "the method configured does not fit the device's intensities";
	c->intensities = count ? count : 1;
	c->proto = pr;
	return post_protocol_check(&pr);
}

static void say_run(struct chain *c, uint64_t slots_hz)
{
	uint8_t buf[RUN_HEAD + POST_INTENSITIES * 16] = { 0 };
	unsigned int i, count = c->pairs ? 0 : c->intensities;
	uint64_t v;

	memcpy(buf, c->run, RAW_RUN_SIZE);
	wire_put64(buf + RAW_RUN_SIZE, slots_hz);
	wire_put32(buf + RAW_RUN_SIZE + 8, count);
	for (i = 0; i < count; i++) {
		memcpy(&v, &c->proto.mu[i], sizeof(v));
		wire_put64(buf + RUN_HEAD + 16 * i, v);
		memcpy(&v, &c->proto.p[i], sizeof(v));
		wire_put64(buf + RUN_HEAD + 16 * i + 8, v);
	}
	c->ops->send(c->ctx, MSG_RUN, 0, buf, RUN_HEAD + 16 * count, NULL, 0);
}

static void run_compare(struct chain *c)
{
	c->run_agreed = c->run_known && c->peer_run_known &&
			c->pairs == c->peer_pairs &&
			!memcmp(c->run, c->peer_run, RAW_RUN_SIZE);
	if (c->conf.recorded && c->run_known && c->peer_run_known &&
	    !c->run_agreed)
		c->ops->reason(c->ctx, "the two ends' recordings are of different runs");
}

/* What a device tells of itself that forbids to make key of it, or NULL. */
static const char *header_wrong(struct chain *c, const struct raw_header *h)
{
	bool alice = c->role == QKD_ROLE_ALICE, resampled, three;
	char v[16];

	if (h->kind != (alice ? RAW_PREPARED : RAW_DETECTED) &&
	    h->kind != RAW_TAGS)
		return "the device is of the other role";
	if (!raw_header_word(h, "seeded", v, sizeof(v)))
		return "the device repeats a known sequence: it is for tests";
	if (!raw_header_word(h, "basis", v, sizeof(v)) && !strcmp(v, "none"))
		return "the recording does not tell Bob's bases: no key can come of it";
	resampled = !raw_header_word(h, "resampled", v, sizeof(v));
	if (resampled && !c->conf.resampled)
		return "detections drawn by a recording's statistics: to try (resampled=yes)";
	three = !raw_header_word(h, "states", v, sizeof(v)) && strcmp(v, "4");
	if (three && c->conf.states > 3)
		return "three states: no analysis here is for them (to try: states=3)";
	snprintf(c->assumes, sizeof(c->assumes), "%s%s%s",
		 resampled ? "resampled" : "", resampled && three ? "," : "",
		 three ? "fourth-state" : "");
	return NULL;
}

/* Alice's intensities, or that she has none. */
static const char *header_intensities(struct chain *c,
				      const struct raw_header *h)
{
	double mu[RAW_INTENSITIES], p[RAW_INTENSITIES];
	int n, m;

	if (h->kind == RAW_TAGS)
		return protocol_set(c, 0, NULL, NULL);
	n = raw_header_numbers(h, "intensities", mu, RAW_INTENSITIES);
	m = raw_header_numbers(h, "probabilities", p, RAW_INTENSITIES);
	if (n <= 0 || n != m)
		return "the device does not tell its intensities";
	return protocol_set(c, n, mu, p);
}

void sift_run(struct chain *c, const struct raw_header *h)
{
	const char *wrong;

	forget_events(c);
	forget_told(c);
	/* what was asked is still answered, and counts at both ends */
	if (c->filling)
		asked_free(c->filling);
	c->filling = NULL;
	c->ev_end = 0;
	c->heard_end = 0;
	c->heard_any = false;
	c->run_known = false;
	memcpy(c->run, h->run, RAW_RUN_SIZE);
	c->pairs = h->kind == RAW_TAGS;
	pairs_run(c, h);
	wrong = header_wrong(c, h);
	if (!wrong && c->role == QKD_ROLE_ALICE)
		wrong = header_intensities(c, h);
	if (wrong) {
		c->ops->alarm(c->ctx, QKD_ALARM_DRIVER, wrong);
		c->ops->reason(c->ctx, wrong);
		return;
	}
	c->run_known = true;
	if (c->started && c->role == QKD_ROLE_ALICE)
		say_run(c, h->slots_hz);
	run_compare(c);
}

void sift_start(struct chain *c)
{
	/* slots that went by while nobody listened are not asked about */
	c->heard_end = c->ev_end;
	c->began = chain_now();
	if (c->run_known && c->role == QKD_ROLE_ALICE)
		say_run(c, 0);
}

static int got_run(struct chain *c, const uint8_t *data, size_t len)
{
	struct wire w = { .p = data, .len = len };
	double mu[POST_INTENSITIES], p[POST_INTENSITIES];
	const char *wrong;
	uint32_t count, i;
	uint64_t v;

	if (c->role != QKD_ROLE_BOB)
		return -EBADMSG;
	wire_copy(&w, c->peer_run, RAW_RUN_SIZE);
	wire_u64(&w);
	count = wire_u32(&w);
	wire_u32(&w);
	if (count > POST_INTENSITIES)
		return -EBADMSG;
	for (i = 0; i < count; i++) {
		v = wire_u64(&w);
		memcpy(&mu[i], &v, sizeof(v));
		v = wire_u64(&w);
		memcpy(&p[i], &v, sizeof(v));
	}
	if (!wire_done(&w))
		return -EBADMSG;
	wrong = protocol_set(c, count, mu, p);
	if (wrong) {
		c->ops->alarm(c->ctx, QKD_ALARM_DRIVER, wrong);
		c->ops->reason(c->ctx, wrong);
		return 0;
	}
	c->peer_run_known = true;
	c->peer_pairs = !count;
	run_compare(c);
	return 0;
}

/* ---- cutting blocks ---- */

static void move_bits(uint64_t *dst, const uint64_t *src, size_t from,
		      size_t n)
{
	post_bits_copy(dst, 0, src, from, n);
}

/* Keeps the first @n bits in @s and moves what follows to @rest. */
static void split(struct post_sifted *s, size_t n, struct post_sifted *rest)
{
	size_t more = s->len - n, w = post_words(n), all = post_words(s->cap);
	uint64_t *plane[3] = { s->bit, s->lo, s->hi };
	unsigned int i;

	move_bits(rest->bit, s->bit, n, more);
	move_bits(rest->lo, s->lo, n, more);
	move_bits(rest->hi, s->hi, n, more);
	rest->len = more;
	for (i = 0; i < 3; i++) {
		post_wipe(plane[i] + w, (all - w) * 8);
		if (w)
			plane[i][w - 1] &= post_tail_mask(n);
	}
	s->len = n;
}

/* Counts the first @n check bits, and drops them. */
static int count_check(struct chain *c, size_t n, struct post_counts *k)
{
	struct post_sifted rest;
	uint64_t *diff;
	size_t more = c->chk.len - n, bytes = post_words(c->chk_room) * 8;

	if (sifted_alloc(&rest, c->chk_room))
		return -ENOMEM;
	if (c->role == QKD_ROLE_BOB) {
		/* the diff's room serves as the rest of Alice's bits after */
		diff = post_alloc(bytes);
		if (!diff) {
			sifted_free(&rest);
			return -ENOMEM;
		}
		memcpy(diff, c->chk_alice, bytes);
		post_bits_xor(diff, c->chk.bit, c->chk.len);
		post_sift_count(c->chk.lo, c->chk.hi, diff, n, k->m_chk);
		post_wipe(diff, bytes);
		move_bits(diff, c->chk_alice, n, more);
		post_free(c->chk_alice, bytes);
		c->chk_alice = diff;
	}
	post_sift_count(c->chk.lo, c->chk.hi, NULL, n, k->n_chk);
	split(&c->chk, n, &rest);
	sifted_free(&c->chk);
	c->chk = rest;
	return 0;
}

static int cut(struct chain *c)
{
	struct post_counts k = { 0 };
	struct post_sifted rest;
	size_t n = c->conf.block, chk;
	int ret;

	/* the check basis' share, the same at both ends; both below 2^30 */
	chk = (uint64_t)c->chk.len * n / c->key.len;
	ret = count_check(c, chk, &k);
	if (ret)
		return ret;
	ret = sifted_alloc(&rest, c->key_room);
	if (ret)
		return ret;
	split(&c->key, n, &rest);
	post_sift_count(c->key.lo, c->key.hi, NULL, n, k.n_key);
	ret = block_new(c, &c->key, &k);
	c->key = rest;
	c->slots = 0;
	memset(&c->sent, 0, sizeof(c->sent));
	memset(&c->chsh, 0, sizeof(c->chsh));
	c->began = chain_now();
	return ret;
}

static int cut_all(struct chain *c)
{
	int ret = 0;

	while (!ret && c->key.len >= c->conf.block)
		ret = cut(c);
	return ret;
}

/* ---- Bob ---- */

static int say_detect(struct chain *c)
{
	struct asked *a = c->filling;
	size_t count = a->count, room = post_detect_size(count);
	uint8_t head[DETECT_HEAD], *body;
	uint64_t *basis;
	long len;

	if (c->pairs)
		room = pairs_detect_size(count);
	basis = post_alloc(post_words(count) * 8);
	body = malloc(room);
	if (!basis || !body) {
		len = -ENOMEM;
		goto out;
	}
	if (c->pairs) {
		len = pairs_detect_put(a, body, room);
	} else {
		post_sift_pack(a->flags, count, NULL, basis, NULL, NULL);
		len = post_detect_put(body, room, a->base, a->slot, basis,
				      count);
	}
	if (len < 0)
		goto out;
	memcpy(head, c->run, RAW_RUN_SIZE);
	wire_put64(head + RAW_RUN_SIZE, a->base);
	wire_put64(head + RAW_RUN_SIZE + 8, a->limit);
	a->no = c->asked_next++;
	TAILQ_INSERT_TAIL(&c->asked, a, entry);
	c->asked_count++;
	c->filling = NULL;
	c->ops->send(c->ctx, MSG_DETECT, a->no, head, sizeof(head), body, len);
out:
	post_free(basis, post_words(count) * 8);
	free(body);
	return len < 0 ? len : 0;
}

static bool detect_due(const struct asked *a)
{
	double age = chain_now() - a->began;

	return a->count >= DETECT_COUNT ||
	       (a->count >= DETECT_LEAST && age > DETECT_WAIT) ||
	       (a->count && age > DETECT_LONG);
}

static void bob_events(struct chain *c, uint64_t start, uint64_t end,
		       const uint64_t *slot, const uint8_t *code, size_t count)
{
	uint8_t keep = RAW_CODE_BIT | (c->pairs ? 3 << RAW_SETTING_SHIFT :
						  RAW_CODE_BASIS);
	struct asked *a = c->filling;
	size_t i;

	if (!c->run_agreed)
		return;
	if (c->rest_until && chain_now() < c->rest_until) {
		if (a)
			asked_free(a);
		c->filling = NULL;
		return;
	}
	if (a && a->count && start != a->limit) {
		/* something was dropped in between: start afresh behind it */
		asked_free(a);
		a = NULL;
		c->filling = NULL;
	}
	if (!a)
		a = asked_new(start);
	c->filling = a;
	if (!a || asked_grow(a, count)) {
		c->ops->fail(c->ctx, "out of memory");
		return;
	}
	if (!a->count)
		a->base = start;
	for (i = 0; i < count; i++) {
		a->slot[a->count] = slot[i];
		a->flags[a->count++] = code[i] & keep;
	}
	a->limit = end;
	if (detect_due(a) && c->asked_count < CHAIN_ASKED && say_detect(c))
		c->ops->fail(c->ctx, "a detection report cannot be made");
}

static int got_sift(struct chain *c, uint64_t no, const uint8_t *data,
		    size_t len)
{
	struct asked *a = TAILQ_FIRST(&c->asked);
	uint64_t *bit, *basis;
	size_t bytes;
	int ret = -ENOMEM;

	if (c->role != QKD_ROLE_BOB)
		return -EBADMSG;
	if (!a || no != a->no)
		return -EBADMSG;
	TAILQ_REMOVE(&c->asked, a, entry);
	c->asked_count--;
	if (!len) {
		/* she has left that run */
		asked_free(a);
		return 0;
	}
	bytes = post_words(a->count) * 8;
	bit = post_alloc(bytes);
	basis = post_alloc(bytes);
	if (bit && basis) {
		size_t before = c->key.len + c->chk.len;

		post_sift_pack(a->flags, a->count, bit, basis, NULL, NULL);
		ret = post_sift_bob(data, len, bit, basis, a->count, &c->key,
				    &c->chk, c->chk_alice);
		c->stats.sifted += c->key.len + c->chk.len - before;
		c->slots += a->limit - a->base;
	}
	post_free(bit, bytes);
	post_free(basis, bytes);
	asked_free(a);
	if (ret)
		return ret == -ENOMEM ? ret : -EBADMSG;
	return cut_all(c);
}

/* ---- Alice ---- */

static int events_grow(struct chain *c, size_t more)
{
	size_t held = c->ev_count - c->ev_first, room = 1 << 16;
	uint64_t *slot;
	uint8_t *code;

	if (c->ev_count + more <= c->ev_room)
		return 0;
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
void events_done(struct chain *c, size_t at)
{
	if (at > c->ev_first)
		post_wipe(c->ev_code + c->ev_first, at - c->ev_first);
	c->ev_first = at;
}

/* Her codes at the slots asked for. -EBADMSG: a slot she knows nothing of. */
static int look_up(struct chain *c, const uint64_t *slot, uint8_t *code,
		   size_t count, uint64_t limit)
{
	size_t i, at = c->ev_first;
	int ret = 0;

	for (i = 0; i < count && !ret; i++) {
		while (at < c->ev_count && c->ev_slot[at] < slot[i])
			at++;
		if (at == c->ev_count || c->ev_slot[at] != slot[i])
			ret = -EBADMSG;
		else
			code[i] = c->ev_code[at++];
	}
	while (at < c->ev_count && c->ev_slot[at] < limit)
		at++;
	events_done(c, at);
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
	size_t bytes = post_words(max) * 8, out_room, before;
	uint64_t *slot, *basis, *prep[4] = { NULL };
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
	before = c->key.len + c->chk.len;
	ret = post_sift_alice(&pp, basis, n, &c->key, &c->chk, out, out_room);
	if (ret < 0)
		goto out;
	c->stats.detections += n;
	c->stats.sifted += c->key.len + c->chk.len - before;
	c->slots += limit - base;
	count_told(c, limit);
	c->heard_end = limit;
	c->heard_any = true;
	c->heard_at = chain_now();
	c->ops->send(c->ctx, MSG_SIFT, no, out, ret, NULL, 0);
	ret = cut_all(c);
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

static int got_detect(struct chain *c, uint64_t no, const uint8_t *data,
		      size_t len)
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

void sift_go_on(struct chain *c)
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

void sift_refuse_heard(struct chain *c)
{
	struct heard *h;

	while ((h = TAILQ_FIRST(&c->heard))) {
		c->ops->send(c->ctx, MSG_SIFT, h->no, NULL, 0, NULL, 0);
		heard_drop(c, h);
	}
}

static void alice_events(struct chain *c, uint64_t start, uint64_t end,
			 const uint64_t *slot, const uint8_t *code,
			 size_t count)
{
	if (!sift_keeps(c) && sift_full(c)) {
		/*
		 * Nobody asks, and these are of no use any more. To stop
		 * reading would hide that the device's other end is gone.
		 */
		forget_events(c);
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
	sift_go_on(c);
}

void sift_totals(struct chain *c, uint64_t start, uint64_t end,
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

bool sift_keeps(const struct chain *c)
{
	return c->heard_any || c->clocks == CLOCKS_SEARCHING ||
	       c->conf.recorded;
}

bool sift_full(const struct chain *c)
{
	return c->ev_count - c->ev_first > EVENTS_MAX;
}

void sift_tick(struct chain *c)
{
	if (c->heard_any && TAILQ_EMPTY(&c->heard) &&
	    chain_now() - c->heard_at > SILENCE)
		c->heard_any = false;
}

/* ---- both ---- */

void sift_events(struct chain *c, uint64_t start, uint64_t end,
		 const uint64_t *slot, const uint8_t *code, size_t count)
{
	if (c->role == QKD_ROLE_ALICE)
		alice_events(c, start, end, slot, code, count);
	else
		bob_events(c, start, end, slot, code, count);
}

int sift_message(struct chain *c, unsigned int type, uint64_t no,
		 const uint8_t *data, size_t len)
{
	switch (type) {
	case MSG_RUN:
		return got_run(c, data, len);
	case MSG_DETECT:
		return got_detect(c, no, data, len);
	case MSG_SIFT:
		return got_sift(c, no, data, len);
	default:
		return -EBADMSG;
	}
}
