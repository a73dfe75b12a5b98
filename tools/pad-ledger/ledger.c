// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading a ledger and finding overlaps in it; what the records mean is told
 * in ledger.h.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"

void ledger_init(struct ledger *l)
{
	memset(l, 0, sizeof(*l));
}

void ledger_free(struct ledger *l)
{
	for (size_t i = 0; i < l->words_room; i++)
		free(l->words[i]);
	free(l->words);
	free(l->records);
}

/* ---- words, each kept once ---- */

static uint64_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325;	/* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3;
	return h;
}

static char **slot_of(char **words, size_t room, const char *s)
{
	size_t i = hash(s) & (room - 1);

	while (words[i] && strcmp(words[i], s))
		i = (i + 1) & (room - 1);
	return &words[i];
}

static int grow_words(struct ledger *l)
{
	size_t room = l->words_room ? 2 * l->words_room : 1024;
	char **words = calloc(room, sizeof(*words));

	if (!words)
		return -ENOMEM;
	for (size_t i = 0; i < l->words_room; i++)
		if (l->words[i])
			*slot_of(words, room, l->words[i]) = l->words[i];
	free(l->words);
	l->words = words;
	l->words_room = room;
	return 0;
}

static const char *keep(struct ledger *l, const char *s)
{
	char **slot;

	if (2 * l->n_words >= l->words_room && grow_words(l))
		return NULL;
	slot = slot_of(l->words, l->words_room, s);
	if (!*slot) {
		*slot = strdup(s);
		l->n_words += *slot ? 1 : 0;
	}
	return *slot;
}

/* ---- lines ---- */

/* The next word of *@p, up to WORD_MAX bytes; "" at the end, NULL if longer. */
static const char *next_word(const char **p, char *buf)
{
	size_t n = 0;

	while (**p == ' ' || **p == '\t')
		++*p;
	while (**p && !isspace((unsigned char)**p)) {
		if (n == WORD_MAX)
			return NULL;
		buf[n++] = *(*p)++;
	}
	buf[n] = '\0';
	return buf;
}

static bool number(const char *s, uint64_t *v)
{
	char *end;

	errno = 0;
	*v = strtoull(s, &end, 0);
	return isdigit((unsigned char)*s) && !*end && !errno;
}

/* Hexadecimal ones are cut to what every source knows of them. */
static void canonical_generation(char *g)
{
	size_t n = strspn(g, "0123456789abcdefABCDEF");

	if (g[n] || n < 12)
		return;
	g[12] = '\0';
	for (; *g; g++)
		*g = tolower((unsigned char)*g);
}

static int append(struct ledger *l, const struct record *r)
{
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 1024;
		void *more = realloc(l->records, room * sizeof(*r));

		if (!more)
			return -ENOMEM;
		l->records = more;
		l->room = room;
	}
	l->records[l->n++] = *r;
	return 0;
}

int ledger_line(struct ledger *l, const char *text, unsigned long line,
		const char **why)
{
	static const char *const missing[] = {
		"no layer", "no generation", "no stream", "no offset",
		"no length",
	};
	char word[6][WORD_MAX + 1];
	struct record r = { .line = line };

	for (int i = 0; i < 6; i++) {
		if (!next_word(&text, word[i])) {
			*why = "a word is too long";
			return -EINVAL;
		}
		if (!i && (!*word[0] || *word[0] == '#'))
			return 1;
		if (i < 5 && !*word[i]) {
			*why = missing[i];
			return -EINVAL;
		}
	}
	if (!number(word[3], &r.offset) || !number(word[4], &r.len) ||
	    !r.len || r.offset + r.len < r.offset) {
		*why = "offset and length are no numbers, or no range";
		return -EINVAL;
	}
	canonical_generation(word[1]);
	r.layer = keep(l, word[0]);
	r.generation = keep(l, word[1]);
	r.stream = keep(l, word[2]);
	r.purpose = keep(l, *word[5] ? word[5] : "-");
	if (!r.layer || !r.generation || !r.stream || !r.purpose)
		return -ENOMEM;
	return append(l, &r);
}

/* ---- the check ---- */

static int compare(const void *x, const void *y)
{
	const struct record *a = x, *b = y;
	int c = strcmp(a->layer, b->layer);

	if (!c)
		c = strcmp(a->generation, b->generation);
	if (!c)
		c = strcmp(a->stream, b->stream);
	if (c)
		return c;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	c = strcmp(a->purpose, b->purpose);
	if (c)
		return c;
	return (a->line > b->line) - (a->line < b->line);
}

static bool same_pad(const struct record *a, const struct record *b)
{
	return a->layer == b->layer && a->generation == b->generation &&
		a->stream == b->stream;
}

static bool same_use(const struct record *a, const struct record *b)
{
	return same_pad(a, b) && a->offset == b->offset && a->len == b->len &&
		a->purpose == b->purpose && strcmp(a->purpose, "-");
}

size_t ledger_check(struct ledger *l,
		    void (*reuse)(const struct record *a,
				  const struct record *b, void *arg),
		    void *arg)
{
	const struct record *last = NULL;	/* reaches furthest so far */
	size_t found = 0;

	if (l->n)
		qsort(l->records, l->n, sizeof(*l->records), compare);
	for (size_t i = 0; i < l->n; i++) {
		const struct record *r = &l->records[i];

		/* equal uses are neighbours in this order */
		if (i && same_use(r - 1, r))
			continue;
		if (last && same_pad(last, r) &&
		    r->offset < last->offset + last->len) {
			found++;
			if (reuse)
				reuse(last, r, arg);
		}
		if (!last || !same_pad(last, r) ||
		    r->offset + r->len > last->offset + last->len)
			last = r;
	}
	return found;
}
