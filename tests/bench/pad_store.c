// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast the file driver takes key out of a pad: claimed durably, read,
 * decrypted and erased, in blocks of 1 MiB, by one thread.
 *
 *	pad_store [MIB] [FOLDER]
 *
 * 1024 MiB in /dev/shm unless told: what the processor does, by the clock and
 * by the processor's time, which other load does not count in. In a folder on a
 * disk, which must have room, the disk is measured with it; the file is then
 * put out of the page cache first. Prints lines BENCH name value unit.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "tools/qkdd/driver_file.h"
#include "tools/qkdd/secret.h"

#define BLOCK	(1u << 20)

static char dir[256];
static uint8_t *block;
static bool on_disk;

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

int main(int argc, char **argv)
{
	uint64_t size = (argc > 1 ? strtoull(argv[1], NULL, 0) : 1024) * BLOCK;
	char path[300], key[300], cmd[300];

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
	use_up("pad_store", path, key);
	/* without encryption */
	memset(block, 1, BLOCK);
	make(path, key, size, false);
	use_up("pad_plain", path, NULL);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	return system(cmd) != 0;
}
