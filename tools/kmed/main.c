// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-kmed: gives key of QKD links to applications over standard interfaces.
 *
 * Starts what the other files are, in order, and stops it in reverse. This
 * thread waits for signals; others serve.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kme.h"
#include "listen.h"
#include "memory.h"
#include "metrics.h"
#include "server.h"
#include "store_key.h"
#include "tools/common/guard.h"
#include "tools/common/log.h"
#include "tools/common/notify.h"

#define STORE_MAX	(64ull << 20)	/* bytes that waiting key may take */
#define STORE_TTL	86400		/* s until it is erased */

static const char usage[] =
	"Usage: qkd-kmed [OPTION]...\n"
	"Serves key of QKD links to SAEs, as ETSI GS QKD 014 says.\n"
	"\n"
	"  -c, --config FILE    settings, default " CONF_FILE "\n"
	"      --check          read the settings, say what is wrong, and end\n"
	"      --seal FILE      make a key for the store, sealed by the TPM, and end\n"
	"      --pcrs N[,N...]  with it: had only while these PCRs are as they are\n"
	"      --tpm TCTI       with it: how the TPM is reached, as tpm2-tss has it\n"
	"  -l, --log LEVEL      err, warning, notice, info or debug\n"
	"  -h, --help\n"
	"  -V, --version\n";

struct daemon {
	const char *config;
	enum log_level log;
	bool check;
	const char *seal;
	const char *pcrs;
	const char *tcti;	/* to seal by */
	struct conf *conf;
	struct kme kme;
	struct server_socket socks[LISTEN_MAX];
	unsigned int n_socks;
	struct server *server;
	struct metrics *metrics;
	sigset_t signals;
};

/* 0: go on; else the exit status, less one. */
static int parse(struct daemon *d, int argc, char **argv)
{
	static const struct option opts[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 1 },
		{ "seal", required_argument, NULL, 2 },
		{ "pcrs", required_argument, NULL, 3 },
		{ "tpm", required_argument, NULL, 4 },
		{ "log", required_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:l:hV", opts, NULL)) != -1) {
		switch (c) {
		case 'c':
			d->config = optarg;
			break;
		case 1:
			d->check = true;
			break;
		case 2:
			d->seal = optarg;
			break;
		case 3:
			d->pcrs = optarg;
			break;
		case 4:
			d->tcti = optarg;
			break;
		case 'l':
			if (!log_level_parse(optarg, &d->log))
				break;
			fprintf(stderr, "qkd-kmed: there is no log level \"%s\"; err, warning, notice, info or debug\n",
				optarg);
			return 3;
		case 'h':
			fputs(usage, stdout);
			return 1;
		case 'V':
			printf("qkd-kmed %s\n", QKD_VERSION);
			return 1;
		default:
			fputs(usage, stderr);
			return 3;
		}
	}
	if (optind != argc || (!d->seal && (d->pcrs || d->tcti))) {
		fputs(usage, stderr);
		return 3;
	}
	return 0;
}

/* Sockets of a port: the service manager's, or where settings say. */
static int open_port(struct daemon *d, enum conf_port port, const char *name)
{
	const struct conf_listen *l = &d->conf->listen[port];
	unsigned int room = LISTEN_MAX - d->n_socks, n;
	int fds[LISTEN_MAX];

	n = listen_inherited(name, fds, room);
	for (unsigned int i = 0; !n && i < l->n; i++) {
		if (i == room) {
			log_err("at most %d addresses", LISTEN_MAX);
			return -1;
		}
		fds[i] = listen_on(l->address[i]);
		if (fds[i] < 0)
			return -1;
		d->socks[d->n_socks].port = port;
		d->socks[d->n_socks++].fd = fds[i];
	}
	for (unsigned int i = 0; i < n; i++) {
		d->socks[d->n_socks].port = port;
		d->socks[d->n_socks++].fd = fds[i];
	}
	return 0;
}

static int open_sockets(struct daemon *d)
{
	if (open_port(d, PORT_014, "qkd-kmed.socket") ||
	    open_port(d, PORT_004, "qkd-kmed-004.socket") ||
	    open_port(d, PORT_SKIP, "qkd-kmed-skip.socket"))
		return -1;
	return 0;
}

static void reload(struct daemon *d)
{
	struct conf *conf;
	char err[1024];

	notify_manager("RELOADING=1");
	conf = conf_read(d->config, err, sizeof(err));
	if (!conf)
		log_err("%s; settings stay as they were", err);
	else if (server_reload(d->server, conf))
		log_err("settings stay as they were");
	else
		log_info("settings and certificates read again");
	conf_put(conf);
	notify_manager("READY=1");
}

static void serve(struct daemon *d)
{
	const struct timespec second = { .tv_sec = 1 };

	for (;;) {
		int sig = sigtimedwait(&d->signals, NULL, &second);

		switch (sig) {
		case SIGHUP:
			reload(d);
			break;
		case SIGTERM:
		case SIGINT:
			log_info("stopping on signal %d", sig);
			notify_manager("STOPPING=1");
			return;
		default:
			store_expire(d->kme.store);
		}
	}
}

static int keep_store(struct daemon *d)
{
	const struct conf *c = d->conf;
	uint8_t key[SEALLOG_KEY_SIZE];
	char err[512];
	int ret;

	ret = store_key_read(c->store_key, c->tpm, key);
	if (!ret) {
		ret = store_keep(d->kme.store, c->store, key, err, sizeof(err));
		if (ret)
			log_err("%s", err);
	}
	qkd_wipe(key, sizeof(key));
	return ret;
}

static int start(struct daemon *d)
{
	if (open_sockets(d))
		return -1;
	d->kme.store = store_new(STORE_MAX, STORE_TTL);
	if (!d->kme.store) {
		log_err("out of memory");
		return -1;
	}
	if (d->conf->store && keep_store(d))
		return -1;
	d->server = server_new(&d->kme, d->conf, d->socks, d->n_socks);
	if (!d->server)
		return -1;
	if (d->conf->metrics) {
		d->metrics = metrics_new(&d->kme, d->server, d->conf->metrics);
		if (!d->metrics)
			return -1;
	}
	return 0;
}

static void stop(struct daemon *d)
{
	metrics_free(d->metrics);
	server_free(d->server);
	store_free(d->kme.store);
	for (unsigned int i = 0; i < d->n_socks; i++)
		close(d->socks[i].fd);
	conf_put(d->conf);
}

int main(int argc, char **argv)
{
	struct daemon d = { .config = CONF_FILE, .log = LOG_LEVEL_INFO };
	char err[1024];
	int ret;

	ret = parse(&d, argc, argv);
	if (ret)
		return ret - 1;
	log_setup(d.log, !isatty(STDERR_FILENO));
	if (d.seal)
		return store_key_make(d.seal, d.tcti, d.pcrs) ? 1 : 0;
	d.conf = conf_read(d.config, err, sizeof(err));
	if (!d.conf) {
		log_err("%s", err);
		return 2;
	}
	if (d.check) {
		conf_put(d.conf);
		return 0;
	}
	guard_filter();
	if (guard_memory()) {
		conf_put(d.conf);
		return 1;
	}
	/* threads inherit the mask: signals are for this one */
	sigemptyset(&d.signals);
	sigaddset(&d.signals, SIGHUP);
	sigaddset(&d.signals, SIGTERM);
	sigaddset(&d.signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &d.signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	memory_wipe_events();
	ret = start(&d);
	if (!ret) {
		log_info("qkd-kmed %s is ready", QKD_VERSION);
		notify_manager("READY=1");
		serve(&d);
	}
	stop(&d);
	return ret ? 1 : 0;
}
