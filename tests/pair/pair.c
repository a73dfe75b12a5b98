// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A pair of links to test with: made, fed, confirmed, and the device's calls
 * as they are, without the library's kindness. Claims are the tests' own.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "pair.h"

#define SKIP	4	/* kselftest's */

void pair_die(const char *what, int err)
{
	printf("# %s: %s (%s)\n", what, strerror(abs(err)), qkd_error());
	fflush(stdout);
	_exit(1);
}

static void skip(const char *why)
{
	printf("TAP version 13\n1..0 # SKIP %s\n", why);
	exit(SKIP);
}

bool pair_module(const char *name)
{
	char cmd[600], loaded[64];
	const char *dir = getenv("O");
	struct utsname u;

	snprintf(loaded, sizeof(loaded), "/sys/module/%s", name);
	if (!access(loaded, F_OK))
		return true;
	uname(&u);
	snprintf(cmd, sizeof(cmd),
		 "ko=%s/kmod-%s/%s.ko; "
		 "for m in $(modinfo -F depends $ko | tr , ' '); do "
		 "modprobe -q $m; done; insmod $ko || modprobe -q %s",
		 dir ? dir : "build", u.release, name, name);
	return !system(cmd);
}

void pair_need(void)
{
	if (geteuid())
		skip("needs root");
	if (!pair_module("qkd"))
		skip("needs the module qkd: make modules");
}

void pair_namespace(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET))
		pair_die("unshare", errno);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr))
		pair_die("lo up", errno);
	close(fd);
}

int pair_open(const struct pair_end *e, int flags)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/qkd%u", e->index);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void make_end(struct pair *p, struct pair_end *e, const char *name,
		     const char *node, const char *peer, uint32_t pool,
		     uint16_t port)
{
	struct qkd_link_conf conf = QKD_LINK_CONF_INIT;
	int err;

	conf.local_node = node;
	conf.peer_node = peer;
	conf.local4.s_addr = htonl(INADDR_LOOPBACK);
	conf.peer4 = conf.local4;
	conf.admin_state = QKD_ADMIN_STATE_UP;
	conf.pool_size = pool;
	conf.peer_port = port;
	conf.set = QKD_BIT(QKD_A_LINK_LOCAL4) | QKD_BIT(QKD_A_LINK_PEER4) |
		   QKD_BIT(QKD_A_LINK_ADMIN_STATE);
	if (pool)
		conf.set |= QKD_BIT(QKD_A_LINK_POOL_SIZE);
	if (port)
		conf.set |= QKD_BIT(QKD_A_LINK_PEER_PORT);
	e->name = name;
	err = qkd_link_add(p->nl, name, &conf, &e->index);
	if (err)
		pair_die("link-new", err);
	e->fd = pair_open(e, O_RDWR | O_NONBLOCK);
	if (e->fd < 0)
		pair_die("open /dev/qkdN", e->fd);
}

void pair_make_here(struct pair *p, uint32_t pool, uint16_t port)
{
	int err;

	memset(p, 0, sizeof(*p));
	err = qkd_nl_open(&p->nl, NULL);
	if (err)
		pair_die("netlink", err);
	make_end(p, &p->a, "a", "alice", "bob", pool, port);
	make_end(p, &p->b, "b", "bob", "alice", pool, port);
	p->tx = malloc(PAIR_BYTES);
	p->rx = malloc(PAIR_BYTES);
	if (!p->tx || !p->rx)
		pair_die("malloc", ENOMEM);
}

void pair_make(struct pair *p, uint32_t pool)
{
	pair_namespace();
	pair_make_here(p, pool, 0);
}

void pair_free(struct pair *p)
{
	close(p->a.fd);
	close(p->b.fd);
	qkd_link_del(p->nl, "a", QKD_NO_INDEX);
	qkd_link_del(p->nl, "b", QKD_NO_INDEX);
	qkd_nl_close(p->nl);
	free(p->tx);
	free(p->rx);
}

int pair_ioctl(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

void pair_random(void *buf, size_t len)
{
	size_t n;

	for (n = 0; n < len; n += 256)
		if (getrandom((uint8_t *)buf + n,
			      len - n < 256 ? len - n : 256, 0) < 0)
			pair_die("getrandom", errno);
}

void pair_start(struct pair *p)
{
	struct qkd_start start;
	int err;

	pair_random(p->generation, sizeof(p->generation));
	memcpy(start.generation, p->generation, sizeof(start.generation));
	err = pair_ioctl(p->a.fd, QKD_IOC_START, &start);
	if (!err)
		err = pair_ioctl(p->b.fd, QKD_IOC_START, &start);
	if (err)
		pair_die("start", err);
	p->offset = 0;
	p->seq = 0;
}

int pair_record(int fd, const struct qkd_feed *rec, const void *block,
		size_t len)
{
	struct iovec v[2] = {
		{ .iov_base = (void *)rec, .iov_len = sizeof(*rec) },
		{ .iov_base = (void *)block, .iov_len = len },
	};
	ssize_t n = writev(fd, v, 2);

	if (n < 0)
		return -errno;
	return n == (ssize_t)(sizeof(*rec) + len) ? 0 : -EIO;
}

void pair_feed(struct pair *p, uint32_t half)
{
	struct qkd_feed rec = {
		.seq = p->seq++,
		.offset = p->offset,
		.len = 2 * half,
	};
	uint8_t *block = malloc(2 * half);
	int err;

	if (!block)
		pair_die("malloc", ENOMEM);
	pair_random(block, 2 * half);
	memcpy(rec.generation, p->generation, sizeof(rec.generation));
	if (p->offset + half <= PAIR_BYTES) {
		memcpy(p->tx + p->offset, block, half);
		memcpy(p->rx + p->offset, block + half, half);
	}
	err = pair_record(p->a.fd, &rec, block, 2 * half);
	if (!err)
		err = pair_record(p->b.fd, &rec, block, 2 * half);
	if (err)
		pair_die("feed", err);
	p->offset += half;
	free(block);
}

void pair_state(const struct pair_end *e, struct qkd_state *st)
{
	int err = pair_ioctl(e->fd, QKD_IOC_STATE, st);

	if (err)
		pair_die("state", err);
}

static void confirm_end(const struct pair *p, const struct pair_end *e,
			const struct pair_end *peer, uint64_t offset)
{
	struct qkd_confirm c = { .offset = offset, .len = p->offset - offset };
	struct qkd_state st;
	int err;

	pair_state(peer, &st);
	c.peer_reserved = st.tx.tail;
	memcpy(c.generation, p->generation, sizeof(c.generation));
	err = pair_ioctl(e->fd, QKD_IOC_CONFIRM, &c);
	if (err)
		pair_die("confirm", err);
}

void pair_confirm(struct pair *p, uint64_t offset)
{
	confirm_end(p, &p->a, &p->b, offset);
	confirm_end(p, &p->b, &p->a, offset);
}

void pair_fill(struct pair *p, uint32_t half)
{
	pair_start(p);
	pair_feed(p, half);
	pair_confirm(p, 0);
}

static int get(int fd, void *buf, uint32_t len, uint32_t flags,
	       struct qkd_key_id *id)
{
	struct qkd_get g = {
		.buf = (uintptr_t)buf,
		.len = len,
		.flags = flags,
	};
	int err = pair_ioctl(fd, QKD_IOC_GET, &g);

	if (!err && id)
		*id = g.id;
	return err;
}

int pair_get(int fd, void *buf, uint32_t len, struct qkd_key_id *id)
{
	return get(fd, buf, len, 0, id);
}

int pair_get_now(int fd, void *buf, uint32_t len, struct qkd_key_id *id)
{
	return get(fd, buf, len, QKD_GET_NONBLOCK, id);
}

int pair_take(int fd, const struct qkd_key_id *id, void *buf, uint32_t room)
{
	struct qkd_take t = {
		.id = *id,
		.buf = (uintptr_t)buf,
		.len = room,
	};
	int err = pair_ioctl(fd, QKD_IOC_TAKE, &t);

	return err ? err : (int)t.len;
}

int pair_stream(int fd, const char *name)
{
	struct qkd_stream s = { 0 };

	strncpy(s.name, name, sizeof(s.name) - 1);
	return pair_ioctl(fd, QKD_IOC_STREAM, &s);
}
