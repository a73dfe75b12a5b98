// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages of ETSI GS QKD 004. Pure: bytes in, bytes out, whatever the bytes.
 */
#include <string.h>

#include "msg_004.h"

static const uint8_t version[3] = { 1, 0, 1 };

void msg_004_put32(uint8_t *out, uint32_t v)
{
	out[0] = v >> 24;
	out[1] = v >> 16;
	out[2] = v >> 8;
	out[3] = v;
}

uint32_t msg_004_get32(const uint8_t *in)
{
	return (uint32_t)in[0] << 24 | in[1] << 16 | in[2] << 8 | in[3];
}

bool msg_004_head(const uint8_t in[MSG_004_HEAD], unsigned int *service,
		  uint32_t *len)
{
	*service = in[3];
	*len = msg_004_get32(in + 4);
	return !memcmp(in, version, sizeof(version));
}

void msg_004_put_head(uint8_t out[MSG_004_HEAD], unsigned int service,
		      uint32_t len)
{
	memcpy(out, version, sizeof(version));
	out[3] = service;
	msg_004_put32(out + 4, len);
}

void msg_004_put_qos(const struct msg_004_qos *q, uint8_t out[MSG_004_QOS])
{
	const uint32_t v[] = { q->chunk, q->max_bps, q->min_bps, q->jitter,
			       q->priority, q->timeout, q->ttl };

	for (size_t i = 0; i < 7; i++)
		msg_004_put32(out + 4 * i, v[i]);
	memset(out + 28, 0, MSG_004_MIME);
	memcpy(out + 28, q->mime, strnlen(q->mime, MSG_004_MIME - 1));
}

bool msg_004_get_qos(struct msg_004_qos *q, const uint8_t in[MSG_004_QOS])
{
	uint32_t *v[] = { &q->chunk, &q->max_bps, &q->min_bps, &q->jitter,
			  &q->priority, &q->timeout, &q->ttl };

	for (size_t i = 0; i < 7; i++)
		*v[i] = msg_004_get32(in + 4 * i);
	memcpy(q->mime, in + 28, MSG_004_MIME);
	return memchr(q->mime, '\0', MSG_004_MIME);
}

/* A text with its NUL, at *@in; false if it does not end, or is too long. */
static bool get_uri(char uri[MSG_004_URI], const uint8_t **in, size_t *len)
{
	const uint8_t *end = memchr(*in, '\0', *len);
	size_t n = end ? end - *in + 1 : 0;

	if (!n || n > MSG_004_URI)
		return false;
	memcpy(uri, *in, n);
	*in += n;
	*len -= n;
	return true;
}

static bool read_open(struct msg_004_request *r, const uint8_t *in, size_t len)
{
	if (!get_uri(r->source, &in, &len) ||
	    !get_uri(r->destination, &in, &len) ||
	    len != MSG_004_QOS + MSG_004_KSID)
		return false;
	memcpy(r->ksid, in + MSG_004_QOS, MSG_004_KSID);
	return msg_004_get_qos(&r->qos, in);
}

bool msg_004_read(struct msg_004_request *r, unsigned int service,
		  const uint8_t *in, size_t len)
{
	memset(r, 0, sizeof(*r));
	r->service = service;
	switch (service) {
	case MSG_004_OPEN_CONNECT:
		return read_open(r, in, len);
	case MSG_004_GET_KEY:
		if (len != MSG_004_KSID + 8)
			return false;
		r->index = msg_004_get32(in + MSG_004_KSID);
		r->metadata_size = msg_004_get32(in + MSG_004_KSID + 4);
		break;
	case MSG_004_CLOSE:
		if (len != MSG_004_KSID)
			return false;
		break;
	default:
		return false;
	}
	memcpy(r->ksid, in, MSG_004_KSID);
	return true;
}

static uint8_t *put_uri(uint8_t *out, const char *uri)
{
	size_t n = strnlen(uri, MSG_004_URI - 1);

	memcpy(out, uri, n);
	out[n] = '\0';
	return out + n + 1;
}

size_t msg_004_write(const struct msg_004_request *r, uint8_t *out)
{
	uint8_t *p = out + MSG_004_HEAD;

	if (r->service == MSG_004_OPEN_CONNECT) {
		p = put_uri(p, r->source);
		p = put_uri(p, r->destination);
		msg_004_put_qos(&r->qos, p);
		p += MSG_004_QOS;
	}
	memcpy(p, r->ksid, MSG_004_KSID);
	p += MSG_004_KSID;
	if (r->service == MSG_004_GET_KEY) {
		msg_004_put32(p, r->index);
		msg_004_put32(p + 4, r->metadata_size);
		p += 8;
	}
	msg_004_put_head(out, r->service, p - out - MSG_004_HEAD);
	return p - out;
}
