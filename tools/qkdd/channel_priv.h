/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the channel share: channel.c is the outside and sending,
 * channel_conn.c a connection's beginning and end, channel_listen.c the
 * answerer's port, channel_meet.c greetings and HELLOs, channel_read.c
 * receiving.
 */
#ifndef _QKDD_CHANNEL_PRIV_H
#define _QKDD_CHANNEL_PRIV_H

#include <sys/queue.h>

#include "channel.h"
#include "greet.h"
#include "record.h"

struct bufferevent;
struct evbuffer;
struct event;

#define MESSAGE_HEAD	16	/* type, length, block */
#define TYPE_BYE	0	/* text: why */
#define TYPE_HELLO	1
#define MEET_TIMEOUT	10	/* s from connected to OPEN */
#define DIAL_MIN	200	/* ms between attempts, doubled up to: */
#define DIAL_MAX	2000	/* ms while nobody answers */
#define MEET_MAX	60000	/* ms while somebody does, in vain */
#define WHY_MAX		256

enum conn_state {
	CONN_CONNECTING,
	CONN_GREETED,
	CONN_HELLO,
	CONN_OPEN,
	CONN_ENDING,
};

struct conn {
	TAILQ_ENTRY(conn) entry;	/* of the listener's guests */
	struct channel *ch;	/* NULL until the greeting says whose it is */
	struct channel_listener *listener;	/* while ch is NULL */
	enum conn_state state;
	bool dialled;
	bool met;		/* the session was told that it is open */
	struct bufferevent *bev;
	struct event *timer;
	struct event *end;
	struct record_session rs;
	uint8_t greet[2][GREET_SIZE];	/* the dialler's, the answerer's */
	enum channel_cause cause;
	char why[WHY_MAX];
};

struct channel {
	struct event_base *base;
	const struct channel_ops *ops;
	void *ctx;
	struct auth_store *store;
	char *link;
	char *peer_link;
	char *local_node;
	char *peer_node;
	struct sockaddr_storage local;
	struct sockaddr_storage peer;
	bool dials;
	struct conn *conn;	/* that is open, or that was dialled */
	struct conn *caller;	/* that may take its place */
	struct evbuffer *batch;	/* messages of this turn */
	bool seal;		/* one of them must have a tag at once */
	struct event *flush;
	struct event *redial;
	unsigned int pause;	/* ms before the next attempt */
	uint64_t records;
};

TAILQ_HEAD(conn_list, conn);

/* channel.c */
void message_put(struct evbuffer *b, unsigned int type, uint64_t block,
		 const void *data, size_t len, const void *more,
		 size_t more_len);
/* What has gathered, as one record; sealed unless it may wait for its tag. */
int conn_send_batch(struct conn *c);

/* channel_conn.c */
/* Takes the descriptor over, or closes it. */
struct conn *conn_new(struct event_base *base, int fd, bool dialled);
void conn_free(struct conn *c);
/* Ends it, later; a peer that is met is told why. */
__attribute__((format(printf, 3, 4)))
void conn_fail(struct conn *c, enum channel_cause cause, const char *fmt, ...);
void conn_bye(struct conn *c, const char *why);
/* What is queued gets one chance to leave before the socket is closed. */
void conn_push_out(struct conn *c);
void channel_redial(struct channel *ch, unsigned int most);

/* channel_listen.c */
void listener_drop(struct channel_listener *l, struct conn *c);
struct channel *listener_find(const struct channel_listener *l,
			      const struct greet *g);

/* channel_meet.c */
void conn_greet(struct conn *c);
/* The dialler's part of CONN_GREETED: the answer to its greeting. */
void conn_got_answer(struct conn *c, const uint8_t *buf);
/* A guest's greeting, at the answerer. */
void conn_got_greeting(struct conn *c, const uint8_t *buf);
void conn_got_hello(struct conn *c, const uint8_t *data, size_t len);

/* channel_read.c */
void conn_readable(struct bufferevent *bev, void *arg);
void conn_event(struct bufferevent *bev, short what, void *arg);

#endif /* _QKDD_CHANNEL_PRIV_H */
