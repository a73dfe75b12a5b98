// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a link's device gives, against what /dev/urandom does in the same run:
 * calls for a key of 32 bytes, and bytes of read(2) of a stream that is open
 * at both ends. With an argument only (tests/bench/pool.sh), since it needs
 * the module.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/pair/pair.h"

#define POOL	(8u << 20)
#define KEY	32
#define TURNS	5
#define CHUNK	65536
#define STREAM	(4u << 20)

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v)
{
	qsort(v, TURNS, sizeof(*v), by_size);
	return v[TURNS / 2];
}

static void check(int err, const char *what)
{
	if (err)
		pair_die(what, err);
}

static double reads_per_s(int fd, size_t len, int n)
{
	static uint8_t buf[CHUNK];
	double t = now();
	int i;

	for (i = 0; i < n; i++)
		if (read(fd, buf, len) != (ssize_t)len)
			pair_die("read", errno);
	return n / (now() - t);
}

static void keys(struct pair *p, int urandom)
{
	int n = (POOL - PAIR_SECRET - PAIR_CONTROL) / KEY / TURNS, turn, i;
	double get[TURNS], take[TURNS], other[TURNS], ratio[TURNS], t;
	struct qkd_key_id *id = malloc(n * sizeof(*id));
	uint8_t key[KEY];

	if (!id)
		pair_die("malloc", ENOMEM);
	pair_fill(p, POOL);
	for (turn = 0; turn < TURNS; turn++) {
		t = now();
		for (i = 0; i < n; i++)
			check(pair_get_now(p->a.fd, key, KEY, &id[i]), "get");
		get[turn] = n / (now() - t);
		other[turn] = reads_per_s(urandom, KEY, n);
		ratio[turn] = get[turn] / other[turn];
		t = now();
		for (i = 0; i < n; i++)
			if (pair_take(p->b.fd, &id[i], key, KEY) != KEY)
				pair_die("take", EIO);
		take[turn] = n / (now() - t);
	}
	free(id);
	printf("BENCH getkey_per_s %.0f 1/s\n", median(get));
	printf("BENCH takekey_per_s %.0f 1/s\n", median(take));
	printf("BENCH urandom_32_per_s %.0f 1/s\n", median(other));
	printf("BENCH getkey_vs_urandom %.3f ratio\n", median(ratio));
}

/* All of STREAM from a descriptor of its own, read as it comes. */
static void *reader(void *arg)
{
	static _Thread_local uint8_t buf[CHUNK];
	int fd = pair_open(arg, O_RDWR);
	size_t got = 0;
	ssize_t n;

	check(fd < 0 ? fd : 0, "open");
	check(pair_stream(fd, "bench"), "stream");
	while (got < STREAM) {
		n = read(fd, buf, sizeof(buf));
		if (n <= 0)
			pair_die("read", n ? errno : EPIPE);
		got += n;
	}
	return (void *)(intptr_t)fd;
}

static void stream(struct pair *p, int urandom)
{
	double mbps[TURNS], other[TURNS], ratio[TURNS], t;
	pthread_t a, b;
	void *fd[2];
	int turn;

	for (turn = 0; turn < TURNS; turn++) {
		pair_fill(p, POOL);
		t = now();
		if (pthread_create(&a, NULL, reader, &p->a) ||
		    pthread_create(&b, NULL, reader, &p->b))
			pair_die("thread", EAGAIN);
		pthread_join(a, &fd[0]);
		pthread_join(b, &fd[1]);
		mbps[turn] = STREAM / (now() - t) / 1e6;
		close((intptr_t)fd[0]);
		close((intptr_t)fd[1]);
		other[turn] = reads_per_s(urandom, CHUNK, STREAM / CHUNK) *
			      CHUNK / 1e6;
		ratio[turn] = mbps[turn] / other[turn];
	}
	printf("BENCH read_MBps %.2f MB/s\n", median(mbps));
	printf("BENCH urandom_MBps %.2f MB/s\n", median(other));
	printf("BENCH read_vs_urandom %.3f ratio\n", median(ratio));
}

int main(int argc, char **argv)
{
	struct pair p;
	int urandom;

	if (argc < 2) {
		fprintf(stderr, "Usage: pool_device run   (see pool.sh)\n");
		return 0;
	}
	pair_need();
	setvbuf(stdout, NULL, _IOLBF, 0);
	urandom = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	if (urandom < 0)
		pair_die("/dev/urandom", errno);
	pair_make(&p, POOL);
	keys(&p, urandom);
	stream(&p, urandom);
	pair_free(&p);
	return 0;
}
