// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkdctl: options, then an object's own code.
 *
 * Each object is one file and one entry of the table below.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "print.h"
#include "qkdctl.h"

static const char usage[] =
	"Usage: qkdctl [ OPTIONS ] OBJECT { COMMAND | help }\n"
	"where  OBJECT := { link | tunnel | otp | key | monitor | stats | psk |\n"
	"                    pki | pad | save | restore }\n"
	"       OPTIONS := { -j[son] | -p[retty] | -s[tatistics] | -h[uman] |\n"
	"                    -n[etns] NAME | -t[imestamps] | -V[ersion] |\n"
	"                    -c[olor][={always|auto|never}] }\n"
	"link     links to peers: make, change, show, watch\n"
	"tunnel   IPsec tunnels keyed from a link\n"
	"otp      devices under one-time pad from a link\n"
	"key      a link's key: who used it; fetch some\n"
	"monitor  tell of events as they come\n"
	"stats    sums over all links and tunnels\n"
	"psk      pre-shared secrets that links start from\n"
	"pki      certificates of the key service and its clients\n"
	"pad      encrypted stores of random bytes, for couriers\n"
	"save     write links, tunnels and devices as a file of settings\n"
	"restore  make what such a file asks for, before the network is up\n"
	"\"qkdctl OBJECT help\" tells of an object's commands.\n";

static const struct object objects[] = {
	{ "link", do_link },
	{ "tunnel", do_tunnel },
	{ "otp", do_otp },
	{ "key", do_key },
	{ "monitor", do_monitor },
	{ "stats", do_stats },
	{ "psk", do_psk },
	{ "pki", do_pki },
	{ "pad", do_pad },
	{ "save", do_save },
	{ "restore", do_restore },
};

struct options opt;

/* getopt's own way of abbreviating long words is iproute2's: -stat, -json */
static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "pretty", no_argument, NULL, 'p' },
	{ "statistics", no_argument, NULL, 's' },
	{ "human", no_argument, NULL, 'h' },
	{ "netns", required_argument, NULL, 'n' },
	{ "timestamps", no_argument, NULL, 't' },
	{ "color", optional_argument, NULL, 'c' },
	{ "version", no_argument, NULL, 'V' },
	{ "Version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, '?' },
	{ NULL, 0, NULL, 0 },
};

/* -c, -c=always, ... 0 or -EINVAL */
static int parse_colour(const char *when, bool *colour)
{
	if (!when) {
		*colour = true;
		return 0;
	}
	if (*when == '=')
		when++;
	if (!strcmp(when, "always"))
		*colour = true;
	else if (!strcmp(when, "never"))
		*colour = false;
	else if (strcmp(when, "auto"))
		return bad("-color: \"%s\" is none of always, auto, never",
			   when);
	return 0;
}

static bool colour_wanted(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) &&
		!(term && !strcmp(term, "dumb"));
}

/* "link show -s" is written as readily as "-s link show" */
static bool late_option(const char *word, bool *json)
{
	if (!strcmp(word, "-s"))
		opt.stats++;
	else if (!strcmp(word, "-j"))
		*json = true;
	else
		return false;
	return true;
}

/* Return: 0; 1: all is done; -EINVAL */
static int parse_options(int *words, char **argv)
{
	int argc = *words;
	bool json = false, pretty = false, colour = colour_wanted();
	int c;

	memset(&opt, 0, sizeof(opt));
	optind = 0;
	opterr = 0;
	while ((c = getopt_long_only(argc, argv, "+jpshn:tc::V",
				     long_options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'p':
			pretty = true;
			break;
		case 's':
			opt.stats++;
			break;
		case 'h':
			opt.human = true;
			break;
		case 'n':
			opt.netns = optarg;
			break;
		case 't':
			opt.timestamps = true;
			break;
		case 'c':
			if (parse_colour(optarg, &colour))
				return -EINVAL;
			break;
		case 'V':
			printf("qkdctl, version %s, libqkd %s\n", QKD_VERSION,
			       qkd_version());
			return 1;
		default:
			if (!strcmp(argv[optind - 1], "--help") ||
			    !strcmp(argv[optind - 1], "-help") ||
			    !strcmp(argv[optind - 1], "-?")) {
				fputs(usage, stdout);
				return 1;
			}
			return bad("option \"%s\" is unknown, or wants a value; try \"qkdctl help\"",
				   argv[optind - 1]);
		}
	}
	while (*words > optind + 1 && late_option(argv[*words - 1], &json))
		--*words;
	pr_setup(json, pretty, colour);
	return 0;
}

int qkdctl(int argc, char **argv)
{
	struct args a;
	const char *word;
	int err, i;

	err = parse_options(&argc, argv);
	if (err)
		return err < 0;
	a.n = argc - optind;
	a.v = argv + optind;
	word = arg_next(&a);
	if (!word) {
		fputs(usage, stderr);
		return 1;
	}
	if (!strcmp(word, "help")) {
		fputs(usage, stdout);
		return 0;
	}
	i = ARG_MATCH(objects, word, "object");
	if (i < 0)
		return 1;
	err = objects[i].run(&a);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "Error: standard output: %s.\n",
			strerror(errno));
		return 1;
	}
	return err ? 2 : 0;
}
