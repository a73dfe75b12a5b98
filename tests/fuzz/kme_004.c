// SPDX-License-Identifier: GPL-2.0-or-later
// LIBRARIES: kmed common
/*
 * Fuzzer of ETSI GS QKD 004's requests: what is taken for one is one, and is
 * written back as the same bytes, but for what follows the NUL of a media type.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/kmed/msg_004.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[MSG_004_HEAD + MSG_004_MAX], again[sizeof(out)];
	struct msg_004_request r, back;
	unsigned int service;
	uint32_t len;
	size_t n;

	if (size < MSG_004_HEAD || !msg_004_head(data, &service, &len))
		return 0;
	if (!msg_004_read(&r, service, data + MSG_004_HEAD,
			  size - MSG_004_HEAD))
		return 0;
	n = msg_004_write(&r, out);
	if (n != size || n > sizeof(out))
		abort();
	if (!msg_004_head(out, &service, &len) || len != n - MSG_004_HEAD ||
	    !msg_004_read(&back, service, out + MSG_004_HEAD, len) ||
	    msg_004_write(&back, again) != n || memcmp(out, again, n))
		abort();
	return 0;
}
