// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Key IDs: a range of a stream under a generation, as a UUID of version 8.
 *
 * The layout is in Documentation/formats.rst. Only IDs that can name key are
 * made or accepted; whether the key is there, the kernel knows.
 */
#include <errno.h>
#include <string.h>

#include "internal.h"

#define VERSION_8	0x80	/* byte 6, high half */
#define VARIANT		0x80	/* byte 8, upper two bits */

static int check_range(uint32_t stream, uint32_t len, uint64_t offset)
{
	if (stream > 1)
		return qkd_fail(-EINVAL, "a key's stream is 0 or 1, not %u",
				stream);
	if (len < 1 || len > QKD_KEY_MAX)
		return qkd_fail(-EINVAL, "a key has 1 to %u bytes, not %u",
				QKD_KEY_MAX, len);
	if (offset > QKD_OFFSET_MAX - len)
		return qkd_fail(-EINVAL, "a key's offset is below 2^48");
	return 0;
}

void qkd_generation_tag(const uint8_t generation[QKD_GENERATION_SIZE],
			uint8_t tag[QKD_KEY_ID_TAG_SIZE])
{
	memcpy(tag, generation, QKD_KEY_ID_TAG_SIZE);
	tag[6] &= 0x0f;
}

int qkd_key_id_encode(const uint8_t generation[QKD_GENERATION_SIZE],
		      uint32_t stream, uint32_t len, uint64_t offset,
		      struct qkd_key_id *id)
{
	int err = check_range(stream, len, offset);

	if (err)
		return err;
	qkd_generation_tag(generation, id->b);
	id->b[6] |= VERSION_8;
	id->b[8] = VARIANT | stream << 5 | len >> 8;
	id->b[9] = len;
	for (int i = 0; i < 6; i++)
		id->b[10 + i] = offset >> (8 * (5 - i));
	return 0;
}

int qkd_key_id_decode(const struct qkd_key_id *id, struct qkd_key_range *range)
{
	const uint8_t *b = id->b;

	if ((b[6] & 0xf0) != VERSION_8 || (b[8] & 0xc0) != VARIANT)
		return qkd_fail(-EINVAL, "not a key ID: a UUID of version 8 is expected");
	memcpy(range->tag, b, QKD_KEY_ID_TAG_SIZE);
	range->tag[6] &= 0x0f;
	range->stream = b[8] >> 5 & 1;
	range->len = (b[8] & 0x1f) << 8 | b[9];
	range->offset = 0;
	for (int i = 10; i < QKD_KEY_ID_SIZE; i++)
		range->offset = range->offset << 8 | b[i];
	return check_range(range->stream, range->len, range->offset);
}

static bool is_dash(int i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

char *qkd_key_id_format(const struct qkd_key_id *id, char *buf)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *b = id->b;

	for (int i = 0; i < QKD_KEY_ID_STRLEN; b++) {
		if (is_dash(i))
			buf[i++] = '-';
		buf[i++] = hex[*b >> 4];
		buf[i++] = hex[*b & 0x0f];
	}
	buf[QKD_KEY_ID_STRLEN] = '\0';
	return buf;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int qkd_key_id_parse(const char *text, struct qkd_key_id *id)
{
	struct qkd_key_range range;
	struct qkd_key_id got;
	uint8_t *b = got.b;

	if (strnlen(text, QKD_KEY_ID_STRLEN + 1) != QKD_KEY_ID_STRLEN)
		goto bad;
	for (int i = 0; i < QKD_KEY_ID_STRLEN; i += 2, b++) {
		int high, low;

		if (is_dash(i) && text[i++] != '-')
			goto bad;
		high = nibble(text[i]);
		low = nibble(text[i + 1]);
		if (high < 0 || low < 0)
			goto bad;
		*b = high << 4 | low;
	}
	if (qkd_key_id_decode(&got, &range))
		return -EINVAL;
	*id = got;
	return 0;
bad:
	return qkd_fail(-EINVAL, "not a key ID: expected xxxxxxxx-xxxx-8xxx-xxxx-xxxxxxxxxxxx");
}
