// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two daemons' sessions through what happens to daemons: restarts, pools that
 * begin anew, secrets that differ or are old, a full pool, an eavesdropper.
 *
 * In the end both pools give the same bytes under the same offsets, or none
 * (invariants 1, 2 and 7).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/qkd.h>

#include "tests/unit/qkdd_pair.h"
#include "tools/common/log.h"
#include "tools/common/secret.h"

#include <kselftest_harness.h>

#define PAD	(64 << 20)

static void make_pads(struct pair *p, bool same)
{
	uint8_t *pad = malloc(PAD);
	char path[128];
	FILE *f;
	int i;

	for (i = 0; i < 2; i++) {
		if (!i || !same)
			random_bytes(pad, PAD);
		/* the name of a pad is in its end */
		if (!same)
			memset(pad + PAD - 64, 1, 64);
		snprintf(path, sizeof(path), "%s/pad", p->end[i].dir);
		snprintf(p->config[i], sizeof(p->config[i]), "pad=%s", path);
		f = fopen(path, "w");
		fwrite(pad, PAD, 1, f);
		fclose(f);
	}
	free(pad);
}

static void shell(const char *fmt, const char *a, const char *b)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd), fmt, a, b, a, b);
	if (system(cmd))
		exit(1);
}

static bool met(struct pair *p, void *arg)
{
	return session_open(p->end[0].session) &&
	       session_open(p->end[1].session);
}

/* ---- pads ---- */

FIXTURE(pads) {
	struct pair p;
};

FIXTURE_SETUP(pads)
{
	log_setup(getenv("V") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERR, false);
	pair_init(&self->p, "file", "", 1 << 22, true);
	make_pads(&self->p, true);
	pair_start(&self->p, 0);
	pair_start(&self->p, 1);
}

FIXTURE_TEARDOWN(pads)
{
	pair_free(&self->p);
}

TEST_F(pads, give_both_ends_the_same)
{
	struct pool *a = &self->p.end[0].pool, *b = &self->p.end[1].pool;

	ASSERT_TRUE(pair_key_comes(&self->p, 20));
	ASSERT_TRUE(pair_key_comes(&self->p, 20));
	EXPECT_LT(0, pair_compare(&self->p));
	EXPECT_EQ(0, memcmp(a->st.generation, b->st.generation, 16));
	EXPECT_STREQ("", self->p.end[0].reason);
	EXPECT_EQ(0, a->refused + b->refused);
}

TEST_F_TIMEOUT(pads, go_on_when_either_daemon_restarts, 120)
{
	uint8_t gen[16];
	int i;

	ASSERT_TRUE(pair_key_comes(&self->p, 20));
	memcpy(gen, self->p.end[0].pool.st.generation, 16);
	for (i = 0; i < 6; i++) {
		pool_drain(&self->p.end[0].pool);
		pool_drain(&self->p.end[1].pool);
		pair_stop(&self->p, i & 1);
		pair_run(&self->p, NULL, NULL, 0.05 * i);
		pair_start(&self->p, i & 1);
		ASSERT_TRUE(pair_key_comes(&self->p, 20)) {
			TH_LOG("%s; %s", self->p.end[0].reason,
			       self->p.end[1].reason);
		}
		ASSERT_LT(0, pair_compare(&self->p));
	}
	EXPECT_EQ(0, memcmp(gen, self->p.end[0].pool.st.generation, 16));
	EXPECT_EQ(1, self->p.end[0].pool.starts);
	EXPECT_EQ(0, self->p.end[0].pool.refused);
	EXPECT_EQ(0, self->p.end[1].pool.refused);
}

TEST_F(pads, begin_a_generation_when_a_pool_is_new)
{
	uint8_t gen[16];

	ASSERT_TRUE(pair_key_comes(&self->p, 20));
	memcpy(gen, self->p.end[0].pool.st.generation, 16);
	pair_stop(&self->p, 1);
	pool_free(&self->p.end[1].pool);
	pool_init(&self->p.end[1].pool, true, 1 << 22, true);
	pair_start(&self->p, 1);
	ASSERT_TRUE(pair_key_comes(&self->p, 20));
	EXPECT_LT(0, pair_compare(&self->p));
	EXPECT_EQ(2, self->p.end[0].pool.starts);
	EXPECT_NE(0, memcmp(gen, self->p.end[0].pool.st.generation, 16));
}

/* As when daemons die between feeding the first key and confirming it. */
TEST_F(pads, begin_a_generation_when_a_stream_has_no_mac_secret)
{
	ASSERT_TRUE(pair_key_comes(&self->p, 20));
	pair_stop(&self->p, 0);
	pair_stop(&self->p, 1);
	self->p.end[1].pool.st.tx.confirmed = QKD_SECRET_SIZE - 1;
	pair_start(&self->p, 0);
	pair_start(&self->p, 1);
	ASSERT_TRUE(pair_key_comes(&self->p, 20));
	EXPECT_EQ(2, self->p.end[0].pool.starts);
	EXPECT_EQ(2, self->p.end[1].pool.starts);
	EXPECT_LT(0, pair_compare(&self->p));
}

TEST_F(pads, wait_for_room_and_go_on)
{
	struct pool *a = &self->p.end[0].pool;
	uint64_t confirmed;

	while (pair_key_comes(&self->p, 3))
		;
	confirmed = a->confirmed;
	EXPECT_LT(a->size / 2, confirmed);
	EXPECT_GE(a->size, confirmed);
	pool_drain(&self->p.end[0].pool);
	/* the peer's is still full: nothing is confirmed that it lacks */
	pair_run(&self->p, NULL, NULL, 0.5);
	EXPECT_LE(0, pair_compare(&self->p));
	pool_drain(&self->p.end[1].pool);
	EXPECT_TRUE(pair_key_comes(&self->p, 10));
	EXPECT_LT(0, pair_compare(&self->p));
	EXPECT_EQ(0, a->refused);
}

/* Key of one direction only is used: it has to come on and on; also where the
 * other's stream is full at one end long before it is at the other.
 */
static void use_one_way(struct __test_metadata *_metadata,
			FIXTURE_DATA(pads) *self)
{
	struct pool *a = &self->p.end[0].pool, *b = &self->p.end[1].pool;
	uint64_t all;
	int way;

	for (way = 0; way < 2; way++) {
		struct pool *tx = way ? b : a, *rx = way ? a : b;
		uint64_t idle = rx->st.tx.tail;
		double end = pair_now() + 20;

		all = tx->st.tx.confirmed + (16 << 20);
		while (tx->st.tx.confirmed < all && pair_now() < end) {
			pair_run(&self->p, NULL, NULL, 0.02);
			pool_drain_one(tx, true);
			pool_drain_one(rx, false);
		}
		EXPECT_LE(all, tx->st.tx.confirmed);
		EXPECT_EQ(idle, rx->st.tx.tail);
		EXPECT_LT(0, pair_compare(&self->p));
	}
	EXPECT_EQ(0, a->refused + b->refused);
}

TEST_F_TIMEOUT(pads, feed_the_direction_that_is_used, 60)
{
	use_one_way(_metadata, self);
}

TEST_F_TIMEOUT(pads, feed_pools_that_differ_in_size, 60)
{
	pair_stop(&self->p, 0);
	pair_stop(&self->p, 1);
	pool_free(&self->p.end[0].pool);
	pool_init(&self->p.end[0].pool, false, 1 << 20, true);
	pair_start(&self->p, 0);
	pair_start(&self->p, 1);
	use_one_way(_metadata, self);
}

TEST_F(pads, come_over_ipv6)
{
	if (access("/proc/net/if_inet6", F_OK))
		SKIP(return, "needs IPv6");
	pair_stop(&self->p, 0);
	pair_stop(&self->p, 1);
	pair_six(&self->p);
	pair_start(&self->p, 0);
	pair_start(&self->p, 1);
	ASSERT_TRUE(pair_key_comes(&self->p, 20)) {
		TH_LOG("%s; %s", self->p.end[0].reason, self->p.end[1].reason);
	}
	EXPECT_LT(0, pair_compare(&self->p));
}

TEST_F(pads, that_differ_give_nothing)
{
	pair_stop(&self->p, 0);
	pair_stop(&self->p, 1);
	make_pads(&self->p, false);
	pair_start(&self->p, 0);
	pair_start(&self->p, 1);
	EXPECT_FALSE(pair_key_comes(&self->p, 3));
	EXPECT_LE(1, self->p.end[0].alarms[QKD_ALARM_VERIFY]);
	EXPECT_LE(1, self->p.end[1].alarms[QKD_ALARM_VERIFY]);
}

TEST_F(pads, are_erased_where_they_were_used)
{
	char path[128];
	uint8_t buf[4096], zero[4096] = { 0 };
	FILE *f;

	ASSERT_TRUE(pair_key_comes(&self->p, 20));
	snprintf(path, sizeof(path), "%s/pad", self->p.end[0].dir);
	f = fopen(path, "r");
	ASSERT_EQ(1, fread(buf, sizeof(buf), 1, f));
	fclose(f);
	EXPECT_EQ(0, memcmp(buf, zero, sizeof(buf)));
}

TEST_F(pads, need_the_same_secret_at_both_ends)
{
	char path[128];

	ASSERT_TRUE(pair_key_comes(&self->p, 20));
	pair_stop(&self->p, 0);
	pair_stop(&self->p, 1);
	pair_secret(&self->p, 64 << 10);
	snprintf(path, sizeof(path), "%s/psk/q0", self->p.end[1].dir);
	shell("head -c 65536 /dev/urandom > '%s'; : '%s'", path, "");
	pair_start(&self->p, 0);
	pair_start(&self->p, 1);
	EXPECT_FALSE(pair_key_comes(&self->p, 5));
	EXPECT_LE(1, self->p.end[0].alarms[QKD_ALARM_AUTH] +
		     self->p.end[1].alarms[QKD_ALARM_AUTH]);
	/* a new one is taken while they run */
	pair_secret(&self->p, 64 << 10);
	EXPECT_TRUE(pair_key_comes(&self->p, 20));
	snprintf(path, sizeof(path), "%s/psk/q0", self->p.end[1].dir);
	EXPECT_NE(0, access(path, F_OK));
}

TEST_F(pads, stop_when_a_store_is_an_old_copy)
{
	char now[160], old[160];

	ASSERT_TRUE(pair_key_comes(&self->p, 20));
	pair_stop(&self->p, 1);
	snprintf(now, sizeof(now), "%s/state/q0.auth", self->p.end[1].dir);
	snprintf(old, sizeof(old), "%s/old", self->p.end[1].dir);
	shell("cp '%s' '%s'", now, old);
	pair_start(&self->p, 1);
	ASSERT_TRUE(pair_run(&self->p, met, NULL, 20));
	ASSERT_TRUE(pair_key_comes(&self->p, 20));
	/* enough messages that another unit was begun */
	while (self->p.end[1].rates.blocks < 24 && pair_key_comes(&self->p, 2)) {
		pool_drain(&self->p.end[0].pool);
		pool_drain(&self->p.end[1].pool);
	}
	pair_stop(&self->p, 1);
	shell("cp '%2$s' '%1$s'", now, old);
	memset(self->p.end[1].alarms, 0, sizeof(self->p.end[1].alarms));
	pair_start(&self->p, 1);
	EXPECT_FALSE(pair_key_comes(&self->p, 6));
	EXPECT_LE(1, self->p.end[1].alarms[QKD_ALARM_AUTH]);
	EXPECT_NE(NULL, strstr(self->p.end[1].reason, "old copy")) {
		TH_LOG("says: %s", self->p.end[1].reason);
	}
}

/* ---- light ---- */

FIXTURE(light) {
	struct pair p;
};

FIXTURE_SETUP(light)
{
	log_setup(getenv("V") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERR, false);
	pair_init(&self->p, "sim", "length=5 block=131072 pz=.8", 1 << 20,
		  true);
}

FIXTURE_TEARDOWN(light)
{
	pair_free(&self->p);
}

TEST_F_TIMEOUT(light, becomes_the_same_key_at_both_ends, 120)
{
	pair_start(&self->p, 0);
	pair_start(&self->p, 1);
	ASSERT_TRUE(pair_key_comes(&self->p, 40)) {
		TH_LOG("%s; %s", self->p.end[0].reason, self->p.end[1].reason);
	}
	ASSERT_TRUE(pair_key_comes(&self->p, 40));
	EXPECT_LT(0, pair_compare(&self->p));
	EXPECT_NE(NULL, strstr(self->p.end[0].report, "\"leak\":"));

	/* and again, when either end was restarted */
	pair_stop(&self->p, 1);
	pair_start(&self->p, 1);
	ASSERT_TRUE(pair_key_comes(&self->p, 40));
	pair_stop(&self->p, 0);
	pair_start(&self->p, 0);
	ASSERT_TRUE(pair_key_comes(&self->p, 40)) {
		TH_LOG("%s; %s", self->p.end[0].reason, self->p.end[1].reason);
	}
	EXPECT_LT(0, pair_compare(&self->p));
	EXPECT_EQ(1, self->p.end[0].pool.starts);
	EXPECT_EQ(0, self->p.end[0].pool.refused);
	EXPECT_EQ(0, self->p.end[1].pool.refused);
}

TEST_F_TIMEOUT(light, that_eve_looks_at_becomes_none, 60)
{
	int i;

	for (i = 0; i < 2; i++)
		strcat(self->p.config[i], " eve=1");
	pair_start(&self->p, 0);
	pair_start(&self->p, 1);
	EXPECT_FALSE(pair_key_comes(&self->p, 10));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, self->p.end[i].pool.st.tx.head);
		EXPECT_LE(1, self->p.end[i].alarms[QKD_ALARM_QBER]);
		EXPECT_LE(1, self->p.end[i].rates.discarded);
		EXPECT_LT(200000, self->p.end[i].rates.qber_ppm);
		EXPECT_NE(NULL, strstr(self->p.end[i].reason, "QBER")) {
			TH_LOG("says: %s", self->p.end[i].reason);
		}
	}
}

TEST_F(light, of_other_settings_is_refused)
{
	strcat(self->p.config[1], " eps_sec=1e-6");
	pair_start(&self->p, 0);
	pair_start(&self->p, 1);
	EXPECT_FALSE(pair_run(&self->p, met, NULL, 2));
	EXPECT_NE(NULL, strstr(self->p.end[0].reason, "settings differ"));
	EXPECT_NE(NULL, strstr(self->p.end[1].reason, "settings differ"));
}

TEST_F(light, of_misspelt_words_is_refused)
{
	strcat(self->p.config[0], " blok=5");
	pair_start(&self->p, 0);
	pair_start(&self->p, 1);
	EXPECT_FALSE(pair_run(&self->p, met, NULL, 1));
	EXPECT_NE(NULL, strstr(self->p.end[0].reason, "blok")) {
		TH_LOG("says: %s", self->p.end[0].reason);
	}
}

TEST_HARNESS_MAIN
