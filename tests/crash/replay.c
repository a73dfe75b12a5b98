// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two daemons' ends of a link are recorded while key comes, they restart, and
 * get a new secret; then the power is cut at every point of the record.
 *
 * Each image is both ends' disks as a crash there may leave them. The ends
 * are started on it again, and what they use then is put to the pad ledger
 * together with all they had used before: masks of the authentication stores
 * by name and by their bytes, messages accepted, and bytes of the pads. Key
 * must come again, the same at both ends. Where one end's disk is an old
 * snapshot the ends may refuse each other instead.
 *
 *	replay [IMAGES [SEED]]
 *
 * The daemons' code is the real one down to the system calls; the kernel's
 * pool is the model of tests/unit/qkdd_pool.c: it lives in memory, so a power
 * cut empties it, and a restarted daemon finds it as it was.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/disk.h"
#include "tests/crash/uses.h"
#include "tests/unit/qkdd_pair.h"
#include "tools/common/log.h"
#include "tools/pad-ledger/ledger.h"
#include "tools/qkdd/auth.h"

#define PAD		(UINT64_C(16) << 20)
#define SECRET		(AUTH_PSK_MIN + (8 << 10))
#define POOL		(4 << 20)
#define PATIENCE	20	/* seconds until an image counts as stuck */
#define KINDS		8	/* of crashes, see crash_at() */

struct counts {
	unsigned int images;
	unsigned int old;	/* of them, with an old snapshot */
	unsigned int refused;
	unsigned int reused;
	unsigned int differed;
	unsigned int stuck;
	unsigned int uses;
};

static struct disk_log record;
static struct counts *counts;
static bool quiet;

/* ---- running the ends ---- */

static void nothing(evutil_socket_t fd, short what, void *arg)
{
}

/* As pair_run(), without its pauses */
static bool run(struct pair *p, bool (*done)(struct pair *p, void *arg),
		void *arg)
{
	struct event *tick = event_new(p->base, -1, EV_PERSIST, nothing, NULL);
	struct timeval tv = { .tv_usec = 5000 };
	double until = pair_now() + PATIENCE;
	bool is = false;

	event_add(tick, &tv);
	while (!is && pair_now() < until) {
		event_base_loop(p->base, EVLOOP_ONCE);
		is = done(p, arg);
	}
	event_free(tick);
	return is;
}

static bool more_key(struct pair *p, void *arg)
{
	uint64_t *had = arg;

	return p->end[0].pool.confirmed > had[0] &&
	       p->end[1].pool.confirmed > had[1];
}

/* Because of the store's place, or since its secret is an older one */
static bool refused(const struct pair *p)
{
	int i;

	for (i = 0; i < 2; i++)
		if (strstr(p->end[i].reason, "old copy") ||
		    strstr(p->end[i].reason, "does not hold this link's secret"))
			return true;
	return false;
}

static bool more_key_or_refused(struct pair *p, void *arg)
{
	return more_key(p, arg) || refused(p);
}

static bool key_comes(struct pair *p, bool may_refuse)
{
	uint64_t had[2] = {
		p->end[0].pool.confirmed, p->end[1].pool.confirmed,
	};

	return run(p, may_refuse ? more_key_or_refused : more_key, had);
}

static bool same(const struct pair *p)
{
	return pool_compare(&p->end[0].pool, &p->end[1].pool) >= 0 &&
	       pool_compare(&p->end[1].pool, &p->end[0].pool) >= 0;
}

/* ---- the record ---- */

static void write_pad(const struct pair *p, int end, uint64_t number)
{
	uint64_t *pad = malloc(PAD), i;
	char path[128];
	FILE *f;

	for (i = 0; i < PAD / 8; i++)
		pad[i] = uses_pad_word(number << 32 | i);
	snprintf(path, sizeof(path), "%s/pad", p->end[end].dir);
	f = fopen(path, "w");
	if (!f || fwrite(pad, PAD, 1, f) != 1 || fclose(f))
		abort();
	free(pad);
}

static void configure(struct pair *p)
{
	int i;

	for (i = 0; i < 2; i++)
		snprintf(p->config[i], sizeof(p->config[i]), "pad=%s/pad",
			 p->end[i].dir);
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	printf("# the record: %s\n", what);
	exit(1);
}

static void restart(struct pair *p, int n, bool power)
{
	pair_stop(p, n);
	if (power) {
		pool_free(&p->end[n].pool);
		pool_init(&p->end[n].pool, n == 1, POOL, true);
	}
	pair_start(p, n);
	must(key_comes(p, false), "no key after a restart");
}

static void make_record(bool lie)
{
	const char *dirs[2];
	struct pair p;
	int i;

	pair_init(&p, "file", "", POOL, true);
	pair_secret(&p, SECRET);
	for (i = 0; i < 2; i++) {
		write_pad(&p, i, 1);
		dirs[i] = p.end[i].dir;
	}
	configure(&p);
	record_start(&record, dirs, lie);
	pair_start(&p, 0);
	pair_start(&p, 1);
	must(key_comes(&p, false), "no key");
	must(key_comes(&p, false), "no key again");
	restart(&p, 1, false);
	restart(&p, 0, true);
	restart(&p, 0, false);
	pair_stop(&p, 0);
	pair_stop(&p, 1);
	record_note(0, NOTE_OPERATOR, "", 1);
	pair_secret(&p, SECRET);
	record_settled(0);
	record_settled(1);
	record_note(0, NOTE_OPERATOR, "", 1);
	pair_start(&p, 0);
	pair_start(&p, 1);
	must(key_comes(&p, false), "no key under a new secret");
	restart(&p, 1, true);
	must(key_comes(&p, false), "no key in the end");
	must(same(&p), "the ends' keys differ");
	record_stop();
	pair_free(&p);
}

/* Where the power may be cut: before each call of the disk */
static size_t *find_points(size_t *n)
{
	size_t *points = calloc(record.n + 1, sizeof(*points)), i;
	bool busy = false;
	int settled = 0;	/* once per end as it begins */

	*n = 0;
	for (i = 0; i < record.n; i++) {
		if (record.ops[i].type == DISK_NOTE &&
		    record.ops[i].ino == NOTE_OPERATOR)
			busy = !busy;
		else if (record.ops[i].type == DISK_SETTLED)
			settled++;
		else if (record.ops[i].type != DISK_NOTE && settled >= 2 &&
			 !busy)
			points[(*n)++] = i;
	}
	points[(*n)++] = record.n;
	return points;
}

/* ---- images ---- */

/**
 * struct crash - what happens at once
 * @point: ops before it were done
 * @old: op that an end's disk is a snapshot of, @point if it is no old one
 * @loss: of what is not durable
 * @power: the machine went down: the pool is empty
 */
struct crash {
	size_t point;
	size_t old[2];
	enum disk_loss loss[2];
	bool power[2];
	unsigned int seed;
};

static bool is_old(const struct crash *c)
{
	return c->old[0] != c->point || c->old[1] != c->point;
}

static struct crash crash_at(const size_t *points, size_t i, unsigned int kind,
			     unsigned int seed)
{
	struct crash c = { .point = points[i], .seed = seed + i };
	unsigned int end = kind & 1, n;

	c.old[0] = c.point;
	c.old[1] = c.point;
	switch (kind % KINDS) {
	case 0:
	case 1:		/* one end, and what it had not synced is all gone */
		c.power[end] = true;
		c.loss[end] = LOSS_ALL;
		break;
	case 2:
	case 3:		/* one end, some is gone and some torn */
		c.power[end] = true;
		c.loss[end] = LOSS_SOME;
		break;
	case 4:
	case 5:		/* both ends at once */
		for (n = 0; n < 2; n++) {
			c.power[n] = true;
			c.loss[n] = kind & 1 ? LOSS_SOME : LOSS_ALL;
		}
		break;
	case 6:		/* both daemons are killed, the machines go on */
		break;
	default:	/* one end's disk comes from a backup */
		end = rand_r(&c.seed) & 1;
		c.power[end] = true;
		c.old[end] = points[rand_r(&c.seed) % (i + 1)];
	}
	return c;
}

static void put_disk(const struct disk *now, const struct crash *c, int end,
		     const char *dir)
{
	char secret[128];
	struct disk *then;
	size_t i;

	/* the one that pair_init() left */
	snprintf(secret, sizeof(secret), "%s/psk/q0", dir);
	unlink(secret);
	if (c->old[end] == c->point) {
		disk_image(now, end, c->loss[end], c->seed + end, dir);
		return;
	}
	then = disk_new();
	for (i = 0; i < c->old[end]; i++)
		disk_play(then, &record.ops[i]);
	disk_image(then, end, LOSS_NONE, 0, dir);
	disk_free(then);
}

/*
 * What was used before. To a peer of an old disk only what it accepted is
 * known: what else was sent is beyond anybody's knowledge (security.rst).
 */
static void used_before(const struct crash *c)
{
	const struct disk_op *op;
	const char *text;
	char as_sent[200];

	for (op = record.ops; op < record.ops + c->point; op++) {
		if (op->type != DISK_NOTE || op->ino != NOTE_USE)
			continue;
		text = op->data;
		if (is_old(c) && (!strncmp(text, "sent ", 5) ||
				  !strncmp(text, "mask ", 5)))
			continue;
		use(text);
		if (is_old(c) && !strncmp(text, "accepted ", 9)) {
			snprintf(as_sent, sizeof(as_sent), "sent %s", text + 9);
			use(as_sent);
		}
	}
}

static void show_reuse(const struct record *a, const struct record *b,
		       void *arg)
{
	unsigned int *shown = arg;

	if ((*shown)++ < 3 && !quiet)
		printf("#   %s %s %s %lu+%lu %s and %lu+%lu %s\n", a->layer,
		       a->generation, a->stream, (unsigned long)a->offset,
		       (unsigned long)a->len, a->purpose,
		       (unsigned long)b->offset, (unsigned long)b->len,
		       b->purpose);
}

static void tell(const struct crash *c, const struct pair *p,
		 const char *what)
{
	static const char * const loss[] = { "none", "all", "some" };
	int i;

	if (quiet)
		return;
	printf("# image at op %zu of %zu, seed %u: %s\n", c->point, record.n,
	       c->seed, what);
	for (i = 0; i < 2; i++)
		printf("#   end %d: %s, lost of what was not synced: %s%s; \"%s\"\n",
		       i, c->power[i] ? "power cut" : "killed",
		       loss[c->loss[i]],
		       c->old[i] == c->point ? "" : ", an old disk",
		       p->end[i].reason);
}

static void try_crash(const struct disk *now, const struct crash *c)
{
	struct ledger l;
	unsigned int shown = 0;
	struct pair p;
	int i;

	ledger_init(&l);
	uses_to(&l);
	used_before(c);
	pair_init(&p, "file", "", POOL, true);
	configure(&p);
	for (i = 0; i < 2; i++) {
		put_disk(now, c, i, p.end[i].dir);
		if (!c->power[i])
			uses_rebuild_pool(&p.end[i].pool, i, record.ops,
					  c->point);
	}
	pair_start(&p, 0);
	pair_start(&p, 1);
	counts->images++;
	counts->old += is_old(c);
	if (!key_comes(&p, is_old(c))) {
		counts->stuck++;
		tell(c, &p, "no key comes any more");
	}
	counts->refused += is_old(c) && refused(&p);
	if (!same(&p)) {
		counts->differed++;
		tell(c, &p, "the ends' keys differ");
	}
	pair_free(&p);
	counts->uses += l.n;
	if (ledger_check(&l, show_reuse, &shown)) {
		counts->reused++;
		tell(c, &p, "key is used twice");
	}
	ledger_free(&l);
	uses_to(NULL);
	fflush(stdout);
}

/* Every @of-th of the images, beginning with @worker */
static void work(const size_t *points, size_t n, unsigned int images,
		 unsigned int seed, unsigned int worker, unsigned int of)
{
	size_t chosen = images < n ? images : n, k, i, next = 0;
	struct disk *now = disk_new();
	struct crash c;
	unsigned int v;

	for (k = 0; k < chosen; k++) {
		i = chosen < 2 ? 0 : k * (n - 1) / (chosen - 1);
		for (; next < points[i]; next++)
			disk_play(now, &record.ops[next]);
		if (k % of != worker)
			continue;
		for (v = 0; v * chosen + k < images; v++) {
			c = crash_at(points, i, v + k, seed + 7919 * v);
			try_crash(now, &c);
		}
	}
	disk_free(now);
}

static struct counts run_all(const size_t *points, size_t n,
			     unsigned int images, unsigned int seed)
{
	/* an image is more waiting than work */
	unsigned int of = 4 * sysconf(_SC_NPROCESSORS_ONLN), i;
	struct counts sum = { 0 }, part;
	int fd[2], status;

	if (pipe(fd))
		abort();
	fflush(stdout);
	for (i = 0; i < of; i++) {
		if (fork())
			continue;
		memset(&part, 0, sizeof(part));
		counts = &part;
		work(points, n, images, seed, i, of);
		if (write(fd[1], &part, sizeof(part)) != sizeof(part))
			_exit(1);
		_exit(0);
	}
	close(fd[1]);
	while (read(fd[0], &part, sizeof(part)) == sizeof(part)) {
		sum.images += part.images;
		sum.old += part.old;
		sum.refused += part.refused;
		sum.reused += part.reused;
		sum.differed += part.differed;
		sum.stuck += part.stuck;
		sum.uses += part.uses;
	}
	while (wait(&status) > 0)
		;
	return sum;
}

/*
 * On a disk whose syncs do nothing, as in a build without them, both ends
 * forget what they used: were that not found, nothing would be.
 */
static bool finds_missing_syncs(void)
{
	struct counts c = { 0 };
	struct disk *now = disk_new();
	struct crash crash;
	size_t *points, n, i;

	disk_log_free(&record);
	make_record(true);
	points = find_points(&n);
	for (i = 0; i < record.n; i++)
		disk_play(now, &record.ops[i]);
	counts = &c;
	quiet = true;
	crash = crash_at(points, n - 1, 4, 1);
	try_crash(now, &crash);
	quiet = false;
	disk_free(now);
	free(points);
	return c.reused;
}

static int failures, results;

static void result(bool ok, const char *what)
{
	failures += !ok;
	printf("%sok %d %s\n", ok ? "" : "not ", ++results, what);
}

int main(int argc, char **argv)
{
	unsigned int images = argc > 1 ? atoi(argv[1]) : 200;
	unsigned int seed = argc > 2 ? atoi(argv[2]) : 1;
	struct counts c;
	size_t *points, n;
	double begin = pair_now();

	if (!getenv("TMPDIR") && !access("/dev/shm", W_OK))
		setenv("TMPDIR", "/dev/shm", 1);
	log_setup(getenv("V") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERR, false);
	printf("KTAP version 1\n1..6\n");
	make_record(false);
	points = find_points(&n);
	printf("# %zu calls recorded, the power can be cut at %zu points\n",
	       record.n, n);
	c = run_all(points, n, images, seed);
	printf("# %u images, %u of them with an old disk at one end (%u refused), %u uses, %.0f s\n",
	       c.images, c.old, c.refused, c.uses, pair_now() - begin);
	result(c.images == images, "every image was tried");
	result(!c.reused, "no key is used twice after a crash (invariant 1)");
	result(!c.differed,
	       "both ends give the same key after a crash (invariant 2)");
	result(!c.stuck, "key comes again, unless a disk is an old one");
	result(images < 64 || c.refused,
	       "disks that are old enough to matter are refused");
	result(finds_missing_syncs(),
	       "that this can fail: without syncs, key is used twice");
	disk_log_free(&record);
	free(points);
	return failures != 0;
}
