// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzer of one-time-pad packets as the kernel receives them: the header, then
 * what decrypts to an inner packet, its length and padding. None of them has a
 * right tag.
 */
// SOURCES: kmod/otp/packet.c kmod/otp/mac.c
#include <stdlib.h>

#include "kmod/otp/packet.h"

#define PAD	4096

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void try_inner(const u8 *data, size_t size)
{
	int len = otp_inner_len(data, size);

	check(len == -EBADMSG || (len >= 0 && (size_t)len <= size));
	check(len <= 0 || len >= 20);
}

static void try_padding(const u8 *data, size_t size)
{
	u32 v[3], len;

	if (size < sizeof(v))
		return;
	memcpy(v, data, sizeof(v));
	len = otp_padded_len(v[0] & 0xffff, v[1] & 0xffff, v[2] & 0xffff);
	check(len >= (v[0] & 0xffff));
	check(len == (v[0] & 0xffff) || len <= (v[2] & 0xffff));
}

static void try_packet(const u8 *data, size_t size)
{
	static struct otp_hash_key key;
	static const u8 secret[OTP_SECRET_SIZE] = { 1, 2, 3 };
	static const u8 mask[OTP_MASK_SIZE] = { 9, 9, 9 };
	struct otp_info info;
	struct otp_header h;

	if (otp_header_parse(data, size, &info))
		return;
	check(info.offset < OTP_OFFSET_MAX);
	otp_header_build(&h, info.type, info.tunnel, info.generation,
			 info.offset);
	check(!memcmp(&h, data, offsetof(struct otp_header, tag)));
	if (info.type == OTP_TYPE_ESP) {
		check(!memcmp(&h, data, sizeof(h)));
		return;
	}
	if (!key.power[0].v[0])
		otp_hash_key_set(&key, secret);
	/* 2^-96 that this is wrong */
	check(!otp_verify(&key, data, data + OTP_HDR_SIZE, size - OTP_HDR_SIZE,
			  mask, data + offsetof(struct otp_header, tag)));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	try_packet(data, size);
	try_inner(data, size);
	try_padding(data, size);
	return 0;
}
