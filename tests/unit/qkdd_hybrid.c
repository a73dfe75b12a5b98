// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two daemons' sessions agree on a post-quantum secret for hybrid tunnels, on
 * another one after a while, and say what is in the way where OpenSSL has no
 * ML-KEM-768.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/qkdd_pair.h"
#include "tools/common/log.h"
#include "tools/common/secret.h"
#include "tools/qkdd/hybrid.h"
#include "tools/qkdd/kem.h"
#include "tools/qkdd/messages.h"

#include <kselftest_harness.h>

static bool there(void)
{
	char why[256];

	return !kem_there(why, sizeof(why));
}

static bool met(struct pair *p, void *arg)
{
	return session_open(p->end[0].session) &&
	       session_open(p->end[1].session);
}

/* Both use one for the n-th time, and it is the same. */
static bool agreed(struct pair *p, void *arg)
{
	unsigned int *n = arg;

	return p->end[0].uses >= *n && p->end[1].uses >= *n &&
	       !memcmp(p->end[0].used, p->end[1].used, 16);
}

static bool both_told_why(struct pair *p, void *arg)
{
	return p->end[0].none[0] && p->end[1].none[0];
}

FIXTURE(pair) {
	struct pair p;
};

FIXTURE_SETUP(pair)
{
	struct pair *p = &self->p;
	uint8_t *pad = malloc(1 << 20);
	char path[128];
	FILE *f;
	int i;

	log_setup(getenv("V") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERR, false);
	pair_init(p, "file", "", 1 << 18, false);
	random_bytes(pad, 1 << 20);
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/pad", p->end[i].dir);
		f = fopen(path, "w");
		fwrite(pad, 1 << 20, 1, f);
		fclose(f);
		snprintf(p->config[i], sizeof(p->config[i]),
			 "pad=%s hybrid_time=1", path);
	}
	free(pad);
}

FIXTURE_TEARDOWN(pair)
{
	pair_free(&self->p);
}

TEST_F(pair, has_the_same_secret_and_then_another)
{
	struct pair_end *e = self->p.end;
	unsigned int n = 1;
	uint8_t first[64];

	if (!there())
		SKIP(return, "this OpenSSL has no ML-KEM-768");
	pair_start(&self->p, 0);
	pair_start(&self->p, 1);
	ASSERT_TRUE(pair_run(&self->p, agreed, &n, 10));
	EXPECT_EQ(0, memcmp(e[0].given, e[1].given, 64));
	EXPECT_EQ(0, memcmp(e[0].given, e[0].used, 16));
	memcpy(first, e[0].given, 64);
	/* by the leader's clock */
	n = 2;
	ASSERT_TRUE(pair_run(&self->p, agreed, &n, 10));
	EXPECT_EQ(0, memcmp(e[0].given, e[1].given, 64));
	EXPECT_NE(0, memcmp(first, e[0].given, 16));
	EXPECT_NE(0, memcmp(first + 16, e[0].given + 16, 48));
	EXPECT_EQ(0, e[0].none[0] | e[1].none[0]);
}

TEST_F(pair, has_another_when_either_end_lost_it)
{
	struct pair_end *e = self->p.end;
	unsigned int n = 1;
	int i;

	if (!there())
		SKIP(return, "this OpenSSL has no ML-KEM-768");
	/* not by the clock */
	for (i = 0; i < 2; i++)
		*strstr(self->p.config[i], "time=1") = 0,
		strcat(self->p.config[i], "time=1000");
	pair_start(&self->p, 0);
	pair_start(&self->p, 1);
	ASSERT_TRUE(pair_run(&self->p, agreed, &n, 10));
	for (i = 0; i < 2; i++) {
		n = e[0].uses + 1;
		session_secret_again(e[i].session);
		ASSERT_TRUE(pair_run(&self->p, agreed, &n, 10));
		EXPECT_EQ(0, memcmp(e[0].given, e[1].given, 64));
	}
	/* and when a daemon comes back */
	n = e[0].uses + 1;
	pair_stop(&self->p, 0);
	pair_start(&self->p, 0);
	ASSERT_TRUE(pair_run(&self->p, agreed, &n, 20));
	EXPECT_EQ(0, memcmp(e[0].given, e[1].given, 64));
}

/* Neither uses what the other could not take. */
TEST_F(pair, uses_none_that_one_end_has_not)
{
	struct pair_end *e = self->p.end;
	int i;

	if (!there())
		SKIP(return, "this OpenSSL has no ML-KEM-768");
	for (i = 0; i < 2; i++) {
		e[i].give_err = -ENODEV;
		pair_start(&self->p, 0);
		pair_start(&self->p, 1);
		ASSERT_TRUE(pair_run(&self->p, met, NULL, 10));
		pair_run(&self->p, NULL, NULL, 1.5);
		EXPECT_LT(0, e[i].gives);
		EXPECT_EQ(0, e[0].uses + e[1].uses);
		e[i].give_err = 0;
		pair_stop(&self->p, 0);
		pair_stop(&self->p, 1);
	}
}

TEST_F(pair, says_what_is_in_the_way)
{
	struct pair_end *e = self->p.end;

	if (there())
		SKIP(return, "this OpenSSL has ML-KEM-768");
	pair_start(&self->p, 0);
	pair_start(&self->p, 1);
	ASSERT_TRUE(pair_run(&self->p, both_told_why, NULL, 10));
	EXPECT_NE(NULL, strstr(e[0].none, "OpenSSL 3.5 or later"));
	EXPECT_NE(NULL, strstr(e[1].none, "X25519 alone"));
	EXPECT_EQ(0, e[0].gives + e[1].gives + e[0].uses + e[1].uses);
	/* which is no reason to make no key */
	EXPECT_TRUE(pair_run(&self->p, met, NULL, 5));
}

/* ---- what a peer may say ---- */

static char said_none[256];
static unsigned int used, sent;

static void on_send(void *ctx, unsigned int type, const void *data, size_t len)
{
	sent++;
}

static int on_give(void *ctx, const uint8_t *id, const uint8_t *secret)
{
	return 0;
}

static int on_use(void *ctx, const uint8_t *id)
{
	used++;
	return 0;
}

static void on_none(void *ctx, const char *why)
{
	snprintf(said_none, sizeof(said_none), "%s", why);
}

static const struct hybrid_ops ops = {
	.send = on_send, .give = on_give, .use = on_use, .none = on_none,
};

static uint8_t junk[KEM_ID + KEM_OFFER + 1];

static int say(struct hybrid *h, unsigned int type, size_t len)
{
	return hybrid_message(h, type, junk, len);
}

TEST(messages_that_make_no_sense)
{
	struct hybrid *h;
	bool lower;
	size_t len;
	int i;

	for (i = 0; i < 2; i++) {
		lower = i;
		h = hybrid_new(lower, "a", "b", 10, &ops, NULL);
		for (len = 0; len <= sizeof(junk); len++) {
			if (lower || len != KEM_OFFER)
				EXPECT_EQ(-EBADMSG, say(h, MSG_PQ_OFFER, len));
			if (!lower || len != KEM_ID + KEM_ANSWER)
				EXPECT_EQ(-EBADMSG, say(h, MSG_PQ_ANSWER, len));
			if (!lower || len)
				EXPECT_EQ(-EBADMSG, say(h, MSG_PQ_AGAIN, len));
			EXPECT_EQ(-EBADMSG, say(h, MSG_PQ_USE, len));
		}
		EXPECT_EQ(-EBADMSG, say(h, MSG_PQ_NONE + 1, 0));
		hybrid_free(h);
	}
	EXPECT_EQ(0, used);
}

/* A secret that was never given is not used. */
TEST(use_of_another)
{
	struct hybrid *h = hybrid_new(false, "b", "a", 10, &ops, NULL);
	uint8_t id[KEM_ID] = { 1 };

	EXPECT_EQ(-EBADMSG, hybrid_message(h, MSG_PQ_USE, id, sizeof(id)));
	memset(id, 0, sizeof(id));
	EXPECT_EQ(-EBADMSG, hybrid_message(h, MSG_PQ_USE, id, sizeof(id)));
	EXPECT_EQ(0, used);
	hybrid_free(h);
}

/* Key that is none: it is told, nothing is given. */
TEST(keys_that_are_none)
{
	struct hybrid *h = hybrid_new(false, "b", "a", 10, &ops, NULL);
	static uint8_t body[KEM_OFFER];

	said_none[0] = 0;
	memset(body, 0xff, sizeof(body));
	EXPECT_EQ(0, hybrid_message(h, MSG_PQ_OFFER, body, sizeof(body)));
	EXPECT_NE(0, said_none[0]);
	EXPECT_EQ(0, used);
	hybrid_free(h);
}

TEST(a_peers_words_are_text)
{
	struct hybrid *h = hybrid_new(true, "a", "b", 10, &ops, NULL);
	static uint8_t body[1000];

	memset(body, 'x', sizeof(body));
	memcpy(body, "no\033[2J\n\0so", 10);
	EXPECT_EQ(0, hybrid_message(h, MSG_PQ_NONE, body, 10));
	EXPECT_STREQ("the peer says: no?[2J??so", said_none);
	EXPECT_EQ(0, hybrid_message(h, MSG_PQ_NONE, body, sizeof(body)));
	EXPECT_GT(255, strlen(said_none));
	hybrid_free(h);
}

TEST_HARNESS_MAIN
