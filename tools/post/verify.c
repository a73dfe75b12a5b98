// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tag by which two ends find out whether their strings are equal.
 */
#include <math.h>

#include "tools/post/bits.h"
#include "tools/post/polyhash.h"
#include "tools/post/verify.h"
#include "tools/post/wipe.h"

#define CHUNK 512	/* words */

unsigned int post_verify_tag_bytes(size_t n, double eps_cor)
{
	double degree = ceil(n / 128.0) + 1;
	unsigned int bytes;

	for (bytes = 1; bytes <= POST_TAG_MAX; bytes++) {
		if (ldexp(degree, -8 * (int)bytes) <= eps_cor)
			return bytes;
	}
	return 0;
}

void post_verify_tag(const uint8_t key[16], const uint64_t *v, size_t n,
		     uint8_t tag[POST_TAG_MAX])
{
	uint8_t buf[8 * CHUNK];
	struct polyhash p;
	size_t left = n;

	polyhash_begin(&p, key);
	while (left) {
		size_t step = left < 64 * CHUNK ? left : 64 * CHUNK;

		post_bits_store(buf, v, step);
		polyhash_add(&p, buf, post_bytes(step));
		v += step / 64;
		left -= step;
	}
	polyhash_end(&p, n, tag);
	post_wipe(buf, sizeof(buf));
}
