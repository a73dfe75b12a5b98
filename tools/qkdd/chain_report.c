// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The report on a block: its whole budget, as JSON, for whoever recomputes it.
 *
 * From the figures given, post_key_length() and a pocket calculator come to
 * the same length. Nothing in it is secret.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "chain_priv.h"

#define REPORT_MAX	4096

struct text {
	char buf[REPORT_MAX];
	size_t len;
};

__attribute__((format(printf, 2, 3)))
static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, sizeof(t->buf) - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len += n;
	if (t->len >= sizeof(t->buf))
		t->len = sizeof(t->buf) - 1;
}

/* JSON has no infinity */
static void add_number(struct text *t, const char *name, double v)
{
	if (isfinite(v))
		add(t, ",\"%s\":%.10g", name, v);
	else
		add(t, ",\"%s\":null", name);
}

static void add_counts(struct text *t, const char *name, const uint64_t *v,
		       unsigned int count)
{
	unsigned int i;

	add(t, ",\"%s\":[", name);
	for (i = 0; i < count; i++)
		add(t, "%s%llu", i ? "," : "", (unsigned long long)v[i]);
	add(t, "]");
}

static void add_numbers(struct text *t, const char *name, const double *v,
			unsigned int count)
{
	unsigned int i;

	add(t, ",\"%s\":[", name);
	for (i = 0; i < count; i++)
		add(t, "%s%.10g", i ? "," : "", v[i]);
	add(t, "]");
}

static void add_budget(struct text *t, const struct block *b)
{
	const struct post_budget *k = &b->budget;

	add_number(t, "s0", k->s0);
	add_number(t, "s1", k->s1);
	add_number(t, "s0_chk", k->s0_chk);
	add_number(t, "s1_chk", k->s1_chk);
	add_number(t, "v1_chk", k->v1_chk);
	add_number(t, "phi", k->phi);
	add_number(t, "h_phi", k->h_phi);
	add_number(t, "leak_ec", k->leak_ec);
	add_number(t, "leak_ver", k->leak_ver);
	add_number(t, "delta_sec", k->delta_sec);
	add_number(t, "raw", k->raw);
	add(t, ",\"length\":%llu", (unsigned long long)k->length);
}

/*
 * Alice: pulses sent by intensity in each basis. Their stretches end a little
 * before or behind the block's bits.
 */
static void add_sent(struct text *t, const struct block *b)
{
	static const char * const name[] = { "sent_key", "sent_chk" };
	uint64_t n[RAW_INTENSITIES];
	unsigned int i, basis;

	if (!b->sent.slots)
		return;
	add(t, ",\"sent_slots\":%llu", (unsigned long long)b->sent.slots);
	for (basis = 0; basis < 2; basis++) {
		for (i = 0; i < RAW_INTENSITIES; i++)
			n[i] = b->sent.n[i][basis];
		add_counts(t, name[basis], n, b->chain->intensities);
	}
}

/* The CHSH test tells a person; no length is made of it. */
static void add_pairs(struct text *t, const struct block *b)
{
	double sigma = 0, s = coinc_chsh(&b->chsh, &sigma);
	double ns = 1e9 / b->chain->slots_hz;

	if (s != 0) {
		add_number(t, "chsh", s);
		add_number(t, "chsh_sigma", sigma);
		add_number(t, "chsh_qber", post_qber_of_chsh(s));
	}
	add(t, ",\"clock_offset_ns\":%.3f", b->clock.offset * ns);
	add_number(t, "clock_drift_ppb", b->clock.drift * 1e9);
}

/* The words of an outcome may be the peer's. */
static void add_outcome(struct text *t, const char *s)
{
	add(t, ",\"outcome\":\"");
	for (; *s; s++)
		add(t, "%c", *s < ' ' || *s > '~' || *s == '"' || *s == '\\' ?
		    '?' : *s);
	add(t, "\"");
}

void block_report(struct block *b, const char *outcome)
{
	static const char * const methods[] = {
		[POST_LIM2014] = "lim2014",
		[POST_RUSCA2018] = "rusca2018",
		[POST_BBM92] = "bbm92",
	};
	struct chain *c = b->chain;
	unsigned int k = c->intensities;
	uint64_t used = c->ops->key_used(c->ctx);
	struct text t = { .len = 0 };

	add(&t, "{\"block\":%llu", (unsigned long long)b->no);
	add_outcome(&t, outcome ? outcome : "key");
	add(&t, ",\"method\":\"%s\"", methods[c->proto.method]);
	add_numbers(&t, "mu", c->proto.mu, k);
	add_numbers(&t, "p", c->proto.p, k);
	add(&t, ",\"eps_sec\":%g,\"eps_cor\":%g,\"qber_max_ppm\":%u",
	    c->conf.eps_sec, c->conf.eps_cor, c->conf.qber_max);
	add(&t, ",\"pulses\":%llu,\"n\":%llu", (unsigned long long)b->slots,
	    (unsigned long long)c->conf.block);
	if (c->assumes[0])
		add(&t, ",\"assumes\":\"%s\"", c->assumes);
	add_sent(&t, b);
	if (c->pairs && c->role == QKD_ROLE_ALICE)
		add_pairs(&t, b);
	add_counts(&t, "n_key", b->counts.n_key, k);
	add_counts(&t, "m_key", b->counts.m_key, k);
	add_counts(&t, "n_chk", b->counts.n_chk, k);
	add_counts(&t, "m_chk", b->counts.m_chk, k);
	add(&t, ",\"errors\":%zu,\"leak\":%zu,\"rounds\":%u", b->errors,
	    b->leak, b->rounds);
	add(&t, ",\"tags\":%u,\"tag_bits\":%u", b->tries, 8 * c->tag_bytes);
	if (b->budget.n)
		add_budget(&t, b);
	if (!outcome)
		add(&t, ",\"bytes\":%zu", b->secret_bits / 8);
	add(&t, ",\"auth_used\":%llu,\"seconds\":%.3f}",
	    (unsigned long long)(used - c->key_used), chain_now() - b->began);
	c->key_used = used;
	c->ops->report(c->ctx, t.buf);
}
