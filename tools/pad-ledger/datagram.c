// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which pad a datagram says it has used: the formats of peer messages and of
 * one-time-pad packets (Documentation/formats.rst), no more of them than that.
 *
 * Pure: no packets' headers, no files.
 */
#include <inttypes.h>
#include <string.h>

#include "ledger.h"

#define MSG_HEAD	32
#define MSG_TAG		16
#define MSG_BODY_MAX	1024
#define MSG_KEY		32	/* bytes of pad a message's MAC takes */
#define OTP_HEAD	32
#define OTP_MASK	16	/* bytes of pad besides one for each of C */

static uint64_t be(const uint8_t *p, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* Tells datagrams apart; nobody is there to be deceived. FNV-1a */
static uint64_t digest(const uint8_t *p, size_t len)
{
	uint64_t h = 0xcbf29ce484222325;

	while (len--)
		h = (h ^ *p++) * 0x100000001b3;
	return h;
}

static void put(FILE *to, const uint8_t *generation, const char *stream,
		uint64_t offset, uint64_t len, const char *what,
		uint64_t which)
{
	for (int i = 0; i < 6; i++)
		fprintf(to, "%02x", generation[i]);
	fprintf(to, " %s %" PRIu64 " %" PRIu64 " %s:%016" PRIx64 "\n", stream,
		offset, len, what, which);
}

int datagram_use(const uint8_t *payload, size_t len, bool otp,
		 const char *stream, FILE *to)
{
	if (len < MSG_HEAD || payload[0] != 1)
		return 0;
	if (otp) {
		if (payload[1] != 0)	/* fallback: no pad for the payload */
			return 0;
		put(to, payload + 4, stream, be(payload + 10, 6),
		    OTP_MASK + len - OTP_HEAD, "otp", digest(payload, len));
		return 1;
	}
	if (be(payload + 2, 2) > MSG_BODY_MAX ||
	    len != MSG_HEAD + be(payload + 2, 2) + MSG_TAG)
		return 0;
	put(to, payload + 8, stream, be(payload + 24, 8), MSG_KEY, "msg",
	    digest(payload, len));
	return 1;
}
