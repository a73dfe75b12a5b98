/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of a key management entity's ETSI GS QKD 014 interface.
 *
 * Calls block, for ten seconds at most: for a worker's thread.
 */
#ifndef _QKDD_ETSI014_H
#define _QKDD_ETSI014_H

#include <stddef.h>
#include <stdint.h>

#define ETSI014_ID	16	/* bytes of a key ID, a UUID */
#define ETSI014_KEYS	100	/* of one request at most */

struct etsi014;

/**
 * struct etsi014_conf - whom to ask, as whom
 * @url: "https://HOST:PORT"
 * @sae: the SAE ID of the other end
 * @cert: file with this end's certificate
 * @key: file with its private key
 * @ca: file with the certificates that may sign the KME's
 */
struct etsi014_conf {
	char url[256];
	char sae[128];
	char cert[256];
	char key[256];
	char ca[256];
};

/* What the KME says of itself and the pair of SAEs */
struct etsi014_status {
	int64_t key_size;		/* bits */
	int64_t max_key_per_request;
	int64_t stored_key_count;
};

/* NULL: no memory. */
struct etsi014 *etsi014_new(const struct etsi014_conf *conf);
void etsi014_free(struct etsi014 *c);

/*
 * Each returns 0 or a negative errno, and then says why in @err: -EHOSTUNREACH
 * for no answer, -EAGAIN for one that may be better later (503, or keys not
 * found), -EACCES (401), -EBADMSG for one that makes no sense, -EINVAL.
 */
int etsi014_status(struct etsi014 *c, struct etsi014_status *st, char *err,
		   size_t room);
/* @n keys of @size bytes; their IDs and bytes, one after the other. */
int etsi014_enc_keys(struct etsi014 *c, size_t n, size_t size, uint8_t *ids,
		     uint8_t *key, char *err, size_t room);
/* The keys of these IDs, in their order; @len: out, bytes in all. */
int etsi014_dec_keys(struct etsi014 *c, size_t n, const uint8_t *ids,
		     uint8_t *key, size_t key_room, size_t *len, char *err,
		     size_t room);

#endif /* _QKDD_ETSI014_H */
