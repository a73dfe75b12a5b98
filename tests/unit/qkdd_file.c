// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Invariant 1 through power loss: the file driver, cut off before or after any
 * of its writes, uses no byte of its pad a second time.
 *
 * The driver runs in a child whose writes go through a model of a disk with a
 * volatile cache: until a file is synced each write may reach the disk or not,
 * or in part, and a new file may vanish until its folder is synced. The child
 * tells each range of the pad when it is handed out and dies at some call;
 * the next one starts with what the disk would hold. All of it for a plain pad,
 * and for an encrypted store.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "tools/pad/format.h"
#include "tools/qkdd/driver.h"
#include "tools/qkdd/drivers.h"
#include "tools/qkdd/words.h"
#include "tools/qkdd/work.h"

#define PAD	(12u << 20)
#define SECTOR	512
#define CUTS	120

enum { USED_UP = 7, CUT_OFF };		/* how a child ends */

ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __real_pread(int fd, void *p, size_t n, off_t at);
ssize_t __wrap_pread(int fd, void *p, size_t n, off_t at);
ssize_t __real_pwritev2(int fd, const struct iovec *v, int n, off_t at,
			int flags);
ssize_t __wrap_pwritev2(int fd, const struct iovec *v, int n, off_t at,
			int flags);
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

static off_t bad_sector = -1;

ssize_t __wrap_pread(int fd, void *p, size_t n, off_t at)
{
	if (at == bad_sector) {
		errno = EIO;
		return -1;
	}
	return __real_pread(fd, p, n, at);
}

static char dir[64];
static const char *link_name = "l";
static struct unsynced *unsynced;
static bool dir_synced;		/* since the state file was made */
static int cut_in = -1;	/* calls until the power goes; < 0: never */
static bool faulty;		/* a sync may fail */
static bool sealed;		/* the pad is a store */
static bool keep;		/* what was used is not erased */

static void state_path(char *buf, size_t room)
{
	snprintf(buf, room, "%s/%s.pad", dir, link_name);
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

/* Whatever was written within @n bytes from @at on is on the disk. */
static void forget(int fd, off_t at, size_t n)
{
	struct unsynced **u = &unsynced;

	while (*u) {
		struct unsynced *gone = *u;

		if (gone->fd != fd || gone->at < at ||
		    gone->at + gone->len > at + n) {
			u = &gone->older;
			continue;
		}
		*u = gone->older;
		free(gone);
	}
}

/* This write is durable when it returns; elsewhere others stay as they are. */
ssize_t __wrap_pwritev2(int fd, const struct iovec *v, int n, off_t at,
			int flags)
{
	ssize_t done = __wrap_pwrite(fd, v->iov_base, v->iov_len, at);

	if (n != 1 || flags != RWF_DSYNC)
		return done;
	if (faulty && !(rand() % 4)) {
		errno = EIO;
		return -1;
	}
	forget(fd, at, done);
	maybe_cut();
	return done;
}

static int synced(int fd)
{
	struct stat st;

	maybe_cut();
	if (faulty && !(rand() % 4)) {
		errno = EIO;
		return -1;
	}
	forget(fd, 0, SSIZE_MAX);
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
static int failures;
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
	/* a disk that failed may work again */
	over = !strstr(why, "fails") || ++failures > 8;
}

static void on_trouble(void *ctx, const char *why)
{
}

static int open_pad(void **inst, const char *key)
{
	static const struct driver_host host = {
		.key = on_key, .no_key = on_no_key, .trouble = on_trouble,
	};
	struct driver_conf conf = { .link = link_name, .state_dir = dir };
	char text[200], err[200];
	struct words w;

	snprintf(text, sizeof(text), sealed ? "pad=%1$s/pad key=%1$s/%2$s" :
		 "pad=%1$s/pad", dir, key);
	if (!*key)
		snprintf(text, sizeof(text), "pad=%s/pad", dir);
	if (keep)
		strcat(text, " erase=no");
	conf.words = &w;
	if (words_parse(&w, text, err, sizeof(err)))
		return -EPROTO;
	return driver_file.open(inst, &conf, &host, NULL, err, sizeof(err));
}

static void use_pad(void)
{
	void *inst;

	if (open_pad(&inst, "key"))
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

static void write_file(const char *name, const void *p, size_t n, off_t at)
{
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_CREAT | O_RDWR | (at ? 0 : O_TRUNC), 0600);
	if (fd < 0 || __real_pwrite(fd, p, n, at) != (ssize_t)n)
		exit(1);
	close(fd);
}

static void make_store(uint8_t *p)
{
	static const uint8_t key[PAD_KEY_SIZE] = { 1, 2, 3 };
	struct pad_header h = { .size = PAD - 64, .name = { 4 } };
	struct pad_place place = {};
	uint8_t buf[PAD_HEADER_SIZE];
	struct pad_keys keys;

	if (pad_derive(&keys, key, h.salt) ||
	    pad_header_put(buf, &h, &keys) || pad_crypt(&keys, 0, p, PAD - 64))
		exit(1);
	write_file("key", key, sizeof(key), 0);
	write_file("pad", buf, sizeof(buf), 0);
	for (; place.count < 2; place.count++) {
		if (pad_place_put(buf, &place, &keys))
			exit(1);
		write_file("pad", buf, PAD_PLACE_SIZE,
			   PAD_PLACE_AT(place.count));
	}
	write_file("pad", p, PAD - 64, PAD_BEGIN);
}

static void make_pad(void)
{
	uint8_t *p = malloc(PAD);
	size_t i;

	for (i = 0; i < PAD; i++)
		p[i] = pad_byte(i);
	if (sealed)
		make_store(p);
	else
		write_file("pad", p, PAD, 0);
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

FIXTURE_VARIANT(qkdd_file) {
	bool sealed;
};

FIXTURE_VARIANT_ADD(qkdd_file, plain) {
	.sealed = false,
};

FIXTURE_VARIANT_ADD(qkdd_file, store) {
	.sealed = true,
};

FIXTURE_SETUP(qkdd_file)
{
	sealed = variant->sealed;
	/* in memory: what a disk would do is modelled */
	strcpy(dir, access("/dev/shm", W_OK) ? "/tmp/qkdd_file.XXXXXX" :
	       "/dev/shm/qkdd_file.XXXXXX");
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
		int ret;

		/* what was erased could not be mistaken for key */
		keep = i / 2 % 2;
		ret = run(self, i, cut, &faults, &count);
		keep = false;
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

/* A plain pad's state is another's, a store's is its own. */
TEST_F(qkdd_file, another_link_uses_no_byte_again)
{
	uint64_t first = 0, second = 0;
	unsigned int faults = 0;

	EXPECT_EQ(CUT_OFF, run(self, 1, 60, &faults, &first));
	EXPECT_LT(0, first);
	link_name = "m";
	EXPECT_EQ(USED_UP, run(self, 2, -1, &faults, &second));
	link_name = "l";
	EXPECT_EQ(0, faults);
	EXPECT_TRUE(sealed ? second > PAD / 2 : !second);
}

TEST_F(qkdd_file, nor_has_it_at_the_same_time)
{
	void *a, *b;

	ASSERT_EQ(0, open_pad(&a, "key"));
	link_name = "m";
	EXPECT_EQ(-EBUSY, open_pad(&b, "key"));
	driver_file.close(a);
	EXPECT_EQ(0, open_pad(&b, "key"));
	driver_file.close(b);
	link_name = "l";
}

TEST_F(qkdd_file, a_store_is_opened_by_its_key_only)
{
	static const uint8_t other[PAD_KEY_SIZE] = { 3, 2, 1 };
	void *a;

	if (!sealed)
		SKIP(return, "a plain pad has none");
	write_file("other", other, sizeof(other), 0);
	write_file("short", other, sizeof(other) - 1, 0);
	EXPECT_EQ(-EKEYREJECTED, open_pad(&a, "other"));
	EXPECT_EQ(-EBADMSG, open_pad(&a, "short"));
	EXPECT_EQ(-ENOENT, open_pad(&a, "none"));
	EXPECT_EQ(-EINVAL, open_pad(&a, ""));
	ASSERT_EQ(0, open_pad(&a, "key"));
	driver_file.close(a);
}

/* One that cannot say how far it was used is refused. */
TEST_F(qkdd_file, a_damaged_store_is_refused)
{
	static const uint8_t junk[8] = { 1 };
	char path[80];
	void *a;

	if (!sealed)
		SKIP(return, "it has none");
	write_file("pad", junk, sizeof(junk), PAD_PLACE_AT(0));
	ASSERT_EQ(0, open_pad(&a, "key"));
	driver_file.close(a);
	write_file("pad", junk, sizeof(junk), PAD_PLACE_AT(1));
	EXPECT_EQ(-EBADMSG, open_pad(&a, "key"));
	snprintf(path, sizeof(path), "%s/pad", dir);
	ASSERT_EQ(0, truncate(path, PAD_BEGIN + PAD / 2));
	EXPECT_EQ(-EINVAL, open_pad(&a, "key"));
}

/* The older of two places is not used for a newer that cannot be read. */
TEST_F(qkdd_file, a_bad_sector_is_no_older_place)
{
	void *a;

	ASSERT_EQ(0, open_pad(&a, "key"));
	driver_file.close(a);
	bad_sector = 4096;
	EXPECT_EQ(-EIO, open_pad(&a, "key"));
	bad_sector = -1;
	ASSERT_EQ(0, open_pad(&a, "key"));
	driver_file.close(a);
}

TEST_HARNESS_MAIN
