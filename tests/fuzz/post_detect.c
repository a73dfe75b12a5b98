// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzer of DETECT's body: what is accepted has indices that rise within the
 * limits, and comes out the same when written and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/post/bits.h"
#include "tools/post/sift.h"

#define MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t index[MAX], again[MAX], basis[MAX / 64];
	static uint64_t basis2[MAX / 64];
	static uint8_t body[5 * MAX + MAX];
	const uint64_t base = 1000, limit = 1ull << 40;
	uint64_t last = base;
	long n, len, i;

	n = post_detect_get(data, size, base, limit, index, basis, MAX);
	if (n < 0)
		return 0;
	for (i = 0; i < n; i++) {
		if (index[i] < last || index[i] >= limit)
			abort();
		last = index[i] + 1;
	}
	len = post_detect_put(body, sizeof(body), base, index, basis, n);
	if (len < 0 || (size_t)len > post_detect_size(n))
		abort();
	if (post_detect_get(body, len, base, limit, again, basis2, MAX) != n ||
	    memcmp(index, again, 8 * n) || !post_bits_equal(basis, basis2, n))
		abort();
	return 0;
}
