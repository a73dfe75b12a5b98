/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/qkd.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_QKD_H
#define _UAPI_LINUX_QKD_H

#define QKD_FAMILY_NAME		"qkd"
#define QKD_FAMILY_VERSION	1

#define QKD_NAME_MAX		31
#define QKD_NODE_MAX		63
#define QKD_CONFIG_MAX		4095
#define QKD_REASON_MAX		255
#define QKD_REPORT_MAX		8191
#define QKD_GENERATION_LEN	16

/**
 * enum qkd_role - Which end of the quantum channel this node is.
 * @QKD_ROLE_NONE: The driver has no quantum channel (file, relay, a vendor's
 *   KME).
 * @QKD_ROLE_ALICE: The transmitter, which also leads the post-processing.
 * @QKD_ROLE_BOB: The receiver.
 */
enum qkd_role {
	QKD_ROLE_NONE,
	QKD_ROLE_ALICE,
	QKD_ROLE_BOB,
};

/**
 * enum qkd_admin_state
 * @QKD_ADMIN_STATE_DOWN: No key is accepted, nor given.
 * @QKD_ADMIN_STATE_UP: The link works as far as its driver and its peer allow.
 */
enum qkd_admin_state {
	QKD_ADMIN_STATE_DOWN,
	QKD_ADMIN_STATE_UP,
};

/**
 * enum qkd_oper_state - Computed by the kernel, see Documentation/pool.rst for
 *   the states drawn.
 * @QKD_OPER_STATE_DOWN: The link is administratively down.
 * @QKD_OPER_STATE_WAITING: No generation is agreed yet; the daemons have not
 *   met.
 * @QKD_OPER_STATE_STARVED: A generation is agreed, but no confirmed key is
 *   there to send with.
 * @QKD_OPER_STATE_LOW: Confirmed key is below the low watermark.
 * @QKD_OPER_STATE_UP: There is key.
 */
enum qkd_oper_state {
	QKD_OPER_STATE_DOWN,
	QKD_OPER_STATE_WAITING,
	QKD_OPER_STATE_STARVED,
	QKD_OPER_STATE_LOW,
	QKD_OPER_STATE_UP,
};

/**
 * enum qkd_alarm - What an alarm is about.
 * @QKD_ALARM_STARVED: A consumer asked for key and there was none.
 * @QKD_ALARM_LOW: Confirmed key fell below the low watermark.
 * @QKD_ALARM_QBER: The error rate is above the threshold; blocks are
 *   discarded.
 * @QKD_ALARM_VERIFY: Both ends' blocks differed after reconciliation; block
 *   discarded.
 * @QKD_ALARM_AUTH: A message failed its authentication.
 * @QKD_ALARM_PEER: The peer is lost, or was restarted.
 * @QKD_ALARM_DRIVER: The driver or its device reports trouble.
 * @QKD_ALARM_GENERATION: The streams started anew.
 * @QKD_ALARM_TUNNEL: A tunnel could not be rekeyed, or fell back as
 *   configured.
 */
enum qkd_alarm {
	QKD_ALARM_STARVED,
	QKD_ALARM_LOW,
	QKD_ALARM_QBER,
	QKD_ALARM_VERIFY,
	QKD_ALARM_AUTH,
	QKD_ALARM_PEER,
	QKD_ALARM_DRIVER,
	QKD_ALARM_GENERATION,
	QKD_ALARM_TUNNEL,
};

enum {
	QKD_A_STREAM_PAD = 1,
	QKD_A_STREAM_HEAD,
	QKD_A_STREAM_TAIL,
	QKD_A_STREAM_CONFIRMED,
	QKD_A_STREAM_AVAILABLE,
	QKD_A_STREAM_CONSUMED,
	QKD_A_STREAM_LOST,
	QKD_A_STREAM_FED,
	QKD_A_STREAM_HELD,

	__QKD_A_STREAM_MAX,
	QKD_A_STREAM_MAX = (__QKD_A_STREAM_MAX - 1)
};

enum {
	QKD_A_RATES_PAD = 1,
	QKD_A_RATES_RAW_BPS,
	QKD_A_RATES_SIFTED_BPS,
	QKD_A_RATES_SECRET_BPS,
	QKD_A_RATES_QBER_PPM,
	QKD_A_RATES_EFFICIENCY_PPM,
	QKD_A_RATES_BLOCKS,
	QKD_A_RATES_BLOCKS_DISCARDED,

	__QKD_A_RATES_MAX,
	QKD_A_RATES_MAX = (__QKD_A_RATES_MAX - 1)
};

enum {
	QKD_A_ERRORS_PAD = 1,
	QKD_A_ERRORS_FEED_REJECTED,
	QKD_A_ERRORS_RX_MALFORMED,
	QKD_A_ERRORS_RX_NO_KEY,
	QKD_A_ERRORS_RX_AUTH,
	QKD_A_ERRORS_RX_DROPPED,
	QKD_A_ERRORS_TX_FAILED,
	QKD_A_ERRORS_STARVED,
	QKD_A_ERRORS_AUTH,
	QKD_A_ERRORS_VERIFY,
	QKD_A_ERRORS_QBER,

	__QKD_A_ERRORS_MAX,
	QKD_A_ERRORS_MAX = (__QKD_A_ERRORS_MAX - 1)
};

enum {
	QKD_A_CONSUMER_PAD = 1,
	QKD_A_CONSUMER_KIND,
	QKD_A_CONSUMER_NAME,
	QKD_A_CONSUMER_TX_BYTES,
	QKD_A_CONSUMER_RX_BYTES,
	QKD_A_CONSUMER_TX_KEYS,
	QKD_A_CONSUMER_RX_KEYS,
	QKD_A_CONSUMER_STARVED,

	__QKD_A_CONSUMER_MAX,
	QKD_A_CONSUMER_MAX = (__QKD_A_CONSUMER_MAX - 1)
};

enum {
	QKD_A_LINK_PAD = 1,
	QKD_A_LINK_NAME,
	QKD_A_LINK_INDEX,
	QKD_A_LINK_LOCAL_NODE,
	QKD_A_LINK_PEER_NODE,
	QKD_A_LINK_LOCAL4,
	QKD_A_LINK_PEER4,
	QKD_A_LINK_LOCAL6,
	QKD_A_LINK_PEER6,
	QKD_A_LINK_PEER_PORT,
	QKD_A_LINK_DRIVER,
	QKD_A_LINK_CONFIG,
	QKD_A_LINK_ROLE,
	QKD_A_LINK_ADMIN_STATE,
	QKD_A_LINK_OPER_STATE,
	QKD_A_LINK_REASON,
	QKD_A_LINK_POOL_SIZE,
	QKD_A_LINK_LOW_WATERMARK,
	QKD_A_LINK_HIGH_WATERMARK,
	QKD_A_LINK_RX_GRACE,
	QKD_A_LINK_GENERATION,
	QKD_A_LINK_TX,
	QKD_A_LINK_RX,
	QKD_A_LINK_RATES,
	QKD_A_LINK_ERRORS,
	QKD_A_LINK_BLOCKS_FED,
	QKD_A_LINK_REPORT,
	QKD_A_LINK_CONSUMER,
	QKD_A_LINK_ALARM,
	QKD_A_LINK_TEXT,

	__QKD_A_LINK_MAX,
	QKD_A_LINK_MAX = (__QKD_A_LINK_MAX - 1)
};

enum {
	QKD_CMD_LINK_NEW = 1,
	QKD_CMD_LINK_DEL,
	QKD_CMD_LINK_SET,
	QKD_CMD_LINK_GET,
	QKD_CMD_LINK_REPORT,
	QKD_CMD_CONSUMER_GET,
	QKD_CMD_LINK_NTF,
	QKD_CMD_LINK_DEL_NTF,
	QKD_CMD_KEY_NTF,
	QKD_CMD_ALARM_NTF,

	__QKD_CMD_MAX,
	QKD_CMD_MAX = (__QKD_CMD_MAX - 1)
};

#define QKD_MCGRP_LINK	"link"
#define QKD_MCGRP_KEY	"key"
#define QKD_MCGRP_ALARM	"alarm"

#endif /* _UAPI_LINUX_QKD_H */
