// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Builds and checks greetings.
 *
 * A greeting tells where its sender's store stands, so that an old copy of a
 * store is found before it is used. It carries an HMAC: not the proof that
 * counts, which is the HELLO's one-time tag over the same bytes, but enough
 * that strangers cannot make a node spend one-time key by knocking.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "greet.h"
#include "tools/common/wire.h"

#define GREET_VERSION	1
#define HMAC_SIZE	32
#define HMAC_AT		(GREET_SIZE - HMAC_SIZE)

static const uint8_t magic[4] = { 'Q', 'K', 'D', 'C' };

void greet_put_marks(uint8_t buf[32], const struct auth_marks *m)
{
	wire_put64(buf, m->tx_reserved);
	wire_put64(buf + 8, m->rx_reserved);
	wire_put64(buf + 16, m->head);
	wire_put64(buf + 24, m->stamp);
}

void greet_get_marks(const uint8_t buf[32], struct auth_marks *m)
{
	m->tx_reserved = wire_get64(buf);
	m->rx_reserved = wire_get64(buf + 8);
	m->head = wire_get64(buf + 16);
	m->stamp = wire_get64(buf + 24);
}

static bool greet_hmac(const uint8_t buf[GREET_SIZE],
		       const struct auth_store *store, const uint8_t *first,
		       uint8_t out[HMAC_SIZE])
{
	uint8_t in[GREET_SIZE + HMAC_AT];

	memcpy(in, buf, HMAC_AT);
	if (first)
		memcpy(in + HMAC_AT, first, GREET_SIZE);
	return HMAC(EVP_sha256(), auth_prf_key(store), AUTH_PRF_SIZE, in,
		    first ? sizeof(in) : HMAC_AT, out, NULL);
}

void greet_build(const struct greet *g, const struct auth_store *store,
		 const uint8_t *first, uint8_t buf[GREET_SIZE])
{
	memset(buf, 0, GREET_SIZE);
	memcpy(buf, magic, sizeof(magic));
	wire_put32(buf + 4, GREET_VERSION);
	memcpy(buf + 8, g->nonce, RECORD_NONCE);
	greet_put_marks(buf + 24, &g->marks);
	memcpy(buf + 56, g->from, GREET_NODE);
	memcpy(buf + 120, g->to, GREET_NODE);
	memcpy(buf + 184, g->link, GREET_LINK);
	greet_hmac(buf, store, first, buf + HMAC_AT);
}

int greet_parse(const uint8_t buf[GREET_SIZE], struct greet *g)
{
	if (memcmp(buf, magic, sizeof(magic)) ||
	    wire_get32(buf + 4) != GREET_VERSION)
		return -EBADMSG;
	memcpy(g->nonce, buf + 8, RECORD_NONCE);
	greet_get_marks(buf + 24, &g->marks);
	memcpy(g->from, buf + 56, GREET_NODE);
	memcpy(g->to, buf + 120, GREET_NODE);
	memcpy(g->link, buf + 184, GREET_LINK);
	if (g->from[GREET_NODE - 1] || g->to[GREET_NODE - 1] ||
	    g->link[GREET_LINK - 1])
		return -EBADMSG;
	return 0;
}

bool greet_check(const uint8_t buf[GREET_SIZE], const struct auth_store *store,
		 const uint8_t *first)
{
	uint8_t out[HMAC_SIZE];

	return greet_hmac(buf, store, first, out) &&
	       !CRYPTO_memcmp(out, buf + HMAC_AT, HMAC_SIZE);
}
