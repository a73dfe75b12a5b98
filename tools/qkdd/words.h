/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A link's driver configuration: words KEY=VALUE separated by blanks.
 */
#ifndef _QKDD_WORDS_H
#define _QKDD_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr_storage;

/**
 * struct words - a configuration taken apart
 * @count: of the words
 * @key: of each
 * @value: of each, "" for a word without "="
 * @used: somebody asked for it; what is left over at the end is a mistake
 * @text: what they point into
 */
struct words {
	unsigned int count;
	const char *key[128];
	const char *value[128];
	bool used[128];
	char text[4096];
};

/* -EINVAL if it is too long, or a key comes twice; @err says what is wrong. */
int words_parse(struct words *w, const char *text, char *err, size_t room);
/* NULL if it is not there. */
const char *words_get(struct words *w, const char *key);

/*
 * Each leaves *@v as it is when the word is not there. -EINVAL, with @err,
 * when its value is no number, or not within the bounds.
 */
int words_u64(struct words *w, const char *key, uint64_t min, uint64_t max,
	      uint64_t *v, char *err, size_t room);
int words_double(struct words *w, const char *key, double min, double max,
		 double *v, char *err, size_t room);

/* "ADDR", "ADDR:PORT", "[ADDR6]:PORT" or ":PORT"; leaves what is not told. */
int words_addr(const char *text, struct sockaddr_storage *addr, char *err,
	       size_t room);

/* The first word nobody asked for, or NULL. */
const char *words_unused(const struct words *w);

#endif /* _QKDD_WORDS_H */
