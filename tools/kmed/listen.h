/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Listening sockets: from the service manager, or made here.
 */
#ifndef _KMED_LISTEN_H
#define _KMED_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#define LISTEN_MAX	16

/* Sockets that systemd passed, of the name "name"; how many, at most @room. */
unsigned int listen_inherited(const char *name, int *fds, unsigned int room);

/* "[::1]:8443" and "127.0.0.1:8443" into two parts; false: neither. */
bool listen_split(const char *address, char *host, size_t room,
		  const char **port);

/*
 * Binds "HOST:PORT" or "[HOST]:PORT". Returns the descriptor, non-blocking, or
 * -1, having logged why.
 */
int listen_on(const char *address);

#endif /* _KMED_LISTEN_H */
