// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkdd: feeds the links of a network namespace with quantum-distributed key.
 *
 * Starts what the other files are, in order, and stops it in reverse.
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "driver.h"
#include "link.h"
#include "privs.h"
#include "settings.h"
#include "work.h"
#include "tools/common/log.h"
#include "tools/common/notify.h"
#include "tools/common/secret.h"

static const char usage[] =
	"Usage: qkdd [OPTION]...\n"
	"Feeds the QKD links of this network namespace with key.\n"
	"\n"
	"  -c, --config FILE    settings, default " SETTINGS_FILE "\n"
	"      --psk-dir DIR    where secrets are left, default /etc/qkd/psk\n"
	"      --state-dir DIR  where stores are kept, default /var/lib/qkd\n"
	"  -p, --port N         TCP port of the classical channel, default 51014\n"
	"  -t, --threads N      that compute, default one for each processor\n"
	"  -u, --user NAME      run as NAME, keeping CAP_NET_ADMIN\n"
	"  -l, --log LEVEL      err, warning, notice, info or debug\n"
	"  -d, --debug          as --log debug\n"
	"  -h, --help\n"
	"  -V, --version\n";

struct option_text {
	const char *key;
	const char *value;
};

struct daemon {
	struct settings settings;
	const char *config;
	bool config_named;
	struct option_text option[16];	/* of the command line */
	unsigned int options;
	struct event_base *base;
	struct workers *workers;
	struct links *links;
	struct channel_listener *listener;
	struct event *sig[3];
};

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;

	log_info("stopping on signal %d", (int)sig);
	notify_manager("STOPPING=1");
	event_base_loopbreak(d->base);
}

/* The file, then the command line over it. */
static int load_settings(struct daemon *d, struct settings *st, char *err,
			 size_t room)
{
	unsigned int i;
	int ret;

	settings_init(st);
	ret = settings_read(st, d->config, err, room);
	if (ret == -ENOENT && !d->config_named)
		ret = 0;
	for (i = 0; i < d->options && !ret; i++)
		ret = settings_set(st, d->option[i].key, d->option[i].value,
				   err, room);
	return ret;
}

static void on_reload(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;
	struct settings st;
	char err[256];

	notify_manager("RELOADING=1");
	if (load_settings(d, &st, err, sizeof(err))) {
		log_err("%s; settings stay as they were", err);
	} else {
		d->settings.log = st.log;
		log_setup(st.log, !isatty(STDERR_FILENO));
		log_info("settings read again");
	}
	notify_manager("READY=1");
}

static int add_signal(struct daemon *d, unsigned int i, int sig,
		      event_callback_fn cb)
{
	d->sig[i] = evsignal_new(d->base, sig, cb, d);
	return !d->sig[i] || event_add(d->sig[i], NULL) ? -ENOMEM : 0;
}

static int start(struct daemon *d)
{
	struct channel_listener_conf conf = {
		.port = d->settings.port,
		.find = links_find,
	};
	unsigned int threads = d->settings.threads;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int ret;

	if (!threads)
		threads = cpus > 0 ? cpus : 1;
	d->base = event_base_new();
	if (!d->base)
		return -ENOMEM;
	if (add_signal(d, 0, SIGTERM, on_stop) ||
	    add_signal(d, 1, SIGINT, on_stop) ||
	    add_signal(d, 2, SIGHUP, on_reload))
		return -ENOMEM;
	d->workers = workers_new(d->base, threads);
	if (!d->workers) {
		log_err("no threads: %s", strerror(errno));
		return -errno;
	}
	d->links = links_new(d->base, d->workers, &d->settings);
	if (!d->links)
		return -EIO;
	conf.base = d->base;
	conf.ctx = d->links;
	d->listener = channel_listener_new(&conf);
	if (!d->listener) {
		ret = -errno;
		log_err("TCP port %u: %s%s", conf.port, strerror(-ret),
			ret == -EADDRINUSE ?
			"; is a qkdd running in this namespace already?" : "");
		return ret;
	}
	return 0;
}

static void stop(struct daemon *d)
{
	unsigned int i;

	channel_listener_free(d->listener);
	links_free(d->links);
	workers_free(d->workers);
	for (i = 0; i < 3; i++)
		if (d->sig[i])
			event_free(d->sig[i]);
	if (d->base)
		event_base_free(d->base);
}

static void take_option(struct daemon *d, const char *key, const char *value)
{
	if (d->options < sizeof(d->option) / sizeof(d->option[0]))
		d->option[d->options++] = (struct option_text){ key, value };
}

/* 0: go on; else the exit status, less one. */
static int parse(struct daemon *d, int argc, char **argv)
{
	static const struct option opts[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "psk-dir", required_argument, NULL, 1 },
		{ "state-dir", required_argument, NULL, 2 },
		{ "port", required_argument, NULL, 'p' },
		{ "threads", required_argument, NULL, 't' },
		{ "user", required_argument, NULL, 'u' },
		{ "log", required_argument, NULL, 'l' },
		{ "debug", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:p:t:u:l:dhV", opts, NULL)) !=
	       -1) {
		switch (c) {
		case 'c':
			d->config = optarg;
			d->config_named = true;
			break;
		case 1:
			take_option(d, "psk-dir", optarg);
			break;
		case 2:
			take_option(d, "state-dir", optarg);
			break;
		case 'p':
			take_option(d, "port", optarg);
			break;
		case 't':
			take_option(d, "threads", optarg);
			break;
		case 'u':
			take_option(d, "user", optarg);
			break;
		case 'l':
			take_option(d, "log", optarg);
			break;
		case 'd':
			take_option(d, "log", "debug");
			break;
		case 'h':
			printf("%s\nDrivers: %s\n", usage, driver_names());
			return 1;
		case 'V':
			printf("qkdd %s\n", QKD_VERSION);
			return 1;
		default:
			fputs(usage, stderr);
			return 3;
		}
	}
	if (optind != argc) {
		fputs(usage, stderr);
		return 3;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct daemon d = { .config = SETTINGS_FILE };
	const char *user;
	char err[256];
	int ret;

	ret = parse(&d, argc, argv);
	if (ret)
		return ret - 1;
	log_setup(LOG_LEVEL_INFO, !isatty(STDERR_FILENO));
	if (load_settings(&d, &d.settings, err, sizeof(err))) {
		log_err("%s", err);
		return 2;
	}
	log_setup(d.settings.log, !isatty(STDERR_FILENO));
	user = d.settings.user[0] ? d.settings.user : NULL;
	signal(SIGPIPE, SIG_IGN);
	if (privs_make_dir(d.settings.psk_dir, user) ||
	    privs_make_dir(d.settings.state_dir, user) || privs_drop(user))
		return 1;
	ret = start(&d);
	if (!ret) {
		log_info("qkdd %s is ready", QKD_VERSION);
		notify_manager("READY=1");
		event_base_dispatch(d.base);
		if (!secret_locked())
			log_debug("some secrets could not be locked in memory");
	}
	stop(&d);
	return ret ? 1 : 0;
}
