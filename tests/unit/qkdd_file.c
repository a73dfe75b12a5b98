// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Invariant 1 through power loss: the file driver, cut off before or after any
 * of its writes, uses no byte of its pad a second time.
 *
 * The driver runs in a child whose writes go through a model of a disk with a
 * volatile cache: until a file is synced each write may reach the disk or not,
 * or in part, and a new file may vanish until its folder is synced. The child
 * tells each range of the pad when it is handed out and dies at some call;
 * the next one starts with what the disk would hold.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "tools/qkdd/driver.h"
#include "tools/qkdd/drivers.h"
#include "tools/qkdd/words.h"
#include "tools/qkdd/work.h"

#define PAD	(24u << 20)
#define SECTOR	512
#define CUTS	120

enum { USED_UP = 7, CUT_OFF };		/* how a child ends */

ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_fsync(int fd);
int __wrap_fsync(int fd);

/* ---- the disk, in the child ---- */

struct unsynced {
	struct unsynced *older;
	int fd;
	off_t at;
	size_t len;
	off_t size;		/* of the file before */
	uint8_t was[];
};

static char dir[64];
static struct unsynced *unsynced;
static bool dir_synced;		/* since the state file was made */
static int cut_in;		/* calls until the power goes; < 0: never */
static bool faulty;		/* a sync may fail */

static void state_path(char *buf, size_t room)
{
	snprintf(buf, room, "%s/l.pad", dir);
}

/* What was not synced is there or not, sector by sector. */
static void power_off(void)
{
	char path[80];

	for (; unsynced; unsynced = unsynced->older) {
		struct unsynced *u = unsynced;
		size_t n, o;

		for (o = 0; o < u->len; o += n) {
			n = SECTOR - (u->at + o) % SECTOR;
			if (n > u->len - o)
				n = u->len - o;
			if (rand() % 2)
				__real_pwrite(u->fd, u->was + o, n, u->at + o);
		}
		if (u->size < u->at && rand() % 2)
			if (ftruncate(u->fd, u->size))
				_exit(3);
	}
	state_path(path, sizeof(path));
	if (!dir_synced && rand() % 2)
		unlink(path);
	_exit(CUT_OFF);
}

static void maybe_cut(void)
{
	if (cut_in >= 0 && !cut_in--)
		power_off();
}

ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	struct unsynced *u = calloc(1, sizeof(*u) + n);
	struct stat st;
	ssize_t done;

	maybe_cut();
	if (fstat(fd, &st) || pread(fd, u->was, n, at) < 0)
		_exit(3);
	*u = (struct unsynced){ .older = unsynced, .fd = fd, .at = at,
				.len = n, .size = st.st_size };
	unsynced = u;
	done = __real_pwrite(fd, p, n, at);
	maybe_cut();
	return done;
}

static int synced(int fd)
{
	struct unsynced **u = &unsynced;
	struct stat st;

	maybe_cut();
	if (faulty && !(rand() % 4)) {
		errno = EIO;
		return -1;
	}
	while (*u) {
		struct unsynced *gone = *u;

		if (gone->fd != fd) {
			u = &gone->older;
			continue;
		}
		*u = gone->older;
		free(gone);
	}
	if (!fstat(fd, &st) && S_ISDIR(st.st_mode))
		dir_synced = true;
	maybe_cut();
	return 0;
}

int __wrap_fdatasync(int fd)
{
	return synced(fd);
}

int __wrap_fsync(int fd)
{
	return synced(fd);
}

/* ---- the daemon's part, in the child ---- */

struct range {
	uint64_t at;
	uint32_t len;
	uint32_t sum;		/* of the bytes */
};

static int told[2];
static bool over;
static struct work *submitted;

void workers_submit(struct workers *ws, struct work *work)
{
	submitted = work;
}

static uint32_t sum(const uint8_t *p, size_t n)
{
	uint32_t s = 1;

	while (n--)
		s = s * 31 + *p++;
	return s;
}

static void on_key(void *ctx, const uint8_t *id, size_t id_len,
		   const void *key, size_t len)
{
	struct range r = { .len = len, .sum = sum(key, len) };
	unsigned int i;

	for (i = 0; i < 8; i++)
		r.at = r.at << 8 | id[16 + i];
	if (write(told[1], &r, sizeof(r)) != sizeof(r))
		_exit(3);
}

static void on_no_key(void *ctx, const uint8_t *hint, size_t len,
		      const char *why)
{
	over = true;
}

static void on_trouble(void *ctx, const char *why)
{
}

static void use_pad(void)
{
	static const struct driver_host host = {
		.key = on_key, .no_key = on_no_key, .trouble = on_trouble,
	};
	struct driver_conf conf = { .link = "l", .state_dir = dir };
	char text[200], err[200];
	struct words w;
	void *inst;

	snprintf(text, sizeof(text), "pad=%s/pad", dir);
	conf.words = &w;
	if (words_parse(&w, text, err, sizeof(err)) ||
	    driver_file.open(&inst, &conf, &host, NULL, err, sizeof(err)))
		_exit(faulty ? CUT_OFF : 3);
	while (!over) {
		driver_file.get(inst, 4096 + rand() % 400000);
		while (submitted) {
			struct work *work = submitted;

			submitted = NULL;
			work->run(work);
			work->done(work);
		}
	}
	_exit(USED_UP);
}

/* ---- the test ---- */

static uint8_t pad_byte(uint64_t at)
{
	return (at * 0x9e3779b97f4a7c15ULL) >> 56;
}

static void make_pad(void)
{
	uint8_t *p = malloc(PAD);
	char path[80];
	size_t i;
	int fd;

	for (i = 0; i < PAD; i++)
		p[i] = pad_byte(i);
	snprintf(path, sizeof(path), "%s/pad", dir);
	fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);
	if (fd < 0 || write(fd, p, PAD) != PAD)
		exit(1);
	close(fd);
	free(p);
}

/* Reads what the child used. How often a byte was used before, or was wrong. */
static unsigned int check(uint8_t *used, uint64_t *count)
{
	unsigned int faults = 0;
	struct range r;

	while (read(told[0], &r, sizeof(r)) == sizeof(r)) {
		uint32_t s = 1, i;

		for (i = 0; i < r.len; i++) {
			faults += used[r.at + i];
			used[r.at + i] = 1;
			s = s * 31 + pad_byte(r.at + i);
		}
		faults += s != r.sum;
		*count += r.len;
	}
	return faults;
}

FIXTURE(qkdd_file) {
	uint8_t *used;
};

FIXTURE_SETUP(qkdd_file)
{
	strcpy(dir, "/tmp/qkdd_file.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(dir));
	self->used = calloc(1, PAD);
	make_pad();
}

FIXTURE_TEARDOWN(qkdd_file)
{
	char cmd[100];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	if (system(cmd))
		fprintf(stderr, "%s is left\n", dir);
	free(self->used);
}

static int run(FIXTURE_DATA(qkdd_file) *self, unsigned int seed, int cut,
	       unsigned int *faults, uint64_t *count)
{
	char path[80];
	int status;
	pid_t pid;

	if (pipe(told))
		return -1;
	pid = fork();
	if (!pid) {
		close(told[0]);
		srand(seed);
		cut_in = cut;
		state_path(path, sizeof(path));
		dir_synced = !access(path, F_OK);
		use_pad();
	}
	close(told[1]);
	*faults += check(self->used, count);
	close(told[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Cut off @n times, then to the end. */
static void cut_and_go_on(struct __test_metadata *_metadata,
			  FIXTURE_DATA(qkdd_file) *self, unsigned int n)
{
	unsigned int faults = 0, i;
	uint64_t count = 0;

	for (i = 0; i < n; i++) {
		/* early ones while the state file is new, late ones too */
		int cut = i * 7919 % (i % 2 ? 150 : 20);
		int ret = run(self, i, cut, &faults, &count);

		ASSERT_TRUE(ret == USED_UP || ret == CUT_OFF) TH_LOG("cut %u: %d", i, ret);
		ASSERT_EQ(0, faults) TH_LOG("after cut %u", i);
		if (ret == USED_UP) {
			/* a new pad; the same bytes are another's */
			char path[80];

			state_path(path, sizeof(path));
			unlink(path);
			memset(self->used, 0, PAD);
			make_pad();
		}
	}
}

TEST_F(qkdd_file, no_byte_is_used_twice_through_power_loss)
{
	cut_and_go_on(_metadata, self, CUTS);
}

TEST_F(qkdd_file, nor_when_syncing_fails)
{
	faulty = true;
	cut_and_go_on(_metadata, self, CUTS / 4);
	faulty = false;
}

TEST_F(qkdd_file, the_whole_pad_is_used_but_its_name)
{
	unsigned int faults = 0;
	uint64_t count = 0;

	EXPECT_EQ(USED_UP, run(self, 1, -1, &faults, &count));
	EXPECT_EQ(0, faults);
	EXPECT_EQ(PAD - 64, count);
}

TEST_HARNESS_MAIN
