// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sifting, and the body of SIFT.
 *
 *   u8     planes of intensities that follow: 0 or 2
 *   u8[3]  zero
 *   be32   n, as in the DETECT answered
 *   u8[]   n bits: whether the bases agreed
 *   u8[]   planes bit strings: intensities in the key basis, k bits each
 *   u8[]   planes bit strings: intensities in the check basis, c bits each
 *   u8[]   c bits: Alice's values in the check basis
 *
 * k and c are the numbers of positions kept in either basis.
 */
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "tools/post/bits.h"
#include "tools/post/cpu.h"
#include "tools/post/sift.h"

#define HEAD 8
#define CHUNK 64	/* words worked on at a time */

size_t post_sift_size(size_t n)
{
	/* each kept position is in one basis: at most 2 n + n bits, 5 tails */
	return HEAD + 4 * post_bytes(n) + 5;
}

static size_t body_size(size_t n, size_t key, size_t chk, unsigned int planes)
{
	return HEAD + post_bytes(n) +
		planes * (post_bytes(key) + post_bytes(chk)) +
		post_bytes(chk);
}

static void count_kept(const uint64_t *match, const uint64_t *basis, size_t n,
		       size_t *key, size_t *chk)
{
	uint64_t m[CHUNK];
	size_t i, at, words = post_words(n);

	*chk = 0;
	for (at = 0; at < words; at += CHUNK) {
		size_t step = words - at < CHUNK ? words - at : CHUNK;

		for (i = 0; i < step; i++)
			m[i] = match[at + i] & basis[at + i];
		*chk += post_bits_count(m, 64 * step);
	}
	*key = post_bits_count(match, n) - *chk;
}

/*
 * Append the matched bits of src to key (basis 0) and chk (basis 1), from
 * positions klen and clen on.
 */
static void split(const uint64_t *src, const uint64_t *match,
		  const uint64_t *basis, size_t n, uint64_t *key, size_t klen,
		  uint64_t *chk, size_t clen)
{
	uint64_t km[CHUNK], cm[CHUNK];
	size_t i, at, words = post_words(n);

	for (at = 0; at < words; at += CHUNK) {
		size_t step = words - at < CHUNK ? words - at : CHUNK;

		for (i = 0; i < step; i++) {
			km[i] = match[at + i] & ~basis[at + i];
			cm[i] = match[at + i] & basis[at + i];
		}
		klen += post_bits_extract(key, klen, src + at, km, 64 * step);
		clen += post_bits_extract(chk, clen, src + at, cm, 64 * step);
	}
}

/* n bits of src from pos on as bytes; returns what follows them */
static uint8_t *put_bits(uint8_t *buf, const uint64_t *src, size_t pos,
			 size_t n)
{
	while (n) {
		uint64_t tmp[CHUNK] = { 0 };
		size_t step = n < 64 * CHUNK ? n : 64 * CHUNK;

		post_bits_copy(tmp, 0, src, pos, step);
		post_bits_store(buf, tmp, step);
		buf += post_bytes(step);
		pos += step;
		n -= step;
	}
	return buf;
}

/* n bits to dst from pos on; the bits past the end are known to be zero */
static const uint8_t *get_bits(const uint8_t *buf, uint64_t *dst, size_t pos,
			       size_t n)
{
	while (n) {
		uint64_t tmp[CHUNK];
		size_t step = n < 64 * CHUNK ? n : 64 * CHUNK;

		post_bits_load(tmp, buf, step);
		post_bits_copy(dst, pos, tmp, 0, step);
		buf += post_bytes(step);
		pos += step;
		n -= step;
	}
	return buf;
}

long post_sift_alice(const struct post_prep *prep, const uint64_t *basis,
		     size_t n, struct post_sifted *key,
		     struct post_sifted *chk, uint8_t *buf, size_t size)
{
	unsigned int planes = prep->lo ? 2 : 0;
	size_t at, i, k, c, words = post_words(n);
	uint8_t *p = buf + HEAD;
	uint64_t match[CHUNK];
	uint32_t be_n = htobe32(n);

	if (n > POST_DETECT_MAX || size < HEAD + post_bytes(n))
		return -ENOSPC;
	for (at = 0, k = 0, c = 0; at < words; at += CHUNK) {
		size_t step = words - at < CHUNK ? words - at : CHUNK;
		size_t bits = n - 64 * at < 64 * CHUNK ? n - 64 * at :
			64 * CHUNK;
		size_t dk, dc;

		for (i = 0; i < step; i++)
			match[i] = ~(prep->basis[at + i] ^ basis[at + i]);
		match[step - 1] &= post_tail_mask(bits);
		count_kept(match, basis + at, bits, &dk, &dc);
		post_bits_store(p, match, bits);
		p += post_bytes(bits);
		k += dk;
		c += dc;
	}
	if (size < body_size(n, k, c, planes) || key->cap - key->len < k ||
	    chk->cap - chk->len < c)
		return -ENOSPC;

	memset(buf, 0, 4);
	buf[0] = planes;
	memcpy(buf + 4, &be_n, 4);
	for (at = 0, i = 0; at < words; at += CHUNK) {
		size_t bits = n - 64 * at < 64 * CHUNK ? n - 64 * at :
			64 * CHUNK;
		size_t dk, dc;

		post_bits_load(match, buf + HEAD + 8 * at, bits);
		count_kept(match, basis + at, bits, &dk, &dc);
		split(prep->bit + at, match, basis + at, bits, key->bit,
		      key->len, chk->bit, chk->len);
		if (planes) {
			split(prep->lo + at, match, basis + at, bits, key->lo,
			      key->len, chk->lo, chk->len);
			split(prep->hi + at, match, basis + at, bits, key->hi,
			      key->len, chk->hi, chk->len);
		}
		key->len += dk;
		chk->len += dc;
	}
	if (planes) {
		p = put_bits(p, key->lo, key->len - k, k);
		p = put_bits(p, key->hi, key->len - k, k);
		p = put_bits(p, chk->lo, chk->len - c, c);
		p = put_bits(p, chk->hi, chk->len - c, c);
	}
	p = put_bits(p, chk->bit, chk->len - c, c);
	return p - buf;
}

/* whether the bits past the end of n are zero */
static bool tail_clear(const uint8_t *p, size_t n)
{
	return !(n % 8) || !(p[n / 8] >> (n % 8));
}

/* two planes of n bits: tails zero, and no intensity 3 */
static bool planes_good(const uint8_t *lo, size_t n)
{
	const uint8_t *hi = lo + post_bytes(n);
	size_t i;
	uint8_t both = 0;

	for (i = 0; i < post_bytes(n); i++)
		both |= lo[i] & hi[i];
	return !both && tail_clear(lo, n) && tail_clear(hi, n);
}

/* count what a body keeps, or -EBADMSG if it is not a well-formed one */
static int check_body(const uint8_t *buf, size_t len, const uint64_t *basis,
		      size_t n, size_t *k, size_t *c)
{
	const uint8_t *p = buf + HEAD;
	uint64_t match[CHUNK];
	unsigned int planes;
	size_t at;
	uint32_t be_n;

	*k = 0;
	*c = 0;
	if (n > POST_DETECT_MAX || len < HEAD + post_bytes(n))
		return -EBADMSG;
	memcpy(&be_n, buf + 4, 4);
	planes = buf[0];
	if ((planes && planes != 2) || buf[1] || buf[2] || buf[3] ||
	    be32toh(be_n) != n || !tail_clear(p, n))
		return -EBADMSG;
	for (at = 0; at < post_words(n); at += CHUNK) {
		size_t bits = n - 64 * at < 64 * CHUNK ? n - 64 * at :
			64 * CHUNK;
		size_t dk, dc;

		post_bits_load(match, p + 8 * at, bits);
		count_kept(match, basis + at, bits, &dk, &dc);
		*k += dk;
		*c += dc;
	}
	if (len != body_size(n, *k, *c, planes))
		return -EBADMSG;
	p += post_bytes(n);
	if (planes) {
		if (!planes_good(p, *k))
			return -EBADMSG;
		p += 2 * post_bytes(*k);
		if (!planes_good(p, *c))
			return -EBADMSG;
		p += 2 * post_bytes(*c);
	}
	return tail_clear(p, *c) ? 0 : -EBADMSG;
}

int post_sift_bob(const uint8_t *buf, size_t len, const uint64_t *bit,
		  const uint64_t *basis, size_t n, struct post_sifted *key,
		  struct post_sifted *chk, uint64_t *chk_alice)
{
	const uint8_t *p = buf + HEAD;
	uint64_t match[CHUNK];
	size_t at, k, c, klen = key->len, clen = chk->len;
	int err;

	err = check_body(buf, len, basis, n, &k, &c);
	if (err)
		return err;
	if (key->cap - key->len < k || chk->cap - chk->len < c)
		return -ENOSPC;
	for (at = 0; at < post_words(n); at += CHUNK) {
		size_t bits = n - 64 * at < 64 * CHUNK ? n - 64 * at :
			64 * CHUNK;
		size_t dk, dc;

		post_bits_load(match, p + 8 * at, bits);
		count_kept(match, basis + at, bits, &dk, &dc);
		split(bit + at, match, basis + at, bits, key->bit, key->len,
		      chk->bit, chk->len);
		key->len += dk;
		chk->len += dc;
	}
	p += post_bytes(n);
	if (buf[0]) {
		p = get_bits(p, key->lo, klen, k);
		p = get_bits(p, key->hi, klen, k);
		p = get_bits(p, chk->lo, clen, c);
		p = get_bits(p, chk->hi, clen, c);
	}
	get_bits(p, chk_alice, clen, c);
	return 0;
}

size_t post_sift_checks_before(const uint8_t *buf, const uint64_t *basis,
			       size_t n, size_t k)
{
	size_t at, checks = 0, bits, keys;
	uint64_t match, m;

	for (at = 0; at < n; at += 64) {
		bits = n - at < 64 ? n - at : 64;
		post_bits_load(&match, buf + HEAD + at / 8, bits);
		m = match & ~basis[at / 64];
		keys = post_bits_count(&m, bits);
		if (keys >= k)
			break;
		k -= keys;
		m = match & basis[at / 64];
		checks += post_bits_count(&m, bits);
	}
	for (; at < n && k; at++) {
		if (!(buf[HEAD + at / 8] >> at % 8 & 1))
			continue;
		if (post_bit(basis, at))
			checks++;
		else
			k--;
	}
	return checks;
}

void post_sift_count(const uint64_t *lo, const uint64_t *hi,
		     const uint64_t *mask, size_t n,
		     uint64_t count[POST_INTENSITIES])
{
	size_t i, at, words = post_words(n);
	size_t all = 0, ones = 0, twos = 0;
	uint64_t a[CHUNK], b[CHUNK];

	for (at = 0; at < words; at += CHUNK) {
		size_t step = words - at < CHUNK ? words - at : CHUNK;

		for (i = 0; i < step; i++) {
			uint64_t m = mask ? mask[at + i] : ~(uint64_t)0;

			a[i] = lo[at + i] & m;
			b[i] = hi[at + i] & m;
		}
		ones += post_bits_count(a, 64 * step);
		twos += post_bits_count(b, 64 * step);
	}
	all = mask ? post_bits_count(mask, n) : n;
	count[0] = all - ones - twos;
	count[1] = ones;
	count[2] = twos;
}

static uint64_t plane64(const uint8_t *flags, size_t n, unsigned int bit)
{
	uint64_t r = 0;
	size_t i;

	for (i = 0; i < n; i++)
		r |= (uint64_t)(flags[i] >> bit & 1) << i;
	return r;
}

#ifdef POST_X86
#include <immintrin.h>

/* bits @b of 32 flags: moved to where movemask finds them */
#define MASK32(x, b) \
	((uint32_t)_mm256_movemask_epi8(_mm256_slli_epi16(x, 7 - (b))))

__attribute__((target("avx2")))
static size_t pack_avx2(const uint8_t *flags, size_t n, uint64_t *plane[4])
{
	size_t i;
	int b;

	for (i = 0; i < n / 64; i++) {
		const __m256i *p = (const __m256i *)(flags + 64 * i);
		__m256i x = _mm256_loadu_si256(p);
		__m256i y = _mm256_loadu_si256(p + 1);

		for (b = 0; b < 4; b++) {
			if (plane[b])
				plane[b][i] = MASK32(x, b) |
					      (uint64_t)MASK32(y, b) << 32;
		}
	}
	return i;
}

__attribute__((target("avx512f,avx512bw")))
static size_t pack_avx512(const uint8_t *flags, size_t n, uint64_t *plane[4])
{
	size_t i;
	int b;

	for (i = 0; i < n / 64; i++) {
		__m512i x = _mm512_loadu_si512(flags + 64 * i);

		for (b = 0; b < 4; b++) {
			__m512i m = _mm512_set1_epi8(1 << b);

			if (plane[b])
				plane[b][i] = _mm512_test_epi8_mask(x, m);
		}
	}
	return i;
}
#endif

/* From word @i on */
static void pack_any(const uint8_t *flags, size_t n, uint64_t *plane[4],
		     size_t i)
{
	int b;

	for (; i < post_words(n); i++) {
		size_t left = n - 64 * i < 64 ? n - 64 * i : 64;

		for (b = 0; b < 4; b++) {
			if (plane[b])
				plane[b][i] = plane64(flags + 64 * i, left, b);
		}
	}
}

void post_sift_pack_ref(const uint8_t *flags, size_t n, uint64_t *bit,
			uint64_t *basis, uint64_t *lo, uint64_t *hi)
{
	uint64_t *plane[4] = { bit, basis, lo, hi };

	pack_any(flags, n, plane, 0);
}

void post_sift_pack(const uint8_t *flags, size_t n, uint64_t *bit,
		    uint64_t *basis, uint64_t *lo, uint64_t *hi)
{
	uint64_t *plane[4] = { bit, basis, lo, hi };
	size_t done = 0;

#ifdef POST_X86
	if (post_cpu_avx512())
		done = pack_avx512(flags, n, plane);
	else if (post_cpu_avx2())
		done = pack_avx2(flags, n, plane);
#endif
	pack_any(flags, n, plane, done);
}
