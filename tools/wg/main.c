// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-wg: options, signals and the event loop.
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <linux/qkd_dev.h>

#include "device.h"
#include "rotate.h"
#include "tools/qkdd/log.h"
#include "tools/qkdd/notify.h"

static const char usage[] =
"qkd-wg: rotates a WireGuard peer's preshared key, from a QKD link\n"
"\n"
"usage: qkd-wg [OPTIONS] LINK INTERFACE [PUBLIC-KEY]\n"
"\n"
"PUBLIC-KEY is the peer's; needed where INTERFACE has several peers.\n"
"\n"
"  -i, --interval SECONDS  from one key to the next, 120\n"
"  -p, --port PORT         UDP, the same at both ends, 51016\n"
"  -s, --stream NAME       of the link, the same at both ends, \"wg\"\n"
"  -d, --debug             tell more\n"
"  -h, --help\n"
"  -V, --version\n";

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	notify_manager("STOPPING=1");
	event_base_loopbreak(arg);
}

/* A whole number, or -EINVAL with a message. */
static int number(const char *what, const char *text, unsigned long min,
		  unsigned long max, unsigned long *v)
{
	char *end;

	errno = 0;
	*v = strtoul(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && !errno && *v >= min &&
	    *v <= max)
		return 0;
	fprintf(stderr, "qkd-wg: %s %s: not a whole number from %lu to %lu\n",
		what, text, min, max);
	return -EINVAL;
}

/* 0: go on; else the exit status, less one. */
static int parse(struct rotate_conf *conf, bool *debug, int argc, char **argv)
{
	static const struct option opts[] = {
		{ "interval", required_argument, NULL, 'i' },
		{ "port", required_argument, NULL, 'p' },
		{ "stream", required_argument, NULL, 's' },
		{ "debug", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned long v;
	int c;

	while ((c = getopt_long(argc, argv, "i:p:s:dhV", opts, NULL)) != -1) {
		switch (c) {
		case 'i':
			if (number("interval", optarg, 1, 86400, &v))
				return 3;
			conf->interval_ms = 1000 * v;
			break;
		case 'p':
			if (number("port", optarg, 1, 65535, &v))
				return 3;
			conf->port = v;
			break;
		case 's':
			if (!*optarg || strlen(optarg) >= QKD_STREAM_NAME_SIZE) {
				fprintf(stderr, "qkd-wg: a stream's name has 1 to %d bytes\n",
					QKD_STREAM_NAME_SIZE - 1);
				return 3;
			}
			conf->stream = optarg;
			break;
		case 'd':
			*debug = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 1;
		case 'V':
			printf("qkd-wg %s\n", QKD_VERSION);
			return 1;
		default:
			fputs(usage, stderr);
			return 3;
		}
	}
	if (argc - optind < 2 || argc - optind > 3) {
		fputs(usage, stderr);
		return 3;
	}
	conf->link = argv[optind];
	if (wg_device_init(conf->wg, argv[optind + 1], argv[optind + 2])) {
		fprintf(stderr, "qkd-wg: %s is no public key of WireGuard\n",
			argv[optind + 2]);
		return 3;
	}
	return 0;
}

static int run(const struct rotate_conf *conf)
{
	struct event_base *base = event_base_new();
	struct event *sig[2] = { NULL, NULL };
	struct rotate *r = NULL;

	if (base) {
		sig[0] = evsignal_new(base, SIGTERM, on_stop, base);
		sig[1] = evsignal_new(base, SIGINT, on_stop, base);
		r = rotate_new(base, conf);
	}
	if (!r || !sig[0] || !sig[1] || event_add(sig[0], NULL) ||
	    event_add(sig[1], NULL)) {
		log_err("out of memory");
		return 1;
	}
	notify_manager("READY=1");
	event_base_dispatch(base);
	rotate_free(r);
	event_free(sig[0]);
	event_free(sig[1]);
	event_base_free(base);
	return 0;
}

int main(int argc, char **argv)
{
	struct wg_device wg;
	struct rotate_conf conf = {
		.stream = "wg",
		.wg = &wg,
		.port = ROTATE_PORT,
		.interval_ms = 120000,
	};
	bool debug = false;
	int ret = parse(&conf, &debug, argc, argv);

	if (ret)
		return ret - 1;
	log_setup(debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
		  !isatty(STDERR_FILENO));
	/* no core dumps; and free() wipes what libnl frees */
	prctl(PR_SET_DUMPABLE, 0);
	mallopt(M_PERTURB, 0xa5);
	ret = run(&conf);
	wg_device_free(&wg);
	return ret;
}
