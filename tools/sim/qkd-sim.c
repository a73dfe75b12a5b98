// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-sim: the simulated devices as a program. Finds the command; what a
 * command does is in its own file.
 */
#include "tools/sim/qkd-sim.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int cmd_words(const struct sim_options *o, int argc, char **argv);
static int cmd_help(const struct sim_options *o, int argc, char **argv);

static const struct sim_command commands[] = {
	{ "rate", "[OPTION VALUE]... [KEY=VALUE]...",
	  "key rate and QBER against length", cmd_rate },
	{ "plot", "FILE.svg|.png|.gp [OPTION VALUE]... [KEY=VALUE]...",
	  "the same as a picture", cmd_plot },
	{ "run", "[alice FILE] [bob FILE] [KEY=VALUE]...",
	  "simulate a device pair, into files", cmd_run },
	{ "serve", "[ADDRESS]",
	  "hold fibres that qkdd's driver \"sim\" plugs into", cmd_serve },
	{ "words", "", "the words of a configuration", cmd_words },
	{ "help", "", "this", cmd_help },
	{ NULL, NULL, NULL, NULL }
};

int fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("qkd-sim: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	return 1;
}

int words_parse(struct sim_config *c, int argc, char **argv)
{
	char text[SIM_TEXT_SIZE] = "", err[SIM_ERROR_SIZE];
	size_t n = 0;
	int i;

	for (i = 0; i < argc; i++) {
		int w = snprintf(text + n, sizeof(text) - n, "%s ", argv[i]);

		if (w < 0 || (size_t)w >= sizeof(text) - n)
			return fail("too many words");
		n += w;
	}
	if (sim_config_parse(c, text, err))
		return fail("%s", err);
	return 0;
}

static void print_usage(FILE *f)
{
	const struct sim_command *c;

	fputs("usage: qkd-sim [-j] [-q] COMMAND [ARGUMENT]...\n", f);
	for (c = commands; c->name; c++)
		fprintf(f, "  %-6s %s\n         %s\n", c->name, c->args,
			c->help);
	fputs("options of rate and plot: from KM, to KM, step KM, block N[,N]...,\n"
	      "f F, eps_sec E, eps_cor E, optimise\n", f);
	fputs("  -j, --json     JSON\n  -q, --quiet    no progress\n  -V, --version\n", f);
}

static int cmd_help(const struct sim_options *o, int argc, char **argv)
{
	print_usage(stdout);
	return 0;
}

static void print_words_json(void)
{
	const struct sim_word *w;
	unsigned int i;

	printf("[");
	for (i = 0; (w = sim_word(i)); i++)
		printf("%s{\"name\":\"%s\",\"unit\":\"%s\",\"help\":\"%s\"}",
		       i ? ",\n " : "", w->name, w->unit,
		       w->help);
	printf("]\n");
}

static int cmd_words(const struct sim_options *o, int argc, char **argv)
{
	const struct sim_word *w;
	struct sim_config c;
	char text[SIM_TEXT_SIZE];
	unsigned int i;

	if (o->json) {
		print_words_json();
		return 0;
	}
	for (i = 0; (w = sim_word(i)); i++)
		printf("%-18s%-15s%s\n", w->name, w->unit, w->help);
	sim_config_init(&c);
	sim_config_text(&c, text);
	printf("\nunless told otherwise: %s\n", text);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct sim_options o = { 0 };
	const struct sim_command *c;
	int opt;

	while ((opt = getopt_long(argc, argv, "+jqVh", options, NULL)) !=
	       -1) {
		switch (opt) {
		case 'j':
			o.json = true;
			break;
		case 'q':
			o.quiet = true;
			break;
		case 'V':
			puts("qkd-sim " QKD_VERSION);
			return 0;
		case 'h':
			print_usage(stdout);
			return 0;
		default:
			print_usage(stderr);
			return 2;
		}
	}
	if (optind == argc) {
		print_usage(stderr);
		return 2;
	}
	for (c = commands; c->name; c++)
		if (!strcmp(c->name, argv[optind]))
			return c->run(&o, argc - optind, argv + optind);
	fail("no command \"%s\"; see `qkd-sim help`", argv[optind]);
	return 2;
}
