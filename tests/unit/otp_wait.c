// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No wake-up is lost: whatever happens between a queue's steps and those of who
 * brings key, no queue stays stopped while there is key for it.
 *
 * Queues and bringers of key are coroutines here, one step each being what
 * others can come before or after; all ways to mix the steps of two are tried,
 * and many of three. What a processor may do to the order of one's own accesses
 * is not modelled: the barriers are not tested by this.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "kmod/otp/wait.h"
#include "kselftest_harness.h"

#define QUEUES	2
#define PARTS	3	/* coroutines at most */
#define STACK	(64 << 10)
#define STEPS	12	/* that a queue and a bringer have together */

struct netdev_queue {
	bool stopped;
	bool waits;	/* a packet is in the qdisc */
};

struct net_device {
	struct netdev_queue q[QUEUES];
};

static struct net_device dev;
static struct otp_wait wait_ = { .dev = &dev };
static unsigned int pool;	/* packets that there is key for */

/* ---- steps ---- */

static struct part {
	ucontext_t at;
	void (*run)(int arg);
	int arg;
	bool over;
	char stack[STACK];
} parts[PARTS];
static ucontext_t scheduler;
static unsigned int current;

void step(void)
{
	swapcontext(&parts[current].at, &scheduler);
}

static void enter(void)
{
	struct part *p = &parts[current];

	p->run(p->arg);
	p->over = true;
	/* never called again */
	setcontext(&scheduler);
}

static void part_init(unsigned int i, void (*run)(int arg), int arg)
{
	struct part *p = &parts[i];

	p->run = run;
	p->arg = arg;
	p->over = false;
	getcontext(&p->at);
	p->at.uc_stack.ss_sp = p->stack;
	p->at.uc_stack.ss_size = sizeof(p->stack);
	p->at.uc_link = NULL;
	makecontext(&p->at, enter, 0);
}

/* One step of part @i; false if it is over. */
static bool go(unsigned int i)
{
	if (parts[i].over)
		return false;
	current = i;
	swapcontext(&scheduler, &parts[i].at);
	return true;
}

/* ---- the stack ---- */

void netif_tx_stop_queue(struct netdev_queue *txq)
{
	step();
	txq->stopped = true;
}

void netif_tx_start_queue(struct netdev_queue *txq)
{
	step();
	txq->stopped = false;
}

void netif_tx_wake_all_queues(struct net_device *d)
{
	unsigned int i;

	for (i = 0; i < QUEUES; i++) {
		step();
		d->q[i].stopped = false;
	}
}

bool netif_running(const struct net_device *d)
{
	return true;
}

/* ---- who sends, who brings key ---- */

static int reserve(void *arg)
{
	step();
	if (!pool)
		return -EBUSY;
	pool--;
	return 0;
}

/* A packet that is refused is the qdisc's again. */
static void xmit(int queue)
{
	struct netdev_queue *txq = &dev.q[queue];
	int err = reserve(NULL);

	if (err)
		err = otp_wait_for(&wait_, txq, reserve, NULL);
	txq->waits = err;
}

static void bring(int packets)
{
	step();
	pool += packets;
	otp_wake(&wait_);
}

static void bring_one_by_one(int packets)
{
	while (packets--)
		bring(1);
}

static void begin(void)
{
	memset(&dev, 0, sizeof(dev));
	wait_.starved = false;
	pool = 0;
}

/* A queue that nobody wakes while it could go. */
static bool lost(void)
{
	unsigned int i;

	for (i = 0; i < QUEUES; i++)
		if (dev.q[i].waits && dev.q[i].stopped && pool)
			return true;
	return false;
}

/*
 * In how many of all mixes of a queue's steps and a bringer's the waking is lost.
 * @before: another queue waits already.
 */
static unsigned int all_mixes(bool before)
{
	unsigned int bad = 0, i, mix;

	for (mix = 0; mix < 1u << STEPS; mix++) {
		begin();
		wait_.starved = before;
		dev.q[1].stopped = before;
		dev.q[1].waits = before;
		part_init(0, xmit, 0);
		part_init(1, bring, 1);
		for (i = 0; i < STEPS; i++)
			go(mix >> i & 1);
		while (go(0) || go(1))
			;
		bad += lost();
	}
	return bad;
}

TEST(nothing_between_a_refusal_and_the_stop_is_missed)
{
	EXPECT_EQ(0, all_mixes(false));
	EXPECT_EQ(0, all_mixes(true));
}

/* Key for both; their steps in random orders. */
TEST(nor_with_two_queues)
{
	unsigned int bad = 0, i;

	srand(1);
	for (i = 0; i < 20000; i++) {
		begin();
		part_init(0, xmit, 0);
		part_init(1, xmit, 1);
		part_init(2, bring_one_by_one, 2);
		while (!parts[0].over || !parts[1].over || !parts[2].over)
			go(rand() % PARTS);
		bad += lost();
	}
	EXPECT_EQ(0, bad);
}

/* The test's own eyes: a queue that stops and does not look again. */
static void xmit_and_stop(int queue)
{
	struct netdev_queue *txq = &dev.q[queue];

	txq->waits = reserve(NULL);
	if (!txq->waits)
		return;
	netif_tx_stop_queue(txq);
	WRITE_ONCE(wait_.starved, true);
}

TEST(one_that_does_not_look_again_would_be_found)
{
	unsigned int bad = 0, i;

	srand(1);
	for (i = 0; i < 1000; i++) {
		begin();
		part_init(0, xmit_and_stop, 0);
		part_init(1, bring, 1);
		while (!parts[0].over || !parts[1].over)
			go(rand() % 2);
		bad += lost();
	}
	EXPECT_LT(0, bad);
}

TEST(who_finds_key_after_all_is_not_stopped)
{
	begin();
	part_init(0, xmit, 0);
	go(0);			/* up to its first look */
	go(0);			/* refused, up to the stop */
	part_init(1, bring, 1);
	while (go(1))
		;
	while (go(0))
		;
	EXPECT_FALSE(dev.q[0].stopped);
	EXPECT_FALSE(dev.q[0].waits);
	EXPECT_EQ(0, pool);
}

TEST_HARNESS_MAIN
