/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From detections to key: the post-processing of one link's end.
 *
 * The stages are tools/post's, pure; here they are driven by a device's events
 * at one side and the peer's messages at the other, many blocks at a time.
 * The chain knows nothing of sockets, kernels or drivers: it is given events
 * and messages, and calls out (struct chain_ops).
 */
#ifndef _QKDD_CHAIN_H
#define _QKDD_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/qkd.h>

#include "deliver.h"
#include "tools/post/estimate.h"

struct chain;
struct raw_header;
struct raw_totals;
struct words;
struct workers;

/**
 * struct chain_conf - what both ends must agree on
 * @block: sifted bits of the key basis in a block
 * @method: "", or the analysis by name; the intensities tell it otherwise
 * @eps_sec: secrecy parameter of a block
 * @eps_cor: correctness parameter of a block
 * @qber_max: greatest error rate, of either basis, in parts per million
 * @few_trips: reconcile in fewer round trips, for more leakage
 * @memory: MB that blocks under way may take at this end; its own business
 * @offset_max: ns that the ends' clocks may be apart, of time tags; alice's
 * @drift_max: parts in 1e9 that they may go differently; alice's
 * @resampled: take detections that were drawn by a recording's statistics
 * @recorded: the device's data wait: read none before the ends agree on a run
 * @states: how many states a device must send at least: 4, or 3 to let it pass
 *	that the analysis is not for it
 */
struct chain_conf {
	uint64_t block;
	char method[16];
	double eps_sec;
	double eps_cor;
	uint32_t qber_max;
	bool few_trips;
	uint64_t memory;
	double offset_max;
	double drift_max;
	bool resampled;
	bool recorded;
	uint64_t states;
};

void chain_conf_init(struct chain_conf *conf);
/* Takes the words of drivers.rst, "drivers of raw depth". 0 or -EINVAL. */
int chain_conf_words(struct chain_conf *conf, struct words *w, char *err,
		     size_t room);
/* As text that is the same at both ends if the settings are. */
void chain_conf_text(const struct chain_conf *conf, char *buf, size_t room);

/**
 * struct chain_stats - counted since the chain was made
 * @detections: events of the device (bob), or announced by him (alice)
 * @sifted: bits of both bases that were kept
 * @secret: bits that privacy amplification gave, authentication key included
 * @blocks: that gave key
 * @discarded: that did not
 * @verify: of these, for a difference after reconciliation
 * @qber: of these, for their error rate
 * @qber_ppm: of the last block
 * @efficiency_ppm: of the last block that was reconciled
 */
struct chain_stats {
	uint64_t detections;
	uint64_t sifted;
	uint64_t secret;
	uint64_t blocks;
	uint64_t discarded;
	uint64_t verify;
	uint64_t qber;
	uint32_t qber_ppm;
	uint32_t efficiency_ppm;
};

/**
 * struct chain_ops - what the session does for the chain
 * @send: a message to the peer
 * @pause: stop the device, or let it go on
 * @report: JSON, of a block that came to its end
 * @alarm: for a person
 * @reason: why there is no key now; NULL: there is
 * @fail: the peer's messages make no sense, or there is no memory: end the
 *	session, later
 * @key_used: bytes of authentication key used so far
 * @key_left: bytes of it that there are for one direction at least
 */
struct chain_ops {
	void (*send)(void *ctx, unsigned int type, uint64_t block,
		     const void *data, size_t len, const void *more,
		     size_t more_len);
	void (*pause)(void *ctx, bool paused);
	void (*report)(void *ctx, const char *json);
	void (*alarm)(void *ctx, enum qkd_alarm alarm, const char *text);
	void (*reason)(void *ctx, const char *text);
	void (*fail)(void *ctx, const char *why);
	uint64_t (*key_used)(void *ctx);
	uint64_t (*key_left)(void *ctx);
};

/**
 * chain_new - prepare to make key
 * @conf: copied
 * @role: QKD_ROLE_ALICE or QKD_ROLE_BOB
 * @link: its name, for the log
 * @workers: compute
 * @deliver: takes the key
 * @ops: calls out
 * @ctx: for @ops
 *
 * The device is taken to be paused. Takes about 16 bytes of memory for each
 * bit of a block, beside @conf->memory, and some time.
 * Return: the chain, or NULL without memory.
 */
struct chain *chain_new(const struct chain_conf *conf, enum qkd_role role,
			const char *link, struct workers *workers,
			struct deliver *deliver, const struct chain_ops *ops,
			void *ctx);
/* Calls nothing any more; work under way is left to end by itself. */
void chain_free(struct chain *c);

/* A session with the peer begins, or ended: all blocks die. */
void chain_start(struct chain *c);
void chain_stop(struct chain *c);

/* From the device. */
void chain_run(struct chain *c, const struct raw_header *header);
void chain_events(struct chain *c, uint64_t start, uint64_t end,
		  const uint64_t *slot, const uint8_t *code, size_t count);
void chain_totals(struct chain *c, uint64_t start, uint64_t end,
		  const struct raw_totals *totals);

/* From the peer; -EBADMSG if it makes no sense. */
int chain_message(struct chain *c, unsigned int type, uint64_t block,
		  const uint8_t *data, size_t len);

/* The queue of deliveries moved: go on if that was in the way. */
void chain_moved(struct chain *c);

/* Once a second. */
void chain_tick(struct chain *c);

const struct chain_stats *chain_stats(const struct chain *c);

#endif /* _QKDD_CHAIN_H */
