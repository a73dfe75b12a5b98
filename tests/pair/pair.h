/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two links in a network namespace of the test's own, each the other's peer
 * over the loopback device, fed by the test itself:
 *
 *	link "a": node alice ----- 127.0.0.1 ----- link "b": node bob
 *
 * alice sorts first. What fails here ends the test program.
 */
#ifndef _TESTS_PAIR_H
#define _TESTS_PAIR_H

#include <stdbool.h>

#include <qkd/qkd.h>

struct pair_end {
	const char *name;
	uint32_t index;
	int fd;			/* O_RDWR, non-blocking, for feeding */
};

struct pair {
	struct qkd_nl *nl;
	struct pair_end a, b;
	uint8_t generation[QKD_GENERATION_SIZE];
	uint64_t offset;	/* where the next block goes */
	uint64_t seq;
	uint8_t *tx;		/* alice's tx of this generation, as fed */
	uint8_t *rx;		/* bob's tx */
};

#define PAIR_BYTES	(1 << 22)	/* of a stream that are remembered */
#define PAIR_SECRET	64		/* the kernel's own, of each stream */
#define PAIR_CONTROL	1024		/* which only the kernel may reserve */
#define PAIR_MESSAGE	32		/* which a peer message costs */

/* KTAP skip unless the module is there, or can be loaded, and we are root. */
void pair_need(void);
/* True if the module is there, or could be loaded. */
bool pair_module(const char *name);
/* A namespace of its own, with the loopback device up. */
void pair_namespace(void);
/* Exits of the process undo it all. @pool: bytes of each ring, 0 default. */
void pair_make(struct pair *p, uint32_t pool);
/* In the namespace we are in; the peer's UDP port is @port, 0 the default. */
void pair_make_here(struct pair *p, uint32_t pool, uint16_t port);
void pair_free(struct pair *p);
void pair_start(struct pair *p);
/* Feeds both ends @half bytes each way; not confirmed. */
void pair_feed(struct pair *p, uint32_t half);
/* Confirms at both ends what was fed from @offset on. */
void pair_confirm(struct pair *p, uint64_t offset);
/* pair_start(), pair_feed() and pair_confirm(). */
void pair_fill(struct pair *p, uint32_t half);

int pair_open(const struct pair_end *e, int flags);
void pair_state(const struct pair_end *e, struct qkd_state *st);
/* ioctls and writes as they are: 0 or -errno, bytes or -errno. */
int pair_get(int fd, void *buf, uint32_t len, struct qkd_key_id *id);
int pair_get_now(int fd, void *buf, uint32_t len, struct qkd_key_id *id);
int pair_take(int fd, const struct qkd_key_id *id, void *buf, uint32_t room);
int pair_record(int fd, const struct qkd_feed *rec, const void *block,
		size_t len);
int pair_ioctl(int fd, unsigned long cmd, void *arg);
int pair_stream(int fd, const char *name);
void pair_random(void *buf, size_t len);
/* Fails the program with a message. */
void pair_die(const char *what, int err) __attribute__((noreturn));

/* ---- messages as the kernel sends them ---- */

struct wire_msg {
	uint8_t proto;
	uint8_t generation[QKD_GENERATION_SIZE];
	uint64_t offset;
	uint16_t len;
	uint8_t body[1024];
};

#define WIRE_MAX	(32 + 1024 + 16)

/* Writes a datagram; @stream is the sender's tx from offset 0. */
size_t wire_make(const struct wire_msg *m, const uint8_t *stream,
		 uint8_t *data);
/* 1 if the datagram is a message with the right tag. */
int wire_parse(const uint8_t *data, size_t size, const uint8_t *stream,
	       struct wire_msg *m);
/* A UDP socket on 127.0.0.1, any port, which is told. */
int wire_socket(uint16_t *port);
void wire_send(int sock, const uint8_t *data, size_t size);

#endif /* _TESTS_PAIR_H */
