/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of qkd_xfrm share: a tunnel, its two directions, and who may
 * call whom. Each section names the file that implements it.
 *
 * Locks, outermost first:
 *   qkd.ko's configuration mutex (when the notifier calls)
 *   qx_net.lock		tunnels come and go
 *   qx_tunnel.lock		all that changes in a tunnel
 *   qx_net.turn_lock	who may offer
 *   qx_net.secret_lock	post-quantum secrets
 *   xfrm's own locks, and those of qkd.ko's pools
 * Tables are read under RCU. What xfrm calls (acquire, notify) comes in any
 * context with xfrm's locks held, and so only sets events and queues work.
 */
#ifndef _QX_TUNNEL_H
#define _QX_TUNNEL_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/xfrm.h>
#include <qkd.h>

#include "derive.h"
#include "msg.h"

#define QX_OLD_MAX	128		/* SAs replaced and still there */
#define QX_BYPASSES	8		/* see bypass.c, both ways */

struct qx_bypass;
struct qx_encap;
struct qx_secret_set;
struct qx_tunnel;
struct qx_turns;

/* ---- names and settings ---- */

/**
 * struct qx_id - what ties an SA or a template to a tunnel
 * @a: the lower of the two outer addresses, whichever is local
 * @b: the other one
 * @reqid: request ID
 * @if_id: xfrm interface, 0 is none
 * @family: AF_INET or AF_INET6, of the outer addresses
 * @mode: XFRM_MODE_...
 * @zero: a key of a hash table has no undefined bytes
 */
struct qx_id {
	xfrm_address_t a;
	xfrm_address_t b;
	u32 reqid;
	u32 if_id;
	u16 family;
	u8 mode;
	u8 zero;
};

/* What can be changed while a tunnel lives. Times in milliseconds. */
struct qx_settings {
	enum qkd_xfrm_aead aead;
	enum qkd_xfrm_starved starved;
	enum qkd_xfrm_start start;
	bool esn;
	bool hybrid;
	u32 replay_window;		/* packets */
	u32 rekey_time;			/* 0: not by time */
	u32 hard_time;			/* 0: derived */
	u32 grace_time;
	u64 rekey_bytes;
	u64 rekey_packets;
	u64 hard_bytes;
	u64 hard_packets;
};

/* What is decided when a tunnel is made. */
struct qx_conf {
	char name[QX_NAME_SIZE];
	char link[QX_NAME_SIZE];
	u16 family;			/* of local and peer */
	xfrm_address_t local;
	xfrm_address_t peer;
	enum qkd_xfrm_mode mode;
	enum qkd_xfrm_policy policy;
	struct xfrm_selector sel;	/* outbound */
	u32 reqid;			/* 0: allocated */
	u32 if_id;
	u32 priority;
	__be16 encap_sport;		/* 0: none */
	__be16 encap_dport;
	bool adhoc;
	bool wanted;			/* ad hoc: a packet waits for it */
	struct qx_settings set;
};

/* ---- SAs: sa.c ---- */

/**
 * struct qx_sa - an SA that we installed
 * @list: among the old ones of its direction
 * @x: held
 * @offset: of its key
 * @made: jiffies
 * @until: jiffies when it goes; 0 while its successor was not used yet
 * @hybrid: its key is of two
 * @secret_id: names the other one, if so
 */
struct qx_sa {
	struct list_head list;
	struct xfrm_state *x;
	u64 offset;
	unsigned long made;
	unsigned long until;
	bool hybrid;
	u8 secret_id[QKD_XFRM_SECRET_ID_SIZE];
};

struct qx_usage {
	u64 packets;
	u64 bytes;
};

bool qx_aead_there(enum qkd_xfrm_aead aead);
u32 qx_aead_key_len(enum qkd_xfrm_aead aead);
struct qx_sa *qx_sa_install(struct qx_tunnel *t, bool out, __be32 spi,
			    const u8 *key, const u8 *secret_id, u64 offset);
bool qx_sa_alive(const struct qx_sa *sa);
void qx_sa_usage(const struct qx_sa *sa, struct qx_usage *u);
void qx_sa_step_back(struct qx_sa *sa);
void qx_sa_end(struct qx_sa *sa);
void qx_sa_delete(struct qx_sa *sa, struct qx_usage *total);
void qx_larval_end(struct qx_tunnel *t);

/* ---- directions ---- */

/* What was done, as tunnel-get tells it. Key in bytes. */
struct qx_count {
	u64 rekeys;
	u64 failures;
	u64 offers;
	u64 retries;
	u64 repeats;
	u64 accepts;
	u64 rejects;
	u64 wants;
	u64 starved;
	u64 key_bytes;
	struct qx_usage gone;		/* carried by SAs that are gone */
};

/* The direction that we send in, and key: out.c, where its states are drawn. */
struct qx_out {
	enum qkd_xfrm_state state;
	struct qx_sa *sa;		/* in use, or NULL */
	struct list_head old;		/* replaced, oldest first */
	u32 n_old;
	u8 key[QX_PRK_SIZE];		/* of the offer, or what an SA's is
					 * derived from; wiped otherwise
					 */
	u8 secret_id[QKD_XFRM_SECRET_ID_SIZE];	/* that is in it; zeroes: none */
	u64 offset;			/* of the offer */
	u32 epoch;			/* of the offer */
	u32 tries;			/* messages of the offer so far */
	unsigned long since;		/* jiffies of the first of them */
	u32 fails;			/* keys spent in vain in a row */
	unsigned long next;		/* jiffies of the next attempt */
	unsigned long rekey_at;		/* jiffies, if by time */
	unsigned long drop_at;		/* jiffies, if dropping */
	unsigned long lookups;		/* RCU's of those that missed the SA */
	unsigned long sweep_at;		/* jiffies, if sweeping */
	enum qx_reason refused;		/* the offer stands nevertheless */
	int starved_by;			/* -errno of the latest want of key */
	bool starved;			/* told, and not over yet */
	bool dropping;			/* starved, and configured to block */
	bool sweeping;			/* larval SAs may have come late */
	struct qx_count count;
};

/* The direction that the peer sends in, and keys: in.c. */
struct qx_in {
	enum qkd_xfrm_state state;
	struct qx_sa *sa;
	struct list_head old;
	u32 n_old;
	u64 offset;			/* of the latest offer */
	u32 epoch;			/* of the latest offer */
	u8 secret_id[QKD_XFRM_SECRET_ID_SIZE];	/* of the latest offer */
	u32 polls;			/* for the new SA's first packet */
	unsigned long poll_at;		/* jiffies */
	u32 wants;			/* asked so many times in a row */
	unsigned long want_at;		/* jiffies */
	bool wanting;			/* an SA is missing, or overdue */
	struct qx_count count;
};

/* Why a tunnel's work runs: bits of qx_tunnel.events. */
enum qx_event {
	QX_EV_START,		/* the tunnel was made */
	QX_EV_ACQUIRE,		/* a packet wants an SA */
	QX_EV_SOFT,		/* the outbound SA reached a soft limit */
	QX_EV_CHECK,		/* an SA may have been deleted */
	QX_EV_KEY,		/* there may be key */
	QX_EV_LINK,		/* the link came, changed or went */
	QX_EV_GENERATION,	/* the peer may have lost its SAs */
	QX_EV_WANTED,		/* the peer has no SA from us */
	QX_EV_TURN,		/* it may offer now */
	QX_EV_REKEY,		/* the administrator says so */
	QX_EV_SECRET,		/* there may be a post-quantum secret */
};

/* Whether a tunnel may await an answer: turn.c, where its states are drawn. */
enum qx_turn {
	QX_TURN_NONE,
	QX_TURN_WAITS,
	QX_TURN_HELD,
};

/**
 * struct qx_tunnel - a tunnel
 * @by_name: in qx_net.by_name
 * @by_id: in qx_net.by_id
 * @rcu: frees it
 * @ref: the tables', each queued work's, and everyone's who found it
 * @qn: namespace; not touched once @dead
 * @serial: in qx_net.tunnels; grows from tunnel to tunnel
 * @id: what its SAs are found by
 * @conf: as configured; only @conf.set ever changes, under @lock
 * @policy: indices of its policies, by direction; protected by qx_net.lock
 * @bypass: exceptions it needs; protected by qx_net.lock
 * @encap: its socket, or NULL; protected by qx_net.lock
 * @work: runs both directions
 * @events: bits of enum qx_event since @work ran last
 * @turn: protected by qx_net.turn_lock
 * @turn_list: in qx_turns.waiting; protected by qx_net.turn_lock
 * @lock: protects all below, and @conf.set
 * @dead: deleted, nothing below is valid
 * @link: held, or NULL while there is none of its name
 * @consumer: account of @link, with it
 * @turns: shared by the tunnels of @link, with it
 * @reason: why a direction stands where it does; empty if all is well
 * @out: sending
 * @in: receiving
 */
struct qx_tunnel {
	struct rhash_head by_name;
	struct rhash_head by_id;
	struct rcu_head rcu;
	refcount_t ref;
	struct qx_net *qn;
	u32 serial;
	struct qx_id id;
	struct qx_conf conf;
	u32 policy[XFRM_POLICY_MAX];
	struct qx_bypass *bypass[QX_BYPASSES];
	struct qx_encap *encap;
	struct delayed_work work;
	unsigned long events;
	enum qx_turn turn;
	struct list_head turn_list;
	struct mutex lock; /* protects what the comment above says */
	bool dead;
	struct qkd_link *link;
	struct qkd_consumer *consumer;
	struct qx_turns *turns;
	char reason[QKD_XFRM_REASON_MAX + 1];
	struct qx_out out;
	struct qx_in in;
};

/* ---- a namespace: main.c ---- */

/**
 * struct qx_net - qkd_xfrm's part of a network namespace
 * @net: the namespace
 * @lock: serialises the creation and deletion of tunnels; protects @serial,
 *	@reqid, @bypasses and @encaps, and the writing of the tables. Whoever has
 *	it sees all tunnels that are bound to a link
 * @by_name: tunnels; read under RCU
 * @by_id: tunnels; read under RCU
 * @tunnels: by serial, so in order of creation; read under RCU
 * @n_tunnels: of @tunnels
 * @serial: of the latest tunnel
 * @reqid: allocated last
 * @closing: the namespace goes
 * @bypasses: policies for control messages, shared by tunnels: bypass.c
 * @encaps: sockets of UDP encapsulation, shared by tunnels: encap.c
 * @turn_lock: protects @turns, and what turn.c says
 * @turns: of links that tunnels are bound to
 * @secret_lock: protects @secrets and all in it
 * @secrets: post-quantum ones, by the link's index: secret.c
 * @acquire_lock: protects @acquires, @n_acquires
 * @acquires: of templates that no tunnel claims: adhoc.c
 * @n_acquires: of @acquires
 * @acquire_work: serves them
 * @idle_work: deletes ad hoc tunnels that have no SA left
 */
struct qx_net {
	struct net *net;
	struct mutex lock; /* protects what the comment above says */
	struct rhashtable by_name;
	struct rhashtable by_id;
	struct xarray tunnels;
	u32 n_tunnels;
	u32 serial;
	u32 reqid;
	bool closing;
	struct list_head bypasses;
	struct list_head encaps;
	spinlock_t turn_lock; /* protects what the comment above says */
	struct list_head turns;
	spinlock_t secret_lock; /* protects secrets */
	struct xarray secrets;
	spinlock_t acquire_lock; /* protects acquires, n_acquires */
	struct list_head acquires;
	u32 n_acquires;
	struct work_struct acquire_work;
	struct work_struct idle_work;
};

extern struct workqueue_struct *qx_wq;
extern bool qx_adhoc;

struct qx_net *qx_net(const struct net *net);

/* ---- tunnels: tunnel.c ---- */

int qx_tables_init(struct qx_net *qn);
void qx_tables_destroy(struct qx_net *qn);
void qx_settings_default(struct qx_settings *set);
void qx_id_set(struct qx_id *id, u16 family, u8 mode, u32 reqid, u32 if_id,
	       const xfrm_address_t *one, const xfrm_address_t *other);
struct qx_tunnel *qx_tunnel_find(struct qx_net *qn, const char *name);
struct qx_tunnel *qx_tunnel_find_id(struct qx_net *qn, const struct qx_id *id);
struct qx_tunnel *qx_tunnel_after(struct qx_net *qn, u32 serial);
struct qx_tunnel *qx_tunnel_next(struct qx_net *qn, struct qx_tunnel *t);
void qx_tunnel_put(struct qx_tunnel *t);
int qx_tunnel_new(struct qx_net *qn, const struct qx_conf *conf, u32 *reqid,
		  struct netlink_ext_ack *extack);
int qx_tunnel_del(struct qx_net *qn, const char *name, bool adhoc);
void qx_tunnels_del(struct qx_net *qn);
void qx_kick(struct qx_tunnel *t, enum qx_event event);
bool qx_ask(struct qx_tunnel *t, enum qx_event event);
bool qx_unused(struct qx_tunnel *t);
void qx_unbind(struct qx_tunnel *t);
void qx_well(struct qx_tunnel *t);
__printf(2, 3)
void qx_reason(struct qx_tunnel *t, const char *fmt, ...);

/* ---- the machinery: out.c, in.c ---- */

unsigned long qx_backoff(u32 tries);
/* Each returns the jiffies until it wants to run again. */
unsigned long qx_out_run(struct qx_tunnel *t, unsigned long events);
unsigned long qx_in_run(struct qx_tunnel *t, unsigned long events);

void qx_out_accepted(struct qx_tunnel *t, const struct qx_msg *m, u32 epoch);
void qx_out_rejected(struct qx_tunnel *t, const struct qx_msg *m, u32 epoch);
bool qx_out_wanted(struct qx_tunnel *t);
void qx_out_peer_spoke(struct qx_tunnel *t);
void qx_out_changed(struct qx_tunnel *t);
void qx_out_hybrid(struct qx_tunnel *t);
void qx_out_clear(struct qx_tunnel *t);

void qx_in_offered(struct qx_tunnel *t, const struct qx_msg *m, u32 epoch);
void qx_in_none(struct qx_tunnel *t, const struct qx_msg *m);
void qx_in_hybrid(struct qx_tunnel *t);
void qx_in_clear(struct qx_tunnel *t);

/* ---- whose turn it is to offer: turn.c ---- */

int qx_turns_join(struct qx_tunnel *t, const struct qkd_link *link);
void qx_turns_leave(struct qx_tunnel *t);
bool qx_turn_take(struct qx_tunnel *t);
void qx_turn_end(struct qx_tunnel *t);
void qx_turn_answered(struct qx_tunnel *t, unsigned long took, bool first);
unsigned long qx_turn_patience(struct qx_tunnel *t);
void qx_turn_unanswered(struct qx_tunnel *t);

/* ---- post-quantum secrets: secret.c ---- */

/**
 * struct qx_secret_set - what qkdd says of a link's secret
 * @id: which one
 * @secret: it is given; or NULL
 * @use: it is used from now on
 * @why: there is none, for this reason; or NULL
 */
struct qx_secret_set {
	const u8 *id;
	const struct qx_secret *secret;
	bool use;
	const char *why;
};

int qx_secret_set(struct qx_net *qn, struct qkd_link *link,
		  const struct qx_secret_set *set);
int qx_secret_now(struct qx_net *qn, u32 link, struct qx_secret *s);
int qx_secret_offered(struct qx_net *qn, u32 link, const u8 *id,
		      struct qx_secret *s);
void qx_secret_refused(struct qx_net *qn, u32 link, const u8 *id);
void qx_secret_why(struct qx_net *qn, u32 link, char *why, size_t size);
void qx_secret_forget(struct qx_net *qn, u32 link);
void qx_secrets_exit(struct qx_net *qn);

/* ---- messages: proto.c ---- */

int qx_proto_register(void);
void qx_proto_unregister(void);
int qx_send(struct qx_tunnel *t, enum qx_msg_type type, enum qx_reason reason,
	    u64 offset, u32 spi);
const char *qx_reason_text(enum qx_reason reason);

/* ---- policies: policy.c, bypass.c ---- */

/**
 * struct qx_rule - a policy that is to be in the database
 * @dir: XFRM_POLICY_...
 * @sel: what it covers
 * @if_id: xfrm interface, 0 is none
 * @priority: lower goes first
 * @tmpl: ends, mode and request ID of the SA that is wanted; NULL: let pass
 */
struct qx_rule {
	int dir;
	struct xfrm_selector sel;
	u32 if_id;
	u32 priority;
	const struct qx_conf *tmpl;
};

int qx_rule_insert(struct qx_net *qn, const struct qx_rule *rule, u32 *index,
		   struct netlink_ext_ack *extack);
void qx_rule_remove(struct qx_net *qn, const struct qx_rule *rule, u32 index);
void qx_selector_reverse(struct xfrm_selector *to,
			 const struct xfrm_selector *from);
int qx_policy_add(struct qx_tunnel *t, struct netlink_ext_ack *extack);
void qx_policy_del(struct qx_tunnel *t);
int qx_bypass_get(struct qx_tunnel *t, struct netlink_ext_ack *extack);
int qx_bypass_update(struct qx_tunnel *t);
void qx_bypass_del(struct qx_tunnel *t);
void qx_bypass_forget(struct qx_net *qn);

/* ---- UDP encapsulation: encap.c ---- */

int qx_encap_get(struct qx_tunnel *t, struct netlink_ext_ack *extack);
void qx_encap_put(struct qx_tunnel *t);

/* ---- templates that no tunnel claims: adhoc.c ---- */

bool qx_adhoc_reqid(u32 reqid);
int qx_adhoc_acquire(struct qx_net *qn, const struct xfrm_state *x);
void qx_adhoc_again(const struct qx_tunnel *t);
struct qx_tunnel *qx_adhoc_offered(struct qx_net *qn, struct qkd_link *link,
				   const struct qx_msg *m);
void qx_adhoc_init(struct qx_net *qn);
void qx_adhoc_exit(struct qx_net *qn);

/* ---- xfrm's calls: km.c; qkd.ko's calls: event.c ---- */

void qx_km_register(void);
void qx_km_unregister(void);
int qx_event_register(void);
void qx_event_unregister(void);

/* ---- other modules' questions: esp.c ---- */

int qx_esp_register(void);
void qx_esp_unregister(void);

/* ---- generic netlink: netlink.c, notify.c ---- */

int qx_put_tunnel(struct sk_buff *skb, struct qx_tunnel *t);
void qx_notify(struct qx_tunnel *t);
void qx_notify_del(struct qx_tunnel *t);
void qx_notify_rekey(struct qx_tunnel *t, bool in, const struct qx_sa *sa,
		     const struct qx_sa *old);

#endif /* _QX_TUNNEL_H */
