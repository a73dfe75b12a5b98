/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a driver is: how key-distributing hardware is attached to the daemon.
 *
 * A driver is one file with one struct qkd_driver, listed in drivers.c; see
 * Documentation/drivers.rst. It runs on the event loop's thread and must not
 * block there: what takes time goes to the workers, or to a thread or process
 * of its own that is read through a descriptor.
 */
#ifndef _QKDD_DRIVER_H
#define _QKDD_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <linux/qkd.h>

struct event_base;
struct raw_header;
struct raw_totals;
struct words;
struct workers;

#define DRIVER_KEY_ID_MAX 2048	/* bytes by which a driver names a key block */

/**
 * enum driver_depth - what comes out of the device
 * @DRIVER_RAW: detections or preparations; the daemon makes key of them
 * @DRIVER_KEY: finished key, the same at both ends
 */
enum driver_depth {
	DRIVER_RAW,
	DRIVER_KEY,
};

/**
 * struct driver_conf - the link that a driver is opened for
 * @link: its name, for messages
 * @local_node: this node's ID
 * @peer_node: the other's
 * @role: of this node
 * @local: this node's address, ss_family 0 if there is none
 * @peer: the peer's
 * @words: the link's configuration: the driver asks for the words it knows
 * @state_dir: where it may keep a file, named after the link
 * @base: event loop
 * @workers: for what takes time
 */
struct driver_conf {
	const char *link;
	const char *local_node;
	const char *peer_node;
	enum qkd_role role;
	struct sockaddr_storage local;
	struct sockaddr_storage peer;
	struct words *words;
	const char *state_dir;
	struct event_base *base;
	struct workers *workers;
};

/**
 * struct driver_host - what the daemon does for a driver
 * @run: raw: a run begins; slots count from zero. Anything of an older run is
 *	void
 * @events: raw: what happened in slots from @start up to @end, that follow on
 *	those told last; @code as in tools/raw/raw.h
 * @totals: raw, alice: pulses sent in these slots
 * @key: key: an answer to get or take; @id names the block to the peer's
 *	driver. Copied
 * @no_key: key: get or take failed; @hint, of at most DRIVER_KEY_ID_MAX
 *	bytes, is given to the peer's driver (skip) if it was a take
 * @up: the device works
 * @trouble: it does not, and why; the driver goes on trying by itself
 *
 * None of them may be called from open().
 */
struct driver_host {
	void (*run)(void *ctx, const struct raw_header *header);
	void (*events)(void *ctx, uint64_t start, uint64_t end,
		       const uint64_t *slot, const uint8_t *code, size_t count);
	void (*totals)(void *ctx, uint64_t start, uint64_t end,
		       const struct raw_totals *totals);
	void (*key)(void *ctx, const uint8_t *id, size_t id_len,
		    const void *key, size_t len);
	void (*no_key)(void *ctx, const uint8_t *hint, size_t len,
		       const char *why);
	void (*up)(void *ctx);
	void (*trouble)(void *ctx, const char *why);
};

/**
 * struct qkd_driver - a table of functions, one for each kind of device
 * @name: as in "qkdctl link add ... driver NAME"
 * @depth: raw or key
 * @recorded: raw: what there is waits as long as it has to, so nothing is read
 *	before both ends are ready for it
 * @open: makes an instance, or says what is wrong with the configuration.
 *	*@inst, 0, or -errno with @err
 * @close: ends it, and forgets all secrets
 * @pause: raw: deliver nothing while @paused; what cannot wait may be dropped
 * @get: key, at the end that leads: the next block, of at most @max bytes;
 *	answered by host->key() or host->no_key(), now or later
 * @take: key, at the other end: the block that the peer's driver called @id
 * @skip: key, at the end that leads: what the peer's driver hinted at when it
 *	had no such block; may be NULL
 */
struct qkd_driver {
	const char *name;
	enum driver_depth depth;
	bool recorded;
	int (*open)(void **inst, const struct driver_conf *conf,
		    const struct driver_host *host, void *ctx, char *err,
		    size_t room);
	void (*close)(void *inst);
	void (*pause)(void *inst, bool paused);
	void (*get)(void *inst, size_t max);
	void (*take)(void *inst, const uint8_t *id, size_t len);
	void (*skip)(void *inst, const uint8_t *hint, size_t len);
};

/* NULL if there is none of that name. */
const struct qkd_driver *driver_find(const char *name);
/* "sim, file, ...", for messages */
const char *driver_names(void);

#endif /* _QKDD_DRIVER_H */
