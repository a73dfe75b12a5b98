// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Invariant 9: key goes where it is accounted, and the sums agree, whatever
 * happened: consumers gone, holes, generations given up.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "tests/pair/pair.h"

FIXTURE(account) {
	struct pair p;
};

FIXTURE_SETUP(account)
{
	pair_make(&self->p, 0);
	pair_fill(&self->p, 16384);
}

FIXTURE_TEARDOWN(account)
{
	pair_free(&self->p);
}

struct sums {
	uint64_t tx_bytes, rx_bytes, tx_keys, rx_keys, starved;
	int accounts;
	const char *name;	/* this one alone, if any */
};

static int add(const struct qkd_consumer *c, void *arg)
{
	struct sums *s = arg;

	if (s->name && strcmp(s->name, c->name))
		return 0;
	s->accounts++;
	s->tx_bytes += c->tx_bytes;
	s->rx_bytes += c->rx_bytes;
	s->tx_keys += c->tx_keys;
	s->rx_keys += c->rx_keys;
	s->starved += c->starved;
	return 0;
}

static struct sums sum(struct pair *p, const char *link, const char *name)
{
	struct sums s = { .name = name };

	if (qkd_consumer_each(p->nl, link, QKD_NO_INDEX, add, &s))
		pair_die("consumer-get", errno);
	return s;
}

static void sums_agree(struct __test_metadata *_metadata, struct pair *p,
		       const char *name)
{
	struct sums s = sum(p, name, NULL);
	struct qkd_link *link;

	ASSERT_EQ(0, qkd_link_get(p->nl, name, QKD_NO_INDEX, &link));
	EXPECT_EQ(link->tx->consumed, s.tx_bytes);
	EXPECT_EQ(link->rx->consumed, s.rx_bytes);
	EXPECT_EQ(link->errors->starved, s.starved);
	EXPECT_EQ(link->tx->fed, link->tx->consumed + link->tx->lost +
				 link->tx->held);
	EXPECT_EQ(link->rx->fed, link->rx->consumed + link->rx->lost +
				 link->rx->held);
	qkd_link_free(link);
}

static int labelled(struct __test_metadata *_metadata,
		    const struct pair_end *e, const char *label)
{
	struct qkd_label l = { 0 };
	int fd = pair_open(e, O_RDWR | O_NONBLOCK);

	strncpy(l.name, label, sizeof(l.name) - 1);
	EXPECT_EQ(0, pair_ioctl(fd, QKD_IOC_LABEL, &l));
	return fd;
}

TEST_F(account, invariant_9_each_use_is_its_consumers)
{
	struct qkd_key_id id;
	uint8_t key[100];
	int one = labelled(_metadata, &self->p.a, "one");
	int two = labelled(_metadata, &self->p.a, "two");
	int theirs = labelled(_metadata, &self->p.b, "three");
	struct sums s;

	ASSERT_EQ(0, pair_get(one, key, 100, &id));
	ASSERT_EQ(100, pair_take(theirs, &id, key, 100));
	ASSERT_EQ(0, pair_get(two, key, 10, &id));
	ASSERT_EQ(0, pair_get(two, key, 10, &id));
	s = sum(&self->p, "a", "one");
	EXPECT_EQ(100, s.tx_bytes);
	EXPECT_EQ(1, s.tx_keys);
	s = sum(&self->p, "a", "two");
	EXPECT_EQ(20, s.tx_bytes);
	EXPECT_EQ(2, s.tx_keys);
	s = sum(&self->p, "b", "three");
	EXPECT_EQ(100, s.rx_bytes);
	EXPECT_EQ(1, s.rx_keys);
	EXPECT_EQ(0, s.tx_bytes);
	sums_agree(_metadata, &self->p, "a");
	sums_agree(_metadata, &self->p, "b");
}

TEST_F(account, a_task_of_any_name_has_a_printable_one)
{
	uint8_t key[8];
	int fd;

	ASSERT_EQ(0, prctl(PR_SET_NAME, "a\nb\033[2J\177"));
	fd = pair_open(&self->p.a, O_RDWR);
	prctl(PR_SET_NAME, "account");
	ASSERT_EQ(0, pair_get(fd, key, sizeof(key), NULL));
	EXPECT_EQ(8, sum(&self->p, "a", "a?b?[2J?").tx_bytes);
	close(fd);
}

TEST_F(account, a_label_is_told_before_use)
{
	struct qkd_label l = { .name = "late" };
	uint8_t key[10];

	ASSERT_EQ(0, pair_get(self->p.a.fd, key, 10, NULL));
	EXPECT_EQ(-EBUSY, pair_ioctl(self->p.a.fd, QKD_IOC_LABEL, &l));
	memset(l.name, 'x', sizeof(l.name));
	EXPECT_EQ(-EINVAL, pair_ioctl(self->p.b.fd, QKD_IOC_LABEL, &l));
}

TEST_F(account, invariant_9_refusals_are_counted)
{
	uint8_t key[QKD_KEY_MAX];
	int fd = labelled(_metadata, &self->p.a, "greedy");
	int n = 0;

	while (!pair_get(fd, key, 5000, NULL))
		;
	while (n++ < 9)
		EXPECT_EQ(-EAGAIN, pair_get(fd, key, 5000, NULL));
	EXPECT_EQ(10, sum(&self->p, "a", "greedy").starved);
	sums_agree(_metadata, &self->p, "a");
}

TEST_F(account, invariant_9_with_consumers_that_are_gone)
{
	char name[32];
	uint8_t key[10];
	int i, fd;

	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "app%d", i);
		fd = labelled(_metadata, &self->p.a, name);
		ASSERT_EQ(0, pair_get(fd, key, 1 + i % 10, NULL));
		close(fd);
	}
	sums_agree(_metadata, &self->p, "a");
	/* the last ones are still told by name; the number is bounded */
	EXPECT_EQ(1, sum(&self->p, "a", "app99").accounts);
	EXPECT_EQ(0, sum(&self->p, "a", "app0").accounts);
	EXPECT_GE(40, sum(&self->p, "a", NULL).accounts);
}

TEST_F(account, an_account_goes_on_when_its_consumer_comes_back)
{
	uint8_t key[10];
	int i, fd;

	for (i = 0; i < 5; i++) {
		fd = labelled(_metadata, &self->p.a, "again");
		ASSERT_EQ(0, pair_get(fd, key, 10, NULL));
		close(fd);
	}
	EXPECT_EQ(1, sum(&self->p, "a", "again").accounts);
	EXPECT_EQ(50, sum(&self->p, "a", "again").tx_bytes);
}

TEST_F(account, invariant_9_over_holes_and_generations)
{
	uint8_t key[3000];
	struct qkd_key_id id;
	int i;

	srand(1);
	for (i = 0; i < 40; i++) {
		uint64_t from;

		if (i % 13 == 12)
			pair_start(&self->p);
		self->p.offset += i % 3 * 50;
		from = self->p.offset;
		pair_feed(&self->p, 3000);
		if (i % 5)
			pair_confirm(&self->p, from);
		if (!pair_get(self->p.a.fd, key, 1 + rand() % 3000, &id) &&
		    i % 2)
			EXPECT_LT(0, pair_take(self->p.b.fd, &id, key, 3000));
		pair_get(self->p.b.fd, key, 1 + rand() % 3000, NULL);
		sums_agree(_metadata, &self->p, "a");
		sums_agree(_metadata, &self->p, "b");
	}
}

TEST_F(account, invariant_9_streams_and_messages_are_accounted)
{
	int fa = labelled(_metadata, &self->p.a, "reader");
	int fb = labelled(_metadata, &self->p.b, "reader");
	struct sums control, s;
	uint8_t key[500];
	size_t n = 0;
	ssize_t got;
	int i;

	ASSERT_EQ(0, pair_stream(fa, "s"));
	ASSERT_EQ(0, pair_stream(fb, "s"));
	for (i = 0; i < 1000 && n < 1000; i++) {
		got = read(fa, key, sizeof(key));
		n += got > 0 ? got : 0;
		got = read(fb, key, sizeof(key));
		n += got > 0 ? got : 0;
		usleep(5000);
	}
	EXPECT_LE(1000, n);
	close(fa);
	close(fb);
	usleep(100000);
	s = sum(&self->p, "a", "reader");
	EXPECT_LE(500, s.tx_bytes);
	EXPECT_EQ(s.tx_bytes, sum(&self->p, "b", "reader").rx_bytes);
	control = sum(&self->p, "a", "");
	EXPECT_EQ(PAIR_SECRET + 32 * (control.tx_keys - 1), control.tx_bytes);
	EXPECT_LE(3, control.tx_keys);
	sums_agree(_metadata, &self->p, "a");
	sums_agree(_metadata, &self->p, "b");
}

int main(int argc, char **argv)
{
	pair_need();
	return test_harness_run(argc, argv);
}
