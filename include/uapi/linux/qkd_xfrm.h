/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/qkd-xfrm.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_QKD_XFRM_H
#define _UAPI_LINUX_QKD_XFRM_H

#define QKD_XFRM_FAMILY_NAME	"qkd-xfrm"
#define QKD_XFRM_FAMILY_VERSION	1

#define QKD_XFRM_NAME_MAX	31
#define QKD_XFRM_REASON_MAX	255
#define QKD_XFRM_SECRET_SIZE	48
#define QKD_XFRM_SECRET_ID_SIZE	16
#define QKD_XFRM_ADHOC_FIRST	1358954496
#define QKD_XFRM_ADHOC_LAST	1367343103
#define QKD_XFRM_REQID_FIRST	1367343104
#define QKD_XFRM_REQID_LAST	1375731711

/**
 * enum qkd_xfrm_mode - What ESP carries.
 * @QKD_XFRM_MODE_TRANSPORT: The payload of packets between the two ends.
 * @QKD_XFRM_MODE_TUNNEL: Whole packets, between what lies behind the two ends.
 */
enum qkd_xfrm_mode {
	QKD_XFRM_MODE_TRANSPORT,
	QKD_XFRM_MODE_TUNNEL,
};

/**
 * enum qkd_xfrm_aead - Cipher and integrity, with an ICV of 16 bytes.
 * @QKD_XFRM_AEAD_AES256GCM: RFC 4106, 36 bytes of key an SA.
 * @QKD_XFRM_AEAD_AES128GCM: RFC 4106, 20 bytes of key an SA.
 * @QKD_XFRM_AEAD_CHACHA20POLY1305: RFC 7634, 36 bytes of key an SA.
 */
enum qkd_xfrm_aead {
	QKD_XFRM_AEAD_AES256GCM,
	QKD_XFRM_AEAD_AES128GCM,
	QKD_XFRM_AEAD_CHACHA20POLY1305,
};

/**
 * enum qkd_xfrm_starved - What becomes of the outbound SA when it is due for
 *   rekey without key.
 * @QKD_XFRM_STARVED_BLOCK: It is deleted after the margin; traffic waits or is
 *   dropped.
 * @QKD_XFRM_STARVED_KEEP: It is used up to its hard limits.
 */
enum qkd_xfrm_starved {
	QKD_XFRM_STARVED_BLOCK,
	QKD_XFRM_STARVED_KEEP,
};

/**
 * enum qkd_xfrm_start - When SAs are made.
 * @QKD_XFRM_START_NOW: As soon as there is key, and again whenever one is
 *   missing.
 * @QKD_XFRM_START_TRAFFIC: When a packet wants one (acquire); an SA that
 *   carried nothing is not renewed.
 */
enum qkd_xfrm_start {
	QKD_XFRM_START_NOW,
	QKD_XFRM_START_TRAFFIC,
};

/**
 * enum qkd_xfrm_policy - Who makes the policies.
 * @QKD_XFRM_POLICY_OWN: The tunnel, from its selectors; they stay until it is
 *   deleted.
 * @QKD_XFRM_POLICY_NONE: The administrator, by ip xfrm policy, with templates
 *   of the tunnel's request ID.
 */
enum qkd_xfrm_policy {
	QKD_XFRM_POLICY_OWN,
	QKD_XFRM_POLICY_NONE,
};

/**
 * enum qkd_xfrm_state - Where the keying of one direction stands. The outbound
 *   one goes through all of them; the inbound one is idle, live or overlap.
 * @QKD_XFRM_STATE_IDLE: No SA, and none wanted.
 * @QKD_XFRM_STATE_WAIT_KEY: One is wanted; there is no key, or the link is
 *   down.
 * @QKD_XFRM_STATE_OFFERED: Key is reserved and offered; the peer has not
 *   answered yet.
 * @QKD_XFRM_STATE_LIVE: An SA is in use.
 * @QKD_XFRM_STATE_OVERLAP: A new inbound SA is in, the one before is kept for
 *   late packets.
 */
enum qkd_xfrm_state {
	QKD_XFRM_STATE_IDLE,
	QKD_XFRM_STATE_WAIT_KEY,
	QKD_XFRM_STATE_OFFERED,
	QKD_XFRM_STATE_LIVE,
	QKD_XFRM_STATE_OVERLAP,
};

enum {
	QKD_XFRM_A_DIR_PAD = 1,
	QKD_XFRM_A_DIR_STATE,
	QKD_XFRM_A_DIR_SPI,
	QKD_XFRM_A_DIR_KEY_OFFSET,
	QKD_XFRM_A_DIR_AGE,
	QKD_XFRM_A_DIR_NEXT_REKEY,
	QKD_XFRM_A_DIR_PACKETS,
	QKD_XFRM_A_DIR_BYTES,
	QKD_XFRM_A_DIR_TOTAL_PACKETS,
	QKD_XFRM_A_DIR_TOTAL_BYTES,
	QKD_XFRM_A_DIR_OLD,
	QKD_XFRM_A_DIR_REKEYS,
	QKD_XFRM_A_DIR_FAILURES,
	QKD_XFRM_A_DIR_OFFERS,
	QKD_XFRM_A_DIR_RETRIES,
	QKD_XFRM_A_DIR_REPEATS,
	QKD_XFRM_A_DIR_ACCEPTS,
	QKD_XFRM_A_DIR_REJECTS,
	QKD_XFRM_A_DIR_WANTS,
	QKD_XFRM_A_DIR_STARVED,
	QKD_XFRM_A_DIR_KEY_BYTES,
	QKD_XFRM_A_DIR_SECRET_ID,

	__QKD_XFRM_A_DIR_MAX,
	QKD_XFRM_A_DIR_MAX = (__QKD_XFRM_A_DIR_MAX - 1)
};

enum {
	QKD_XFRM_A_TUNNEL_PAD = 1,
	QKD_XFRM_A_TUNNEL_NAME,
	QKD_XFRM_A_TUNNEL_LINK,
	QKD_XFRM_A_TUNNEL_LINK_INDEX,
	QKD_XFRM_A_TUNNEL_LOCAL,
	QKD_XFRM_A_TUNNEL_PEER,
	QKD_XFRM_A_TUNNEL_MODE,
	QKD_XFRM_A_TUNNEL_SRC,
	QKD_XFRM_A_TUNNEL_SRC_PREFIX,
	QKD_XFRM_A_TUNNEL_DST,
	QKD_XFRM_A_TUNNEL_DST_PREFIX,
	QKD_XFRM_A_TUNNEL_PROTO,
	QKD_XFRM_A_TUNNEL_SRC_PORT,
	QKD_XFRM_A_TUNNEL_DST_PORT,
	QKD_XFRM_A_TUNNEL_AEAD,
	QKD_XFRM_A_TUNNEL_ESN,
	QKD_XFRM_A_TUNNEL_REPLAY_WINDOW,
	QKD_XFRM_A_TUNNEL_REKEY_TIME,
	QKD_XFRM_A_TUNNEL_REKEY_BYTES,
	QKD_XFRM_A_TUNNEL_REKEY_PACKETS,
	QKD_XFRM_A_TUNNEL_HARD_TIME,
	QKD_XFRM_A_TUNNEL_HARD_BYTES,
	QKD_XFRM_A_TUNNEL_HARD_PACKETS,
	QKD_XFRM_A_TUNNEL_GRACE_TIME,
	QKD_XFRM_A_TUNNEL_STARVED,
	QKD_XFRM_A_TUNNEL_START,
	QKD_XFRM_A_TUNNEL_POLICY,
	QKD_XFRM_A_TUNNEL_REQID,
	QKD_XFRM_A_TUNNEL_IF_ID,
	QKD_XFRM_A_TUNNEL_PRIORITY,
	QKD_XFRM_A_TUNNEL_ENCAP_SPORT,
	QKD_XFRM_A_TUNNEL_ENCAP_DPORT,
	QKD_XFRM_A_TUNNEL_ADHOC,
	QKD_XFRM_A_TUNNEL_REASON,
	QKD_XFRM_A_TUNNEL_OUT,
	QKD_XFRM_A_TUNNEL_IN,
	QKD_XFRM_A_TUNNEL_INBOUND,
	QKD_XFRM_A_TUNNEL_SPI,
	QKD_XFRM_A_TUNNEL_OLD_SPI,
	QKD_XFRM_A_TUNNEL_KEY_OFFSET,
	QKD_XFRM_A_TUNNEL_HYBRID,

	__QKD_XFRM_A_TUNNEL_MAX,
	QKD_XFRM_A_TUNNEL_MAX = (__QKD_XFRM_A_TUNNEL_MAX - 1)
};

enum {
	QKD_XFRM_A_SECRET_LINK = 1,
	QKD_XFRM_A_SECRET_ID,
	QKD_XFRM_A_SECRET_BYTES,
	QKD_XFRM_A_SECRET_USE,
	QKD_XFRM_A_SECRET_WHY,

	__QKD_XFRM_A_SECRET_MAX,
	QKD_XFRM_A_SECRET_MAX = (__QKD_XFRM_A_SECRET_MAX - 1)
};

enum {
	QKD_XFRM_CMD_TUNNEL_NEW = 1,
	QKD_XFRM_CMD_TUNNEL_DEL,
	QKD_XFRM_CMD_TUNNEL_SET,
	QKD_XFRM_CMD_TUNNEL_REKEY,
	QKD_XFRM_CMD_TUNNEL_GET,
	QKD_XFRM_CMD_TUNNEL_NTF,
	QKD_XFRM_CMD_TUNNEL_DEL_NTF,
	QKD_XFRM_CMD_REKEY_NTF,
	QKD_XFRM_CMD_SECRET_SET,

	__QKD_XFRM_CMD_MAX,
	QKD_XFRM_CMD_MAX = (__QKD_XFRM_CMD_MAX - 1)
};

#define QKD_XFRM_MCGRP_TUNNEL	"tunnel"
#define QKD_XFRM_MCGRP_REKEY	"rekey"

#endif /* _UAPI_LINUX_QKD_XFRM_H */
