/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of churn offer each other.
 */
#ifndef _TESTS_CHURN_H
#define _TESTS_CHURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- memory of the kernel (memory.c) ---- */

/* kB that are not given back when memory is short */
struct memory {
	long slab;
	long percpu;
	long vmalloc;
};

/* What is left when everything that ended has been freed; takes seconds. */
struct memory memory_now(void);
long memory_sum(const struct memory *m);
/*
 * Until hardly more than @n namespaces are there or on their way out, for some
 * seconds at most: what stays for good is seen in memory_now().
 */
void memory_wait_namespaces(unsigned int n);
unsigned int memory_namespaces(void);

/* ---- network devices, in the namespace we are in (rtnl.c) ---- */

/* A one-time-pad device on @link, up: 0 or -errno */
int rtnl_otp_add(const char *name, const char *link, uint16_t id,
		 uint16_t port, uint16_t remote_port);
/* The same with @addr/24 (network order). */
int rtnl_otp(const char *name, const char *link, uint16_t id, uint16_t port,
	     uint16_t remote_port, uint32_t addr);

/* ---- keys (keys.c) ---- */

struct pair;

/* @n keys are the same at both ends. */
bool keys(struct pair *p, unsigned int n);

/* ---- netlink (dump.c) ---- */

/* A dump of links that was begun, and not read to its end: its socket. */
int dump_begin(void);

#endif /* _TESTS_CHURN_H */
