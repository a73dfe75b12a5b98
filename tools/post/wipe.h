/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Secrets leave memory here (invariant 4), and secrets are compared here.
 *
 * Timing: depends on lengths only; comparing does not stop at a difference.
 */
#ifndef QKD_POST_WIPE_H
#define QKD_POST_WIPE_H

#include <stdbool.h>
#include <stddef.h>

/** post_wipe() - set memory to zero in a way no compiler removes */
void post_wipe(void *p, size_t len);

/** post_free() - post_wipe() and free(); @p may be NULL */
void post_free(void *p, size_t len);

/**
 * post_alloc() - zeroed memory for key, kept out of core dumps
 * @len: bytes
 *
 * Free it with post_free() and the same length.
 *
 * Return: memory aligned to 64 bytes, or NULL.
 */
void *post_alloc(size_t len);

/** post_equal() - whether @len bytes agree; time depends on @len only */
bool post_equal(const void *a, const void *b, size_t len);

#endif
