// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Driver etsi004: key of a vendor's system, as a stream by ETSI GS QKD 004.
 *
 *   CLOSED --open--> OPEN --key 0 came--> READY --any failure--> CLOSED
 *
 * Both ends open the same key stream, each at its key manager, by an ID that
 * they agree on beforehand. Key 0 is used for nothing: its hash tells this life
 * of the stream from any other. The leader then reads on; a block is named by
 * that hash, an index and a number of keys, and the follower reads the same.
 * keyflow.c sees to it that both ends' deliveries are in step or not at all.
 * Calls run on a worker, one at a time.
 */
#include <ctype.h>
#include <errno.h>
#include <event2/event.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "drivers.h"
#include "etsi004.h"
#include "words.h"
#include "work.h"
#include "tools/common/secret.h"
#include "tools/common/wire.h"

#define TICK_S		1
#define PROBE_TICKS	3	/* of silence, then: is it alive? */
#define TAG		16		/* of the hash of key 0 */
#define ID		(TAG + 8)	/* hash, index, number of keys */
#define BLOCK_MAX	(64 << 10)
#define BLOCK_MIN	64		/* keyflow.c needs some for itself */
#define CHUNK		1024

enum etsi004_state {
	ETSI004_CLOSED,
	ETSI004_OPEN,
	ETSI004_READY,
};

enum etsi004_job {
	JOB_OPEN,
	JOB_GET,
	JOB_TAKE,
	JOB_PROBE,
};

struct etsi004_inst {
	struct work work;
	const struct driver_host *host;
	void *ctx;
	struct workers *workers;
	struct event *timer;
	struct etsi004 *client;
	uint64_t chunk;
	bool busy;
	bool closed;
	bool troubled;
	unsigned int ticks;	/* since the last work */
	enum etsi004_job later;	/* what comes after a probe, or JOB_PROBE */

	/* of the work while busy */
	enum etsi004_job job;
	enum etsi004_state state;
	uint32_t next;		/* index of the key that is read next */
	uint32_t at;		/* of the block's first */
	uint32_t count;
	size_t len;
	int error;
	uint8_t tag[TAG];
	uint8_t *key;
	char why[256];
};

/* ---- on a worker ---- */

static int get_one(struct etsi004_inst *in, uint32_t index, uint8_t *key)
{
	int ret = etsi004_get(in->client, index, key, in->why, sizeof(in->why));

	if (!ret)
		in->next = index + 1;
	else if (ret != -EAGAIN)
		in->state = ETSI004_CLOSED;
	return ret;
}

static int begin(struct etsi004_inst *in)
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	int ret = 0;

	if (in->state == ETSI004_CLOSED)
		ret = etsi004_open(in->client, in->why, sizeof(in->why));
	if (ret)
		return ret;
	in->state = ETSI004_OPEN;
	ret = get_one(in, 0, in->key);
	if (ret)
		return ret;
	SHA256(in->key, in->chunk, hash);
	memcpy(in->tag, hash, TAG);
	in->state = ETSI004_READY;
	return 0;
}

/* As many as there are at once, but all of those that the peer has. */
static int read_keys(struct etsi004_inst *in)
{
	uint32_t n = 0;
	int ret = 0;

	while (n < in->count && !ret) {
		ret = get_one(in, in->at + n, in->key + n * in->chunk);
		n += !ret;
	}
	if (in->job == JOB_GET && ret == -EAGAIN &&
	    n * in->chunk >= BLOCK_MIN) {
		in->count = n;
		ret = 0;
	}
	in->len = n * in->chunk;
	return ret;
}

/*
 * Who waits for the other's word does not hear of a stream's end. Key 0 is gone
 * for good, so to ask for it costs nothing and tells.
 */
static int probe(struct etsi004_inst *in)
{
	int ret = etsi004_get(in->client, 0, in->key, in->why,
			      sizeof(in->why));

	if (ret != -EAGAIN) {
		in->state = ETSI004_CLOSED;
		return ret ? ret : -EIO;
	}
	in->why[0] = '\0';
	return 0;
}

static void etsi004_run(struct work *work)
{
	struct etsi004_inst *in = (struct etsi004_inst *)work;

	if (in->job == JOB_OPEN)
		in->error = begin(in);
	else if (in->job == JOB_PROBE)
		in->error = probe(in);
	else
		in->error = read_keys(in);
}

/* ---- on the loop ---- */

static void free_all(struct etsi004_inst *in)
{
	etsi004_free(in->client);
	if (in->timer)
		event_free(in->timer);
	secret_free(in->key, BLOCK_MAX);
	free(in);
}

static void say(struct etsi004_inst *in)
{
	if (in->error && in->error != -EAGAIN) {
		in->troubled = true;
		in->host->trouble(in->ctx, in->why);
	} else if (in->troubled && in->state == ETSI004_READY) {
		in->troubled = false;
		in->host->up(in->ctx);
	}
}

static void answer(struct etsi004_inst *in)
{
	uint8_t id[ID];

	if (in->error) {
		in->host->no_key(in->ctx, NULL, 0, in->why);
		return;
	}
	memcpy(id, in->tag, TAG);
	wire_put32(id + TAG, in->at);
	wire_put32(id + TAG + 4, in->count);
	in->host->key(in->ctx, id, sizeof(id), in->key, in->len);
}

static void submit(struct etsi004_inst *in, enum etsi004_job job);

/* On with what was asked for meanwhile. */
static void probed(struct etsi004_inst *in)
{
	enum etsi004_job job = in->later;

	in->later = JOB_PROBE;
	if (job == JOB_PROBE)
		return;
	if (in->error)
		answer(in);
	else
		submit(in, job);
}

static void etsi004_done(struct work *work)
{
	struct etsi004_inst *in = (struct etsi004_inst *)work;

	in->busy = false;
	if (in->closed) {
		free_all(in);
		return;
	}
	in->ticks = 0;
	say(in);
	if (in->job == JOB_PROBE)
		probed(in);
	else if (in->job != JOB_OPEN)
		answer(in);
	/* unless that asked for the next one already */
	if (!in->busy)
		wipe(in->key, BLOCK_MAX);
}

static void submit(struct etsi004_inst *in, enum etsi004_job job)
{
	in->job = job;
	in->busy = true;
	in->work.run = etsi004_run;
	in->work.done = etsi004_done;
	workers_submit(in->workers, &in->work);
}

/* Both ends open by themselves: a stream gives nothing until both have. */
static void tick(evutil_socket_t fd, short what, void *arg)
{
	struct etsi004_inst *in = arg;

	if (in->busy)
		return;
	if (in->state != ETSI004_READY)
		submit(in, JOB_OPEN);
	else if (++in->ticks >= PROBE_TICKS)
		submit(in, JOB_PROBE);
}

/* A question that comes while the stream is being opened. */
static bool not_now(struct etsi004_inst *in)
{
	if (in->busy ? in->job == JOB_PROBE : in->state == ETSI004_READY)
		return false;
	in->host->no_key(in->ctx, NULL, 0, in->busy || !in->why[0] ?
			 "the stream is not open yet" : in->why);
	return true;
}

/* Now, or when the probe is over. */
static void ask(struct etsi004_inst *in, enum etsi004_job job)
{
	if (in->busy)
		in->later = job;
	else
		submit(in, job);
}

static void etsi004_drv_get(void *arg, size_t max)
{
	struct etsi004_inst *in = arg;

	if (not_now(in))
		return;
	if (max > BLOCK_MAX)
		max = BLOCK_MAX;
	in->at = in->next;
	in->count = max / in->chunk;
	ask(in, JOB_GET);
}

static void etsi004_drv_take(void *arg, const uint8_t *id, size_t len)
{
	struct etsi004_inst *in = arg;
	uint8_t hint[4];
	uint32_t at, n;

	if (not_now(in))
		return;
	if (len != ID || memcmp(id, in->tag, TAG)) {
		in->host->no_key(in->ctx, NULL, 0,
				 "the peer reads another life of the stream");
		return;
	}
	at = wire_get32(id + TAG);
	n = wire_get32(id + TAG + 4);
	if (at < in->next || !n || n > BLOCK_MAX / in->chunk ||
	    at > UINT32_MAX - n) {
		wire_put32(hint, in->next);
		in->host->no_key(in->ctx, hint, sizeof(hint),
				 "the peer's place in the stream is behind ours");
		return;
	}
	in->at = at;
	in->count = n;
	ask(in, JOB_TAKE);
}

static void etsi004_drv_skip(void *arg, const uint8_t *hint, size_t len)
{
	struct etsi004_inst *in = arg;

	if (len == 4 && !in->busy && wire_get32(hint) > in->next)
		in->next = wire_get32(hint);
}

static void etsi004_drv_close(void *arg)
{
	struct etsi004_inst *in = arg;

	in->closed = true;
	event_del(in->timer);
	if (!in->busy)
		free_all(in);
}

/* ---- configuration ---- */

static int word(struct words *w, const char *key, char *to, size_t size,
		char *err, size_t room)
{
	const char *v = words_get(w, key);

	if (!v || !*v || strlen(v) >= size) {
		snprintf(err, room, "the etsi004 driver needs %s=, shorter than %zu bytes",
			 key, size);
		return -EINVAL;
	}
	memcpy(to, v, strlen(v) + 1);
	return 0;
}

/* "HOST:PORT" or "[ADDRESS]:PORT" */
static int split(struct etsi004_conf *c, const char *v, char *err, size_t room)
{
	const char *colon = strrchr(v, ':');
	size_t n = colon ? colon - v : 0;

	if (n >= 2 && v[0] == '[' && v[n - 1] == ']') {
		v++;
		n -= 2;
	}
	if (!n || n >= sizeof(c->host) || strlen(colon + 1) < 1 ||
	    strlen(colon + 1) >= sizeof(c->port)) {
		snprintf(err, room, "kme= is HOST:PORT");
		return -EINVAL;
	}
	memcpy(c->host, v, n);
	c->host[n] = '\0';
	snprintf(c->port, sizeof(c->port), "%s", colon + 1);
	return 0;
}

/* What both ends come to by themselves: of both SAEs, in order. */
static void make_ksid(struct etsi004_conf *c)
{
	bool first = strcmp(c->self, c->sae) < 0;
	uint8_t hash[SHA256_DIGEST_LENGTH];
	char text[300];
	int n;

	n = snprintf(text, sizeof(text), "qkdd etsi004\n%s\n%s",
		     first ? c->self : c->sae, first ? c->sae : c->self);
	SHA256((void *)text, n, hash);
	memcpy(c->ksid, hash, sizeof(c->ksid));
	c->ksid[6] = (c->ksid[6] & 0x0f) | 0x80;	/* UUID version 8 */
	c->ksid[8] = (c->ksid[8] & 0x3f) | 0x80;
}

/* A UUID, with or without its hyphens; not of zeroes, which asks for one. */
static int read_ksid(struct etsi004_conf *c, const char *text, char *err,
		     size_t room)
{
	unsigned int n = 0, sum = 0, digit;
	const char *p;

	for (p = text; *p && n <= 32; p++) {
		if (*p == '-')
			continue;
		if (!isxdigit((unsigned char)*p))
			break;
		digit = *p <= '9' ? *p - '0' : (*p | 32) - 'a' + 10;
		if (n < 32)
			c->ksid[n / 2] = c->ksid[n / 2] << 4 | digit;
		sum += digit;
		n++;
	}
	if (!*p && n == 32 && sum)
		return 0;
	snprintf(err, room, "ksid= is a UUID: 32 hexadecimal digits, not all 0");
	return -EINVAL;
}

/* Agreed on with the vendor's system, or made */
static int ksid(struct etsi004_conf *c, struct words *w, char *err,
		size_t room)
{
	const char *text = words_get(w, "ksid");

	if (text)
		return read_ksid(c, text, err, room);
	make_ksid(c);
	return 0;
}

static int configure(struct etsi004_inst *in, struct words *w, char *err,
		     size_t room)
{
	struct etsi004_conf c = { .chunk = 0 };
	char kme[160];

	in->chunk = CHUNK;
	if (word(w, "kme", kme, sizeof(kme), err, room) ||
	    word(w, "self", c.self, sizeof(c.self), err, room) ||
	    word(w, "sae", c.sae, sizeof(c.sae), err, room) ||
	    word(w, "cert", c.cert, sizeof(c.cert), err, room) ||
	    word(w, "key", c.key, sizeof(c.key), err, room) ||
	    word(w, "ca", c.ca, sizeof(c.ca), err, room) ||
	    words_u64(w, "chunk", 32, 8191, &in->chunk, err, room) ||
	    split(&c, kme, err, room) || ksid(&c, w, err, room))
		return -EINVAL;
	c.chunk = in->chunk;
	in->client = etsi004_new(&c, err, room);
	return in->client ? 0 : -EINVAL;
}

static int etsi004_drv_open(void **inst, const struct driver_conf *conf,
			    const struct driver_host *host, void *ctx,
			    char *err, size_t room)
{
	const struct timeval often = { .tv_sec = TICK_S };
	struct etsi004_inst *in = calloc(1, sizeof(*in));
	int ret = -ENOMEM;

	snprintf(err, room, "out of memory");
	if (!in)
		return ret;
	in->host = host;
	in->ctx = ctx;
	in->workers = conf->workers;
	in->later = JOB_PROBE;
	in->key = secret_alloc(BLOCK_MAX);
	in->timer = event_new(conf->base, -1, EV_PERSIST, tick, in);
	if (in->key && in->timer)
		ret = configure(in, conf->words, err, room);
	if (!ret && event_add(in->timer, &often))
		ret = -ENOMEM;
	if (ret) {
		free_all(in);
		return ret;
	}
	*inst = in;
	return 0;
}

const struct qkd_driver driver_etsi004 = {
	.name = "etsi004",
	.depth = DRIVER_KEY,
	.open = etsi004_drv_open,
	.close = etsi004_drv_close,
	.get = etsi004_drv_get,
	.take = etsi004_drv_take,
	.skip = etsi004_drv_skip,
};
