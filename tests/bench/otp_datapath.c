// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel's pad and MAC, compiled as the kernel compiles them (no vector
 * registers), against OpenSSL's AES-256-GCM and ChaCha20-Poly1305 with all
 * that this CPU has, in the same run, packet by packet: GB/s of one core.
 * Each packet has key of its own here, as there: the pad streams through
 * memory. CPU time is measured, the best of several rounds, since machines
 * are shared.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/evp.h>

#include "kmod/otp/mac.h"

#define ROUNDS 15
#define PADS (1 << 20)		/* bytes of pad, as much as a second-level cache */
#define BYTES (1 << 25)		/* of a round */

static u8 src[65536], dst[65536 + 16], pads[PADS + 65536 + 16];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void seal(size_t len)
{
	static struct otp_hash_key key;
	static size_t at;
	u8 tag[16];

	if (!at)
		otp_hash_key_set(&key, pads);
	otp_seal(&key, src, dst, src, pads + at, len, tag);
	/* what was used is wiped, as in the kernel */
	memset(pads + at, 0, len + 16);
	at = (at + len + 16) % PADS;
}

static void verify(size_t len)
{
	static struct otp_hash_key key;

	if (!key.power[0].v[0])
		otp_hash_key_set(&key, src);
	if (otp_verify(&key, src, dst, len, pads, pads + 16))
		exit(1);
	otp_xor(dst, dst, pads, len);
}

static EVP_CIPHER_CTX *ctx;

static void aead(size_t len)
{
	static u64 nonce[2];
	u8 tag[16];
	int n;

	nonce[0]++;
	if (!EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, (u8 *)nonce) ||
	    !EVP_EncryptUpdate(ctx, dst, &n, src, len) ||
	    !EVP_EncryptFinal_ex(ctx, dst + n, &n) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag))
		exit(1);
}

static double measure(void (*f)(size_t len), size_t len)
{
	double best = 1e9, t;
	int i, round;

	for (round = 0; round < ROUNDS; round++) {
		t = now();
		for (i = 0; i < (int)(BYTES / len); i++)
			f(len);
		t = now() - t;
		if (t < best)
			best = t;
	}
	return BYTES / len * len / best / 1e9;
}

static double measure_aead(const EVP_CIPHER *cipher, size_t len)
{
	static const u8 key[32] = { 1 };
	double r;

	ctx = EVP_CIPHER_CTX_new();
	if (!ctx || !EVP_EncryptInit_ex(ctx, cipher, NULL, key, NULL))
		exit(1);
	r = measure(aead, len);
	EVP_CIPHER_CTX_free(ctx);
	return r;
}

int main(void)
{
	static const size_t lens[] = { 1420, 84, 8960 };
	unsigned int i;
	FILE *f = fopen("/dev/urandom", "r");

	if (!f || fread(pads, sizeof(pads), 1, f) != 1 ||
	    fread(src, sizeof(src), 1, f) != 1)
		return 1;
	for (i = 0; i < 3; i++) {
		char name[32] = "";

		if (i)
			snprintf(name, sizeof(name), "_%zu", lens[i]);
		printf("BENCH otp_datapath_gBps%s %.2f GB/s\n", name,
		       measure(seal, lens[i]));
		printf("BENCH otp_datapath_verify_gBps%s %.2f GB/s\n", name,
		       measure(verify, lens[i]));
		printf("BENCH openssl_aes256gcm_gBps%s %.2f GB/s\n", name,
		       measure_aead(EVP_aes_256_gcm(), lens[i]));
		printf("BENCH openssl_chacha20poly1305_gBps%s %.2f GB/s\n",
		       name, measure_aead(EVP_chacha20_poly1305(), lens[i]));
	}
	return 0;
}
