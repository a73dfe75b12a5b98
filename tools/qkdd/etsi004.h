/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of a key manager's ETSI GS QKD 004 interface: one key stream.
 *
 * Calls block, for ten seconds at most each way: for a worker's thread. The
 * encoding is tools/kmed/msg_004.h's.
 */
#ifndef _QKDD_ETSI004_H
#define _QKDD_ETSI004_H

#include <stddef.h>
#include <stdint.h>

#include "tools/kmed/msg_004.h"

struct etsi004;

/**
 * struct etsi004_conf - whom to ask, for what, as whom
 * @host, @port: of the key manager
 * @self: the SAE ID of this end
 * @sae: of the other
 * @ksid: key stream ID, the same at both ends
 * @chunk: bytes of a key
 * @cert, @key, @ca: PEM files: this end's certificate, its private key, and
 *	who may sign the key manager's
 */
struct etsi004_conf {
	char host[128];
	char port[8];
	char self[128];
	char sae[128];
	uint8_t ksid[MSG_004_KSID];
	uint32_t chunk;
	char cert[256];
	char key[256];
	char ca[256];
};

/* NULL: no memory, or a file cannot be used; @err says. Does not connect. */
struct etsi004 *etsi004_new(const struct etsi004_conf *conf, char *err,
			    size_t room);
void etsi004_free(struct etsi004 *c);

/*
 * Each returns 0 or a negative errno, and then says why in @err: -EAGAIN for
 * what may be better in a moment. After any other the stream is closed.
 */
int etsi004_open(struct etsi004 *c, char *err, size_t room);
/* The key of an index, not below one asked for before. */
int etsi004_get(struct etsi004 *c, uint32_t index, uint8_t *key, char *err,
		size_t room);

#endif /* _QKDD_ETSI004_H */
