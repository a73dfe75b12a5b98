// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sifting as a conversation: from the device's events to strings that both
 * ends hold, and from these to blocks.
 *
 * Bob gathers detections into a DETECT and keeps them until Alice's SIFT says
 * which to keep (chain_bob.c); Alice answers once her own device has told of
 * these slots (chain_alice.c). Both append the same positions in the same
 * order, so both cut blocks at the same bits without a word (chain_cut.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chain_priv.h"
#include "messages.h"
#include "tools/post/bits.h"
#include "tools/post/wipe.h"

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

void sift_reset(struct chain *c)
{
	struct heard *h;

	bob_forget(c);
	c->asked_next = 0;
	while ((h = TAILQ_FIRST(&c->heard))) {
		TAILQ_REMOVE(&c->heard, h, entry);
		free(h);
	}
	alice_forget_events(c);
	alice_forget_told(c);
	pairs_forget(c);
	c->heard_any = false;
	zero_sifted(&c->key);
	zero_sifted(&c->chk);
	if (c->chk_alice)
		post_wipe(c->chk_alice, post_words(c->chk_room) * 8);
	c->slots = 0;
}

void sift_start(struct chain *c)
{
	/* slots that went by while nobody listened are not asked about */
	c->heard_end = c->ev_end;
	c->began = chain_now();
	if (c->run_known && c->role == QKD_ROLE_ALICE)
		run_say(c, 0);
}

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
		return run_message(c, data, len);
	case MSG_DETECT:
		return alice_detect(c, no, data, len);
	case MSG_SIFT:
		return bob_sift(c, no, data, len);
	default:
		return -EBADMSG;
	}
}
