/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fresh key that was taken from a source in ranges, to be given in keys.
 */
#ifndef _KMED_LEASE_H
#define _KMED_LEASE_H

#include <stdint.h>
#include <sys/queue.h>

#include <qkd/qkd.h>

/**
 * struct lease - a range of a tx stream
 * @id: names all of it
 * @len: bytes of it
 * @from: bytes given away; the rest is to be had
 * @key: its bytes
 */
struct lease {
	STAILQ_ENTRY(lease) list;
	struct qkd_key_id id;
	uint32_t len;
	uint32_t from;
	uint8_t key[];
};

STAILQ_HEAD(leases, lease);

/* Of @len bytes, not filled. NULL: out of memory. */
struct lease *lease_new(uint32_t len);
void lease_free(struct lease *l);	/* wipes */
void leases_clear(struct leases *q);

/* How many keys of @len bytes can be taken. */
uint32_t leases_count(const struct leases *q, uint32_t len);

/*
 * Takes the next key of @len bytes, which must be there; what is too short for
 * it on the way is wiped.
 */
void leases_take(struct leases *q, uint32_t len, uint8_t *key,
		 struct qkd_key_id *id);

#endif /* _KMED_LEASE_H */
