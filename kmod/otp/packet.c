// SPDX-License-Identifier: GPL-2.0
/*
 * Headers of one-time-pad packets, built and parsed, and the length of what
 * is inside. Believes nothing: whether the peer made a packet is mac.c's to
 * say, and whether its key is here, the pool's.
 */

#include "packet.h"

#ifdef __KERNEL__
static_assert(sizeof(struct otp_header) == OTP_HDR_SIZE);
static_assert(offsetof(struct otp_header, tag) == OTP_AAD_SIZE);
#endif

/**
 * otp_header_build - fill a header, its tag with zeros
 * @h: filled
 * @type: of the packet
 * @tunnel: its number
 * @generation: the first OTP_GEN_SIZE bytes of the link's
 * @offset: of the mask, below 2^48
 */
void otp_header_build(struct otp_header *h, enum otp_packet_type type,
		      u16 tunnel, const u8 generation[OTP_GEN_SIZE],
		      u64 offset)
{
	unsigned int i;

	h->version = OTP_VERSION;
	h->type = type;
	h->tunnel[0] = tunnel >> 8;
	h->tunnel[1] = tunnel & 0xff;
	memcpy(h->generation, generation, OTP_GEN_SIZE);
	for (i = 0; i < sizeof(h->offset); i++)
		h->offset[i] = offset >> 8 * (sizeof(h->offset) - 1 - i);
	memset(h->tag, 0, sizeof(h->tag));
}

/**
 * otp_header_parse - look at a datagram
 * @packet: @len bytes
 * @len: any
 * @info: filled; nothing in it is authentic. @info->generation is NULL if the
 *	packet does not even say whose it is
 *
 * Return: 0, or -EBADMSG: too short, of another version or type, or naming
 * pad behind a generation's end.
 */
int otp_header_parse(const u8 *packet, size_t len, struct otp_info *info)
{
	const struct otp_header *h = (const struct otp_header *)packet;
	unsigned int i;

	info->generation = NULL;
	if (len < OTP_HDR_SIZE || h->version != OTP_VERSION)
		return -EBADMSG;
	info->tunnel = h->tunnel[0] << 8 | h->tunnel[1];
	info->generation = h->generation;
	if (h->type > OTP_TYPE_ESP)
		return -EBADMSG;
	info->type = h->type;
	info->offset = 0;
	for (i = 0; i < sizeof(h->offset); i++)
		info->offset = info->offset << 8 | h->offset[i];
	if (info->offset + OTP_MASK_SIZE + (len - OTP_HDR_SIZE) >
	    OTP_OFFSET_MAX)
		return -EBADMSG;
	if (info->type == OTP_TYPE_PAD)
		return 0;
	/* one encoding only */
	for (i = 0; i < sizeof(h->tag); i++)
		if (h->tag[i])
			return -EBADMSG;
	return info->offset ? -EBADMSG : 0;
}

/**
 * otp_inner_len - how much of a decrypted payload is an IP packet
 * @inner: @len bytes
 * @len: any
 *
 * The rest is padding. Return: bytes, 0 of an empty payload (which keeps the
 * peer's knowledge of this end's address fresh), -EBADMSG if it is neither.
 */
int otp_inner_len(const u8 *inner, size_t len)
{
	size_t total;

	if (!len)
		return 0;
	if (inner[0] >> 4 == 4 && len >= 20) {
		total = inner[2] << 8 | inner[3];
		if (total >= (inner[0] & 15) * 4 && (inner[0] & 15) >= 5 &&
		    total <= len)
			return total;
	} else if (inner[0] >> 4 == 6 && len >= 40) {
		total = 40 + (inner[4] << 8 | inner[5]);
		if (total <= len)
			return total;
	}
	return -EBADMSG;
}

/**
 * otp_padded_len - how long a packet is made, to hide how long it is
 * @len: of the inner packet
 * @pad_to: multiples of this many bytes; 0: no padding
 * @mtu: padding alone makes no packet longer than this
 *
 * Return: bytes, at least @len.
 */
u32 otp_padded_len(u32 len, u32 pad_to, u32 mtu)
{
	u32 over;

	if (!pad_to || len >= mtu)
		return len;
	over = len % pad_to;
	if (!over)
		return len;
	return min(len - over + pad_to, mtu);
}
