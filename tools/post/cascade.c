// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cascade's blocks: their memory, and the bodies that two ends swap.  What is
 * asked and learnt is decided in cascade_engine.h.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/post/bits.h"
#include "tools/post/cascade_priv.h"
#include "tools/post/wipe.h"

#define HEAD 4		/* be32: number of the round */

/* bit maps that hold parities of key, and those that all may know */
#define SECRET_MAPS (4 + CASCADE_PASSES + 1)
#define PUBLIC_MAPS (1 + 5 * (CASCADE_PASSES + 1))

bool cascade_room(struct post_cascade *c, size_t bits)
{
	size_t words = post_words(bits);
	uint64_t *v;

	if (words > c->mine_cap) {
		v = post_alloc(8 * (words + words / 2));
		if (!v)
			return false;
		post_free(c->mine, 8 * c->mine_cap);
		c->mine = v;
		c->mine_cap = words + words / 2;
	}
	memset(c->mine, 0, 8 * words);
	return true;
}

struct post_cascade *cascade_new_sized(const struct post_cascade_plan *plan,
				       enum post_role role,
				       const uint64_t *key,
				       const struct cascade_sizes *sizes,
				       size_t leak_max,
				       const struct cascade_engine *engine)
{
	/* one bit and so one word more than n in the bit maps */
	size_t words = post_words((size_t)plan->n + 1);
	struct post_cascade *c = calloc(1, sizeof(*c));
	uint64_t *m;
	int i;

	if (!c)
		return NULL;
	c->secret_size = 8 * words * SECRET_MAPS;
	c->secret = post_alloc(c->secret_size);
	/* passes clear theirs as they begin */
	c->maps = malloc(PUBLIC_MAPS * 8 * words);
	if (!c->secret || !c->maps) {
		post_cascade_free(c);
		return NULL;
	}
	c->plan = plan;
	c->engine = engine;
	c->role = role;
	c->sizes = *sizes;
	c->leak_max = leak_max;
	c->searching = -1;
	m = c->secret;
	c->key = m;
	c->scratch = m += words;
	c->pairs = m += words;		/* twice as long */
	m += words;
	for (i = 0; i <= CASCADE_PASSES; i++)
		c->pass[i].prefix = m += words;
	m = c->maps;
	c->errors = m;
	for (i = 0; i <= CASCADE_PASSES; i++) {
		struct cascade_pass *p = &c->pass[i];

		p->n = plan->n;
		if (i > 0 && i < CASCADE_PASSES) {
			p->to = plan->to[i - 1];
			p->pos = plan->pos[i - 1];
		}
		p->cut = m += words;
		p->odd = m += words;
		p->listed = m += words;
		p->sure = m += words;
		p->flips = m += words;
	}
	memset(c->errors, 0, 8 * words);
	memset(c->pass[0].sure, 0, 8 * words);
	memcpy(c->key, key, 8 * post_words(plan->n));
	if (!c->engine->next(c))
		c->dead = true;
	return c;
}

struct post_cascade *post_cascade_new(const struct post_cascade_plan *plan,
				      enum post_role role,
				      const uint64_t *key, uint32_t qber_ppm,
				      size_t leak_max)
{
	const struct cascade_engine *engine = &cascade_engine_any;
	struct cascade_sizes sizes;

#ifdef __x86_64__
	if (cascade_engine_bmi.usable())
		engine = &cascade_engine_bmi;
#endif
	cascade_sizes(plan->n, qber_ppm, plan->hasty, &sizes);
	return cascade_new_sized(plan, role, key, &sizes, leak_max, engine);
}

void post_cascade_free(struct post_cascade *c)
{
	int i;

	if (!c)
		return;
	post_free(c->secret, c->secret_size);
	free(c->maps);
	post_free(c->mine, 8 * c->mine_cap);
	for (i = 0; i <= CASCADE_PASSES; i++)
		free(c->todo[i].v);
	free(c->query);
	free(c->point);
	free(c);
}

/* bytes of the body that is being asked and answered */
static size_t body_size(const struct post_cascade *c)
{
	return c->asked ? HEAD + post_bytes(cascade_asked(c)) : 0;
}

size_t post_cascade_out_size(const struct post_cascade *c)
{
	if (c->role == POST_BOB || c->dead || c->done)
		return body_size(c);
	/* what she asks next follows from the answer; all that is left, if so */
	return HEAD + post_bytes(c->leak_max - c->leak + cascade_asked(c));
}

static long put_body(const struct post_cascade *c, const uint64_t *v,
		     uint8_t *out, size_t size)
{
	size_t len = body_size(c);
	uint32_t round = htobe32(c->round);

	if (size < len)
		return -ENOSPC;
	memcpy(out, &round, HEAD);
	post_bits_store(out + HEAD, v, cascade_asked(c));
	return len;
}

static bool body_good(const struct post_cascade *c, const uint8_t *in,
		      size_t len)
{
	size_t bits = cascade_asked(c);
	uint32_t round;

	if (len != body_size(c))
		return false;
	memcpy(&round, in, HEAD);
	if (be32toh(round) != c->round)
		return false;
	return bits % 8 == 0 || !(in[len - 1] >> (bits % 8));
}

/* take the answers, choose the next round; afterwards done, dead or asked */
static void advance(struct post_cascade *c, const uint64_t *e)
{
	if (!c->engine->learn(c, e) || !c->engine->next(c)) {
		c->asked = false;
		c->dead = true;
	}
}

long post_cascade_alice(struct post_cascade *c, const uint8_t *in,
			size_t in_len, uint8_t *out, size_t size)
{
	uint64_t *e;

	if (in) {
		if (!c->asked || !body_good(c, in, in_len))
			return -EBADMSG;
		/* her own parities are not needed any more */
		e = c->mine;
		post_bits_load(e, in + HEAD, cascade_asked(c));
		advance(c, e);
	}
	if (c->dead)
		return -EOVERFLOW;
	if (c->done)
		return 0;
	return put_body(c, c->mine, out, size);
}

long post_cascade_bob(struct post_cascade *c, const uint8_t *in,
		      size_t in_len, uint8_t *out, size_t size)
{
	uint64_t *e, w[64];
	size_t bits, at;
	long len;

	if (c->dead)
		return -EOVERFLOW;
	if (c->done)
		return -EALREADY;
	if (!body_good(c, in, in_len))
		return -EBADMSG;
	if (size < in_len)
		return -ENOSPC;
	e = c->mine;
	bits = cascade_asked(c);
	for (at = 0; at < bits; at += 64 * 64) {
		size_t n = bits - at < 64 * 64 ? bits - at : 64 * 64;

		post_bits_load(w, in + HEAD + at / 8, n);
		post_bits_xor(e + at / 64, w, n);
	}
	len = put_body(c, e, out, size);
	advance(c, e);
	return len;
}

int post_cascade_done(const struct post_cascade *c)
{
	return c->done;
}

int post_cascade_dead(const struct post_cascade *c)
{
	return c->dead;
}

const uint64_t *post_cascade_errors(const struct post_cascade *c,
				    size_t *count)
{
	if (count)
		*count = c->count;
	return c->errors;
}

size_t post_cascade_leak(const struct post_cascade *c)
{
	return c->leak;
}

unsigned int post_cascade_rounds(const struct post_cascade *c)
{
	return c->round;
}

int post_cascade_retry(struct post_cascade *c)
{
	if (!c->done || c->first_mask >= CASCADE_RETRIES * CASCADE_MASKS)
		return -EOVERFLOW;
	c->done = false;
	c->masks_asked = false;
	c->searching = -1;
	c->first_mask += CASCADE_MASKS;
	memset(c->mask_odd, 0, sizeof(c->mask_odd));
	if (!c->engine->next(c)) {
		c->dead = true;
		return -EOVERFLOW;
	}
	return 0;
}
