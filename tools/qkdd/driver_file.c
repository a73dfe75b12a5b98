// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Driver file: key that a courier brought, two copies of one random file.
 *
 * A pad is used from its beginning to its end, once; any size, memory is one
 * block. How it is opened, given up and erased is driver_file_pad.c's; bringing
 * two ends into step is keyflow.c's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "driver_file.h"
#include "drivers.h"
#include "words.h"
#include "work.h"
#include "tools/common/secret.h"
#include "tools/common/wire.h"

#define ID_SIZE		(PAD_NAME_SIZE + 12)	/* name, position, length */
#define BLOCK_MAX	(1u << 20)

struct file_inst {
	struct work work;
	const struct driver_host *host;
	void *ctx;
	struct workers *workers;
	bool busy;
	bool closed;
	struct file_pad pad;
	uint64_t pos;		/* next byte to use */

	/* of the work */
	uint64_t at;
	uint32_t len;
	int error;
	uint8_t *key;
};

/* On a worker. */
static void file_run(struct work *work)
{
	struct file_inst *in = (struct file_inst *)work;

	in->error = file_pad_take(&in->pad, in->at, in->key, in->len);
}

static void file_free(struct file_inst *in)
{
	secret_free(in->key, BLOCK_MAX);
	file_pad_close(&in->pad);
	free(in);
}

static void file_done(struct work *work)
{
	struct file_inst *in = (struct file_inst *)work;
	uint8_t id[ID_SIZE];

	in->busy = false;
	if (in->closed) {
		file_free(in);
		return;
	}
	if (in->error) {
		const char *why = in->error == -ESTALE ?
			"the pad was used before: bring a new one" :
			"the pad or its state file fails";

		wipe(in->key, in->len);
		in->host->trouble(in->ctx, why);
		in->host->no_key(in->ctx, NULL, 0, why);
		return;
	}
	memcpy(id, in->pad.name, PAD_NAME_SIZE);
	wire_put64(id + PAD_NAME_SIZE, in->at);
	wire_put32(id + PAD_NAME_SIZE + 8, in->len);
	in->host->key(in->ctx, id, sizeof(id), in->key, in->len);
	/* unless that asked for the next one already */
	if (!in->busy)
		wipe(in->key, in->len);
}

static void fetch(struct file_inst *in, uint64_t at, uint32_t len)
{
	in->at = at;
	in->len = len;
	in->pos = at + len;
	in->busy = true;
	in->work.run = file_run;
	in->work.done = file_done;
	workers_submit(in->workers, &in->work);
}

static void file_get(void *arg, size_t max)
{
	struct file_inst *in = arg;
	uint64_t left = in->pad.size - in->pos;

	if (in->busy)
		return;
	if (max > BLOCK_MAX)
		max = BLOCK_MAX;
	if (left < 64) {
		in->host->trouble(in->ctx, "the pad is used up: bring a new one");
		in->host->no_key(in->ctx, NULL, 0, "the pad is used up");
		return;
	}
	fetch(in, in->pos, left < max ? left : max);
}

static void file_take(void *arg, const uint8_t *id, size_t len)
{
	struct file_inst *in = arg;
	uint8_t hint[8];
	uint64_t at;
	uint32_t n;

	if (in->busy)
		return;
	if (len != ID_SIZE || memcmp(id, in->pad.name, PAD_NAME_SIZE)) {
		in->host->no_key(in->ctx, NULL, 0,
				 "the two ends have different pads");
		return;
	}
	at = wire_get64(id + PAD_NAME_SIZE);
	n = wire_get32(id + PAD_NAME_SIZE + 8);
	if (at < in->pos || at > in->pad.size || n > in->pad.size - at ||
	    n > BLOCK_MAX || !n) {
		wire_put64(hint, in->pos);
		in->host->no_key(in->ctx, hint, sizeof(hint),
				 "the peer's place in the pad is behind ours");
		return;
	}
	fetch(in, at, n);
}

static void file_skip(void *arg, const uint8_t *hint, size_t len)
{
	struct file_inst *in = arg;
	uint64_t at;

	if (len != 8)
		return;
	at = wire_get64(hint);
	if (at > in->pos && at <= in->pad.size)
		in->pos = at;
}

static void file_close(void *arg)
{
	struct file_inst *in = arg;

	in->closed = true;
	if (!in->busy)
		file_free(in);
}

static int file_open(void **inst, const struct driver_conf *conf,
		     const struct driver_host *host, void *ctx, char *err,
		     size_t room)
{
	struct file_inst *in = calloc(1, sizeof(*in));
	struct file_where w = {
		.pad = words_get(conf->words, "pad"),
		.key = words_get(conf->words, "key"),
		.erase = words_get(conf->words, "erase"),
		.state_dir = conf->state_dir,
		.link = conf->link,
	};
	int ret = -ENOMEM;

	snprintf(err, room, "out of memory");
	if (!in)
		return ret;
	in->host = host;
	in->ctx = ctx;
	in->workers = conf->workers;
	in->key = secret_alloc(BLOCK_MAX);
	if (!in->key) {
		free(in);
		return ret;
	}
	ret = file_pad_open(&in->pad, &w, err, room);
	if (ret) {
		file_free(in);
		return ret;
	}
	in->pos = in->pad.used;
	*inst = in;
	return 0;
}

const struct qkd_driver driver_file = {
	.name = "file",
	.depth = DRIVER_KEY,
	.open = file_open,
	.close = file_close,
	.get = file_get,
	.take = file_take,
	.skip = file_skip,
};
