// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The store of waiting key, on a file: what was handed out never is again,
 * whatever dies in between, and what was not can be had still.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "tools/common/log.h"
#include "tools/kmed/kme.h"

#define LEN	32
#define MEMORY	(8u << 20)

static const uint8_t generation[QKD_GENERATION_SIZE] = { 1, 2, 3 };
static const uint8_t seal[SEALLOG_KEY_SIZE] = { 7 };
static const char *const both[] = { "b", "c" };

FIXTURE(store) {
	char dir[64];
	char path[80];
	struct store *s;
};

/* What waited is held. */
static struct store *open_held(const char *path, const uint8_t *key)
{
	struct store *s = store_new(MEMORY, 1000);
	char err[256];

	if (!store_keep(s, path, key, err, sizeof(err)))
		return s;
	store_free(s);
	return NULL;
}

static struct store *open_with(const char *path, const uint8_t *key)
{
	struct store *s = open_held(path, key);

	if (s)
		store_release(s, "a");
	return s;
}

FIXTURE_SETUP(store)
{
	/* complaints about the full disk are meant */
	log_setup(0, false);
	strcpy(self->dir, "/tmp/kme_store.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	snprintf(self->path, sizeof(self->path), "%s/store", self->dir);
	self->s = open_with(self->path, seal);
	ASSERT_NE(NULL, self->s);
}

FIXTURE_TEARDOWN(store)
{
	char cmd[128];

	store_free(self->s);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", self->dir);
	EXPECT_EQ(0, system(cmd));
}

static struct qkd_key_id id_at(uint64_t offset, uint32_t len)
{
	struct qkd_key_id id;

	qkd_key_id_encode(generation, 0, len, offset, &id);
	return id;
}

static uint8_t byte_at(uint64_t offset)
{
	return offset * 151 + (offset >> 7);
}

static int put(struct store *s, uint64_t offset, uint32_t len, unsigned int n)
{
	struct qkd_key_id id = id_at(offset, len);
	uint8_t key[QKD_KEY_MAX];

	for (uint32_t i = 0; i < len; i++)
		key[i] = byte_at(offset + i);
	return store_put(s, &id, key, "a", both, n);
}

/* -EILSEQ: other bytes than were put */
static int fetch_len(struct store *s, const char *who, uint64_t offset,
		     uint32_t len)
{
	uint8_t key[QKD_KEY_MAX];
	struct store_want want = { id_at(offset, len), key };
	int err = store_fetch(s, "a", who, &want, 1);

	for (uint32_t i = 0; i < len && !err; i++)
		if (key[i] != byte_at(offset + i))
			err = -EILSEQ;
	return err;
}

static int fetch(struct store *s, const char *who, uint64_t offset)
{
	return fetch_len(s, who, offset, LEN);
}

static void reopen(FIXTURE_DATA(store) *self)
{
	store_free(self->s);
	self->s = open_with(self->path, seal);
	if (!self->s)
		abort();
}

static void reopen_held(FIXTURE_DATA(store) *self)
{
	store_free(self->s);
	self->s = open_held(self->path, seal);
	if (!self->s)
		abort();
}

static uint64_t count(struct store *s)
{
	struct store_mark m;

	return store_mark(s, &m) ? m.count : UINT64_MAX;
}

TEST_F(store, gives_nothing_that_waited_until_it_is_no_old_copy)
{
	struct qkd_key_id id = id_at(64, LEN);

	ASSERT_EQ(0, put(self->s, 64, 10 * LEN, 1));
	EXPECT_FALSE(store_holds(self->s));
	reopen_held(self);
	ASSERT_EQ(0, put(self->s, 64 + 10 * LEN, LEN, 1));
	EXPECT_TRUE(store_holds(self->s));
	EXPECT_TRUE(store_is_held(self->s, &id, "a"));
	EXPECT_FALSE(store_is_held(self->s, &id, "b"));
	EXPECT_EQ(-ENOENT, fetch(self->s, "b", 64));
	EXPECT_EQ(0, fetch(self->s, "b", 64 + 10 * LEN));
	store_release(self->s, "b");
	EXPECT_EQ(-ENOENT, fetch(self->s, "b", 64));
	store_release(self->s, "a");
	EXPECT_FALSE(store_holds(self->s));
	EXPECT_EQ(0, fetch(self->s, "b", 64));
}

TEST_F(store, an_old_copy_is_forgotten)
{
	struct store_mark before, after;
	struct store_figures f;

	ASSERT_EQ(0, put(self->s, 64, 10 * LEN, 1));
	reopen_held(self);
	ASSERT_EQ(0, put(self->s, 64 + 10 * LEN, LEN, 1));
	EXPECT_TRUE(store_mark(self->s, &before));
	EXPECT_EQ(10 * LEN, store_forget(self->s));
	EXPECT_FALSE(store_holds(self->s));
	EXPECT_TRUE(store_mark(self->s, &after));
	EXPECT_NE(0, memcmp(before.id, after.id, sizeof(after.id)));
	EXPECT_EQ(0, after.count);
	reopen_held(self);
	EXPECT_TRUE(store_mark(self->s, &before));
	EXPECT_EQ(0, memcmp(before.id, after.id, sizeof(after.id)));
	store_figures(self->s, &f);
	EXPECT_EQ(LEN, f.bytes);
	store_release(self->s, "a");
	EXPECT_EQ(-ENOENT, fetch(self->s, "b", 64));
	EXPECT_EQ(0, fetch(self->s, "b", 64 + 10 * LEN));
}

TEST_F(store, counts_what_was_given)
{
	struct store *memory = store_new(MEMORY, 1000);
	struct store_mark a, b;

	EXPECT_FALSE(store_mark(memory, &a));
	store_free(memory);
	ASSERT_EQ(0, put(self->s, 64, 10 * LEN, 2));
	EXPECT_EQ(0, count(self->s));
	EXPECT_EQ(0, fetch(self->s, "b", 64));
	EXPECT_EQ(-ENOENT, fetch(self->s, "b", 64));
	EXPECT_EQ(1, count(self->s));
	EXPECT_EQ(0, fetch(self->s, "c", 64));
	EXPECT_EQ(2, count(self->s));
	store_mark(self->s, &a);
	reopen(self);	/* read, and written anew */
	EXPECT_EQ(2, count(self->s));
	reopen(self);
	EXPECT_EQ(0, fetch(self->s, "c", 64 + LEN));
	EXPECT_EQ(3, count(self->s));
	store_mark(self->s, &b);
	EXPECT_EQ(0, memcmp(a.id, b.id, sizeof(b.id)));
}

TEST_F(store, remembers_how_far_others_are)
{
	struct store_mark a = { { 1 }, 7 }, b = { { 2 }, 1 }, m;

	EXPECT_FALSE(store_peer_get(self->s, "kme-x", &m));
	EXPECT_EQ(0, store_peer_set(self->s, "kme-x", &a));
	EXPECT_EQ(0, store_peer_set(self->s, "kme-y", &b));
	a.count = 5;	/* told before, arrived later */
	EXPECT_EQ(0, store_peer_set(self->s, "kme-x", &a));
	for (int i = 0; i < 3; i++) {
		EXPECT_TRUE(store_peer_get(self->s, "kme-x", &m));
		EXPECT_EQ(7, m.count);
		EXPECT_EQ(1, m.id[0]);
		EXPECT_TRUE(store_peer_get(self->s, "kme-y", &m));
		EXPECT_EQ(1, m.count);
		reopen(self);
	}
	EXPECT_EQ(0, store_peer_set(self->s, "kme-x", &b));
	reopen(self);
	EXPECT_TRUE(store_peer_get(self->s, "kme-x", &m));
	EXPECT_EQ(1, m.count);
	EXPECT_EQ(2, m.id[0]);
}

TEST_F(store, waits_over_a_restart)
{
	ASSERT_EQ(0, put(self->s, 64, 10 * LEN, 1));
	reopen(self);
	EXPECT_EQ(0, fetch(self->s, "b", 64 + 3 * LEN));
	EXPECT_EQ(-EACCES, fetch(self->s, "c", 64));
}

/* What several ask for at once: each is served as if it were alone. */
TEST_F(store, many_at_once)
{
	static const struct {
		const char *who;
		uint64_t offset;
		int err;
	} asked[] = {
		{ "b", 64, 0 },
		{ "c", 64, 0 },			/* the same, for the other */
		{ "b", 64, -ENOENT },		/* who has it already */
		{ "b", 64 + LEN, 0 },		/* of the same range */
		{ "d", 64 + 2 * LEN, -EACCES },
		{ "b", 4096, -ENOENT },
		{ "c", 64 + LEN, 0 },
	};
	enum { N = sizeof(asked) / sizeof(asked[0]) };
	struct store_want want[N];
	struct store_ask asks[N];
	struct store_figures f;
	uint8_t key[N][LEN];

	ASSERT_EQ(0, put(self->s, 64, 3 * LEN, 2));
	for (int i = 0; i < N; i++) {
		want[i] = (struct store_want){ id_at(asked[i].offset, LEN),
					       key[i] };
		asks[i] = (struct store_ask){ .master = "a",
					      .slave = asked[i].who,
					      .want = &want[i], .n = 1 };
	}
	store_fetch_many(self->s, asks, N);
	for (int i = 0; i < N; i++) {
		EXPECT_EQ(asked[i].err, asks[i].err);
		for (int k = 0; k < LEN && !asks[i].err; k++)
			EXPECT_EQ(byte_at(asked[i].offset + k), key[i][k]);
	}
	store_figures(self->s, &f);
	EXPECT_EQ(LEN, f.bytes);	/* the rest was wiped, once */
	reopen(self);
	EXPECT_EQ(-ENOENT, fetch(self->s, "b", 64));
	EXPECT_EQ(-ENOENT, fetch(self->s, "c", 64 + LEN));
	EXPECT_EQ(0, fetch(self->s, "c", 64 + 2 * LEN));
}

TEST_F(store, handed_out_stays_gone)
{
	ASSERT_EQ(0, put(self->s, 64, 10 * LEN, 2));
	ASSERT_EQ(0, fetch(self->s, "b", 64));
	reopen(self);
	EXPECT_EQ(-ENOENT, fetch(self->s, "b", 64));
	EXPECT_EQ(0, fetch(self->s, "c", 64));
	EXPECT_EQ(0, fetch(self->s, "b", 64 + LEN));
	reopen(self);	/* the second time it is read from what was rewritten */
	EXPECT_EQ(-ENOENT, fetch(self->s, "b", 64));
	EXPECT_EQ(-ENOENT, fetch(self->s, "c", 64));
	EXPECT_EQ(-ENOENT, fetch(self->s, "b", 64 + LEN));
	EXPECT_EQ(0, fetch(self->s, "c", 64 + LEN));
}

TEST_F(store, the_file_does_not_grow_for_ever)
{
	struct stat st;

	for (uint64_t i = 0; i < 20000; i++) {
		ASSERT_EQ(0, put(self->s, 64 + i * LEN, LEN, 1));
		if (i % 100)	/* each fetch waits for the disk */
			continue;
		ASSERT_EQ(0, fetch(self->s, "b", 64 + i * LEN));
	}
	ASSERT_EQ(0, stat(self->path, &st));
	EXPECT_GT(8 << 20, st.st_size);
}

TEST_F(store, key_is_not_readable_in_the_file)
{
	char cmd[256];
	uint8_t key[LEN] = "this is thirty-two bytes of key";
	struct qkd_key_id id = id_at(64, LEN);

	ASSERT_EQ(0, store_put(self->s, &id, key, "master", both, 1));
	ASSERT_EQ(0, store_sync(self->s));
	snprintf(cmd, sizeof(cmd), "! grep -q -a -e thirty -e master %s",
		 self->path);
	EXPECT_EQ(0, system(cmd));
}

TEST_F(store, another_key_opens_nothing_and_changes_nothing)
{
	uint8_t other[SEALLOG_KEY_SIZE] = { 8 };

	ASSERT_EQ(0, put(self->s, 64, LEN, 1));
	store_free(self->s);
	self->s = open_with(self->path, other);
	EXPECT_EQ(NULL, self->s);
	self->s = open_with(self->path, seal);
	ASSERT_NE(NULL, self->s);
	EXPECT_EQ(0, fetch(self->s, "b", 64));
}

TEST_F(store, a_second_process_is_kept_out)
{
	EXPECT_EQ(NULL, open_with(self->path, seal));
}

/* Whatever byte is changed, it is noticed: all or the last record is gone. */
TEST_F(store, a_changed_byte_gives_no_wrong_key)
{
	long size;

	ASSERT_EQ(0, put(self->s, 64, LEN, 1));
	ASSERT_EQ(0, put(self->s, 64 + LEN, LEN, 1));
	ASSERT_EQ(0, store_sync(self->s));
	store_free(self->s);
	self->s = NULL;
	{
		char cmd[256];

		snprintf(cmd, sizeof(cmd), "cp %s %s.whole", self->path,
			 self->path);
		ASSERT_EQ(0, system(cmd));
	}
	{
		struct stat st;

		ASSERT_EQ(0, stat(self->path, &st));
		size = st.st_size;
	}
	for (long at = 0; at < size; at += 3) {
		char cmd[256];
		FILE *f;
		int c;

		snprintf(cmd, sizeof(cmd), "cp %s.whole %s", self->path,
			 self->path);
		ASSERT_EQ(0, system(cmd));
		f = fopen(self->path, "r+");
		ASSERT_NE(NULL, f);
		fseek(f, at, SEEK_SET);
		c = fgetc(f);
		fseek(f, at, SEEK_SET);
		fputc(c ^ 1, f);
		fclose(f);
		self->s = open_with(self->path, seal);
		if (self->s) {
			int err = fetch(self->s, "b", 64);

			EXPECT_TRUE(!err || err == -ENOENT);
			EXPECT_EQ(-ENOENT, fetch(self->s, "b", 64 + LEN));
			store_free(self->s);
		}
		self->s = NULL;
	}
}

/* As a loss of power leaves it: any beginning of the file can be opened. */
TEST_F(store, a_file_cut_off_anywhere)
{
	struct stat st;
	char cmd[256];

	ASSERT_EQ(0, put(self->s, 64, LEN, 1));
	ASSERT_EQ(0, store_sync(self->s));
	ASSERT_EQ(0, stat(self->path, &st));
	ASSERT_EQ(0, put(self->s, 64 + LEN, LEN, 1));
	ASSERT_EQ(0, fetch(self->s, "b", 64));
	snprintf(cmd, sizeof(cmd), "cp %s %s.whole", self->path, self->path);
	ASSERT_EQ(0, system(cmd));
	for (long len = st.st_size;; len += 7) {
		struct stat whole;

		snprintf(cmd, sizeof(cmd), "cp %s.whole %s", self->path,
			 self->path);
		ASSERT_EQ(0, system(cmd));
		ASSERT_EQ(0, stat(self->path, &whole));
		if (len >= whole.st_size)
			break;
		ASSERT_EQ(0, truncate(self->path, len));
		reopen(self);
		EXPECT_EQ(0, fetch(self->s, "b", 64));
	}
	reopen(self);
	EXPECT_EQ(-ENOENT, fetch(self->s, "b", 64));
	EXPECT_EQ(0, fetch(self->s, "b", 64 + LEN));
}

TEST_F(store, a_full_disk_gives_no_key_and_loses_none)
{
	struct rlimit was, full;

	signal(SIGXFSZ, SIG_IGN);
	ASSERT_EQ(0, put(self->s, 64, LEN, 1));
	ASSERT_EQ(0, getrlimit(RLIMIT_FSIZE, &was));
	full = was;
	full.rlim_cur = 50;
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &full));
	EXPECT_EQ(-EIO, fetch(self->s, "b", 64));
	EXPECT_EQ(-EIO, put(self->s, 64 + LEN, LEN, 1));
	EXPECT_EQ(-EIO, fetch(self->s, "b", 64));
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &was));
	EXPECT_EQ(0, fetch(self->s, "b", 64));
	EXPECT_EQ(0, put(self->s, 64 + LEN, LEN, 1));
	reopen(self);
	EXPECT_EQ(-ENOENT, fetch(self->s, "b", 64));
	EXPECT_EQ(0, fetch(self->s, "b", 64 + LEN));
}

static ino_t inode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_ino;
}

/* Key of a byte, for as many as can be: what is noted of it is much more. */
TEST_F(store, small_ranges_count_for_what_they_take)
{
	unsigned int rewritten = 0;
	uint64_t i = 64;
	ino_t ino;

	while (i / 2 < MEMORY / 100 && !put(self->s, i, 1, 2))
		i += 2;
	EXPECT_EQ(-ENOSPC, put(self->s, i, 1, 2));
	EXPECT_GT(MEMORY / 100, i / 2);
	TH_LOG("%lu ranges of a byte", (unsigned long)i / 2);
	/* nor is the file written anew with each of them */
	for (int n = 0; n < 100; n++) {
		ino = inode_of(self->path);
		ASSERT_EQ(0, fetch_len(self->s, "b", 64 + 2 * n, 1));
		rewritten += inode_of(self->path) != ino;
	}
	EXPECT_GE(1, rewritten);
}

/* What the disk was full at came from a pool, and is nowhere else any more. */
TEST_F(store, what_met_a_full_disk_waits_all_the_same)
{
	struct rlimit was, full;

	signal(SIGXFSZ, SIG_IGN);
	EXPECT_EQ(0, store_ready(self->s));
	ASSERT_EQ(0, getrlimit(RLIMIT_FSIZE, &was));
	full = was;
	full.rlim_cur = 50;
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &full));
	EXPECT_EQ(-EIO, put(self->s, 64, LEN, 1));
	EXPECT_EQ(-EIO, store_ready(self->s));
	EXPECT_EQ(-EIO, fetch(self->s, "b", 64));
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &was));
	EXPECT_EQ(0, store_ready(self->s));
	reopen(self);
	EXPECT_EQ(0, fetch(self->s, "b", 64));
}

TEST_F(store, a_disk_full_between_two_gives_neither)
{
	struct rlimit was, full;
	uint8_t key[2][LEN];
	struct store_want want[2] = {
		{ id_at(64, LEN), key[0] }, { id_at(64 + LEN, LEN), key[1] },
	};
	struct store_ask asks[4] = {
		{ .master = "a", .slave = "b", .want = &want[0], .n = 1 },
		{ .master = "a", .slave = "b", .want = &want[1], .n = 1 },
		/* it is not gone to the first */
		{ .master = "a", .slave = "b", .want = &want[0], .n = 1 },
		{ .master = "a", .slave = "d", .want = &want[0], .n = 1 },
	};
	struct stat st;

	signal(SIGXFSZ, SIG_IGN);
	ASSERT_EQ(0, put(self->s, 64, 2 * LEN, 1));
	ASSERT_EQ(0, stat(self->path, &st));
	ASSERT_EQ(0, getrlimit(RLIMIT_FSIZE, &was));
	full = was;
	full.rlim_cur = st.st_size + 60;	/* a record more, not two */
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &full));
	store_fetch_many(self->s, asks, 4);
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &was));
	EXPECT_EQ(-EIO, asks[0].err);
	EXPECT_EQ(-EIO, asks[1].err);
	EXPECT_EQ(-EIO, asks[2].err);
	EXPECT_EQ(-EACCES, asks[3].err);
	store_fetch_many(self->s, asks, 2);
	EXPECT_EQ(0, asks[0].err);
	EXPECT_EQ(0, asks[1].err);
}

static void keep_error(struct taking *t, int err)
{
	*(int *)t->arg = err;
}

/* Where the peer's KME tells nothing, key is taken when it is asked for. */
TEST_F(store, a_full_disk_costs_a_pool_no_key)
{
	static const char conf[] =
		"{\"kme\":\"kme-b\",\"certificate\":\"x\",\"key\":\"x\","
		"\"ca\":\"x\",\"links\":[{\"link\":\"q0-far\","
		"\"peer-kme\":\"kme-a\",\"pairs\":[{\"local\":\"b\","
		"\"remote\":\"a\"}]}]}";
	struct kme kme = { .store = self->s };
	uint8_t given[2][LEN], key[LEN];
	struct qkd_key_id id[2];
	struct rlimit was, full;
	struct key_source *far;
	struct store_want want = { .key = key };
	struct taking t = {
		.want = &want, .n = 1, .done = keep_error,
	};
	struct conf *c;
	struct desk *d;
	char why[256];
	int err, i;

	c = conf_parse(conf, why, sizeof(why));
	ASSERT_NE(NULL, c);
	d = desk_new(&kme, c, NULL, NULL);
	ASSERT_NE(NULL, d);
	ASSERT_EQ(0, source_pool.open(&far, "q0"));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, source_pool.get(far, given[i], LEN, &id[i]));
	source_pool.close(far);
	t.pair = conf_pair(c, "b", "a");
	t.arg = &err;
	signal(SIGXFSZ, SIG_IGN);
	ASSERT_EQ(0, getrlimit(RLIMIT_FSIZE, &was));
	full = was;
	full.rlim_cur = 50;
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &full));
	for (i = 0; i < 2; i++) {
		want.id = id[i];
		desk_take(d, &t);
		EXPECT_EQ(-EIO, err);
	}
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &was));
	for (i = 0; i < 2; i++) {
		want.id = id[i];
		desk_take(d, &t);
		EXPECT_EQ(0, err);
		EXPECT_EQ(0, memcmp(given[i], key, LEN));
	}
	desk_free(d);
	conf_put(c);
}

/* The clock of the day, which somebody may set; the store is linked with this one. */
static time_t clock_off;

time_t time(time_t *t)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += clock_off;
	if (t)
		*t = now.tv_sec;
	return now.tv_sec;
}

#define YEARS	(365 * 86400L)

TEST_F(store, a_clock_set_while_it_runs_changes_nothing)
{
	static const time_t off[] = { 20 * YEARS, -20 * YEARS, 3600, 0 };
	unsigned int i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, put(self->s, 64 + i * LEN, LEN, 1));
		clock_off = off[i];
		store_expire(self->s);
		EXPECT_EQ(0, fetch(self->s, "b", 64 + i * LEN));
		EXPECT_EQ(-ENOENT, fetch(self->s, "b", 64 + i * LEN));
	}
}

TEST_F(store, a_clock_set_back_over_a_restart_gives_nothing_twice)
{
	ASSERT_EQ(0, put(self->s, 64, 2 * LEN, 1));
	ASSERT_EQ(0, fetch(self->s, "b", 64));
	clock_off = -20 * YEARS;
	reopen(self);
	EXPECT_EQ(-ENOENT, fetch(self->s, "b", 64));
	EXPECT_EQ(0, fetch(self->s, "b", 64 + LEN));
	clock_off = 0;
	reopen(self);
	EXPECT_EQ(-ENOENT, fetch(self->s, "b", 64 + LEN));
}

TEST_F(store, a_clock_set_forward_over_a_restart_erases_for_good)
{
	ASSERT_EQ(0, put(self->s, 64, LEN, 1));
	clock_off = 20 * YEARS;
	reopen(self);
	EXPECT_EQ(-ENOENT, fetch(self->s, "b", 64));
	clock_off = 0;
	reopen(self);
	EXPECT_EQ(-ENOENT, fetch(self->s, "b", 64));
}

/* Hands out keys, telling of each after it has it, until it is killed. */
static void hand_out_for_ever(const char *path, int to)
{
	struct store *s = open_with(path, seal);

	for (uint32_t i = 0; s; i++) {
		if (put(s, 64 + (uint64_t)i * LEN, LEN, 1) == -EEXIST ||
		    fetch(s, "b", 64 + (uint64_t)i * LEN))
			continue;
		if (write(to, &i, sizeof(i)) != sizeof(i))
			break;
	}
	_exit(1);
}

TEST_F(store, killed_at_any_moment_nothing_is_handed_out_twice)
{
	uint32_t highest = 0, i;
	unsigned int told = 0;

	store_free(self->s);
	self->s = NULL;
	for (int round = 0; round < 10; round++) {
		int fds[2];
		pid_t pid;

		unlink(self->path);
		ASSERT_EQ(0, pipe(fds));
		pid = fork();
		if (!pid)
			hand_out_for_ever(self->path, fds[1]);
		close(fds[1]);
		usleep(20000 + round * 3700);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		self->s = open_with(self->path, seal);
		ASSERT_NE(NULL, self->s);
		while (read(fds[0], &i, sizeof(i)) == sizeof(i)) {
			EXPECT_EQ(-ENOENT, fetch(self->s, "b",
						 64 + (uint64_t)i * LEN));
			highest = i;
			told++;
		}
		close(fds[0]);
		store_free(self->s);
		self->s = NULL;
	}
	TH_LOG("%u keys handed out, the last was number %u", told, highest);
	EXPECT_LT(0, told);
}

TEST_HARNESS_MAIN
