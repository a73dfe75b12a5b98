// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An end's side of plugging into a fibre: says who it is in one line, and
 * hears in one line whether that will do. The stream that follows is read
 * with tools/raw.
 */
#include "tools/sim/sim_priv.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/sim/hello.h"

static int check_fibre(const char *fibre, char *err)
{
	const char *p;

	for (p = fibre; *p; p++)
		if (!isgraph((unsigned char)*p))
			break;
	if (*p || p == fibre || p - fibre > HELLO_FIBRE_MAX)
		return sim_error(err, -EINVAL,
				 "\"%s\" is no name for a fibre: 1 to %d characters, no blank",
				 fibre, HELLO_FIBRE_MAX);
	return 0;
}

static void set_timeout(int fd, int seconds)
{
	struct timeval t = { .tv_sec = seconds };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

/* Byte by byte, since what follows the line is not ours to take */
static int read_line(int fd, char *line, size_t size)
{
	size_t n = 0;
	ssize_t got;

	while (n + 1 < size) {
		got = read(fd, line + n, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (!got)
			return -ECONNRESET;
		if (line[n] == '\n') {
			line[n] = '\0';
			return 0;
		}
		n++;
	}
	return -EMSGSIZE;
}

static int greet(int fd, const char *fibre, bool alice, const char *config,
		 char *err)
{
	char line[HELLO_SIZE], *p;
	int n, ret;

	n = snprintf(line, sizeof(line), HELLO_MAGIC " %s %s %s\n",
		     alice ? "alice" : "bob", fibre, config);
	if (n < 0 || (size_t)n >= sizeof(line))
		return sim_error(err, -EMSGSIZE,
				 "the configuration is too long");
	/* one line, whatever blanks the words were separated by */
	for (p = line; p < line + n - 1; p++)
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	if (send(fd, line, n, MSG_NOSIGNAL) != n)
		return sim_error(err, -errno, "the simulator hung up");
	ret = read_line(fd, line, sizeof(line));
	if (ret)
		return sim_error(err, ret, "no answer of the simulator: %s",
				 strerror(-ret));
	if (!strcmp(line, HELLO_OK))
		return 0;
	if (!strncmp(line, HELLO_ERROR, strlen(HELLO_ERROR)))
		return sim_error(err, -EINVAL, "%s",
				 line + strlen(HELLO_ERROR));
	return sim_error(err, -EPROTO, "who answers is not qkd-sim");
}

int sim_connect(const char *address, const char *fibre, bool alice,
		const char *config, char *err)
{
	int fd, ret;

	ret = check_fibre(fibre, err);
	if (ret)
		return ret;
	fd = sim_dial(address, err);
	if (fd < 0)
		return fd;
	set_timeout(fd, HELLO_TIMEOUT_S);
	ret = greet(fd, fibre, alice, config, err);
	if (ret) {
		close(fd);
		return ret;
	}
	set_timeout(fd, 0);
	return fd;
}
