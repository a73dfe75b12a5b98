/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What wait.c needs of linux/netdevice.h. The functions are the test's, and
 * step() is before each access to what others see: there they may come between.
 */
#ifndef _KSHIM_LINUX_NETDEVICE_H
#define _KSHIM_LINUX_NETDEVICE_H

#include <stdbool.h>

struct net_device;
struct netdev_queue;

void netif_tx_stop_queue(struct netdev_queue *txq);
void netif_tx_start_queue(struct netdev_queue *txq);
void netif_tx_wake_all_queues(struct net_device *dev);
bool netif_running(const struct net_device *dev);

void step(void);

#define READ_ONCE(x)	(step(), __atomic_load_n(&(x), __ATOMIC_RELAXED))
#define WRITE_ONCE(x, v) \
	(step(), __atomic_store_n(&(x), (v), __ATOMIC_RELAXED))
/* steps are taken one after the other: nothing is to be ordered */
#define smp_mb()		((void)0)
/* the same */
#define smp_mb__after_atomic()	((void)0)

#endif /* _KSHIM_LINUX_NETDEVICE_H */
