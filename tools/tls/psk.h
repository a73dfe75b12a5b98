/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS 1.3 with an external PSK of a link, and nothing else.
 */
#ifndef _TLS_PSK_H
#define _TLS_PSK_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Contexts and connections of one link. Errors are in words in @err.
 */
struct ssl_ctx_st *psk_ctx(const char *link, char *err, size_t room);
/* NULL: no memory. Takes the descriptor of a connected socket, non-blocking. */
SSL *psk_ssl(SSL_CTX *ctx, int fd, bool server);
/*
 * After the handshake: whether the peer has proven that it holds the link's
 * key. Anything else, a certificate say, counts for nothing.
 */
bool psk_proven(const SSL *ssl);
/* Why there was no key, "" if that was not it. */
const char *psk_why(const SSL *ssl);

#endif /* _TLS_PSK_H */
