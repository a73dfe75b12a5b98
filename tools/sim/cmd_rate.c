// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-sim rate, qkd-sim plot: what a fibre would give, as a table, as JSON or
 * as a picture drawn by gnuplot.
 */
#include "tools/sim/qkd-sim.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/sim/plan.h"

extern char **environ;

static int parse_number(const char *key, const char *value, double *v)
{
	char *end;

	*v = strtod(value, &end);
	if (end == value || *end || !isfinite(*v))
		return fail("%s: \"%s\" is not a number", key, value);
	return 0;
}

static int parse_blocks(struct plan *p, const char *value)
{
	char *end;

	for (p->blocks = 0; p->blocks < PLAN_BLOCKS;) {
		double n = strtod(value, &end);

		if (end == value || (*end && *end != ',') || !(n >= 100))
			return fail("block: numbers of bits, 100 or more, with commas between");
		p->block[p->blocks++] = n;
		if (!*end)
			return 0;
		value = end + 1;
	}
	return fail("block: at most %d sizes", PLAN_BLOCKS);
}

/* Return: arguments used up, -1 on error, 0 when there are no more of ours */
static int parse_option(struct plan *p, int argc, char **argv)
{
	const struct { const char *name; double *v; } numbers[] = {
		{ "from", &p->from_km }, { "to", &p->to_km },
		{ "step", &p->step_km }, { "f", &p->f },
		{ "eps_sec", &p->eps_sec }, { "eps_cor", &p->eps_cor },
	};
	size_t i;

	if (!strcmp(argv[0], "optimise")) {
		p->optimise = true;
		return 1;
	}
	if (argc < 2)
		return 0;
	if (!strcmp(argv[0], "block"))
		return parse_blocks(p, argv[1]) ? -1 : 2;
	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (!strcmp(argv[0], numbers[i].name))
			return parse_number(argv[0], argv[1],
					    numbers[i].v) ? -1 : 2;
	return 0;
}

/* Options and words may be mixed: a word has a '=' in it, no option has */
static int parse(struct plan *p, struct sim_config *c, int argc, char **argv)
{
	char **words = argv;
	const char *why;
	int used, n = 0;

	plan_init(p);
	sim_config_init(c);
	while (argc) {
		used = strchr(argv[0], '=') ? 0 : parse_option(p, argc, argv);
		if (used < 0)
			return 1;
		if (!used) {
			words[n++] = argv[0];
			used = 1;
		}
		argc -= used;
		argv += used;
	}
	if (words_parse(c, n, words))
		return 1;
	why = plan_check(p, c);
	if (why)
		return fail("%s", why);
	return 0;
}

static unsigned int points_of(const struct plan *p)
{
	return floor((p->to_km - p->from_km) / p->step_km + 1e-9) + 1;
}

static void print_head(const struct plan *p)
{
	unsigned int i;

	printf("%7s %7s %10s %10s %7s %7s %12s", "km", "dB", "clicks/s",
	       "sifted/s", "QBER%", "check%", "asymptotic");
	for (i = 0; i < p->blocks; i++)
		printf("   n=%-8.3g", p->block[i]);
	printf("  [secret bit/s]\n");
}

static void print_point(const struct plan *p, const struct plan_point *x)
{
	unsigned int i;

	printf("%7.1f %7.2f %10.4g %10.4g %7.3f %7.3f %12.5g", x->km,
	       x->loss_db, x->clicks_hz, x->sifted_hz, 100 * x->qber,
	       100 * x->qber_check, x->asymptotic_hz);
	for (i = 0; i < p->blocks; i++)
		printf(" %12.5g", x->finite_hz[i]);
	printf("\n");
}

static void put_number(const char *name, double v)
{
	printf(",\"%s\":%.9g", name, v);
}

static void print_json_block(const struct plan *p, const struct plan_point *x,
			     unsigned int i)
{
	const struct sim_config *c = &x->used[i];
	const struct post_budget *b = &x->budget[i];
	unsigned int k;

	printf("{\"block\":%.15g", p->block[i]);
	put_number("secret_hz", x->finite_hz[i]);
	printf(",\"length\":%llu", (unsigned long long)b->length);
	put_number("s0", b->s0);
	put_number("s1", b->s1);
	put_number("phi", b->phi);
	put_number("leak_ec", b->leak_ec);
	put_number("leak_ver", b->leak_ver);
	put_number("delta_sec", b->delta_sec);
	if (b->reason)
		printf(",\"reason\":\"%s\"", b->reason);
	put_number("pz", c->pz_alice);
	if (c->device == SIM_BBM92)
		put_number("pairs_hz", c->pairs_hz);
	for (k = 0; c->device == SIM_BB84 && k < c->intensities; k++)
		printf("%s%.9g", k ? "," : ",\"intensities\":[", c->mu[k]);
	for (k = 0; c->device == SIM_BB84 && k < c->intensities; k++)
		printf("%s%.9g", k ? "," : "],\"probabilities\":[",
		       c->p_mu[k]);
	printf("%s}", c->device == SIM_BB84 ? "]" : "");
}

static void print_json(const struct plan *p, const struct plan_point *x)
{
	unsigned int i;

	printf("{\"km\":%.9g", x->km);
	put_number("loss_db", x->loss_db);
	put_number("clicks_hz", x->clicks_hz);
	put_number("sifted_hz", x->sifted_hz);
	put_number("qber", x->qber);
	put_number("qber_check", x->qber_check);
	put_number("asymptotic_hz", x->asymptotic_hz);
	printf(",\"finite\":[");
	for (i = 0; i < p->blocks; i++) {
		fputs(i ? "," : "", stdout);
		print_json_block(p, x, i);
	}
	printf("]}");
}

int cmd_rate(const struct sim_options *o, int argc, char **argv)
{
	struct sim_config c;
	struct plan_point x;
	struct plan p;
	unsigned int i, n;

	if (parse(&p, &c, argc - 1, argv + 1))
		return 1;
	n = points_of(&p);
	if (o->json)
		printf("[");
	else
		print_head(&p);
	for (i = 0; i < n; i++) {
		plan_point(&p, &c, p.from_km + i * p.step_km, &x);
		if (o->json) {
			fputs(i ? ",\n " : "", stdout);
			print_json(&p, &x);
		} else {
			print_point(&p, &x);
		}
		fflush(stdout);
	}
	if (o->json)
		printf("]\n");
	return 0;
}

/* ---- plot */

static bool ends_with(const char *s, const char *tail)
{
	size_t n = strlen(s), t = strlen(tail);

	return n > t && !strcmp(s + n - t, tail);
}

/* gnuplot's quoting: in single quotes only the quote itself is special */
static void put_quoted(FILE *f, const char *s)
{
	fputc('\'', f);
	for (; *s; s++) {
		if (*s == '\'')
			fputc('\'', f);
		fputc(*s, f);
	}
	fputc('\'', f);
}

/* Returns which block sizes give key anywhere, a bit for each. */
static unsigned int put_data(FILE *f, const struct sim_options *o,
			     const struct plan *p, const struct sim_config *c)
{
	unsigned int i, k, n = points_of(p), any = 0;
	struct plan_point x;

	fputs("$d << EOD\n", f);
	for (i = 0; i < n; i++) {
		plan_point(p, c, p->from_km + i * p->step_km, &x);
		fprintf(f, "%.9g %.9g %.9g %.9g %.9g", x.km, 100 * x.qber,
			100 * x.qber_check, x.sifted_hz, x.asymptotic_hz);
		for (k = 0; k < p->blocks; k++) {
			fprintf(f, " %.9g", x.finite_hz[k]);
			any |= (x.finite_hz[k] > 0) << k;
		}
		fputc('\n', f);
		if (!o->quiet && isatty(STDERR_FILENO))
			fprintf(stderr, "\r%u of %u points\033[K", i + 1, n);
	}
	fputs("EOD\n", f);
	if (!o->quiet && isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	return any;
}

/* What is chosen anew for each point is not what @c says. */
static void put_settings(FILE *f, const struct plan *p,
			 const struct sim_config *c)
{
	bool pairs = c->device == SIM_BBM92;
	unsigned int k;

	if (pairs)
		fputs("'BBM92, '.", f);
	else
		fprintf(f, "'Decoy BB84, %.4g MHz, %s receiver, '.",
			c->rate_hz / 1e6,
			c->receiver == SIM_ACTIVE ? "active" : "passive");
	if (p->optimise) {
		fprintf(f, "'%s and p_Z optimised'",
			pairs ? "pairs/s" : "intensities");
		return;
	}
	if (pairs)
		fprintf(f, "'%.3g pairs/s", c->pairs_hz);
	for (k = 0; !pairs && k < c->intensities; k++)
		fprintf(f, "%s%.3g", k ? ", " : "'intensities ", c->mu[k]);
	fprintf(f, ", p_Z %.3g'", c->pz_bob);
}

static void put_title(FILE *f, const struct plan *p, const struct sim_config *c)
{
	put_settings(f, p, c);
	fprintf(f, ".\"\\n\".'detectors: %.3g %%, dark counts ",
		100 * c->efficiency);
	if (c->device == SIM_BBM92)
		fprintf(f, "%.3g/s, window %.3g ps", c->dark_hz, c->window_ps);
	else
		fprintf(f, "%.2g a gate", c->dark);
	fprintf(f, "; fibre: %.3g dB/km; f %.3g'", c->attenuation_db_km, p->f);
}

/* As gnuplot's enhanced text has it: 10^{7}, 2.5 10^{6} */
static void put_power(FILE *f, double v)
{
	int e = floor(log10(v) + 1e-9);
	double m = v / pow(10, e);

	if (fabs(m - 1) > 1e-3)
		fprintf(f, "%.3g ", m);
	fprintf(f, "10^{%d}", e);
}

static void put_finite(FILE *f, const struct plan *p, unsigned int k, bool any)
{
	static const char * const colours[PLAN_BLOCKS] = {
		"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9",
		"#e69f00",
	};

	fprintf(f, ", $d u 1:($%u>0?$%u:NaN) w lp lc rgb '%s' t 'blocks of ",
		6 + k, 6 + k, colours[k]);
	put_power(f, p->block[k]);
	fprintf(f, " bits%s'", any ? "" : ": none");
}

static void put_script(FILE *f, const struct sim_options *o, const char *file,
		       const struct plan *p, const struct sim_config *c)
{
	unsigned int k, any;

	if (ends_with(file, ".png"))
		fputs("set terminal pngcairo size 900,900\n", f);
	else
		fputs("set terminal svg size 900,900 background 'white'\n", f);
	if (!ends_with(file, ".gp")) {
		fputs("set output ", f);
		put_quoted(f, file);
		fputc('\n', f);
	}
	any = put_data(f, o, p, c);
	fputs("set multiplot layout 2,1 title ", f);
	put_title(f, p, c);
	/* the key stands below: inside, some curve or other is in its place */
	fputs("\nset grid\nset key below maxrows 3\nset lmargin 12\n"
	      "set rmargin 4\nset xlabel 'fibre [km]' offset 0,0.4\n"
	      "set logscale y\n"
	      "set format y '10^{%T}'\nset ylabel 'key [bit/s]'\n"
	      "plot $d u 1:($4>0?$4:NaN) w l dt 2 lc rgb 'gray50' t 'sifted, in the key basis'", f);
	fputs(", $d u 1:($5>0?$5:NaN) w l lw 2 lc rgb 'black' t 'secret, asymptotic",
	      f);
	/* else the curve may well lie above what is sifted */
	fprintf(f, "%s'", c->device == SIM_BB84 ?
		" (all signal, all p_Z = 1)" : " (p_Z = 1)");
	for (k = 0; k < p->blocks; k++)
		put_finite(f, p, k, any >> k & 1);
	fputs("\nunset logscale y\nset format y '%g'\n"
	      "set ylabel 'QBER [%]'\nset yrange [0:*]\n"
	      "plot $d u 1:2 w lp lc rgb '#0072b2' t 'key basis'", f);
	fputs(", $d u 1:3 w l lw 2 lc rgb '#d55e00' t 'check basis'\n"
	      "unset multiplot\n", f);
}

static int spawn_gnuplot(pid_t *pid, FILE **f)
{
	char name[] = "gnuplot", input[] = "-";
	char *const args[] = { name, input, NULL };
	posix_spawn_file_actions_t fa;
	int fd[2], err;

	if (pipe2(fd, O_CLOEXEC))
		return errno;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, fd[0], STDIN_FILENO);
	err = posix_spawnp(pid, args[0], &fa, NULL, args, environ);
	posix_spawn_file_actions_destroy(&fa);
	close(fd[0]);
	if (err) {
		close(fd[1]);
		return err;
	}
	*f = fdopen(fd[1], "w");
	return *f ? 0 : errno;
}

static int run_gnuplot(const struct sim_options *o, const char *file,
		       const struct plan *p, const struct sim_config *c)
{
	int err, status;
	pid_t pid;
	FILE *f;

	signal(SIGPIPE, SIG_IGN);
	err = spawn_gnuplot(&pid, &f);
	if (err)
		return fail("gnuplot: %s (Debian: apt install gnuplot-nox)",
			    strerror(err));
	put_script(f, o, file, p, c);
	fclose(f);
	if (waitpid(pid, &status, 0) < 0 || status)
		return fail("gnuplot did not draw %s", file);
	return 0;
}

int cmd_plot(const struct sim_options *o, int argc, char **argv)
{
	struct sim_config c;
	struct plan p;
	FILE *f;

	if (argc < 2 || (!ends_with(argv[1], ".svg") &&
			 !ends_with(argv[1], ".png") &&
			 !ends_with(argv[1], ".gp")))
		return fail("plot takes the name of a .svg, .png or .gp file first");
	if (parse(&p, &c, argc - 2, argv + 2))
		return 1;
	if (!ends_with(argv[1], ".gp"))
		return run_gnuplot(o, argv[1], &p, &c);
	f = fopen(argv[1], "w");
	if (!f)
		return fail("%s: %s", argv[1], strerror(errno));
	put_script(f, o, argv[1], &p, &c);
	if (fclose(f))
		return fail("%s: %s", argv[1], strerror(errno));
	return 0;
}
