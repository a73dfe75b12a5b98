// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Everybody at once: feeding, getting and taking by many threads, and links
 * that change under them.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "tests/pair/pair.h"

#define KEYS	4000		/* for each of the getting threads */
#define THREADS	4

FIXTURE(threads) {
	struct pair p;
};

FIXTURE_SETUP(threads)
{
	pair_make(&self->p, 0);
	pair_fill(&self->p, 32768);
}

FIXTURE_TEARDOWN(threads)
{
	pair_free(&self->p);
}

struct worker {
	struct pair *p;
	pthread_t thread;
	uint64_t *ranges;	/* offset << 16 | length */
	int got;
	int bad;
	unsigned int seed;
};

static atomic_int stop;

/* Gets at alice's, takes at bob's, compares; each range is noted. */
static void *getting(void *arg)
{
	struct worker *w = arg;
	uint8_t key[300], theirs[300];
	struct qkd_key_range r;
	struct qkd_key_id id;
	int fa = pair_open(&w->p->a, O_RDWR);
	int fb = pair_open(&w->p->b, O_RDWR);

	for (w->got = 0; w->got < KEYS; w->got++) {
		uint32_t len = 1 + rand_r(&w->seed) % 64;

		if (pair_get(fa, key, len, &id) ||
		    pair_take(fb, &id, theirs, len) != (int)len ||
		    memcmp(key, theirs, len) ||
		    pair_take(fb, &id, theirs, len) != -EALREADY ||
		    qkd_key_id_decode(&id, &r) || r.len != len) {
			w->bad++;
			break;
		}
		w->ranges[w->got] = r.offset << 16 | len;
	}
	close(fa);
	close(fb);
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Feeds where there is room, until told to stop. */
static void *feeding(void *arg)
{
	struct pair *p = arg;
	struct qkd_state a, b;
	uint8_t key[8191];

	while (!atomic_load(&stop)) {
		pair_state(&p->a, &a);
		pair_state(&p->b, &b);
		if (a.room < 8192 || b.room < 8192) {
			/* bob's tx is used by nobody else */
			struct qkd_key_id id;

			if (!pair_get_now(p->b.fd, key, 4096, &id))
				pair_take(p->a.fd, &id, key, 4096);
			usleep(1000);
			continue;
		}
		pair_feed(p, 4096);
		pair_confirm(p, p->offset - 4096);
	}
	return NULL;
}

TEST_F_TIMEOUT(threads, invariants_1_and_2_with_many_threads, 100)
{
	struct worker w[THREADS] = { 0 };
	uint64_t *all = calloc(THREADS * KEYS, sizeof(*all));
	pthread_t feeder;
	int i, n = 0;

	atomic_store(&stop, 0);
	ASSERT_EQ(0, pthread_create(&feeder, NULL, feeding, &self->p));
	for (i = 0; i < THREADS; i++) {
		w[i].p = &self->p;
		w[i].seed = i;
		w[i].ranges = all + i * KEYS;
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, getting,
					    &w[i]));
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_EQ(0, w[i].bad);
		n += w[i].got;
	}
	atomic_store(&stop, 1);
	pthread_join(feeder, NULL);
	ASSERT_EQ(THREADS * KEYS, n);
	qsort(all, n, sizeof(*all), by_value);
	for (i = 1; i < n; i++)
		ASSERT_LE((all[i - 1] >> 16) + (all[i - 1] & 0xffff),
			  all[i] >> 16);
}

/* Any call; what matters is that the kernel bears it. */
static void *meddling(void *arg)
{
	struct worker *w = arg;
	uint8_t key[256];
	struct qkd_key_id id;
	struct qkd_state st;
	struct qkd_start s;

	while (!atomic_load(&stop)) {
		int fd = pair_open(rand_r(&w->seed) % 2 ? &w->p->a : &w->p->b,
				   O_RDWR | O_NONBLOCK);
		int i;

		for (i = 0; fd >= 0 && i < 20; i++) {
			switch (rand_r(&w->seed) % 7) {
			case 0:
				pair_get_now(fd, key, 100, &id);
				break;
			case 1:
				pair_random(&id, sizeof(id));
				pair_take(fd, &id, key, 100);
				break;
			case 2:
				pair_ioctl(fd, QKD_IOC_STATE, &st);
				break;
			case 3:
				if (rand_r(&w->seed) % 50)
					break;
				pair_random(&s, sizeof(s));
				pair_ioctl(fd, QKD_IOC_START, &s);
				break;
			case 4:
				pair_stream(fd, "chaos");
				break;
			case 5:
				if (read(fd, key, 100) >= 0)
					w->got++;
				break;
			case 6:
				w->bad += write(fd, key, 100) > 0;
				break;
			}
		}
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

TEST_F_TIMEOUT(threads, links_come_and_go_under_use, 100)
{
	struct qkd_link_conf conf = QKD_LINK_CONF_INIT;
	struct worker w[THREADS] = { 0 };
	uint32_t index;
	int i;

	conf.local4.s_addr = htonl(INADDR_LOOPBACK);
	conf.peer4 = conf.local4;
	conf.set = QKD_BIT(QKD_A_LINK_ADMIN_STATE) |
		   QKD_BIT(QKD_A_LINK_LOCAL4) | QKD_BIT(QKD_A_LINK_PEER4);
	atomic_store(&stop, 0);
	for (i = 0; i < THREADS; i++) {
		w[i].p = &self->p;
		w[i].seed = i;
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, meddling,
					    &w[i]));
	}
	for (i = 0; i < 60; i++) {
		conf.admin_state = i % 3 ? QKD_ADMIN_STATE_UP :
					   QKD_ADMIN_STATE_DOWN;
		conf.local_node = conf.peer_node = NULL;
		ASSERT_EQ(0, qkd_link_set(self->p.nl, "b", QKD_NO_INDEX,
					  &conf));
		usleep(20000);
		ASSERT_EQ(0, qkd_link_del(self->p.nl, "a", QKD_NO_INDEX));
		conf.local_node = "alice";
		conf.peer_node = "bob";
		ASSERT_EQ(0, qkd_link_add(self->p.nl, "a", &conf, &index));
		self->p.a.index = index;
	}
	atomic_store(&stop, 1);
	for (i = 0; i < THREADS; i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_EQ(0, w[i].bad);
	}
}

int main(int argc, char **argv)
{
	pair_need();
	return test_harness_run(argc, argv);
}
