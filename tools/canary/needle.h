/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * needle: is any part of these files in this packet?
 *
 * A file is cut into pieces of NEEDLE_PIECE bytes, one behind the other. Who
 * copies NEEDLE_MIN consecutive bytes of it anywhere copies a whole piece, and
 * every position of a packet is looked at, so no alignment hides it. Shorter
 * copies may go unseen; a piece of one byte repeated is no needle, since
 * padding would match it.
 */
#ifndef CANARY_NEEDLE_H
#define CANARY_NEEDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NEEDLE_PIECE 16
#define NEEDLE_MIN (2 * NEEDLE_PIECE - 1)

struct needles;

/* NULL when memory is out. */
struct needles *needles_new(void);
void needles_free(struct needles *set);

/**
 * needles_add - plant a text
 * @set: to add to
 * @text: @len bytes, copied
 * @len: at least NEEDLE_PIECE
 *
 * Return: pieces added, or -1 when memory is out.
 */
long needles_add(struct needles *set, const uint8_t *text, size_t len);

/* The first position of @buf that holds a piece, or -1. O(len). */
long needles_find(const struct needles *set, const uint8_t *buf, size_t len);

#endif /* CANARY_NEEDLE_H */
