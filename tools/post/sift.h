/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sifting: from detections and preparations to sifted strings and counts.
 *
 *   DETECT, Bob to Alice: which pulses, in which basis
 *   SIFT, Alice to Bob: which to keep, their intensities, her bits of the
 *   check basis
 *
 * after which both hold a key-basis string each (to be reconciled), Bob holds
 * both ends' check-basis strings, and tells Alice the errors he counts.  The
 * bodies of both messages are written and read here; carrying them, in order
 * and authenticated, is the daemon's business.
 *
 * Basis 0 is the key basis (X in Lim 2014, Z in Rusca 2018), basis 1 the
 * check basis.  Intensity is a number 0 (signal), 1, 2, kept as two bit
 * planes, lo and hi.  With entangled pairs all are 0 and no planes are sent.
 *
 * Timing: depends on bases, matches and gaps, which are public; never on bits.
 */
#ifndef QKD_POST_SIFT_H
#define QKD_POST_SIFT_H

#include <stddef.h>
#include <stdint.h>

#define POST_INTENSITIES 3

/* detections in one DETECT message at most */
#define POST_DETECT_MAX (1u << 24)

/**
 * struct post_sifted - a sifted string that grows, in the caller's buffers
 * @bit: this end's values
 * @lo: low bit of each position's intensity
 * @hi: high bit of it
 * @len: bits in it
 * @cap: bits there is room for
 *
 * All three buffers hold post_words(cap) words, zero from @len on.
 */
struct post_sifted {
	uint64_t *bit;
	uint64_t *lo;
	uint64_t *hi;
	size_t len;
	size_t cap;
};

/**
 * struct post_prep - what Alice prepared, at the detected pulses only
 * @bit: her bits
 * @basis: her bases
 * @lo: low bit of the intensity; NULL with @hi: all intensities are 0
 * @hi: high bit of the intensity
 */
struct post_prep {
	const uint64_t *bit;
	const uint64_t *basis;
	const uint64_t *lo;
	const uint64_t *hi;
};

/** post_detect_size() - an upper bound on a DETECT body of n detections */
size_t post_detect_size(size_t n);

/**
 * post_detect_put() - write the body of DETECT
 * @buf: written to
 * @size: room in @buf, post_detect_size(@n) is always enough
 * @base: index of the first pulse the message is about
 * @index: @n pulse indices, rising strictly, the first >= @base, none more
 *	than 2^32 - 1 past the one before (or past @base)
 * @basis: @n bits, Bob's bases
 * @n: detections, at most POST_DETECT_MAX
 *
 * Return: the bytes written, or -EINVAL (indices out of order), -ERANGE (a
 * gap or @n too large), -ENOSPC.
 */
long post_detect_put(uint8_t *buf, size_t size, uint64_t base,
		     const uint64_t *index, const uint64_t *basis, size_t n);

/**
 * post_detect_get() - read the body of DETECT, believing nothing
 * @buf: what the peer sent
 * @len: bytes of it
 * @base: index of the first pulse the message is about
 * @limit: index no pulse may reach
 * @index: room for @max indices
 * @basis: room for @max bits
 * @max: detections there is room for
 *
 * Return: the number of detections, rising strictly within [@base, @limit),
 * or -EBADMSG if the body is not exactly a well-formed one, -EMSGSIZE if it
 * has more than @max detections.
 */
long post_detect_get(const uint8_t *buf, size_t len, uint64_t base,
		     uint64_t limit, uint64_t *index, uint64_t *basis,
		     size_t max);

/** post_sift_size() - an upper bound on a SIFT body for n detections */
size_t post_sift_size(size_t n);

/**
 * post_sift_alice() - sift at Alice's end and write the body of SIFT
 * @prep: her preparations at the @n pulses of one DETECT
 * @basis: @n bits, Bob's bases as announced
 * @n: detections
 * @key: her key-basis string, appended to
 * @chk: her check-basis string, appended to
 * @buf: written to
 * @size: room in @buf, post_sift_size(@n) is always enough
 *
 * Return: the bytes written, or -ENOSPC (@buf, @key or @chk is full; nothing
 * was appended).
 */
long post_sift_alice(const struct post_prep *prep, const uint64_t *basis,
		     size_t n, struct post_sifted *key,
		     struct post_sifted *chk, uint8_t *buf, size_t size);

/**
 * post_sift_bob() - read the body of SIFT and sift at Bob's end
 * @buf: what the peer sent
 * @len: bytes of it
 * @bit: @n bits, his values
 * @basis: @n bits, his bases
 * @n: detections of the DETECT answered
 * @key: his key-basis string, appended to
 * @chk: his check-basis string, appended to
 * @chk_alice: Alice's bits of the check basis, appended at @chk->len; the
 *	room and the zeros of @chk->bit
 *
 * Return: 0, or -EBADMSG if the body is not exactly a well-formed answer,
 * -ENOSPC.  On error nothing was appended.
 */
int post_sift_bob(const uint8_t *buf, size_t len, const uint64_t *bit,
		  const uint64_t *basis, size_t n, struct post_sifted *key,
		  struct post_sifted *chk, uint64_t *chk_alice);

/**
 * post_sift_checks_before() - where in the check basis a key position falls
 * @buf: the body of SIFT, as it was written or accepted
 * @basis: @n bits, Bob's bases
 * @n: detections
 * @k: which of the positions kept in the key basis, the first being 1
 *
 * Return: how many positions of the check basis were kept before it; all, if
 * there are fewer than @k.
 */
size_t post_sift_checks_before(const uint8_t *buf, const uint64_t *basis,
			       size_t n, size_t k);

/**
 * post_sift_count() - count positions by intensity
 * @lo: low bits of the intensities
 * @hi: high bits
 * @mask: count only where this is 1; NULL: everywhere
 * @n: bits
 * @count: set to the numbers of positions of intensity 0, 1 and 2
 *
 * With the mask being where two ends differ, these are errors by intensity.
 */
void post_sift_count(const uint64_t *lo, const uint64_t *hi,
		     const uint64_t *mask, size_t n,
		     uint64_t count[POST_INTENSITIES]);

/**
 * post_sift_pack() - bytes of flags to bit planes
 * @flags: n bytes: bit 0 value, bit 1 basis, bits 2-3 intensity
 * @n: bytes
 * @bit: room for n bits; NULL where a plane is not wanted, here and below
 * @basis: bases
 * @lo: low bits of intensities
 * @hi: high bits
 */
void post_sift_pack(const uint8_t *flags, size_t n, uint64_t *bit,
		    uint64_t *basis, uint64_t *lo, uint64_t *hi);

/** post_sift_pack_ref() - the same in portable C, for tests */
void post_sift_pack_ref(const uint8_t *flags, size_t n, uint64_t *bit,
			uint64_t *basis, uint64_t *lo, uint64_t *hi);

#endif
