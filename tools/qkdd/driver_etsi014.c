// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Driver etsi014: key of a vendor's system, by ETSI GS QKD 014.
 *
 *   leader:    enc_keys at its KME --> a block, named by KME and key IDs
 *   follower:  dec_keys of these IDs at its KME --> the same block
 *
 * The keys' IDs travel over the daemons' authenticated channel, and keyflow.c
 * sees to it that both ends' deliveries are in step or not at all. KMEs are
 * tried in the order of the configuration, the same at both ends: the N-th of
 * the one end gives the key of the N-th of the other. Requests run on a worker.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "driver.h"
#include "drivers.h"
#include "etsi014.h"
#include "words.h"
#include "work.h"
#include "tools/common/log.h"
#include "tools/common/secret.h"

#define KMES		4
#define SIZE_MAX_BYTES	1024		/* of one key */
#define BLOCK_MAX	(ETSI014_KEYS * SIZE_MAX_BYTES)
#define BLOCK_MIN	64		/* keyflow.c needs some for itself */
#define TRIES		4		/* of dec_keys: KMEs take time to agree */
#define TRY_MS		250
#define BACKOFF_MAX_S	60

/**
 * struct kme - one of the KMEs
 * @size: bytes of a key, 0: not asked yet
 * @number: keys of a request
 */
struct kme {
	struct etsi014 *client;
	size_t size;
	size_t number;
};

struct etsi014_inst {
	struct work work;
	const struct driver_host *host;
	void *ctx;
	struct workers *workers;
	struct kme kme[KMES];
	unsigned int kmes;
	uint64_t want_size;	/* bits, 0: what the KME says */
	uint64_t want_number;
	bool busy;
	bool closed;
	unsigned int failures;	/* in a row */
	time_t not_before;	/* get nothing sooner than that */

	/* of the work */
	bool take;
	size_t max;
	uint8_t id[1 + ETSI014_KEYS * ETSI014_ID];
	size_t id_len;
	uint8_t *key;
	size_t len;
	int error;
	char why[256];
};

_Static_assert(1 + ETSI014_KEYS * ETSI014_ID <= DRIVER_KEY_ID_MAX,
	       "a block's name fits");

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* ---- on a worker ---- */

/* What a request to this KME may be */
static int kme_limits(struct etsi014_inst *in, struct kme *k)
{
	struct etsi014_status st;
	int ret;

	if (k->size)
		return 0;
	ret = etsi014_status(k->client, &st, in->why, sizeof(in->why));
	if (ret)
		return ret;
	if (in->want_size)
		st.key_size = in->want_size;
	if (st.key_size < 8 || st.key_size % 8 ||
	    st.key_size > 8 * SIZE_MAX_BYTES || st.max_key_per_request < 1) {
		snprintf(in->why, sizeof(in->why),
			 "keys of %lld bits, %lld at once, are not of use",
			 (long long)st.key_size,
			 (long long)st.max_key_per_request);
		return -EINVAL;
	}
	k->number = in->want_number;
	if ((int64_t)k->number > st.max_key_per_request)
		k->number = st.max_key_per_request;
	k->size = st.key_size / 8;
	return 0;
}

static int enc_keys(struct etsi014_inst *in, unsigned int i)
{
	struct kme *k = &in->kme[i];
	size_t n;
	int ret = kme_limits(in, k);

	if (ret)
		return ret;
	n = in->max / k->size < k->number ? in->max / k->size : k->number;
	if (n * k->size < BLOCK_MIN) {
		snprintf(in->why, sizeof(in->why),
			 "%zu keys of %zu bytes are too little for a block", n,
			 k->size);
		return -EINVAL;
	}
	in->id[0] = i;
	in->id_len = 1 + n * ETSI014_ID;
	in->len = n * k->size;
	ret = etsi014_enc_keys(k->client, n, k->size, in->id + 1, in->key,
			       in->why, sizeof(in->why));
	if (ret)	/* it may have other limits by now */
		k->size = 0;
	return ret;
}

static int dec_keys(struct etsi014_inst *in)
{
	struct timespec pause = { .tv_nsec = TRY_MS * 1000000L };
	struct etsi014 *c = in->kme[in->id[0]].client;
	int ret, i;

	for (i = 0; i < TRIES; i++) {
		ret = etsi014_dec_keys(c, (in->id_len - 1) / ETSI014_ID,
				       in->id + 1, in->key, BLOCK_MAX,
				       &in->len, in->why, sizeof(in->why));
		if (ret != -EAGAIN && ret != -EHOSTUNREACH)
			break;
		nanosleep(&pause, NULL);
	}
	return ret;
}

static void etsi014_run(struct work *work)
{
	struct etsi014_inst *in = (struct etsi014_inst *)work;
	unsigned int i;

	if (in->take) {
		in->error = dec_keys(in);
		return;
	}
	for (i = 0; i < in->kmes; i++) {
		in->error = enc_keys(in, i);
		if (!in->error)
			return;
	}
}

/* ---- on the loop ---- */

static void etsi014_free_all(struct etsi014_inst *in)
{
	unsigned int i;

	for (i = 0; i < in->kmes; i++)
		etsi014_free(in->kme[i].client);
	secret_free(in->key, BLOCK_MAX);
	free(in);
}

/* A KME that has nothing, or is not there, is asked ever more seldom. */
static void failed(struct etsi014_inst *in)
{
	unsigned int wait = 1u << (in->failures < 6 ? in->failures : 6);

	in->failures++;
	in->not_before = now() + (wait < BACKOFF_MAX_S ? wait : BACKOFF_MAX_S);
	if (in->error != -EAGAIN)
		in->host->trouble(in->ctx, in->why);
	in->host->no_key(in->ctx, NULL, 0, in->why);
}

static void etsi014_done(struct work *work)
{
	struct etsi014_inst *in = (struct etsi014_inst *)work;

	in->busy = false;
	if (in->closed) {
		etsi014_free_all(in);
		return;
	}
	if (in->error) {
		failed(in);
		return;
	}
	if (in->failures)
		in->host->up(in->ctx);
	in->failures = 0;
	in->not_before = 0;
	in->host->key(in->ctx, in->id, in->id_len, in->key, in->len);
	/* unless that asked for the next one already */
	if (!in->busy)
		wipe(in->key, BLOCK_MAX);
}

static void submit(struct etsi014_inst *in, bool take)
{
	in->take = take;
	in->busy = true;
	in->error = -EINVAL;
	in->work.run = etsi014_run;
	in->work.done = etsi014_done;
	workers_submit(in->workers, &in->work);
}

static void etsi014_get(void *arg, size_t max)
{
	struct etsi014_inst *in = arg;

	if (in->busy)
		return;
	if (now() < in->not_before) {
		in->host->no_key(in->ctx, NULL, 0, in->why);
		return;
	}
	in->max = max < BLOCK_MAX ? max : BLOCK_MAX;
	submit(in, false);
}

static void etsi014_take(void *arg, const uint8_t *id, size_t len)
{
	struct etsi014_inst *in = arg;

	if (in->busy)
		return;
	if (len < 1 + ETSI014_ID || (len - 1) % ETSI014_ID ||
	    len > sizeof(in->id) || id[0] >= in->kmes) {
		in->host->no_key(in->ctx, NULL, 0,
				 "the peer names a KME that is not configured here");
		return;
	}
	memcpy(in->id, id, len);
	in->id_len = len;
	submit(in, true);
}

static void etsi014_close(void *arg)
{
	struct etsi014_inst *in = arg;

	in->closed = true;
	if (!in->busy)
		etsi014_free_all(in);
}

/* ---- configuration ---- */

static int word(struct words *w, const char *key, char *to, size_t size,
		char *err, size_t room)
{
	const char *v = words_get(w, key);

	if (!v || !*v || strlen(v) >= size) {
		snprintf(err, room, "the etsi014 driver needs %s=, shorter than %zu bytes",
			 key, size);
		return -EINVAL;
	}
	memcpy(to, v, strlen(v) + 1);
	return 0;
}

/* "kme=https://A,https://B": one client for each */
static int add_kmes(struct etsi014_inst *in, struct etsi014_conf *c,
		    const char *list, char *err, size_t room)
{
	size_t len;

	for (; *list; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		if (strncmp(list, "https://", 8) || len >= sizeof(c->url) ||
		    in->kmes == KMES) {
			snprintf(err, room, "kme=: not up to %d of https://HOST:PORT, with commas between",
				 KMES);
			return -EINVAL;
		}
		snprintf(c->url, sizeof(c->url), "%.*s", (int)len, list);
		in->kme[in->kmes].client = etsi014_new(c);
		if (!in->kme[in->kmes].client)
			return -ENOMEM;
		in->kmes++;
	}
	return 0;
}

static int configure(struct etsi014_inst *in, struct words *w, char *err,
		     size_t room)
{
	struct etsi014_conf c;
	char list[1024];

	in->want_number = ETSI014_KEYS;
	if (word(w, "kme", list, sizeof(list), err, room) ||
	    word(w, "sae", c.sae, sizeof(c.sae), err, room) ||
	    word(w, "cert", c.cert, sizeof(c.cert), err, room) ||
	    word(w, "key", c.key, sizeof(c.key), err, room) ||
	    word(w, "ca", c.ca, sizeof(c.ca), err, room) ||
	    words_u64(w, "size", 8, 8 * SIZE_MAX_BYTES, &in->want_size, err,
		      room) ||
	    words_u64(w, "number", 1, ETSI014_KEYS, &in->want_number, err,
		      room))
		return -EINVAL;
	if (in->want_size % 8) {
		snprintf(err, room, "size= is in bits, and a multiple of 8");
		return -EINVAL;
	}
	return add_kmes(in, &c, list, err, room);
}

static int etsi014_open(void **inst, const struct driver_conf *conf,
			const struct driver_host *host, void *ctx, char *err,
			size_t room)
{
	struct etsi014_inst *in;
	int ret;

	snprintf(err, room, "out of memory");
	/* counted by libcurl; the first is made before there is a second link */
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return -ENOMEM;
	in = calloc(1, sizeof(*in));
	if (!in)
		return -ENOMEM;
	in->host = host;
	in->ctx = ctx;
	in->workers = conf->workers;
	in->key = secret_alloc(BLOCK_MAX);
	ret = in->key ? configure(in, conf->words, err, room) : -ENOMEM;
	if (ret) {
		etsi014_free_all(in);
		return ret;
	}
	*inst = in;
	return 0;
}

const struct qkd_driver driver_etsi014 = {
	.name = "etsi014",
	.depth = DRIVER_KEY,
	.open = etsi014_open,
	.close = etsi014_close,
	.get = etsi014_get,
	.take = etsi014_take,
};
