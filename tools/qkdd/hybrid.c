// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Agreeing on a link's post-quantum secret, in the order that leaves no end
 * with one that the other has not:
 *
 *   leader                                  follower
 *     PQ_OFFER, public keys ------------------>
 *                                             agrees; gives it to its kernel
 *     <------------------ PQ_ANSWER, its name, public key and ciphertext
 *     agrees, on the same name;
 *     gives it to its kernel, and uses it
 *     PQ_USE, its name ----------------------->
 *                                             uses it
 *
 * The leader is the node whose ID sorts first. PQ_AGAIN asks it for another;
 * PQ_NONE says why there will be none. The channel authenticates all of it.
 * The cryptography is kem.c's; what a secret is used for, the kernel's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hybrid.h"
#include "kem.h"
#include "messages.h"
#include "tools/common/secret.h"
#include "tools/common/wire.h"

#define WHY_MAX	200

struct hybrid {
	bool lower;
	char *nodes[2];		/* the leader's, the follower's */
	unsigned int period;
	const struct hybrid_ops *ops;
	void *ctx;
	bool met;
	unsigned int age;	/* seconds since the latest PQ_OFFER */
	struct kem *kem;	/* leader: of the PQ_OFFER under way */
	bool gave;		/* follower: it has answered, with this one: */
	uint8_t given[KEM_ID];
};

static void none(struct hybrid *h, const char *why)
{
	h->ops->send(h->ctx, MSG_PQ_NONE, why, strlen(why));
	h->ops->none(h->ctx, why);
}

static void failed(struct hybrid *h, int err)
{
	char why[WHY_MAX];

	if (kem_there(why, sizeof(why)) == 0)
		snprintf(why, sizeof(why), "agreeing on one failed: %s",
			 strerror(-err));
	none(h, why);
}

static void forget(struct hybrid *h)
{
	kem_free(h->kem);
	h->kem = NULL;
	h->gave = false;
}

static void offer(struct hybrid *h)
{
	uint8_t body[KEM_OFFER];
	int err;

	forget(h);
	h->age = 0;
	err = kem_offer(&h->kem, body);
	if (err)
		failed(h, err);
	else
		h->ops->send(h->ctx, MSG_PQ_OFFER, body, sizeof(body));
}

/* Where nobody takes it, as without tunnels' module, there is no use in it. */
static void answer(struct hybrid *h, const uint8_t *body)
{
	uint8_t reply[KEM_ID + KEM_ANSWER];
	struct kem_secret s;
	int err;

	err = kem_answer((const char *const *)h->nodes, body, reply + KEM_ID,
			 &s);
	if (err)
		failed(h, err);
	else
		err = h->ops->give(h->ctx, s.id, s.bytes);
	if (!err) {
		memcpy(reply, s.id, KEM_ID);
		memcpy(h->given, s.id, KEM_ID);
		h->gave = true;
		h->ops->send(h->ctx, MSG_PQ_ANSWER, reply, sizeof(reply));
	}
	wipe(&s, sizeof(s));
}

static int finish(struct hybrid *h, const uint8_t *body)
{
	struct kem_secret s;
	int err;

	if (!h->kem)
		return 0;	/* of an offer before the latest */
	err = kem_finish(h->kem, (const char *const *)h->nodes, body + KEM_ID,
			 &s);
	forget(h);
	/* the name is made of the secret: if it is the same, so is that */
	if (!err && memcmp(s.id, body, KEM_ID))
		err = -EBADMSG;
	if (err)
		failed(h, err);
	else if (!h->ops->give(h->ctx, s.id, s.bytes) &&
		 !h->ops->use(h->ctx, s.id))
		h->ops->send(h->ctx, MSG_PQ_USE, s.id, KEM_ID);
	wipe(&s, sizeof(s));
	return 0;
}

static void told_none(struct hybrid *h, const uint8_t *text, size_t len)
{
	char why[WHY_MAX + 32];
	size_t n = snprintf(why, sizeof(why), "the peer says: ");

	wire_text(why + n, sizeof(why) - n, text, len);
	h->ops->none(h->ctx, why);
}

int hybrid_message(struct hybrid *h, unsigned int type, const uint8_t *data,
		   size_t len)
{
	if (type == MSG_PQ_OFFER && !h->lower && len == KEM_OFFER)
		answer(h, data);
	else if (type == MSG_PQ_ANSWER && h->lower &&
		 len == KEM_ID + KEM_ANSWER)
		return finish(h, data);
	else if (type == MSG_PQ_USE && h->gave && len == KEM_ID &&
		 !memcmp(data, h->given, KEM_ID))
		h->ops->use(h->ctx, data);
	else if (type == MSG_PQ_AGAIN && h->lower && !len)
		offer(h);
	else if (type == MSG_PQ_NONE)
		told_none(h, data, len);
	else
		return -EBADMSG;
	return 0;
}

void hybrid_start(struct hybrid *h)
{
	char why[WHY_MAX];

	h->met = true;
	if (kem_there(why, sizeof(why)))
		none(h, why);
	else if (h->lower)
		offer(h);
}

void hybrid_stop(struct hybrid *h)
{
	h->met = false;
	forget(h);
}

void hybrid_again(struct hybrid *h)
{
	char why[WHY_MAX];

	if (kem_there(why, sizeof(why)))
		h->ops->none(h->ctx, why);
	else if (h->met && h->lower)
		offer(h);
	else if (h->met)
		h->ops->send(h->ctx, MSG_PQ_AGAIN, NULL, 0);
}

void hybrid_tick(struct hybrid *h)
{
	char why[WHY_MAX];

	if (!h->met || !h->lower || ++h->age < h->period)
		return;
	h->age = 0;
	if (!kem_there(why, sizeof(why)))
		offer(h);
}

struct hybrid *hybrid_new(bool lower, const char *local_node,
			  const char *peer_node, unsigned int period,
			  const struct hybrid_ops *ops, void *ctx)
{
	struct hybrid *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->lower = lower;
	h->period = period;
	h->ops = ops;
	h->ctx = ctx;
	h->nodes[0] = strdup(lower ? local_node : peer_node);
	h->nodes[1] = strdup(lower ? peer_node : local_node);
	if (!h->nodes[0] || !h->nodes[1]) {
		hybrid_free(h);
		return NULL;
	}
	return h;
}

void hybrid_free(struct hybrid *h)
{
	if (!h)
		return;
	forget(h);
	free(h->nodes[0]);
	free(h->nodes[1]);
	free(h);
}
