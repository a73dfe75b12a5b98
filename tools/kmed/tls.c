// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TLS 1.2 and 1.3 with certificates of both ends, by OpenSSL.
 *
 * In TLS 1.2 only what 1.3 would do as well is offered: ephemeral keys and
 * AEAD. Sessions are resumed by tickets for as long as a context lives; a
 * reload makes a new one, and with it new ticket keys.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "tls.h"

#define CIPHERS_12	"ECDHE+AESGCM:ECDHE+CHACHA20"

/* What OpenSSL said first, which is nearest to the cause. */
static void why(char *err, size_t room, const char *doing, const char *file)
{
	unsigned long e = ERR_get_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	if (ERR_SYSTEM_ERROR(e))
		reason = strerror(ERR_GET_REASON(e));
	snprintf(err, room, "%s%s%s: %s", doing, file ? " " : "",
		 file ? file : "", reason ? reason : "failed");
	ERR_clear_error();
}

static int load_crl(SSL_CTX *ctx, const char *file)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());

	if (!lookup || X509_load_crl_file(lookup, file, X509_FILETYPE_PEM) < 1)
		return 0;
	return X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
}

static int load_files(SSL_CTX *ctx, const struct conf *c, char *err,
		      size_t room)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, c->certificate) != 1)
		why(err, room, "certificate", c->certificate);
	else if (SSL_CTX_use_PrivateKey_file(ctx, c->key,
					     SSL_FILETYPE_PEM) != 1)
		why(err, room, "key", c->key);
	else if (SSL_CTX_check_private_key(ctx) != 1)
		why(err, room, "key", c->key);
	else if (SSL_CTX_load_verify_locations(ctx, c->ca, NULL) != 1)
		why(err, room, "ca", c->ca);
	else if (c->crl && load_crl(ctx, c->crl) != 1)
		why(err, room, "crl", c->crl);
	else
		return 0;
	return -1;
}

static int serve_with(SSL_CTX *ctx, const struct conf *c)
{
	/* names to choose a certificate by; what is believed is in the store */
	SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(c->ca));
	return SSL_CTX_set_session_id_context(ctx, (const void *)"qkd-kmed",
					      8) == 1 ? 0 : -1;
}

SSL_CTX *tls_ctx(const struct conf *c, bool server, char *err, size_t room)
{
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	if (!ctx) {
		why(err, room, "TLS", NULL);
		return NULL;
	}
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
			    SSL_OP_NO_COMPRESSION |
			    SSL_OP_CIPHER_SERVER_PREFERENCE |
			    SSL_OP_PRIORITIZE_CHACHA |
			    SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER |
			   SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_purpose(ctx, server ? X509_PURPOSE_SSL_CLIENT :
			    X509_PURPOSE_SSL_SERVER);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, CIPHERS_12) != 1) {
		why(err, room, "TLS", NULL);
	} else if (!load_files(ctx, c, err, room)) {
		if (!server || !serve_with(ctx, c))
			return ctx;
		why(err, room, "ca", c->ca);
	}
	SSL_CTX_free(ctx);
	return NULL;
}

/* ---- identity ---- */

static bool take_id(const unsigned char *s, int len, char id[SAE_ID_MAX + 1])
{
	if (len < 1 || len > SAE_ID_MAX || memchr(s, 0, len))
		return false;
	memcpy(id, s, len);
	id[len] = '\0';
	return conf_id_valid(id);
}

/* 1 if one URI of the scheme gives an ID, 0 if there is none, else -1. */
static int id_of_uris(const X509 *cert, const char *scheme,
		      char id[SAE_ID_MAX + 1])
{
	size_t skip = strlen(scheme);
	GENERAL_NAMES *names;
	int found = 0;

	names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
		const unsigned char *s;
		int len;

		if (n->type != GEN_URI)
			continue;
		s = ASN1_STRING_get0_data(n->d.uniformResourceIdentifier);
		len = ASN1_STRING_length(n->d.uniformResourceIdentifier);
		if ((size_t)len < skip || memcmp(s, scheme, skip))
			continue;
		if (found || !take_id(s + skip, len - skip, id)) {
			found = -1;
			break;
		}
		found = 1;
	}
	GENERAL_NAMES_free(names);
	return found;
}

static bool id_of_common_name(const X509 *cert, char id[SAE_ID_MAX + 1])
{
	const X509_NAME *name = X509_get_subject_name(cert);
	int i = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	const ASN1_STRING *s;

	if (i < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, i) >= 0)
		return false;
	s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));
	return take_id(ASN1_STRING_get0_data(s), ASN1_STRING_length(s), id);
}

bool tls_cert_id(const X509 *cert, const char *scheme, char id[SAE_ID_MAX + 1])
{
	char other[SAE_ID_MAX + 1];
	int found = id_of_uris(cert, scheme, id);

	if (found)
		return found > 0;
	/* a KME's certificate is no SAE's, whatever its common name */
	return !strcmp(scheme, TLS_URI_SAE) &&
	       !id_of_uris(cert, TLS_URI_KME, other) &&
	       id_of_common_name(cert, id);
}

bool tls_peer_id(const SSL *ssl, const char *scheme, char id[SAE_ID_MAX + 1])
{
	X509 *cert = SSL_get0_peer_certificate(ssl);

	return cert && SSL_get_verify_result(ssl) == X509_V_OK &&
	       tls_cert_id(cert, scheme, id);
}
