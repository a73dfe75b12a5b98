// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * etsi014_pair SECONDS WANT CONFIG0 CONFIG1 [DRIVER]: two daemons' ends of a link, fed by
 * driver etsi014, or the one told; how much key came, and whether the ends agree, is printed.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/qkdd_pair.h"
#include "tools/common/log.h"

static bool enough(struct pair *p, void *arg)
{
	uint64_t want = *(uint64_t *)arg;

	return p->end[0].pool.confirmed >= want &&
	       p->end[1].pool.confirmed >= want;
}

int main(int argc, char **argv)
{
	static struct pair p;
	uint64_t want;
	bool got;
	int i;

	if (argc != 5 && argc != 6)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	log_setup(getenv("V") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERR, false);
	want = strtoull(argv[2], NULL, 10);
	pair_init(&p, argc == 6 ? argv[5] : "etsi014", "", 1 << 20, true);
	for (i = 0; i < 2; i++)
		snprintf(p.config[i], sizeof(p.config[i]), "%s", argv[3 + i]);
	pair_start(&p, 0);
	pair_start(&p, 1);
	got = pair_run(&p, enough, &want, atof(argv[1]));
	printf("%s agree=%ld,%ld\n", got ? "enough" : "starved",
	       pool_compare(&p.end[0].pool, &p.end[1].pool),
	       pool_compare(&p.end[1].pool, &p.end[0].pool));
	printf("reason0=%s\nreason1=%s\nverify=%u\n", p.end[0].reason,
	       p.end[1].reason, p.end[0].alarms[QKD_ALARM_VERIFY] +
	       p.end[1].alarms[QKD_ALARM_VERIFY]);
	pair_free(&p);
	return 0;
}
