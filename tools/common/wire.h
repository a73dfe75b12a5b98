/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Integers on the wire, big-endian, at any alignment; and a bounded reader.
 */
#ifndef _COMMON_WIRE_H
#define _COMMON_WIRE_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline void wire_put32(uint8_t *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void wire_put64(uint8_t *p, uint64_t v)
{
	v = htobe64(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint32_t wire_get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static inline uint64_t wire_get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

/**
 * struct wire - what is left of a message; reading past its end marks it
 * @p: next byte
 * @len: bytes left
 * @bad: something was read that was not there; all such reads give zero
 */
struct wire {
	const uint8_t *p;
	size_t len;
	bool bad;
};

/* @len bytes of the message, or NULL */
static inline const uint8_t *wire_bytes(struct wire *w, size_t len)
{
	const uint8_t *p = w->p;

	if (w->bad || len > w->len) {
		w->bad = true;
		return NULL;
	}
	w->p += len;
	w->len -= len;
	return p;
}

static inline uint32_t wire_u32(struct wire *w)
{
	const uint8_t *p = wire_bytes(w, 4);

	return p ? wire_get32(p) : 0;
}

static inline uint64_t wire_u64(struct wire *w)
{
	const uint8_t *p = wire_bytes(w, 8);

	return p ? wire_get64(p) : 0;
}

static inline void wire_copy(struct wire *w, void *dst, size_t len)
{
	const uint8_t *p = wire_bytes(w, len);

	if (p)
		memcpy(dst, p, len);
	else
		memset(dst, 0, len);
}

/*
 * A peer's words, shown to people: what is not plain text becomes '?'. Always
 * ended; as much as there is room for.
 */
static inline void wire_text(char *to, size_t room, const void *from,
			     size_t len)
{
	const uint8_t *p = from;
	size_t i;

	for (i = 0; i < len && i < room - 1; i++)
		to[i] = p[i] >= ' ' && p[i] <= '~' ? p[i] : '?';
	to[i] = '\0';
}

/* All was there, and nothing is left over */
static inline bool wire_done(const struct wire *w)
{
	return !w->bad && !w->len;
}

#endif /* _COMMON_WIRE_H */
