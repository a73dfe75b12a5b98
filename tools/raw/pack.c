// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames of detections from arrays to bytes: the width of records is chosen
 * here, and long stretches are cut into frames. Where the bytes go is the
 * caller's.
 */
#include "tools/raw/raw.h"

#include <errno.h>
#include <stdbool.h>

#include "tools/raw/raw_priv.h"

/* a frame under way in the caller's room */
struct packer {
	uint8_t *buf;
	size_t len;		/* bytes of room */
	size_t pos;		/* where the frame begins */
	size_t at;		/* where its next record goes */
	unsigned int width;
	uint64_t start;		/* first slot the frame covers */
	uint64_t slot;		/* slot reached by its records */
};

static void head_put(uint8_t *p, unsigned int type, unsigned int width,
		     uint32_t count, uint64_t start, uint64_t end,
		     uint32_t len)
{
	memset(p, 0, RAW_FRAME_SIZE);
	p[RAW_F_TYPE] = type;
	p[RAW_F_WIDTH] = width;
	raw_put32(p + RAW_F_COUNT, count);
	raw_put64(p + RAW_F_START, start);
	raw_put64(p + RAW_F_END, end);
	raw_put32(p + RAW_F_LEN, len);
}

/* The width that takes the fewest bytes, skips counted; never over 8 an event */
static unsigned int choose_width(uint64_t start, const uint64_t *slot,
				 size_t n)
{
	uint64_t prev = start, bytes2 = 2 * n, bytes4 = 4 * n;
	size_t i;

	for (i = 0; i < n; i++) {
		uint64_t gap = slot[i] - prev;

		prev = slot[i];
		bytes2 += 2 * (gap / ((1u << 12) - 1));
		bytes4 += 4 * (gap / ((1u << 28) - 1));
	}
	if (bytes2 <= bytes4 && bytes2 <= 4 * n)
		return 2;
	return bytes4 <= 8 * n ? 4 : 8;
}

/*
 * Whether the slots ascend within the bounds and the codes are codes; *gaps
 * is all gaps or'ed together. One pass without branches, for vectors.
 */
static bool slots_ok(uint64_t start, uint64_t end, const uint64_t *slot,
		     const uint8_t *code, size_t n, uint64_t *gaps)
{
	uint64_t bad = start > end || end >= RAW_SLOT_MAX, any = 0;
	uint8_t skips = 0;
	size_t i;

	if (n) {
		bad |= slot[0] < start || slot[n - 1] >= end;
		any = slot[0] - start;
	}
	for (i = 1; i < n; i++) {
		bad |= slot[i] <= slot[i - 1];
		any |= slot[i] - slot[i - 1];
	}
	for (i = 0; i < n; i++)
		skips |= code[i] >= RAW_CODE_SKIP;
	*gaps = any;
	return !bad && !skips;
}

static void frame_open(struct packer *w, uint64_t start)
{
	w->start = start;
	w->slot = start;
	w->at = w->pos + RAW_FRAME_SIZE;
}

static void frame_close(struct packer *w, uint64_t end)
{
	uint32_t len = w->at - w->pos - RAW_FRAME_SIZE;

	head_put(w->buf + w->pos, RAW_EVENTS, w->width, len / w->width,
		 w->start, end, len);
	w->pos = w->at;
}

static inline void record_put(struct packer *w, uint64_t gap,
			      unsigned int code)
{
	uint64_t v = gap << RAW_GAP_SHIFT | code;

	switch (w->width) {
	case 2:
		raw_put16(w->buf + w->at, v);
		break;
	case 4:
		raw_put32(w->buf + w->at, v);
		break;
	default:
		raw_put64(w->buf + w->at, v);
	}
	w->at += w->width;
}

/* A gap too wide for one record is spread over records that are only gaps */
static bool gap_put(struct packer *w, uint64_t slot, uint64_t max)
{
	while (slot - w->slot > max) {
		if (w->at - w->pos >= RAW_FRAME_SIZE + RAW_PAYLOAD_MAX -
		    2 * w->width) {
			frame_close(w, w->slot + max);
			frame_open(w, w->slot + max);
			if (w->len - w->pos < RAW_FRAME_SIZE)
				return false;
			continue;
		}
		if (w->len - w->at < w->width)
			return false;
		record_put(w, max, RAW_CODE_SKIP);
		w->slot += max;
	}
	return true;
}

/* Records without a wide gap among them, as nearly always */
static inline size_t run_put(struct packer *w, const uint64_t *slot,
			     const uint8_t *code, size_t n, uint64_t max,
			     unsigned int width)
{
	uint8_t *p = w->buf + w->at;
	uint64_t at = w->slot;
	size_t i;

	for (i = 0; i < n; i++, p += width) {
		uint64_t gap = slot[i] - at;

		if (gap > max)
			break;
		at = slot[i];
		if (width == 2)
			raw_put16(p, gap << RAW_GAP_SHIFT | code[i]);
		else if (width == 4)
			raw_put32(p, gap << RAW_GAP_SHIFT | code[i]);
		else
			raw_put64(p, gap << RAW_GAP_SHIFT | code[i]);
	}
	w->slot = at;
	w->at += i * width;
	return i;
}

static size_t records_put(struct packer *w, const uint64_t *slot,
			  const uint8_t *code, size_t n, uint64_t max)
{
	size_t room = w->pos + RAW_FRAME_SIZE + RAW_PAYLOAD_MAX - w->at;

	if (room > w->len - w->at)
		room = w->len - w->at;
	if (n > room / w->width)
		n = room / w->width;
	switch (w->width) {
	case 2:
		return run_put(w, slot, code, n, max, 2);
	case 4:
		return run_put(w, slot, code, n, max, 4);
	default:
		return run_put(w, slot, code, n, max, 8);
	}
}

size_t raw_events_size(size_t n)
{
	/* never more than 8 bytes each; heads; gaps wider than 60 bits */
	return n * 8 + (n / (RAW_PAYLOAD_MAX / 8) + 2) * RAW_FRAME_SIZE + 128;
}

ssize_t raw_events_build(void *buf, size_t len, uint64_t start, uint64_t end,
			 const uint64_t *slot, const uint8_t *code, size_t n)
{
	struct packer w = { .buf = buf, .len = len };
	uint64_t max, gaps;
	size_t i = 0;

	if (!slots_ok(start, end, slot, code, n, &gaps))
		return -EINVAL;
	/* none too wide: no need to weigh */
	w.width = gaps <= raw_gap_max(2) ? 2 : choose_width(start, slot, n);
	max = raw_gap_max(w.width);
	if (len < RAW_FRAME_SIZE)
		return -EMSGSIZE;
	frame_open(&w, start);
	while (i < n) {
		size_t done = records_put(&w, slot + i, code + i, n - i, max);

		i += done;
		if (i == n)
			break;
		if (slot[i] - w.slot > max) {
			if (!gap_put(&w, slot[i], max))
				return -EMSGSIZE;
		} else if (!done) {
			/* full: the next frame starts behind the last event */
			uint64_t next = i ? slot[i - 1] + 1 : start;

			if (next < w.slot)
				next = w.slot;
			frame_close(&w, next);
			if (w.len - w.pos < RAW_FRAME_SIZE + w.width)
				return -EMSGSIZE;
			frame_open(&w, next);
		}
	}
	frame_close(&w, end);
	return w.pos;
}

ssize_t raw_totals_build(void *buf, size_t len, uint64_t start, uint64_t end,
			 const struct raw_totals *t)
{
	const uint32_t size = RAW_INTENSITIES * 2 * sizeof(uint64_t);
	uint8_t *p = buf;
	unsigned int k, b;

	if (len < RAW_FRAME_SIZE + size)
		return -EMSGSIZE;
	head_put(p, RAW_TOTALS, 0, 0, start, end, size);
	p += RAW_FRAME_SIZE;
	for (k = 0; k < RAW_INTENSITIES; k++)
		for (b = 0; b < 2; b++, p += sizeof(uint64_t))
			raw_put64(p, t->sent[k][b]);
	return RAW_FRAME_SIZE + size;
}

ssize_t raw_end_build(void *buf, size_t len, uint64_t at, const char *reason)
{
	size_t size = strnlen(reason, RAW_REASON_MAX);

	if (len < RAW_FRAME_SIZE + size)
		return -EMSGSIZE;
	head_put(buf, RAW_END, 0, 0, at, at, size);
	memcpy((uint8_t *)buf + RAW_FRAME_SIZE, reason, size);
	return RAW_FRAME_SIZE + size;
}
