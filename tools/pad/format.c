// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The format of pad stores.
 *
 * AES-256-CTR, the counter being the place in the pad, under a key of the
 * store's own: each place is written once, and then over with zeroes, so no
 * two plaintexts ever meet the same key stream. The pad itself has no tag. It
 * is compared with the peer's copy before use, byte for byte, by a hash; and
 * who flips the same bits of both copies still knows nothing of the outcome.
 */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#include "tools/pad/format.h"

#define MAGIC_SIZE	PAD_MAGIC_SIZE
#define MAC_SIZE	PAD_MAC_SIZE

static const uint8_t header_magic[] = "QKDPADS1", place_magic[] = "QKDPADP1";

static void put64(uint8_t *p, uint64_t v)
{
	int i;

	for (i = 0; i < 8; i++)
		p[i] = v >> (56 - 8 * i);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

/* The last MAC_SIZE bytes of @size are the tag of those before. */
static int tag(const struct pad_keys *keys, const uint8_t *buf, size_t size,
	       uint8_t mac[MAC_SIZE])
{
	unsigned int n = MAC_SIZE;

	return HMAC(EVP_sha256(), keys->mac, sizeof(keys->mac), buf,
		    size - MAC_SIZE, mac, &n) ? 0 : -EIO;
}

static int check(const struct pad_keys *keys, const uint8_t *buf, size_t size)
{
	uint8_t mac[MAC_SIZE];
	int err = tag(keys, buf, size, mac);

	if (err)
		return err;
	return CRYPTO_memcmp(mac, buf + size - MAC_SIZE, MAC_SIZE) ?
	       -EBADMSG : 0;
}

int pad_is_store(const uint8_t *buf)
{
	return !memcmp(buf, header_magic, MAGIC_SIZE);
}

int pad_derive(struct pad_keys *keys, const uint8_t key[PAD_KEY_SIZE],
	       const uint8_t salt[PAD_SALT_SIZE])
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM p[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
						 (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
						  (void *)key, PAD_KEY_SIZE),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT,
						  (void *)salt, PAD_SALT_SIZE),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
						  (void *)header_magic,
						  MAGIC_SIZE),
		OSSL_PARAM_construct_end(),
	};
	int ok;

	_Static_assert(sizeof(*keys) == 64, "no padding");
	ok = ctx && EVP_KDF_derive(ctx, (void *)keys, sizeof(*keys), p) == 1;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok ? 0 : -EIO;
}

int pad_header_put(uint8_t *buf, const struct pad_header *h,
		   const struct pad_keys *keys)
{
	memcpy(buf, header_magic, MAGIC_SIZE);
	put64(buf + 8, h->size);
	memcpy(buf + 16, h->name, PAD_NAME_SIZE);
	memcpy(buf + 32, h->salt, PAD_SALT_SIZE);
	return tag(keys, buf, PAD_HEADER_SIZE, buf + PAD_HEADER_SIZE - MAC_SIZE);
}

int pad_header_get(const uint8_t *buf, const uint8_t key[PAD_KEY_SIZE],
		   struct pad_header *h, struct pad_keys *keys)
{
	int err;

	if (!pad_is_store(buf))
		return -EINVAL;
	h->size = get64(buf + 8);
	memcpy(h->name, buf + 16, PAD_NAME_SIZE);
	memcpy(h->salt, buf + 32, PAD_SALT_SIZE);
	err = pad_derive(keys, key, h->salt);
	if (!err)
		err = check(keys, buf, PAD_HEADER_SIZE);
	return err == -EBADMSG ? -EKEYREJECTED : err;
}

int pad_place_put(uint8_t *buf, const struct pad_place *p,
		  const struct pad_keys *keys)
{
	memcpy(buf, place_magic, MAGIC_SIZE);
	put64(buf + 8, p->count);
	put64(buf + 16, p->used);
	return tag(keys, buf, PAD_PLACE_SIZE, buf + PAD_PLACE_SIZE - MAC_SIZE);
}

int pad_place_get(const uint8_t *buf, const struct pad_keys *keys,
		  struct pad_place *p)
{
	if (memcmp(buf, place_magic, MAGIC_SIZE))
		return -EBADMSG;
	p->count = get64(buf + 8);
	p->used = get64(buf + 16);
	return check(keys, buf, PAD_PLACE_SIZE);
}

int pad_place_pick(uint8_t slots[2][PAD_PLACE_SIZE],
		   const struct pad_keys *keys, struct pad_place *p)
{
	struct pad_place place;
	int slot, err = -EBADMSG;

	for (slot = 0; slot < 2; slot++) {
		if (pad_place_get(slots[slot], keys, &place) ||
		    (!err && place.count < p->count))
			continue;
		*p = place;
		err = 0;
	}
	return err;
}

int pad_crypt(const struct pad_keys *keys, uint64_t at, void *buf, size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t counter[16] = {}, skipped[16] = {};
	uint8_t *p = buf;
	int n = at % 16, ok;

	put64(counter + 8, at / 16);
	ok = ctx && EVP_EncryptInit_ex(ctx, EVP_aes_256_ctr(), NULL,
				       keys->cipher, counter) == 1;
	if (ok && n)
		ok = EVP_EncryptUpdate(ctx, skipped, &n, skipped, n) == 1;
	while (ok && len) {
		n = len < 1 << 30 ? len : 1 << 30;
		ok = EVP_EncryptUpdate(ctx, p, &n, p, n) == 1;
		p += n;
		len -= n;
	}
	EVP_CIPHER_CTX_free(ctx);
	OPENSSL_cleanse(skipped, sizeof(skipped));
	return ok ? 0 : -EIO;
}
