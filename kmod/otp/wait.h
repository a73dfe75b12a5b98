/* SPDX-License-Identifier: GPL-2.0 */
/* Transmit queues that wait for key: see wait.c. */
#ifndef _OTP_WAIT_H
#define _OTP_WAIT_H

#include <linux/netdevice.h>

/**
 * struct otp_wait - a device's queues that wait
 * @dev: the device
 * @starved: a queue is stopped for want of key
 */
struct otp_wait {
	struct net_device *dev;
	bool starved;
};

int otp_wait_for(struct otp_wait *w, struct netdev_queue *txq,
		 int (*again)(void *arg), void *arg);
void otp_wake(struct otp_wait *w);

#endif /* _OTP_WAIT_H */
