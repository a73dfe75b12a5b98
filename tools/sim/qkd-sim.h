/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the commands of qkd-sim share: the options before the command, and how
 * a failure is told.
 */
#ifndef TOOLS_SIM_QKD_SIM_H
#define TOOLS_SIM_QKD_SIM_H

#include <stdbool.h>

#include "tools/sim/sim.h"

/**
 * struct sim_options - of the command line, before the command
 * @json: -j: JSON instead of text
 * @quiet: -q: no progress
 */
struct sim_options {
	bool json;
	bool quiet;
};

/**
 * struct sim_command - one command, one file
 * @name: what is typed
 * @args: for the usage line
 * @help: one line
 * @run: argv[0] is the command's name. Return: exit status
 */
struct sim_command {
	const char *name;
	const char *args;
	const char *help;
	int (*run)(const struct sim_options *o, int argc, char **argv);
};

/* Say what went wrong, on stderr. Return: 1 */
int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The words argv[0..argc) as a configuration. Return: 0, or 1 having said why */
int words_parse(struct sim_config *c, int argc, char **argv);

int cmd_plot(const struct sim_options *o, int argc, char **argv);
int cmd_rate(const struct sim_options *o, int argc, char **argv);
int cmd_run(const struct sim_options *o, int argc, char **argv);
int cmd_serve(const struct sim_options *o, int argc, char **argv);

#endif /* TOOLS_SIM_QKD_SIM_H */
