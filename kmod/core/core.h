/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of qkd.ko share: the link and its parts, who locks what.
 * Other modules see kmod/include/qkd.h only.
 *
 * Lock order:
 *   qkd_conf_mutex > notifier chain > a user module's own locks
 *   qkd_pool.feed > qkd_tx_lock > qkd_rx_lock
 *   qkd_link.named_mutex > qkd_named.lock > qkd_link.alive
 * None of these is held over a copy from or to user memory, which can take
 * for ever (userfaultfd, FUSE).
 */
#ifndef _QKD_CORE_H
#define _QKD_CORE_H

#include <linux/device.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <qkd.h>
#include "ring.h"

struct iov_iter;
struct netlink_ext_ack;
struct qkd_named;
struct socket;

#define QKD_PORT		51014
#define QKD_CONTROL_SHARE	1024	/* bytes only control may reserve */
#define QKD_POOL_MIN		4096
#define QKD_POOL_MAX		SZ_1G
#define QKD_POOL_DEFAULT	SZ_256K
#define QKD_GRACE_DEFAULT_MS	60000
#define QKD_HASH_BITS		12	/* buckets to find links by */
#define QKD_MAC_KEY_SIZE	32
static_assert(QKD_SECRET_SIZE == 2 * QKD_MAC_SECRET_SIZE);

/* ---- the pool ---- */

/**
 * struct qkd_pool - a link's key
 * @feed: serialises start, feed, confirm and the end; protects @next_seq,
 *	@past, @n_past, @past_room and the ring's memory above its head
 * @tx_lock: protects @tx, @tx_epoch and consumers' tx figures
 * @rx_lock: protects @rx, @rx_epoch and consumers' rx figures
 * @tx: the ring to send with; no buffer before the first generation
 * @rx: the ring to receive with
 * @tx_epoch: generation's number, 0 while there is none or it is changing
 * @rx_epoch: the same
 * @size: of each ring, never changes
 * @grace_ms: see qkd_rx_make_room(); READ_ONCE
 * @next_seq: the lowest number of the record accepted next
 * @past: generations the link has had
 * @n_past: how many
 * @past_room: how many fit
 * @last_epoch: the last one given
 * @dead: the link goes, no generation will start
 * @blocks_fed: records accepted
 * @feed_rejected: records refused
 * @starved: reservations refused for want of key
 * @tx_secret: the stream's first bytes, taken out; tx_lock
 * @rx_secret: the same; rx_lock
 * @has_tx_secret: they are there; tx_lock
 * @has_rx_secret: they are there; rx_lock
 * @hungry: somebody was refused and awaits QKD_KEY
 * @full: a feeder was refused and awaits EPOLLOUT
 * @room_work: wakes it when key may have expired
 */
struct qkd_pool {
	struct mutex feed;	/* feeding, and memory above the heads */
	spinlock_t tx_lock;	/* tx, tx_epoch, tx secret and figures */
	spinlock_t rx_lock;	/* rx, rx_epoch, rx secret and figures */
	struct qkd_tx tx;
	struct qkd_rx rx;
	u32 tx_epoch;
	u32 rx_epoch;
	u32 size;
	u32 grace_ms;
	u64 next_seq;
	u8 (*past)[QKD_GENERATION_SIZE];
	u32 n_past;
	u32 past_room;
	u32 last_epoch;
	bool dead;
	atomic64_t blocks_fed;
	atomic64_t feed_rejected;
	atomic64_t starved;
	u8 tx_secret[QKD_SECRET_SIZE];
	u8 rx_secret[QKD_SECRET_SIZE];
	bool has_tx_secret;
	bool has_rx_secret;
	bool hungry;
	bool full;
	struct delayed_work room_work;
};

/* A snapshot, each ring consistent in itself. */
struct qkd_pool_state {
	struct qkd_stream_figures {
		u64 head, confirmed, tail, available, room;
		u64 consumed, lost, fed, held;
	} tx, rx;
	u8 generation[QKD_GENERATION_SIZE];
	u64 next_seq;
	u64 room;
};

void qkd_pool_init(struct qkd_link *link, u32 size);
void qkd_pool_end(struct qkd_link *link);
void qkd_pool_forget(struct qkd_consumer *c);
int qkd_pool_start(struct qkd_link *link, const struct qkd_start *start);
int qkd_pool_feed(struct qkd_link *link, const struct qkd_feed *rec,
		  const void *block);
int qkd_pool_confirm(struct qkd_link *link, const struct qkd_confirm *c);
void qkd_pool_state(struct qkd_link *link, struct qkd_pool_state *st);
int qkd_pool_secret(struct qkd_link *link, u32 epoch, bool tx,
		    unsigned int half, u8 dst[QKD_MAC_SECRET_SIZE]);
u64 qkd_pool_available(struct qkd_link *link);
u64 qkd_pool_program_floor(const struct qkd_link *link);
int qkd_pool_message_key(struct qkd_link *link, enum qkd_proto_id proto,
			 void *dst, u32 len, u64 *offset, u32 *epoch);
bool qkd_pool_can_reserve(struct qkd_consumer *c, u32 len);
bool qkd_pool_has_room(struct qkd_link *link);

/* ---- consumers ---- */

/**
 * struct qkd_consumer - an account
 * @link: holds a reference while @users
 * @list: on the link's consumers, ascending by @id; qkd_link.consumers_mutex
 * @id: unique in the link, ascending
 * @users: who uses it; consumers_mutex. 0: kept for its figures
 * @floor: bytes left to others; READ_ONCE
 * @promised: bytes that programs leave to it; pool.tx_lock
 * @tx_bytes: reserved; tx_lock, as are @tx_keys and @starved
 * @rx_bytes: taken; rx_lock, as is @rx_keys
 */
struct qkd_consumer {
	struct qkd_link *link;
	struct list_head list;
	u32 id;
	unsigned int users;
	bool program;	/* of a device's file */
	u32 floor;
	u32 promised;
	u64 tx_bytes;
	u64 tx_keys;
	u64 starved;
	u64 rx_bytes;
	u64 rx_keys;
	char kind[QKD_NAME_MAX + 1];
	char name[QKD_NAME_MAX + 1];
};

void qkd_consumers_init(struct qkd_link *link);
void qkd_consumers_free(struct qkd_link *link);
struct qkd_consumer *qkd_consumer_share(struct qkd_link *link,
					const char *kind, const char *name);
bool qkd_consumer_get_next(struct qkd_link *link, u32 after,
			   struct qkd_consumer *copy);

/* ---- links ---- */

/* A key of the table by generation: replaced, never changed. */
struct qkd_generation {
	struct hlist_node node;
	struct qkd_link *link;
	u32 epoch;
	u8 gen[QKD_GENERATION_SIZE];
	struct rcu_head rcu;
};

/* A key of the table by endpoints: replaced, never changed. */
struct qkd_ends {
	struct hlist_node node;
	struct qkd_link *link;
	struct qkd_addr local;
	struct qkd_addr peer;
	struct rcu_head rcu;
};

/* Deferred to qkd_link.event_work. */
enum {
	QKD_EV_STATE,		/* the operational state changed */
	QKD_EV_LEVEL,		/* a block was fed or confirmed */
	QKD_EV_GENERATION,
	QKD_EV_KEY,
	QKD_EV_LOW,		/* raise the alarm */
};

/* What qkdd tells of the link, for others to read. */
struct qkd_report {
	u64 raw_bps, sifted_bps, secret_bps, blocks, blocks_discarded;
	u32 qber_ppm, efficiency_ppm;
	u64 auth, verify, qber;		/* errors */
	bool has_rates;
	char reason[QKD_REASON_MAX + 1];
	char *text;			/* JSON, or NULL */
};

#define QKD_ALARM_CODES		(QKD_ALARM_TUNNEL + 1)

/**
 * struct qkd_link - two peers sharing key
 * @ref: the link's memory; any context
 * @rcu: frees it
 * @node: in the table by net and name; RCU, written under qkd_conf_mutex
 * @net: its namespace, valid until @dead
 * @user_ns: the namespace's, referenced
 * @dev: /dev/qkdN and the sysfs folder; holds a reference of the link
 * @index: the N
 * @name: unique in the namespace
 * @local_node: this end
 * @peer_node: the other
 * @lower: @local_node sorts before @peer_node
 * @role: enum qkd_role
 * @alive: readers use @net and its sockets; writer sets @dead
 * @dead: the link is deleted
 * @info_mutex: protects @driver, @config, @report, @low, @high, @peer_port
 *	(the last three are also read without, READ_ONCE)
 * @driver: as the daemon knows it
 * @config: of the driver, or NULL
 * @report: the daemon's
 * @low: watermark in bytes
 * @high: watermark in bytes
 * @peer_port: UDP
 * @ends4: IPv4 endpoints, or NULL; RCU, written under qkd_conf_mutex
 * @ends6: the same for IPv6
 * @gen: RCU, written under pool.feed
 * @pool: the key
 * @wait: for key, room, or the end
 * @consumers_mutex: protects @consumers
 * @consumers: all accounts, @control included
 * @last_consumer: highest id given
 * @promised: what programs leave to others: the sum of consumers';
 *	pool.tx_lock, READ_ONCE without
 * @program_bytes: what they reserved; pool.tx_lock, as are the next two
 * @asked: the most that one of them was refused and has not got since
 * @asker: its account
 * @control: the account of the peer protocol's own key; a part of the link,
 *	since softirq uses it under RCU alone
 * @gone: sum of the accounts that were dropped; consumers_mutex
 * @state_lock: protects @oper, @admin_up
 * @admin_up: wanted by the administrator; READ_ONCE
 * @oper: enum qkd_oper_state; READ_ONCE
 * @events: bits QKD_EV_*, for @event_work
 * @event_work: tells the notifier and netlink
 * @work_lock: protects @no_work: with it no work is queued any more
 * @no_work: see there
 * @alarms: waiting for @event_work
 * @alarm_lock: protects @alarm_next, @alarm_missed
 * @alarm_next: jiffies from which a code may be raised again
 * @alarm_missed: raised meanwhile
 * @msgs: authentic messages waiting for @msg_work
 * @msg_work: hands them to their protocols
 * @rx_malformed: errors of the peer protocol, by kind
 * @rx_no_key: the same
 * @rx_auth: the same
 * @rx_dropped: the same
 * @tx_failed: the same
 * @named_mutex: protects @named
 * @named: named streams that are open here
 */
struct qkd_link {
	refcount_t ref;
	struct rcu_head rcu;
	struct hlist_node node;
	struct net *net;
	struct user_namespace *user_ns;
	struct device dev;
	u32 index;
	char name[QKD_NAME_MAX + 1];
	char local_node[QKD_NODE_MAX + 1];
	char peer_node[QKD_NODE_MAX + 1];
	bool lower;
	u32 role;

	struct rw_semaphore alive;
	bool dead;

	struct mutex info_mutex;	/* driver to peer_port */
	char driver[QKD_NAME_MAX + 1];
	char *config;
	struct qkd_report report;
	u32 low;
	u32 high;
	__be16 peer_port;

	struct qkd_ends __rcu *ends4;
	struct qkd_ends __rcu *ends6;
	struct qkd_generation __rcu *gen;

	struct qkd_pool pool;
	wait_queue_head_t wait;

	struct mutex consumers_mutex;	/* consumers, gone */
	struct list_head consumers;
	u32 last_consumer;
	u64 promised;		/* what programs leave */
	u64 program_bytes;
	u32 asked;
	const struct qkd_consumer *asker;
	struct qkd_consumer control;
	struct qkd_consumer gone;

	spinlock_t state_lock;	/* oper, admin_up */
	bool admin_up;
	u32 oper;

	unsigned long events;
	struct work_struct event_work;
	spinlock_t work_lock;	/* no_work, and queueing with it */
	bool no_work;

	struct llist_head alarms;
	spinlock_t alarm_lock;	/* alarm_next, alarm_missed */
	unsigned long alarm_next[QKD_ALARM_CODES];
	u32 alarm_missed[QKD_ALARM_CODES];

	struct sk_buff_head msgs;
	struct work_struct msg_work;
	atomic64_t rx_malformed;
	atomic64_t rx_no_key;
	atomic64_t rx_auth;
	atomic64_t rx_dropped;
	atomic64_t tx_failed;

	struct mutex named_mutex;	/* named */
	struct list_head named;
};

/**
 * struct qkd_net - a namespace
 * @net: itself
 * @links: by index; written under qkd_conf_mutex, read under RCU
 * @n_links: how many; qkd_conf_mutex
 * @changes: links made and deleted, for dumps to notice
 * @sock4: the peer protocol's, from the first link to the last; written under
 *	qkd_conf_mutex while no link is alive
 * @sock6: the same, or NULL where IPv6 is off
 */
struct qkd_net {
	struct net *net;
	struct xarray links;
	u32 n_links;
	u32 changes;
	struct socket *sock4;
	struct socket *sock6;
};

/* What an administrator gave; NULL or absent: as it was. */
struct qkd_settings {
	const char *name, *local_node, *peer_node, *driver, *config;
	struct qkd_addr local4, peer4, local6, peer6;
	bool has_local4, has_peer4, has_local6, has_peer6;
	bool has_peer_port, has_role, has_admin, has_pool_size, has_low,
	     has_high, has_grace;
	__be16 peer_port;
	u32 role, admin, pool_size, low, high, grace_ms;
};

extern struct mutex qkd_conf_mutex;
extern struct workqueue_struct *qkd_wq;
extern struct blocking_notifier_head qkd_chain;
extern unsigned int qkd_net_id;
extern ushort qkd_port;

int qkd_net_register(void);
void qkd_net_unregister(void);
struct qkd_net *qkd_net(struct net *net);

struct qkd_link *qkd_link_new(struct net *net, const struct qkd_settings *set,
			      struct netlink_ext_ack *extack);
int qkd_link_set(struct qkd_link *link, const struct qkd_settings *set,
		 struct netlink_ext_ack *extack);
void qkd_link_del(struct qkd_link *link);
struct qkd_link *qkd_link_find_minor(u32 index);
struct qkd_link *qkd_link_next(struct qkd_net *qn, unsigned long *index);
struct qkd_link *qkd_link_get(struct qkd_link *link);
void qkd_links_wait(void);

/* ---- their settings ---- */

int qkd_check_words(const struct qkd_settings *set,
		    struct netlink_ext_ack *extack);
int qkd_check_size(const struct net *net, const struct qkd_settings *set,
		   struct netlink_ext_ack *extack);
int qkd_settings_apply(struct qkd_link *link, const struct qkd_settings *set,
		       struct netlink_ext_ack *extack);
int qkd_ends_set(struct qkd_link *link, const struct qkd_settings *set,
		 struct netlink_ext_ack *extack);
void qkd_ends_clear(struct qkd_link *link);

/* ---- generations ---- */

struct qkd_generation *qkd_generation_first(struct net *net, const u8 *gen);
struct qkd_generation *qkd_generation_next(struct qkd_generation *g,
					   struct net *net, const u8 *gen);
int qkd_generation_set(struct qkd_link *link, const u8 *gen, u32 epoch);

/* ---- their state ---- */

/* Computes the state anew; any context. */
void qkd_link_update(struct qkd_link *link);
void qkd_link_event(struct qkd_link *link, int event);
void qkd_link_queue(struct qkd_link *link, struct work_struct *work);

/* ---- alarms ---- */

void qkd_alarm_init(struct qkd_link *link);
void qkd_alarm_send(struct qkd_link *link);
void qkd_alarm_free(struct qkd_link *link);

/* ---- the peer protocol ---- */

int qkd_peer_open(struct qkd_net *qn, struct netlink_ext_ack *extack);
void qkd_peer_close(struct qkd_net *qn);
void qkd_peer_init(struct qkd_link *link);
void qkd_peer_end(struct qkd_link *link);

/* ---- named streams ---- */

int qkd_named_register(void);
void qkd_named_unregister(void);
struct qkd_named *qkd_named_join(struct qkd_link *link,
				 struct qkd_consumer *c, const char *name);
void qkd_named_leave(struct qkd_named *s);
ssize_t qkd_named_read(struct qkd_named *s, struct iov_iter *to,
		       bool nonblock);
bool qkd_named_readable(struct qkd_named *s);
bool qkd_named_closed(struct qkd_named *s);
wait_queue_head_t *qkd_named_wait(struct qkd_named *s);
void qkd_named_kick(struct qkd_link *link);
void qkd_named_end(struct qkd_link *link);

/* ---- devices ---- */

int qkd_dev_register(void);
void qkd_dev_unregister(void);
int qkd_dev_add(struct qkd_link *link);
void qkd_dev_del(struct qkd_link *link);
extern const struct attribute_group *qkd_sysfs_groups[];

/* ---- netlink ---- */

int qkd_nl_register(void);
void qkd_nl_unregister(void);
void qkd_nl_notify_link(struct qkd_link *link);
void qkd_nl_notify_del(struct qkd_link *link);
void qkd_nl_notify_key(struct qkd_link *link);
void qkd_nl_notify_alarm(struct qkd_link *link, u32 code, const char *text);

/* ---- self-tests ---- */

#ifdef DEBUG
bool qkd_selftest(void);
#else
static inline bool qkd_selftest(void)
{
	return true;
}
#endif

#endif /* _QKD_CORE_H */
