// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The polynomial hash, fed in pieces.
 */
#include <endian.h>
#include <string.h>

#include "tools/post/polyhash.h"
#include "tools/post/wipe.h"

static uint64_t get_le64(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, 8);
	return le64toh(x);
}

static void put_le64(uint8_t *p, uint64_t x)
{
	x = htole64(x);
	memcpy(p, &x, 8);
}

void polyhash_begin(struct polyhash *p, const uint8_t h[16])
{
	memset(p, 0, sizeof(*p));
	p->h.lo = get_le64(h);
	p->h.hi = get_le64(h + 8);
}

void polyhash_add(struct polyhash *p, const void *data, size_t len)
{
	const uint8_t *d = data;
	size_t fill = p->len % 16, n;

	if (!len)
		return;
	p->len += len;
	if (fill) {
		n = 16 - fill < len ? 16 - fill : len;
		memcpy(p->part + fill, d, n);
		d += n;
		len -= n;
		if (fill + n < 16)
			return;
		p->acc = gf128_hash_blocks(p->acc, p->h, p->part, 1);
	}
	p->acc = gf128_hash_blocks(p->acc, p->h, d, len / 16);
	if (len % 16)
		memcpy(p->part, d + len / 16 * 16, len % 16);
}

void polyhash_end(struct polyhash *p, uint64_t bits, uint8_t out[16])
{
	size_t fill = p->len % 16;
	uint8_t last[16] = { 0 };

	if (fill) {
		memset(p->part + fill, 0, 16 - fill);
		p->acc = gf128_hash_blocks(p->acc, p->h, p->part, 1);
	}
	put_le64(last, bits);
	p->acc = gf128_hash_blocks(p->acc, p->h, last, 1);
	put_le64(out, p->acc.lo);
	put_le64(out + 8, p->acc.hi);
	post_wipe(p, sizeof(*p));
}
