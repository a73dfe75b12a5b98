/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A long way between two ends of a TCP connection: what is said to a port of
 * the loopback comes out at another one later, and so do the answers.
 */
#ifndef _TESTS_QKDD_DELAY_H
#define _TESTS_QKDD_DELAY_H

#include <stdint.h>

/* To port @target, @seconds each way; one connection after another. NULL. */
struct delay *delay_new(uint16_t target, double seconds);
uint16_t delay_port(const struct delay *d);
/* Once both ends have hung up. */
void delay_free(struct delay *d);

#endif /* _TESTS_QKDD_DELAY_H */
