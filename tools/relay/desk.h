/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where drivers of this machine's qkdd come: a socket, a client for each
 * virtual link.
 */
#ifndef _RELAY_DESK_H
#define _RELAY_DESK_H

struct desk;
struct relay;
struct relay_conf;

/* NULL, having logged why. */
struct desk *desk_new(struct relay *relay, const struct relay_conf *conf);
void desk_free(struct desk *d);

#endif /* _RELAY_DESK_H */
