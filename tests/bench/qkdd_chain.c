// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast the whole chain is: both ends of a simulated link on one machine,
 * in real time, with real sockets, tags and files, each with a loop and
 * workers of its own, and pools that are used up at once.
 *
 * Prints the secret bits per second that both pools confirmed, after the first
 * block, and the least of any ten seconds of that; and what it took: cores of
 * both ends together, cores of the simulator. Medians of several runs, the
 * least of all. Without arguments a minute three times on all cores, then
 * shorter on one, and longer with 100 ms each way between the ends, also with
 * what is meant for that.
 *
 *	qkdd_chain [-c CORES] [-d DELAY_MS] [-n RUNS] [-t SECONDS] [-v]
 *		   [WORD=VALUE ...]
 */
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/qkdd_delay.h"
#include "tests/unit/qkdd_pair.h"
#include "tools/common/log.h"
#include "tools/qkdd/channel.h"

/*
 * Superconducting detectors: 60 % with what the receiver loses, 60 ns until
 * they are back, 10 dark counts a second. A source and an interferometer that
 * are good to .5 %. Intensities near the best for blocks of 2^22 bits
 * ("qkd-sim rate optimise").
 */
#define DEVICE	"length=10 rate=1e9 efficiency=0.6 dead_ns=60 dark=1e-8 " \
		"misalignment=0.005 intensities=0.42,0.23,0.0002 " \
		"probabilities=0.22,0.59,0.19 pz=0.865 block=4194304"

#define PATIENCE	60	/* s until the first block */
#define STRETCH		10	/* s: nothing shorter is called sustained */
#define RUNS_MAX	99
#define SECRET_SIZE	(512u << 10)	/* bytes carried to the peer */

struct setting {
	const char *suffix;	/* of the figures' names */
	unsigned int cores;	/* 0: all */
	unsigned int delay_ms;
	unsigned int runs;
	double seconds;
	bool verbose;
	const char *words;
};

static bool first_key(struct pair *p, void *arg)
{
	return p->end[0].pool.confirmed && p->end[1].pool.confirmed;
}

static uint64_t confirmed(const struct pair *p)
{
	return p->end[0].pool.confirmed + p->end[1].pool.confirmed;
}

static double cpu(int who)
{
	struct rusage r;

	getrusage(who, &r);
	return r.ru_utime.tv_sec + r.ru_stime.tv_sec +
	       (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* The first so many that this process may use; 0: leave it. */
static void use_cores(unsigned int n)
{
	cpu_set_t may, set;
	int i;

	if (!n || sched_getaffinity(0, sizeof(may), &may))
		return;
	CPU_ZERO(&set);
	for (i = 0; i < CPU_SETSIZE && n; i++) {
		if (!CPU_ISSET(i, &may))
			continue;
		CPU_SET(i, &set);
		n--;
	}
	sched_setaffinity(0, sizeof(set), &set);
}

/* Of one run */
enum figure { FIRST_KEY, SECRET, LEAST, ENDS, SIM, FIGURES };

static const struct {
	const char *name;
	const char *unit;
} figures[FIGURES] = {
	[FIRST_KEY] = { "first_key_s", "s" },
	[SECRET] = { "secret_mbps", "Mb/s" },
	[LEAST] = { "secret_mbps_least", "Mb/s" },
	[ENDS] = { "cores_ends", "cores" },
	[SIM] = { "cores_sim", "cores" },
};

static void say_end(const struct pair_end *e)
{
	fprintf(stderr, "end %d: %llu blocks, %llu discarded, QBER %.2f %%, f %.3f, raw %llu/s, sifted %llu/s\n%s\n",
		e->n, (unsigned long long)e->rates.blocks,
		(unsigned long long)e->rates.discarded,
		e->rates.qber_ppm / 1e4, e->rates.efficiency_ppm / 1e6,
		(unsigned long long)e->rates.raw_bps,
		(unsigned long long)e->rates.sifted_bps, e->report);
}

/* Mb/s over that time */
static double stretch(struct pair *p, double seconds)
{
	uint64_t bits = confirmed(p);
	double t = pair_now();

	pair_run(p, NULL, NULL, seconds);
	return (confirmed(p) - bits) * 8 / (pair_now() - t) / 1e6;
}

static int measure(const struct setting *s, struct pair *p, double *v)
{
	double t0 = pair_now(), t, used, left, part, rate;
	uint64_t bits;

	pair_start(p, 0);
	pair_start(p, 1);
	if (!pair_run(p, first_key, NULL, PATIENCE)) {
		fprintf(stderr, "no key: %s; %s\n", p->end[0].reason,
			p->end[1].reason);
		return 1;
	}
	v[FIRST_KEY] = pair_now() - t0;
	bits = confirmed(p);
	t = pair_now();
	used = cpu(RUSAGE_SELF);
	v[LEAST] = INFINITY;
	for (left = s->seconds; left > 0; left -= part) {
		part = left < 2 * STRETCH ? left : STRETCH;
		rate = stretch(p, part);
		v[LEAST] = fmin(v[LEAST], rate);
	}
	t = pair_now() - t;
	v[SECRET] = (confirmed(p) - bits) * 8 / t / 1e6;
	v[ENDS] = (cpu(RUSAGE_SELF) - used) / t;
	say_end(&p->end[0]);
	say_end(&p->end[1]);
	return 0;
}

/* In a process of its own, so that the simulator's time can be told. */
static int run(const struct setting *s, double *v)
{
	struct delay *way = NULL;
	struct pair p;
	double t;
	int ret;

	use_cores(s->cores);
	log_setup(LOG_LEVEL_WARN, false);
	/* the simulator's processes that outlive their parent are ours */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pair_init_apart(&p, "sim", s->words, 1 << 24, 2);
	/* the blocks under way are bounded by what authenticates them, too */
	pair_secret(&p, SECRET_SIZE);
	if (s->delay_ms) {
		way = delay_new(channel_listener_port(p.end[0].listener),
				s->delay_ms / 1e3);
		p.port[0] = way ? delay_port(way) : 0;
	}
	p.end[0].pool.drain = true;
	p.end[1].pool.drain = true;
	p.verbose = s->verbose;
	t = pair_now();
	ret = measure(s, &p, v);
	t = pair_now() - t;
	pair_free(&p);
	while (wait(NULL) > 0)
		;
	v[SIM] = cpu(RUSAGE_CHILDREN) / t;
	if (way)
		delay_free(way);
	return ret;
}

static int run_apart(const struct setting *s, double *v)
{
	const size_t size = FIGURES * sizeof(*v);
	int status, fd[2];
	ssize_t n;
	pid_t pid;

	if (pipe(fd))
		return 1;
	pid = fork();
	if (!pid) {
		close(fd[0]);
		if (run(s, v) || write(fd[1], v, size) != (ssize_t)size)
			exit(1);
		exit(0);
	}
	close(fd[1]);
	n = read(fd[0], v, size);
	close(fd[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return n != (ssize_t)size || !WIFEXITED(status) || WEXITSTATUS(status);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int runs(const struct setting *s)
{
	double v[FIGURES], all[FIGURES][RUNS_MAX];
	unsigned int i, f;

	for (i = 0; i < s->runs; i++) {
		if (run_apart(s, v))
			return 1;
		for (f = 0; f < FIGURES; f++)
			all[f][i] = v[f];
	}
	for (f = 0; f < FIGURES; f++) {
		qsort(all[f], s->runs, sizeof(**all), ascending);
		printf("BENCH chain_%s%s %.3f %s\n", figures[f].name, s->suffix,
		       all[f][f == LEAST ? 0 : s->runs / 2], figures[f].unit);
	}
	fflush(stdout);
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: qkdd_chain [-c CORES] [-d DELAY_MS] [-n RUNS] [-t SECONDS] [-v] [WORD=VALUE ...]\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct setting s = {
		.suffix = "", .runs = 3, .seconds = 60, .words = DEVICE,
	};
	char words[1024] = "";
	bool all = true;
	int opt, ret;

	while ((opt = getopt(argc, argv, "c:d:n:t:v")) >= 0) {
		all &= opt == 'n' || opt == 't' || opt == 'v';
		switch (opt) {
		case 'c':
			s.cores = atoi(optarg);
			break;
		case 'd':
			s.delay_ms = atoi(optarg);
			break;
		case 'n':
			s.runs = atoi(optarg);
			break;
		case 't':
			s.seconds = atof(optarg);
			break;
		case 'v':
			s.verbose = true;
			break;
		default:
			return usage();
		}
	}
	for (; optind < argc; optind++) {
		all = false;
		s.words = words;
		strncat(words, argv[optind], sizeof(words) - strlen(words) - 2);
		strcat(words, " ");
	}
	if (!s.runs || s.runs > RUNS_MAX)
		return usage();
	ret = runs(&s);
	if (!all)
		return ret;
	s.suffix = "_1core";
	s.cores = 1;
	s.seconds /= 3;
	ret |= runs(&s);
	/* blocks under way end in swarms, one in 40 s: several of them */
	s.seconds *= 7;
	s.suffix = "_100ms";
	s.cores = 0;
	s.delay_ms = 100;
	s.runs = 1;
	ret |= runs(&s);
	s.suffix = "_100ms_few_trips";
	s.words = DEVICE " few_trips=yes";
	ret |= runs(&s);
	return ret;
}
