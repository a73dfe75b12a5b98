/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ETSI GS QKD 004 V2.1.1 on the wire: messages to bytes and back.
 *
 * The standard names the parameters and leaves their encoding open; this is
 * the one that public implementations use. Integers are big-endian.
 * Documentation/key-service.rst has the layout.
 */
#ifndef _KMED_MSG_004_H
#define _KMED_MSG_004_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSG_004_HEAD	8	/* bytes of a header */
#define MSG_004_KSID	16	/* of a key stream ID, a UUID */
#define MSG_004_URI	256	/* of a URI with its NUL */
#define MSG_004_MIME	256	/* of a media type, padded with NULs */
#define MSG_004_QOS	(7 * 4 + MSG_004_MIME)
/* of a request's payload at most */
#define MSG_004_MAX	(2 * MSG_004_URI + MSG_004_QOS + MSG_004_KSID)

enum msg_004_service {
	MSG_004_OPEN_CONNECT = 2,
	MSG_004_GET_KEY = 4,
	MSG_004_CLOSE = 8,
	MSG_004_ANSWER = 1,	/* is added to these */
};

/* 004, 6.4 */
enum msg_004_status {
	MSG_004_OK = 0,
	MSG_004_NO_PEER_YET = 1,	/* opened, the peer is not connected */
	MSG_004_NO_KEY = 2,		/* of that index, or not now */
	MSG_004_NO_PEER = 3,		/* GET_KEY: the same as 1 */
	MSG_004_NO_CONNECTION = 4,
	MSG_004_IN_USE = 5,		/* the key stream ID */
	MSG_004_TIMEOUT = 6,
	MSG_004_QOS_REFUSED = 7,	/* the answer has what would be met */
	MSG_004_METADATA_SIZE = 8,	/* the answer has what is needed */
};

/**
 * struct msg_004_qos - quality of service
 * @chunk: Key_chunk_size, bytes of a key
 * @max_bps, @min_bps: bit/s; 0: no bound
 * @jitter: bit/s, 0: as it comes
 * @priority: of this stream
 * @timeout: ms that a call may wait
 * @ttl: s that key may be kept
 * @mime: of metadata, "" for none
 */
struct msg_004_qos {
	uint32_t chunk;
	uint32_t max_bps;
	uint32_t min_bps;
	uint32_t jitter;
	uint32_t priority;
	uint32_t timeout;
	uint32_t ttl;
	char mime[MSG_004_MIME];
};

struct msg_004_request {
	unsigned int service;
	uint8_t ksid[MSG_004_KSID];
	char source[MSG_004_URI];	/* OPEN_CONNECT */
	char destination[MSG_004_URI];
	struct msg_004_qos qos;
	uint32_t index;			/* GET_KEY */
	uint32_t metadata_size;
};

/* The header of a message; false if it is of no version that we know. */
bool msg_004_head(const uint8_t in[MSG_004_HEAD], unsigned int *service,
		  uint32_t *len);
/* Writes a header for @len bytes of payload. */
void msg_004_put_head(uint8_t out[MSG_004_HEAD], unsigned int service,
		      uint32_t len);

/* A request's payload; false if it makes no sense. */
bool msg_004_read(struct msg_004_request *r, unsigned int service,
		  const uint8_t *in, size_t len);
/* Bytes written, with the header; @out has MSG_004_HEAD + MSG_004_MAX. */
size_t msg_004_write(const struct msg_004_request *r, uint8_t *out);

void msg_004_put_qos(const struct msg_004_qos *q, uint8_t out[MSG_004_QOS]);
bool msg_004_get_qos(struct msg_004_qos *q, const uint8_t in[MSG_004_QOS]);

void msg_004_put32(uint8_t *out, uint32_t v);
uint32_t msg_004_get32(const uint8_t *in);

#endif /* _KMED_MSG_004_H */
