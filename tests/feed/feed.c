// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-feed: feeds both ends of a link on one machine with the same random
 * blocks, then confirmed at both, as two daemons would that agree. For tests
 * and benchmarks of what uses key: the bytes come from a fast generator.
 *
 * Where only one direction's key is used, the pool is full of the other's in
 * the end, since a block needs room in both. With -t that is taken at both
 * ends and thrown away.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <linux/qkd_dev.h>

#define BLOCK	65536u		/* bytes of a block: half for each way */
#define PIECES	16		/* keys thrown away at a time */
#define GRACE	3		/* s: more than tests set as rx-grace */

static const char usage[] =
	"Usage: qkd-feed [OPTIONS] DEVICE DEVICE start [BYTES]\n"
	"                      a new generation, with key each way\n"
	"       qkd-feed [OPTIONS] DEVICE DEVICE add BYTES\n"
	"                      more key each way; fails where there is no room\n"
	"       qkd-feed [OPTIONS] DEVICE DEVICE fill\n"
	"                      as much as there is room for\n"
	"       qkd-feed [OPTIONS] DEVICE DEVICE keep [BYTES [MS]]\n"
	"                      for ever: as there is room, or BYTES each MS\n"
	"  -b BLOCK   bytes of a block, for both ways\n"
	"  -r RATE    keep: bytes a second each way\n"
	"  -t         fill, keep: throw away what one way leaves\n"
	"All but start begin a generation only if there is none.\n";

static uint64_t seed[2];

/* xoroshiro128+, Blackman and Vigna 2018 */
static uint64_t next_random(void)
{
	uint64_t a = seed[0], b = seed[1], sum = a + b;

	b ^= a;
	seed[0] = ((a << 24) | (a >> 40)) ^ b ^ (b << 16);
	seed[1] = (b << 37) | (b >> 27);
	return sum;
}

static void die(const char *what)
{
	fprintf(stderr, "qkd-feed: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void get_state(int fd, struct qkd_state *st)
{
	if (ioctl(fd, QKD_IOC_STATE, st))
		die("state");
}

static int has_generation(const struct qkd_state *st)
{
	static const uint8_t none[QKD_GENERATION_SIZE];

	return memcmp(st->generation, none, sizeof(none)) != 0;
}

static void start(const int fd[2], int anew)
{
	struct qkd_state a, b;
	struct qkd_start s;

	get_state(fd[0], &a);
	get_state(fd[1], &b);
	if (!anew && has_generation(&a) &&
	    !memcmp(a.generation, b.generation, sizeof(a.generation)))
		return;
	if (getrandom(s.generation, sizeof(s.generation), 0) < 0)
		die("getrandom");
	if (ioctl(fd[0], QKD_IOC_START, &s) || ioctl(fd[1], QKD_IOC_START, &s))
		die("start");
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * Without a block that would say so: how far each end has reserved. Key whose
 * packet was lost expires by that, and may be all that is in the way.
 */
static void report(const int fd[2])
{
	static uint64_t told[2];
	struct qkd_state st[2];
	struct qkd_confirm c = { .len = 0 };
	int i;

	get_state(fd[0], &st[0]);
	get_state(fd[1], &st[1]);
	memcpy(c.generation, st[0].generation, sizeof(c.generation));
	for (i = 0; i < 2; i++) {
		c.peer_reserved = st[!i].tx.tail;
		if (c.peer_reserved == told[i])
			continue;
		told[i] = c.peer_reserved;
		if (ioctl(fd[i], QKD_IOC_CONFIRM, &c))
			die("report");
	}
}

/* 0 if there is no room at one end */
static int feed(const int fd[2], uint8_t *rec, uint32_t len)
{
	struct qkd_feed *f = (struct qkd_feed *)rec;
	uint64_t *w = (uint64_t *)(rec + sizeof(*f));
	struct qkd_confirm c = { .len = len / 2 };
	struct qkd_state st[2];
	uint32_t i;

	get_state(fd[0], &st[0]);
	get_state(fd[1], &st[1]);
	if (st[0].room < len || st[1].room < len)
		return 0;
	memcpy(f->generation, st[0].generation, sizeof(f->generation));
	f->seq = max_u64(st[0].next_seq, st[1].next_seq);
	f->offset = max_u64(max_u64(st[0].tx.head, st[0].rx.head),
			    max_u64(st[1].tx.head, st[1].rx.head));
	f->len = len;
	f->flags = 0;
	for (i = 0; i < len / 8; i++)
		w[i] = next_random();
	for (i = 0; i < 2; i++)
		if (write(fd[i], rec, sizeof(*f) + len) < 0) {
			if (errno == EAGAIN)
				return 0;
			die("feed");
		}
	memcpy(c.generation, f->generation, sizeof(c.generation));
	c.offset = f->offset;
	for (i = 0; i < 2; i++) {
		c.peer_reserved = st[!i].tx.tail;
		if (ioctl(fd[i], QKD_IOC_CONFIRM, &c))
			die("confirm");
	}
	return 1;
}

/*
 * Make room in the stream that nobody uses: end @i sends, the other takes.
 * Unless it is all to be the same in the end, half as much more may stay.
 */
static void balance(const int fd[2], int all)
{
	static uint8_t key[QKD_KEY_MAX];
	struct qkd_state st[2];
	unsigned int i, n;
	uint64_t slack;

	get_state(fd[0], &st[0]);
	get_state(fd[1], &st[1]);
	i = st[1].tx.available > st[0].tx.available;
	/* who asks in vain is taken for one who needs key */
	if (!all && st[i].tx.available < st[i].tx.room)
		return;
	slack = all ? PIECES * sizeof(key) : st[i].tx.available / 2;
	if (st[i].tx.available - st[!i].tx.available < slack)
		return;
	for (n = 0; n < PIECES; n++) {
		struct qkd_get g = {
			.buf = (uintptr_t)key, .len = sizeof(key),
			.flags = QKD_GET_NONBLOCK,
		};
		struct qkd_take t = {
			.buf = (uintptr_t)key, .len = sizeof(key),
		};

		if (ioctl(fd[i], QKD_IOC_GET, &g))
			return;
		t.id = g.id;
		if (ioctl(fd[!i], QKD_IOC_TAKE, &t))
			die("take");
	}
}

/* Before filling up: as much in one direction as in the other. */
static void balance_all(const int fd[2])
{
	struct qkd_state st[2];
	uint64_t was;

	do {
		get_state(fd[0], &st[0]);
		get_state(fd[1], &st[1]);
		was = st[0].tx.available + st[1].tx.available;
		balance(fd, 1);
		get_state(fd[0], &st[0]);
		get_state(fd[1], &st[1]);
	} while (st[0].tx.available + st[1].tx.available != was);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* Exactly @bytes each way, but for rounding up to 128. */
static void add(const int fd[2], uint8_t *rec, uint32_t block, uint64_t bytes)
{
	uint64_t len;

	for (; bytes; bytes -= len / 2 < bytes ? len / 2 : bytes) {
		len = 2 * bytes < block ? (2 * bytes + 255) & ~255ull : block;
		if (feed(fd, rec, len))
			continue;
		fprintf(stderr, "qkd-feed: a pool is full\n");
		exit(1);
	}
}

/* What may be all that is in the way of a block. */
static int make_room(const int fd[2], int throw)
{
	if (throw)
		balance(fd, 0);
	report(fd);
	return throw;
}

static void keep(const int fd[2], uint8_t *rec, uint32_t block, double rate,
		 unsigned long ms, int throw)
{
	struct pollfd p = { .fd = fd[0], .events = POLLOUT };
	double begin = now(), done = 0, since;

	for (;;) {
		if (rate && done > rate * (now() - begin)) {
			usleep(1000);
			continue;
		}
		if (feed(fd, rec, block) ||
		    (make_room(fd, throw) && feed(fd, rec, block)))
			done += block / 2;
		else if (!ms)
			poll(&p, 1, 1);
		/* what full pools did not take in a second is not made up for */
		since = rate ? now() - 1 - done / rate : begin;
		if (begin < since)
			begin = since;
		usleep(1000 * ms);
	}
}

/* Key that one end reserved and the other has not taken, and may never. */
static int is_in_the_way(const int fd[2])
{
	struct qkd_state st[2];

	get_state(fd[0], &st[0]);
	get_state(fd[1], &st[1]);
	return st[0].rx.tail < st[1].tx.tail || st[1].rx.tail < st[0].tx.tail;
}

/* Waits for the grace time of what is in the way. */
static void fill(const int fd[2], uint8_t *rec, uint32_t block, int throw)
{
	double end;

	if (throw)
		balance_all(fd);
	end = now() + GRACE;
	do {
		while (feed(fd, rec, block))
			;
		report(fd);
		usleep(20000);
	} while (is_in_the_way(fd) && now() < end);
}

static int open_both(char **paths, int fd[2], int throw)
{
	int i;

	for (i = 0; i < 2; i++) {
		fd[i] = open(paths[i], O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd[i] < 0)
			die(paths[i]);
		if (throw)
			ioctl(fd[i], QKD_IOC_LABEL,
			      &(struct qkd_label){ .name = "balance" });
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t block = BLOCK;
	int opt, fd[2], throw = 0;
	uint64_t bytes = 0;
	double rate = 0;
	const char *verb;
	uint8_t *rec;

	if (getrandom(seed, sizeof(seed), 0) < 0)
		die("getrandom");
	while ((opt = getopt(argc, argv, "+b:r:t")) != -1) {
		switch (opt) {
		case 'b':
			block = strtoul(optarg, NULL, 0);
			break;
		case 'r':
			rate = strtod(optarg, NULL);
			break;
		case 't':
			throw = 1;
			break;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	argv += optind;
	argc -= optind;
	if (argc < 3 || !block || block > QKD_BLOCK_MAX) {
		fputs(usage, stderr);
		return 2;
	}
	verb = argv[2];
	if (argc > 3)
		bytes = strtoull(argv[3], NULL, 0);
	if (!strcmp(verb, "keep") && bytes && 2 * bytes < block)
		block = 2 * bytes;
	block = (block + 15) & ~15u;	/* a random word for each way */
	rec = malloc(sizeof(struct qkd_feed) + block);
	if (!rec)
		die("malloc");
	open_both(argv, fd, throw);
	start(fd, !strcmp(verb, "start"));
	if (!strcmp(verb, "keep"))
		keep(fd, rec, block, rate,
		     argc > 4 ? strtoul(argv[4], NULL, 0) : 0, throw);
	if (!strcmp(verb, "fill")) {
		fill(fd, rec, block, throw);
		return 0;
	}
	add(fd, rec, block, bytes);
	return 0;
}
