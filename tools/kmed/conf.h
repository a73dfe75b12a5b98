/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The settings of qkd-kmed, as read from one JSON file.
 *
 * Documentation/key-service.rst describes the file. What was read is never
 * changed: a reload reads a new one, and who still works with the old holds a
 * reference of it.
 */
#ifndef _KMED_CONF_H
#define _KMED_CONF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_FILE	"/etc/qkd/kmed.json"
#define SAE_ID_MAX	128	/* characters of an SAE's or KME's ID */

struct conf_link;

/* What is spoken at a port; each has its own list of addresses. */
enum conf_port {
	PORT_014,
	PORT_004,
	PORT_SKIP,
	PORTS,
};

struct conf_listen {
	const char **address;
	unsigned int n;
};

/**
 * struct conf_client - who may speak SKIP: it has no certificate
 * @sae: the SAE that it is
 * @identity: by which TLS names it, the SAE's ID unless told
 * @key: file with the key that it shares with us
 */
struct conf_client {
	const char *sae;
	const char *identity;
	const char *key;
};

/**
 * struct conf_pair - two SAEs that share key over a link
 * @local: is served by this KME
 * @remote: is served by the peer's
 */
struct conf_pair {
	const char *local;
	const char *remote;
	const struct conf_link *link;
	unsigned int index;	/* among all pairs of the file */
};

/**
 * struct conf_link - a link, and who may use its key
 * @name: as qkdctl made it
 * @source: kind of key, see source.h
 * @peer_kme: ID of the KME at the other end
 * @peer: where it listens, "HOST:PORT", or NULL: nothing is told to it
 * @key_size, @min_size, @max_size: bits
 * @max_number: keys a request may ask for
 */
struct conf_link {
	const char *name;
	const char *source;
	const char *peer_kme;
	const char *peer;
	uint32_t key_size;
	uint32_t min_size;
	uint32_t max_size;
	uint32_t max_number;
	unsigned int index;
	struct conf_pair *pairs;
	unsigned int n_pairs;
};

/**
 * struct conf - everything
 * @listen: of each port, addresses to serve on, "HOST:PORT"
 * @clients: @n_clients that may speak SKIP
 * @metrics: one to serve figures on without TLS, or NULL
 * @certificate, @key, @ca, @crl: PEM files; @crl may be NULL
 * @store: file for key that waits, or NULL: in memory only
 * @store_key: file with the key that seals it
 * @tpm: how the TPM is reached that seals that, or NULL: looked for
 * @threads: 0: one a processor
 * @max_clients: connections at once, over all threads
 * @timeout: seconds that a connection may go without a whole request
 */
struct conf {
	atomic_uint refs;
	const char *kme_id;
	struct conf_listen listen[PORTS];
	struct conf_client *clients;
	unsigned int n_clients;
	const char *metrics;
	const char *certificate;
	const char *key;
	const char *ca;
	const char *crl;
	const char *store;
	const char *store_key;
	const char *tpm;
	unsigned int threads;
	unsigned int max_clients;
	unsigned int timeout;
	struct conf_link *links;
	unsigned int n_links;
	unsigned int n_pairs;
	void *json;	/* owns the strings */
};

/* NULL on failure, and then @err says what to mend. */
struct conf *conf_read(const char *file, char *err, size_t room);
/* The same of text. */
struct conf *conf_parse(const char *text, char *err, size_t room);
struct conf *conf_hold(struct conf *c);
void conf_put(struct conf *c);	/* NULL is fine */

/* NULL if the two share no key here. */
const struct conf_pair *conf_pair(const struct conf *c, const char *local,
				  const char *remote);
/* Whether any pair has this SAE at our end. */
bool conf_knows(const struct conf *c, const char *local);
/* 1 to SAE_ID_MAX letters, digits and . _ ~ : @ - */
bool conf_id_valid(const char *id);

#endif /* _KMED_CONF_H */
