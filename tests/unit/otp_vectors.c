// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The vectors of tests/vectors/otp.json, through the kernel's own code. With
 * -w makes the file anew: each packet from a stream of counted bytes, and
 * spoilt copies that must not be accepted.
 */
#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "kmod/otp/packet.h"

#define FILE_NAME "tests/vectors/otp.json"
#define STREAM 2048

static u8 stream[STREAM];

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", FILE_NAME, what);
	exit(1);
}

/* a permutation of bytes that repeats after 256, xored with the row */
static void make_stream(void)
{
	unsigned int i;

	for (i = 0; i < STREAM; i++)
		stream[i] = (i * 167 + 13) ^ (i >> 8) * 29;
}

static size_t unhex(struct json_object *o, u8 *dst, size_t room)
{
	const char *s = json_object_get_string(o);
	unsigned int byte;
	size_t n = 0;

	for (; s && *s; s += 2) {
		if (n == room || sscanf(s, "%2x", &byte) != 1)
			die("bad hexadecimal");
		dst[n++] = byte;
	}
	return n;
}

/* As the receiver does. Bytes of plaintext, or -1. */
static int receive(const u8 *packet, size_t len, const u8 *key, size_t key_len,
		   u8 *plain)
{
	static struct otp_hash_key hash;
	struct otp_info info;

	if (otp_header_parse(packet, len, &info) || info.type != OTP_TYPE_PAD)
		return -1;
	len -= OTP_HDR_SIZE;
	if (info.offset + OTP_MASK_SIZE + len > key_len)
		return -1;
	otp_hash_key_set(&hash, key + 32);
	if (!otp_verify(&hash, packet, packet + OTP_HDR_SIZE, len,
			key + info.offset, packet + OTP_AAD_SIZE))
		return -1;
	otp_xor(plain, packet + OTP_HDR_SIZE,
		key + info.offset + OTP_MASK_SIZE, len);
	return len;
}

static int check(struct json_object *v, unsigned int i)
{
	u8 packet[STREAM], key[STREAM], want[STREAM], plain[STREAM];
	struct json_object *o;
	int len, want_len = -1;
	size_t n, key_len;

	n = unhex(json_object_object_get(v, "packet"), packet, STREAM);
	key_len = unhex(json_object_object_get(v, "stream"), key, STREAM);
	o = json_object_object_get(v, "plain");
	if (o)
		want_len = unhex(o, want, STREAM);
	len = receive(packet, n, key, key_len, plain);
	n = len == want_len && (len < 0 || !memcmp(plain, want, len));
	printf("%sok %u %s\n", n ? "" : "not ", i + 1,
	       json_object_get_string(json_object_object_get(v, "name")));
	return !n;
}

static int check_all(void)
{
	struct json_object *all = json_object_from_file(FILE_NAME);
	struct json_object *packets = all ?
		json_object_object_get(all, "packets") : NULL;
	unsigned int i, n, failed = 0;

	if (!packets)
		die("cannot be read");
	n = json_object_array_length(packets);
	printf("KTAP version 1\n1..%u\n", n);
	for (i = 0; i < n; i++)
		failed += check(json_object_array_get_idx(packets, i), i);
	json_object_put(all);
	return failed ? 1 : 0;
}

/* ---- making them ---- */

static void put_hex(const char *name, const u8 *p, size_t n)
{
	printf("      \"%s\": \"", name);
	while (n--)
		printf("%02x", *p++);
	printf("\"");
}

static void put(const char *name, const u8 *packet, size_t len,
		const u8 *plain, size_t plain_len, int last)
{
	printf("    {\n      \"name\": \"%s\",\n", name);
	put_hex("packet", packet, len);
	printf(",\n");
	if (plain)
		put_hex("plain", plain, plain_len);
	else
		printf("      \"plain\": null");
	printf(",\n");
	put_hex("stream", stream, STREAM);
	printf("\n    }%s\n", last ? "" : ",");
}

static size_t seal(u8 *packet, u64 offset, const u8 *plain, size_t len)
{
	static const u8 gen[OTP_GEN_SIZE] = { 0xa0, 1, 2, 3, 4, 5 };
	struct otp_header *h = (struct otp_header *)packet;
	static struct otp_hash_key hash;

	otp_hash_key_set(&hash, stream + 32);
	otp_header_build(h, OTP_TYPE_PAD, 7, gen, offset);
	otp_seal(&hash, packet, packet + OTP_HDR_SIZE, plain, stream + offset,
		 len, h->tag);
	return OTP_HDR_SIZE + len;
}

static int make(void)
{
	u8 plain[1000] = { 0x45, 0, 0, 84, 0, 1, 0, 0, 64, 1 };
	u8 packet[1100];
	size_t n, i;

	for (i = 10; i < sizeof(plain); i++)
		plain[i] = i < 84 ? i : 0;
	printf("{\n  \"packets\": [\n");
	n = seal(packet, 64, plain, 0);
	put("empty", packet, n, plain, 0, 0);
	n = seal(packet, 80, plain, 84);
	put("84 bytes", packet, n, plain, 84, 0);
	for (i = 0; i < 3; i++) {
		static const size_t at[] = { 11, 20, 100 };
		static const char *const what[] = {
			"another tunnel's generation", "another tag",
			"another ciphertext" };

		packet[at[i] == 11 ? 9 : at[i]] ^= 1;
		put(what[i], packet, n, NULL, 0, 0);
		packet[at[i] == 11 ? 9 : at[i]] ^= 1;
	}
	put("truncated", packet, n - 1, NULL, 0, 0);
	n = seal(packet, 201, plain, 85);
	put("odd offset and length, one byte of padding", packet, n, plain, 85,
	    0);
	n = seal(packet, 500, plain, 1000);
	put("1000 bytes, padded, several groups", packet, n, plain, 1000, 0);
	packet[1] = 1;
	put("fallback is not pad", packet, n, NULL, 0, 0);
	packet[1] = 0;
	packet[0] = 2;
	put("another version", packet, n, NULL, 0, 1);
	printf("  ]\n}\n");
	return 0;
}

int main(int argc, char **argv)
{
	make_stream();
	return argc == 2 && !strcmp(argv[1], "-w") ? make() : check_all();
}
