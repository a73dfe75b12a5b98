// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast the whole chain is: both ends of a simulated link in one process,
 * with real sockets, tags and files, and pools that are used up at once.
 *
 * Prints the secret bits per second that both pools confirmed, over the time
 * asked for, after the first block.
 *
 *	qkdd_chain [SECONDS] ["WORD=VALUE ..."] [-v]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/unit/qkdd_pair.h"
#include "tools/qkdd/log.h"

static bool first_key(struct pair *p, void *arg)
{
	return p->end[0].pool.confirmed && p->end[1].pool.confirmed;
}

static uint64_t confirmed(const struct pair *p)
{
	return p->end[0].pool.confirmed + p->end[1].pool.confirmed;
}

static double cpu(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return r.ru_utime.tv_sec + r.ru_stime.tv_sec +
	       (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 20, t, t0, cpu0;
	const char *config = argc > 2 ? argv[2] : "length=10";
	struct pair p;
	uint64_t bytes;
	char words[1024];
	int i;

	log_setup(LOG_LEVEL_WARN, false);
	snprintf(words, sizeof(words), "fibre=127.0.0.1:51915 %s", config);
	pair_init(&p, "sim", words, 1 << 24, false);
	p.drain = true;
	p.verbose = argc > 3;
	t0 = pair_now();
	pair_start(&p, 0);
	pair_start(&p, 1);
	if (!pair_run(&p, first_key, NULL, 60)) {
		printf("no key: %s; %s\n", p.end[0].reason, p.end[1].reason);
		pair_free(&p);
		return 1;
	}
	printf("BENCH chain_first_key_s %.2f s\n", pair_now() - t0);
	bytes = confirmed(&p);
	t = pair_now();
	cpu0 = cpu();
	pair_run(&p, NULL, NULL, seconds);
	t = pair_now() - t;
	printf("BENCH chain_secret_mbps %.3f Mb/s\n",
	       (confirmed(&p) - bytes) * 8 / t / 1e6);
	printf("BENCH chain_cpu_share %.3f cores\n", (cpu() - cpu0) / t);
	for (i = 0; i < 2; i++)
		printf("# end %d: %llu blocks, %llu discarded, QBER %.2f %%, f %.3f, raw %llu/s, sifted %llu/s\n# %s\n",
		       i, (unsigned long long)p.end[i].rates.blocks,
		       (unsigned long long)p.end[i].rates.discarded,
		       p.end[i].rates.qber_ppm / 1e4,
		       p.end[i].rates.efficiency_ppm / 1e6,
		       (unsigned long long)p.end[i].rates.raw_bps,
		       (unsigned long long)p.end[i].rates.sifted_bps,
		       p.end[i].report);
	pair_free(&p);
	return 0;
}
