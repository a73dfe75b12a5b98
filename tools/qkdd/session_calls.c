// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Passes calls on between a link's parts, none of which knows another: the
 * chain or the key flow, deliveries, the driver, the channel.
 */
#include "auth.h"
#include "messages.h"
#include "session_priv.h"
#include "tools/common/log.h"

/* ---- what the parts call ---- */

static void send_message(void *ctx, unsigned int type, uint64_t block,
			 const void *data, size_t len, const void *more,
			 size_t more_len)
{
	struct session *s = ctx;

	channel_send2(s->channel, type, block, data, len, more, more_len);
}

void session_end(void *ctx, const char *why)
{
	struct session *s = ctx;

	channel_close(s->channel, CHANNEL_REFUSED, why);
}

void session_pause_driver(void *ctx, bool paused)
{
	struct session *s = ctx;

	if (s->inst && s->driver->pause)
		s->driver->pause(s->inst, paused);
}

static void block_report(void *ctx, const char *json)
{
	struct session *s = ctx;

	log_line(LOG_LEVEL_DEBUG, s->link, "%s", json);
	s->ops->report(s->ctx, json);
}

static uint64_t key_used(void *ctx)
{
	struct session *s = ctx;

	return s->key_used + (s->channel ? channel_key_used(s->channel) : 0);
}

static uint64_t key_left(void *ctx)
{
	struct session *s = ctx;

	return s->store ? auth_left(s->store) : 0;
}

const struct chain_ops session_chain_ops = {
	.send = send_message,
	.pause = session_pause_driver,
	.report = block_report,
	.alarm = say_alarm,
	.reason = say_flow,
	.fail = session_end,
	.key_used = key_used,
	.key_left = key_left,
};

static void driver_get(void *ctx, size_t max)
{
	struct session *s = ctx;

	s->driver->get(s->inst, max);
}

static void driver_take(void *ctx, const uint8_t *id, size_t len)
{
	struct session *s = ctx;

	s->driver->take(s->inst, id, len);
}

static void driver_skip(void *ctx, const uint8_t *hint, size_t len)
{
	struct session *s = ctx;

	if (s->driver->skip)
		s->driver->skip(s->inst, hint, len);
}

const struct keyflow_ops session_keyflow_ops = {
	.get = driver_get,
	.take = driver_take,
	.skip = driver_skip,
	.send = send_message,
	.alarm = say_alarm,
	.reason = say_flow,
	.fail = session_end,
};

static void say_stored(void *ctx, const uint8_t *body, size_t len)
{
	send_message(ctx, MSG_STORED, 0, body, len, NULL, 0);
}

static void say_level(void *ctx, const uint8_t *body, size_t len)
{
	send_message(ctx, MSG_LEVEL, 0, body, len, NULL, 0);
}

static void deliveries_moved(void *ctx)
{
	struct session *s = ctx;

	if (s->chain)
		chain_moved(s->chain);
	if (s->keyflow)
		keyflow_moved(s->keyflow);
}

const struct deliver_ops session_deliver_ops = {
	.stored = say_stored,
	.level = say_level,
	.failed = session_end,
	.moved = deliveries_moved,
};

static void send_short(void *ctx, unsigned int type, const void *data,
		       size_t len)
{
	send_message(ctx, type, 0, data, len, NULL, 0);
}

static int give_secret(void *ctx, const uint8_t *id, const uint8_t *secret)
{
	struct session *s = ctx;

	return s->ops->give(s->ctx, id, secret);
}

static int use_secret(void *ctx, const uint8_t *id)
{
	struct session *s = ctx;

	return s->ops->use(s->ctx, id);
}

static void no_secret(void *ctx, const char *why)
{
	struct session *s = ctx;

	s->ops->none(s->ctx, why);
}

const struct hybrid_ops session_hybrid_ops = {
	.send = send_short,
	.give = give_secret,
	.use = use_secret,
	.none = no_secret,
};

/* ---- what the driver calls ---- */

static void from_run(void *ctx, const struct raw_header *header)
{
	struct session *s = ctx;

	chain_run(s->chain, header);
}

static void from_events(void *ctx, uint64_t start, uint64_t end,
			const uint64_t *slot, const uint8_t *code,
			size_t count)
{
	struct session *s = ctx;

	chain_events(s->chain, start, end, slot, code, count);
}

static void from_totals(void *ctx, uint64_t start, uint64_t end,
			const struct raw_totals *totals)
{
	struct session *s = ctx;

	chain_totals(s->chain, start, end, totals);
}

static void from_key(void *ctx, const uint8_t *id, size_t id_len,
		     const void *key, size_t len)
{
	struct session *s = ctx;

	keyflow_key(s->keyflow, id, id_len, key, len);
}

static void from_no_key(void *ctx, const uint8_t *hint, size_t len,
			const char *why)
{
	struct session *s = ctx;

	keyflow_no_key(s->keyflow, hint, len, why);
}

static void from_up(void *ctx)
{
	say_flow(ctx, NULL);
}

static void from_trouble(void *ctx, const char *why)
{
	say_alarm(ctx, QKD_ALARM_DRIVER, why);
	say_flow(ctx, why);
}

const struct driver_host session_driver_host = {
	.run = from_run,
	.events = from_events,
	.totals = from_totals,
	.key = from_key,
	.no_key = from_no_key,
	.up = from_up,
	.trouble = from_trouble,
};
