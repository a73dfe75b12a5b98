// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Privacy amplification: Toeplitz hashing.
 *
 * The matrix is cut into tiles of 64 R rows and 64 C columns.  A tile times
 * its piece of the input is the middle of a product of polynomials over
 * GF(2): bits 64 C - 1 on of (64 (R + C) - 1 bits of seed) x (64 C bits of
 * input).  Taking 64 bits as a coefficient in GF(2^128), where products of two
 * do not wrap, such a product is one of polynomials of at most R + C and C
 * coefficients, computed modulo x^N + x, N = 2^16 (fft128.h).  Terms from x^N
 * on are folded to x and up; as long as R + C <= N - 2 they stay below the
 * middle, so the middle is exact.
 *
 * Sums over tiles are taken in the transformed domain.  Tiles with C = R
 * along one diagonal share their piece of seed.
 */
#include <errno.h>
#include <string.h>

#include "tools/post/bits.h"
#include "tools/post/fft128.h"
#include "tools/post/toeplitz.h"
#include "tools/post/wipe.h"

#define TILE (FFT128_SIZE - 2)		/* R + C at most */

/* below this many word operations the definition is as fast */
#define SMALL ((size_t)1 << 21)

#define VALUES (FFT128_SIZE * sizeof(struct gf128))
#define COEFS (FFT128_SIZE * sizeof(uint64_t))
#define FACTORS (FFT128_FACTORS * sizeof(struct gf128))

/**
 * struct grid - how a matrix is cut
 * @rows: R, words of output of a tile
 * @cols: C, words of input of a tile
 * @down: tiles below each other
 * @across: tiles beside each other
 */
struct grid {
	size_t rows, cols;
	size_t down, across;
};

static size_t parts(size_t words, size_t part)
{
	return (words + part - 1) / part;
}

static void set_grid(struct grid *g, size_t rows, size_t cols, size_t m,
		     size_t n)
{
	g->rows = rows;
	g->cols = cols;
	g->down = parts(post_words(m), rows);
	g->across = parts(post_words(n), cols);
}

/* tiles that share seed are only those of a square grid */
static size_t seed_parts(const struct grid *g)
{
	return g->rows == g->cols ? g->down + g->across - 1 :
		g->down * g->across;
}

/* a transform costs about eight times a product at all points */
static size_t cost(const struct grid *g)
{
	return 8 * (g->down + g->across + seed_parts(g)) +
		g->down * g->across;
}

/* square tiles, or one row of tiles, or one column */
static void choose_grid(struct grid *best, size_t m, size_t n)
{
	size_t mw = post_words(m), nw = post_words(n);
	struct grid g;

	set_grid(best, TILE / 2, TILE / 2, m, n);
	if (mw <= TILE - 2) {
		set_grid(&g, mw, TILE - mw, m, n);
		if (cost(&g) < cost(best))
			*best = g;
	}
	if (nw <= TILE - 1 && nw >= 2) {
		set_grid(&g, TILE - nw, nw, m, n);
		if (cost(&g) < cost(best))
			*best = g;
	}
}

/* dst: @words words of v from bit @from on, which may lie outside its n bits */
static void take_bits(uint64_t *dst, size_t words, const uint64_t *v,
		      size_t n, ptrdiff_t from)
{
	size_t skip = 0, count;

	memset(dst, 0, 8 * words);
	if (from < 0) {
		skip = -from;
		from = 0;
	}
	if (skip >= 64 * words || (size_t)from >= n)
		return;
	count = 64 * words - skip;
	if (count > n - from)
		count = n - from;
	post_bits_copy(dst, skip, v, from, count);
}

/* the words of a product from bit 64 @cols - 1 on; its coefficients overlap */
static void put_middle(uint64_t *out, size_t words, const struct gf128 *v,
		       size_t cols)
{
	size_t i;

	for (i = 0; i < words; i++) {
		const struct gf128 *c = v + cols - 1 + i;
		uint64_t low = c[0].lo ^ c[-1].hi;
		uint64_t high = c[1].lo ^ c[0].hi;

		out[i] = low >> 63 | high << 1;
	}
}

struct work {
	const struct fft128_ops *ops;
	struct grid g;
	size_t m, n;
	const uint64_t *seed;
	struct gf128 *factor, *part, *in, *out;
	uint64_t *coef;
};

static void transform_input(struct work *w, const uint64_t *in)
{
	size_t a;

	for (a = 0; a < w->g.across; a++) {
		memset(w->coef, 0, COEFS);
		take_bits(w->coef, w->g.cols, in, w->n,
			  64 * w->g.cols * a);
		w->ops->forward(w->in + a * FFT128_SIZE, w->coef, w->factor);
	}
}

/* the seed of tile (b, a), 64 (R + C) - 1 bits and one that does not matter */
static void transform_seed(struct work *w, size_t b, size_t a)
{
	const struct grid *g = &w->g;
	ptrdiff_t from = (ptrdiff_t)w->n +
		64 * ((ptrdiff_t)(b * g->rows) - (ptrdiff_t)(a * g->cols)) -
		64 * (ptrdiff_t)g->cols;

	memset(w->coef, 0, COEFS);
	take_bits(w->coef, g->rows + g->cols, w->seed,
		  post_toeplitz_seed_bits(w->n, w->m), from);
	w->ops->forward(w->part, w->coef, w->factor);
}

static void add_tile(struct work *w, size_t b, size_t a)
{
	w->ops->muladd(w->out + b * FFT128_SIZE, w->part,
		       w->in + a * FFT128_SIZE);
}

/* all tiles of the diagonal that begins with tile (b, a) */
static void add_diagonal(struct work *w, size_t b, size_t a)
{
	transform_seed(w, b, a);
	for (; b < w->g.down && a < w->g.across; b++, a++)
		add_tile(w, b, a);
}

static void add_tiles(struct work *w)
{
	size_t a, b;

	if (w->g.rows == w->g.cols) {
		for (b = w->g.down; b-- > 1;)
			add_diagonal(w, b, 0);
		for (a = 0; a < w->g.across; a++)
			add_diagonal(w, 0, a);
		return;
	}
	for (b = 0; b < w->g.down; b++) {
		for (a = 0; a < w->g.across; a++) {
			transform_seed(w, b, a);
			add_tile(w, b, a);
		}
	}
}

static void finish(struct work *w, uint64_t *out)
{
	size_t b, words = post_words(w->m);

	for (b = 0; b < w->g.down; b++) {
		struct gf128 *v = w->out + b * FFT128_SIZE;
		size_t at = b * w->g.rows;
		size_t count = words - at < w->g.rows ? words - at : w->g.rows;

		w->ops->inverse(v, w->factor);
		put_middle(out + at, count, v, w->g.cols);
	}
	out[words - 1] &= post_tail_mask(w->m);
}

static size_t memory(const struct grid *g)
{
	return FACTORS + COEFS + VALUES * (1 + g->across + g->down);
}

int post_toeplitz_by(const struct fft128_ops *ops, uint64_t *out, size_t m,
		     const uint64_t *seed, const uint64_t *in, size_t n)
{
	struct work w = { .ops = ops, .m = m, .n = n, .seed = seed };
	uint8_t *mem;

	choose_grid(&w.g, m, n);
	mem = post_alloc(memory(&w.g));
	if (!mem) {
		memset(out, 0, 8 * post_words(m));
		return -ENOMEM;
	}
	w.factor = (void *)mem;
	w.coef = (void *)(mem + FACTORS);
	w.part = (void *)(mem + FACTORS + COEFS);
	w.in = w.part + FFT128_SIZE;
	w.out = w.in + w.g.across * FFT128_SIZE;

	fft128_factors(w.factor);
	transform_input(&w, in);
	add_tiles(&w);
	finish(&w, out);
	post_free(mem, memory(&w.g));
	return 0;
}

int post_toeplitz(uint64_t *out, size_t m, const uint64_t *seed,
		  const uint64_t *in, size_t n)
{
	if (!m || m > n || n > POST_TOEPLITZ_MAX_BITS)
		return -EINVAL;
	if (post_words(n) * m <= SMALL) {
		post_toeplitz_ref(out, m, seed, in, n);
		return 0;
	}
	return post_toeplitz_by(fft128_best(), out, m, seed, in, n);
}

size_t post_toeplitz_memory(size_t n, size_t m)
{
	struct grid g;

	if (!m || !n)
		return 0;
	choose_grid(&g, m, n);
	return memory(&g);
}

/* bit 0 first to bit 63 first */
static uint64_t reverse(uint64_t x)
{
	const uint64_t a = 0x5555555555555555, b = 0x3333333333333333,
		c = 0x0f0f0f0f0f0f0f0f;

	x = (x & a) << 1 | (x >> 1 & a);
	x = (x & b) << 2 | (x >> 2 & b);
	x = (x & c) << 4 | (x >> 4 & c);
	return __builtin_bswap64(x);
}

/* 64 of the @bits bits of v from @from on, those before and behind being 0 */
static uint64_t window(const uint64_t *v, size_t bits, ptrdiff_t from)
{
	size_t w = from / 64, s = from % 64;
	uint64_t x;

	if (from < 0)
		return v[0] << -from;
	x = v[w] >> s;
	if (s && w + 1 < post_words(bits))
		x |= v[w + 1] << (64 - s);
	return x;
}

void post_toeplitz_ref(uint64_t *out, size_t m, const uint64_t *seed,
		       const uint64_t *in, size_t n)
{
	size_t bits = post_toeplitz_seed_bits(n, m), i, w;

	memset(out, 0, 8 * post_words(m));
	for (i = 0; i < m; i++) {
		uint64_t x = 0;

		/* in[w] meets seed bits i + n - 1 - 64 w and 63 downwards */
		for (w = 0; w < post_words(n); w++)
			x ^= reverse(in[w]) & window(seed, bits,
				(ptrdiff_t)(i + n) - 64 * (ptrdiff_t)(w + 1));
		out[i / 64] |= (uint64_t)__builtin_parityll(x) << (i % 64);
	}
}
