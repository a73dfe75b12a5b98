// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-raw: recorded detections as a program: look at them, convert foreign
 * recordings. Finds the command; what a command does is in its own file.
 */
#include "tools/raw/qkd-raw.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct command {
	const char *name;
	const char *args;
	const char *help;
	int (*run)(const struct raw_options *o, int argc, char **argv);
};

static const struct command commands[] = {
	{ "show", "FILE [FILE]",
	  "what a stream holds; of both ends' streams, gains and error rates",
	  cmd_show },
	{ "pairs", "ALICE BOB [range NS] [drift PPB] [acquire S] [window PS]",
	  "find the clocks and coincidences of two lists of time tags",
	  cmd_pairs },
	{ "ohio", "FILE.mat [alice FILE bob FILE] [pulses N] [rate HZ] [pz P]\n"
	  "         [intensities A,B,C] [probabilities A,B,C] [seed N]",
	  "click statistics of arXiv:2505.17587: show, or draw pulses by them",
	  cmd_ohio },
	{ "kiwi", "FILE.txt bob FILE [tags]",
	  "click records of VeriQloud's hardware",
	  cmd_kiwi },
	{ NULL, NULL, NULL, NULL }
};

int fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("qkd-raw: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	return 1;
}

const char *option(int argc, char **argv, const char *name)
{
	int i;

	for (i = 0; i + 1 < argc; i += 2)
		if (!strcmp(argv[i], name))
			return argv[i + 1];
	return NULL;
}

int options_check(int argc, char **argv, const char *const *names)
{
	const char *const *n;
	int i;

	for (i = 0; i < argc; i += 2) {
		for (n = names; *n && strcmp(*n, argv[i]); n++)
			;
		if (!*n)
			return fail("no option \"%s\" here; see `qkd-raw help`",
				    argv[i]);
		if (i + 1 == argc)
			return fail("%s: takes a value", argv[i]);
	}
	return 0;
}

int create_file(const char *name)
{
	int fd;

	if (!strcmp(name, "-"))
		return STDOUT_FILENO;
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		fail("%s: %s", name, strerror(errno));
	return fd;
}

int write_all(int fd, const void *buf, size_t len)
{
	const uint8_t *p = buf;
	ssize_t n;

	while (len) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail("cannot write: %s", strerror(errno));
		p += n;
		len -= n;
	}
	return 0;
}

static void print_usage(FILE *f)
{
	const struct command *c;

	fputs("usage: qkd-raw [-j] COMMAND [ARGUMENT]...\n", f);
	for (c = commands; c->name; c++)
		fprintf(f, "  %-6s %s\n         %s\n", c->name, c->args,
			c->help);
	fputs("  -j, --json     JSON\n  -V, --version\n", f);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct raw_options o = { 0 };
	const struct command *c;
	int opt;

	while ((opt = getopt_long(argc, argv, "+jVh", options, NULL)) !=
	       -1) {
		switch (opt) {
		case 'j':
			o.json = true;
			break;
		case 'V':
			puts("qkd-raw " QKD_VERSION);
			return 0;
		case 'h':
			print_usage(stdout);
			return 0;
		default:
			print_usage(stderr);
			return 2;
		}
	}
	if (optind < argc && !strcmp(argv[optind], "help")) {
		print_usage(stdout);
		return 0;
	}
	if (optind == argc) {
		print_usage(stderr);
		return 2;
	}
	for (c = commands; c->name; c++)
		if (!strcmp(c->name, argv[optind]))
			return c->run(&o, argc - optind, argv + optind);
	fail("no command \"%s\"; see `qkd-raw help`", argv[optind]);
	return 2;
}
