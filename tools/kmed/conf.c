// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads the JSON file of settings and refuses what cannot be meant.
 *
 * Every member is listed in a table; one that is not, or of another type, is
 * an error that names it: a setting that is silently not in force is worse
 * than none. Files that settings name are opened by who uses them.
 */
#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/qkd_dev.h>

#include "conf.h"
#include "json.h"

#define CONF_MAX	(1 << 20)	/* bytes of the file */
#define LISTEN_DEFAULT	"[::]:8443"

/* Where to put the words about what is wrong. */
struct complaint {
	char *text;
	size_t room;
};

__attribute__((format(printf, 2, 3)))
static int wrong(struct complaint *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->text, c->room, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* ---- members by table ---- */

enum kind { TEXT, ID, NUMBER, LIST };

struct member {
	const char *name;
	enum kind kind;
	size_t offset;
	uint32_t min, max;
};

/* Rows of tables; offsets are of where a member's value goes. */
#define TEXT_MEMBER(n, o)	{ .name = n, .kind = TEXT, .offset = o }
#define ID_MEMBER(n, o)		{ .name = n, .kind = ID, .offset = o }
#define LIST_MEMBER(n, o)	{ .name = n, .kind = LIST, .offset = o }
#define NUMBER_MEMBER(n, o, low, high) \
	{ .name = n, .kind = NUMBER, .offset = o, .min = low, .max = high }

static int set_text(void *to, const struct member *m, struct json_object *v,
		    struct complaint *c)
{
	const char *s = json_text(v);

	if (!s || !*s)
		return wrong(c, "\"%s\" must be a string, not empty", m->name);
	if (m->kind == ID && !conf_id_valid(s))
		return wrong(c, "\"%s\": an ID has up to %d letters, digits and . _ ~ : @ -",
			     m->name, SAE_ID_MAX);
	*(const char **)((char *)to + m->offset) = s;
	return 0;
}

static int set_number(void *to, const struct member *m, struct json_object *v,
		      struct complaint *c)
{
	int64_t n;

	if (!json_number(v, &n) || n < m->min || n > m->max)
		return wrong(c, "\"%s\" must be a number, %u to %u", m->name,
			     m->min, m->max);
	*(uint32_t *)((char *)to + m->offset) = n;
	return 0;
}

static int set_member(void *to, const struct member *m, struct json_object *v,
		      struct complaint *c)
{
	switch (m->kind) {
	case TEXT:
	case ID:
		return set_text(to, m, v, c);
	case NUMBER:
		return set_number(to, m, v, c);
	case LIST:
		if (!json_object_is_type(v, json_type_array))
			return wrong(c, "\"%s\" must be a list", m->name);
		*(struct json_object **)((char *)to + m->offset) = v;
		return 0;
	}
	return -EINVAL;
}

static int set_members(void *to, const struct member *table, size_t n,
		       struct json_object *object, struct complaint *c)
{
	if (!json_object_is_type(object, json_type_object))
		return wrong(c, "an object is expected where \"%s\" is a member",
			     table[0].name);
	json_object_object_foreach(object, name, value) {
		size_t i = 0;
		int err;

		while (i < n && strcmp(table[i].name, name))
			i++;
		if (i == n)
			return wrong(c, "there is no setting \"%.64s\"", name);
		err = set_member(to, &table[i], value, c);
		if (err)
			return err;
	}
	return 0;
}

#define SET_MEMBERS(to, table, object, c) \
	set_members(to, table, sizeof(table) / sizeof((table)[0]), object, c)

/* ---- pairs and links ---- */

static int read_pair(struct conf *conf, struct conf_link *link,
		     struct json_object *from, struct complaint *c)
{
	static const struct member members[] = {
		ID_MEMBER("local", offsetof(struct conf_pair, local)),
		ID_MEMBER("remote", offsetof(struct conf_pair, remote)),
	};
	struct conf_pair p = { .link = link, .index = conf->n_pairs };
	int err;

	err = SET_MEMBERS(&p, members, from, c);
	if (err)
		return err;
	if (!p.local || !p.remote)
		return wrong(c, "link %s: a pair needs \"local\" and \"remote\"",
			     link->name);
	if (!strcmp(p.local, p.remote))
		return wrong(c, "link %s: \"%s\" is paired with itself",
			     link->name, p.local);
	if (conf_pair(conf, p.local, p.remote))
		return wrong(c, "\"%s\" and \"%s\" are paired twice", p.local,
			     p.remote);
	link->pairs[link->n_pairs++] = p;
	conf->n_pairs++;
	return 0;
}

struct link_lists {
	struct conf_link link;
	struct json_object *pairs;
};

static const struct member link_members[] = {
#define AT(f) offsetof(struct link_lists, link.f)
	TEXT_MEMBER("link", AT(name)),
	TEXT_MEMBER("source", AT(source)),
	ID_MEMBER("peer-kme", AT(peer_kme)),
	TEXT_MEMBER("peer", AT(peer)),
	NUMBER_MEMBER("key-size", AT(key_size), 8, 8 * QKD_KEY_MAX),
	NUMBER_MEMBER("min-key-size", AT(min_size), 8, 8 * QKD_KEY_MAX),
	NUMBER_MEMBER("max-key-size", AT(max_size), 8, 8 * QKD_KEY_MAX),
	NUMBER_MEMBER("max-keys", AT(max_number), 1, 1024),
	LIST_MEMBER("pairs", offsetof(struct link_lists, pairs)),
#undef AT
};

static int check_link(const struct link_lists *l, struct complaint *c)
{
	const struct conf_link *k = &l->link;

	if (!k->name)
		return wrong(c, "a link needs its name, \"link\"");
	if (!k->peer_kme)
		return wrong(c, "link %s needs \"peer-kme\", the ID of the KME at its other end",
			     k->name);
	if (!l->pairs || !json_object_array_length(l->pairs))
		return wrong(c, "link %s needs \"pairs\": who may use its key?",
			     k->name);
	if (k->key_size % 8 || k->min_size % 8 || k->max_size % 8)
		return wrong(c, "link %s: sizes are in bits, multiples of 8",
			     k->name);
	if (k->min_size > k->key_size || k->key_size > k->max_size)
		return wrong(c, "link %s: key-size must be within min-key-size and max-key-size",
			     k->name);
	/* Who is told nothing of whom a key is for cannot tell SAEs apart. */
	if (!k->peer && json_object_array_length(l->pairs) > 1)
		return wrong(c, "link %s has several pairs: it needs \"peer\", to tell the KME there whose key is whose",
			     k->name);
	return 0;
}

static int read_link(struct conf *conf, struct json_object *from,
		     struct complaint *c)
{
	struct link_lists l = { .link = {
		.source = "pool", .key_size = 256, .min_size = 8,
		.max_size = 8 * QKD_KEY_MAX, .max_number = 128,
		.index = conf->n_links,
	} };
	struct conf_link *link;
	size_t i, n;
	int err;

	err = SET_MEMBERS(&l, link_members, from, c);
	if (!err)
		err = check_link(&l, c);
	if (err)
		return err;
	for (i = 0; i < conf->n_links; i++)
		if (!strcmp(conf->links[i].name, l.link.name))
			return wrong(c, "link %s is there twice", l.link.name);
	n = json_object_array_length(l.pairs);
	link = &conf->links[conf->n_links];
	*link = l.link;
	link->pairs = calloc(n, sizeof(*link->pairs));
	if (!link->pairs)
		return wrong(c, "out of memory");
	conf->n_links++;
	for (i = 0; i < n && !err; i++)
		err = read_pair(conf, link,
				json_object_array_get_idx(l.pairs, i), c);
	return err;
}

/* ---- the whole ---- */

static int read_listen(struct conf_listen *to, const char *name,
		       struct json_object *list, const char *unless_told,
		       struct complaint *c)
{
	size_t n = list ? json_object_array_length(list) : !!unless_told;

	to->address = calloc(n ?: 1, sizeof(*to->address));
	if (!to->address)
		return wrong(c, "out of memory");
	for (size_t i = 0; i < n; i++) {
		const char *s = list ? json_text(json_object_array_get_idx(list, i)) :
				unless_told;

		if (!s || !*s)
			return wrong(c, "\"%s\" must be a list of strings",
				     name);
		to->address[to->n++] = s;
	}
	return 0;
}

static int read_client(struct conf *conf, struct json_object *from,
		       struct complaint *c)
{
	static const struct member members[] = {
		ID_MEMBER("sae", offsetof(struct conf_client, sae)),
		TEXT_MEMBER("identity", offsetof(struct conf_client, identity)),
		TEXT_MEMBER("key", offsetof(struct conf_client, key)),
	};
	struct conf_client k = { 0 };
	int err;

	err = SET_MEMBERS(&k, members, from, c);
	if (err)
		return err;
	if (!k.sae || !k.key)
		return wrong(c, "one of \"skip-clients\" lacks \"sae\" or \"key\"");
	if (!k.identity)
		k.identity = k.sae;
	/* RFC 4279, 5.3 */
	if (strlen(k.identity) > 128)
		return wrong(c, "\"identity\" has over 128 bytes");
	for (unsigned int i = 0; i < conf->n_clients; i++)
		if (!strcmp(conf->clients[i].identity, k.identity))
			return wrong(c, "\"identity\" %s is there twice",
				     k.identity);
	conf->clients[conf->n_clients++] = k;
	return 0;
}

static int read_clients(struct conf *conf, struct json_object *list,
			struct complaint *c)
{
	size_t n = list ? json_object_array_length(list) : 0;
	int err = 0;

	if (!n && conf->listen[PORT_SKIP].n)
		return wrong(c, "\"listen-skip\" needs \"skip-clients\": who may ask there?");
	conf->clients = calloc(n ?: 1, sizeof(*conf->clients));
	if (!conf->clients)
		return wrong(c, "out of memory");
	for (size_t i = 0; i < n && !err; i++)
		err = read_client(conf, json_object_array_get_idx(list, i), c);
	return err;
}

static int read_links(struct conf *conf, struct json_object *list,
		      struct complaint *c)
{
	size_t n = list ? json_object_array_length(list) : 0;
	int err = 0;

	if (!n)
		return wrong(c, "there is no \"links\": which key is to be served?");
	conf->links = calloc(n, sizeof(*conf->links));
	if (!conf->links)
		return wrong(c, "out of memory");
	for (size_t i = 0; i < n && !err; i++)
		err = read_link(conf, json_object_array_get_idx(list, i), c);
	return err;
}

/* Members of struct conf, and lists to be walked, in one table. */
struct top {
	struct conf conf;
	struct json_object *listen[PORTS];
	struct json_object *clients;
	struct json_object *links;
};

static int read_top(struct conf *conf, struct json_object *from,
		    struct complaint *c)
{
	static const struct member members[] = {
		ID_MEMBER("kme", offsetof(struct conf, kme_id)),
		TEXT_MEMBER("metrics", offsetof(struct conf, metrics)),
		TEXT_MEMBER("certificate", offsetof(struct conf, certificate)),
		TEXT_MEMBER("key", offsetof(struct conf, key)),
		TEXT_MEMBER("ca", offsetof(struct conf, ca)),
		TEXT_MEMBER("crl", offsetof(struct conf, crl)),
		TEXT_MEMBER("store", offsetof(struct conf, store)),
		TEXT_MEMBER("store-key", offsetof(struct conf, store_key)),
		TEXT_MEMBER("tpm", offsetof(struct conf, tpm)),
		NUMBER_MEMBER("threads", offsetof(struct conf, threads), 0, 256),
		NUMBER_MEMBER("max-clients", offsetof(struct conf, max_clients),
			      1, 65536),
		NUMBER_MEMBER("timeout", offsetof(struct conf, timeout), 1, 3600),
		LIST_MEMBER("listen", offsetof(struct top, listen[PORT_014])),
		LIST_MEMBER("listen-004", offsetof(struct top, listen[PORT_004])),
		LIST_MEMBER("listen-skip", offsetof(struct top, listen[PORT_SKIP])),
		LIST_MEMBER("skip-clients", offsetof(struct top, clients)),
		LIST_MEMBER("links", offsetof(struct top, links)),
	};
	struct top t = { .conf = *conf };
	int err;

	err = SET_MEMBERS(&t, members, from, c);
	if (err)
		return err;
	*conf = t.conf;
	if (!conf->kme_id)
		return wrong(c, "\"kme\", the ID of this KME, is missing");
	if (!conf->certificate || !conf->key || !conf->ca)
		return wrong(c, "\"certificate\", \"key\" and \"ca\" name PEM files; \"qkdctl pki\" makes some");
	if (!conf->store != !conf->store_key)
		return wrong(c, "\"store\" and \"store-key\" go together");
	err = read_listen(&conf->listen[PORT_014], "listen",
			  t.listen[PORT_014], LISTEN_DEFAULT, c);
	if (!err)
		err = read_listen(&conf->listen[PORT_004], "listen-004",
				  t.listen[PORT_004], NULL, c);
	if (!err)
		err = read_listen(&conf->listen[PORT_SKIP], "listen-skip",
				  t.listen[PORT_SKIP], NULL, c);
	if (!err)
		err = read_clients(conf, t.clients, c);
	return err ? err : read_links(conf, t.links, c);
}

struct conf *conf_parse(const char *text, char *err, size_t room)
{
	struct complaint c = { err, room };
	struct conf *conf = calloc(1, sizeof(*conf));
	char why[128];

	if (!conf) {
		wrong(&c, "out of memory");
		return NULL;
	}
	atomic_init(&conf->refs, 1);
	conf->max_clients = 1024;
	conf->timeout = 60;
	conf->json = json_parse(text, strlen(text), why, sizeof(why));
	if (!conf->json)
		wrong(&c, "no JSON: %s", why);
	else if (!read_top(conf, conf->json, &c))
		return conf;
	conf_put(conf);
	return NULL;
}

struct conf *conf_read(const char *file, char *err, size_t room)
{
	struct conf *conf = NULL;
	char said[512];
	size_t len = 0;
	char *text;
	FILE *f;

	f = fopen(file, "re");
	if (!f) {
		snprintf(err, room, "%s: %s", file, strerror(errno));
		return NULL;
	}
	text = malloc(CONF_MAX + 1);
	if (text)
		len = fread(text, 1, CONF_MAX + 1, f);
	if (!text || ferror(f) || len > CONF_MAX) {
		snprintf(err, room, "%s: cannot be read, or has over %d bytes",
			 file, CONF_MAX);
	} else {
		text[len] = '\0';
		conf = conf_parse(text, said, sizeof(said));
		if (!conf)
			snprintf(err, room, "%s: %s", file, said);
	}
	free(text);
	fclose(f);
	return conf;
}

struct conf *conf_hold(struct conf *c)
{
	atomic_fetch_add(&c->refs, 1);
	return c;
}

void conf_put(struct conf *c)
{
	if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	for (unsigned int i = 0; i < c->n_links; i++)
		free(c->links[i].pairs);
	free(c->links);
	for (unsigned int i = 0; i < PORTS; i++)
		free(c->listen[i].address);
	free(c->clients);
	json_object_put(c->json);
	free(c);
}

/* ---- asking ---- */

bool conf_id_valid(const char *id)
{
	size_t len = 0;

	while (isascii(id[len]) && (isalnum(id[len]) ||
				    (id[len] && strchr("._~:@-", id[len]))))
		len++;
	return len >= 1 && len <= SAE_ID_MAX && !id[len];
}

const struct conf_pair *conf_pair(const struct conf *c, const char *local,
				  const char *remote)
{
	for (unsigned int i = 0; i < c->n_links; i++) {
		const struct conf_link *l = &c->links[i];

		for (unsigned int k = 0; k < l->n_pairs; k++)
			if (!strcmp(l->pairs[k].local, local) &&
			    !strcmp(l->pairs[k].remote, remote))
				return &l->pairs[k];
	}
	return NULL;
}

bool conf_knows(const struct conf *c, const char *local)
{
	for (unsigned int i = 0; i < c->n_links; i++)
		for (unsigned int k = 0; k < c->links[i].n_pairs; k++)
			if (!strcmp(c->links[i].pairs[k].local, local))
				return true;
	return false;
}
