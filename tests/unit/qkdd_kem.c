// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What two ends make of X25519 and ML-KEM-768: known answers for the part that
 * is ours, and that only the right answer to the right offer, between the
 * right nodes, gives both the same.
 */
#include <string.h>

#include "tools/qkdd/kem.h"

#include <kselftest_harness.h>

static const char *const nodes[2] = { "alpha", "beta" };

/*
 * Computed by Python's hmac and hashlib:
 *	t = label[16] + node[64] + node[64] + offer + answer
 *	prk = H(sha384(t), shared)
 *	H(prk, b"qkd-hybrid secret\\1"); H(prk, b"qkd-hybrid id\\1")[:16]
 */
static const uint8_t want[KEM_SECRET] = {
	0x19, 0x95, 0x88, 0xc0, 0x0c, 0x89, 0x24, 0x5d,
	0x19, 0xf6, 0x12, 0xa5, 0xfa, 0x1f, 0x4c, 0x11,
	0x87, 0xc8, 0xd8, 0xc9, 0xa2, 0x27, 0x63, 0xbe,
	0x52, 0xd5, 0xb0, 0x3c, 0x29, 0x7f, 0xf9, 0x91,
	0x82, 0x0d, 0xee, 0xd5, 0x28, 0x9e, 0x1f, 0x27,
	0x76, 0x79, 0xf5, 0x18, 0x45, 0xbb, 0x92, 0xfb,
};

static const uint8_t want_id[KEM_ID] = {
	0x27, 0xbf, 0x98, 0xe7, 0x01, 0x37, 0x4b, 0xda,
	0xf2, 0xfc, 0x18, 0xb7, 0x79, 0xbf, 0xe0, 0x44,
};

TEST(known_answer)
{
	uint8_t offer[KEM_OFFER], answer[KEM_ANSWER], shared[KEM_SHARED];
	struct kem_secret s;
	int i;

	for (i = 0; i < KEM_OFFER; i++)
		offer[i] = i * 7 + 1;
	for (i = 0; i < KEM_ANSWER; i++)
		answer[i] = i * 5 + 3;
	for (i = 0; i < KEM_SHARED; i++)
		shared[i] = i;
	ASSERT_EQ(0, kem_combine(nodes, offer, answer, shared, &s));
	EXPECT_EQ(0, memcmp(s.bytes, want, sizeof(want)));
	EXPECT_EQ(0, memcmp(s.id, want_id, sizeof(want_id)));
	/* each of the two shared secrets counts */
	for (i = 0; i < KEM_SHARED; i++) {
		shared[i] ^= 1;
		kem_combine(nodes, offer, answer, shared, &s);
		EXPECT_NE(0, memcmp(s.bytes, want, sizeof(want)));
		EXPECT_NE(0, memcmp(s.id, want_id, sizeof(want_id)));
		shared[i] ^= 1;
	}
}

TEST(without_it_it_says_what_to_do)
{
	char why[256] = "";

	if (kem_there(why, sizeof(why))) {
		EXPECT_NE(NULL, strstr(why, "no ML-KEM-768"));
		EXPECT_NE(NULL, strstr(why, "OpenSSL 3.5 or later"));
		EXPECT_GT(200, strlen(why));
	} else {
		EXPECT_STREQ("", why);
	}
}

FIXTURE(both) {
	struct kem *kem;
	uint8_t offer[KEM_OFFER];
	uint8_t answer[KEM_ANSWER];
	struct kem_secret a;
	struct kem_secret b;
};

FIXTURE_SETUP(both)
{
	char why[256];

	memset(self, 0, sizeof(*self));
	if (kem_there(why, sizeof(why)))
		SKIP(return, "%s", why);
	ASSERT_EQ(0, kem_offer(&self->kem, self->offer));
	ASSERT_EQ(0, kem_answer(nodes, self->offer, self->answer, &self->b));
}

FIXTURE_TEARDOWN(both)
{
	kem_free(self->kem);
}

TEST_F(both, have_the_same)
{
	ASSERT_EQ(0, kem_finish(self->kem, nodes, self->answer, &self->a));
	EXPECT_EQ(0, memcmp(&self->a, &self->b, sizeof(self->a)));
}

TEST_F(both, have_not_between_other_nodes)
{
	const char *const others[2] = { "alpha", "betb" };

	ASSERT_EQ(0, kem_finish(self->kem, others, self->answer, &self->a));
	EXPECT_NE(0, memcmp(self->a.id, self->b.id, KEM_ID));
}

/* A bit of either part: another name, or no secret at all. */
TEST_F(both, have_not_of_another_answer)
{
	static const int at[] = { 0, 17, 32, 800, KEM_ANSWER - 1 };
	size_t i;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		self->answer[at[i]] ^= 4;
		if (!kem_finish(self->kem, nodes, self->answer, &self->a))
			EXPECT_NE(0, memcmp(self->a.id, self->b.id, KEM_ID));
		self->answer[at[i]] ^= 4;
	}
}

/* X25519 keys of small order would give zeroes: RFC 7748, 6.1 */
TEST_F(both, refuse_keys_that_give_zeroes)
{
	memset(self->answer, 0, 32);
	EXPECT_NE(0, kem_finish(self->kem, nodes, self->answer, &self->a));
	memset(self->offer, 0, 32);
	EXPECT_NE(0, kem_answer(nodes, self->offer, self->answer, &self->b));
}

/* FIPS 203, 7.2: a key whose numbers are not below the modulus */
TEST_F(both, refuse_keys_out_of_range)
{
	memset(self->offer + 32, 0xff, 384);
	EXPECT_NE(0, kem_answer(nodes, self->offer, self->answer, &self->b));
}

TEST_F(both, never_have_the_same_twice)
{
	struct kem_secret again;

	ASSERT_EQ(0, kem_answer(nodes, self->offer, self->answer, &again));
	EXPECT_NE(0, memcmp(again.bytes, self->b.bytes, KEM_SECRET));
	EXPECT_NE(0, memcmp(again.id, self->b.id, KEM_ID));
}

TEST_HARNESS_MAIN
