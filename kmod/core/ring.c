// SPDX-License-Identifier: GPL-2.0
/*
 * The two rings of a pool: which bytes are there, and whose they are.
 *
 * tx keeps two short lists of ranges, confirmed key and key that the peer may
 * lack; rx keeps a bit for each byte, since the peer's messages come in any
 * order. Neither ever gives a byte twice: what is given is erased and struck
 * off before the function returns. Locks, clocks, memory and the accounts of
 * consumers are pool.c's.
 */
#include <linux/bitmap.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include "ring.h"

/* ---- bytes ---- */

static u32 at(u32 size, u64 offset)
{
	return offset & (size - 1);
}

/* How many bytes from @offset lie in one piece of the ring. */
static u32 piece(u32 size, u64 offset, u64 len)
{
	return min_t(u64, len, size - at(size, offset));
}

/**
 * qkd_ring_write - copy key into the ring
 * @buf: the ring
 * @size: its bytes, a power of two
 * @offset: of the first byte
 * @src: from here
 * @len: at most @size
 */
void qkd_ring_write(u8 *buf, u32 size, u64 offset, const void *src, u32 len)
{
	u32 n = piece(size, offset, len);

	memcpy(buf + at(size, offset), src, n);
	memcpy(buf, src + n, len - n);
}

static void ring_read(const u8 *buf, u32 size, u64 offset, void *dst, u32 len)
{
	u32 n = piece(size, offset, len);

	memcpy(dst, buf + at(size, offset), n);
	memcpy(dst + n, buf, len - n);
}

/**
 * qkd_ring_erase - overwrite key in the ring
 * @buf: the ring
 * @size: its bytes, a power of two
 * @offset: of the first byte
 * @len: at most @size
 */
void qkd_ring_erase(u8 *buf, u32 size, u64 offset, u64 len)
{
	u32 n = piece(size, offset, len);

	memzero_explicit(buf + at(size, offset), n);
	memzero_explicit(buf, len - n);
}

/* ---- ranges ---- */

static bool can_append(const struct qkd_extents *x, u64 start)
{
	return x->n < QKD_EXTENTS || x->e[x->n - 1].end == start;
}

static void append(struct qkd_extents *x, u64 start, u64 end)
{
	if (x->n && x->e[x->n - 1].end == start) {
		x->e[x->n - 1].end = end;
		return;
	}
	x->e[x->n].start = start;
	x->e[x->n].end = end;
	x->n++;
}

/* Drops the first @n ranges. */
static void shift(struct qkd_extents *x, unsigned int n)
{
	x->n -= n;
	memmove(x->e, x->e + n, x->n * sizeof(x->e[0]));
}

/* ---- tx ---- */

/**
 * qkd_tx_reset - start from offset zero; what was held counts as lost
 * @tx: the ring; its bytes are the caller's to erase
 */
void qkd_tx_reset(struct qkd_tx *tx)
{
	tx->lost += tx->held;
	tx->head = 0;
	tx->confirmed = 0;
	tx->conf.n = 0;
	tx->fed.n = 0;
	WRITE_ONCE(tx->available, 0);
	tx->held = 0;
}

/**
 * qkd_tx_tail - the first byte held, or the head
 * @tx: the ring
 */
u64 qkd_tx_tail(const struct qkd_tx *tx)
{
	if (tx->conf.n)
		return tx->conf.e[0].start;
	if (tx->fed.n)
		return tx->fed.e[0].start;
	return tx->head;
}

/**
 * qkd_tx_room - bytes that can be fed now at the head
 * @tx: the ring
 */
u64 qkd_tx_room(const struct qkd_tx *tx)
{
	return tx->size - (tx->head - qkd_tx_tail(tx));
}

/**
 * qkd_tx_check - whether a piece of key may be fed
 * @tx: the ring
 * @offset: where
 * @len: its bytes, not 0
 *
 * Return: 0, -EINVAL below the head, -EMSGSIZE if it can never fit, -EAGAIN
 * without room.
 */
int qkd_tx_check(const struct qkd_tx *tx, u64 offset, u32 len)
{
	u64 tail = tx->held ? qkd_tx_tail(tx) : offset;

	if (offset < tx->head)
		return -EINVAL;
	if (len > tx->size)
		return -EMSGSIZE;
	if (offset + len - tail > tx->size || !can_append(&tx->fed, offset))
		return -EAGAIN;
	return 0;
}

/**
 * qkd_tx_feed - key whose bytes are in the ring already becomes held
 * @tx: the ring
 * @offset: as checked
 * @len: as checked
 */
void qkd_tx_feed(struct qkd_tx *tx, u64 offset, u32 len)
{
	tx->lost += offset - tx->head;
	tx->total += offset + len - tx->head;
	tx->head = offset + len;
	append(&tx->fed, offset, tx->head);
	tx->held += len;
}

/* Forgets unconfirmed key below @offset. */
static void tx_lose_fed(struct qkd_tx *tx, u64 offset)
{
	while (tx->fed.n && tx->fed.e[0].start < offset) {
		u64 start = tx->fed.e[0].start;
		u64 end = min(tx->fed.e[0].end, offset);

		qkd_ring_erase(tx->buf, tx->size, start, end - start);
		tx->lost += end - start;
		tx->held -= end - start;
		tx->fed.e[0].start = end;
		if (end == tx->fed.e[0].end)
			shift(&tx->fed, 1);
	}
}

/* The range of unconfirmed key that has all of @offset to @end, or -1. */
static int tx_find_fed(const struct qkd_tx *tx, u64 offset, u64 end)
{
	unsigned int i;

	for (i = 0; i < tx->fed.n; i++)
		if (tx->fed.e[i].start <= offset && end <= tx->fed.e[i].end)
			return i;
	return -1;
}

/**
 * qkd_tx_confirm - the peer holds a range: it may be reserved
 * @tx: the ring
 * @offset: of the first byte
 * @len: its bytes; 0 only gives up what lies below @offset
 *
 * Unconfirmed key below @offset is lost. A range that was confirmed before is
 * no error.
 *
 * Return: 0, -EINVAL if a byte of the range is not held or was given up,
 * -EAGAIN if there are too many separate ranges.
 */
int qkd_tx_confirm(struct qkd_tx *tx, u64 offset, u64 len)
{
	u64 end = offset + len;

	if (end < offset || end > tx->head)
		return -EINVAL;
	if (end <= tx->confirmed)
		return 0;
	if (offset < tx->confirmed)
		return -EINVAL;
	if (len) {
		if (tx_find_fed(tx, offset, end) < 0)
			return -EINVAL;
		if (!can_append(&tx->conf, offset))
			return -EAGAIN;
	}
	tx_lose_fed(tx, offset);
	tx->confirmed = end;
	if (!len)
		return 0;
	append(&tx->conf, offset, end);
	WRITE_ONCE(tx->available, tx->available + len);
	tx->fed.e[0].start = end;
	if (tx->fed.e[0].end == end)
		shift(&tx->fed, 1);
	return 0;
}

/* Erases the first ranges of confirmed key. */
static void tx_drop_conf(struct qkd_tx *tx, unsigned int ranges)
{
	unsigned int i;

	for (i = 0; i < ranges; i++) {
		u64 start = tx->conf.e[i].start;
		u64 len = tx->conf.e[i].end - start;

		qkd_ring_erase(tx->buf, tx->size, start, len);
		tx->lost += len;
		tx->held -= len;
		WRITE_ONCE(tx->available, tx->available - len);
	}
	shift(&tx->conf, ranges);
}

/* The first range of confirmed key that has @len bytes, or -1. */
static int tx_find_conf(const struct qkd_tx *tx, u32 len, u64 floor)
{
	u64 left = tx->available;
	unsigned int i;

	for (i = 0; i < tx->conf.n; i++) {
		u64 n = tx->conf.e[i].end - tx->conf.e[i].start;

		if (n >= len)
			return left - len >= floor ? (int)i : -1;
		left -= n;
	}
	return -1;
}

/**
 * qkd_tx_can_reserve - whether qkd_tx_reserve() would give key
 * @tx: the ring
 * @len: not 0
 * @floor: bytes that must remain
 */
bool qkd_tx_can_reserve(const struct qkd_tx *tx, u32 len, u64 floor)
{
	return tx_find_conf(tx, len, floor) >= 0;
}

/**
 * qkd_tx_reserve - give the next bytes, once
 * @tx: the ring
 * @dst: @len bytes, filled
 * @len: not 0
 * @floor: bytes that must remain
 * @offset: of the first byte given
 *
 * Confirmed pieces that lie ahead and are too short are lost.
 *
 * Return: 0, or -EAGAIN and no change.
 */
int qkd_tx_reserve(struct qkd_tx *tx, void *dst, u32 len, u64 floor,
		   u64 *offset)
{
	int i = tx_find_conf(tx, len, floor);
	u64 start;

	if (i < 0)
		return -EAGAIN;
	tx_drop_conf(tx, i);
	start = tx->conf.e[0].start;
	ring_read(tx->buf, tx->size, start, dst, len);
	qkd_ring_erase(tx->buf, tx->size, start, len);
	tx->conf.e[0].start += len;
	if (tx->conf.e[0].start == tx->conf.e[0].end)
		shift(&tx->conf, 1);
	WRITE_ONCE(tx->available, tx->available - len);
	tx->held -= len;
	tx->consumed += len;
	*offset = start;
	return 0;
}

/* ---- rx ---- */

/**
 * qkd_rx_reset - start from offset zero; what was held counts as lost
 * @rx: the ring; its bytes are the caller's to erase
 */
void qkd_rx_reset(struct qkd_rx *rx)
{
	rx->lost += rx->held;
	rx->head = 0;
	rx->tail = 0;
	rx->n_marks = 0;
	rx->gone_from = 0;
	rx->gone_to = 0;
	rx->held = 0;
}

/* The first offset from @from below @to that is, or is not, gone; or @to. */
static u64 rx_next(const struct qkd_rx *rx, u64 from, u64 to, bool gone)
{
	while (from < to) {
		u32 first = at(rx->size, from);
		u32 n = piece(rx->size, from, to - from);
		u32 bit = gone ?
			find_next_bit(rx->gone, first + n, first) :
			find_next_zero_bit(rx->gone, first + n, first);

		if (bit < first + n)
			return from + (bit - first);
		from += n;
	}
	return to;
}

static void rx_mark(struct qkd_rx *rx, u64 offset, u64 len, bool gone)
{
	while (len) {
		u32 first = at(rx->size, offset);
		u32 n = piece(rx->size, offset, len);

		if (gone)
			bitmap_set(rx->gone, first, n);
		else
			bitmap_clear(rx->gone, first, n);
		offset += n;
		len -= n;
	}
}

static void rx_advance(struct qkd_rx *rx)
{
	rx->tail = rx_next(rx, rx->tail, rx->head, false);
}

/* Below this the grace time of key that the peer has reserved is over. */
static u64 rx_expirable(const struct qkd_rx *rx, u64 now_ms, u32 grace_ms)
{
	u64 limit = rx->tail;
	unsigned int i;

	for (i = 0; i < rx->n_marks; i++) {
		if (now_ms < rx->marks[i].time_ms + grace_ms)
			break;
		limit = rx->marks[i].reserved;
	}
	return clamp(limit, rx->tail, rx->head);
}

/*
 * Where the tail can be had once what may expire has. Key that was taken while a
 * piece below it was not can be much, and this is asked often: what was found
 * gone is remembered, and stays so.
 */
static u64 rx_low(struct qkd_rx *rx, u64 now_ms, u32 grace_ms)
{
	u64 from = rx_expirable(rx, now_ms, grace_ms);
	bool known = rx->gone_from <= from && from <= rx->gone_to;

	if (!known)
		rx->gone_from = from;
	rx->gone_to = rx_next(rx, known ? rx->gone_to : from, rx->head, false);
	return rx->gone_to;
}

/**
 * qkd_rx_room - bytes that can be fed now at the head
 * @rx: the ring
 * @now_ms: the time, of a clock that only goes on
 * @grace_ms: how long reserved key is kept
 */
u64 qkd_rx_room(struct qkd_rx *rx, u64 now_ms, u32 grace_ms)
{
	return rx->size - (rx->head - rx_low(rx, now_ms, grace_ms));
}

/**
 * qkd_rx_check - whether a piece of key may be fed
 * @rx: the ring
 * @offset: where
 * @len: its bytes, not 0
 * @now_ms: the time, of a clock that only goes on
 * @grace_ms: how long reserved key is kept
 *
 * Return: 0, -EINVAL below the head, -EMSGSIZE if it can never fit, -EAGAIN
 * without room, even if what may expire did.
 */
int qkd_rx_check(struct qkd_rx *rx, u64 offset, u32 len, u64 now_ms,
		 u32 grace_ms)
{
	u64 low = rx_low(rx, now_ms, grace_ms);

	if (offset < rx->head)
		return -EINVAL;
	if (len > rx->size)
		return -EMSGSIZE;
	if (low == rx->head)
		return 0;
	return offset + len - low > rx->size ? -EAGAIN : 0;
}

/**
 * qkd_rx_make_room - erase as much expired key as a piece of key needs
 * @rx: the ring
 * @offset: as checked
 * @len: as checked
 * @now_ms: as checked
 * @grace_ms: as checked
 */
void qkd_rx_make_room(struct qkd_rx *rx, u64 offset, u32 len, u64 now_ms,
		      u32 grace_ms)
{
	u64 limit = rx_expirable(rx, now_ms, grace_ms);
	u64 from = rx->tail;

	if (offset + len <= rx->tail + rx->size)
		return;
	limit = min(limit, offset + len - rx->size);
	while ((from = rx_next(rx, from, limit, false)) < limit) {
		u64 to = rx_next(rx, from, limit, true);

		qkd_ring_erase(rx->buf, rx->size, from, to - from);
		rx_mark(rx, from, to - from, true);
		rx->lost += to - from;
		rx->held -= to - from;
		from = to;
	}
	rx_advance(rx);
}

/**
 * qkd_rx_feed - key whose bytes are in the ring already becomes held
 * @rx: the ring
 * @offset: as checked; bytes skipped over are gone
 * @len: as checked
 */
void qkd_rx_feed(struct qkd_rx *rx, u64 offset, u32 len)
{
	if (!rx->held)
		rx->tail = offset;
	else
		rx_mark(rx, rx->head, offset - rx->head, true);
	rx_mark(rx, offset, len, false);
	rx->lost += offset - rx->head;
	rx->total += offset + len - rx->head;
	rx->head = offset + len;
	rx->held += len;
}

/* What the first report tells is told by the next, or gone. */
static bool rx_mark_old(const struct qkd_rx *rx, u64 now_ms, u32 grace_ms)
{
	return rx->marks[0].reserved <= rx->tail ||
	       (rx->n_marks > 1 && rx->marks[1].time_ms + grace_ms <= now_ms);
}

/* Whether the newest report is too close to the one before it to stand alone. */
static bool rx_mark_close(const struct qkd_rx *rx, u32 grace_ms)
{
	unsigned int n = rx->n_marks;

	return n > 1 && rx->marks[n - 1].time_ms - rx->marks[n - 2].time_ms <
			grace_ms / (QKD_MARKS - 2);
}

/**
 * qkd_rx_peer_reserved - the peer says how far it has reserved
 * @rx: the ring
 * @reserved: offset below which the peer will name no more key; one lower
 *	than before is an old report, and ignored
 * @now_ms: the time, of a clock that only goes on
 * @grace_ms: how long reserved key is kept
 *
 * Reports that come in quick succession become one, of the newest's time: key is
 * kept longer, by a sixth of the grace time, never shorter.
 */
void qkd_rx_peer_reserved(struct qkd_rx *rx, u64 reserved, u64 now_ms,
			  u32 grace_ms)
{
	unsigned int i = rx->n_marks;

	if (reserved <= (i ? rx->marks[i - 1].reserved : rx->tail))
		return;
	while (rx->n_marks && rx_mark_old(rx, now_ms, grace_ms)) {
		rx->n_marks--;
		memmove(rx->marks, rx->marks + 1,
			rx->n_marks * sizeof(rx->marks[0]));
	}
	i = rx->n_marks;
	if (i == QKD_MARKS || rx_mark_close(rx, grace_ms))
		i--;
	rx->marks[i].reserved = reserved;
	rx->marks[i].time_ms = now_ms;
	rx->n_marks = i + 1;
}

static int rx_find(const struct qkd_rx *rx, u64 offset, u32 len)
{
	u64 end = offset + len;

	if (end < offset || end > rx->head)
		return -ENOENT;
	if (offset < rx->tail || rx_next(rx, offset, end, true) < end)
		return -EALREADY;
	return 0;
}

/**
 * qkd_rx_peek - read key without consuming it
 * @rx: the ring
 * @offset: of the first byte
 * @dst: filled
 * @len: not 0
 *
 * Return: 0, -ENOENT if a byte was not fed yet, -EALREADY if a byte is gone.
 */
int qkd_rx_peek(const struct qkd_rx *rx, u64 offset, void *dst, u32 len)
{
	int err = rx_find(rx, offset, len);

	if (!err)
		ring_read(rx->buf, rx->size, offset, dst, len);
	return err;
}

/**
 * qkd_rx_take - give key by its offset, once
 * @rx: the ring
 * @offset: of the first byte
 * @dst: filled, or NULL
 * @len: not 0
 *
 * Return: as qkd_rx_peek(); unless 0, nothing changes.
 */
int qkd_rx_take(struct qkd_rx *rx, u64 offset, void *dst, u32 len)
{
	int err = rx_find(rx, offset, len);

	if (err)
		return err;
	if (dst)
		ring_read(rx->buf, rx->size, offset, dst, len);
	qkd_ring_erase(rx->buf, rx->size, offset, len);
	rx_mark(rx, offset, len, true);
	rx->held -= len;
	rx->consumed += len;
	if (offset == rx->tail)
		rx_advance(rx);
	return 0;
}
