/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one message of the two ends: "I hold key number N", proven by a MAC under it;
 * and by one under the key before, for who has yet to read N.
 * Documentation/consumers.rst has the layout.
 */
#ifndef _ROTATE_MESSAGE_H
#define _ROTATE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_KEY	32	/* bytes */
#define MESSAGE_SIZE	76

/**
 * struct message - what is said
 * @lower: the sender's node ID sorts first, so that none passes for an answer
 *	to itself
 * @seen: the sender knows that the other holds the key too, and its program has it
 * @number: of the key in the stream, from 0
 */
struct message {
	bool lower;
	bool seen;
	uint32_t number;
};

/* @prev: the key before, or all zero where there was none */
void message_write(const struct message *m, const uint8_t key[MESSAGE_KEY],
		   const uint8_t prev[MESSAGE_KEY], uint8_t out[MESSAGE_SIZE]);
/* False if it is none, or not made with this key. */
bool message_read(struct message *m, const uint8_t key[MESSAGE_KEY],
		  const uint8_t *in, size_t len);
/* The same by who holds the key before. */
bool message_read_prev(struct message *m, const uint8_t prev[MESSAGE_KEY],
		       const uint8_t *in, size_t len);

#endif /* _ROTATE_MESSAGE_H */
