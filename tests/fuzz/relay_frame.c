// SPDX-License-Identifier: GPL-2.0-or-later
// LIBRARIES: relay daemon common post
// PACKAGES: libcrypto
/*
 * Fuzzer of what a neighbour's bytes, or a driver's, are taken for: frames and
 * the OPEN of a virtual link. What is read makes sense, and is written back as
 * the same bytes; no tag is right by chance.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/relay/frame.h"
#include "tools/relay/local.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_route(const struct frame *f)
{
	const struct route *r = &f->route;

	check(r->path.nodes >= 2 && r->path.nodes <= PATH_NODES);
	check(r->at < r->path.nodes && r->by < r->path.nodes);
	check(r->shares <= FRAME_SHARES && r->share < r->shares);
	check(r->size <= FRAME_SHARE_MAX);
	if (f->type == FRAME_KEY) {
		check(r->at + 1u < r->path.nodes);
		check(f->len && f->len <= FRAME_CHUNK);
		check(r->offset + f->len <= r->size);
	} else {
		check(r->at);
	}
}

/* But for the session tag, which is not read */
static void check_written(const struct frame *f, const uint8_t *in, size_t len)
{
	static const uint8_t zero[QKD_KEY_MAX];
	static uint8_t out[FRAME_MAX], chunk[FRAME_CHUNK];
	size_t n;

	switch (f->type) {
	case FRAME_HELLO:
		if (f->number)
			return;
		n = frame_hello(out, &f->id, f->from, f->to);
		break;
	case FRAME_KEY:
		/* under a key that is zero the chunk is the text */
		n = frame_key(out, f->number, &f->id, &f->route, f->text,
			      f->len, zero) - FRAME_TAG;
		check(!frame_open(f, in, zero, chunk) ||
		      !memcmp(out + n, in + n, FRAME_TAG));
		check(n + 2 * FRAME_TAG == len);
		break;
	case FRAME_ACK:
	case FRAME_VOID:
		n = frame_reply(out, f->type, f->number, &f->route);
		memcpy(out + 16, in + 16, QKD_KEY_ID_SIZE);
		break;
	default:
		return;
	}
	check(!memcmp(out, in, n));
}

static void try_open(const uint8_t *data, size_t size)
{
	static uint8_t out[LOCAL_OPEN_MAX];
	struct local_open o;

	if (local_get_open(data, size, &o))
		return;
	check(o.paths <= LOCAL_PATHS && o.shares && o.shares <= FRAME_SHARES);
	check(local_put_open(out, &o) == size);
	check(!memcmp(out, data, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t session[FRAME_SESSION] = { 1 };
	const uint8_t *name, *key;
	size_t name_len, key_len;
	struct frame f;

	if (size >= FRAME_HEAD && frame_length(data))
		check(frame_length(data) <= FRAME_MAX);
	if (frame_read(&f, data, size)) {
		if (f.type >= FRAME_KEY)
			check_route(&f);
		check_written(&f, data, size);
		frame_sealed(data, size, session);
	}
	try_open(data, size);
	if (local_get_block(data, size, &name, &name_len, &key, &key_len))
		check(key + key_len == data + size);
	return 0;
}
