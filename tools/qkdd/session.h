/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One link's daemon-to-daemon business: everything but the kernel's link.
 *
 * A session owns the link's secret, channel, driver and post-processing, and
 * keeps them going; it is told of no trouble but reports it. Where links come
 * from, and how reports reach people, is for its owner (link.c).
 */
#ifndef _QKDD_SESSION_H
#define _QKDD_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <linux/qkd.h>

#include "sink.h"

struct channel;
struct event_base;
struct session;
struct workers;

/**
 * struct session_rates - what is measured
 * @raw_bps: detections per second
 * @sifted_bps: sifted bits per second
 * @secret_bps: bits per second that went to the pools
 * @qber_ppm: of the last block
 * @efficiency_ppm: of reconciliation
 * @blocks: that gave key
 * @discarded: that did not
 * @auth: failed authentications
 * @verify: blocks discarded since both ends differed
 * @qber: blocks discarded for their error rate
 */
struct session_rates {
	uint64_t raw_bps;
	uint64_t sifted_bps;
	uint64_t secret_bps;
	uint32_t qber_ppm;
	uint32_t efficiency_ppm;
	uint64_t blocks;
	uint64_t discarded;
	uint64_t auth;
	uint64_t verify;
	uint64_t qber;
};

/**
 * struct session_ops - what its owner hears
 * @alarm: something a person should look at
 * @reason: why the link gives no new key; "": it does
 * @report: JSON, on a block
 * @rates: measured anew
 * @give: a post-quantum secret that the peer has, too, or will: 16 bytes of
 *	name, 48 of secret; 0 or -errno
 * @use: the peer has it; 0 or -errno
 * @none: why there will be no such secret
 */
struct session_ops {
	void (*alarm)(void *ctx, enum qkd_alarm alarm, const char *text);
	void (*reason)(void *ctx, const char *text);
	void (*report)(void *ctx, const char *json);
	void (*rates)(void *ctx, const struct session_rates *r);
	int (*give)(void *ctx, const uint8_t *id, const uint8_t *secret);
	int (*use)(void *ctx, const uint8_t *id);
	void (*none)(void *ctx, const char *why);
};

/**
 * struct session_conf - a link, as the session needs it; copied
 * @base: event loop
 * @workers: compute
 * @link: name
 * @local_node: this node's ID
 * @peer_node: the other's
 * @role: of this node
 * @driver: name of the driver
 * @config: its words; also channel=, peer_link=, hybrid_time=, and the chain's
 * @local: this node's address, ss_family 0 if there is none
 * @peer: the peer's
 * @port: of the peer's daemon, TCP
 * @pool_size: bytes of each stream's ring
 * @psk_dir: where secrets are left
 * @state_dir: where stores are kept
 * @sink: takes the key
 */
struct session_conf {
	struct event_base *base;
	struct workers *workers;
	const char *link;
	const char *local_node;
	const char *peer_node;
	enum qkd_role role;
	const char *driver;
	const char *config;
	struct sockaddr_storage local;
	struct sockaddr_storage peer;
	uint16_t port;
	uint32_t pool_size;
	const char *psk_dir;
	const char *state_dir;
	struct sink sink;
};

/* Never fails but for memory: what is wrong is reported, and tried again. */
struct session *session_new(const struct session_conf *conf,
			    const struct session_ops *ops, void *ctx);
void session_free(struct session *s);	/* NULL is fine */

/* Whom a caller looks for, see struct channel_listener_conf; NULL: not now. */
struct channel *session_channel(struct session *s);
bool session_open(const struct session *s);

/* What was given is lost: agree on another post-quantum secret. */
void session_secret_again(struct session *s);

#endif /* _QKDD_SESSION_H */
