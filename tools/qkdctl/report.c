// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The daemon's report on a link's last block: JSON, taken apart for people.
 *
 * Its members belong to the post-processing and may grow; here they are only
 * walked. Known by name are the counts of each intensity, of which the gains
 * are computed: what was detected, in matching bases, for each pulse sent.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "qkdctl.h"

#define DEPTH_MAX 8	/* of nesting; deeper is no report of ours */

typedef void (*each_fn)(const char *name, const char *value, void *arg);

static void walk(struct json_object *o, const char *name, int depth,
		 each_fn cb, void *arg)
{
	char inner[256];

	if (depth > DEPTH_MAX)
		return;
	if (json_object_is_type(o, json_type_object)) {
		json_object_object_foreach(o, key, value) {
			snprintf(inner, sizeof(inner), "%s%s%s", name,
				 *name ? "." : "", key);
			walk(value, inner, depth + 1, cb, arg);
		}
	} else if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o); i++) {
			snprintf(inner, sizeof(inner), "%s.%zu", name, i);
			walk(json_object_array_get_idx(o, i), inner, depth + 1,
			     cb, arg);
		}
	} else {
		cb(name, o ? json_object_get_string(o) : "null", arg);
	}
}

static struct json_object *parse(const char *json)
{
	struct json_tokener *tok = json_tokener_new_ex(DEPTH_MAX + 2);
	struct json_object *o = NULL;

	if (!tok)
		return NULL;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	o = json_tokener_parse_ex(tok, json, strlen(json) + 1);
	if (json_tokener_get_error(tok) != json_tokener_success) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(tok);
	return o;
}

void report_each(const char *json, each_fn cb, void *arg)
{
	struct json_object *o = parse(json);

	if (o)
		walk(o, "", 0, cb, arg);
	json_object_put(o);
}

bool report_valid(const char *json)
{
	struct json_object *o = parse(json);
	bool valid = o;

	json_object_put(o);
	return valid;
}

/* What was counted of each intensity, in a block's report. */
struct counts {
	double mu[REPORT_GAINS];
	double p[REPORT_GAINS];
	double key[REPORT_GAINS];	/* detected, in either basis */
	double check[REPORT_GAINS];
	double wrong[REPORT_GAINS];
	double leak;	/* of reconciliation, which finds the key's errors */
	double pulses;
	unsigned int n;
};

/* Members are arrays by intensity: mu.0, n_key.1 and so on. */
static void one_count(const char *name, const char *value, void *arg)
{
	struct counts *c = arg;
	const struct {
		const char *name;
		double *sums;
	} arrays[] = {
		{ "mu", c->mu }, { "p", c->p },
		{ "n_key", c->key }, { "n_chk", c->check },
		{ "m_key", c->wrong }, { "m_chk", c->wrong },
	};
	size_t stem = strcspn(name, ".");
	double v = strtod(value, NULL);
	unsigned int i;

	if (!strcmp(name, "pulses"))
		c->pulses = v;
	if (!strcmp(name, "leak"))
		c->leak = v;
	if (name[stem] != '.' || sscanf(name + stem + 1, "%u", &i) != 1 ||
	    i >= REPORT_GAINS)
		return;
	for (size_t k = 0; k < N_ELEMS(arrays); k++) {
		if (strlen(arrays[k].name) != stem ||
		    memcmp(arrays[k].name, name, stem))
			continue;
		arrays[k].sums[i] += v;
		if (i >= c->n)
			c->n = i + 1;
	}
}

unsigned int report_gains(const char *json, struct gain *gains)
{
	struct counts c = { 0 };
	unsigned int n = 0;

	report_each(json, one_count, &c);
	for (unsigned int i = 0; i < c.n; i++) {
		double sent = c.pulses * c.p[i];
		double detected = c.key[i] + c.check[i];
		double compared = c.leak > 0 ? detected : c.check[i];

		if (!(sent > 0) || !(detected >= 0))
			continue;
		gains[n].mu = c.mu[i];
		gains[n].gain = detected / sent;
		gains[n++].error = compared > 0 ? c.wrong[i] / compared : 0;
	}
	return n;
}

void report_decoys(const char *json, char *buf, size_t size)
{
	struct gain g[REPORT_GAINS];
	unsigned int all = report_gains(json, g);
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < all; i++) {
		int n = snprintf(buf + used, size - used,
				 "%smu %g gain %.2e error %.2f%%",
				 used ? "  " : "", g[i].mu, g[i].gain,
				 100 * g[i].error);

		if (n < 0 || (size_t)n >= size - used)
			break;
		used += n;
	}
}
