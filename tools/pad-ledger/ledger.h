/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pad ledger: every use of a range of key that anybody saw, and whether
 * any was used twice.
 *
 * A ledger is a text file that only grows, one record a line, so that tests
 * can append to it with echo:
 *
 *	LAYER GENERATION STREAM OFFSET LENGTH [ PURPOSE ]
 *
 * LAYER is who saw it: "reserve" and "take" (the kernels' pools), "wire",
 * "got" and "fetched" (keys delivered at one end and at the other), or any
 * other word. GENERATION is hexadecimal, of which the first 48 bits count,
 * since that is what all sources know; or any other word that names one.
 * STREAM is 0 or 1, or any other word. PURPOSE tells uses apart that are seen
 * more than once rightly: a message that two captures have. Without one, or
 * with "-", each record is a use of its own.
 *
 * Two records of one layer, generation and stream that overlap are a reuse,
 * unless both have the same range and the same purpose. Between layers nothing
 * is compared, since a key is reserved, taken, sent and delivered rightly;
 * each of it once. Lines that begin with # are comments.
 */
#ifndef _LEDGER_H
#define _LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define WORD_MAX 79	/* longest layer, generation, stream or purpose */

/* One use of a range. Words are kept once each: equal ones are one pointer. */
struct record {
	const char *layer;
	const char *generation;
	const char *stream;
	const char *purpose;
	uint64_t offset;
	uint64_t len;
	unsigned long line;	/* of the ledger */
};

struct ledger {
	struct record *records;
	size_t n;
	size_t room;
	char **words;		/* a hash table, open addressing */
	size_t n_words;
	size_t words_room;
};

void ledger_init(struct ledger *l);
void ledger_free(struct ledger *l);

/*
 * Reads one line. Return: 0; 1: empty or a comment; -EINVAL with *@why told;
 * -ENOMEM.
 */
int ledger_line(struct ledger *l, const char *text, unsigned long line,
		const char **why);

/**
 * ledger_check - find what was used twice
 * @l: sorted by this
 * @reuse: called for each overlap with the earlier and the later record
 * @arg: for @reuse
 *
 * Return: how many overlaps there are.
 */
size_t ledger_check(struct ledger *l,
		    void (*reuse)(const struct record *a,
				  const struct record *b, void *arg),
		    void *arg);

/* ---- sources: each writes records to @to, as lines ---- */

/* Records written, and what was looked at and passed over. */
struct imported {
	unsigned long records;
	unsigned long skipped;
};

/*
 * A kernel trace (/sys/kernel/tracing/trace, or trace-cmd report): events
 * qkd_reserve and qkd_take. Epochs count on one machine since it was booted:
 * @node must name both. 0 or -errno.
 */
int import_trace(FILE *from, const char *node, FILE *to, struct imported *n);

/*
 * Lines that begin with a key ID, as "qkdctl key get" prints them; the rest of
 * a line is key and is not looked at. @layer: "got" or "fetched".
 */
int import_keys(FILE *from, const char *layer, FILE *to, struct imported *n);

/**
 * struct pcap_options - how to read a capture
 * @lower: addresses of nodes whose IDs sort before their peers', with commas
 *	between: what they send is of stream 0, what others send of stream 1
 * @msg_port: of the kernels' messages
 * @otp_port: of one-time-pad packets
 */
struct pcap_options {
	const char *lower;
	uint16_t msg_port;
	uint16_t otp_port;
};

/* Peer messages and one-time-pad packets of a capture. 0 or -errno. */
int import_pcap(const char *file, const struct pcap_options *opt, FILE *to,
		struct imported *n);

/*
 * The pad that a UDP payload names as used; a line without layer.
 * Return: 1 if it names one, 0 if it is something else.
 */
int datagram_use(const uint8_t *payload, size_t len, bool otp,
		 const char *stream, FILE *to);

#endif
