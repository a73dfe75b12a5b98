// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * KEY VALUE pairs: a table says what each key's value is and where it goes.
 */
#include <errno.h>
#include <string.h>

#include "qkdctl.h"

#define WORDS_MAX	16	/* more than any enumeration has */

static int no_size(const char *key, const char *s)
{
	return bad("%s: \"%s\" is no size; write it as 64K, 1M or 65536", key,
		   s);
}

static int no_time(const char *key, const char *s)
{
	return bad("%s: \"%s\" is no time; write it as 10s, 500ms or 5m", key,
		   s);
}

static int word(const struct key *k, const char *s, uint64_t *v)
{
	const char *words[WORDS_MAX];
	size_t n = 0;
	int i;

	while (n < WORDS_MAX && strcmp(k->word(n), "?")) {
		words[n] = k->word(n);
		n++;
	}
	i = arg_match(words, n, sizeof(*words), s, k->name);
	*v = i;
	return i < 0 ? i : 0;
}

/* The value of a key whose value is an integer in the end. */
static int integer(const struct key *k, const char *s, uint64_t *v)
{
	switch (k->kind) {
	case KEY_KIND_NUMBER:
		if (!parse_number(s, k->min, k->max, v))
			return 0;
		return bad("%s: \"%s\" is no number from %llu to %llu",
			   k->name, s, (unsigned long long)k->min,
			   (unsigned long long)k->max);
	case KEY_KIND_SIZE:
		return parse_size(s, v) || *v > k->max ? no_size(k->name, s) : 0;
	case KEY_KIND_TIME:
		return parse_time(s, v) || *v > k->max ? no_time(k->name, s) : 0;
	case KEY_KIND_WORD:
		return word(k, s, v);
	default:
		return -EINVAL;
	}
}

static void store(void *to, uint64_t v, size_t width)
{
	uint8_t v8 = v;
	uint16_t v16 = v;
	uint32_t v32 = v;

	switch (width) {
	case 1:
		memcpy(to, &v8, 1);
		break;
	case 2:
		memcpy(to, &v16, 2);
		break;
	case 4:
		memcpy(to, &v32, 4);
		break;
	default:
		memcpy(to, &v, 8);
	}
}

static int parse_key(const struct key *k, struct args *a, char *conf)
{
	const char *s;
	uint64_t v;
	int err;

	if (k->parse)
		return k->parse(a, k->name, conf);
	s = arg_value(a, k->name);
	if (!s)
		return -EINVAL;
	if (k->kind == KEY_KIND_TEXT) {
		memcpy(conf + k->at, &s, sizeof(s));
		return 0;
	}
	if (k->kind == KEY_KIND_IP)
		return parse_ip(s, k->name, (void *)(conf + k->at));
	err = integer(k, s, &v);
	if (err)
		return err;
	store(conf + k->at, v, k->width);
	if (k->bit) {
		memcpy(&v, conf + k->set_at, sizeof(v));
		v |= k->bit;
		memcpy(conf + k->set_at, &v, sizeof(v));
	}
	return 0;
}

int parse_keys(const struct key *keys, size_t n, struct args *a, void *conf)
{
	const char *word;

	while ((word = arg_next(a))) {
		int i = arg_match(keys, n, sizeof(*keys), word, "key");
		int err = i < 0 ? i : parse_key(&keys[i], a, conf);

		if (err)
			return err;
	}
	return 0;
}

int parse_some_keys(const struct key *keys, size_t n, struct args *a,
		    void *conf)
{
	int given = 0;

	for (;;) {
		const char *word = arg_peek(a);
		size_t i = 0;
		int err;

		while (word && i < n && strcmp(word, keys[i].name))
			i++;
		if (!word || i == n)
			return given;
		arg_next(a);
		err = parse_key(&keys[i], a, conf);
		if (err)
			return err;
		given++;
	}
}
