// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * etsi014_residue URL SAE CERT KEY CA: gets keys as driver etsi014 does, lets go of
 * them and of the client, and prints in how many places of this process they are
 * still to be found, as they are or in the answer's base64.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/secret.h"
#include "tools/qkdd/etsi014.h"

#define N	8
#define SIZE	32
#define PART	16	/* bytes that tell a key */
#define MASK	0x5a	/* what is looked for must not be found here */

static unsigned char look_for[2 * N][PART];

static void remember(int i, const unsigned char *p)
{
	for (int k = 0; k < PART; k++)
		look_for[i][k] = p[k] ^ MASK;
}

static int is_one(const unsigned char *p)
{
	for (int i = 0; i < 2 * N; i++) {
		int k = 0;

		while (k < PART && (p[k] ^ MASK) == look_for[i][k])
			k++;
		if (k == PART)
			return 1;
	}
	return 0;
}

static unsigned int search(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long from, to;
	unsigned int found = 0;
	char line[512];

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx rw", &from, &to) != 2 ||
		    !strstr(line, " rw"))
			continue;
		for (; from + PART <= to; from++)
			found += is_one((const unsigned char *)from);
	}
	if (maps)
		fclose(maps);
	return found;
}

/* In a function of its own, whose stack is used again */
static __attribute__((noinline)) int get(struct etsi014_conf *conf)
{
	unsigned char *key = secret_alloc(N * SIZE), text[64];
	struct etsi014 *c = etsi014_new(conf);
	unsigned char ids[N * ETSI014_ID];
	char err[256] = "out of memory";
	int ret = key && c ? etsi014_enc_keys(c, N, SIZE, ids, key, err,
					      sizeof(err)) : -1;

	for (int i = 0; i < N && !ret; i++) {
		remember(2 * i, key + i * SIZE);
		EVP_EncodeBlock(text, key + i * SIZE, SIZE);
		remember(2 * i + 1, text);
	}
	wipe(text, sizeof(text));
	if (!ret)
		printf("held %u\n", search());
	else
		printf("%s\n", err);
	etsi014_free(c);
	secret_free(key, N * SIZE);
	return ret;
}

int main(int argc, char **argv)
{
	struct etsi014_conf conf = { 0 };

	if (argc != 6)
		return 2;
	snprintf(conf.url, sizeof(conf.url), "%s", argv[1]);
	snprintf(conf.sae, sizeof(conf.sae), "%s", argv[2]);
	snprintf(conf.cert, sizeof(conf.cert), "%s", argv[3]);
	snprintf(conf.key, sizeof(conf.key), "%s", argv[4]);
	snprintf(conf.ca, sizeof(conf.ca), "%s", argv[5]);
	if (get(&conf))
		return 1;
	printf("left %u\n", search());
	return 0;
}
