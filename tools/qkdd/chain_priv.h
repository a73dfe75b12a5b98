/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the chain share: chain.c is the outside, chain_run.c the
 * device's run, chain_sift.c with _alice, _bob and _pairs the way to sifted
 * strings, chain_cut.c and chain_block.c that of blocks, chain_report.c their
 * reports.
 */
#ifndef _QKDD_CHAIN_PRIV_H
#define _QKDD_CHAIN_PRIV_H

#include <sys/queue.h>

#include "chain.h"
#include "tools/post/cascade.h"
#include "tools/post/sift.h"
#include "tools/post/verify.h"
#include "tools/raw/coinc.h"
#include "tools/raw/raw.h"
#include "work.h"

#define CHAIN_ASKED	64	/* DETECTs unanswered before the device rests */
#define CHAIN_RETRIES	3	/* more reconciliation after a difference */
#define CHAIN_TAGS	(CHAIN_RETRIES + 1)	/* that a block may need */
#define CHAIN_REST	1.0	/* s of rest after a block without key */
#define CHAIN_REST_MAX	300.0

/*
 *  CHECK --(errors of the check basis known)--> RECONCILE --> VERIFY
 *    --equal--> AMPLIFY --> gone, its key in the queue of deliveries
 *  VERIFY --different--> RECONCILE, some times
 *  any --> dead, and gone once no worker has it
 */
enum block_state {
	BLOCK_CHECK,
	BLOCK_RECONCILE,
	BLOCK_VERIFY,
	BLOCK_AMPLIFY,
};

enum block_job {
	JOB_CASCADE,
	JOB_TAG,
	JOB_AMPLIFY,
};

/* Alice: pulses by intensity and basis, as far as her device told */
struct sent {
	uint64_t slots;
	uint64_t n[RAW_INTENSITIES][2];
};

struct block {
	TAILQ_ENTRY(block) entry;
	struct work work;
	struct chain *chain;
	uint64_t no;
	enum block_state state;
	bool busy;		/* a worker has it */
	bool dead;
	struct post_sifted key;
	struct post_counts counts;
	uint64_t slots;		/* pulses gone by while it was gathered */
	struct sent sent;
	struct coinc_counts chsh;	/* alice, of time tags; and the clocks */
	struct coinc_clock clock;
	double began;		/* seconds, of the first bit */

	/* the worker's while busy */
	enum block_job job;
	struct post_cascade *ec;
	uint32_t expect_ppm;
	uint8_t *in;
	size_t in_len;
	uint8_t *out;
	size_t out_room;
	long out_len;
	uint64_t *fixed;	/* key, errors corrected */
	uint8_t tag_key[16];
	uint8_t tag[POST_TAG_MAX];
	uint64_t *seed;
	uint64_t *secret;
	size_t secret_bits;
	int error;

	uint8_t peer_tag[POST_TAG_MAX];
	unsigned int tries;	/* tags disclosed */
	bool same;		/* bob: the last of them was his, too */
	size_t leak;
	size_t errors;
	unsigned int rounds;
	struct post_budget budget;
	struct delivery *delivery;
};

TAILQ_HEAD(block_list, block);

/* Bob: a DETECT that waits for its answer; or that is being filled */
struct asked {
	TAILQ_ENTRY(asked) entry;
	uint64_t no;
	uint64_t base;
	uint64_t limit;
	size_t count;
	size_t room;
	uint64_t *slot;
	uint8_t *flags;		/* bit, basis */
	double began;
};

TAILQ_HEAD(asked_list, asked);

/* Alice: a DETECT for which her own events have not come yet */
struct heard {
	TAILQ_ENTRY(heard) entry;
	uint64_t no;
	size_t len;
	uint8_t data[];
};

TAILQ_HEAD(heard_list, heard);

/* Alice: totals of slots that she has not answered for yet */
struct told {
	TAILQ_ENTRY(told) entry;
	uint64_t end;
	struct sent sent;
};

TAILQ_HEAD(told_list, told);

enum clocks {
	CLOCKS_UNKNOWN,
	CLOCKS_SEARCHING,
	CLOCKS_KNOWN,
};

struct chain {
	struct chain_conf conf;
	enum qkd_role role;
	char link[32];
	struct workers *workers;
	struct deliver *deliver;
	const struct chain_ops *ops;
	void *ctx;
	bool started;
	bool gone;		/* freed, but for blocks at workers */
	bool paused;
	unsigned int busy;	/* blocks at workers, dead ones too */
	struct post_cascade_plan *plan;
	unsigned int tag_bytes;

	/* the device's run, and what its intensities mean */
	bool run_known;		/* our device told */
	bool run_agreed;	/* bob: alice's did, and it is the same */
	uint8_t run[RAW_RUN_SIZE];
	uint8_t peer_run[RAW_RUN_SIZE];
	bool peer_run_known;
	unsigned int intensities;
	struct post_protocol proto;
	bool pairs;		/* our device gives time tags */
	bool peer_pairs;	/* bob: alice's does */
	char assumes[64];	/* what was let pass, for the reports */

	/* alice: the two clocks of time tags */
	enum clocks clocks;
	struct coinc_clock clock;
	unsigned int searches;
	unsigned int lost;	/* DETECTs in a row without pairs */
	uint64_t slots_hz;
	double window;		/* ticks */
	struct coinc_counts chsh;	/* since the last block */

	/* alice: events not yet asked for, from ev_first */
	uint64_t *ev_slot;
	uint8_t *ev_code;
	size_t ev_first;
	size_t ev_count;
	size_t ev_room;
	uint64_t ev_end;	/* slots told of */
	uint64_t heard_end;	/* slots answered for */
	bool heard_any;		/* bob asks about this run */
	double heard_at;	/* when he did last */
	struct heard_list heard;
	struct told_list told;
	struct sent sent;	/* since the last block was cut */

	/* bob */
	struct asked *filling;
	struct asked_list asked;
	unsigned int asked_count;
	uint64_t asked_next;	/* number of the next DETECT */

	/* sifted strings, the same length at both ends */
	struct post_sifted key;
	struct post_sifted chk;
	uint64_t *chk_alice;	/* bob */
	size_t key_room;
	size_t chk_room;
	uint64_t slots;
	double began;

	struct block_list blocks;
	unsigned int flight;
	unsigned int flight_max;	/* before the device rests */
	uint64_t block_next;
	struct chain_stats stats;
	double said;		/* when an empty-handed block was last logged */
	double rest;		/* bob: seconds without asking, doubled each */
	double rest_until;	/* time that a block gives no key */
	uint64_t key_used;	/* authentication key, at the last report */
};

double chain_now(void);
/* Pause or resume the device as the queues are now. */
void chain_throttle(struct chain *c);
void chain_release(struct chain *c);

int sifted_alloc(struct post_sifted *s, size_t room);
void sifted_free(struct post_sifted *s);

/* chain_sift.c */
int sift_message(struct chain *c, unsigned int type, uint64_t no,
		 const uint8_t *data, size_t len);
void sift_events(struct chain *c, uint64_t start, uint64_t end,
		 const uint64_t *slot, const uint8_t *code, size_t count);
/* Forget all that was not made a block. */
void sift_reset(struct chain *c);
void sift_start(struct chain *c);

/* chain_run.c */
/* Our device told of a run. */
void run_told(struct chain *c, const struct raw_header *h);
/* Alice: tell Bob of it. */
void run_say(struct chain *c, uint64_t slots_hz);
int run_message(struct chain *c, const uint8_t *data, size_t len);

/* chain_cut.c */
/* What a SIFT appended to the sifted strings, and how long they were before */
struct sifted_part {
	const uint8_t *body;
	const uint64_t *basis;
	size_t n;
	int64_t key;
	int64_t chk;
};

/* As many blocks as the sifted strings give. */
int cut_blocks(struct chain *c, const struct sifted_part *last);

/* chain_bob.c */
void bob_events(struct chain *c, uint64_t start, uint64_t end,
		const uint64_t *slot, const uint8_t *code, size_t count);
int bob_sift(struct chain *c, uint64_t no, const uint8_t *data, size_t len);
void bob_drop_filling(struct chain *c);
void bob_forget(struct chain *c);

/* chain_alice.c */
void alice_events(struct chain *c, uint64_t start, uint64_t end,
		  const uint64_t *slot, const uint8_t *code, size_t count);
void alice_totals(struct chain *c, uint64_t start, uint64_t end,
		  const struct raw_totals *t);
int alice_detect(struct chain *c, uint64_t no, const uint8_t *data,
		 size_t len);
/* Answer the DETECTs that wait, or say that they are of no use. */
void alice_go_on(struct chain *c);
void alice_refuse_heard(struct chain *c);
/* Forget the events before that index. */
void alice_events_done(struct chain *c, size_t at);
void alice_forget_events(struct chain *c);
void alice_forget_told(struct chain *c);
/* More events than are asked about. */
bool alice_full(const struct chain *c);
/* And these may yet be asked about. */
bool alice_keeps(const struct chain *c);
void alice_tick(struct chain *c);

/* chain_pairs.c */
void pairs_run(struct chain *c, const struct raw_header *h);
void pairs_forget(struct chain *c);
size_t pairs_detect_size(size_t n);
/* Bob: the body of DETECT; tests are taken out of @a. Bytes, or -errno. */
long pairs_detect_put(struct asked *a, uint8_t *buf, size_t size);
/* Alice: look for the clocks, if they are unknown and there is enough. */
int pairs_search(struct chain *c);
bool pairs_ready(const struct chain *c, uint64_t limit);
/*
 * Alice: reads it; @code is what she has at each of them, @basis what he
 * measured, room for @max of both. How many there are, or -errno.
 */
long pairs_detect_get(struct chain *c, uint64_t base, uint64_t limit,
		      const uint8_t *body, size_t len, uint8_t *code,
		      uint64_t *basis, size_t max);

/* chain_block.c */
int block_message(struct chain *c, unsigned int type, uint64_t no,
		  const uint8_t *data, size_t len);
/* Takes @key over; bob gives the errors of the check basis. -ENOMEM. */
int block_new(struct chain *c, struct post_sifted *key,
	      const struct post_counts *counts);
void block_kill_all(struct chain *c);

/* chain_report.c */
void block_report(struct block *b, const char *outcome);

#endif /* _QKDD_CHAIN_PRIV_H */
