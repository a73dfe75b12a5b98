// SPDX-License-Identifier: GPL-2.0
/*
 * The key of a hybrid tunnel's SA: HKDF-SHA-384 (RFC 5869) of quantum key and
 * the link's post-quantum secret, so that who knows one of them knows nothing
 * of it. Where the two come from, and when, is out.c's and in.c's business.
 *
 * The steps are apart since the SPI is known last: the sender extracts when it
 * offers, and expands when the peer has answered. What is bound to the key is
 * laid out here and in Documentation/formats.rst.
 */

#include <crypto/hash.h>
#include <linux/string.h>

#include "derive.h"

#define HMAC	"hmac(sha384)"

struct qx_wire_bind {
	char label[16];
	u8 stream;
	u8 family;
	u8 mode;
	u8 aead;
	__be32 spi;
	__be64 offset;
	char name[QX_NAME_SIZE];
	u8 count;		/* HKDF's, of the one block that is needed */
} __packed;

static_assert(sizeof(struct qx_wire_bind) == 65);

/**
 * qx_derive_there - can this kernel do it?
 *
 * Its module is loaded by asking. Context: process, may sleep. Return: true
 * if so.
 */
bool qx_derive_there(void)
{
	return crypto_has_shash(HMAC, 0, 0);
}

static int hmac(u8 out[QX_PRK_SIZE], const u8 *key, u32 key_len, const u8 *data,
		u32 len)
{
	struct crypto_shash *tfm = crypto_alloc_shash(HMAC, 0, 0);
	int err;

	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	err = crypto_shash_setkey(tfm, key, key_len);
	if (!err)
		err = crypto_shash_tfm_digest(tfm, data, len, out);
	/* wipes its key */
	crypto_free_shash(tfm);
	return err;
}

/**
 * qx_derive_extract - make one key of two
 * @prk: filled; the caller wipes it
 * @s: the post-quantum secret; its name is the salt
 * @key: quantum key
 * @len: its bytes, at most QX_KEY_MAX
 *
 * Context: process, may sleep. Return: 0 or -errno.
 */
int qx_derive_extract(u8 prk[QX_PRK_SIZE], const struct qx_secret *s,
		      const u8 *key, u32 len)
{
	u8 both[QX_KEY_MAX + sizeof(s->bytes)];
	int err;

	memcpy(both, key, len);
	memcpy(both + len, s->bytes, sizeof(s->bytes));
	err = hmac(prk, s->id, sizeof(s->id), both, len + sizeof(s->bytes));
	memzero_explicit(both, sizeof(both));
	return err;
}

/**
 * qx_derive_expand - the key of one SA
 * @key: filled; the caller wipes it
 * @len: bytes, at most QX_KEY_MAX
 * @prk: of qx_derive_extract()
 * @b: what the SA is
 *
 * Context: process, may sleep. Return: 0 or -errno.
 */
int qx_derive_expand(u8 *key, u32 len, const u8 prk[QX_PRK_SIZE],
		     const struct qx_bind *b)
{
	struct qx_wire_bind w = {
		.label = "qkd-hybrid-sa-1",
		.stream = b->stream,
		.family = b->family,
		.mode = b->mode,
		.aead = b->aead,
		.spi = cpu_to_be32(b->spi),
		.offset = cpu_to_be64(b->offset),
		.count = 1,
	};
	u8 block[QX_PRK_SIZE];
	int err;

	static_assert(QX_KEY_MAX <= QX_PRK_SIZE);
	memcpy(w.name, b->name, sizeof(w.name));
	err = hmac(block, prk, QX_PRK_SIZE, (u8 *)&w, sizeof(w));
	if (!err)
		memcpy(key, block, len);
	memzero_explicit(block, sizeof(block));
	return err;
}
