// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bob's side of sifting: detections are gathered into a DETECT, and kept until
 * Alice's SIFT says which of them to keep.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chain_priv.h"
#include "messages.h"
#include "tools/common/wire.h"
#include "tools/post/bits.h"
#include "tools/post/wipe.h"

#define DETECT_HEAD	(RAW_RUN_SIZE + 16)	/* run, base, limit */
#define DETECT_COUNT	(1u << 17)	/* detections that go off at once */
#define DETECT_LEAST	4096		/* or these, after: */
#define DETECT_WAIT	0.2		/* s */
#define DETECT_LONG	5.0		/* s, for any number */

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

/* What was gathered and not yet asked about */
void bob_drop_filling(struct chain *c)
{
	if (c->filling)
		asked_free(c->filling);
	c->filling = NULL;
}

void bob_forget(struct chain *c)
{
	struct asked *a;

	bob_drop_filling(c);
	while ((a = TAILQ_FIRST(&c->asked))) {
		TAILQ_REMOVE(&c->asked, a, entry);
		asked_free(a);
	}
	c->asked_count = 0;
}

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

/* Eight at a time: there are many. */
static void mask_codes(uint8_t *dst, const uint8_t *src, size_t n,
		       uint8_t keep)
{
	const uint64_t mask = keep * 0x0101010101010101ull;
	uint64_t v;
	size_t i;

	for (i = 0; i + 8 <= n; i += 8) {
		memcpy(&v, src + i, 8);
		v &= mask;
		memcpy(dst + i, &v, 8);
	}
	for (; i < n; i++)
		dst[i] = src[i] & keep;
}

void bob_events(struct chain *c, uint64_t start, uint64_t end,
		const uint64_t *slot, const uint8_t *code, size_t count)
{
	uint8_t keep = RAW_CODE_BIT | (c->pairs ? 3 << RAW_SETTING_SHIFT :
						  RAW_CODE_BASIS);
	struct asked *a = c->filling;

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
	memcpy(a->slot + a->count, slot, count * sizeof(*slot));
	mask_codes(a->flags + a->count, code, count, keep);
	a->count += count;
	a->limit = end;
	if (detect_due(a) && c->asked_count < CHAIN_ASKED && say_detect(c))
		c->ops->fail(c->ctx, "a detection report cannot be made");
}

int bob_sift(struct chain *c, uint64_t no, const uint8_t *data, size_t len)
{
	struct asked *a = TAILQ_FIRST(&c->asked);
	struct sifted_part part;
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
		part = (struct sifted_part){
			.body = data, .basis = basis, .n = a->count,
			.key = c->key.len, .chk = c->chk.len,
		};
		post_sift_pack(a->flags, a->count, bit, basis, NULL, NULL);
		ret = post_sift_bob(data, len, bit, basis, a->count, &c->key,
				    &c->chk, c->chk_alice);
		c->stats.sifted += c->key.len - part.key + c->chk.len -
				   part.chk;
		c->slots += a->limit - a->base;
	}
	if (!ret)
		ret = cut_blocks(c, &part);
	else if (ret != -ENOMEM)
		ret = -EBADMSG;
	post_free(bit, bytes);
	post_free(basis, bytes);
	asked_free(a);
	return ret;
}
