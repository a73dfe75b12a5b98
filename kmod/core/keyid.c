// SPDX-License-Identifier: GPL-2.0
/*
 * Key IDs: from generation, stream, offset and length to a UUID, and back.
 * Whether such key exists is not its business.
 */
#include <linux/string.h>
#include "keyid.h"

#define UUID_VERSION	0x80	/* high nibble of byte 6 */
#define UUID_VARIANT	0x80	/* high two bits of byte 8 */

/**
 * qkd_key_id_make - name key
 * @id: filled
 * @generation: QKD_GENERATION_SIZE bytes
 * @stream: 0 or 1
 * @offset: of the first byte, below QKD_OFFSET_MAX
 * @len: 1 to QKD_KEY_MAX
 */
void qkd_key_id_make(struct qkd_key_id *id, const u8 *generation,
		     unsigned int stream, u64 offset, u32 len)
{
	unsigned int i;

	memcpy(id->b, generation, 8);
	id->b[6] = UUID_VERSION | (generation[6] & 0x0f);
	id->b[8] = UUID_VARIANT | stream << 5 | len >> 8;
	id->b[9] = len & 0xff;
	for (i = 0; i < 6; i++)
		id->b[10 + i] = offset >> (40 - 8 * i);
}

/**
 * qkd_key_id_parse - read a name
 * @id: bytes from anywhere
 * @stream: set to 0 or 1
 * @offset: set
 * @len: set to 1 to QKD_KEY_MAX
 *
 * Return: false if it is no key ID.
 */
bool qkd_key_id_parse(const struct qkd_key_id *id, unsigned int *stream,
		      u64 *offset, u32 *len)
{
	unsigned int i;

	if ((id->b[6] & 0xf0) != UUID_VERSION ||
	    (id->b[8] & 0xc0) != UUID_VARIANT)
		return false;
	*stream = id->b[8] >> 5 & 1;
	*len = (id->b[8] & 0x1f) << 8 | id->b[9];
	*offset = 0;
	for (i = 0; i < 6; i++)
		*offset = *offset << 8 | id->b[10 + i];
	return *len > 0;
}

/**
 * qkd_key_id_is_of - whether a name is of a generation
 * @id: bytes from anywhere
 * @generation: QKD_GENERATION_SIZE bytes
 */
bool qkd_key_id_is_of(const struct qkd_key_id *id, const u8 *generation)
{
	return !memcmp(id->b, generation, 6) &&
	       (id->b[6] & 0x0f) == (generation[6] & 0x0f) &&
	       id->b[7] == generation[7];
}
