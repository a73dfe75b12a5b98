// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Values with units: sizes in binary multiples, times, rates in decimal ones,
 * as ip and tc take and print them.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "qkdctl.h"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit sizes[] = {
	{ "", 1 }, { "b", 1 },
	{ "k", 1ULL << 10 }, { "kb", 1ULL << 10 }, { "kib", 1ULL << 10 },
	{ "m", 1ULL << 20 }, { "mb", 1ULL << 20 }, { "mib", 1ULL << 20 },
	{ "g", 1ULL << 30 }, { "gb", 1ULL << 30 }, { "gib", 1ULL << 30 },
	{ "t", 1ULL << 40 }, { "tb", 1ULL << 40 }, { "tib", 1ULL << 40 },
};

static const struct unit times[] = {
	{ "", 1000 }, { "s", 1000 }, { "sec", 1000 }, { "ms", 1 },
	{ "m", 60000 }, { "min", 60000 }, { "h", 3600000 },
	{ "d", 86400000 },
};

/* A number with a unit; decimals are fine where the product is whole. */
static int parse_unit(const char *s, const struct unit *units, size_t n,
		      uint64_t *v)
{
	uint64_t whole, frac = 0, scale = 1;
	const char *p = s;
	char *end;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	errno = 0;
	whole = strtoull(p, &end, 10);
	if (errno)
		return -EINVAL;
	p = end;
	if (*p == '.') {
		for (p++; isdigit((unsigned char)*p) && scale < 1000000; p++) {
			frac = frac * 10 + (*p - '0');
			scale *= 10;
		}
		if (scale == 1)
			return -EINVAL;
	}
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(p, units[i].name))
			continue;
		if (whole > UINT64_MAX / 2 / units[i].factor)
			return -EINVAL;
		if (frac * units[i].factor % scale)
			return -EINVAL;
		*v = whole * units[i].factor + frac * units[i].factor / scale;
		return 0;
	}
	return -EINVAL;
}

int parse_size(const char *s, uint64_t *bytes)
{
	return parse_unit(s, sizes, N_ELEMS(sizes), bytes);
}

int parse_time(const char *s, uint64_t *ms)
{
	return parse_unit(s, times, N_ELEMS(times), ms);
}

int parse_number(const char *s, uint64_t min, uint64_t max, uint64_t *v)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	*v = strtoull(s, &end, 0);
	return errno || *end || *v < min || *v > max ? -EINVAL : 0;
}

/* Three digits or so, with a prefix. */
static char *fmt_scaled(char *buf, double v, double base, const char *gap,
			const char *unit)
{
	static const char *const prefixes[] = { "", "k", "M", "G", "T", "P" };
	size_t i = 0;

	while (v >= base && i + 1 < N_ELEMS(prefixes)) {
		v /= base;
		i++;
	}
	snprintf(buf, UNIT_ROOM, "%.*f%s%s%s",
		 i == 0 || v >= 100 ? 0 : v >= 10 ? 1 : 2, v, gap,
		 base == 1024 && i == 1 ? "K" : prefixes[i], unit);
	return buf;
}

char *fmt_rate(char *buf, uint64_t bps, const char *unit)
{
	return fmt_scaled(buf, bps, 1000, " ", unit);
}

char *fmt_human(char *buf, uint64_t bytes)
{
	return fmt_scaled(buf, bytes, 1024, "", "");
}

char *fmt_level(char *buf, uint64_t bytes)
{
	if (opt.human)
		return fmt_human(buf, bytes);
	snprintf(buf, UNIT_ROOM, "%" PRIu64, bytes);
	return buf;
}

char *fmt_size(char *buf, uint64_t bytes)
{
	static const char suffix[] = " KMGT";
	int i = 0;

	while (bytes && bytes % 1024 == 0 && suffix[i + 1]) {
		bytes /= 1024;
		i++;
	}
	snprintf(buf, UNIT_ROOM, "%" PRIu64 "%.1s", bytes,
		 i ? &suffix[i] : "");
	return buf;
}

char *fmt_time(char *buf, uint64_t ms)
{
	if (ms % 1000)
		snprintf(buf, UNIT_ROOM, "%" PRIu64 "ms", ms);
	else if (ms && ms % 86400000 == 0)
		snprintf(buf, UNIT_ROOM, "%" PRIu64 "d", ms / 86400000);
	else if (ms && ms % 3600000 == 0)
		snprintf(buf, UNIT_ROOM, "%" PRIu64 "h", ms / 3600000);
	else
		snprintf(buf, UNIT_ROOM, "%" PRIu64 "s", ms / 1000);
	return buf;
}

char *fmt_percent(char *buf, uint32_t ppm)
{
	snprintf(buf, UNIT_ROOM, "%.2f%%", ppm / 1e4);
	return buf;
}

char *fmt_ratio(char *buf, uint32_t ppm)
{
	snprintf(buf, UNIT_ROOM, "%.3f", ppm / 1e6);
	return buf;
}
