/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection of strongSwan's daemon: its postquantum preshared key (PPK,
 * RFC 8784) and its IKE SAs, by VICI.
 */
#ifndef _SWAN_CHARON_H
#define _SWAN_CHARON_H

#include <stdbool.h>
#include <stdint.h>

#define CHARON_PPK	32	/* bytes */
#define CHARON_ID	256	/* bytes of a PPK ID and its zero */

/**
 * struct charon - the connection that is meant
 * @socket: VICI's
 * @conn: its name in swanctl.conf
 * @child: one of its children, to be initiated when there is no IKE SA, or NULL
 * @fd: while connected to VICI
 * @error: what charon said
 */
struct charon {
	const char *socket;
	const char *conn;
	const char *child;
	int fd;
	char error[256];
};

/**
 * struct charon_conn - the connection's configuration
 * @ppk_id: empty: it names none
 * @required: it refuses peers without PPK
 */
struct charon_conn {
	bool found;
	char ppk_id[CHARON_ID];
	bool required;
};

/**
 * struct charon_sas - its IKE SAs
 * @all: how many there are
 * @young: of them, how many are established, newer than asked for, under a PPK
 * @old: how many are not newer
 * @newest: charon's number of the newest
 */
struct charon_sas {
	unsigned int all;
	unsigned int young;
	unsigned int old;
	uint64_t newest;
};

/*
 * All: 0 or a negative errno; -EREMOTEIO: charon refuses, @error says why.
 * Everything between open and close goes over one connection.
 */
int charon_open(struct charon *c);
void charon_close(struct charon *c);

int charon_conn(struct charon *c, struct charon_conn *conn);
/* 1: it has the PPK that was loaded for this connection, whichever */
int charon_has(struct charon *c);
int charon_load(struct charon *c, const char *ppk_id,
		const uint8_t key[CHARON_PPK]);
/* @newest: SAs with greater numbers are young */
int charon_sas(struct charon *c, uint64_t newest, struct charon_sas *sas);
/* These only begin. -ENOENT: there is no IKE SA to reauthenticate. */
int charon_reauth(struct charon *c);
int charon_initiate(struct charon *c);

#endif /* _SWAN_CHARON_H */
