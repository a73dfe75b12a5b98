/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of a node's hops share: hop.c is the outside, hop_links.c
 * what the kernel's links make of hops, hop_conn.c a connection's beginning,
 * bytes and end, hop_session.c what is said over it, hop_queue.c chunks that
 * wait, hop_key.c the link's key. Nobody else includes this.
 *
 * All of it runs in the one thread of the event loop. What is told to struct
 * hop_ops may call hop.h again: that sends later, from the loop, and ends no
 * connection.
 */
#ifndef _RELAY_HOP_PRIV_H
#define _RELAY_HOP_PRIV_H

#include <sys/queue.h>
#include <sys/socket.h>

#include <qkd/qkd.h>

#include "conf.h"
#include "hop.h"
#include "tools/common/log.h"

struct bufferevent;
struct event;
struct evconnlistener;

#define HOP_AGAIN_S	1.		/* from one session to the next, or key goes */

enum hop_conn_state {
	CONN_CONNECTING,
	CONN_ASKED,
	CONN_GUEST,
	CONN_UP,
};

/**
 * struct hop_conn - a connection; post_alloc()'d, since it has its keys
 * @hop: NULL: a guest, who has not said HELLO yet
 * @ours: we opened it
 * @from: who did, if not we
 * @said, @heard: frames so far
 * @key_out, @key_in: of the tags of this session's frames
 */
struct hop_conn {
	LIST_ENTRY(hop_conn) guest;
	struct hops *hops;
	struct hop *hop;
	bool ours;
	enum hop_conn_state state;
	struct bufferevent *bev;
	struct sockaddr_storage from;
	uint64_t said;
	uint64_t heard;
	uint8_t key_out[FRAME_SESSION];
	uint8_t key_in[FRAME_SESSION];
};

struct hop_chunk;
TAILQ_HEAD(hop_chunks, hop_chunk);

/**
 * struct hop - a link to a neighbour
 * @dev: the link's key, open once it was needed
 * @out: the connection that we opened; chunks go there
 * @in: the neighbour's; chunks come from there
 * @queue: of chunks; @queued bytes
 * @pump: sends them; @retry_ms until it does so again, when there is no key
 * @hello: when key was last spent on a HELLO of theirs, in s
 * @not_before: no connection sooner, in s; @tries in vain so far
 * @seen: the kernel told of it when asked last
 * @said: the trouble last told of
 */
struct hop {
	LIST_ENTRY(hop) entry;
	struct hops *hops;
	char link[QKD_NAME_MAX + 1];
	char local_node[QKD_NODE_MAX + 1];
	char peer_node[QKD_NODE_MAX + 1];
	uint32_t index;
	struct sockaddr_storage local;
	struct sockaddr_storage peer;
	struct qkd_dev *dev;
	struct hop_conn *out;
	struct hop_conn *in;
	struct hop_chunks queue;
	size_t queued;
	struct event *pump;
	unsigned int retry_ms;
	double hello;
	double not_before;
	unsigned int tries;
	bool seen;
	char said[160];
};

/**
 * struct hops - all of a node's
 * @nl: where links are asked for; NULL until that could be opened
 * @look: looks for links and makes connections; @looks so far
 * @guests: connections without a session, @n_guests
 * @frame: the one being made
 * @key: taken last, QKD_KEY_MAX bytes; wiped as soon as it was used
 * @text: of the chunk just come, FRAME_CHUNK bytes; so is this
 */
struct hops {
	struct event_base *base;
	const struct relay_conf *conf;
	const struct hop_ops *ops;
	void *ctx;
	struct qkd_nl *nl;
	struct event *look;
	unsigned int looks;
	LIST_HEAD(, hop) list;
	LIST_HEAD(, hop_conn) guests;
	unsigned int n_guests;
	struct evconnlistener *listener[CONF_LISTEN];
	uint8_t frame[FRAME_MAX];
	uint8_t *key;
	uint8_t *text;
};

/* hop.c */
/* Logs, once for as long as it lasts. */
__attribute__((format(printf, 3, 4)))
void hop_trouble(struct hop *hop, enum log_level level, const char *fmt, ...);
/* Whether a message from @sender to @receiver comes over this hop. */
bool hop_is_between(const struct hop *hop, const char *sender,
		    const char *receiver);
socklen_t hop_addr_len(const struct sockaddr_storage *a);

/* hop_links.c: called by hop.c */
void hop_links_look(struct hops *h);
void hop_free(struct hop *hop);

/* hop_conn.c */
/* One of ours is on its way, or the hop has none. */
void hop_conn_open(struct hop *hop);
/* A guest's; takes the descriptor over, or closes it. */
void hop_conn_accept(struct hops *h, int fd, const struct sockaddr *addr,
		     socklen_t len);
/* The frame in @h->frame, of @len bytes without its tag. */
void hop_conn_write(struct hop_conn *c, size_t len);
/* More would only wait; the queue is told when that is over. */
bool hop_conn_is_full(const struct hop_conn *c);
/* HELLO and WELCOME have passed: it may rest for as long as it likes. */
void hop_conn_rest(struct hop_conn *c);
/* A guest has become the hop's. */
void hop_conn_settle(struct hop_conn *c, struct hop *hop);
/* Shares that wait for it are given up. */
void hop_conn_free(struct hop_conn *c);

/* hop_session.c: called by hop_conn.c */
/* Connected: a key of the hop makes it a session. False: it must end. */
bool hop_session_begin(struct hop_conn *c);
/* One frame, whole. False: it must end. */
bool hop_session_heard(struct hop_conn *c, const uint8_t *in, size_t len);

/* hop_queue.c */
/* Return: 0 or -ENOMEM. */
int hop_queue_init(struct hop *hop);
void hop_queue_free(struct hop *hop);
/* Sends what can be sent now. */
void hop_queue_pump(struct hop *hop);
/* Tells whose they are that no chunk of the queue will be sent. */
void hop_queue_give_up(struct hop *hop, enum frame_reason reason);

/*
 * hop_key.c: called by hop_session.c and hop_queue.c. Key is put in
 * @hops->key. Return: 0 (a length, of hop_key_take()), or a negative errno
 * that qkd_error() explains; -EAGAIN: there is none now.
 */
int hop_key_open(struct hop *hop);
int hop_key_get(struct hop *hop, size_t len, struct qkd_key_id *id);
int hop_key_take(struct hop *hop, const struct qkd_key_id *id, size_t room);
void hop_key_close(struct hop *hop);

#endif /* _RELAY_HOP_PRIV_H */
