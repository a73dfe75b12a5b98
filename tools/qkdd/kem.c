// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * X25519 and ML-KEM-768, and what both ends make of them: HKDF-SHA-384 over
 * both shared secrets, salted with a hash of all that was said, as
 * draft-ietf-tls-hybrid-design has it in its way. Documentation/formats.rst
 * has the bytes.
 *
 * What OpenSSL can do is asked, not guessed from its version.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kem.h"
#include "tools/common/secret.h"

#define X_NAME		"X25519"
#define M_NAME		"ML-KEM-768"
#define X_SIZE		32	/* bytes of a public key, and of what is shared */
#define M_KEY		1184
#define M_TEXT		1088
#define M_SHARED	32
#define NODE		64	/* bytes of an ID, NUL-padded */

struct kem {
	EVP_PKEY *x;
	EVP_PKEY *m;
	uint8_t offer[KEM_OFFER];
};

int kem_there(char *why, size_t room)
{
	EVP_KEM *kem = EVP_KEM_fetch(NULL, M_NAME, NULL);

	ERR_clear_error();
	if (kem) {
		EVP_KEM_free(kem);
		return 0;
	}
	snprintf(why, room,
		 "OpenSSL %s has no ML-KEM-768, and X25519 alone is no protection from quantum computers; hybrid tunnels need OpenSSL 3.5 or later (Debian 13)",
		 OpenSSL_version(OPENSSL_FULL_VERSION_STRING));
	return -EOPNOTSUPP;
}

/* ---- keys ---- */

static EVP_PKEY *key_new(const char *name)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, name, NULL);
	EVP_PKEY *key = NULL;

	if (!ctx || EVP_PKEY_keygen_init(ctx) <= 0 ||
	    EVP_PKEY_generate(ctx, &key) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* Both public keys. Return: 0 or -EOPNOTSUPP. */
static int put_public(const EVP_PKEY *key, uint8_t *to, size_t size)
{
	size_t len = size;

	return EVP_PKEY_get_raw_public_key(key, to, &len) == 1 && len == size ?
	       0 : -EOPNOTSUPP;
}

static EVP_PKEY *get_public(const char *name, const uint8_t *from, size_t len)
{
	return EVP_PKEY_new_raw_public_key_ex(NULL, name, NULL, from, len);
}

/* Refuses keys that give zeroes, whatever ours is. */
static int agree(EVP_PKEY *ours, const uint8_t theirs[X_SIZE],
		 uint8_t shared[X_SIZE])
{
	EVP_PKEY *peer = get_public(X_NAME, theirs, X_SIZE);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(ours, NULL);
	size_t len = X_SIZE;
	int ok;

	ok = peer && ctx && EVP_PKEY_derive_init(ctx) > 0 &&
	     EVP_PKEY_derive_set_peer(ctx, peer) > 0 &&
	     EVP_PKEY_derive(ctx, shared, &len) > 0 && len == X_SIZE;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	return ok ? 0 : -EBADMSG;
}

static int encapsulate(const uint8_t theirs[M_KEY], uint8_t text[M_TEXT],
		       uint8_t shared[M_SHARED])
{
	EVP_PKEY *peer = get_public(M_NAME, theirs, M_KEY);
	EVP_PKEY_CTX *ctx = peer ? EVP_PKEY_CTX_new(peer, NULL) : NULL;
	size_t len = M_TEXT, shared_len = M_SHARED;
	int ok;

	ok = ctx && EVP_PKEY_encapsulate_init(ctx, NULL) > 0 &&
	     EVP_PKEY_encapsulate(ctx, text, &len, shared, &shared_len) > 0 &&
	     len == M_TEXT && shared_len == M_SHARED;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	return ok ? 0 : -EBADMSG;
}

static int decapsulate(EVP_PKEY *ours, const uint8_t text[M_TEXT],
		       uint8_t shared[M_SHARED])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(ours, NULL);
	size_t len = M_SHARED;
	int ok;

	ok = ctx && EVP_PKEY_decapsulate_init(ctx, NULL) > 0 &&
	     EVP_PKEY_decapsulate(ctx, shared, &len, text, M_TEXT) > 0 &&
	     len == M_SHARED;
	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : -EBADMSG;
}

/* ---- what both make of it ---- */

static int hash_all(const char *const nodes[2], const uint8_t *offer,
		    const uint8_t *answer, uint8_t hash[SHA384_DIGEST_LENGTH])
{
	static const char label[16] = "qkd-hybrid-1";
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	char names[2][NODE] = { "", "" };
	int i, ok;

	for (i = 0; i < 2; i++)
		memcpy(names[i], nodes[i], strnlen(nodes[i], NODE));
	ok = md && EVP_DigestInit_ex(md, EVP_sha384(), NULL) &&
	     EVP_DigestUpdate(md, label, sizeof(label)) &&
	     EVP_DigestUpdate(md, names, sizeof(names)) &&
	     EVP_DigestUpdate(md, offer, KEM_OFFER) &&
	     EVP_DigestUpdate(md, answer, KEM_ANSWER) &&
	     EVP_DigestFinal_ex(md, hash, NULL);
	EVP_MD_CTX_free(md);
	return ok ? 0 : -ENOMEM;
}

/* HKDF-Expand of one block; @info ends with its count, 1. */
static int expand(const uint8_t prk[SHA384_DIGEST_LENGTH], const char *info,
		  uint8_t *out, size_t len)
{
	uint8_t block[SHA384_DIGEST_LENGTH];
	bool ok;

	ok = HMAC(EVP_sha384(), prk, SHA384_DIGEST_LENGTH,
		  (const uint8_t *)info, strlen(info), block, NULL);

	memcpy(out, block, len);
	wipe(block, sizeof(block));
	return ok ? 0 : -ENOMEM;
}

int kem_combine(const char *const nodes[2], const uint8_t offer[KEM_OFFER],
		const uint8_t answer[KEM_ANSWER],
		const uint8_t shared[KEM_SHARED], struct kem_secret *s)
{
	uint8_t salt[SHA384_DIGEST_LENGTH], prk[SHA384_DIGEST_LENGTH];
	int ret = hash_all(nodes, offer, answer, salt);

	if (ret)
		return ret;
	if (!HMAC(EVP_sha384(), salt, sizeof(salt), shared, KEM_SHARED, prk,
		  NULL))
		return -ENOMEM;
	ret = expand(prk, "qkd-hybrid secret\001", s->bytes, sizeof(s->bytes));
	if (!ret)
		ret = expand(prk, "qkd-hybrid id\001", s->id, sizeof(s->id));
	wipe(prk, sizeof(prk));
	return ret;
}

/* ---- the two ends ---- */

void kem_free(struct kem *kem)
{
	if (!kem)
		return;
	EVP_PKEY_free(kem->x);
	EVP_PKEY_free(kem->m);
	free(kem);
}

int kem_offer(struct kem **out, uint8_t offer[KEM_OFFER])
{
	struct kem *kem = calloc(1, sizeof(*kem));

	if (!kem)
		return -ENOMEM;
	kem->x = key_new(X_NAME);
	kem->m = key_new(M_NAME);
	if (!kem->x || !kem->m || put_public(kem->x, kem->offer, X_SIZE) ||
	    put_public(kem->m, kem->offer + X_SIZE, M_KEY)) {
		ERR_clear_error();
		kem_free(kem);
		return -EOPNOTSUPP;
	}
	memcpy(offer, kem->offer, KEM_OFFER);
	*out = kem;
	return 0;
}

int kem_answer(const char *const nodes[2], const uint8_t offer[KEM_OFFER],
	       uint8_t answer[KEM_ANSWER], struct kem_secret *s)
{
	EVP_PKEY *x = key_new(X_NAME);
	uint8_t shared[KEM_SHARED];
	int ret;

	ret = x ? put_public(x, answer, X_SIZE) : -EOPNOTSUPP;
	if (!ret)
		ret = encapsulate(offer + X_SIZE, answer + X_SIZE, shared);
	if (!ret)
		ret = agree(x, offer, shared + M_SHARED);
	if (!ret)
		ret = kem_combine(nodes, offer, answer, shared, s);
	wipe(shared, sizeof(shared));
	EVP_PKEY_free(x);
	ERR_clear_error();
	return ret;
}

int kem_finish(const struct kem *kem, const char *const nodes[2],
	       const uint8_t answer[KEM_ANSWER], struct kem_secret *s)
{
	uint8_t shared[KEM_SHARED];
	int ret;

	ret = decapsulate(kem->m, answer + X_SIZE, shared);
	if (!ret)
		ret = agree(kem->x, answer, shared + M_SHARED);
	if (!ret)
		ret = kem_combine(nodes, kem->offer, answer, shared, s);
	wipe(shared, sizeof(shared));
	ERR_clear_error();
	return ret;
}
