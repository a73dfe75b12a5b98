/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reconciliation by Cascade, as two equal state machines that swap parities.
 *
 * Everything that Cascade does follows from public facts: the places whose
 * parity was asked, and whether the two ends' parities differed there.  So
 * both ends run the same machine on the same facts, and nobody sends requests.
 * A round is
 *
 *   Alice --- her parities of this round's places ---------> Bob
 *   Alice <-- the same, each XORed with Bob's own ---------- Bob
 *
 * and then both know which places the next round asks.  A body is a round
 * number and exactly one bit for each place: any contents of the right length
 * are valid, and anything else is refused.  Messages must be delivered in
 * order, authenticated; the daemon may batch many blocks' bodies.  One round
 * is one round trip, so many blocks should be in flight.
 *
 * At the end both ends know the pattern of errors W (Alice's string XOR
 * Bob's, as far as Cascade found it); Bob corrects by it, and either end can
 * count errors by intensity with it.  Whether the strings are now equal is
 * for verify.h to say.
 *
 * Leakage: post_cascade_leak() is the number of parities Alice disclosed,
 * each counted, none inferred twice.  What Bob sends is a function of these
 * and of W, and the key length treats W as known to the adversary (Tupkary
 * and Luetkenhaus, arXiv:2307.00576).
 *
 * Timing: depends on W, which is public; never on the values of key bits.
 *
 * Sources: Brassard and Salvail 1993; sub-block reuse and sizes from
 * Martinez-Mateo, Pacher, Peev, Ciurana, Martin, arXiv:1407.3257.
 */
#ifndef QKD_POST_CASCADE_H
#define QKD_POST_CASCADE_H

#include <stddef.h>
#include <stdint.h>

#define POST_CASCADE_MIN_BITS 1024
#define POST_CASCADE_MAX_BITS (1u << 24)

struct post_cascade_plan;
struct post_cascade;

enum post_role {
	POST_ALICE,
	POST_BOB,
};

/**
 * post_cascade_plan_new() - what blocks of one length have in common
 * @n: bits of a block
 * @seed: 32 bytes that name the shuffles; public, equal at both ends, the
 *	same for any number of blocks
 *
 * Holds the shuffles, about 16 n bytes; a block takes about 3.6 n more.  Any
 * number of blocks in any number of threads may use a plan at once; it must
 * outlive them.
 *
 * Return: a plan, or NULL (no memory, or @n out of bounds).
 */
struct post_cascade_plan *post_cascade_plan_new(size_t n,
						const uint8_t seed[32]);

/**
 * post_cascade_plan_hasten() - half the round trips, for twice the waste
 * @plan: before the first block; equal at both ends
 *
 * For a long way between the ends: about 80 to 110 round trips of a block and
 * a leakage of 1.08 to 1.12 n h(q), instead of 160 to 250 and 1.04.
 */
void post_cascade_plan_hasten(struct post_cascade_plan *plan);

void post_cascade_plan_free(struct post_cascade_plan *plan);

/**
 * post_cascade_new() - begin a block
 * @plan: for the block's length
 * @role: which end this is
 * @key: the sifted string of this end; copied in the forms needed
 * @qber_ppm: the error rate expected, in parts per million, equal at both
 *	ends; it chooses block sizes.  Clamped to [1000, 250000]
 * @leak_max: give up rather than disclose more parities than this; equal at
 *	both ends
 *
 * Return: a state machine, or NULL if there is no memory.
 */
struct post_cascade *post_cascade_new(const struct post_cascade_plan *plan,
				      enum post_role role,
				      const uint64_t *key, uint32_t qber_ppm,
				      size_t leak_max);

/** post_cascade_free() - wipe and free a state machine */
void post_cascade_free(struct post_cascade *c);

/**
 * post_cascade_out_size() - room for the next body written
 *
 * For Alice: an upper bound, all the leakage that is left; for Bob: the very
 * length of the body he expects and of the one he answers with; 0 where
 * nothing is.
 */
size_t post_cascade_out_size(const struct post_cascade *c);

/**
 * post_cascade_alice() - one step at Alice's end
 * @c: the state machine
 * @in: Bob's answer to the last body; NULL at the start
 * @in_len: bytes of it; 0 at the start
 * @out: written to: the next body
 * @size: room in @out
 *
 * Return: bytes written, of at least 1; 0 when reconciliation has ended and
 * nothing is to be sent; -EBADMSG if the answer is not a well-formed one to
 * the last body (the state is unchanged); -EOVERFLOW if @leak_max would be
 * exceeded or the machine gave up (the block is dead; Bob's comes to the same
 * end in the same round); -ENOSPC (@in was taken: call again with more room
 * and no @in).
 */
long post_cascade_alice(struct post_cascade *c, const uint8_t *in,
			size_t in_len, uint8_t *out, size_t size);

/**
 * post_cascade_bob() - one step at Bob's end
 * @c: the state machine
 * @in: Alice's body
 * @in_len: bytes of it
 * @out: written to: his answer
 * @size: room in @out
 *
 * The answer must be sent even if post_cascade_done() is then true.
 *
 * Return: bytes written, or -EBADMSG, -ENOSPC (the state is unchanged) or
 * -EALREADY (done).  -EOVERFLOW shows at the next call or in
 * post_cascade_dead().
 */
long post_cascade_bob(struct post_cascade *c, const uint8_t *in,
		      size_t in_len, uint8_t *out, size_t size);

/** post_cascade_done() - true when reconciliation has ended well */
int post_cascade_done(const struct post_cascade *c);

/** post_cascade_dead() - true when it was given up */
int post_cascade_dead(const struct post_cascade *c);

/**
 * post_cascade_errors() - the pattern of errors found so far
 * @c: a state machine, either end's
 * @count: if not NULL, set to the number of errors
 *
 * Return: n bits, valid until post_cascade_free().
 */
const uint64_t *post_cascade_errors(const struct post_cascade *c,
				    size_t *count);

/** post_cascade_leak() - parities disclosed by Alice so far, in bits */
size_t post_cascade_leak(const struct post_cascade *c);

/** post_cascade_rounds() - round trips so far */
unsigned int post_cascade_rounds(const struct post_cascade *c);

/**
 * post_cascade_retry() - look for more errors after verification failed
 * @c: a machine that is done; both ends must do it
 *
 * Asks for parities under further shuffles.  Alice's next step takes no
 * @in, as at the start.
 *
 * Return: 0, or -EOVERFLOW if it was retried too often.
 */
int post_cascade_retry(struct post_cascade *c);

#endif
