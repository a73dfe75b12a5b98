// SPDX-License-Identifier: GPL-2.0-or-later
// LIBRARIES: daemon common net post sim coinc raw
// PACKAGES: libevent_core libcrypto fftw3
/*
 * Fuzzer of greetings, the first thing a stranger may say to the daemon. What
 * is taken for one has names that end, and does not pass for one by who holds
 * the secret.
 */
#include "tests/fuzz/qkdd_memory.h"
#include "tools/qkdd/greet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct auth_store *store;
	uint8_t buf[GREET_SIZE] = { 0 };
	struct greet g;

	if (!store)
		store = memory_store(true);
	memcpy(buf, data, size < sizeof(buf) ? size : sizeof(buf));
	if (greet_parse(buf, &g))
		return 0;
	if (strnlen(g.from, GREET_NODE) == GREET_NODE ||
	    strnlen(g.to, GREET_NODE) == GREET_NODE ||
	    strnlen(g.link, GREET_LINK) == GREET_LINK)
		abort();
	if (greet_check(buf, store, NULL))
		abort();
	return 0;
}
