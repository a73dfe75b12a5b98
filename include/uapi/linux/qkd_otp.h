/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Link type "qkdotp": a point-to-point device whose packets go under one-time
 * pad from a QKD link's key. These are the attributes of IFLA_INFO_DATA;
 * Documentation/otp.rst tells what they mean.
 */
#ifndef _UAPI_LINUX_QKD_OTP_H
#define _UAPI_LINUX_QKD_OTP_H

#define QKDOTP_PORT	51015	/* UDP, unless told */

/**
 * enum qkdotp_attr - attributes of a device
 * @IFLA_QKDOTP_UNSPEC: none
 * @IFLA_QKDOTP_LINK: string: the QKD link's name, in the namespace where the
 *	device is made. Needed, and cannot be changed
 * @IFLA_QKDOTP_ID: u16: number of the tunnel among those of the link, the same
 *	at both ends; 1 unless told. Cannot be changed
 * @IFLA_QKDOTP_PORT: be16: UDP port here; QKDOTP_PORT unless told. Cannot be
 *	changed
 * @IFLA_QKDOTP_REMOTE4: be32: the peer's IPv4 address; the link's unless told
 * @IFLA_QKDOTP_REMOTE6: 16 bytes: the peer's IPv6 address, instead
 * @IFLA_QKDOTP_REMOTE_PORT: be16: the peer's UDP port; QKDOTP_PORT unless told
 * @IFLA_QKDOTP_ENDPOINT4: be32: told only: where packets go now, an address
 *	the peer was heard from last
 * @IFLA_QKDOTP_ENDPOINT6: 16 bytes: told only: the same
 * @IFLA_QKDOTP_ENDPOINT_PORT: be16: told only: its port
 * @IFLA_QKDOTP_PAD_TO: u16: pad each packet to a multiple of so many bytes, at
 *	most to the MTU; 0 (default): do not
 * @IFLA_QKDOTP_KEY_RESERVE: u32: bytes of the link's key left to others
 * @IFLA_QKDOTP_WEIGHT: u32: share of scarce key, 1 to 1000000 (default 100)
 * @IFLA_QKDOTP_RATE: u64: bytes of key a second that other tunnels of the link
 *	leave to this one; 0 (default): none
 * @IFLA_QKDOTP_FALLBACK: string: the IPsec tunnel of the link that carries
 *	packets while there is no key; empty (default): hold them
 * @IFLA_QKDOTP_STATE: u32: told only: enum qkdotp_state
 * @IFLA_QKDOTP_PAD: padding of 64-bit attributes
 */
enum qkdotp_attr {
	IFLA_QKDOTP_UNSPEC,
	IFLA_QKDOTP_LINK,
	IFLA_QKDOTP_ID,
	IFLA_QKDOTP_PORT,
	IFLA_QKDOTP_REMOTE4,
	IFLA_QKDOTP_REMOTE6,
	IFLA_QKDOTP_REMOTE_PORT,
	IFLA_QKDOTP_ENDPOINT4,
	IFLA_QKDOTP_ENDPOINT6,
	IFLA_QKDOTP_ENDPOINT_PORT,
	IFLA_QKDOTP_PAD_TO,
	IFLA_QKDOTP_KEY_RESERVE,
	IFLA_QKDOTP_WEIGHT,
	IFLA_QKDOTP_RATE,
	IFLA_QKDOTP_FALLBACK,
	IFLA_QKDOTP_STATE,
	IFLA_QKDOTP_PAD,
	__IFLA_QKDOTP_MAX
};

#define IFLA_QKDOTP_MAX (__IFLA_QKDOTP_MAX - 1)

/**
 * enum qkdotp_state - how a device fares
 * @QKDOTP_STATE_DETACHED: its QKD link is not there
 * @QKDOTP_STATE_STARVED: packets wait for key
 * @QKDOTP_STATE_FALLBACK: packets go through the IPsec tunnel for want of key
 * @QKDOTP_STATE_PAD: packets go under one-time pad
 */
enum qkdotp_state {
	QKDOTP_STATE_DETACHED,
	QKDOTP_STATE_STARVED,
	QKDOTP_STATE_FALLBACK,
	QKDOTP_STATE_PAD,
};

#endif /* _UAPI_LINUX_QKD_OTP_H */
