// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The process that holds fibres. Ends plug in over a socket; when both ends of
 * a fibre are there, a child is forked that runs the pair until one hangs up,
 * and then lets go of the other as well.
 *
 *	(accepted) HELLO --line good--> WAITING --other end comes--> (child's)
 *	             |                     |
 *	             +--bad, slow, gone----+--gone--> (closed)
 */
#include "tools/sim/sim_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/sim/hello.h"

#define ENDS_MAX	256	/* waiting at once */

enum end_state { HELLO, WAITING };

struct end {
	int fd;
	enum end_state state;
	time_t since;
	bool alice;
	bool plain;			/* gave no words */
	char fibre[HELLO_FIBRE_MAX + 1];
	struct sim_config c;
	size_t len;
	char line[HELLO_SIZE];
};

struct server {
	int fd;
	struct end *end[ENDS_MAX];
	unsigned int n;
	void (*log)(const char *line);
};

static void say(const struct server *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const struct server *s, const char *fmt, ...)
{
	char line[512];
	va_list args;

	if (!s->log)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	s->log(line);
}

static time_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* Out of the list; @close_it: and gone */
static void end_remove(struct server *s, struct end *e, bool close_it)
{
	unsigned int i;

	for (i = 0; s->end[i] != e; i++)
		;
	s->end[i] = s->end[--s->n];
	if (close_it)
		close(e->fd);
	free(e);
}

static void end_refuse(struct server *s, struct end *e, const char *why)
{
	char line[SIM_ERROR_SIZE + 16];
	int n = snprintf(line, sizeof(line), HELLO_ERROR "%s\n", why);

	say(s, "refused an end: %s", why);
	/* the buffer of a new socket takes a line; if not, the end just goes */
	if (send(e->fd, line, n, MSG_NOSIGNAL | MSG_DONTWAIT) != n)
		say(s, "  and could not tell it");
	end_remove(s, e, true);
}

static void server_accept(struct server *s)
{
	struct end *e;
	int fd;

	fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	e = s->n < ENDS_MAX ? calloc(1, sizeof(*e)) : NULL;
	if (!e) {
		say(s, "too many ends are waiting");
		close(fd);
		return;
	}
	e->fd = fd;
	e->since = now_s();
	s->end[s->n++] = e;
}

static struct end *find_other(struct server *s, const struct end *e,
			      bool alice)
{
	unsigned int i;

	for (i = 0; i < s->n; i++) {
		struct end *o = s->end[i];

		if (o != e && o->state == WAITING && o->alice == alice &&
		    !strcmp(o->fibre, e->fibre))
			return o;
	}
	return NULL;
}

/* In the child: nothing but this pair is kept */
static void run_pair(struct server *s, const struct sim_config *c, int alice,
		     int bob)
{
	char err[SIM_ERROR_SIZE];
	struct sim *sim;
	unsigned int i;

	close(s->fd);
	for (i = 0; i < s->n; i++)
		if (s->end[i]->fd != alice && s->end[i]->fd != bob)
			close(s->end[i]->fd);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	sim = sim_new(c, err);
	if (!sim) {
		say(s, "%s", err);
		_exit(1);
	}
	sim_run(sim, alice, bob, NULL, NULL);
	sim_free(sim);
	_exit(0);
}

static void pair_up(struct server *s, struct end *a, struct end *b)
{
	const struct end *words = a->plain ? b : a;
	pid_t pid;

	pid = fork();
	if (!pid)
		run_pair(s, &words->c, a->fd, b->fd);
	if (pid < 0)
		say(s, "fibre %s: cannot fork: %s", a->fibre, strerror(errno));
	else
		say(s, "fibre %s: both ends are plugged in (process %d)",
		    a->fibre, pid);
	end_remove(s, a, true);
	end_remove(s, b, true);
}

/* Both gave words, and not the same: name the first that differs */
static bool words_differ(const struct end *a, const struct end *b, char *err)
{
	char x[SIM_TEXT_SIZE], y[SIM_TEXT_SIZE], *sx, *sy, *px, *py;

	if (a->plain || b->plain)
		return false;
	sim_config_text(&a->c, x);
	sim_config_text(&b->c, y);
	if (!strcmp(x, y))
		return false;
	px = strtok_r(x, " ", &sx);
	py = strtok_r(y, " ", &sy);
	while (px && py && !strcmp(px, py)) {
		px = strtok_r(NULL, " ", &sx);
		py = strtok_r(NULL, " ", &sy);
	}
	sim_error(err, 0, "the other end of fibre %s says %s, this end %s",
		  a->fibre, px ?: "no seed", py ?: "no seed");
	return true;
}

static int parse_hello(struct end *e, char *err)
{
	char *save, *word, *role;

	word = strtok_r(e->line, " ", &save);
	if (!word || strcmp(word, HELLO_MAGIC))
		return sim_error(err, -EPROTO, "this is qkd-sim, version 1");
	role = strtok_r(NULL, " ", &save);
	word = strtok_r(NULL, " ", &save);
	if (!role || (strcmp(role, "alice") && strcmp(role, "bob")))
		return sim_error(err, -EPROTO,
				 "an end is \"alice\" or \"bob\"");
	if (!word || strlen(word) > HELLO_FIBRE_MAX)
		return sim_error(err, -EPROTO, "no name of a fibre");
	e->alice = !strcmp(role, "alice");
	strcpy(e->fibre, word);
	e->plain = !save || !save[strspn(save, " ")];
	sim_config_init(&e->c);
	return e->plain ? 0 : sim_config_parse(&e->c, save, err);
}

static void end_greeted(struct server *s, struct end *e)
{
	static const char ok[] = HELLO_OK "\n";
	char err[SIM_ERROR_SIZE];
	struct end *other;

	if (parse_hello(e, err)) {
		end_refuse(s, e, err);
		return;
	}
	/* an end that comes again has been restarted: the old one is gone */
	other = find_other(s, e, e->alice);
	if (other)
		end_remove(s, other, true);
	other = find_other(s, e, !e->alice);
	if (other && words_differ(other, e, err)) {
		end_refuse(s, e, err);
		return;
	}
	if (send(e->fd, ok, strlen(ok), MSG_NOSIGNAL) < 0) {
		end_remove(s, e, true);
		return;
	}
	e->state = WAITING;
	say(s, "fibre %s: %s is plugged in", e->fibre,
	    e->alice ? "alice" : "bob");
	if (other)
		pair_up(s, e->alice ? e : other, e->alice ? other : e);
}

static void end_read(struct server *s, struct end *e)
{
	ssize_t n = read(e->fd, e->line + e->len,
			 sizeof(e->line) - 1 - e->len);
	char *nl;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* an end has nothing more to say once it waits */
	if (n <= 0 || e->state == WAITING) {
		end_remove(s, e, true);
		return;
	}
	e->len += n;
	e->line[e->len] = '\0';
	nl = strchr(e->line, '\n');
	if (nl) {
		*nl = '\0';
		end_greeted(s, e);
	} else if (e->len == sizeof(e->line) - 1) {
		end_refuse(s, e, "the line is too long");
	}
}

static void drop_slow(struct server *s)
{
	time_t now = now_s();
	unsigned int i;

	for (i = s->n; i--;)
		if (s->end[i]->state == HELLO &&
		    now - s->end[i]->since > HELLO_TIMEOUT_S)
			end_remove(s, s->end[i], true);
}

static void server_poll(struct server *s)
{
	struct pollfd p[ENDS_MAX + 1];
	struct end *end[ENDS_MAX];
	unsigned int i, k, n = s->n;

	p[0].fd = s->fd;
	p[0].events = POLLIN;
	for (i = 0; i < n; i++) {
		end[i] = s->end[i];
		p[i + 1].fd = end[i]->fd;
		p[i + 1].events = POLLIN;
	}
	if (poll(p, n + 1, 500) <= 0)
		return;
	for (i = 0; i < n; i++) {
		if (!p[i + 1].revents)
			continue;
		/* one end's words may have removed another */
		for (k = 0; k < s->n && s->end[k] != end[i]; k++)
			;
		if (k < s->n)
			end_read(s, end[i]);
	}
	if (p[0].revents)
		server_accept(s);
}

int sim_serve(const char *address, void (*log)(const char *line),
	      const volatile int *stop, char *err)
{
	struct server s = { .log = log };

	s.fd = sim_listen(address, err);
	if (s.fd < 0)
		return s.fd;
	say(&s, "holding fibres at %s", address);
	while (!*stop) {
		server_poll(&s);
		drop_slow(&s);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	while (s.n)
		end_remove(&s, s.end[0], true);
	close(s.fd);
	if (!strncmp(address, "unix:", 5) && address[5] != '@')
		unlink(address + 5);
	return 0;
}
