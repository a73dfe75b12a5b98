// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many links in one machine: each is there, can be named and listed, the last
 * serves as the first does, and with them their memory goes. QKD_LINKS says
 * how many (1,000; ten times that are promised).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "tests/pair/pair.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* kB of a line of /proc/meminfo */
static long meminfo(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "r");
	size_t n = strlen(name);
	char line[128];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, n) && line[n] == ':')
			kb = atol(line + n + 1);
	if (f)
		fclose(f);
	return kb;
}

static int add(struct qkd_nl *nl, int i, uint32_t *index)
{
	struct qkd_link_conf conf = QKD_LINK_CONF_INIT;
	char name[32], node[32];

	snprintf(name, sizeof(name), "l%d", i);
	snprintf(node, sizeof(node), "node%d", i);
	conf.local_node = "here";
	conf.peer_node = node;
	conf.local4.s_addr = htonl(INADDR_LOOPBACK);
	conf.peer4.s_addr = htonl(0x0a000001 + i);
	conf.admin_state = QKD_ADMIN_STATE_UP;
	conf.set = QKD_BIT(QKD_A_LINK_LOCAL4) | QKD_BIT(QKD_A_LINK_PEER4) |
		   QKD_BIT(QKD_A_LINK_ADMIN_STATE);
	return qkd_link_add(nl, name, &conf, index);
}

static int count(const struct qkd_link *link, void *arg)
{
	++*(int *)arg;
	return 0;
}

/* A generation, and a block that is confirmed. */
static int serve(uint32_t index)
{
	struct pair_end e = { .index = index };
	struct qkd_feed rec = { .len = 2 * 4096 };
	struct qkd_confirm c = { .len = 4096 };
	static uint8_t block[2 * 4096];
	struct qkd_start s;
	uint8_t key[32];
	int err;

	e.fd = pair_open(&e, O_RDWR | O_NONBLOCK);
	if (e.fd < 0)
		return e.fd;
	pair_random(&s, sizeof(s));
	memcpy(rec.generation, s.generation, sizeof(s.generation));
	memcpy(c.generation, s.generation, sizeof(s.generation));
	err = pair_ioctl(e.fd, QKD_IOC_START, &s);
	if (!err)
		err = pair_record(e.fd, &rec, block, rec.len);
	if (!err)
		err = pair_ioctl(e.fd, QKD_IOC_CONFIRM, &c);
	if (!err)
		err = pair_get_now(e.fd, key, sizeof(key), NULL);
	close(e.fd);
	return err;
}

FIXTURE(links) {
};

FIXTURE_SETUP(links)
{
}

FIXTURE_TEARDOWN(links)
{
}

TEST_F_TIMEOUT(links, are_many, 600)
{
	const char *env = getenv("QKD_LINKS");
	int n = env ? atoi(env) : 1000, i, seen = 0;
	uint32_t first = 0, last = 0;
	long before, slab, with, grown, after;
	struct qkd_link *link;
	struct qkd_nl *nl;
	char name[32];
	double t;

	pair_namespace();
	ASSERT_EQ(0, qkd_nl_open(&nl, NULL));
	before = meminfo("MemAvailable");
	slab = meminfo("SUnreclaim");
	t = now();
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, add(nl, i, i ? &last : &first)) {
			TH_LOG("link %d: %s", i, qkd_error());
		}
	t = now() - t;
	with = meminfo("MemAvailable");
	grown = meminfo("SUnreclaim");
	printf("BENCH link_add_ms %.3f ms\n", t * 1e3 / n);
	printf("BENCH link_bytes %ld B\n", (before - with) * 1024 / n);
	printf("BENCH link_slab_bytes %ld B\n",
	       (grown - slab) * 1024 / n);

	t = now();
	ASSERT_EQ(0, qkd_link_each(nl, count, &seen));
	printf("BENCH link_list_ms %.3f ms\n", (now() - t) * 1e3 / n);
	EXPECT_EQ(n, seen);
	snprintf(name, sizeof(name), "l%d", n - 1);
	t = now();
	ASSERT_EQ(0, qkd_link_get(nl, name, QKD_NO_INDEX, &link));
	printf("BENCH link_get_ms %.3f ms\n", (now() - t) * 1e3);
	EXPECT_EQ(last, link->index);
	qkd_link_free(link);
	EXPECT_EQ(-EEXIST, add(nl, n / 2, &last));
	EXPECT_EQ(0, serve(first));
	EXPECT_EQ(0, serve(first + n - 1));

	t = now();
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		ASSERT_EQ(0, qkd_link_del(nl, name, QKD_NO_INDEX));
	}
	printf("BENCH link_del_ms %.3f ms\n", (now() - t) * 1e3 / n);
	/* freed after a grace period, and devices' nodes by another thread */
	for (i = 0; i < 100; i++) {
		after = meminfo("SUnreclaim");
		if (after - slab < (grown - slab) / 2 + 512)
			break;
		usleep(100000);
	}
	EXPECT_GT((grown - slab) / 2 + 512, after - slab) {
		TH_LOG("slab: %ld kB before, %ld with, %ld after", slab, grown,
		       after);
	}
	qkd_nl_close(nl);
}

int main(int argc, char **argv)
{
	pair_need();
	return test_harness_run(argc, argv);
}
