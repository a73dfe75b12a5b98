/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One-time-pad packets as they are on the wire: the header built and parsed,
 * the inner packet's length found. Documentation/formats.rst describes them.
 */
#ifndef _OTP_PACKET_H
#define _OTP_PACKET_H

#include "mac.h"

enum otp_packet_const {
	OTP_VERSION = 1,
	OTP_GEN_SIZE = 6,	/* bytes of the generation in a header */
	OTP_HDR_SIZE = 32,
};

#define OTP_OFFSET_MAX	0x1000000000000ULL	/* 2^48 */

enum otp_packet_type {
	OTP_TYPE_PAD = 0,	/* under one-time pad */
	OTP_TYPE_ESP = 1,	/* fallback: protected by an ESP tunnel */
};

/**
 * struct otp_header - what stands before the ciphertext
 * @version: OTP_VERSION
 * @type: enum otp_packet_type
 * @tunnel: number of the tunnel among those of its link, big-endian
 * @generation: the first bytes of the link's
 * @offset: of the mask in the sender's tx stream, big-endian; the payload's
 *	pad follows the mask. 0 unless OTP_TYPE_PAD
 * @tag: of all before it and of the ciphertext. 0 unless OTP_TYPE_PAD
 */
struct otp_header {
	u8 version;
	u8 type;
	u8 tunnel[2];
	u8 generation[OTP_GEN_SIZE];
	u8 offset[6];
	u8 tag[OTP_TAG_SIZE];
} __packed;

/* What a header says, in the machine's words. */
struct otp_info {
	enum otp_packet_type type;
	u16 tunnel;
	u64 offset;
	const u8 *generation;	/* OTP_GEN_SIZE bytes in the packet, or NULL */
};

void otp_header_build(struct otp_header *h, enum otp_packet_type type,
		      u16 tunnel, const u8 generation[OTP_GEN_SIZE],
		      u64 offset);
int otp_header_parse(const u8 *packet, size_t len, struct otp_info *info);
int otp_inner_len(const u8 *inner, size_t len);
u32 otp_padded_len(u32 len, u32 pad_to, u32 mtu);

#endif /* _OTP_PACKET_H */
