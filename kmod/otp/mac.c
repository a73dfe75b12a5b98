// SPDX-License-Identifier: GPL-2.0
/*
 * The one-time MAC: a polynomial in the secret r, evaluated modulo the prime
 * 2^116 - 3, plus a mask; and the XOR that goes with it. The key's powers are
 * computed once, so that OTP_LANES words are multiplied independently of one
 * another and reduced together; with scalar arithmetic only, since this runs
 * in softirq on any machine. Keeps no state; what the bytes mean is packet.c's
 * business.
 *
 * All branches and addresses depend on lengths only, never on content.
 */

#include "mac.h"

#define u128 unsigned __int128

#define M58 ((1ULL << 58) - 1)

/* A sum of products, by weights 2^0 and 2^58. */
struct otp_acc {
	u128 v[2];
};

static __always_inline void mul_add(struct otp_acc *a, u64 x,
				    const struct otp_limbs *y)
{
	a->v[0] += (u128)x * y->v[0];
	a->v[1] += (u128)x * y->v[1];
}

/* By 2^116 = 3. Neither is more than a little above 2^58 in a limb. */
static __always_inline void mul_add_limbs(struct otp_acc *a,
					  const struct otp_limbs *x,
					  const struct otp_limbs *y)
{
	a->v[0] += (u128)x->v[0] * y->v[0] + (u128)x->v[1] * (3 * y->v[1]);
	a->v[1] += (u128)x->v[0] * y->v[1] + (u128)x->v[1] * y->v[0];
}

/* Below 2^116 + 2^74, not always below p. */
static __always_inline struct otp_limbs reduce(const struct otp_acc *a)
{
	u128 c = a->v[0], d = a->v[1];
	struct otp_limbs h;

	h.v[0] = (u64)c & M58;
	d += c >> 58;
	h.v[1] = (u64)d & M58;
	c = (d >> 58) * 3 + h.v[0];
	h.v[0] = (u64)c & M58;
	h.v[1] += (u64)(c >> 58);
	return h;
}

/**
 * otp_hash_key_set - expand a direction's secret
 * @key: filled
 * @secret: r, little-endian; its top 12 bits are not used
 */
void otp_hash_key_set(struct otp_hash_key *key,
		      const u8 secret[OTP_SECRET_SIZE])
{
	u64 lo = otp_get64(secret), hi = otp_get64(secret + 8);
	struct otp_limbs *power = key->power;
	int i;

	power[0].v[0] = lo & M58;
	power[0].v[1] = (lo >> 58 | hi << 6) & M58;
	for (i = 1; i < OTP_LANES; i++) {
		struct otp_acc a = {};

		mul_add_limbs(&a, &power[i - 1], &power[0]);
		power[i] = reduce(&a);
		/* 48 products fit only if the limbs are strictly 58 bits */
		power[i].v[0] += 3 * (power[i].v[1] >> 58);
		power[i].v[1] &= M58;
		memzero_explicit(&a, sizeof(a));
	}
}

/* The next 8 bytes: of @src XOR @pad, stored in @dst, or of @src alone. */
static __always_inline u64 next_word(u8 *dst, const u8 *src, const u8 *pad,
				     size_t at)
{
	u64 x = otp_get64(src + at);

	if (pad) {
		x ^= otp_get64(pad + at);
		otp_put64(x, dst + at);
	}
	return x;
}

/* The bytes behind the last whole word, and zeros. */
static __always_inline u64 last_word(u8 *dst, const u8 *src, const u8 *pad,
				     size_t at, size_t end)
{
	u64 x = 0;
	int shift;
	u8 c;

	for (shift = 0; at < end; at++, shift += 8) {
		c = src[at];
		if (pad) {
			c ^= pad[at];
			dst[at] = c;
		}
		x |= (u64)c << shift;
	}
	return x;
}

/*
 * The words are the header's two, the ciphertext's, and its length: the hash
 * is their polynomial in r, the length multiplied by r, the word before it by
 * r^2, and so on.
 */
static __always_inline struct otp_limbs
hash_message(const struct otp_hash_key *key, const u8 *aad, u8 *dst,
	     const u8 *src, const u8 *pad, size_t len)
{
	size_t at = 0, whole = len & ~(size_t)7, stop;
	size_t left = 2 + (len + 7) / 8 + 1;
	const struct otp_limbs *r, *top;
	struct otp_limbs h = {};

	for (bool first = true; left; first = false) {
		size_t n = left < OTP_LANES ? left : OTP_LANES;
		struct otp_acc a = {};

		left -= n;
		top = key->power + n - 1;
		r = top;
		if (first) {
			mul_add(&a, otp_get64(aad), r--);
			mul_add(&a, otp_get64(aad + 8), r--);
		}
		stop = at + 8 * (size_t)(r + 1 - key->power);
		if (stop > whole)
			stop = whole;
		for (; at < stop; at += 8)
			mul_add(&a, next_word(dst, src, pad, at), r--);
		if (r >= key->power && at < len) {
			mul_add(&a, last_word(dst, src, pad, at, len), r--);
			at = len;
		}
		if (r >= key->power)
			mul_add(&a, len, r);
		/* last, since it comes late, from the words before */
		mul_add_limbs(&a, &h, top);
		h = reduce(&a);
	}
	return h;
}

/* h mod p, plus the mask, mod 2^128 */
static void make_tag(struct otp_limbs h, const u8 mask[OTP_MASK_SIZE],
		     u8 tag[OTP_TAG_SIZE])
{
	struct otp_acc a = { .v = { h.v[0], h.v[1] } };
	u128 x, minus_p, keep;

	h = reduce(&a);
	x = h.v[0] + ((u128)h.v[1] << 58);
	/* x - p = x + 3 - 2^116: keep x if that is negative */
	minus_p = x + 3;
	keep = (minus_p >> 116) - 1;
	x = (x & keep) | (minus_p & ~keep & (((u128)1 << 116) - 1));
	x += otp_get64(mask) + ((u128)otp_get64(mask + 8) << 64);
	otp_put64((u64)x, tag);
	otp_put64((u64)(x >> 64), tag + 8);
}

/**
 * otp_seal - encrypt and authenticate a packet
 * @key: the direction's hash key
 * @aad: the header under the tag
 * @dst: @len bytes of ciphertext; may be @src
 * @src: @len bytes of plaintext
 * @pad: OTP_MASK_SIZE bytes of mask, then @len bytes of pad; the caller wipes
 *	them
 * @len: any
 * @tag: filled
 */
void otp_seal(const struct otp_hash_key *key, const u8 aad[OTP_AAD_SIZE],
	      u8 *dst, const u8 *src, const u8 *pad, size_t len,
	      u8 tag[OTP_TAG_SIZE])
{
	make_tag(hash_message(key, aad, dst, src, pad + OTP_MASK_SIZE, len),
		 pad, tag);
}

/**
 * otp_verify - check a packet's tag, in time that depends on @len only
 * @key: the direction's hash key
 * @aad: the header under the tag
 * @ct: @len bytes of ciphertext
 * @len: any
 * @mask: the first OTP_MASK_SIZE bytes of the packet's pad
 * @tag: as received
 *
 * Return: whether the sender made the packet.
 */
bool otp_verify(const struct otp_hash_key *key, const u8 aad[OTP_AAD_SIZE],
		const u8 *ct, size_t len, const u8 mask[OTP_MASK_SIZE],
		const u8 tag[OTP_TAG_SIZE])
{
	u8 right[OTP_TAG_SIZE];
	bool ok;

	make_tag(hash_message(key, aad, NULL, ct, NULL, len), mask, right);
	ok = !crypto_memneq(right, tag, OTP_TAG_SIZE);
	/* it would make a forged packet right */
	memzero_explicit(right, sizeof(right));
	return ok;
}

/**
 * otp_xor - @dst = @src XOR @pad
 * @dst: @len bytes; may be @src
 * @src: @len bytes
 * @pad: @len bytes; the caller wipes them
 * @len: any
 */
void otp_xor(u8 *dst, const u8 *src, const u8 *pad, size_t len)
{
	for (; len >= 8; len -= 8, dst += 8, src += 8, pad += 8)
		otp_put64(otp_get64(src) ^ otp_get64(pad), dst);
	while (len--)
		*dst++ = *src++ ^ *pad++;
}
