// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * relay_pair SECONDS WANT CONFIG0 CONFIG1: two daemons' ends of a virtual link,
 * nodes hospital and clinic, fed by driver relay; how much key came in that time,
 * and whether the ends agree, is printed. It ends when both have WANT bytes. The
 * key is written to $RELAY_PAIR_KEY, if that is set. Seconds and bytes told are those
 * after the first $RELAY_PAIR_SKIP bytes.
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

/* Into both pools, each byte once */
static double bytes_of(const struct pair *p)
{
	return (double)p->end[0].pool.confirmed + p->end[1].pool.confirmed;
}

static void keep_key(const struct pool *p)
{
	const char *path = getenv("RELAY_PAIR_KEY");
	FILE *f = path ? fopen(path, "w") : NULL;

	if (f && (fwrite(p->bytes[0], 1, p->st.tx.confirmed, f) !=
		  p->st.tx.confirmed || fclose(f)))
		perror(path);
}

int main(int argc, char **argv)
{
	static struct pair p;
	const char *first = getenv("RELAY_PAIR_SKIP");
	uint64_t want, skip = first ? strtoull(first, NULL, 10) : 0;
	double began, had;
	bool got;
	int i;

	if (argc != 5)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	log_setup(getenv("V") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERR, false);
	want = strtoull(argv[2], NULL, 10);
	pair_init(&p, "relay", "", 32 << 20, true);
	for (i = 0; i < 2; i++)
		snprintf(p.config[i], sizeof(p.config[i]), "%s", argv[3 + i]);
	/* the target first: a share that it does not want yet is a failure */
	pair_start(&p, 1);
	pair_run(&p, enough, &want, .2);
	pair_start(&p, 0);
	if (skip)
		pair_run(&p, enough, &skip, atof(argv[1]));
	began = pair_now();
	had = bytes_of(&p);
	got = pair_run(&p, enough, &want, atof(argv[1]));
	printf("%s agree=%ld,%ld seconds=%.3f bytes=%.0f\n", got ? "enough" : "starved",
	       pool_compare(&p.end[0].pool, &p.end[1].pool),
	       pool_compare(&p.end[1].pool, &p.end[0].pool),
	       pair_now() - began, bytes_of(&p) - had);
	for (i = 0; i < 2; i++)
		printf("reason%d=%s\nverify%d=%u\ndriver%d=%u %s\n", i,
		       p.end[i].reason, i, p.end[i].alarms[QKD_ALARM_VERIFY],
		       i, p.end[i].alarms[QKD_ALARM_DRIVER],
		       p.end[i].alarm[QKD_ALARM_DRIVER]);
	keep_key(&p.end[0].pool);
	pair_free(&p);
	return 0;
}
