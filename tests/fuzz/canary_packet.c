// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzer of what qkd-canary makes of a frame that somebody on the wire made up: it
 * is of some kind, whatever it is, and planted text is found in it wherever it is.
 */
// SOURCES: tools/canary/packet.c tools/canary/needle.c
// PACKAGES: libpcap
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include "tools/canary/needle.h"
#include "tools/canary/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int linktypes[] = {
	DLT_EN10MB, DLT_RAW, DLT_LINUX_SLL, DLT_LINUX_SLL2, 147,
};

static void find(const uint8_t *data, size_t size)
{
	static const char text[] = "planted text, of which any part is found";
	static struct needles *needles;
	uint8_t *frame = malloc(size + NEEDLE_MIN);
	size_t at = size ? data[0] % size : 0;
	long found;

	if (!needles) {
		needles = needles_new();
		if (needles_add(needles, (const uint8_t *)text,
				sizeof(text) - 1) < 1)
			abort();
	}
	memcpy(frame, data, at);
	memcpy(frame + at, text + at % (sizeof(text) - NEEDLE_MIN), NEEDLE_MIN);
	memcpy(frame + at + NEEDLE_MIN, data + at, size - at);
	found = needles_find(needles, frame, size + NEEDLE_MIN);
	if (found < 0 || found > (long)at + NEEDLE_PIECE - 1)
		abort();
	free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct packet_ports ports = { 51014, 51015, 4500 };
	struct packet p;
	size_t i;

	for (i = 0; i < sizeof(linktypes) / sizeof(linktypes[0]); i++) {
		p = packet_classify(linktypes[i], &ports, data, size);
		if (p.kind >= PACKET_KINDS ||
		    (p.spi && p.kind != PACKET_ESP) ||
		    !packet_kind_name(p.kind))
			abort();
	}
	find(data, size);
	return 0;
}
