// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ETSI GS QKD 004 from the application's side, over TLS by OpenSSL.
 */
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "etsi004.h"
#include "tools/common/secret.h"

#define WAIT_MS		1000	/* that the key manager may wait for key */
#define TIMEOUT_S	10	/* for an answer */
#define ANSWER_MAX	(16 + (1 << 16))

struct etsi004 {
	struct etsi004_conf conf;
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
	uint8_t *buf;
};

static void hang_up(struct etsi004 *c)
{
	SSL_free(c->ssl);
	c->ssl = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void etsi004_free(struct etsi004 *c)
{
	if (!c)
		return;
	hang_up(c);
	SSL_CTX_free(c->ctx);
	secret_free(c->buf, ANSWER_MAX);
	free(c);
}

struct etsi004 *etsi004_new(const struct etsi004_conf *conf, char *err,
			    size_t room)
{
	struct etsi004 *c = calloc(1, sizeof(*c));

	snprintf(err, room, "out of memory");
	if (!c)
		return NULL;
	c->conf = *conf;
	c->fd = -1;
	c->buf = secret_alloc(ANSWER_MAX);
	c->ctx = SSL_CTX_new(TLS_client_method());
	if (!c->buf || !c->ctx)
		goto err;
	ERR_clear_error();
	SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_use_certificate_chain_file(c->ctx, conf->cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(c->ctx, conf->key,
					SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_load_verify_locations(c->ctx, conf->ca, NULL) != 1) {
		snprintf(err, room, "cert=, key= or ca=: %s",
			 ERR_reason_error_string(ERR_get_error()) ?:
			 "cannot be read");
		goto err;
	}
	return c;
err:
	etsi004_free(c);
	return NULL;
}

/* ---- the connection ---- */

static int failed(struct etsi004 *c, char *err, size_t room, const char *what)
{
	unsigned long e = ERR_get_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	snprintf(err, room, "%s port %s: %s%s%s", c->conf.host, c->conf.port,
		 what, reason ? ": " : "", reason ?: "");
	ERR_clear_error();
	hang_up(c);
	return -EHOSTUNREACH;
}

static int dial(struct etsi004 *c)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	const struct timeval tv = { .tv_sec = TIMEOUT_S };
	struct addrinfo *list, *ai;

	if (getaddrinfo(c->conf.host, c->conf.port, &hints, &list))
		return -EHOSTUNREACH;
	for (ai = list; ai && c->fd < 0; ai = ai->ai_next) {
		c->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (c->fd < 0)
			continue;
		setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
		if (connect(c->fd, ai->ai_addr, ai->ai_addrlen)) {
			close(c->fd);
			c->fd = -1;
		}
	}
	freeaddrinfo(list);
	return c->fd < 0 ? -EHOSTUNREACH : 0;
}

/* The certificate must be the host's: its name, or its address */
static bool expect(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *p = SSL_get0_param(ssl);

	return X509_VERIFY_PARAM_set1_ip_asc(p, host) ||
	       (SSL_set_tlsext_host_name(ssl, host) && SSL_set1_host(ssl, host));
}

static int talk(struct etsi004 *c, char *err, size_t room)
{
	if (dial(c))
		return failed(c, err, room, "no connection");
	c->ssl = SSL_new(c->ctx);
	if (!c->ssl || !expect(c->ssl, c->conf.host) ||
	    SSL_set_fd(c->ssl, c->fd) != 1 || SSL_connect(c->ssl) != 1)
		return failed(c, err, room, "no TLS");
	return 0;
}

static bool take(struct etsi004 *c, uint8_t *to, size_t len)
{
	int n;

	for (; len; len -= n, to += n) {
		n = SSL_read(c->ssl, to, len);
		if (n <= 0)
			return false;
	}
	return true;
}

/* A request and the payload of its answer, @len bytes in c->buf. */
static int call(struct etsi004 *c, const struct msg_004_request *r,
		uint32_t *len, char *err, size_t room)
{
	uint8_t out[MSG_004_HEAD + MSG_004_MAX], head[MSG_004_HEAD];
	size_t n = msg_004_write(r, out);
	unsigned int service;

	if (SSL_write(c->ssl, out, n) != (int)n || !take(c, head, sizeof(head)))
		return failed(c, err, room, "no answer");
	if (!msg_004_head(head, &service, len) ||
	    service != (r->service | MSG_004_ANSWER) || *len < 4 ||
	    *len > ANSWER_MAX || !take(c, c->buf, *len))
		return failed(c, err, room, "an answer that makes no sense");
	return 0;
}

/* ---- the calls ---- */

int etsi004_open(struct etsi004 *c, char *err, size_t room)
{
	struct msg_004_request r = {
		.service = MSG_004_OPEN_CONNECT,
		.qos = { .chunk = c->conf.chunk, .timeout = WAIT_MS },
	};
	uint32_t len, status;
	int ret;

	hang_up(c);
	snprintf(r.source, sizeof(r.source), "urn:qkd:sae:%s", c->conf.self);
	snprintf(r.destination, sizeof(r.destination), "urn:qkd:sae:%s",
		 c->conf.sae);
	memcpy(r.ksid, c->conf.ksid, sizeof(r.ksid));
	ret = talk(c, err, room);
	if (!ret)
		ret = call(c, &r, &len, err, room);
	if (ret)
		return ret;
	status = msg_004_get32(c->buf);
	if (status == MSG_004_OK || status == MSG_004_NO_PEER_YET)
		return 0;
	snprintf(err, room, "OPEN_CONNECT: status %u%s", status,
		 status == MSG_004_QOS_REFUSED ? ": try another chunk=" :
		 status == MSG_004_IN_USE ? ": the key stream ID is in use" :
		 "");
	hang_up(c);
	return -EINVAL;
}

int etsi004_get(struct etsi004 *c, uint32_t index, uint8_t *key, char *err,
		size_t room)
{
	struct msg_004_request r = {
		.service = MSG_004_GET_KEY, .index = index,
	};
	uint32_t len, status;
	int ret;

	memcpy(r.ksid, c->conf.ksid, sizeof(r.ksid));
	ret = call(c, &r, &len, err, room);
	if (ret)
		return ret;
	status = msg_004_get32(c->buf);
	if (status == MSG_004_NO_KEY || status == MSG_004_NO_PEER ||
	    status == MSG_004_TIMEOUT) {
		snprintf(err, room, "%s", status == MSG_004_NO_PEER ?
			 "the peer has not opened the stream" :
			 "the stream has no key now");
		return -EAGAIN;
	}
	if (!status && (len < 16 + c->conf.chunk ||
			msg_004_get32(c->buf + 4) != index ||
			msg_004_get32(c->buf + 8) != c->conf.chunk)) {
		ret = failed(c, err, room, "a key of another index or size");
	} else if (status) {
		snprintf(err, room, status == MSG_004_NO_CONNECTION ?
			 "the stream has ended" : "GET_KEY: status %u", status);
		hang_up(c);
		ret = -EIO;
	} else {
		memcpy(key, c->buf + 12, c->conf.chunk);
	}
	wipe(c->buf, len);
	return ret;
}
