// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzer of the messages between the two ends' qkd_xfrm: what is understood is
 * written again bit by bit, so that there is one way to say a thing.
 */
// SOURCES: kmod/xfrm/msg.c
#include <stdlib.h>

#include "kmod/xfrm/msg.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u8 body[QX_WIRE_MAX];
	struct qx_msg m;

	if (qx_msg_parse(&m, data, size))
		return 0;
	if (!m.type || m.type >= QX_MSG_TYPES || m.reason >= QX_REASONS ||
	    (m.family != 4 && m.family != 6) ||
	    !memchr(m.name, 0, sizeof(m.name)))
		abort();
	if (!(m.flags & QX_F_ADHOC) != qx_name_valid(m.name))
		abort();
	if (qx_msg_build(body, &m) != size || memcmp(body, data, size))
		abort();
	return 0;
}
