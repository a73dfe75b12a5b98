// SPDX-License-Identifier: GPL-2.0-or-later
// LIBRARIES: daemon common net post sim coinc raw
// PACKAGES: libevent_core libcrypto fftw3
/*
 * Fuzzer of records: a sealed one is changed in up to three places, as the
 * input says, and opened. One that was changed never opens; one that was not
 * does, unless one that was changed came before it.
 */
#include "tests/fuzz/qkdd_memory.h"
#include "tools/qkdd/record.h"

#define BODY	512

static struct auth_store *stores[2];

static void fresh_stores(void)
{
	int i;

	if (stores[0] && auth_tx_left(stores[0]) > 4 * AUTH_UNIT)
		return;
	for (i = 0; i < 2; i++) {
		auth_free(stores[i]);
		stores[i] = memory_store(!i);
	}
}

static void spoil(struct input *in, uint8_t *rec, size_t len)
{
	unsigned int n = take8(in) & 3;

	while (n--) {
		size_t at = take16(in) % len;

		rec[at] ^= take8(in);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t rec[RECORD_HEAD + BODY + RECORD_TAG], was[sizeof(rec)];
	struct record_session tx = { .tx_first = 1 }, rx = { .tx_first = 0 };
	struct input in = { data, size };
	bool broken = false;
	const char *why;

	fresh_stores();
	while (in.len && !broken) {
		size_t len = 1 + take16(&in) % BODY, got = len, all;
		bool defer = take8(&in) & 1;
		const uint8_t *p = take(&in, &got);
		int ret;

		memset(rec, 0, sizeof(rec));
		memcpy(rec + RECORD_HEAD, p, got);
		all = RECORD_HEAD + len + (defer ? 0 : RECORD_TAG);
		ret = defer ? record_defer(&tx, rec + RECORD_HEAD, len, rec) :
			record_seal(stores[0], &tx, rec + RECORD_HEAD, len,
				    rec, rec + RECORD_HEAD + len);
		if (ret)
			break;
		memcpy(was, rec, sizeof(rec));
		spoil(&in, rec, all);
		broken = memcmp(was, rec, all);
		/* who reads a length believes nothing else yet */
		if (record_len(rec) != len ||
		    record_deferred(rec) != defer)
			break;
		ret = record_open(stores[1], &rx, rec, rec + RECORD_HEAD, len,
				  rec + RECORD_HEAD + len, &why);
		/* what is deferred is found out by the next tag */
		if (ret && starved())
			break;
		if (!defer && !ret == broken)
			abort();
		if (defer && !ret)
			broken = false;
		if (defer && memcmp(was, rec, all) && !ret) {
			memset(rec, 0, sizeof(rec));
			if (!record_seal(stores[0], &tx, "x", 1, rec,
					 rec + RECORD_HEAD + 1)) {
				rec[RECORD_HEAD] = 'x';
				if (!record_open(stores[1], &rx, rec,
						 rec + RECORD_HEAD, 1,
						 rec + RECORD_HEAD + 1, &why))
					abort();
			}
			broken = true;
		}
	}
	record_session_clear(&tx);
	record_session_clear(&rx);
	return 0;
}
