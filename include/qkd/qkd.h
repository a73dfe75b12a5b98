/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libqkd: links of quantum key distribution, and their key, for programs.
 *
 * Links are made, shown and watched over generic netlink; key is fed and used
 * through a link's device. This header wraps both: no program needs to know
 * netlink or ioctl. Tunnels are in <qkd/tunnel.h>. What the words mean is told
 * in Documentation/pool.rst, the kernel's own ABI in <linux/qkd.h> and
 * <linux/qkd_dev.h>.
 *
 * Rules that hold throughout:
 *
 * - A function that can fail returns 0 (or a count) or a negative errno, and
 *   then qkd_error() says, for a person, what went wrong and what to do.
 * - A handle is used by one thread at a time; different handles are free of
 *   each other. The library starts no threads and installs no handlers.
 * - Descriptors are close-on-exec.
 * - Structures that the library hands out are allocated by it and grow at
 *   their end only; never copy, embed or allocate one. Structures that the
 *   caller fills begin with their size; use their _INIT.
 * - Strings handed out are never NULL ("" where the kernel told none) and live
 *   as long as what they were found in.
 */
#ifndef _QKD_QKD_H
#define _QKD_QKD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/qkd.h>
#include <linux/qkd_dev.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors ---- */

/**
 * qkd_error - the last failure of this thread, in words
 *
 * What the kernel said (extack), else what the error means here, and what to
 * do about it, on one line without a full stop: "the qkd module is not loaded;
 * run: modprobe qkd".
 *
 * Return: a string, valid until the thread's next failing call; "" before the
 * first.
 */
const char *qkd_error(void);

/* Of the library, "MAJOR.MINOR.PATCH". */
const char *qkd_version(void);

/* ---- secrets ---- */

/* Overwrites in a way that no compiler leaves out. */
void qkd_wipe(void *p, size_t len);
/* Time depends on @len only. */
bool qkd_equal(const void *a, const void *b, size_t len);

/* ---- names of the ABI's enumerations, as written by qkdctl ---- */

/* "?" for a value this library does not know. */
const char *qkd_role_name(enum qkd_role role);
const char *qkd_admin_state_name(enum qkd_admin_state state);
const char *qkd_oper_state_name(enum qkd_oper_state state);
const char *qkd_alarm_name(enum qkd_alarm alarm);
/* -EINVAL if there is no such role. */
int qkd_role_parse(const char *name, enum qkd_role *role);

/* ---- key IDs ---- */

#define QKD_KEY_ID_STRLEN 36	/* without the terminating NUL */

/* The part of a generation that a key ID carries, for comparison only. */
#define QKD_KEY_ID_TAG_SIZE 8

/**
 * struct qkd_key_range - what a key ID says, see Documentation/formats.rst
 * @tag: the generation's part; where two tags differ, so do the generations
 * @stream: 0 the tx of the node whose ID sorts first, 1 the other's
 * @len: bytes, 1 to QKD_KEY_MAX
 * @offset: of the first byte, below QKD_OFFSET_MAX
 *
 * Its layout is as fixed as the key ID's.
 */
struct qkd_key_range {
	uint8_t tag[QKD_KEY_ID_TAG_SIZE];
	uint32_t stream;
	uint32_t len;
	uint64_t offset;
};

/* Writes the UUID in lower case; @buf has QKD_KEY_ID_STRLEN + 1 bytes. */
char *qkd_key_id_format(const struct qkd_key_id *id, char *buf);
/* Takes either case; -EINVAL if it is no UUID of ours. */
int qkd_key_id_parse(const char *text, struct qkd_key_id *id);
/* -EINVAL if it names no key. */
int qkd_key_id_decode(const struct qkd_key_id *id, struct qkd_key_range *range);
/* -EINVAL for a stream, length or offset that no key can have. */
int qkd_key_id_encode(const uint8_t generation[QKD_GENERATION_SIZE],
		      uint32_t stream, uint32_t len, uint64_t offset,
		      struct qkd_key_id *id);
/* The part of @generation that key IDs made under it carry. */
void qkd_generation_tag(const uint8_t generation[QKD_GENERATION_SIZE],
			uint8_t tag[QKD_KEY_ID_TAG_SIZE]);

/* ---- netlink ---- */

struct qkd_nl;

/**
 * qkd_nl_open - a handle on the links of one network namespace
 * @nl: out
 * @netns: NULL for the caller's own; the name that "ip netns" gave it; or a
 *	path (with a slash) such as /proc/PID/ns/net
 *
 * The thread's own namespace is as before when this returns. If the module
 * was unloaded and loaded again, the handle goes on to work.
 *
 * Return: 0; -ENOENT when there is no such namespace, -EPROTONOSUPPORT when
 * the module is not loaded, -EPERM when the namespace may not be entered.
 */
int qkd_nl_open(struct qkd_nl **nl, const char *netns);
void qkd_nl_close(struct qkd_nl *nl);	/* NULL is fine */

/* ---- links ---- */

/*
 * Which fields are meant is told by masks of attribute numbers of
 * <linux/qkd.h>: link->have & QKD_BIT(QKD_A_LINK_PEER4).
 */
#define QKD_BIT(attr) (UINT64_C(1) << (attr))

/* Where an index may be given and is not; it is no link's. */
#define QKD_NO_INDEX UINT32_MAX

/* One direction of a pool, in bytes; fields as in <linux/qkd.h>. */
struct qkd_stream_info {
	uint64_t head;
	uint64_t tail;
	uint64_t confirmed;
	uint64_t available;
	uint64_t consumed;
	uint64_t lost;
	uint64_t fed;
	uint64_t held;
};

/* What the daemon measured last; fields as in <linux/qkd.h>. */
struct qkd_rates_info {
	uint64_t raw_bps;
	uint64_t sifted_bps;
	uint64_t secret_bps;
	uint32_t qber_ppm;
	uint32_t efficiency_ppm;
	uint64_t blocks;
	uint64_t blocks_discarded;
};

/* Errors by kind; fields as in <linux/qkd.h>. */
struct qkd_errors_info {
	uint64_t feed_rejected;
	uint64_t rx_malformed;
	uint64_t rx_no_key;
	uint64_t rx_auth;
	uint64_t rx_dropped;
	uint64_t tx_failed;
	uint64_t starved;
	uint64_t auth;
	uint64_t verify;
	uint64_t qber;
};

/**
 * struct qkd_link - a link as the kernel told of it, handed out
 * @have: QKD_BIT()s of the QKD_A_LINK_ attributes that were told; fields of
 *	others are 0, "" and never NULL. @tx, @rx, @rates and @errors point to
 *	zeroes then
 * @peer_port: in host order
 * @generation: QKD_GENERATION_SIZE bytes
 * @alarm: in an event only, with @text
 */
struct qkd_link {
	uint64_t have;
	const char *name;
	uint32_t index;
	enum qkd_role role;
	const char *local_node;
	const char *peer_node;
	struct in_addr local4;
	struct in_addr peer4;
	struct in6_addr local6;
	struct in6_addr peer6;
	uint16_t peer_port;
	const char *driver;
	const char *config;
	enum qkd_admin_state admin_state;
	enum qkd_oper_state oper_state;
	const char *reason;
	uint32_t pool_size;
	uint32_t low_watermark;
	uint32_t high_watermark;
	uint32_t rx_grace;	/* ms */
	const uint8_t *generation;
	const struct qkd_stream_info *tx;
	const struct qkd_stream_info *rx;
	const struct qkd_rates_info *rates;
	const struct qkd_errors_info *errors;
	uint64_t blocks_fed;
	const char *report;	/* JSON */
	enum qkd_alarm alarm;
	const char *text;
};

/**
 * struct qkd_link_conf - settings for a new link, or to change in one
 * @size: sizeof(struct qkd_link_conf)
 * @set: QKD_BIT()s of the numbers and addresses that are given. Strings are
 *	given where they are not NULL
 *
 * The kernel has the defaults, and refuses what cannot be.
 */
struct qkd_link_conf {
	size_t size;
	uint64_t set;
	const char *local_node;
	const char *peer_node;
	const char *driver;
	const char *config;
	struct in_addr local4;
	struct in_addr peer4;
	struct in6_addr local6;
	struct in6_addr peer6;
	uint16_t peer_port;	/* host order */
	enum qkd_role role;
	enum qkd_admin_state admin_state;
	uint32_t pool_size;
	uint32_t low_watermark;
	uint32_t high_watermark;
	uint32_t rx_grace;	/* ms */
};

#define QKD_LINK_CONF_INIT { .size = sizeof(struct qkd_link_conf) }

/**
 * struct qkd_link_report - what a daemon tells of the link it feeds
 * @size: sizeof(struct qkd_link_report)
 * @rates_set: QKD_BIT()s of QKD_A_RATES_ that are given
 * @errors_set: QKD_BIT()s of QKD_A_ERRORS_ that are given; only auth, verify
 *	and qber are a daemon's
 * @reason: why the state is what it is; NULL: as before, "": none
 * @report: of the last block, JSON; NULL: as before
 * @alarm_text: not NULL: raises @alarm, with this text
 *
 * What is not given stays as it is.
 */
struct qkd_link_report {
	size_t size;
	uint64_t rates_set;
	uint64_t errors_set;
	const char *reason;
	const char *report;
	const char *alarm_text;
	enum qkd_alarm alarm;
	uint32_t qber_ppm;
	uint32_t efficiency_ppm;
	uint64_t raw_bps;
	uint64_t sifted_bps;
	uint64_t secret_bps;
	uint64_t blocks;
	uint64_t blocks_discarded;
	uint64_t errors_auth;
	uint64_t errors_verify;
	uint64_t errors_qber;
};

#define QKD_LINK_REPORT_INIT { .size = sizeof(struct qkd_link_report) }

/*
 * A link is named by @name, by @index, or by both, which must agree: @name may
 * be NULL, @index may be QKD_NO_INDEX, not both. Changing anything needs
 * CAP_NET_ADMIN in the user namespace of the network namespace (-EPERM).
 */

/* @index: out, may be NULL; the N of /dev/qkdN. -EEXIST, -EINVAL, ... */
int qkd_link_add(struct qkd_nl *nl, const char *name,
		 const struct qkd_link_conf *conf, uint32_t *index);
int qkd_link_del(struct qkd_nl *nl, const char *name, uint32_t index);
int qkd_link_set(struct qkd_nl *nl, const char *name, uint32_t index,
		 const struct qkd_link_conf *conf);
int qkd_link_report(struct qkd_nl *nl, const char *name, uint32_t index,
		    const struct qkd_link_report *report);

/* -ENODEV if there is no such link. */
int qkd_link_get(struct qkd_nl *nl, const char *name, uint32_t index,
		 struct qkd_link **link);
void qkd_link_free(struct qkd_link *link);	/* NULL is fine */

/**
 * qkd_link_each - call for each link of the namespace
 * @nl: the namespace
 * @cb: gets a link that lives until it returns; must not use @nl. Other than
 *	0 ends the walk and is returned
 * @arg: for @cb
 *
 * Links made or deleted meanwhile may be missing. Return: 0, what @cb
 * returned, or a negative errno.
 */
int qkd_link_each(struct qkd_nl *nl,
		  int (*cb)(const struct qkd_link *link, void *arg), void *arg);

/**
 * struct qkd_consumer - who used how much of a link's key, handed out
 * @link: name of the link
 * @index: of the link
 * @kind: "control", "device", "xfrm", "otp", ...
 * @name: the tunnel's, device's or application's
 */
struct qkd_consumer {
	const char *link;
	uint32_t index;
	const char *kind;
	const char *name;
	uint64_t tx_bytes;
	uint64_t rx_bytes;
	uint64_t tx_keys;
	uint64_t rx_keys;
	uint64_t starved;
};

/* As qkd_link_each(); of all links if @name is NULL and @index is none. */
int qkd_consumer_each(struct qkd_nl *nl, const char *name, uint32_t index,
		      int (*cb)(const struct qkd_consumer *c, void *arg),
		      void *arg);

/* ---- events ---- */

struct qkd_monitor;
struct qkd_tunnel;

/* What to hear of; or'ed. */
#define QKD_MON_LINK	(1u << 0)	/* links made, changed, deleted */
#define QKD_MON_KEY	(1u << 1)	/* levels and blocks */
#define QKD_MON_ALARM	(1u << 2)
#define QKD_MON_TUNNEL	(1u << 3)	/* qkd_xfrm: tunnels and their rekeys */
#define QKD_MON_OTP	(1u << 4)	/* qkd_otp */
#define QKD_MON_XFRM	(1u << 5)	/* only that qkd_xfrm comes and goes */
#define QKD_MON_ALL	(~0u >> 1)
/* Do not fail when a module is not loaded: wait for it. */
#define QKD_MON_WAIT	(1u << 31)

/**
 * enum qkd_event_type - the list only grows: ignore what you do not know
 * @QKD_EVENT_LINK: a link was made or changed; all of it is in link
 * @QKD_EVENT_LINK_DEL: it was deleted; name and index
 * @QKD_EVENT_KEY: a level crossed a mark, or a block was fed or confirmed;
 *	name, index, states, tx, rx, rates
 * @QKD_EVENT_ALARM: name, index, alarm, text
 * @QKD_EVENT_TUNNEL: a tunnel was made or changed
 * @QKD_EVENT_TUNNEL_DEL: it was deleted
 * @QKD_EVENT_REKEY: it has new SAs
 * @QKD_EVENT_UP: the module was loaded (QKD_MON_WAIT or later reload); list
 *	everything anew. family says which
 * @QKD_EVENT_DOWN: the module was unloaded; all of its objects are gone
 * @QKD_EVENT_LOST: the reader was too slow and events were dropped; list
 *	everything anew
 */
enum qkd_event_type {
	QKD_EVENT_LINK = 1,
	QKD_EVENT_LINK_DEL,
	QKD_EVENT_KEY,
	QKD_EVENT_ALARM,
	QKD_EVENT_TUNNEL,
	QKD_EVENT_TUNNEL_DEL,
	QKD_EVENT_REKEY,
	QKD_EVENT_UP,
	QKD_EVENT_DOWN,
	QKD_EVENT_LOST,
};

/**
 * struct qkd_event - handed out
 * @type: what happened
 * @link: LINK, LINK_DEL, KEY, ALARM; else NULL
 * @tunnel: TUNNEL, TUNNEL_DEL, REKEY; else NULL; see <qkd/tunnel.h>
 * @family: UP, DOWN: the generic netlink family, "qkd", ...; else ""
 */
struct qkd_event {
	enum qkd_event_type type;
	const struct qkd_link *link;
	const struct qkd_tunnel *tunnel;
	const char *family;
};

/**
 * qkd_monitor_open - hear of what happens in one network namespace
 * @mon: out
 * @netns: as for qkd_nl_open()
 * @what: QKD_MON_ flags
 *
 * Open the monitor first and list links afterwards, and nothing is missed.
 * Modules that are unloaded and loaded again are followed. Without
 * QKD_MON_WAIT the qkd module must be loaded; families other than "qkd" are
 * joined once they are there in any case.
 *
 * Return: as qkd_nl_open().
 */
int qkd_monitor_open(struct qkd_monitor **mon, const char *netns,
		     unsigned int what);
void qkd_monitor_close(struct qkd_monitor *mon);	/* NULL is fine */

/* To be polled for input; non-blocking. */
int qkd_monitor_fd(const struct qkd_monitor *mon);

/**
 * qkd_monitor_dispatch - call for each event that waits; never blocks
 * @mon: of qkd_monitor_open()
 * @cb: gets an event that lives until it returns; other than 0 stops and is
 *	returned, and the rest waits for the next call
 * @arg: for @cb
 *
 * Return: 0, what @cb returned, or a negative errno.
 */
int qkd_monitor_dispatch(struct qkd_monitor *mon,
			 int (*cb)(const struct qkd_event *ev, void *arg),
			 void *arg);

/* ---- the device of a link ---- */

struct qkd_dev;

/**
 * qkd_dev_open - open /dev/qkdN of a link
 * @dev: out
 * @nl: the namespace to find @name in; NULL for the caller's own, or where
 *	only @index is given
 * @name: the link's, or NULL
 * @index: the link's, or QKD_NO_INDEX
 * @nonblock: O_NONBLOCK from the start
 *
 * Return: 0; -ENODEV: no such link, or no node for it in /dev; -EACCES: not
 * permitted (membership of the group that owns the node, usually qkd).
 */
int qkd_dev_open(struct qkd_dev **dev, struct qkd_nl *nl, const char *name,
		 uint32_t index, bool nonblock);
void qkd_dev_close(struct qkd_dev *dev);	/* NULL is fine */

/*
 * To be polled: in, key can be had (or bytes of the stream read); out, a block
 * of half the pool's size can be fed; hup, the link was deleted.
 */
int qkd_dev_fd(const struct qkd_dev *dev);
uint32_t qkd_dev_index(const struct qkd_dev *dev);

/* Accounts this descriptor's use under a name; -EINVAL: too long, or empty. */
int qkd_dev_label(struct qkd_dev *dev, const char *label);

/**
 * qkd_dev_get - reserve key and learn its ID, to be told to the peer
 * @dev: of the link
 * @key: filled with @len bytes
 * @len: 1 to QKD_KEY_MAX
 * @id: out
 *
 * Blocks until there is key unless the descriptor is non-blocking. Return: 0;
 * -EAGAIN: no key now; -ENETDOWN: the link is down or has no generation yet;
 * -ENODEV: it was deleted; -EINTR. @key is wiped on failure.
 */
int qkd_dev_get(struct qkd_dev *dev, void *key, uint32_t len,
		struct qkd_key_id *id);

/**
 * qkd_dev_take - fetch key by the ID that the peer told, once
 * @dev: of the link
 * @id: names it
 * @key: filled
 * @room: bytes of @key
 *
 * Never blocks. Return: the key's bytes; -EMSGSIZE: longer than @room; -ENOENT:
 * not here, or not yet; -ESTALE: of another generation; -EALREADY: fetched or
 * erased before. @key is wiped on failure.
 */
int qkd_dev_take(struct qkd_dev *dev, const struct qkd_key_id *id, void *key,
		 uint32_t room);

/*
 * Joins a named stream (at most QKD_STREAM_NAME_SIZE - 1 bytes): reading then
 * gives the same bytes in the same order at both ends. -EBUSY: another
 * descriptor of this node has it.
 */
int qkd_dev_stream(struct qkd_dev *dev, const char *name);
/* read(2) of the stream: bytes, 0 after the peer has left, or an error. */
ssize_t qkd_dev_read(struct qkd_dev *dev, void *buf, size_t len);

/* ---- the device, for who feeds it (CAP_NET_ADMIN when it was opened) ---- */

int qkd_dev_state(struct qkd_dev *dev, struct qkd_state *state);
/* -EALREADY or -EINVAL for a generation this link had before, or all zero. */
int qkd_dev_start(struct qkd_dev *dev,
		  const uint8_t generation[QKD_GENERATION_SIZE]);

/**
 * qkd_dev_feed - feed one block, all or nothing
 * @dev: of the link
 * @head: see struct qkd_feed in <linux/qkd_dev.h>
 * @block: @head->len bytes. Nothing is copied where @block follows @head in
 *	memory (@block == @head + 1); else a wiped buffer is used in between
 *
 * Return: 0; -EAGAIN: no room now, poll for output (never blocks); -EINVAL,
 * -ESTALE, ... as qkd_error() explains.
 */
int qkd_dev_feed(struct qkd_dev *dev, const struct qkd_feed *head,
		 const void *block);
int qkd_dev_confirm(struct qkd_dev *dev, const struct qkd_confirm *confirm);

#ifdef __cplusplus
}
#endif

#endif /* _QKD_QKD_H */
