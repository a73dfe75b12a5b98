// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A relay that lies, linked around the real one's functions (--wrap).
 *
 *	QKD_RELAY_LIE	"key": alters chunks that it forwards; "tag": spoils
 *			their one-time tags, under a session tag that is right;
 *			"seal": spoils the session tag;
 *			"lose": forwards all but the second chunk of one share;
 *			"keep": keeps a copy of what it forwards
 */
#include <stdlib.h>
#include <string.h>

#include "tools/relay/hop.h"

enum frame_reason __real_hop_send(struct hop *hop, const struct route *r,
				  const uint8_t *chunk, size_t len);
enum frame_reason __wrap_hop_send(struct hop *hop, const struct route *r,
				  const uint8_t *chunk, size_t len);
size_t __real_frame_seal(uint8_t *out, size_t len,
			 const uint8_t session[FRAME_SESSION]);
size_t __wrap_frame_seal(uint8_t *out, size_t len,
			 const uint8_t session[FRAME_SESSION]);

static bool lie(const char *how)
{
	const char *is = getenv("QKD_RELAY_LIE");

	return is && !strcmp(is, how);
}

enum frame_reason __wrap_hop_send(struct hop *hop, const struct route *r,
				  const uint8_t *chunk, size_t len)
{
	static bool lost;
	uint8_t other[FRAME_CHUNK];

	if (lie("lose") && !lost && r->offset) {
		lost = true;
		return REASON_NONE;
	}
	if (lie("keep"))
		memcpy(malloc(len), chunk, len);
	if (!lie("key"))
		return __real_hop_send(hop, r, chunk, len);
	memcpy(other, chunk, len);
	other[len / 2] ^= 4;
	return __real_hop_send(hop, r, other, len);
}

size_t __wrap_frame_seal(uint8_t *out, size_t len,
			 const uint8_t session[FRAME_SESSION])
{
	if (lie("tag") && out[4] == FRAME_KEY)
		out[len - 1] ^= 1;
	len = __real_frame_seal(out, len, session);
	if (lie("seal") && out[4] == FRAME_KEY)
		out[len - 1] ^= 1;
	return len;
}
