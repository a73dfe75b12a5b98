// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pad and the one-time MAC: the very code of the kernel against a slow
 * reference that is the formula of Documentation/formats.rst in big numbers,
 * at every length, with extreme values; and the forger's luck, none.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kmod/otp/mac.h"
#include "kselftest_harness.h"

/* ---- the reference: numbers of 4 x 32 bits, modulo 2^116 - 3 ---- */

struct big {
	u64 v[4];
};

static struct big big_from(const u8 *p, unsigned int n, unsigned int bits)
{
	struct big x = {};
	unsigned int i;

	for (i = 0; i < n && 8 * i < bits; i++) {
		u8 keep = bits - 8 * i >= 8 ? 0xff : (1u << (bits - 8 * i)) - 1;

		x.v[i / 4] |= (u64)(p[i] & keep) << 8 * (i % 4);
	}
	return x;
}

/* x < 2^128 to x mod p */
static struct big big_mod(struct big x)
{
	const struct big p = { .v = { 0xfffffffd, ~0u, ~0u, 0xfffff } };
	int i, round;

	for (round = 0; round < 4100; round++) {
		struct big d;
		u64 borrow = 0;

		for (i = 0; i < 4; i++) {
			u64 t = x.v[i] - p.v[i] - borrow;

			borrow = t >> 63;
			d.v[i] = t & 0xffffffff;
		}
		if (borrow)
			return x;
		x = d;
	}
	abort();
}

static struct big big_add(struct big x, struct big y)
{
	u64 c = 0;
	int i;

	for (i = 0; i < 4; i++) {
		c += x.v[i] + y.v[i];
		x.v[i] = c & 0xffffffff;
		c >>= 32;
	}
	return x;
}

/* bit by bit */
static struct big big_mul(struct big x, struct big y)
{
	struct big r = {};
	int i;

	x = big_mod(x);
	for (i = 127; i >= 0; i--) {
		r = big_mod(big_add(r, r));
		if (y.v[i / 32] >> i % 32 & 1)
			r = big_mod(big_add(r, x));
	}
	return r;
}

static void ref_tag(const u8 *secret, const u8 *aad, const u8 *ct, size_t len,
		    const u8 *mask, u8 *tag)
{
	struct big r = big_from(secret, 16, 116), h = {};
	u8 length[8];
	size_t i;

	otp_put64(len, length);
	h = big_mul(big_add(h, big_from(aad, 8, 64)), r);
	h = big_mul(big_add(h, big_from(aad + 8, 8, 64)), r);
	for (i = 0; i < len; i += 8)
		h = big_mul(big_add(h, big_from(ct + i, min(len - i, (size_t)8),
						64)), r);
	h = big_mul(big_add(h, big_from(length, 8, 64)), r);
	h = big_add(h, big_from(mask, 16, 128));
	for (i = 0; i < 16; i++)
		tag[i] = h.v[i / 4] >> 8 * (i % 4);
}

/* ---- the tests ---- */

#define ROOM 2048

/* the harness declares none for a fixture's functions */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

FIXTURE(mac) {
	struct otp_hash_key key;
	u8 secret[16], aad[16], tag[16], want[16];
	u8 src[ROOM], pad[ROOM + 16], dst[ROOM];
};

static void fill(u8 *p, size_t n, int how)
{
	while (n--)
		*p++ = how == 1 ? 0xff : how == 2 ? 0 : random();
}

FIXTURE_SETUP(mac)
{
	srandom(1);
	fill(self->src, ROOM, 0);
	fill(self->pad, ROOM + 16, 0);
	fill(self->aad, 16, 0);
	fill(self->secret, 16, 0);
	otp_hash_key_set(&self->key, self->secret);
}

FIXTURE_TEARDOWN(mac)
{
}

TEST_F(mac, equals_the_reference_at_each_length)
{
	size_t len;

	for (len = 0; len < 900; len++) {
		otp_seal(&self->key, self->aad, self->dst, self->src,
			 self->pad, len, self->tag);
		ref_tag(self->secret, self->aad, self->dst, len, self->pad,
			self->want);
		ASSERT_EQ(0, memcmp(self->tag, self->want, 16))
			TH_LOG("length %zu", len);
	}
}

TEST_F(mac, equals_the_reference_at_the_edges_of_the_field)
{
	int s, m, k, a;
	size_t len;

	for (s = 0; s < 3; s++)
		for (m = 0; m < 3; m++)
			for (k = 0; k < 3; k++)
				for (a = 0; a < 3; a++) {
					len = 300 + random() % 800;
					fill(self->secret, 16, s);
					fill(self->src, len, m);
					fill(self->pad, 16, k);
					fill(self->pad + 16, len, 2);
					fill(self->aad, 16, a);
					otp_hash_key_set(&self->key,
							 self->secret);
					otp_seal(&self->key, self->aad,
						 self->dst, self->src,
						 self->pad, len, self->tag);
					ref_tag(self->secret, self->aad,
						self->dst, len, self->pad,
						self->want);
					ASSERT_EQ(0, memcmp(self->tag,
							    self->want, 16))
						TH_LOG("%d%d%d%d", s, m, k, a);
				}
}

/* h = p - 1, p, p + 1 before the last reduction: r = 1 sums the words up */
TEST_F(mac, reduces_fully)
{
	size_t len = ROOM, i;

	memset(self->secret, 0, 16);
	for (i = 0; i < 5; i++) {
		self->secret[0] = i;
		memset(self->src, 0xff, len);
		memset(self->pad, 0, len + 16);
		otp_hash_key_set(&self->key, self->secret);
		otp_seal(&self->key, self->aad, self->dst, self->src,
			 self->pad, len, self->tag);
		ref_tag(self->secret, self->aad, self->dst, len, self->pad,
			self->want);
		ASSERT_EQ(0, memcmp(self->tag, self->want, 16));
	}
	/* r = 2^58, m = (2^58 - 1, ...): limbs full, carries through all */
	memset(self->secret, 0, 16);
	self->secret[7] = 4;
	otp_hash_key_set(&self->key, self->secret);
	otp_seal(&self->key, self->aad, self->dst, self->src, self->pad, len,
		 self->tag);
	ref_tag(self->secret, self->aad, self->dst, len, self->pad,
		self->want);
	ASSERT_EQ(0, memcmp(self->tag, self->want, 16));
}

/* r = p is r = 0, in a form that no product is reduced from: so are p + 1, 2 */
TEST_F(mac, secrets_above_the_prime)
{
	static const u8 p[16] = {
		0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0x0f, 0xf0,
	};
	size_t len, i;

	for (i = 0; i < 3; i++)
		for (len = 0; len < 600; len += 7) {
			memcpy(self->secret, p, 16);
			self->secret[0] += i;
			otp_hash_key_set(&self->key, self->secret);
			otp_seal(&self->key, self->aad, self->dst, self->src,
				 self->pad, len, self->tag);
			ref_tag(self->secret, self->aad, self->dst, len,
				self->pad, self->want);
			ASSERT_EQ(0, memcmp(self->tag, self->want, 16));
			if (!i)
				ASSERT_EQ(0, memcmp(self->tag, self->pad, 16));
		}
}

TEST_F(mac, ciphertext_is_plaintext_xor_pad_and_in_place_works)
{
	size_t len, i;

	for (len = 0; len < 300; len++) {
		otp_seal(&self->key, self->aad, self->dst, self->src,
			 self->pad, len, self->tag);
		for (i = 0; i < len; i++)
			ASSERT_EQ(self->src[i] ^ self->pad[16 + i],
				  self->dst[i]);
		memcpy(self->dst, self->src, len);
		otp_seal(&self->key, self->aad, self->dst, self->dst,
			 self->pad, len, self->want);
		ASSERT_EQ(0, memcmp(self->tag, self->want, 16));
		ASSERT_TRUE(otp_verify(&self->key, self->aad, self->dst, len,
				       self->pad, self->tag));
		otp_xor(self->dst, self->dst, self->pad + 16, len);
		ASSERT_EQ(0, memcmp(self->dst, self->src, len));
	}
}

TEST_F(mac, writes_nothing_behind_the_end)
{
	size_t len;

	for (len = 0; len < 100; len++) {
		memset(self->dst, 0x5a, ROOM);
		otp_seal(&self->key, self->aad, self->dst, self->src,
			 self->pad, len, self->tag);
		ASSERT_EQ(0x5a, self->dst[len]);
		memset(self->dst, 0x5a, ROOM);
		otp_xor(self->dst, self->src, self->pad, len);
		ASSERT_EQ(0x5a, self->dst[len]);
	}
}

TEST_F(mac, any_flipped_bit_is_noticed)
{
	size_t len = 61, bit;

	otp_seal(&self->key, self->aad, self->dst, self->src, self->pad, len,
		 self->tag);
#define FLIP(p, n) do {							\
	for (bit = 0; bit < 8 * (n); bit++) {				\
		(p)[bit / 8] ^= 1 << bit % 8;				\
		ASSERT_FALSE(otp_verify(&self->key, self->aad,		\
					self->dst, len, self->pad,	\
					self->tag));			\
		(p)[bit / 8] ^= 1 << bit % 8;				\
	}								\
} while (0)
	FLIP(self->dst, len);
	FLIP(self->tag, 16);
	FLIP(self->aad, 16);
	FLIP(self->pad, 16);
	ASSERT_TRUE(otp_verify(&self->key, self->aad, self->dst, len,
			       self->pad, self->tag));
}

/* zeros at the end are not the same message as fewer zeros */
TEST_F(mac, length_is_under_the_tag)
{
	size_t len;

	memset(self->dst, 0, ROOM);
	memset(self->src, 0, ROOM);
	memset(self->pad + 16, 0, ROOM);
	for (len = 1; len < 64; len++) {
		otp_seal(&self->key, self->aad, self->dst, self->src,
			 self->pad, len, self->tag);
		ASSERT_FALSE(otp_verify(&self->key, self->aad, self->dst,
					len - 1, self->pad, self->tag));
		ASSERT_FALSE(otp_verify(&self->key, self->aad, self->dst,
					len + 1, self->pad, self->tag));
	}
}

TEST_F(mac, a_million_random_forgeries_fail)
{
	size_t i, len;

	for (i = 0; i < 1000000; i++) {
		len = random() % 128;
		self->dst[random() % 128] = random();
		self->tag[random() % 16] = random();
		ASSERT_FALSE(otp_verify(&self->key, self->aad, self->dst, len,
					self->pad, self->tag));
	}
}

TEST_HARNESS_MAIN
