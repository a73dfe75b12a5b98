/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of qkdctl share: options, words of the command line, and the
 * tables of objects and verbs.
 *
 * The grammar is iproute2's: qkdctl OPTIONS OBJECT VERB [KEY VALUE]...; any
 * word may be shortened while it stays unique, and "help" works everywhere.
 */
#ifndef _QKDCTL_H
#define _QKDCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <qkd/qkd.h>
#include <qkd/tunnel.h>

/* What OPTIONS said. */
struct options {
	const char *netns;
	int stats;	/* how often -s was given */
	bool human;
	bool timestamps;
};

extern struct options opt;

/* ---- words of the command line, args.c ---- */

/* What is left of the command line. */
struct args {
	int n;
	char **v;
};

/* The next word, or NULL at the end; then it is gone. */
const char *arg_next(struct args *a);
/* The same without taking it. */
const char *arg_peek(const struct args *a);
/* The next word, which is a name; @key may be said before it, as in iproute2 */
const char *arg_name(struct args *a, const char *key);
/* The value that must follow @key; NULL, having complained, if there is none */
const char *arg_value(struct args *a, const char *key);
/* Nothing may be left. 0 or -EINVAL, having complained. */
int arg_end(const struct args *a);

/* Prints "Error: ..." to standard error; returns -EINVAL. */
__attribute__((format(printf, 1, 2)))
int bad(const char *fmt, ...);
/* Prints what the library says of its last error; returns @err. */
int failed(int err);

/**
 * arg_match - which of a table's words is meant
 * @table: of @n elements of @size bytes that begin with a const char * name
 * @word: whole, or shortened while unique
 * @what: the words are called, to complain
 *
 * Return: the index, or -EINVAL, having complained.
 */
int arg_match(const void *table, size_t n, size_t size, const char *word,
	      const char *what);

#define N_ELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define ARG_MATCH(table, word, what) \
	arg_match(table, N_ELEMS(table), sizeof((table)[0]), word, what)

/* ---- verbs ---- */

/* An object's verb; the first of a table is done when none is given. */
struct verb {
	const char *name;
	int (*run)(struct args *a);
};

/*
 * Runs the verb that comes next, or prints @usage (to standard output when
 * asked by "help"). Returns 0 or a negative errno, having complained.
 */
int run_verb(const struct verb *verbs, size_t n, struct args *a,
	     const char *usage);
#define RUN_VERB(verbs, a, usage) run_verb(verbs, N_ELEMS(verbs), a, usage)

/* An object of the command line; each is one file. */
struct object {
	const char *name;
	int (*run)(struct args *a);
};

int do_key(struct args *a);
int do_link(struct args *a);
int do_monitor(struct args *a);
int do_otp(struct args *a);
int do_pad(struct args *a);
int do_pki(struct args *a);
int do_psk(struct args *a);
int do_restore(struct args *a);
int do_save(struct args *a);
int do_stats(struct args *a);
int do_tunnel(struct args *a);

/*
 * What follows "add": a name and settings, which point into the words. Each
 * returns 0 or -EINVAL, having complained.
 */
int link_parse(struct args *a, const char **name, struct qkd_link_conf *conf);
int tunnel_parse(struct args *a, const char **name,
		 struct qkd_tunnel_conf *conf);

/* Parts of objects that have a file of their own */
int link_show(struct args *a);
int link_watch(struct args *a);
int tunnel_show(struct args *a);
void print_link(const struct qkd_link *l, int stats);
void print_link_line(const struct qkd_link *l);
void print_tunnel(const struct qkd_tunnel *t, int stats);

/* ---- KEY VALUE pairs, keys.c ---- */

enum key_kind {
	KEY_KIND_TEXT,		/* const char * */
	KEY_KIND_IP,		/* struct qkd_ip */
	KEY_KIND_NUMBER,	/* unsigned integers, of any width: */
	KEY_KIND_SIZE,		/* bytes */
	KEY_KIND_TIME,		/* ms */
	KEY_KIND_WORD,		/* the number that @word names so */
};

/**
 * struct key - a key, and what becomes of its value
 * @name: of the key
 * @parse: takes the value itself, from the words that follow; or NULL:
 * @kind: what the value is
 * @at: where it goes in the object's settings
 * @width: bytes of an integer there
 * @set_at: where the settings have a uint64_t of bits
 * @bit: of these, to be set; may be 0
 * @min: least number
 * @max: greatest number, size or time
 * @word: names a number, "?" from the first that has no name; libqkd's names of
 *	an enumeration, which is an unsigned int to the compilers we know
 */
struct key {
	const char *name;
	int (*parse)(struct args *a, const char *key, void *conf);
	enum key_kind kind;
	size_t at;
	size_t width;
	size_t set_at;
	uint64_t bit;
	uint64_t min;
	uint64_t max;
	const char *(*word)(unsigned int v);
};

/* Rows of a table; TYPE is the settings' structure, MEMBER where it goes. */
#define KEY_TEXT(NAME, TYPE, MEMBER) \
	{ .name = NAME, .kind = KEY_KIND_TEXT, .at = offsetof(TYPE, MEMBER) }
#define KEY_IP(NAME, TYPE, MEMBER) \
	{ .name = NAME, .kind = KEY_KIND_IP, .at = offsetof(TYPE, MEMBER) }
#define KEY_INTEGER(NAME, KIND, TYPE, MEMBER, BIT) \
	.name = NAME, .kind = KIND, .at = offsetof(TYPE, MEMBER), \
	.width = sizeof(((TYPE *)NULL)->MEMBER), \
	.set_at = offsetof(TYPE, set), .bit = (BIT)
#define KEY_NUMBER(NAME, TYPE, MEMBER, BIT, MIN, MAX) \
	{ KEY_INTEGER(NAME, KEY_KIND_NUMBER, TYPE, MEMBER, BIT), \
	  .min = (MIN), .max = (MAX) }
#define KEY_SIZE(NAME, TYPE, MEMBER, BIT, MAX) \
	{ KEY_INTEGER(NAME, KEY_KIND_SIZE, TYPE, MEMBER, BIT), .max = (MAX) }
#define KEY_TIME(NAME, TYPE, MEMBER, BIT) \
	{ KEY_INTEGER(NAME, KEY_KIND_TIME, TYPE, MEMBER, BIT), \
	  .max = UINT32_MAX }
#define KEY_WORD(NAME, TYPE, MEMBER, BIT, WORD) \
	{ KEY_INTEGER(NAME, KEY_KIND_WORD, TYPE, MEMBER, BIT), .word = (WORD) }
#define KEY_OWN(NAME, PARSE) { .name = NAME, .parse = PARSE }

/* All words that are left. 0 or a negative errno, having complained. */
int parse_keys(const struct key *keys, size_t n, struct args *a, void *conf);
/* As long as one of @keys comes next; returns how many did. */
int parse_some_keys(const struct key *keys, size_t n, struct args *a,
		    void *conf);

/* Everything of the program but the process: what main() and tests call. */
int qkdctl(int argc, char **argv);

/* Netlink in the namespace of -n; NULL, having complained. */
struct qkd_nl *open_nl(void);
/* Moves there for good. 0 or a negative errno, having complained. */
int enter_netns(void);

/* ---- values with units, units.c ---- */

/* 64K, 1M, 1G, 4096: bytes, binary multiples. 0 or -EINVAL */
int parse_size(const char *s, uint64_t *bytes);
/* 10s, 500ms, 5m, 1h, 1d; seconds without a unit. In ms. */
int parse_time(const char *s, uint64_t *ms);
int parse_number(const char *s, uint64_t min, uint64_t max, uint64_t *v);

#define UNIT_ROOM 24

/* Each writes to @buf of UNIT_ROOM bytes and returns it. */
char *fmt_rate(char *buf, uint64_t bps, const char *unit); /* 1.21 Mbit/s */
char *fmt_size(char *buf, uint64_t bytes);	/* 64K where it is exact */
char *fmt_level(char *buf, uint64_t bytes);	/* 131072, or 128.0K with -h */
char *fmt_human(char *buf, uint64_t bytes);	/* 128K, 12.3M */
char *fmt_time(char *buf, uint64_t ms);		/* 60s, 1h, 1500ms */
char *fmt_percent(char *buf, uint32_t ppm);	/* 1.25% */
char *fmt_ratio(char *buf, uint32_t ppm);	/* 1.163 */

/* ---- addresses, addr.c ---- */

/* 0 or -EINVAL, having complained. */
int parse_ip(const char *s, const char *key, struct qkd_ip *ip);
/* ADDRESS[/PREFIX]; @prefix is -1 where none was told */
int parse_prefix(const char *s, const char *key, struct qkd_ip *ip,
		 int *prefix);
#define IP_ROOM 50
char *fmt_ip(char *buf, const struct qkd_ip *ip);	/* "" for none */
struct qkd_ip ip4(struct in_addr a);
struct qkd_ip ip6(struct in6_addr a);

/* ---- the daemon's report of the last block, report.c ---- */

/*
 * Calls for each number or string in the JSON text, objects' names joined by
 * dots, elements of arrays numbered. Nothing where it is no JSON.
 */
void report_each(const char *json,
		 void (*cb)(const char *name, const char *value, void *arg),
		 void *arg);
#define REPORT_GAINS 4	/* intensities a source may have */
struct gain {
	double mu;	/* mean photon number */
	double gain;	/* detections in matching bases for each pulse sent */
	double error;	/* rate, of these */
};

/* Of the decoy states; how many there are, 0 where the report has none. */
unsigned int report_gains(const char *json, struct gain *gains);
/* The same as one line. */
void report_decoys(const char *json, char *buf, size_t size);
/* True if the text is one JSON value. */
bool report_valid(const char *json);

#endif
