/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The key of a hybrid tunnel's SA, of quantum key and post-quantum secret:
 * derive.c.
 */
#ifndef _QX_DERIVE_H
#define _QX_DERIVE_H

#include "msg.h"

#define QX_KEY_MAX	36		/* bytes of key and salt of an SA */
#define QX_PRK_SIZE	48		/* of SHA-384 */

/**
 * struct qx_secret - what two daemons agreed on
 * @id: names it, the same at both ends
 * @bytes: known to nobody else
 */
struct qx_secret {
	u8 id[QKD_XFRM_SECRET_ID_SIZE];
	u8 bytes[QKD_XFRM_SECRET_SIZE];
};

/**
 * struct qx_bind - what a key is bound to
 * @stream: of the quantum key: 0 is what the node whose ID sorts first sends
 * @family: 4 or 6
 * @mode: transport or tunnel
 * @aead: cipher
 * @spi: host order
 * @offset: of the quantum key in its stream
 * @name: of the tunnel, NUL-padded
 */
struct qx_bind {
	u8 stream;
	u8 family;
	u8 mode;
	u8 aead;
	u32 spi;
	u64 offset;
	const char *name;
};

bool qx_derive_there(void);
int qx_derive_extract(u8 prk[QX_PRK_SIZE], const struct qx_secret *s,
		      const u8 *key, u32 len);
int qx_derive_expand(u8 *key, u32 len, const u8 prk[QX_PRK_SIZE],
		     const struct qx_bind *b);

#endif /* _QX_DERIVE_H */
