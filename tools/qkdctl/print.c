// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Text and JSON from one call: the writer behind print.h.
 *
 * Writes to standard output as it goes; what is printed is for the callers.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "print.h"

static struct {
	bool json;
	bool pretty;
	bool colour;
	int depth;
	bool comma;	/* something stands before, at this depth */
} pr;

static const char *const codes[] = {
	[PLAIN] = NULL,
	[NAME] = "\033[1;36m",
	[ADDR] = "\033[35m",
	[GOOD] = "\033[32m",
	[WARN] = "\033[33m",
	[BAD] = "\033[1;31m",
	[DIM] = "\033[2m",
};

void pr_setup(bool json, bool pretty, bool colour)
{
	memset(&pr, 0, sizeof(pr));
	pr.json = json;
	pr.pretty = pretty;
	pr.colour = colour && !json;
}

bool pr_json(void)
{
	return pr.json;
}

bool pr_colour(void)
{
	return pr.colour;
}

/* ---- JSON ---- */

static void newline(void)
{
	if (!pr.pretty)
		return;
	putchar('\n');
	for (int i = 0; i < pr.depth; i++)
		fputs("    ", stdout);
}

static void json_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		unsigned char c = *s;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void json_key(const char *key)
{
	if (pr.comma)
		putchar(',');
	if (pr.depth)
		newline();
	pr.comma = true;
	if (!key)
		return;
	json_string(key);
	fputs(pr.pretty ? ": " : ":", stdout);
}

static void json_open(const char *key, char bracket)
{
	json_key(key);
	putchar(bracket);
	pr.depth++;
	pr.comma = false;
}

static void json_close(char bracket)
{
	bool empty = !pr.comma;

	pr.depth--;
	if (!empty)
		newline();
	putchar(bracket);
	pr.comma = true;
}

void pr_begin(void)
{
	pr_arr(NULL);
}

void pr_end(void)
{
	pr_arr_end();
	if (pr.json)
		putchar('\n');
	pr.comma = false;
	fflush(stdout);
}

void pr_line_begin(void)
{
	pr.comma = false;
	pr_obj(NULL);
}

void pr_line_end(void)
{
	pr_obj_end();
	if (pr.json)
		putchar('\n');
	pr.comma = false;
	fflush(stdout);
}

void pr_obj(const char *key)
{
	if (pr.json)
		json_open(key, '{');
}

void pr_obj_end(void)
{
	if (pr.json)
		json_close('}');
}

void pr_arr(const char *key)
{
	if (pr.json)
		json_open(key, '[');
}

void pr_arr_end(void)
{
	if (pr.json)
		json_close(']');
}

/* ---- text ---- */

static void text_string(const char *fmt, const char *s)
{
	char clean[8192];
	size_t n = 0;

	for (; *s && n + 1 < sizeof(clean); s++) {
		unsigned char c = *s;

		clean[n++] = c < 0x20 || c == 0x7f ? '?' : c;
	}
	clean[n] = '\0';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	printf(fmt, clean);
#pragma GCC diagnostic pop
}

static void text_begin(enum colour c)
{
	if (pr.colour && codes[c])
		fputs(codes[c], stdout);
}

static void text_end(enum colour c)
{
	if (pr.colour && codes[c])
		fputs("\033[0m", stdout);
}

static void text(enum colour c, const char *fmt, const char *s)
{
	text_begin(c);
	text_string(fmt, s);
	text_end(c);
}

void pr_str(enum colour c, const char *key, const char *fmt, const char *v)
{
	if (!pr.json) {
		if (fmt)
			text(c, fmt, v);
	} else if (key) {
		json_key(key);
		json_string(v);
	}
}

void pr_as(enum colour c, const char *key, const char *fmt, uint64_t v,
	   const char *s)
{
	if (!pr.json) {
		if (fmt)
			text(c, fmt, s);
	} else if (key) {
		json_key(key);
		printf("%" PRIu64, v);
	}
}

void pr_u64(enum colour c, const char *key, const char *fmt, uint64_t v)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "%" PRIu64, v);
	pr_as(c, key, fmt, v, buf);
}

void pr_float(enum colour c, const char *key, const char *fmt, double v,
	      const char *s)
{
	if (!pr.json) {
		if (fmt)
			text(c, fmt, s);
	} else if (key) {
		json_key(key);
		printf("%.6g", v);
	}
}

void pr_bool(const char *key, const char *text_if_true, bool v)
{
	if (!pr.json) {
		if (text_if_true && v)
			fputs(text_if_true, stdout);
	} else if (key) {
		json_key(key);
		fputs(v ? "true" : "false", stdout);
	}
}

void pr_raw(const char *key, const char *json)
{
	if (!pr.json)
		return;
	json_key(key);
	fputs(json, stdout);
}

void pr_text(const char *fmt, ...)
{
	va_list ap;

	if (pr.json)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

void pr_label(enum colour c, const char *s)
{
	if (!pr.json)
		text(c, "%s", s);
}
