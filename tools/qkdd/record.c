// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Seals and opens records with Wegman-Carter tags.
 *
 * The mask is 16 bytes of the store's stream, used once. On top of it goes a
 * pseudo-random value of the session's nonces and the position: it adds
 * nothing while the first holds, since the XOR with an independent value is
 * just as uniform; but should a store be rolled back and its peer's answer
 * forged to hide it, the hash key is still out of an attacker's reach by
 * computation, where two tags under one bare mask would give it away.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "auth.h"
#include "record.h"
#include "tools/common/secret.h"
#include "tools/common/wire.h"
#include "tools/post/auth.h"

_Static_assert(POST_AUTH_MASK == AUTH_MASK_SIZE, "one mask, one tag");
_Static_assert(POST_AUTH_KEY == AUTH_HASH_SIZE, "one hash key a direction");
_Static_assert(POST_AUTH_TAG == RECORD_TAG, "a tag is carried whole");

static bool second_layer(const struct auth_store *store,
			 const struct record_session *rs, bool tx,
			 uint64_t offset, uint8_t mask[AUTH_MASK_SIZE])
{
	uint8_t in[1 + 2 * RECORD_NONCE + 8], out[EVP_MAX_MD_SIZE];
	unsigned int i;

	/* whose record it is, as both ends see it */
	in[0] = tx == !!rs->tx_first;
	memcpy(in + 1, rs->nonce, 2 * RECORD_NONCE);
	wire_put64(in + 1 + 2 * RECORD_NONCE, offset);
	if (!HMAC(EVP_sha256(), auth_prf_key(store), AUTH_PRF_SIZE, in,
		  sizeof(in), out, NULL))
		return false;
	for (i = 0; i < AUTH_MASK_SIZE; i++)
		mask[i] ^= out[i];
	wipe(out, sizeof(out));
	return true;
}

static int log_add(struct record_log *l, const void *data, size_t len)
{
	size_t room = l->room ? l->room : 1 << 14;
	uint8_t *d;

	while (room < l->len + len)
		room *= 2;
	if (room != l->room) {
		d = realloc(l->data, room);
		if (!d)
			return -ENOMEM;
		l->data = d;
		l->room = room;
	}
	memcpy(l->data + l->len, data, len);
	l->len += len;
	return 0;
}

static int log_record(struct record_log *l, const uint8_t *head,
		      const void *body, size_t len)
{
	int ret;

	if (l->len + RECORD_HEAD + len > RECORD_LOG_MAX)
		return -EMSGSIZE;
	ret = log_add(l, head, RECORD_HEAD);
	return ret ? ret : log_add(l, body, len);
}

void record_session_clear(struct record_session *rs)
{
	free(rs->tx_log.data);
	free(rs->rx_log.data);
	memset(rs, 0, sizeof(*rs));
}

int record_defer(struct record_session *rs, const void *body, size_t len,
		 uint8_t *head)
{
	int ret;

	wire_put32(head, len);
	wire_put32(head + 4, RECORD_DEFERRED);
	wire_put64(head + 8, rs->tx);
	wire_put64(head + 16, 0);
	ret = log_record(&rs->tx_log, head, body, len);
	if (!ret)
		rs->tx++;
	return ret;
}

int record_seal(struct auth_store *store, struct record_session *rs,
		const void *body, size_t len, uint8_t *head, uint8_t *tag)
{
	/* heads tell lengths, so no two sequences of records look the same */
	struct post_auth_part part[3] = {
		{ rs->tx_log.data, rs->tx_log.len },
		{ head, RECORD_HEAD }, { body, len },
	};
	uint8_t mask[AUTH_MASK_SIZE];
	uint64_t offset;
	int ret;

	ret = auth_tx(store, &offset, mask);
	if (ret)
		return ret;
	ret = -EIO;
	if (!second_layer(store, rs, true, offset, mask))
		goto out;
	wire_put32(head, len);
	wire_put32(head + 4, 0);
	wire_put64(head + 8, rs->tx);
	wire_put64(head + 16, offset);
	post_auth_tag(auth_hash_key(store, true), mask, part, 3, tag);
	rs->tx++;
	rs->tx_log.len = 0;
	ret = 0;
out:
	wipe(mask, sizeof(mask));
	return ret;
}

size_t record_len(const uint8_t head[RECORD_HEAD])
{
	uint32_t len = wire_get32(head);

	return len <= RECORD_MAX && wire_get32(head + 4) <= RECORD_DEFERRED ?
	       len : 0;
}

bool record_deferred(const uint8_t head[RECORD_HEAD])
{
	return wire_get32(head + 4) == RECORD_DEFERRED;
}

int record_open(struct auth_store *store, struct record_session *rs,
		const uint8_t *head, const void *body, size_t len,
		const uint8_t *tag, const char **why)
{
	struct post_auth_part part[3] = {
		{ rs->rx_log.data, rs->rx_log.len },
		{ head, RECORD_HEAD }, { body, len },
	};
	uint64_t offset = wire_get64(head + 16);
	uint8_t mask[AUTH_MASK_SIZE];
	int ret;

	if (wire_get64(head + 8) != rs->rx) {
		*why = "a record was replayed, lost or reordered";
		return -EALREADY;
	}
	if (record_deferred(head)) {
		ret = log_record(&rs->rx_log, head, body, len);
		if (ret)
			*why = ret == -EMSGSIZE ?
			       "too much came without a tag" : "out of memory";
		else
			rs->rx++;
		return ret == -EMSGSIZE ? -EBADMSG : ret;
	}
	ret = auth_rx_peek(store, offset, mask);
	if (ret) {
		*why = ret == -EALREADY ? "a record was replayed" :
		       ret == -ENOKEY ? "a record names a mask that is not here" :
		       ret == -EINVAL ? "a record was tampered with" :
		       "the store of authentication key is broken";
		return ret == -EINVAL ? -EBADMSG : ret;
	}
	ret = -EBADMSG;
	*why = "a record was tampered with, or the ends' secrets differ";
	if (!second_layer(store, rs, false, offset, mask) ||
	    !post_auth_check(auth_hash_key(store, false), mask, part, 3, tag))
		goto out;
	ret = auth_rx_accept(store, offset);
	if (ret)
		*why = "the store of authentication key is broken";
	rs->rx++;
	rs->rx_log.len = 0;
out:
	wipe(mask, sizeof(mask));
	return ret;
}
