/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The key that seals the store: from a file, a credential, or the TPM.
 */
#ifndef _KMED_STORE_KEY_H
#define _KMED_STORE_KEY_H

#include <stdint.h>

#include "seallog.h"

/*
 * @name: a file; or, without a slash, a credential that the service manager has
 * unsealed for us. What is in it is the key, or what store_key_make() made. 0, or
 * -1 having logged why.
 */
int store_key_read(const char *name, const char *tcti,
		   uint8_t key[SEALLOG_KEY_SIZE]);

/*
 * A fresh key into a new file, sealed by the TPM. @pcrs: "7,11", or NULL. 0, or -1
 * having logged why.
 */
int store_key_make(const char *path, const char *tcti, const char *pcrs);

#endif /* _KMED_STORE_KEY_H */
