// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzer of SIFT's body: the first two bytes of the input choose how many
 * detections were announced, the next ones Bob's bases, the rest is the body.
 * What is accepted appends consistent strings, what is not appends nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/post/bits.h"
#include "tools/post/sift.h"

#define MAX 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_string(const struct post_sifted *s)
{
	size_t words = post_words(MAX), i;

	for (i = 0; i < words; i++) {
		if (s->lo[i] & s->hi[i])
			abort();
	}
	for (i = s->len; i < MAX; i++) {
		if (post_bit(s->bit, i) || post_bit(s->lo, i) ||
		    post_bit(s->hi, i))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t v[7][MAX / 64], bit[MAX / 64], basis[MAX / 64];
	struct post_sifted key = { v[0], v[1], v[2], 0, MAX };
	struct post_sifted chk = { v[3], v[4], v[5], 0, MAX };
	size_t n;
	int err;

	if (size < 2)
		return 0;
	n = (data[0] | data[1] << 8) % (MAX + 1);
	data += 2;
	size -= 2;
	if (size < post_bytes(n) || post_bits_load(basis, data, n))
		return 0;
	data += post_bytes(n);
	size -= post_bytes(n);
	memset(v, 0, sizeof(v));
	memset(bit, 0xff, sizeof(bit));
	/* leave some room too little now and then */
	if (n % 5 == 0)
		chk.cap = n / 4;
	err = post_sift_bob(data, size, bit, basis, n, &key, &chk, v[6]);
	if (err && (key.len || chk.len))
		abort();
	if (key.len + chk.len > n)
		abort();
	check_string(&key);
	check_string(&chk);
	return 0;
}
