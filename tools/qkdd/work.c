// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A queue of work, threads that take from it, and a queue back to the loop.
 *
 *   submit --> todo --(a thread: run)--> finished --(eventfd, loop)--> done
 */
#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "work.h"

struct work_queue {
	struct work *first;
	struct work **last;
};

struct workers {
	pthread_mutex_t lock;	/* protects todo, finished, stop */
	pthread_cond_t wake;
	struct work_queue todo;
	struct work_queue finished;
	bool stop;
	int fd;
	struct event *ev;
	unsigned int count;
	pthread_t thread[];
};

static void queue_init(struct work_queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

static void queue_add(struct work_queue *q, struct work *work)
{
	work->next = NULL;
	*q->last = work;
	q->last = &work->next;
}

static struct work *queue_take(struct work_queue *q)
{
	struct work *work = q->first;

	if (work) {
		q->first = work->next;
		if (!q->first)
			q->last = &q->first;
	}
	return work;
}

static void *worker(void *arg)
{
	struct workers *ws = arg;
	uint64_t one = 1;
	struct work *work;
	ssize_t done;

	pthread_mutex_lock(&ws->lock);
	for (;;) {
		work = queue_take(&ws->todo);
		if (!work) {
			if (ws->stop)
				break;
			pthread_cond_wait(&ws->wake, &ws->lock);
			continue;
		}
		pthread_mutex_unlock(&ws->lock);
		work->run(work);
		pthread_mutex_lock(&ws->lock);
		queue_add(&ws->finished, work);
		/* if it is full, the loop is woken already */
		done = write(ws->fd, &one, sizeof(one));
		(void)done;
	}
	pthread_mutex_unlock(&ws->lock);
	return NULL;
}

static void finish(evutil_socket_t fd, short what, void *arg)
{
	struct workers *ws = arg;
	struct work_queue q;
	struct work *work;
	uint64_t n;

	if (read(ws->fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return;
	pthread_mutex_lock(&ws->lock);
	q = ws->finished;
	if (!q.first)
		q.last = &q.first;
	queue_init(&ws->finished);
	pthread_mutex_unlock(&ws->lock);
	while ((work = queue_take(&q)))
		work->done(work);
}

#define KEPT_PIECE	(32 << 20)	/* bytes, the most that glibc allows */
#define KEPT_MOST	(128 << 20)

/*
 * Strings of megabytes come and go with each block and message. Given back to
 * the kernel each time, a tenth of the daemon's time went to its clean pages.
 */
static void keep_memory(void)
{
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, KEPT_PIECE);
	mallopt(M_TRIM_THRESHOLD, KEPT_MOST);
#endif
}

struct workers *workers_new(struct event_base *base, unsigned int threads)
{
	struct workers *ws;
	sigset_t all, old;

	keep_memory();
	ws = calloc(1, sizeof(*ws) + threads * sizeof(ws->thread[0]));
	if (!ws)
		return NULL;
	pthread_mutex_init(&ws->lock, NULL);
	pthread_cond_init(&ws->wake, NULL);
	queue_init(&ws->todo);
	queue_init(&ws->finished);
	ws->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ws->fd < 0)
		goto err_free;
	ws->ev = event_new(base, ws->fd, EV_READ | EV_PERSIST, finish, ws);
	if (!ws->ev || event_add(ws->ev, NULL))
		goto err_fd;

	/* signals are the loop's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (; ws->count < threads; ws->count++)
		if (pthread_create(&ws->thread[ws->count], NULL, worker, ws))
			break;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!ws->count)
		goto err_ev;
	return ws;

err_ev:
	event_free(ws->ev);
err_fd:
	close(ws->fd);
err_free:
	free(ws);
	return NULL;
}

void workers_free(struct workers *ws)
{
	unsigned int i;

	if (!ws)
		return;
	pthread_mutex_lock(&ws->lock);
	ws->stop = true;
	pthread_cond_broadcast(&ws->wake);
	pthread_mutex_unlock(&ws->lock);
	for (i = 0; i < ws->count; i++)
		pthread_join(ws->thread[i], NULL);
	finish(ws->fd, EV_READ, ws);
	if (ws->ev)
		event_free(ws->ev);
	close(ws->fd);
	pthread_cond_destroy(&ws->wake);
	pthread_mutex_destroy(&ws->lock);
	free(ws);
}

void workers_submit(struct workers *ws, struct work *work)
{
	pthread_mutex_lock(&ws->lock);
	queue_add(&ws->todo, work);
	pthread_cond_signal(&ws->wake);
	pthread_mutex_unlock(&ws->lock);
}
