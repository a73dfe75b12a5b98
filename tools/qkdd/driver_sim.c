// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Driver sim: the simulated device pair of tools/sim.
 *
 * The fibre is held by a qkd-sim process, to which both ends' drivers connect
 * and from which each hears what its own device would tell it. Alice's driver
 * starts that process unless the configuration names one ("fibre=tcp:..." or
 * "fibre=unix:..."). The words of the simulation are passed on; see
 * Documentation/drivers.rst.
 *
 *   IDLE --(process is there)--> CONNECTING --> GREETING --"ok"--> STREAM
 *     ^------------- any fault, or the stream's end, after a pause ----'
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver.h"
#include "drivers.h"
#include "raw_stream.h"
#include "words.h"
#include "tools/common/log.h"
#include "tools/net/bypass.h"
#include "tools/sim/hello.h"
#include "tools/sim/sim.h"

#define FIBRE_PORT	51015	/* TCP */
#define AGAIN_MIN	300	/* ms between attempts, doubled up to: */
#define AGAIN_MAX	2000

enum sim_state {
	SIM_IDLE,
	SIM_CONNECTING,
	SIM_GREETING,
	SIM_STREAM,
};

/* A qkd-sim that serves at one address; links share it */
struct sim_server {
	struct sim_server *next;
	char address[128];
	pid_t pid;
	unsigned int users;
};

static struct sim_server *servers;

struct sim_inst {
	const struct driver_host *host;
	void *ctx;
	struct event_base *base;
	char link[32];
	struct sockaddr_storage addr;
	socklen_t addr_len;
	struct sim_server *server;
	enum sim_state state;
	bool paused;
	bool complained;
	unsigned int again;	/* ms */
	int fd;
	struct event *ev;
	struct event *timer;
	struct raw_stream *stream;
	char hello[HELLO_SIZE];
	char answer[HELLO_SIZE];
	size_t answer_len;
};

/* ---- the process that holds the fibre ---- */

/* Beside this program, else wherever the path leads */
static void server_path(char *path, size_t room)
{
	ssize_t n = readlink("/proc/self/exe", path, room - 1);
	char *slash;

	if (n > 0) {
		path[n] = '\0';
		slash = strrchr(path, '/');
		if (slash && slash + sizeof("/qkd-sim") <= path + room) {
			strcpy(slash, "/qkd-sim");
			if (!access(path, X_OK))
				return;
			/* .../sbin/qkdd and .../bin/qkd-sim */
			*slash = '\0';
			slash = strrchr(path, '/');
			if (slash && slash + sizeof("/bin/qkd-sim") <=
				     path + room) {
				strcpy(slash, "/bin/qkd-sim");
				if (!access(path, X_OK))
					return;
			}
		}
	}
	snprintf(path, room, "qkd-sim");
}

static void server_spawn(struct sim_server *sv)
{
	char path[4096], *argv[] = {
		(char *)"qkd-sim", (char *)"serve", sv->address, NULL,
	};
	pid_t parent = getpid();
	sigset_t none;
	int null;

	server_path(path, sizeof(path));
	sv->pid = fork();
	if (sv->pid)
		return;
	/* only what is safe behind a fork of a process with threads */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDWR);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	execvp(path, argv);
	_exit(127);
}

static struct sim_server *server_get(const char *address)
{
	struct sim_server *sv;

	for (sv = servers; sv; sv = sv->next) {
		if (!strcmp(sv->address, address)) {
			sv->users++;
			return sv;
		}
	}
	sv = calloc(1, sizeof(*sv));
	if (!sv)
		return NULL;
	snprintf(sv->address, sizeof(sv->address), "%s", address);
	sv->users = 1;
	sv->pid = -1;
	sv->next = servers;
	servers = sv;
	return sv;
}

static void server_put(struct sim_server *sv)
{
	struct sim_server **p;

	if (!sv || --sv->users)
		return;
	for (p = &servers; *p != sv; p = &(*p)->next)
		;
	*p = sv->next;
	if (sv->pid > 0) {
		kill(sv->pid, SIGTERM);
		waitpid(sv->pid, NULL, 0);
	}
	free(sv);
}

/* It is started, and again if it died. */
static void server_keep(struct sim_server *sv)
{
	int status;

	if (sv->pid > 0 && waitpid(sv->pid, &status, WNOHANG) == sv->pid) {
		log_warn("qkd-sim at %s ended (status %#x)", sv->address,
			 status);
		sv->pid = -1;
	}
	if (sv->pid <= 0)
		server_spawn(sv);
}

/* ---- plugging in ---- */

static void sim_later(struct sim_inst *in)
{
	struct timeval tv = {
		.tv_sec = in->again / 1000,
		.tv_usec = in->again % 1000 * 1000,
	};

	event_add(in->timer, &tv);
	in->again *= 2;
	if (in->again > AGAIN_MAX)
		in->again = AGAIN_MAX;
}

static void sim_drop(struct sim_inst *in)
{
	if (in->ev)
		event_free(in->ev);
	in->ev = NULL;
	if (in->fd >= 0)
		close(in->fd);
	in->fd = -1;
	raw_stream_free(in->stream);
	in->stream = NULL;
	in->state = SIM_IDLE;
}

static void sim_fault(struct sim_inst *in, const char *why, bool tell)
{
	sim_drop(in);
	log_line(LOG_LEVEL_DEBUG, in->link, "fibre: %s", why);
	if (tell && !in->complained) {
		in->complained = true;
		in->host->trouble(in->ctx, why);
	}
	sim_later(in);
}

static void stream_ended(void *arg, const char *why)
{
	struct sim_inst *in = arg;

	/* the other end was unplugged: both begin anew */
	in->again = AGAIN_MIN;
	sim_fault(in, why, false);
}

static void plugged_in(struct sim_inst *in)
{
	int fd = in->fd;

	event_free(in->ev);
	in->ev = NULL;
	in->fd = -1;
	in->state = SIM_STREAM;
	in->again = AGAIN_MIN;
	in->complained = false;
	in->stream = raw_stream_new(in->base, fd, in->host, in->ctx,
				    stream_ended, in);
	if (!in->stream) {
		sim_fault(in, "out of memory", true);
		return;
	}
	raw_stream_pause(in->stream, in->paused);
	in->host->up(in->ctx);
}

/* Byte by byte: what follows the line is the stream's. */
static void greeted(struct sim_inst *in)
{
	ssize_t n;
	char ch;

	for (;;) {
		n = read(in->fd, &ch, 1);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0 || in->answer_len + 1 == sizeof(in->answer)) {
			sim_fault(in, "the simulator hung up", true);
			return;
		}
		if (ch == '\n')
			break;
		in->answer[in->answer_len++] = ch;
	}
	in->answer[in->answer_len] = '\0';
	if (!strcmp(in->answer, HELLO_OK))
		plugged_in(in);
	else if (!strncmp(in->answer, HELLO_ERROR, strlen(HELLO_ERROR)))
		sim_fault(in, in->answer + strlen(HELLO_ERROR), true);
	else
		sim_fault(in, "who answers is not qkd-sim", true);
}

static void sim_ready(evutil_socket_t fd, short what, void *arg)
{
	struct sim_inst *in = arg;
	size_t len = strlen(in->hello);
	socklen_t err_len = sizeof(int);
	int err = 0;

	if (in->state == SIM_GREETING) {
		greeted(in);
		return;
	}
	getsockopt(in->fd, SOL_SOCKET, SO_ERROR, &err, &err_len);
	if (err || send(in->fd, in->hello, len, MSG_NOSIGNAL) !=
		   (ssize_t)len) {
		/* the process may just not be there yet */
		sim_fault(in, "no simulator answers", in->again == AGAIN_MAX);
		return;
	}
	in->state = SIM_GREETING;
	in->answer_len = 0;
	event_free(in->ev);
	in->ev = event_new(in->base, in->fd, EV_READ | EV_PERSIST, sim_ready,
			   in);
	if (in->ev)
		event_add(in->ev, NULL);
}

static void sim_dial(evutil_socket_t unused, short what, void *arg)
{
	struct timeval patience = { .tv_sec = 5 };
	struct sim_inst *in = arg;
	int family = in->addr.ss_family;

	if (in->server)
		server_keep(in->server);
	in->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (in->fd < 0) {
		sim_fault(in, strerror(errno), true);
		return;
	}
	if (family != AF_UNIX)
		bypass_ipsec(in->fd, family);
	if (connect(in->fd, (struct sockaddr *)&in->addr, in->addr_len) &&
	    errno != EINPROGRESS) {
		sim_fault(in, "no simulator answers", in->again == AGAIN_MAX);
		return;
	}
	in->state = SIM_CONNECTING;
	in->ev = event_new(in->base, in->fd, EV_WRITE, sim_ready, in);
	if (!in->ev) {
		sim_fault(in, "out of memory", true);
		return;
	}
	/* a timeout shows as a socket that is not connected */
	event_add(in->ev, &patience);
}

/* ---- configuration ---- */

static int set_unix(struct sim_inst *in, const char *path, char *err,
		    size_t room)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&in->addr;
	size_t len = strlen(path);

	if (!len || len >= sizeof(un->sun_path)) {
		snprintf(err, room, "fibre=unix:%s: not a path", path);
		return -EINVAL;
	}
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, len);
	in->addr_len = offsetof(struct sockaddr_un, sun_path) + len + 1;
	if (path[0] == '@') {
		un->sun_path[0] = '\0';
		in->addr_len--;
	}
	return 0;
}

static void address_text(const struct sockaddr_storage *a, char *buf,
			 size_t room)
{
	const struct sockaddr_in6 *a6 = (const void *)a;
	const struct sockaddr_in *a4 = (const void *)a;
	char host[INET6_ADDRSTRLEN];

	if (a->ss_family == AF_INET6)
		snprintf(buf, room, "tcp:[%s]:%u",
			 inet_ntop(AF_INET6, &a6->sin6_addr, host,
				   sizeof(host)), ntohs(a6->sin6_port));
	else
		snprintf(buf, room, "tcp:%s:%u",
			 inet_ntop(AF_INET, &a4->sin_addr, host, sizeof(host)),
			 ntohs(a4->sin_port));
}

/* Where the fibre is, and whether it is ours to hold. */
static int set_fibre(struct sim_inst *in, const struct driver_conf *conf,
		     char *err, size_t room)
{
	const char *fibre = words_get(conf->words, "fibre");
	bool alice = conf->role == QKD_ROLE_ALICE, hold = alice;
	char text[128];
	int ret;

	if (fibre && !strncmp(fibre, "unix:", 5))
		return set_unix(in, fibre + 5, err, room);
	in->addr = alice ? conf->local : conf->peer;
	((struct sockaddr_in *)&in->addr)->sin_port = htons(FIBRE_PORT);
	if (fibre && !strncmp(fibre, "tcp:", 4)) {
		hold = false;
		fibre += 4;
	}
	if (fibre) {
		ret = words_addr(fibre, &in->addr, err, room);
		if (ret)
			return ret;
	}
	if (!in->addr.ss_family) {
		snprintf(err, room, "the link has no address for the fibre: give it one, or fibre=ADDR");
		return -EINVAL;
	}
	in->addr_len = in->addr.ss_family == AF_INET6 ?
		       sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	if (hold) {
		address_text(&in->addr, text, sizeof(text));
		in->server = server_get(text);
		if (!in->server)
			return -ENOMEM;
	}
	return 0;
}

/* The name under which both ends plug in */
static void fibre_name(const struct driver_conf *conf, char *name, size_t room)
{
	const char *word = words_get(conf->words, "fibre_name");
	const char *a = conf->local_node, *b = conf->peer_node;

	if (word)
		snprintf(name, room, "%s", word);
	else if (strcmp(a, b) < 0)
		snprintf(name, room, "%.31s-%.31s", a, b);
	else
		snprintf(name, room, "%.31s-%.31s", b, a);
}

static int set_hello(struct sim_inst *in, const struct driver_conf *conf,
		     char *err, size_t room)
{
	char text[SIM_TEXT_SIZE] = "", name[HELLO_FIBRE_MAX + 1];
	char why[SIM_ERROR_SIZE];
	struct sim_config check;
	const struct sim_word *w;
	const char *value;
	unsigned int i;
	size_t len = 0;
	int n;

	for (i = 0; (w = sim_word(i)); i++) {
		value = words_get(conf->words, w->name);
		if (!value)
			continue;
		n = snprintf(text + len, sizeof(text) - len, "%s%s=%s",
			     len ? " " : "", w->name, value);
		len += n;
		if (len >= sizeof(text)) {
			snprintf(err, room, "the configuration is too long");
			return -EINVAL;
		}
	}
	sim_config_init(&check);
	if (sim_config_parse(&check, text, why)) {
		snprintf(err, room, "%s", why);
		return -EINVAL;
	}
	if (check.seeded) {
		snprintf(err, room, "seed= makes key that anyone can make");
		return -EINVAL;
	}
	fibre_name(conf, name, sizeof(name));
	snprintf(in->hello, sizeof(in->hello), HELLO_MAGIC " %s %s %s\n",
		 conf->role == QKD_ROLE_ALICE ? "alice" : "bob", name, text);
	return 0;
}

static void sim_close(void *arg)
{
	struct sim_inst *in = arg;

	sim_drop(in);
	server_put(in->server);
	if (in->timer)
		event_free(in->timer);
	free(in);
}

static int sim_open(void **inst, const struct driver_conf *conf,
		    const struct driver_host *host, void *ctx, char *err,
		    size_t room)
{
	struct sim_inst *in = calloc(1, sizeof(*in));
	int ret = -ENOMEM;

	snprintf(err, room, "out of memory");
	if (!in)
		return ret;
	in->fd = -1;
	in->host = host;
	in->ctx = ctx;
	in->base = conf->base;
	in->again = AGAIN_MIN;
	snprintf(in->link, sizeof(in->link), "%s", conf->link);
	in->timer = evtimer_new(conf->base, sim_dial, in);
	if (!in->timer)
		goto err;
	ret = -EINVAL;
	if (conf->role != QKD_ROLE_ALICE && conf->role != QKD_ROLE_BOB) {
		snprintf(err, room, "the sim driver needs role alice or bob");
		goto err;
	}
	ret = set_fibre(in, conf, err, room);
	if (!ret)
		ret = set_hello(in, conf, err, room);
	if (ret)
		goto err;
	event_active(in->timer, EV_TIMEOUT, 0);
	*inst = in;
	return 0;
err:
	sim_close(in);
	return ret;
}

static void sim_pause(void *arg, bool paused)
{
	struct sim_inst *in = arg;

	in->paused = paused;
	if (in->stream)
		raw_stream_pause(in->stream, paused);
}

const struct qkd_driver driver_sim = {
	.name = "sim",
	.depth = DRIVER_RAW,
	.open = sim_open,
	.close = sim_close,
	.pause = sim_pause,
};
