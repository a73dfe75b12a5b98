// SPDX-License-Identifier: GPL-2.0
/*
 * Transmit queues that wait for key, and their waking. A queue that was refused
 * stops and looks once more, so that nothing which comes between is missed:
 *
 *	queue:  refused, stop, starved = true,  look again
 *	waker:  bring it,      starved?  starved = false, wake all
 *
 * Either the waker sees the flag, and then the queue is stopped already, or the
 * queue sees what it brought.
 */

#include <linux/errno.h>
#include "wait.h"

/**
 * otp_wait_for - stop a queue that was refused, unless it is not any more
 * @w: the device's
 * @txq: the queue, its lock held
 * @again: asks again; -EBUSY: refused, and what is missing calls otp_wake()
 *	when it comes
 * @arg: its
 *
 * Context: BH disabled. Return: as @again; the queue is stopped after -EBUSY
 * alone.
 */
int otp_wait_for(struct otp_wait *w, struct netdev_queue *txq,
		 int (*again)(void *arg), void *arg)
{
	int err;

	netif_tx_stop_queue(txq);
	/* whoever sees the flag finds the queue stopped */
	smp_mb__after_atomic();
	WRITE_ONCE(w->starved, true);
	/* pairs with otp_wake(): it sees the flag, or we what it tells of */
	smp_mb();
	err = again(arg);
	if (err != -EBUSY)
		netif_tx_start_queue(txq);
	return err;
}

/**
 * otp_wake - what was missing may be there: let the queues try
 * @w: the device's
 *
 * Context: any.
 */
void otp_wake(struct otp_wait *w)
{
	/* pairs with otp_wait_for() */
	smp_mb();
	if (!READ_ONCE(w->starved))
		return;
	WRITE_ONCE(w->starved, false);
	/* netdev_tx: the flag is set again by who is refused again */
	if (netif_running(w->dev))
		netif_tx_wake_all_queues(w->dev);
}
