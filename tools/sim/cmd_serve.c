// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-sim serve: hold fibres until told to stop.
 */
#include "tools/sim/qkd-sim.h"

#include <signal.h>
#include <stdio.h>

static volatile sig_atomic_t stop_signal;
static volatile int stop;

static void on_signal(int sig)
{
	stop_signal = sig;
	stop = 1;
}

static void log_line(const char *line)
{
	printf("%s\n", line);
	fflush(stdout);
}

int cmd_serve(const struct sim_options *o, int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	const char *address = argc > 1 ? argv[1] : SIM_ADDRESS;
	char err[SIM_ERROR_SIZE];

	if (argc > 2)
		return fail("serve takes one address");
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (sim_serve(address, o->quiet ? NULL : log_line, &stop, err) < 0)
		return fail("%s", err);
	return 0;
}
