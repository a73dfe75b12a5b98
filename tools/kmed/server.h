/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads that serve SAEs: connections, and who is at their other end.
 */
#ifndef _KMED_SERVER_H
#define _KMED_SERVER_H

#include <openssl/ssl.h>

#include "kme.h"

struct server;

/* A listening socket, and what is spoken there. */
struct server_socket {
	int fd;
	enum conf_port port;
};

/**
 * server_new - start serving
 * @kme: what is served
 * @conf: settings
 * @socks: @n_socks listening sockets; they stay the caller's
 * @n_socks: how many
 *
 * Return: NULL on failure, having logged why.
 */
struct server *server_new(struct kme *kme, struct conf *conf,
			  const struct server_socket *socks,
			  unsigned int n_socks);

/*
 * Other settings and certificates for connections to come, other settings for
 * requests to come; no connection is dropped. 0, or -1 having logged why, and
 * then all is as before.
 */
int server_reload(struct server *s, struct conf *conf);

/* Ends the threads; requests under way are cut off. NULL is fine. */
void server_free(struct server *s);

unsigned int server_clients(const struct server *s);

#endif /* _KMED_SERVER_H */
