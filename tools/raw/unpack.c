// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames of detections from bytes to arrays. Every length and slot is checked
 * here, so that who uses the arrays need not; order between frames is the
 * reader's.
 */
#include "tools/raw/raw.h"

#include <errno.h>
#include <stdbool.h>

#include "tools/raw/raw_priv.h"

static bool head_ok(const struct raw_frame *f)
{
	switch (f->type) {
	case RAW_EVENTS:
		return (f->width == 2 || f->width == 4 || f->width == 8) &&
		       (uint64_t)f->count * f->width == f->len;
	case RAW_TOTALS:
		return !f->width && !f->count &&
		       f->len == RAW_INTENSITIES * 2 * sizeof(uint64_t);
	case RAW_END:
		return !f->width && !f->count && f->len <= RAW_REASON_MAX;
	default:
		/* may come to mean something, without harm to who skips it */
		return f->type >= 128;
	}
}

ssize_t raw_frame_parse(const void *buf, size_t len, struct raw_frame *f)
{
	const uint8_t *p = buf;

	if (len < RAW_FRAME_SIZE)
		return 0;
	f->type = p[RAW_F_TYPE];
	f->width = p[RAW_F_WIDTH];
	f->count = raw_get32(p + RAW_F_COUNT);
	f->start = raw_get64(p + RAW_F_START);
	f->end = raw_get64(p + RAW_F_END);
	f->len = raw_get32(p + RAW_F_LEN);
	f->payload = p + RAW_FRAME_SIZE;
	if (raw_get16(p + RAW_F_ZERO) || raw_get32(p + RAW_F_ZERO2) ||
	    f->len > RAW_PAYLOAD_MAX || f->start > f->end ||
	    f->end >= RAW_SLOT_MAX || !head_ok(f))
		return -EBADMSG;
	if (len < RAW_FRAME_SIZE + (size_t)f->len)
		return 0;
	return RAW_FRAME_SIZE + f->len;
}

/*
 * One loop a width, without a branch on what the events are: a record which is
 * only a gap is overwritten by the next. Sums of narrow gaps cannot overflow
 * (2^19 records of 28 bits, from below 2^63), wide ones are looked at.
 */
#define DEFINE_EVENTS(bits)						\
static ssize_t events##bits(const struct raw_frame *f, uint64_t *slot,	\
			    uint8_t *code)				\
{									\
	uint64_t at = f->start, least = f->start, bad = 0, wide = 0;	\
	const uint8_t *p = f->payload;					\
	uint32_t i, n = 0;						\
									\
	for (i = 0; i < f->count; i++, p += (bits) / 8) {		\
		uint64_t v = raw_get##bits(p);				\
		unsigned int c = v & RAW_CODE_SKIP;			\
		unsigned int real = c != RAW_CODE_SKIP;			\
									\
		at += v >> RAW_GAP_SHIFT;				\
		wide |= at;						\
		slot[n] = at;						\
		code[n] = c;						\
		bad |= real & ((at < least) | (at >= f->end));		\
		least = real ? at + 1 : least;				\
		n += real;						\
	}								\
	/* bit 63 must never have been set, even in between */		\
	if (bad || at > f->end || wide >> 63)				\
		return -EBADMSG;					\
	return n;							\
}

DEFINE_EVENTS(16)
DEFINE_EVENTS(32)
DEFINE_EVENTS(64)

#ifdef __x86_64__
#include <immintrin.h>

/*
 * As many narrow records as are events that ascend, eight at a time; their
 * gaps together fit 16 bits. *at: the slot before, then that of the last.
 */
__attribute__((target("avx2")))
static uint32_t eights_avx2(const uint8_t *p, uint32_t count, uint64_t *at,
			    uint64_t *slot, uint8_t *code)
{
	const __m128i skip = _mm_set1_epi16(RAW_CODE_SKIP);
	__m256i base = _mm256_set1_epi64x(*at), lo, hi;
	uint32_t i;

	for (i = 0; i + 8 <= count; i += 8) {
		__m128i v = _mm_loadu_si128((const void *)(p + 2 * i));
		__m128i c = _mm_and_si128(v, skip);
		__m128i g = _mm_srli_epi16(v, RAW_GAP_SHIFT);
		__m128i odd = _mm_cmpeq_epi16(g, _mm_setzero_si128());

		odd = _mm_or_si128(odd, _mm_cmpeq_epi16(c, skip));
		if (!_mm_testz_si128(odd, odd))
			break;
		g = _mm_add_epi16(g, _mm_slli_si128(g, 2));
		g = _mm_add_epi16(g, _mm_slli_si128(g, 4));
		g = _mm_add_epi16(g, _mm_slli_si128(g, 8));
		lo = _mm256_add_epi64(base, _mm256_cvtepu16_epi64(g));
		g = _mm_srli_si128(g, 8);
		hi = _mm256_add_epi64(base, _mm256_cvtepu16_epi64(g));
		_mm256_storeu_si256((void *)(slot + i), lo);
		_mm256_storeu_si256((void *)(slot + i + 4), hi);
		_mm_storel_epi64((void *)(code + i), _mm_packus_epi16(c, c));
		base = _mm256_permute4x64_epi64(hi, 0xff);
	}
	if (i)
		*at = slot[i - 1];
	return i;
}

/* The same as events16(): what is not of eights, record by record */
static ssize_t events16_avx2(const struct raw_frame *f, uint64_t *slot,
			     uint8_t *code)
{
	uint64_t at = f->start, least = f->start, bad = 0;
	const uint8_t *p = f->payload;
	uint32_t i = 0, n = 0, k;

	while (i < f->count) {
		uint64_t v = raw_get16(p + 2 * i++);
		unsigned int c = v & RAW_CODE_SKIP;

		at += v >> RAW_GAP_SHIFT;
		slot[n] = at;
		code[n] = c;
		if (c == RAW_CODE_SKIP)
			continue;
		bad |= at < least;
		n++;
		k = eights_avx2(p + 2 * i, f->count - i, &at, slot + n,
				code + n);
		i += k;
		n += k;
		bad |= at >= f->end;
		least = at + 1;
	}
	if (bad || at > f->end || at >> 63)
		return -EBADMSG;
	return n;
}
#endif

ssize_t raw_frame_events_ref(const struct raw_frame *f, uint64_t *slot,
			     uint8_t *code)
{
	if (f->type != RAW_EVENTS)
		return -EBADMSG;
	switch (f->width) {
	case 2:
		return events16(f, slot, code);
	case 4:
		return events32(f, slot, code);
	case 8:
		return events64(f, slot, code);
	}
	return -EBADMSG;
}

ssize_t raw_frame_events(const struct raw_frame *f, uint64_t *slot,
			 uint8_t *code)
{
#ifdef __x86_64__
	if (f->type == RAW_EVENTS && f->width == 2 &&
	    __builtin_cpu_supports("avx2"))
		return events16_avx2(f, slot, code);
#endif
	return raw_frame_events_ref(f, slot, code);
}

int raw_frame_totals(const struct raw_frame *f, struct raw_totals *t)
{
	const uint8_t *p = f->payload;
	uint64_t left = f->end - f->start;
	unsigned int k, b;

	if (f->type != RAW_TOTALS)
		return -EBADMSG;
	for (k = 0; k < RAW_INTENSITIES; k++) {
		for (b = 0; b < 2; b++, p += sizeof(uint64_t)) {
			t->sent[k][b] = raw_get64(p);
			if (t->sent[k][b] > left)
				return -EBADMSG;
			left -= t->sent[k][b];
		}
	}
	return 0;
}
