// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Key of a link as external PSK of TLS 1.3 (RFC 8446, RFC 9258's advice kept:
 * one PSK, one hash, one connection).
 *
 * The client reserves a key for each connection and tells its ID as the PSK's
 * identity; the server takes it, once. Always with (EC)DHE (psk_dhe_ke), never
 * with a certificate, a ticket or early data.
 */
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include <qkd/qkd.h>

#include "psk.h"
#include "tools/common/clock.h"

#define PSK_SIZE	48	/* that a client takes, and the longest */
#define UNPROVEN_MAX	256	/* keys taken for who has not proven them ... */
#define UNPROVEN_S	1.	/* then one in so long */
#define SUITES		"TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

static const unsigned char context[] = "qkd";

/* Which suite's hash a key is for, by its length: the hash's (RFC 8446 B.4) */
static const struct psk_suite {
	size_t len;
	unsigned char number[2];
} suites[] = {
	{ 48, { 0x13, 0x02 } },
	{ 32, { 0x13, 0x03 } },
};

/**
 * struct psk - of a connection
 * @session: the key, for as long as the handshake may ask for it again
 * @id: its name
 * @why: what went wrong
 */
struct psk {
	SSL_SESSION *session;
	char id[QKD_KEY_ID_STRLEN + 1];
	char why[256];
};

static int psk_index = -1;
static int link_index = -1;

/* A server's, of all its connections; when the last of them was taken, in s */
static unsigned int unproven;
static double unproven_last;

static struct psk *psk_of(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, psk_index);
}

static void psk_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index,
		     long argl, void *argp)
{
	struct psk *p = ptr;

	if (!p)
		return;
	SSL_SESSION_free(p->session);	/* wipes the key */
	OPENSSL_free(p);
}

static SSL_SESSION *to_session(SSL *ssl, const uint8_t *key, size_t len)
{
	const SSL_CIPHER *cipher = NULL;
	SSL_SESSION *s = SSL_SESSION_new();
	size_t i;

	for (i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		if (suites[i].len == len)
			cipher = SSL_CIPHER_find(ssl, suites[i].number);
	if (s && cipher && SSL_SESSION_set1_master_key(s, key, len) &&
	    SSL_SESSION_set1_id_context(s, context, sizeof(context)) &&
	    SSL_SESSION_set_cipher(s, cipher) &&
	    SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION))
		return s;
	SSL_SESSION_free(s);
	return NULL;
}

/* Reserves a key (@take NULL) or takes that of an ID. Return: its length. */
static int fetch(SSL *ssl, const struct qkd_key_id *take,
		 uint8_t key[PSK_SIZE], struct qkd_key_id *id)
{
	const char *link = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl),
					       link_index);
	struct qkd_dev *dev;
	int ret = qkd_dev_open(&dev, NULL, link, QKD_NO_INDEX, true);

	if (!ret) {
		ret = qkd_dev_label(dev, "tls");
		if (!ret && take) {
			ret = qkd_dev_take(dev, take, key, PSK_SIZE);
		} else if (!ret) {
			ret = qkd_dev_get(dev, key, PSK_SIZE, id);
			ret = ret ? ret : PSK_SIZE;
		}
		qkd_dev_close(dev);
	}
	if (ret < 0)
		snprintf(psk_of(ssl)->why, sizeof(psk_of(ssl)->why), "%s",
			 qkd_error());
	return ret;
}

/* Asked twice where the server wants another group: the same key, then. */
static int client_psk(SSL *ssl, const EVP_MD *md, const unsigned char **id,
		      size_t *len, SSL_SESSION **session)
{
	struct psk *p = psk_of(ssl);
	uint8_t key[PSK_SIZE];
	struct qkd_key_id kid;

	if (!p->session && !p->why[0] && fetch(ssl, NULL, key, &kid) > 0) {
		p->session = to_session(ssl, key, PSK_SIZE);
		qkd_wipe(key, sizeof(key));
		qkd_key_id_format(&kid, p->id);
	}
	/* 0 ends the handshake: without key nothing is sent */
	if (!p->session || !SSL_SESSION_up_ref(p->session))
		return 0;
	*id = (const unsigned char *)p->id;
	*len = strlen(p->id);
	*session = p->session;
	return 1;
}

/*
 * An ID can be made up, and to take its key uses it up. Who proves none may do
 * that to some, not to the link.
 */
static bool may_take(void)
{
	double now = clock_now();

	if (unproven >= UNPROVEN_MAX) {
		if (now - unproven_last < UNPROVEN_S)
			return false;
		unproven--;
	}
	unproven++;
	unproven_last = now;
	return true;
}

static int server_psk(SSL *ssl, const unsigned char *id, size_t len,
		      SSL_SESSION **session)
{
	struct psk *p = psk_of(ssl);
	uint8_t key[PSK_SIZE];
	struct qkd_key_id kid;
	int ret;

	*session = NULL;
	if (p->session && len == strlen(p->id) && !memcmp(id, p->id, len)) {
		SSL_SESSION_up_ref(p->session);
		*session = p->session;
		return 1;
	}
	if (p->session || len != QKD_KEY_ID_STRLEN)
		return 1;	/* no such key; there is nothing else, so: no */
	memcpy(p->id, id, len);
	p->id[len] = '\0';
	if (qkd_key_id_parse(p->id, &kid)) {
		snprintf(p->why, sizeof(p->why), "%s", "not a key ID");
		return 1;
	}
	if (!may_take()) {
		snprintf(p->why, sizeof(p->why), "%s",
			 "too many have proven no key");
		return 1;
	}
	ret = fetch(ssl, &kid, key, NULL);
	if (ret < 0) {
		unproven--;	/* nothing was taken */
		return 1;
	}
	p->session = to_session(ssl, key, ret);
	qkd_wipe(key, sizeof(key));
	if (p->session && SSL_SESSION_up_ref(p->session))
		*session = p->session;
	return 1;
}

/* A certificate, whoever's, is not what we asked for. */
static int no_certificate(int ok, X509_STORE_CTX *ctx)
{
	return 0;
}

static int setup(SSL_CTX *ctx)
{
	if (psk_index < 0)
		psk_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, psk_free);
	if (link_index < 0)
		link_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL,
						      NULL);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, no_certificate);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
	/* psk_ke, without (EC)DHE, must never be agreed on */
	SSL_CTX_clear_options(ctx, SSL_OP_ALLOW_NO_DHE_KEX);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
			 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_psk_use_session_callback(ctx, client_psk);
	SSL_CTX_set_psk_find_session_callback(ctx, server_psk);
	return psk_index >= 0 && link_index >= 0 &&
	       SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) &&
	       SSL_CTX_set_ciphersuites(ctx, SUITES) &&
	       /* OpenSSL asks for it where PSKs meet SSL_VERIFY_PEER */
	       SSL_CTX_set_session_id_context(ctx, context,
					      sizeof(context)) &&
	       SSL_CTX_set_num_tickets(ctx, 0);
}

SSL_CTX *psk_ctx(const char *link, char *err, size_t room)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	if (ctx && setup(ctx) &&
	    SSL_CTX_set_ex_data(ctx, link_index, (void *)link))
		return ctx;
	ERR_error_string_n(ERR_get_error(), err, room);
	SSL_CTX_free(ctx);
	return NULL;
}

SSL *psk_ssl(SSL_CTX *ctx, int fd, bool server)
{
	struct psk *p = OPENSSL_zalloc(sizeof(*p));
	SSL *ssl = SSL_new(ctx);

	if (!p || !ssl || !SSL_set_ex_data(ssl, psk_index, p)) {
		OPENSSL_free(p);
		SSL_free(ssl);
		return NULL;
	}
	if (!SSL_set_fd(ssl, fd)) {
		SSL_free(ssl);
		return NULL;
	}
	if (server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return ssl;
}

bool psk_proven(const SSL *ssl)
{
	/* a PSK that was taken counts as a session resumed */
	if (!SSL_is_init_finished(ssl) || !SSL_session_reused(ssl) ||
	    !psk_of(ssl)->session)
		return false;
	if (SSL_is_server(ssl) && unproven)
		unproven--;
	return true;
}

const char *psk_why(const SSL *ssl)
{
	return psk_of(ssl)->why;
}
