// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets two sessions up against each other.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/qkdd_pair.h"
#include "tools/qkdd/channel.h"
#include "tools/qkdd/secret.h"
#include "tools/qkdd/work.h"

static const char * const node[2] = { "hospital", "clinic" };

double pair_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void fatal(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- what sessions report ---- */

static void on_alarm(void *ctx, enum qkd_alarm alarm, const char *text)
{
	struct pair_end *e = ctx;

	e->alarms[alarm]++;
	snprintf(e->alarm[alarm], sizeof(e->alarm[alarm]), "%s", text);
	if (e->pair->verbose)
		fprintf(stderr, "# %s: alarm %d: %s\n", node[e->n], alarm,
			text);
}

static void on_reason(void *ctx, const char *text)
{
	struct pair_end *e = ctx;

	snprintf(e->reason, sizeof(e->reason), "%s", text);
	if (e->pair->verbose)
		fprintf(stderr, "# %s: \"%s\"\n", node[e->n], text);
}

static void on_report(void *ctx, const char *json)
{
	struct pair_end *e = ctx;

	snprintf(e->report, sizeof(e->report), "%s", json);
	e->reports++;
	if (e->pair->verbose)
		fprintf(stderr, "# %s: %s\n", node[e->n], json);
}

static void on_rates(void *ctx, const struct session_rates *r)
{
	struct pair_end *e = ctx;

	e->rates = *r;
	if (e->pair->drain)
		pool_drain(&e->pool);
}

static const struct session_ops calls = {
	.alarm = on_alarm,
	.reason = on_reason,
	.report = on_report,
	.rates = on_rates,
};

static struct channel *find(void *ctx, const char *local_node,
			    const char *peer_node, const char *link)
{
	struct pair_end *e = ctx;

	return e->session ? session_channel(e->session) : NULL;
}

/* ---- ends ---- */

static void write_file(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		fatal(path);
	close(fd);
}

void pair_secret(struct pair *p, unsigned int len)
{
	uint8_t *psk = malloc(len);
	char path[128];
	int i;

	random_bytes(psk, len);
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/psk/q0", p->end[i].dir);
		write_file(path, psk, len);
	}
	free(psk);
}

/* Programs of this tree's are found beside the test. */
static void set_path(void)
{
	const char *old = getenv("PATH");
	char path[4096], exe[1024];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	int i;

	if (n < 0)
		return;
	exe[n] = '\0';
	for (i = 0; i < 3 && strrchr(exe, '/'); i++)
		*strrchr(exe, '/') = '\0';
	snprintf(path, sizeof(path), "%s/bin:%s", exe, old ? old : "/bin");
	setenv("PATH", path, 1);
}

void pair_init(struct pair *p, const char *driver, const char *config,
	       uint64_t pool_size, bool keep)
{
	struct pair_end *e;
	char path[128];
	int i;

	memset(p, 0, sizeof(*p));
	p->verbose = getenv("V");
	set_path();
	signal(SIGPIPE, SIG_IGN);
	p->driver = driver;
	p->base = event_base_new();
	p->workers = workers_new(p->base, 2);
	if (!p->base || !p->workers)
		fatal("pair");
	for (i = 0; i < 2; i++) {
		struct channel_listener_conf conf = {
			.base = p->base,
			.loopback = true,
			.find = find,
			.ctx = &p->end[i],
		};

		e = &p->end[i];
		e->pair = p;
		e->n = i;
		snprintf(p->config[i], sizeof(p->config[i]), "%s", config);
		/* clinic sorts before hospital */
		pool_init(&e->pool, i == 1, pool_size, keep);
		strcpy(e->dir, "/tmp/qkdd-test.XXXXXX");
		if (!mkdtemp(e->dir))
			fatal("mkdtemp");
		snprintf(path, sizeof(path), "%s/psk", e->dir);
		mkdir(path, 0700);
		snprintf(path, sizeof(path), "%s/state", e->dir);
		mkdir(path, 0700);
		e->listener = channel_listener_new(&conf);
		if (!e->listener)
			fatal("listen");
	}
	pair_secret(p, 64 << 10);
}

void pair_start(struct pair *p, int n)
{
	struct pair_end *e = &p->end[n];
	struct sockaddr_in lo = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	char psk[128], state[128];
	struct session_conf conf = {
		.base = p->base,
		.workers = p->workers,
		.link = "q0",
		.local_node = node[n],
		.peer_node = node[!n],
		.role = strcmp(p->driver, "file") ?
			n ? QKD_ROLE_BOB : QKD_ROLE_ALICE : QKD_ROLE_NONE,
		.driver = p->driver,
		.config = p->config[n],
		.port = p->port[!n] ? p->port[!n] :
			channel_listener_port(p->end[!n].listener),
		.pool_size = e->pool.size,
		.psk_dir = psk,
		.state_dir = state,
		.sink = pool_sink(&e->pool),
	};

	snprintf(psk, sizeof(psk), "%s/psk", e->dir);
	snprintf(state, sizeof(state), "%s/state", e->dir);
	memcpy(&conf.local, &lo, sizeof(lo));
	memcpy(&conf.peer, &lo, sizeof(lo));
	e->session = session_new(&conf, &calls, e);
	if (!e->session)
		fatal("session");
}

void pair_stop(struct pair *p, int n)
{
	session_free(p->end[n].session);
	p->end[n].session = NULL;
}

bool pair_run(struct pair *p, bool (*done)(struct pair *p, void *arg),
	      void *arg, double seconds)
{
	struct timeval tv = { .tv_usec = 20000 };
	double until = pair_now() + seconds;

	while (pair_now() < until) {
		event_base_loopexit(p->base, &tv);
		event_base_dispatch(p->base);
		if (done && done(p, arg))
			return true;
	}
	return false;
}

void pair_free(struct pair *p)
{
	char cmd[160];
	int i;

	for (i = 0; i < 2; i++) {
		pair_stop(p, i);
		channel_listener_free(p->end[i].listener);
		pool_free(&p->end[i].pool);
		snprintf(cmd, sizeof(cmd), "rm -rf '%s'", p->end[i].dir);
		if (system(cmd))
			fatal(cmd);
	}
	workers_free(p->workers);
	event_base_free(p->base);
}
