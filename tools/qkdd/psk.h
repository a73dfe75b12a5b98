/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds a link's authentication store, or makes it of the pre-shared secret.
 */
#ifndef _QKDD_PSK_H
#define _QKDD_PSK_H

#include <stdbool.h>
#include <stddef.h>

struct auth_store;
struct psk;

/**
 * psk_open - open the store of a link
 * @psk: out: to be closed with psk_close(), which frees the store as well
 * @psk_dir: where secrets are left for the daemon, one file a link
 * @state_dir: where stores are kept
 * @link: the link's name
 * @lower: this node's ID sorts first
 * @err: out, when it fails: what to do about it
 * @room: of @err
 *
 * A secret that is new makes a new store, and is erased then: from that on
 * the store alone knows what of it was used. Return: 0; -ENOENT: neither
 * store nor secret; -EBUSY: another process has the store; or another -errno.
 */
int psk_open(struct psk **psk, const char *psk_dir, const char *state_dir,
	     const char *link, bool lower, char *err, size_t room);
void psk_close(struct psk *psk);	/* NULL is fine */

struct auth_store *psk_store(struct psk *psk);
/* True if a secret is waiting to be taken. */
bool psk_waiting(const char *psk_dir, const char *link);

#endif /* _QKDD_PSK_H */
