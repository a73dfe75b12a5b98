// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-sim run: simulate a device pair without anything around it, its two
 * streams into files (or nowhere, to see the rates).
 */
#include "tools/sim/qkd-sim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = 1;
}

/* "-" is standard output */
static int open_output(const char *name)
{
	int fd;

	if (!strcmp(name, "-"))
		return STDOUT_FILENO;
	/* an end's events are key material */
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		fail("%s: %s", name, strerror(errno));
	return fd;
}

static int progress(const struct sim *s, void *arg)
{
	const struct sim_options *o = arg;
	struct sim_stats st;

	if (!o->quiet && isatty(STDERR_FILENO)) {
		sim_stats(s, &st);
		fprintf(stderr,
			"\r%.2f s, %.3g slots, clicks %.3g / %.3g \033[K",
			st.seconds, (double)st.slots, (double)st.clicks[0],
			(double)st.clicks[1]);
	}
	return interrupted;
}

static void print_result(const struct sim_options *o, const struct sim *s,
			 FILE *f)
{
	struct sim_stats st;

	sim_stats(s, &st);
	if (!o->quiet && isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	if (o->json)
		fprintf(f,
			"{\"seconds\":%.9g,\"slots\":%llu,\"clicks_alice\":%llu,\"clicks_bob\":%llu}\n",
			st.seconds, (unsigned long long)st.slots,
			(unsigned long long)st.clicks[0],
			(unsigned long long)st.clicks[1]);
	else
		fprintf(f,
			"%.3f s simulated, %llu slots, %llu events of Alice, %llu of Bob\n",
			st.seconds, (unsigned long long)st.slots,
			(unsigned long long)st.clicks[0],
			(unsigned long long)st.clicks[1]);
}

static int run(const struct sim_options *o, const struct sim_config *c,
	       const int fd[2])
{
	char err[SIM_ERROR_SIZE];
	struct sim *s = sim_new(c, err);
	int ret;

	if (!s)
		return fail("%s", err);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	ret = sim_run(s, fd[0], fd[1], progress, (void *)o);
	print_result(o, s, fd[0] == STDOUT_FILENO || fd[1] == STDOUT_FILENO ?
		     stderr : stdout);
	sim_free(s);
	if (ret && ret != -ECANCELED)
		return fail("%s", strerror(-ret));
	return 0;
}

/* "alice FILE" and "bob FILE" may stand among the words, which all have a '=' */
int cmd_run(const struct sim_options *o, int argc, char **argv)
{
	static const char *const ends[2] = { "alice", "bob" };
	const char *name[2] = { NULL, NULL };
	int fd[2] = { -1, -1 }, i, end, words = 0;
	struct sim_config c;

	for (i = 1; i < argc; i++) {
		for (end = 0; end < 2 && strcmp(argv[i], ends[end]); end++)
			;
		if (end < 2 && i + 1 < argc)
			name[end] = argv[++i];
		else
			argv[1 + words++] = argv[i];
	}
	sim_config_init(&c);
	if (words_parse(&c, words, argv + 1))
		return 1;
	for (end = 0; end < 2; end++) {
		if (!name[end])
			continue;
		fd[end] = open_output(name[end]);
		if (fd[end] < 0)
			return 1;
	}
	return run(o, &c, fd);
}
