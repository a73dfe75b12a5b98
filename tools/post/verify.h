/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verification: do both ends hold the same string?
 *
 * Alice draws a fresh random 128-bit key after reconciliation has ended and
 * sends it with the tag; Bob compares.  The tag is a polynomial hash over
 * GF(2^128), truncated to t bits: two different strings of n bits have equal
 * tags with probability at most (ceil(n / 128) + 1) 2^-t over the key.
 * The t bits are disclosed and counted as leakage.
 *
 * Timing: depends on n only.
 */
#ifndef QKD_POST_VERIFY_H
#define QKD_POST_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#define POST_TAG_MAX 16		/* bytes */

/**
 * post_verify_tag_bytes() - the shortest tag that is good enough
 * @n: bits of the string
 * @eps_cor: greatest acceptable probability of missing a difference
 *
 * Return: bytes (at most POST_TAG_MAX), or 0 if @eps_cor cannot be had.
 */
unsigned int post_verify_tag_bytes(size_t n, double eps_cor);

/**
 * post_verify_tag() - the tag of a string
 * @key: 16 random bytes, public, used for this block only
 * @v: the string
 * @n: its bits
 * @tag: written to, POST_TAG_MAX bytes; a shorter tag is its first bytes
 */
void post_verify_tag(const uint8_t key[16], const uint64_t *v, size_t n,
		     uint8_t tag[POST_TAG_MAX]);

#endif
