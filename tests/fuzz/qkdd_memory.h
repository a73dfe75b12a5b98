/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What fuzzers of the daemon's parsers share: a store of authentication key in
 * memory, a pool that takes everything, and input that is read bit by bit.
 */
#ifndef _FUZZ_QKDD_MEMORY_H
#define _FUZZ_QKDD_MEMORY_H

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/starve/starve.h"
#include "tools/qkdd/auth.h"
#include "tools/qkdd/sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t len;
};

static inline unsigned int take8(struct input *in)
{
	if (!in->len)
		return 0;
	in->len--;
	return *in->p++;
}

static inline unsigned int take16(struct input *in)
{
	unsigned int hi = take8(in);

	return hi << 8 | take8(in);
}

/* As many bytes as there are, @len at most */
static inline const uint8_t *take(struct input *in, size_t *len)
{
	const uint8_t *p = in->p;

	if (*len > in->len)
		*len = in->len;
	in->p += *len;
	in->len -= *len;
	return p;
}

static inline int memory_read(void *ctx, void *buf, size_t len, off_t at)
{
	memcpy(buf, (uint8_t *)ctx + at, len);
	return 0;
}

static inline int memory_write(void *ctx, const void *buf, size_t len,
			       off_t at)
{
	memcpy((uint8_t *)ctx + at, buf, len);
	return 0;
}

static inline int memory_sync(void *ctx)
{
	return 0;
}

/* A store, one at most for each end, on a secret that both have */
static inline struct auth_store *memory_store(bool lower)
{
	static uint8_t psk[AUTH_PSK_MAX], file[2][AUTH_FILE_SIZE];
	const struct auth_disk disk = {
		.read = memory_read,
		.write = memory_write,
		.sync = memory_sync,
		.ctx = file[lower],
	};
	struct auth_store *store;
	size_t i;

	for (i = 0; i < sizeof(psk); i++)
		psk[i] = i * 0x9e3779b1 >> 16;
	if (auth_format(&disk, psk, sizeof(psk), lower))
		abort();
	/* memory that is out once is there again */
	if (auth_load(&store, &disk, lower) &&
	    (!starved() || auth_load(&store, &disk, lower)))
		abort();
	return store;
}

static inline int hole_state(void *ctx, struct qkd_state *state)
{
	memset(state, 0, sizeof(*state));
	return 0;
}

static inline int hole_start(void *ctx, const uint8_t *generation)
{
	return 0;
}

static inline int hole_feed(void *ctx, const struct qkd_feed *head,
			    const void *block)
{
	return 0;
}

static inline int hole_confirm(void *ctx, const struct qkd_confirm *confirm)
{
	return 0;
}

static inline struct sink hole(void)
{
	static const struct sink_ops ops = {
		.state = hole_state,
		.start = hole_start,
		.feed = hole_feed,
		.confirm = hole_confirm,
	};
	struct sink s = { .ops = &ops };

	return s;
}

#endif /* _FUZZ_QKDD_MEMORY_H */
