// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads the MATLAB files described in ohio.h. The layout is that of the
 * authors' own converter: rows are states R, L, H; first those that make key,
 * then the test states at three intensities; the columns' patterns are four
 * decimal digits for the detectors V, H, L, R.
 */
#include "tools/raw/ohio.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <matio.h>

#define ROWS	12
#define COLUMNS	16

static int complain(char *err, int ret, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int complain(char *err, int ret, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(err, 256, fmt, args);
	va_end(args);
	return ret;
}

static bool is_double(const matvar_t *v, size_t count)
{
	return v->class_type == MAT_C_DOUBLE && !v->isComplex &&
		v->rank == 2 && v->data && v->dims[0] * v->dims[1] == count &&
		v->nbytes >= count * sizeof(double);
}

/* digits V, H, L, R to bits R, L, H, V: the last digit is bit 0 */
static int pattern_of(double digits)
{
	int v, bits = 0, i;

	if (!(digits >= 0 && digits <= 1111) || digits != floor(digits))
		return -1;
	v = digits;
	for (i = 0; i < 4; i++, v /= 10) {
		if (v % 10 > 1)
			return -1;
		bits |= (v % 10) << i;
	}
	return bits;
}

static int take_order(const matvar_t *v, int order[COLUMNS])
{
	unsigned int seen = 0;
	int i;

	if (v->class_type != MAT_C_CELL || v->rank != 2 ||
	    v->dims[0] * v->dims[1] != COLUMNS)
		return -EBADMSG;
	for (i = 0; i < COLUMNS; i++) {
		matvar_t *cell = Mat_VarGetCell((matvar_t *)v, i);

		if (!cell || !is_double(cell, 1))
			return -EBADMSG;
		order[i] = pattern_of(*(const double *)cell->data);
		if (order[i] < 0 || seen >> order[i] & 1)
			return -EBADMSG;
		seen |= 1u << order[i];
	}
	return 0;
}

/* A row's probabilities; they are of many millions of pulses, and rounded */
static int take_row(const double *data, int row, const int order[COLUMNS],
		    double p[OHIO_PATTERNS])
{
	double sum = 0;
	int i;

	for (i = 0; i < COLUMNS; i++) {
		double x = data[i * ROWS + row];

		if (!(x >= 0 && x <= 1))
			return -EBADMSG;
		p[order[i]] = x;
		sum += x;
	}
	if (fabs(sum - 1) > 1e-6)
		return -EBADMSG;
	for (i = 0; i < COLUMNS; i++)
		p[i] /= sum;
	return 0;
}

static int take_data(const double *data, const int order[COLUMNS],
		     struct ohio_data *d)
{
	/* the signal's R and L make key, its H is a test state */
	static const int rows[OHIO_INTENSITIES][OHIO_STATES] = {
		{ 0, 1, 5 }, { 6, 7, 8 }, { 9, 10, 11 }
	};
	int k, s;

	for (k = 0; k < OHIO_INTENSITIES; k++)
		for (s = 0; s < OHIO_STATES; s++)
			if (take_row(data, rows[k][s], order, d->p[k][s]))
				return -EBADMSG;
	return 0;
}

static void take_settings(const matvar_t *v, struct ohio_data *d)
{
	const double *x = v->data;
	int k;

	if (!strcmp(v->name, "intensities") && is_double(v, 9)) {
		for (k = 0; k < OHIO_INTENSITIES; k++) {
			memcpy(d->mu_of[k], x + 3 * k, sizeof(d->mu_of[k]));
			d->mu[k] = (x[3 * k] + x[3 * k + 1] + x[3 * k + 2]) /
				3;
		}
	}
	if (!strcmp(v->name, "decoyProbs") && is_double(v, 3))
		for (k = 0; k < OHIO_INTENSITIES; k++)
			d->p_mu[k] = x[k];
	if (!strcmp(v->name, "totalSignals") && is_double(v, 1))
		d->pulses = *x;
}

int ohio_load(const char *file, struct ohio_data *d, char *err)
{
	double data[ROWS * COLUMNS];
	bool have_data = false, have_order = false;
	int order[COLUMNS];
	matvar_t *v;
	mat_t *m;

	memset(d, 0, sizeof(*d));
	m = Mat_Open(file, MAT_ACC_RDONLY);
	if (!m)
		return complain(err, -ENOENT,
				"%s: cannot be read as a MATLAB file", file);
	while ((v = Mat_VarReadNext(m))) {
		if (!v->name) {
			/* no name, no use */
		} else if (!strncmp(v->name, "ohioData", 8) &&
			   is_double(v, ROWS * COLUMNS)) {
			memcpy(data, v->data, sizeof(data));
			have_data = true;
		} else if (!strncmp(v->name, "ohioOrder", 9)) {
			have_order = !take_order(v, order);
		} else {
			take_settings(v, d);
		}
		Mat_VarFree(v);
	}
	Mat_Close(m);
	if (!have_data || !have_order)
		return complain(err, -EBADMSG,
				"%s: no 12 x 16 probabilities (ohioData) with their order (ohioOrder)",
				file);
	if (take_data(data, order, d))
		return complain(err, -EBADMSG,
				"%s: a row is not a probability distribution",
				file);
	return 0;
}

/* As bob_code() of the simulator: several clicks are decided by chance */
static void judge(const double p[OHIO_PATTERNS], unsigned int basis,
		  unsigned int bit, double weight, struct ohio_sifted *s)
{
	unsigned int pat;

	for (pat = 1; pat < OHIO_PATTERNS; pat++) {
		unsigned int mine = pat >> (2 * basis) & 3;
		unsigned int other = pat >> (2 * !basis) & 3;
		double w;

		if (!mine)
			continue;
		w = weight * p[pat] * (other ? 0.5 : 1);
		s->sifted[basis] += w;
		s->wrong[basis] += w * (mine == 3 ? 0.5 : mine == 1u << !bit);
	}
}

void ohio_sift(const struct ohio_data *d, unsigned int intensity,
	       struct ohio_sifted *s)
{
	memset(s, 0, sizeof(*s));
	judge(d->p[intensity][0], 0, 0, 0.5, s);
	judge(d->p[intensity][1], 0, 1, 0.5, s);
	judge(d->p[intensity][2], 1, 0, 1, s);
}

void ohio_check(const struct ohio_data *d, unsigned int intensity,
		unsigned int state, double *h, double *v)
{
	struct ohio_sifted s = { .sifted = { 0 } };

	judge(d->p[intensity][state], 1, 0, 1, &s);
	*h = s.sifted[1] - s.wrong[1];
	*v = s.wrong[1];
}
