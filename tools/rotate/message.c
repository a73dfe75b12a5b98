// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes and reads the message, with two tags HMAC-SHA-256 over what comes
 * before them, each telling whose it is.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "message.h"
#include "tools/common/wire.h"
#include "tools/post/wipe.h"

#define MAGIC	0x714b5747	/* "qKWG" */
#define VERSION	1
#define F_LOWER	(1 << 0)
#define F_SEEN	(1 << 1)
#define HEAD	12
#define TAG	32

_Static_assert(sizeof(uint8_t[MESSAGE_SIZE]) == HEAD + 2 * TAG, "head and two tags");

/* @which: 0 of the key, 1 of the key before */
static void tag(const uint8_t key[MESSAGE_KEY], const uint8_t *head,
		uint8_t which, uint8_t out[TAG])
{
	unsigned int len = TAG;
	uint8_t text[HEAD + 1];

	memcpy(text, head, HEAD);
	text[HEAD] = which;
	HMAC(EVP_sha256(), key, MESSAGE_KEY, text, sizeof(text), out, &len);
}

void message_write(const struct message *m, const uint8_t key[MESSAGE_KEY],
		   const uint8_t prev[MESSAGE_KEY], uint8_t out[MESSAGE_SIZE])
{
	wire_put32(out, MAGIC);
	out[4] = VERSION;
	out[5] = (m->lower ? F_LOWER : 0) | (m->seen ? F_SEEN : 0);
	out[6] = 0;
	out[7] = 0;
	wire_put32(out + 8, m->number);
	tag(key, out, 0, out + HEAD);
	tag(prev, out, 1, out + HEAD + TAG);
}

static bool read_tag(struct message *m, const uint8_t key[MESSAGE_KEY],
		     uint8_t which, const uint8_t *in, size_t len)
{
	uint8_t want[TAG];

	if (len != MESSAGE_SIZE || wire_get32(in) != MAGIC || in[4] != VERSION)
		return false;
	tag(key, in, which, want);
	if (!post_equal(want, in + HEAD + which * TAG, TAG))
		return false;
	m->lower = in[5] & F_LOWER;
	m->seen = in[5] & F_SEEN;
	m->number = wire_get32(in + 8);
	return true;
}

bool message_read(struct message *m, const uint8_t key[MESSAGE_KEY],
		  const uint8_t *in, size_t len)
{
	return read_tag(m, key, 0, in, len);
}

bool message_read_prev(struct message *m, const uint8_t prev[MESSAGE_KEY],
		       const uint8_t *in, size_t len)
{
	return read_tag(m, prev, 1, in, len);
}
