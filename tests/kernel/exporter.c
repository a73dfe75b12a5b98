// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-exporter: each alarm is in the journal under its message ID, and in what
 * Prometheus fetches, with the numbers that the daemon reported. The journal is
 * the test's own, in a mount namespace.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "tests/pair/pair.h"

#define JOURNAL	"/run/systemd/journal"
#define PATIENCE 60000	/* ms */

/*
 * Written down once more on purpose: who filters by an ID finds it in each
 * later version.
 */
static const struct {
	enum qkd_alarm alarm;
	const char *fields;
} alarms[] = {
	{ QKD_ALARM_STARVED, "MESSAGE_ID=bae7edd55a01490e93bd87c1db9f4fe6\n"
	  "PRIORITY=3\nSYSLOG_IDENTIFIER=qkd\nQKD_LINK=a\nQKD_ALARM=starved\n" },
	{ QKD_ALARM_LOW, "MESSAGE_ID=705eedab88334dd5a0bccdc63a38465a\n"
	  "PRIORITY=4\nSYSLOG_IDENTIFIER=qkd\nQKD_LINK=a\nQKD_ALARM=low\n" },
	{ QKD_ALARM_QBER, "MESSAGE_ID=631ac4e585ba4147b57e96c17fdfdc39\n"
	  "PRIORITY=1\nSYSLOG_IDENTIFIER=qkd\nQKD_LINK=a\nQKD_ALARM=qber\n" },
	{ QKD_ALARM_VERIFY, "MESSAGE_ID=a7a03879be994b9eae4f386df1aafd39\n"
	  "PRIORITY=3\nSYSLOG_IDENTIFIER=qkd\nQKD_LINK=a\nQKD_ALARM=verify\n" },
	{ QKD_ALARM_AUTH, "MESSAGE_ID=b4d1fba1fbec492bb0250a986f649489\n"
	  "PRIORITY=1\nSYSLOG_IDENTIFIER=qkd\nQKD_LINK=a\nQKD_ALARM=auth\n" },
	{ QKD_ALARM_PEER, "MESSAGE_ID=2a8732d7895949ffb61f6026e917bd82\n"
	  "PRIORITY=4\nSYSLOG_IDENTIFIER=qkd\nQKD_LINK=a\nQKD_ALARM=peer\n" },
	{ QKD_ALARM_DRIVER, "MESSAGE_ID=340e8c8a1f0847d7bdbdb0e40e6dafa3\n"
	  "PRIORITY=3\nSYSLOG_IDENTIFIER=qkd\nQKD_LINK=a\nQKD_ALARM=driver\n" },
	{ QKD_ALARM_GENERATION, "MESSAGE_ID=26e80ba330324061b8531ca605fa3ef0\n"
	  "PRIORITY=5\nSYSLOG_IDENTIFIER=qkd\nQKD_LINK=a\nQKD_ALARM=generation\n" },
	{ QKD_ALARM_TUNNEL, "MESSAGE_ID=d8e774e3993d44738068b3e7d937338a\n"
	  "PRIORITY=3\nSYSLOG_IDENTIFIER=qkd\nQKD_LINK=a\nQKD_ALARM=tunnel\n" },
};

FIXTURE(exporter) {
	struct pair p;
	int journal;
	pid_t pid;
	char page[65536];
};

/* Return: a socket, or -1. */
static int dial(void)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons(9517),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* What GET /metrics answers is in @page; false if nothing does. */
static bool fetch(char *page, size_t room)
{
	static const char ask[] = "GET /metrics HTTP/1.0\r\n\r\n";
	int fd = dial();
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0)
		return false;
	if (write(fd, ask, strlen(ask)) == (ssize_t)strlen(ask))
		while ((n = read(fd, page + len, room - 1 - len)) > 0)
			len += n;
	close(fd);
	page[len] = '\0';
	return len && !n;
}

FIXTURE_SETUP(exporter)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX,
				 .sun_path = JOURNAL "/socket" };
	int i;

	pair_need();
	pair_make(&self->p, 0);
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_EQ(0, mount("none", "/run", "tmpfs", 0, NULL));
	mkdir("/run/systemd", 0755);
	mkdir(JOURNAL, 0755);
	self->journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(0, bind(self->journal, (struct sockaddr *)&a, sizeof(a)));
	self->pid = fork();
	if (!self->pid) {
		execlp("qkd-exporter", "qkd-exporter", NULL);
		_exit(127);
	}
	for (i = 0; i < PATIENCE / 50 &&
	     !fetch(self->page, sizeof(self->page)); i++)
		usleep(50000);
	ASSERT_LT(i, PATIENCE / 50);
}

FIXTURE_TEARDOWN(exporter)
{
	kill(self->pid, SIGTERM);
	waitpid(self->pid, NULL, 0);
	close(self->journal);
	pair_free(&self->p);
}

/* The next datagram of the journal, as a string. */
static bool journal_next(int fd, char *buf, size_t room)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, PATIENCE) != 1)
		return false;
	n = recv(fd, buf, room - 1, 0);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0;
}

TEST_F_TIMEOUT(exporter, alarms_have_their_message_ids, 300)
{
	struct qkd_link_report r = QKD_LINK_REPORT_INIT;
	char want[512], got[4096];

	r.alarm_text = "as told";
	for (size_t i = 0; i < sizeof(alarms) / sizeof(alarms[0]); i++) {
		r.alarm = alarms[i].alarm;
		ASSERT_EQ(0, qkd_link_report(self->p.nl, "a", QKD_NO_INDEX, &r));
		ASSERT_TRUE(journal_next(self->journal, got, sizeof(got)));
		snprintf(want, sizeof(want), "MESSAGE=a: as told\n%s",
			 alarms[i].fields);
		EXPECT_STREQ(want, got);
	}
	ASSERT_TRUE(fetch(self->page, sizeof(self->page)));
	for (size_t i = 0; i < sizeof(alarms) / sizeof(alarms[0]); i++) {
		snprintf(want, sizeof(want),
			 "qkd_alarms_total{link=\"a\",alarm=\"%s\"} 1\n",
			 qkd_alarm_name(alarms[i].alarm));
		EXPECT_NE(NULL, strstr(self->page, want)) {
			TH_LOG("%s", want);
		}
	}
}

TEST_F_TIMEOUT(exporter, numbers_are_the_kernels, 300)
{
	static const char *const want[] = {
		"qkd_up 1\n",
		"qkd_link_info{link=\"a\",local_node=\"alice\",peer_node=\"bob\",",
		"qkd_link_secret_bits_per_second{link=\"a\"} 350000\n",
		"qkd_link_qber_ratio{link=\"a\"} 0.015625\n",
		"qkd_link_fed_bytes_total{link=\"a\",direction=\"tx\"} 4096\n",
		"qkd_consumer_keys_total{link=\"a\",kind=\"device\",",
	};
	struct qkd_link_report r = QKD_LINK_REPORT_INIT;
	struct qkd_key_id id;
	char line[64], key[32];
	struct qkd_link *link;
	int fd;

	pair_fill(&self->p, 4096);
	fd = pair_open(&self->p.a, O_RDONLY);
	ASSERT_EQ(0, pair_get(fd, key, sizeof(key), &id));
	r.rates_set = QKD_BIT(QKD_A_RATES_SECRET_BPS) |
		      QKD_BIT(QKD_A_RATES_QBER_PPM);
	r.secret_bps = 350000;
	r.qber_ppm = 15625;	/* 1/64 */
	ASSERT_EQ(0, qkd_link_report(self->p.nl, "a", QKD_NO_INDEX, &r));
	ASSERT_TRUE(fetch(self->page, sizeof(self->page)));
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		EXPECT_NE(NULL, strstr(self->page, want[i])) {
			TH_LOG("%s", want[i]);
		}
	}
	ASSERT_EQ(0, qkd_link_get(self->p.nl, "a", QKD_NO_INDEX, &link));
	snprintf(line, sizeof(line),
		 "qkd_link_consumed_bytes_total{link=\"a\",direction=\"tx\"} %llu\n",
		 (unsigned long long)link->tx->consumed);
	EXPECT_NE(NULL, strstr(self->page, line)) {
		TH_LOG("%s", line);
	}
	EXPECT_LE(32, link->tx->consumed);
	qkd_link_free(link);
	close(fd);
}

/* Each sample is of a metric whose type was told above it. */
TEST_F_TIMEOUT(exporter, the_page_is_well_formed, 300)
{
	char *body = strstr(self->page, "\r\n\r\n"), *line, *rest;
	char type[128] = "";
	int samples = 0;

	ASSERT_NE(NULL, strstr(self->page, "version=0.0.4"));
	ASSERT_NE(NULL, body);
	for (line = strtok_r(body + 4, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (sscanf(line, "# TYPE %127s", type) == 1 || *line == '#')
			continue;
		EXPECT_EQ(strlen(type), strcspn(line, "{ "));
		EXPECT_EQ(0, strncmp(type, line, strlen(type)));
		samples++;
	}
	EXPECT_LT(40, samples);
}

TEST_HARNESS_MAIN
