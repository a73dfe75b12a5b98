// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Delays bytes. Each direction has a thread that reads and notes when, and one
 * that writes what is old enough; the queue between them is without bound, as
 * a long fibre is at the rates of a test.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/qkdd_delay.h"

#define CHUNK	(256 << 10)

struct chunk {
	TAILQ_ENTRY(chunk) entry;
	double due;
	size_t len;		/* 0: the end */
	uint8_t data[];
};

TAILQ_HEAD(chunk_list, chunk);

struct way {
	int from;
	int to;
	double seconds;
	pthread_t reader;
	pthread_t writer;
	pthread_mutex_t lock;	/* protects chunks */
	pthread_cond_t more;
	struct chunk_list chunks;
};

struct delay {
	int fd;
	uint16_t target;
	double seconds;
	pthread_t thread;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void *way_read(void *arg)
{
	struct way *w = arg;
	struct chunk *k;
	ssize_t n;

	do {
		k = malloc(sizeof(*k) + CHUNK);
		if (!k)
			abort();
		n = read(w->from, k->data, CHUNK);
		k->len = n > 0 ? n : 0;
		k->due = now() + w->seconds;
		k = realloc(k, sizeof(*k) + k->len);
		pthread_mutex_lock(&w->lock);
		TAILQ_INSERT_TAIL(&w->chunks, k, entry);
		pthread_cond_signal(&w->more);
		pthread_mutex_unlock(&w->lock);
	} while (n > 0);
	return NULL;
}

static bool write_all(int fd, const uint8_t *p, size_t len)
{
	ssize_t n;

	for (; len; p += n, len -= n) {
		n = send(fd, p, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
	}
	return true;
}

static void *way_write(void *arg)
{
	struct way *w = arg;
	struct chunk *k;
	bool end = false;
	double wait;

	while (!end) {
		pthread_mutex_lock(&w->lock);
		while (!(k = TAILQ_FIRST(&w->chunks)))
			pthread_cond_wait(&w->more, &w->lock);
		TAILQ_REMOVE(&w->chunks, k, entry);
		pthread_mutex_unlock(&w->lock);
		wait = k->due - now();
		if (wait > 0)
			usleep(wait * 1e6);
		end = !k->len;
		if (end || !write_all(w->to, k->data, k->len))
			shutdown(w->to, SHUT_WR);
		free(k);
	}
	return NULL;
}

static void way_begin(struct way *w, int from, int to, double seconds)
{
	int one = 1;

	w->from = from;
	w->to = to;
	w->seconds = seconds;
	setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	TAILQ_INIT(&w->chunks);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	if (pthread_create(&w->reader, NULL, way_read, w) ||
	    pthread_create(&w->writer, NULL, way_write, w))
		abort();
}

static void way_end(struct way *w)
{
	pthread_join(w->reader, NULL);
	pthread_join(w->writer, NULL);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->more);
}

static int loopback(uint16_t port, struct sockaddr_in *a)
{
	*a = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void *serve(void *arg)
{
	struct delay *d = arg;
	struct sockaddr_in a;
	struct way way[2];
	int in, out;

	while ((in = accept4(d->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		out = loopback(d->target, &a);
		if (out >= 0 && !connect(out, (struct sockaddr *)&a,
					 sizeof(a))) {
			way_begin(&way[0], in, out, d->seconds);
			way_begin(&way[1], out, in, d->seconds);
			way_end(&way[0]);
			way_end(&way[1]);
		}
		close(in);
		close(out);
	}
	return NULL;
}

struct delay *delay_new(uint16_t target, double seconds)
{
	struct delay *d = calloc(1, sizeof(*d));
	struct sockaddr_in a;

	if (!d)
		return NULL;
	d->target = target;
	d->seconds = seconds;
	d->fd = loopback(0, &a);
	if (d->fd < 0 || bind(d->fd, (struct sockaddr *)&a, sizeof(a)) ||
	    listen(d->fd, 4) || pthread_create(&d->thread, NULL, serve, d)) {
		close(d->fd);
		free(d);
		return NULL;
	}
	return d;
}

uint16_t delay_port(const struct delay *d)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	if (getsockname(d->fd, (struct sockaddr *)&a, &len))
		return 0;
	return ntohs(a.sin_port);
}

void delay_free(struct delay *d)
{
	/* wakes accept() */
	shutdown(d->fd, SHUT_RDWR);
	pthread_join(d->thread, NULL);
	close(d->fd);
	free(d);
}
