// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkdctl key: who used a link's key, and key for scripts.
 *
 * Key goes to standard output only, and only when asked for by "get"; it is
 * never taken from, nor shown in, the command line.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "print.h"
#include "qkdctl.h"
#include "tools/kmed/base64.h"

static const char usage[] =
	"Usage: qkdctl key [ show [ LINK ] ]\n"
	"       qkdctl key get LINK [ size BYTES ] [ count N ] [ OUTPUT ]\n"
	"       qkdctl key get ID [ link LINK ] [ OUTPUT ]\n"
	"OUTPUT := [ format { hex | base64 | raw } ] [ wait TIME ] [ label NAME ]\n"
	"\"show\" lists levels, and who used how much. \"get LINK\" reserves new key\n"
	"and prints its ID and bytes; \"get ID\", at the peer, fetches the same key,\n"
	"once. With \"raw\", only the key's bytes are printed, and IDs to standard\n"
	"error. wait (10s) is how long to wait for key to come; 0: not at all.\n";

/* ---- show ---- */

static int show_consumer(const struct qkd_consumer *c, void *arg)
{
	const char *link = arg;
	char buf[UNIT_ROOM];

	if (link && strcmp(link, c->link))
		return 0;
	pr_obj(NULL);
	pr_str(NAME, "link", NULL, c->link);
	pr_str(PLAIN, "kind", "    %-8s", c->kind);
	pr_str(PLAIN, "name", " %-20s", c->name);
	pr_as(PLAIN, "tx_bytes", " %12s", c->tx_bytes,
	      fmt_level(buf, c->tx_bytes));
	pr_u64(PLAIN, "tx_keys", " %10s", c->tx_keys);
	pr_as(PLAIN, "rx_bytes", " %12s", c->rx_bytes,
	      fmt_level(buf, c->rx_bytes));
	pr_u64(PLAIN, "rx_keys", " %10s", c->rx_keys);
	pr_u64(c->starved ? BAD : PLAIN, "starved", " %8s\n", c->starved);
	pr_obj_end();
	return 0;
}

static void show_levels(const struct qkd_link *l)
{
	char buf[UNIT_ROOM];

	pr_u64(PLAIN, "index", "%s: ", l->index);
	pr_str(NAME, "link", "%s: ", l->name);
	pr_str(PLAIN, "oper_state", "state %s",
	       qkd_oper_state_name(l->oper_state));
	pr_as(PLAIN, "pool_size", " pool-size %s\n", l->pool_size,
	      fmt_size(buf, l->pool_size));
	pr_as(PLAIN, "tx_available", "    tx available %s", l->tx->available,
	      fmt_level(buf, l->tx->available));
	pr_as(PLAIN, "tx_consumed", " consumed %s", l->tx->consumed,
	      fmt_level(buf, l->tx->consumed));
	pr_as(PLAIN, "tx_lost", " lost %s\n", l->tx->lost,
	      fmt_level(buf, l->tx->lost));
	pr_as(PLAIN, "rx_available", "    rx available %s", l->rx->available,
	      fmt_level(buf, l->rx->available));
	pr_as(PLAIN, "rx_consumed", " consumed %s", l->rx->consumed,
	      fmt_level(buf, l->rx->consumed));
	pr_as(PLAIN, "rx_lost", " lost %s\n", l->rx->lost,
	      fmt_level(buf, l->rx->lost));
}

/* Names of all links first: a walk must not ask anew in its middle. */
struct names {
	char (*names)[QKD_NAME_MAX + 1];
	size_t n;
};

static int remember_link(const struct qkd_link *l, void *arg)
{
	struct names *list = arg;
	void *more = realloc(list->names, (list->n + 1) * sizeof(*list->names));

	if (!more)
		return -ENOMEM;
	list->names = more;
	snprintf(list->names[list->n++], sizeof(*list->names), "%s", l->name);
	return 0;
}

static int show_link(struct qkd_nl *nl, const char *name)
{
	struct qkd_link *l;
	int err;

	err = qkd_link_get(nl, name, QKD_NO_INDEX, &l);
	if (err)
		return err;
	pr_obj(NULL);
	show_levels(l);
	pr_text("    %-8s %-20s %12s %10s %12s %10s %8s\n", "KIND", "NAME",
		"TX-BYTES", "TX-KEYS", "RX-BYTES", "RX-KEYS", "STARVED");
	pr_arr("consumers");
	err = qkd_consumer_each(nl, name, QKD_NO_INDEX, show_consumer,
				(void *)name);
	pr_arr_end();
	pr_obj_end();
	qkd_link_free(l);
	return err;
}

static int show_links(struct qkd_nl *nl)
{
	struct names list = { 0 };
	int err;

	err = qkd_link_each(nl, remember_link, &list);
	for (size_t i = 0; !err && i < list.n; i++) {
		err = show_link(nl, list.names[i]);
		if (err == -ENODEV)	/* deleted meanwhile */
			err = 0;
	}
	free(list.names);
	return err;
}

static int key_show(struct args *a)
{
	const char *name = arg_name(a, "link");
	struct qkd_nl *nl;
	int err;

	if (arg_end(a))
		return -EINVAL;
	nl = open_nl();
	if (!nl)
		return -EINVAL;
	pr_begin();
	err = name ? show_link(nl, name) : show_links(nl);
	pr_end();
	if (err)
		failed(err);
	qkd_nl_close(nl);
	return err;
}

/* ---- get ---- */

enum format { HEX, BASE64, RAW };

struct get {
	const char *link;
	const char *label;
	uint64_t size;
	uint64_t count;
	uint64_t wait;	/* ms */
	enum format format;
	bool by_id;
	struct qkd_key_id id;
};

static int parse_link(struct args *a, const char *key, void *conf)
{
	struct get *g = conf;

	g->link = arg_value(a, key);
	return g->link ? 0 : -EINVAL;
}

static int parse_label(struct args *a, const char *key, void *conf)
{
	struct get *g = conf;

	g->label = arg_value(a, key);
	return g->label ? 0 : -EINVAL;
}

static int parse_key_size(struct args *a, const char *key, void *conf)
{
	struct get *g = conf;
	const char *s = arg_value(a, key);

	if (!s)
		return -EINVAL;
	if (parse_size(s, &g->size) || !g->size || g->size > QKD_KEY_MAX)
		return bad("%s: a key has 1 to %u bytes, not \"%s\"; take several, or read the device",
			   key, QKD_KEY_MAX, s);
	return 0;
}

static int parse_count(struct args *a, const char *key, void *conf)
{
	struct get *g = conf;
	const char *s = arg_value(a, key);

	if (!s)
		return -EINVAL;
	if (parse_number(s, 1, UINT32_MAX, &g->count))
		return bad("%s: \"%s\" is no number of keys", key, s);
	return 0;
}

static int parse_wait(struct args *a, const char *key, void *conf)
{
	struct get *g = conf;
	const char *s = arg_value(a, key);

	if (!s)
		return -EINVAL;
	if (parse_time(s, &g->wait) || g->wait > INT32_MAX)
		return bad("%s: \"%s\" is no time; write it as 10s or 500ms",
			   key, s);
	return 0;
}

static int parse_format(struct args *a, const char *key, void *conf)
{
	static const char *const formats[] = {
		[HEX] = "hex", [BASE64] = "base64", [RAW] = "raw",
	};
	struct get *g = conf;
	const char *s = arg_value(a, key);
	int i = s ? ARG_MATCH(formats, s, key) : -EINVAL;

	if (i < 0)
		return i;
	g->format = i;
	return 0;
}

/* What a key looks like in text is a secret as well. */
struct shown {
	uint8_t key[QKD_KEY_MAX];
	char text[2 * QKD_KEY_MAX + 1];
};

static void to_hex(const uint8_t *key, size_t len, char *text)
{
	/* arithmetic, not a table: nothing to look up by a secret */
	for (size_t i = 0; i < 2 * len; i++) {
		unsigned int v = i & 1 ? key[i / 2] & 15 : key[i / 2] >> 4;

		text[i] = '0' + v + (((9u - v) >> 8) & 39);
	}
	text[2 * len] = '\0';
}

static void to_base64(const uint8_t *key, size_t len, char *text)
{
	base64_encode(key, len, text);
	text[BASE64_LEN(len)] = '\0';
}

static int show_key(const struct get *g, struct shown *s, size_t len,
		    const struct qkd_key_id *id)
{
	char name[QKD_KEY_ID_STRLEN + 1];

	qkd_key_id_format(id, name);
	if (g->format == RAW) {
		fprintf(stderr, "%s\n", name);
		return fwrite(s->key, 1, len, stdout) == len ? 0 : -EIO;
	}
	if (g->format == BASE64)
		to_base64(s->key, len, s->text);
	else
		to_hex(s->key, len, s->text);
	pr_obj(NULL);
	pr_str(NAME, "id", "%s ", name);
	pr_u64(PLAIN, "size", NULL, len);
	if (pr_json())
		pr_str(PLAIN, "key", NULL, s->text);
	else
		printf("%s\n", s->text);	/* too long to be cleaned */
	pr_obj_end();
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* Waits for key, but not for ever. */
static int get_one(struct qkd_dev *dev, const struct get *g, uint8_t *key,
		   struct qkd_key_id *id)
{
	uint64_t end = now_ms() + g->wait;

	for (;;) {
		struct pollfd p = { .fd = qkd_dev_fd(dev), .events = POLLIN };
		int err = qkd_dev_get(dev, key, g->size, id);
		uint64_t now = now_ms();

		if (err != -EAGAIN || now >= end)
			return err;
		/* readiness is for a byte; a long key may want some more */
		if (poll(&p, 1, end - now) > 0 && !(p.revents & POLLHUP))
			usleep(20000);
	}
}

static int get_new(struct qkd_dev *dev, const struct get *g, struct shown *s)
{
	struct qkd_key_id id;

	for (uint64_t i = 0; i < g->count; i++) {
		int err = get_one(dev, g, s->key, &id);

		if (!err)
			err = show_key(g, s, g->size, &id);
		if (err)
			return err;
	}
	return 0;
}

static int get_by_id(struct qkd_dev *dev, const struct get *g, struct shown *s)
{
	uint64_t end = now_ms() + g->wait;
	int len;

	/* the peer may be ahead of our daemon by a block */
	while ((len = qkd_dev_take(dev, &g->id, s->key, sizeof(s->key))) ==
	       -ENOENT && now_ms() < end)
		usleep(50000);
	return len < 0 ? len : show_key(g, s, len, &g->id);
}

struct find {
	struct qkd_key_range range;
	char name[QKD_NAME_MAX + 1];
};

static int find_generation(const struct qkd_link *l, void *arg)
{
	uint8_t tag[QKD_KEY_ID_TAG_SIZE];
	struct find *f = arg;

	if (!(l->have & QKD_BIT(QKD_A_LINK_GENERATION)))
		return 0;
	qkd_generation_tag(l->generation, tag);
	if (memcmp(tag, f->range.tag, sizeof(tag)))
		return 0;
	/* both ends may be in one namespace: the key is for one of them */
	if ((strcmp(l->local_node, l->peer_node) < 0) == !f->range.stream)
		return 0;
	snprintf(f->name, sizeof(f->name), "%s", l->name);
	return 1;
}

/* A key's ID tells its generation, and that the link. 0 or -ENOENT */
static int link_of_id(struct qkd_nl *nl, const struct qkd_key_id *id,
		      struct find *f)
{
	int err;

	qkd_key_id_decode(id, &f->range);
	err = qkd_link_each(nl, find_generation, f);
	if (err < 0)
		return failed(err);
	if (err)
		return 0;
	bad("no link here is to receive that key; perhaps the ends have started anew since");
	return -ENOENT;
}

static int get_from(struct qkd_nl *nl, const struct get *g)
{
	struct qkd_dev *dev;
	struct shown *s;
	int err;

	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		return bad("out of memory"), -ENOMEM;
	mlock(s, sizeof(*s));
	madvise(s, sizeof(*s), MADV_DONTDUMP);
	err = qkd_dev_open(&dev, nl, g->link, QKD_NO_INDEX, true);
	if (err)
		goto free;
	err = qkd_dev_label(dev, g->label);
	if (err)
		goto close;
	if (g->format != RAW)
		pr_begin();
	err = g->by_id ? get_by_id(dev, g, s) : get_new(dev, g, s);
	if (g->format != RAW)
		pr_end();
close:
	qkd_dev_close(dev);
free:
	if (err)
		failed(err);
	qkd_wipe(s, sizeof(*s));
	munmap(s, sizeof(*s));
	return err;
}

/* Where stdio keeps what it has not written yet. */
static char output[1 << 15];

/* Key passes through there: out of swap, out of core dumps. */
static void guard_output(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	mlock(output, sizeof(output));
	setvbuf(stdout, output, _IOFBF, sizeof(output));
}

static int key_get(struct args *a)
{
	static const struct key keys[] = {
		KEY_OWN("link", parse_link),
		KEY_OWN("size", parse_key_size),
		KEY_OWN("count", parse_count),
		KEY_OWN("format", parse_format),
		KEY_OWN("wait", parse_wait),
		KEY_OWN("label", parse_label),
	};
	struct get g = {
		.label = "qkdctl", .size = 32, .count = 1, .wait = 10000,
	};
	const char *what = arg_next(a);
	struct find found;
	struct qkd_nl *nl;
	int err;

	if (!what)
		return bad("which key? A link's name or a key's ID is missing");
	/* no name of a link is as long as an ID, by the kernel's bounds */
	g.by_id = strlen(what) > QKD_NAME_MAX;
	if (g.by_id && qkd_key_id_parse(what, &g.id))
		return failed(-EINVAL);
	if (!g.by_id)
		g.link = what;
	err = parse_keys(keys, N_ELEMS(keys), a, &g);
	if (err)
		return err;
	if (g.format == RAW && (pr_json() || isatty(STDOUT_FILENO)))
		return bad("raw key is not for JSON or a terminal; redirect it, or use format hex");
	nl = open_nl();
	if (!nl)
		return -EINVAL;
	guard_output();
	err = g.link ? 0 : link_of_id(nl, &g.id, &found);
	if (!g.link)
		g.link = found.name;
	if (!err)
		err = get_from(nl, &g);
	fflush(stdout);
	qkd_wipe(output, sizeof(output));
	qkd_nl_close(nl);
	return err;
}

int do_key(struct args *a)
{
	static const struct verb verbs[] = {
		{ "show", key_show },
		{ "list", key_show },
		{ "get", key_get },
	};

	return RUN_VERB(verbs, a, usage);
}
