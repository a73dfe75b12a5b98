// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Presence by datagrams: each end has an abstract socket named after link,
 * stream and end, and tells its session at each look. Both are bound once each
 * has heard the other's; the bytes follow from both sessions, so those of a
 * stream that was joined anew are others.
 *
 *	QKD_STANDIN_STREAM	bytes each stream has in all; default: no end
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "standin_stream.h"

#define LOOK_NS		5000000	/* a thread of each stream looks so often */

/* What an end tells: its session, and the other's that it heard of */
struct hello {
	uint64_t mine;
	uint64_t yours;
};

struct standin_stream {
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;	/* protects the rest */
	bool stop;
	int tell[2];	/* to be polled; what says that there is something */
	int sock;
	struct sockaddr_un other;
	socklen_t other_len;
	struct hello hello;
	bool lower;
	bool bound;
	bool ended;
	uint64_t pos;
	uint8_t key[32];
};

static socklen_t name_socket(struct sockaddr_un *a, const char *link,
			     const char *name, bool lower)
{
	const char *seed = getenv("QKD_STANDIN_SEED");
	int n;

	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	n = snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1,
		     "qkd-standin/%s/%s/%s/%d", seed ? seed : "", link, name,
		     lower);
	return offsetof(struct sockaddr_un, sun_path) + 1 + n;
}

static void meet(struct standin_stream *st);

static uint64_t limit(void)
{
	const char *s = getenv("QKD_STANDIN_STREAM");

	return s ? strtoull(s, NULL, 10) : UINT64_MAX;
}

/* As the kernels do: also while nobody reads. */
static void *look(void *arg)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	struct standin_stream *st = arg;
	bool stop;

	do {
		pthread_mutex_lock(&st->lock);
		meet(st);
		if (st->ended)
			shutdown(st->tell[1], SHUT_WR);
		else if (st->bound && st->pos < limit())
			(void)!write(st->tell[1], "", 1);
		stop = st->stop;
		pthread_mutex_unlock(&st->lock);
		nanosleep(&pause, NULL);
	} while (!stop);
	return NULL;
}

int standin_stream_new(struct standin_stream **out, const char *link,
		       const char *name, bool lower)
{
	struct standin_stream *st = calloc(1, sizeof(*st));
	struct sockaddr_un me;
	socklen_t len = name_socket(&me, link, name, lower);
	int err;

	pthread_mutex_init(&st->lock, NULL);
	st->lower = lower;
	st->other_len = name_socket(&st->other, link, name, !lower);
	st->sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			  0);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       st->tell) ||
	    getrandom(&st->hello.mine, sizeof(st->hello.mine), 0) !=
	    sizeof(st->hello.mine) ||
	    bind(st->sock, (void *)&me, len)) {
		err = errno == EADDRINUSE ? -EBUSY : -errno;
		standin_stream_free(st);
		return err;
	}
	st->started = !pthread_create(&st->thread, NULL, look, st);
	*out = st;
	return 0;
}

void standin_stream_free(struct standin_stream *st)
{
	if (!st)
		return;
	pthread_mutex_lock(&st->lock);
	st->stop = true;
	pthread_mutex_unlock(&st->lock);
	if (st->started)
		pthread_join(st->thread, NULL);
	close(st->sock);
	close(st->tell[0]);
	close(st->tell[1]);
	free(st);
}

static void bind_to(struct standin_stream *st)
{
	uint64_t both[2] = { st->lower ? st->hello.mine : st->hello.yours,
			     st->lower ? st->hello.yours : st->hello.mine };

	st->bound = true;
	EVP_Digest(both, sizeof(both), st->key, NULL, EVP_sha256(), NULL);
}

static void meet(struct standin_stream *st)
{
	struct hello h;

	while (recv(st->sock, &h, sizeof(h), 0) == sizeof(h)) {
		if (st->bound && h.mine != st->hello.yours)
			st->ended = true;
		if (st->bound)
			continue;
		st->hello.yours = h.mine;
		if (h.yours == st->hello.mine)
			bind_to(st);
	}
	if (sendto(st->sock, &st->hello, sizeof(st->hello), 0,
		   (void *)&st->other, st->other_len) < 0 &&
	    errno == ECONNREFUSED && st->bound)
		st->ended = true;
}

ssize_t standin_stream_read(struct standin_stream *st, void *buf, size_t len)
{
	uint8_t iv[16] = { 0 }, skip[16] = { 0 };
	EVP_CIPHER_CTX *ctx;
	bool ended, bound;
	char heard[256];
	int n;

	while (read(st->tell[0], heard, sizeof(heard)) > 0)
		;
	pthread_mutex_lock(&st->lock);
	ended = st->ended;
	bound = st->bound;
	pthread_mutex_unlock(&st->lock);
	if (ended)
		return 0;
	if (!bound || st->pos >= limit())
		return -EAGAIN;
	for (int i = 0; i < 8; i++)
		iv[15 - i] = st->pos / 16 >> (8 * i);
	ctx = EVP_CIPHER_CTX_new();
	EVP_EncryptInit_ex(ctx, EVP_aes_128_ctr(), NULL, st->key, iv);
	EVP_EncryptUpdate(ctx, skip, &n, skip, st->pos % 16);
	memset(buf, 0, len);
	EVP_EncryptUpdate(ctx, buf, &n, buf, len);
	EVP_CIPHER_CTX_free(ctx);
	pthread_mutex_lock(&st->lock);
	st->pos += len;
	pthread_mutex_unlock(&st->lock);
	return len;
}

int standin_stream_fd(const struct standin_stream *st)
{
	return st->tell[0];
}
