/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the session share: session.c sets up and tears down,
 * session_meet.c agrees with the peer, session_calls.c passes calls on between
 * the parts, session_say.c tells the link's owner.
 */
#ifndef _QKDD_SESSION_PRIV_H
#define _QKDD_SESSION_PRIV_H

#include "chain.h"
#include "channel.h"
#include "deliver.h"
#include "driver.h"
#include "hybrid.h"
#include "keyflow.h"
#include "session.h"
#include "words.h"

#define TEXT_MAX	256
#define WINDOW		10	/* s over which rates are measured */
#define ALARMS		(QKD_ALARM_TUNNEL + 1)	/* that are known here */

struct event;
struct psk;

struct sample {
	double at;
	uint64_t raw;
	uint64_t sifted;
	uint64_t delivered;
};

struct session {
	struct event_base *base;
	struct workers *workers;
	const struct session_ops *ops;
	void *ctx;
	char link[32];
	char local_node[64];
	char peer_node[64];
	bool lower;
	enum qkd_role role;
	const struct qkd_driver *driver;
	struct sockaddr_storage local;
	struct sockaddr_storage peer;
	uint32_t piece;		/* greatest record that our pool takes well */
	char *psk_dir;
	char *state_dir;
	struct sink sink;
	struct words words;
	struct chain_conf chain_conf;
	char text[TEXT_MAX];	/* settings that must be the peer's, too */
	bool broken;		/* the configuration is wrong: nothing works */

	struct event *tick;
	unsigned int ticks;
	struct psk *psk;
	struct auth_store *store;
	struct channel *channel;
	struct deliver *deliver;
	struct chain *chain;
	struct keyflow *keyflow;
	struct hybrid *hybrid;
	uint64_t hybrid_time;	/* s */
	void *inst;		/* of the driver */

	struct qkd_state ours;	/* as told in our HELLO */
	bool ours_known;
	uint8_t random[16];
	uint64_t key_used;	/* by channels that are gone */

	char apart[192];	/* why we have not met; "" when we have */
	char flow[192];		/* why no key is made; "" when it is */
	char said[192];		/* what the owner was told last */
	bool said_any;
	char alarm_text[ALARMS][128];
	double alarm_at[ALARMS];
	uint64_t auth_errors;
	struct sample sample[WINDOW + 1];
	unsigned int samples;
	struct session_rates rates;
};

/* session_say.c */
/* Why we have not met the peer; "": we have. */
void say_apart(struct session *s, const char *text);
/* Why no key is made; NULL: it is. */
void say_flow(void *ctx, const char *text);
void say_alarm(void *ctx, enum qkd_alarm alarm, const char *text);
/* Once a second */
void say_rates(struct session *s);

/* session_calls.c */
extern const struct chain_ops session_chain_ops;
extern const struct keyflow_ops session_keyflow_ops;
extern const struct deliver_ops session_deliver_ops;
extern const struct hybrid_ops session_hybrid_ops;
extern const struct driver_host session_driver_host;
void session_end(void *ctx, const char *why);
void session_pause_driver(void *ctx, bool paused);

/* session_meet.c */
size_t session_hello(void *ctx, uint8_t *buf);
int session_meet(void *ctx, const uint8_t *data, size_t len, char *why,
		 size_t room);

#endif /* _QKDD_SESSION_PRIV_H */
