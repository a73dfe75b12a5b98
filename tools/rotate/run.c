// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options, signals and the event loop of a program that rotates.
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/qkd_dev.h>

#include "run.h"
#include "tools/common/guard.h"
#include "tools/common/log.h"
#include "tools/common/notify.h"
#include "tools/common/wipe_free.h"

#define DONE	-1	/* exit status, less one, and negative */
#define WRONG	-3

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
	fprintf(stderr, "%s: %s %s: not a whole number from %lu to %lu\n",
		program_invocation_short_name, what, text, min, max);
	return -EINVAL;
}

static int stream_name(struct rotate_conf *conf, const char *name)
{
	if (*name && strlen(name) < QKD_STREAM_NAME_SIZE) {
		conf->stream = name;
		return 0;
	}
	fprintf(stderr, "%s: a stream's name has 1 to %d bytes\n",
		program_invocation_short_name, QKD_STREAM_NAME_SIZE - 1);
	return -EINVAL;
}

/* 0: go on; or DONE, WRONG */
static int option(struct rotate_conf *conf, struct rotate_options *o, int c)
{
	unsigned long v;

	switch (c) {
	case 'i':
		if (number("interval", optarg, o->least, 86400, &v))
			return WRONG;
		conf->interval_ms = 1000 * v;
		return 0;
	case 'p':
		if (number("port", optarg, 1, 65535, &v))
			return WRONG;
		conf->port = v;
		return 0;
	case 's':
		return stream_name(conf, optarg) ? WRONG : 0;
	case 'd':
		o->debug = true;
		return 0;
	case 'h':
		fputs(o->usage, stdout);
		return DONE;
	case 'V':
		printf("%s %s\n", program_invocation_short_name, QKD_VERSION);
		return DONE;
	case '?':
		rotate_usage(o);
		return WRONG;
	default:
		o->value = optarg;
		return 0;
	}
}

int rotate_usage(const struct rotate_options *o)
{
	fputs(o->usage, stderr);
	return 2;
}

int rotate_parse(struct rotate_conf *conf, struct rotate_options *o, int argc,
		 char **argv)
{
	const struct option opts[] = {
		{ "interval", required_argument, NULL, 'i' },
		{ "port", required_argument, NULL, 'p' },
		{ "stream", required_argument, NULL, 's' },
		{ "debug", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ o->more, required_argument, NULL, o->more ? *o->more : 0 },
		{ NULL, 0, NULL, 0 },
	};
	char letters[] = "i:p:s:dhV\0:";	/* with room for the letter of @more */
	int c, ret;

	if (o->more)
		letters[strlen(letters)] = *o->more;
	while ((c = getopt_long(argc, argv, letters, opts, NULL)) != -1) {
		ret = option(conf, o, c);
		if (ret)
			return ret;
	}
	if (optind == argc) {
		rotate_usage(o);
		return WRONG;
	}
	conf->link = argv[optind];
	return optind + 1;
}

static int loop(const struct rotate_conf *conf)
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

int rotate_run(const struct rotate_conf *conf, const struct rotate_options *o)
{
	log_setup(o->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
		  !isatty(STDERR_FILENO));
	guard_filter();
	if (guard_memory())
		return 1;
	wipe_frees(true);
	return loop(conf);
}
