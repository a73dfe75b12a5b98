/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Little-endian integers and the offsets of the detections format, for the
 * files of this folder that pack and unpack it.
 */
#ifndef TOOLS_RAW_RAW_PRIV_H
#define TOOLS_RAW_RAW_PRIV_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define RAW_MAGIC	"QKDRAW1\n"
#define RAW_GAP_SHIFT	4			/* a record: gap << 4 | code */
#define RAW_SLOT_MAX	(1ULL << 63)		/* slots are below this */
#define RAW_REASON_MAX	1024			/* bytes of RAW_END's text */

/* offsets in the header */
enum {
	RAW_H_MAGIC	= 0,
	RAW_H_KIND	= 8,
	RAW_H_ZERO	= 9,
	RAW_H_TEXT_LEN	= 12,
	RAW_H_RUN	= 16,
	RAW_H_SLOTS_HZ	= 32,
	RAW_H_EPOCH_NS	= 40,
	RAW_H_ZERO2	= 48,
};

/* offsets in the head of a frame */
enum {
	RAW_F_TYPE	= 0,
	RAW_F_WIDTH	= 1,
	RAW_F_ZERO	= 2,
	RAW_F_COUNT	= 4,
	RAW_F_START	= 8,
	RAW_F_END	= 16,
	RAW_F_LEN	= 24,
	RAW_F_ZERO2	= 28,
};

static inline uint16_t raw_get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static inline uint32_t raw_get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t raw_get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline void raw_put16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void raw_put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void raw_put64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

/* Most that the gap of a record of @width bytes can be */
static inline uint64_t raw_gap_max(unsigned int width)
{
	return (1ULL << (width * 8 - RAW_GAP_SHIFT)) - 1;
}

#endif /* TOOLS_RAW_RAW_PRIV_H */
