/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS as this server offers it, and who a certificate says somebody is.
 */
#ifndef _KMED_TLS_H
#define _KMED_TLS_H

#include <openssl/ssl.h>
#include <stddef.h>

#include "conf.h"

/* What a URI in a certificate begins with that names an SAE or a KME. */
#define TLS_URI_SAE	"urn:qkd:sae:"
#define TLS_URI_KME	"urn:qkd:kme:"

/*
 * A context for serving (@server) or for calling other KMEs, with both ends'
 * certificates asked for. NULL on failure, and then @err says why.
 */
SSL_CTX *tls_ctx(const struct conf *conf, bool server, char *err, size_t room);

/*
 * A context for serving SKIP: TLS 1.3 and 1.2 under keys that each client
 * shares with us, AES-256 and (EC)DHE. NULL on failure, and @err.
 */
SSL_CTX *tls_psk_ctx(const struct conf *conf, char *err, size_t room);
/* Which SAE has proven by its key who it is; false: none has. */
bool tls_psk_id(const SSL *ssl, char id[SAE_ID_MAX + 1]);

/*
 * The ID that the peer's certificate gives under @scheme; see
 * Documentation/key-service.rst. For SAEs the subject's common name serves
 * where there is no such URI; for others, nothing does. False: there is none,
 * several, or no certificate that was verified.
 */
bool tls_peer_id(const SSL *ssl, const char *scheme, char id[SAE_ID_MAX + 1]);
bool tls_cert_id(const X509 *cert, const char *scheme, char id[SAE_ID_MAX + 1]);

#endif /* _KMED_TLS_H */
