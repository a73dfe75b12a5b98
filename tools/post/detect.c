// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The body of DETECT: which pulses Bob detected, and in which bases.
 *
 *   be32   n
 *   u8[]   two bits for each gap: its bytes less one; four gaps a byte
 *   u8[]   the gaps, little-endian, one to four bytes each
 *   u8[]   n bits, the bases
 *
 * A gap is the number of pulses skipped since the last detection (the first:
 * since the message's base).  The layout is that of Stream VByte (Lemire,
 * Kurz, Rupp 2018): lengths apart from data, so that nothing is tested byte
 * by byte.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "tools/post/bits.h"
#include "tools/post/sift.h"

static size_t control_bytes(size_t n)
{
	return n / 4 + (n % 4 != 0);
}

size_t post_detect_size(size_t n)
{
	/* three bytes more, so that a gap can be written as four */
	return 4 + control_bytes(n) + 4 * n + 3 + post_bytes(n);
}

static unsigned int gap_bytes(uint32_t gap)
{
	return 1 + (gap > 0xff) + (gap > 0xffff) + (gap > 0xffffff);
}

static void put_le32(uint8_t *p, uint32_t x)
{
	x = htole32(x);
	memcpy(p, &x, 4);
}

static uint32_t get_le32(const uint8_t *p)
{
	uint32_t x;

	memcpy(&x, p, 4);
	return le32toh(x);
}

/*
 * Whole fours whose gaps take a byte each, as nearly all do where detections
 * are frequent. Return: how many detections, *base behind the last of them.
 */
static size_t put_short(uint8_t *data, const uint8_t *end, uint64_t *base,
			const uint64_t *index, size_t n)
{
	uint64_t b = *base;
	size_t i;

	for (i = 0; i + 4 <= n && end - data >= 4; i += 4, data += 4) {
		uint64_t g0 = index[i] - b;
		uint64_t g1 = index[i + 1] - index[i] - 1;
		uint64_t g2 = index[i + 2] - index[i + 1] - 1;
		uint64_t g3 = index[i + 3] - index[i + 2] - 1;

		/* if one went back its gap is huge */
		if ((g0 | g1 | g2 | g3) > 0xff)
			break;
		put_le32(data, g0 | g1 << 8 | g2 << 16 | g3 << 24);
		b = index[i + 3] + 1;
	}
	*base = b;
	return i;
}

long post_detect_put(uint8_t *buf, size_t size, uint64_t base,
		     const uint64_t *index, const uint64_t *basis, size_t n)
{
	uint8_t *control = buf + 4, *data = control + control_bytes(n);
	uint8_t *end = buf + size;
	size_t i;

	if (n > POST_DETECT_MAX)
		return -ERANGE;
	if (size < 4 + control_bytes(n) + post_bytes(n))
		return -ENOSPC;
	put_le32(buf, htobe32(htole32(n)));
	memset(control, 0, control_bytes(n));
	for (i = 0; i < n; i++) {
		unsigned int bytes;
		uint64_t gap;

		if (i % 4 == 0) {
			size_t k = put_short(data, end, &base, index + i,
					     n - i);

			i += k;
			data += k;
			if (i == n)
				break;
		}
		gap = index[i] - base;
		if (index[i] < base)
			return -EINVAL;
		if (gap > UINT32_MAX)
			return -ERANGE;
		if (end - data < 4)
			return -ENOSPC;
		bytes = gap_bytes(gap);
		put_le32(data, gap);
		data += bytes;
		control[i / 4] |= (bytes - 1) << (2 * (i % 4));
		base = index[i] + 1;
	}
	if ((size_t)(end - data) < post_bytes(n))
		return -ENOSPC;
	post_bits_store(data, basis, n);
	return data + post_bytes(n) - buf;
}

/* bytes of gaps that the control bytes announce */
static size_t data_bytes(const uint8_t *control, size_t n)
{
	size_t i, sum = n;
	uint64_t eight;

	for (i = 0; i < n / 4; i++) {
		uint8_t c = control[i];

		if (!c && i + 8 <= n / 4) {
			memcpy(&eight, control + i, 8);
			if (!eight) {
				i += 7;
				continue;
			}
		}

		sum += (c & 3) + (c >> 2 & 3) + (c >> 4 & 3) + (c >> 6);
	}
	for (i *= 4; i < n; i++)
		sum += control[i / 4] >> (2 * (i % 4)) & 3;
	return sum;
}

/* at least one byte follows, at the end of the gaps fewer than four */
static uint32_t get_gap(const uint8_t *p, unsigned int bytes, size_t left)
{
	uint32_t x = 0;

	if (left >= 4)
		x = get_le32(p);
	else
		memcpy(&x, p, left);
	if (left < 4)
		x = le32toh(x);
	return x & (0xffffffff >> (32 - 8 * bytes));
}

/*
 * The other way round: whole fours of gaps of a byte each. There are @left
 * bytes of gaps. Slots do not wrap around: limit is looked at where it counts.
 */
static size_t get_short(const uint8_t *control, const uint8_t *data,
			size_t left, uint64_t *base, uint64_t limit,
			uint64_t *index, size_t n)
{
	uint64_t b = *base;
	size_t i;

	for (i = 0; i + 4 <= n && left - i >= 4 && !control[i / 4]; i += 4) {
		const uint8_t *p = data + i;
		uint64_t a0 = b + p[0], a1 = a0 + p[1] + 1;
		uint64_t a2 = a1 + p[2] + 1, a3 = a2 + p[3] + 1;

		if (a3 < b || a3 >= limit)
			break;
		index[i] = a0;
		index[i + 1] = a1;
		index[i + 2] = a2;
		index[i + 3] = a3;
		b = a3 + 1;
	}
	*base = b;
	return i;
}

long post_detect_get(const uint8_t *buf, size_t len, uint64_t base,
		     uint64_t limit, uint64_t *index, uint64_t *basis,
		     size_t max)
{
	const uint8_t *control = buf + 4, *data;
	size_t n, i, left;

	if (len < 4)
		return -EBADMSG;
	n = be32toh(htole32(get_le32(buf)));
	if (n > POST_DETECT_MAX)
		return -EBADMSG;
	if (n > max)
		return -EMSGSIZE;
	if (len < 4 + control_bytes(n))
		return -EBADMSG;
	if (n % 4 && control[n / 4] >> (2 * (n % 4)))
		return -EBADMSG;
	data = control + control_bytes(n);
	left = data_bytes(control, n);
	if (len != 4 + control_bytes(n) + left + post_bytes(n))
		return -EBADMSG;
	for (i = 0; i < n; i++) {
		unsigned int bytes;
		uint64_t at;

		if (i % 4 == 0) {
			size_t k = get_short(control + i / 4, data, left,
					     &base, limit, index + i, n - i);

			i += k;
			data += k;
			left -= k;
			if (i == n)
				break;
		}
		bytes = 1 + (control[i / 4] >> (2 * (i % 4)) & 3);
		at = base + get_gap(data, bytes, left);
		if (at < base || at >= limit)
			return -EBADMSG;
		index[i] = at;
		base = at + 1;
		data += bytes;
		left -= bytes;
	}
	if (post_bits_load(basis, data, n))
		return -EBADMSG;
	return n;
}
