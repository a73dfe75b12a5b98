// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-feed: feeds both ends of a link on one machine with the same random
 * blocks, as two daemons would that need not trust a channel. For tests and
 * benchmarks of what uses key; it knows nothing of where key comes from.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <linux/qkd_dev.h>

#define BLOCK	65536u		/* bytes of a block at most: half for each way */

struct end {
	const char *path;
	int fd;
	struct qkd_state state;
};

static struct end ends[2];

static void die(const char *what, const char *path)
{
	fprintf(stderr, "qkd-feed: %s: %s: %s\n", path, what, strerror(errno));
	exit(1);
}

static void look(struct end *e)
{
	if (ioctl(e->fd, QKD_IOC_STATE, &e->state))
		die("state", e->path);
}

static void start(void)
{
	struct qkd_start s;
	int i;

	if (getrandom(s.generation, sizeof(s.generation), 0) < 0)
		die("getrandom", "");
	for (i = 0; i < 2; i++)
		if (ioctl(ends[i].fd, QKD_IOC_START, &s))
			die("start", ends[i].path);
}

static __u64 max64(__u64 a, __u64 b)
{
	return a > b ? a : b;
}

/* Where a block may begin at both ends. */
static __u64 head(void)
{
	__u64 h = 0;
	int i;

	for (i = 0; i < 2; i++)
		h = max64(h, max64(ends[i].state.tx.head,
				   ends[i].state.rx.head));
	return h;
}

static int room_for(__u32 len)
{
	return ends[0].state.room >= len && ends[1].state.room >= len;
}

static void confirm(struct end *e, const struct end *peer, __u64 offset,
		    __u32 len)
{
	struct qkd_confirm c = {
		.offset = offset,
		.len = len,
		.peer_reserved = peer->state.tx.tail,
	};

	memcpy(c.generation, e->state.generation, sizeof(c.generation));
	if (ioctl(e->fd, QKD_IOC_CONFIRM, &c))
		die("confirm", e->path);
}

/* One block to both. Return: 0, or -1 when a pool is full. */
static int feed(__u32 len)
{
	static struct {
		struct qkd_feed head;
		unsigned char bytes[BLOCK];
	} record;
	__u64 offset;
	int i;

	for (i = 0; i < 2; i++)
		look(&ends[i]);
	if (!room_for(len))
		return -1;
	offset = head();
	for (i = 0; i < (int)len; i += 256)
		if (getrandom(record.bytes + i, 256, 0) != 256)
			die("getrandom", "");
	memcpy(record.head.generation, ends[0].state.generation,
	       sizeof(record.head.generation));
	record.head.seq = max64(ends[0].state.next_seq,
				ends[1].state.next_seq);
	record.head.offset = offset;
	record.head.len = len;
	for (i = 0; i < 2; i++) {
		ssize_t n = write(ends[i].fd, &record, sizeof(record.head) + len);

		if (n < 0 && errno == EAGAIN)
			return -1;
		if (n < 0)
			die("feed", ends[i].path);
	}
	for (i = 0; i < 2; i++)
		confirm(&ends[i], &ends[!i], offset, len / 2);
	return 0;
}

static void add(unsigned long bytes)
{
	while (bytes) {
		unsigned long len = 2 * bytes < BLOCK ? 2 * bytes : BLOCK;

		len = (len + 255) / 256 * 256;
		if (feed(len)) {
			fprintf(stderr, "qkd-feed: a pool is full\n");
			exit(1);
		}
		bytes -= len / 2 < bytes ? len / 2 : bytes;
	}
}

/* For ever: as much as there is room for, @bytes a time, @ms between. */
static void keep(unsigned long bytes, unsigned long ms)
{
	struct timespec pause = {
		.tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000,
	};

	for (;;) {
		unsigned long len = 2 * bytes < BLOCK ? 2 * bytes : BLOCK;

		while (!feed((len + 255) / 256 * 256) && !ms)
			;
		nanosleep(&pause, NULL);
		if (!ms)
			usleep(2000);
	}
}

int main(int argc, char **argv)
{
	unsigned long bytes = argc > 4 ? strtoul(argv[4], NULL, 0) : 0;
	unsigned long ms = argc > 5 ? strtoul(argv[5], NULL, 0) : 0;
	int i;

	if (argc < 4) {
		fprintf(stderr,
			"Usage: qkd-feed DEVICE DEVICE start [BYTES]   new generation, with key\n"
			"       qkd-feed DEVICE DEVICE add BYTES       more key, each way\n"
			"       qkd-feed DEVICE DEVICE keep BYTES [MS] for ever; without MS, as room is\n");
		return argc > 1 ? 2 : 0;
	}
	for (i = 0; i < 2; i++) {
		ends[i].path = argv[i + 1];
		ends[i].fd = open(argv[i + 1], O_RDWR | O_CLOEXEC | O_NONBLOCK);
		if (ends[i].fd < 0)
			die("open", argv[i + 1]);
	}
	if (!strcmp(argv[3], "start"))
		start();
	else if (!strcmp(argv[3], "keep"))
		keep(bytes, ms);
	add(bytes);
	return 0;
}
