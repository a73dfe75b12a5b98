// SPDX-License-Identifier: GPL-2.0-or-later
// LIBRARIES: daemon common net post sim coinc raw
// PACKAGES: libevent_core libcrypto fftw3
/*
 * Fuzzer of keyflow's messages, at either end, with a driver that answers now
 * and then. Whatever a peer says, it is refused or it is in order.
 */
#include <event2/event.h>

#include "tests/fuzz/qkdd_memory.h"
#include "tools/common/log.h"
#include "tools/qkdd/deliver.h"
#include "tools/qkdd/driver.h"
#include "tools/qkdd/keyflow.h"
#include "tools/qkdd/messages.h"

static unsigned int asked;	/* get or take, not answered yet */

static void on_get(void *ctx, size_t max)
{
	asked++;
}

static void on_take(void *ctx, const uint8_t *id, size_t len)
{
	if (len > DRIVER_KEY_ID_MAX)
		abort();
	asked++;
}

static void on_skip(void *ctx, const uint8_t *hint, size_t len)
{
	if (len > DRIVER_KEY_ID_MAX)
		abort();
}

static void on_send(void *ctx, unsigned int type, uint64_t block,
		    const void *data, size_t len, const void *more,
		    size_t more_len)
{
}

static void on_alarm(void *ctx, enum qkd_alarm alarm, const char *text)
{
}

static void on_text(void *ctx, const char *text)
{
}

static void on_body(void *ctx, const uint8_t *body, size_t len)
{
}

static void on_moved(void *ctx)
{
}

static const struct keyflow_ops flow_calls = {
	.get = on_get, .take = on_take, .skip = on_skip, .send = on_send,
	.alarm = on_alarm, .reason = on_text, .fail = on_text,
};

static const struct deliver_ops deliver_calls = {
	.stored = on_body, .level = on_body, .failed = on_text,
	.moved = on_moved,
};

static void driver_answers(struct keyflow *k, struct input *in)
{
	static uint8_t key[4096];
	uint8_t id[4] = { 0, 0, 0, take8(in) };

	if (!asked)
		return;
	asked--;
	if (id[3] & 1)
		keyflow_key(k, id, sizeof(id), key, take16(in) % sizeof(key));
	else
		keyflow_no_key(k, id, sizeof(id), "none");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned int types[] = {
		MSG_OFFER, MSG_TAKEN, MSG_MISSING, MSG_KEEP, MSG_DROP,
		MSG_PARITY,
	};
	static struct auth_store *store;
	static struct event_base *base;
	static const uint8_t generation[16];
	static const uint64_t offset[2];
	struct input in = { data, size };
	struct sink sink = hole();
	struct deliver *d;
	struct keyflow *k;
	size_t len;

	if (!store) {
		log_setup(LOG_LEVEL_ERR, false);
		store = memory_store(true);
		base = event_base_new();
	}
	asked = 0;
	d = deliver_new(base, &sink, store, true, &deliver_calls, NULL);
	k = d ? keyflow_new(base, take8(&in) & 1, d, &flow_calls, NULL) : NULL;
	if (!k) {
		if (!starved())
			abort();
		deliver_free(d);
		return 0;
	}
	deliver_start(d, generation, 0, offset, 65536);
	keyflow_start(k);
	while (in.len) {
		unsigned int op = take8(&in), block;
		const uint8_t *p;

		if (op % 7 == 6) {
			driver_answers(k, &in);
			continue;
		}
		block = take8(&in);
		len = take8(&in);
		p = take(&in, &len);
		if (keyflow_message(k, types[op % 7], block, p, len))
			break;
	}
	keyflow_free(k);
	deliver_free(d);
	return 0;
}
