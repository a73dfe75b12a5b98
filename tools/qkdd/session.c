// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Puts a link's parts together: secret, channel, driver, key-making, delivery.
 *
 *   NO SECRET --(store opened)--> APART --(HELLOs, generation agreed)--> MET
 *                  ^                ^-------- channel closed --------------'
 *                  '-- a new secret was left
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "messages.h"
#include "psk.h"
#include "session_priv.h"
#include "tools/common/log.h"

#define PSK_EVERY	2	/* s between looks for a secret */
#define HYBRID_TIME	3600	/* s a post-quantum secret is used */

/* ---- what the channel calls ---- */

static void opened(void *ctx)
{
	struct session *s = ctx;

	log_line(LOG_LEVEL_INFO, s->link, "met %s", s->peer_node);
	say_apart(s, "");
	deliver_open(s->deliver);
	if (s->chain)
		chain_start(s->chain);
	if (s->keyflow)
		keyflow_start(s->keyflow);
	hybrid_start(s->hybrid);
}

static void stop_all(struct session *s)
{
	if (s->chain)
		chain_stop(s->chain);
	if (s->keyflow)
		keyflow_stop(s->keyflow);
	if (s->deliver)
		deliver_stop(s->deliver);
	if (s->hybrid)
		hybrid_stop(s->hybrid);
}

static void tell_cause(struct session *s, enum channel_cause cause,
		       const char *text)
{
	switch (cause) {
	case CHANNEL_AUTH:
		s->auth_errors++;
		say_alarm(s, QKD_ALARM_AUTH, text);
		break;
	case CHANNEL_STORE:
		say_alarm(s, QKD_ALARM_AUTH, text);
		break;
	case CHANNEL_PEER:
	case CHANNEL_REFUSED:
		say_alarm(s, QKD_ALARM_PEER, text);
		break;
	}
}

static void closed(void *ctx, enum channel_cause cause, const char *why)
{
	struct session *s = ctx;

	stop_all(s);
	say_apart(s, why);
	tell_cause(s, cause, why);
}

static void refused(void *ctx, enum channel_cause cause, const char *why)
{
	struct session *s = ctx;

	if (!channel_is_open(s->channel)) {
		stop_all(s);
		say_apart(s, why);
	}
	tell_cause(s, cause, why);
}

static void message(void *ctx, unsigned int type, uint64_t block,
		    const uint8_t *data, size_t len)
{
	struct session *s = ctx;
	int ret;

	if (type == MSG_STORED)
		ret = deliver_stored(s->deliver, data, len);
	else if (type == MSG_LEVEL)
		ret = deliver_level(s->deliver, data, len);
	else if (type >= MSG_PQ_OFFER && type <= MSG_PQ_NONE)
		ret = hybrid_message(s->hybrid, type, data, len);
	else if (s->chain)
		ret = chain_message(s->chain, type, block, data, len);
	else
		ret = keyflow_message(s->keyflow, type, block, data, len);
	if (ret) {
		log_line(LOG_LEVEL_DEBUG, s->link, "message %u: %s", type,
			 strerror(-ret));
		session_end(s, ret == -ENOMEM ? "out of memory" :
			    "the peer's messages make no sense");
	}
}

static const struct channel_ops channel_calls = {
	.hello = session_hello,
	.meet = session_meet,
	.open = opened,
	.message = message,
	.closed = closed,
	.refused = refused,
};

/* ---- coming and going ---- */

static void tear_down(struct session *s)
{
	if (s->channel) {
		s->key_used += channel_key_used(s->channel);
		channel_free(s->channel);
	}
	s->channel = NULL;
	stop_all(s);
	if (s->inst)
		s->driver->close(s->inst);
	s->inst = NULL;
	chain_free(s->chain);
	s->chain = NULL;
	keyflow_free(s->keyflow);
	s->keyflow = NULL;
	hybrid_free(s->hybrid);
	s->hybrid = NULL;
	deliver_free(s->deliver);
	s->deliver = NULL;
	psk_close(s->psk);
	s->psk = NULL;
	s->store = NULL;
}

static int make_flow(struct session *s)
{
	if (s->driver->depth == DRIVER_RAW)
		s->chain = chain_new(&s->chain_conf, s->role, s->link,
				     s->workers, s->deliver, &session_chain_ops, s);
	else
		s->keyflow = keyflow_new(s->base, s->lower, s->deliver,
					 &session_keyflow_ops, s);
	s->hybrid = hybrid_new(s->lower, s->local_node, s->peer_node,
			       s->hybrid_time, &session_hybrid_ops, s);
	return (s->chain || s->keyflow) && s->hybrid ? 0 : -ENOMEM;
}

static int open_driver(struct session *s, char *err, size_t room)
{
	struct driver_conf conf = {
		.link = s->link,
		.local_node = s->local_node,
		.peer_node = s->peer_node,
		.role = s->role,
		.local = s->local,
		.peer = s->peer,
		.words = &s->words,
		.state_dir = s->state_dir,
		.base = s->base,
		.workers = s->workers,
	};
	const char *unused;
	int ret;

	ret = s->driver->open(&s->inst, &conf, &session_driver_host, s, err, room);
	if (ret)
		return ret;
	unused = words_unused(&s->words);
	if (unused) {
		snprintf(err, room, "the %s driver knows no %s=",
			 s->driver->name, unused);
		return -EINVAL;
	}
	session_pause_driver(s, true);
	return 0;
}

static int open_channel(struct session *s)
{
	struct channel_conf conf = {
		.base = s->base,
		.link = s->link,
		.peer_link = words_get(&s->words, "peer_link"),
		.local_node = s->local_node,
		.peer_node = s->peer_node,
		.local = s->local,
		.peer = s->peer,
		.store = s->store,
	};
	const char *addr = words_get(&s->words, "channel");
	char err[128];

	if (addr) {
		/* another network than the link's, from whatever address */
		memset(&conf.local, 0, sizeof(conf.local));
		if (words_addr(addr, &conf.peer, err, sizeof(err)))
			return -EINVAL;
	}
	s->channel = channel_new(&conf, &channel_calls, s);
	return s->channel ? 0 : -ENOMEM;
}

/* All parts, or none. */
static void set_up(struct session *s)
{
	char err[192] = "out of memory";
	int ret;

	ret = psk_open(&s->psk, s->psk_dir, s->state_dir, s->link, s->lower,
		       err, sizeof(err));
	if (ret) {
		/* who has it may just be ending */
		if (ret != -EBUSY)
			say_alarm(s, QKD_ALARM_AUTH, err);
		say_apart(s, err);
		return;
	}
	s->store = psk_store(s->psk);
	say_apart(s, "looking for the peer's qkdd");
	s->deliver = deliver_new(s->base, &s->sink, s->store, s->lower,
				 &session_deliver_ops, s);
	ret = s->deliver ? make_flow(s) : -ENOMEM;
	if (!ret)
		ret = open_driver(s, err, sizeof(err));
	if (!ret)
		ret = open_channel(s);
	if (!ret)
		return;
	if (ret != -EBUSY)
		say_alarm(s, QKD_ALARM_DRIVER, err);
	say_apart(s, err);
	tear_down(s);
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	say_rates(s);
	if (s->chain)
		chain_tick(s->chain);
	if (s->hybrid)
		hybrid_tick(s->hybrid);
	if (s->broken || s->ticks++ % PSK_EVERY)
		return;
	if (!s->psk) {
		set_up(s);
	} else if (psk_waiting(s->psk_dir, s->link)) {
		log_line(LOG_LEVEL_NOTICE, s->link, "there is a new secret");
		tear_down(s);
		s->samples = 0;
		set_up(s);
	}
}

/* ---- the outside ---- */

/* What both ends must have the same, and what only this one is asked for. */
static int configure(struct session *s, const char *config, char *err,
		     size_t room)
{
	struct sockaddr_storage check = { .ss_family = 0 };
	const char *addr;
	int n;

	if (!s->driver) {
		snprintf(err, room, "there is no such driver; there are: %s",
			 driver_names());
		return -EINVAL;
	}
	if (words_parse(&s->words, config, err, room))
		return -EINVAL;
	chain_conf_init(&s->chain_conf);
	s->chain_conf.recorded = s->driver->recorded;
	n = snprintf(s->text, sizeof(s->text), "depth=%s ",
		     s->driver->depth == DRIVER_RAW ? "raw" : "key");
	if (s->driver->depth == DRIVER_RAW) {
		if (chain_conf_words(&s->chain_conf, &s->words, err, room))
			return -EINVAL;
		chain_conf_text(&s->chain_conf, s->text + n,
				sizeof(s->text) - n);
		if (s->role != QKD_ROLE_ALICE && s->role != QKD_ROLE_BOB) {
			snprintf(err, room, "the %s driver needs role alice or bob",
				 s->driver->name);
			return -EINVAL;
		}
	} else if (s->role != QKD_ROLE_NONE) {
		snprintf(err, room, "the %s driver needs role none",
			 s->driver->name);
		return -EINVAL;
	}
	s->hybrid_time = HYBRID_TIME;
	if (words_u64(&s->words, "hybrid_time", 1, 1 << 30, &s->hybrid_time,
		      err, room))
		return -EINVAL;
	words_get(&s->words, "peer_link");
	addr = words_get(&s->words, "channel");
	return addr ? words_addr(addr, &check, err, room) : 0;
}

struct session *session_new(const struct session_conf *conf,
			    const struct session_ops *ops, void *ctx)
{
	struct timeval tv = { .tv_sec = 1 };
	struct session *s = calloc(1, sizeof(*s));
	char err[192];

	if (!s)
		return NULL;
	s->base = conf->base;
	s->workers = conf->workers;
	s->ops = ops;
	s->ctx = ctx;
	snprintf(s->link, sizeof(s->link), "%s", conf->link);
	snprintf(s->local_node, sizeof(s->local_node), "%s", conf->local_node);
	snprintf(s->peer_node, sizeof(s->peer_node), "%s", conf->peer_node);
	s->lower = strcmp(conf->local_node, conf->peer_node) < 0;
	s->role = conf->role;
	s->driver = driver_find(conf->driver);
	s->local = conf->local;
	s->peer = conf->peer;
	((struct sockaddr_in *)&s->peer)->sin_port = htons(conf->port);
	s->piece = conf->pool_size / 2 & ~1u;
	if (s->piece > QKD_BLOCK_MAX / 2)
		s->piece = QKD_BLOCK_MAX / 2;
	s->sink = conf->sink;
	s->psk_dir = strdup(conf->psk_dir);
	s->state_dir = strdup(conf->state_dir);
	s->tick = event_new(s->base, -1, EV_PERSIST, tick, s);
	if (!s->psk_dir || !s->state_dir || !s->tick) {
		session_free(s);
		return NULL;
	}
	if (configure(s, conf->config, err, sizeof(err))) {
		s->broken = true;
		say_alarm(s, QKD_ALARM_DRIVER, err);
		say_apart(s, err);
		return s;
	}
	event_add(s->tick, &tv);
	event_active(s->tick, EV_TIMEOUT, 0);
	return s;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	tear_down(s);
	if (s->tick)
		event_free(s->tick);
	free(s->psk_dir);
	free(s->state_dir);
	free(s);
}

struct channel *session_channel(struct session *s)
{
	return s->channel;
}

bool session_open(const struct session *s)
{
	return channel_is_open(s->channel);
}

void session_secret_again(struct session *s)
{
	if (s->hybrid)
		hybrid_again(s->hybrid);
}
