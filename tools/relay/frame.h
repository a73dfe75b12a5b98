/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What two neighbours say to each other: written, read, authenticated.
 * Documentation/relay.rst has the layout. No input or output is done here, and
 * no key is fetched.
 */
#ifndef _RELAY_FRAME_H
#define _RELAY_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/qkd_dev.h>

#include "path.h"

#define FRAME_VERSION	1
#define FRAME_HEAD	32
#define FRAME_TAG	16	/* each of the two */
#define FRAME_OTP_KEY	32	/* bytes of key that a one-time tag takes */
#define FRAME_CHUNK	(QKD_KEY_MAX - FRAME_OTP_KEY)
#define FRAME_ROUTE	32	/* bytes of a route before its nodes */
#define FRAME_MAX	(FRAME_HEAD + FRAME_ROUTE + PATH_BYTES + FRAME_CHUNK + \
			 2 * FRAME_TAG)
#define FRAME_MIN	(FRAME_HEAD + FRAME_TAG)
#define FRAME_SESSION	32	/* bytes of a session's key, each way */
#define FRAME_BLOCK_ID	16
#define FRAME_SHARES	8
#define FRAME_SHARE_MAX	(16 * FRAME_CHUNK)

enum frame_type {
	FRAME_HELLO = 1,
	FRAME_WELCOME,
	FRAME_KEY,
	FRAME_ACK,
	FRAME_VOID,
};

/* Why a share did not arrive; on the wire. */
enum frame_reason {
	REASON_NONE,
	REASON_NO_HOP,		/* no link to the next node */
	REASON_DOWN,		/* no session with it */
	REASON_NO_KEY,		/* the hop had too little for too long */
	REASON_REFUSED,		/* relaying between these ends is not allowed */
	REASON_BUSY,		/* too much waits already */
	REASON_UNWANTED,	/* the target has no such virtual link */
	REASON_BROKEN,		/* chunks are missing, or make no sense */
	REASONS,
};

/**
 * struct route - which part of what, from where to where
 * @block: random ID
 * @share: from 0
 * @shares: of the block
 * @at: index of the node that sends
 * @size: bytes of the share
 * @offset: of the chunk
 * @reason: of a VOID
 * @by: index of the node that says it
 * @path: nodes
 */
struct route {
	uint8_t block[FRAME_BLOCK_ID];
	uint8_t share;
	uint8_t shares;
	uint8_t at;
	uint32_t size;
	uint32_t offset;
	uint8_t reason;
	uint8_t by;
	struct path path;
};

/**
 * struct frame - one that was read; it points into the bytes it was read from
 * @id: HELLO, KEY
 * @from, @to: HELLO
 * @route: KEY, ACK, VOID
 * @text: KEY: what is hidden, of @len bytes
 * @tagged: bytes under the one-time tag
 * @tag: KEY: the one-time tag
 */
struct frame {
	enum frame_type type;
	uint64_t number;
	struct qkd_key_id id;
	char from[QKD_NODE_MAX + 1];
	char to[QKD_NODE_MAX + 1];
	struct route route;
	const uint8_t *text;
	size_t len;
	size_t tagged;
	const uint8_t *tag;
};

/* "no session with the next node", ...; "?" */
const char *frame_reason(unsigned int reason);

/* Bytes of the frame that begins with these FRAME_HEAD bytes; 0: it is none. */
size_t frame_length(const uint8_t head[FRAME_HEAD]);

/*
 * False: not a frame that anybody should have sent. Checks no tag: that is the
 * caller's, session tag first.
 */
bool frame_read(struct frame *f, const uint8_t *in, size_t len);

/* All but the session tag; each returns the bytes written. */
size_t frame_hello(uint8_t *out, const struct qkd_key_id *id, const char *from,
		   const char *to);
size_t frame_welcome(uint8_t *out);
size_t frame_reply(uint8_t *out, enum frame_type type, uint64_t number,
		   const struct route *r);
/* @key: @len + FRAME_OTP_KEY bytes, used for this and never again */
size_t frame_key(uint8_t *out, uint64_t number, const struct qkd_key_id *id,
		 const struct route *r, const uint8_t *chunk, size_t len,
		 const uint8_t *key);
/* Adds the session tag to @len bytes; returns the bytes of the frame. */
size_t frame_seal(uint8_t *out, size_t len,
		  const uint8_t session[FRAME_SESSION]);

/* Whether the session tag is right. */
bool frame_sealed(const uint8_t *in, size_t len,
		  const uint8_t session[FRAME_SESSION]);
/*
 * Whether the one-time tag is right; if so the chunk is written to @chunk, of
 * @f->len bytes. @key: @f->len + FRAME_OTP_KEY bytes.
 */
bool frame_open(const struct frame *f, const uint8_t *in, const uint8_t *key,
		uint8_t *chunk);

#endif /* _RELAY_FRAME_H */
