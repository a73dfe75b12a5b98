// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Words of the command line: the next, which of a table is meant, and what is
 * said when it is none.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "qkdctl.h"

int bad(const char *fmt, ...)
{
	va_list ap;

	fputs("Error: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs(".\n", stderr);
	return -EINVAL;
}

int failed(int err)
{
	fprintf(stderr, "Error: %s.\n", qkd_error());
	return err;
}

const char *arg_peek(const struct args *a)
{
	return a->n > 0 ? a->v[0] : NULL;
}

const char *arg_next(struct args *a)
{
	if (a->n <= 0)
		return NULL;
	a->n--;
	return *a->v++;
}

const char *arg_name(struct args *a, const char *key)
{
	const char *name = arg_next(a);

	return name && !strcmp(name, key) ? arg_next(a) : name;
}

const char *arg_value(struct args *a, const char *key)
{
	const char *value = arg_next(a);

	if (!value)
		bad("\"%s\" wants a value", key);
	return value;
}

int arg_end(const struct args *a)
{
	if (a->n > 0)
		return bad("what is \"%s\"? Nothing may follow here; try \"help\"",
			   a->v[0]);
	return 0;
}

static const char *name_at(const void *table, size_t size, size_t i)
{
	const char *name;

	memcpy(&name, (const char *)table + i * size, sizeof(name));
	return name;
}

/* The words that @word may begin, or all if it begins none. */
static void list_words(const void *table, size_t n, size_t size,
		       const char *word, bool all)
{
	const char *comma = "";

	for (size_t i = 0; i < n; i++) {
		const char *name = name_at(table, size, i);

		if (!all && strncmp(name, word, strlen(word)))
			continue;
		fprintf(stderr, "%s%s", comma, name);
		comma = ", ";
	}
	fputs(".\n", stderr);
}

int arg_match(const void *table, size_t n, size_t size, const char *word,
	      const char *what)
{
	int found = -EINVAL, candidates = 0;

	for (size_t i = 0; i < n; i++) {
		const char *name = name_at(table, size, i);

		if (!strcmp(name, word))
			return i;
		if (*word && !strncmp(name, word, strlen(word))) {
			found = i;
			candidates++;
		}
	}
	if (candidates == 1)
		return found;
	fprintf(stderr, "Error: %s \"%s\" is %s: ", what, word,
		candidates ? "ambiguous" : "unknown; there are");
	list_words(table, n, size, word, !candidates);
	return -EINVAL;
}

static bool is_help(const char *word)
{
	return !strcmp(word, "help") || !strcmp(word, "--help");
}

int run_verb(const struct verb *verbs, size_t n, struct args *a,
	     const char *usage)
{
	const char *word = arg_peek(a);
	int i;

	if (!word)
		return verbs[0].run(a);
	for (int k = 0; k < a->n && k < 2; k++) {
		if (is_help(a->v[k])) {
			fputs(usage, stdout);
			return 0;
		}
	}
	i = arg_match(verbs, n, sizeof(*verbs), word, "command");
	if (i < 0)
		return i;
	arg_next(a);
	return verbs[i].run(a);
}

struct qkd_nl *open_nl(void)
{
	struct qkd_nl *nl;
	int err = qkd_nl_open(&nl, opt.netns);

	if (err) {
		failed(err);
		return NULL;
	}
	return nl;
}
