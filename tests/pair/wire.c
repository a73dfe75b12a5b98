// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Peer messages from Documentation/formats.rst, written and checked by other
 * code than the kernel's: the tests' oracle of the wire.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "pair.h"

#define HEAD	32
#define TAG	16
#define PORT	51014

static void make_tag(const uint8_t key[32], const uint8_t *data, size_t len,
		     uint8_t tag[TAG])
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "POLY1305", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	size_t out;

	if (!ctx || !EVP_MAC_init(ctx, key, 32, NULL) ||
	    !EVP_MAC_update(ctx, data, len) ||
	    !EVP_MAC_final(ctx, tag, &out, TAG))
		pair_die("Poly1305", EIO);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
}

/* Pad at the offset XOR the first bytes of the stream. */
static void make_key(const uint8_t *stream, uint64_t offset, uint8_t key[32])
{
	int i;

	for (i = 0; i < 32; i++)
		key[i] = stream[offset + i] ^ stream[i];
}

size_t wire_make(const struct wire_msg *m, const uint8_t *stream,
		 uint8_t *data)
{
	uint64_t offset = htobe64(m->offset);
	uint16_t len = htons(m->len);
	uint8_t key[32];

	memset(data, 0, HEAD);
	data[0] = 1;
	data[1] = m->proto;
	memcpy(data + 2, &len, 2);
	memcpy(data + 8, m->generation, QKD_GENERATION_SIZE);
	memcpy(data + 24, &offset, 8);
	memcpy(data + HEAD, m->body, m->len);
	make_key(stream, m->offset, key);
	make_tag(key, data, HEAD + m->len, data + HEAD + m->len);
	return HEAD + m->len + TAG;
}

int wire_parse(const uint8_t *data, size_t size, const uint8_t *stream,
	       struct wire_msg *m)
{
	uint8_t key[32], tag[TAG];
	uint16_t len;

	if (size < HEAD + TAG || data[0] != 1)
		return 0;
	memcpy(&len, data + 2, 2);
	m->proto = data[1];
	m->len = ntohs(len);
	if (m->len != size - HEAD - TAG || m->len > sizeof(m->body))
		return 0;
	memcpy(m->generation, data + 8, QKD_GENERATION_SIZE);
	memcpy(&m->offset, data + 24, 8);
	m->offset = be64toh(m->offset);
	if (m->offset + 32 > PAIR_BYTES)
		return 0;
	memcpy(m->body, data + HEAD, m->len);
	make_key(stream, m->offset, key);
	make_tag(key, data, HEAD + m->len, tag);
	return !memcmp(tag, data + HEAD + m->len, TAG);
}

int wire_socket(uint16_t *port)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval patience = { .tv_sec = 3 };
	socklen_t n = sizeof(sa);
	int sock = socket(AF_INET, SOCK_DGRAM, 0);

	if (sock < 0 || bind(sock, (struct sockaddr *)&sa, sizeof(sa)) ||
	    getsockname(sock, (struct sockaddr *)&sa, &n) ||
	    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)))
		pair_die("socket", errno);
	*port = ntohs(sa.sin_port);
	return sock;
}

void wire_send(int sock, const uint8_t *data, size_t size)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	if (sendto(sock, data, size, 0, (struct sockaddr *)&to,
		   sizeof(to)) != (ssize_t)size)
		pair_die("sendto", errno);
}
