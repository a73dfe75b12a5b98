/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The classical channel: authenticated messages to the peer's daemon.
 *
 * One TCP connection at a time for each link. The node whose ID sorts first
 * dials, again and again; both ends prove that they hold the link's secret
 * before anything else is believed. Messages arrive all, in order and as they
 * were sent, or the connection ends and says why. They are public: nothing
 * here is encrypted. What messages mean is the session's (session.c).
 */
#ifndef _QKDD_CHANNEL_H
#define _QKDD_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define CHANNEL_PORT		51014	/* TCP */
#define CHANNEL_HELLO_MAX	1024	/* bytes the session adds to a HELLO */
#define CHANNEL_MESSAGE_MAX	(16u << 20)
/*
 * Messages of types from here on are authenticated late, with the next message
 * of another type: there are many of them, and nothing that is kept may come
 * of them before that.
 */
#define CHANNEL_LATE		128

struct auth_store;
struct channel;
struct channel_listener;
struct event_base;

/* Why a connection ended, for who counts and alarms */
enum channel_cause {
	CHANNEL_PEER,		/* the peer, or the way to it, is gone */
	CHANNEL_AUTH,		/* authentication failed: tampering, replay */
	CHANNEL_STORE,		/* the store of authentication key: empty, old */
	CHANNEL_REFUSED,	/* the session does not want this peer */
};

/**
 * struct channel_ops - what the session does
 * @hello: writes its part of our HELLO, returns its bytes
 * @meet: looks at the peer's part; 0, or an errno with @why
 * @open: messages may be sent from now on
 * @message: one has come; may call channel_close()
 * @closed: the connection that was open is gone
 * @refused: an attempt to make one failed, not for want of a peer; one that
 *	is open stays so
 *
 * None may free the channel.
 */
struct channel_ops {
	size_t (*hello)(void *ctx, uint8_t *buf);
	int (*meet)(void *ctx, const uint8_t *peer, size_t len, char *why,
		    size_t room);
	void (*open)(void *ctx);
	void (*message)(void *ctx, unsigned int type, uint64_t block,
			const uint8_t *data, size_t len);
	void (*closed)(void *ctx, enum channel_cause cause, const char *why);
	void (*refused)(void *ctx, enum channel_cause cause, const char *why);
};

/**
 * struct channel_conf - one end of one link
 * @base: its event loop
 * @link: name of the link here, told to the peer and used in the log
 * @peer_link: its name there, if not the same and the peer has several
 * @local_node: this node's ID
 * @peer_node: the other's
 * @local: address to dial from, its port 0; ss_family 0: any
 * @peer: address to dial, with port; ss_family 0: never dial
 * @store: of the link's secret; must outlive the channel
 */
struct channel_conf {
	struct event_base *base;
	const char *link;
	const char *peer_link;
	const char *local_node;
	const char *peer_node;
	struct sockaddr_storage local;
	struct sockaddr_storage peer;
	struct auth_store *store;
};

/* Dials at once if it is this end's part. NULL with errno. */
struct channel *channel_new(const struct channel_conf *conf,
			    const struct channel_ops *ops, void *ctx);
/* Tells the peer; does not call closed. */
void channel_free(struct channel *ch);

bool channel_is_open(const struct channel *ch);

/*
 * Queues one message; those of one turn of the event loop share a tag. What
 * goes wrong closes the channel, later: there is nothing to check.
 */
void channel_send(struct channel *ch, unsigned int type, uint64_t block,
		  const void *data, size_t len);
/* As channel_send(), of a message in two pieces. */
void channel_send2(struct channel *ch, unsigned int type, uint64_t block,
		   const void *data, size_t len, const void *more,
		   size_t more_len);

/* Ends the connection; the peer is told @why. Calls closed, later. */
void channel_close(struct channel *ch, enum channel_cause cause,
		   const char *why);

/* Masks used so far, both directions, in bytes of authentication key. */
uint64_t channel_key_used(const struct channel *ch);

/**
 * struct channel_listener_conf - where peers dial to
 * @base: event loop
 * @port: TCP port, 0 takes one that is free
 * @loopback: listen on 127.0.0.1 only (tests)
 * @find: the channel for a peer: @local_node is whom it wants, @peer_node who
 *	it says it is, @link its name of the link; NULL if there is none
 * @ctx: for @find
 */
struct channel_listener_conf {
	struct event_base *base;
	uint16_t port;
	bool loopback;
	struct channel *(*find)(void *ctx, const char *local_node,
				const char *peer_node, const char *link);
	void *ctx;
};

/* NULL with errno. */
struct channel_listener *
channel_listener_new(const struct channel_listener_conf *conf);
void channel_listener_free(struct channel_listener *l);
uint16_t channel_listener_port(const struct channel_listener *l);

#endif /* _QKDD_CHANNEL_H */
