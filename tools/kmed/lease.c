// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cuts ranges of key into keys. The ID of each is that of its part.
 */
#include <stdlib.h>
#include <string.h>

#include "lease.h"

struct lease *lease_new(uint32_t len)
{
	struct lease *l = calloc(1, sizeof(*l) + len);

	if (l)
		l->len = len;
	return l;
}

void lease_free(struct lease *l)
{
	qkd_wipe(l->key, l->len);
	free(l);
}

void leases_clear(struct leases *q)
{
	struct lease *l;

	while ((l = STAILQ_FIRST(q))) {
		STAILQ_REMOVE_HEAD(q, list);
		lease_free(l);
	}
}

uint32_t leases_count(const struct leases *q, uint32_t len)
{
	const struct lease *l;
	uint32_t n = 0;

	STAILQ_FOREACH(l, q, list)
		n += (l->len - l->from) / len;
	return n;
}

/* The ID of @len bytes at @from within the range that @whole names. */
static void part_id(const struct qkd_key_id *whole, uint32_t from,
		    uint32_t len, struct qkd_key_id *id)
{
	uint8_t generation[QKD_GENERATION_SIZE] = { 0 };
	struct qkd_key_range at;

	qkd_key_id_decode(whole, &at);
	memcpy(generation, at.tag, sizeof(at.tag));
	qkd_key_id_encode(generation, at.stream, len, at.offset + from, id);
}

void leases_take(struct leases *q, uint32_t len, uint8_t *key,
		 struct qkd_key_id *id)
{
	struct lease *l;

	while ((l = STAILQ_FIRST(q)) && l->len - l->from < len) {
		STAILQ_REMOVE_HEAD(q, list);
		lease_free(l);
	}
	part_id(&l->id, l->from, len, id);
	memcpy(key, l->key + l->from, len);
	qkd_wipe(l->key + l->from, len);
	l->from += len;
	if (l->from == l->len) {
		STAILQ_REMOVE_HEAD(q, list);
		lease_free(l);
	}
}
