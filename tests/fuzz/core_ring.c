// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzer of the ledger of a pool's key (invariant 1): whatever is fed,
 * confirmed, reserved, taken and expired in whatever order, no byte is given
 * twice, each is the one that was fed, what is gone is erased, and the
 * accounts agree. tests/unit/core_ring.c compares with a model, at random.
 */
// SOURCES: kmod/core/ring.c
// CPPFLAGS: -Itests/kshim
#include <stdlib.h>
#include <string.h>

#include "kmod/core/ring.h"

#define SIZE	128
#define LONG	8192	/* offsets of a run */
#define GRACE	7

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t len;
};

static unsigned int take(struct input *in, unsigned int below)
{
	if (!in->len)
		return 0;
	in->len--;
	return *in->p++ % below;
}

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* Never zero, so that what was erased can be told. */
static uint8_t key_at(uint64_t offset)
{
	return 1 + (offset * 0x9e3779b97f4a7c15 >> 40) % 255;
}

static void write_key(uint8_t *buf, uint64_t offset, uint32_t len)
{
	uint8_t key[SIZE];
	uint32_t i;

	for (i = 0; i < len; i++)
		key[i] = key_at(offset + i);
	qkd_ring_write(buf, SIZE, offset, key, len);
}

static void given(uint8_t *used, const uint8_t *key, uint64_t offset,
		  uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++) {
		check(key[i] == key_at(offset + i));
		check(!used[offset + i]++);
	}
}

static uint64_t left(const uint8_t *buf)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < SIZE; i++)
		n += !!buf[i];
	return n;
}

static void tx_step(struct qkd_tx *tx, uint8_t *used, struct input *in)
{
	uint64_t offset, low = tx->head > SIZE ? tx->head - SIZE : 0;
	uint32_t len = 1 + take(in, SIZE + 2);
	uint8_t key[SIZE + 2];

	switch (take(in, 3)) {
	case 0:
		offset = tx->head + take(in, 3) * take(in, 40);
		if (offset + len > LONG || qkd_tx_check(tx, offset, len))
			return;
		write_key(tx->buf, offset, len);
		qkd_tx_feed(tx, offset, len);
		return;
	case 1:
		qkd_tx_confirm(tx, low + take(in, SIZE + 9),
			       take(in, SIZE + 9));
		return;
	default:
		if (!qkd_tx_reserve(tx, key, len, take(in, 64), &offset))
			given(used, key, offset, len);
	}
}

static void rx_step(struct qkd_rx *rx, uint8_t *used, struct input *in,
		    uint64_t now)
{
	uint64_t offset, low = rx->head > SIZE ? rx->head - SIZE : 0;
	uint32_t len = 1 + take(in, SIZE + 2);
	uint8_t key[SIZE + 2];

	switch (take(in, 4)) {
	case 0:
		offset = rx->head + take(in, 3) * take(in, 40);
		if (offset + len > LONG ||
		    qkd_rx_check(rx, offset, len, now, GRACE))
			return;
		qkd_rx_make_room(rx, offset, len, now, GRACE);
		write_key(rx->buf, offset, len);
		qkd_rx_feed(rx, offset, len);
		return;
	case 1:
		qkd_rx_peer_reserved(rx, low + take(in, SIZE + 9), now,
				     GRACE);
		return;
	default:
		offset = low + take(in, SIZE + 9);
		if (!qkd_rx_take(rx, offset, key, len))
			given(used, key, offset, len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t used_tx[LONG] = { 0 }, used_rx[LONG] = { 0 };
	uint8_t tx_buf[SIZE] = { 0 }, rx_buf[SIZE] = { 0 };
	unsigned long gone[SIZE / (8 * sizeof(long))] = { 0 };
	struct qkd_tx tx = { .buf = tx_buf, .size = SIZE };
	struct qkd_rx rx = { .buf = rx_buf, .size = SIZE, .gone = gone };
	struct input in = { data, size };
	uint64_t now = 0;

	while (in.len) {
		now += take(&in, 8);
		tx_step(&tx, used_tx, &in);
		rx_step(&rx, used_rx, &in, now);
		check(tx.total == tx.consumed + tx.lost + tx.held);
		check(rx.total == rx.consumed + rx.lost + rx.held);
		check(tx.available <= tx.held && tx.held <= SIZE);
		check(tx.held == left(tx_buf) && rx.held == left(rx_buf));
		check(qkd_tx_room(&tx) <= SIZE);
		check(qkd_rx_room(&rx, now, GRACE) <= SIZE);
	}
	return 0;
}
