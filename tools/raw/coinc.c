// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finding pairs among two ends' time tags; see coinc.h. The method follows Ho,
 * Lamas-Linares and Kurtsiefer, New J. Phys. 11 045011 (2009): correlate
 * coarsely over the whole range, then refine.
 */
#include "tools/raw/coinc.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <fftw3.h>

#define BINS_MAX	(1u << 22)
#define SIGMAS_MIN	6.5	/* of 2^22 bins none gets there by chance */
#define REFINE		4	/* bins get finer by this at each step */
#define DRIFTS		8	/* steps of drift to either side */
#define DELTAS_GOOD	(1u << 20) /* more differences show no more */
#define PAIRS_MIN	8	/* the clock does not follow fewer */

/* ---- coarse: circular cross-correlation */

static void fill_bins(double *bin, size_t bins, const uint64_t *t, size_t n,
		      double origin, double width)
{
	size_t i;

	memset(bin, 0, bins * sizeof(*bin));
	for (i = 0; i < n; i++) {
		double x = (t[i] - origin) / width;

		/* around the circle, so that tags may reach beyond it */
		bin[(uint64_t)(int64_t)floor(x) & (bins - 1)]++;
	}
}

/*
 * The bin in which the correlation is highest, @reach to either side of 0, and
 * how many sigmas it stands above all
 */
static size_t peak_of(const double *x, size_t bins, size_t reach,
		      double *sigmas)
{
	double sum = 0, squares = 0, mean, sd;
	size_t i, best = 0;

	for (i = 0; i < bins; i++) {
		sum += x[i];
		squares += x[i] * x[i];
		if (x[i] > x[best] && (i <= reach || bins - i <= reach))
			best = i;
	}
	mean = sum / bins;
	sd = sqrt(fabs(squares / bins - mean * mean));
	*sigmas = sd > 0 ? (x[best] - mean) / sd : 0;
	/* few counts are Poisson's, not normal: Anscombe's transform */
	*sigmas = fmin(*sigmas, 2 * (sqrt(fabs(x[best]) + 0.375) -
				     sqrt(fabs(mean) + 0.375)));
	return best;
}

static int correlate(double *a, double *b, size_t bins)
{
	size_t half = bins / 2 + 1, i;
	fftw_complex *fa, *fb;
	fftw_plan p;
	int ret = -ENOMEM;

	fa = fftw_alloc_complex(half);
	fb = fftw_alloc_complex(half);
	if (!fa || !fb)
		goto out;
	p = fftw_plan_dft_r2c_1d(bins, a, fa, FFTW_ESTIMATE);
	if (!p)
		goto out;
	fftw_execute(p);
	fftw_execute_dft_r2c(p, b, fb);
	fftw_destroy_plan(p);
	/* conj(A) B: how B looks when shifted onto A */
	for (i = 0; i < half; i++) {
		double re = fa[i][0] * fb[i][0] + fa[i][1] * fb[i][1];
		double im = fa[i][0] * fb[i][1] - fa[i][1] * fb[i][0];

		fa[i][0] = re;
		fa[i][1] = im;
	}
	p = fftw_plan_dft_c2r_1d(bins, fa, a, FFTW_ESTIMATE);
	if (!p)
		goto out;
	fftw_execute(p);
	fftw_destroy_plan(p);
	ret = 0;
out:
	fftw_free(fa);
	fftw_free(fb);
	return ret;
}

static int find_coarse(const uint64_t *a, size_t na, const uint64_t *b,
		       size_t nb, const struct coinc_search *s,
		       size_t bins, double width, double *offset,
		       double *sigmas)
{
	size_t reach = ceil(s->range / width) + 1, at;
	double *ba, *bb;
	int ret = -ENOMEM;

	ba = fftw_alloc_real(bins);
	bb = fftw_alloc_real(bins);
	if (ba && bb) {
		fill_bins(ba, bins, a, na, a[0], width);
		fill_bins(bb, bins, b, nb, a[0] + s->guess, width);
		ret = correlate(ba, bb, bins);
	}
	if (!ret) {
		at = peak_of(ba, bins, reach, sigmas);
		*offset = s->guess + width *
			(at < bins / 2 ? (double)at : (double)at - bins);
	}
	fftw_free(ba);
	fftw_free(bb);
	return ret;
}

/* ---- fine: differences near the peak, along lines of drift */

struct delta {
	double t;	/* a's time, from the middle of the stretch */
	double d;	/* b's minus a's minus the offset so far */
};

struct deltas {
	struct delta *v;
	size_t n, room;
};

static int add_delta(struct deltas *l, double t, double d)
{
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 65536;
		struct delta *v = realloc(l->v, room * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		l->room = room;
	}
	l->v[l->n].t = t;
	l->v[l->n++].d = d;
	return 0;
}

/*
 * Pairs of tags whose difference is within @reach of the offset: all, or where
 * there are very many those of every so many a tag
 */
static int collect(const uint64_t *a, size_t na, const uint64_t *b, size_t nb,
		   double middle, double offset, double reach,
		   struct deltas *l)
{
	double all = (double)na * nb * 2 * reach / (a[na - 1] - a[0]);
	size_t stride = all > DELTAS_GOOD ? all / DELTAS_GOOD + 1 : 1;
	size_t i, j, from = 0;

	for (i = 0; i < na; i += stride) {
		double want = a[i] + offset;

		while (from < nb && b[from] < want - reach)
			from++;
		for (j = from; j < nb && b[j] <= want + reach; j++)
			if (add_delta(l, a[i] - middle, b[j] - want))
				return -ENOMEM;
	}
	return 0;
}

/* The fullest bin along lines of one drift. Return: its count */
static unsigned int fullest(const struct deltas *l, double drift,
			    double reach, double width, unsigned int *bin,
			    size_t bins, double *at)
{
	size_t i, best = 0;

	memset(bin, 0, bins * sizeof(*bin));
	for (i = 0; i < l->n; i++) {
		double x = l->v[i].d - drift * l->v[i].t + reach;

		if (x >= 0 && x < bins * width)
			bin[(size_t)(x / width)]++;
	}
	for (i = 0; i < bins; i++)
		if (bin[i] > bin[best])
			best = i;
	*at = (best + 0.5) * width - reach;
	return bin[best];
}

/*
 * One step finer: @width is the width so far, to either side of which the
 * offset is within twice as much, and drifts within what moves the stretch's
 * ends by as much.
 */
static int refine(struct deltas *l, double width, double half_time,
		  double *offset, double *drift)
{
	double fine = width / REFINE, reach = 2 * width, at;
	double best_at = 0, best_drift = *drift;
	unsigned int bin[4 * REFINE + 1], n, most = 0;
	size_t i, kept = 0;
	int k;

	for (k = -DRIFTS; k <= DRIFTS; k++) {
		double try = *drift + k * fine / half_time;

		n = fullest(l, try, reach, fine, bin, 4 * REFINE, &at);
		if (n > most) {
			most = n;
			best_at = at;
			best_drift = try;
		}
	}
	if (!most)
		return -ENOENT;
	*offset += best_at;
	*drift = best_drift;
	/* what the next step cannot reach need not be looked at again */
	for (i = 0; i < l->n; i++) {
		l->v[i].d -= best_at;
		if (fabs(l->v[i].d - *drift * l->v[i].t) <=
		    2 * reach + DRIFTS * fine)
			l->v[kept++] = l->v[i];
	}
	l->n = kept;
	return 0;
}

/* sums of a straight line through residuals */
struct line {
	double n, t, r, tt, tr;
};

static void line_add(struct line *l, double t, double r)
{
	l->n++;
	l->t += t;
	l->r += r;
	l->tt += t * t;
	l->tr += t * r;
}

/* A straight line through what is nearest: background is even, and no bias */
static void polish(const struct deltas *l, double reach, double *offset,
		   double *drift)
{
	double at = 0, det, slope;
	unsigned int round;
	size_t i;

	for (round = 0; round < 4; round++) {
		struct line m = { 0, 0, 0, 0, 0 };

		for (i = 0; i < l->n; i++) {
			double r = l->v[i].d - at - *drift * l->v[i].t;

			if (fabs(r) <= reach)
				line_add(&m, l->v[i].t, r);
		}
		det = m.n * m.tt - m.t * m.t;
		if (m.n < PAIRS_MIN || det <= 0)
			break;
		slope = (m.n * m.tr - m.t * m.r) / det;
		at += (m.r - slope * m.t) / m.n;
		*drift += slope;
	}
	*offset += at;
}

int coinc_find(const uint64_t *a, size_t na, const uint64_t *b, size_t nb,
	       const struct coinc_search *s, struct coinc_clock *c,
	       double *sigmas)
{
	double span, half, width, offset, drift = 0, out;
	size_t bins = BINS_MAX;
	struct deltas l = { NULL, 0, 0 };
	int ret;

	if (na < 2 || nb < 2 || !(s->range > 0) || !(s->fine > 0))
		return -EINVAL;
	span = a[na - 1] - a[0];
	half = span / 2;
	/*
	 * Drift must not smear the peak over more than about a bin. The bins
	 * make a circle that a's tags go around just once, evenly: then what
	 * does not belong together is even as well.
	 */
	while (bins > 2 && span / bins < fmax(s->fine, s->drift * span))
		bins /= 2;
	width = span / bins;
	if (s->range + 2 * width > span / 4)
		return -EINVAL;
	ret = find_coarse(a, na, b, nb, s, bins, width, &offset, &out);
	if (ret)
		return ret;
	if (sigmas)
		*sigmas = out;
	if (out < SIGMAS_MIN)
		return -ENOENT;
	c->ref = a[0] + half;
	/* at most twice the width away: bins of both ends, drift */
	ret = collect(a, na, b, nb, c->ref, offset,
		      3 * width + s->drift * half, &l);
	while (!ret && width > s->fine) {
		ret = refine(&l, width, half, &offset, &drift);
		width /= REFINE;
	}
	if (!ret)
		polish(&l, 2 * s->fine, &offset, &drift);
	free(l.v);
	if (ret)
		return ret;
	c->offset = offset;
	c->drift = drift;
	return 0;
}

/* ---- pairing, and following the clock */

static double predict(const struct coinc_clock *c, double t)
{
	return t + c->offset + c->drift * (t - c->ref);
}

/*
 * The residuals' mean moves the offset. Their slope moves the drift, by as
 * much as it is certain: against the slope's own uncertainty stands what the
 * drift may have changed by, which would move the offset by 1/64 of the window
 * over the stretch.
 */
static void follow(struct coinc_clock *c, const struct line *l, double window,
		   double ref)
{
	double mt, mr, var_t, slope, noise, may, gain;

	if (l->n < PAIRS_MIN)
		return;
	mt = l->t / l->n;
	mr = l->r / l->n;
	var_t = l->tt / l->n - mt * mt;
	if (var_t <= 0)
		return;
	slope = (l->tr / l->n - mt * mr) / var_t;
	noise = window * window / 12 / (l->n * var_t);
	may = window * window / (64 * 64) / (12 * var_t);
	gain = may / (may + noise);
	c->offset += c->drift * (ref + mt - c->ref) + mr;
	c->ref = ref + mt;
	c->drift += gain * slope;
}

size_t coinc_match(struct coinc_clock *c, const uint64_t *a, size_t na,
		   const uint64_t *b, size_t nb, double window,
		   struct coinc_pair *pairs)
{
	struct line l = { 0, 0, 0, 0, 0 };
	double half = window / 2;
	size_t i, j = 0, n = 0;

	for (i = 0; i < na; i++) {
		double want = predict(c, a[i]), best = half, d;
		size_t k, hit = nb;

		while (j < nb && b[j] < want - half)
			j++;
		for (k = j; k < nb && b[k] <= want + half; k++) {
			d = fabs(b[k] - want);
			if (d <= best) {
				best = d;
				hit = k;
			}
		}
		if (hit == nb)
			continue;
		/* the next of a may fit better: it then has the tag */
		if (i + 1 < na &&
		    fabs(b[hit] - predict(c, a[i + 1])) < best)
			continue;
		line_add(&l, a[i] - c->ref, b[hit] - want);
		pairs[n].a = i;
		pairs[n++].b = hit;
		j = hit + 1;
	}
	follow(c, &l, window, c->ref);
	return n;
}

/* ---- CHSH */

static double correlation(const uint64_t n[2][2], double *variance)
{
	double same = n[0][0] + n[1][1], differ = n[0][1] + n[1][0];
	double all = same + differ, e;

	if (all <= 0) {
		*variance = -1;
		return 0;
	}
	e = (same - differ) / all;
	*variance = (1 - e * e) / all;
	return e;
}

double coinc_chsh(const struct coinc_counts *n, double *sigma)
{
	double s = 0, sum = 0, var;
	unsigned int x, y;

	for (x = 0; x < 2; x++) {
		for (y = 2; y < 4; y++) {
			double e = correlation(n->n[x][y], &var);

			if (var < 0)
				return 0;
			s += x == 1 && y == 3 ? -e : e;
			sum += var;
		}
	}
	if (sigma)
		*sigma = sqrt(sum);
	return s;
}
