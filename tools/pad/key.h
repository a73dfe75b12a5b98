/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _PAD_KEY_H
#define _PAD_KEY_H

#include "tools/pad/format.h"

/**
 * pad_key_read - a store's key
 * @name: a file, or, without a slash, a credential that the service manager
 *	has unsealed ($CREDENTIALS_DIRECTORY, systemd.exec(5))
 * @key: out; secret
 *
 * Return: 0, -EBADMSG: it does not have PAD_KEY_SIZE bytes; or another -errno.
 */
int pad_key_read(const char *name, uint8_t key[PAD_KEY_SIZE]);

#endif /* _PAD_KEY_H */
