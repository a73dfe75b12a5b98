// SPDX-License-Identifier: LGPL-2.1-or-later
/* tls-psk LINK ADDR:PORT: says "hello" to a TLS server that holds the peer's key */
#include <openssl/ssl.h>
#include <qkd/qkd.h>
#include <stdio.h>
#include <string.h>

static struct qkd_dev *dev;

static unsigned int psk(SSL *ssl, const char *hint, char *id, unsigned int room,
			unsigned char *key, unsigned int max)
{
	struct qkd_key_id kid;

	if (max < 32 || room <= QKD_KEY_ID_STRLEN || qkd_dev_get(dev, key, 32, &kid))
		return 0;		/* no key: no connection */
	qkd_key_id_format(&kid, id);	/* the server fetches the key by its ID */
	return 32;
}

int main(int argc, char **argv)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	BIO *bio = BIO_new_ssl_connect(ctx);
	char reply[256];
	SSL *ssl;
	int n;

	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_ciphersuites(ctx, "TLS_CHACHA20_POLY1305_SHA256");
	BIO_get_ssl(bio, &ssl);
	SSL_set_psk_client_callback(ssl, psk);	/* OpenSSL: with (EC)DHE */
	BIO_set_conn_hostname(bio, argv[2]);
	if (argc != 3 || qkd_dev_open(&dev, NULL, argv[1], QKD_NO_INDEX, true) ||
	    BIO_do_connect(bio) <= 0 || !SSL_session_reused(ssl))
		return fprintf(stderr, "refused: %s\n", qkd_error()), 1;
	BIO_puts(bio, "hello\n");		/* the peer has proven its key */
	n = BIO_read(bio, reply, sizeof(reply));
	return fwrite(reply, 1, n > 0 ? n : 0, stdout) ? 0 : 1;
}
