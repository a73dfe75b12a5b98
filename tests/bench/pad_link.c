// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast a link is that a courier's pad feeds: both ends' daemons on one
 * machine, each with a loop and workers of its own, their stores on a file
 * system in memory, and pools that are used up at once.
 *
 *	pad_link [-d DELAY_MS] [MIB]
 *
 * Prints the key that both pools confirmed, in Gb/s by the clock and of one
 * core's time (both ends together), and the memory of both. Without arguments
 * 512 MiB, then with 10 ms each way between the ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/qkdd_delay.h"
#include "tests/unit/qkdd_pair.h"
#include "tools/common/log.h"
#include "tools/qkdd/channel.h"

#define PATIENCE	20	/* s until the first key */
#define LIMIT		60	/* s altogether */

static char dir[64];

static void make_stores(struct pair *p, unsigned int mib)
{
	const char *out = getenv("O") ? getenv("O") : "build";
	char cmd[512];
	int i;

	snprintf(dir, sizeof(dir), "/dev/shm/pad_link.XXXXXX");
	if (!mkdtemp(dir))
		exit(1);
	snprintf(cmd, sizeof(cmd),
		 "%1$s/bin/qkdctl pad new %2$uM store %3$s/0 key %3$s/0.key store %3$s/1 key %3$s/1.key > /dev/null",
		 out, mib, dir);
	if (system(cmd))
		exit(1);
	for (i = 0; i < 2; i++)
		snprintf(p->config[i], sizeof(p->config[i]),
			 "pad=%1$s/%2$d key=%1$s/%2$d.key", dir, i);
}

static bool first_key(struct pair *p, void *arg)
{
	return p->end[0].pool.confirmed && p->end[1].pool.confirmed;
}

static uint64_t confirmed(const struct pair *p)
{
	return p->end[0].pool.confirmed + p->end[1].pool.confirmed;
}

static bool used_up(struct pair *p, void *arg)
{
	return confirmed(p) >= *(uint64_t *)arg;
}

static double cpu(const struct rusage *r)
{
	return r->ru_utime.tv_sec + r->ru_stime.tv_sec +
	       (r->ru_utime.tv_usec + r->ru_stime.tv_usec) / 1e6;
}

static int measure(struct pair *p, const char *suffix, unsigned int mib)
{
	/* what is left over is less than a block in flight at each end */
	uint64_t all = (uint64_t)mib * 15 << 16, first;
	struct rusage a, b;
	double t;

	pair_start(p, 0);
	pair_start(p, 1);
	if (!pair_run(p, first_key, NULL, PATIENCE)) {
		fprintf(stderr, "no key: %s; %s\n", p->end[0].reason,
			p->end[1].reason);
		return 1;
	}
	first = confirmed(p);
	getrusage(RUSAGE_SELF, &a);
	t = pair_now();
	pair_run(p, used_up, &all, LIMIT);
	t = pair_now() - t;
	getrusage(RUSAGE_SELF, &b);
	printf("BENCH pad_link%s_gbps %.2f Gbit/s\n", suffix,
	       8e-9 * (confirmed(p) - first) / t);
	printf("BENCH pad_link%s_core_gbps %.2f Gbit/s\n", suffix,
	       8e-9 * (confirmed(p) - first) / (cpu(&b) - cpu(&a)));
	printf("BENCH pad_link%s_memory %.1f MB\n", suffix,
	       b.ru_maxrss * 1.024e-3);
	return 0;
}

static int run(const char *suffix, unsigned int delay_ms, unsigned int mib)
{
	struct delay *way = NULL;
	char cmd[100];
	struct pair p;
	int ret;

	log_setup(LOG_LEVEL_WARN, false);
	pair_init_apart(&p, "file", "", 1 << 24, 2);
	make_stores(&p, mib);
	if (delay_ms) {
		way = delay_new(channel_listener_port(p.end[0].listener),
				delay_ms / 1e3);
		p.port[0] = way ? delay_port(way) : 0;
	}
	p.end[0].pool.drain = true;
	p.end[1].pool.drain = true;
	ret = measure(&p, suffix, mib);
	pair_free(&p);
	if (way)
		delay_free(way);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) || ret;
}

/* Each in a process of its own, so that its memory can be told. */
static int run_apart(const char *suffix, unsigned int delay_ms,
		     unsigned int mib)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (!pid)
		exit(run(suffix, delay_ms, mib));
	return waitpid(pid, &status, 0) != pid || status;
}

int main(int argc, char **argv)
{
	unsigned int delay_ms = 0;
	int opt;

	while ((opt = getopt(argc, argv, "d:")) >= 0) {
		if (opt != 'd')
			return 2;
		delay_ms = atoi(optarg);
	}
	if (argc > 1)
		return run_apart("", delay_ms,
				 optind < argc ? atoi(argv[optind]) : 512);
	return run_apart("", 0, 512) | run_apart("_10ms", 10, 256);
}
