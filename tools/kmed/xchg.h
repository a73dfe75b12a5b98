/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One exchange of HTTP, free of any library: what was asked, what is answered.
 *
 * Made by the server (or by a test), filled and finished by a front end.
 */
#ifndef _KMED_XCHG_H
#define _KMED_XCHG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum xchg_method { XCHG_GET, XCHG_POST, XCHG_OTHER };

/**
 * struct xchg - an exchange
 * @method: GET, POST, or another, which no front end knows
 * @path: as it came, not decoded, without query
 * @query: behind the "?", not decoded, or NULL
 * @body: @body_len bytes
 * @caller: ID of the SAE that asks, from its certificate; NULL: it is none
 * @kme: the same of a KME
 * @status: of the answer
 * @out: the answer's body, @out_len bytes of @out_room; the server frees it
 *	by xchg_clear()
 * @type: the answer's media type
 * @done: called once, when the answer is there
 */
struct xchg {
	enum xchg_method method;
	const char *path;
	const char *query;
	const char *body;
	size_t body_len;
	const char *caller;
	const char *kme;

	int status;
	char *out;
	size_t out_len;
	size_t out_room;
	const char *type;
	void (*done)(struct xchg *x);
};

/* Room for @len more bytes; false when memory is out. */
bool xchg_reserve(struct xchg *x, size_t len);
/* Appends; where memory is out the answer becomes a bare 503. */
void xchg_put(struct xchg *x, const char *s, size_t len);
void xchg_puts(struct xchg *x, const char *s);
__attribute__((format(printf, 2, 3)))
void xchg_printf(struct xchg *x, const char *fmt, ...);
/* The answer is complete. */
void xchg_finish(struct xchg *x, int status);
/* Wipes and frees the answer. */
void xchg_clear(struct xchg *x);

/*
 * The value of @name in a query, decoded into @buf. 1 if it is there, 0 if
 * not, -EINVAL if it cannot be decoded, does not fit, or is there twice.
 */
int xchg_query(const struct xchg *x, const char *name, char *buf, size_t room);

/* Decodes %XX of @len bytes; no NUL may result. 0 or -EINVAL. */
int xchg_decode(const char *s, size_t len, char *buf, size_t room);

#endif /* _KMED_XCHG_H */
