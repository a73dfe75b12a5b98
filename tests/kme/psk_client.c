// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * psk_client PORT IDENTITY HEXKEY: TLS 1.3 under a PSK with SHA-384, which
 * openssl s_client cannot do: prints version and suite, sends standard input,
 * prints what comes back for a second.
 */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const char *identity, *hex;

static int use_psk(SSL *ssl, const EVP_MD *md, const unsigned char **id,
		   size_t *len, SSL_SESSION **session)
{
	static const unsigned char suite[] = { 0x13, 0x02 };
	SSL_SESSION *s = SSL_SESSION_new();
	long n;
	unsigned char *key = OPENSSL_hexstr2buf(hex, &n);

	SSL_SESSION_set1_master_key(s, key, n);
	SSL_SESSION_set_cipher(s, SSL_CIPHER_find(ssl, suite));
	SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION);
	OPENSSL_free(key);
	*id = (const void *)identity;
	*len = strlen(identity);
	*session = s;
	return 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct timeval second = { .tv_sec = 1 };
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;
	char buf[4096];
	int fd, n;

	if (argc != 4)
		return 2;
	identity = argv[2];
	hex = argv[3];
	a.sin_port = htons(atoi(argv[1]));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	SSL_CTX_set_psk_use_session_callback(ctx, use_psk);
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	ssl = SSL_new(ctx);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	SSL_set_fd(ssl, fd);
	if (connect(fd, (void *)&a, sizeof(a)) || SSL_connect(ssl) != 1) {
		printf("no handshake\n");
		return 1;
	}
	printf("%s %s\n", SSL_get_version(ssl), SSL_get_cipher(ssl));
	n = fread(buf, 1, sizeof(buf), stdin);
	SSL_write(ssl, buf, n);
	while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, n, stdout);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	return 0;
}
