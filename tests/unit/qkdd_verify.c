// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where the ends' strings differ after reconciliation there is no key, at
 * either end, and both say why (invariants 2, 7).
 *
 * Cascade leaves a difference once in many thousand blocks, so the tags that
 * tell are made to differ: this program is linked with --wrap.
 */
#include <stdatomic.h>
#include <string.h>

#include <linux/qkd.h>

#include "tests/unit/qkdd_pair.h"
#include "tools/post/verify.h"
#include "tools/common/log.h"

#include <kselftest_harness.h>

void __real_post_verify_tag(const uint8_t key[16], const uint64_t *v, size_t n,
			    uint8_t tag[16]);
void __wrap_post_verify_tag(const uint8_t key[16], const uint64_t *v, size_t n,
			    uint8_t tag[16]);

static atomic_int wrong;	/* tags that are to come out wrong */

/* each wrong one in its own way: the ends take turns */
void __wrap_post_verify_tag(const uint8_t key[16], const uint64_t *v, size_t n,
			    uint8_t tag[16])
{
	int left = atomic_load(&wrong);

	__real_post_verify_tag(key, v, n, tag);
	if (left > 0) {
		atomic_fetch_sub(&wrong, 1);
		tag[left % 8] ^= 1 << left / 8 % 8;
	}
}

FIXTURE(light) {
	struct pair p;
};

FIXTURE_SETUP(light)
{
	log_setup(getenv("V") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERR, false);
	pair_init(&self->p, "sim", "length=5 rate=1e8 block=131072 pz=.7 "
		  "intensities=.5,.15 probabilities=.6,.4", 1 << 20, true);
}

FIXTURE_TEARDOWN(light)
{
	pair_free(&self->p);
}

/* rates are told once a second */
static bool alarmed(struct pair *p, void *arg)
{
	int i, n = 0;

	for (i = 0; i < 2; i++)
		n += p->end[i].alarms[QKD_ALARM_VERIFY] &&
		     p->end[i].rates.verify;
	return n == 2;
}

TEST_F_TIMEOUT(light, whose_ends_differ_becomes_no_key, 60)
{
	int i;

	atomic_store(&wrong, 1 << 30);
	pair_start(&self->p, 0);
	pair_start(&self->p, 1);
	ASSERT_TRUE(pair_run(&self->p, alarmed, NULL, 30)) {
		TH_LOG("%s; %s", self->p.end[0].reason, self->p.end[1].reason);
	}
	for (i = 0; i < 2; i++) {
		struct pair_end *e = &self->p.end[i];

		EXPECT_EQ(0, e->pool.st.tx.head);
		EXPECT_EQ(0, e->pool.st.rx.head);
		EXPECT_EQ(0, e->pool.confirmed);
		EXPECT_LE(1, e->rates.verify);
		EXPECT_NE(NULL, strstr(e->alarm[QKD_ALARM_VERIFY], "differ"));
	}
	/* the next blocks are as good as any */
	atomic_store(&wrong, 0);
	ASSERT_TRUE(pair_key_comes(&self->p, 30)) {
		TH_LOG("%s; %s", self->p.end[0].reason, self->p.end[1].reason);
	}
	EXPECT_LT(0, pair_compare(&self->p));
}

TEST_F_TIMEOUT(light, is_tried_again_before_it_is_given_up, 60)
{
	atomic_store(&wrong, 1);
	pair_start(&self->p, 0);
	pair_start(&self->p, 1);
	ASSERT_TRUE(pair_key_comes(&self->p, 30)) {
		TH_LOG("%s; %s", self->p.end[0].reason, self->p.end[1].reason);
	}
	EXPECT_EQ(0, atomic_load(&wrong));
	EXPECT_EQ(0, self->p.end[0].alarms[QKD_ALARM_VERIFY]);
	EXPECT_EQ(0, self->p.end[1].rates.verify);
	EXPECT_LT(0, pair_compare(&self->p));
}

TEST_HARNESS_MAIN
