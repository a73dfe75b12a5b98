// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Drivers of raw depth, each through the whole chain: recordings, pipes and
 * entangled pairs give both ends the same key, or are refused with the reason.
 */
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/qkd.h>

#include "tests/unit/qkdd_pair.h"
#include "tools/common/log.h"
#include "tools/raw/raw.h"
#include "tools/sim/sim.h"

#include <kselftest_harness.h>

/* Two intensities: short blocks give key. Twenty of them in half a second. */
#define DEVICE	"length=0 rate=1e9 efficiency=0.2 intensities=0.5,0.15 " \
		"probabilities=0.6,0.4 pz=0.7 speed=0"
#define BLOCK	"block=262144"

static const char * const side[2] = { "alice", "bob" };

/* A simulated run into a file for each end: recorded, as it were. */
static void record(const char *dir, const char *words, double seconds)
{
	struct sim_config c;
	char err[SIM_ERROR_SIZE], text[1024], path[256];
	struct sim *sim;
	int fd[2], i;

	snprintf(text, sizeof(text), "%s seconds=%g", words, seconds);
	sim_config_init(&c);
	sim = sim_config_parse(&c, text, err) ? NULL : sim_new(&c, err);
	if (!sim) {
		fprintf(stderr, "%s\n", err);
		exit(1);
	}
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, side[i]);
		fd[i] = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	}
	if (sim_run(sim, fd[0], fd[1], NULL, NULL))
		exit(1);
	sim_free(sim);
	close(fd[0]);
	close(fd[1]);
}

/* Words added to a recording's header */
static void say_too(const char *dir, int who, const char *words)
{
	char from[256], to[256];
	uint8_t *buf = malloc(64 << 20);
	struct raw_header h;
	ssize_t len, used;
	int fd;

	snprintf(from, sizeof(from), "%s/%s", dir, side[who]);
	snprintf(to, sizeof(to), "%s/%s.new", dir, side[who]);
	fd = open(from, O_RDONLY);
	len = read(fd, buf, 64 << 20);
	close(fd);
	used = raw_header_parse(buf, len, &h);
	snprintf(h.text + strlen(h.text), sizeof(h.text) - strlen(h.text),
		 " %s\n", words);
	fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	{
		uint8_t head[RAW_HEADER_SIZE + RAW_TEXT_MAX];
		ssize_t n = raw_header_build(head, sizeof(head), &h);

		if (write(fd, head, n) != n ||
		    write(fd, buf + used, len - used) != len - used)
			exit(1);
	}
	close(fd);
	free(buf);
	if (rename(to, from))
		exit(1);
}

/* An alarm stays; a reason is gone with the next block that gives key. */
static bool told_why(struct pair *p, void *arg)
{
	int i;

	for (i = 0; i < 2; i++)
		if (strstr(p->end[i].reason, arg) ||
		    strstr(p->end[i].alarm[QKD_ALARM_DRIVER], arg))
			return true;
	return false;
}

static void start_both(struct pair *p)
{
	pair_start(p, 0);
	pair_start(p, 1);
}

/* ---- recordings ---- */

FIXTURE(replay) {
	struct pair p;
	char dir[64];
};

FIXTURE_SETUP(replay)
{
	int i;

	log_setup(getenv("V") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERR, false);
	strcpy(self->dir, "/tmp/qkdd-drivers.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	pair_init(&self->p, "replay", "", 1 << 24, true);
	for (i = 0; i < 2; i++)
		snprintf(self->p.config[i], sizeof(self->p.config[i]),
			 "file=%s/%s " BLOCK, self->dir, side[i]);
}

FIXTURE_TEARDOWN(replay)
{
	char cmd[128];

	pair_free(&self->p);
	snprintf(cmd, sizeof(cmd), "rm -r %s", self->dir);
	EXPECT_EQ(0, system(cmd));
}

static void words(struct pair *p, const char *more)
{
	int i;

	for (i = 0; i < 2; i++)
		strcat(strcat(p->config[i], " "), more);
}

TEST_F_TIMEOUT(replay, gives_both_ends_the_same_key, 90)
{
	record(self->dir, DEVICE, 0.3);
	start_both(&self->p);
	ASSERT_TRUE(pair_key_comes(&self->p, 30)) {
		TH_LOG("%s; %s", self->p.end[0].reason, self->p.end[1].reason);
	}
	EXPECT_TRUE(pair_run(&self->p, told_why, (void *)"at its end", 30));
	EXPECT_LT(0, pair_compare(&self->p));
	EXPECT_EQ(NULL, strstr(self->p.end[0].report, "assumes"));
}

TEST_F(replay, gives_its_key_once)
{
	uint64_t had;
	int i;

	record(self->dir, DEVICE, 0.3);
	start_both(&self->p);
	ASSERT_TRUE(pair_key_comes(&self->p, 30));
	for (i = 0; i < 2; i++)
		pair_stop(&self->p, i);
	had = self->p.end[0].pool.confirmed;
	start_both(&self->p);
	EXPECT_TRUE(pair_run(&self->p, told_why, (void *)"twice", 10));
	pair_run(&self->p, NULL, NULL, 1);
	EXPECT_EQ(had, self->p.end[0].pool.confirmed);
}

TEST_F(replay, is_not_used_up_while_nobody_takes_it)
{
	record(self->dir, DEVICE, 0.3);
	/* only one end is there */
	pair_start(&self->p, 0);
	pair_run(&self->p, NULL, NULL, 0.5);
	pair_stop(&self->p, 0);
	start_both(&self->p);
	ASSERT_TRUE(pair_key_comes(&self->p, 30)) {
		TH_LOG("%s; %s", self->p.end[0].reason, self->p.end[1].reason);
	}
}

static const struct refusal {
	int who;
	const char *says;
	const char *why;
} refusal[] = {
	{ 1, "basis=none", "no key can come of it" },
	{ 0, "states=3", "three states" },
	{ 0, "resampled=1", "resampled=yes" },
	{ 1, "resampled=1", "resampled=yes" },
	{ 0, "seeded=1", "known sequence" },
};

TEST_F_TIMEOUT(replay, is_refused_with_the_reason, 60)
{
	size_t i;

	for (i = 0; i < sizeof(refusal) / sizeof(refusal[0]); i++) {
		const struct refusal *r = &refusal[i];

		record(self->dir, DEVICE, 0.1);
		say_too(self->dir, r->who, r->says);
		start_both(&self->p);
		EXPECT_TRUE(pair_run(&self->p, told_why, (void *)r->why, 10)) {
			TH_LOG("%s: \"%s\"", r->says,
			       self->p.end[r->who].reason);
		}
		pair_run(&self->p, NULL, NULL, 0.3);
		EXPECT_EQ(0, self->p.end[0].pool.confirmed);
		pair_stop(&self->p, 0);
		pair_stop(&self->p, 1);
	}
}

TEST_F(replay, without_decoys_is_refused)
{
	record(self->dir, "length=0 intensities=0.5 probabilities=1 speed=0",
	       0.05);
	start_both(&self->p);
	EXPECT_TRUE(pair_run(&self->p, told_why, (void *)"without decoys",
			     10)) {
		TH_LOG("%s", self->p.end[0].reason);
	}
	EXPECT_EQ(0, self->p.end[0].pool.confirmed);
}

TEST_F(replay, tells_in_its_reports_what_was_let_pass)
{
	record(self->dir, DEVICE, 0.3);
	say_too(self->dir, 0, "resampled=1 states=3");
	say_too(self->dir, 1, "resampled=1 states=3");
	words(&self->p, "resampled=yes states=3");
	start_both(&self->p);
	ASSERT_TRUE(pair_key_comes(&self->p, 30)) {
		TH_LOG("%s; %s", self->p.end[0].reason, self->p.end[1].reason);
	}
	EXPECT_NE(NULL, strstr(self->p.end[0].report,
			       "\"assumes\":\"resampled,fourth-state\""));
	EXPECT_NE(NULL, strstr(self->p.end[1].report,
			       "\"assumes\":\"resampled,fourth-state\""));
}

TEST_F(replay, of_different_runs_gives_nothing)
{
	record(self->dir, DEVICE, 0.2);
	{
		char was[256], keep[256];

		snprintf(was, sizeof(was), "%s/alice", self->dir);
		snprintf(keep, sizeof(keep), "%s/keep", self->dir);
		ASSERT_EQ(0, rename(was, keep));
		record(self->dir, DEVICE, 0.2);
		ASSERT_EQ(0, rename(keep, was));
	}
	start_both(&self->p);
	EXPECT_TRUE(pair_run(&self->p, told_why, (void *)"different runs",
			     10));
	pair_run(&self->p, NULL, NULL, 1);
	EXPECT_EQ(0, self->p.end[0].pool.confirmed);
	EXPECT_EQ(0, self->p.end[1].pool.confirmed);
}

/* ---- pipes ---- */

/* Alice's device speaks into a named pipe, Bob's through a socket. */
static void device(const char *fifo, int listener)
{
	struct sim_config c;
	char err[SIM_ERROR_SIZE];
	struct sim *sim;
	int alice = open(fifo, O_WRONLY), bob = accept(listener, NULL, NULL);

	signal(SIGPIPE, SIG_IGN);
	sim_config_init(&c);
	if (sim_config_parse(&c, DEVICE " seconds=0.4", err))
		_exit(1);
	sim = sim_new(&c, err);
	_exit(sim ? -sim_run(sim, alice, bob, NULL, NULL) : 1);
}

TEST(pipes_give_both_ends_the_same_key)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char dir[] = "/tmp/qkdd-drivers.XXXXXX", fifo[64], cmd[64];
	struct pair p;
	pid_t pid;
	int fd;

	log_setup(getenv("V") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERR, false);
	ASSERT_NE(NULL, mkdtemp(dir));
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/socket", dir);
	ASSERT_EQ(0, mkfifo(fifo, 0600));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&un, sizeof(un)));
	ASSERT_EQ(0, listen(fd, 1));
	pid = fork();
	if (!pid)
		device(fifo, fd);
	pair_init(&p, "pipe", "", 1 << 24, true);
	snprintf(p.config[0], sizeof(p.config[0]), "from=%s " BLOCK, fifo);
	snprintf(p.config[1], sizeof(p.config[1]), "from=unix:%s " BLOCK,
		 un.sun_path);
	start_both(&p);
	EXPECT_TRUE(pair_key_comes(&p, 60)) {
		TH_LOG("%s; %s", p.end[0].reason, p.end[1].reason);
	}
	EXPECT_LT(0, pair_compare(&p));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* the device is gone: said, and not an end of the daemon */
	EXPECT_TRUE(pair_run(&p, told_why, (void *)"device's data", 20));
	close(fd);
	pair_free(&p);
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	EXPECT_EQ(0, system(cmd));
}

/* ---- entangled pairs ---- */

static double number(const char *json, const char *name)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(json, key);
	return at ? atof(at + strlen(key)) : -1e9;
}

/* Few enough for a machine that is busy otherwise */
#define PAIRS	"device=bbm92 length=5 pairs=5e5 efficiency=0.7 pz=0.6 " \
		"block=32768 "

FIXTURE(pairs) {
	struct pair p;
};

FIXTURE_SETUP(pairs)
{
	log_setup(getenv("V") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERR, false);
}

FIXTURE_TEARDOWN(pairs)
{
	pair_free(&self->p);
}

TEST_F_TIMEOUT(pairs, give_both_ends_the_same_key, 120)
{
	const char *report = self->p.end[0].report;

	pair_init(&self->p, "sim", PAIRS
		  "misalignment=0.01 offset_ns=-345678.9 drift_ppb=700", 1 << 24, true);
	start_both(&self->p);
	ASSERT_TRUE(pair_key_comes(&self->p, 60)) {
		TH_LOG("%s; %s", self->p.end[0].reason, self->p.end[1].reason);
	}
	ASSERT_TRUE(pair_key_comes(&self->p, 60));
	EXPECT_LT(0, pair_compare(&self->p));
	EXPECT_NE(NULL, strstr(report, "\"method\":\"bbm92\""));
	/* five standard deviations about 2 sqrt 2 (1 - 2 misalignment) */
	EXPECT_GT(5 * number(report, "chsh_sigma"),
		  fabs(number(report, "chsh") - 2.772)) {
		TH_LOG("%s", report);
	}
	EXPECT_GT(2, fabs(number(report, "clock_drift_ppb") - 700));
	/* the fibre's delay is in the offset; the clock drifts meanwhile */
	EXPECT_GT(50000, fabs(number(report, "clock_offset_ns") + 345679 -
			     5 * 4897));
	EXPECT_GT(20000, self->p.end[0].rates.qber_ppm);
}

TEST_F_TIMEOUT(pairs, that_are_listened_to_give_none, 60)
{
	pair_init(&self->p, "sim", PAIRS "misalignment=0.12", 1 << 24, true);
	start_both(&self->p);
	EXPECT_TRUE(pair_run(&self->p, told_why, (void *)"QBER", 40)) {
		TH_LOG("%s; %s", self->p.end[0].reason, self->p.end[1].reason);
	}
	EXPECT_EQ(0, self->p.end[0].pool.confirmed);
	EXPECT_NE(0, self->p.end[0].alarms[QKD_ALARM_QBER]);
}

/* Clocks further apart than was searched: no coincidences, no key, a reason */
TEST_F_TIMEOUT(pairs, of_clocks_too_far_apart_give_none, 60)
{
	pair_init(&self->p, "sim", PAIRS "offset_ns=5e6 offset_max=1e5", 1 << 24, true);
	start_both(&self->p);
	EXPECT_TRUE(pair_run(&self->p, told_why, (void *)"coincidences", 40)) {
		TH_LOG("%s; %s", self->p.end[0].reason, self->p.end[1].reason);
	}
	EXPECT_EQ(0, self->p.end[0].pool.confirmed);
}

/* ---- recordings of real hardware, drawn by their statistics ---- */

/* arXiv:2505.17587; simulator.rst has what the files say of themselves */
static const struct ohio {
	const char *name;
	double qber_ppm;	/* key basis */
} ohio[] = {
	{ "ohioDataVarsObsCarRun3Mar27", 25300 },
	{ "ohioDataVarsObsTableTopRun3and4", 30900 },
};

TEST_F_TIMEOUT(replay, of_the_drone_link_is_refused_then_gives_key, 300)
{
	const char *data = getenv("QKD_TEST_DATA");
	char cmd[1024], file[512];
	const char *report;
	size_t i;
	int n;

	snprintf(file, sizeof(file), "%s/qkd/ohio_drone/%s.mat",
		 data ? data : "../shared/data", ohio[0].name);
	if (access(file, R_OK))
		SKIP(return, "no recordings in $QKD_TEST_DATA");
	for (i = 0; i < sizeof(ohio) / sizeof(ohio[0]); i++) {
		uint64_t had = self->p.end[0].pool.confirmed;

		snprintf(file, sizeof(file), "%s/qkd/ohio_drone/%s.mat",
			 data ? data : "../shared/data", ohio[i].name);
		snprintf(cmd, sizeof(cmd), "qkd-raw ohio %s alice %s/alice bob %s/bob > /dev/null",
			 file, self->dir, self->dir);
		ASSERT_EQ(0, system(cmd));
		for (n = 0; n < 2; n++)
			snprintf(self->p.config[n],
				 sizeof(self->p.config[n]), "file=%s/%s "
				 BLOCK " resampled=yes", self->dir, side[n]);
		start_both(&self->p);
		EXPECT_TRUE(pair_run(&self->p, told_why,
				     (void *)"three states", 20));
		EXPECT_EQ(had, self->p.end[0].pool.confirmed);
		pair_stop(&self->p, 0);
		pair_stop(&self->p, 1);
		words(&self->p, "states=3");
		start_both(&self->p);
		EXPECT_TRUE(pair_key_comes(&self->p, 100)) {
			TH_LOG("%s: %s", ohio[i].name,
			       self->p.end[0].reason);
		}
		report = self->p.end[0].report;
		/* theirs is the signal's alone */
		EXPECT_GT(4000, fabs(1e6 * number(report, "errors") /
				     number(report, "n") -
				     ohio[i].qber_ppm)) {
			TH_LOG("%s: %s", ohio[i].name, report);
		}
		/* of the order that the authors state, 1e-4 to 1e-3 a pulse */
		EXPECT_LT(1e-5, number(report, "length") /
			  number(report, "pulses"));
		EXPECT_GT(5e-3, number(report, "length") /
			  number(report, "pulses"));
		pair_stop(&self->p, 0);
		pair_stop(&self->p, 1);
	}
}

TEST_HARNESS_MAIN
