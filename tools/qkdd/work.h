/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads for the numbers, so that the event loop never computes for long.
 *
 * A piece of work runs on some thread and is then handed back to the loop.
 * Pieces run in any order and must not share what they write; who needs order
 * submits the next piece when the last one is done.
 */
#ifndef _QKDD_WORK_H
#define _QKDD_WORK_H

struct event_base;
struct workers;

/**
 * struct work - one piece of work, embedded in its owner's structure
 * @run: on a worker's thread; touches only what is given to the work
 * @done: on the loop's thread, afterwards, always: who loses interest
 *	meanwhile marks so in the structure and frees it here
 * @next: the queue's
 */
struct work {
	void (*run)(struct work *work);
	void (*done)(struct work *work);
	struct work *next;
};

/* NULL with errno. @threads at least 1. */
struct workers *workers_new(struct event_base *base, unsigned int threads);
/* Runs what was submitted to its end, and calls done for all of it. */
void workers_free(struct workers *ws);

/* From the loop's thread. */
void workers_submit(struct workers *ws, struct work *work);

#endif /* _QKDD_WORK_H */
