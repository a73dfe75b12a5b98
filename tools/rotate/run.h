/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the programs that rotate share: options, signals and the event loop.
 */
#ifndef _ROTATE_RUN_H
#define _ROTATE_RUN_H

#include <stdbool.h>

#include "rotate.h"

/**
 * struct rotate_options - the options, beside those that all have
 * @usage: what --help says
 * @more: further option that takes a value, or NULL: its long name, of which the
 *	first letter is the short one
 * @value: of that, if it was given
 * @least: shortest interval, seconds
 */
struct rotate_options {
	const char *usage;
	const char *more;
	const char *value;
	unsigned int least;
	bool debug;
};

/*
 * Fills @conf, whose defaults are set, with options and with the link, which is
 * the first of the other arguments. Return: index of the argument after that,
 * or the exit status, less one: -1 for 0, -3 for 2.
 */
int rotate_parse(struct rotate_conf *conf, struct rotate_options *o, int argc,
		 char **argv);

/* Prints the usage for who made a mistake. Return: exit status. */
int rotate_usage(const struct rotate_options *o);

/* Until SIGTERM. Return: exit status. */
int rotate_run(const struct rotate_conf *conf, const struct rotate_options *o);

#endif /* _ROTATE_RUN_H */
