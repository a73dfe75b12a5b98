/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two daemons' ends of one link in one process, with pools in memory, joined
 * by real sockets on the loopback; for tests and benchmarks.
 */
#ifndef _TESTS_QKDD_PAIR_H
#define _TESTS_QKDD_PAIR_H

#include <event2/event.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/unit/qkdd_pool.h"
#include "tools/qkdd/session.h"

struct channel_listener;
struct pair;
struct workers;

/* One end; 0 is alice, or the end that leads */
struct pair_end {
	struct pair *pair;
	int n;
	struct event_base *base;
	struct workers *workers;
	struct pool pool;
	struct session *session;
	struct channel_listener *listener;
	char dir[64];		/* psk/ and state/ are in it */
	char reason[256];
	char report[8192];	/* the last block's */
	unsigned int reports;
	unsigned int alarms[16];
	char alarm[16][256];	/* the last one's text */
	struct session_rates rates;
	uint8_t given[64];	/* the latest post-quantum secret: name, bytes */
	unsigned int gives;
	uint8_t used[16];	/* its name, once it is used */
	unsigned int uses;
	int give_err;		/* what giving one says */
	char none[256];		/* why there is none */
};

struct pair {
	struct event_base *base;	/* both ends', or the first one's */
	struct pair_end end[2];
	const char *driver;
	char config[2][1024];
	uint16_t port[2];	/* dialled by the other end; 0: its listener's */
	bool six;		/* over IPv6 */
	atomic_bool stop;	/* the second loop, if there are two */
	bool verbose;
};

/*
 * @config: of the link, for both ends; the simulator's fibre is added. Makes
 * and shares a fresh secret.
 */
void pair_init(struct pair *p, const char *driver, const char *config,
	       uint64_t pool_size, bool keep);
/* The same with a loop, a thread and workers for each end, as two daemons. */
void pair_init_apart(struct pair *p, const char *driver, const char *config,
		     uint64_t pool_size, unsigned int threads);
/* Before sessions begin: they meet over IPv6. */
void pair_six(struct pair *p);
/* A session at an end begins, or is cut off as if the process was killed. */
void pair_start(struct pair *p, int n);
void pair_stop(struct pair *p, int n);
/* Runs the loop until @done says so, or for @seconds; true: it said so. */
bool pair_run(struct pair *p, bool (*done)(struct pair *p, void *arg),
	      void *arg, double seconds);
/* The same until both ends have more key than they had. */
bool pair_key_comes(struct pair *p, double seconds);
/* Bytes that both pools hold the same, of the poorer direction; or negative. */
long pair_compare(const struct pair *p);
void pair_free(struct pair *p);
/* A new secret for both ends, of @len bytes. */
void pair_secret(struct pair *p, unsigned int len);
double pair_now(void);

#endif /* _TESTS_QKDD_PAIR_H */
