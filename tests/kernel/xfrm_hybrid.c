// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What tests/kernel/xfrm_hybrid.sh needs beside qkdctl: both pools fed with
 * bytes that are known, post-quantum secrets given to the kernel as qkdd does,
 * and captured ESP taken apart with the key as formats.rst derives it. That
 * is done by OpenSSL's HKDF, which shares nothing with the kernel's.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <qkd/qkd.h>
#include <qkd/tunnel.h>

#define HALF	32768u

/* The byte of a stream at an offset. */
static uint8_t pad(int stream, uint64_t offset)
{
	return offset * 131 + (offset >> 7) + 77 * stream + 17;
}

/* ---- feeding ---- */

static void feed(const char *const path[2])
{
	static uint8_t block[2 * HALF];
	uint8_t gen[QKD_GENERATION_SIZE];
	struct qkd_confirm confirm = { .len = HALF };
	struct qkd_feed head = { .len = sizeof(block) };
	struct qkd_dev *dev[2];
	uint32_t i;

	for (i = 0; i < sizeof(gen); i++)
		gen[i] = time(NULL) >> 8 * (i % 4);
	for (i = 0; i < HALF; i++) {
		block[i] = pad(0, i);
		block[HALF + i] = pad(1, i);
	}
	memcpy(head.generation, gen, sizeof(gen));
	memcpy(confirm.generation, gen, sizeof(gen));
	for (i = 0; i < 2; i++)
		if (qkd_dev_open(&dev[i], NULL, NULL,
				 atoi(path[i] + strlen("/dev/qkd")), true) ||
		    qkd_dev_start(dev[i], gen))
			errx(1, "%s", qkd_error());
	for (i = 0; i < 2; i++)
		if (qkd_dev_feed(dev[i], &head, block))
			errx(1, "feed: %s", qkd_error());
	for (i = 0; i < 2; i++)
		if (qkd_dev_confirm(dev[i], &confirm))
			errx(1, "confirm: %s", qkd_error());
}

/* ---- secrets ---- */

static void unhex(const char *s, uint8_t *to, size_t len)
{
	unsigned int v;
	size_t i;

	if (strlen(s) != 2 * len)
		errx(2, "\"%s\" has not %zu bytes", s, len);
	for (i = 0; i < len; i++) {
		if (sscanf(s + 2 * i, "%2x", &v) != 1)
			errx(2, "\"%s\" is no hex", s);
		to[i] = v;
	}
}

static int tell(const char *link, const char *what, const char *id_hex,
		const char *bytes_hex)
{
	uint8_t id[QKD_XFRM_SECRET_ID_SIZE], bytes[QKD_XFRM_SECRET_SIZE];
	struct qkd_nl *nl;
	int ret;

	if (qkd_nl_open(&nl, NULL))
		errx(1, "%s", qkd_error());
	if (!strcmp(what, "none")) {
		ret = qkd_secret_none(nl, link, id_hex);
	} else {
		unhex(id_hex, id, sizeof(id));
		if (!strcmp(what, "use"))
			ret = qkd_secret_use(nl, link, id);
		else
			unhex(bytes_hex, bytes, sizeof(bytes)),
			ret = qkd_secret_give(nl, link, id, bytes);
	}
	if (ret)
		warnx("%s", qkd_error());
	qkd_nl_close(nl);
	return ret ? 1 : 0;
}

/* ---- the key, as formats.rst has it ---- */

struct bind {
	char label[16];
	uint8_t stream;
	uint8_t family;
	uint8_t mode;
	uint8_t aead;
	uint32_t spi;
	uint64_t offset;
	char name[32];
} __attribute__((packed));

static void derive(uint8_t out[36], const uint8_t id[16],
		   const uint8_t secret[48], const struct bind *b)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	uint8_t both[36 + 48];
	OSSL_PARAM p[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, "SHA384", 6),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SALT, (void *)id, 16),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, both, sizeof(both)),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, (void *)b,
					sizeof(*b)),
		OSSL_PARAM_END,
	};
	int i;

	for (i = 0; i < 36; i++)
		both[i] = pad(b->stream, be64toh(b->offset) + i);
	memcpy(both + 36, secret, 48);
	if (EVP_KDF_derive(ctx, out, 36, p) <= 0)
		errx(1, "HKDF");
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

/* ---- packets ---- */

/* ESP with AES-256-GCM and ESN below 2^32. Return: it is of this key. */
static bool decrypts(const uint8_t key[36], const uint8_t *esp, int len)
{
	uint8_t aad[12] = { 0 }, nonce[12], plain[65536];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n, text = len - 16 - 16;
	bool ok;

	memcpy(aad, esp, 4);
	memcpy(aad + 8, esp + 4, 4);
	memcpy(nonce, key + 32, 4);
	memcpy(nonce + 4, esp + 8, 8);
	ok = text > 0 &&
	     EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) &&
	     EVP_DecryptUpdate(c, NULL, &n, aad, sizeof(aad)) &&
	     EVP_DecryptUpdate(c, plain, &n, esp + 16, text) &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16,
				 (void *)(esp + 16 + text)) &&
	     EVP_DecryptFinal_ex(c, plain + n, &n);
	EVP_CIPHER_CTX_free(c);
	/* next header: ICMP */
	return ok && plain[text - 1] == IPPROTO_ICMP;
}

/* A classic pcap of Ethernet. Return: packets of that SPI; @good: decrypted. */
static unsigned int look(const char *path, uint32_t spi, const uint8_t *key,
			 unsigned int *good)
{
	unsigned int count = 0;
	uint8_t packet[65536];
	uint32_t head[6];
	FILE *f = fopen(path, "r");

	if (!f || fread(head, 24, 1, f) != 1 || head[0] != 0xa1b2c3d4 ||
	    head[5] != 1)
		errx(2, "%s is no such capture", path);
	while (fread(head, 16, 1, f) == 1 && head[2] <= sizeof(packet) &&
	       fread(packet, head[2], 1, f) == 1) {
		const uint8_t *ip = packet + 14, *esp = ip + 4 * (*ip & 15);
		int len = ip[2] << 8 | ip[3];
		uint32_t got;

		if (packet[12] != 8 || packet[13] || ip[9] != IPPROTO_ESP)
			continue;
		memcpy(&got, esp, 4);
		if (ntohl(got) != spi)
			continue;
		count++;
		*good += decrypts(key, esp, len - 4 * (*ip & 15));
	}
	fclose(f);
	return count;
}

static int open_all(char **a)
{
	uint8_t id[16], secret[48], key[36];
	uint32_t spi = strtoul(a[1], NULL, 0);
	unsigned int count, good = 0;
	struct bind b = {
		.label = "qkd-hybrid-sa-1",
		.stream = atoi(a[2]),
		.family = 4,
		.mode = QKD_XFRM_MODE_TRANSPORT,
		.aead = QKD_XFRM_AEAD_AES256GCM,
		.spi = htonl(spi),
		.offset = htobe64(strtoull(a[3], NULL, 0)),
	};

	unhex(a[4], id, sizeof(id));
	unhex(a[5], secret, sizeof(secret));
	strcpy(b.name, a[6]);
	derive(key, id, secret, &b);
	count = look(a[0], spi, key, &good);
	printf("%u packets, %u of this key\n", count, good);
	return !count || good != count;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "feed"))
		return feed((const char *const *)argv + 2), 0;
	if (argc == 9 && !strcmp(argv[1], "open"))
		return open_all(argv + 2);
	if (argc >= 4)
		return tell(argv[2], argv[1], argv[3], argc > 4 ? argv[4] : "");
	fprintf(stderr, "Usage: xfrm_hybrid feed DEVICE DEVICE\n"
		"       xfrm_hybrid give LINK ID SECRET\n"
		"       xfrm_hybrid use LINK ID\n"
		"       xfrm_hybrid none LINK WHY\n"
		"       xfrm_hybrid open PCAP SPI STREAM OFFSET ID SECRET TUNNEL\n");
	return 2;
}
