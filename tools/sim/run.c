// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Feeds a simulation's two ends through file descriptors, at the pace that is
 * configured. Who is at the other end of them is not known here.
 */
#include "tools/sim/sim_priv.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#define PROGRESS_S	0.25
#define LATE_S		0.5	/* further behind, the lost time is let go */

struct feed {
	int fd;
	struct sim_out out;
};

static double clock_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static int feed_write(struct feed *f)
{
	ssize_t n;

	while (f->out.len) {
		n = write(f->fd, f->out.data, f->out.len);
		if (n < 0)
			return errno == EINTR || errno == EAGAIN ? 0 : -errno;
		f->out.data += n;
		f->out.len -= n;
	}
	return 0;
}

/* An end that only reads shows that it is gone by a hang-up */
static int feed_check(const struct pollfd *p)
{
	return p->revents & (POLLERR | POLLHUP | POLLRDHUP | POLLNVAL) ?
		-EPIPE : 0;
}

/* Wait until something can be written, or for @timeout ms when nothing is to */
static int feed_poll(struct feed f[2], int timeout)
{
	struct pollfd p[2];
	int i, err;

	for (i = 0; i < 2; i++) {
		p[i].fd = f[i].fd;
		p[i].events = POLLRDHUP | (f[i].out.len ? POLLOUT : 0);
	}
	if (poll(p, 2, timeout) < 0)
		return errno == EINTR ? 0 : -errno;
	for (i = 0; i < 2; i++) {
		err = f[i].fd < 0 ? 0 : feed_check(&p[i]);
		if (!err && p[i].revents & POLLOUT)
			err = feed_write(&f[i]);
		if (err)
			return err;
	}
	return 0;
}

/* pace and progress of a run */
struct pace {
	const struct sim *s;
	double start, reported;
	int (*progress)(const struct sim *s, void *arg);
	void *arg;
};

static int report(struct pace *p)
{
	double now = clock_s();

	if (!p->progress || now < p->reported + PROGRESS_S)
		return 0;
	p->reported = now;
	return p->progress(p->s, p->arg) ? -ECANCELED : 0;
}

/* Get both ends' bytes out; more are not made before */
static int drain(struct pace *p, struct feed f[2])
{
	int i, err = 0;

	for (i = 0; i < 2 && !err; i++) {
		if (f[i].fd < 0)
			f[i].out.len = 0;
		err = feed_write(&f[i]);
	}
	while (!err && (f[0].out.len || f[1].out.len)) {
		err = feed_poll(f, 1000 * PROGRESS_S);
		if (!err)
			err = report(p);
	}
	return err;
}

static int keep_pace(struct pace *p, struct feed f[2], double speed)
{
	struct sim_stats st;
	double ahead;
	int err = report(p);

	if (speed <= 0)
		return err;
	sim_stats(p->s, &st);
	while (!err) {
		ahead = p->start + st.seconds / speed - clock_s();
		if (ahead < -LATE_S)
			p->start -= ahead;
		if (ahead < 1e-3)
			return 0;
		if (ahead > PROGRESS_S)
			ahead = PROGRESS_S;
		err = feed_poll(f, ahead * 1000);
		if (!err)
			err = report(p);
	}
	return err;
}

int sim_run(struct sim *s, int alice, int bob,
	    int (*progress)(const struct sim *s, void *arg), void *arg)
{
	struct feed f[2] = { { .fd = alice }, { .fd = bob } };
	struct pace p = {
		.s = s, .start = clock_s(), .progress = progress, .arg = arg,
	};
	double speed = sim_speed(s);
	int err, more;

	sim_header(s, &f[0].out, &f[1].out);
	err = drain(&p, f);
	while (!err) {
		more = sim_produce(s, &f[0].out, &f[1].out);
		err = drain(&p, f);
		if (err || !more)
			break;
		err = keep_pace(&p, f, speed);
	}
	return err;
}
