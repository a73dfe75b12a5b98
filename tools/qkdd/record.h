/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unit that is authenticated on the classical channel.
 *
 * A record carries one or more messages of one direction, its number, the
 * position of its mask, and a Wegman-Carter tag over all of it. A deferred
 * record has no tag of its own: the next sealed one's covers it as well, and
 * until then what it says must not be relied on. Sealing and opening are done
 * here, from memory to memory; when to, and what to do when a record is wrong,
 * is the channel's (channel.c). Layout: see Documentation/formats.rst.
 *
 * Timing: depends on lengths only.
 */
#ifndef _QKDD_RECORD_H
#define _QKDD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_HEAD	24		/* length, flags, number, position */
#define RECORD_TAG	16
#define RECORD_MAX	(32u << 20)	/* bytes of the longest body */
#define RECORD_NONCE	16
#define RECORD_DEFERRED	1u		/* flag: there is no tag */
/* What may be deferred before a tag must come */
#define RECORD_LOG_MAX	(2u << 20)

/**
 * struct record_log - deferred records, until a tag covers them
 * @data: @len bytes of heads and bodies
 * @room: bytes there is room for
 */
struct record_log {
	uint8_t *data;
	size_t len;
	size_t room;
};

struct auth_store;

/**
 * struct record_session - what one connection's records have in common
 * @nonce: of the end that dialled, then of the one that answered
 * @tx_first: this end dialled
 * @tx: number of the next record sent
 * @rx: number of the next record expected
 * @tx_log: sent and not yet sealed
 * @rx_log: received and not yet known to be right
 */
struct record_session {
	uint8_t nonce[2][RECORD_NONCE];
	int tx_first;
	uint64_t tx;
	uint64_t rx;
	struct record_log tx_log;
	struct record_log rx_log;
};

void record_session_clear(struct record_session *rs);

/**
 * record_defer - make the head of a record that has no tag
 * @rs: the session; its number goes on
 * @body: what is carried
 * @len: its bytes, 1 to RECORD_MAX
 * @head: out: RECORD_HEAD bytes, to go before the body
 *
 * Return: 0; -EMSGSIZE: it is time for a tag, seal it; -ENOMEM.
 */
int record_defer(struct record_session *rs, const void *body, size_t len,
		 uint8_t *head);

/**
 * record_seal - make head and tag for a body
 * @store: gives the mask
 * @rs: the session; its number goes on
 * @body: what is carried
 * @len: its bytes, 1 to RECORD_MAX
 * @head: out: RECORD_HEAD bytes, to go before the body
 * @tag: out: RECORD_TAG bytes, to go behind it
 *
 * Return: 0, or as auth_tx().
 */
int record_seal(struct auth_store *store, struct record_session *rs,
		const void *body, size_t len, uint8_t *head, uint8_t *tag);

/* Bytes of the body that follows @head; 0 if no record has such a head. */
size_t record_len(const uint8_t head[RECORD_HEAD]);
bool record_deferred(const uint8_t head[RECORD_HEAD]);

/**
 * record_open - check a record
 * @store: gives the mask, and never again once this returned 0
 * @rs: the session; its number goes on
 * @head: RECORD_HEAD bytes
 * @body: record_len() bytes
 * @len: as record_len() said
 * @tag: RECORD_TAG bytes; of a deferred record none, and not looked at
 * @why: out, when it is not right: what is wrong, for a person
 *
 * Return: 0; -EBADMSG: tampered with; -EALREADY: replayed, or out of order;
 * -ENOKEY: its mask is not here; -EIO: the store cannot be trusted any more.
 */
int record_open(struct auth_store *store, struct record_session *rs,
		const uint8_t *head, const void *body, size_t len,
		const uint8_t *tag, const char **why);

#endif /* _QKDD_RECORD_H */
