/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finished key from two devices, brought into step: drivers of key depth.
 *
 *   leader   --- OFFER: a block's name ----------------> follower
 *   leader   <-- TAKEN: a hash, or MISSING with a hint - follower
 *   leader   --- KEEP: it goes to the pools, or DROP --> follower
 *
 * That both ends' devices give the same bytes under the same name is checked, not
 * believed. The hash is hidden by the block's last bytes, which are used for
 * nothing else.
 */
#ifndef _QKDD_KEYFLOW_H
#define _QKDD_KEYFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/qkd.h>

struct deliver;
struct event_base;
struct keyflow;

#define KEYFLOW_BLOCK	(256 << 10)	/* bytes that are asked for at once */

/**
 * struct keyflow_ops - what the session does
 * @get: leader: ask the driver for a block
 * @take: follower: ask the driver for the block of that name
 * @skip: leader: tell the driver what its peer hinted at
 * @send: a message to the peer
 * @alarm: for a person
 * @reason: why there is no key now; NULL: there is
 * @fail: end the session, later
 */
struct keyflow_ops {
	void (*get)(void *ctx, size_t max);
	void (*take)(void *ctx, const uint8_t *id, size_t len);
	void (*skip)(void *ctx, const uint8_t *hint, size_t len);
	void (*send)(void *ctx, unsigned int type, uint64_t block,
		     const void *data, size_t len, const void *more,
		     size_t more_len);
	void (*alarm)(void *ctx, enum qkd_alarm alarm, const char *text);
	void (*reason)(void *ctx, const char *text);
	void (*fail)(void *ctx, const char *why);
};

struct keyflow_stats {
	uint64_t blocks;
	uint64_t discarded;
	uint64_t verify;
};

struct keyflow *keyflow_new(struct event_base *base, bool leads,
			    struct deliver *deliver,
			    const struct keyflow_ops *ops, void *ctx);
void keyflow_free(struct keyflow *k);

void keyflow_start(struct keyflow *k);
void keyflow_stop(struct keyflow *k);

/* The driver's answers to get and take. */
void keyflow_key(struct keyflow *k, const uint8_t *id, size_t id_len,
		 const void *key, size_t len);
void keyflow_no_key(struct keyflow *k, const uint8_t *hint, size_t len,
		    const char *why);

/* From the peer; -EBADMSG if it makes no sense. */
int keyflow_message(struct keyflow *k, unsigned int type, uint64_t block,
		    const uint8_t *data, size_t len);
/* The queue of deliveries moved. */
void keyflow_moved(struct keyflow *k);

const struct keyflow_stats *keyflow_stats(const struct keyflow *k);

#endif /* _QKDD_KEYFLOW_H */
