// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Preloaded into wrk and h2load, which have no option for it: gives every TLS
 * context the certificate and key of $TLS_CERT and $TLS_KEY.
 */
#include <dlfcn.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

SSL_CTX *SSL_CTX_new(const SSL_METHOD *method)
{
	SSL_CTX *(*real)(const SSL_METHOD *method) = dlsym(RTLD_NEXT, "SSL_CTX_new");
	SSL_CTX *ctx = real(method);

	if (ctx && SSL_CTX_use_certificate_chain_file(ctx,
						      getenv("TLS_CERT")) == 1 &&
	    SSL_CTX_use_PrivateKey_file(ctx, getenv("TLS_KEY"),
					SSL_FILETYPE_PEM) == 1)
		return ctx;
	fprintf(stderr, "no certificate in $TLS_CERT and $TLS_KEY\n");
	abort();
}
