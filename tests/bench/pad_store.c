// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast the file driver takes key out of a pad: claimed durably, read,
 * decrypted and erased, in blocks of 1 MiB, by one thread.
 *
 *	pad_store [-l] [MIB] [FOLDER]
 *
 * 1024 MiB in /dev/shm unless told: what the processor does, by the clock and
 * by the processor's time, which other load does not count in. In a folder on a
 * disk, which must have room, the disk is measured with it; the file is then
 * put out of the page cache first. Prints lines BENCH name value unit.
 *
 * -l: a large store, 128 GiB unless told, from its first byte to its last, of
 * which no more than a window is there at any time: written just before it is
 * used, which is not counted, and given back after. Also tells whether it goes
 * slower at the end than at the beginning, and the memory that it took.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tools/common/secret.h"
#include "tools/qkdd/driver_file.h"

#define BLOCK	(1u << 20)
#define WINDOW	(256u << 20)
#define PARTS	8	/* of a large store, each timed */

static char dir[256];
static uint8_t *block;
static bool on_disk;
static bool large;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void put(int fd, const void *p, size_t n, off_t at)
{
	if (pwrite(fd, p, n, at) != (ssize_t)n)
		die("write");
}

/* The bytes are what lies in memory: nobody uses them. */
static void make(const char *path, const char *key_path, uint64_t size,
		 bool store)
{
	uint8_t key[PAD_KEY_SIZE] = { 1 }, buf[PAD_HEADER_SIZE];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), key_fd;
	struct pad_header h = { .size = size };
	struct pad_place place = {};
	struct pad_keys keys;
	uint64_t at;

	key_fd = open(key_path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || key_fd < 0)
		die(path);
	if (getrandom(h.name, sizeof(h.name), 0) < 0 ||
	    pad_derive(&keys, key, h.salt) || pad_header_put(buf, &h, &keys))
		die("keys");
	put(key_fd, key, sizeof(key), 0);
	if (store)
		put(fd, buf, sizeof(buf), 0);
	for (; place.count < 2; place.count++) {
		if (pad_place_put(buf, &place, &keys))
			die("keys");
		put(fd, buf, PAD_PLACE_SIZE, PAD_PLACE_AT(place.count));
	}
	if (large) {
		if (ftruncate(fd, PAD_BEGIN + size))
			die("a file of this size");
		size = 0;
	}
	for (at = 0; at < size; at += BLOCK) {
		if (pad_crypt(&keys, at, block, BLOCK))
			die("encrypt");
		put(fd, block, BLOCK, (store ? PAD_BEGIN : 0) + at);
	}
	if (fsync(fd))
		die("sync");
	if (on_disk)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	close(key_fd);
}

static void use_up(const char *name, const char *path, const char *key)
{
	struct file_where w = {
		.pad = path, .key = key, .state_dir = dir, .link = "bench",
	};
	struct file_pad p;
	char err[300];
	double wall, cpu;
	uint64_t at;

	if (file_pad_open(&p, &w, err, sizeof(err))) {
		fprintf(stderr, "%s\n", err);
		exit(1);
	}
	wall = now(CLOCK_MONOTONIC);
	cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	for (at = 0; at + BLOCK <= p.size; at += BLOCK)
		if (file_pad_take(&p, at, block, BLOCK))
			die("take");
	if (fdatasync(p.fd))
		die("sync");
	wall = now(CLOCK_MONOTONIC) - wall;
	cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	file_pad_close(&p);
	printf("BENCH %s%s_gbps %.2f Gbit/s\n", name, on_disk ? "_disk" : "",
	       8e-9 * at / wall);
	if (!on_disk)
		printf("BENCH %s_core_gbps %.2f Gbit/s\n", name,
		       8e-9 * at / cpu);
}

/* ---- a large one ---- */

struct used {
	double wall;
	double cpu;
};

/* What is behind was used; what comes need not be the pad, but no zeroes. */
static void move_window(const struct file_pad *p, uint64_t at)
{
	int fd = p->fd;
	uint64_t i;

	if (at && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			    PAD_BEGIN, at))
		die("a hole");
	if (pad_crypt(p->keys, at, block, BLOCK))
		die("encrypt");
	for (i = 0; i < WINDOW; i += BLOCK)
		put(fd, block, BLOCK, PAD_BEGIN + at + i);
	if (!on_disk)
		return;
	if (fdatasync(fd))
		die("sync");
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static void use_window(struct file_pad *p, uint64_t at, struct used *u)
{
	uint8_t *key = secret_alloc(BLOCK);
	uint64_t i;

	if (!key)
		die("memory");
	u->wall -= now(CLOCK_MONOTONIC);
	u->cpu -= now(CLOCK_PROCESS_CPUTIME_ID);
	for (i = 0; i < WINDOW; i += BLOCK)
		if (file_pad_take(p, at + i, key, BLOCK))
			die("take");
	if (fdatasync(p->fd))
		die("sync");
	u->wall += now(CLOCK_MONOTONIC);
	u->cpu += now(CLOCK_PROCESS_CPUTIME_ID);
	secret_free(key, BLOCK);
}

static void say_part(const char *name, uint64_t bytes, const struct used *u)
{
	const char *where = on_disk ? "_disk" : "";

	printf("BENCH pad_large%s%s_gbps %.2f Gbit/s\n", name, where,
	       8e-9 * bytes / u->wall);
	if (!on_disk)
		printf("BENCH pad_large%s_core_gbps %.2f Gbit/s\n", name,
		       8e-9 * bytes / u->cpu);
}

static void use_large(const char *path, const char *key, uint64_t size)
{
	struct file_where w = {
		.pad = path, .key = key, .state_dir = dir, .link = "bench",
	};
	struct used part[PARTS] = {}, all = {};
	struct file_pad p;
	struct rusage r;
	char err[300];
	uint64_t at;
	int i;

	if (file_pad_open(&p, &w, err, sizeof(err))) {
		fprintf(stderr, "%s\n", err);
		exit(1);
	}
	for (at = 0; at < size; at += WINDOW) {
		move_window(&p, at);
		use_window(&p, at, &part[at * PARTS / size]);
	}
	file_pad_close(&p);
	for (i = 0; i < PARTS; i++) {
		all.wall += part[i].wall;
		all.cpu += part[i].cpu;
	}
	getrusage(RUSAGE_SELF, &r);
	printf("BENCH pad_large_size %.1f GB\n", size * 1e-9);
	say_part("", size, &all);
	say_part("_first", size / PARTS, &part[0]);
	say_part("_last", size / PARTS, &part[PARTS - 1]);
	printf("BENCH pad_large_memory %.1f MB\n", r.ru_maxrss * 1.024e-3);
}

int main(int argc, char **argv)
{
	uint64_t size;
	char path[300], key[300], cmd[300];

	large = argc > 1 && !strcmp(argv[1], "-l");
	argv += large;
	argc -= large;
	size = argc > 1 ? strtoull(argv[1], NULL, 0) : large ? 131072 : 1024;
	size *= BLOCK;
	if (large)
		size -= size % (PARTS * (uint64_t)WINDOW);
	on_disk = argc > 2;
	snprintf(dir, sizeof(dir), "%s/pad_store.XXXXXX",
		 on_disk ? argv[2] : "/dev/shm");
	if (!mkdtemp(dir))
		die(dir);
	snprintf(path, sizeof(path), "%s/pad", dir);
	snprintf(key, sizeof(key), "%s/key", dir);
	block = secret_alloc(BLOCK);
	if (!block || getrandom(block, 256, 0) < 0)
		die("memory");
	make(path, key, size, true);
	if (large) {
		use_large(path, key, size);
		goto out;
	}
	use_up("pad_store", path, key);
	/* without encryption */
	memset(block, 1, BLOCK);
	make(path, key, size, false);
	use_up("pad_plain", path, NULL);
out:
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	return system(cmd) != 0;
}
