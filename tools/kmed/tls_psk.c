// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TLS 1.2 and 1.3 under a key that client and server share, for SKIP.
 *
 * AES-256 only, as the draft wants, and always with an ephemeral exchange, so
 * that who learns a key later cannot read what was recorded. There are no
 * certificates and no tickets: every connection proves its key anew.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <qkd/qkd.h>

#include "tls.h"

#define CIPHERS_12	"DHE-PSK-AES256-GCM-SHA384"
#define CIPHER_13	"TLS_AES_256_GCM_SHA384"
#define KEY_MIN		32	/* bytes */
#define KEY_MAX		64	/* RFC 4279, 5.3: all must take so many */

struct psk {
	char sae[SAE_ID_MAX + 1];
	char identity[129];
	uint8_t key[KEY_MAX];
	size_t len;
};

/* Of a context, freed with it */
struct psks {
	unsigned int n;
	struct psk psk[];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int ctx_index = -1;	/* struct psks of an SSL_CTX */
static int ssl_index = -1;	/* struct psk of an SSL, borrowed */

static void psks_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index,
		      long argl, void *argp)
{
	struct psks *p = ptr;

	if (!p)
		return;
	qkd_wipe(p->psk, p->n * sizeof(p->psk[0]));
	free(p);
}

static void make_indexes(void)
{
	ctx_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, psks_free);
	ssl_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

/* The one of an identity; who speaks is taken for it until the handshake ends. */
static const struct psk *find(SSL *ssl, const void *id, size_t len)
{
	const struct psks *p = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl),
						   ctx_index);
	const struct psk *found = NULL;

	for (unsigned int i = 0; p && i < p->n; i++)
		if (strlen(p->psk[i].identity) == len &&
		    !memcmp(p->psk[i].identity, id, len))
			found = &p->psk[i];
	SSL_set_ex_data(ssl, ssl_index, (void *)found);
	return found;
}

static unsigned int server_12(SSL *ssl, const char *id, unsigned char *key,
			      unsigned int room)
{
	const struct psk *p;

	/* of 1.3 the other call is, which knows the suite's hash */
	if (SSL_version(ssl) >= TLS1_3_VERSION)
		return 0;
	p = find(ssl, id, strlen(id));
	if (!p || p->len > room)
		return 0;
	memcpy(key, p->key, p->len);
	return p->len;
}

static int server_13(SSL *ssl, const unsigned char *id, size_t len,
		     SSL_SESSION **session)
{
	static const unsigned char suite[] = { 0x13, 0x02 };
	const struct psk *p = find(ssl, id, len);
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suite);
	SSL_SESSION *s;

	*session = NULL;
	if (!p)
		return 1;	/* no PSK, and so no handshake */
	s = SSL_SESSION_new();
	if (!s || !cipher || !SSL_SESSION_set1_master_key(s, p->key, p->len) ||
	    !SSL_SESSION_set_cipher(s, cipher) ||
	    !SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION)) {
		SSL_SESSION_free(s);
		return 0;
	}
	*session = s;
	return 1;
}

/*
 * In 1.3 a PSK goes with a hash, and a suite with that hash. AES-256 has
 * SHA-384; who offers a PSK with SHA-256, as clients do that do not tell, gets
 * AES-256 in 1.2. Which it is shows in the length of the first binder.
 */
static int on_hello(SSL *ssl, int *alert, void *arg)
{
	const unsigned char *ext;
	size_t len, ids;

	if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_psk, &ext, &len) ||
	    len < 2)
		return SSL_CLIENT_HELLO_SUCCESS;
	ids = ext[0] << 8 | ext[1];
	if (ids + 5 <= len && ext[2 + ids + 2] != SHA384_DIGEST_LENGTH)
		SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
	return SSL_CLIENT_HELLO_SUCCESS;
}

static int digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hexadecimal digits and a newline, as "openssl rand -hex 32" gives them */
static int read_key(struct psk *p, const char *file, char *err, size_t room)
{
	char text[2 * KEY_MAX + 4];
	FILE *f = fopen(file, "re");
	size_t n = 0;
	int ret = -1;

	if (!f) {
		snprintf(err, room, "%s: %s", file, strerror(errno));
		return -1;
	}
	setvbuf(f, NULL, _IONBF, 0);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	for (p->len = 0; 2 * p->len + 1 < n && p->len < KEY_MAX; p->len++) {
		int high = digit(text[2 * p->len]);
		int low = digit(text[2 * p->len + 1]);

		if (high < 0 || low < 0)
			break;
		p->key[p->len] = high << 4 | low;
	}
	if (2 * p->len == n && p->len >= KEY_MIN)
		ret = 0;
	else
		snprintf(err, room, "%s: a key of SKIP has %d to %d bytes in hexadecimal digits: openssl rand -hex %d",
			 file, KEY_MIN, KEY_MAX, KEY_MIN);
	qkd_wipe(text, sizeof(text));
	return ret;
}

static struct psks *read_keys(const struct conf *c, char *err, size_t room)
{
	struct psks *p = calloc(1, sizeof(*p) + c->n_clients *
				sizeof(p->psk[0]));

	if (!p) {
		snprintf(err, room, "out of memory");
		return NULL;
	}
	for (; p->n < c->n_clients; p->n++) {
		struct psk *k = &p->psk[p->n];
		const struct conf_client *from = &c->clients[p->n];

		snprintf(k->sae, sizeof(k->sae), "%s", from->sae);
		snprintf(k->identity, sizeof(k->identity), "%s",
			 from->identity);
		if (read_key(k, from->key, err, room)) {
			p->n++;
			psks_free(NULL, p, NULL, 0, 0, NULL);
			return NULL;
		}
	}
	return p;
}

SSL_CTX *tls_psk_ctx(const struct conf *c, char *err, size_t room)
{
	struct psks *psks;
	SSL_CTX *ctx;

	pthread_once(&once, make_indexes);
	psks = read_keys(c, err, room);
	if (!psks)
		return NULL;
	ctx = SSL_CTX_new(TLS_server_method());
	if (ctx && ctx_index >= 0 && ssl_index >= 0 &&
	    SSL_CTX_set_ex_data(ctx, ctx_index, psks))
		psks = NULL;
	if (psks || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, CIPHERS_12) != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, CIPHER_13) != 1 ||
	    SSL_CTX_set_dh_auto(ctx, 1) != 1) {
		snprintf(err, room, "TLS: %s",
			 ERR_reason_error_string(ERR_get_error()) ?: "failed");
		psks_free(NULL, psks, NULL, 0, 0, NULL);
		SSL_CTX_free(ctx);
		return NULL;
	}
	/* psk_dhe_ke is all that OpenSSL agrees on unless told otherwise */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
			    SSL_OP_NO_COMPRESSION |
			    SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_client_hello_cb(ctx, on_hello, NULL);
	SSL_CTX_set_psk_server_callback(ctx, server_12);
	SSL_CTX_set_psk_find_session_callback(ctx, server_13);
	return ctx;
}

bool tls_psk_id(const SSL *ssl, char id[SAE_ID_MAX + 1])
{
	const struct psk *p = SSL_get_ex_data(ssl, ssl_index);

	if (!p || !SSL_is_init_finished(ssl))
		return false;
	memcpy(id, p->sae, sizeof(p->sae));
	return true;
}
