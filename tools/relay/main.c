// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-relayd: options, signals and the event loop.
 */
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "desk.h"
#include "relay.h"
#include "tools/common/guard.h"
#include "tools/common/log.h"
#include "tools/common/notify.h"

static const char usage[] =
"Usage: qkd-relayd [OPTION]...\n"
"Relays key of QKD links over this node, and to virtual links that end here.\n"
"\n"
"  -c, --config FILE    settings, default " RELAY_CONF "\n"
"      --check          read the settings, say what is wrong, and end\n"
"  -d, --debug          tell more\n"
"  -h, --help\n"
"  -V, --version\n";

struct args {
	const char *config;
	bool check;
	bool debug;
};

/* 0: go on; else the exit status, less one. */
static int parse(struct args *a, int argc, char **argv)
{
	static const struct option opts[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 1 },
		{ "debug", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:dhV", opts, NULL)) != -1) {
		switch (c) {
		case 'c':
			a->config = optarg;
			break;
		case 1:
			a->check = true;
			break;
		case 'd':
			a->debug = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 1;
		case 'V':
			printf("qkd-relayd %s\n", QKD_VERSION);
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

/* The file need not be there, unless somebody named it. */
static int settings(struct relay_conf *conf, const struct args *a)
{
	char err[400];
	int ret;

	conf_init(conf);
	ret = conf_read(conf, a->config ? a->config : RELAY_CONF, err,
			sizeof(err));
	if (ret == -ENOENT && !a->config)
		return 0;
	if (ret)
		log_err("%s", err);
	return ret;
}

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	notify_manager("STOPPING=1");
	event_base_loopbreak(arg);
}

static int run(const struct relay_conf *conf)
{
	struct event_base *base = event_base_new();
	struct event *sig[2] = { NULL, NULL };
	struct relay *relay = NULL;
	struct desk *desk = NULL;
	int i, ret = 1;

	if (base) {
		sig[0] = evsignal_new(base, SIGTERM, on_stop, base);
		sig[1] = evsignal_new(base, SIGINT, on_stop, base);
	}
	if (!sig[0] || !sig[1] || event_add(sig[0], NULL) ||
	    event_add(sig[1], NULL)) {
		log_err("out of memory");
		goto out;
	}
	relay = relay_new(base, conf);
	if (relay)
		desk = desk_new(relay, conf);
	if (!desk)
		goto out;
	log_info("qkd-relayd %s is ready", QKD_VERSION);
	notify_manager("READY=1");
	event_base_dispatch(base);
	ret = 0;
out:
	desk_free(desk);
	relay_free(relay);
	for (i = 0; i < 2; i++)
		if (sig[i])
			event_free(sig[i]);
	if (base)
		event_base_free(base);
	return ret;
}

int main(int argc, char **argv)
{
	static struct relay_conf conf;
	struct args a = { 0 };
	int ret = parse(&a, argc, argv);

	if (ret)
		return ret - 1;
	log_setup(LOG_LEVEL_INFO, !isatty(STDERR_FILENO));
	if (settings(&conf, &a))
		return 2;
	if (a.check)
		return 0;
	log_setup(a.debug ? LOG_LEVEL_DEBUG : conf.log,
		  !isatty(STDERR_FILENO));
	guard_filter();
	if (guard_memory())
		return 1;
	signal(SIGPIPE, SIG_IGN);
	return run(&conf);
}
