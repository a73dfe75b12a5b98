/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text and JSON from one call.
 *
 * Each call has a key for JSON and a format for text; NULL for either leaves
 * it out there. What comes from others (names, reasons) is stripped of control
 * characters in text, so that it cannot play tricks with a terminal.
 */
#ifndef _QKDCTL_PRINT_H
#define _QKDCTL_PRINT_H

#include <stdbool.h>
#include <stdint.h>

enum colour {
	PLAIN,
	NAME,	/* of a link, a tunnel */
	ADDR,
	GOOD,
	WARN,
	BAD,
	DIM,
};

/* What the options said: JSON, made pretty, coloured text */
void pr_setup(bool json, bool pretty, bool colour);
bool pr_json(void);
bool pr_colour(void);

/* The whole output: an array of objects in JSON. */
void pr_begin(void);
void pr_end(void);
/* One object a line, as they come: for events. */
void pr_line_begin(void);
void pr_line_end(void);

void pr_obj(const char *key);
void pr_obj_end(void);
void pr_arr(const char *key);
void pr_arr_end(void);

void pr_str(enum colour c, const char *key, const char *fmt, const char *v);
void pr_u64(enum colour c, const char *key, const char *fmt, uint64_t v);
void pr_bool(const char *key, const char *text_if_true, bool v);
/* A number in JSON; in text, what it reads as. */
void pr_as(enum colour c, const char *key, const char *fmt, uint64_t v,
	   const char *text);
/* A number with decimals in JSON. */
void pr_float(enum colour c, const char *key, const char *fmt, double v,
	      const char *text);
/* JSON that is known to be right, as it is; nothing in text. */
void pr_raw(const char *key, const char *json);
/* In text only. */
__attribute__((format(printf, 1, 2)))
void pr_text(const char *fmt, ...);
/* A line's start with colour, in text only. */
void pr_label(enum colour c, const char *s);

#endif
