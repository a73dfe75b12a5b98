// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The store of qkd-kmed is recorded while key is put for two SAEs, fetched by
 * each, and the store is opened again and rewritten; then the power is cut at
 * every point of the record.
 *
 * Each image is the store's folder as a crash there may leave it. The store is
 * opened on it and everything that ever was in it is asked for, in the name of
 * each SAE: what an SAE was given before the crash, and is given again, stands
 * twice in the pad ledger. What was put and synced, and not asked for, must be
 * there, with the right bytes.
 *
 * How far the store was is noted each time that something was given, as the peer
 * is told: no crash may look like an old copy by that, and each old copy must.
 *
 *	crash_kmed [IMAGES [SEED]]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/crash/disk.h"
#include "tools/common/log.h"
#include "tools/kmed/store.h"
#include "tools/pad-ledger/ledger.h"

#define RANGES		120
#define MANY		40		/* more of them, put at once */
#define KEY		32		/* bytes that are fetched at once */
#define SMALL		(4 * KEY)	/* of a range */
#define BIG		4096		/* of some: the file grows, is rewritten */
#define OWNERS		2

enum note {
	NOTE_PUT,		/* a range is promised to be there */
	NOTE_ASKED,		/* a key, by an SAE: it may be gone or not */
	NOTE_GIVEN,		/* the SAE has it */
	NOTE_TOLD,		/* the peer is told how far the store is */
};

struct key_note {
	unsigned int range;
	unsigned int key;
	unsigned int owner;
};

/* What is known of a key, of each SAE */
enum known { ABSENT, THERE, ASKED, GIVEN };

static const char * const owners[OWNERS] = { "b1", "b2" };
static const uint8_t generation[QKD_GENERATION_SIZE] = { 1, 2, 3 };
static const uint8_t seal[SEALLOG_KEY_SIZE] = { 7 };
static char base[64];
static struct disk_log record;
static enum known known[RANGES + MANY][BIG / KEY][OWNERS];
static struct store_mark told;		/* latest */
static unsigned int n_old, n_unnoticed, n_mistaken;
static unsigned int n_images, n_reused, n_lost, n_wrong, n_unopened, n_fetched;
static int results, failures;

static void fatal(const char *what)
{
	printf("# %s: %s\n", what, strerror(errno));
	exit(1);
}

static void result(bool ok, const char *what)
{
	failures += !ok;
	printf("%sok %d %s\n", ok ? "" : "not ", ++results, what);
}

static uint32_t size_of(unsigned int range)
{
	return range % 2 ? SMALL : BIG;
}

static uint64_t offset_of(unsigned int range)
{
	return (uint64_t)range * BIG;
}

static uint8_t byte_at(uint64_t offset)
{
	return offset * 151 + (offset >> 7);
}

static struct qkd_key_id id_of(unsigned int range, unsigned int key, int len)
{
	struct qkd_key_id id;

	qkd_key_id_encode(generation, 0, len, offset_of(range) + key * KEY,
			  &id);
	return id;
}

static struct store *open_in(const char *dir)
{
	struct store *s = store_new(64 << 20, 86400);
	char path[128], err[256];

	snprintf(path, sizeof(path), "%s/state/store", dir);
	if (!store_keep(s, path, seal, err, sizeof(err))) {
		store_release(s, "a");
		return s;
	}
	printf("# %s\n", err);
	store_free(s);
	return NULL;
}

/* ---- the record ---- */

static void put(struct store *s, unsigned int range)
{
	static uint8_t key[BIG];
	struct qkd_key_id id = id_of(range, 0, size_of(range));
	unsigned int i;

	for (i = 0; i < size_of(range); i++)
		key[i] = byte_at(offset_of(range) + i);
	if (store_put(s, &id, key, "a", owners, OWNERS))
		fatal("put");
}

/* As qkd-kmed does before it tells its peer that the range is here */
static void promise(struct store *s, unsigned int from, unsigned int to)
{
	if (store_sync(s))
		fatal("sync");
	for (; from < to; from++)
		record_note(0, NOTE_PUT, &from, sizeof(from));
}

static int fetch(struct store *s, const struct key_note *k, uint8_t *key)
{
	struct store_want want = { .id = id_of(k->range, k->key, KEY),
				   .key = key };

	return store_fetch(s, "a", owners[k->owner], &want, 1);
}

static void give(struct store *s, unsigned int range, unsigned int key,
		 unsigned int owner)
{
	struct key_note k = { range, key, owner };
	uint8_t bytes[KEY];

	record_note(0, NOTE_ASKED, &k, sizeof(k));
	if (fetch(s, &k, bytes))
		fatal("fetch");
	record_note(0, NOTE_GIVEN, &k, sizeof(k));
	store_mark(s, &told);
	record_note(0, NOTE_TOLD, &told, sizeof(told));
}

static char disk_dir[96], no_dir[96], image_dir[96];
static const char * const record_dirs[2] = { disk_dir, no_dir };

static void make_folders(void)
{
	char cmd[400];

	snprintf(disk_dir, sizeof(disk_dir), "%s/disk", base);
	snprintf(no_dir, sizeof(no_dir), "%s/none", base);
	snprintf(image_dir, sizeof(image_dir), "%s/image", base);
	snprintf(cmd, sizeof(cmd), "rm -rf %s/*; mkdir -p %s/state %s %s/state",
		 base, disk_dir, no_dir, image_dir);
	if (system(cmd))
		fatal(cmd);
	disk_log_free(&record);
}

/* As an announcement of much key: more is under way than a record can have */
static void put_many(struct store *s, unsigned int from, unsigned int to)
{
	for (unsigned int r = from; r < to; r++)
		put(s, r);
	promise(s, from, to);
}

static void make_record(void)
{
	struct store *s;
	unsigned int r, k;

	make_folders();
	record_start(&record, record_dirs, false);
	s = open_in(disk_dir);
	for (r = 0; s && r < RANGES; r++) {
		put(s, r);
		if (r % 3 != 2)
			continue;
		promise(s, r - 2, r + 1);
		for (k = 0; k < 3; k++)
			give(s, r - k, 0, k & 1);
		/* of some, all; the first key has gone to one already */
		for (k = 0; k < SMALL / KEY && r % 2; k++) {
			if (k)
				give(s, r - 2, k, 0);
			give(s, r - 2, k, 1);
		}
		if (r % 30 == 29) {
			store_free(s);
			s = open_in(disk_dir);
		}
	}
	if (!s)
		fatal("the store");
	put_many(s, RANGES, RANGES + MANY);
	store_free(s);
	record_stop();
}

/* ---- images ---- */

/* What was promised and given by then, also as lines of the ledger */
static void remember(size_t point, struct ledger *l)
{
	const struct disk_op *op;
	struct key_note k;
	unsigned int r, i, o;
	const char *why;
	char text[100];

	memset(known, 0, sizeof(known));
	memset(&told, 0, sizeof(told));
	for (op = record.ops; op < record.ops + point; op++) {
		if (op->type != DISK_NOTE)
			continue;
		if (op->ino == NOTE_PUT) {
			memcpy(&r, op->data, sizeof(r));
			for (i = 0; i < size_of(r) / KEY; i++)
				for (o = 0; o < OWNERS; o++)
					known[r][i][o] = THERE;
			continue;
		}
		if (op->ino == NOTE_TOLD) {
			memcpy(&told, op->data, sizeof(told));
			continue;
		}
		memcpy(&k, op->data, sizeof(k));
		known[k.range][k.key][k.owner] =
			op->ino == NOTE_ASKED ? ASKED : GIVEN;
		if (op->ino == NOTE_ASKED)
			continue;
		snprintf(text, sizeof(text), "fetched a %s %lu %d -",
			 owners[k.owner],
			 (unsigned long)offset_of(k.range) + k.key * KEY, KEY);
		if (ledger_line(l, text, 1, &why))
			fatal(why);
	}
}

/* Every key of all ranges, in the name of every SAE */
static void ask_for_all(struct store *s, struct ledger *l)
{
	struct key_note k;
	uint8_t key[KEY];
	unsigned int i;
	const char *why;
	char text[100];
	uint64_t at;

	for (k.range = 0; k.range < RANGES + MANY; k.range++)
		for (k.key = 0; k.key < SMALL / KEY; k.key++)
			for (k.owner = 0; k.owner < OWNERS; k.owner++) {
				at = offset_of(k.range) + k.key * KEY;
				if (fetch(s, &k, key)) {
					n_lost += known[k.range][k.key]
						       [k.owner] == THERE;
					continue;
				}
				n_fetched++;
				for (i = 0; i < KEY; i++)
					n_wrong += key[i] != byte_at(at + i);
				snprintf(text, sizeof(text),
					 "fetched a %s %lu %d -",
					 owners[k.owner], (unsigned long)at,
					 KEY);
				if (ledger_line(l, text, 2, &why))
					fatal(why);
			}
}

/* As the peer would say of it */
static bool is_old(struct store *s)
{
	struct store_mark own;

	store_mark(s, &own);
	return told.count && (memcmp(told.id, own.id, sizeof(own.id)) ||
			      told.count > own.count);
}

static void ignore(const struct record *a, const struct record *b, void *arg)
{
}

static struct store *open_image(const struct disk *now, enum disk_loss loss,
				unsigned int seed)
{
	static const char * const files[] = { "", ".new", ".lock" };
	char path[140];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/state/store%s", image_dir,
			 files[i]);
		unlink(path);
	}
	disk_image(now, 0, loss, seed, image_dir);
	return open_in(image_dir);
}

static void try_crash(const struct disk *now, size_t point,
		      enum disk_loss loss, unsigned int seed)
{
	unsigned int lost = n_lost, wrong = n_wrong, reused;
	struct ledger l;
	struct store *s;

	ledger_init(&l);
	remember(point, &l);
	n_images++;
	s = open_image(now, loss, seed);
	n_unopened += !s;
	if (s && is_old(s))
		n_mistaken++;
	if (s)
		ask_for_all(s, &l);
	store_free(s);
	reused = ledger_check(&l, ignore, NULL);
	n_reused += reused;
	ledger_free(&l);
	if (reused || !s || lost != n_lost || wrong != n_wrong)
		printf("# image at op %zu of %zu, loss %d, seed %u: %u used twice, %u of what waited lost, %u bytes wrong%s\n",
		       point, record.n, loss, seed, reused, n_lost - lost,
		       n_wrong - wrong, s ? "" : ", not opened");
}

/* Before every call of the disk, and at the end */
static void try_all(unsigned int images, unsigned int seed)
{
	size_t points = 0, i, next;
	struct disk *now;
	unsigned int v, each;

	for (i = 0; i < record.n; i++)
		points += record.ops[i].type != DISK_NOTE;
	each = images / (points + 1) + 1;
	for (v = 0; v < each && n_images < images; v++) {
		now = disk_new();
		for (next = 0; next <= record.n && n_images < images; next++) {
			/* a record shorter than wished is spread over it */
			if ((next == record.n ||
			     record.ops[next].type != DISK_NOTE) &&
			    (each > 1 || rand_r(&seed) % (points + 1) < images))
				try_crash(now, next, (next + v) % LOSS_KINDS,
					  seed + next + 7919 * v);
			if (next < record.n)
				disk_play(now, &record.ops[next]);
		}
		disk_free(now);
	}
	printf("# %zu calls recorded, the power can be cut at %zu points\n",
	       record.n, points + 1);
}

/*
 * A copy of the disk as it was at some time, put back when something was given
 * since: the peer knows better.
 */
static void try_old_copies(void)
{
	struct disk *now = disk_new();
	struct ledger l;
	struct store *s;
	size_t i;

	for (i = 0; i < record.n; i++) {
		const struct disk_op *op = &record.ops[i];

		disk_play(now, op);
		if (op->type != DISK_NOTE || op->ino != NOTE_TOLD)
			continue;
		ledger_init(&l);
		remember(record.n, &l);
		ledger_free(&l);
		if (!memcmp(op->data, &told, sizeof(told)))
			break;
		s = open_image(now, LOSS_NONE, 0);
		n_old++;
		n_unnoticed += s && !is_old(s);
		store_free(s);
	}
	disk_free(now);
}

/*
 * The disk says that it synced, and did nothing, from some time on: what was
 * given since then is given again.
 */
static bool finds_missing_syncs(void)
{
	struct disk *now;
	struct store *s;
	unsigned int r;
	size_t i;

	make_folders();
	s = open_in(disk_dir);
	for (r = 0; s && r < 4; r++)
		put(s, r);
	store_free(s);
	record_start(&record, record_dirs, true);
	s = open_in(disk_dir);
	for (r = 0; s && r < 4; r++)
		give(s, r, 1, 0);
	store_free(s);
	record_stop();
	now = disk_new();
	for (i = 0; i < record.n; i++)
		disk_play(now, &record.ops[i]);
	n_reused = 0;
	try_crash(now, record.n, LOSS_ALL, 1);
	disk_free(now);
	return n_reused;
}

int main(int argc, char **argv)
{
	unsigned int images = argc > 1 ? atoi(argv[1]) : 300;
	unsigned int seed = argc > 2 ? atoi(argv[2]) : 1;
	const char *tmp = getenv("TMPDIR");
	char cmd[128];

	if (!tmp)
		tmp = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	snprintf(base, sizeof(base), "%s/crash_kmed.XXXXXX", tmp);
	if (!mkdtemp(base))
		fatal(base);
	log_setup(LOG_LEVEL_ERR, false);
	printf("KTAP version 1\n1..8\n");
	make_record();
	try_all(images, seed);
	try_old_copies();
	printf("# %u images, %u keys fetched after a crash\n", n_images,
	       n_fetched);
	result(n_images && n_fetched, "images were tried");
	result(!n_reused, "no SAE is given key twice (invariant 1)");
	result(!n_wrong, "key is what was put (invariant 2)");
	result(!n_lost, "what waited, and was not asked for, waits still");
	result(!n_unopened, "the store opens after every crash");
	result(!n_mistaken, "no crash is taken for an old copy");
	printf("# %u old copies\n", n_old);
	result(n_old && !n_unnoticed, "every old copy is known");
	result(finds_missing_syncs(),
	       "that this can fail: without syncs, key is given twice");
	snprintf(cmd, sizeof(cmd), "rm -rf %s", base);
	if (system(cmd))
		printf("# %s was left\n", base);
	disk_log_free(&record);
	return failures != 0;
}
