/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packed bit strings: the one form in which key travels through tools/post.
 *
 * A string of n bits lies in post_words(n) words of 64 bits, bit i in word
 * i / 64 at place i % 64 (least significant first).  Bits past the end of the
 * last word are zero; every function here keeps it so and relies on it.  The
 * length is always passed beside the words.  As bytes on a wire, bit i is in
 * byte i / 8 at place i % 8.
 *
 * Timing: all of it depends on lengths and, for post_bits_extract(), on the
 * mask (which is public: it says which detections were kept), never on values.
 */
#ifndef QKD_POST_BITS_H
#define QKD_POST_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* words that hold n bits */
static inline size_t post_words(size_t n)
{
	return n / 64 + (n % 64 != 0);
}

/* bytes that hold n bits */
static inline size_t post_bytes(size_t n)
{
	return n / 8 + (n % 8 != 0);
}

static inline unsigned int post_bit(const uint64_t *v, size_t i)
{
	return v[i / 64] >> (i % 64) & 1;
}

static inline void post_bit_flip(uint64_t *v, size_t i)
{
	v[i / 64] ^= (uint64_t)1 << (i % 64);
}

static inline void post_bit_put(uint64_t *v, size_t i, unsigned int bit)
{
	uint64_t m = (uint64_t)1 << (i % 64);

	v[i / 64] = (v[i / 64] & ~m) | (bit ? m : 0);
}

/* the bits of the last word of an n-bit string that are part of it */
static inline uint64_t post_tail_mask(size_t n)
{
	return n % 64 ? ((uint64_t)1 << (n % 64)) - 1 : ~(uint64_t)0;
}

/**
 * post_bits_copy() - copy a range of bits, any alignment
 * @dst: string copied to; bits outside the range keep their value
 * @dpos: first bit written
 * @src: string copied from; must not overlap @dst
 * @spos: first bit read
 * @n: bits to copy
 */
void post_bits_copy(uint64_t *dst, size_t dpos, const uint64_t *src,
		    size_t spos, size_t n);

/**
 * post_bits_extract() - append those bits of a string that a mask names
 * @dst: string appended to; its bits from @dpos on must be zero
 * @dpos: bits already in @dst
 * @src: n bits
 * @mask: n bits; bit i of @src is taken where bit i of @mask is 1
 * @n: bits in @src and @mask
 *
 * @dst must have room for all the bits that the mask names.
 *
 * Return: the bits appended, which is the number of ones in @mask.
 */
size_t post_bits_extract(uint64_t *dst, size_t dpos, const uint64_t *src,
			 const uint64_t *mask, size_t n);

/** post_bits_extract_ref() - the same in portable C, for tests */
size_t post_bits_extract_ref(uint64_t *dst, size_t dpos, const uint64_t *src,
			     const uint64_t *mask, size_t n);

/** post_bits_count() - the number of ones among n bits */
size_t post_bits_count(const uint64_t *v, size_t n);

/** post_bits_diff() - the number of places in which two strings differ */
size_t post_bits_diff(const uint64_t *a, const uint64_t *b, size_t n);

/** post_bits_diff_ref() - the same in portable C; @b NULL: ones of @a */
size_t post_bits_diff_ref(const uint64_t *a, const uint64_t *b, size_t n);

/** post_bits_xor() - dst ^= src, n bits */
void post_bits_xor(uint64_t *dst, const uint64_t *src, size_t n);

/** post_bits_equal() - whether two strings agree, in constant time */
bool post_bits_equal(const uint64_t *a, const uint64_t *b, size_t n);

/** post_bits_store() - write n bits as post_bytes(n) bytes */
void post_bits_store(uint8_t *dst, const uint64_t *src, size_t n);

/**
 * post_bits_load() - read n bits from post_bytes(n) bytes of a peer
 * @dst: room for post_words(n) words
 * @src: post_bytes(n) bytes
 * @n: bits
 *
 * Return: 0, or -EBADMSG if a bit past the end is not zero (@dst is then
 * all zero).
 */
int post_bits_load(uint64_t *dst, const uint8_t *src, size_t n);

#endif
