// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stands between the daemons' code and its stores and pool (--wrap), and
 * tells of each use: masks of the authentication stores by name and by their
 * bytes, messages accepted, and bytes of the pads.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/crash/disk.h"
#include "tests/crash/uses.h"
#include "tests/unit/qkdd_pair.h"
#include "tools/pad-ledger/ledger.h"
#include "tools/qkdd/auth.h"

static struct ledger *ledger;
static unsigned long line;

void uses_to(struct ledger *l)
{
	ledger = l;
	line = 0;
}

void use(const char *text)
{
	const char *why;

	if (!ledger)
		record_note(0, NOTE_USE, text, strlen(text) + 1);
	else if (ledger_line(ledger, text, ++line, &why))
		abort();
}

static void hex(char *s, const uint8_t *p, size_t n)
{
	for (; n; n--, p++, s += 2)
		sprintf(s, "%02x", *p);
}

/* A stream has the name of its hash key, the same at both ends. */
static void use_mask(const char *layer, struct auth_store *s, bool tx,
		     uint64_t offset)
{
	char gen[13], stream[9], text[160];

	hex(gen, auth_fingerprint(s), 6);
	hex(stream, auth_hash_key(s, tx), 4);
	snprintf(text, sizeof(text), "%s %s %s %lu %d -", layer, gen, stream,
		 (unsigned long)offset, AUTH_MASK_SIZE);
	use(text);
}

int __real_auth_tx(struct auth_store *s, uint64_t *offset, uint8_t *mask);
int __wrap_auth_tx(struct auth_store *s, uint64_t *offset, uint8_t *mask);
int __wrap_auth_tx(struct auth_store *s, uint64_t *offset, uint8_t *mask)
{
	char bytes[2 * AUTH_MASK_SIZE + 1], text[80];
	int ret = __real_auth_tx(s, offset, mask);

	if (ret)
		return ret;
	use_mask("sent", s, true, *offset);
	hex(bytes, mask, AUTH_MASK_SIZE);
	snprintf(text, sizeof(text), "mask m%s any 0 1 -", bytes);
	use(text);
	return 0;
}

int __real_auth_rx_accept(struct auth_store *s, uint64_t offset);
int __wrap_auth_rx_accept(struct auth_store *s, uint64_t offset);
int __wrap_auth_rx_accept(struct auth_store *s, uint64_t offset)
{
	int ret = __real_auth_rx_accept(s, offset);

	if (!ret)
		use_mask("accepted", s, false, offset);
	return ret;
}

/*
 * A pad's words are a permutation of the numbers (that of splitmix64), so that
 * each word tells where it is from.
 */
uint64_t uses_pad_word(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static uint64_t unmix(uint64_t x)
{
	x ^= x >> 31 ^ x >> 62;
	x *= UINT64_C(0x319642b2d24d8ec3);
	x ^= x >> 27 ^ x >> 54;
	x *= UINT64_C(0x96de1b173f119089);
	return x ^ x >> 30 ^ x >> 60;
}

/* The pad bytes in @p were used, for what @purpose tells. */
static void use_pad(const void *p, size_t len, const char *purpose)
{
	uint64_t first, word;
	char text[200];
	size_t i;

	memcpy(&first, p, 8);
	first = unmix(first);
	for (i = 0; i < len / 8; i++) {
		memcpy(&word, (const uint8_t *)p + 8 * i, 8);
		if (unmix(word) == first + i)
			continue;
		/* bytes that the pad does not have: somebody's zeroes */
		use("pad other any 0 1 -");
		use("pad other any 0 1 -");
		return;
	}
	snprintf(text, sizeof(text), "pad pad%u any %lu %zu %s",
		 (unsigned int)(first >> 32), 8 * (first & UINT32_MAX), len,
		 purpose);
	use(text);
}

int __real_auth_append(struct auth_store *s, uint64_t head, const void *key,
		       size_t len, uint64_t stamp);
int __wrap_auth_append(struct auth_store *s, uint64_t head, const void *key,
		       size_t len, uint64_t stamp);
int __wrap_auth_append(struct auth_store *s, uint64_t head, const void *key,
		       size_t len, uint64_t stamp)
{
	int ret = __real_auth_append(s, head, key, len, stamp);
	char purpose[40];

	if (!ret) {
		snprintf(purpose, sizeof(purpose), "store/%lx",
			 (unsigned long)stamp);
		use_pad(key, len, purpose);
	}
	return ret;
}

/* ---- the pools ---- */

static struct sink inner[2];

static int sink_state(void *ctx, struct qkd_state *state)
{
	struct sink *s = ctx;

	return s->ops->state(s->ctx, state);
}

static int sink_start(void *ctx, const uint8_t gen[QKD_GENERATION_SIZE])
{
	struct sink *s = ctx;

	record_note(s - inner, NOTE_START, gen, QKD_GENERATION_SIZE);
	return s->ops->start(s->ctx, gen);
}

static int sink_feed(void *ctx, const struct qkd_feed *head, const void *block)
{
	struct sink *s = ctx;
	int ret = s->ops->feed(s->ctx, head, block);
	char purpose[40];
	uint8_t *all;

	if (ret)
		return ret;
	all = malloc(sizeof(*head) + head->len);
	memcpy(all, head, sizeof(*head));
	memcpy(all + sizeof(*head), block, head->len);
	record_note(s - inner, NOTE_FEED, all, sizeof(*head) + head->len);
	free(all);
	hex(purpose, head->generation, 6);
	sprintf(purpose + 12, "/%lu", (unsigned long)head->offset);
	use_pad(block, head->len, purpose);
	return 0;
}

static int sink_confirm(void *ctx, const struct qkd_confirm *confirm)
{
	struct sink *s = ctx;

	record_note(s - inner, NOTE_CONFIRM, confirm, sizeof(*confirm));
	return s->ops->confirm(s->ctx, confirm);
}

static const struct sink_ops sink_ops = {
	.state = sink_state,
	.start = sink_start,
	.feed = sink_feed,
	.confirm = sink_confirm,
};

struct sink __real_pool_sink(struct pool *p);
struct sink __wrap_pool_sink(struct pool *p);
struct sink __wrap_pool_sink(struct pool *p)
{
	int n = p->lower;	/* clinic, end 1, sorts first */

	inner[n] = __real_pool_sink(p);
	return (struct sink){ .ops = &sink_ops, .ctx = &inner[n] };
}

void uses_rebuild_pool(struct pool *p, int end, const struct disk_op *ops,
		       size_t n)
{
	struct sink s = __real_pool_sink(p);
	const struct disk_op *op;

	for (op = ops; op < ops + n; op++) {
		if (op->type != DISK_NOTE || op->end != end)
			continue;
		if (op->ino == NOTE_START)
			s.ops->start(s.ctx, op->data);
		else if (op->ino == NOTE_FEED)
			s.ops->feed(s.ctx, op->data, (const uint8_t *)op->data +
				    sizeof(struct qkd_feed));
		else if (op->ino == NOTE_CONFIRM)
			s.ops->confirm(s.ctx, op->data);
	}
}
