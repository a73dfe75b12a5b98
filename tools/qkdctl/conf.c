// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads /etc/qkd/qkd.conf. What the words of a line mean is told by the same
 * functions that read the command line, so that there is one grammar.
 */
#include <errno.h>
#include <string.h>

#include "conf.h"

/* Blanks separate words; double quotes hold blanks, as in config "a=1 b=2". */
static int split_words(char *p, char **words, int room)
{
	bool quoted = false;
	int n = 0;
	char *to;

	for (;;) {
		p += strspn(p, " \t\r\n");
		if (!*p || *p == '#')
			return n;
		if (n == room)
			return bad("more than %d words", room);
		to = p;
		words[n++] = p;
		for (; *p && (quoted || !strchr(" \t\r\n", *p)); p++) {
			if (*p == '"')
				quoted = !quoted;
			else
				*to++ = *p;
		}
		if (quoted)
			return bad("a quote is open");
		if (*p)
			p++;
		*to = '\0';
	}
}

static int parse_entry(struct conf_entry *e, struct args *a)
{
	static const char *const kinds[] = {
		[CONF_LINK] = "link",
		[CONF_TUNNEL] = "tunnel",
		[CONF_OTP] = "otp",
	};
	const char *word = arg_next(a);
	size_t i;

	/* no abbreviations: the file outlives this version */
	for (i = 0; i < N_ELEMS(kinds); i++)
		if (!strcmp(word, kinds[i]))
			break;
	if (i == N_ELEMS(kinds))
		return bad("\"%s\" is none of link, tunnel, otp", word);
	e->kind = i;
	if (i == CONF_LINK)
		return link_parse(a, &e->name, &e->link);
	if (i == CONF_TUNNEL)
		return tunnel_parse(a, &e->name, &e->tunnel);
	return otp_parse(a, &e->name, &e->otp);
}

/* Takes @text. Return: 0, also for a line without words, or -EINVAL. */
static int add_line(struct conf *c, char *text, unsigned int line)
{
	enum { WORDS = 128 };
	struct conf_entry *e;
	struct args a;
	int err = -ENOMEM;

	e = realloc(c->entries, (c->n + 1) * sizeof(*e));
	if (!e)
		goto out;
	c->entries = e;
	e += c->n;
	*e = (struct conf_entry){ .line = line, .text = text };
	e->words = calloc(WORDS, sizeof(*e->words));
	if (!e->words)
		goto out;
	a.v = e->words;
	a.n = split_words(text, e->words, WORDS);
	err = a.n > 0 ? parse_entry(e, &a) : a.n;
	if (!err && a.v != e->words) {
		c->n++;
		return 0;
	}
	free(e->words);
out:
	free(text);
	return err;
}

int conf_read(struct conf *c, const char *path)
{
	unsigned int line = 0, first = 0;
	char *text = NULL, *all = NULL;
	size_t room = 0, len = 0;
	ssize_t n;
	int err = 0;
	FILE *f;

	*c = (struct conf){ .path = path };
	f = fopen(path, "re");
	if (!f) {
		err = -errno;
		bad("%s: %s%s", path, strerror(-err), err == -ENOENT ?
		    "; what is there now is written by: qkdctl save > FILE" :
		    "");
		return err;
	}
	while ((n = getline(&text, &room, f)) >= 0) {
		char *longer = realloc(all, len + n + 1);

		line++;
		if (!longer) {
			err = -ENOMEM;
			break;
		}
		all = longer;
		memcpy(all + len, text, n + 1);
		first = len ? first : line;
		len += n;
		/* a line that ends in a backslash goes on */
		if (len > 1 && !strcmp(all + len - 2, "\\\n")) {
			len -= 2;
			all[len] = '\0';
			continue;
		}
		if (add_line(c, all, first)) {
			fprintf(stderr, "%s:%u: this line is left out\n", path,
				first);
			err = -EINVAL;
		}
		all = NULL;
		len = 0;
	}
	if (len) {
		bad("%s:%u: the last line ends in a backslash", path, first);
		err = -EINVAL;
	}
	free(all);
	free(text);
	fclose(f);
	return err;
}

void conf_free(struct conf *c)
{
	while (c->n) {
		c->n--;
		free(c->entries[c->n].words);
		free(c->entries[c->n].text);
	}
	free(c->entries);
}

const struct conf_entry *conf_link(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->entries[i].kind == CONF_LINK &&
		    !strcmp(c->entries[i].name, name))
			return &c->entries[i];
	return NULL;
}
