/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Key IDs, as Documentation/formats.rst lays them out. Pure; also compiled in
 * userspace.
 */
#ifndef _QKD_KEYID_H
#define _QKD_KEYID_H

#include <linux/qkd_dev.h>
#include <linux/types.h>

void qkd_key_id_make(struct qkd_key_id *id, const u8 *generation,
		     unsigned int stream, u64 offset, u32 len);
bool qkd_key_id_parse(const struct qkd_key_id *id, unsigned int *stream,
		      u64 *offset, u32 *len);
bool qkd_key_id_is_of(const struct qkd_key_id *id, const u8 *generation);

#endif /* _QKD_KEYID_H */
