/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A store's mark as KMEs tell it each other, in JSON.
 */
#ifndef _KMED_MARK_H
#define _KMED_MARK_H

#include <stddef.h>

#include "store.h"

#define MARK_TEXT_SIZE	96

/* Return: @text, of MARK_TEXT_SIZE bytes. */
const char *mark_format(const struct store_mark *m, char *text);
/* 1; 0: it says that there is none; -EINVAL. */
int mark_parse(const char *text, size_t len, struct store_mark *m);

#endif /* _KMED_MARK_H */
