/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Base64 of key, in time that depends on its length only.
 */
#ifndef _KMED_BASE64_H
#define _KMED_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* Characters for @len bytes, padding included, without a NUL. */
#define BASE64_LEN(len) (((len) + 2) / 3 * 4)

/* Writes BASE64_LEN(len) characters, no NUL. */
void base64_encode(const uint8_t *key, size_t len, char *text);

#endif /* _KMED_BASE64_H */
