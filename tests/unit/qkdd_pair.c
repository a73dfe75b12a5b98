// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets two sessions up against each other.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/qkdd_pair.h"
#include "tools/common/secret.h"
#include "tools/qkdd/channel.h"
#include "tools/qkdd/driver.h"
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
}

static int on_give(void *ctx, const uint8_t *id, const uint8_t *secret)
{
	struct pair_end *e = ctx;

	memcpy(e->given, id, 16);
	memcpy(e->given + 16, secret, 48);
	e->gives++;
	return e->give_err;
}

static int on_use(void *ctx, const uint8_t *id)
{
	struct pair_end *e = ctx;

	memcpy(e->used, id, 16);
	e->uses++;
	return 0;
}

static void on_none(void *ctx, const char *why)
{
	struct pair_end *e = ctx;

	snprintf(e->none, sizeof(e->none), "%s", why);
}

static const struct session_ops calls = {
	.alarm = on_alarm,
	.reason = on_reason,
	.report = on_report,
	.rates = on_rates,
	.give = on_give,
	.use = on_use,
	.none = on_none,
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
	static bool done;
	const char *old = getenv("PATH");
	char path[4096], exe[1024];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	int i;

	if (n < 0 || done)
		return;
	done = true;
	exe[n] = '\0';
	for (i = 0; i < 3 && strrchr(exe, '/'); i++)
		*strrchr(exe, '/') = '\0';
	snprintf(path, sizeof(path), "%s/bin:%s", exe, old ? old : "/bin");
	setenv("PATH", path, 1);
}

static void end_loop(struct pair_end *e, unsigned int threads)
{
	e->base = event_base_new();
	if (!e->base)
		fatal("event base");
	e->workers = workers_new(e->base, threads);
	if (!e->workers)
		fatal("workers");
}

/* Where nobody listens: other tests run beside this one. */
static unsigned int free_port(void)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) ||
	    getsockname(fd, (struct sockaddr *)&a, &len))
		fatal("port");
	close(fd);
	return ntohs(a.sin_port);
}

static void ends_init(struct pair *p, const char *driver, const char *config,
		      uint64_t pool_size, bool keep)
{
	struct pair_end *e;
	const char *tmp = getenv("TMPDIR");
	char path[128], fibre[32] = "";
	int i;

	if (!tmp || strlen(tmp) > 32)
		tmp = "/tmp";
	p->base = p->end[0].base;
	p->verbose = getenv("V");
	set_path();
	signal(SIGPIPE, SIG_IGN);
	p->driver = driver;
	if (!strcmp(driver, "sim"))
		snprintf(fibre, sizeof(fibre), "fibre=127.0.0.1:%u ",
			 free_port());
	for (i = 0; i < 2; i++) {
		struct channel_listener_conf conf = {
			.base = p->end[i].base,
			.loopback = true,
			.find = find,
			.ctx = &p->end[i],
		};

		e = &p->end[i];
		e->pair = p;
		e->n = i;
		snprintf(p->config[i], sizeof(p->config[i]), "%s%s", fibre,
			 config);
		/* clinic sorts before hospital */
		pool_init(&e->pool, i == 1, pool_size, keep);
		snprintf(e->dir, sizeof(e->dir), "%s/qkdd-test.XXXXXX", tmp);
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

void pair_init(struct pair *p, const char *driver, const char *config,
	       uint64_t pool_size, bool keep)
{
	memset(p, 0, sizeof(*p));
	end_loop(&p->end[0], 2);
	p->end[1].base = p->end[0].base;
	p->end[1].workers = p->end[0].workers;
	ends_init(p, driver, config, pool_size, keep);
}

void pair_init_apart(struct pair *p, const char *driver, const char *config,
		     uint64_t pool_size, unsigned int threads)
{
	memset(p, 0, sizeof(*p));
	end_loop(&p->end[0], threads);
	end_loop(&p->end[1], threads);
	ends_init(p, driver, config, pool_size, false);
}

void pair_six(struct pair *p)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct channel_listener_conf conf = {
			.base = p->end[i].base,
			.find = find,
			.ctx = &p->end[i],
		};

		channel_listener_free(p->end[i].listener);
		p->end[i].listener = channel_listener_new(&conf);
		if (!p->end[i].listener)
			fatal("listen");
	}
	p->six = true;
}

void pair_start(struct pair *p, int n)
{
	struct pair_end *e = &p->end[n];
	struct sockaddr_in6 lo6 = {
		.sin6_family = AF_INET6,
		.sin6_addr = in6addr_loopback,
	};
	struct sockaddr_in lo = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	char psk[128], state[128];
	struct session_conf conf = {
		.base = e->base,
		.workers = e->workers,
		.link = "q0",
		.local_node = node[n],
		.peer_node = node[!n],
		.role = driver_find(p->driver)->depth == DRIVER_RAW ?
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
	if (p->six) {
		memcpy(&conf.local, &lo6, sizeof(lo6));
		memcpy(&conf.peer, &lo6, sizeof(lo6));
	}
	e->session = session_new(&conf, &calls, e);
	if (!e->session)
		fatal("session");
}

void pair_stop(struct pair *p, int n)
{
	session_free(p->end[n].session);
	p->end[n].session = NULL;
}

static void turn(struct event_base *base)
{
	struct timeval tv = { .tv_usec = 20000 };

	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

static void *other_loop(void *arg)
{
	struct pair *p = arg;

	while (!atomic_load(&p->stop))
		turn(p->end[1].base);
	return NULL;
}

bool pair_run(struct pair *p, bool (*done)(struct pair *p, void *arg),
	      void *arg, double seconds)
{
	bool apart = p->end[1].base != p->base, said = false;
	double until = pair_now() + seconds;
	pthread_t thread;

	atomic_store(&p->stop, false);
	if (apart && pthread_create(&thread, NULL, other_loop, p))
		fatal("thread");
	while (!said && pair_now() < until) {
		turn(p->base);
		said = done && done(p, arg);
	}
	if (apart) {
		atomic_store(&p->stop, true);
		pthread_join(thread, NULL);
	}
	return said;
}

static bool more_key(struct pair *p, void *arg)
{
	uint64_t *had = arg;

	return p->end[0].pool.confirmed > had[0] &&
	       p->end[1].pool.confirmed > had[1];
}

bool pair_key_comes(struct pair *p, double seconds)
{
	uint64_t had[2] = {
		p->end[0].pool.confirmed, p->end[1].pool.confirmed,
	};

	return pair_run(p, more_key, had, seconds);
}

long pair_compare(const struct pair *p)
{
	long a = pool_compare(&p->end[0].pool, &p->end[1].pool);
	long b = pool_compare(&p->end[1].pool, &p->end[0].pool);

	return a < b ? a : b;
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
	for (i = 0; i < 2; i++) {
		struct pair_end *e = &p->end[i];

		if (i && e->base == p->base)
			break;
		workers_free(e->workers);
		event_base_free(e->base);
	}
}
