/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one-time MAC and the pad: a polynomial hash under a key of the
 * generation, a mask of the packet, and the XOR, in one pass. See
 * Documentation/formats.rst, One-time-pad packets, for the bound.
 */
#ifndef _OTP_MAC_H
#define _OTP_MAC_H

#include "pure.h"

#define OTP_SECRET_SIZE	16	/* bytes of key per generation and direction */
#define OTP_MASK_SIZE	16	/* bytes of pad that each tag costs */
#define OTP_TAG_SIZE	16
#define OTP_AAD_SIZE	16	/* bytes of header under the tag */

/*
 * Words hashed between two reductions. A product is below 2^(64 + 58), so 128
 * bits hold 48 of them and what the hash so far adds.
 */
#define OTP_LANES	48
#if OTP_LANES > 63
#error "the sums overflow"
#endif

/* A number modulo p = 2^116 - 3, in two limbs of 58 bits. */
struct otp_limbs {
	u64 v[2];
};

/**
 * struct otp_hash_key - a direction's secret, expanded; wipe after use
 * @power: r^1 to r^OTP_LANES mod p
 */
struct otp_hash_key {
	struct otp_limbs power[OTP_LANES];
};

void otp_hash_key_set(struct otp_hash_key *key,
		      const u8 secret[OTP_SECRET_SIZE]);
void otp_seal(const struct otp_hash_key *key, const u8 aad[OTP_AAD_SIZE],
	      u8 *dst, const u8 *src, const u8 *pad, size_t len,
	      u8 tag[OTP_TAG_SIZE]);
bool otp_verify(const struct otp_hash_key *key, const u8 aad[OTP_AAD_SIZE],
		const u8 *ct, size_t len, const u8 mask[OTP_MASK_SIZE],
		const u8 tag[OTP_TAG_SIZE]);
void otp_xor(u8 *dst, const u8 *src, const u8 *pad, size_t len);

#endif /* _OTP_MAC_H */
