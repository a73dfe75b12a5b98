// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A simulated device's configuration as words KEY=VALUE: one table says what
 * words there are, what they may be and where they go. What the values mean
 * to physics is expect.c's, bb84.c's and bbm92.c's.
 */
#include "tools/sim/sim.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum word_type { NUMBER, LIST, CHOICE, SEED };

/* a word, and what it takes */
struct word_rule {
	struct sim_word word;
	enum word_type type;
	size_t offset;
	double min, max;
	const char *const *choices;	/* values 0, 1, ... of an enum */
};

static const char *const devices[] = { "bb84", "bbm92", NULL };
static const char *const receivers[] = { "passive", "active", NULL };

#define RULE_NUMBER(field, lo, hi)					\
	NUMBER, offsetof(struct sim_config, field), lo, hi, NULL
#define RULE_LIST(field, lo, hi)					\
	LIST, offsetof(struct sim_config, field), lo, hi, NULL
#define RULE_CHOICE(field, set)						\
	CHOICE, offsetof(struct sim_config, field), 0, 0, set

static const struct word_rule rules[] = {
	{ { "device", "bb84|bbm92", "decoy states, or entangled pairs" },
	  RULE_CHOICE(device, devices) },
	{ { "length", "km", "of the fibre (bbm92: of Bob's arm)" },
	  RULE_NUMBER(length_km, 0, 2000) },
	{ { "attenuation", "dB/km", "of the fibre" },
	  RULE_NUMBER(attenuation_db_km, 0, 10) },
	{ { "loss", "dB", "in Bob's apparatus, besides the detectors'" },
	  RULE_NUMBER(loss_db, 0, 100) },
	{ { "rate", "Hz", "pulses of the source" },
	  RULE_NUMBER(rate_hz, 1, 1e11) },
	{ { "intensities", "photons", "signal first, descending, 1 to 3" },
	  RULE_LIST(mu, 0, 10) },
	{ { "probabilities", "", "of the intensities, of sum 1" },
	  RULE_LIST(p_mu, 0, 1) },
	{ { "pz", "", "probability of basis Z, at both ends" },
	  RULE_NUMBER(pz_alice, 0.001, 0.999) },
	{ { "pz_bob", "", "at Bob's, if it differs" },
	  RULE_NUMBER(pz_bob, 0.001, 0.999) },
	{ { "receiver", "passive|active",
	    "choice of the basis: by a splitter (4 detectors), by a modulator (2)" },
	  RULE_CHOICE(receiver, receivers) },
	{ { "efficiency", "", "of a detector" },
	  RULE_NUMBER(efficiency, 1e-6, 1) },
	{ { "dark", "", "probability of a dark count a gate, detector" },
	  RULE_NUMBER(dark, 0, 0.1) },
	{ { "afterpulse", "", "probability that a detection brings one" },
	  RULE_NUMBER(afterpulse, 0, 0.5) },
	{ { "afterpulse_ns", "ns", "its mean delay after the dead time" },
	  RULE_NUMBER(afterpulse_ns, 0, 1e6) },
	{ { "misalignment", "",
	    "probability that a photon goes to the wrong detector" },
	  RULE_NUMBER(misalignment, 0, 0.5) },
	{ { "dead_ns", "ns", "dead time of a detector" },
	  RULE_NUMBER(dead_ns, 0, 1e9) },
	{ { "eve", "", "fraction of pulses intercepted and resent" },
	  RULE_NUMBER(eve, 0, 1) },
	{ { "raman_mw_forward", "mW", "classical light beside the photons" },
	  RULE_NUMBER(raman_mw_forward, 0, 1e4) },
	{ { "raman_mw_backward", "mW", "classical light against them" },
	  RULE_NUMBER(raman_mw_backward, 0, 1e4) },
	{ { "raman_sigma", "1/(km nm)", "Raman cross section" },
	  RULE_NUMBER(raman_sigma, 0, 1e-3) },
	{ { "raman_db_km", "dB/km", "attenuation of the classical light" },
	  RULE_NUMBER(raman_db_km, 0, 10) },
	{ { "raman_filter_nm", "nm", "width of Bob's filter" },
	  RULE_NUMBER(raman_filter_nm, 0, 1000) },
	{ { "raman_gate_ns", "ns", "time a detector looks, per pulse" },
	  RULE_NUMBER(raman_gate_ns, 0, 1e6) },
	{ { "wavelength_nm", "nm", "of the photons" },
	  RULE_NUMBER(wavelength_nm, 200, 3000) },
	{ { "length_alice", "km", "bbm92: of Alice's arm" },
	  RULE_NUMBER(length_alice_km, 0, 2000) },
	{ { "pairs", "Hz", "bbm92: pairs that the source makes" },
	  RULE_NUMBER(pairs_hz, 1, 1e11) },
	{ { "dark_hz", "Hz", "bbm92: dark counts of a detector" },
	  RULE_NUMBER(dark_hz, 0, 1e7) },
	{ { "jitter_ps", "ps", "bbm92: of a tag, standard deviation" },
	  RULE_NUMBER(jitter_ps, 0, 1e5) },
	{ { "window_ps", "ps", "bbm92: of coincidences, full width" },
	  RULE_NUMBER(window_ps, 1, 1e6) },
	{ { "offset_ns", "ns", "bbm92: of Bob's clock" },
	  RULE_NUMBER(offset_ns, -1e9, 1e9) },
	{ { "drift_ppb", "1e-9", "bbm92: of Bob's clock" },
	  RULE_NUMBER(drift_ppb, -1e5, 1e5) },
	{ { "chsh", "", "bbm92: share of Bob's photons that test CHSH" },
	  RULE_NUMBER(chsh, 0, 1) },
	{ { "speed", "", "1: in real time, 0: as fast as it goes" },
	  RULE_NUMBER(speed, 0, 1e6) },
	{ { "seconds", "s", "simulated time, 0: without end" },
	  RULE_NUMBER(seconds, 0, 1e9) },
	{ { "seed", "integer",
	    "repeatable and thus worthless as key: tests" },
	  SEED, 0, 0, 0, NULL },
};

#define WORDS (sizeof(rules) / sizeof(*rules))

const struct sim_word *sim_word(unsigned int i)
{
	return i < WORDS ? &rules[i].word : NULL;
}

static int complain(char *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int complain(char *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(err, SIM_ERROR_SIZE, fmt, args);
	va_end(args);
	return -EINVAL;
}

static void *field(const struct sim_config *c, const struct word_rule *r)
{
	return (char *)c + r->offset;
}

void sim_config_init(struct sim_config *c)
{
	*c = (struct sim_config){
		.device = SIM_BB84,
		.length_km = 10,
		.attenuation_db_km = 0.2,
		.rate_hz = 1e9,
		.intensities = 3,
		/* near the best for blocks of 1e6 to 1e8 bits */
		.mu = { 0.45, 0.22, 0.0002 },
		.p_mu = { 0.35, 0.45, 0.2 },
		.pz_alice = 0.85,
		.pz_bob = 0.85,
		.receiver = SIM_PASSIVE,
		.efficiency = 0.2,
		.dark = 1e-7,
		.afterpulse_ns = 50,
		.misalignment = 0.01,
		.dead_ns = 50,
		.raman_sigma = 3e-9,
		.raman_db_km = 0.2,
		.raman_filter_nm = 0.2,
		.raman_gate_ns = 0.5,
		.wavelength_nm = 1550,
		.pairs_hz = 1e7,
		.dark_hz = 300,
		.jitter_ps = 80,
		.window_ps = 500,
		.chsh = 0.1,
		.speed = 1,
	};
}

static int set_number(struct sim_config *c, const struct word_rule *r,
		      const char *key, const char *value, char *err)
{
	char *end;
	double v = strtod(value, &end);

	if (end == value || *end || !isfinite(v))
		return complain(err, "%s: \"%s\" is not a number", key, value);
	if (v < r->min || v > r->max)
		return complain(err, "%s: %s is out of range, %g to %g",
				key, value, r->min, r->max);
	*(double *)field(c, r) = v;
	if (r->offset == offsetof(struct sim_config, pz_alice))
		c->pz_bob = v;
	return 0;
}

/* Return: how many, or -EINVAL */
static int set_list(struct sim_config *c, const struct word_rule *r,
		    const char *key, const char *value, char *err)
{
	double *v = field(c, r), x;
	const char *p = value;
	unsigned int n = 0;
	char *end;

	for (;;) {
		x = strtod(p, &end);
		if (end == p || (*end && *end != ',') || !isfinite(x))
			return complain(err,
					"%s: \"%s\" is not numbers with commas between",
					key, value);
		if (x < r->min || x > r->max)
			return complain(err, "%s: %g is out of range, %g to %g",
					key, x, r->min, r->max);
		if (n == SIM_INTENSITIES)
			return complain(err, "%s: at most %d values", key,
					SIM_INTENSITIES);
		v[n++] = x;
		if (!*end)
			return n;
		p = end + 1;
	}
}

static int set_choice(struct sim_config *c, const struct word_rule *r,
		      const char *key, const char *value, char *err)
{
	int i;

	for (i = 0; r->choices[i]; i++) {
		if (!strcmp(r->choices[i], value)) {
			*(unsigned int *)field(c, r) = i;
			return 0;
		}
	}
	return complain(err, "%s: \"%s\" is neither \"%s\" nor \"%s\"",
			key, value, r->choices[0], r->choices[1]);
}

static int set_seed(struct sim_config *c, const char *key, const char *value,
		    char *err)
{
	char *end;

	errno = 0;
	c->seed = strtoull(value, &end, 0);
	if (end == value || *end || errno || value[0] == '-')
		return complain(err, "%s: \"%s\" is not an integer of 64 bits",
				key, value);
	c->seeded = true;
	return 0;
}

static const struct word_rule *find_word(const char *key)
{
	size_t i;

	for (i = 0; i < WORDS; i++)
		if (!strcmp(rules[i].word.name, key))
			return &rules[i];
	return NULL;
}

/* how many values the lists were given, 0 if not */
struct list_sizes {
	unsigned int mu, p_mu;
};

static int set_word(struct sim_config *c, char *word, struct list_sizes *sizes,
		    char *err)
{
	char *value = strchr(word, '=');
	const struct word_rule *r;
	int n;

	if (!value)
		return complain(err, "\"%s\" is not KEY=VALUE", word);
	*value++ = '\0';
	r = find_word(word);
	if (!r)
		return complain(err,
				"no word \"%s\"; see `qkd-sim words` for all",
				word);
	switch (r->type) {
	case NUMBER:
		return set_number(c, r, word, value, err);
	case CHOICE:
		return set_choice(c, r, word, value, err);
	case SEED:
		return set_seed(c, word, value, err);
	case LIST:
		break;
	}
	n = set_list(c, r, word, value, err);
	if (n < 0)
		return n;
	if (r->offset == offsetof(struct sim_config, mu))
		sizes->mu = n;
	else
		sizes->p_mu = n;
	return 0;
}

static int check_intensities(struct sim_config *c,
			     const struct list_sizes *sizes, char *err)
{
	unsigned int i;
	double sum = 0;

	if (sizes->mu && sizes->mu != (sizes->p_mu ?: c->intensities))
		return complain(err,
				"intensities: %u of them, but %u probabilities",
				sizes->mu, sizes->p_mu ?: c->intensities);
	if (sizes->p_mu && sizes->p_mu != (sizes->mu ?: c->intensities))
		return complain(err,
				"probabilities: %u of them, but %u intensities",
				sizes->p_mu, sizes->mu ?: c->intensities);
	if (sizes->mu)
		c->intensities = sizes->mu;
	for (i = 0; i < c->intensities; i++) {
		sum += c->p_mu[i];
		if (i && c->mu[i] >= c->mu[i - 1])
			return complain(err, "intensities: must descend");
		if (c->p_mu[i] <= 0)
			return complain(err,
					"probabilities: must be over 0");
	}
	if (fabs(sum - 1) > 1e-6)
		return complain(err, "probabilities: sum is %g, must be 1",
				sum);
	for (i = c->intensities; i < SIM_INTENSITIES; i++) {
		c->mu[i] = 0;
		c->p_mu[i] = 0;
	}
	return 0;
}

int sim_config_parse(struct sim_config *c, const char *text, char *err)
{
	struct sim_config new = *c;
	struct list_sizes sizes = { 0, 0 };
	char *copy, *word, *save;
	int ret = 0;

	copy = strdup(text);
	if (!copy)
		return complain(err, "out of memory");
	for (word = strtok_r(copy, " \t\n", &save); word && !ret;
	     word = strtok_r(NULL, " \t\n", &save))
		ret = set_word(&new, word, &sizes, err);
	free(copy);
	if (!ret)
		ret = check_intensities(&new, &sizes, err);
	if (!ret)
		*c = new;
	return ret;
}

static int print_value(char *p, size_t len, const struct sim_config *c,
		       const struct word_rule *r)
{
	const double *v = field(c, r);
	unsigned int i;
	int n = 0;

	switch (r->type) {
	case NUMBER:
		return snprintf(p, len, "%.15g", *v);
	case CHOICE:
		return snprintf(p, len, "%s",
				r->choices[*(unsigned int *)field(c, r)]);
	case SEED:
		return snprintf(p, len, "%llu", (unsigned long long)c->seed);
	case LIST:
		break;
	}
	for (i = 0; i < c->intensities; i++)
		n += snprintf(p + n, len - n, "%s%.15g", i ? "," : "", v[i]);
	return n;
}

void sim_config_text(const struct sim_config *c, char *text)
{
	/* the longest value is three numbers of 24 characters */
	size_t room = SIM_TEXT_SIZE;
	char value[128];
	size_t i;
	int n;

	*text = '\0';
	for (i = 0; i < WORDS; i++) {
		if (rules[i].type == SEED && !c->seeded)
			continue;
		print_value(value, sizeof(value), c, &rules[i]);
		n = snprintf(text, room, "%s%s=%s", i ? " " : "",
			     rules[i].word.name, value);
		if (n < 0 || (size_t)n >= room)
			return;
		text += n;
		room -= n;
	}
}
