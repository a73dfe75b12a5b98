/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two rings of a pool: where each byte of key stands. Pure arithmetic on
 * memory that the caller gives and locks; no allocation, clock or context.
 * Also compiled in userspace, for unit tests and fuzzing. The terms are those
 * of Documentation/pool.rst.
 */
#ifndef _QKD_RING_H
#define _QKD_RING_H

#include <linux/types.h>

#define QKD_EXTENTS	16	/* separate ranges that a ring keeps apart */
#define QKD_MARKS	8	/* reports of the peer that may await grace */

/**
 * struct qkd_extents - disjoint ranges of offsets, ascending, none empty
 * @n: how many
 * @e: from @start up to, not including, @end
 */
struct qkd_extents {
	unsigned int n;
	struct {
		u64 start;
		u64 end;
	} e[QKD_EXTENTS];
};

/**
 * struct qkd_tx - the ring to send with
 * @buf: @size bytes; the byte of offset o is at o modulo @size
 * @size: a power of two
 * @head: offset behind the last byte fed
 * @confirmed: offset below which nothing can be confirmed any more
 * @conf: key that may be reserved
 * @fed: key that the peer may lack; all above @conf
 * @available: bytes in @conf
 * @held: bytes in @conf and @fed
 * @total: bytes that @head passed, over all generations
 * @consumed: bytes reserved, over all generations
 * @lost: bytes erased unused or never there, over all generations;
 *	total = consumed + lost + held
 */
struct qkd_tx {
	u8 *buf;
	u32 size;
	u64 head;
	u64 confirmed;
	struct qkd_extents conf;
	struct qkd_extents fed;
	u64 available;
	u64 held;
	u64 total;
	u64 consumed;
	u64 lost;
};

void qkd_tx_reset(struct qkd_tx *tx);
u64 qkd_tx_tail(const struct qkd_tx *tx);
u64 qkd_tx_room(const struct qkd_tx *tx);
int qkd_tx_check(const struct qkd_tx *tx, u64 offset, u32 len);
void qkd_tx_feed(struct qkd_tx *tx, u64 offset, u32 len);
int qkd_tx_confirm(struct qkd_tx *tx, u64 offset, u64 len);
bool qkd_tx_can_reserve(const struct qkd_tx *tx, u32 len, u64 floor);
int qkd_tx_reserve(struct qkd_tx *tx, void *dst, u32 len, u64 floor,
		   u64 *offset);

/**
 * struct qkd_rx - the ring to receive with
 * @buf: @size bytes; the byte of offset o is at o modulo @size
 * @gone: a bit for each byte of @buf: taken, lost or never fed; says nothing
 *	of offsets outside of @tail to @head
 * @size: a power of two, at least BITS_PER_LONG
 * @head: offset behind the last byte fed
 * @tail: the first byte held, or @head
 * @marks: how far the peer was heard to have reserved, and when, ascending
 * @n_marks: how many
 * @gone_from: begin of a range that was found gone
 * @gone_to: its end
 * @held: bytes fed and not gone
 * @total: bytes that @head passed, over all generations
 * @consumed: bytes taken, over all generations
 * @lost: bytes erased unused or never there, over all generations;
 *	total = consumed + lost + held
 */
struct qkd_rx {
	u8 *buf;
	unsigned long *gone;
	u32 size;
	u64 head;
	u64 tail;
	struct {
		u64 reserved;
		u64 time_ms;
	} marks[QKD_MARKS];
	unsigned int n_marks;
	u64 gone_from;
	u64 gone_to;
	u64 held;
	u64 total;
	u64 consumed;
	u64 lost;
};

void qkd_rx_reset(struct qkd_rx *rx);
u64 qkd_rx_room(struct qkd_rx *rx, u64 now_ms, u32 grace_ms);
int qkd_rx_check(struct qkd_rx *rx, u64 offset, u32 len, u64 now_ms,
		 u32 grace_ms);
void qkd_rx_make_room(struct qkd_rx *rx, u64 offset, u32 len, u64 now_ms,
		      u32 grace_ms);
void qkd_rx_feed(struct qkd_rx *rx, u64 offset, u32 len);
void qkd_rx_peer_reserved(struct qkd_rx *rx, u64 reserved, u64 now_ms,
			  u32 grace_ms);
int qkd_rx_peek(const struct qkd_rx *rx, u64 offset, void *dst, u32 len);
int qkd_rx_take(struct qkd_rx *rx, u64 offset, void *dst, u32 len);

void qkd_ring_write(u8 *buf, u32 size, u64 offset, const void *src, u32 len);
void qkd_ring_erase(u8 *buf, u32 size, u64 offset, u64 len);

#endif /* _QKD_RING_H */
