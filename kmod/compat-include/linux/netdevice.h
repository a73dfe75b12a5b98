/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Since 6.9 or so the core allocates a device's per-CPU counters, when told of
 * which kind they are; before, the device does, in ndo_init and ndo_uninit.
 */
#ifndef _QKD_COMPAT_LINUX_NETDEVICE_H
#define _QKD_COMPAT_LINUX_NETDEVICE_H

#include_next <linux/netdevice.h>

#ifdef HAVE_PCPU_STAT_TYPE
static inline int qkd_compat_tstats_init(struct net_device *dev)
{
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
	return 0;
}

static inline void qkd_compat_tstats_uninit(struct net_device *dev)
{
}
#else
static inline int qkd_compat_tstats_init(struct net_device *dev)
{
	dev->tstats = netdev_alloc_pcpu_stats(struct pcpu_sw_netstats);
	return dev->tstats ? 0 : -ENOMEM;
}

static inline void qkd_compat_tstats_uninit(struct net_device *dev)
{
	free_percpu(dev->tstats);
	dev->tstats = NULL;
}
#endif

#endif /* _QKD_COMPAT_LINUX_NETDEVICE_H */
