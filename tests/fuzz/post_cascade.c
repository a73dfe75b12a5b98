// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzer of Cascade's bodies, at either end: the first byte chooses the end
 * and the string, the rest are a lying peer's bits, body after body.  Whatever
 * they are, the machine comes to an end within the leakage allowed, and a
 * body of the wrong length or round changes nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/post/bits.h"
#include "tools/post/cascade.h"

#define BITS 1200
#define LEAK 3000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static long step(struct post_cascade *c, enum post_role role,
		 const uint8_t *in, size_t len, uint8_t *out, size_t room)
{
	return role == POST_ALICE ? post_cascade_alice(c, in, len, out, room) :
		post_cascade_bob(c, in, len, out, room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct post_cascade_plan *plan;
	uint64_t key[BITS / 64 + 1] = { 0 };
	uint8_t body[512], out[512];
	struct post_cascade *c;
	enum post_role role;
	unsigned int round = 0;
	size_t len, i;

	if (!plan) {
		static const uint8_t seed[32] = { 5 };

		plan = post_cascade_plan_new(BITS, seed);
	}
	if (!size)
		return 0;
	role = data[0] & 1 ? POST_BOB : POST_ALICE;
	for (i = 0; i < BITS / 64; i++)
		key[i] = 0x9e3779b97f4a7c15 * (data[0] / 2 + i);
	c = post_cascade_new(plan, role, key, 1000 + 900 * data[0], LEAK);
	if (!c)
		return 0;
	data++;
	size--;
	for (round = 0; !post_cascade_done(c) && !post_cascade_dead(c);
	     round++) {
		unsigned int before = post_cascade_rounds(c);
		size_t leak = post_cascade_leak(c);

		if (leak > LEAK || round > 2 * LEAK)
			abort();
		/* Bob knows what he expects; Alice's answers are like bodies */
		len = role == POST_BOB ? post_cascade_out_size(c) :
			(size_t)post_cascade_alice(c, NULL, 0, out,
						   sizeof(out));
		if (len > sizeof(body))
			abort();
		/* the round's number, then what input there is, then zeros */
		memset(body, 0, sizeof(body));
		body[2] = before >> 8;
		body[3] = before;
		for (i = 4; i < len && size; i++, size--)
			body[i] = *data++;
		if (step(c, role, body, len - 1, out, sizeof(out)) !=
		    -EBADMSG)
			abort();
		body[3] ^= 1;
		if (step(c, role, body, len, out, sizeof(out)) != -EBADMSG)
			abort();
		body[3] ^= 1;
		if (step(c, role, body, len, out, sizeof(out)) == -EBADMSG) {
			/* bits past the end */
			if (post_cascade_rounds(c) != before ||
			    post_cascade_leak(c) != leak)
				abort();
			body[len - 1] &= 1;
			if (step(c, role, body, len, out, sizeof(out)) ==
			    -EBADMSG)
				abort();
		}
		if (post_cascade_rounds(c) != before + 1)
			abort();
	}
	post_cascade_errors(c, &len);
	if (len > BITS)
		abort();
	post_cascade_free(c);
	return 0;
}
