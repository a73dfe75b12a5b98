// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzer of the message of qkd-wg and qkd-swan: what comes without the key is never
 * believed, and a true one only as it was sent.
 */
// SOURCES: tools/rotate/message.c tools/post/wipe.c
// PACKAGES: libcrypto
#include <stdlib.h>
#include <string.h>

#include "tools/rotate/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* At most the first tag is looked at with @key, the second with @prev. */
static void changed(const uint8_t *data, size_t size)
{
	static const uint8_t key[MESSAGE_KEY] = { 1 }, prev[MESSAGE_KEY] = { 2 };
	struct message m, got;
	uint8_t right[MESSAGE_SIZE], wrong[MESSAGE_SIZE];
	bool head, tag[2];
	size_t i;

	m.lower = data[0] & 1;
	m.seen = data[0] & 2;
	memcpy(&m.number, data + 1, sizeof(m.number));
	data += 5;
	size -= 5;
	message_write(&m, key, prev, right);
	memcpy(wrong, right, sizeof(wrong));
	for (i = 0; i < size && i < sizeof(wrong); i++)
		wrong[i] ^= data[i];
	head = !memcmp(wrong, right, 12);
	tag[0] = head && !memcmp(wrong + 12, right + 12, 32);
	tag[1] = head && !memcmp(wrong + 44, right + 44, 32);
	if (message_read(&got, key, wrong, sizeof(wrong)) != tag[0])
		abort();
	if (message_read_prev(&got, prev, wrong, sizeof(wrong)) != tag[1])
		abort();
	if ((tag[0] || tag[1]) &&
	    (got.lower != m.lower || got.seen != m.seen ||
	     got.number != m.number))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[MESSAGE_KEY] = { 3 };
	struct message m;

	if (message_read(&m, key, data, size) ||
	    message_read_prev(&m, key, data, size))
		abort();
	if (size >= 5)
		changed(data, size);
	return 0;
}
