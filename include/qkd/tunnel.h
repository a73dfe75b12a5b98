/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libqkd: tunnels of qkd_xfrm, IPsec keyed from a link.
 *
 * A part of its own, since programs that only use key never need it. The rules
 * and the handle are those of <qkd/qkd.h>; what each setting means is told in
 * <linux/qkd_xfrm.h> and Documentation/xfrm.rst.
 */
#ifndef _QKD_TUNNEL_H
#define _QKD_TUNNEL_H

#include <qkd/qkd.h>
#include <linux/qkd_xfrm.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An address of either family; @family is AF_UNSPEC when there is none. */
struct qkd_ip {
	sa_family_t family;
	union {
		struct in_addr a4;
		struct in6_addr a6;
	};
};

/**
 * struct qkd_tunnel_conf - a tunnel's settings, to give and as told
 * @size: sizeof(struct qkd_tunnel_conf)
 * @set: QKD_BIT()s of QKD_XFRM_A_TUNNEL_ attributes that are given, or told.
 *	To give, strings and addresses count where they are there
 *
 * Times are in milliseconds, ports in host order.
 */
struct qkd_tunnel_conf {
	size_t size;
	uint64_t set;
	const char *link;
	struct qkd_ip local;
	struct qkd_ip peer;
	struct qkd_ip src;
	struct qkd_ip dst;
	uint8_t src_prefix;
	uint8_t dst_prefix;
	uint8_t proto;
	uint8_t esn;
	uint16_t src_port;
	uint16_t dst_port;
	uint16_t encap_sport;
	uint16_t encap_dport;
	enum qkd_xfrm_mode mode;
	enum qkd_xfrm_aead aead;
	enum qkd_xfrm_starved starved;
	enum qkd_xfrm_start start;
	enum qkd_xfrm_policy policy;
	uint32_t replay_window;
	uint32_t rekey_time;
	uint32_t hard_time;
	uint32_t grace_time;
	uint32_t reqid;
	uint32_t if_id;
	uint32_t priority;
	uint64_t rekey_bytes;
	uint64_t rekey_packets;
	uint64_t hard_bytes;
	uint64_t hard_packets;
	uint8_t hybrid;
};

#define QKD_TUNNEL_CONF_INIT { .size = sizeof(struct qkd_tunnel_conf) }

/**
 * struct qkd_tunnel_dir - one direction of a tunnel, handed out
 * @have: QKD_BIT()s of QKD_XFRM_A_DIR_ attributes that were told
 * @spi: in host order
 * @age: ms
 * @next_rekey: ms
 * @secret_id: of the post-quantum secret in the SA's key; zeroes: none is
 */
struct qkd_tunnel_dir {
	uint64_t have;
	enum qkd_xfrm_state state;
	uint32_t spi;
	uint64_t key_offset;
	uint64_t age;
	uint64_t next_rekey;
	uint64_t packets;
	uint64_t bytes;
	uint64_t total_packets;
	uint64_t total_bytes;
	uint32_t old;
	uint64_t rekeys;
	uint64_t failures;
	uint64_t offers;
	uint64_t retries;
	uint64_t repeats;
	uint64_t accepts;
	uint64_t rejects;
	uint64_t wants;
	uint64_t starved;
	uint64_t key_bytes;
	uint8_t secret_id[QKD_XFRM_SECRET_ID_SIZE];
};

/**
 * struct qkd_tunnel - a tunnel as the kernel told of it, handed out
 * @have: QKD_BIT()s of the attributes that were told
 * @link_index: QKD_NO_INDEX while there is no such link
 * @conf: its settings
 * @adhoc: made to serve a template of ip xfrm policy
 * @reason: why a direction stands where it does
 * @out: the outbound direction
 * @in: the inbound one
 * @inbound: the following, in QKD_EVENT_REKEY only: which direction
 * @spi: new one, in host order
 * @old_spi: 0 if there was none
 * @key_offset: of the new SA's key in the stream
 */
struct qkd_tunnel {
	uint64_t have;
	const char *name;
	uint32_t link_index;
	bool adhoc;
	const struct qkd_tunnel_conf *conf;
	const char *reason;
	const struct qkd_tunnel_dir *out;
	const struct qkd_tunnel_dir *in;
	bool inbound;
	uint32_t spi;
	uint32_t old_spi;
	uint64_t key_offset;
};

/* "?" for a value this library does not know. */
const char *qkd_tunnel_mode_name(enum qkd_xfrm_mode mode);
const char *qkd_tunnel_aead_name(enum qkd_xfrm_aead aead);
const char *qkd_tunnel_starved_name(enum qkd_xfrm_starved starved);
const char *qkd_tunnel_start_name(enum qkd_xfrm_start start);
const char *qkd_tunnel_policy_name(enum qkd_xfrm_policy policy);
const char *qkd_tunnel_state_name(enum qkd_xfrm_state state);

/*
 * Each fails with -EPROTONOSUPPORT while qkd_xfrm is not loaded, and with
 * -ENOENT if there is no such tunnel. @reqid: out, may be NULL.
 */
int qkd_tunnel_add(struct qkd_nl *nl, const char *name,
		   const struct qkd_tunnel_conf *conf, uint32_t *reqid);
int qkd_tunnel_del(struct qkd_nl *nl, const char *name);
int qkd_tunnel_set(struct qkd_nl *nl, const char *name,
		   const struct qkd_tunnel_conf *conf);
/* Replaces the outbound SA now, without loss. */
int qkd_tunnel_rekey(struct qkd_nl *nl, const char *name);
int qkd_tunnel_get(struct qkd_nl *nl, const char *name,
		   struct qkd_tunnel **tunnel);
void qkd_tunnel_free(struct qkd_tunnel *tunnel);	/* NULL is fine */
/* As qkd_link_each(); @link: only that link's tunnels, or NULL. */
int qkd_tunnel_each(struct qkd_nl *nl, const char *link,
		    int (*cb)(const struct qkd_tunnel *t, void *arg),
		    void *arg);

/*
 * The post-quantum secret of a link's hybrid tunnels, for who agreed on it
 * with the peer, as qkdd does. First each end gives it; when both have, each
 * begins to use it. -EEXIST: given before; -ENOENT: not known. No copy of
 * @bytes is left in the handle's memory.
 */
int qkd_secret_give(struct qkd_nl *nl, const char *link,
		    const uint8_t id[QKD_XFRM_SECRET_ID_SIZE],
		    const uint8_t bytes[QKD_XFRM_SECRET_SIZE]);
int qkd_secret_use(struct qkd_nl *nl, const char *link,
		   const uint8_t id[QKD_XFRM_SECRET_ID_SIZE]);
/* Why there is none, for tunnels that wait for it to show. */
int qkd_secret_none(struct qkd_nl *nl, const char *link, const char *why);

#ifdef __cplusplus
}
#endif

#endif /* _QKD_TUNNEL_H */
