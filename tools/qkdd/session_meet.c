// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What two daemons agree on when they meet.
 *
 * They tell where their pools stand. Under one generation they go on at the
 * higher of all heads and numbers; without one in common both start a new
 * one, to which both contributed.
 */
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "session_priv.h"
#include "tools/common/log.h"
#include "tools/common/secret.h"
#include "tools/common/wire.h"

#define MEET_VERSION	6
#define MEET_HEAD	(4 + QKD_GENERATION_SIZE + 4 * 8 + 4 + 4 + 16)
/* A generation is renewed at a meeting when it is this near to its end. */
#define HEAD_MAX	(QKD_OFFSET_MAX - (UINT64_C(1) << 40))

size_t session_hello(void *ctx, uint8_t *buf)
{
	struct session *s = ctx;
	size_t len = strlen(s->text);
	uint8_t *p = buf;

	s->ours_known = !s->sink.ops->state(s->sink.ctx, &s->ours);
	if (!s->ours_known)
		memset(&s->ours, 0, sizeof(s->ours));
	random_bytes(s->random, sizeof(s->random));
	wire_put32(p, MEET_VERSION);
	memcpy(p + 4, s->ours.generation, QKD_GENERATION_SIZE);
	wire_put64(p + 20, s->ours.next_seq);
	wire_put64(p + 28, s->ours.tx.head);
	wire_put64(p + 36, s->ours.tx.confirmed);
	wire_put64(p + 44, s->ours.rx.head);
	wire_put32(p + 52, s->piece);
	wire_put32(p + 56, s->role);
	memcpy(p + 60, s->random, sizeof(s->random));
	memcpy(p + MEET_HEAD, s->text, len);
	return MEET_HEAD + len;
}

static bool roles_fit(enum qkd_role a, enum qkd_role b)
{
	if (a == QKD_ROLE_ALICE)
		return b == QKD_ROLE_BOB;
	if (a == QKD_ROLE_BOB)
		return b == QKD_ROLE_ALICE;
	return b == QKD_ROLE_NONE;
}

/* Contributed to by both, so that neither end can repeat one by itself. */
static void new_generation(struct session *s, const uint8_t peer[16],
			   uint8_t gen[QKD_GENERATION_SIZE])
{
	uint8_t in[32], out[SHA256_DIGEST_LENGTH];

	memcpy(in, s->lower ? s->random : peer, 16);
	memcpy(in + 16, s->lower ? peer : s->random, 16);
	SHA256(in, sizeof(in), out);
	memcpy(gen, out, QKD_GENERATION_SIZE);
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * Whether both go on in a stream at @offset, or the generation is of no more
 * use: nearly over, or its MAC secret is what one end was never fed.
 */
static bool goes_on(uint64_t offset, const struct qkd_stream_state *tx)
{
	return offset <= HEAD_MAX &&
	       (!offset || tx->confirmed >= QKD_SECRET_SIZE);
}

static int agree(struct session *s, const struct qkd_state *peer,
		 const uint8_t random[16], uint32_t piece, char *why,
		 size_t room)
{
	static const uint8_t none[QKD_GENERATION_SIZE];
	uint8_t gen[QKD_GENERATION_SIZE];
	unsigned int tx = s->lower ? 0 : 1;
	uint64_t offset[2], seq;
	int ret;

	offset[tx] = max_u64(s->ours.tx.head, peer->rx.head);
	offset[!tx] = max_u64(s->ours.rx.head, peer->tx.head);
	seq = max_u64(s->ours.next_seq, peer->next_seq);
	memcpy(gen, s->ours.generation, sizeof(gen));
	if (memcmp(gen, peer->generation, sizeof(gen)) ||
	    !memcmp(gen, none, sizeof(gen)) ||
	    !goes_on(offset[tx], &s->ours.tx) ||
	    !goes_on(offset[!tx], &peer->tx)) {
		new_generation(s, random, gen);
		ret = s->sink.ops->start(s->sink.ctx, gen);
		if (ret) {
			snprintf(why, room, "the pool takes no new generation: %s",
				 strerror(-ret));
			return ret;
		}
		offset[0] = 0;
		offset[1] = 0;
		seq = 0;
		log_line(LOG_LEVEL_NOTICE, s->link,
			 "new generation, %02x%02x%02x%02x...", gen[0], gen[1],
			 gen[2], gen[3]);
	}
	deliver_start(s->deliver, gen, seq, offset, piece);
	return 0;
}

int session_meet(void *ctx, const uint8_t *data, size_t len, char *why,
		 size_t room)
{
	struct wire w = { .p = data, .len = len };
	struct session *s = ctx;
	struct qkd_state peer = { .next_seq = 0 };
	uint32_t version = wire_u32(&w), piece, role;
	char theirs[TEXT_MAX];
	uint8_t random[16];

	wire_copy(&w, peer.generation, sizeof(peer.generation));
	peer.next_seq = wire_u64(&w);
	peer.tx.head = wire_u64(&w);
	peer.tx.confirmed = wire_u64(&w);
	peer.rx.head = wire_u64(&w);
	piece = wire_u32(&w);
	role = wire_u32(&w);
	wire_copy(&w, random, sizeof(random));
	if (w.bad || version != MEET_VERSION || piece < 2 || piece & 1) {
		snprintf(why, room, "the peer's qkdd is of another version");
		return -EPROTO;
	}
	if (!s->ours_known) {
		snprintf(why, room, "the link's device does not answer");
		return -ENODEV;
	}
	if (!roles_fit(s->role, role)) {
		snprintf(why, room, "both ends' roles do not fit: one is alice, the other bob, or both are none");
		return -EINVAL;
	}
	if (w.len != strlen(s->text) || memcmp(w.p, s->text, w.len)) {
		wire_text(theirs, sizeof(theirs), w.p, w.len);
		snprintf(why, room, "settings differ: here \"%s\", there \"%s\"",
			 s->text, theirs);
		return -EINVAL;
	}
	return agree(s, &peer, random, piece < s->piece ? piece : s->piece,
		     why, room);
}
