// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Forged packets by the million against the kernel's own parser, MAC and ring
 * of key, put together as kmod/otp/receive.c does: none is accepted, none
 * costs key, and the real ones they were made from are accepted afterwards,
 * once. OTP_FORGERIES: how many.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kmod/core/ring.h"
#include "kmod/otp/mac.h"
#include "kmod/otp/packet.h"
#include "kselftest_harness.h"

#define PACKETS	64
#define TEXT	1440
#define SLOT	(OTP_MASK_SIZE + TEXT)
#define RING	(1u << 17)
#define TUNNEL	1

static const u8 generation[OTP_GEN_SIZE] = "forger";

struct packet {
	u8 b[OTP_HDR_SIZE + TEXT + 64];
	u32 len;
};

FIXTURE(otp_forge) {
	struct otp_hash_key key;
	struct qkd_rx rx;
	u8 pad[RING];
	u8 plain[PACKETS][TEXT];
	struct packet real[PACKETS];
	uint64_t random;
};

static uint64_t rnd(FIXTURE_DATA(otp_forge) *self, uint64_t n)
{
	uint64_t x = self->random;

	/* xorshift64*, Vigna 2014 */
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	self->random = x;
	return (x * 0x2545f4914f6cdd1dULL >> 32) % n;
}

static void fill(FIXTURE_DATA(otp_forge) *self, u8 *p, size_t n)
{
	while (n--)
		*p++ = rnd(self, 256);
}

FIXTURE_SETUP(otp_forge)
{
	u8 secret[OTP_SECRET_SIZE];
	u64 at = 0;
	u32 i;

	self->random = 88172645463325252ULL;
	fill(self, secret, sizeof(secret));
	otp_hash_key_set(&self->key, secret);
	fill(self, self->pad, RING);
	self->rx.buf = calloc(1, RING);
	self->rx.gone = calloc(1, RING / 8);
	self->rx.size = RING;
	qkd_rx_reset(&self->rx);
	qkd_rx_feed(&self->rx, 0, RING);
	qkd_ring_write(self->rx.buf, RING, 0, self->pad, RING);
	for (i = 0; i < PACKETS; i++) {
		struct packet *p = &self->real[i];
		struct otp_header *h = (struct otp_header *)p->b;
		u32 len = i < 4 ? i : 1 + rnd(self, TEXT);

		fill(self, self->plain[i], len);
		otp_header_build(h, OTP_TYPE_PAD, TUNNEL, generation, at);
		otp_seal(&self->key, p->b, p->b + OTP_HDR_SIZE, self->plain[i],
			 self->pad + at, len, h->tag);
		p->len = OTP_HDR_SIZE + len;
		at += OTP_MASK_SIZE + len;
	}
}

FIXTURE_TEARDOWN(otp_forge)
{
	free(self->rx.buf);
	free(self->rx.gone);
}

/* What receive.c does. Bytes of plaintext, or -1 of a packet not accepted. */
static int receive(FIXTURE_DATA(otp_forge) *self, const struct packet *p,
		   u8 *plain)
{
	const struct otp_header *h = (const struct otp_header *)p->b;
	u8 mask[OTP_MASK_SIZE], pad[SLOT + 64];
	struct otp_info info;
	u32 len;

	if (otp_header_parse(p->b, p->len, &info) ||
	    info.type != OTP_TYPE_PAD || info.tunnel != TUNNEL ||
	    memcmp(info.generation, generation, OTP_GEN_SIZE))
		return -1;
	len = p->len - OTP_HDR_SIZE;
	if (qkd_rx_peek(&self->rx, info.offset, mask, sizeof(mask)) ||
	    !otp_verify(&self->key, p->b, p->b + OTP_HDR_SIZE, len, mask,
			h->tag) ||
	    qkd_rx_take(&self->rx, info.offset, pad, OTP_MASK_SIZE + len))
		return -1;
	otp_xor(plain, p->b + OTP_HDR_SIZE, pad + OTP_MASK_SIZE, len);
	return len;
}

static void move_offset(FIXTURE_DATA(otp_forge) *self, struct otp_header *h)
{
	static const int by[] = { -16, -1, 1, 8, 16, 32, 4096 };
	u64 o = 0;
	int i;

	for (i = 0; i < 6; i++)
		o = o << 8 | h->offset[i];
	o += by[rnd(self, 7)];
	for (i = 0; i < 6; i++)
		h->offset[i] = o >> 8 * (5 - i);
}

static void forge(FIXTURE_DATA(otp_forge) *self, struct packet *p)
{
	struct otp_header *h = (struct otp_header *)p->b;
	const struct packet *other = &self->real[rnd(self, PACKETS)];
	u32 n;

	*p = self->real[rnd(self, PACKETS)];
	switch (rnd(self, 8)) {
	case 0:		/* a bit anywhere */
		n = rnd(self, 8 * p->len);
		p->b[n / 8] ^= 1 << n % 8;
		break;
	case 1:		/* shorter */
		p->len = rnd(self, p->len);
		break;
	case 2:		/* longer, zeros too */
		n = 1 + rnd(self, 64);
		memset(p->b + p->len, 0, n);
		if (rnd(self, 2))
			fill(self, p->b + p->len, n);
		p->len += n;
		break;
	case 3:		/* another place of the stream */
		move_offset(self, h);
		break;
	case 4:		/* a tag by chance */
		fill(self, h->tag, sizeof(h->tag));
		break;
	case 5:		/* another's tag */
		memcpy(h->tag, other->b + OTP_AAD_SIZE, sizeof(h->tag));
		break;
	case 6:		/* the same difference to text and tag */
		n = rnd(self, p->len - OTP_HDR_SIZE + 1);
		p->b[OTP_HDR_SIZE + n] ^= 1;
		h->tag[rnd(self, OTP_TAG_SIZE)] ^= 1 << rnd(self, 8);
		break;
	default:	/* noise with a good header */
		fill(self, p->b + 2 + rnd(self, 30), 16);
		break;
	}
}

static bool is_real(FIXTURE_DATA(otp_forge) *self, const struct packet *p)
{
	u32 i;

	for (i = 0; i < PACKETS; i++)
		if (self->real[i].len == p->len &&
		    !memcmp(self->real[i].b, p->b, p->len))
			return true;
	return false;
}

TEST_F(otp_forge, none_is_accepted_nor_costs_key)
{
	const char *env = getenv("OTP_FORGERIES");
	u64 n = env ? strtoull(env, NULL, 0) : 1000000, i, accepted = 0;
	u64 held = self->rx.held;
	static struct packet p;
	static u8 plain[SLOT];
	u32 k;

	for (i = 0; i < n; i++) {
		do {
			forge(self, &p);
		} while (is_real(self, &p));
		accepted += receive(self, &p, plain) >= 0;
	}
	EXPECT_EQ(0, accepted);
	EXPECT_EQ(held, self->rx.held);
	EXPECT_EQ(0, self->rx.consumed);
	for (k = 0; k < PACKETS; k++) {
		int len = self->real[k].len - OTP_HDR_SIZE;

		ASSERT_EQ(len, receive(self, &self->real[k], plain));
		ASSERT_EQ(0, memcmp(plain, self->plain[k], len));
		ASSERT_EQ(-1, receive(self, &self->real[k], plain));
	}
}

TEST_HARNESS_MAIN
